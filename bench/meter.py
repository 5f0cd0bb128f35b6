"""CPU and memory of a process and of everything that it started, read from /proc (Linux)."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Use:
    """CPU seconds so far, and the largest resident memory so far in MB."""

    cpu: float
    megabytes: float


def use_of(pid: int) -> Use:
    """What a process and its descendants used; those that ended count where their parent waited for them."""
    parents = {child: int(fields[1]) for child, fields in _all()}
    family = {pid}
    while more := {child for child, parent in parents.items() if parent in family} - family:
        family |= more
    cpu = sum(_cpu(member) for member in family)
    return Use(cpu, sum(_peak(member) for member in family))


def resident(pid: int) -> float:
    """MB of memory that a process holds now."""
    return _status(pid, "VmRSS:")


def children(pid: int) -> list[int]:
    """The processes that a process started itself."""
    return [child for child, fields in _all() if int(fields[1]) == pid]


def _all() -> Iterator[tuple[int, list[str]]]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and (fields := _stat(int(folder.name))):
            yield int(folder.name), fields


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the name, the state first; empty if the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return []


def _cpu(pid: int) -> float:
    fields = _stat(pid)
    return sum(map(int, fields[11:15])) / TICKS if fields else 0.0


def _peak(pid: int) -> float:
    return _status(pid, "VmHWM:")


def _status(pid: int, field: str) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024

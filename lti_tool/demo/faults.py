"""What may go wrong while one looks: switches on the page that end, freeze or stop the demo's own processes."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass
from threading import RLock

from lti_tool.processes import Child

RUNNING, FROZEN, STOPPED = "running", "frozen", "stopped"


@dataclass(frozen=True)
class Switch:
    """A button: the process it acts on, what it says, and in which states it can be pressed."""

    id: str
    child: str
    words: str
    when: tuple[str, ...]
    then: str


TOOL, EXECUTOR = "tool", "executor"
SWITCHES = (
    Switch("crash", EXECUTOR, "kill it", (RUNNING,), "It is started again and goes on where it was."),
    Switch("freeze", EXECUTOR, "freeze it", (RUNNING,), "Judging stands still, as with a judge that is slow."),
    Switch("thaw", EXECUTOR, "let it go on", (FROZEN,), "Judging goes on."),
    Switch("no-judge", EXECUTOR, "stop it", (RUNNING,), "Nothing is judged; what is sent waits."),
    Switch("judge", EXECUTOR, "start it", (STOPPED,), "Judging begins in some 20 s."),
    Switch("no-tool", TOOL, "stop it", (RUNNING,), "As without network: type on, it is kept in the page."),
    Switch("tool", TOOL, "start it", (STOPPED,), "What was typed meanwhile is saved."),
)


class Faults:
    """The demo's processes, watched and disturbed; one that somebody stopped is not missed."""

    def __init__(self, tool: Child, executor: Child) -> None:
        self._children = {TOOL: tool, EXECUTOR: executor}
        self._states = {TOOL: RUNNING, EXECUTOR: RUNNING}
        self._said = {TOOL: "", EXECUTOR: ""}
        self._lock = RLock()
        self._deeds: dict[str, Callable[[Child], str]] = {
            "crash": _crash,
            "freeze": _freeze,
            "thaw": _thaw,
            "no-judge": _stop,
            "judge": _start,
            "no-tool": _stop,
            "tool": _start,
        }

    def restarted(self) -> list[str]:
        """Names of the processes that had died and were started again just now."""
        with self._lock:
            running = [self._children[name] for name, state in self._states.items() if state == RUNNING]
            return [child.name for child in running if child.check()]

    def press(self, switch_id: str) -> bool:
        """Do what a button says; False where it cannot be pressed now."""
        with self._lock:
            switch = next((one for one in SWITCHES if one.id == switch_id), None)
            if switch is None or self._states[switch.child] not in switch.when:
                return False
            self._states[switch.child] = self._deeds[switch.id](self._children[switch.child])
            self._said[switch.child] = switch.then
            return True

    def shown(self) -> list[tuple[str, str, str, list[Switch]]]:
        """Every process: its name, its state, what the last button meant, and the buttons there are now."""
        with self._lock:
            return [
                (name, state, self._said[name], [one for one in SWITCHES if one.child == name and state in one.when])
                for name, state in self._states.items()
            ]

    def end(self) -> None:
        """Let everything go on, so that it can be stopped in order."""
        self.press("thaw")


def _crash(child: Child) -> str:
    assert child.process is not None
    child.process.kill()
    return RUNNING


def _freeze(child: Child) -> str:
    assert child.process is not None
    child.process.send_signal(signal.SIGSTOP)
    return FROZEN


def _thaw(child: Child) -> str:
    assert child.process is not None
    child.process.send_signal(signal.SIGCONT)
    return RUNNING


def _stop(child: Child) -> str:
    child.stop()
    return STOPPED


def _start(child: Child) -> str:
    child.start()
    return RUNNING

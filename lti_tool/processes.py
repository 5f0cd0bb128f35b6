"""Child processes of one machine: the web process and the executor, started, watched and stopped together."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import requests

STOP_SECONDS = 10
RESTART_PAUSE_SECONDS = 1.0
SHORT_LIFE_SECONDS = 10.0
SHORT_LIVES = 4
OURS = (sys.executable, "-c", "from lti_tool.cli import main; main()")


class ChildFailed(RuntimeError):
    """A process that was needed has ended; the message says which and where its log is."""


@dataclass
class Child:
    """A process of ours, its log, and how to start it again."""

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    restarts: bool = False
    command: Sequence[str] = OURS
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _started: float = field(default=0.0, init=False)
    _short_lives: int = field(default=0, init=False)

    def start(self) -> None:
        """Start the process; what it prints goes to its log."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self._started = time.monotonic()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.command, *self.arguments],
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C reaches the parent alone, which then stops its children in order.
                start_new_session=True,
            )

    def check(self) -> bool:
        """Start again what has died and may be restarted (True).

        Raises ChildFailed for a process that may not die, and for one that dies each time as soon as it starts.
        """
        if self.process is None or self.process.poll() is None:
            return False
        lived = time.monotonic() - self._started
        self._short_lives = self._short_lives + 1 if lived < SHORT_LIFE_SECONDS else 0
        if not self.restarts or self._short_lives >= SHORT_LIVES:
            raise ChildFailed(f"{self.name} ended with code {self.process.returncode}; see {self.log}")
        time.sleep(RESTART_PAUSE_SECONDS)
        self.start()
        return True

    def stop(self) -> None:
        """Ask the process to end, and end it if it does not."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def wait_until_answers(url: str, child: Child, seconds: float = 60) -> None:
    """Return once `url` answers 200. ChildFailed if the process behind it ends or stays silent."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        child.check()
        try:
            if requests.get(url, timeout=2).status_code == 200:
                return
        except requests.RequestException:
            pass
        time.sleep(0.1)
    raise ChildFailed(f"{child.name} did not answer within {seconds:.0f} s; see {child.log}")

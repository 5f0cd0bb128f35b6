"""What may go wrong while one looks: switches on the page that end, slow, freeze or stop the demo's own processes."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event, RLock, Thread

from lti_tool.processes import Child

RUNNING, SLOW, FROZEN, STOPPED = "running", "slow", "frozen", "stopped"
STANDS_SECONDS, GOES_SECONDS = 1.5, 0.1  # in turns, of what is slow


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
    Switch("slow", EXECUTOR, "slow it", (RUNNING,), "Each stage takes many seconds, as with a judge that is slow."),
    Switch("fast", EXECUTOR, "full speed", (SLOW,), "Judging is as fast as ever."),
    Switch("freeze", EXECUTOR, "freeze it", (RUNNING,), "Judging stands still, as with a judge that is down."),
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
        self._fast_again = Event()
        self._deeds: dict[str, Callable[[Child], str]] = {
            "crash": _crash,
            "slow": self._slow,
            "fast": self._fast,
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
            running = [self._children[name] for name, state in self._states.items() if state in (RUNNING, SLOW)]
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
        self.press("fast")

    def _slow(self, child: Child) -> str:
        self._fast_again = Event()
        Thread(target=_go_by_jerks, args=(child, self._fast_again), name="slow", daemon=True).start()
        return SLOW

    def _fast(self, child: Child) -> str:
        self._fast_again.set()
        return _thaw(child)


def _crash(child: Child) -> str:
    _signal(child, signal.SIGKILL)
    return RUNNING


def _freeze(child: Child) -> str:
    _signal(child, signal.SIGSTOP)
    return FROZEN


def _thaw(child: Child) -> str:
    _signal(child, signal.SIGCONT)
    return RUNNING


def _go_by_jerks(child: Child, over: Event) -> None:
    """Let it stand most of the time, as a machine that has too much to do would."""
    while not over.wait(GOES_SECONDS):
        _signal(child, signal.SIGSTOP)
        over.wait(STANDS_SECONDS)
        _signal(child, signal.SIGCONT)


def _signal(child: Child, number: signal.Signals) -> None:
    """Send it to the process; to one that has ended nothing is sent."""
    assert child.process is not None
    child.process.send_signal(number)


def _stop(child: Child) -> str:
    child.stop()
    return STOPPED


def _start(child: Child) -> str:
    child.start()
    return RUNNING

"""The moments at which a process is struck: each is the time just before or after one function of the product.

A window is armed in the process that is to be struck, by wrapping the function where the product looks it up; the
product knows nothing of it. The process writes the window's name into a file and strikes itself with a signal.
"""

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

DIE, STALL = signal.SIGKILL, signal.SIGSTOP


@dataclass(frozen=True)
class Window:
    """Before or after which function; `at` is the call that counts, among those with something in their hands."""

    place: str
    when: Literal["before", "after"]
    at: int = 1


WINDOWS = {
    "after the claim": Window("flows.executor:Executor._claim", "after"),
    "inside the judge call": Window("tests.flows.chaos.child:answer", "before", at=2),
    "after the call, before its record": Window("flows.answers:keep_answers", "before", at=2),
    "after the record, before the receipt": Window("flows.records:_put", "before", at=2),
    "after the record, before the ledger": Window("flows.sheets:keep_ratings", "before", at=2),
    "before the sheet is closed": Window("flows.closing:close_sheets", "before"),
    "after the sheet is closed": Window("flows.closing:close_sheets", "after"),
    "inside the approval transaction": Window("lti_tool.passback:_enqueue", "after"),
    "before the POST": Window("lti_tool.ags:AgsClient.post_score", "before"),
    "after the POST, before the mark": Window("lti_tool.ags:AgsClient.post_score", "after"),
    "during reconcile": Window("lti_tool.ags:AgsClient.results", "before"),
    "between submission and job": Window("lti_tool.jobs:enqueue_judging", "before"),
}


def arm(name: str, hit: Path, strike: signal.Signals) -> None:
    """Have this process strike itself in that window, once."""
    window = WINDOWS[name]
    module, _, path = window.place.partition(":")
    *outer, last = path.split(".")
    holder: Any = import_module(module)
    for part in outer:
        holder = getattr(holder, part)
    setattr(holder, last, _wrapped(getattr(holder, last), window, lambda: _strike(name, hit, strike)))


def _wrapped(function: Callable[..., Any], window: Window, strike: Callable[[], None]) -> Callable[..., Any]:
    calls = 0

    @wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        if window.when == "before":
            calls += 1
            if calls == window.at:
                strike()
            return function(*args, **kwargs)
        result = function(*args, **kwargs)
        calls += result != []
        if calls == window.at:
            calls += 1
            strike()
        return result

    return wrapped


def _strike(name: str, hit: Path, strike: signal.Signals) -> None:
    hit.write_text(name)
    os.kill(os.getpid(), strike)

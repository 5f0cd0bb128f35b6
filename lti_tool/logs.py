"""One way of logging for every process: JSON lines on standard error, without personal data.

Lines of libraries and of threads that die come the same way, without their arguments: an error's own words may quote
what somebody wrote.
"""

import logging
import re
import sys
import threading
import traceback
from types import TracebackType

import structlog

_ROOM = "site-packages"


def configure_logging(level: str) -> None:
    """Log from `level` (a name such as INFO) upwards; an unknown name means INFO."""
    lowest = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(lowest),
        logger_factory=_to_standard_error,
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    if not any(isinstance(handler, _Libraries) for handler in root.handlers):
        root.addHandler(_Libraries(logging.WARNING))
    threading.excepthook = _thread_died


def _to_standard_error(*_name: object) -> structlog.WriteLogger:
    return structlog.WriteLogger(sys.stderr)


def where(trace: TracebackType | None) -> str:
    """The place in our own code that an error came through last, as file:line, or the last place at all."""
    frames = traceback.extract_tb(trace)
    own = [frame for frame in frames if _ROOM not in frame.filename] or list(frames)
    return "/".join(own[-1].filename.split("/")[-2:]) + f":{own[-1].lineno}" if own else ""


LONGEST = 100  # characters of a library's words that were put together already
_PUT_IN = re.compile("[(:'\"\\[{<\n]")


class _Libraries(logging.Handler):
    """What libraries log: the words as they stand in their code, never what is put into them."""

    def emit(self, record: logging.LogRecord) -> None:
        said = record.msg if isinstance(record.msg, str) else type(record.msg).__name__
        if not record.args:  # perhaps words that a library has put together itself: what it put in is cut off
            said = _PUT_IN.split(said, maxsplit=1)[0].strip()[:LONGEST]
        kind, trace = (record.exc_info[0], record.exc_info[2]) if record.exc_info else (None, None)
        found = {"error": kind.__name__, "where": where(trace)} if kind else {}
        structlog.get_logger().log(record.levelno, said, logger=record.name, **found)


def _thread_died(died: threading.ExceptHookArgs) -> None:
    name = died.thread.name if died.thread else ""
    structlog.get_logger().error(
        "a thread died", thread=name, error=died.exc_type.__name__, where=where(died.exc_traceback)
    )

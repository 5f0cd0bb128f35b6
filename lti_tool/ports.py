"""Ports of this machine: which are free, and when somebody answers there."""

import socket
import time
from collections.abc import Iterable
from contextlib import suppress


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def port_is_free(host: str, port: int) -> bool:
    """Whether a server may listen there now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def first_free_pair(candidates: Iterable[int]) -> int | None:
    """The first of these ports that is free together with the one after it, or None."""
    return next(
        (port for port in candidates if all(port_is_free("127.0.0.1", each) for each in (port, port + 1))), None
    )


def answers_within(port: int, seconds: float) -> bool:
    """Wait for somebody to listen on a port of this machine; False if nobody does in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
        time.sleep(0.05)
    return False

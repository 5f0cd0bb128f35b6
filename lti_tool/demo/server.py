"""The mini-LMS as a server, in threads of the demo's own process."""

import threading

from flask import Flask
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

STOP_SECONDS = 10


class _Quiet(WSGIRequestHandler):
    """The gradebook is asked every two seconds; nobody wants to read that."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


class PlatformServer:
    """The mini-LMS, served by threads of this process on the loopback address."""

    def __init__(self, app: Flask, port: int) -> None:
        self._server: BaseWSGIServer = make_server("127.0.0.1", port, app, threaded=True, request_handler=_Quiet)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True, name="mini-lms")

    @property
    def port(self) -> int:
        """Where it answers; of its own choice when it was made for port 0."""
        return self._server.server_port

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._thread.join(STOP_SECONDS)
        self._server.server_close()

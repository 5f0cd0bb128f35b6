"""A frame whose cookies do not come back: between it and the tool stands a relay that takes them out, both ways.

A page can't keep a browser from sending a frame's cookies (a sandboxed frame sends them, too), so the demo does it on
the way. To the tool it is what a browser does that keeps none in frames. What is opened at the top of a tab passes
untouched, and goes on at the tool's own address.
"""

from __future__ import annotations

import requests
from flask import Flask, Response, request
from flask.typing import ResponseReturnValue

TIMEOUT_SECONDS = 30
# Of one connection alone, or made anew on each side.
_OWN = frozenset({"connection", "content-encoding", "content-length", "host", "keep-alive", "transfer-encoding"})


def relay_without_cookies(tool: str) -> Flask:
    """An application that answers as the tool at this origin does, and keeps cookies from all but whole tabs."""
    app = Flask(__name__, static_folder=None)

    @app.route("/", defaults={"path": ""}, methods=["GET", "POST"])
    @app.route("/<path:path>", methods=["GET", "POST"])
    def pass_on(path: str) -> ResponseReturnValue:
        is_tab = request.headers.get("Sec-Fetch-Dest") == "document"
        left_out = _OWN if is_tab else _OWN | {"cookie", "set-cookie"}
        try:
            answer = requests.request(
                request.method,
                tool + request.full_path.rstrip("?"),
                headers={name: value for name, value in request.headers if name.lower() not in left_out},
                data=request.get_data(),
                allow_redirects=False,
                timeout=TIMEOUT_SECONDS,
            )
        except requests.RequestException:
            return Response("The tool does not answer.", 502, mimetype="text/plain")
        headers = [(name, value) for name, value in answer.raw.headers.items() if name.lower() not in left_out]
        return Response(answer.content, answer.status_code, headers)

    return app

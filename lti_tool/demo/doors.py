"""Ways to the tool's pages that no course opens: what its operator's command line prints, at the press of a button."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, abort, redirect, request
from flask.typing import ResponseReturnValue

from lti_tool.demo.config import PlatformConfig

DOORS = {"admin": "the admin’s pages", "research": "the researchers’ pages"}


def doors_blueprint(config: PlatformConfig, make_link: Callable[[str], str]) -> Blueprint:
    bp = Blueprint("doors", __name__)
    # Where strangers come, the admin's pages stay with whoever runs it.
    kinds = {kind: words for kind, words in DOORS.items() if kind != "admin" or config.midnight is None}

    @bp.post("/doors/<kind>")
    def open_door(kind: str) -> ResponseReturnValue:
        if kind not in kinds:
            abort(404, "No such pages.")
        if request.headers.get("Origin", config.issuer) != config.issuer:
            abort(403, "Only this page's own buttons.")
        return redirect(make_link(kind), code=303)

    @bp.app_context_processor
    def doors() -> dict[str, object]:
        return {"doors": kinds}

    return bp

"""The platform's side of storage by messages: a frame of its own beside the tool's, which keeps values per origin.

Rules: https://www.imsglobal.org/spec/lti-pm-s/v0p1
"""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from lti_tool.demo.store import Store

STORAGE_FRAME = "lti_storage"


def storage_blueprint(store: Store) -> Blueprint:
    bp = Blueprint("storage", __name__)

    @bp.get("/lti/storage")
    def frame() -> ResponseReturnValue:
        """What the frame named in lti_storage_target holds: a script that listens to the tool's origins alone."""
        return render_template("storage.html", origins=store.tool_origins())

    return bp

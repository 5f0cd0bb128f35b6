"""The switches of faults.py as a page, and as a part of the course's page beside the frame."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from lti_tool.demo.config import PlatformConfig
from lti_tool.demo.faults import Faults


def faults_blueprint(config: PlatformConfig, faults: Faults) -> Blueprint:
    bp = Blueprint("faults", __name__)

    @bp.get("/faults")
    def page() -> ResponseReturnValue:
        return render_template("faults_page.html", faults=faults.shown())

    @bp.post("/faults")
    def press() -> ResponseReturnValue:
        if request.headers.get("Origin", config.issuer) != config.issuer:
            abort(403, "Only this page's own buttons.")
        if not faults.press(request.form.get("switch", "")):
            abort(409, "That cannot be done now. Look again.")
        return redirect(url_for("faults.page"), code=303)

    return bp

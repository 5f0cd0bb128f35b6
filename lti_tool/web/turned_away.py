"""What is done about a login or launch that is not accepted: an audit row, a line in the log, one clean page.

A fault of our own is answered like any other refusal: nothing was opened, and a stranger's message never shows a 5xx.
"""

from dataclasses import replace

import structlog
from flask import Blueprint, Response, g, url_for
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from lti_tool.models import Audit
from lti_tool.web.context import current
from lti_tool.web.errors import http_error, page_of, render_error, where
from lti_tool.web.launch_refusals import LaunchFailed, LaunchRefusal

log = structlog.get_logger()


def turn_away(bp: Blueprint) -> None:
    """Have the blueprint answer every refusal, and everything unforeseen, in this way."""
    bp.register_error_handler(LaunchRefusal, refused)
    bp.register_error_handler(Exception, failed)


def refused(refusal: LaunchRefusal) -> Response:
    """Write down that a launch was refused, by its code alone, and say so."""
    row = Audit(
        kind="launch_refused",
        code=refusal.code,
        registration_id=refusal.registration_id,
        request_id=g.request_id,
    )
    try:
        with current().database.write() as session:
            session.add(row)
    except SQLAlchemyError:
        log.error("audit_not_written", code=refusal.code)
    log.warning("launch_refused", code=refusal.code, registration_id=refusal.registration_id)
    page = page_of(refusal)
    if refusal.tab_code:
        page = replace(page, new_tab_url=url_for("login.login_again"), new_tab_code=refusal.tab_code)
    return render_error(page, refusal.status)


def failed(error: Exception) -> Response:
    """Something unforeseen: the log has the place in our code, never what the request held."""
    if isinstance(error, HTTPException):
        return http_error(error)
    log.error("launch_failed", error=type(error).__name__, where=where(error))
    return refused(LaunchFailed())

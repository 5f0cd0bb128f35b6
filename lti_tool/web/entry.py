"""From an accepted launch into its pages: by the cookie that came back, or in a tab of its own where it will."""

import secrets
from datetime import timedelta

from flask import Blueprint, g, redirect, request, url_for
from sqlalchemy import delete, select
from sqlalchemy.orm import Session, joinedload
from werkzeug.wrappers import Response as BaseResponse

from lti_tool.db import utc_now
from lti_tool.models import Handoff, Launch
from lti_tool.web import refusals
from lti_tool.web.arrival import first_page
from lti_tool.web.context import current
from lti_tool.web.errors import ErrorPage, render_error
from lti_tool.web.sessions import find_session, open_session, set_session_cookie, signed_in, token_hash

bp = Blueprint("entry", __name__)

HANDOFF_SECONDS = 60
NEW_TAB_SECONDS = 300


def hand_off(session: Session, launch_id: str) -> str:
    """A single-use code by which the launch's browser goes on; good for a minute."""
    return _hand_off(session, launch_id, "enter", HANDOFF_SECONDS)


@bp.get("/l/<launch_id>/enter")
def enter(launch_id: str) -> BaseResponse:
    """Go on if the browser kept the cookie; else offer the same page in its own tab."""
    atelier = current()
    with atelier.database.write() as session:
        known = _take_hand_off(session, launch_id, "enter", request.args.get("code", ""))
        if find_session(session, launch_id) is not None:
            return redirect(url_for("entry.home", launch_id=launch_id), code=303)
        if known is None:
            raise refusals.LaunchExpired()
        code = _hand_off(session, launch_id, "tab", NEW_TAB_SECONDS)
    g.launch = known
    blocked = refusals.FrameStorageBlocked()
    page = ErrorPage(
        code=blocked.code,
        label=blocked.label,
        title=blocked.title,
        sentence=blocked.sentence,
        new_tab_url=url_for("entry.enter_in_tab", launch_id=launch_id),
        new_tab_code=code,
    )
    return render_error(page, blocked.status)


@bp.post("/l/<launch_id>/enter")
def enter_in_tab(launch_id: str) -> BaseResponse:
    """Open the launch in a tab of its own, where its cookie is kept; the code is good once, for five minutes."""
    atelier = current()
    with atelier.database.write() as session:
        if _take_hand_off(session, launch_id, "tab", request.form.get("code", "")) is None:
            raise refusals.LaunchExpired()
        token = open_session(session, launch_id, atelier.settings.session_minutes)
    answer = redirect(url_for("entry.home", launch_id=launch_id), code=303)
    set_session_cookie(answer, launch_id, token)
    return answer


@bp.get("/l/<launch_id>/")
@signed_in()
def home(launch_id: str) -> BaseResponse:
    """The first page of the launch: that of its role, or the work it asks for."""
    with current().database.read() as session:
        return redirect(first_page(session, g.launch), code=303)


def _hand_off(session: Session, launch_id: str, purpose: str, seconds: int) -> str:
    code = secrets.token_urlsafe(32)
    session.execute(delete(Handoff).where(Handoff.expires_at < utc_now()))
    session.add(
        Handoff(
            code_hash=token_hash(f"{purpose}:{code}"),
            launch_id=launch_id,
            expires_at=utc_now() + timedelta(seconds=seconds),
        )
    )
    return code


def _take_hand_off(session: Session, launch_id: str, purpose: str, code: str) -> Launch | None:
    """The launch of an unused code in time, used up now; None for any other code."""
    taken = session.execute(
        delete(Handoff)
        .where(
            Handoff.code_hash == token_hash(f"{purpose}:{code}"),
            Handoff.launch_id == launch_id.replace("\x00", ""),
            Handoff.expires_at > utc_now(),
        )
        .returning(Handoff.launch_id)
    ).scalar_one_or_none()
    if taken is None:
        return None
    query = select(Launch).where(Launch.id == taken).options(joinedload(Launch.registration))
    return session.scalars(query).one()

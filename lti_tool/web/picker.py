"""Choosing content for a course: the page a Deep Linking request opens, and the answer that goes back.

launch (POST) -> 303 /dl/<id>/ -> the picker -> POST -> a page whose form carries the signed answer to the platform.
The cookie is this page's own, under its own path. Where the browser keeps none and the platform's storage bound the
launch, the page is the answer to that launch, and its forms carry a seal in place of the cookie. A tab of its own would
not help: the answer must come from the window that the course opened, or nobody listens there.
"""

import hashlib
import hmac
import math
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import Blueprint, g, make_response, redirect, render_template, request, url_for
from itsdangerous import BadSignature, URLSafeSerializer
from sqlalchemy import delete, select
from sqlalchemy.orm import Session, joinedload
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from lti_tool.db import utc_now
from lti_tool.deep_linking import (
    MAX_POINTS,
    MAX_TITLE,
    Choice,
    ReleasePolicy,
    content_item,
    published_lessons,
    signed_answer,
    stored_request,
    take_answer,
)
from lti_tool.keys import current_key
from lti_tool.lesson import Lesson
from lti_tool.models import Context, DeepLinking, Deployment
from lti_tool.outbound import AddressRefused, AddressRules
from lti_tool.platforms import origin_of
from lti_tool.web import launch_refusals, refusals
from lti_tool.web.context import current
from lti_tool.web.logins import LAUNCH_PATH
from lti_tool.web.records import record_person
from lti_tool.web.sessions import FORM_FIELD, token_hash
from lti_tool.web.verify import VerifiedLaunch
from lti_tool.web.whole import THOUSANDS

bp = Blueprint("picker", __name__, url_prefix="/dl/<picker_id>")

COOKIE = "atelier_picker"
MAX_PICKS = 20
DEFAULT_POINTS = 100.0
RELEASES: Mapping[str, ReleasePolicy] = {"review": "review", "auto": "auto"}

Answer = str | Response | tuple[str, int]


class PickProblem(ValueError):
    """The form cannot be taken as it is; the message stands on the page, and the form is kept."""


@dataclass(frozen=True)
class PickForm:
    """The form as it stands: what is ticked, and the fields as typed."""

    picks: tuple[str, ...] = ()
    title: str = ""
    points: str = "100"
    release: ReleasePolicy = "review"


# ---- from the launch to the page -----------------------------------------------------------------------------


def open_picker(registration_id: int, verified: VerifiedLaunch, *, keeps_cookies: bool) -> Response:
    """Keep the request of a verified Deep Linking message and lead the browser to the picker."""
    atelier, asked = current(), verified.content_request
    assert asked is not None
    if verified.role != "instructor":
        raise launch_refusals.PickingNotForLearners()
    try:
        AddressRules(atelier.settings).check_url(asked.return_url)
    except AddressRefused:
        raise launch_refusals.ReturnRefused() from None
    picker_id, token, now = secrets.token_urlsafe(32), secrets.token_urlsafe(32), utc_now()
    with atelier.database.write() as session:
        session.execute(delete(DeepLinking).where(DeepLinking.expires_at < now - timedelta(days=1)))
        session.add(
            DeepLinking(
                id=picker_id,
                token_hash=token_hash(token),
                deployment_id=_deployment_id(session, registration_id, verified.deployment_id),
                person_id=record_person(session, registration_id, verified).id,
                context_lms_id=verified.context_id or None,
                return_url=asked.return_url,
                request=asked.as_json(),
                locale=verified.locale,
                expires_at=now + timedelta(minutes=atelier.settings.session_minutes),
            )
        )
    if not keeps_cookies:
        row, g.sealed_alone = _find(picker_id), True
        return make_response(_page(row, *_at_first(row)))
    answer = redirect(url_for("picker.page", picker_id=picker_id), code=303)
    answer.set_cookie(
        COOKIE, token, path=f"/dl/{picker_id}/", secure=True, httponly=True, samesite="None", partitioned=True
    )
    return answer


def _deployment_id(session: Session, registration_id: int, lms_id: str) -> int:
    found = select(Deployment.id).where(Deployment.registration_id == registration_id, Deployment.lms_id == lms_id)
    return session.scalars(found).one()


def _context_id(session: Session, row: DeepLinking) -> int | None:
    found = select(Context.id).where(Context.deployment_id == row.deployment_id, Context.lms_id == row.context_lms_id)
    return session.scalar(found)


# ---- the page ------------------------------------------------------------------------------------------------


@bp.get("/")
def page(picker_id: str) -> Answer:
    """What can be placed, with its options."""
    row = _sign_in(picker_id)
    return _page(row, *_at_first(row))


def _at_first(row: DeepLinking) -> tuple[list[Lesson], PickForm]:
    """Every lesson, and the form before anybody touched it."""
    lessons = _lessons(row)
    picks = (lessons[0].slug,) if len(lessons) == 1 else ()
    return lessons, PickForm(picks=picks, title=stored_request(row).title or "")


def _lessons(row: DeepLinking) -> list[Lesson]:
    with current().database.read() as session:
        return published_lessons(session, _context_id(session, row))


@bp.post("/")
def choose(picker_id: str) -> Answer:
    """Sign the choice (or that nothing was chosen) and hand it to the browser for the platform."""
    atelier, row = current(), _sign_in(picker_id)
    _require_seal(row)
    asked, lessons = stored_request(row), _lessons(row)
    if "find" in request.form:
        return _page(row, lessons, _typed(request.form))
    try:
        choices = [] if "cancel" in request.form else _choices(request.form, lessons, asked.accept_multiple)
    except PickProblem as problem:
        return _page(row, lessons, _typed(request.form), str(problem)), 422
    with atelier.database.write() as session:
        key = current_key(session, atelier.settings)
        if not take_answer(session, row.id, utc_now()):
            raise refusals.PickerAnswered()
    launch_url = atelier.settings.base_url + LAUNCH_PATH
    items = [content_item(choice, asked, launch_url) for choice in choices]
    token = signed_answer(row.deployment.registration, row.deployment.lms_id, asked, items, key)
    g.form_action = origin_of(row.return_url)
    return render_template("picker_answer.html", action=row.return_url, token=token, items=items)


def _page(row: DeepLinking, lessons: list[Lesson], form: PickForm, problem: str = "") -> str:
    search = request.form.get("q", "").strip()[:100]
    shown = [lesson for lesson in lessons if search.casefold() in f"{lesson.title} {lesson.subtitle}".casefold()]
    return render_template(
        "picker.html",
        picker_id=row.id,
        lessons=shown,
        total=len(lessons),
        search=search,
        several=stored_request(row).accept_multiple,
        scored=stored_request(row).accept_line_item,
        form=form,
        problem=problem,
        seal=_seal(row),
        locale=row.locale or "",
        longest=MAX_TITLE,
        most=MAX_POINTS,
    )


# ---- what was chosen -----------------------------------------------------------------------------------------


def _typed(sent: MultiDict[str, str]) -> PickForm:
    return PickForm(
        picks=tuple(sent.getlist("pick")),
        title=sent.get("title", "")[:MAX_TITLE],
        points=sent.get("points", "")[:20],
        release=RELEASES.get(sent.get("release", ""), "review"),
    )


def _choices(sent: MultiDict[str, str], lessons: list[Lesson], several: bool) -> list[Choice]:
    form = _typed(sent)
    picks = list(dict.fromkeys(form.picks))
    if not picks:
        raise PickProblem("Choose a lesson first.")
    if len(picks) > (MAX_PICKS if several else 1):
        raise PickProblem(f"At most {MAX_PICKS} at once." if several else "Your course takes one link at a time.")
    points = _points(form.points)
    title = form.title.strip() if len(picks) == 1 else ""
    return [_choice(pick, lessons, title, points, form.release) for pick in picks]


def _choice(pick: str, lessons: list[Lesson], title: str, points: float, release: ReleasePolicy) -> Choice:
    slug, _, item_id = pick.partition("/")
    lesson = next((lesson for lesson in lessons if lesson.slug == slug), None)
    if lesson is None:
        raise PickProblem("That lesson is not here any more. Choose again.")
    try:
        item = lesson.item(item_id) if item_id else None
    except KeyError:
        raise PickProblem("That question is not in the lesson any more. Choose again.") from None
    own = f"{lesson.title}: {item.title}" if item else lesson.title
    return Choice(lesson, item, title or own[:MAX_TITLE], points, release)


def _points(typed: str) -> float:
    if THOUSANDS.fullmatch(typed.strip()):
        raise PickProblem("Write the points with a point and nothing between thousands.")
    try:
        points = float(typed.strip().replace(",", ".") or DEFAULT_POINTS)
    except ValueError:
        points = math.nan
    if not 0 < points <= MAX_POINTS:  # also false for NaN
        raise PickProblem(f"Points must be a number above 0 and at most {MAX_POINTS}.")
    return points


# ---- who is asking -------------------------------------------------------------------------------------------


def _sign_in(picker_id: str) -> DeepLinking:
    """The request that this browser may answer; it must hold the cookie of its launch, or the seal in its place."""
    row = _find(picker_id)
    token = request.cookies.get(COOKIE, "")
    if not token and _unsealed() != [row.id, row.token_hash, True]:
        raise refusals.PickerStorageBlocked()
    if token and not hmac.compare_digest(token_hash(token), row.token_hash):
        raise refusals.PickerExpired()
    if row.answered_at is not None:
        raise refusals.PickerAnswered()
    g.sealed_alone = not token
    return row


def _find(picker_id: str) -> DeepLinking:
    """The living request of that id; PickerExpired where there is none."""
    registration = joinedload(DeepLinking.deployment).joinedload(Deployment.registration)
    with current().database.read() as session:
        row = session.scalar(
            select(DeepLinking).where(DeepLinking.id == picker_id.replace("\x00", "")).options(registration)
        )
    if row is None or row.expires_at <= utc_now() or not row.deployment.registration.enabled:
        raise refusals.PickerExpired()
    g.framed_by = (row.deployment.registration, row.return_url)
    return row


def _seal(row: DeepLinking) -> str:
    """The seal of this page's forms; one that stands for the cookie too was shown to the launch's own browser alone."""
    token = _serializer().dumps([row.id, row.token_hash, g.sealed_alone])
    return token.decode() if isinstance(token, bytes) else token


def _require_seal(row: DeepLinking) -> None:
    if not request.form.get(FORM_FIELD, ""):
        raise refusals.FormTokenMissing()
    if _unsealed() != [row.id, row.token_hash, g.sealed_alone]:
        raise refusals.FormTokenWrong()


def _unsealed() -> Any:
    """What the form's seal says, None without a right one."""
    try:
        return _serializer().loads(request.form.get(FORM_FIELD, ""))
    except BadSignature:
        return None


def _serializer() -> URLSafeSerializer:
    signer = {"key_derivation": "hmac", "digest_method": hashlib.sha256}
    return URLSafeSerializer(current().settings.secret_key, salt="atelier.picker", signer_kwargs=signer)

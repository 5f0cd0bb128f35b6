"""The page of scores: what was released, what was told the course, what it shows, and sending or comparing again."""

from urllib.parse import urlencode

from flask import Blueprint, abort, g, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from lti_tool import passback
from lti_tool.ags import AgsClient
from lti_tool.db import utc_now
from lti_tool.delivery import GRADING_OFF
from lti_tool.keys import current_key
from lti_tool.models import LineItem, Passback
from lti_tool.outbound import OutboundError
from lti_tool.reconcile import Compared, column_of, store_shown
from lti_tool.web.context import current
from lti_tool.web.queue_page import View, read_view
from lti_tool.web.scores_page import scores_page
from lti_tool.web.sessions import signed_in
from lti_tool.web.teaching import placement_here, teachers_page
from lti_tool.web.whole import whole

bp = Blueprint("gradebook", __name__, url_prefix="/l/<launch_id>/scores")

Answer = str | Response | tuple[str, int]


@bp.get("")
@signed_in("instructor")
def scores(launch_id: str) -> Answer:
    """What was released, what was told the course, and what it said back."""
    with current().database.read() as session:
        return _page(session, "scores.html", read_view(request.args), notice=_done())


@bp.get("/table")
@signed_in("instructor", extends=False)
def table(launch_id: str) -> Answer:
    """The same as a piece of a page, for the script that keeps it fresh."""
    with current().database.read() as session:
        return _page(session, "_scores.html", read_view(request.args))


@bp.post("/<int:passback_id>/again")
@signed_in("instructor")
def send_again(launch_id: str, passback_id: int) -> Answer:
    """Send a score once more that was refused, or that the course does not show."""
    with current().database.write() as session:
        message = session.get(Passback, passback_id)
        if message is None or message.resource_link_id != g.resource_link_id:
            abort(404)
        again = passback.send_again(session, message.id)
    return _back(launch_id, sent="1" if again else "0")


@bp.post("/again")
@signed_in("instructor")
def send_all_again(launch_id: str) -> Answer:
    """Send every score once more that was refused."""
    with current().database.write() as session:
        page = scores_page(session, placement_here(session), names=False)
        ids = [row.passback_id for row in page.refused if row.passback_id is not None]
        sent = sum(passback.send_again(session, passback_id) is not None for passback_id in ids)
    return _back(launch_id, sent=str(sent))


@bp.post("/compare")
@signed_in("instructor")
def compare(launch_id: str) -> Answer:
    """Ask the course what its gradebook shows now; a failure is a sentence, and what was known before stays."""
    atelier = current()
    with atelier.database.write() as session:
        link, key = placement_here(session), current_key(session, atelier.settings)
        column = column_of(session, link)
    if column is None:
        return _problem(GRADING_OFF)
    gradebook = AgsClient(atelier.outbound, g.launch.registration, key, scopes=link.scopes)
    try:  # outside any transaction: a slow platform holds up nobody else
        results = gradebook.all_results(column)
    except OutboundError as error:
        return _problem(str(error))
    with atelier.database.write() as session:
        found = store_shown(session, placement_here(session), results, utc_now())
    return _back(launch_id, same=str(found.same), other=str(found.other), nothing=str(found.nothing))


def _back(launch_id: str, **done: str) -> Response:
    there = url_for("gradebook.scores", launch_id=launch_id)
    query = {**read_view(request.form).parts, **done}
    return redirect(f"{there}?{urlencode(query)}", code=303)


def _done() -> str:
    """What the last step did, by the address that it led to."""
    asked = {name: count for name, said in request.args.items() if (count := whole(said)) is not None}
    if "sent" in asked:
        count = asked["sent"]
        return _SENT.get(count, f"{count} are on their way again.")
    if "same" in asked:
        return compared_words(Compared(asked["same"], asked.get("other", 0), asked.get("nothing", 0)))
    return ""


_SENT = {
    0: "It was settled meanwhile, so nothing was sent again.",
    1: "It is on its way again.",
}


def compared_words(found: Compared) -> str:
    """What comparing with the course's gradebook brought."""
    if found == Compared():
        return "The course’s gradebook was read. No score has been sent yet."
    words = [f"{found.same} as sent"]
    if found.other:
        words.append(f"{found.other} something else than we sent")
    if found.nothing:
        words.append(f"{found.nothing} no score at all")
    return f"The course’s gradebook was read. It shows: {', '.join(words)}."


def _problem(sentence: str) -> Answer:
    with current().database.read() as session:
        return _page(session, "scores.html", read_view(request.form), problem=sentence), 422


def _page(session: Session, template: str, view: View, *, notice: str = "", problem: str = "") -> str:
    return teachers_page(
        session,
        template,
        "gradebook.scores",
        page=scores_page(session, placement_here(session), view.names),
        column=session.get(LineItem, g.resource_link_id),
        view=view,
        notice=notice,
        problem=problem,
    )

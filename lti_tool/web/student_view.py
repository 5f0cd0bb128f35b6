"""One sheet as its learner sees it now, for the one who reviews it."""

from flask import Blueprint, abort, g, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from lti_tool.attempts import find_submission
from lti_tool.blind_draws import pending
from lti_tool.models import Person, ResourceLink, Submission
from lti_tool.results import state_of, student_sheet
from lti_tool.web.context import current
from lti_tool.web.judging_log import HELD, UNREAD
from lti_tool.web.queue_page import learner, read_view
from lti_tool.web.result_page import headline, marked_text, provenance, sheet_lines, weakest_first
from lti_tool.web.sessions import signed_in

bp = Blueprint("student_view", __name__, url_prefix="/l/<launch_id>")


@bp.get("/review/<public_id>/as-student")
@signed_in("instructor")
def as_student(launch_id: str, public_id: str) -> str | Response:
    """The sheet in the student's words, or what stands there before it is released."""
    view = read_view(request.args)
    with current().database.read() as session:
        submission = _submission(session, public_id)
        if pending(session, [submission.id]):  # whoever scores it blind sees nothing that a judge said
            return redirect(url_for("instructor.review", launch_id=launch_id, public_id=public_id) + view.query())
        sheet, person = student_sheet(session, submission), session.get_one(Person, g.person_id)
        lines = sheet_lines(sheet) if sheet else []
        return render_template(
            "instructor/as_student.html",
            section="instructor.queue",
            who=person.name or person.handle,
            learner=learner(submission.person, view.names),
            submission=submission,
            view=view,
            sheet=sheet,
            lines=weakest_first(lines),
            head=headline(sheet) if sheet else "",
            told=provenance(sheet) if sheet else "",
            waits=student_says(state_of(session, submission)),
            text=marked_text(submission.text, lines) if sheet and sheet.item.kind != "drawing" else None,
        )


def student_says(state: str) -> str:
    """What a learner reads in place of a result."""
    if state in ("awaiting_review", "judged"):
        return HELD
    return UNREAD if state == "unread" else ""


def _submission(session: Session, public_id: str) -> Submission:
    link = session.get_one(ResourceLink, g.resource_link_id)
    return find_submission(session, link, public_id) or abort(404)

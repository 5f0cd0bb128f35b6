"""One sheet as its learner sees it now, for the one who reviews it."""

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response

from lti_tool.blind_draws import pending
from lti_tool.results import student_sheet
from lti_tool.web.context import current
from lti_tool.web.judging_log import log_of
from lti_tool.web.queue_page import learner, read_view
from lti_tool.web.result_page import headline, marked_text, provenance, sheet_lines, weakest_first
from lti_tool.web.sessions import signed_in
from lti_tool.web.teaching import teachers_page, work_here

bp = Blueprint("student_view", __name__, url_prefix="/l/<launch_id>")


@bp.get("/review/<public_id>/as-student")
@signed_in("instructor")
def as_student(launch_id: str, public_id: str) -> str | Response:
    """The sheet in the student's words, or what stands there before it is released."""
    view = read_view(request.args)
    with current().database.read() as session:
        submission = work_here(session, public_id)
        if pending(session, [submission.id]):  # whoever scores it blind sees nothing that a judge said
            return redirect(url_for("instructor.review", launch_id=launch_id, public_id=public_id) + view.query())
        sheet = student_sheet(session, submission)
        lines = sheet_lines(sheet) if sheet else []
        return teachers_page(
            session,
            "as_student.html",
            "instructor.queue",
            learner=learner(submission.person, view.names),
            submission=submission,
            view=view,
            sheet=sheet,
            lines=weakest_first(lines),
            head=headline(sheet) if sheet else "",
            told=provenance(sheet) if sheet else "",
            waits=None if sheet else log_of(session, submission).head,
            text=marked_text(submission.text, lines) if sheet and sheet.item.kind != "drawing" else None,
        )

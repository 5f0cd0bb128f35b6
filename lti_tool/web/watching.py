"""What a student watches and reads: judging as it runs, the result, and their own data to take away."""

from datetime import datetime
from typing import Any

from flask import abort, jsonify, redirect, request, url_for
from werkzeug.wrappers import Response

from lti_tool import attempts
from lti_tool.attempts import attempts_allowed
from lti_tool.coaching import coaching_of
from lti_tool.lesson import Item
from lti_tool.lessons import lesson_of
from lti_tool.models import Submission
from lti_tool.results import Sheet, student_sheet
from lti_tool.web.bench import read_bench
from lti_tool.web.due import withdraw_until_if_open
from lti_tool.web.judging_log import log_of
from lti_tool.web.result_page import result_context
from lti_tool.web.sessions import signed_in
from lti_tool.web.stages_stream import stream_address
from lti_tool.web.visit import Visit, bp, own_submission, page, reading, submission_url, writing
from rubrics.text import word_count

Answer = str | Response | tuple[str, int]
CONFLICT = 409
UNPROCESSABLE = 422


@bp.get("/submissions/<public_id>")
@signed_in("student")
def submission(launch_id: str, public_id: str) -> Answer:
    """The result as soon as the learner may see it; until then, how far judging is."""
    with reading() as visit:
        sent = own_submission(visit, public_id)
        sheet = student_sheet(visit.session, sent)
        if sheet is None:
            return redirect(url_for("student.judging", public_id=public_id))
        step = step_id_of(visit, sent)
        return page("student/result.html", visit, step, **result_context(visit, sheet, request.args.get("order")))


def step_id_of(visit: Visit, sent: Submission) -> str | None:
    """The step the item belongs to; None where today's lesson no longer has it."""
    try:
        return visit.lesson.step_of(sent.item_id).id
    except KeyError:
        return None


@bp.get("/submissions/<public_id>/judging")
@signed_in("student")
def judging(launch_id: str, public_id: str) -> Answer:
    """The log of judging."""
    with reading() as visit:
        sent = own_submission(visit, public_id)
        if student_sheet(visit.session, sent) is not None:
            return redirect(submission_url(sent))
        item = _item(sent)
        return page(
            "student/judging.html",
            visit,
            step_id_of(visit, sent),
            sent=sent,
            item=item,
            attempts=attempts_allowed(visit.session, visit.link, visit.person_id, item),
            withdraw_until=withdraw_until_if_open(visit, sent),
            words=None if item.kind == "drawing" else word_count(sent.text),
            drawn=read_bench(sent.text) if item.kind == "drawing" else None,
            log=log_of(visit.session, sent),
            stream=stream_address(sent),
        )


@bp.post("/submissions/<public_id>/withdraw")
@signed_in("student")
def withdraw(launch_id: str, public_id: str) -> Answer:
    """Take a submission back in its minutes of grace; its text is in the box again."""
    try:
        with writing() as visit:
            sent = own_submission(visit, public_id)
            attempts.withdraw(visit.session, visit.link, sent)
            item_id = sent.item_id
    except attempts.SendProblem as problem:
        with reading() as visit:
            step = step_id_of(visit, own_submission(visit, public_id))
            return page("student/stays.html", visit, step, sentence=str(problem), public_id=public_id), CONFLICT
    return redirect(url_for("student.item", item_id=item_id), code=303)


def _item(sent: Submission) -> Item:
    """The item as it was when it was sent, without what students may not see."""
    return lesson_of(sent).student_view().item(sent.item_id)


@bp.get("/submissions/<public_id>/coach")
@signed_in("student")
def coach_json(launch_id: str, public_id: str) -> Response:
    """How far the coach is with a hot-take: its first line as far as it has come, and whether there is more to come."""
    with reading() as visit:
        sent = own_submission(visit, public_id)
        if _item(sent).kind != "hot_take":
            abort(404)
        said = coaching_of(visit.session, sent)
        return jsonify({"why": said.why, "running": said.running})


@bp.get("/submissions/<public_id>/export.json")
@signed_in("student")
def export(launch_id: str, public_id: str) -> Response:
    """The learner's own text and, where they may see it, their sheet."""
    with reading() as visit:
        sent = own_submission(visit, public_id)
        sheet = student_sheet(visit.session, sent)
        answer = jsonify(_exported(sent, sheet))
    answer.headers["Content-Disposition"] = f'attachment; filename="atelier-{sent.item_id}-{sent.attempt}.json"'
    return answer


def _exported(sent: Submission, sheet: Sheet | None) -> dict[str, Any]:
    item = _item(sent)
    told: dict[str, Any] = {
        "lesson": sent.lesson_version.slug,
        "item": {"id": item.id, "title": item.title, "prompt": item.prompt},
        "attempt": sent.attempt,
        "sent_at": _stamp(sent.sent_at),
        "due_at": _stamp(sent.due_at) if sent.due_at else None,
        "text": sent.text,
        "sheet": None,
    }
    if sheet is not None:
        told["sheet"] = _exported_sheet(sheet)
    return told


def _exported_sheet(sheet: Sheet) -> dict[str, Any]:
    return {
        "rubric": {"id": sheet.rubric.id, "version": sheet.rubric.version},
        "points": sheet.points,
        "provenance": sheet.provenance,
        "judge": sheet.judgement.judge_label if sheet.judgement else None,
        "released_at": _stamp(sheet.release.released_at) if sheet.release else None,
        "rows": [
            {
                "criterion": row.criterion.id,
                "title": row.criterion.title,
                "level": row.level,
                "top": row.criterion.top,
                "points": row.points,
                "maximum": row.maximum,
                "quotes": [quote["text"] for quote in row.rating.quotes] if row.rating else [],
                "comment": row.rating.comment if row.rating else "",
                "changed": row.changed,
                "reason": row.reason,
            }
            for row in sheet.rows
        ],
    }


def _stamp(at: datetime) -> str:
    return at.isoformat(timespec="seconds")

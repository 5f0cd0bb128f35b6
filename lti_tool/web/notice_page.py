"""The notice before the first judging: what is kept, who sees it, what reads it. Reading is never locked by it."""

from typing import Any

from flask import abort, redirect, request, url_for
from werkzeug.wrappers import Response

from lti_tool.lesson import HotTakesStep
from lti_tool.models import ResourceLink
from lti_tool.notice import Notice, accept, is_accepted, notice_of
from lti_tool.web.context import current
from lti_tool.web.sessions import signed_in
from lti_tool.web.visit import Visit, bp, find_item, item_url, page, reading, step_url, writing


def notice_here(link: ResourceLink) -> Notice:
    """The notice of this placement, with the judge that reads for it now."""
    return notice_of(current().settings.judge_for(link.settings.get("judge")), link)


def is_told(visit: Visit) -> bool:
    """Whether this learner may send: they have gone on from the notice as it is now."""
    return is_accepted(visit.session, visit.link, visit.person_id, notice_here(visit.link))


@bp.get("/notice")
@signed_in("student")
def notice(launch_id: str) -> str:
    """What happens with what is written here; `item` names what the learner was about to send."""
    with reading() as visit:
        item_id = request.args.get("item")
        item = find_item(visit, item_id) if item_id else None
        return page("student/notice.html", visit, None, notice=notice_here(visit.link), item=item, told=is_told(visit))


@bp.post("/notice")
@signed_in("student")
def start(launch_id: str) -> Response:
    """Go on: back to what was about to be sent, else to the lesson. Words that changed meanwhile are shown again."""
    with writing() as visit:
        if request.form.get("version") != notice_here(visit.link).version:
            return redirect(url_for("student.notice", **_about()), code=303)
        accept(visit.session, visit.link, visit.person_id, request.form["version"])
        return redirect(_onward(visit), code=303)


def _about() -> dict[str, Any]:
    item_id = request.form.get("item")
    return {"item": item_id} if item_id else {}


def _onward(visit: Visit) -> str:
    item_id = request.form.get("item") or visit.link.settings.get("item")
    if not item_id:
        return url_for("student.path")
    if all(item.id != item_id for item in visit.lesson.items):
        abort(404)
    step = visit.lesson.step_of(item_id)
    if isinstance(step, HotTakesStep):
        return f"{step_url(step)}#{item_id}"
    return url_for("student.confirm", item_id=item_id) if request.form.get("item") else item_url(item_id)

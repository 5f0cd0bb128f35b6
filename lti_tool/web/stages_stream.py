"""The stages of judging as they come: server-sent events, read by a script that sends its form token along.

EventSource could not send the token, so the page reads the stream with fetch. A stream holds one of the process's
threads, so there are only so many of them and each ends after a while; whoever gets none asks every two seconds.
"""

import json
import time
from collections.abc import Iterator
from threading import BoundedSemaphore
from typing import Any

from flask import jsonify, render_template, request, stream_with_context, url_for
from sqlalchemy import func, select
from werkzeug.wrappers import Response

from lti_tool.lessons import rubric_of
from lti_tool.models import Job, JobEvent, Submission
from lti_tool.results import stages, state_of, student_sheet
from lti_tool.web.context import current
from lti_tool.web.judging_log import judging_log
from lti_tool.web.sessions import require_form_token, signed_in
from lti_tool.web.visit import Visit, bp, own_submission, reading, submission_url
from lti_tool.web.whole import whole

MOST_STREAMS = 16  # half of the threads of a web process
STREAM_SECONDS = 50.0
LOOK_EVERY = 0.25
PING_EVERY = 2.0  # a proxy that keeps these back is found out by the silence
SEEN_DIGITS = 17

_free = BoundedSemaphore(MOST_STREAMS)


def _seen() -> int:
    return whole(request.args.get("after", ""), SEEN_DIGITS) or 0


def _news(visit: Visit, sent: Submission, after: int) -> dict[str, Any]:
    """What happened after a stage: the log again where something did, and where to go once there is a sheet."""
    sheet = student_sheet(visit.session, sent)
    reached = stages(visit.session, sent)
    log = judging_log(reached, state_of(visit.session, sent), rubric_of(sent))
    new = [one for one in reached if one.id > after]
    told: dict[str, Any] = {
        "stages": [{"id": s.id, "stage": s.stage, "at": s.at.isoformat(), "detail": _shown(s.detail)} for s in new],
        "last": log.last,
        "head": log.head,
        "lede": log.lede,
        "say": log.say,
        "running": log.running,
        "result": submission_url(sent) if sheet is not None else None,
    }
    if new or not log.running:
        told["html"] = render_template("student/_log.html", log=log)
    return told


def _shown(detail: Any) -> dict[str, Any]:
    """Of a stage's detail, what a learner may know: progress, never a level or a flag."""
    return {key: detail[key] for key in ("criterion", "title", "done", "of", "at", "words") if key in detail}


@bp.get("/submissions/<public_id>/stages")
@signed_in("student")
def stages_json(launch_id: str, public_id: str) -> Response:
    """What happened after the stage `after`, at once."""
    with reading() as visit:
        return jsonify(_news(visit, own_submission(visit, public_id), _seen()))


@bp.get("/submissions/<public_id>/stream")
@signed_in("student")
def stages_stream(launch_id: str, public_id: str) -> Response:
    """The same as it happens; 204 where every stream is taken."""
    require_form_token()
    with reading() as visit:
        job_id = visit.session.scalar(
            select(Job.id).where(Job.kind == "judge", Job.submission_id == own_submission(visit, public_id).id)
        )
    if job_id is None or not _free.acquire(blocking=False):
        return Response(status=204)
    answer = Response(stream_with_context(_events(public_id, job_id, _seen())), content_type="text/event-stream")
    answer.headers["X-Accel-Buffering"] = "no"
    answer.call_on_close(_free.release)
    return answer


def _events(public_id: str, job_id: int, after: int) -> Iterator[str]:
    until, pinged, first = time.monotonic() + STREAM_SECONDS, time.monotonic(), True
    yield ": open\n\n"
    while time.monotonic() < until:
        with current().database.read() as session:
            newest = session.scalar(select(func.max(JobEvent.id)).where(JobEvent.job_id == job_id)) or 0
        if first or newest > after:
            with reading() as visit:
                news = _news(visit, own_submission(visit, public_id), after)
            after, first = max([newest, *(one["id"] for one in news["stages"])]), False
            yield f"id: {after}\ndata: {json.dumps(news)}\n\n"
            if news["result"] or not news["running"]:
                return
        elif time.monotonic() - pinged > PING_EVERY:
            pinged = time.monotonic()
            yield ": still here\n\n"
        time.sleep(LOOK_EVERY)


def stream_address(sent: Submission) -> str:
    """Where a page reads the stages as they come."""
    return url_for("student.stages_stream", public_id=sent.public_id)

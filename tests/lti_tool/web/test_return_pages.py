"""Sending work back as both sides see it: the instructor's form, the learner's note, and the queue's reminder."""

from datetime import timedelta

from sqlalchemy import select, update

from lti_tool.db import utc_now
from lti_tool.models import Job, JobEvent, ResourceLink, ReturnedWork
from tests.lti_tool.web.test_instructor_pages import TOM, Sent, essay

__all__ = ["essay"]
WORDS = "Take a <b>side</b> first, then send it again."


def returns(world) -> list[ReturnedWork]:
    with world.database.read() as session:
        return list(session.scalars(select(ReturnedWork)))


def test_work_is_sent_back_with_a_sentence_and_its_learner_reads_it(world, ines, ada, essay: Sent) -> None:
    assert "send it back for a new attempt" in ines.get(essay.page).text
    answer = ines.post(f"{essay.page}/return", {"words": WORDS})
    page = ines.client.get(answer.location).text
    assert "With its learner again, unscored." in page
    assert "sent back by ines-01" in page

    told = ada.get("path").text
    assert "The pitch came back to you." in told
    assert "Take a &lt;b&gt;side&lt;/b&gt; first" in told
    assert "It uses no attempt." in told
    log = ada.get(f"submissions/{essay.public_id}/judging").text
    assert "Sent back to you." in log
    assert "Its text is in the box again." in log
    assert "take it back" not in log

    ines.post(f"{essay.page}/after-all")
    path = ada.get("path")
    assert path.status_code == 200
    assert "came back to you" not in path.text


def test_without_a_sentence_nothing_is_sent_back(world, ines, essay: Sent) -> None:
    refused = ines.post(f"{essay.page}/return", {"words": " "})
    assert refused.status_code == 422
    assert "Say what is to be done" in refused.text
    assert "has no level yet" not in refused.text
    assert returns(world) == []


def test_what_was_typed_stays_where_it_is_refused(world, ines, sign_in, essay: Sent) -> None:
    opened = ines.get(essay.page).text
    refused = ines.post(f"{essay.page}/return", {"words": "Too long. " * 201})
    assert refused.status_code == 422
    assert f">{'Too long. ' * 201}</textarea>" in refused.text
    assert refused.text.count(" checked") == opened.count(" checked") > 0
    ines.post(f"{essay.page}/return", {"words": WORDS})
    second = sign_in(TOM).post(f"{essay.page}/return", {"words": "Cut it."})
    assert "You wrote: Cut it." in second.text


def test_whoever_comes_second_is_told(world, ines, sign_in, essay: Sent) -> None:
    ines.post(f"{essay.page}/return", {"words": WORDS})
    second = sign_in(TOM).post(f"{essay.page}/return", {"words": "Again."})
    assert second.status_code == 422
    assert "Somebody sent this back to its learner meanwhile." in second.text
    assert len(returns(world)) == 1
    assert ines.post(f"{essay.page}/after-all").status_code == 303
    twice = ines.post(f"{essay.page}/after-all")
    assert twice.status_code == 409
    assert "in the queue already" in twice.text


def test_the_queue_names_what_has_waited_too_long(world, ines, essay: Sent) -> None:
    assert "waited longer" not in ines.get("queue").text
    with world.database.write() as session:
        session.get_one(ResourceLink, world.resource_link_id).settings = {"wait_days": 3}
        job = session.scalars(select(Job).where(Job.kind == "judge")).one()
        session.add(JobEvent(job_id=job.id, stage="held", detail={}, at=utc_now() - timedelta(days=4)))
        session.execute(update(Job).values(state="awaiting_review"))
    assert "1 has waited longer than this placement allows." in ines.get("queue").text

"""Judging again as a draft, with Prefect: nothing that holds is touched, and nothing is bought twice."""

from copy import deepcopy

import pytest
from sqlalchemy import select

from flows.judging.judge import JudgeRequest
from lti_tool import editions, rejudging
from lti_tool.attempts import submit
from lti_tool.db import utc_now
from lti_tool.models import Job, JudgementRow, RejudgedSheet
from lti_tool.rejudge_decisions import carry_out_due, choose
from lti_tool.results import judge_sheet
from tests.flows.counting_judge import CountingJudge, rate_everything

pytestmark = pytest.mark.slow

SLUG, ESSAY = "durable-workflows", "durable-workflows-essay"


def publish_another_claim(session, link) -> None:
    """A version of the essay's rubric that says something else about its first criterion."""
    found = editions.edition(session, SLUG, link.context_id)
    content = deepcopy(found.drafts[ESSAY].content)
    content["criteria"][0]["levels"][-1]["descriptor"] = "Takes a side in the first sentence, and stays there."
    editions.save_draft(session, SLUG, link.context_id, ESSAY, content, seen=0, by="ines-01")
    editions.publish(session, editions.edition(session, SLUG, link.context_id), link.context_id, "ines-01")


def rows(world, kind, *where):
    with world.database.read() as session:
        return list(session.scalars(select(kind).where(*where).order_by(kind.id)))


def test_a_new_version_of_the_rubric_is_tried_beside_what_holds(world, executor, sample_texts) -> None:
    for person_id in (world.ada_id, world.bo_id):
        with world.database.write() as session:
            submit(session, world.placement(session), person_id, "essay", f"{sample_texts['essay']} {person_id}")
    executor().run_until_idle()
    before = rows(world, JudgementRow)

    with world.database.write() as session:
        publish_another_claim(session, world.placement(session))
        draft = rejudging.begin(session, world.placement(session), "essay", by="ines-01")

    def kinder(request: JudgeRequest) -> dict:
        answer = rate_everything(request)
        for rating in answer["ratings"]:
            rating["level"] = 2 if rating["criterion"] == "claim" else 1
        return answer

    executor(CountingJudge(kinder)).run_until_idle()

    assert [one.id for one in rows(world, JudgementRow)] == [one.id for one in before]  # nothing that holds moved
    assert {job.state for job in rows(world, Job, Job.kind == "judge")} == {"awaiting_review"}
    with world.database.read() as session:
        assert rejudging.progress(session, draft).judged == 2
        found = rejudging.rows(session, draft)
        assert {(row.state, row.sheet.changed) for row in found} == {("judged", 1)}
        assert [row.sheet.levels["claim"] for row in found] == [2, 2]
        assert [row.sheet.before_levels["claim"] for row in found] == [1, 1]
        assert rejudging.moves(session, draft).up == 2

    with world.database.write() as session:
        choose(session, draft, by=world.ines_id, reason="", due_at=utc_now(), batch="b")
    assert carry_out_due(world.database) == 2
    with world.database.read() as session:
        for row in session.scalars(select(RejudgedSheet)):
            sheet = judge_sheet(session, row.submission)
            assert (sheet.rubric.version, sheet.points) == (2, row.points)


def test_the_same_rubric_and_judge_again_buys_nothing(world, executor, sample_texts) -> None:
    with world.database.write() as session:
        submit(session, world.placement(session), world.ada_id, "q1", sample_texts["q1"])
    executor().run_until_idle()
    with world.database.write() as session:
        draft = rejudging.begin(session, world.placement(session), "q1", by="ines-01")
    again = CountingJudge()
    executor(again).run_until_idle()
    assert again.asked == []
    with world.database.read() as session:
        assert [(row.state, row.sheet.changed) for row in rejudging.rows(session, draft)] == [("judged", 0)]


def test_a_judge_that_is_not_offered_any_more_is_waited_for_and_costs_no_try(world, executor, sample_texts) -> None:
    with world.database.write() as session:
        submit(session, world.placement(session), world.ada_id, "q1", sample_texts["q1"])
    executor().run_until_idle()
    with world.database.write() as session:
        draft = rejudging.begin(session, world.placement(session), "q1", by="ines-01", judge="claude")
    working = executor()
    working.run_until_idle()
    [job] = rows(world, Job, Job.kind == "rejudge")
    assert (job.state, job.tries, job.held) == ("queued", 0, True)
    with world.database.read() as session:
        seen = rejudging.progress(session, draft)
    assert (seen.held, seen.trouble) == (1, "The judge claude is not offered here any more.")
    assert working._bench.trouble == ""  # the executor's own judge is well


def test_a_job_that_no_draft_waits_for_any_more_ends(world, executor, sample_texts) -> None:
    with world.database.write() as session:
        submit(session, world.placement(session), world.ada_id, "q1", sample_texts["q1"])
    executor().run_until_idle()
    with world.database.write() as session:
        rejudging.begin(session, world.placement(session), "q1", by="ines-01")
        rejudging.close(session, world.placement(session), "q1")
    executor().run_until_idle()
    [job] = rows(world, Job, Job.kind == "rejudge")
    assert job.state == "done"
    [sheet] = rows(world, RejudgedSheet)
    assert sheet.judged_at is None

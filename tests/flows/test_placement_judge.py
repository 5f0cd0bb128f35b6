"""A placement that chose a judge of its own, and a budget of its own: what is asked of whom, and when it waits."""

from __future__ import annotations

import pytest

from flows import answers, sheets
from flows.answers import Bought
from flows.judging.judge import JudgeHeld, Usage
from lti_tool.models import RatingRow, Submission
from tests.flows.counting_judge import CountingJudge


def chosen(world, **settings) -> None:
    with world.database.write() as session:
        world.placement(session).settings = settings


def opened(world, submission: Submission, **offered: CountingJudge) -> sheets.OpenSheet:
    usual = CountingJudge()
    return sheets.open_sheets(world.database, usual, [submission.id], {"own": offered["own"]} if offered else {})[
        submission.id
    ]


def test_the_judge_that_a_placement_chose_is_asked_and_no_other(world, submission) -> None:
    own = CountingJudge()
    assert opened(world, submission, own=own).judge is not own
    chosen(world, judge="own")
    sheet = opened(world, submission, own=own)
    assert sheet.judge is own
    assert [part.judge is own for part in sheet.parts] == [True] * len(sheet.parts)
    assert sheet.parts


def test_a_judge_that_is_not_offered_any_more_leaves_the_usual_one(world, submission) -> None:
    chosen(world, judge="own")
    assert isinstance(opened(world, submission).judge, CountingJudge)


def test_what_is_spent_on_a_placement_holds_its_work_and_no_other(world, submission) -> None:
    chosen(world, budget_usd=1.0)
    sheet = opened(world, submission)
    assert (sheet.resource_link_id, sheet.budget_usd) == (world.resource_link_id, 1.0)
    part = sheet.parts[0]
    answer = answers.ask_judge(part.judge, part.request)
    paid = answer.model_copy(update={"usage": Usage(usd=1.0)})
    answers.keep_answers(world.database, [Bought(sheet.registration_id, part.fingerprint, paid)])
    answers.within_own_budget(world.database, world.resource_link_id, 1.0)  # nobody's sheet rests on it yet
    with world.database.write() as session:
        criterion = part.criteria[0]
        row = RatingRow(
            submission_id=submission.id, criterion=criterion, fingerprint=part.fingerprint, level=1, quotes=[]
        )
        session.add(row)

    with pytest.raises(JudgeHeld, match="budget of this placement is spent"):
        answers.within_own_budget(world.database, world.resource_link_id, 1.0)
    answers.within_own_budget(world.database, world.resource_link_id, 1.01)
    answers.within_own_budget(world.database, world.tiny_link_id, 1.0)


@pytest.mark.parametrize(("said", "budget"), [(None, None), (0, 0.0), ("much", None), (True, None)])
def test_a_budget_that_makes_no_sense_is_none(world, submission, said, budget) -> None:
    chosen(world, **({} if said is None else {"budget_usd": said}))
    assert opened(world, submission).budget_usd == budget

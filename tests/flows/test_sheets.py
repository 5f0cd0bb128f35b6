"""Filling in one sheet, step by step, without Prefect: what is asked, stored, reused, and never lost."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from flows import answers, closing, sheets
from flows.answers import Bought
from flows.closing import Filled
from flows.judging.judge import JudgeRefused, JudgeRequest, Reader, Usage
from flows.judging.panel import PanelJudge
from flows.sheets import Answered, OpenSheet
from lti_tool import claims
from lti_tool.attempts import submit
from lti_tool.db import utc_now
from lti_tool.jobs import LeaseLost
from lti_tool.models import AnswerRow, Job, JobEvent, JudgementRow, RatingRow, Release, ResourceLink, Submission
from tests.flows.counting_judge import CountingJudge, rate_everything

CRITERIA = ("claim", "failure_story", "retry", "checkpoint", "human_gate", "tradeoffs", "economy")


def claim(world):
    with world.database.write() as session:
        [taken] = claims.claim(session, owner="a", limit=1, lease_seconds=60)
        return taken


def fill_in(world, held, judge) -> str | None:
    """What the flow does with one submission, one step after the other."""
    sheet = begin(world, held, judge)
    for part in sheet.waiting:
        rate(world, held, sheet, part)
    return close(world, held, sheet)


def begin(world, held, judge) -> OpenSheet:
    sheet = open_sheet(world, judge, held.submission_id)
    assert sheets.begin(world.database, {held: sheet}) == {held}
    return sheet


def open_sheet(world, judge, submission_id) -> OpenSheet:
    return sheets.open_sheets(world.database, judge, [submission_id])[submission_id]


def answer_for(world, sheet, part):
    """The stored answer, or one that is bought now."""
    [known] = answers.stored_answers(world.database, [part.fingerprint])
    if known is not None:
        return known
    answer = answers.ask_judge(part.judge, part.request)
    [kept] = answers.keep_answers(world.database, [Bought(sheet.registration_id, part.fingerprint, answer)])
    return kept


def rate(world, held, sheet, part) -> None:
    """Raises LeaseLost."""
    answer = answer_for(world, sheet, part)
    raised(sheets.keep_ratings(world.database, [Answered(held, sheet, part, answer)]))


def close(world, held, sheet) -> str | None:
    """Raises LeaseLost."""
    return raised(closing.close_sheets(world.database, [Filled(held, sheet)]))


def raised(outcomes):
    [outcome] = outcomes
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def rows(world, kind, *where):
    with world.database.read() as session:
        return list(session.scalars(select(kind).where(*where)))


def expire(world) -> None:
    with world.database.write() as session:
        session.execute(update(Job).values(lease_until=utc_now() - timedelta(seconds=1)))


def send_by(world, person_id: int, text: str, item_id: str = "essay") -> Submission:
    with world.database.write() as session:
        return submit(session, world.placement(session), person_id, item_id, text)


def refuse(request: JudgeRequest) -> dict:
    raise JudgeRefused("the judge declined")


# ---- a whole sheet -------------------------------------------------------------------------------------------


def test_a_sheet_is_filled_in_and_waits_for_a_person(world, submission) -> None:
    judge = CountingJudge()
    assert fill_in(world, claim(world), judge) == "Every sheet here is confirmed by a person."
    assert judge.asked == [(criterion,) for criterion in CRITERIA]
    [judgement] = rows(world, JudgementRow)
    ratings = {row.id: row for row in rows(world, RatingRow)}
    assert {criterion: ratings[row].criterion for criterion, row in judgement.rating_ids.items()} == {
        criterion: criterion for criterion in CRITERIA
    }
    assert judgement.facts["words"] == 512
    [job] = rows(world, Job)
    assert (job.state, job.owner) == ("awaiting_review", None)


def test_the_stages_are_told_in_order(world, submission) -> None:
    fill_in(world, claim(world), CountingJudge())
    events = rows(world, JobEvent)
    assert [event.stage for event in events] == [
        "received", "reading", *["judging"] * 8, "checking quotes", "scoring", "held",
    ]  # fmt: skip
    assert [event.detail.get("done") for event in events if event.stage == "judging"] == list(range(8))
    assert events[3].detail == {"criterion": "claim", "title": "Claim", "done": 1, "of": 7}


def test_a_judge_of_whole_sheets_is_asked_once(world, submission) -> None:
    judge = CountingJudge(fills="sheet")
    fill_in(world, claim(world), judge)
    assert judge.asked == [CRITERIA]
    assert len(rows(world, RatingRow)) == 7


def test_what_code_rates_needs_no_judge(world, sample_texts) -> None:
    send_by(world, world.ada_id, sample_texts["q1"], "q1")
    judge = CountingJudge()
    fill_in(world, claim(world), judge)
    assert judge.asked == [("hit",), ("edge",)]
    assert {row.criterion: row.model for row in rows(world, RatingRow)} == {
        "form": "code", "hit": "none", "edge": "none",
    }  # fmt: skip


def test_a_drawing_carries_the_graph_checks(world, sample_texts) -> None:
    drawing = next(item_id for item_id, text in sample_texts.items() if text.lstrip().startswith("{"))
    send_by(world, world.ada_id, sample_texts[drawing], drawing)
    judge = CountingJudge()
    fill_in(world, claim(world), judge)
    [judgement] = rows(world, JudgementRow)
    assert judgement.evidence == "checks"
    assert 0 <= judgement.graph_checks["points"] <= 60


def test_a_sheet_closed_twice_is_one_judgement(world, submission) -> None:
    held = claim(world)
    fill_in(world, held, CountingJudge())
    with world.database.write() as session:
        session.execute(update(Job).values(state="queued"))
    fill_in(world, claim(world), CountingJudge())
    assert len(rows(world, JudgementRow)) == 1
    assert len(rows(world, RatingRow)) == 7


def test_the_sheet_that_stands_is_the_last_judges_though_it_judged_before_another(world, submission) -> None:
    one, other = CountingJudge(name="one"), CountingJudge(name="other")
    for judge in (one, other, one, one):  # closed twice it is no other sheet
        fill_in(world, claim(world), judge)
        with world.database.write() as session:
            session.execute(update(Job).values(state="queued"))
    first, second, third = rows(world, JudgementRow)
    assert [sheet.judge for sheet in (first, second, third)] == ["one", "other", "one"]
    assert first.rating_ids == third.rating_ids != second.rating_ids
    assert (len(one.asked), len(other.asked)) == (7, 7)


# ---- policy --------------------------------------------------------------------------------------------------


def auto(world) -> None:
    with world.database.write() as session:
        session.get_one(ResourceLink, world.resource_link_id).settings = {"release": "auto"}


def test_a_placement_may_release_by_policy(world, submission) -> None:
    auto(world)
    assert fill_in(world, claim(world), CountingJudge()) is None
    [job], [release] = rows(world, Job), rows(world, Release)
    assert job.state == "done"
    assert (release.review_id, set(release.levels)) == (None, set(CRITERIA))


@pytest.mark.parametrize("settings", [{}, {"release": "review"}, {"release": "gate"}])
def test_policy_releases_nothing_more_once_the_placement_asks_for_a_person(world, submission, settings) -> None:
    auto(world)
    held = claim(world)
    sheet = begin(world, held, CountingJudge())
    with world.database.write() as session:
        world.placement(session).settings = settings
    for part in sheet.waiting:
        rate(world, held, sheet, part)
    assert close(world, held, sheet) == "This placement no longer releases by itself."
    assert (rows(world, Release), rows(world, Job)[0].state) == ([], "awaiting_review")


def test_policy_never_releases_what_is_not_scored(world, submission) -> None:
    auto(world)
    judge = CountingJudge(lambda request: refuse(request) if "retry" in request.criteria else rate_everything(request))
    assert fill_in(world, claim(world), judge) == "Not scored: Retry layer."
    assert rows(world, Release) == []


# ---- answers that give no level ------------------------------------------------------------------------------


def test_a_refusal_is_a_row_and_is_not_bought_again(world, submission) -> None:
    judge = CountingJudge(refuse)
    held = claim(world)
    sheet = open_sheet(world, judge, held.submission_id)
    part = sheet.parts[0]
    for _ in range(2):
        answer = answer_for(world, sheet, part)
        [rating] = sheets.ratings_from(part, answer)
        assert (rating.level, rating.reason) == (None, "the judge declined")
    assert len(judge.asked) == 1


def test_a_quote_that_does_not_stand_in_the_text_leaves_its_criterion_unscored(world, submission) -> None:
    def invents(request: JudgeRequest) -> dict:
        body = rate_everything(request)
        if request.criteria == ("claim",):
            body["ratings"][0]["quotes"] = [{"text": "never written", "start": 0, "end": 13}]
        return body

    assert fill_in(world, claim(world), CountingJudge(invents)) == "Quote failed: Claim."
    [rating] = rows(world, RatingRow, RatingRow.criterion == "claim")
    assert (rating.level, rating.reason) == (None, "quote")
    assert len(rows(world, RatingRow, RatingRow.level.is_(None))) == 1


@pytest.mark.parametrize("body", [{}, {"ratings": "?"}, {"ratings": [{"criterion": "claim", "level": 9}]}])
def test_an_answer_that_cannot_be_read_is_unscored_and_never_zero(world, submission, body) -> None:
    fill_in(world, claim(world), CountingJudge(lambda _: body))
    assert {row.level for row in rows(world, RatingRow)} == {None}
    assert all(row.reason for row in rows(world, RatingRow))


def test_a_judge_that_chokes_on_its_own_answer_costs_that_criterion_only(world, submission) -> None:
    class Choking(CountingJudge):
        def read(self, request, answer):
            if request.criteria == ("claim",):
                raise ValueError
            return super().read(request, answer)

    fill_in(world, claim(world), Choking())
    [unread] = rows(world, RatingRow, RatingRow.level.is_(None))
    assert (unread.criterion, unread.reason) == ("claim", "unreadable")


# ---- bought once ---------------------------------------------------------------------------------------------


def test_another_learner_with_the_same_text_costs_nothing_and_the_instructor_is_told(world, submission) -> None:
    judge = CountingJudge()
    fill_in(world, claim(world), judge)
    send_by(world, world.bo_id, submission.text)
    assert fill_in(world, claim(world), judge) == "Another learner sent the same text."
    assert len(judge.asked) == 7
    first, second = rows(world, JudgementRow)
    assert "same_text" in second.flags
    assert "same_text" not in first.flags
    assert set(first.rating_ids.values()).isdisjoint(second.rating_ids.values())


def test_the_same_text_sent_again_is_the_same_submission(world, submission) -> None:
    fill_in(world, claim(world), CountingJudge())
    assert send_by(world, world.ada_id, submission.text).id == submission.id
    assert len(rows(world, Job)) == 1


def test_another_version_of_the_judge_is_asked_afresh(world, submission) -> None:
    first, second = CountingJudge(), CountingJudge(version="2")
    held = claim(world)
    for judge in (first, second):
        sheet = open_sheet(world, judge, held.submission_id)
        answer_for(world, sheet, sheet.parts[0])
    assert (len(first.asked), len(second.asked)) == (1, 1)


def test_of_two_answers_to_one_question_the_first_stands(world, submission) -> None:
    judge = CountingJudge()
    sheet = open_sheet(world, judge, submission.id)
    part = sheet.parts[0]

    def someone_else_was_faster(request: JudgeRequest) -> dict:
        with world.database.write() as session:
            session.add(
                AnswerRow(
                    fingerprint=part.fingerprint,
                    registration_id=world.registration_id,
                    body={"ratings": []},
                    model="faster",
                    usage=Usage().model_dump(mode="json"),
                )
            )
        return rate_everything(request)

    judge.answer = someone_else_was_faster
    assert answer_for(world, sheet, part).model == "faster"


# ---- broken off ----------------------------------------------------------------------------------------------


def test_a_resumed_sheet_asks_only_for_what_is_missing(world, submission) -> None:
    judge = CountingJudge()
    held = claim(world)
    sheet = begin(world, held, judge)
    for part in sheet.waiting[:3]:
        rate(world, held, sheet, part)
    expire(world)
    fill_in(world, claim(world), judge)
    assert judge.asked == [(criterion,) for criterion in CRITERIA]
    stages = [event.stage for event in rows(world, JobEvent)]
    assert stages.count("reading") == 1
    assert stages.count("judging") == 8
    [resumed] = rows(world, JobEvent, JobEvent.stage == "resumed")
    assert resumed.detail == {"at": "judging 4 of 7"}


def test_an_owner_whose_lease_ran_out_stores_no_rating_but_what_was_paid_for_is_kept(world, submission) -> None:
    judge = CountingJudge()
    held = claim(world)
    sheet = begin(world, held, judge)
    [part, *_] = sheet.waiting
    expire(world)
    with pytest.raises(LeaseLost):
        rate(world, held, sheet, part)
    with pytest.raises(LeaseLost):
        close(world, held, sheet)
    with world.database.read() as session:
        counts = [
            session.scalar(select(func.count()).select_from(kind)) for kind in (RatingRow, JudgementRow, AnswerRow)
        ]
    assert counts == [0, 0, 1]


# ---- a panel -------------------------------------------------------------------------------------------------


def test_a_panels_members_are_asked_once_and_their_ratings_stand_beside_its_own(world, submission) -> None:
    one, other = CountingJudge(name="one"), CountingJudge(name="other", fills="sheet")
    panel = PanelJudge("panel", [Reader(one), Reader(other)])
    fill_in(world, claim(world), panel)
    assert (len(one.asked), len(other.asked)) == (7, 1)
    assert len(rows(world, AnswerRow)) == 8
    assert len(rows(world, RatingRow)) == 7 + 7 + 7
    [judgement] = rows(world, JudgementRow)
    own = rows(world, RatingRow, RatingRow.id.in_(judgement.rating_ids.values()))
    assert {(row.model, row.level, row.confidence, row.doubt) for row in own} == {("median", 1, 1.0, "")}


def test_what_a_member_answered_alone_is_not_paid_again_on_a_panel(world, submission, sample_texts) -> None:
    one, other = CountingJudge(name="one"), CountingJudge(name="other", answer=refuse)
    fill_in(world, claim(world), one)
    send_by(world, world.bo_id, submission.text)
    reason = fill_in(world, claim(world), PanelJudge("panel", [Reader(one), Reader(other)]))
    assert len(one.asked) == 7
    assert "Claim: other could not rate it (the judge declined)" in reason


def test_a_panel_that_broke_off_goes_on_where_it_was(world, submission) -> None:
    one, other = CountingJudge(name="one"), CountingJudge(name="other")
    panel = PanelJudge("panel", [Reader(one), Reader(other)])
    held = claim(world)
    sheet = begin(world, held, panel)
    for part in sheet.waiting[:9]:
        rate(world, held, sheet, part)
    expire(world)
    held = claim(world)
    sheet = begin(world, held, panel)
    waiting = sheet.waiting
    assert [part.judge.name for part in waiting] == ["other"] * 5
    for part in waiting:
        rate(world, held, sheet, part)
    close(world, held, sheet)
    assert (len(one.asked), len(other.asked)) == (7, 7)

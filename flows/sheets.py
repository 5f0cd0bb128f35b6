"""A sheet being filled in: what is asked, what was answered, what is stored. No Prefect here.

Every function opens its own short transaction and may run twice. What belongs to a submission is written as the
holder of its job; an answer that was paid for is kept whoever holds it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from flows.gate import QUOTE, gate_reason
from flows.judging.judge import (
    Answer,
    Judge,
    JudgeHeld,
    JudgeRefused,
    JudgeRequest,
    Question,
    Usage,
    combined,
    evidence_of,
    fingerprint,
    is_panel,
    questions_for,
    rate_by_code,
    settle,
    unscored,
)
from lti_tool import jobs
from lti_tool.db import Database, utc_now
from lti_tool.jobs import Claim
from lti_tool.lessons import rubric_of
from lti_tool.models import AnswerRow, JobEvent, JudgementRow, RatingRow, Submission
from lti_tool.review_queue import same_text
from lti_tool.reviews import ReviewProblem, release_by_policy
from rubrics.checks import Facts, find_facts
from rubrics.drawing import DrawingError, check_drawing, parse_drawing
from rubrics.evidence import confirmed
from rubrics.judgement import Rating
from rubrics.model import Rubric

REFUSED = "refused"
UNREADABLE = "unreadable"
CODE = "code"


@dataclass(frozen=True)
class Part:
    """One question to a judge: a criterion, or all of them for a judge that fills in whole sheets."""

    request: JudgeRequest
    fingerprint: str
    judge: Judge

    @property
    def criteria(self) -> tuple[str, ...]:
        """The criteria that are asked for."""
        return self.request.criteria


@dataclass(frozen=True)
class OpenSheet:
    """Everything that has to be known to fill in one sheet."""

    submission_id: int
    registration_id: int
    text: str
    rubric: Rubric
    facts: Facts
    coded: tuple[Rating, ...]
    parts: tuple[Part, ...]
    policy: str
    same_text: bool
    judge: Judge

    def part(self, fingerprint: str) -> Part:
        """The question with this fingerprint; KeyError if there is none."""
        for part in self.parts:
            if part.fingerprint == fingerprint:
                return part
        raise KeyError(f"nothing is asked under {fingerprint}")

    @property
    def flags(self) -> tuple[str, ...]:
        """What code found, and whether another learner sent the same."""
        return (*self.facts.flags, "same_text") if self.same_text else self.facts.flags


# ---- before the judge ----------------------------------------------------------------------------------------


def open_sheet(database: Database, judge: Judge, submission_id: int) -> OpenSheet:
    """Read a submission and work out what has to be asked about it."""
    with database.read() as session:
        submission = session.get_one(Submission, submission_id)
        registration_id = submission.person.registration_id
        rubric = rubric_of(submission)
        policy = str(submission.resource_link.settings.get("release", "review"))
        twins = same_text(session, submission.resource_link, [submission])
    text, facts = submission.text, find_facts(submission.text, rubric)
    asked = questions_for(judge, rubric, text, facts, scope=_scope(registration_id))
    return OpenSheet(
        submission_id=submission_id,
        registration_id=registration_id,
        text=text,
        rubric=rubric,
        facts=facts,
        coded=rate_by_code(rubric, text, facts),
        parts=tuple(Part(question.request, question.fingerprint, question.judge) for question in asked),
        policy=policy,
        same_text=bool(twins),
        judge=judge,
    )


def _fingerprint(registration_id: int, judge: Judge, rubric: Rubric, criteria: Sequence[str], text: str) -> str:
    return fingerprint(scope=_scope(registration_id), judge=judge, rubric=rubric, criteria=criteria, text=text)


def _scope(registration_id: int) -> str:
    return f"registration:{registration_id}"


def begin(database: Database, claim: Claim, sheet: OpenSheet) -> tuple[Part, ...]:
    """Record what code found, and return what is still to be asked: on a resume, only what was not rated before."""
    with database.write() as session:
        jobs.hold(session, claim)
        _reach(session, claim, "reading", words=sheet.facts.words)
        for rating in sheet.coded:
            mark = _fingerprint(sheet.registration_id, sheet.judge, sheet.rubric, [rating.criterion], sheet.text)
            _store(session, sheet, rating, mark, CODE)
        waiting = tuple(part for part in sheet.parts if len(_stored(session, sheet, part)) < len(part.criteria))
        if sheet.parts:
            _reach(session, claim, "judging", done=0, of=sum(len(part.criteria) for part in sheet.parts))
        return waiting


def _reach(session: Session, claim: Claim, stage: str, **detail: Any) -> None:
    known = select(JobEvent.id).where(JobEvent.job_id == claim.job_id, JobEvent.stage == stage)
    if session.scalar(known.limit(1)) is None:
        jobs.add_event(session, claim.job_id, stage, **detail)


# ---- the judge's answer --------------------------------------------------------------------------------------


def stored_answer(database: Database, part: Part) -> Answer | None:
    """The answer to this question that was paid for before, if there is one."""
    with database.read() as session:
        row = session.get(AnswerRow, part.fingerprint)
        return None if row is None else _answer(row)


def answer_for(database: Database, sheet: OpenSheet, part: Part, budget_usd: float = 0) -> Answer:
    """The judge's answer: the stored one, else a new one, stored before anyone reads it. Raises JudgeUnavailable.

    A refusal is an answer too, so that nobody buys it again. JudgeHeld when today's budget is spent.
    """
    known = stored_answer(database, part)
    if known is not None:
        return known
    if budget_usd and part.judge.paid:
        within_budget(database, budget_usd)
    try:
        answer = part.judge.ask(part.request)
    except JudgeRefused as refusal:
        answer = Answer(body={REFUSED: refusal.reason}, model=part.judge.model)
    return _keep_answer(database, sheet.registration_id, part.fingerprint, answer)


def within_budget(database: Database, budget_usd: float) -> None:
    """Raises JudgeHeld when what was paid today reaches the budget."""
    now = utc_now()
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    with database.read() as session:
        spent = session.scalar(select(func.sum(AnswerRow.usage["usd"].as_float())).where(AnswerRow.created_at >= today))
    if (spent or 0) >= budget_usd:
        until_midnight = (today + timedelta(days=1) - now).total_seconds()
        raise JudgeHeld("Today's budget for judging is spent; it goes on tomorrow.", until_midnight)


def _keep_answer(database: Database, registration_id: int, mark: str, answer: Answer) -> Answer:
    """Store an answer; where another executor stored one meanwhile, that one stands."""
    row = AnswerRow(
        fingerprint=mark,
        registration_id=registration_id,
        body=answer.body,
        model=answer.model,
        usage=answer.usage.model_dump(mode="json"),
    )
    try:
        with database.write() as session:
            session.add(row)
    except IntegrityError:
        with database.read() as session:
            return _answer(session.get_one(AnswerRow, mark))
    return answer


def _answer(row: AnswerRow) -> Answer:
    return Answer(body=row.body, model=row.model, usage=Usage.model_validate(row.usage))


def ratings_from(part: Part, answer: Answer) -> tuple[Rating, ...]:
    """What an answer says, as far as code could confirm it; unscored with a reason where it can't be read."""
    if set(answer.body) == {REFUSED}:
        return unscored(part.request, str(answer.body[REFUSED]))
    try:
        return settle(part.judge, part.request, part.judge.read(part.request, answer))
    except Exception:  # whatever a judge makes of its own answer must not cost the other criteria
        return unscored(part.request, UNREADABLE)


def keep_ratings(
    database: Database, claim: Claim, sheet: OpenSheet, part: Part, ratings: Sequence[Rating], model: str
) -> None:
    """Store the ratings of one answer and say how far the judging is, in one step. Raises LeaseLost."""
    with database.write() as session:
        jobs.hold(session, claim)
        for rating in ratings:
            if _store(session, sheet, rating, part.fingerprint, model):
                jobs.add_event(
                    session,
                    claim.job_id,
                    "judging",
                    criterion=rating.criterion,
                    title=sheet.rubric.criterion(rating.criterion).title,
                    done=sum(len(_stored(session, sheet, each)) for each in sheet.parts),
                    of=sum(len(each.criteria) for each in sheet.parts),
                )


def _store(session: Session, sheet: OpenSheet, rating: Rating, mark: str, model: str) -> bool:
    known = select(RatingRow.id).where(
        RatingRow.submission_id == sheet.submission_id,
        RatingRow.criterion == rating.criterion,
        RatingRow.fingerprint == mark,
    )
    if session.scalar(known) is not None:
        return False
    fields = rating.model_dump(mode="json", exclude={"needs"})  # the frozen rubric says it
    session.add(RatingRow(submission_id=sheet.submission_id, fingerprint=mark, model=model, **fields))
    session.flush()
    return True


def _stored(session: Session, sheet: OpenSheet, part: Part) -> dict[str, RatingRow]:
    rows = session.scalars(
        select(RatingRow).where(
            RatingRow.submission_id == sheet.submission_id, RatingRow.fingerprint == part.fingerprint
        )
    )
    return {row.criterion: row for row in rows if row.criterion in part.criteria}


# ---- the whole sheet -----------------------------------------------------------------------------------------


def close_sheet(database: Database, claim: Claim, sheet: OpenSheet) -> str | None:
    """Put the ratings together, and let the gate decide, in one transaction; returns why a person decides, if so.

    Quotes are looked up in the text once more, whoever stored them. Raises LeaseLost.
    """
    with database.write() as session:
        jobs.hold(session, claim)
        _store_combined(session, sheet)
        rows = _all_ratings(session, sheet)
        ratings = [_standing(sheet, row) for row in rows]
        quotes = sum(len(rating.quotes) for rating in ratings)
        failed = sum(rating.reason == QUOTE for rating in ratings)
        _reach(session, claim, "checking quotes", quotes=quotes, failed=failed)
        _reach(session, claim, "scoring")
        _store_judgement(session, sheet, rows)
        reason = gate_reason(
            policy=sheet.policy,
            rubric=sheet.rubric,
            ratings=ratings,
            flags=sheet.flags,
            provisional=sheet.judge.provisional,
            evidence=evidence_of(sheet.judge, sheet.rubric),
        )
        reason = reason or _release(session, sheet)
        if reason is None:
            jobs.finish(session, claim)
        else:
            jobs.to_gate(session, claim, reason)
        return reason


def _store_combined(session: Session, sheet: OpenSheet) -> None:
    """A panel's own ratings, beside those of its readers."""
    if not is_panel(sheet.judge):
        return
    given = [
        (
            Question(part.judge, part.request, part.fingerprint),
            [_rating(row) for row in _stored(session, sheet, part).values()],
        )
        for part in sheet.parts
    ]
    for criterion, rating in combined(sheet.judge, sheet.rubric, sheet.text, sheet.facts, given).items():
        mark = _fingerprint(sheet.registration_id, sheet.judge, sheet.rubric, [criterion], sheet.text)
        _store(session, sheet, rating, mark, sheet.judge.model)


def _all_ratings(session: Session, sheet: OpenSheet) -> list[RatingRow]:
    """The rating that stands for each criterion: the judge's, a panel's own, or the one that code gave."""
    of_judge = {} if is_panel(sheet.judge) else {name: part for part in sheet.parts for name in part.criteria}
    found = {}
    for criterion in sheet.rubric.criteria:
        if criterion.id in of_judge:
            mark = of_judge[criterion.id].fingerprint
        else:
            mark = _fingerprint(sheet.registration_id, sheet.judge, sheet.rubric, [criterion.id], sheet.text)
        rows = select(RatingRow).where(
            RatingRow.submission_id == sheet.submission_id,
            RatingRow.criterion == criterion.id,
            RatingRow.fingerprint == mark,
        )
        found[criterion.id] = session.scalars(rows).one()
    return list(found.values())


def _rating(row: RatingRow) -> Rating:
    """A stored rating as it was."""
    fields = [name for name in Rating.model_fields if name != "needs"]
    return Rating.model_validate({name: getattr(row, name) for name in fields})


def _standing(sheet: OpenSheet, row: RatingRow) -> Rating:
    """A stored rating, unscored if one of its quotes does not stand in the text."""
    rating = _rating(row)
    if any(confirmed(sheet.text, quote) is None for quote in rating.quotes):
        return Rating(criterion=row.criterion, level=None, reason=QUOTE)
    return rating


def _store_judgement(session: Session, sheet: OpenSheet, rows: Sequence[RatingRow]) -> None:
    criteria = [criterion.id for criterion in sheet.rubric.criteria]
    mark = _fingerprint(sheet.registration_id, sheet.judge, sheet.rubric, criteria, sheet.text)
    known = select(JudgementRow.id).where(
        JudgementRow.submission_id == sheet.submission_id, JudgementRow.fingerprint == mark
    )
    if session.scalar(known) is not None:
        return
    session.add(
        JudgementRow(
            submission_id=sheet.submission_id,
            fingerprint=mark,
            judge=sheet.judge.name,
            judge_version=sheet.judge.version,
            judge_label=sheet.judge.label,
            evidence=evidence_of(sheet.judge, sheet.rubric),
            provisional=sheet.judge.provisional,
            rating_ids={row.criterion: row.id for row in rows},
            flags=list(sheet.flags),
            facts=sheet.facts.model_dump(mode="json"),
            graph_checks=_graph_checks(sheet),
        )
    )
    session.flush()


def _graph_checks(sheet: OpenSheet) -> dict[str, Any] | None:
    if sheet.rubric.kind != "drawing":
        return None
    try:
        return check_drawing(parse_drawing(sheet.text)).model_dump(mode="json")
    except DrawingError:
        return None


def _release(session: Session, sheet: OpenSheet) -> str | None:
    """Release by policy; the reason why it could not be done, if so."""
    try:
        with session.begin_nested():
            release_by_policy(session, session.get_one(Submission, sheet.submission_id))
    except ReviewProblem as problem:
        return str(problem)
    return None

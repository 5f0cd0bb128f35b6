"""Sheets being filled in: what has to be asked, what was rated, and how far it is. No Prefect here.

Every function does a lot of them in one short transaction, and may run twice. What belongs to a submission is written
as the holder of its job: a job that somebody else holds by now gets LeaseLost as its outcome, and nothing is written.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from flows.answers import REFUSED, known
from flows.judging.judge import (
    Answer,
    Judge,
    JudgeRequest,
    fingerprint,
    questions_for,
    rate_by_code,
    settle,
    unscored,
)
from lti_tool import jobs
from lti_tool.db import Database, insert_new
from lti_tool.jobs import Claim, LeaseLost
from lti_tool.lessons import lesson_of, rubric_of
from lti_tool.models import JobEvent, RatingRow, ResourceLink, Submission
from lti_tool.review_queue import same_text
from rubrics.checks import Facts, find_facts
from rubrics.judgement import Rating
from rubrics.model import Rubric

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
    """Everything that has to be known to fill in one sheet; `rated` grows: (fingerprint, criterion) of each rating.

    `answered` are the questions whose answers were stored before the sheet was begun.
    """

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
    resource_link_id: int = 0
    budget_usd: float | None = None
    rated: set[tuple[str, str]] = field(default_factory=set, compare=False)
    answered: set[str] = field(default_factory=set, compare=False)
    hot_take: bool = False
    rubric_version_id: int | None = None  # where it is another than the submission's own
    draft_sheet_id: int | None = None  # where it is filled in for a draft

    def part(self, fingerprint: str) -> Part:
        """The question with this fingerprint; KeyError if there is none."""
        for part in self.parts:
            if part.fingerprint == fingerprint:
                return part
        raise KeyError(f"nothing is asked under {fingerprint}")

    def mark(self, *criteria: str) -> str:
        """The fingerprint of the judge's own word on these criteria, whoever was asked for it."""
        return fingerprint(
            scope=_scope(self.registration_id),
            judge=self.judge,
            rubric=self.rubric,
            criteria=criteria,
            text=self.text,
        )

    @property
    def waiting(self) -> tuple[Part, ...]:
        """What is still to be asked."""
        return tuple(
            part for part in self.parts if any((part.fingerprint, one) not in self.rated for one in part.criteria)
        )

    @property
    def progress(self) -> dict[str, int]:
        """How many ratings there are, of how many."""
        asked = {(part.fingerprint, one) for part in self.parts for one in part.criteria}
        return {"done": len(asked & self.rated), "of": len(asked)}

    @property
    def flags(self) -> tuple[str, ...]:
        """What code found, and whether another learner sent the same."""
        return (*self.facts.flags, "same_text") if self.same_text else self.facts.flags


# ---- before the judge ----------------------------------------------------------------------------------------


def open_sheets(
    database: Database, judge: Judge, submission_ids: Sequence[int], offered: Mapping[str, Judge] | None = None
) -> dict[int, OpenSheet | Exception]:
    """Read submissions and work out what has to be asked about each; the error where one can't be opened.

    A placement that chose one of the `offered` judges has its work read by that one.
    """
    with database.read() as session:
        found, twins = submissions_to_judge(session, submission_ids)
    opened: dict[int, OpenSheet | Exception] = {}
    for submission in found:
        try:
            chosen = (offered or {}).get(str(submission.resource_link.settings.get("judge")), judge)
            opened[submission.id] = open_sheet(chosen, submission, twin=submission.id in twins)
        except Exception as error:
            opened[submission.id] = error
    return opened


def submissions_to_judge(
    session: Session, submission_ids: Sequence[int]
) -> tuple[Sequence[Submission], frozenset[int]]:
    """Submissions with all that a sheet is opened with, and the ids of those that another learner sent, too."""
    found = session.scalars(
        select(Submission)
        .where(Submission.id.in_(submission_ids))
        .options(
            joinedload(Submission.person),
            joinedload(Submission.resource_link).joinedload(ResourceLink.deployment),
            selectinload(Submission.rubric_version),
            selectinload(Submission.lesson_version),
        )
    ).all()
    return found, frozenset(_same_text(session, found))


def _same_text(session: Session, submissions: Iterable[Submission]) -> set[int]:
    """The ids of those that another learner sent, too."""
    placed: dict[tuple[int, str], list[Submission]] = defaultdict(list)
    for one in submissions:
        placed[one.person.registration_id, one.resource_link.lesson_slug].append(one)
    return {twin for group in placed.values() for twin in same_text(session, group[0].resource_link, group)}


def open_sheet(judge: Judge, submission: Submission, *, twin: bool, rubric: Rubric | None = None) -> OpenSheet:
    """What has to be asked about one submission; on its own version of the rubric unless another one is given."""
    rubric, registration_id = rubric or rubric_of(submission), submission.person.registration_id
    text, facts = submission.text, find_facts(submission.text, rubric)
    asked = questions_for(judge, rubric, text, facts, scope=_scope(registration_id))
    return OpenSheet(
        submission_id=submission.id,
        registration_id=registration_id,
        text=text,
        rubric=rubric,
        facts=facts,
        coded=rate_by_code(rubric, text, facts),
        parts=tuple(Part(question.request, question.fingerprint, question.judge) for question in asked),
        policy=str(submission.resource_link.settings.get("release", "review")),
        same_text=twin,
        judge=judge,
        hot_take=lesson_of(submission).item(submission.item_id).kind == "hot_take",
        resource_link_id=submission.resource_link_id,
        budget_usd=_budget(submission.resource_link),
    )


def _budget(link: ResourceLink) -> float | None:
    """What judging may cost on this placement; None where it has no budget of its own."""
    said = link.settings.get("budget_usd")
    return float(said) if isinstance(said, int | float) and not isinstance(said, bool) else None


def _scope(registration_id: int) -> str:
    return f"registration:{registration_id}"


def begin(database: Database, opened: Mapping[Claim, OpenSheet]) -> frozenset[Claim]:
    """Record what code found, and what was rated and answered before; returns the claims that are still ours."""
    with database.write() as session:
        held = jobs.hold_all(session, opened)
        sheets = {claim: sheet for claim, sheet in opened.items() if claim in held}
        coded = [
            rating_row(sheet, rating, sheet.mark(rating.criterion), CODE)
            for sheet in sheets.values()
            for rating in sheet.coded
        ]
        insert_ratings(session, coded)
        by_id = {sheet.submission_id: sheet for sheet in sheets.values()}
        rated = select(RatingRow.submission_id, RatingRow.fingerprint, RatingRow.criterion)
        for row in session.execute(rated.where(RatingRow.submission_id.in_(by_id))):
            by_id[row.submission_id].rated.add((row.fingerprint, row.criterion))
        stored = known(session, [part.fingerprint for sheet in sheets.values() for part in sheet.waiting])
        for sheet in sheets.values():
            sheet.answered.update(part.fingerprint for part in sheet.parts if part.fingerprint in stored)
        reach(
            session,
            [(claim, "reading", {"words": sheet.facts.words}) for claim, sheet in sheets.items()]
            + [(claim, "judging", {**sheet.progress, "done": 0}) for claim, sheet in sheets.items() if sheet.parts],
        )
    return held


def reach(session: Session, stages: Sequence[tuple[Claim, str, Mapping[str, Any]]]) -> None:
    """Record that jobs are at a stage for the first time; a second time changes nothing."""
    known = session.execute(
        select(JobEvent.job_id, JobEvent.stage).where(
            JobEvent.job_id.in_({claim.job_id for claim, _, _ in stages}),
            JobEvent.stage.in_({stage for _, stage, _ in stages}),
        )
    )
    before = {(row.job_id, row.stage) for row in known}
    new = [(claim.job_id, stage, detail) for claim, stage, detail in stages if (claim.job_id, stage) not in before]
    jobs.add_events(session, new)


# ---- from an answer to ratings -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Answered:
    """An answer to one question about one submission."""

    claim: Claim
    sheet: OpenSheet
    part: Part
    answer: Answer


def ratings_from(part: Part, answer: Answer) -> tuple[Rating, ...]:
    """What an answer says, as far as code could confirm it; unscored with a reason where it can't be read."""
    if set(answer.body) == {REFUSED}:
        return unscored(part.request, str(answer.body[REFUSED]))
    try:
        return settle(part.judge, part.request, part.judge.read(part.request, answer))
    except Exception:  # whatever a judge makes of its own answer must not cost the other criteria
        return unscored(part.request, UNREADABLE)


def keep_ratings(database: Database, answered: Sequence[Answered]) -> list[Exception | None]:
    """Read answers, store what they say and how far each judging is; LeaseLost for jobs that are no longer ours."""
    read = [(one, ratings_from(one.part, one.answer)) for one in answered]
    with database.write() as session:
        held = jobs.hold_all(session, {one.claim for one in answered})
        rows = [
            rating_row(one.sheet, rating, one.part.fingerprint, one.answer.model)
            for one, ratings in read
            if one.claim in held
            for rating in ratings
        ]
        new = insert_ratings(session, rows)
        jobs.add_events(
            session,
            [
                (one.claim.job_id, "judging", _one_more(one, rating))
                for one, ratings in read
                for rating in ratings
                if (one.sheet.submission_id, one.part.fingerprint, rating.criterion) in new
            ],
        )
    return [None if one.claim in held else LeaseLost(f"job {one.claim.job_id}") for one in answered]


def _one_more(one: Answered, rating: Rating) -> dict[str, Any]:
    one.sheet.rated.add((one.part.fingerprint, rating.criterion))
    title = one.sheet.rubric.criterion(rating.criterion).title
    return {"criterion": rating.criterion, "title": title, **one.sheet.progress}


def rating_row(sheet: OpenSheet, rating: Rating, mark: str, model: str) -> dict[str, Any]:
    """A rating as a row of its table."""
    fields = rating.model_dump(mode="json", exclude={"needs"})  # the frozen rubric says it
    return {"submission_id": sheet.submission_id, "fingerprint": mark, "model": model, **fields}


def insert_ratings(session: Session, rows: Sequence[Mapping[str, Any]]) -> set[tuple[int, str, str]]:
    """Store ratings; returns (submission, fingerprint, criterion) of those that were not there before."""
    columns = ["submission_id", "fingerprint", "criterion"]
    new = insert_new(session, RatingRow.__table__, rows, columns)  # type: ignore[arg-type]
    return {(row.submission_id, row.fingerprint, row.criterion) for row in new}

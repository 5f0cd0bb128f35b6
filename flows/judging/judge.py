"""What a judge is: it is asked once (the paid part), its answer is kept, and reading it gives ratings.

JudgeError
├── JudgeUnavailable  try again later
│   └── JudgeHeld     later, after somebody changed something: a key, a budget; no try is counted
├── JudgeRefused      asked and answered: no level will come of asking again
└── UnknownJudge      no judge has this name
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeGuard

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rubrics.checks import (
    CHECKS_VERSION,
    Facts,
    capped_level,
    find_facts,
    form_level,
    send_problem,
)
from rubrics.drawing import DrawingError, canonical, parse_drawing
from rubrics.evidence import Evidence as Evidence
from rubrics.evidence import with_evidence
from rubrics.judgement import Judgement, Rating
from rubrics.model import Rubric

COMMENT_WORDS = 60


class JudgeError(Exception):
    """A judge gave no usable answer."""


class JudgeUnavailable(JudgeError):
    """The judge cannot answer now; `retry_after` is in seconds where it said so.

    `kind` is a word or two for the operator's figures, one of a few and never from the text.
    """

    def __init__(self, message: str, retry_after: float | None = None, kind: str = "unavailable") -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.kind = kind


class JudgeHeld(JudgeUnavailable):
    """The judge may not be asked until an operator acts; work waits, and no try is counted."""

    def __init__(self, message: str, retry_after: float | None = None, kind: str = "held") -> None:
        super().__init__(message, retry_after, kind)


class JudgeRefused(JudgeError):
    """The judge declined this text for good; `reason` is what the sheet says."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class UnknownJudge(JudgeError):
    """No judge has this name."""


@dataclass(frozen=True)
class JudgeRequest:
    """What a judge is asked: these criteria of this rubric, for this text with its facts."""

    rubric: Rubric
    criteria: tuple[str, ...]
    text: str
    facts: Mapping[str, Any]
    repeat: int = 0


class Usage(BaseModel):
    """What an answer took."""

    model_config = ConfigDict(frozen=True)

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    usd: float = 0.0
    seconds: float = 0.0

    def __add__(self, other: "Usage") -> "Usage":
        """Both together, one after the other."""
        mine, more = self.model_dump(), other.model_dump()
        return Usage(**{name: value + more[name] for name, value in mine.items()})


class Answer(BaseModel):
    """A judge's answer as it came, before anyone believes it; survives a trip through JSON."""

    model_config = ConfigDict(frozen=True)

    body: dict[str, Any]
    model: str
    usage: Usage = Field(default_factory=Usage)


class Judge(Protocol):
    """Someone who fills in a sheet; `prompt_hash` covers all of its own words."""

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def parameters(self) -> Mapping[str, Any]: ...
    @property
    def prompt_hash(self) -> str: ...
    @property
    def evidence(self) -> Evidence: ...
    @property
    def fills(self) -> Literal["criterion", "sheet"]: ...
    @property
    def provisional(self) -> bool: ...
    @property
    def label(self) -> str: ...
    @property
    def paid(self) -> bool: ...

    def ask(self, request: JudgeRequest) -> Answer:
        """The paid part: the answer as it came. Raises JudgeUnavailable or JudgeRefused."""
        ...

    def read(self, request: JudgeRequest, answer: Answer) -> tuple[Rating, ...]:
        """One rating for each criterion asked, unscored where the answer does not hold."""
        ...


@dataclass(frozen=True)
class Reader:
    """Who reads a text: a judge, for the first time or again (`repeat`)."""

    judge: Judge
    repeat: int = 0


class Panel(Judge, Protocol):
    """A judge that puts other judges' ratings together; it is not asked itself, its readers are."""

    @property
    def readers(self) -> tuple[Reader, ...]: ...

    def combine(self, rubric: Rubric, criterion: str, ratings: Sequence[tuple[Reader, Rating]]) -> Rating:
        """One rating from what each reader said about a criterion."""
        ...


def is_panel(judge: Judge) -> TypeGuard[Panel]:
    """Whether others are asked in its place."""
    return hasattr(judge, "readers")


def readers_of(judge: Judge) -> tuple[Reader, ...]:
    """Who is asked: the judge itself, or the readers of a panel."""
    return judge.readers if is_panel(judge) else (Reader(judge),)


@dataclass(frozen=True)
class Question:
    """One thing to ask one judge; its answer is paid once and found again by the fingerprint."""

    judge: Judge
    request: JudgeRequest
    fingerprint: str


def fingerprint(
    *, scope: str, judge: Judge, rubric: Rubric, criteria: Sequence[str], text: str, repeat: int = 0
) -> str:
    """SHA-256 (hex) over everything an answer depends on; `scope` is a registration or an eval set."""
    content = {
        "scope": scope,
        "judge": [judge.name, judge.version],
        "prompt": judge.prompt_hash,
        "model": judge.model,
        "parameters": dict(judge.parameters),
        "rubric": rubric.content_hash,
        "checks": CHECKS_VERSION,
        "criteria": sorted(criteria),
        "text": text_hash(rubric, text),
        "repeat": repeat,
    }
    return _sha256(json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False))


def text_hash(rubric: Rubric, text: str) -> str:
    """SHA-256 (hex) of a text, or of a drawing's canonical form, so that moving a box changes nothing."""
    if rubric.kind == "drawing":
        try:
            return _sha256(canonical(parse_drawing(text)))
        except DrawingError:
            pass
    return _sha256(text)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def judge_text(judge: Judge, rubric: Rubric, text: str) -> Judgement:
    """The whole sheet for one text, in this process. Raises JudgeUnavailable."""
    facts = find_facts(text, rubric)
    given: list[tuple[Question, tuple[Rating, ...]]] = []
    usage = Usage()
    for question in questions_for(judge, rubric, text, facts, scope=""):
        read, took = answered(question)
        given.append((question, read))
        usage += took
    ratings = {rating.criterion: rating for rating in rate_by_code(rubric, text, facts)}
    ratings |= combined(judge, rubric, text, facts, given)
    return Judgement(
        ratings=tuple(ratings[criterion.id] for criterion in rubric.criteria),
        flags=facts.flags,
        facts=facts.model_dump(mode="json"),
        judge=judge.name,
        evidence=evidence_of(judge, rubric),
        provisional=judge.provisional,
        usage=usage.model_dump(),
    )


def questions_for(
    judge: Judge, rubric: Rubric, text: str, facts: Facts, *, scope: str, repeat: int = 0
) -> tuple[Question, ...]:
    """Everything that has to be asked for one sheet, of whom; a panel's answers are those of its readers alone."""
    readers = readers_of(judge)
    per_reading = max(reader.repeat for reader in readers) + 1
    return tuple(
        Question(
            reader.judge,
            request,
            fingerprint(
                scope=scope,
                judge=reader.judge,
                rubric=rubric,
                criteria=request.criteria,
                text=text,
                repeat=request.repeat,
            ),
        )
        for reader in readers
        for request in requests_for(reader.judge, rubric, text, facts, repeat * per_reading + reader.repeat)
    )


def answered(question: Question) -> tuple[tuple[Rating, ...], Usage]:
    """Ask, read and settle; a refusal leaves its criteria unscored. Raises JudgeUnavailable."""
    judge, request = question.judge, question.request
    try:
        answer = judge.ask(request)
    except JudgeRefused as refusal:
        return unscored(request, refusal.reason), Usage()
    return settle(judge, request, judge.read(request, answer)), answer.usage


def combined(
    judge: Judge, rubric: Rubric, text: str, facts: Facts, given: Sequence[tuple[Question, Sequence[Rating]]]
) -> dict[str, Rating]:
    """One rating a criterion, from the settled ratings of every question of `questions_for`."""
    said = [(question, rating) for question, ratings in given for rating in ratings]
    if not is_panel(judge):
        return {rating.criterion: rating for _, rating in said}
    found = {}
    for criterion in rubric.judged:
        of_this = [(_reader(judge, q), rating) for q, rating in said if rating.criterion == criterion.id]
        if of_this:
            request = JudgeRequest(rubric, (criterion.id,), text, facts.model_dump(mode="json"))
            (found[criterion.id],) = settle(judge, request, [judge.combine(rubric, criterion.id, of_this)])
    return found


def _reader(panel: Panel, question: Question) -> Reader:
    per_reading = max(reader.repeat for reader in panel.readers) + 1
    return Reader(question.judge, question.request.repeat % per_reading)


def evidence_of(judge: Judge, rubric: Rubric) -> Evidence:
    """What a judge's levels rest on; a drawing has parts and edges where a text has quotes."""
    return "checks" if rubric.kind == "drawing" and judge.evidence == "quotes" else judge.evidence


def unscored_reason(rubric: Rubric, text: str, facts: Facts) -> tuple[str, str] | None:
    """Why no level can be given to this text at all, as a reason and a sentence, or None."""
    for flag in ("empty", "not_text"):
        if flag in facts.flags:
            return flag, "There is nothing written here." if flag == "empty" else "This cannot be read."
    problem = send_problem(text, rubric)
    return None if problem is None else ("out_of_range" if "out_of_range" in facts.flags else "not_text", problem)


def rate_by_code(rubric: Rubric, text: str, facts: Facts) -> tuple[Rating, ...]:
    """The ratings that need no judge: criteria rated by code, or every one where no level can be given."""
    problem = unscored_reason(rubric, text, facts)
    if problem is not None:
        reason, note = problem
        return tuple(Rating(criterion=one.id, level=None, reason=reason, comment=note) for one in rubric.criteria)
    coded = [criterion for criterion in rubric.criteria if criterion.rated_by == "code"]
    level, checks = form_level(text, rubric) if coded else (0, ())
    return tuple(Rating(criterion=one.id, level=level, checks=checks) for one in coded)


def requests_for(judge: Judge, rubric: Rubric, text: str, facts: Facts, repeat: int = 0) -> tuple[JudgeRequest, ...]:
    """What a judge has to be asked for one text: a request a criterion, or one for the whole sheet."""
    if unscored_reason(rubric, text, facts) is not None:
        return ()
    asked = tuple(criterion.id for criterion in rubric.judged)
    parts = [asked] if judge.fills == "sheet" and asked else [(one,) for one in asked]
    known = facts.model_dump(mode="json")
    return tuple(JudgeRequest(rubric, criteria, text, known, repeat) for criteria in parts)


def rate(judge: Judge, request: JudgeRequest) -> tuple[Rating, ...]:
    """Ask, read and settle one request; a refusal leaves its criteria unscored. Raises JudgeUnavailable."""
    return answered(Question(judge, request, ""))[0]


def unscored(request: JudgeRequest, reason: str) -> tuple[Rating, ...]:
    """Every criterion of a request without a level, for one reason."""
    return tuple(Rating(criterion=criterion, level=None, reason=reason) for criterion in request.criteria)


def read_ratings(request: JudgeRequest, answer: Answer) -> tuple[Rating, ...]:
    """Ratings from a body {"ratings": [{criterion, level, quotes, ...}]}; what cannot be read is unscored."""
    rows = answer.body.get("ratings")
    by_criterion = {
        row["criterion"]: row
        for row in (rows if isinstance(rows, list) else [])
        if isinstance(row, dict) and isinstance(row.get("criterion"), str)
    }
    return tuple(_read_row(criterion, by_criterion.get(criterion)) for criterion in request.criteria)


def _read_row(criterion: str, row: dict[str, Any] | None) -> Rating:
    if row is None:
        return Rating(criterion=criterion, level=None, reason="no_answer")
    try:
        return Rating.model_validate(row)
    except ValidationError:
        return Rating(criterion=criterion, level=None, reason="unreadable")


def settle(judge: Judge, request: JudgeRequest, ratings: Sequence[Rating]) -> tuple[Rating, ...]:
    """One rating for each criterion asked, with only what code could confirm in it.

    A level that the criterion does not have, or whose evidence does not hold, becomes unscored.
    """
    given = {rating.criterion: rating for rating in ratings}
    facts = Facts.model_validate(request.facts)
    evidence = evidence_of(judge, request.rubric)
    return tuple(
        _settled(request.rubric, name, given.get(name), request.text, facts, evidence) for name in request.criteria
    )


def _settled(rubric: Rubric, name: str, rating: Rating | None, text: str, facts: Facts, evidence: Evidence) -> Rating:
    if rating is None:
        return Rating(criterion=name, level=None, reason="no_answer")
    criterion = rubric.criterion(name)
    if rating.level is not None and rating.level > criterion.top:
        return Rating(criterion=name, level=None, reason="unreadable", comment="No such level.")
    held = with_evidence(rubric, rating, text, evidence)
    if held.level is None:
        return held
    level = capped_level(criterion, held.level, facts)
    note = f"Held at {level}: the text is out of the asked range." if level < held.level else ""
    words = " ".join(part for part in (note, held.comment) if part).split()
    short = " ".join(words[:COMMENT_WORDS])
    needs = criterion.next_needs(level) or ""
    return held.model_copy(update={"level": level, "comment": short, "needs": needs})

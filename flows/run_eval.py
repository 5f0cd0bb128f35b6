"""Judging a whole set: the questions production would ask, each asked once, each answer kept before it is read.

A sheet's questions, fingerprints and readings are those of `flows.judging.judge`. A judge that costs nothing is asked
in this process; a paid one by Prefect's cached tasks (`flows.eval_flow`), unless every answer is in the log already.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from eval.errors import EvalError
from flows.eval_log import EvalLog
from flows.judging.estimate import likely_cost
from flows.judging.judge import (
    Answer,
    Judge,
    JudgeError,
    JudgeHeld,
    JudgeRefused,
    Question,
    combined,
    fingerprint,
    questions_for,
    rate_by_code,
    settle,
    unscored,
)
from rubrics.checks import Facts, find_facts
from rubrics.judgement import Rating
from rubrics.model import Rubric

REFUSED, UNREADABLE = "refused", "unreadable"
GAVE_UP = "failed_every_time"  # why a question that was tried often enough stays unscored


@dataclass(frozen=True)
class Entry:
    """One response of a set."""

    response_id: str
    prompt_id: str
    text: str


@dataclass(frozen=True)
class Plan:
    """Who judges what: a rubric for each prompt, every text `repeats` times."""

    judge: Judge
    rubrics: Mapping[str, Rubric]
    entries: Sequence[Entry]
    scope: str
    repeats: int = 1

    @cached_property
    def sheets(self) -> tuple["Wanted", ...]:
        """Every sheet that the plan asks for."""
        return tuple(self._sheets())

    def _sheets(self) -> Iterator["Wanted"]:
        for entry in self.entries:
            rubric = self.rubrics[entry.prompt_id]
            criteria = [criterion.id for criterion in rubric.criteria]
            for repeat in range(self.repeats):
                mark = fingerprint(
                    scope=self.scope,
                    judge=self.judge,
                    rubric=rubric,
                    criteria=criteria,
                    text=entry.text,
                    repeat=repeat,
                )
                yield Wanted(entry, rubric, repeat, mark)


@dataclass(frozen=True)
class Wanted:
    """A sheet to be filled in, known by the fingerprint of the whole of it."""

    entry: Entry
    rubric: Rubric
    repeat: int
    fingerprint: str


@dataclass(frozen=True)
class OpenSheet:
    """A sheet with its facts and the questions it takes."""

    wanted: Wanted
    facts: Facts
    questions: tuple[Question, ...]


class Stopped(EvalError):
    """The run ended before all was judged; the message says why, and a second run goes on from there."""


@dataclass
class Desk:
    """What a run works with: its plan, its log, its purse, and who is told how far it is."""

    plan: Plan
    log: EvalLog
    budget_usd: float | None = None
    told: Callable[[int, float], None] = lambda sheets, usd: None
    spent_usd: float = 0.0
    calls: int = 0
    stopped: str = ""
    unreachable: str = ""
    _reserved: float = 0.0
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def open(self, wanted: Wanted) -> OpenSheet:
        """Find the facts of a text and what has to be asked about it."""
        facts = find_facts(wanted.entry.text, wanted.rubric)
        asked = questions_for(
            self.plan.judge,
            wanted.rubric,
            wanted.entry.text,
            facts,
            scope=self.plan.scope,
            repeat=wanted.repeat,
        )
        return OpenSheet(wanted, facts, asked)

    def answer(self, question: Question) -> Answer:
        """The answer in the log, else a new one, in the log before this returns. Raises JudgeUnavailable or Stopped."""
        known = self.log.answer(question.fingerprint)
        if known is not None:
            return known
        cost = likely_cost(question.judge, question.request)
        self._reserve(cost)
        try:
            given = question.judge.ask(question.request)
        except JudgeRefused as refusal:
            given = Answer(body={REFUSED: refusal.reason}, model=question.judge.model)
        except JudgeHeld as held:
            self.stop(str(held))
            raise
        finally:
            self._give_back(cost)
        self.keep(question, given)
        return given

    def keep(self, question: Question, answer: Answer) -> None:
        """Put an answer in the log and its price on the bill."""
        self.log.keep_answer(question.fingerprint, answer, paid=question.judge.paid)
        with self._turn:
            self.calls += 1
            self.spent_usd += answer.usage.usd

    def _reserve(self, cost: float) -> None:
        with self._turn:
            if self.stopped:
                raise Stopped(self.stopped)
            budget = self.budget_usd
            if budget is not None and cost > 0 and self.spent_usd + self._reserved + cost > budget:
                self.stopped = f"The budget of ${budget:.2f} would be passed by the next call."
                raise Stopped(self.stopped)
            self._reserved += cost

    def _give_back(self, cost: float) -> None:
        with self._turn:
            self._reserved -= cost

    def stop(self, why: str) -> None:
        """Ask nothing more; what is under way is still kept."""
        with self._turn:
            self.stopped = self.stopped or why

    def is_answered(self, sheet: OpenSheet) -> bool:
        """Whether the log has every answer that a sheet takes."""
        return all(question.fingerprint in self.log.answers for question in sheet.questions)

    def fill_in(self, sheet: OpenSheet) -> None:
        """Read a sheet's answers, asking for those that are missing, and keep the sheet."""
        answers = [(question, self.answer(question)) for question in sheet.questions]
        self.log.sheets.add(sheet.wanted.fingerprint, _row(self.plan.judge, sheet, answers), durable=False)
        self.told(1, self.spent_usd)


def _row(judge: Judge, sheet: OpenSheet, answers: Sequence[tuple[Question, Answer]]) -> dict[str, Any]:
    """A filled-in sheet as the log keeps it."""
    wanted = sheet.wanted
    given = [(question, read_answer(question, answer)) for question, answer in answers]
    ratings = {one.criterion: one for one in rate_by_code(wanted.rubric, wanted.entry.text, sheet.facts)}
    ratings |= combined(judge, wanted.rubric, wanted.entry.text, sheet.facts, given)
    models = {
        criterion.id: _models(answers, [one for one in answers if criterion.id in one[0].request.criteria])
        for criterion in wanted.rubric.criteria
    }
    usage = [answer.usage for _, answer in answers]
    return {
        "ratings": [_lean(ratings[criterion.id]) for criterion in wanted.rubric.criteria],
        "flags": list(sheet.facts.flags),
        "words": sheet.facts.words,
        "models": models,
        "usd": sum(one.usd for one in usage),
        "seconds": sum(one.seconds for one in usage),
        "tokens": [
            sum(one.input_tokens + one.cache_read_tokens + one.cache_write_tokens for one in usage),
            sum(one.output_tokens for one in usage),
        ],
        "cached_tokens": sum(one.cache_read_tokens for one in usage),
    }


def _models(answers: Sequence[tuple[Question, Answer]], of_this: Sequence[tuple[Question, Answer]]) -> str:
    """The ids of the models that answered; a criterion rated by code goes with the sheet's others.

    Who declined was not heard, and a name that was asked for is not the id that answers under it.
    """
    heard = {answer.model for _, answer in of_this or answers if set(answer.body) != {REFUSED}}
    return "+".join(sorted(heard))


def _lean(rating: Rating) -> dict[str, Any]:
    """A rating without what is empty; places of quotes are left out, their words stand in the text."""
    fields = rating.model_dump(mode="json", exclude={"needs"}, exclude_defaults=True)
    if rating.quotes:
        fields["quotes"] = [quote.text for quote in rating.quotes]
    return fields | {"level": rating.level}


def read_answer(question: Question, answer: Answer) -> tuple[Rating, ...]:
    """What an answer says, as far as code could confirm it; unscored with a reason where it can't be read."""
    if set(answer.body) == {REFUSED}:
        return unscored(question.request, str(answer.body[REFUSED]))
    try:
        return settle(question.judge, question.request, question.judge.read(question.request, answer))
    except Exception:  # whatever a judge makes of its own answer must not cost the other criteria
        return unscored(question.request, UNREADABLE)


def run(desk: Desk, ask_paid: Callable[[Desk, Sequence[OpenSheet]], None]) -> None:
    """Fill in every sheet of the plan that the log does not have. Stopped says why it ended early.

    `ask_paid` does the sheets of a paid judge that miss answers; it is not called where there are none.
    """
    waiting: list[OpenSheet] = []
    seen: set[str] = set()  # those that this run has to fill in; the same text again is the same sheet
    for wanted in desk.plan.sheets:
        if wanted.fingerprint in desk.log.sheets or wanted.fingerprint in seen:
            desk.told(1, desk.spent_usd)
            continue
        seen.add(wanted.fingerprint)
        sheet = desk.open(wanted)
        if desk.plan.judge.paid and not desk.is_answered(sheet):
            waiting.append(sheet)
            continue
        try:
            desk.fill_in(sheet)
        except JudgeError as error:
            raise Stopped(str(error)) from None
    if waiting:
        ask_paid(desk, waiting)
    missing = sum(wanted not in desk.log.sheets for wanted in seen)
    if missing:
        raise Stopped(desk.stopped or desk.unreachable or f"{missing:,} sheets were not filled in.")

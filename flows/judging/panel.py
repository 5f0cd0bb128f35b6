"""Several judges, or one judge several times, about the same text: where they differ, a person should look.

A panel is not asked itself. Its readers are, each under its own fingerprint, so that an answer that a member gave
before, alone or in another panel, is found again and not paid twice.
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any, Literal, NoReturn

from flows.judging.catalog import get_judge
from flows.judging.doubt import boundary, disagreement, listed
from flows.judging.judge import Answer, Evidence, Judge, JudgeRequest, Reader, UnknownJudge, is_panel
from rubrics.judgement import Quote, Rating
from rubrics.model import Rubric

MOST_READERS = 9
MOST_QUOTES = 3
VERSION = "1"


class PanelJudge:
    """The median of its readers' estimates, half a level rounded down; their disagreement is its doubt."""

    version = VERSION
    model = "median"
    fills: Literal["criterion", "sheet"] = "criterion"

    def __init__(self, name: str, readers: Sequence[Reader]) -> None:
        self.name = name
        self.readers = tuple(readers)
        judges = [reader.judge for reader in readers]
        self.provisional = any(judge.provisional for judge in judges)
        self.paid = any(judge.paid for judge in judges)
        self.evidence: Evidence = "quotes" if all(judge.evidence == "quotes" for judge in judges) else "none"

    @property
    def parameters(self) -> Mapping[str, Any]:
        """Everything its readers' answers depend on."""
        return {
            "readers": [
                [one.judge.name, one.judge.version, one.judge.model, dict(one.judge.parameters), one.repeat]
                for one in self.readers
            ]
        }

    @property
    def prompt_hash(self) -> str:
        """SHA-256 over its readers' own."""
        hashes = [reader.judge.prompt_hash for reader in self.readers]
        return hashlib.sha256(json.dumps(hashes).encode()).hexdigest()

    @property
    def label(self) -> str:
        """What the pages say about it."""
        names = list(dict.fromkeys(name_of(reader.judge) for reader in self.readers))
        if len(names) == 1:
            return f"{names[0]}, read {len(self.readers)} times: where the readings differ, a person should look."
        return f"A panel of {listed(names)}: where they differ, a person should look."

    def unreachable(self) -> str | None:
        """Why one of its judges could not be asked now, or None."""
        for judge in dict.fromkeys(reader.judge for reader in self.readers):
            ask = getattr(judge, "unreachable", None)
            why = ask() if ask is not None else None
            if why is not None:
                return str(why)
        return None

    def ask(self, request: JudgeRequest) -> NoReturn:
        """Nobody asks a panel: `questions_for` names its readers."""
        raise TypeError("a panel is not asked itself; ask its readers")

    def read(self, request: JudgeRequest, answer: Answer) -> NoReturn:
        """Nobody asks a panel: `combined` puts its readers' ratings together."""
        raise TypeError("a panel is not asked itself; ask its readers")

    def combine(self, rubric: Rubric, criterion: str, ratings: Sequence[tuple[Reader, Rating]]) -> Rating:
        """The readers' ratings of one criterion as one; without a level only where no reader has one."""
        scored = [(name_of(reader.judge), rating) for reader, rating in ratings if rating.level is not None]
        missing = [(name_of(reader.judge), rating) for reader, rating in ratings if rating.level is None]
        if not scored:
            return _unscored(criterion, missing)
        estimate = float(median(_place(rating) for _, rating in scored))
        top = rubric.criterion(criterion).top
        level = min(top, max(0, math.ceil(estimate - 0.5)))  # half a level is rounded down
        nearest = sorted((rating for _, rating in scored), key=lambda rating: abs(_place(rating) - level))
        words = nearest[0]
        agreeing = sum(rating.level == level for _, rating in scored)
        return Rating(
            criterion=criterion,
            level=level,
            quotes=_quotes(nearest) if level else (),
            checks=next((rating.checks for rating in nearest if rating.checks), ()) if level else words.checks,
            looked_for=words.looked_for if level == 0 else "",
            comment=words.comment,
            confidence=agreeing / len(ratings),
            confidence_source=f"the share of {len(ratings)} readings that give this level",
            estimate=estimate,
            doubt=_doubt(scored, missing, estimate, top),
        )


def panel_judge(names: str) -> PanelJudge:
    """The judge of `A+B+…`. UnknownJudge says what is wrong with it."""
    members = names.split("+")
    if len(members) < 2 or not all(members):
        raise UnknownJudge(f"'panel:{names}' is no judge; write panel:A+B with the names of two judges or more.")
    if len(set(members)) < len(members):
        raise UnknownJudge(f"'panel:{names}' names a judge twice; to have one read again write claude:MODEL,repeats=3.")
    readers = [reader for name in members for reader in _readers(get_judge(name))]
    if len(readers) > MOST_READERS:
        raise UnknownJudge(f"'panel:{names}' would read every text {len(readers)} times; at most {MOST_READERS}.")
    return PanelJudge("panel", readers)


def repeated(judge: Judge, times: int) -> PanelJudge:
    """A judge that reads each text several times; it keeps its name."""
    return PanelJudge(judge.name, [Reader(judge, repeat) for repeat in range(times)])


def name_of(judge: Judge) -> str:
    """What an instructor calls a judge: two models of one maker are told apart."""
    return judge.model if judge.name == "claude" else judge.name


def _readers(judge: Judge) -> tuple[Reader, ...]:
    return judge.readers if is_panel(judge) else (Reader(judge),)


def _place(rating: Rating) -> float:
    return float(rating.level or 0) if rating.estimate is None else rating.estimate


def _quotes(nearest: Sequence[Rating]) -> tuple[Quote, ...]:
    """The quotes of those who are nearest to the level, each once."""
    found = dict.fromkeys(quote for rating in nearest for quote in rating.quotes)
    return tuple(found)[:MOST_QUOTES]


def _doubt(
    scored: Sequence[tuple[str, Rating]], missing: Sequence[tuple[str, Rating]], estimate: float, top: int
) -> str:
    said = [(name, rating.level) for name, rating in scored if rating.level is not None]
    parts = [disagreement(said), boundary(estimate, top) if len(scored) > 1 else scored[0][1].doubt]
    parts += [f"{name} could not rate it ({(rating.reason or '').replace('_', ' ')})" for name, rating in missing]
    return "; ".join(part for part in parts if part)


def _unscored(criterion: str, missing: Sequence[tuple[str, Rating]]) -> Rating:
    reasons = [f"{name}: {(rating.reason or '').replace('_', ' ')}" for name, rating in missing]
    first = missing[0][1]
    comment = f"Nobody on the panel could rate it ({'; '.join(reasons)})."
    return Rating(criterion=criterion, level=None, reason=first.reason, comment=comment)

"""The coach: what a learner hears about a hot-take within seconds, besides its score.

The judge's levels stand; form is code's. The coach adds one line on why and a tighter sentence that keeps the
learner's idea. Where the idea is wrong there is a question instead, whatever the coach would have said.
"""

import hashlib
import json
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from importlib import resources
from typing import Any, Protocol

from flows.judging.judge import Answer, JudgeUnavailable
from rubrics.addressing import addresses_judge
from rubrics.checks import form_level
from rubrics.languages import common_words
from rubrics.model import CODE_TOP, Rubric
from rubrics.text import normalise, words

WHY = 140  # characters
REWRITE = 200
QUESTION = 200
WRONG = 1  # a hit of this or less is a wrong idea
KEPT = 0.4  # of the rewrite's own words, those that are the learner's too
BEGINNING = 5  # letters by which two forms of a word are taken for one

Withheld = str  # "", "idea", "unusable", "cut", "offline": why there is no rewrite


@dataclass(frozen=True)
class RatedTake:
    """A hot-take with its sheet: levels by criterion (None: unscored), the judge's comments, and facts of form."""

    question: str
    text: str
    rubric: Rubric
    levels: Mapping[str, int | None]
    comments: Mapping[str, str]
    form: tuple[str, ...]

    @property
    def idea_is_wrong(self) -> bool:
        """Whether a rewrite would hand over the answer; without a level nobody knows, so it would."""
        level = self.levels.get("hit")
        return level is None or level <= WRONG


@dataclass(frozen=True)
class Reply:
    """What the coach says; `withheld` is why there is no rewrite."""

    why: str
    rewrite: str = ""
    question: str = ""
    withheld: Withheld = ""
    missed: tuple[str, ...] = ()
    model: str = ""

    def as_json(self) -> dict[str, Any]:
        """The reply as JSON values."""
        return asdict(self) | {"missed": list(self.missed)}


class Coach(Protocol):
    """Someone who replies to a take; `hear` is given the words of the first line as they come."""

    @property
    def name(self) -> str: ...
    @property
    def paid(self) -> bool: ...
    @property
    def prompt_hash(self) -> str: ...

    def ask(self, take: RatedTake, hear: Callable[[str], None]) -> Answer:
        """The paid part. Raises JudgeUnavailable."""
        ...

    def read(self, take: RatedTake, answer: Answer) -> Reply:
        """The reply in an answer, with only what code could accept. JudgeUnavailable where there is none."""
        ...


def mark_of(coach: Coach, take: RatedTake, scope: str) -> str:
    """SHA-256 (hex) over everything that a reply depends on: its answer is found by it and not bought again."""
    content = {
        "scope": scope,
        "coach": [coach.name, coach.prompt_hash],
        "rubric": take.rubric.content_hash,
        "levels": dict(take.levels),
        "question": take.question,
        "text": take.text,
    }
    written = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(written.encode("utf-8", "surrogatepass")).hexdigest()


class OfflineCoach:
    """Says which look-fors the take missed; it cannot rewrite."""

    name = "offline"
    paid = False
    prompt_hash = ""

    def ask(self, take: RatedTake, hear: Callable[[str], None]) -> Answer:
        """Nothing is asked of anybody."""
        return Answer(body={}, model=self.name)

    def read(self, take: RatedTake, answer: Answer) -> Reply:
        """The look-fors that were missed, in the author's words."""
        missed = missed_in(take.comments)
        said = next((take.comments[one] for one in ("hit", "edge") if take.comments.get(one)), "")
        why = f"{missed[0][:1].upper()}{missed[0][1:]}?" if missed else said
        return Reply(why=shortened(why, WHY), withheld="offline", missed=missed, model=self.name)


def missed_in(comments: Mapping[str, str]) -> tuple[str, ...]:
    """What the checklist did not find, for hit first and then for edge."""
    found: dict[str, None] = {}
    for criterion in ("hit", "edge"):
        for said in _NOT_FOUND.findall(comments.get(criterion, "")):
            found |= dict.fromkeys(part.strip() for part in said.split(";") if part.strip())
    return tuple(found)


_NOT_FOUND = re.compile(r"(?:Not found|Nicht gefunden): ([^.]+)\.")


# ---- the text of a reply --------------------------------------------------------------------------------------


@dataclass
class Lines:
    """The lines of a reply as they come; the words of the first one are handed on, up to their limit."""

    hear: Callable[[str], None]
    text: str = ""
    _told: int = 0

    def add(self, piece: str) -> None:
        """Take in a piece of the answer."""
        self.text += piece
        begun = _LINE.search(self.text)
        if begun is None or begun.group(1).upper() != "WHY":
            return
        said = self.text[begun.end() :].split("\n", 1)[0][:WHY]
        if len(said) > self._told:
            self.hear(said[self._told :])
            self._told = len(said)


_LINE = re.compile(r"(?m)^[*_`# ]*(WHY|REWRITE|QUESTION)[*_` ]*:[*_` ]*", re.IGNORECASE)


def lines_in(text: str) -> dict[str, str]:
    """What stands behind each of the words WHY, REWRITE and QUESTION, on one line each."""
    found: dict[str, str] = {}
    marks = list(_LINE.finditer(text))
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    for mark, end in zip(marks, ends, strict=False):
        said = text[mark.end() : end]
        found.setdefault(mark.group(1).lower(), " ".join(said.strip().strip("*_`").strip().split()))
    return found


def shortened(text: str, most: int) -> str:
    """A text cut at a word, if it is too long."""
    if len(text) <= most:
        return text
    return f"{text[: most - 1].rsplit(' ', 1)[0].rstrip(' ,;:')}…"


def accepted_rewrite(take: RatedTake, rewrite: str) -> str:
    """The rewrite, or nothing: it is short, of good form, the learner's own idea, and speaks to no grader."""
    bare = rewrite.strip().strip("\"“”'‘’").strip()
    if not bare or len(bare) > REWRITE or addresses_judge(bare):
        return ""
    if form_level(bare, take.rubric)[0] < CODE_TOP or not keeps_the_idea(take, bare):
        return ""
    return bare


def keeps_the_idea(take: RatedTake, rewrite: str) -> bool:
    """Whether enough of the rewrite's words are the learner's, in some form, and no number is new."""
    given, new = _own_words(take, take.text), _own_words(take, rewrite)
    begun = {word[:BEGINNING] for word in given}
    kept = sum(word[:BEGINNING] in begun for word in new)
    figures = {word for word in words(rewrite) if any(character.isdigit() for character in word)}
    return bool(new) and kept >= KEPT * len(new) and figures <= set(words(take.text))


def _own_words(take: RatedTake, text: str) -> set[str]:
    small = common_words(take.rubric.language)
    return {word for word in words(text) if word not in small and len(word) > 2}


def accepted_question(question: str) -> str:
    """The question, if it is one and short."""
    return question if question.endswith("?") and len(question) <= QUESTION and not addresses_judge(question) else ""


# ---- by a model -----------------------------------------------------------------------------------------------


def coach_prompt() -> str:
    """The instructions of a coach that is a model."""
    return (resources.files("flows.judging") / "prompts" / "coach.md").read_text("utf-8")


def prompt_hash() -> str:
    """SHA-256 of the instructions and of what stands around a take."""
    return hashlib.sha256("\n".join([coach_prompt(), _AROUND, _ROW, _UNSCORED]).encode()).hexdigest()


_AROUND = (
    "The question was: {question}\n\nThe judge's levels:\n{rows}\n- Form, by code: {facts}\n\n"
    "The second line is `{wanted}: `. The sentence stands between the two lines that read {marker}.\n\n"
    "{marker}\n{text}\n{marker}"
)
_ROW = "- {title}: level {level} of {top}: {descriptor}"
_UNSCORED = "- {title}: not scored"


def take_text(take: RatedTake) -> str:
    """What a model is told about one take, the take itself as data between two lines it cannot contain.

    The model sees it as a reader would, with nothing invisible.
    """
    text = normalise(take.text, lines=True).text
    marker = secrets.token_hex(12)
    while marker in text:
        marker = secrets.token_hex(12)
    rows = []
    for criterion in take.rubric.judged:
        level = take.levels.get(criterion.id)
        if level is None:
            rows.append(_UNSCORED.format(title=criterion.title))
        else:
            descriptor = criterion.descriptor(level)
            rows.append(_ROW.format(title=criterion.title, level=level, top=criterion.top, descriptor=descriptor))
    return _AROUND.format(
        question=take.question,
        rows="\n".join(rows),
        facts="; ".join(take.form),
        wanted="QUESTION" if take.idea_is_wrong else "REWRITE",
        marker=marker,
        text=text,
    )


def read_lines(take: RatedTake, answer: Answer) -> Reply:
    """The reply in what a model wrote; JudgeUnavailable where not even the first line is whole."""
    text = str(answer.body.get("text", ""))
    said = lines_in(text)
    whole = answer.body.get("stop_reason") == "end_turn"
    if not said.get("why") or (not whole and len(said) == 1 and "\n" not in text.strip()):
        raise JudgeUnavailable("The coach broke off.")
    why = shortened(said["why"], WHY)
    question = accepted_question(said.get("question", "")) if whole else ""
    if take.idea_is_wrong:
        return Reply(why=why, question=question, withheld="idea", model=answer.model)
    rewrite = accepted_rewrite(take, said.get("rewrite", "")) if whole else ""
    withheld = "" if rewrite else "unusable" if whole else "cut"
    return Reply(why=why, rewrite=rewrite, question=question, withheld=withheld, model=answer.model)

"""A data set made ready to be judged: texts and human scores, a rubric for each prompt, which responses are taken."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from eval.adapters import DataSet, Named, read_columns, read_data
from eval.delimited import listed
from eval.errors import TableError
from eval.levels import Pairing, pair_criteria
from eval.scale import Scale
from flows.run_eval import Entry
from rubrics.model import Rubric, load_rubric
from rubrics.text import word_count

PROMPT = "{prompt}"


@dataclass(frozen=True)
class Choice:
    """What a user says about a set and how it is judged."""

    data: Path
    rubric: str
    kind: str | None = None
    id: str | None = None
    text: str = ""
    humans: Sequence[str] = ()
    prompt: str = ""
    comment: str = ""
    groups: Sequence[str] = ()
    texts: Path | None = None
    scale: Scale | None = None
    criteria: Mapping[str, str] = field(default_factory=dict)
    only: str | None = None
    limit: int | None = None
    least_words: int = 0
    seed: int = 0


@dataclass(frozen=True)
class ReadySet:
    """A set with what judging it needs; `short` counts responses that were left out for their length."""

    data: DataSet
    entries: tuple[Entry, ...]
    rubrics: Mapping[str, Rubric]
    pairings: Mapping[str, Pairing]
    short: int


def read_set(choice: Choice) -> ReadySet:
    """Read the table and its rubrics; TableError or RubricError says what is wrong."""
    data = _data(choice)
    texts = dict(data.texts) | (_texts(choice.texts) if choice.texts else {})
    prompts = dict(zip(data.table.frame["response_id"], data.table.frame["prompt_id"], strict=True))
    chosen = [one for one in prompts if choice.only is None or prompts[one] == choice.only]
    if choice.only is not None and not chosen:
        raise TableError(f"there is no prompt {choice.only!r}; there are: {listed(sorted(set(prompts.values())))}")
    without = [one for one in chosen if one not in texts]
    if without:
        where = "name their column with --text or their file with --texts"
        raise TableError(f"{len(without):,} responses have no text ({listed(without)}); {where}")
    least = choice.least_words
    long_enough = [one for one in chosen if word_count(texts[one]) >= least] if least else chosen
    taken = sampled(long_enough, choice.limit, choice.seed)
    entries = tuple(Entry(one, prompts[one], texts[one]) for one in taken)
    if not entries:
        raise TableError("no response is left to be judged")
    rubrics = {
        prompt: load_rubric(choice.rubric.replace(PROMPT, prompt)) for prompt in sorted({prompts[one] for one in taken})
    }
    pairings = {prompt: _pairing(data, prompt, rubric, choice.criteria) for prompt, rubric in rubrics.items()}
    return ReadySet(data, entries, rubrics, pairings, len(chosen) - len(long_enough))


def _data(choice: Choice) -> DataSet:
    if choice.id is None:
        return read_data(choice.data, choice.kind)
    if not choice.humans or choice.scale is None:
        raise TableError("with --id say also --human, --min and --max: whose scores these are, and on which scale")
    humans: dict[str, list[str]] = {}
    for human in choice.humans:
        criterion, equals, column = human.partition("=")
        humans.setdefault(criterion if equals else "overall", []).append(column if equals else human)
    named = Named(choice.id, humans, choice.scale, choice.text, choice.prompt, choice.comment, choice.groups)
    return read_columns(choice.data, named)


def _texts(path: Path) -> dict[str, str]:
    """Texts by id, from lines of {"id", "text"}."""
    found: dict[str, str] = {}
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise TableError(f"{path} can't be read: {error.strerror}") from None
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
            found[str(row["id"])] = str(row["text"])
        except (ValueError, KeyError, TypeError):
            raise TableError(f"{path.name}, line {number}: is not an object with id and text") from None
    return found


def sampled(ids: Sequence[str], limit: int | None, seed: int) -> list[str]:
    """At most `limit` of them, drawn by a hash of seed and id, so that a higher limit only adds; in their order."""
    if limit is None or limit >= len(ids):
        return list(ids)
    chosen = set(
        sorted(ids, key=lambda one: hashlib.sha256(f"{seed}:{one}".encode("utf-8", "replace")).digest())[:limit]
    )
    return [one for one in ids if one in chosen]


def _pairing(data: DataSet, prompt: str, rubric: Rubric, named: Mapping[str, str]) -> Pairing:
    rows = data.table.of(prompt_id=prompt)
    rated = rows[rows["rater_kind"] != "judge"]
    return pair_criteria(rubric, [str(one) for one in rated["criterion"].unique()], named)

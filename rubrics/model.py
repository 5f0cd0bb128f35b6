"""What a rubric sheet asks: criteria, levels in words, weights, and the limits of an answer."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from rubrics.look_fors import LookFors, Vocabulary, look_for_faults
from rubrics.yaml_file import YamlFault, read_yaml

FULL_WEIGHT = 100
CODE_TOP = 2  # a criterion rated by code counts broken rules of form: none, one, more
_SUFFIX = ".yaml"

Count = Annotated[int, Field(strict=True, ge=1)]
Points = Annotated[float, Field(strict=True, ge=0, le=FULL_WEIGHT, allow_inf_nan=False)]
Line = Annotated[str, Field(min_length=1, pattern=r"\S")]


class Fault(NamedTuple):
    """One thing wrong in a rubric file; `key` is the path to it, "" for the file as a whole."""

    file: str
    key: str
    message: str

    def __str__(self) -> str:
        return ": ".join(part for part in (self.file, self.key, self.message) if part)


class RubricError(ValueError):
    """A rubric that cannot be used, with every fault found in its file."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = faults


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Level(_Frozen):
    """One level of a criterion, in words."""

    level: Annotated[int, Field(strict=True, ge=0)]
    descriptor: Line


class Criterion(_Frozen):
    """One row of the sheet; `levels` run from the highest to 0."""

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
    title: Line
    weight: Annotated[float, Field(strict=True, gt=0, le=FULL_WEIGHT, allow_inf_nan=False)]
    levels: tuple[Level, ...]
    rated_by: Literal["judge", "code"] = "judge"
    look_fors: tuple[LookFors, ...] = ()  # what the offline judge searches for, one block a language
    question: str = ""  # what the criterion asks, where its title alone does not say
    out_of_range_cap: Annotated[int, Field(strict=True, ge=0)] | None = None  # outside the word range

    @field_validator("levels", mode="before")
    @classmethod
    def _from_map(cls, levels: object) -> object:
        """A YAML map {4: "...", 3: "..."} as a list of levels."""
        if not isinstance(levels, Mapping):
            return levels
        return [{"level": level, "descriptor": descriptor} for level, descriptor in levels.items()]

    @field_validator("levels")
    @classmethod
    def _highest_first(cls, levels: tuple[Level, ...]) -> tuple[Level, ...]:
        return tuple(sorted(levels, key=lambda level: level.level, reverse=True))

    @property
    def top(self) -> int:
        """The highest level."""
        return self.levels[0].level

    def descriptor(self, level: int) -> str:
        """The words of one level; KeyError if the criterion has no such level."""
        for known in self.levels:
            if known.level == level:
                return known.descriptor
        raise KeyError(f"{self.id} has no level {level}")

    def next_needs(self, level: int) -> str | None:
        """The words of the next level up, or None at the top."""
        return None if level >= self.top else self.descriptor(level + 1)


class WordRange(_Frozen):
    """Words asked for (low to high, aim) and the outer limits within which a text can be sent."""

    low: Count
    high: Count
    send_low: Count
    send_high: Count
    aim: Count


class Rubric(_Frozen):
    """A versioned sheet; weights and graph points sum to 100."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,79}$")]
    title: Line
    version: Count
    kind: Literal["text", "drawing"]
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")] = "en"
    criteria: Annotated[tuple[Criterion, ...], Field(min_length=1)]
    words: WordRange | None = None
    max_characters: Count | None = None
    sentences: Count | None = None  # how many sentences the form asks for
    hedges: tuple[Line, ...] = ()
    topic: tuple[Line, ...] = ()  # beginnings of words that a text on this topic uses
    sources: tuple[Line, ...] = ()  # texts a student may have copied
    graph_points: Points = 0
    look_for_words: tuple[Vocabulary, ...] = ()  # groups of phrases that all criteria's look-fors may name

    @model_validator(mode="after")
    def _keeps_the_rules(self) -> Self:
        broken = [f"{key}: {message}" for key, message in _broken_rules(self.model_dump(mode="json"))]
        if broken:
            raise ValueError("; ".join(broken))
        return self

    def criterion(self, criterion_id: str) -> Criterion:
        """One criterion by its id; KeyError if there is none."""
        for criterion in self.criteria:
            if criterion.id == criterion_id:
                return criterion
        raise KeyError(f"{self.id} has no criterion {criterion_id}")

    @property
    def judged(self) -> tuple[Criterion, ...]:
        """The criteria a judge or a person rates; the others are rated by code."""
        return tuple(criterion for criterion in self.criteria if criterion.rated_by == "judge")

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 (hex) of the content as canonical JSON.

        Defaults are left out, so that a new optional key does not change the hash of old rubrics.
        """
        content = self.model_dump(mode="json", exclude_defaults=True)
        canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(canonical.encode()).hexdigest()

    def as_json(self) -> dict[str, Any]:
        """The whole content as JSON values, to be frozen in a database."""
        return self.model_dump(mode="json")

    def as_content(self) -> dict[str, Any]:
        """The content as JSON values to be written on: what is as usual left out."""
        return self.model_dump(mode="json", exclude_defaults=True)

    def as_file(self) -> dict[str, Any]:
        """The content as a rubric's file writes it: levels as a map, whole weights without a point."""
        content = self.as_content()
        for criterion in content["criteria"]:
            criterion["weight"] = _whole(criterion["weight"])
            criterion["levels"] = {level["level"]: level["descriptor"] for level in criterion["levels"]}
        if "graph_points" in content:
            content["graph_points"] = _whole(content["graph_points"])
        return content

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """The rubric `as_json` or `as_file` gave; RubricError if it is not one."""
        faults = _faults("rubric", content)
        if faults:
            raise RubricError(faults)
        return cls.model_validate(content)


def _whole(number: float) -> float:
    return int(number) if number == int(number) else number


def listed_levels(content: object) -> object:
    """Content of a rubric's file with its levels as lists: JSON has no whole numbers as keys."""
    if not isinstance(content, Mapping) or not isinstance(content.get("criteria"), list):
        return content
    return {**content, "criteria": [_listed(row) for row in content["criteria"]]}


def _listed(row: object) -> object:
    if not isinstance(row, Mapping) or not isinstance(row.get("levels"), Mapping):
        return row
    return {**row, "levels": [{"level": level, "descriptor": words} for level, words in row["levels"].items()]}


def list_rubrics() -> tuple[str, ...]:
    """The ids of the bundled rubrics, sorted."""
    files = (file.name for file in resources.files("rubrics").iterdir())
    return tuple(sorted(name.removesuffix(_SUFFIX) for name in files if name.endswith(_SUFFIX)))


def load_rubric(id_or_path: str | Path) -> Rubric:
    """A bundled rubric by its id, or one from a YAML file; RubricError names every fault."""
    file = _rubric_file(id_or_path)
    try:
        content = read_yaml(file)
    except YamlFault as fault:
        told = tuple(Fault(file.name, key, message) for key, message in fault.faults)
        more = () if fault.content is None else _faults(file.name, fault.content)
        raise RubricError(told + more) from None
    faults = _faults(file.name, content)
    if faults:
        raise RubricError(faults)
    return Rubric.model_validate(content)


def _rubric_file(id_or_path: str | Path) -> Traversable:
    if isinstance(id_or_path, Path) or "/" in id_or_path or id_or_path.endswith((_SUFFIX, ".yml")):
        return Path(id_or_path)
    if id_or_path not in list_rubrics():
        known = ", ".join(list_rubrics()) or "none"
        raise RubricError((Fault(id_or_path, "", f"no such rubric; bundled are {known}"),))
    return resources.files("rubrics") / f"{id_or_path}{_SUFFIX}"


def _faults(file: str, content: object) -> tuple[Fault, ...]:
    if not isinstance(content, Mapping):
        return (Fault(file, "", "expected keys such as id, title and criteria"),)
    found = [Fault(file, key, message) for key, message in _broken_rules(content)]
    told = {fault.key for fault in found}
    try:
        Rubric.model_validate(content)
    except ValidationError as error:
        for detail in error.errors(include_url=False, include_input=False):
            key = _key(detail["loc"], content)
            if key and key not in told:
                found.append(Fault(file, key, _plain(detail["type"], detail["msg"])))
    return tuple(found)


def _plain(kind: str, message: str) -> str:
    """A sentence for the author of a file, where pydantic's would speak of Python."""
    known = {"missing": "is missing", "extra_forbidden": "unknown key", "tuple_type": "should be a list"}
    return known.get(kind, message[:1].lower() + message[1:])


def _key(loc: tuple[int | str, ...], content: Mapping[str, Any]) -> str:
    """The path of a fault as its author wrote it: criteria[2].levels.3."""
    path = ""
    inside: Any = content
    for part in loc:
        if isinstance(part, int) and isinstance(inside, Mapping) and part < len(inside):
            return f"{path}.{list(inside)[part]}".removeprefix(".")  # a level in a map: its key, not its place
        path += f"[{part}]" if isinstance(part, int) else f".{part}"
        try:
            inside = inside[part]
        except (KeyError, IndexError, TypeError):
            inside = None
    return path.removeprefix(".")


def _broken_rules(content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Rules between keys, on content that may be wrong in other ways too."""
    criteria = content.get("criteria")
    rows = list(criteria) if isinstance(criteria, list | tuple) else []
    criteria_by_place = {place: row for place, row in enumerate(rows) if isinstance(row, Mapping)}
    yield from _duplicate_ids(criteria_by_place)
    for place, row in criteria_by_place.items():
        yield from _level_faults(f"criteria[{place}].levels", row)
    if rows:
        yield from _weight_faults(criteria_by_place, content)
    if content.get("kind") == "text" and content.get("graph_points"):
        yield "graph_points", "only a drawing has graph points"
    if isinstance(content.get("words"), Mapping):
        yield from _range_faults(content["words"])
    yield from look_for_faults(content)


def _duplicate_ids(criteria: Mapping[int, Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    seen: Counter[str] = Counter()
    for place, row in criteria.items():
        name = row.get("id")
        if isinstance(name, str):
            seen[name] += 1
            if seen[name] > 1:
                yield f"criteria[{place}].id", f"{name} is used twice"


def _level_faults(key: str, row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    levels = row.get("levels")
    if isinstance(levels, Mapping):
        numbers = list(levels)
    elif isinstance(levels, list | tuple) and all(isinstance(level, Mapping) for level in levels):
        numbers = [level.get("level") for level in levels]
    else:
        return
    if not all(isinstance(number, int) and not isinstance(number, bool) for number in numbers):
        yield key, 'every level is a whole number, as in 4: "..."'
    elif len(numbers) < 2:
        yield key, "needs at least two levels"
    elif sorted(numbers) != list(range(len(numbers))):
        yield key, _what_is_missing(numbers)
    elif row.get("rated_by") == "code" and len(numbers) != CODE_TOP + 1:
        yield key, f"a criterion rated by code has the levels {CODE_TOP} to 0"


def _what_is_missing(numbers: list[int]) -> str:
    if len(set(numbers)) < len(numbers):
        return "a level appears twice"
    top = max(numbers)
    if min(numbers) < 0 or top > 100:
        return "levels run from 0 upwards, one by one"
    missing = sorted(set(range(top)) - set(numbers))
    return f"levels run from {top} to 0; missing: {', '.join(map(str, missing))}"


def _weight_faults(criteria: Mapping[int, Mapping[str, Any]], content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The sum is judged only where every weight is a number; wrong types are told one by one."""
    weights = [row.get("weight") for row in criteria.values()]
    parts = [*weights, content.get("graph_points", 0)]
    if not all(isinstance(part, int | float) and not isinstance(part, bool) for part in parts):
        return
    total = sum(part for part in parts if part is not None)
    if not abs(total - FULL_WEIGHT) < 1e-9:
        named = "weights and graph_points" if content.get("graph_points") else "weights"
        yield "criteria", f"{named} sum to {total:g}, not {FULL_WEIGHT}"


def _range_faults(words: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    names = ("send_low", "low", "aim", "high", "send_high")
    limits = [words.get(name) for name in names]
    if all(type(limit) is int for limit in limits) and limits != sorted(limits, key=lambda n: n or 0):
        yield "words", "expected send_low <= low <= aim <= high <= send_high"

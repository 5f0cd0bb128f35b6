"""Known data sets as long tables: rsmtool's, ASAP, PERSUADE and ASAP 2.0, AES 2.0, ELLIPSE, and our own export.

Each adapter knows its set's columns and its quirks; `read_data` picks the one whose columns a file has. The texts stay
apart from the scores, so that a report never holds one by accident.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from eval.delimited import BLANK, Delimited, listed, open_delimited
from eval.errors import TableError
from eval.long_table import REQUIRED, LongTable, checked
from eval.scale import Scale

Row = dict[str, object]


class Rows:
    """A file's rows as dictionaries; `at` is the number of the one being read, so that a fault names the file's row."""

    def __init__(self, file: Delimited) -> None:
        self.rows = [dict(zip(file.header, row, strict=True)) for _, block in file.blocks() for row in block]
        self.at = 1

    def __iter__(self) -> Iterator[dict[str, str]]:
        for number, row in enumerate(self.rows, start=2):
            self.at = number
            yield row


@dataclass(frozen=True)
class DataSet:
    """Scores as a long table and, where the set has them, the texts by response id."""

    kind: str
    table: LongTable
    texts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Adapter:
    """How one kind of file is known and read."""

    kind: str
    columns: tuple[str, ...]
    read: Callable[[Rows, str], Iterable[Row]]
    id_column: str
    text_column: str = ""


def read_data(path: Path, kind: str | None = None) -> DataSet:
    """Read a data set of a named kind, or of the first kind whose columns the file has."""
    file = open_delimited(path)
    adapter = _adapter(file, kind)
    if adapter is None:
        return DataSet("long", checked(pd.DataFrame(_rows(file).rows, dtype=str), path.name, file.source()))
    return _data(file, adapter)


@dataclass(frozen=True)
class Named:
    """Which columns of a table hold what, where the table is of no known kind; people's columns by criterion."""

    id: str
    humans: Mapping[str, Sequence[str]]
    scale: Scale
    text: str = ""
    prompt: str = ""
    comment: str = ""
    groups: Sequence[str] = ()


def read_columns(path: Path, named: Named) -> DataSet:
    """Any table with a row per response, by its columns' names."""
    file = open_delimited(path)
    raters = [(criterion, rater) for criterion, raters in named.humans.items() for rater in raters]
    wanted = [named.id, *(rater for _, rater in raters), named.text, named.prompt, named.comment, *named.groups]
    file.require([name for name in wanted if name])
    ends = (named.scale.minimum, named.scale.maximum, named.scale.step)

    def read(rows: Rows, _name: str) -> Iterable[Row]:
        for row in rows:
            more: Row = {name: row[name] for name in named.groups}
            more["prompt_id"] = row[named.prompt].strip() if named.prompt else ""
            more["comment"] = row[named.comment] if named.comment else ""
            for criterion, rater in raters:
                yield _row(row[named.id], rater, row[rater], ends, **more, criterion=criterion)

    return _data(file, Adapter("columns", (), read, named.id, named.text))


def to_rsmtool(table: LongTable, criterion: str, human: str, judge: str, second: str | None = None) -> pd.DataFrame:
    """One criterion in rsmtool's columns: spkitemid, sc1, sc2, raw, and the groups."""
    rows = table.of(criterion=criterion)
    facts = rows.drop_duplicates("response_id").set_index("response_id")
    wide = pd.DataFrame(index=facts.index)
    for column, rater in (("sc1", human), ("sc2", second), ("raw", judge)):
        if rater is not None:
            own = rows[(rows["rater_id"] == rater) & (rows["repeat"] == 0)].set_index("response_id")["score"]
            wide[column] = own.reindex(wide.index)
    for name in table.groups:
        wide[name] = facts[name]
    return wide.rename_axis("spkitemid").reset_index()


def _rows(file: Delimited) -> Rows:
    rows = Rows(file)
    if not rows.rows:
        raise TableError(f"{file.name} has a header and no rows")
    return rows


def _data(file: Delimited, adapter: Adapter) -> DataSet:
    rows = _rows(file)
    read, numbers = [], []
    for row in adapter.read(rows, file.name):
        read.append(row)
        numbers.append(rows.at)
    table = checked(pd.DataFrame(read, dtype=object), file.name, file.source(), numbers)
    texts = {row[adapter.id_column]: row[adapter.text_column] for row in rows} if adapter.text_column else {}
    return DataSet(adapter.kind, table, texts)


def _adapter(file: Delimited, kind: str | None) -> Adapter | None:
    """The adapter to use; None for a file that is a long table already."""
    if kind is not None:
        known = {adapter.kind: adapter for adapter in ADAPTERS}
        if kind not in ("long", *known):
            raise TableError(f"there is no kind {kind!r} of data; there are: {listed(['long', *known])}")
        file.require(REQUIRED if kind == "long" else known[kind].columns)
        return known.get(kind)
    if set(REQUIRED) <= set(file.header):
        file.require(REQUIRED)
        return None
    for adapter in ADAPTERS:
        if set(adapter.columns) <= set(file.header):
            file.require(adapter.columns)
            return adapter
    kinds = listed(["long", *(adapter.kind for adapter in ADAPTERS)])
    raise TableError(f"{file.name} has the columns of none of the known kinds ({kinds}); it has {listed(file.header)}")


def _row(response: str, rater: str, score: str, scale: tuple[float, float, float], **more: object) -> Row:
    """A human score, or a code where the text is no number."""
    low, high, step = scale
    row: Row = {
        "response_id": response,
        "criterion": "overall",
        "rater_id": rater,
        "rater_kind": "human",
        "scale_min": low,
        "scale_max": high,
        "step": step,
        "score": score,
    }
    return row | more | _code(score)


def _code(score: str) -> Row:
    """Why there is no score; pandas and others write "nan" for what was blank."""
    try:
        blank = math.isnan(float(score))
    except ValueError:
        return {"score": "", "code": score.strip() or "blank"}
    return {"score": "", "code": "blank"} if blank else {}


def _present(row: dict[str, str], name: str) -> bool:
    return row.get(name, "").strip().lower() not in BLANK


# ---- rsmtool ---------------------------------------------------------------------------------------------------

RSMTOOL_OWN = ("spkitemid", "sc1", "sc2", "raw", "candidate", "length", "trim_min", "trim_max")


def _rsmtool(rows: Rows, name: str) -> Iterable[Row]:
    """spkitemid, sc1 and raw; sc2, candidate, length, trim_min and trim_max where there; the rest are groups."""
    scale = _rsmtool_scale(rows, name)
    for row in rows:
        groups = {key: value for key, value in row.items() if key not in RSMTOOL_OWN}
        groups |= {key: row[key] for key in ("candidate",) if key in row}
        yield _row(row["spkitemid"], "sc1", row["sc1"], scale, **groups)
        if _present(row, "sc2"):
            yield _row(row["spkitemid"], "sc2", row["sc2"], scale, **groups)
        judged = _row(row["spkitemid"], "raw", row["raw"], scale, **groups)
        yield judged | {"rater_kind": "judge"} | ({} if _present(row, "raw") else {"score": "", "code": "unscored"})


def _rsmtool_scale(rows: Rows, name: str) -> tuple[float, float, float]:
    """The declared ends, else the lowest and highest human score."""
    ends = {(row["trim_min"], row["trim_max"]) for row in rows if "trim_min" in row and "trim_max" in row}
    if len(ends) > 1:
        raise TableError(f"{name} has {len(ends)} pairs of trim_min and trim_max; split it by prompt")
    try:
        if ends:
            low, high = next(iter(ends))
            return float(low), float(high), 1.0
        scores = [float(row[key]) for row in rows for key in ("sc1", "sc2") if _present(row, key)]
    except ValueError as error:
        raise TableError(f"{name}: {error}; name the scale in columns trim_min and trim_max") from None
    if not scores or min(scores) == max(scores):
        raise TableError(f"{name} doesn't tell its scale; name it in columns trim_min and trim_max")
    return min(scores), max(scores), 1.0


# ---- ASAP ------------------------------------------------------------------------------------------------------

# Raters' scale of the first domain, and the resolved score's: a sum in sets 1, 7 and 8.
ASAP_SCALES: Mapping[str, tuple[tuple[float, float], tuple[float, float]]] = {
    "1": ((1, 6), (2, 12)),
    "2": ((1, 6), (1, 6)),
    "3": ((0, 3), (0, 3)),
    "4": ((0, 3), (0, 3)),
    "5": ((0, 4), (0, 4)),
    "6": ((0, 4), (0, 4)),
    "7": ((0, 15), (0, 30)),
    "8": ((5, 30), (0, 60)),
}
ASAP_TRAITS: Mapping[str, tuple[int, tuple[float, float]]] = {"7": (4, (0, 3)), "8": (6, (1, 6))}
ASAP_SECOND_DOMAIN = (1.0, 4.0)


def _asap(rows: Rows, name: str) -> Iterable[Row]:
    """The 2012 prize's eight sets; zeros of sets 3 to 6 are scores, resolved scores are adjudicated."""
    for row in rows:
        essay_set = row["essay_set"].strip()
        if essay_set not in ASAP_SCALES:
            raise TableError(f"{name}, row {rows.at}, column essay_set: there is no set {essay_set[:20]!r}")
        of_rater, resolved = ASAP_SCALES[essay_set]
        # A third rater of the whole essay is the expert whose doubled score is the resolved one.
        yield from _asap_raters(row, "domain1", "overall", of_rater, ("rater1", "rater2"))
        if _present(row, "domain1_score"):
            more: Row = {"criterion": "resolved", "rater_kind": "adjudicated", "prompt_id": essay_set}
            yield _row(row["essay_id"], "resolved", row["domain1_score"], (*resolved, 1), **more)
        yield from _asap_raters(row, "domain2", "conventions", ASAP_SECOND_DOMAIN)
        traits, scale = ASAP_TRAITS.get(essay_set, (0, (0.0, 1.0)))
        for trait in range(1, traits + 1):
            yield from _asap_raters(row, f"trait{trait}", f"trait{trait}", scale)


def _asap_raters(
    row: dict[str, str],
    column: str,
    criterion: str,
    scale: tuple[float, float],
    raters: tuple[str, ...] = ("rater1", "rater2", "rater3"),
) -> Iterable[Row]:
    for rater in raters:
        score = row.get(f"{rater}_{column}", "")
        if score.strip().lower() not in BLANK:
            more: Row = {"criterion": criterion, "prompt_id": row["essay_set"].strip()}
            yield _row(row["essay_id"], rater, score, (*scale, 1), **more)


# ---- PERSUADE, ASAP 2.0, AES 2.0, ELLIPSE ----------------------------------------------------------------------

STUDENT = (
    *("task", "gender", "grade_level", "ell_status", "race_ethnicity"),
    *("economically_disadvantaged", "student_disability_status"),
)
SIX = (1.0, 6.0, 1.0)
ELLIPSE_CRITERIA = ("Overall", "Cohesion", "Syntax", "Vocabulary", "Phraseology", "Grammar", "Conventions")


def _persuade(rows: Rows, name: str) -> Iterable[Row]:
    """One row per discourse element: an essay's rows must agree on its score, and count once."""
    seen: dict[str, str] = {}
    for row in rows:
        essay, score = row["essay_id_comp"], row["holistic_essay_score"]
        if essay in seen:
            if seen[essay] != score:
                raise TableError(f"{name}, row {rows.at}, column holistic_essay_score: essay {essay} has two scores")
            continue
        seen[essay] = score
        yield _row(essay, "resolved", score, SIX, **_student(row), rater_kind="adjudicated")


def _asap2(rows: Rows, _name: str) -> Iterable[Row]:
    for row in rows:
        yield _row(row["essay_id"], "resolved", row["score"], SIX, **_student(row), rater_kind="adjudicated")


def _aes2(rows: Rows, _name: str) -> Iterable[Row]:
    for row in rows:
        yield _row(row["essay_id"], "resolved", row["score"], SIX, rater_kind="adjudicated")


def _student(row: dict[str, str]) -> Row:
    return {"prompt_id": row["prompt_name"], **{name: row[name] for name in STUDENT if name in row}}


def _ellipse(rows: Rows, _name: str) -> Iterable[Row]:
    """Seven criteria by half points: the means of two raters who aren't told apart."""
    for row in rows:
        more = _ellipse_prompt(row)
        for criterion in ELLIPSE_CRITERIA:
            told: Row = {**more, "criterion": criterion.lower()}
            yield _row(row["text_id"], "mean of two", row[criterion], (1, 5, 0.5), **told)


def _ellipse_prompt(row: dict[str, str]) -> Row:
    return {"prompt_id": row.get("prompt", ""), **{name: row[name] for name in ("task", "grade") if name in row}}


# ASAP 2.0 has the columns of AES 2.0 and more, so it comes first.
ADAPTERS = (
    Adapter("rsmtool", ("spkitemid", "sc1", "raw"), _rsmtool, "spkitemid"),
    Adapter("asap", ("essay_id", "essay_set", "essay", "rater1_domain1"), _asap, "essay_id", "essay"),
    Adapter(
        "persuade",
        ("essay_id_comp", "full_text", "holistic_essay_score", "prompt_name"),
        _persuade,
        "essay_id_comp",
        "full_text",
    ),
    Adapter("asap2", ("essay_id", "full_text", "score", "prompt_name"), _asap2, "essay_id", "full_text"),
    Adapter("aes2", ("essay_id", "full_text", "score"), _aes2, "essay_id", "full_text"),
    Adapter("ellipse", ("text_id", "full_text", *ELLIPSE_CRITERIA), _ellipse, "text_id", "full_text"),
)

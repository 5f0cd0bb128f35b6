"""A table of texts and human scores, made ready to train a judge on: what is left out is counted, never guessed."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from eval.delimited import BLANK, Delimited, listed, open_delimited
from eval.errors import TableError
from flows.judging.text_space import has_words, prepared
from flows.judging.training import FEWEST, Scale

STEPS = (1.0, 0.5, 0.25, 0.1)
LONGEST = 1_000_000  # characters of a text


@dataclass(frozen=True)
class TrainChoice:
    """What a user says about a table; `columns` are the score columns by the name of their model."""

    table: Path
    text: str
    columns: Mapping[str, str]
    id: str | None = None
    prompt: str | None = None
    only: str | None = None
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True)
class TrainTable:
    """Texts that are all different, their scores by model, texts without any score, and sheets of other prompts."""

    texts: tuple[str, ...]
    scores: Mapping[str, tuple[float | None, ...]]
    unlabelled: tuple[str, ...]
    others: tuple[tuple[tuple[str, ...], tuple[float, ...]], ...]
    scales: Mapping[str, Scale]
    left_out: Mapping[str, int]
    source: Mapping[str, object]


@dataclass
class _Row:
    text: str
    scores: dict[str, list[float]]
    prompt: str = ""


@dataclass
class _Read:
    rows: list[_Row] = field(default_factory=list)
    ids: Counter[str] = field(default_factory=Counter)
    empty: int = 0


def read_training(choice: TrainChoice) -> TrainTable:
    """Read and check; TableError says in one sentence what cannot be used."""
    if (choice.minimum is None) != (choice.maximum is None):
        raise TableError("a scale has two ends: say both --min and --max")
    if (choice.prompt is None) != (choice.only is None):
        raise TableError("say both --prompt, the column, and --only, the prompt to learn")
    names = [choice.text, *choice.columns.values(), *(name for name in (choice.id, choice.prompt) if name)]
    file = open_delimited(choice.table, names)
    file.require(names)
    read = _rows(file, choice)
    twice = [known for known, count in read.ids.items() if count > 1]
    if twice:
        raise TableError(f"{file.name}, column {choice.id!r}: more than one row for {listed(twice)}")
    if not read.rows:
        raise TableError(f"{file.name}, column {choice.text!r}: no text has any words")
    ours = [row for row in read.rows if choice.only is None or row.prompt == choice.only]
    if not ours:
        known = listed(sorted({row.prompt for row in read.rows}))
        raise TableError(f"{file.name}: no text of prompt {choice.only!r}; there are: {known}")
    merged = _merged(ours)
    labelled = [row for row in merged if any(row.scores.values())]
    columns = {name: tuple(_mean(row.scores[name]) for row in labelled) for name in choice.columns}
    return TrainTable(
        texts=tuple(row.text for row in labelled),
        scores=columns,
        unlabelled=tuple(row.text for row in merged if not any(row.scores.values())),
        others=_others(read.rows, choice),
        scales={name: _scale(name, [value for row in ours for value in row.scores[name]], choice) for name in columns},
        left_out={"without words": read.empty, "said twice": len(ours) - len(merged)},
        source=file.source(),
    )


def _rows(file: Delimited, choice: TrainChoice) -> _Read:
    place = {name: file.header.index(name) for name in file.header if name}
    read = _Read()
    for start, rows in file.blocks():
        for number, cells in enumerate(rows, start):
            if choice.id is not None:
                read.ids[_required(cells[place[choice.id]], choice.id, number, file)] += 1
            scores = {
                name: _score(cells[place[column]], column, number, file) for name, column in choice.columns.items()
            }
            text = cells[place[choice.text]]
            if len(text) > LONGEST:
                raise TableError(f"{file.name}, row {number}: the text has more than {LONGEST:,} characters")
            if not has_words(text):
                read.empty += 1
                continue
            prompt = cells[place[choice.prompt]].strip() if choice.prompt else ""
            read.rows.append(_Row(text, scores, prompt))
    return read


def _required(cell: str, column: str, number: int, file: Delimited) -> str:
    if not cell.strip():
        raise TableError(f"{file.name}, column {column!r}: no id in row {number}")
    return cell.strip()


def _score(cell: str, column: str, number: int, file: Delimited) -> list[float]:
    """The score in a cell, none where it is blank."""
    plain = cell.strip()
    if plain.lower() in BLANK:
        return []
    try:
        value = float(plain.replace(",", ".") if file.delimiter != "," else plain)
    except ValueError:
        value = float("inf")
    if abs(value) == float("inf") or "_" in plain:
        shown = repr(plain if len(plain) <= 20 else plain[:20] + "…")
        raise TableError(f"{file.name}, column {column!r}: {shown} is no number (row {number})")
    return [value]


def _merged(rows: Sequence[_Row]) -> list[_Row]:
    """Each text once, with all scores it was given: a text on both sides of a fold would flatter the judge."""
    found: dict[str, _Row] = {}
    for row in rows:
        key = " ".join(prepared([row.text])[0].split())
        known = found.setdefault(key, _Row(row.text, {name: [] for name in row.scores}, row.prompt))
        for name, values in row.scores.items():
            known.scores[name] += values
    return list(found.values())


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _others(rows: Sequence[_Row], choice: TrainChoice) -> tuple[tuple[tuple[str, ...], tuple[float, ...]], ...]:
    """Texts and scores of every other prompt, by the first score column."""
    first = next(iter(choice.columns))
    by_prompt: dict[str, list[tuple[str, float]]] = {}
    for row in rows:
        score = _mean(row.scores[first])
        if choice.only is not None and row.prompt != choice.only and score is not None:
            by_prompt.setdefault(row.prompt, []).append((row.text, score))
    enough = [pairs for pairs in by_prompt.values() if len(pairs) >= FEWEST]
    return tuple((tuple(text for text, _ in pairs), tuple(score for _, score in pairs)) for pairs in enough)


def _scale(name: str, values: Sequence[float], choice: TrainChoice) -> Scale:
    """The scale that was said, else what was seen; its step is the widest that all scores keep to."""
    if not values:
        raise TableError(f"{name}: no text has a score")
    declared = choice.minimum is not None and choice.maximum is not None
    low, high = (choice.minimum, choice.maximum) if declared else (min(values), max(values))
    assert low is not None
    assert high is not None
    if declared and not low < high:
        raise TableError(f"the lowest score {low:g} is not below the highest {high:g}")
    steps = [step for step in STEPS if all(abs((v - low) / step - round((v - low) / step)) < 1e-6 for v in values)]
    return Scale(low, high, steps[0] if steps else STEPS[-1], declared)

"""`atelier judge`: fill in the sheet of one text, or of a file of them, in this process."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, NamedTuple, NoReturn

import typer

from flows.judging.catalog import get_judge
from flows.judging.estimate import estimate
from flows.judging.judge import Judge, JudgeUnavailable, UnknownJudge, fingerprint, judge_text
from rubrics.drawing import graph_points
from rubrics.judgement import Judgement, Rating
from rubrics.model import Rubric, RubricError, load_rubric
from rubrics.scoring import display, item_points

SCOPE = "cli"
_UNREADABLE = "\0"  # stands for a line that holds no text, so that it is judged as what it is

app = typer.Typer(add_completion=False)


class Entry(NamedTuple):
    """One input: its id and its text."""

    id: str | int | None
    text: str


@app.command()
def judge(
    file: Annotated[str, typer.Argument(help="A file with the text, or - for standard input.")],
    rubric_id: Annotated[str, typer.Option("--rubric", help="A rubric's id, or the path of its YAML file.")],
    judge_name: Annotated[str, typer.Option("--judge", help="Who judges.")] = "checklist",
    jsonl: Annotated[bool, typer.Option("--jsonl", help='Each line of FILE is {"id", "text"}.')] = False,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON line for every text.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would cost; ask nobody.")] = False,
) -> None:
    """Judge one text or a file of them, and say what each level rests on."""
    try:
        rubric, filling = load_rubric(rubric_id), get_judge(judge_name)
        content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except (RubricError, UnknownJudge) as error:
        _stop(str(error))
    except OSError as error:
        _stop(f"{file} cannot be read: {(error.strerror or 'no such file').lower()}.")
    entries = _lines(content) if jsonl else iter([Entry(file, _decoded(content))])
    if dry_run:
        _estimate(filling, rubric, [entry.text for entry in entries], as_json)
        return
    if not as_json:
        typer.echo(filling.label)
    for entry in entries:
        sheet = _sheet(filling, rubric, entry.text)
        answer = _answer(filling, rubric, entry, sheet)
        typer.echo(json.dumps(answer) if as_json else _table(rubric, sheet, answer))


def _estimate(filling: Judge, rubric: Rubric, texts: list[str], as_json: bool) -> None:
    try:
        found = estimate(filling, rubric, texts)
    except JudgeUnavailable as problem:
        _stop(str(problem))
    typer.echo(json.dumps(found.as_json()) if as_json else str(found))


def _stop(message: str) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(2)


def _decoded(content: bytes) -> str:
    """UTF-8 text; bytes that are none become lone surrogates, which the checks know as no text."""
    return content.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")


def _lines(content: bytes) -> Iterator[Entry]:
    for number, line in enumerate(content.splitlines(), 1):
        if line.strip():
            yield _entry(number, _decoded(line))


def _entry(number: int, line: str) -> Entry:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return Entry(number, _UNREADABLE)
    if not isinstance(row, dict):
        return Entry(number, _UNREADABLE)
    given = row.get("id")
    name = given if isinstance(given, str | int) and not isinstance(given, bool) else number
    text = row.get("text")
    if isinstance(text, dict):  # a drawing, not yet written out
        text = json.dumps(text)
    return Entry(name, text if isinstance(text, str) else _UNREADABLE)


def _sheet(filling: Judge, rubric: Rubric, text: str) -> Judgement:
    try:
        return judge_text(filling, rubric, text)
    except JudgeUnavailable as error:
        ratings = tuple(
            Rating(criterion=criterion.id, level=None, reason="unavailable", comment=str(error))
            for criterion in rubric.criteria
        )
        return Judgement(ratings=ratings, judge=filling.name, evidence="none", provisional=True)


def _answer(filling: Judge, rubric: Rubric, entry: Entry, sheet: Judgement) -> dict[str, Any]:
    points = graph_points(rubric, entry.text)
    asked = [criterion.id for criterion in rubric.judged]
    checks = {} if rubric.kind == "text" else {"checks": {"graph_points": points}}
    return {
        "id": entry.id,
        "levels": sheet.levels,
        "flags": list(sheet.flags),
        "total": item_points(rubric, sheet.levels, points),
        "ratings": [_rating(rating) for rating in sheet.ratings],
        "judge": sheet.judge,
        "provisional": sheet.provisional,
        "usage": sheet.usage,
        "fingerprint": fingerprint(scope=SCOPE, judge=filling, rubric=rubric, criteria=asked, text=entry.text),
        **checks,
    }


def _rating(rating: Rating) -> dict[str, Any]:
    return {
        "criterion": rating.criterion,
        "level": rating.level,
        "reason": rating.reason,
        "quotes": [quote.text for quote in rating.quotes],
        "checks": list(rating.checks),
        "looked_for": rating.looked_for,
        "comment": rating.comment,
        "needs": rating.needs,
        "confidence": rating.confidence,
        "confidence_source": rating.confidence_source,
        "estimate": rating.estimate,
        "interval": None if rating.interval is None else list(rating.interval),
        "doubt": rating.doubt,
    }


def _table(rubric: Rubric, sheet: Judgement, answer: dict[str, Any]) -> str:
    total = "not scored" if answer["total"] is None else f"{display(answer['total'])} / 100"
    name = str(answer["id"]).encode("utf-8", "replace").decode()  # a name may hold bytes that are no text
    lines = ["", f"{name}  {total}" + "".join(f"  [{flag}]" for flag in sheet.flags)]
    for rating in sheet.ratings:
        criterion = rubric.criterion(rating.criterion)
        level = f"unscored: {rating.reason}" if rating.level is None else f"{rating.level} of {criterion.top}"
        lines.append(f"  {criterion.title:<28} {level}")
        lines += [f"      “{' '.join(quote.text.split())}”" for quote in rating.quotes]
        lines += [f"      {part}" for part in (rating.comment, _looked_for(rating), _doubt(rating)) if part]
    return "\n".join(lines)


def _doubt(rating: Rating) -> str:
    return f"In doubt: {rating.doubt}." if rating.doubt else ""


def _looked_for(rating: Rating) -> str:
    return f"Looked for: {rating.looked_for}" if rating.looked_for else ""

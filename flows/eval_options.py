"""Options that every command over a data set takes, declared once."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from eval.errors import TableError
from eval.scale import Scale

Data = Annotated[Path, typer.Argument(help="A set of a known kind, or any table with --id and more.")]
RubricOption = Annotated[
    str, typer.Option("--rubric", help="A rubric's id or file; {prompt} in it stands for each response's prompt.")
]
JudgeOption = Annotated[
    str, typer.Option("--judge", help="Who judges: checklist, claude:MODEL, trained:FILE, panel:A+B.")
]
Out = Annotated[Path, typer.Option(help="Folder of the run; said again, the run goes on where it was.")]
Limit = Annotated[int | None, typer.Option(min=1, help="Only so many responses, drawn at random.")]
Budget = Annotated[float | None, typer.Option(min=0, help="US dollars that the folder's answers may cost.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what it would cost; ask nobody.")]
Batch = Annotated[bool, typer.Option("--batch", help="Ask Claude in batches, at half the price, within a day.")]
BatchId = Annotated[str | None, typer.Option(help="A batch whose id was not kept; none if it was never sent.")]
Kind = Annotated[str | None, typer.Option(help="Kind of the set, where its columns don't tell.")]
Id = Annotated[str | None, typer.Option("--id", help="Column of ids, for a table of no known kind.")]
Text = Annotated[str, typer.Option(help="Column of the texts.")]
Human = Annotated[list[str] | None, typer.Option(help="Column of a person's scores, or CRITERION=COLUMN; repeatable.")]
Prompt = Annotated[str, typer.Option(help="Column of prompts or questions.")]
Comment = Annotated[str, typer.Option(help="Column of what the person said about it.")]
Group = Annotated[list[str] | None, typer.Option(help="Column of groups; repeatable.")]
Minimum = Annotated[float | None, typer.Option("--min", help="Lowest score of the scale.")]
Maximum = Annotated[float | None, typer.Option("--max", help="Highest score of the scale.")]
Step = Annotated[float, typer.Option(help="Distance of two levels of the scale.")]
Texts = Annotated[Path | None, typer.Option(help='Texts as lines of {"id", "text"}, for a table without.')]
CriterionPairs = Annotated[
    list[str] | None, typer.Option("--criterion", help="RUBRIC=TABLE: which criterion is which; repeatable.")
]
Only = Annotated[str | None, typer.Option(help="Only responses of this prompt.")]
LeastWords = Annotated[int, typer.Option(min=0, help="Leave out shorter responses, and count them.")]
SetName = Annotated[str | None, typer.Option("--set", help="The set's name, part of every fingerprint.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of what is drawn.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def scale_of(minimum: float | None, maximum: float | None, step: float) -> Scale | None:
    """The declared scale, or None without one; TableError with one end only."""
    if minimum is None and maximum is None:
        return None
    if minimum is None or maximum is None:
        raise TableError("a scale has two ends: say both --min and --max")
    return Scale(minimum, maximum, step)


def criteria_of(named: Sequence[str] | None, form: str = "RUBRIC=TABLE") -> dict[str, str]:
    """What stands for each criterion, from --criterion as in `form`; TableError for another form, and for two."""
    found: dict[str, str] = {}
    for one in named or ():
        ours, _, theirs = one.partition("=")
        if not (ours and theirs):
            raise TableError(f"--criterion takes {form}, not {one!r}")
        if ours in found:
            raise TableError(f"criterion {ours!r} is named twice")
        found[ours] = theirs
    return found


def told_name(judge: str) -> str:
    """A judge's name as reports tell it: of a file only its own name, not where it lies."""
    return re.sub(r"trained:([^+]+)", lambda match: f"trained:{Path(match[1]).name}", judge)


def scope_of(name: str | None, data: Path) -> str:
    """What fingerprints of a set begin with: its name, so that more rows of the same set ask nothing anew."""
    return f"eval:{name or data.name.split('.')[0]}"

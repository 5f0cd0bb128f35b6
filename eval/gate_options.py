"""Options of `atelier eval gate`, declared once."""

from pathlib import Path
from typing import Annotated

import typer

Table = Annotated[Path, typer.Argument(help="Labelled responses: a row each, a long table, or a run's folder.")]
LossOption = Annotated[
    str | None, typer.Option(help="What counts as a loss: any, steps:N, off:X, over:X, outside, criteria:N.")
]
Alpha = Annotated[float | None, typer.Option(help="The risk that is promised at most, as 0.1.")]
Delta = Annotated[float, typer.Option(help="How often such a promise may be broken.")]
Human = Annotated[str | None, typer.Option(help="Column of the human scores, given without the judge's.")]
Human2 = Annotated[str | None, typer.Option(help="Column of a second person's scores.")]
System = Annotated[str | None, typer.Option(help="Column of the judge's scores.")]
Confidence = Annotated[
    str | None, typer.Option(help="Column of the judge's confidence, 0 to 1; in a long table: least, mean or none.")
]
Rater = Annotated[str | None, typer.Option(help="In a long table: the judge's rater id.")]
Criterion = Annotated[str | None, typer.Option(help="In a long table: compare this one score.")]
Blind = Annotated[
    bool, typer.Option("--blind", help="People did not see the judge's scores, though the table does not say so.")
]
Prompt = Annotated[str | None, typer.Option(help="Column of prompts; each gets a threshold of its own.")]
PromptId = Annotated[str, typer.Option(help="The one prompt's name, as the lesson's item id.")]
Group = Annotated[list[str] | None, typer.Option(help="Column of groups that must be shown too.")]
Accept = Annotated[
    list[str] | None, typer.Option(help="COLUMN=VALUE of a group to release without proof; again for each.")
]
AcceptedBy = Annotated[str, typer.Option(help="Who signs for those groups.")]
Words = Annotated[str | None, typer.Option(help="Column of lengths in words; others are held.")]
Id = Annotated[str | None, typer.Option("--id", help="Column of ids; a second row is refused.")]
Minimum = Annotated[float, typer.Option("--min", help="Lowest score.")]
Maximum = Annotated[float, typer.Option("--max", help="Highest score.")]
Step = Annotated[float, typer.Option(help="Distance of two levels.")]
Declare = Annotated[
    Path | None, typer.Option(help="Write what would be tested to this file and look at no human score.")
]
Declared = Annotated[Path | None, typer.Option(help="Test what this file declared, and nothing else.")]
Judge = Annotated[Path | None, typer.Option(help="JSON of the judge: name, version, model, prompt_hash.")]
RubricOption = Annotated[str | None, typer.Option(help="Id or path of the rubric.")]
Placement = Annotated[list[str] | None, typer.Option(help="Placement it is for, as `atelier gate` lists.")]
Days = Annotated[float, typer.Option(min=0.01, max=400, help="For how many days it holds.")]
Boundary = Annotated[list[float] | None, typer.Option(help="Points near which a person decides.")]
Margin = Annotated[float, typer.Option(min=0, help="How near.")]
AuditShare = Annotated[float, typer.Option(min=0.05, max=1, help="Share of the released that is read again.")]
Key = Annotated[Path | None, typer.Option(help="Private key that signs: see `atelier eval gate-key`.")]
Out = Annotated[Path | None, typer.Option(help="Where to write the signed gate file.")]
AttemptOption = Annotated[
    int, typer.Option("--attempt", min=1, help="Which attempt at these questions it is, if some were made elsewhere.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]

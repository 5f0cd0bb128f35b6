"""`atelier eval judge-id`: which judge a name stands for, as a gate file needs it."""

import json
from typing import Annotated

import typer

from flows.judging.catalog import get_judge
from flows.judging.identity import identity_of
from flows.judging.judge import JudgeError

app = typer.Typer(help="Which judge a name stands for.", add_completion=False)


@app.command()
def judge_id(
    judge: Annotated[str, typer.Argument(help="The judge's name, as in ATELIER_JUDGE.")],
    model: Annotated[
        list[str] | None, typer.Option(help="The model that answered, where that is not the one asked for.")
    ] = None,
) -> None:
    """Print the judge as JSON, for `atelier eval gate --judge`: name, version, model, prompt, parameters.

    A model asked for by a short name may answer under a longer one; a run over a data set says which.
    """
    try:
        identity = identity_of(get_judge(judge), model or ())
    except JudgeError as error:
        typer.echo(f"atelier eval judge-id: {error}", err=True)
        raise typer.Exit(1) from None
    typer.echo(json.dumps(identity.model_dump(), ensure_ascii=False, indent=2))

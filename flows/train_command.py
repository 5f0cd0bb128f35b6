"""`atelier eval train`: fit a judge on a table of human sheets."""

import json
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from eval.errors import EvalError, TableError
from flows.eval_options import criteria_of
from flows.judging.kernel_ridge import half_width
from flows.judging.model_file import save
from flows.judging.trained import MISSED, OVERALL
from flows.judging.training import FEW, Trained, TrainingProblem, make_prior, train
from flows.train_table import TrainChoice, TrainTable, read_training

app = typer.Typer(help="Fit a judge on a table of texts that people scored.", add_completion=False)


@app.command()
def eval_train(
    table: Annotated[Path, typer.Argument(help="A delimited file with a row for each text.")],
    text: Annotated[str, typer.Option(help="Column of the texts.")],
    out: Annotated[Path, typer.Option(help="The judge's file; used as --judge trained:FILE.")],
    human: Annotated[str | None, typer.Option(help="Column of the only score.")] = None,
    criterion: Annotated[
        list[str] | None, typer.Option(help="CRITERION=COLUMN, one for each that has scores; repeatable.")
    ] = None,
    id_column: Annotated[str | None, typer.Option("--id", help="Column of ids; each may stand there once.")] = None,
    minimum: Annotated[float | None, typer.Option("--min", help="Lowest score that could be given.")] = None,
    maximum: Annotated[float | None, typer.Option("--max", help="Highest score that could be given.")] = None,
    prompt: Annotated[str | None, typer.Option(help="Column of prompts, for a table of several.")] = None,
    only: Annotated[
        str | None, typer.Option(help="The prompt to learn; with few scores the others' sheets help.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what came of it as JSON.")] = False,
) -> None:
    """Fit, say how far the judge agrees with people on texts it has not seen, and write its file.

    At least ten texts with a score; more without one help a little. What has no model stays unscored.
    """
    try:
        choice = TrainChoice(table, text, _columns(human, criterion or []), id_column, prompt, only, minimum, maximum)
        ready = read_training(choice)
        labels = min(sum(one is not None for one in column) for column in ready.scores.values())
        prior = make_prior(ready.others) if ready.others and labels < FEW else None
        fitted = train(ready.texts, ready.scores, ready.scales, prior=prior, more_texts=ready.unlabelled)
        digest = save(fitted, out)
    except (EvalError, TrainingProblem) as error:
        _stop(str(error))
    except OSError as error:
        _stop(f"{out} cannot be written: {(error.strerror or 'no reason given').lower()}.")
    told = _facts(fitted, ready, out, digest)
    typer.echo(json.dumps(told, ensure_ascii=False) if as_json else _summary(told))


def _columns(human: str | None, named: list[str]) -> dict[str, str]:
    """The score columns by the name of their model."""
    columns = criteria_of(named, "CRITERION=COLUMN")
    if bool(columns) == (human is not None):
        raise TableError("say either --human COLUMN for one score, or --criterion CRITERION=COLUMN for each")
    return columns or {OVERALL: str(human)}


def _facts(fitted: Trained, ready: TrainTable, out: Path, digest: str) -> dict[str, Any]:
    models = {
        name: {
            "labels": model.labels,
            "scale": [model.scale.low, model.scale.high],
            "scale_declared": model.scale.declared,
            "qwk": None
            if model.kappa is None
            else dict(zip(("value", "low", "high"), (round(one, 4) for one in model.kappa), strict=True)),
            "interval_half_width": round(half_width(model.residuals, MISSED), 3),
        }
        for name, model in fitted.models.items()
    }
    return {
        "judge": f"trained:{out}",
        "models": models,
        "texts": len(ready.texts),
        "unlabelled": len(ready.unlabelled),
        "prior": fitted.prior is not None,
        "left_out": dict(ready.left_out),
        "data": fitted.data_digest,
        "file": digest,
        "source": dict(ready.source),
    }


def _summary(told: dict[str, Any]) -> str:
    lines = []
    for name, model in told["models"].items():
        low, high = model["scale"]
        seen = "" if model["scale_declared"] else " (as seen; say --min and --max)"
        qwk = model["qwk"]
        lines.append(f"{name}: {model['labels']} scores from {low:g} to {high:g}{seen}")
        lines.append(
            f"  agrees with people on texts it has not seen: weighted kappa {qwk['value']:.2f} "
            f"({qwk['low']:.2f} to {qwk['high']:.2f}, {model['labels']} texts, five folds)"
        )
        lines.append(f"  nine scores in ten lie within {model['interval_half_width']:g} of its estimate")
    left = [f"{count} {what}" for what, count in told["left_out"].items() if count]
    lines += [f"Left out: {', '.join(left)}."] if left else []
    if told["prior"]:
        lines.append("With so few scores the sheets of the other prompts were asked too.")
    lines.append(f"Written: {told['judge'].removeprefix('trained:')} (it holds words of the texts). Use it as")
    lines.append(f"  --judge {told['judge']}")
    return "\n".join(lines)


def _stop(message: str) -> NoReturn:
    typer.echo(f"atelier: {message}", err=True)
    raise typer.Exit(2)

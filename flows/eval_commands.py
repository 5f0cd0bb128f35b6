"""`atelier eval run`: a judge over a set of human-scored texts."""

import json
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, NoReturn

import typer

from eval.errors import EvalError
from eval.run_folder import SCORES, whole_model
from flows import eval_options as options
from flows.eval_log import EvalLog, opened
from flows.eval_progress import Progress
from flows.eval_scores import identity, refuse_other_run, write_run
from flows.eval_sets import Choice, ReadySet, read_set
from flows.judging.catalog import get_judge
from flows.judging.estimate import estimate
from flows.judging.judge import JudgeUnavailable, UnknownJudge
from flows.run_eval import GAVE_UP, Desk, OpenSheet, Plan, Stopped, run
from lti_tool.jobs import MAX_TRIES
from rubrics.model import RubricError

app = typer.Typer(help="Have a judge fill in sheets for a set of texts that people scored.", add_completion=False)


@app.command()
def eval_run(
    data: options.Data,
    rubric: options.RubricOption,
    judge: options.JudgeOption,
    out: options.Out,
    repeats: Annotated[int, typer.Option(min=1, max=50, help="How often each text is judged.")] = 1,
    limit: options.Limit = None,
    budget: options.Budget = None,
    dry_run: options.DryRun = False,
    batch: options.Batch = False,
    batch_id: options.BatchId = None,
    kind: options.Kind = None,
    id_column: options.Id = None,
    text: options.Text = "",
    human: options.Human = None,
    prompt: options.Prompt = "",
    comment: options.Comment = "",
    group: options.Group = None,
    minimum: options.Minimum = None,
    maximum: options.Maximum = None,
    step: options.Step = 1.0,
    texts: options.Texts = None,
    criterion: options.CriterionPairs = None,
    only: options.Only = None,
    least_words: options.LeastWords = 0,
    name: options.SetName = None,
    seed: options.Seed = 0,
    as_json: options.AsJson = False,
) -> None:
    """Judge a set; resumable, and nothing is asked twice. `atelier eval report DIR` tells what came of it."""
    try:
        scale = options.scale_of(minimum, maximum, step)
        mapping = options.criteria_of(criterion)
        choice = Choice(
            data, rubric, kind, id_column, text, tuple(human or ()), prompt, comment, tuple(group or ()),
            texts, scale, mapping, only, limit, least_words, seed,
        )  # fmt: skip
        asked = get_judge(judge)
        ready = read_set(choice)
        plan = Plan(asked, ready.rubrics, ready.entries, options.scope_of(name, data), repeats)
        if dry_run:
            tell_estimate(plan, as_json)
            return
        ours = identity(plan, options.told_name(judge), ready)
        facts: dict[str, Any] = {
            "identity": ours,
            "label": asked.label,
            "evidence": asked.evidence,
            "asked": {"repeats": repeats, "limit": limit, "seed": seed, "only": only, "least_words": least_words},
        }
        refuse_other_run(out, ours)
        manifest = _judge(plan, ready, out, facts, budget, batch, batch_id)
    except (EvalError, RubricError, UnknownJudge) as error:
        _stop(str(error))
    except JudgeUnavailable as error:
        _stop(str(error))
    typer.echo(json.dumps(manifest, ensure_ascii=False) if as_json else _summary(manifest, out))


def tell_estimate(plan: Plan, as_json: bool) -> None:
    """What a plan would cost at most; asks nobody."""
    found = [
        estimate(plan.judge, rubric, [one.text for one in plan.entries if one.prompt_id == prompt], plan.repeats)
        for prompt, rubric in plan.rubrics.items()
    ]
    total = {
        "texts": sum(one.texts for one in found),
        "calls": sum(one.calls for one in found),
        "input_tokens": sum(one.input_tokens for one in found),
        "output_tokens": sum(one.output_tokens for one in found),
        "usd": sum(one.usd for one in found),
    }
    if as_json:
        typer.echo(json.dumps(total))
        return
    free = "" if plan.judge.paid else "; this judge costs nothing"
    typer.echo(
        f"{total['texts']:,} texts, {plan.repeats} times each, {total['calls']:,} calls, about "
        f"{total['input_tokens']:,} tokens in and {total['output_tokens']:,} out: at most ${total['usd']:.2f} "
        f"(about half of it with --batch){free}."
    )


def _judge(
    plan: Plan,
    ready: ReadySet,
    out: Path,
    facts: dict[str, Any],
    budget: float | None,
    batch: bool,
    batch_id: str | None,
) -> dict[str, Any]:
    """Run the plan; what was judged is written out also where the run ends early."""
    progress = Progress(len(plan.entries) * plan.repeats, paid=plan.judge.paid)
    with opened(out) as log:
        desk = Desk(plan, log, budget, progress, spent_usd=spent_before(log) if plan.judge.paid else 0.0)
        progress.begin(0, desk.spent_usd)
        stop_gently(desk)
        problem: Stopped | None = None
        try:
            run(desk, asker(out, batch, batch_id))
        except Stopped as stopped:
            problem = stopped
        finally:
            progress.end()
        manifest = write_run(out, desk, ready, facts | {"calls_of_this_run": desk.calls})
    if problem is not None:
        done, total = manifest["judged"]["sheets"], len(plan.entries) * plan.repeats
        raise Stopped(f"{problem} {done:,} of {total:,} sheets are filled in; say it again to go on.")
    return manifest


def asker(out: Path, batch: bool, batch_id: str | None) -> Callable[[Desk, Sequence[OpenSheet]], None]:
    """How a paid judge is asked: by Prefect's tasks, or in batches."""

    def ask(desk: Desk, sheets: Sequence[OpenSheet]) -> None:
        if batch or batch_id is not None:
            from flows.eval_batches import ask_by_batch

            ask_by_batch(out, desk, sheets, batch_id)
        else:
            from flows.eval_flow import ask_by_prefect

            ask_by_prefect(out, desk, sheets)

    return ask


def spent_before(log: EvalLog) -> float:
    """What the folder's answers cost so far."""
    return sum(float(row["usage"]["usd"]) for row in log.answers.rows())


def stop_gently(desk: Desk) -> None:
    """Ctrl-C ends the asking, not the keeping; a second one ends the process."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        desk.stop("Interrupted.")
        signal.signal(signal.SIGINT, signal.default_int_handler)

    signal.signal(signal.SIGINT, stop)


def _summary(manifest: dict[str, Any], out: Path) -> str:
    judged, took = manifest["judged"], manifest["took"]
    cost = f", ${took['usd']:.2f}" if took["usd"] else ""
    models = ", ".join(sorted(manifest["models"]))
    by = f" by {models}" if models else ", on which the judge said nothing"
    lines = [f"{judged['responses']:,} responses, {judged['sheets']:,} sheets{by}{cost}; in {out / SCORES}."]
    if given_up := judged["given_up"]:
        lines.append(
            f"{given_up:,} {'sheet' if given_up == 1 else 'sheets'} with questions that failed {MAX_TRIES} times: "
            f"unscored ({GAVE_UP}), a person decides about them."
        )
    parameters = manifest["identity"]["judge"]["parameters"]
    if len(manifest["models"]) > 1 and whole_model(manifest["models"], parameters) is None:
        lines.append("The model's id changed during the run: the report treats each as a judge of its own.")
    lines.append(f"atelier eval report {out}")
    return "\n".join(lines)


def _stop(message: str) -> NoReturn:
    typer.echo(f"atelier eval run: {message.rstrip('.')}.", err=True)
    raise typer.Exit(1)

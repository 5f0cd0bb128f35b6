"""`atelier eval run`: a judge over a set of human-scored texts."""

import json
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, NoReturn

import typer

from eval.errors import EvalError, TableError
from eval.run_folder import SCORES
from eval.scale import Scale
from flows.eval_log import EvalLog, opened
from flows.eval_progress import Progress
from flows.eval_scores import identity, refuse_other_run, write_run
from flows.eval_sets import Choice, ReadySet, read_set
from flows.judging.catalog import get_judge
from flows.judging.estimate import estimate
from flows.judging.judge import JudgeUnavailable, UnknownJudge
from flows.run_eval import Desk, OpenSheet, Plan, Stopped, run
from rubrics.model import RubricError

app = typer.Typer(help="Have a judge fill in sheets for a set of texts that people scored.", add_completion=False)


@app.command()
def eval_run(
    data: Annotated[Path, typer.Argument(help="A set of a known kind, or any table with --id and more.")],
    rubric: Annotated[
        str, typer.Option(help="A rubric's id or file; {prompt} in it stands for each response's prompt.")
    ],
    judge: Annotated[str, typer.Option(help="Who judges: checklist, claude:MODEL, trained:FILE, panel:A+B.")],
    out: Annotated[Path, typer.Option(help="Folder of the run; said again, the run goes on where it was.")],
    repeats: Annotated[int, typer.Option(min=1, max=50, help="How often each text is judged.")] = 1,
    limit: Annotated[int | None, typer.Option(min=1, help="Only so many responses, drawn at random.")] = None,
    budget: Annotated[float | None, typer.Option(min=0, help="US dollars that the folder's run may cost.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would cost; ask nobody.")] = False,
    batch: Annotated[
        bool, typer.Option("--batch", help="Ask Claude in batches, at half the price, within a day.")
    ] = False,
    batch_id: Annotated[
        str | None, typer.Option(help="A batch whose id was not kept; none if it was never sent.")
    ] = None,
    kind: Annotated[str | None, typer.Option(help="Kind of the set, where its columns don't tell.")] = None,
    id_column: Annotated[str | None, typer.Option("--id", help="Column of ids, for a table of no known kind.")] = None,
    text: Annotated[str, typer.Option(help="Column of the texts.")] = "",
    human: Annotated[
        list[str] | None, typer.Option(help="Column of a person's scores, or CRITERION=COLUMN; repeatable.")
    ] = None,
    prompt: Annotated[str, typer.Option(help="Column of prompts or questions.")] = "",
    comment: Annotated[str, typer.Option(help="Column of what the person said about it.")] = "",
    group: Annotated[list[str] | None, typer.Option(help="Column of groups; repeatable.")] = None,
    minimum: Annotated[float | None, typer.Option("--min", help="Lowest score of the scale.")] = None,
    maximum: Annotated[float | None, typer.Option("--max", help="Highest score of the scale.")] = None,
    step: Annotated[float, typer.Option(help="Distance of two levels of the scale.")] = 1.0,
    texts: Annotated[Path | None, typer.Option(help='Texts as lines of {"id", "text"}, for a table without.')] = None,
    criterion: Annotated[
        list[str] | None, typer.Option(help="RUBRIC=TABLE: which criterion is which; repeatable.")
    ] = None,
    only: Annotated[str | None, typer.Option(help="Only responses of this prompt.")] = None,
    least_words: Annotated[int, typer.Option(min=0, help="Leave out shorter responses, and count them.")] = 0,
    name: Annotated[str | None, typer.Option("--set", help="The set's name, part of every fingerprint.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the drawing of --limit.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the run's facts as JSON.")] = False,
) -> None:
    """Judge a set; resumable, and nothing is asked twice. `atelier eval report DIR` tells what came of it."""
    try:
        scale = _scale(minimum, maximum, step)
        mapping = _mapping(criterion or [])
        choice = Choice(
            data, rubric, kind, id_column, text, tuple(human or ()), prompt, comment, tuple(group or ()),
            texts, scale, mapping, only, limit, least_words, seed,
        )  # fmt: skip
        asked = get_judge(judge)
        ready = read_set(choice)
        plan = Plan(asked, ready.rubrics, ready.entries, f"eval:{name or data.name.split('.')[0]}", repeats)
        if dry_run:
            _tell_estimate(plan, as_json)
            return
        ours = identity(plan, judge, ready)
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


def _scale(minimum: float | None, maximum: float | None, step: float) -> Scale | None:
    if minimum is None and maximum is None:
        return None
    if minimum is None or maximum is None:
        raise TableError("a scale has two ends: say both --min and --max")
    return Scale(minimum, maximum, step)


def _mapping(named: Sequence[str]) -> dict[str, str]:
    pairs = [one.partition("=") for one in named]
    wrong = [ours for ours, equals, theirs in pairs if not (ours and equals and theirs)]
    if wrong:
        raise TableError(f"--criterion takes RUBRIC=TABLE, not {wrong[0]!r}")
    return {ours: theirs for ours, _, theirs in pairs}


def _tell_estimate(plan: Plan, as_json: bool) -> None:
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
        desk = Desk(plan, log, budget, progress, spent_usd=_spent(log) if plan.judge.paid else 0.0)
        progress.begin(0, desk.spent_usd)
        _stop_gently(desk)
        problem: Stopped | None = None
        try:
            run(desk, _asker(out, batch, batch_id))
        except Stopped as stopped:
            problem = stopped
        finally:
            progress.end()
        manifest = write_run(out, desk, ready, facts | {"calls_of_this_run": desk.calls})
    if problem is not None:
        done, total = manifest["judged"]["sheets"], len(plan.entries) * plan.repeats
        raise Stopped(f"{problem} {done:,} of {total:,} sheets are filled in; say it again to go on.")
    return manifest


def _asker(out: Path, batch: bool, batch_id: str | None) -> Callable[[Desk, Sequence[OpenSheet]], None]:
    def ask(desk: Desk, sheets: Sequence[OpenSheet]) -> None:
        if batch or batch_id is not None:
            from flows.eval_batches import ask_by_batch

            ask_by_batch(out, desk, sheets, batch_id)
        else:
            from flows.eval_flow import ask_by_prefect

            ask_by_prefect(out, desk, sheets)

    return ask


def _spent(log: EvalLog) -> float:
    """What the folder's answers cost so far."""
    return sum(float(row["usage"]["usd"]) for row in log.answers.rows())


def _stop_gently(desk: Desk) -> None:
    """Ctrl-C ends the asking, not the keeping; a second one ends the process."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        desk.stop("Interrupted.")
        signal.signal(signal.SIGINT, signal.default_int_handler)

    signal.signal(signal.SIGINT, stop)


def _summary(manifest: dict[str, Any], out: Path) -> str:
    judged, took = manifest["judged"], manifest["took"]
    cost = f", ${took['usd']:.2f}" if took["usd"] else ""
    models = ", ".join(sorted(manifest["models"]))
    lines = [f"{judged['responses']:,} responses, {judged['sheets']:,} sheets by {models}{cost}; in {out / SCORES}."]
    if len(manifest["models"]) > 1 and "+" not in models:
        lines.append("The model's id changed during the run: the report treats each as a judge of its own.")
    lines.append(f"atelier eval report {out}")
    return "\n".join(lines)


def _stop(message: str) -> NoReturn:
    typer.echo(f"atelier eval run: {message.rstrip('.')}.", err=True)
    raise typer.Exit(1)

"""`atelier eval probes`: texts made to mislead a judge, judged beside the texts they were made from."""

import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import typer

from eval.errors import EvalError
from eval.probe_texts import PROBES, Source
from eval.probing import Pair, Reading, probes_json
from flows import eval_options as options
from flows.eval_commands import asker, spent_before, stop_gently, tell_estimate
from flows.eval_log import EvalLog, opened
from flows.eval_progress import Progress
from flows.eval_scores import identity, refuse_other_run
from flows.eval_sets import Choice, ReadySet, read_set
from flows.judging.catalog import get_judge
from flows.judging.judge import JudgeUnavailable, UnknownJudge
from flows.run_eval import Desk, Entry, Plan, Stopped, run
from rubrics.model import RubricError

app = typer.Typer(help="Texts made to mislead a judge, and what it makes of them.", add_completion=False)
FILE = "probes.json"
MOST_RESPONSES = 100
AS_IT_WAS = ""


@app.command()
def probes(
    data: options.Data,
    rubric: options.RubricOption,
    judge: options.JudgeOption,
    out: options.Out,
    limit: options.Limit = MOST_RESPONSES,
    budget: options.Budget = None,
    dry_run: options.DryRun = False,
    batch: options.Batch = False,
    batch_id: options.BatchId = None,
    kind: options.Kind = None,
    id_column: options.Id = None,
    text: options.Text = "",
    human: options.Human = None,
    prompt: options.Prompt = "",
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
    """Judge changed copies of up to 100 responses: injections, duplicates, padding, shuffled, off-topic, paraphrased.

    Answers go to the run's own log, so that nothing that `atelier eval run` asked is asked again; figures to
    probes.json, which `atelier eval report` shows.
    """
    try:
        choice = Choice(
            data,
            rubric,
            kind,
            id_column,
            text,
            tuple(human or ()),
            prompt,
            texts=texts,
            scale=options.scale_of(minimum, maximum, step),
            criteria=options.criteria_of(criterion),
            only=only,
            limit=limit,
            least_words=least_words,
            seed=seed,
        )
        asked, ready = get_judge(judge), read_set(choice)
        entries = changed_entries(ready, seed)
        plan = Plan(asked, ready.rubrics, entries, options.scope_of(name, data))
        if dry_run:
            tell_estimate(plan, as_json)
            return
        refuse_other_run(out, identity(plan, options.told_name(judge), ready))
        found = _judge(plan, len(ready.entries), out, budget, batch, batch_id, seed)
    except (EvalError, RubricError, UnknownJudge, JudgeUnavailable) as error:
        _stop(str(error))
    typer.echo(json.dumps(found, ensure_ascii=False) if as_json else _table(found, out))


def changed_entries(ready: ReadySet, seed: int) -> list[Entry]:
    """Every response as it was, then as each probe makes it; its id tells which."""
    by_prompt: dict[str, list[str]] = {}
    for entry in ready.entries:
        by_prompt.setdefault(entry.prompt_id, []).append(entry.text)
    found = []
    for entry in ready.entries:
        others = [text for prompt, texts in by_prompt.items() if prompt != entry.prompt_id for text in texts]
        source = Source(entry.text, ready.rubrics[entry.prompt_id], others)
        found.append(Entry(_mark(entry.response_id, AS_IT_WAS), entry.prompt_id, entry.text))
        for probe in PROBES:
            chance = random.Random(f"{seed}:{entry.response_id}:{probe.name}")
            changed = probe.change(source, chance)
            if changed is not None:
                found.append(Entry(_mark(entry.response_id, probe.name), entry.prompt_id, changed))
    return found


def _mark(response_id: str, probe: str) -> str:
    return f"{response_id}\0{probe}"


def _judge(
    plan: Plan, responses: int, out: Path, budget: float | None, batch: bool, batch_id: str | None, seed: int
) -> dict[str, Any]:
    progress = Progress(len(plan.entries), paid=plan.judge.paid)
    with opened(out) as log:
        desk = Desk(plan, log, budget, progress, spent_usd=spent_before(log) if plan.judge.paid else 0.0)
        progress.begin(0, desk.spent_usd)
        stop_gently(desk)
        try:
            run(desk, asker(out, batch, batch_id))
        except Stopped as stopped:
            raise Stopped(f"{stopped} Say it again to go on.") from None
        finally:
            progress.end()
        found = probes_json(pairs_of(plan, log), responses, seed=seed)
    (out / FILE).write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", "utf-8")
    return found


def pairs_of(plan: Plan, log: EvalLog) -> dict[str, list[Pair]]:
    """Each probe's sheets beside those of the same responses as they were; the unscored originals are left out."""
    readings: dict[str, dict[str, Reading]] = {}
    for wanted in plan.sheets:
        sheet = log.sheets.get(wanted.fingerprint)
        if sheet is not None:
            response, _, probe = wanted.entry.response_id.partition("\0")
            tops = {criterion.id: criterion.top for criterion in wanted.rubric.criteria}
            readings.setdefault(response, {})[probe] = _reading(sheet, tops)
    found: dict[str, list[Pair]] = {}
    for sheets in readings.values():
        before = sheets.get(AS_IT_WAS)
        if before is None or all(level is None for level in before.levels.values()):
            continue
        for probe, after in sheets.items():
            if probe != AS_IT_WAS:
                found.setdefault(probe, []).append(Pair(before, after))
    return found


def _reading(sheet: Mapping[str, Any], tops: Mapping[str, int]) -> Reading:
    levels = {rating["criterion"]: rating["level"] for rating in sheet["ratings"]}
    return Reading(levels, tops, frozenset(sheet["flags"]))


def _table(found: Mapping[str, Any], out: Path) -> str:
    lines = [f"{found['responses']:,} responses", f"{'probe':<14}{'should':<16}{'n':>5}  {'change':<26}raised  unseen"]
    for name, one in found["probes"].items():
        change = one["change"]
        shown = (
            "-"
            if change["value"] is None
            else f"{change['value']:+.3f} ({change['low']:+.3f} to {change['high']:+.3f})"
        )
        raised = [one[part]["value"] for part in ("raised", "raised_uncaught")]
        told = "  ".join("  -  " if share is None else f"{share:>5.0%} " for share in raised)
        lines.append(f"{name:<14}{one['should']:<16}{one['n']:>5}  {shown:<26}{told}")
    return "\n".join([*lines, f"unseen: raised, and neither flagged nor unscored. In {out / FILE}."])


def _stop(message: str) -> NoReturn:
    typer.echo(f"atelier eval probes: {message.rstrip('.')}.", err=True)
    raise typer.Exit(1)

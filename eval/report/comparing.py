"""Two runs beside each other on the rows that both have."""

import hashlib
from dataclasses import replace
from typing import Any

import numpy as np

from eval.comparison import Both, compare, with_holm
from eval.errors import TableError
from eval.metrics import Settings
from eval.report.subjects import Choice, Subject, chosen_judge, subjects_of, total_of
from eval.run_folder import RunFolder


def comparison_of(
    first: RunFolder, second: RunFolder, choice: Choice, margin: float, other: str | None = None
) -> dict[str, Any]:
    """Every criterion that both runs have, and the total; TableError where there is none, or people's scores differ."""
    beside = replace(choice, judge=other)
    ours, theirs = _subjects(first, choice), _subjects(second, beside)
    names = [name for name in ours if name in theirs]
    if not names:
        raise TableError("the two runs share no criterion")
    found = {name: compare(*_both(ours[name], theirs[name], choice), margin) for name in names}
    names_of = [chosen_judge(first, choice), chosen_judge(second, beside)]
    if names_of[0] == names_of[1]:
        names_of = [f"{name} in {run.path.name}" for name, run in zip(names_of, (first, second), strict=True)]
    only = {name: [len(ours[name]), len(theirs[name])] for name in names}
    rows = {name: _rows_digest(ours[name], theirs[name]) for name in names}
    return {
        "first": names_of[0],
        "second": names_of[1],
        "margin": margin,
        "criteria": with_holm(found),
        "responses": only,
        "rows_sha256": rows,
    }


def _subjects(run: RunFolder, choice: Choice) -> dict[str, Subject]:
    subjects = subjects_of(run, choice)
    total = total_of(subjects, run.manifest, choice)
    return {one.name: one for one in [*subjects, *([total] if total is not None else [])]}


def _rows_digest(ours: Subject, theirs: Subject) -> str:
    """SHA-256 (hex) of the ids that a comparison uses."""
    shared = sorted(set(ours.ids[~np.isnan(ours.system)].tolist()) & set(theirs.ids[~np.isnan(theirs.system)].tolist()))
    return hashlib.sha256("\0".join(shared).encode("utf-8", "replace")).hexdigest()


def _both(ours: Subject, theirs: Subject, choice: Choice) -> tuple[Both, Settings]:
    """The rows of both; where prompts have different scales, as shares of them."""
    shared = np.array(sorted(set(ours.ids.tolist()) & set(theirs.ids.tolist())), dtype=str)
    mine, other = (np.searchsorted(one.ids.astype(str), shared) for one in (ours, theirs))
    if not np.array_equal(ours.human[mine], theirs.human[other], equal_nan=True):
        raise TableError(f"people's scores on {ours.name} differ between the two runs: they are not of the same data")
    human = ours.rounded(ours.human)[mine]
    rounded = np.column_stack([human, ours.rounded(ours.system)[mine], theirs.rounded(theirs.system)[other]])
    scores, beside, scale = ours.scores(), theirs.scores(), ours.common_scale
    if scale is None or scale != theirs.common_scale:
        (scores, scale), (beside, _) = ours.shares(), theirs.shares()
    cluster = None if scores.cluster is None else scores.cluster[mine]
    prompt = None if scores.stratum is None else np.unique(scores.stratum[mine], return_inverse=True)[1]
    first, second = scale.trim(scores.system[mine]), scale.trim(beside.system[other])
    both = Both(scores.human[mine], first, second, rounded, cluster, prompt)
    return both, Settings(scale, choice.replicates, choice.seed)

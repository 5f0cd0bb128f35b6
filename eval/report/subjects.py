"""What a report is about: each criterion's scores row by row, and the total that the rubric's weights make of them."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from eval.delimited import listed
from eval.errors import TableError
from eval.metrics import Scores
from eval.pairs import Floats
from eval.run_folder import RunFolder
from eval.scale import Rounding, Scale

FIRST, MEAN, ADJUDICATED = "first", "mean", "adjudicated"
TOTAL = "total"
CLUSTERS = ("student", "candidate")
Labels = NDArray[np.object_]


@dataclass(frozen=True)
class Choice:
    """What a user may say about a report."""

    judge: str | None = None
    reference: str = FIRST
    cluster: str | None = None
    replicates: int = 1000
    seed: int = 0
    rounding: Rounding = "half-even"
    total_step: float = 10.0
    line: float | None = None
    with_text: bool = False
    gallery: int = 12


@dataclass(frozen=True)
class Subject:
    """One criterion: the judge beside the reference, all raters, and what is known of each response."""

    name: str
    reference: str
    second: str | None
    ids: Labels
    prompts: Labels
    scales: Mapping[str, Scale]
    raters: tuple[str, ...]
    ratings: Floats
    human: Floats
    human2: Floats | None
    system: Floats
    repeats: Floats
    confidence: Floats
    words: Floats
    codes: Mapping[str, int]
    blind: NDArray[np.bool_]
    groups: Mapping[str, Labels]
    cluster: NDArray[np.int64] | None

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def prompt_names(self) -> list[str]:
        """The prompts, in order."""
        return sorted(set(self.prompts.tolist()), key=_natural)

    @cached_property
    def common_scale(self) -> Scale | None:
        """The one scale of all prompts, None where they differ."""
        scales = set(self.scales.values())
        return next(iter(scales)) if len(scales) == 1 else None

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of the responses' ids and all their scores: two reports of the same rows have the same."""
        known = np.column_stack([self.ratings, self.system[:, None]]).tobytes()
        return hashlib.sha256("\0".join(self.ids.tolist()).encode("utf-8", "replace") + known).hexdigest()

    def scores(self) -> Scores:
        """Everything side by side, drawn within prompts."""
        stratum = np.unique(self.prompts.astype(str), return_inverse=True)[1]
        return Scores(self.human, self.system, self.human2, self.cluster, stratum)

    def rounded(self, scores: Floats) -> Floats:
        """Scores of the responses, a column or several, on the levels of their own prompt's scale."""
        found = scores.copy()
        for name, scale in self.scales.items():
            rows = self.prompts == name
            found[rows] = np.where(np.isnan(scores[rows]), np.nan, scale.round(np.nan_to_num(scores[rows])))
        return found

    def shares(self) -> tuple[Scores, Scale]:
        """The same as shares of each prompt's scale, so that prompts with different scales can stand together."""
        low = np.array([self.scales[prompt].minimum for prompt in self.prompts])
        wide = np.array([self.scales[prompt].maximum - self.scales[prompt].minimum for prompt in self.prompts])
        second = None if self.human2 is None else (self.human2 - low) / wide
        scores = self.scores()
        return Scores(
            (self.human - low) / wide, (self.system - low) / wide, second, scores.cluster, scores.stratum
        ), Scale(0, 1, 0.01)


def _natural(name: str) -> tuple[int, float, str]:
    try:
        return 0, float(name), name
    except ValueError:
        return 1, 0.0, name


def judges_of(run: RunFolder) -> list[str]:
    """The judges of a run, the one with the most rows first."""
    counted = run.table.of(rater_kind="judge")["rater_id"].value_counts()
    return [str(name) for name in counted.index]


def chosen_judge(run: RunFolder, choice: Choice) -> str:
    """The judge asked for, else the one with the most rows; TableError if there is none."""
    known = judges_of(run)
    if not known:
        raise TableError("the table has no judge's score")
    if choice.judge is not None and choice.judge not in known:
        raise TableError(f"there is no judge {choice.judge!r}; there are: {listed(known)}")
    return choice.judge or known[0]


def subjects_of(run: RunFolder, choice: Choice) -> list[Subject]:
    """Every criterion that the judge and people scored, and their total where there are several."""
    judge = chosen_judge(run, choice)
    frame = run.table.frame
    judged = frame[(frame["rater_kind"] == "judge") & (frame["rater_id"] == judge)]
    criteria = [str(name) for name in judged["criterion"].unique()]
    found = []
    for name in criteria:
        people = frame[(frame["criterion"] == name) & (frame["rater_kind"] != "judge")]
        if len(people):
            found.append(_subject(run, name, judged[judged["criterion"] == name], people, choice))
    if not found:
        raise TableError(f"no criterion of {judge} was scored by people ({listed(criteria)})")
    return found


def _subject(run: RunFolder, name: str, judged: pd.DataFrame, people: pd.DataFrame, choice: Choice) -> Subject:
    kind, raters = _raters(people, choice)
    ids = np.array(sorted(set(judged["response_id"]) | set(people["response_id"])), dtype=object)
    table = people[people["rater_kind"] == kind].pivot(index="response_id", columns="rater_id", values="score")
    ratings = table.reindex(index=ids, columns=list(raters)).to_numpy(dtype=np.float64)
    repeats = judged.pivot(index="response_id", columns="repeat", values="score").reindex(ids).to_numpy(np.float64)
    first = judged.drop_duplicates("response_id").set_index("response_id").reindex(ids)
    both = pd.concat([people, judged])
    facts = both.drop_duplicates("response_id").set_index("response_id").reindex(ids)
    human, human2, reference = _reference(ratings, raters, choice)
    groups = {column: np.asarray(facts[column].astype(str), dtype=object) for column in run.table.groups}
    coded = both[both["code"] != ""].groupby(["rater_id", "code"]).size()
    blind = people.groupby("response_id")["blind"].all().reindex(ids).fillna(False)
    return Subject(
        name=name,
        reference=reference,
        second=raters[1] if human2 is not None else None,
        ids=ids,
        prompts=np.asarray(facts["prompt_id"].astype(str), dtype=object),
        scales=_scales(both, choice.rounding),
        raters=raters,
        ratings=ratings,
        human=human,
        human2=human2,
        system=repeats[:, 0],
        repeats=repeats,
        confidence=np.asarray(first["confidence"], dtype=np.float64),
        words=np.array([run.words(one) or np.nan for one in ids], dtype=np.float64),
        codes={f"{rater}: {code}": int(count) for (rater, code), count in coded.items()},
        blind=np.asarray(blind, dtype=np.bool_),
        groups={column: labels for column, labels in groups.items() if column != _cluster_column(run, choice)},
        cluster=_cluster(facts, _cluster_column(run, choice)),
    )


def _raters(people: pd.DataFrame, choice: Choice) -> tuple[str, tuple[str, ...]]:
    """Whose scores are read: people's, or decided ones where that is asked for or all there is; most scores first."""
    kinds = set(people["rater_kind"])
    kind = ADJUDICATED if choice.reference == ADJUDICATED or "human" not in kinds else "human"
    own = people[people["rater_kind"] == kind]
    if own.empty:
        raise TableError("there is no adjudicated score")
    counts = own[own["score"].notna()]["rater_id"].value_counts()
    names = sorted((str(name) for name in own["rater_id"].unique()), key=lambda one: (-int(counts.get(one, 0)), one))
    if choice.reference not in (FIRST, MEAN, ADJUDICATED):
        if choice.reference not in names:
            raise TableError(f"there is no rater {choice.reference!r}; there are: {listed(names)}")
        names = [choice.reference, *(name for name in names if name != choice.reference)]
    return kind, tuple(names)


def _reference(ratings: Floats, raters: tuple[str, ...], choice: Choice) -> tuple[Floats, Floats | None, str]:
    if choice.reference == MEAN and len(raters) > 1:
        count = (~np.isnan(ratings)).sum(axis=1)
        mean = np.where(count > 0, np.nansum(ratings, axis=1) / np.maximum(count, 1), np.nan)
        return mean, None, f"the mean of {len(raters)} raters"
    return ratings[:, 0], ratings[:, 1] if len(raters) > 1 else None, f"rater {raters[0]}"


def _scales(both: pd.DataFrame, rounding: Rounding) -> dict[str, Scale]:
    rows = both.drop_duplicates("prompt_id")[["prompt_id", "scale_min", "scale_max", "step"]]
    return {
        str(row.prompt_id): Scale(float(row.scale_min), float(row.scale_max), float(row.step), rounding)
        for row in rows.itertuples()
    }


def _cluster_column(run: RunFolder, choice: Choice) -> str | None:
    known = run.table.groups
    if choice.cluster is not None and choice.cluster not in known:
        raise TableError(f"there is no column {choice.cluster!r}; there are: {listed(known) or 'no groups'}")
    return choice.cluster or next((name for name in CLUSTERS if name in known), None)


def _cluster(facts: pd.DataFrame, column: str | None) -> NDArray[np.int64] | None:
    if column is None or facts[column].nunique() == len(facts):
        return None
    return np.asarray(np.unique(facts[column].astype(str), return_inverse=True)[1], dtype=np.int64)


# ---- the total -------------------------------------------------------------------------------------------------


def total_of(subjects: list[Subject], manifest: Mapping[str, Any], choice: Choice) -> Subject | None:
    """The weighted total, 0 to 100, of the rows that have every criterion; None where there are less than two."""
    weights = _weights(subjects, manifest)
    if len(subjects) < 2 or weights is None:
        return None
    ids = np.array(sorted(set.intersection(*(set(one.ids.tolist()) for one in subjects))), dtype=object)
    if not len(ids):
        return None
    places = [np.searchsorted(one.ids.astype(str), ids.astype(str)) for one in subjects]
    base, rows = subjects[0], places[0]
    prompts = base.prompts[rows]
    shares = [_shares(one, place) for one, place in zip(subjects, places, strict=True)]
    weight = np.array([[weights[prompt][one.name] for one in subjects] for prompt in prompts])
    weight = 100 * weight / weight.sum(axis=1, keepdims=True)
    human, system = (_summed(weight, [share[which] for share in shares]) for which in ("human", "system"))
    double = all(one.human2 is not None for one in subjects)
    human2 = _summed(weight, [share["human2"] for share in shares]) if double else None
    repeats = min(one.repeats.shape[1] for one in subjects)
    columns = [_summed(weight, [share["repeats"][:, at] for share in shares]) for at in range(repeats)]
    scale = Scale(0, 100, choice.total_step, choice.rounding)
    return Subject(
        name=TOTAL,
        reference="; ".join(dict.fromkeys(one.reference for one in subjects)),
        second="the second raters" if double else None,
        ids=ids,
        prompts=prompts,
        scales=dict.fromkeys(set(prompts.tolist()), scale),
        raters=("first", "second") if double else ("first",),
        ratings=np.column_stack([human, human2] if human2 is not None else [human]),
        human=human,
        human2=human2,
        system=system,
        repeats=np.column_stack(columns),
        confidence=np.min([one.confidence[place] for one, place in zip(subjects, places, strict=True)], axis=0),
        words=base.words[rows],
        codes={},
        blind=np.all([one.blind[place] for one, place in zip(subjects, places, strict=True)], axis=0),
        groups={name: labels[rows] for name, labels in base.groups.items()},
        cluster=None if base.cluster is None else base.cluster[rows],
    )


def _weights(subjects: list[Subject], manifest: Mapping[str, Any]) -> dict[str, dict[str, float]] | None:
    """Each prompt's weights by the table's criteria; equal ones where no rubric is known."""
    prompts = {prompt for one in subjects for prompt in one.prompt_names}
    known, pairings = manifest.get("weights", {}), manifest.get("pairings", {})
    found: dict[str, dict[str, float]] = {}
    for prompt in prompts:
        paired = pairings.get(prompt, {}).get("criteria", {})
        own = {theirs: float(known[prompt][ours]) for ours, theirs in paired.items()} if prompt in known else {}
        found[prompt] = own or {one.name: 1.0 for one in subjects}
        if set(found[prompt]) < {one.name for one in subjects}:
            return None
    return found


def _shares(subject: Subject, rows: NDArray[np.int64]) -> dict[str, Floats]:
    low = np.array([subject.scales[prompt].minimum for prompt in subject.prompts[rows]])
    wide = np.array([subject.scales[prompt].maximum for prompt in subject.prompts[rows]]) - low
    found = {"human": (subject.human[rows] - low) / wide, "system": (subject.system[rows] - low) / wide}
    if subject.human2 is not None:
        found["human2"] = (subject.human2[rows] - low) / wide
    return found | {"repeats": (subject.repeats[rows] - low[:, None]) / wide[:, None]}


def _summed(weight: Floats, shares: list[Floats]) -> Floats:
    return np.asarray((weight * np.column_stack(shares)).sum(axis=1), dtype=np.float64)

"""Fitting a judge on a course's own human sheets: kernels over features and words, a prior where labels are few.

The recipe: a linear and an RBF kernel on the features, linear kernels on word and character TF-IDF, an RBF kernel on
latent directions of the words, each of unit mean diagonal, summed by WEIGHTS; ridge by leave-one-out; predictions
stretched to the SD of the labels; rounding. With a prior (sheets of other prompts) a shrunken slope on what it says
comes first, and the kernels fit what it leaves over.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from flows.judging.familiar import familiar_with
from flows.judging.kernel_ridge import Array, fit, kappa_interval, quadratic_kappa, rounded
from flows.judging.text_space import (
    ALL_NAMES,
    WITHIN_SDS,
    Placed,
    Places,
    Space,
    has_words,
    make_space,
    prepared,
    raw_features,
    spread,
)

FEWEST = 10
WEIGHTS = {"linear": 1.0, "rbf": 1.0, "word": 0.7, "char": 1.0, "meaning": 1.0}
FOLDS = 5
FEW = 150  # labels from which on the prior is no longer asked
STRETCH_WITHIN = (1.0, 2.0)
STRETCH_FEW = 1.4  # the most with few labels
PRIOR_PENALTIES = (1.0, 3.0, 10.0, 30.0, 100.0)
PRIOR_SLOPE = 0.85  # of the labels' SD, for a prior of unit variance
PRIOR_WEIGHT = 6.0  # labels that this belief is worth
PRIOR_RIDGE = 50.0


class TrainingProblem(ValueError):
    """A table that no judge can be fitted on; the message says why."""


@dataclass(frozen=True)
class Scale:
    """The scores a person may give; `declared` if somebody said so, else they are those that were seen."""

    low: float
    high: float
    step: float = 1.0
    declared: bool = False


@dataclass(frozen=True)
class Prior:
    """What sheets of other prompts say about features: a direction of unit variance on this prompt's texts."""

    weights: Array
    mean: float = 0.0
    sd: float = 1.0

    def says(self, hand: Array) -> Array:
        """The prior's opinion on texts."""
        opinion: Array = (hand @ self.weights - self.mean) / self.sd
        return opinion


@dataclass(frozen=True)
class Model:
    """One criterion's fitted function and what it has shown of itself."""

    scale: Scale
    stretch: float
    mean: float
    intercept: float
    slope: float  # on the prior
    alpha: Array  # of the RBF kernels, a weight for each row of the anchors
    linear: Array
    words: Array
    chars: Array
    predictions: Array  # leave-one-out, ascending
    residuals: Array  # the label minus the prediction, in the same order
    labels: int
    kappa: tuple[float, float, float] | None = None  # cross-validated, with its 95% interval


@dataclass(frozen=True)
class Anchors:
    """The labelled texts, as far as new ones are compared with each of them."""

    hand: Array
    meaning: Array


@dataclass(frozen=True)
class Trained:
    """A fitted judge: the space, what the RBF kernels compare with, and a model for each criterion."""

    space: Space
    anchors: Anchors
    models: Mapping[str, Model]
    prior: Prior | None
    data_digest: str


def train(
    texts: Sequence[str],
    columns: Mapping[str, Sequence[float | None]],
    scales: Mapping[str, Scale],
    *,
    prior: Prior | None = None,
    more_texts: Sequence[str] = (),
    cross_validate: bool = True,
) -> Trained:
    """Fit a model for each column on its labelled texts (at least ten); `more_texts` of the prompt have no labels.

    Deterministic. Raises TrainingProblem.
    """
    for name, column in columns.items():
        check_labels(name, column, scales[name])
    clean, more = prepared(texts), prepared(more_texts)
    if not all(map(has_words, [*clean, *more])):
        raise TrainingProblem("A text has no words.")
    space, placed, every = make_space(clean, more)
    blocks = _Blocks(placed, _kernel(placed))
    if prior is not None:
        opinion = every @ prior.weights
        prior = Prior(prior.weights, float(opinion.mean()), float(opinion.std()) or 1.0)
    models = {}
    for name, column in columns.items():
        rows = np.array([place for place, value in enumerate(column) if value is not None], dtype=np.int64)
        target = np.array([float(value) for value in column if value is not None])
        model = _fit_model(blocks, rows, target, scales[name], prior)
        kappa = _cross_validated(blocks, rows, target, scales[name], prior) if cross_validate else None
        models[name] = replace(model, kappa=kappa)
    return Trained(space, Anchors(placed.hand, placed.meaning), models, prior, _digest(texts, columns))


def check_labels(name: str, column: Sequence[float | None], scale: Scale) -> None:
    """TrainingProblem where nothing can be learned from a column of scores, None for a text without one."""
    labels = [value for value in column if value is not None]
    if len(labels) < FEWEST:
        raise TrainingProblem(f"{name}: {len(labels)} texts with a score; at least {FEWEST} are needed.")
    if not np.isfinite(labels).all():
        raise TrainingProblem(f"{name}: a score is no finite number.")
    if min(labels) < scale.low or max(labels) > scale.high:
        raise TrainingProblem(f"{name}: a score lies outside {scale.low:g} to {scale.high:g}.")
    if len(set(labels)) < 2:
        raise TrainingProblem(f"{name}: every text has the same score, so there is nothing to learn.")


# ---- the kernels ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Blocks:
    """The training texts as numbers, and their kernels summed."""

    placed: Placed
    kernel: Array


def rbf(one: Array, other: Array) -> Array:
    """exp(-|x - y|^2 / (2 d)): d features of unit variance lie about 2 d apart."""
    squares = (one**2).sum(axis=1)[:, None] + (other**2).sum(axis=1)[None, :] - 2 * one @ other.T
    kernel: Array = np.exp(-np.clip(squares, 0, None) / (2 * one.shape[1]))
    return kernel


def _kernel(placed: Placed) -> Array:
    hand, words, chars = placed.hand, placed.words, placed.chars
    kernel: Array = (
        WEIGHTS["linear"] * (hand @ hand.T) / hand.shape[1]
        + WEIGHTS["rbf"] * rbf(hand, hand)
        + WEIGHTS["meaning"] * rbf(placed.meaning, placed.meaning)
        + WEIGHTS["word"] * (words @ words.T).toarray()
        + WEIGHTS["char"] * (chars @ chars.T).toarray()
    )
    return kernel


# ---- one model -----------------------------------------------------------------------------------------------


def _fit_model(blocks: _Blocks, rows: Places, target: Array, scale: Scale, prior: Prior | None) -> Model:
    slope, offset = 0.0, np.zeros(len(rows))
    penalties: dict[str, Any] = {}
    placed = blocks.placed
    if prior is not None and len(rows) < FEW:
        opinion = prior.says(placed.hand[rows])
        slope = _prior_slope(opinion, target)
        offset = slope * opinion
        penalties = {"penalties": PRIOR_PENALTIES}
    found = fit(blocks.kernel[np.ix_(rows, rows)], target - offset, **penalties)
    left_out = found.left_out + offset
    stretch = _stretch(left_out, target)
    mean = float(target.mean())
    predicted = mean + stretch * (left_out - mean)
    order = np.argsort(predicted, kind="stable")
    alpha = np.zeros(len(placed.hand))
    alpha[rows] = found.alpha
    return Model(
        scale=scale,
        stretch=stretch,
        mean=mean,
        intercept=found.intercept,
        slope=slope,
        alpha=alpha,
        linear=WEIGHTS["linear"] * (placed.hand.T @ alpha) / placed.hand.shape[1],
        words=WEIGHTS["word"] * np.asarray(placed.words.T @ alpha).ravel(),
        chars=WEIGHTS["char"] * np.asarray(placed.chars.T @ alpha).ravel(),
        predictions=predicted[order],
        residuals=(target - predicted)[order],
        labels=len(rows),
    )


def _prior_slope(opinion: Array, target: Array) -> float:
    """Least squares, drawn towards what priors are usually worth."""
    centred = opinion - opinion.mean()
    belief = PRIOR_SLOPE * float(target.std(ddof=1))
    return (float(centred @ (target - target.mean())) + PRIOR_WEIGHT * belief) / (
        float(centred @ centred) + PRIOR_WEIGHT
    )


def _stretch(left_out: Array, target: Array) -> float:
    """The multiplier that gives the predictions the labels' own SD, within reason; ridge predicts too narrowly.

    It agrees better on new essays than the multiplier that is best on the old ones: see bench/asap.py.
    """
    low, high = STRETCH_WITHIN if len(target) >= FEW else (STRETCH_WITHIN[0], STRETCH_FEW)
    width = float(left_out.std())
    return float(np.clip(float(target.std()) / width, low, high)) if width > 0 else 1.0


def _cross_validated(
    blocks: _Blocks, rows: Places, target: Array, scale: Scale, prior: Prior | None
) -> tuple[float, float, float]:
    """Kappa of predictions made without the text's own fold; the vocabulary is shared, labels are not."""
    order = np.random.default_rng(0).permutation(len(rows))
    predicted = np.empty(len(rows))
    for number in range(FOLDS):
        held, kept = order[number::FOLDS], np.setdiff1d(order, order[number::FOLDS])
        if len(set(target[kept])) < 2:
            predicted[held] = target[kept].mean()
            continue
        model = _fit_model(blocks, rows[kept], target[kept], scale, prior)
        there = blocks.placed
        anchors = Anchors(there.hand, there.meaning)
        predicted[held] = _raw(model, there.rows(rows[held]), anchors, prior)
    told = rounded(predicted, scale.low, scale.high, scale.step)
    return (quadratic_kappa(told, target), *kappa_interval(told, target))


def _raw(model: Model, placed: Placed, anchors: Anchors, prior: Prior | None) -> Array:
    near = WEIGHTS["rbf"] * rbf(placed.hand, anchors.hand) + WEIGHTS["meaning"] * rbf(placed.meaning, anchors.meaning)
    value = model.intercept + placed.hand @ model.linear + near @ model.alpha
    value += np.asarray(placed.words @ model.words).ravel() + np.asarray(placed.chars @ model.chars).ravel()
    if model.slope and prior is not None:
        value += model.slope * prior.says(placed.hand)
    stretched: Array = model.mean + model.stretch * (value - model.mean)
    return stretched


def scores(trained: Trained, texts: Sequence[str]) -> dict[str, Array]:
    """Unrounded scores of new texts, for each criterion; they may lie beyond the scale."""
    placed = trained.space.place(prepared(texts))
    return {name: _raw(model, placed, trained.anchors, trained.prior) for name, model in trained.models.items()}


# ---- the prior, the digest -----------------------------------------------------------------------------------


Sheets = tuple[Array, Array]  # features and scores, standardised within their prompt


def make_prior(prompts: Sequence[tuple[Sequence[str], Sequence[float]]]) -> Prior:
    """A direction from other prompts' sheets: ridge on features and scores standardised within each prompt."""
    return prior_from([sheets for texts, labels in prompts if (sheets := standardised(texts, labels)) is not None])


def standardised(texts: Sequence[str], labels: Sequence[float]) -> Sheets | None:
    """A prompt's sheets as a prior takes them; None where they are too few or all alike."""
    kept = [(text, label) for text, label in zip(prepared(texts), labels, strict=True) if has_words(text)]
    values = np.array([label for _, label in kept], dtype=np.float64)
    if len(values) < FEWEST or values.std() == 0:
        return None
    clean = [text for text, _ in kept]
    raw = raw_features(clean, familiar_with(clean), own=True)
    hand = np.clip((raw - raw.mean(axis=0)) / spread(raw), -WITHIN_SDS, WITHIN_SDS)
    return hand, (values - values.mean()) / values.std()


def prior_from(prompts: Sequence[Sheets]) -> Prior:
    """The direction that fits all of these prompts' sheets. Raises TrainingProblem."""
    if not prompts:
        raise TrainingProblem(f"No other prompt has {FEWEST} scored texts to make a prior of.")
    features, target = np.vstack([hand for hand, _ in prompts]), np.concatenate([scored for _, scored in prompts])
    weights = np.linalg.solve(features.T @ features + PRIOR_RIDGE * np.eye(len(ALL_NAMES)), features.T @ target)
    return Prior(weights)


def _digest(texts: Sequence[str], columns: Mapping[str, Sequence[float | None]]) -> str:
    rows = [[text, [columns[name][place] for name in sorted(columns)]] for place, text in enumerate(texts)]
    return hashlib.sha256(json.dumps(rows, ensure_ascii=True).encode()).hexdigest()

"""Fitting a judge on a course's own human sheets: kernels over hand features and words, a prior where labels are few.

The recipe: a linear and an RBF kernel on the hand features, linear kernels on word and character TF-IDF, each of unit
mean diagonal, summed; ridge by leave-one-out; the spread put right; rounding. With a prior (sheets of other prompts) a
shrunken slope on what the prior says comes first, and the kernels fit what it leaves over.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfVectorizer

from flows.judging.features import NAMES, hand_features
from flows.judging.kernel_ridge import Array, best_stretch, fit, quadratic_kappa, rounded
from rubrics.text import normalise

FEWEST = 10
WEIGHTS = {"linear": 1.0, "rbf": 0.5, "word": 1.0, "char": 0.5}
FOLDS = 5
FEW = 150  # labels from which on the prior is no longer asked
PRIOR_PENALTIES = (1.0, 3.0, 10.0, 30.0, 100.0)
PRIOR_SLOPE = 0.85  # of the labels' SD, for a prior of unit variance
PRIOR_WEIGHT = 6.0  # labels that this belief is worth
PRIOR_RIDGE = 50.0


class TrainingProblem(ValueError):
    """A table that no judge can be fitted on; the message says why."""


@dataclass(frozen=True)
class Scale:
    """The scores a person may give."""

    low: float
    high: float
    step: float = 1.0


@dataclass(frozen=True)
class Vocabulary:
    """One TF-IDF vocabulary: its terms, their weights, and how it cuts a text."""

    kind: str  # "word" or "char"
    terms: tuple[str, ...]
    idf: Array

    def matrix(self, texts: Sequence[str]) -> csr_matrix:
        """Rows of unit length."""
        vectorizer = _vectorizer(self.kind, {term: place for place, term in enumerate(self.terms)})
        vectorizer.idf_ = self.idf
        return vectorizer.transform(texts)


@dataclass(frozen=True)
class Space:
    """How texts become numbers: the same for every criterion of a judge."""

    mean: Array
    sd: Array
    words: Vocabulary
    chars: Vocabulary
    scales: Mapping[str, float] = field(default_factory=dict)

    def hand(self, texts: Sequence[str]) -> Array:
        """Standardised hand features, held within five SDs."""
        raw = np.array([hand_features(text) for text in texts])
        standard: Array = (raw - self.mean) / self.sd
        return np.clip(standard, -5, 5)


@dataclass(frozen=True)
class Prior:
    """What sheets of other prompts say about hand features: a direction of unit variance on this prompt's texts."""

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
    alpha: Array  # of the RBF kernel, a weight for each row of `anchors`
    linear: Array
    words: Array
    chars: Array
    residuals: Array  # leave-one-out, sorted by prediction
    predictions: Array
    labels: int
    kappa: float  # cross-validated


@dataclass(frozen=True)
class Trained:
    """A fitted judge: the space, the texts the RBF kernel compares with, and a model for each criterion."""

    space: Space
    anchors: Array
    models: Mapping[str, Model]
    prior: Prior | None
    guards: Mapping[str, float]
    data_digest: str


def prepared(texts: Sequence[str]) -> list[str]:
    """Texts in one form: plain letters and marks, nothing invisible, lines kept."""
    return [normalise(text, lines=True).text for text in texts]


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
        _check_labels(name, [value for value in column if value is not None], scales[name])
    clean = prepared(texts)
    space = make_space(clean, [*clean, *prepared(more_texts)])
    blocks = _blocks(space, clean)
    if prior is not None:
        opinion = space.hand([*clean, *prepared(more_texts)]) @ prior.weights
        prior = Prior(prior.weights, float(opinion.mean()), float(opinion.std()) or 1.0)
    models = {}
    for name, column in columns.items():
        rows = np.array([place for place, value in enumerate(column) if value is not None])
        target = np.array([float(value) for value in column if value is not None])
        model = _fit_model(blocks, rows, target, scales[name], prior)
        kappa = _cross_validated(blocks, rows, target, scales[name], prior) if cross_validate else float("nan")
        models[name] = _with_kappa(model, kappa)
    return Trained(space, blocks.hand, models, prior, _guards(blocks), _digest(texts, columns))


def _check_labels(name: str, labels: Sequence[float], scale: Scale) -> None:
    if len(labels) < FEWEST:
        raise TrainingProblem(f"{name}: {len(labels)} labelled texts; at least {FEWEST} are needed.")
    if len(set(labels)) < 2:
        raise TrainingProblem(f"{name}: every text has the same score, so there is nothing to learn.")
    if min(labels) < scale.low or max(labels) > scale.high:
        raise TrainingProblem(f"{name}: a score lies outside {scale.low:g} to {scale.high:g}.")


# ---- the space -----------------------------------------------------------------------------------------------


def make_space(texts: Sequence[str], all_texts: Sequence[str]) -> Space:
    """Vocabularies of the labelled texts; means and SDs of every text of the prompt."""
    raw = np.array([hand_features(text) for text in all_texts])
    sd = raw.std(axis=0)
    words, chars = (_vocabulary(kind, texts) for kind in ("word", "char"))
    return Space(raw.mean(axis=0), np.where(sd > 1e-9, sd, 1.0), words, chars)


def _vectorizer(kind: str, vocabulary: Mapping[str, int] | None = None, min_df: int = 1) -> TfidfVectorizer:
    shared: dict[str, Any] = {"sublinear_tf": True, "vocabulary": vocabulary, "min_df": min_df, "lowercase": True}
    if kind == "word":
        return TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"(?u)\b\w+\b", max_features=40_000, **shared)
    return TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), max_features=40_000, **shared)


def _vocabulary(kind: str, texts: Sequence[str]) -> Vocabulary:
    vectorizer = _vectorizer(kind, min_df=2 if len(texts) > 30 else 1)
    try:
        vectorizer.fit(texts)
    except ValueError:
        raise TrainingProblem("The texts have no words in common to learn from.") from None
    return Vocabulary(kind, tuple(vectorizer.get_feature_names_out()), np.asarray(vectorizer.idf_))


@dataclass(frozen=True)
class _Blocks:
    """The training texts as numbers, and their kernels summed."""

    hand: Array
    words: csr_matrix
    chars: csr_matrix
    kernel: Array
    space: Space


def rbf(one: Array, other: Array) -> Array:
    """exp(-|x - y|^2 / (2 d)): d features of unit variance lie about 2 d apart."""
    squares = (one**2).sum(axis=1)[:, None] + (other**2).sum(axis=1)[None, :] - 2 * one @ other.T
    kernel: Array = np.exp(-np.clip(squares, 0, None) / (2 * one.shape[1]))
    return kernel


def _blocks(space: Space, texts: Sequence[str]) -> _Blocks:
    hand = space.hand(texts)
    words, chars = space.words.matrix(texts), space.chars.matrix(texts)
    kernel = (
        WEIGHTS["linear"] * (hand @ hand.T) / hand.shape[1]
        + WEIGHTS["rbf"] * rbf(hand, hand)
        + WEIGHTS["word"] * (words @ words.T).toarray()
        + WEIGHTS["char"] * (chars @ chars.T).toarray()
    )
    return _Blocks(hand, words, chars, kernel, space)


# ---- one model -----------------------------------------------------------------------------------------------


def _fit_model(blocks: _Blocks, rows: Array, target: Array, scale: Scale, prior: Prior | None) -> Model:
    slope, offset = 0.0, np.zeros(len(rows))
    penalties: dict[str, Any] = {}
    hand = blocks.hand[rows]
    if prior is not None and len(rows) < FEW:
        opinion = prior.says(hand)
        slope = _prior_slope(opinion, target)
        offset = slope * opinion
        penalties = {"penalties": PRIOR_PENALTIES}
    found = fit(blocks.kernel[np.ix_(rows, rows)], target - offset, **penalties)
    left_out = found.left_out + offset
    stretch = (
        best_stretch(left_out, target, scale.low, scale.high, scale.step)
        if len(rows) >= 40
        else _spread(left_out, target)
    )
    mean = float(target.mean())
    predicted = mean + stretch * (left_out - mean)
    order = np.argsort(predicted, kind="stable")
    alpha = np.zeros(len(blocks.hand))
    alpha[rows] = found.alpha
    return Model(
        scale=scale,
        stretch=stretch,
        mean=mean,
        intercept=found.intercept,
        slope=slope,
        alpha=WEIGHTS["rbf"] * alpha,
        linear=WEIGHTS["linear"] * (blocks.hand.T @ alpha) / blocks.hand.shape[1],
        words=WEIGHTS["word"] * np.asarray(blocks.words.T @ alpha).ravel(),
        chars=WEIGHTS["char"] * np.asarray(blocks.chars.T @ alpha).ravel(),
        residuals=(target - predicted)[order],
        predictions=predicted[order],
        labels=len(rows),
        kappa=float("nan"),
    )


def _prior_slope(opinion: Array, target: Array) -> float:
    """Least squares, drawn towards what priors are usually worth."""
    centred = opinion - opinion.mean()
    belief = PRIOR_SLOPE * float(target.std(ddof=1))
    return (float(centred @ (target - target.mean())) + PRIOR_WEIGHT * belief) / (
        float(centred @ centred) + PRIOR_WEIGHT
    )


def _spread(left_out: Array, target: Array) -> float:
    """With few labels: the multiplier that gives the predictions the labels' own spread, within reason."""
    spread = float(left_out.std())
    return float(np.clip(float(target.std()) / spread, 1.0, 1.4)) if spread > 0 else 1.0


def _with_kappa(model: Model, kappa: float) -> Model:
    return Model(**{**model.__dict__, "kappa": kappa})


def _cross_validated(blocks: _Blocks, rows: Array, target: Array, scale: Scale, prior: Prior | None) -> float:
    """Kappa of predictions made without the text's own fold; vocabularies are shared, labels are not."""
    order = np.random.default_rng(0).permutation(len(rows))
    predicted = np.empty(len(rows))
    folds = min(FOLDS, len(rows))
    for number in range(folds):
        held = order[number::folds]
        kept = np.setdiff1d(order, held)
        if len(set(target[kept])) < 2:
            predicted[held] = target[kept].mean()
            continue
        model = _fit_model(blocks, rows[kept], target[kept], scale, prior)
        predicted[held] = predict(model, prior, blocks, rows[held])
    return quadratic_kappa(rounded(predicted, scale.low, scale.high, scale.step), target)


def predict(model: Model, prior: Prior | None, blocks: "_Blocks", rows: Array) -> Array:
    """Unrounded scores of some of the training texts by a model that may not have seen them."""
    hand = blocks.hand[rows]
    return _raw(model, hand, rbf(hand, blocks.hand), blocks.words[rows], blocks.chars[rows], prior)


def _raw(model: Model, hand: Array, near: Array, words: csr_matrix, chars: csr_matrix, prior: Prior | None) -> Array:
    value = model.intercept + hand @ model.linear + near @ model.alpha
    value += np.asarray(words @ model.words).ravel() + np.asarray(chars @ model.chars).ravel()
    if model.slope and prior is not None:
        value += model.slope * prior.says(hand)
    stretched: Array = model.mean + model.stretch * (value - model.mean)
    return stretched


def scores(trained: Trained, texts: Sequence[str]) -> dict[str, Array]:
    """Unrounded scores of new texts, for each criterion."""
    clean = prepared(texts)
    space = trained.space
    hand = space.hand(clean)
    near, words, chars = rbf(hand, trained.anchors), space.words.matrix(clean), space.chars.matrix(clean)
    return {name: _raw(model, hand, near, words, chars, trained.prior) for name, model in trained.models.items()}


# ---- the prior, the guards, the digest -----------------------------------------------------------------------


def make_prior(prompts: Sequence[tuple[Sequence[str], Sequence[float]]]) -> Prior:
    """A direction from other prompts' sheets: ridge on features and scores standardised within each prompt."""
    hands, targets = [], []
    for texts, labels in prompts:
        raw = np.array([hand_features(text) for text in prepared(texts)])
        values = np.asarray(labels, dtype=np.float64)
        if len(values) < FEWEST or values.std() == 0:
            continue
        sd = raw.std(axis=0)
        hands.append(np.clip((raw - raw.mean(axis=0)) / np.where(sd > 1e-9, sd, 1.0), -5, 5))
        targets.append((values - values.mean()) / values.std())
    if not hands:
        raise TrainingProblem("The prior's table has no prompt with ten scored texts.")
    features, target = np.vstack(hands), np.concatenate(targets)
    weights = np.linalg.solve(features.T @ features + PRIOR_RIDGE * np.eye(len(NAMES)), features.T @ target)
    return Prior(weights)


def _guards(blocks: _Blocks) -> dict[str, float]:
    """How near a text of this prompt is to its nearest others in words, at the low end of those there are."""
    near = (blocks.words @ blocks.words.T).toarray()
    np.fill_diagonal(near, 0)
    nearest = np.sort(np.sort(near, axis=1)[:, -5:].mean(axis=1))
    place = int(0.01 * len(nearest))
    slack = 1.0 if len(nearest) >= 100 else 0.75
    return {"nearness": float(nearest[place]) * slack}


def nearness(trained: Trained, text: str, anchors: csr_matrix) -> float:
    """The mean likeness in words of a text to the five nearest training texts."""
    row = trained.space.words.matrix(prepared([text]))
    found = np.sort(np.asarray((anchors @ row.T).todense()).ravel())[-5:]
    return float(found.mean())


def _digest(texts: Sequence[str], columns: Mapping[str, Sequence[float | None]]) -> str:
    rows = [[text, [columns[name][place] for name in sorted(columns)]] for place, text in enumerate(texts)]
    return hashlib.sha256(json.dumps(rows, ensure_ascii=True).encode()).hexdigest()

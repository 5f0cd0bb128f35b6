"""The trained judge: an estimate from a course's own human sheets, with what it has shown of itself.

It shows no quotes, so that only a person or a gate may release what it says. A text that is unlike those it learned
from, in the words that pair up or in its topic, gets no level.
"""

import math
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np

from flows.judging.doubt import boundary
from flows.judging.judge import Answer, Evidence, JudgeRequest, UnknownJudge, read_ratings
from flows.judging.kernel_ridge import Array, half_width
from flows.judging.model_file import ModelFileProblem, load
from flows.judging.text_space import has_words, prepared
from flows.judging.training import Model, Scale, Trained, scores
from rubrics.judgement import Rating
from rubrics.model import Rubric

OVERALL = "overall"  # the name of a model that was fitted on one score for the whole text
UNLIKE = "unlike"  # the reasons why there is no level
NO_MODEL = "no_model"
MISSED = 0.1  # how often an interval may miss the score
NEIGHBOURS = 20  # at least so many texts of like scores say how far an estimate may be off
DIGEST = 12
CONFIDENCE = "how far the estimates of texts with like scores were off when they were left out"


class TrainedJudge:
    """Fills in the whole sheet at once, without a network and without cost."""

    name = "trained"
    version = "1"
    evidence: Evidence = "none"
    fills: Literal["criterion", "sheet"] = "sheet"
    provisional = True
    paid = False

    def __init__(self, trained: Trained, digest: str) -> None:
        self.trained = trained
        self.digest = digest

    @property
    def model(self) -> str:
        """The file it was read from, by its digest."""
        return f"trained-{self.digest[:DIGEST]}"

    @property
    def parameters(self) -> Mapping[str, Any]:
        """What else an answer depends on."""
        return {"file": self.digest, "data": self.trained.data_digest}

    @property
    def prompt_hash(self) -> str:
        """It reads no words of ours."""
        return self.digest

    @property
    def label(self) -> str:
        """What the pages say about it, with its own agreement."""
        labels = [model.labels for model in self.trained.models.values()]
        counted = f"{min(labels)}" if min(labels) == max(labels) else f"{min(labels)} to {max(labels)}"
        kappas = [model.kappa[0] for model in self.trained.models.values() if model.kappa is not None]
        shown = (
            f"{min(kappas):.2f}" if len(kappas) == 1 else f"{min(kappas):.2f} to {max(kappas):.2f}" if kappas else ""
        )
        agrees = f" with texts it had not seen it agrees with people by a weighted kappa of {shown};" if shown else ""
        return f"An estimate from {counted} human sheets:{agrees} it shows no quotes, and a person decides."

    def ask(self, request: JudgeRequest) -> Answer:
        """Estimate every criterion asked; never raises."""
        return Answer(body={"ratings": self._rate(request)}, model=self.model)

    def read(self, request: JudgeRequest, answer: Answer) -> tuple[Rating, ...]:
        """The ratings of an answer."""
        return read_ratings(request, answer)

    def _rate(self, request: JudgeRequest) -> list[dict[str, Any]]:
        models = {criterion: self._model_of(request.rubric, criterion) for criterion in request.criteria}
        if not any(models.values()):
            return [_no_model(criterion) for criterion in request.criteria]
        strange = self._strange(request.text)
        if strange:
            return [_unscored(criterion, UNLIKE, strange) for criterion in request.criteria]
        found = scores(self.trained, [request.text])
        return [
            _no_model(criterion)
            if name is None
            else _rated(criterion, self.trained.models[name], float(found[name][0]), request.rubric)
            for criterion, name in models.items()
        ]

    def _model_of(self, rubric: Rubric, criterion: str) -> str | None:
        """The model of a criterion; one score for the whole text is the only criterion of a rubric that has one."""
        if criterion in self.trained.models:
            return criterion
        return OVERALL if len(rubric.judged) == 1 and OVERALL in self.trained.models else None

    def _strange(self, text: str) -> str:
        """Why this text is none of the prompt that was learned from, in a sentence, or ""."""
        (clean,) = prepared([text])
        if not has_words(clean):
            return "There are no words in this that could be looked at."
        distance, what = self.trained.space.familiar.strangeness(clean)
        if distance <= 0:
            return ""
        return f"This text has fewer {what} than the ones that were learned from; it may answer another question."


def trained_judge(path: str) -> TrainedJudge:
    """The judge in a file. UnknownJudge says why it cannot be used."""
    file = Path(path)
    try:
        stamp = file.stat()
        return _loaded(file.resolve(), stamp.st_mtime_ns, stamp.st_size)
    except OSError as error:
        raise UnknownJudge(f"{path} cannot be read: {(error.strerror or 'no such file').lower()}.") from None
    except ModelFileProblem as problem:
        raise UnknownJudge(str(problem)) from None


@lru_cache(maxsize=8)
def _loaded(path: Path, _changed: int, _size: int) -> TrainedJudge:
    return TrainedJudge(*load(path))


# ---- one criterion -------------------------------------------------------------------------------------------


def _rated(criterion: str, model: Model, score: float, rubric: Rubric) -> dict[str, Any]:
    top = rubric.criterion(criterion).top
    off = half_width(model.residuals, MISSED)
    estimate, low, high = (
        min(float(top), max(0.0, _level(value, model.scale, top))) for value in (score, score - off, score + off)
    )
    level = min(top, math.floor(estimate + 0.5))
    between = f"{low:.1f} and {high:.1f}"
    return {
        "criterion": criterion,
        "level": level,
        "estimate": round(estimate, 3),
        "interval": [round(low, 3), round(high, 3)],
        "confidence": round(_mass(level, estimate, _spread(model, score) * _unit(model.scale, top), top), 3),
        "confidence_source": CONFIDENCE,
        "doubt": boundary(estimate, top),
        "comment": f"Estimated at {estimate:.1f} from {model.labels} human sheets; "
        f"nine times in ten it lies between {between}.",
    }


def _level(score: float, scale: Scale, top: int) -> float:
    """A score on the people's scale as a level; scores whose scale nobody declared are levels if they can be."""
    if not scale.declared and scale.low >= 0 and scale.high <= top:
        return score
    return (score - scale.low) * _unit(scale, top)


def _unit(scale: Scale, top: int) -> float:
    """How many levels one point of the people's scale is."""
    if not scale.declared and scale.low >= 0 and scale.high <= top:
        return 1.0
    return top / (scale.high - scale.low)


def _spread(model: Model, score: float) -> float:
    """The SD of the errors on the texts whose own estimates lay nearest to this one."""
    count = min(model.labels, max(NEIGHBOURS, model.labels // 5))
    nearest = np.argsort(np.abs(model.predictions - score), kind="stable")[:count]
    near: Array = model.residuals[nearest]
    return float(np.sqrt(np.mean(near**2)))


def _mass(level: int, estimate: float, sd: float, top: int) -> float:
    """The share of a normal distribution around the estimate that rounds to the level; the end levels are open."""
    if sd <= 0:
        return 1.0

    def below(value: float) -> float:
        return 0.5 * (1 + math.erf((value - estimate) / (sd * math.sqrt(2))))

    return (1.0 if level == top else below(level + 0.5)) - (0.0 if level == 0 else below(level - 0.5))


def _unscored(criterion: str, reason: str, note: str) -> dict[str, Any]:
    return {"criterion": criterion, "level": None, "reason": reason, "comment": note}


def _no_model(criterion: str) -> dict[str, Any]:
    return _unscored(criterion, NO_MODEL, "There were no human sheets for this criterion to learn from.")

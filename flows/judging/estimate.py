"""What judging a set would cost, before anything is spent."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from flows.judging.judge import Judge, JudgeRequest, questions_for
from flows.judging.prices import BATCH_SHARE, price_of
from rubrics.checks import find_facts
from rubrics.model import Rubric

SAMPLES = 12  # questions whose tokens are counted; the others go by their length
OUTPUT_TOKENS = 220  # a criterion's row: a level, two quotes, a comment
BYTES_A_TOKEN = 4


@dataclass(frozen=True)
class Estimate:
    """Calls, tokens and US dollars.

    `usd` reckons without the prompt cache, `usd_cached` with every question after the first finding it warm; what is
    paid lies between them. `usd_batch` is for message batches.
    """

    texts: int
    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    usd: float = 0.0
    usd_cached: float = 0.0
    usd_batch: float = 0.0
    counted: bool = False

    def __add__(self, other: "Estimate") -> "Estimate":
        """Two judges about the same texts."""
        names = ("calls", "input_tokens", "output_tokens", "usd", "usd_cached", "usd_batch")
        sums = {name: getattr(self, name) + getattr(other, name) for name in names}
        return replace(self, counted=self.counted or other.counted, **sums)

    def as_json(self) -> dict[str, Any]:
        """The estimate for a program."""
        return asdict(self)

    def __str__(self) -> str:
        if not self.usd:
            return f"{self.texts} texts, {self.calls} calls: nothing is paid for."
        how = "counted by the API" if self.counted else "reckoned from the length"
        return (
            f"{self.texts} texts, {self.calls} calls, about {self.input_tokens:,} tokens in ({how}) "
            f"and {self.output_tokens:,} out: at most ${self.usd:.2f}, "
            f"${self.usd_cached:.2f} with a warm prompt cache, ${self.usd_batch:.2f} by batches."
        )


def estimate(judge: Judge, rubric: Rubric, texts: Sequence[str], repeats: int = 1) -> Estimate:
    """What these texts would take. Raises JudgeUnavailable where the tokens cannot be counted."""
    by_judge: dict[int, tuple[Judge, list[JudgeRequest]]] = {}
    for text in texts:
        facts = find_facts(text, rubric)
        for repeat in range(repeats):
            for question in questions_for(judge, rubric, text, facts, scope="", repeat=repeat):
                by_judge.setdefault(id(question.judge), (question.judge, []))[1].append(question.request)
    found = Estimate(len(texts))
    for one, requests in by_judge.values():
        found += _of_one(one, len(texts), requests)
    return found


def _of_one(judge: Judge, texts: int, requests: Sequence[JudgeRequest]) -> Estimate:
    count = getattr(judge, "tokens_of", None)
    if not judge.paid or count is None:
        return Estimate(texts, len(requests))
    around, counted = _around(requests, count)
    of_texts = sum(_length(request) for request in requests)
    tokens_in = round(around * len(requests) + of_texts)
    tokens_out = sum(len(request.criteria) for request in requests) * OUTPUT_TOKENS
    price = price_of(judge.model)
    dollars = price.of(tokens_in, tokens_out)
    cached = round(around * (len(requests) - 1))
    return Estimate(
        texts,
        len(requests),
        tokens_in,
        tokens_out,
        usd=dollars,
        usd_cached=price.of(round(of_texts), tokens_out, cached, round(around)),
        usd_batch=dollars * BATCH_SHARE,
        counted=counted,
    )


def likely_cost(judge: Judge, request: JudgeRequest) -> float:
    """What a call would cost by the length of what is sent, without asking the API; nothing for a free judge."""
    if not judge.paid:
        return 0.0
    sent = getattr(judge, "question", None)
    whole = json.dumps(sent(request), ensure_ascii=False) if sent is not None else request.text
    # By bytes: a letter of Chinese or Thai is about a token, and three bytes.
    length = len(whole.encode("utf-8", "replace"))
    return price_of(judge.model).of(length // BYTES_A_TOKEN, len(request.criteria) * OUTPUT_TOKENS)


def _around(requests: Sequence[JudgeRequest], count: Callable[[JudgeRequest], int | None]) -> tuple[float, bool]:
    """Tokens that a question has beside its text: counted for a spread of them, else from the first one's length."""
    step = max(1, len(requests) // SAMPLES)
    sampled = requests[::step][:SAMPLES]
    tokens = []
    for request in sampled:
        known = count(request)
        if known is None:
            return _reckoned(request), False
        tokens.append(known - _length(request))
    return sum(tokens) / len(tokens), True


def _length(request: JudgeRequest) -> float:
    return len(request.text.encode("utf-8", "replace")) / BYTES_A_TOKEN


def _reckoned(request: JudgeRequest) -> float:
    """Where nobody counts: the rubric's words and about as many of instructions."""
    words = sum(len(level.descriptor) for criterion in request.rubric.judged for level in criterion.levels)
    return 600 + words / BYTES_A_TOKEN

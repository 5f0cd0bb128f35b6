"""What judging a set would cost, before anything is spent."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from flows.judging.judge import Judge, JudgeRequest, requests_for
from flows.judging.prices import price_of
from rubrics.checks import find_facts
from rubrics.model import Rubric

SAMPLES = 12  # texts whose tokens are counted; the others go by their length
OUTPUT_TOKENS = 220  # a criterion's row: a level, two quotes, a comment
BYTES_A_TOKEN = 4


@dataclass(frozen=True)
class Estimate:
    """Calls, tokens and US dollars; `usd` reckons without the prompt cache, so it is the most to expect."""

    texts: int
    calls: int
    input_tokens: int
    output_tokens: int
    usd: float
    counted: bool

    def as_json(self) -> dict[str, Any]:
        """The estimate for a program."""
        return asdict(self)

    def __str__(self) -> str:
        how = "counted by the API" if self.counted else "nothing is paid for"
        return (
            f"{self.texts} texts, {self.calls} calls, about {self.input_tokens:,} tokens in ({how}) "
            f"and {self.output_tokens:,} out: at most ${self.usd:.2f}"
        )


def estimate(judge: Judge, rubric: Rubric, texts: Sequence[str], repeats: int = 1) -> Estimate:
    """What these texts would take. Raises JudgeUnavailable where the tokens cannot be counted."""
    questions = [
        request
        for text in texts
        for repeat in range(repeats)
        for request in requests_for(judge, rubric, text, find_facts(text, rubric), repeat)
    ]
    count = getattr(judge, "tokens_of", None)
    if not judge.paid or count is None:
        return Estimate(len(texts), len(questions), 0, 0, 0.0, counted=False)
    tokens_in = _tokens(questions, count)
    tokens_out = sum(len(request.criteria) for request in questions) * OUTPUT_TOKENS
    dollars = price_of(judge.model).of(tokens_in, tokens_out)
    return Estimate(len(texts), len(questions), tokens_in, tokens_out, dollars, counted=True)


def likely_cost(judge: Judge, request: JudgeRequest) -> float:
    """What a call would cost by the length of what is sent, without asking the API; nothing for a free judge."""
    if not judge.paid:
        return 0.0
    sent = getattr(judge, "question", None)
    length = len(str(sent(request))) if sent is not None else len(request.text)
    return price_of(judge.model).of(length // BYTES_A_TOKEN, len(request.criteria) * OUTPUT_TOKENS)


def _tokens(questions: Sequence[JudgeRequest], count: Callable[[JudgeRequest], int]) -> int:
    """Counted for a spread of the questions; the others by what these have beside their texts."""
    if not questions:
        return 0
    step = max(1, len(questions) // SAMPLES)
    sampled = questions[::step][:SAMPLES]
    around = sum(count(request) - len(request.text.encode()) // BYTES_A_TOKEN for request in sampled) / len(sampled)
    return round(sum(around + len(request.text.encode()) / BYTES_A_TOKEN for request in questions))

"""A judge for tests: it counts what it is asked, and does before answering whatever the test wants."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from flows.judging.judge import Answer, Evidence, JudgeRequest, read_ratings
from rubrics.drawing import parse_drawing
from rubrics.judgement import Rating


def rate_everything(request: JudgeRequest) -> dict[str, Any]:
    """Level 1 for each criterion asked, on the text's first word, or on the drawing's first part."""
    if request.rubric.kind == "drawing":
        evidence: dict[str, Any] = {"checks": [parse_drawing(request.text).nodes[0].id]}
    else:
        word = request.text.split()[0]
        start = request.text.index(word)
        evidence = {"quotes": [{"text": word, "start": start, "end": start + len(word)}]}
    return {"ratings": [{"criterion": one, "level": 1, **evidence} for one in request.criteria]}


@dataclass
class CountingJudge:
    """Answers with `answer(request)`, and keeps the criteria of every question in `asked`."""

    answer: Callable[[JudgeRequest], dict[str, Any]] = rate_everything
    fills: Literal["criterion", "sheet"] = "criterion"
    provisional: bool = False
    paid: bool = False
    evidence: Evidence = "quotes"
    name: str = "counting"
    version: str = "1"
    model: str = "none"
    prompt_hash: str = "p"
    label: str = "Counts what it is asked."
    parameters: Mapping[str, Any] = field(default_factory=dict)
    asked: list[tuple[str, ...]] = field(default_factory=list)

    def ask(self, request: JudgeRequest) -> Answer:
        self.asked.append(request.criteria)
        return Answer(body=self.answer(request), model=self.model)

    def read(self, request: JudgeRequest, answer: Answer) -> tuple[Rating, ...]:
        return read_ratings(request, answer)

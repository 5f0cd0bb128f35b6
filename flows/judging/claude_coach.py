"""The coach that is Claude: two lines, streamed, for a fraction of a cent."""

import time
from collections.abc import Callable
from typing import Any

import anthropic

from flows.judging.claude import hear
from flows.judging.claude_client import make_client
from flows.judging.claude_heard import Heard, answer_of
from flows.judging.coach import Lines, RatedTake, Reply, coach_prompt, prompt_hash, read_lines, take_text
from flows.judging.judge import Answer

MAX_TOKENS = 1500  # a model may think first
SECONDS = 25.0
EFFORT = "low"


class ClaudeCoach:
    """Asks once; its answer is kept as it came, like a judge's."""

    paid = True

    def __init__(self, model: str, client: Callable[[], anthropic.Anthropic] = make_client) -> None:
        self.model = model
        self.client = client

    @property
    def name(self) -> str:
        """What its answers are found by."""
        return f"claude-coach:{self.model}"

    @property
    def prompt_hash(self) -> str:
        """SHA-256 of every word of ours that the model reads, but for the take's own."""
        return prompt_hash()

    def ask(self, take: RatedTake, hear_words: Callable[[str], None]) -> Answer:
        """One call, its first line handed on as it comes. Raises JudgeUnavailable or JudgeRefused."""
        started = time.monotonic()
        client = self.client().with_options(timeout=SECONDS)
        message = hear(client, self.question(take), _Speaking(Lines(hear_words)))
        return answer_of(message, self.model, time.monotonic() - started)

    def question(self, take: RatedTake) -> dict[str, Any]:
        """The call's arguments."""
        return {
            "model": self.model,
            "max_tokens": MAX_TOKENS,
            "system": [{"type": "text", "text": coach_prompt(), "cache_control": {"type": "ephemeral"}}],
            "messages": [{"role": "user", "content": take_text(take)}],
            "output_config": {"effort": EFFORT},
        }

    def read(self, take: RatedTake, answer: Answer) -> Reply:
        """The reply in an answer, with only what code could accept."""
        return read_lines(take, answer)


class _Speaking(Heard):
    def __init__(self, lines: Lines) -> None:
        super().__init__()
        self._lines = lines

    def _text(self, part: object) -> None:
        before = len(self.texts)
        super()._text(part)
        for piece in self.texts[before:]:
            self._lines.add(piece)

"""The Claude judge: a sheet, or one criterion of it, by the Messages API with a JSON schema.

The name says everything that may change an answer: `claude:MODEL`, with `,effort=low` and `,per=sheet` after it.
Retries are the caller's; this module asks once. What came back is kept whole before anyone reads it.
"""

import hashlib
import json
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any, Literal

import anthropic
from anthropic.types import Message

from flows.judging.claude_client import make_client
from flows.judging.judge import (
    Answer,
    Evidence,
    JudgeHeld,
    JudgeRefused,
    JudgeRequest,
    JudgeUnavailable,
    UnknownJudge,
    Usage,
)
from flows.judging.prices import price_of
from rubrics.drawing import Drawing, DrawingError, parse_drawing
from rubrics.judgement import Quote, Rating
from rubrics.model import Criterion, Rubric
from rubrics.text import find_quote, normalise, word_count

Fills = Literal["criterion", "sheet"]
EFFORTS = ("low", "medium", "high", "xhigh", "max")
MAX_TOKENS = 8000
MAX_QUOTES = 3
MAX_QUOTE_WORDS = 30
HOUR = 3600.0
VERSION = "1"
# stop_reason to the reason that the sheet gives; a cut answer has none.
STOPPED = {
    "max_tokens": "cut_off",
    None: "cut_off",
    "refusal": "refused",
    "model_context_window_exceeded": "too_long",
    "pause_turn": "cut_off",
}


class ClaudeJudge:
    """Fills in one criterion a call, or the whole sheet in one."""

    name = "claude"
    version = VERSION
    evidence: Evidence = "quotes"
    provisional = True
    paid = True

    def __init__(
        self,
        model: str,
        *,
        effort: str | None = None,
        fills: Fills = "criterion",
        client: Callable[[], anthropic.Anthropic] = make_client,
    ) -> None:
        self.model = model
        self.fills: Fills = fills
        self.effort = effort
        self.client = client

    @property
    def parameters(self) -> Mapping[str, Any]:
        """What else an answer depends on."""
        return {"effort": self.effort or "default", "fills": self.fills, "max_tokens": MAX_TOKENS}

    @property
    def prompt_hash(self) -> str:
        """SHA-256 of every word of ours that the model reads."""
        return hashlib.sha256("\n".join(prompt(name) for name in ("rate", "drawing")).encode()).hexdigest()

    @property
    def label(self) -> str:
        """What the pages say about it."""
        return f"Claude ({self.model}): every quote is checked against the text, and a person decides."

    def unreachable(self) -> str | None:
        """Why it could not be asked now, in one sentence, or None; spends nothing."""
        try:
            self.client().models.retrieve(self.model)
        except JudgeUnavailable as problem:
            return str(problem)
        except anthropic.AnthropicError as error:
            return str(meaning_of(error))
        return None

    def tokens_of(self, request: JudgeRequest) -> int:
        """How many tokens a question has, as the API counts them; spends nothing. Raises as `ask` does."""
        question = self.question(request)
        try:
            counted = self.client().messages.count_tokens(
                model=question["model"],
                system=question["system"],
                messages=question["messages"],
                output_config=question["output_config"],
            )
        except anthropic.AnthropicError as error:
            raise meaning_of(error) from None
        return counted.input_tokens

    def ask(self, request: JudgeRequest) -> Answer:
        """One call. Raises JudgeUnavailable (later), JudgeHeld (an operator must act) or JudgeRefused (never)."""
        started = time.monotonic()
        try:
            message = self.client().messages.create(**self.question(request))
        except anthropic.APIResponseValidationError:
            return _broken(self.model, started)
        except anthropic.AnthropicError as error:
            raise meaning_of(error) from None
        except ValueError:  # a body that is no JSON is not an error of the SDK's own
            return _broken(self.model, started)
        if not isinstance(message, Message) or message.usage is None:
            return _broken(self.model, started)
        return answer_of(message, self.model, time.monotonic() - started)

    def question(self, request: JudgeRequest) -> dict[str, Any]:
        """The call's arguments: instructions and rubric first, to be cached; the work last, as data."""
        output: dict[str, Any] = {"format": {"type": "json_schema", "schema": schema(request)}}
        if self.effort:
            output["effort"] = self.effort
        return {
            "model": self.model,
            "max_tokens": MAX_TOKENS,
            "system": [
                {"type": "text", "text": _instructions(request.rubric)},
                {"type": "text", "text": rubric_text(request.rubric), "cache_control": {"type": "ephemeral"}},
            ],
            "messages": [{"role": "user", "content": work_text(request)}],
            "output_config": output,
        }

    def read(self, request: JudgeRequest, answer: Answer) -> tuple[Rating, ...]:
        """A rating for each criterion asked; what was cut off, refused or cannot be read is unscored by name."""
        stopped = answer.body.get("stop_reason")
        if stopped in STOPPED or "text" not in answer.body:
            reason = STOPPED.get(stopped, "unreadable")
            return tuple(Rating(criterion=one, level=None, reason=reason) for one in request.criteria)
        found = _object(answer.body["text"])
        reader = _Reader(request)
        return tuple(reader.rating(one, found.get(one)) for one in request.criteria)


# ---- by name -------------------------------------------------------------------------------------------------


def claude_judge(name: str, client: Callable[[], anthropic.Anthropic] = make_client) -> ClaudeJudge:
    """The judge of `MODEL[,effort=…][,per=criterion|sheet]`. UnknownJudge says what is wrong with the name."""
    model, *options = name.split(",")
    settings = dict(option.partition("=")[::2] for option in options)
    unknown = set(settings) - {"effort", "per"}
    effort, fills = settings.get("effort"), settings.get("per", "criterion")
    if not model or unknown or fills not in ("criterion", "sheet") or effort not in (None, *EFFORTS):
        raise UnknownJudge(
            f"'claude:{name}' is no judge; write claude:MODEL, then if you like ,effort={'|'.join(EFFORTS)} "
            "and ,per=criterion or ,per=sheet."
        )
    return ClaudeJudge(model, effort=effort, fills="sheet" if fills == "sheet" else "criterion", client=client)


# ---- what is sent --------------------------------------------------------------------------------------------


@cache
def prompt(name: str) -> str:
    """A prompt's text."""
    return (resources.files("flows.judging") / "prompts" / f"{name}.md").read_text("utf-8")


def _instructions(rubric: Rubric) -> str:
    parts = ["rate", "drawing"] if rubric.kind == "drawing" else ["rate"]
    return "\n\n".join(prompt(name) for name in parts)


def rubric_text(rubric: Rubric) -> str:
    """The whole rubric in words, the same for every criterion, so that it is cached once."""
    blocks = [f"The rubric: {rubric.title}."]
    for criterion in rubric.judged:
        question = f" {criterion.question}" if criterion.question else ""
        levels = [f"  {level.level}: {level.descriptor}" for level in criterion.levels]
        blocks.append("\n".join([f"Criterion `{criterion.id}`, {criterion.title}.{question}", *levels]))
    return "\n\n".join(blocks)


def work_text(request: JudgeRequest) -> str:
    """The question and the work between two lines that the work cannot contain.

    The model sees the text as a reader would: in plain forms of letters, with nothing invisible.
    """
    text = request.text if request.rubric.kind == "drawing" else normalise(request.text, lines=True).text
    marker = secrets.token_hex(12)
    while marker in text:
        marker = secrets.token_hex(12)
    asked = ", ".join(f"`{criterion}`" for criterion in request.criteria)
    again = f" This is reading number {request.repeat + 1}." if request.repeat else ""
    return (
        f"Rate {asked}.{again} The work stands between the two lines that read {marker}.\n\n"
        f"{marker}\n{text}\n{marker}\n\nNow rate {asked}."
    )


def schema(request: JudgeRequest) -> dict[str, Any]:
    """JSON Schema of an answer: a property for each criterion asked, its levels by enumeration."""
    rows = {one: _row(request.rubric.criterion(one), request.rubric.kind) for one in request.criteria}
    return _object_schema(rows)


def _row(criterion: Criterion, kind: str) -> dict[str, Any]:
    texts = {"type": "array", "items": {"type": "string"}}
    return _object_schema(
        {
            "rests_on" if kind == "drawing" else "quotes": texts,
            "looked_for": {"type": "string"},
            "comment": {"type": "string"},
            "level": {"enum": [*(level.level for level in criterion.levels), None]},
        }
    )


def _object_schema(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


# ---- what comes back -----------------------------------------------------------------------------------------


def answer_of(message: Message, model: str, seconds: float, share: float = 1.0) -> Answer:
    """A message as an Answer: why it stopped, its text, and what it took; `share` is what is paid of the price."""
    used = message.usage
    cached, written = used.cache_read_input_tokens or 0, used.cache_creation_input_tokens or 0
    text = "".join(block.text for block in message.content or [] if block.type == "text")
    body: dict[str, Any] = {"stop_reason": message.stop_reason, "text": text, "id": message.id}
    details = getattr(message, "stop_details", None)
    if details is not None:
        body["category"] = getattr(details, "category", None)
    dollars = price_of(message.model or model).of(used.input_tokens, used.output_tokens, cached, written)
    return Answer(
        body=body,
        model=message.model or model,
        usage=Usage(
            input_tokens=used.input_tokens,
            output_tokens=used.output_tokens,
            cache_read_tokens=cached,
            cache_write_tokens=written,
            usd=dollars * share,
            seconds=seconds,
        ),
    )


def _broken(model: str, started: float) -> Answer:
    """An answer that was given, and perhaps billed, and cannot be used: kept, so that it is not bought again."""
    return Answer(body={"stop_reason": "broken"}, model=model, usage=Usage(seconds=time.monotonic() - started))


def meaning_of(error: anthropic.AnthropicError) -> Exception:
    """What to do about an error: try later, wait for an operator, or give up on this text."""
    if isinstance(error, anthropic.APIConnectionError):
        return JudgeUnavailable("Claude cannot be reached.")
    if isinstance(error, anthropic.APIResponseValidationError):
        return JudgeUnavailable("Claude answered in a way that cannot be read.")
    if not isinstance(error, anthropic.APIStatusError):
        return JudgeHeld("There is no key for Claude; set ANTHROPIC_API_KEY.", HOUR)
    if error.status_code == 413:
        return JudgeRefused("too_long")
    if error.status_code in (400, 422):
        return JudgeRefused("rejected")
    held = HELD.get(error.status_code)
    if held or (error.status_code == 429 and "spend_limit" in str(getattr(error, "error_code", "") or error.body)):
        return JudgeHeld(held or "Claude's spending limit is reached.", HOUR)
    return JudgeUnavailable("Claude is busy.", _retry_after(error))


HELD = {
    401: "Claude does not accept the key; check ANTHROPIC_API_KEY.",
    402: "Claude's account has no credit left.",
    403: "The key for Claude may not use this model.",
    404: "Claude has no model of this name; check ATELIER_JUDGE.",
}


def _retry_after(error: anthropic.APIStatusError) -> float | None:
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            return max(0.0, float(error.response.headers[name]) / unit)
        except (KeyError, ValueError):
            continue
    return None


def _object(text: object) -> dict[str, Any]:
    try:
        found = json.loads(str(text))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


class _Reader:
    """Reads the rows of one answer; the text is normalised once for all its quotes."""

    def __init__(self, request: JudgeRequest) -> None:
        self._request = request
        self._text = normalise(request.text)
        self._ids = _ids(request) if request.rubric.kind == "drawing" else frozenset()

    def rating(self, criterion: str, row: object) -> Rating:
        """One row as a rating; its quotes are those that stand in the text."""
        if not isinstance(row, dict):
            return Rating(criterion=criterion, level=None, reason="unreadable")
        level, comment = row.get("level"), _words(row.get("comment"))
        if level is None:
            return Rating(criterion=criterion, level=None, reason="unsure", comment=comment)
        known = [one.level for one in self._request.rubric.criterion(criterion).levels]
        if isinstance(level, bool) or level not in known:
            return Rating(criterion=criterion, level=None, reason="unreadable", comment=comment)
        if self._request.rubric.kind == "drawing":
            checks = tuple(one for one in _strings(row.get("rests_on")) if one in self._ids)
            if level > 0 and not checks:
                return Rating(criterion=criterion, level=None, reason="quote", comment=comment)
            return Rating(criterion=criterion, level=level, checks=checks, comment=comment)
        given = _strings(row.get("quotes"))[:MAX_QUOTES]
        quotes = tuple(quote for one in given if (quote := self._quote(one)) is not None)
        if level > 0 and len(quotes) < len(given):
            return Rating(criterion=criterion, level=None, reason="quote", comment=comment)
        looked = _words(row.get("looked_for")) if level == 0 else ""
        return Rating(criterion=criterion, level=level, quotes=quotes, looked_for=looked, comment=comment)

    def _quote(self, text: str) -> Quote | None:
        if not 0 < word_count(text) <= MAX_QUOTE_WORDS:
            return None
        return find_quote(self._text, self._request.text, text)


def _ids(request: JudgeRequest) -> frozenset[str]:
    try:
        drawing: Drawing = parse_drawing(request.text)
    except DrawingError:
        return frozenset()
    return frozenset([*(part.id for part in drawing.nodes), *(edge.id for edge in drawing.edges)])


def _strings(value: object) -> Sequence[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _words(value: object) -> str:
    return " ".join(value.split())[:1000] if isinstance(value, str) else ""

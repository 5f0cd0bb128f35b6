"""What an error of the API means for the work: try later, wait for an operator, or give up on this text.

https://platform.claude.com/docs/en/api/errors
"""

import math
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import anthropic

from flows.judging.claude_client import LATER, credentials
from flows.judging.judge import JudgeError, JudgeHeld, JudgeRefused, JudgeUnavailable

# A fault of our question that names its field; anything else a 400 says may quote the work.
_FIELD = re.compile(r"(?:model|max_tokens|system|output_config|thinking|cache_control)[\w.\[\]-]*: [^\n]{1,160}")
_TOO_LONG = ("too long", "exceed context limit", "maximum context", "too many tokens")


def meaning_of(error: anthropic.AnthropicError) -> JudgeError:
    """The error to raise in its place."""
    if isinstance(error, anthropic.APIConnectionError):
        kind = "timeout" if isinstance(error, anthropic.APITimeoutError) else "unreachable"
        return JudgeUnavailable("Claude cannot be reached.", kind=kind)
    if isinstance(error, anthropic.APIStatusError):
        return _of_status(error)
    reason = " ".join(str(error).split())[:200]
    return JudgeHeld(f"Claude cannot be asked: {reason}", LATER)  # no request was made


def _of_status(error: anthropic.APIStatusError) -> JudgeError:
    status, said = error.status_code, str(error.body or "").lower()
    if status == 413 or (status == 400 and any(words in said for words in _TOO_LONG)):
        return JudgeRefused("too_long")
    if status == 400 and "content filter" in said:
        return JudgeRefused("refused")
    held = _held(status, said)
    if held:
        return JudgeHeld(held, LATER)
    if status in (400, 422):
        # A try is counted: after the last one a person decides, and nothing is stored as if it had been answered.
        named = _FIELD.search(_message(error))
        sentence = f"Claude did not take the question ({named[0] if named else f'error {status}'})."
        return JudgeUnavailable(sentence, kind="question not taken")
    kind = {429: "rate limited", 529: "overloaded"}.get(status, "server error")
    return JudgeUnavailable("Claude is busy.", retry_after(error), kind)


def _held(status: int, said: str) -> str:
    """What an operator has to change, or ""."""
    if status == 401:
        return f"Claude does not accept the key; check {credentials()}."
    if status == 402 or (status == 400 and "credit balance" in said):
        return "Claude's account has no credit left."
    if status == 403:
        return f"Claude may not be used with this key, or not this model; check {credentials()}."
    if status == 404:
        return "Claude has no model of this name here; check ATELIER_JUDGE."
    return "Claude's spending limit is reached." if status == 429 and "spend_limit" in said else ""


def _message(error: anthropic.APIStatusError) -> str:
    body = error.body if isinstance(error.body, dict) else {}
    inner = body.get("error")
    return str(inner.get("message", "")) if isinstance(inner, dict) else ""


def retry_after(error: anthropic.APIStatusError) -> float | None:
    """The seconds that the answer asks to wait, from a number or a date; None if it says nothing that can be used."""
    headers = error.response.headers
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        given = headers.get(name)
        if given is None:
            continue
        try:
            seconds = float(given) / unit
        except ValueError:
            seconds = _until(given)
        if math.isfinite(seconds):
            return max(0.0, seconds)
    return None


def _until(date: str) -> float:
    try:
        at = parsedate_to_datetime(date)
    except ValueError:
        return math.nan
    return ((at if at.tzinfo else at.replace(tzinfo=UTC)) - datetime.now(UTC)).total_seconds()

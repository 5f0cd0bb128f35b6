"""The Claude judge: a sheet, or one criterion of it, by the Messages API with a JSON schema.

The name says everything that may change an answer: `claude:MODEL`, with `,effort=low`, `,per=sheet` and `,repeats=3`
after it. Retries are the caller's; this module asks once. What came back is kept whole before anyone reads it.
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
import httpx2

from flows.judging.claude_client import LATER, make_client, provider
from flows.judging.claude_errors import meaning_of
from flows.judging.claude_heard import Heard, answer_of, listen, message_in
from flows.judging.drawn import shown
from flows.judging.judge import (
    Answer,
    Evidence,
    Judge,
    JudgeHeld,
    JudgeRequest,
    JudgeUnavailable,
    UnknownJudge,
)
from flows.judging.panel import MOST_READERS, repeated
from rubrics.judgement import Quote, Rating
from rubrics.model import Criterion, Rubric
from rubrics.text import find_quote, normalise, word_count

Fills = Literal["criterion", "sheet"]
EFFORTS = ("low", "medium", "high", "xhigh", "max")
# The most an answer may have, thinking included; what reaches it is cut off and unscored.
MAX_TOKENS = {"high": 16_000, "xhigh": 32_000, "max": 32_000}
MAX_TOKENS_ELSE = 8_000
MAX_QUOTES = 3
MAX_QUOTE_WORDS = 30
VERSION = "3"
ONE = "rating"  # the property that holds the only row: criteria with the same levels share a schema, and so the cache
WHOLE = ("end_turn", "stop_sequence")
# Why an answer stopped, and the reason that the sheet gives for it; a stream that broke off has no reason.
STOPPED = {
    None: "cut_off",
    "max_tokens": "cut_off",
    "pause_turn": "cut_off",
    "refusal": "refused",
    "model_context_window_exceeded": "too_long",
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
        return {"effort": self.effort or "default", "fills": self.fills, "max_tokens": self.max_tokens}

    @property
    def max_tokens(self) -> int:
        """The most that one answer may have."""
        return MAX_TOKENS.get(self.effort or "", MAX_TOKENS_ELSE)

    @property
    def prompt_hash(self) -> str:
        """SHA-256 of every word of ours that the model reads, beside the rubric's own."""
        ours = [prompt("rate"), prompt("drawing"), _RUBRIC, _CRITERION, _LEVEL, _AROUND]
        return hashlib.sha256("\n".join(ours).encode()).hexdigest()

    @property
    def label(self) -> str:
        """What the pages say about it."""
        return f"Claude ({self.model}): every quote is checked against the text, and a person decides."

    def unreachable(self) -> str | None:
        """Why it could not be asked now, in one sentence, or None; spends nothing."""
        try:
            self._count({"messages": [{"role": "user", "content": "-"}]})
        except JudgeUnavailable as problem:
            return str(problem)
        except Exception as error:
            return f"Claude cannot be asked ({type(error).__name__})."
        return None

    def tokens_of(self, request: JudgeRequest) -> int | None:
        """How many tokens a question has, as the API counts them; spends nothing, raises as `ask` does.

        None where the provider does not count.
        """
        question = self.question(request)
        return self._count({key: question[key] for key in ("system", "messages", "output_config")})

    def _count(self, question: Mapping[str, Any]) -> int | None:
        client = self.client()
        if provider() == "bedrock":
            return None
        try:
            return client.messages.count_tokens(model=self.model, **question).input_tokens
        except anthropic.AnthropicError as error:
            raise meaning_of(error) from None
        except (ImportError, RuntimeError, TypeError) as problem:
            raise _local(problem) from None

    def ask(self, request: JudgeRequest) -> Answer:
        """One call. Raises JudgeUnavailable (later), JudgeHeld (an operator must act) or JudgeRefused (never)."""
        started = time.monotonic()
        message = hear(self.client(), self.question(request))
        return answer_of(message, self.model, time.monotonic() - started)

    def question(self, request: JudgeRequest) -> dict[str, Any]:
        """The call's arguments: instructions and rubric first, to be cached; the work last, as data."""
        output: dict[str, Any] = {"format": {"type": "json_schema", "schema": schema(request, self.fills)}}
        if self.effort:
            output["effort"] = self.effort
        return {
            "model": self.model,
            "max_tokens": self.max_tokens,
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
        if stopped not in WHOLE or "text" not in answer.body:
            reason = STOPPED.get(stopped, "unreadable")
            return tuple(Rating(criterion=one, level=None, reason=reason) for one in request.criteria)
        found = _object(answer.body["text"])
        reader = _Reader(request)
        if self.fills == "criterion":
            found = dict.fromkeys(request.criteria, found.get(ONE))
        return reader.told([reader.rating(one, found.get(one)) for one in request.criteria])


def hear(client: anthropic.Anthropic, question: Mapping[str, Any], heard: Heard | None = None) -> Mapping[str, Any]:
    """Ask by a stream and hear it to its end, or to where it breaks off; `heard` may pass on what comes."""
    heard = heard or Heard()
    try:
        with client.messages.create(**question, stream=True) as stream:
            if "json" in stream.response.headers.get("content-type", ""):  # some proxies do not stream
                return message_in(stream.response.read())
            listen(stream, heard)
    except (anthropic.APIConnectionError, httpx2.HTTPError):
        if not heard.begun:
            raise JudgeUnavailable("Claude cannot be reached.") from None
    except anthropic.AnthropicError as error:
        raise meaning_of(error) from None
    except ValueError:
        pass  # an event that is no JSON: what came before it is kept
    except (ImportError, RuntimeError, TypeError) as problem:
        raise _local(problem) from None
    return heard.whole()


def _local(problem: Exception) -> JudgeHeld:
    """The client could not make a request: a package or credentials of the provider's are missing on this machine."""
    reason = " ".join(str(problem).split())[:200]
    return JudgeHeld(f"Claude cannot be asked on {provider()}: {reason}", LATER)


# ---- by name -------------------------------------------------------------------------------------------------


def claude_judge(name: str, client: Callable[[], anthropic.Anthropic] = make_client) -> Judge:
    """The judge of `MODEL[,effort=…][,per=criterion|sheet][,repeats=N]`. UnknownJudge says what is wrong with it."""
    model, *options = name.split(",")
    settings = dict(option.partition("=")[::2] for option in options)
    effort, fills, times = settings.pop("effort", None), settings.pop("per", "criterion"), settings.pop("repeats", "1")
    counted = times in {str(number) for number in range(1, MOST_READERS + 1)}
    if not model or settings or not counted or fills not in ("criterion", "sheet") or effort not in (None, *EFFORTS):
        raise UnknownJudge(
            f"'claude:{name}' is no judge; write claude:MODEL, then if you like ,effort={'|'.join(EFFORTS)}, "
            f",per=criterion or ,per=sheet, and ,repeats=1 to {MOST_READERS}."
        )
    one = ClaudeJudge(model, effort=effort, fills="sheet" if fills == "sheet" else "criterion", client=client)
    return one if times == "1" else repeated(one, int(times))


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
    blocks = [_RUBRIC.format(title=rubric.title)]
    for criterion in rubric.judged:
        question = f" {criterion.question}" if criterion.question else ""
        levels = [_LEVEL.format(level=one.level, descriptor=one.descriptor) for one in criterion.levels]
        blocks.append(
            "\n".join([_CRITERION.format(id=criterion.id, title=criterion.title, question=question), *levels])
        )
    return "\n\n".join(blocks)


_RUBRIC = "The rubric: {title}."
_CRITERION = "Criterion `{id}`, {title}.{question}"
_LEVEL = "  {level}: {descriptor}"
_AROUND = (
    "Rate {asked}. The work stands between the two lines that read {marker}.\n\n"
    "{marker}\n{text}\n{marker}\n\nNow rate {asked}."
)


def work_text(request: JudgeRequest) -> str:
    """The question and the work between two lines that the work cannot contain.

    The model sees the text as a reader would: in plain forms of letters, with nothing invisible.
    """
    drawn = shown(request.text) if request.rubric.kind == "drawing" else None
    text = normalise(request.text, lines=True).text if drawn is None else drawn.as_text()
    marker = secrets.token_hex(12)
    while marker in text:
        marker = secrets.token_hex(12)
    asked = ", ".join(f"`{criterion}`" for criterion in request.criteria)
    return _AROUND.format(asked=asked, marker=marker, text=text)


def schema(request: JudgeRequest, fills: Fills) -> dict[str, Any]:
    """JSON Schema of an answer, its levels by enumeration: a property for each criterion of a sheet, or one row."""
    rows = {one: _row(request.rubric.criterion(one), request.rubric.kind) for one in request.criteria}
    return _object_schema(rows if fills == "sheet" else {ONE: next(iter(rows.values()))})


def _row(criterion: Criterion, kind: str) -> dict[str, Any]:
    texts = {"type": "array", "items": {"type": "string"}}
    return _object_schema(
        {
            "rests_on" if kind == "drawing" else "quotes": texts,
            "looked_for": {"type": "string"},
            "comment": {"type": "string"},
            "level": {"anyOf": [{"enum": [level.level for level in criterion.levels]}, {"type": "null"}]},
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
        self._drawn = shown(request.text) if request.rubric.kind == "drawing" else None

    def told(self, ratings: Sequence[Rating]) -> tuple[Rating, ...]:
        """The ratings, of a drawing by the student's own ids."""
        return tuple(ratings) if self._drawn is None else self._drawn.told(ratings)

    def rating(self, criterion: str, row: object) -> Rating:
        """One row as a rating; its quotes are those that stand in the text."""
        if not isinstance(row, dict):
            return Rating(criterion=criterion, level=None, reason="unreadable")
        level, comment = row.get("level"), _words(row.get("comment"))
        if level is None:
            return Rating(criterion=criterion, level=None, reason="unsure", comment=comment)
        levels = [one.level for one in self._request.rubric.criterion(criterion).levels]
        if type(level) is not int or level not in levels:  # 2.0 and True are levels to Python, and to no rubric
            return Rating(criterion=criterion, level=None, reason="unreadable", comment=comment)
        if self._request.rubric.kind == "drawing":
            known = () if self._drawn is None else self._drawn.own
            checks = tuple(one for one in _strings(row.get("rests_on")) if one in known)
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


def _strings(value: object) -> Sequence[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _words(value: object) -> str:
    """A sentence of the model's in one line that any database takes."""
    if not isinstance(value, str):
        return ""
    plain = value.replace("\0", " ").encode("utf-8", "replace").decode()
    return " ".join(plain.split())[:1000]

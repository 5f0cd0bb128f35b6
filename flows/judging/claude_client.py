"""The SDK's client: one a process, no retries of its own, and a clear sentence where it cannot be made."""

import os
from functools import lru_cache

import anthropic

from flows.judging.judge import JudgeHeld

SECONDS = 120.0
PROVIDERS = ("anthropic", "bedrock", "vertex", "foundry")
PROVIDER = "ATELIER_CLAUDE_PROVIDER"
HOUR = 3600.0


def make_client() -> anthropic.Anthropic:
    """The client of ATELIER_CLAUDE_PROVIDER. JudgeHeld where key, region or package is missing."""
    return _client(os.environ.get(PROVIDER, "") or "anthropic")


@lru_cache(maxsize=4)
def _client(provider: str) -> anthropic.Anthropic:
    # No trace headers go out: the SDK has OpenTelemetry built in.
    os.environ.setdefault("ANTHROPIC_OPEN_TELEMETRY_PROPAGATION", "false")
    settings = {"max_retries": 0, "timeout": SECONDS, "_strict_response_validation": True}
    names = {
        "anthropic": "Anthropic",
        "bedrock": "AnthropicBedrock",
        "vertex": "AnthropicVertex",
        "foundry": "AnthropicFoundry",
    }
    if provider not in names:
        raise JudgeHeld(f"{PROVIDER} is {provider!r}; it can be {', '.join(PROVIDERS)}.", HOUR)
    if provider == "anthropic" and not (os.environ.get("ANTHROPIC_API_KEY") or os.environ.get("ANTHROPIC_AUTH_TOKEN")):
        raise JudgeHeld("There is no key for Claude; set ANTHROPIC_API_KEY.", HOUR)
    try:
        return getattr(anthropic, names[provider])(**settings)  # type: ignore[no-any-return]
    except (ImportError, ValueError, anthropic.AnthropicError) as problem:
        reason = str(problem).splitlines()[0] if str(problem) else type(problem).__name__
        raise JudgeHeld(f"The client for Claude on {provider} cannot be made: {reason}", HOUR) from None


def forget_clients() -> None:
    """Make clients anew, for another environment."""
    _client.cache_clear()

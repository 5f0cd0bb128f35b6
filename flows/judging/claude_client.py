"""The SDK's client: one a process, no retries of its own, and a clear sentence where it cannot be made."""

import os
from functools import lru_cache
from importlib.util import find_spec

import anthropic

from flows.judging.judge import JudgeHeld

SECONDS = 120.0  # until the first byte, and between two
PROVIDER = "ATELIER_CLAUDE_PROVIDER"
# Whose service is asked, the SDK's client for it, and what holds its credentials.
PROVIDERS = {
    "anthropic": ("Anthropic", "ANTHROPIC_API_KEY"),
    "bedrock": ("AnthropicBedrock", "the AWS credentials"),
    "vertex": ("AnthropicVertex", "the Google credentials"),
    "foundry": ("AnthropicFoundry", "ANTHROPIC_FOUNDRY_API_KEY"),
}
# What a client imports when it is asked, partly after the answer was paid for: looked for beforehand.
EXTRAS = {"bedrock": "botocore", "vertex": "google.auth"}
LATER = 600.0  # seconds; held work is woken sooner once the judge answers again


def provider() -> str:
    """Whose service is asked."""
    return os.environ.get(PROVIDER, "") or "anthropic"


def credentials() -> str:
    """What an operator has to look at when a key is not accepted."""
    return PROVIDERS.get(provider(), ("", "the credentials"))[1]


def make_client() -> anthropic.Anthropic:
    """The client of ATELIER_CLAUDE_PROVIDER. JudgeHeld where key, region or package is missing."""
    return _client(provider())


@lru_cache(maxsize=4)
def _client(name: str) -> anthropic.Anthropic:
    # No trace headers go out: the SDK has OpenTelemetry built in.
    os.environ.setdefault("ANTHROPIC_OPEN_TELEMETRY_PROPAGATION", "false")
    if name not in PROVIDERS:
        raise JudgeHeld(f"{PROVIDER} is {name!r}; it can be {', '.join(PROVIDERS)}.", LATER)
    if name in EXTRAS and not _installed(EXTRAS[name]):
        raise JudgeHeld(
            f"Claude on {name} needs a package that is not installed: pip install 'anthropic[{name}]'.", LATER
        )
    try:
        client = getattr(anthropic, PROVIDERS[name][0])(max_retries=0, timeout=SECONDS)
    except Exception as problem:  # a region, a resource, a package is missing: each client fails in its own way
        reason = " ".join(str(problem).split())[:300] or type(problem).__name__
        raise JudgeHeld(f"The client for Claude on {name} cannot be made: {reason}", LATER) from None
    if name == "anthropic" and not (client.api_key or client.auth_token or client.credentials):
        raise JudgeHeld("There is no key for Claude; set ANTHROPIC_API_KEY.", LATER)
    return client  # type: ignore[no-any-return]


def _installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # not even the package around it
        return False


def forget_clients() -> None:
    """Make clients anew, for another environment."""
    _client.cache_clear()

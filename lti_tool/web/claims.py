"""Claims read one by one: each has its shape, or the message is refused with the claim's name."""

from collections.abc import Mapping
from typing import Any, TypeVar

from lti_tool.platforms import origin_of
from lti_tool.web import launch_refusals

MAX_ID = 255
MAX_URL = 2000
MAX_LISTED = 100

T = TypeVar("T")


def check_text(value: Any, depth: int = 0) -> None:
    """Refuse text that no database stores: NUL, lone surrogates; and nesting that nobody sends in earnest."""
    if depth > 20:
        raise launch_refusals.ClaimMalformed()
    if isinstance(value, str):
        if "\x00" in value or any("\ud800" <= character <= "\udfff" for character in value):
            raise launch_refusals.ClaimMalformed()
    elif isinstance(value, dict):
        for key, item in value.items():
            check_text(key, depth + 1)
            check_text(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            check_text(item, depth + 1)


def required(claims: Mapping[str, Any], name: str, kind: type[T]) -> T:
    """The claim, which must be there and of that kind."""
    if claims.get(name) is None:
        raise launch_refusals.ClaimMissing(claim=name)
    value = claims[name]
    if not isinstance(value, kind):
        raise launch_refusals.ClaimMalformed(claim=name)
    return value


def optional(claims: Mapping[str, Any], name: str, kind: type[T]) -> T | None:
    """The claim if it is there; null counts as absent."""
    return None if claims.get(name) is None else required(claims, name, kind)


def required_id(claims: Mapping[str, Any], name: str) -> str:
    """An identifier: a string of 1 to 255 characters."""
    value = required(claims, name, str)
    if not 0 < len(value) <= MAX_ID:
        raise launch_refusals.ClaimMalformed(claim=name)
    return value


def words(claims: Mapping[str, Any], name: str, longest: int = MAX_ID) -> str | None:
    """A text for people: what does not fit its column is cut."""
    return (optional(claims, name, str) or "").strip()[:longest] or None


def url(claims: Mapping[str, Any], name: str) -> str | None:
    """A web address of reasonable length, or None where there is none."""
    value = optional(claims, name, str)
    if not value:  # Moodle sends "" for a column that was removed
        return None
    if len(value) > MAX_URL or not origin_of(value) or any(character.isspace() for character in value):
        raise launch_refusals.ClaimMalformed(claim=name)
    return value


def strings(claims: Mapping[str, Any], name: str, values: list[Any]) -> list[str]:
    """A list that was read from the claim, if it is one of at most 100 strings."""
    if len(values) > MAX_LISTED or not all(isinstance(value, str) and len(value) <= MAX_URL for value in values):
        raise launch_refusals.ClaimMalformed(claim=name)
    return values

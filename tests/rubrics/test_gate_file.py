"""A gate file: one signature over everything it says, and nothing believed that differs."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as some

from rubrics.gate_file import (
    Gate,
    GateFileError,
    JudgeIdentity,
    PromptGate,
    Provenance,
    canonical,
    key_digest,
    placement_digest,
    public_line,
    read_gate_file,
    read_public_line,
    sign,
    verify,
)
from rubrics.losses import POINTS, Loss

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
ISSUED = datetime(2026, 11, 1, tzinfo=UTC)


def gate(**changed: Any) -> Gate:
    """A gate for one prompt."""
    said: dict[str, Any] = {
        "issued_at": ISSUED,
        "expires_at": ISSUED + timedelta(days=120),
        "placements": ("p-1",),
        "judge": JudgeIdentity(name="checklist", version="3", model="none", prompt_hash="ab"),
        "rubric_id": "essay",
        "rubric_digest": "0" * 64,
        "loss": Loss.named("off:10"),
        "scale": POINTS,
        "alpha": 0.1,
        "delta": 0.05,
        "confidence": "least",
        "prompts": {"essay": PromptGate(threshold=0.8125, labelled=500, released=260, losses=9, share=0.52)},
        "provenance": Provenance(data="labels.csv", digest="d", rows=500),
    }
    return Gate(**(said | changed))


def changed_at(text: str, path: list[str], value: Any) -> str:
    """The file with another value somewhere in it."""
    content = json.loads(text)
    place = content
    for name in path[:-1]:
        place = place[name]
    assert place[path[-1]] != value
    place[path[-1]] = value
    return json.dumps(content)


def test_a_signed_file_is_read_back_and_holds() -> None:
    signed = read_gate_file(sign(gate(), KEY))
    verify(signed, KEY.public_key())
    assert signed.gate == gate()
    assert signed.key == key_digest(KEY.public_key())


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["gate", "prompts", "essay", "threshold"], 0.5),
        (["gate", "expires_at"], "2030-01-01T00:00:00Z"),
        (["gate", "placements"], ["p-1", "p-2"]),
        (["gate", "rubric_digest"], "1" * 64),
        (["gate", "judge", "version"], "4"),
        (["gate", "alpha"], 0.2),
        (["gate", "provenance", "digest"], "e"),
        (["signature"], base64.b64encode(bytes(64)).decode()),
        (["signature"], "not base64 !"),
    ],
)
def test_a_file_that_was_changed_does_not_hold(path: list[str], value: Any) -> None:
    changed = read_gate_file(changed_at(sign(gate(), KEY), path, value))
    with pytest.raises(GateFileError, match="changed after signing"):
        verify(changed, KEY.public_key())


def test_another_key_did_not_sign_it() -> None:
    with pytest.raises(GateFileError, match="does not hold"):
        verify(read_gate_file(sign(gate(), KEY)), Ed25519PrivateKey.generate().public_key())


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "not JSON"),
        ("[]", "no gate file"),
        ('{"schema": "atelier-gate/2"}', "has the format atelier-gate/2"),
        ('{"schema": "atelier-gate/1", "schema": "atelier-gate/1"}', "not JSON"),
        ('{"schema": "atelier-gate/1", "key": NaN}', "not JSON"),
        ('{"schema": "atelier-gate/1"}', "can't be read: gate"),
        ("[" * 100_000, "not JSON"),
        (" " * 1_000_001, "too large"),
    ],
)
def test_what_is_no_gate_file_is_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(GateFileError, match=sentence):
        read_gate_file(text)


def test_a_word_that_is_not_known_is_refused_rather_than_passed_over() -> None:
    content = json.loads(sign(gate(), KEY))
    content["gate"]["except_for"] = "everybody"
    with pytest.raises(GateFileError, match="except_for"):
        read_gate_file(json.dumps(content))


@given(threshold=some.floats(0, 1), words=some.text(max_size=40))
def test_what_is_signed_survives_a_trip_through_json(threshold: float, words: str) -> None:
    one = PromptGate(threshold=threshold, labelled=5, why=words.encode("utf-8", "ignore").decode())
    made = gate(prompts={"essay": one})
    signed = read_gate_file(sign(made, KEY))
    assert canonical(signed.gate) == canonical(made)
    verify(signed, KEY.public_key())


def test_a_public_key_is_a_line_that_can_be_pasted() -> None:
    line = public_line(KEY.public_key(), "Dr. R. Searcher")
    public, name = read_public_line(f"  {line}\n")
    assert (key_digest(public), name) == (key_digest(KEY.public_key()), "Dr. R. Searcher")


@pytest.mark.parametrize(
    "text", ["", "atelier-gate-key", "atelier-gate-key AAAA x", "ssh-ed25519 AAAA x", "atelier-gate-key é"]
)
def test_what_is_no_public_key_is_refused(text: str) -> None:
    with pytest.raises(GateFileError, match="no public gate key"):
        read_public_line(text)


def test_placements_have_names_of_their_own() -> None:
    names = {
        placement_digest("https://a", "c", "1", "link"),
        placement_digest("https://a", "c", "1", "link2"),
        placement_digest("https://a", "c", "11", "ink"),
        placement_digest("https://b", "c", "1", "link"),
    }
    assert len(names) == 4

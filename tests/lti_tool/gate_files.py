"""Signed gate files for placements of the test world, and the key that signs them."""

from datetime import timedelta
from itertools import count
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.orm import Session

from lti_tool.db import utc_now
from lti_tool.gate_keys import add_gate_key
from lti_tool.gates import placement_of
from lti_tool.models import GateKey, ResourceLink
from rubrics.gate_file import Attempt, Gate, JudgeIdentity, PromptGate, Provenance, level_of, public_line, sign, utc
from rubrics.losses import POINTS, Loss
from rubrics.model import load_rubric

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
LINE = public_line(KEY.public_key(), "R. Searcher")
RUBRIC = "durable-workflows-essay"
JUDGE = JudgeIdentity(name="checklist", version="1", model="none", prompt_hash="p", parameters="q")
THRESHOLD = 0.8
_NUMBERS = count(1)


def attempt(number: int, test: str = "") -> Attempt:
    """An attempt at a gate that promises delta = .1, used as far as it may."""
    level = level_of(0.1, number)
    return Attempt(number=number, level=level, spent=level, test=test or f"test {number}")


def gate_of(link: ResourceLink, **changed: Any) -> Gate:
    """A gate that releases the essay's sheets at confidence 0.8 or above, on this placement: each a later attempt."""
    now = utc(utc_now())
    prompt = PromptGate(
        threshold=THRESHOLD, labelled=400, released=200, losses=8, share=0.5, near=0.85, words=(100, 700)
    )
    said: dict[str, Any] = {
        "issued_at": now - timedelta(days=1),
        "expires_at": now + timedelta(days=30),
        "placements": (placement_of(link),),
        "judge": JUDGE,
        "rubric_id": RUBRIC,
        "rubric_digest": load_rubric(RUBRIC).content_hash,
        "loss": Loss.named("off:10"),
        "scale": POINTS,
        "alpha": 0.1,
        "delta": 0.1,
        "confidence": "least",
        "prompts": {"essay": prompt},
        "attempt": attempt(next(_NUMBERS)),
        "provenance": Provenance(data="labels.csv", digest="d", rows=400),
    }
    return Gate(**(said | changed))


def gate_file(link: ResourceLink, key: Ed25519PrivateKey = KEY, **changed: Any) -> str:
    """The signed file of such a gate."""
    return sign(gate_of(link, **changed), key)


def register_key(session: Session) -> GateKey:
    """The admin has registered the researcher's key."""
    return add_gate_key(session, LINE)

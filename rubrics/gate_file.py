"""A gate file: what a calibration allows a judge to release unseen, where, until when, signed by who measured it.

The file is JSON: `gate`, `key` (which key signed) and `signature` (Ed25519, RFC 8032, in Base64). What is signed is the
line "atelier-gate/1" and the canonical form of `gate`: keys sorted, no blanks, UTF-8, numbers as Python writes them.
The tool checks a file on every use, so whatever is different closes it.
"""

import base64
import hashlib
import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from rubrics.losses import Loss, ScoreScale

SCHEMA = "atelier-gate/1"
LARGEST_FILE = 1_000_000
KEY_BYTES = 32
KEY_WORD = "atelier-gate-key"  # how a public key's line begins

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Count = Annotated[int, Field(strict=True, ge=0)]
Text = Annotated[str, Field(max_length=500)]


class GateFileError(ValueError):
    """A file that is no gate file, a key that is none, or a signature that does not hold; in one sentence."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class JudgeIdentity(_Frozen):
    """Which judge was measured: name and version, the model that answered, the digests of its words and parameters.

    A panel's model is those of all its readers, in order of their names, joined by "+".
    """

    name: Annotated[str, Field(min_length=1, max_length=500)]
    version: Text
    model: Text
    prompt_hash: Text
    parameters: Text = ""

    def difference(self, other: "JudgeIdentity") -> str | None:
        """How another judge differs, in words, or None."""
        if (self.name, self.version) != (other.name, other.version):
            return f"{other.name} {other.version} judged, {self.name} {self.version} was measured"
        if self.model != other.model:
            return f"the model {other.model} answered, {self.model} was measured"
        if self.prompt_hash != other.prompt_hash:
            return "the judge's prompt is another one"
        return None if self.parameters == other.parameters else "the judge's parameters are others"


class Stratum(_Frozen):
    """What the labels say of one group at the threshold; `bound` is None where it is not shown, and `why` says why."""

    released: Count
    losses: Count
    bound: Share | None = None
    why: Text = ""


class PromptGate(_Frozen):
    """The gate of one prompt: release at `threshold` or above; None releases nothing, and `why` says why.

    `bound` is Clopper and Pearson's at confidence 1 - `level`, the level that the threshold was tested at.
    """

    threshold: Share | None
    why: Text = ""
    labelled: Count
    missing: Count | None = None  # of these: without a score by this judge, or flagged; they count as not released
    released: Count = 0
    losses: Count = 0
    level: Share | None = None
    bound: Share | None = None
    share: Share = 0.0
    human_losses: Count | None = None
    human_pairs: Count = 0
    near: Share | None = None  # below this confidence what is released is audited more often
    words: tuple[Count, Count] | None = None  # shortest and longest calibrated response
    groups: dict[str, dict[str, Stratum]] = Field(default_factory=dict)


class Provenance(_Frozen):
    """Where the labels came from; nothing here is checked on use."""

    data: Text
    digest: Text
    rows: Count
    reference: Text = ""
    declared: Text = ""
    thresholds: Text = ""
    seed: int = 0
    made_with: Text = ""


class Held(_Frozen):
    """A group for which nothing was shown; `accepted_by` names who signs for releasing it all the same."""

    column: Text
    value: Text
    why: Text
    accepted_by: Text = ""


class Attempt(_Frozen):
    """Which attempt at a gate for these questions it was; all of them together may use delta, and no one all of it."""

    number: Annotated[int, Field(strict=True, ge=1)]
    level: Share  # what this one might use of delta
    spent: Share  # what all so far have used
    test: Text = ""  # the digest of what was tested: the same again is the same attempt


def level_of(delta: float, number: int) -> float:
    """What the attempt of this number may use of delta: its shares of all numbers sum to one (Euler 1735)."""
    return delta * 6 / (math.pi * number) ** 2


class Gate(_Frozen):
    """What is signed."""

    issued_at: AwareDatetime
    expires_at: AwareDatetime
    placements: tuple[Text, ...]
    judge: JudgeIdentity
    rubric_id: Text
    rubric_digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    loss: Loss
    scale: ScoreScale
    alpha: Annotated[float, Field(gt=0, lt=1)]
    delta: Annotated[float, Field(gt=0, lt=1)]
    confidence: Literal["least", "mean", "none"]
    prompts: dict[str, PromptGate]
    held: tuple[Held, ...] = ()
    boundaries: tuple[float, ...] = ()  # points near which a person decides
    margin: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    audit_share: Annotated[float, Field(ge=0.05, le=1)] = 0.05
    attempt: Attempt | None = None
    provenance: Provenance

    @property
    def releases(self) -> bool:
        """Whether any prompt has a threshold."""
        return any(one.threshold is not None for one in self.prompts.values())

    @property
    def attempt_problem(self) -> str | None:
        """Why the attempt that it was can't be believed, or None."""
        if self.attempt is None:
            return "The gate does not say which attempt it is; calibrate anew."
        allowed = level_of(self.delta, self.attempt.number) * (1 + 1e-9)
        used = [self.attempt.level, *(one.level or 0 for one in self.prompts.values())]
        return "The gate was tested at more than its attempt may use; calibrate anew." if max(used) > allowed else None


class SignedGate(_Frozen):
    """A gate file as it lies on disk."""

    schema_version: Annotated[Literal["atelier-gate/1"], Field(alias="schema")] = "atelier-gate/1"
    gate: Gate
    key: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    signature: Annotated[str, Field(max_length=200)]

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


def canonical(gate: Gate) -> bytes:
    """The bytes that are signed."""
    said = gate.model_dump(mode="json")
    # What files did not say at first is signed where it is said, so that the older signatures hold.
    for part, name in ((said, "attempt"), *((one, "missing") for one in said["prompts"].values())):
        if part[name] is None:
            del part[name]
    body = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return f"{SCHEMA}\n{body}".encode()


def sign(gate: Gate, private: Ed25519PrivateKey) -> str:
    """The text of a signed gate file."""
    public = private.public_key()
    signature = base64.b64encode(private.sign(canonical(gate))).decode("ascii")
    signed = SignedGate(gate=gate, key=key_digest(public), signature=signature)
    return json.dumps(signed.model_dump(mode="json", by_alias=True), ensure_ascii=False, indent=2) + "\n"


def read_gate_file(text: str) -> SignedGate:
    """A gate file; GateFileError where it is none. Nothing is believed of it before `verify`."""
    if len(text) > LARGEST_FILE:
        raise GateFileError("This is too large for a gate file.")
    try:
        content = json.loads(text, object_pairs_hook=_once, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise GateFileError("This is no gate file: it is not JSON.") from None
    if not isinstance(content, dict) or not str(content.get("schema", "")).startswith("atelier-gate/"):
        raise GateFileError("This is no gate file.")
    if content["schema"] != SCHEMA:
        raise GateFileError(f"This gate file has the format {str(content['schema'])[:40]}; this tool reads {SCHEMA}.")
    try:
        return SignedGate.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part)[:60] for part in first["loc"])
        raise GateFileError(f"This gate file can't be read: {where}: {first['msg']}.") from None


def verify(signed: SignedGate, public: Ed25519PublicKey) -> None:
    """GateFileError unless this key signed exactly this gate."""
    try:
        signature = base64.b64decode(signed.signature, validate=True)
        public.verify(signature, canonical(signed.gate))
    except (ValueError, InvalidSignature):
        raise GateFileError("The gate file's signature does not hold: the file was changed after signing.") from None


def placement_digest(issuer: str, client_id: str, deployment: str, resource_link: str) -> str:
    """The name of a placement that a gate file is written for: the same wherever it is worked out."""
    named = json.dumps([issuer, client_id, deployment, resource_link], ensure_ascii=False, separators=(",", ":"))
    return "p-" + hashlib.sha256(named.encode("utf-8", "surrogatepass")).hexdigest()[:24]


def file_digest(text: str) -> str:
    """SHA-256 (hex) of a file's text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


# ---- keys ------------------------------------------------------------------------------------------------------


def key_digest(public: Ed25519PublicKey) -> str:
    """SHA-256 (hex) of a public key's 32 bytes: how a file says who signed it."""
    return hashlib.sha256(public.public_bytes_raw()).hexdigest()


def public_line(public: Ed25519PublicKey, name: str) -> str:
    """A public key as one line that can be pasted: the word, the key in Base64, whose it is."""
    return f"{KEY_WORD} {base64.b64encode(public.public_bytes_raw()).decode('ascii')} {name}".rstrip()


def read_public_line(text: str) -> tuple[Ed25519PublicKey, str]:
    """A public key and whose it is, from such a line; GateFileError where it is none."""
    word, _, rest = text.strip().partition(" ")
    encoded, _, name = rest.strip().partition(" ")
    try:
        raw = base64.b64decode(encoded, validate=True)
    except ValueError:
        raw = b""
    if word != KEY_WORD or len(raw) != KEY_BYTES:
        raise GateFileError(f"This is no public gate key; it is one line that begins with {KEY_WORD}.")
    return Ed25519PublicKey.from_public_bytes(raw), " ".join(name.split())[:255]


def utc(moment: datetime) -> datetime:
    """A moment in UTC, to the second: a file names no fractions."""
    return moment.astimezone(UTC).replace(microsecond=0)


def _once(pairs: list[tuple[str, Any]]) -> Mapping[str, Any]:
    # Of two values under one key readers may believe either; here none is believed.
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _refuse_constant(name: str) -> float:
    raise ValueError(name)

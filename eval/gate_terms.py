"""Where, for whom and until when a calibration holds: what makes it a gate file, and its signature."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path

from pydantic import ValidationError

from eval.errors import EvalError
from eval.gate_run import Calibration, rubric_of
from eval.signing import read_key
from rubrics.gate_file import Gate, JudgeIdentity, Provenance, sign, utc

LONGEST_DAYS = 400


@dataclass(frozen=True)
class Terms:
    """What a gate file is written for."""

    judge: Path | None
    rubric: str | None
    key: Path | None
    placements: tuple[str, ...]
    days: float
    boundaries: tuple[float, ...] = ()
    margin: float = 0.0
    audit_share: float = 0.05


def gate_of(found: Calibration, terms: Terms, now: datetime | None = None) -> Gate:
    """The gate that a calibration allows on these terms; EvalError names the term that is missing."""
    told, issued = found.responses, utc(now or datetime.now(UTC))
    judge = told.judge if terms.judge is None else read_judge(terms.judge)
    rubric = told.rubric if terms.rubric is None else _named(terms.rubric)
    if judge is None or rubric is None or not terms.placements:
        raise EvalError("a gate file needs --judge, --rubric and --placement")
    if told.judge is not None and (differs := judge.difference(told.judge)):
        raise EvalError(f"{terms.judge} does not say who judged the run: {differs}")
    # What nobody signs for closes the gate: no tool can tell who belongs to the group.
    why = "; ".join(f"{one.column} {one.value}: {one.why}" for one in found.blocking)
    closed = {"threshold": None, "why": f"Nobody signs for {why}."}
    prompts = {name: gate.model_copy(update=closed) if why else gate for name, gate in found.prompts.items()}
    return Gate(
        issued_at=issued,
        expires_at=issued + timedelta(days=min(terms.days, LONGEST_DAYS)),
        placements=terms.placements,
        judge=judge,
        rubric_id=rubric[0],
        rubric_digest=rubric[1],
        loss=found.declared.loss,
        scale=found.responses.scale,
        alpha=found.declared.promise.alpha,
        delta=found.declared.promise.delta,
        confidence=found.responses.rule,
        prompts=prompts,
        held=found.held,
        boundaries=terms.boundaries,
        margin=terms.margin,
        audit_share=terms.audit_share,
        attempt=found.attempt,
        provenance=Provenance(
            data=found.responses.name,
            digest=found.responses.digest,
            rows=len(found.responses.rows),
            reference=found.responses.reference,
            declared=f"{found.declared.declared_at} {found.declared.digest}",
            thresholds="even shares of the confidences, labelled or not",
            made_with=f"atelier {version('atelier')}",
        ),
    )


def _named(rubric: str) -> tuple[str, str]:
    found = rubric_of(rubric)
    return found.id, found.content_hash


def signed_gate(found: Calibration, terms: Terms, passphrase: str | None = None) -> str:
    """The text of the signed file."""
    if terms.key is None:
        raise EvalError("a gate file is signed: name the key with --key, or make one with atelier eval gate-key")
    key = read_key(terms.key, passphrase)
    try:
        return sign(gate_of(found, terms), key)
    except ValidationError as error:
        first = error.errors()[0]
        raise EvalError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def read_judge(path: Path) -> JudgeIdentity:
    """Which judge was measured, from JSON with name, version, model and prompt_hash; other keys are passed over."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        said = said.get("judge", said) if isinstance(said, dict) else said
        return JudgeIdentity.model_validate({name: said[name] for name in JudgeIdentity.model_fields if name in said})
    except OSError as error:
        raise EvalError(f"{path} can't be read: {error.strerror}") from None
    except (ValueError, TypeError):
        names = ", ".join(name for name, field in JudgeIdentity.model_fields.items() if field.is_required())
        raise EvalError(f"{path.name} does not say which judge was measured; it needs {names}") from None

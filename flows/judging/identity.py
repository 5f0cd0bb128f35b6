"""Which judge it was, as a gate file names it."""

import hashlib
import json
from collections.abc import Collection

from flows.judging.judge import Judge, is_panel
from rubrics.gate_file import JudgeIdentity


def identity_of(judge: Judge, answered: Collection[str] = ()) -> JudgeIdentity:
    """A judge with the models that answered, where that is known; else with those it would ask."""
    asked = [reader.judge.model for reader in judge.readers] if is_panel(judge) else [judge.model]
    parameters = json.dumps(dict(judge.parameters), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return JudgeIdentity(
        name=judge.name,
        version=judge.version,
        model="+".join(sorted(set(answered) or set(asked))),
        prompt_hash=judge.prompt_hash,
        parameters=hashlib.sha256(parameters.encode("utf-8", "surrogatepass")).hexdigest(),
    )

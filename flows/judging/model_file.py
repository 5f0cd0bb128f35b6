"""A fitted judge in one file: a zip of one JSON header and plain arrays of numbers. Nothing in it can be run.

The header says of every array its shape and SHA-256; what is torn, altered, swollen or from elsewhere is refused with
a sentence. The file holds words of the texts it was made from, so that only its owner may read it.
"""

import hashlib
import io
import json
import os
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from flows.judging.familiar import SHARES, Familiar
from flows.judging.kernel_ridge import Array
from flows.judging.text_space import ALL_NAMES, Meaning, Space, Vocabulary
from flows.judging.training import Anchors, Model, Prior, Scale, Trained

FORMAT = "atelier-trained-judge"
VERSION = 1
HEADER = "judge.json"
LARGEST = 100 * 1024 * 1024
UNPACKED = 4 * LARGEST
STAMP = (1980, 1, 1, 0, 0, 0)  # the same judge is the same file
NUMBER = np.dtype("<f8")
PARTS = ("alpha", "linear", "words", "chars", "predictions", "residuals")

Finite = Annotated[float, Field(allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]


class ModelFileProblem(ValueError):
    """A file that holds no judge that can be used; the message says why."""


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _ArrayRow(_Row):
    shape: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1, max_length=2)]
    sha256: str


class _ScaleRow(_Row):
    low: Finite
    high: Finite
    step: Annotated[Finite, Field(gt=0)]
    declared: bool


class _ModelRow(_Row):
    scale: _ScaleRow
    stretch: Finite
    mean: Finite
    intercept: Finite
    slope: Finite
    labels: Count
    kappa: tuple[Finite, Finite, Finite] | None


class _FamiliarRow(_Row):
    texts: Count
    words: dict[str, Count]
    pairs: dict[str, Count]
    topical: tuple[str, ...]
    lowest: Finite


class _PriorRow(_Row):
    mean: Finite
    sd: Finite


class _Header(_Row):
    format: Literal["atelier-trained-judge"]
    version: Literal[1]
    features: tuple[str, ...]
    words: tuple[str, ...]
    chars: tuple[str, ...]
    familiar: _FamiliarRow
    meaning_scale: Annotated[Finite, Field(gt=0)]
    models: Annotated[dict[str, _ModelRow], Field(min_length=1)]
    prior: _PriorRow | None
    data: str
    arrays: dict[str, _ArrayRow]


# ---- writing -------------------------------------------------------------------------------------------------


def save(trained: Trained, path: Path) -> str:
    """Write a judge; returns the file's digest. The file is whole or not there. OSError where it cannot be written."""
    space, familiar = trained.space, trained.space.familiar
    arrays: dict[str, Array] = {
        "space.mean": space.mean,
        "space.sd": space.sd,
        "space.words": space.words.idf,
        "space.chars": space.chars.idf,
        "meaning.components": space.meaning.components,
        "meaning.columns": space.meaning.columns.astype(np.float64),
        "meaning.mean": space.meaning.mean,
        "familiar.mean": familiar.mean,
        "familiar.sd": familiar.sd,
        "anchors.hand": trained.anchors.hand,
        "anchors.meaning": trained.anchors.meaning,
    }
    for name, model in trained.models.items():
        arrays |= {f"model.{name}.{part}": getattr(model, part) for part in PARTS}
    if trained.prior is not None:
        arrays["prior"] = trained.prior.weights
    packed = {name: np.ascontiguousarray(array, dtype=NUMBER).tobytes() for name, array in arrays.items()}
    header = {
        "format": FORMAT,
        "version": VERSION,
        "features": list(ALL_NAMES),
        "words": list(space.words.terms),
        "chars": list(space.chars.terms),
        "familiar": {
            "texts": familiar.texts,
            "words": dict(familiar.words),
            "pairs": dict(familiar.pairs),
            "topical": list(familiar.topical),
            "lowest": familiar.lowest,
        },
        "meaning_scale": space.meaning.scale,
        "models": {name: _described(model) for name, model in trained.models.items()},
        "prior": None if trained.prior is None else {"mean": trained.prior.mean, "sd": trained.prior.sd},
        "data": trained.data_digest,
        "arrays": {
            name: {"shape": list(arrays[name].shape), "sha256": hashlib.sha256(content).hexdigest()}
            for name, content in packed.items()
        },
    }
    content = _zipped({HEADER: json.dumps(header, sort_keys=True, allow_nan=False).encode()} | packed)
    _write_whole(path, content)
    return hashlib.sha256(content).hexdigest()


def _described(model: Model) -> dict[str, Any]:
    scale = model.scale
    return {
        "scale": {"low": scale.low, "high": scale.high, "step": scale.step, "declared": scale.declared},
        "kappa": None if model.kappa is None else list(model.kappa),
    } | {name: getattr(model, name) for name in ("stretch", "mean", "intercept", "slope", "labels")}


def _zipped(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(name, STAMP), files[name], zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _write_whole(path: Path, content: bytes) -> None:
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        try:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            os.replace(file.name, path)
        except BaseException:
            os.unlink(file.name)
            raise


# ---- reading -------------------------------------------------------------------------------------------------


def load(path: Path) -> tuple[Trained, str]:
    """The judge in a file, and the file's digest. ModelFileProblem says why it cannot be used."""
    try:
        if path.stat().st_size > LARGEST:
            raise ModelFileProblem(f"{path} is too large to be a trained judge.")
        content = path.read_bytes()
    except OSError as error:
        raise ModelFileProblem(f"{path} cannot be read: {(error.strerror or 'no such file').lower()}.") from None
    try:
        files = _unzipped(content)
        trained = _trained(_Header.model_validate_json(files[HEADER]), files)
    except ModelFileProblem as problem:
        raise ModelFileProblem(f"{path} {problem}") from None
    except ValidationError as error:
        key = ".".join(map(str, error.errors(include_url=False, include_input=False)[0]["loc"][:3]))
        raise ModelFileProblem(
            f"{path} is no trained judge of this version (its {key or 'header'} cannot be read); train it again."
        ) from None
    except Exception as error:  # a torn or foreign file can fail in any way
        raise ModelFileProblem(f"{path} is no trained judge, or is damaged ({type(error).__name__}).") from None
    return trained, hashlib.sha256(content).hexdigest()


def _unzipped(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        # What an entry says of its size holds: zipfile reads no further, and compares checksums.
        if sum(entry.file_size for entry in archive.infolist()) > UNPACKED:
            raise ModelFileProblem("unpacks to more than a trained judge can be.")
        return {name: archive.read(name) for name in archive.namelist()}


def _trained(header: _Header, files: Mapping[str, bytes]) -> Trained:
    if header.features != ALL_NAMES:
        raise ModelFileProblem("was trained by another version of this program; train it again.")
    arrays = {name: _array(name, row, files[name]) for name, row in header.arrays.items()}
    wide = (len(ALL_NAMES),)
    space = Space(
        _shaped(arrays["space.mean"], wide),
        _shaped(arrays["space.sd"], wide),
        Vocabulary("word", header.words, _shaped(arrays["space.words"], (len(header.words),))),
        Vocabulary("char", header.chars, _shaped(arrays["space.chars"], (len(header.chars),))),
        _meaning(header, arrays),
        Familiar(
            mean=_shaped(arrays["familiar.mean"], (len(SHARES),)),
            sd=_shaped(arrays["familiar.sd"], (len(SHARES),)),
            **dict(header.familiar),
        ),
    )
    count, directions = len(arrays["anchors.hand"]), len(space.meaning.components)
    anchors = Anchors(
        _shaped(arrays["anchors.hand"], (count, *wide)), _shaped(arrays["anchors.meaning"], (count, directions))
    )
    row = header.prior
    prior = None if row is None else Prior(_shaped(arrays["prior"], wide), row.mean, row.sd)
    models = {name: _model(name, row, arrays, space, count) for name, row in header.models.items()}
    return Trained(space, anchors, models, prior, header.data)


def _meaning(header: _Header, arrays: Mapping[str, Array]) -> Meaning:
    components, columns = arrays["meaning.components"], arrays["meaning.columns"]
    places = _shaped(columns, (len(columns),)).astype(np.int64)
    if ((places < 0) | (places >= len(header.words))).any():
        raise ModelFileProblem("cannot be used: its parts do not fit together.")
    return Meaning(
        _shaped(components, (len(components), len(places))),
        places,
        _shaped(arrays["meaning.mean"], (len(components),)),
        header.meaning_scale,
    )


def _array(name: str, row: _ArrayRow, content: bytes) -> Array:
    if hashlib.sha256(content).hexdigest() != row.sha256:
        raise ModelFileProblem(f"was altered: {name} is not what it was when it was saved.")
    array = np.frombuffer(content, dtype=NUMBER).reshape(row.shape)
    if not np.isfinite(array).all():
        raise ModelFileProblem(f"cannot be used: {name} holds something that is no number.")
    return array


def _shaped(array: Array, shape: tuple[int, ...]) -> Array:
    if array.shape != shape:
        raise ModelFileProblem("cannot be used: its parts do not fit together.")
    return array


def _model(name: str, row: _ModelRow, arrays: Mapping[str, Array], space: Space, anchors: int) -> Model:
    shapes = {
        "alpha": anchors,
        "linear": len(ALL_NAMES),
        "words": len(space.words.terms),
        "chars": len(space.chars.terms),
        "predictions": row.labels,
        "residuals": row.labels,
    }
    kept: dict[str, Any] = {part: _shaped(arrays[f"model.{name}.{part}"], (shapes[part],)) for part in PARTS}
    return Model(**{**dict(row), "scale": Scale(**dict(row.scale))}, **kept)

"""A fitted judge in one file: a zip of one JSON header and plain arrays. Nothing in it can be run.

The header carries the SHA-256 of every array; what is torn, altered or from elsewhere is refused with a sentence.
"""

import hashlib
import io
import json
import os
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from flows.judging.features import NAMES
from flows.judging.kernel_ridge import Array
from flows.judging.training import Model, Prior, Scale, Space, Trained, Vocabulary

FORMAT = "atelier-trained-judge"
VERSION = 1
HEADER = "judge.json"
LARGEST = 200 * 1024 * 1024
STAMP = (1980, 1, 1, 0, 0, 0)  # the same judge is the same file
ARRAYS = ("alpha", "linear", "words", "chars", "residuals", "predictions")


class ModelFileProblem(ValueError):
    """A file that holds no judge that can be used; the message says why."""


def save(trained: Trained, path: Path) -> str:
    """Write a judge; returns the file's digest. The file is whole or not there."""
    arrays: dict[str, Array] = {
        "space.mean": trained.space.mean,
        "space.sd": trained.space.sd,
        "space.words": trained.space.words.idf,
        "space.chars": trained.space.chars.idf,
        "anchors": trained.anchors,
    }
    for name, model in trained.models.items():
        arrays |= {f"model.{name}.{part}": getattr(model, part) for part in ARRAYS}
    if trained.prior is not None:
        arrays["prior"] = trained.prior.weights
    packed = {name: _packed(array) for name, array in arrays.items()}
    header = {
        "format": FORMAT,
        "version": VERSION,
        "features": list(NAMES),
        "terms": {"words": list(trained.space.words.terms), "chars": list(trained.space.chars.terms)},
        "models": {name: _described(model) for name, model in trained.models.items()},
        "prior": None if trained.prior is None else {"mean": trained.prior.mean, "sd": trained.prior.sd},
        "guards": dict(trained.guards),
        "data": trained.data_digest,
        "arrays": {name: hashlib.sha256(content).hexdigest() for name, content in packed.items()},
    }
    content = _zipped({HEADER: json.dumps(header, sort_keys=True, ensure_ascii=False).encode()} | packed)
    _write_whole(path, content)
    return hashlib.sha256(content).hexdigest()


def _packed(array: Array) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.asarray(array, dtype="<f8"), allow_pickle=False)
    return buffer.getvalue()


def _described(model: Model) -> dict[str, Any]:
    numbers = ("stretch", "mean", "intercept", "slope", "labels", "kappa")
    return {name: getattr(model, name) for name in numbers} | {
        "scale": [model.scale.low, model.scale.high, model.scale.step]
    }


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
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > 4 * LARGEST:
                raise ModelFileProblem(f"{path} unpacks to more than a trained judge can be.")
            files = {name: archive.read(name) for name in archive.namelist()}
        trained = _trained(json.loads(files[HEADER]), files)
    except ModelFileProblem:
        raise
    except Exception as error:  # a torn or foreign file can fail in any way
        raise ModelFileProblem(f"{path} is no trained judge, or is damaged ({type(error).__name__}).") from None
    return trained, hashlib.sha256(content).hexdigest()


def _trained(header: dict[str, Any], files: Mapping[str, bytes]) -> Trained:
    if header["format"] != FORMAT or header["version"] != VERSION or tuple(header["features"]) != NAMES:
        raise ModelFileProblem("The judge was trained by another version of this program; train it again.")
    arrays = {}
    for name, digest in header["arrays"].items():
        if hashlib.sha256(files[name]).hexdigest() != digest:
            raise ModelFileProblem(f"The judge's file was altered: {name} is not what it was when it was saved.")
        arrays[name] = np.load(io.BytesIO(files[name]), allow_pickle=False)
    space = Space(
        arrays["space.mean"],
        arrays["space.sd"],
        Vocabulary("word", tuple(header["terms"]["words"]), arrays["space.words"]),
        Vocabulary("char", tuple(header["terms"]["chars"]), arrays["space.chars"]),
    )
    models = {name: _model(name, row, arrays) for name, row in header["models"].items()}
    prior = header["prior"] and Prior(arrays["prior"], header["prior"]["mean"], header["prior"]["sd"])
    return Trained(space, arrays["anchors"], models, prior, header["guards"], header["data"])


def _model(name: str, row: dict[str, Any], arrays: Mapping[str, Array]) -> Model:
    kept: dict[str, Any] = {part: arrays[f"model.{name}.{part}"] for part in ARRAYS}
    return Model(scale=Scale(*row.pop("scale")), **row, **kept)

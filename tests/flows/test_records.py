"""Records of results: what was put down comes back, and nothing that is damaged or somebody else's is believed."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.records import BadRecord, SealedRecords
from lti_tool.settings import Settings

NAME, CONTENT = "f" * 64, b'{"result": "a receipt", "metadata": {}}'


def records(location: object, secret: str = "a secret " * 5) -> SealedRecords:
    return SealedRecords.of(Settings(result_storage=location, secret_key=secret))


@pytest.fixture(params=["folder", "shared"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> SealedRecords:
    return records(tmp_path / "results" if request.param == "folder" else f"memory://{tmp_path.name}")


def test_what_was_put_down_comes_back(store: SealedRecords) -> None:
    asyncio.run(store.awrite_path(NAME, CONTENT))
    assert asyncio.run(store.aread_path(NAME)) == CONTENT
    store.write_path(NAME, CONTENT + b" ")
    assert store.read_path(NAME) == CONTENT + b" "


def test_what_is_not_there_is_an_error_of_its_own(store: SealedRecords) -> None:
    with pytest.raises((OSError, ValueError)):
        asyncio.run(store.aread_path(NAME))


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda whole: b"",
    "torn after the seal": lambda whole: whole.partition(b"\n")[0] + b"\n",
    "torn within the seal": lambda whole: whole[:40],
    "cut short by one byte": lambda whole: whole[:-1],
    "one byte added": lambda whole: whole + b"\n",
    "one byte altered": lambda whole: whole.replace(b"receipt", b"reseipt"),
    "filled with zeros, as after a power cut": lambda whole: bytes(len(whole)),
    "without its seal": lambda whole: whole.partition(b"\n")[2],
    "another seal of its own": lambda whole: whole.replace(b"atelier-record-1", b"atelier-record-2"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_record_is_not_believed(tmp_path: Path, damage: str) -> None:
    store = records(tmp_path)
    store.write_path(NAME, CONTENT)
    file = tmp_path / NAME
    whole = file.read_bytes()
    file.write_bytes(DAMAGE[damage](whole))
    assert file.read_bytes() != whole
    with pytest.raises(BadRecord):
        asyncio.run(store.aread_path(NAME))


def test_a_record_under_another_name_is_not_believed(tmp_path: Path) -> None:
    store = records(tmp_path)
    store.write_path(NAME, CONTENT)
    (tmp_path / NAME).rename(tmp_path / ("e" * 64))
    with pytest.raises(BadRecord):
        store.read_path("e" * 64)


def test_a_record_of_another_installation_is_not_believed(tmp_path: Path) -> None:
    records(tmp_path, secret="theirs " * 6).write_path(NAME, CONTENT)
    with pytest.raises(BadRecord):
        records(tmp_path).read_path(NAME)


def test_a_record_is_never_half_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is full when a record is written over an older one: the older one stays whole."""
    store = records(tmp_path)
    store.write_path(NAME, CONTENT)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("flows.records.os.replace", full)
    with pytest.raises(OSError):
        store.write_path(NAME, CONTENT * 2)
    assert store.read_path(NAME) == CONTENT


@pytest.mark.parametrize("name", ["../outside", "a/b", "", "..", "/etc/passwd"])
def test_a_name_leads_nowhere_else(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadRecord):
        records(tmp_path / "results").write_path(name, CONTENT)
    assert list(tmp_path.rglob("*")) == [tmp_path / "results"]

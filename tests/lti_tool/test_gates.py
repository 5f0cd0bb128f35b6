"""A gate file is checked on every use: whatever differs from what was measured closes it, with a sentence."""

import json
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import func, select

from lti_tool.db import utc_now
from lti_tool.gate_keys import GateKeyProblem, add_gate_key, list_gate_keys, public_key, remove_gate_key
from lti_tool.gates import (
    NONE_INSTALLED,
    GateProblem,
    believed,
    close_gate,
    gate_status,
    install,
    newest_gate,
    placement_of,
)
from lti_tool.jobs import enqueue_calibration
from lti_tool.lessons import lesson_here, rubric_for
from lti_tool.models import Audit, CalibrationRun, GateEvent, InstalledGate, Submission
from rubrics.gate_file import Held, PromptGate, key_digest, utc
from rubrics.losses import Loss, ScoreScale
from tests.lti_tool.gate_files import JUDGE, KEY, LINE, RUBRIC, attempt, gate_file, gate_of, register_key
from tests.lti_tool.judged import all_at, judge_as

CLOSED = PromptGate(threshold=None, why="Not shown.", labelled=400)


@pytest.fixture
def installed(world) -> int:
    """The id of a gate on the bundled lesson's placement."""
    with world.database.write() as session:
        register_key(session)
        return install(session, world.placement(session), gate_file(world.placement(session)), "ines-01").id


def essay(session, world):
    """How the essay's gate stands."""
    return next(one for one in gate_status(session, world.placement(session)) if one.item_id == "essay")


def refused(world, text: str | None = None, **changed: Any) -> str:
    """Why a file can't be installed."""
    with world.database.write() as session:
        register_key(session)
        link = world.placement(session)
        with pytest.raises(GateProblem) as told:
            install(session, link, gate_file(link, **changed) if text is None else text)
        assert session.scalar(select(func.count()).select_from(InstalledGate)) == 0
        return str(told.value)


# ---- installing --------------------------------------------------------------------------------------------------


def test_an_installed_gate_says_what_it_does(either_world) -> None:
    world = either_world
    with world.database.write() as session:
        register_key(session)
        link = world.placement(session)
        row = install(session, link, gate_file(link), "ines-01")
        status = essay(session, world)
        assert (status.open, status.gate_id, status.by) == (True, row.id, "ines-01")
        until = utc(utc_now()) + timedelta(days=30)
        assert status.sentence == (
            "Releases about 50% of sheets unseen, those at confidence 0.8 or above. "
            f"Of these at most 10% are off by 10 or more; that is 90% sure. Holds until {until:%Y-%m-%d}."
        )
        others = [one for one in gate_status(session, link) if one.item_id != "essay"]
        assert others
        assert all(not one.open and one.sentence == NONE_INSTALLED for one in others)
        assert "installed" in session.scalars(select(Audit.code)).all()


def test_the_same_file_twice_is_one_gate_and_a_newer_one_counts(world, installed) -> None:
    with world.database.write() as session:
        link = world.placement(session)
        text = session.get_one(InstalledGate, installed).file
        assert install(session, link, text).id == installed
        newer = install(session, link, gate_file(link, alpha=0.05))
        assert newer.id != installed
        assert newest_gate(session, link, RUBRIC).id == newer.id


def test_an_attempt_that_was_made_before_counts_against_the_next(world) -> None:
    with world.database.write() as session:
        register_key(session)
        link = world.placement(session)
        install(session, link, gate_file(link, attempt=attempt(2)))
        with pytest.raises(GateProblem, match=r"attempt 2, but 2 are known here .* --attempt 3"):
            install(session, link, gate_file(link, attempt=attempt(2, "with more labels")))
        install(session, link, gate_file(link, attempt=attempt(3, "with more labels")))


def test_what_was_tried_on_the_calibration_page_counts_too(world) -> None:
    with world.database.write() as session:
        register_key(session)
        link = world.placement(session)
        version, _ = rubric_for(session, lesson_here(session, link).version, RUBRIC)
        for number in (1, 2):
            session.add(
                CalibrationRun(
                    resource_link_id=link.id,
                    item_id="essay",
                    rubric_version_id=version.id,
                    job_id=enqueue_calibration(session, f"run {number}").id,
                    by="ines-01",
                    result={"attempt": attempt(number, f"run {number}").model_dump(mode="json")},
                    finished_at=utc_now(),
                )
            )
            session.flush()
        with pytest.raises(GateProblem, match="--attempt 3"):
            install(session, link, gate_file(link, attempt=attempt(1, "of the researcher")))
        install(session, link, gate_file(link, attempt=attempt(3, "of the researcher")))


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"attempt": None}, "does not say which attempt it is"),
        ({"attempt": attempt(4).model_copy(update={"level": 0.1})}, "tested at more than its attempt may use"),
        ({"placements": ("p-another",)}, "for another placement"),
        ({"placements": ()}, "for another placement"),
        ({"expires_at": utc(utc_now()) - timedelta(seconds=1)}, "expired on"),
        ({"issued_at": utc(utc_now()) + timedelta(days=1)}, "from the future"),
        ({"rubric_id": "some-other"}, "no rubric some-other"),
        ({"rubric_digest": "0" * 64}, "rubric has changed"),
        ({"prompts": {"poem": PromptGate(threshold=0.5, labelled=9)}}, "speaks of poem; this lesson asks essay"),
        ({"prompts": {"essay": CLOSED}}, "releases nothing. Not shown."),
        ({"prompts": {}}, "releases nothing"),
        ({"scale": ScoreScale(minimum=1, maximum=6, step=1)}, "scores from 1 to 6, not of points"),
        ({"loss": Loss.named("outside")}, "compares with two people"),
    ],
)
def test_what_would_release_nothing_here_is_not_installed(world, changed: dict[str, Any], sentence: str) -> None:
    assert sentence in refused(world, **changed)


def test_only_a_registered_key_is_believed(world) -> None:
    assert "No admin has registered the key" in refused(world, key=Ed25519PrivateKey.generate())
    assert "This is no gate file" in refused(world, "{}")


def test_a_changed_file_is_refused(world) -> None:
    with world.database.read() as session:
        text = gate_file(world.placement(session))
    content = json.loads(text)
    content["gate"]["prompts"]["essay"]["threshold"] = 0.1
    assert "changed after signing" in refused(world, json.dumps(content))


def test_a_gate_for_one_placement_does_not_fit_another(world, installed) -> None:
    with world.database.write() as session:
        first, second = world.placement(session), world.tiny(session)
        assert placement_of(first) != placement_of(second)
        with pytest.raises(GateProblem, match="for another placement"):
            install(session, second, gate_file(first))


# ---- on every use ------------------------------------------------------------------------------------------------


def test_an_installed_gate_is_believed_until_it_expires(world, installed) -> None:
    with world.database.read() as session:
        row = session.get_one(InstalledGate, installed)
        gate = believed(session, row)
        same = {name: getattr(gate, name) for name in ("issued_at", "expires_at", "attempt")}
        assert gate == gate_of(world.placement(session), **same)
        believed(session, row, gate.expires_at - timedelta(seconds=1))
        with pytest.raises(GateProblem, match="expired on"):
            believed(session, row, gate.expires_at)


def test_a_removed_key_closes_what_it_signed_and_lets_it_in_again(either_world) -> None:
    world = either_world
    with world.database.write() as session:
        key = register_key(session)
        link = world.placement(session)
        row = install(session, link, gate_file(link))
        remove_gate_key(session, key.id)
        with pytest.raises(GateProblem, match="or it was removed"):
            believed(session, row)
        assert "or it was removed" in essay(session, world).sentence
        register_key(session)
        assert believed(session, row)


def test_a_row_that_was_tampered_with_is_not_believed(world, installed) -> None:
    with world.database.write() as session:
        row = session.get_one(InstalledGate, installed)
        forged = row.file.replace('"threshold": 0.8', '"threshold": 0.1')
        assert forged != row.file
        copy = InstalledGate(
            resource_link_id=row.resource_link_id, rubric_id=row.rubric_id, file=forged, file_digest="x"
        )
        session.add(copy)
        session.flush()
        with pytest.raises(GateProblem, match="changed after signing"):
            believed(session, copy)
        assert not essay(session, world).open


def test_a_placement_that_became_another_closes_it(world, installed) -> None:
    with world.database.write() as session:
        link = world.placement(session)
        link.lms_id = "copied"
        session.flush()
        with pytest.raises(GateProblem, match="another placement"):
            believed(session, session.get_one(InstalledGate, installed))


def test_another_judge_closes_it_on_the_page_too(world, installed, submission) -> None:
    with world.database.write() as session:
        sent = session.get_one(Submission, submission.id)
        judge_as(session, sent, all_at(sent, 3), identity=JUDGE.model_dump() | {"version": "2"})
        status = essay(session, world)
        assert not status.open
        assert status.sentence == "The gate is for another judge: checklist 2 judged, checklist 1 was measured."


def test_a_group_that_nobody_signed_for_keeps_it_closed(world) -> None:
    with world.database.write() as session:
        register_key(session)
        link = world.placement(session)
        install(session, link, gate_file(link, held=(Held(column="language", value="es", why="few"),)))
        assert essay(session, world).sentence == "Nothing was shown for language es, and nobody signed for it."


# ---- closing -----------------------------------------------------------------------------------------------------


def test_a_closed_gate_stays_closed_and_says_why(either_world) -> None:
    world = either_world
    with world.database.write() as session:
        register_key(session)
        link = world.placement(session)
        row = install(session, link, gate_file(link))
        close_gate(session, row, "The exam is over.", by="ines-01")
        close_gate(session, row, "Something else.")
        assert session.scalar(select(func.count()).select_from(GateEvent)) == 1
        assert essay(session, world).sentence == "The gate is closed. The exam is over."
        with pytest.raises(GateProblem, match=r"was closed and stays so: The exam is over\. Calibrate anew\."):
            install(session, link, row.file)


def test_after_an_alarm_only_a_later_calibration_opens_again(world, installed) -> None:
    with world.database.write() as session:
        link = world.placement(session)
        close_gate(session, session.get_one(InstalledGate, installed), "Too many losses.", alarm=True)
        with pytest.raises(GateProblem, match="calibrated before the alarm of"):
            install(session, link, gate_file(link, alpha=0.2))
        later = utc(utc_now()) + timedelta(seconds=1)
        row = install(session, link, gate_file(link, issued_at=later), now=later)
        assert believed(session, row, later)


# ---- keys --------------------------------------------------------------------------------------------------------


def test_keys_are_added_listed_and_removed(either_world) -> None:
    with either_world.database.write() as session:
        key = add_gate_key(session, LINE)
        assert (key.name, key.digest) == ("R. Searcher", key_digest(KEY.public_key()))
        assert add_gate_key(session, LINE, "Another name").id == key.id
        assert [one.name for one in list_gate_keys(session)] == ["Another name"]
        assert public_key(session, key.digest) is not None
        remove_gate_key(session, key.id)
        assert public_key(session, key.digest) is None
        with pytest.raises(GateKeyProblem, match="There is no gate key"):
            remove_gate_key(session, key.id)


@pytest.mark.parametrize("text", ["", "hello", LINE.rsplit(" ", 2)[0].rsplit(" ", 1)[0]])
def test_what_is_no_key_is_not_registered(world, text: str) -> None:
    with world.database.write() as session, pytest.raises(GateKeyProblem):
        add_gate_key(session, text)


def test_a_key_has_a_name(world) -> None:
    with world.database.write() as session, pytest.raises(GateKeyProblem, match="Say whose key"):
        add_gate_key(session, " ".join(LINE.split()[:2]))

"""What executors take away by themselves: work whose time is over, and the receipts of what was erased."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from flows import retention
from flows.records import SealedRecords
from lti_tool import purging
from lti_tool.attempts import submit
from lti_tool.db import utc_now
from lti_tool.erasing import erase_work
from lti_tool.models import AnswerRow, ForgottenReceipt, RatingRow, ResourceLink, Submission
from tests.lti_tool.judged import all_at, judge_as


@pytest.fixture
def answered(world, sample_texts) -> str:
    """An answer on Ada's work: its fingerprint."""
    with world.database.write() as session:
        sent = submit(session, world.placement(session), world.ada_id, "essay", sample_texts["essay"])
        judge_as(session, sent, all_at(sent, 2))
        mark = session.scalars(select(RatingRow.fingerprint).where(RatingRow.submission_id == sent.id)).first()
        row = AnswerRow(fingerprint=mark, registration_id=world.registration_id, body={}, model="m", usage={})
        session.add(row)
        return mark


def count(world, kind) -> int:
    with world.database.read() as session:
        return session.scalar(select(func.count()).select_from(kind))


def erase(world) -> None:
    with world.database.write() as session:
        erase_work(session, world.placement(session), world.ada_id, by=None)


@pytest.mark.parametrize("where", ["folder", "shared storage"])
def test_the_receipt_of_an_erased_answer_goes_with_it(world, settings, answered, tmp_path, where) -> None:
    if where == "shared storage":
        settings = settings.model_copy(update={"result_storage": f"memory://{tmp_path.name}"})
    store = SealedRecords.of(settings)
    store.write_path(answered, b"a receipt")
    store.write_path("another", b"of somebody else")

    erase(world)
    assert count(world, ForgottenReceipt) == 1
    assert retention.is_due(world.database)
    assert retention.forget(world.database, settings) == 1

    assert count(world, ForgottenReceipt) == 0
    assert not retention.is_due(world.database)
    with pytest.raises(FileNotFoundError):
        store.read_path(answered)
    assert store.read_path("another") == b"of somebody else"


def test_an_answer_that_another_rating_rests_on_keeps_its_receipt(world, answered) -> None:
    with world.database.write() as session:
        sent = submit(session, world.placement(session), world.bo_id, "q1", "Retries only help where a step may fail.")
        session.add(RatingRow(submission_id=sent.id, criterion="hit", fingerprint=answered, level=1))
    erase(world)
    assert (count(world, ForgottenReceipt), count(world, AnswerRow)) == (0, 1)


def test_an_answer_that_nothing_rests_on_goes_after_a_week(either_world, sample_texts) -> None:
    world = either_world
    with world.database.write() as session:
        sent = submit(session, world.placement(session), world.ada_id, "essay", sample_texts["essay"])
        judge_as(session, sent, all_at(sent, 2))
        rated = session.scalars(select(RatingRow.fingerprint)).first()
        # The second came while its learner was erased, or was about to be read when its executor was killed.
        for mark in (rated, "no rating"):
            session.add(
                AnswerRow(fingerprint=mark, registration_id=world.registration_id, body={}, model="m", usage={})
            )
    for days, kept in ((6, {rated, "no rating"}), (8, {rated})):
        now = utc_now() + timedelta(days=days)
        assert purging.anything_due(world.database, now) == (days > 7)
        purging.purge(world.database, now)
        with world.database.read() as session:
            assert set(session.scalars(select(AnswerRow.fingerprint))) == kept
    assert count(world, ForgottenReceipt) == 1


def test_storage_that_is_away_is_asked_again_later(world, answered) -> None:
    erase(world)

    def away(fingerprint: str) -> None:
        raise ConnectionError("the bucket is away")

    with pytest.raises(ConnectionError):
        retention.forget_receipts(world.database, lambda: away)
    assert count(world, ForgottenReceipt) == 1
    assert retention.forget_receipts(world.database, lambda: lambda fingerprint: None) == 1


def test_nothing_runs_where_nothing_is_due_and_what_could_not_run_is_looked_at_soon(world, answered) -> None:
    ran: list[str] = []
    assert retention.look(world.database, lambda: not ran.append("nothing is due")) == retention.EVERY_SECONDS
    assert ran == []
    erase(world)
    assert retention.look(world.database, lambda: False) == retention.SOON_SECONDS
    assert retention.look(world.database, lambda: not ran.append("due")) == retention.EVERY_SECONDS
    assert ran == ["due"]


def test_more_receipts_than_one_read_takes_are_all_forgotten(world, settings, monkeypatch) -> None:
    monkeypatch.setattr(retention, "AT_ONCE", 3)
    with world.database.write() as session:
        session.add_all(ForgottenReceipt(fingerprint=f"mark-{number}") for number in range(8))
    assert retention.forget(world.database, settings) == 8
    assert count(world, ForgottenReceipt) == 0


@pytest.mark.slow
def test_an_executor_erases_by_a_flow_that_prefect_shows(world, executor, answered, monkeypatch) -> None:
    monkeypatch.setattr(purging, "utc_now", lambda: utc_now() + timedelta(days=31))
    with world.database.write() as session:
        session.get_one(ResourceLink, world.resource_link_id).settings = {"retention_days": 30}
    # The executor looks by itself, too, and on a busy machine would do it at the same moment.
    look = retention.look
    monkeypatch.setattr(retention, "look", lambda database, run: retention.EVERY_SECONDS)
    working = executor()
    working.start()
    assert working.wait_until_ready(60)
    assert look(world.database, working._retain) == retention.EVERY_SECONDS
    assert (count(world, Submission), count(world, ForgottenReceipt)) == (0, 0)

    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import FlowFilter, FlowFilterName

    with get_client(sync_client=True) as client:
        runs = client.read_flow_runs(flow_filter=FlowFilter(name=FlowFilterName(any_=["retention"])))
    assert [run.state_name for run in runs] == ["Completed"]


def test_whoever_came_back_meanwhile_stays(world, answered, monkeypatch) -> None:
    with world.database.write() as session:
        session.get_one(ResourceLink, world.resource_link_id).settings = {"retention_days": 30}
    assert retention.erase(world.database) == 0
    assert count(world, Submission) == 1

    later = utc_now() + timedelta(days=31)
    due = purging.due_now(world.database, later)
    assert world.ada_id in {one.person_id for one in due}
    with world.database.write() as session:  # between the list and the erasing they send something
        session.get_one(ResourceLink, world.resource_link_id).settings = {"retention_days": 60}
    assert not any(purging._erase(world.database, one, later) for one in due)
    assert count(world, Submission) == 1

    monkeypatch.setattr(purging, "utc_now", lambda: later + timedelta(days=60))
    assert retention.erase(world.database) == 2  # Ada and Bo were both here
    assert count(world, Submission) == 0

"""What a monitor reads: the ledger in figures, the same from every web process, and nothing of anybody in it."""

from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import event, select, update

from lti_tool import jobs
from lti_tool.attempts import submit
from lti_tool.db import utc_now
from lti_tool.judge_health import count_error, report
from lti_tool.models import AnswerRow, Job, JobEvent, Passback, PassbackTry
from lti_tool.settings import Settings
from lti_tool.web.app import create_app
from tests.lti_tool.judged import all_at, judge_as

SETTINGS = {"secret_key": "s" * 40, "allow_http": True, "rate_limits": "off"}


def figures(client) -> dict[tuple[str, ...], float]:
    """Every sample: its name, then its labels' values in the order of their names."""
    text = client.get("/metrics").get_data(as_text=True)
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.fixture
def client(either_world):
    """A web process on the fresh database."""
    return create_app(Settings(**SETTINGS), either_world.database).test_client()


def sent(world, session, person_id, text="It retries the step. " * 110):
    return submit(session, world.placement(session), person_id, "essay", text)


def test_the_queue_by_kind_lane_and_state(either_world, client) -> None:
    world = either_world
    with world.database.write() as session:
        click = jobs.enqueue_judging(session, sent(world, session, world.ada_id))
        bulk = jobs.enqueue_judging(session, sent(world, session, world.bo_id))
        session.execute(update(Job).where(Job.id == click.id).values(priority=jobs.URGENT))
        old = utc_now() - timedelta(minutes=10)
        gone = {"state": "running", "owner": "x", "tries": 3, "lease_until": old, "priority": 0, "created_at": old}
        session.execute(update(Job).where(Job.id == bulk.id).values(**gone))
    found = figures(client)
    assert found["atelier_jobs", "judge", "interactive", "queued"] == 1
    assert found["atelier_jobs", "judge", "bulk", "running"] == 1
    assert found["atelier_oldest_job_seconds", "judge", "bulk", "running"] == pytest.approx(600, abs=30)
    assert found["atelier_most_tries", "judge", "bulk", "running"] == 3
    assert found["atelier_leases_expired", "judge"] == 1
    assert found["atelier_executors_busy",] == 0


def test_how_long_each_stretch_took_and_which_tries_failed(either_world, client) -> None:
    world = either_world
    with world.database.write() as session:
        job = jobs.enqueue_judging(session, sent(world, session, world.ada_id))
        received = session.scalars(select(JobEvent.at).where(JobEvent.job_id == job.id)).one()
        for stage, after in (("reading", 2), ("waiting", 10), ("judging", 20), ("checking quotes", 31), ("held", 32)):
            session.add(JobEvent(job_id=job.id, stage=stage, at=received + timedelta(seconds=after)))
    found = figures(client)
    assert found["atelier_stage_seconds", "0.95", "waiting"] == pytest.approx(2)
    assert found["atelier_stage_seconds", "0.5", "judging"] == pytest.approx(29)
    assert found["atelier_stage_seconds", "0.5", "scoring"] == pytest.approx(1)
    assert found["atelier_stage_seconds", "0.5", "click to gate"] == pytest.approx(32)
    assert found["atelier_stage_ended", "judging"] == 1
    assert found["atelier_tries_failed", "put back"] == 1


def test_provider_errors_are_counted_up_and_trouble_shows(either_world, client) -> None:
    world = either_world
    for kind in ("rate limited", "rate limited", "timeout"):
        count_error(world.database, "claude", kind)
    with world.database.write() as session:
        report(session, "claude", "Claude does not accept the key.")
    found = figures(client)
    assert found["atelier_provider_errors_total", "claude", "rate limited"] == 2
    assert found["atelier_provider_errors_total", "claude", "timeout"] == 1
    assert found["atelier_judge_trouble", "claude"] == 1


def test_what_was_spent_today(either_world, client) -> None:
    world = either_world
    with world.database.write() as session:
        for mark, usd, at in (("a", 0.25, utc_now()), ("b", 0.5, utc_now()), ("c", 9.0, utc_now() - timedelta(days=2))):
            usage = {"usd": usd, "input_tokens": 100, "output_tokens": 10}
            row = AnswerRow(fingerprint=mark, registration_id=world.registration_id, body={}, model="m", usage=usage)
            row.created_at = at
            session.add(row)
    found = figures(client)
    assert found["atelier_spend_usd_today", "m"] == pytest.approx(0.75)
    assert found["atelier_answers_today", "m"] == 2
    assert found["atelier_tokens_today", "in", "m"] == 200


def test_messages_to_gradebooks_by_state(either_world, client) -> None:
    world, now = either_world, utc_now()
    with world.database.write() as session:
        for sequence, (state, settled) in enumerate(
            [("waiting", None), ("refused", now), ("sent", now), ("sent", now - timedelta(days=3))]
        ):
            row = Passback(
                resource_link_id=world.resource_link_id,
                person_id=world.ada_id,
                kind="released",
                sequence=sequence,
                body={},
                timestamp=now + timedelta(seconds=sequence),
                state=state,
                settled_at=settled,
            )
            session.add(row)
            session.flush()
        session.add(PassbackTry(passback_id=row.id, action="post", status=503))
        session.add(PassbackTry(passback_id=row.id, action="post", status=None))
    found = figures(client)
    assert found["atelier_passbacks", "waiting"] == found["atelier_passbacks", "refused"] == 1
    assert found["atelier_passbacks", "sent"] == 1
    assert found["atelier_passback_tries", "5xx"] == found["atelier_passback_tries", "none"] == 1


def test_nothing_of_anybody_is_in_it(world) -> None:
    client = create_app(Settings(**SETTINGS), world.database).test_client()
    with world.database.write() as session:
        submission = sent(world, session, world.ada_id, "The marmalade clause. " * 110)
        judge_as(session, submission, all_at(submission, 2))
    text = client.get("/metrics").get_data(as_text=True).lower()
    assert 'state="awaiting_review"' in text
    assert [word for word in ("ada", "marmalade", "campus", "course-1", submission.public_id) if word in text] == []


def test_asked_again_at_once_the_database_is_left_alone(world) -> None:
    client = create_app(Settings(**SETTINGS), world.database).test_client()
    first = client.get("/metrics").data
    asked: list[str] = []
    event.listen(world.database.engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    assert client.get("/metrics").data == first
    assert [statement for statement in asked if "job" in statement] == []


def test_a_token_closes_it_to_others(world) -> None:
    client = create_app(Settings(**SETTINGS, metrics_token="of the monitor"), world.database).test_client()
    assert client.get("/metrics").status_code == 401
    assert client.get("/metrics", headers={"Authorization": "Bearer öther"}).status_code == 401
    assert client.get("/metrics", headers={"Authorization": "Bearer of the monitor"}).status_code == 200


def test_a_database_that_is_away_is_503() -> None:
    client = create_app(Settings(**SETTINGS, database_url="sqlite:////proc/nowhere.db"), None).test_client()
    assert client.get("/metrics").status_code == 503

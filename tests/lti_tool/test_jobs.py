"""The ledger of jobs, on SQLite and on PostgreSQL: who may take a job, who may write to it, and what is never lost."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import select, update

from lti_tool import claims, jobs
from lti_tool.attempts import submit
from lti_tool.db import utc_now
from lti_tool.jobs import Claim, LeaseLost
from lti_tool.models import Job, JobEvent, LessonScore, Passback, Submission
from lti_tool.passback import enqueue_released, send_again

LEASE = 60


@pytest.fixture
def world(either_world):
    return either_world


@pytest.fixture
def job_ids(world, sample_texts):
    """Ada's four submissions, each with its job, oldest first."""
    with world.database.write() as session:
        for item_id, text in sample_texts.items():
            submit(session, world.placement(session), world.ada_id, item_id, text)
        return list(session.scalars(select(Job.id).order_by(Job.id)))


def claim(world, owner: str = "a", limit: int = 1, lease: float = LEASE) -> list[Claim]:
    with world.database.write() as session:
        return claims.claim(session, owner=owner, limit=limit, lease_seconds=lease)


def ids(claims: Iterable[Claim]) -> list[int]:
    return [claim.job_id for claim in claims]


def stored(world, job_id: int) -> Job:
    with world.database.read() as session:
        return session.get_one(Job, job_id)


def stages(world, job_id: int) -> list[str]:
    with world.database.read() as session:
        found = select(JobEvent.stage).where(JobEvent.job_id == job_id).order_by(JobEvent.id)
        return list(session.scalars(found))


def set_job(world, job_id: int, **values) -> None:
    with world.database.write() as session:
        session.execute(update(Job).where(Job.id == job_id).values(**values))


def expire(world, job_id: int) -> None:
    set_job(world, job_id, lease_until=utc_now() - timedelta(seconds=1))


def write(world, action, *args) -> object:
    with world.database.write() as session:
        return action(session, *args)


# ---- claiming ------------------------------------------------------------------------------------------------


def test_enqueuing_twice_gives_one_job(world, job_ids) -> None:
    with world.database.write() as session:
        submission = session.scalars(select(Submission).order_by(Submission.id)).first()
        assert jobs.enqueue_judging(session, submission).id == job_ids[0]
    assert stages(world, job_ids[0]) == ["received"]


def test_a_job_is_claimed_by_one_owner_only(world, job_ids) -> None:
    first, second = claim(world, "a", 3), claim(world, "b", 3)
    assert ids(first) == job_ids[:3]
    assert ids(second) == job_ids[3:]
    assert claim(world, "c") == []


def test_higher_priority_goes_first_then_the_oldest(world, job_ids) -> None:
    set_job(world, job_ids[2], priority=99)
    assert ids(claim(world, limit=2)) == [job_ids[2], job_ids[0]]


def test_a_rush_in_one_placement_goes_behind_a_click_in_another(world, sample_texts, monkeypatch) -> None:
    monkeypatch.setattr(jobs, "RUSH", 2)
    with world.database.write() as session:
        for item_id, text in sample_texts.items():
            submit(session, world.placement(session), world.ada_id, item_id, text)
        elsewhere = submit(session, world.tiny(session), world.bo_id, "answer", "It retries the step. " * 3)
        [of_click] = session.scalars(select(Job.id).where(Job.submission_id == elsewhere.id))
        of_rush = list(session.scalars(select(Job.id).where(Job.id != of_click).order_by(Job.id)))
    assert ids(claim(world, limit=5)) == [*of_rush[:2], of_click, *of_rush[2:]]


def test_a_job_whose_time_has_not_come_waits(world, job_ids) -> None:
    for job_id in job_ids:
        set_job(world, job_id, next_try_at=utc_now() + timedelta(seconds=30))
    with world.database.read() as session:
        assert not claims.look(session)
    assert claim(world) == []


def test_two_claimers_that_race_never_share_a_job(world, job_ids) -> None:
    together = Barrier(4)

    def race(owner: str) -> list[int]:
        together.wait()
        return [job_id for _ in range(3) for job_id in ids(claim(world, owner, 1))]

    with ThreadPoolExecutor(4) as pool:
        taken = [job_id for found in pool.map(race, "abcd") for job_id in found]
    assert sorted(taken) == job_ids


def test_an_expired_lease_is_claimed_again_and_says_where_it_broke(world, job_ids) -> None:
    [lost] = claim(world, "dead")
    with world.database.write() as session:
        jobs.add_event(session, lost.job_id, "judging", done=3, of=7)
    assert lost.job_id not in ids(claim(world, "early", limit=9))
    expire(world, lost.job_id)
    [again] = claim(world, "b")
    assert (again.job_id, again.tries) == (lost.job_id, 2)
    with world.database.read() as session:
        resumed = session.scalars(select(JobEvent).where(JobEvent.stage == "resumed")).one()
    assert resumed.detail == {"at": "judging 4 of 7"}


def test_a_job_that_breaks_off_again_and_again_ends_with_a_person(world, job_ids) -> None:
    for _ in range(jobs.MAX_TRIES):
        [taken] = claim(world)
        assert taken.job_id == job_ids[0]
        expire(world, taken.job_id)
    assert job_ids[0] not in ids(claim(world, limit=9))
    job = stored(world, job_ids[0])
    assert job.state == "awaiting_review"
    assert "too often" in job.gate_reason


# ---- leases and fences ---------------------------------------------------------------------------------------


def test_a_clock_that_is_set_back_holds_nothing_up(world, job_ids) -> None:
    """What was queued or held an hour ahead of the clock is due; what waits for its next try goes on waiting."""
    ahead = utc_now() + timedelta(hours=1)
    queued, held, waits, young = job_ids
    set_job(world, queued, created_at=ahead, next_try_at=ahead)
    set_job(world, held, state="running", owner="dead", tries=1, lease_until=ahead)
    set_job(world, waits, created_at=ahead, tries=1, next_try_at=ahead)
    set_job(world, young, state="running", owner="alive", tries=1, lease_until=utc_now() + timedelta(seconds=60))
    assert ids(claim(world, limit=9)) == [queued, held]


def test_what_broke_off_again_and_again_is_claimed_apart(world, job_ids) -> None:
    """It may be what ended its executors, or what stood beside that: run by itself it shows."""
    suspect, young, *queued = job_ids
    past = utc_now() - timedelta(seconds=1)
    set_job(world, suspect, state="running", owner="dead", tries=3, lease_until=past)
    set_job(world, young, state="running", owner="dead", tries=2, lease_until=past)
    with world.database.write() as session:
        assert claims.look(session).suspects
        others = claims.claim(session, owner="a", limit=9, lease_seconds=LEASE, suspects=False)
        assert ids(others) == [young, *queued]
        assert ids(claims.claim(session, owner="a", limit=9, lease_seconds=LEASE, suspects=True)) == [suspect]
        assert not claims.look(session).suspects


def test_a_renewed_lease_holds(world, job_ids) -> None:
    [held] = claim(world, "a", lease=1)
    assert write(world, claims.renew, "a", [held.job_id], LEASE) == {held.job_id}
    assert (stored(world, held.job_id).lease_until - utc_now()).total_seconds() > 30


def test_renewing_tells_what_is_no_longer_held(world, job_ids) -> None:
    first, second = claim(world, "a", 2)
    expire(world, first.job_id)
    assert write(world, claims.renew, "a", ids([first, second]), LEASE) == {second.job_id}


FENCED = {
    "hold": lambda session, claim: jobs.hold(session, claim),
    "finish": lambda session, claim: jobs.finish(session, claim),
    "to_gate": lambda session, claim: jobs.to_gate(session, claim, "late"),
    "to_person": lambda session, claim: jobs.to_person(session, claim, "late"),
    "fail": lambda session, claim: jobs.fail(session, claim, "late"),
    "give_back": lambda session, claim: jobs.give_back(session, claim),
}


@pytest.mark.parametrize("action", FENCED)
def test_a_stalled_owner_writes_nothing_once_its_lease_has_run_out(world, job_ids, action) -> None:
    [stalled] = claim(world, "stalled")
    expire(world, stalled.job_id)
    with pytest.raises(LeaseLost):
        write(world, FENCED[action], stalled)
    assert stages(world, stalled.job_id) == ["received"]


@pytest.mark.parametrize("action", FENCED)
def test_a_stalled_owner_writes_nothing_to_a_job_claimed_again(world, job_ids, action) -> None:
    [stalled] = claim(world, "a")
    expire(world, stalled.job_id)
    [again] = claim(world, "a")  # the same owner: its older claim is void all the same
    with pytest.raises(LeaseLost):
        write(world, FENCED[action], stalled)
    assert stored(world, again.job_id).state == "running"
    write(world, jobs.hold, again)


def test_of_two_claims_of_one_executor_on_a_job_the_newer_one_holds(world, job_ids) -> None:
    """It slept past its lease, took the job again, and both of its runs write in one lot."""
    [stalled] = claim(world, "a")
    expire(world, stalled.job_id)
    [again] = claim(world, "a")
    for lot in ([stalled, again], [again, stalled]):
        assert write(world, jobs.hold_all, lot) == {again}


def test_what_stands_in_the_same_transaction_as_a_lost_lease_is_not_written(world, job_ids) -> None:
    [stalled] = claim(world, "a")
    expire(world, stalled.job_id)

    def write_late(session) -> None:
        jobs.add_event(session, stalled.job_id, "scoring")
        jobs.finish(session, stalled)

    with pytest.raises(LeaseLost):
        write(world, write_late)
    assert stages(world, stalled.job_id) == ["received"]


def test_a_job_given_back_is_due_at_once_and_lost_no_try(world, job_ids) -> None:
    [held] = claim(world, "a")
    write(world, jobs.give_back, held)
    [again] = claim(world, "b")
    assert (again.job_id, again.tries) == (held.job_id, 1)
    assert "resumed" not in stages(world, held.job_id)


# ---- endings -------------------------------------------------------------------------------------------------


def test_the_gate_is_passed_once(world, job_ids) -> None:
    [held] = claim(world)
    assert write(world, jobs.pass_gate, held.submission_id) is False  # still being judged
    write(world, jobs.to_gate, held, "A provisional judge.")
    assert stored(world, held.job_id).gate_reason == "A provisional judge."
    assert write(world, jobs.pass_gate, held.submission_id) is True
    assert write(world, jobs.pass_gate, held.submission_id) is False
    assert stored(world, held.job_id).state == "done"


def test_a_failure_waits_longer_each_time_and_then_goes_to_a_person(world, job_ids) -> None:
    waits = []
    for attempt in range(1, jobs.MAX_TRIES + 1):
        [held] = claim(world)
        assert held.tries == attempt
        again = write(world, jobs.fail, held, "The judge cannot be reached.")
        assert again is (attempt < jobs.MAX_TRIES)
        if again:
            waits.append((stored(world, held.job_id).next_try_at - utc_now()).total_seconds())
            set_job(world, held.job_id, next_try_at=utc_now() - timedelta(seconds=1))
    assert waits[0] == pytest.approx(16.5, abs=3)
    assert waits[:4] == sorted(waits[:4])
    assert max(waits) <= 3600 * 1.2
    job = stored(world, job_ids[0])
    assert (job.state, job.gate_reason) == ("awaiting_review", "The judge cannot be reached.")


def test_a_wish_to_wait_is_granted_up_to_an_hour() -> None:
    assert 600 <= jobs.pause(1, 600) <= 720
    assert jobs.pause(1, 999_999) <= 3600 * 1.2


# ---- lanes ---------------------------------------------------------------------------------------------------


@pytest.fixture
def messages(world) -> dict[str, list[int]]:
    """Jobs of three messages about Ada and one about Bo, oldest first."""
    sends: dict[str, list[int]] = {"ada": [], "bo": []}
    with world.database.write() as session:
        for name, person_id, sequence in [("ada", world.ada_id, n) for n in (1, 2, 3)] + [("bo", world.bo_id, 1)]:
            score = LessonScore(
                resource_link_id=world.resource_link_id,
                person_id=person_id,
                sequence=sequence,
                given=10.0 * sequence,
                maximum=100.0,
                parts={},
            )
            session.add(score)
            session.flush()
            message = enqueue_released(session, score)
            sends[name].append(jobs.enqueue_sending(session, message).id)
    return sends


def test_of_a_lane_only_the_oldest_unfinished_job_is_due(world, messages) -> None:
    first = claim(world, limit=9)
    assert ids(first) == [messages["ada"][0], messages["bo"][0]]
    assert claim(world, "b", limit=9) == []
    write(world, jobs.finish, first[0])
    assert ids(claim(world, "b", limit=9)) == [messages["ada"][1]]


def test_a_job_that_waits_for_its_next_try_holds_up_its_lane(world, messages) -> None:
    first = claim(world, limit=9)
    write(world, jobs.fail, first[0], "The course asks to slow down.")
    assert claim(world, "b", limit=9) == []


def test_a_message_that_waits_for_a_person_lets_the_next_one_pass(world, messages) -> None:
    first = claim(world, limit=9)
    write(world, jobs.to_person, first[0], "The course refused.")
    assert stored(world, first[0].job_id).state == "needs_person"
    assert ids(claim(world, "b", limit=9)) == [messages["ada"][1]]


def test_a_sender_that_breaks_off_too_often_leaves_a_message_that_can_be_sent_again(world, messages) -> None:
    [last] = messages["bo"]
    for _ in range(jobs.MAX_TRIES):
        for taken in claim(world, limit=9):
            expire(world, taken.job_id)
    claim(world, limit=9)
    job = stored(world, last)
    assert job.state == "needs_person"
    with world.database.write() as session:
        message = session.get_one(Passback, job.passback_id)
        assert (message.state, message.answer) == ("refused", job.last_error)
        assert send_again(session, message.id)
    assert stored(world, last).state == "done"  # the new one is what waits now


def test_a_job_that_waits_for_a_person_can_be_queued_again(world, messages) -> None:
    [held, _] = claim(world, limit=9)
    assert write(world, jobs.enqueue_again, held.job_id) is False
    write(world, jobs.to_person, held, "The course refused.")
    assert write(world, jobs.enqueue_again, held.job_id) is True
    [again] = claim(world, "b", limit=1)
    assert (again.job_id, again.tries) == (held.job_id, 1)

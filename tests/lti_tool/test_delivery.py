"""Messages to the gradebook against a hand-written one: what each answer means, and that the body never changes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import select, update

from lti_tool import claims, jobs, passback
from lti_tool.ags import Answer
from lti_tool.db import utc_now
from lti_tool.delivery import CREATING, deliver, meaning_of, shows_score
from lti_tool.jobs import Claim, LeaseLost
from lti_tool.models import Job, LessonScore, LineItem, Passback, PassbackTry, ResourceLink, Submission
from lti_tool.outbound import PlatformUnreachable, ReplyUnreadable
from lti_tool.reconcile import column_of, store_shown
from lti_tool.services import ScopeMissing

COLUMN = "https://campus.example.edu/lineitems/7/lineitem?type_id=3"
OK = Answer(200, "OK")


@dataclass
class FakeGradebook:
    """A gradebook as a function: `answer(gradebook, body)` decides, `keep` stores like a platform that accepts."""

    answer: Callable[["FakeGradebook", Mapping[str, Any]], Answer]
    items: list[dict[str, Any]] = field(default_factory=lambda: [{"id": COLUMN, "scoreMaximum": 100}])
    shown: dict[str, dict[str, Any]] = field(default_factory=dict)
    posted: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    made: list[dict[str, Any]] = field(default_factory=list)
    reads: int = 0

    def find_line_items(self, url: str, *, resource_link_id: str | None = None) -> list[dict[str, Any]]:
        return self.items

    def create_line_item(self, url: str, body: Mapping[str, Any]) -> dict[str, Any]:
        self.made.append(dict(body))
        return {"id": COLUMN, **body}

    def post_score(self, line_item_url: str, body: Mapping[str, Any]) -> Answer:
        self.posted.append((line_item_url, dict(body)))
        return self.answer(self, body)

    def results(self, line_item_url: str, user_id: str) -> list[dict[str, Any]]:
        self.reads += 1
        return [self.shown[user_id]] if user_id in self.shown else []

    def keep(self, body: Mapping[str, Any]) -> Answer:
        self.shown[body["userId"]] = {"resultScore": body["scoreGiven"], "resultMaximum": body["scoreMaximum"]}
        return OK


def accepts(gradebook: FakeGradebook, body: Mapping[str, Any]) -> Answer:
    return gradebook.keep(body)


def answers(status: int, text: str = "") -> Callable[[FakeGradebook, Mapping[str, Any]], Answer]:
    return lambda gradebook, body: Answer(status, text)


def accepts_then_times_out(gradebook: FakeGradebook, body: Mapping[str, Any]) -> Answer:
    gradebook.keep(body)
    raise PlatformUnreachable("it did not answer in time", may_have_arrived=True)


def is_lost(gradebook: FakeGradebook, body: Mapping[str, Any]) -> Answer:
    raise PlatformUnreachable("it did not answer in time", may_have_arrived=True)


def is_down(gradebook: FakeGradebook, body: Mapping[str, Any]) -> Answer:
    raise PlatformUnreachable("the connection failed", may_have_arrived=False)


def release(world, given: float, sequence: int = 1) -> int:
    """A lesson score of Ada's in the outbox; returns the message's id."""
    with world.database.write() as session:
        score = LessonScore(
            resource_link_id=world.resource_link_id,
            person_id=world.ada_id,
            sequence=sequence,
            given=given,
            maximum=100.0,
            parts={},
        )
        session.add(score)
        session.flush()
        return passback.enqueue_released(session, score).id


def claim(world, owner: str = "a") -> Claim:
    with world.database.write() as session:
        [taken] = claims.claim(session, owner=owner, limit=1, lease_seconds=60, kinds=[jobs.SEND_SCORE])
        return taken


def send(world, gradebook: FakeGradebook) -> str:
    """One try of the message that is due, whatever its next try's time."""
    with world.database.write() as session:
        session.execute(update(Job).values(next_try_at=utc_now()))
    return deliver(world.database, claim(world), lambda session, link: gradebook)


def stored(world, passback_id: int) -> tuple[Passback, Job]:
    with world.database.read() as session:
        return session.get_one(Passback, passback_id), session.scalars(
            select(Job).where(Job.passback_id == passback_id)
        ).one()


def tries(world) -> list[tuple[str, int | None]]:
    with world.database.read() as session:
        return [(row.action, row.status) for row in session.scalars(select(PassbackTry).order_by(PassbackTry.id))]


# ---- what the answers mean -----------------------------------------------------------------------------------


def test_an_accepted_score_is_sent_and_read_back(world) -> None:
    message_id, gradebook = release(world, 82.5), FakeGradebook(accepts)
    assert send(world, gradebook) == "sent"
    message, job = stored(world, message_id)
    assert (message.state, job.state) == ("sent", "done")
    assert message.read_back == {"resultScore": 82.5, "resultMaximum": 100.0}
    [(url, body)] = gradebook.posted
    assert url == COLUMN
    assert body == {
        "userId": "sub-ada",
        "timestamp": message.body["timestamp"],
        "scoreGiven": 82.5,
        "scoreMaximum": 100.0,
        "activityProgress": "Completed",
        "gradingProgress": "FullyGraded",
        "comment": message.body["comment"],
    }
    assert body["timestamp"].endswith("Z")
    assert tries(world) == [("post", 200), ("read", 200)]


def test_what_a_teacher_overrode_is_what_is_read_back(world) -> None:
    message_id, gradebook = release(world, 80), FakeGradebook(answers(200))
    gradebook.shown["sub-ada"] = {"resultScore": 95, "resultMaximum": 100}
    assert send(world, gradebook) == "sent"
    assert stored(world, message_id)[0].read_back["resultScore"] == 95


def test_a_conflict_with_the_score_already_there_is_sent(world) -> None:
    message_id, gradebook = release(world, 85), FakeGradebook(answers(409, "Refusing score"))
    gradebook.shown["sub-ada"] = {"resultScore": 0.85, "resultMaximum": 1}
    assert send(world, gradebook) == "sent"
    assert stored(world, message_id)[0].state == "sent"


def test_a_conflict_with_another_score_there_is_tried_again(world) -> None:
    message_id, gradebook = release(world, 85), FakeGradebook(answers(409, "Refusing score"))
    gradebook.shown["sub-ada"] = {"resultScore": 40, "resultMaximum": 100}
    assert send(world, gradebook) == "later"
    message, job = stored(world, message_id)
    assert (message.state, job.state, job.tries) == ("unknown", "queued", 1)
    assert job.next_try_at > utc_now()


def test_a_score_that_arrived_although_the_answer_was_lost_is_not_posted_again(world) -> None:
    message_id, gradebook = release(world, 70), FakeGradebook(accepts_then_times_out)
    assert send(world, gradebook) == "later"
    assert stored(world, message_id)[0].state == "unknown"
    assert send(world, gradebook) == "sent"
    assert len(gradebook.posted) == 1


@pytest.mark.parametrize("status", [200, 502])
def test_a_score_whose_answer_cannot_be_read_is_compared_before_it_is_posted_again(world, status) -> None:
    def accepts_with_an_answer_too_large(gradebook: FakeGradebook, body: Mapping[str, Any]) -> Answer:
        gradebook.keep(body)
        raise ReplyUnreadable(status, "the answer is too large")

    message_id, gradebook = release(world, 70), FakeGradebook(accepts_with_an_answer_too_large)
    assert send(world, gradebook) == "later"
    assert stored(world, message_id)[0].state == "unknown"
    assert send(world, gradebook) == "sent"
    assert len(gradebook.posted) == 1


NO_NUMBERS = ["ninety", [90], float("nan"), float("inf"), 10**400]


@pytest.mark.parametrize("said", NO_NUMBERS, ids=["text", "list", "NaN", "infinity", "endless"])
@pytest.mark.parametrize("where", ["resultScore", "resultMaximum"])
def test_a_gradebook_that_shows_no_numbers_shows_no_score_of_ours(either_world, said, where) -> None:
    """Neither what was taken is lost by it, nor what was lost is taken for there."""
    message_id, gradebook = release(either_world, 70), FakeGradebook(is_lost)
    gradebook.shown["sub-ada"] = {"resultScore": 90, "resultMaximum": 100, where: said}
    assert send(either_world, gradebook) == "later"
    gradebook.answer = answers(200, "OK")
    assert send(either_world, gradebook) == "sent"
    message, _ = stored(either_world, message_id)
    assert (len(gradebook.posted), message.read_back[where]) == (2, None)
    with either_world.database.write() as session:
        shown = [{"userId": "sub-ada", **gradebook.shown["sub-ada"]}]
        store_shown(session, either_world.placement(session), shown, utc_now())


def test_a_sender_that_died_after_posting_compares_before_it_posts(world) -> None:
    message_id, gradebook = release(world, 70), FakeGradebook(accepts)

    def dies(gradebook: FakeGradebook, body: Mapping[str, Any]) -> Answer:
        gradebook.keep(body)
        raise KeyboardInterrupt

    gradebook.answer = dies
    with pytest.raises(KeyboardInterrupt):
        send(world, gradebook)
    with world.database.write() as session:
        session.execute(update(Job).values(lease_until=utc_now() - timedelta(seconds=1)))
    gradebook.answer = accepts
    assert send(world, gradebook) == "sent"
    assert len(gradebook.posted) == 1
    assert stored(world, message_id)[1].tries == 2


def test_every_try_sends_the_identical_body(world) -> None:
    release(world, 70)
    gradebook = FakeGradebook(is_down)
    assert [send(world, gradebook) for _ in range(3)] == ["later"] * 3
    gradebook.answer = accepts
    assert send(world, gradebook) == "sent"
    bodies = [body for _, body in gradebook.posted]
    assert len(bodies) == 4
    assert all(body == bodies[0] for body in bodies)


def test_a_locked_grade_is_given_up_after_eight_tries_and_said(world) -> None:
    message_id, gradebook = release(world, 70), FakeGradebook(answers(500, "Internal Server Error"))
    with world.database.write() as session:
        session.get_one(ResourceLink, world.resource_link_id).platform_family = "moodle"
    outcomes = [send(world, gradebook) for _ in range(jobs.MAX_TRIES)]
    assert outcomes == ["later"] * 7 + ["refused"]
    message, job = stored(world, message_id)
    assert (message.state, job.state) == ("refused", "needs_person")
    assert "may be locked" in message.answer
    with world.database.read() as session:
        assert not claims.look(session)


@pytest.mark.parametrize("status", [400, 403, 422])
def test_what_will_never_be_taken_is_refused_at_once_with_the_words_of_the_course(world, status) -> None:
    message_id, gradebook = release(world, 70), FakeGradebook(answers(status, "The moon is full"))
    assert send(world, gradebook) == "refused"
    message, job = stored(world, message_id)
    assert (message.state, job.state) == ("refused", "needs_person")
    assert message.answer == f"The course answered {status}: The moon is full."


@pytest.mark.parametrize(
    ("family", "status", "said", "why"),
    [
        ("canvas", 422, "User not found in course or is not a student", "students alone"),
        ("canvas", 422, "The maximum number of allowed attempts has been reached", "Raise them there"),
        ("canvas", 400, "Provided timestamp of x before last updated timestamp of y", "something newer"),
        ("moodle", 400, 'Incorrect score received{"userId":"4"}', "students alone"),
        ("blackboardlearn", 400, "User could not be found: 17", "students alone"),
        ("desire2learn", 403, "User 17 is not enrolled in the org unit", "students alone"),
        ("desire2learn", 404, "User does not exist", "students alone"),
    ],
)
def test_a_refusal_that_is_known_is_said_in_words_that_help(world, family, status, said, why) -> None:
    with world.database.write() as session:
        session.get_one(ResourceLink, world.resource_link_id).platform_family = family
    message_id = release(world, 70)
    assert send(world, FakeGradebook(answers(status, said))) == "refused"
    message, _ = stored(world, message_id)
    assert why in message.answer
    assert message.answer.endswith(f"The course answered {status}.")
    assert said not in message.answer
    assert ("post", status) in tries(world)  # what was really said is kept beside it


def test_a_column_that_is_gone_is_looked_for_again(world) -> None:
    message_id, gradebook = release(world, 70), FakeGradebook(answers(404, "Not Found"))
    assert send(world, gradebook) == "refused"
    gradebook.items, gradebook.answer = [{"id": "https://campus.example.edu/lineitems/8"}], accepts
    with world.database.write() as session:
        assert passback.send_again(session, message_id)
    assert send(world, gradebook) == "sent"
    assert gradebook.posted[-1][0] == "https://campus.example.edu/lineitems/8"


@pytest.mark.parametrize("known", ["", "https://campus.example.edu/lineitems/8"], ids=["being made", "made anew"])
def test_a_column_that_is_gone_is_not_forgotten_in_the_place_of_another_senders_new_one(world, known) -> None:
    def another_sender_was_faster(gradebook: FakeGradebook, body: Mapping[str, Any]) -> Answer:
        with world.database.write() as session:
            session.execute(update(LineItem).values(url=known, source="made" if known else CREATING))
        return Answer(404, "Not Found")

    release(world, 70)
    assert send(world, FakeGradebook(another_sender_was_faster)) == "refused"
    with world.database.read() as session:
        assert session.scalars(select(LineItem.url)).all() == [known]


@pytest.mark.parametrize(("status", "text"), [(403, "403 Forbidden (Rate Limit Exceeded)"), (429, "")])
def test_a_course_that_asks_to_slow_down_is_asked_later(world, status, text) -> None:
    message_id, gradebook = release(world, 70), FakeGradebook(answers(status, text))
    assert send(world, gradebook) == "later"
    assert stored(world, message_id)[0].state == "waiting"


def test_a_missing_scope_is_a_refusal_in_words(world) -> None:
    def lacks_scope(gradebook: FakeGradebook, body: Mapping[str, Any]) -> Answer:
        raise ScopeMissing("The platform did not grant score to this placement.")

    message_id = release(world, 70)
    assert send(world, FakeGradebook(lacks_scope)) == "refused"
    assert "did not grant score" in stored(world, message_id)[0].answer


@pytest.mark.parametrize(
    ("status", "text", "meaning"),
    [
        (200, "", "taken"),
        (204, "", "taken"),
        (200, "OK: []", "taken"),
        (200, 'OK: <html lang="en">', "unknown"),
        (302, "", "never"),
        (400, "", "never"),
        (401, "", "later"),
        (403, "Forbidden", "never"),
        (403, "Rate Limit Exceeded", "later"),
        (404, "", "never"),
        (408, "", "unknown"),
        (409, "", "unknown"),
        (422, "", "never"),
        (429, "", "later"),
        (500, "", "unknown"),
        (503, "", "unknown"),
    ],
)
def test_the_meaning_of_an_answer(status, text, meaning) -> None:
    assert meaning_of(status, text) == meaning


@pytest.mark.parametrize(
    ("shown", "same"),
    [
        ({"resultScore": 85, "resultMaximum": 100}, True),
        ({"resultScore": 0.85}, True),  # a missing maximum is 1
        ({"resultScore": 8.53, "resultMaximum": 10}, False),
        ({"resultScore": 8.5, "resultMaximum": 10}, True),
        ({"resultScore": 84.9, "resultMaximum": 100}, False),
        ({"resultScore": None, "resultMaximum": 100}, False),
        ({"resultScore": True}, False),
        (None, False),
    ],
)
def test_comparing_with_the_gradebook_on_any_scale(shown, same) -> None:
    assert shows_score(shown, {"scoreGiven": 85.0, "scoreMaximum": 100.0}) is same


# ---- order ---------------------------------------------------------------------------------------------------


def test_a_refused_message_overtaken_by_a_newer_one_is_never_posted(world) -> None:
    older, gradebook = release(world, 60), FakeGradebook(answers(422, "no"))
    assert send(world, gradebook) == "refused"
    release(world, 90, sequence=2)
    gradebook.answer = accepts
    assert send(world, gradebook) == "sent"
    with world.database.write() as session:
        assert passback.send_again(session, older) is None
        assert jobs.enqueue_again(session, stored(world, older)[1].id)  # even so
    assert send(world, gradebook) == "overtaken"
    assert [body["scoreGiven"] for _, body in gradebook.posted] == [60, 90]
    message, job = stored(world, older)
    assert (message.state, job.state) == ("overtaken", "done")


def test_timestamps_of_one_learner_are_at_least_a_second_apart(world) -> None:
    ids = [release(world, 60 + n, sequence=n) for n in (1, 2, 3)]
    times = [stored(world, message_id)[0].timestamp for message_id in ids]
    assert all(later - earlier >= timedelta(seconds=1) for earlier, later in pairwise(times))


def test_a_stalled_sender_posts_nothing(world) -> None:
    release(world, 60)
    stalled, gradebook = claim(world), FakeGradebook(accepts)

    def stall(session, link) -> FakeGradebook:
        session.execute(update(Job).values(owner="b"))
        return gradebook

    with pytest.raises(LeaseLost):
        deliver(world.database, stalled, stall)
    assert gradebook.posted == []


def test_a_message_on_its_way_is_not_sent_again(world) -> None:
    message_id = release(world, 60)
    with world.database.write() as session:
        assert passback.send_again(session, message_id) is None
    assert send(world, FakeGradebook(accepts_then_times_out)) == "later"
    with world.database.write() as session:
        assert passback.send_again(session, message_id) is None


def test_sending_again_is_a_message_of_its_own_with_a_later_time(world) -> None:
    refused, gradebook = release(world, 60), FakeGradebook(answers(422, "no"))
    assert send(world, gradebook) == "refused"
    with world.database.write() as session:
        again = passback.send_again(session, refused)
        assert passback.send_again(session, refused) is None  # pressed twice
    gradebook.answer = accepts
    assert send(world, gradebook) == "sent"
    before, after = stored(world, refused)[0], stored(world, again.id)[0]
    assert (before.state, stored(world, refused)[1].state) == ("overtaken", "done")
    assert after.timestamp > before.timestamp
    assert (after.body["scoreGiven"], after.lesson_score_id) == (60, before.lesson_score_id)


def test_a_comment_is_said_again_only_where_nobody_can_have_read_it(world) -> None:
    with world.database.write() as session:
        session.get_one(ResourceLink, world.resource_link_id).platform_family = "canvas"
    refused, gradebook = release(world, 60), FakeGradebook(answers(422, "no"))
    assert send(world, gradebook) == "refused"
    with world.database.write() as session:
        again = passback.send_again(session, refused)
        assert "comment" in again.body
    gradebook.answer = accepts
    assert send(world, gradebook) == "sent"
    with world.database.write() as session:
        assert "comment" not in passback.send_again(session, again.id).body


def test_the_page_is_told_how_each_message_stands(world) -> None:
    release(world, 60)
    send(world, FakeGradebook(is_down))
    with world.database.read() as session:
        [status] = passback.messages(session, world.resource_link_id)
    assert (status.handle, status.state, status.given, status.tries) == ("ada-01", "waiting", 60, 1)
    assert status.next_try_at > utc_now()


# ---- the column ----------------------------------------------------------------------------------------------


def test_the_column_that_the_launch_named_is_used_as_it_is(world) -> None:
    with world.database.write() as session:
        session.get_one(ResourceLink, world.resource_link_id).line_item_url = "https://campus.example.edu/own?x=1"
    release(world, 60)
    gradebook = FakeGradebook(accepts)
    assert send(world, gradebook) == "sent"
    assert gradebook.posted[0][0] == "https://campus.example.edu/own?x=1"


@pytest.mark.parametrize("source", ["launch", "found", "made"])
def test_a_column_that_a_newer_launch_names_goes_before_the_one_that_is_known(world, source) -> None:
    """A platform that moved to another host names its columns anew; at the old one nobody may answer any more."""
    with world.database.write() as session:
        session.add(LineItem(resource_link_id=world.resource_link_id, url=COLUMN, source=source, maximum=10))
        world.placement(session).line_item_url = "https://new.example.edu/lineitems/7/lineitem?type_id=3"
    release(world, 60)
    gradebook = FakeGradebook(accepts)
    assert send(world, gradebook) == "sent"
    assert gradebook.posted[0][0] == "https://new.example.edu/lineitems/7/lineitem?type_id=3"
    with world.database.read() as session:
        known = session.get_one(LineItem, world.resource_link_id)
        assert (known.url, known.source, known.maximum) == (gradebook.posted[0][0], "launch", None)
        assert column_of(session, world.placement(session)) == known.url


def test_a_column_is_made_once(world) -> None:
    gradebook = FakeGradebook(accepts, items=[])
    for sequence in (1, 2):
        release(world, 60 + sequence, sequence)
        assert send(world, gradebook) == "sent"
    [made] = gradebook.made
    assert made["resourceLinkId"] == "link-durable-workflows"
    assert made["scoreMaximum"] == 100


def test_while_somebody_makes_the_column_others_wait(world) -> None:
    message_id, gradebook = release(world, 60), FakeGradebook(accepts, items=[])
    with world.database.write() as session:
        session.add(LineItem(resource_link_id=world.resource_link_id, url="", source=CREATING))
    assert send(world, gradebook) == "later"
    assert gradebook.made == []
    assert stored(world, message_id)[0].state == "waiting"
    with world.database.write() as session:  # whoever it was died long ago
        session.execute(update(LineItem).values(found_at=utc_now() - timedelta(minutes=5)))
    assert send(world, gradebook) == "sent"


def test_without_a_gradebook_column_grading_is_off(world) -> None:
    with world.database.write() as session:
        session.get_one(ResourceLink, world.resource_link_id).line_items_url = None
    message_id = release(world, 60)
    assert send(world, FakeGradebook(accepts)) == "refused"
    assert stored(world, message_id)[0].answer == "Grading is off for this activity."


# ---- handed-in work ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("family", "told"), [("canvas", True), ("moodle", False), (None, False)])
def test_handed_in_work_is_told_only_where_it_erases_nothing(world, submission, family, told) -> None:
    with world.database.write() as session:
        session.get_one(ResourceLink, world.resource_link_id).platform_family = family
        sent = session.get_one(Submission, submission.id)
        message = passback.enqueue_submitted(session, sent, "https://tool.example.edu/lti/launch")
        assert (message is not None) is told
        if message is not None:
            assert message.body["gradingProgress"] == "PendingManual"
            assert "scoreGiven" not in message.body


def test_handed_in_work_is_told_once_and_never_after_a_score(world, submission) -> None:
    with world.database.write() as session:
        session.get_one(ResourceLink, world.resource_link_id).platform_family = "canvas"
    release(world, 60)
    with world.database.write() as session:
        assert (
            passback.enqueue_submitted(session, session.get_one(Submission, submission.id), "https://tool.example.edu")
            is None
        )


def test_a_lesson_on_a_shelf_has_a_column_by_our_own_id(world) -> None:
    """The platform knows the shelf's link alone; its column is not the column of one of its lessons."""
    with world.database.write() as session:
        link = world.placement(session)
        link.lms_id, link.settings = "shelf-7-durable-workflows", {"shelf": 7}
    gradebook = FakeGradebook(accepts, items=[{"id": COLUMN, "resourceLinkId": "link-1", "scoreMaximum": 100}])
    release(world, 74)
    assert send(world, gradebook) == "sent"
    [made] = gradebook.made
    assert (made.get("resourceId"), "resourceLinkId" in made) == ("shelf-7-durable-workflows", False)

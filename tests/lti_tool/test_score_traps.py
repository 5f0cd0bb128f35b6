"""What Moodle and Canvas do with scores, each met over HTTP by the real client and the real outbox."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlalchemy import select, update

from lti_tool import claims, jobs, passback
from lti_tool.ags import SCOPES, AgsClient
from lti_tool.attempts import submit
from lti_tool.db import utc_now
from lti_tool.delivery import deliver
from lti_tool.keys import SigningKey
from lti_tool.models import Job, LessonScore, Passback, Registration, Release, ResourceLink, Submission
from lti_tool.outbound import Outbound
from lti_tool.settings import Settings
from tests.conftest import World
from tests.lti_tool.door import rsa_key
from tests.lti_tool.hostile_lms import SUBMISSION, Cell, HostileLms

ADA = "sub-ada"


class Course:
    """A placement of ours and the gradebook that its platform keeps."""

    def __init__(self, world: World, lms: HostileLms) -> None:
        self.world, self.lms = world, lms
        pem = rsa_key("tool").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        self.key, self.outbound = SigningKey("kid-1", pem.decode()), Outbound(Settings(allow_http=True))
        lms.columns["1"] = {"label": "Durable workflows", "scoreMaximum": 100, "resourceLinkId": "link-1"}
        with world.database.write() as session:
            session.execute(update(Registration).values(auth_token_url=f"{lms.url}/token"))
            link = world.placement(session)
            link.platform_family, link.scopes = lms.family, list(SCOPES)
            link.line_items_url, link.line_item_url = f"{lms.url}/items?type_id=3", lms.column_url("1")

    def release(self, given: float, parts: dict[str, float] | None = None) -> None:
        with self.world.database.write() as session:
            last = session.scalars(select(LessonScore.sequence).order_by(LessonScore.sequence.desc())).first() or 0
            score = LessonScore(
                resource_link_id=self.world.resource_link_id,
                person_id=self.world.ada_id,
                sequence=last + 1,
                given=given,
                maximum=100.0,
                parts=parts or {},
            )
            session.add(score)
            session.flush()
            passback.enqueue_released(session, score)

    def submit(self, item_id: str, text: str) -> int:
        with self.world.database.write() as session:
            return submit(session, self.world.placement(session), self.world.ada_id, item_id, text).id

    def send(self) -> str:
        """One try of what is due, whatever its next try's time."""
        with self.world.database.write() as session:
            session.execute(update(Job).values(next_try_at=utc_now()))
            [claim] = claims.claim(session, owner="a", limit=1, lease_seconds=60, kinds=[jobs.SEND_SCORE])

        def gradebook(session: object, link: ResourceLink) -> AgsClient:
            registration = link.deployment.registration
            return AgsClient(self.outbound, registration, self.key, scopes=link.scopes)

        return deliver(self.world.database, claim, gradebook)

    def send_again(self) -> bool:
        with self.world.database.write() as session:
            return passback.send_again(session, self.newest(session).id) is not None

    def newest(self, session: object = None) -> Passback:
        query = select(Passback).order_by(Passback.id.desc()).limit(1)
        if session is not None:
            return session.scalars(query).one()  # type: ignore[attr-defined]
        with self.world.database.read() as reading:
            return reading.scalars(query).one()

    def hand_in(self, submission: Submission) -> None:
        """Say that work was handed in, as after every sending."""
        with self.world.database.write() as session:
            sent = session.get_one(Submission, submission.id)
            passback.enqueue_submitted(session, sent, "https://tool.example.edu/lti/launch?submission=x")

    @property
    def cell(self) -> Cell:
        return self.lms.cells[ADA]


@pytest.fixture
def moodle(world: World) -> Iterator[Course]:
    with HostileLms("moodle").served() as lms:
        yield Course(world, lms)


@pytest.fixture
def canvas(world: World) -> Iterator[Course]:
    with HostileLms("canvas").served() as lms:
        yield Course(world, lms)


@pytest.fixture(params=["moodle", "canvas"])
def either(request: pytest.FixtureRequest) -> Course:
    return request.getfixturevalue(request.param)


# ---- both ----------------------------------------------------------------------------------------------------


def test_a_lost_answer_is_compared_and_the_score_is_there_once(either: Course) -> None:
    either.lms.faults = ["lose the answer"]
    either.release(82)
    assert either.send() == "later"
    assert either.newest().state == "unknown"
    assert either.send() == "sent"
    assert either.lms.met == ["lose the answer"]
    assert (len(either.lms.posts), either.cell.score, len(either.cell.comments)) == (1, 82, 1)


def test_an_answer_lost_before_it_was_kept_is_sent_with_the_same_body(either: Course) -> None:
    either.lms.faults = ["break"]
    either.release(82)
    assert [either.send(), either.send()] == ["later", "sent"]
    assert either.lms.met == ["break"]
    first, second = either.lms.posts
    assert first == second
    assert either.cell.score == 82


def test_a_page_in_the_place_of_an_answer_is_not_taken_for_one(either: Course) -> None:
    either.lms.faults = ["show a page"]
    either.release(82)
    assert [either.send(), either.send()] == ["later", "sent"]
    assert (either.lms.met, either.cell.score) == (["show a page"], 82)


def test_a_token_that_was_forgotten_is_renewed_within_the_try(either: Course) -> None:
    either.release(70)
    assert either.send() == "sent"
    either.lms.faults = ["forget the token"]
    either.release(82)
    assert either.send() == "sent"
    assert (either.lms.met, either.lms.tokens_given) == (["forget the token"], 2)


def test_somebody_who_cannot_be_graded_is_said_so_at_once_and_nothing_of_the_body(either: Course) -> None:
    either.lms.learners = set()
    either.release(82)
    assert either.send() == "refused"
    answer = either.newest().answer or ""
    assert "takes scores for its students alone" in answer
    assert "userId" not in answer
    either.lms.learners = {ADA}
    assert either.send_again()
    assert either.send() == "sent"
    assert either.cell.score == 82


def test_a_grade_typed_in_by_hand_stays_and_is_read_back(either: Course) -> None:
    either.release(70)
    either.send()
    either.cell.overridden = 95
    either.release(82)
    assert either.send() == "sent"
    assert (either.cell.score, either.cell.shown) == (82, 95)
    assert (either.newest().read_back or {})["resultScore"] == 95


def test_a_column_that_was_removed_is_made_anew_only_when_somebody_asks(either: Course) -> None:
    del either.lms.columns["1"]
    either.release(82)
    assert either.send() == "refused"
    assert either.newest().answer == "The gradebook column is gone."
    assert either.send_again()
    assert either.send() == "sent"
    assert [column["resourceLinkId"] for column in either.lms.columns.values()] == ["link-durable-workflows"]


def test_grading_that_is_off_is_said_so(either: Course) -> None:
    with either.world.database.write() as session:
        either.world.placement(session).line_items_url = None
        either.world.placement(session).line_item_url = None
    either.release(82)
    assert either.send() == "refused"
    assert either.newest().answer == "Grading is off for this activity."
    assert either.lms.posts == []


# ---- Moodle --------------------------------------------------------------------------------------------------


def test_two_scores_within_a_second_are_two_seconds_to_moodle(moodle: Course) -> None:
    for given in (70, 82):
        moodle.release(given)
        assert moodle.send() == "sent"
    first, second = (post["timestamp"] for post in moodle.lms.posts)
    assert first[:19] < second[:19]
    assert moodle.cell.score == 82


def test_moodle_refuses_for_ever_what_is_older_than_what_it_has(moodle: Course) -> None:
    moodle.release(82)
    cell = moodle.lms.cell(ADA)
    cell.score, cell.timestamp = 40, utc_now().replace(microsecond=0) + timedelta(seconds=1)
    assert moodle.send() == "refused"
    assert "has something newer than this score" in (moodle.newest().answer or "")
    assert len(moodle.lms.posts) == 1
    cell.timestamp = moodle.newest().timestamp.replace(microsecond=0)  # a second went by
    assert moodle.send_again()
    assert moodle.send() == "sent"
    assert moodle.cell.score == 82


def test_handed_in_work_is_never_told_to_moodle_which_would_erase_the_grade(
    moodle: Course, submission: Submission
) -> None:
    moodle.hand_in(submission)
    with moodle.world.database.read() as session:
        assert session.scalars(select(Passback)).all() == []


def test_a_locked_grade_ends_after_eight_tries_and_moodle_is_left_in_peace(moodle: Course) -> None:
    moodle.lms.locked = True
    moodle.release(82)
    assert [moodle.send() for _ in range(jobs.MAX_TRIES)] == ["later"] * 7 + ["refused"]
    assert "may be locked" in (moodle.newest().answer or "")
    moodle.lms.locked = False
    assert moodle.send_again()
    assert moodle.send() == "sent"


def test_moodle_that_cannot_reach_our_keys_just_then_is_asked_again(moodle: Course) -> None:
    """While the tool's pages are restarted it gives no token; nothing of a score is wrong by that."""
    moodle.lms.reaches_our_keys = False
    moodle.release(82)
    assert moodle.send() == "later"
    assert "token not given" in (moodle.newest().answer or "")
    moodle.lms.reaches_our_keys = True
    assert moodle.send() == "sent"
    assert (len(moodle.lms.posts), moodle.cell.score) == (1, 82)


def test_the_comment_stands_beside_every_score_in_moodle(moodle: Course) -> None:
    for given in (70, 82):
        moodle.release(given)
        moodle.send()
    assert moodle.cell.comments == [passback.COMMENT]


# ---- Canvas --------------------------------------------------------------------------------------------------


def test_handed_in_work_is_one_attempt_in_canvas_with_its_address_and_its_time(
    canvas: Course, submission: Submission
) -> None:
    canvas.hand_in(submission)
    assert canvas.send() == "sent"
    assert (canvas.cell.attempts, canvas.cell.work) == (1, "https://tool.example.edu/lti/launch?submission=x")
    assert canvas.cell.submitted_at == passback.iso(submission.sent_at)
    canvas.release(82)
    assert canvas.send() == "sent"
    assert (canvas.cell.attempts, canvas.cell.score) == (1, 82)


def test_a_score_that_changes_is_no_new_attempt_and_says_its_comment_once(canvas: Course) -> None:
    canvas.lms.attempts_allowed = 0
    for given in (70, 82, 90):
        canvas.release(given)
        assert canvas.send() == "sent"
    assert (canvas.cell.attempts, canvas.cell.score, canvas.cell.comments) == (0, 90, [passback.COMMENT])


def test_a_score_says_when_the_work_was_handed_in(canvas: Course, submission: Submission) -> None:
    """The work that counts: neither practice nor a worse attempt, both sent later, makes it late."""
    essay = canvas.submit("essay", submission.text + " And again.")
    take = canvas.submit("q1", "One row is written before the call.")
    with canvas.world.database.write() as session:
        canvas.world.placement(session).settings = {"weights": {"essay": 100.0}}
        for sent, points in ((submission.id, 82), (essay, 70), (take, 90)):
            session.add(Release(submission_id=sent, sequence=1, points=points, levels={}))
    canvas.release(82, {"essay": 82, "q1": 90})
    canvas.send()
    [post] = canvas.lms.posts
    assert post["submission"] == {"submittedAt": passback.iso(submission.sent_at)}
    assert post[SUBMISSION] == {"new_submission": False, "prioritize_non_tool_grade": True}


def test_attempts_that_are_used_up_are_said_with_what_helps(canvas: Course, submission: Submission) -> None:
    canvas.lms.attempts_allowed = 0
    canvas.hand_in(submission)
    assert canvas.send() == "refused"
    assert "Raise them there, then send it again" in (canvas.newest().answer or "")
    canvas.lms.attempts_allowed = 1
    assert canvas.send_again()
    assert canvas.send() == "sent"
    assert canvas.cell.attempts == 1


def test_a_message_about_work_leaves_a_score_that_is_there(canvas: Course, submission: Submission) -> None:
    canvas.lms.cell(ADA).score = 55  # from before this tool was used
    canvas.hand_in(submission)
    canvas.send()
    assert canvas.cell.score == 55


@pytest.mark.parametrize("times", [1, 3])
def test_canvas_that_throttles_is_asked_later_until_it_is_done(canvas: Course, times: int) -> None:
    canvas.lms.faults = ["throttle"] * times
    canvas.release(82)
    assert [canvas.send() for _ in range(times + 1)] == ["later"] * times + ["sent"]
    assert (canvas.lms.met, canvas.cell.score) == (["throttle"] * times, 82)


def test_a_grade_changed_in_canvas_meanwhile_is_newer_and_the_score_can_be_sent_again(canvas: Course) -> None:
    canvas.release(82)
    canvas.lms.cell(ADA).timestamp = utc_now() + timedelta(milliseconds=500)
    assert canvas.send() == "refused"
    assert "has something newer" in (canvas.newest().answer or "")
    assert canvas.send_again()
    assert canvas.send() == "sent"
    assert canvas.cell.score == 82


# ---- columns made at once ------------------------------------------------------------------------------------


def test_two_senders_at_once_make_one_column(either: Course) -> None:
    either.lms.columns.clear()
    with either.world.database.write() as session:
        either.world.placement(session).line_item_url = None
    either.release(82)
    with either.world.database.write() as session:
        score = LessonScore(
            resource_link_id=either.world.resource_link_id,
            person_id=either.world.bo_id,
            sequence=1,
            given=60,
            maximum=100.0,
            parts={},
        )
        session.add(score)
        session.flush()
        passback.enqueue_released(session, score)
    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(lambda _: either.send(), range(2)))
    while "later" in outcomes:  # the one that came second waits until the column is there
        outcomes = [outcome for outcome in outcomes if outcome != "later"] + [either.send()]

    assert outcomes == ["sent", "sent"]
    assert len(either.lms.columns) == 1
    assert {user: cell.score for user, cell in either.lms.cells.items()} == {ADA: 82, "sub-bo": 60}

"""Gradebook columns: one is made however many senders look for it, and only our own is ever changed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Event, Lock, Thread
from typing import Any

import pytest
from sqlalchemy import select, update

from lti_tool import claims, jobs, passback
from lti_tool.ags import Answer
from lti_tool.attempts import submit
from lti_tool.db import utc_now
from lti_tool.delivery import deliver
from lti_tool.line_items import ColumnNotOurs, change_column, remove_column
from lti_tool.models import Job, LessonScore, LineItem, ResourceLink

EXTENSION = "https://canvas.instructure.com/lti/submission"


@dataclass
class SlowGradebook:
    """A platform that lists columns slowly, so that a second sender comes while the first one looks."""

    looking: Event = field(default_factory=Event)
    go_on: Event = field(default_factory=Event)
    columns: list[dict[str, Any]] = field(default_factory=list)
    posted: list[str] = field(default_factory=list)
    changed: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def find_line_items(self, url: str, *, resource_link_id: str | None = None) -> list[dict[str, Any]]:
        with self.lock:
            seen = [dict(column) for column in self.columns]
        self.looking.set()
        assert self.go_on.wait(20)
        return seen

    def create_line_item(self, url: str, body: Mapping[str, Any]) -> dict[str, Any]:
        with self.lock:
            self.columns.append({"id": f"{url}/{len(self.columns) + 1}", **body})
            return self.columns[-1]

    def post_score(self, line_item_url: str, body: Mapping[str, Any]) -> Answer:
        with self.lock:
            self.posted.append(line_item_url)
        return Answer(200, "OK")

    def results(self, line_item_url: str, user_id: str) -> list[dict[str, Any]]:
        return []

    def update_line_item(self, url: str, changes: Mapping[str, Any]) -> dict[str, Any]:
        self.changed.append((url, changes))
        return {}

    def delete_line_item(self, url: str) -> None:
        self.deleted.append(url)


def score(world, person_id: int, sequence: int = 1) -> dict[str, Any]:
    """A lesson score in the outbox; returns the message's body."""
    with world.database.write() as session:
        row = LessonScore(
            resource_link_id=world.resource_link_id,
            person_id=person_id,
            sequence=sequence,
            given=60.0 + sequence,
            maximum=100.0,
            parts={},
        )
        session.add(row)
        session.flush()
        return dict(passback.enqueue_released(session, row).body)


def send(world, gradebook: SlowGradebook, owner: str) -> str:
    with world.database.write() as session:
        session.execute(update(Job).where(Job.state == "queued").values(next_try_at=utc_now()))
        [claim] = claims.claim(session, owner=owner, limit=1, lease_seconds=60, kinds=[jobs.SEND_SCORE])
    return deliver(world.database, claim, lambda session, link: gradebook)


def test_two_senders_at_once_make_one_column(either_world) -> None:
    world, gradebook = either_world, SlowGradebook()
    score(world, world.ada_id)
    score(world, world.bo_id)
    first: list[str] = []
    sender = Thread(target=lambda: first.append(send(world, gradebook, "a")))
    sender.start()
    assert gradebook.looking.wait(20)

    second = send(world, gradebook, "b")  # while the first one still looks
    gradebook.go_on.set()
    sender.join(20)

    assert (first, second) == (["sent"], "later")
    assert send(world, gradebook, "b") == "sent"
    assert len(gradebook.columns) == 1
    assert gradebook.posted == [gradebook.columns[0]["id"]] * 2
    with world.database.read() as session:
        column = session.scalars(select(LineItem)).one()
        assert (column.url, column.source) == (gradebook.columns[0]["id"], "made")


def test_column_that_carries_our_tag_is_taken_before_others(world) -> None:
    gradebook = SlowGradebook(columns=[{"id": "https://x/1"}, {"id": "https://x/2", "tag": "atelier"}])
    gradebook.go_on.set()
    score(world, world.ada_id)

    assert send(world, gradebook, "a") == "sent"

    assert gradebook.posted == ["https://x/2"]


@pytest.mark.parametrize("source", ["launch", "found"])
def test_column_of_the_course_is_never_changed(world, source: str) -> None:
    gradebook = SlowGradebook()
    with world.database.write() as session:
        column = LineItem(resource_link_id=world.resource_link_id, url="https://x/1", source=source)
        session.add(column)
        with pytest.raises(ColumnNotOurs):
            change_column(gradebook, column, label="Mine")
        with pytest.raises(ColumnNotOurs):
            remove_column(session, gradebook, column)

    assert (gradebook.changed, gradebook.deleted) == ([], [])


def test_column_of_ours_can_be_renamed_and_removed(world) -> None:
    gradebook = SlowGradebook()
    with world.database.write() as session:
        column = LineItem(resource_link_id=world.resource_link_id, url="https://x/1", source="made")
        session.add(column)
        session.flush()

        change_column(gradebook, column, label="Week 3")
        remove_column(session, gradebook, column)

    assert gradebook.changed == [("https://x/1", {"label": "Week 3"})]
    assert gradebook.deleted == ["https://x/1"]
    with world.database.read() as session:
        assert session.scalar(select(LineItem)) is None


# ---- what each platform is told ------------------------------------------------------------------------------


def family(world, name: str | None) -> None:
    with world.database.write() as session:
        session.get_one(ResourceLink, world.resource_link_id).platform_family = name


def test_canvas_opens_handed_in_work_by_its_address_and_counts_it_as_one_attempt(world, sample_texts) -> None:
    family(world, "canvas")
    with world.database.write() as session:
        sent = submit(session, world.placement(session), world.ada_id, "essay", sample_texts["essay"])
        address = f"https://tool.example.edu/lti/launch?submission={sent.public_id}"
        message = passback.enqueue_submitted(session, sent, address)
        assert message is not None
        told, sent_at = message.body[EXTENSION], passback.iso(sent.sent_at)

    assert told == {
        "new_submission": True,
        "submission_type": "basic_lti_launch",
        "submission_data": address,
        "submitted_at": sent_at,
        "preserve_score": True,
        "prioritize_non_tool_grade": True,
    }
    assert score(world, world.ada_id)[EXTENSION] == {"new_submission": False, "prioritize_non_tool_grade": True}


def test_comment_is_said_once_where_comments_add_up(world) -> None:
    family(world, "canvas")

    assert "comment" in score(world, world.ada_id, 1)
    assert "comment" not in score(world, world.ada_id, 2)


@pytest.mark.parametrize("name", ["moodle", None])
def test_other_platforms_get_plain_scores_and_the_comment_each_time(world, name: str | None) -> None:
    family(world, name)

    for sequence in (1, 2):
        assert set(score(world, world.ada_id, sequence)) == {
            "userId",
            "timestamp",
            "scoreGiven",
            "scoreMaximum",
            "activityProgress",
            "gradingProgress",
            "comment",
        }

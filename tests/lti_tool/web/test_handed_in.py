"""What Canvas hears when work is handed in: the address that opens it, and nothing about practice."""

import pytest
from sqlalchemy import select

from lti_tool.models import Passback, ResourceLink, Submission


@pytest.fixture
def canvas(world) -> None:
    """A placement in Canvas that is about the essay alone."""
    with world.database.write() as session:
        link = session.get_one(ResourceLink, world.resource_link_id)
        link.platform_family = "canvas"
        link.settings = {"item": "essay", "weights": {"q1": 0, "q2": 0, "essay": 100, "drawing": 0}}


def test_handed_in_work_is_told_with_the_address_that_opens_it(canvas, world, sign_in, sample_texts) -> None:
    ada = sign_in("launch-ada-01")

    assert ada.post("items/essay/send", {"text": sample_texts["essay"]}).status_code == 303

    with world.database.read() as session:
        submission = session.scalars(select(Submission)).one()
        told = session.scalars(select(Passback)).one().body["https://canvas.instructure.com/lti/submission"]
    assert told["submission_data"] == f"http://127.0.0.1:8000/lti/launch?submission={submission.public_id}"


def test_question_that_does_not_count_is_no_handed_in_work(canvas, world, sign_in, sample_texts) -> None:
    ada = sign_in("launch-ada-01")

    assert ada.post("items/q1/send", {"text": sample_texts["q1"]}).status_code == 303

    with world.database.read() as session:
        assert session.scalars(select(Submission)).one().item_id == "q1"
        assert session.scalar(select(Passback)) is None

"""A placement that holds several lessons."""

import pytest
from sqlalchemy import select

from lti_tool.models import Launch, ResourceLink
from lti_tool.shelf import is_on_shelf, lessons_on, open_lesson, placement_of, read_lessons

BOTH = ["durable-workflows", "two-step"]


@pytest.fixture
def shelf(world) -> int:
    """Ada's placement, holding both lessons."""
    with world.database.write() as session:
        link = world.placement(session)
        link.settings = {"lessons": BOTH, "attempts": {"essay": 5}, "weights": {"essay": 100}, "release": "auto"}
    return world.resource_link_id


@pytest.mark.parametrize(
    ("said", "lessons"),
    [
        ("a,b", ["a", "b"]),
        (" b , a ,b,", ["b", "a"]),
        ("a", []),
        ("", []),
        (",,", []),
        ("$lessons", []),
        (",".join(f"l{number}" for number in range(99)), [f"l{number}" for number in range(30)]),
    ],
)
def test_a_link_names_its_lessons(said: str, lessons: list[str]) -> None:
    assert read_lessons(said) == lessons


def test_each_lesson_has_a_placement_of_its_own_that_follows_the_shelf(world, shelf) -> None:
    with world.database.write() as session:
        link = session.get_one(ResourceLink, shelf)
        first = placement_of(session, link, "two-step")
        first.settings = {**first.settings, "attempts": {"answer": 1}}
        link.line_items_url, link.scopes = "https://campus.example.edu/new", ["score"]
        again = placement_of(session, link, "two-step")
        assert again.id == first.id != link.id
        assert (again.line_items_url, again.scopes, again.lesson_slug) == (link.line_items_url, ["score"], "two-step")
        assert again.settings == {"attempts": {"answer": 1}, "release": "auto", "shelf": shelf}
        assert (is_on_shelf(again), is_on_shelf(link), lessons_on(again)) == (True, False, ())
        assert again.line_item_url is None  # the column of the link is not the column of one of its lessons


def test_a_lesson_opens_for_whom_the_platform_vouched_for_in_their_role(world, shelf) -> None:
    with world.database.write() as session:
        launch = session.get_one(Launch, "launch-ada-01")
        opened = open_lesson(session, launch, "two-step")
        assert (opened.person_id, opened.role, opened.detail) == (world.ada_id, "student", {"shelf": launch.id})
        assert opened.resource_link.lesson_slug == "two-step"
        with pytest.raises(KeyError):
            open_lesson(session, launch, "somebody-elses")
        assert len(session.scalars(select(ResourceLink)).all()) == 3

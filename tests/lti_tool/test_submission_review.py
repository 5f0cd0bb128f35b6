"""One piece of work, opened from the gradebook: by a review message, or by the address stored with a score."""

from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from lti_tool.attempts import submit
from lti_tool.db import Database
from lti_tool.models import LineItem, Person, ResourceLink
from tests.lti_tool.door import BASE_URL, CLAIM, INSTRUCTOR, LEARNER, Door, error_code

AGS = "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"
COLUMN = "https://lms.example.edu/lineitems/7?type_id=1"
TEXT = "A cache serves stale answers until it is told otherwise, so the owner of the record must say when it changed."


@pytest.fixture
def works(door: Door, database: Database) -> dict[str, list[str]]:
    """What two learners sent in link-1, oldest first: sub to public ids."""
    sent: dict[str, list[str]] = {}
    for sub, texts in (("ada", [TEXT, TEXT + " Again."]), ("bo", [TEXT + " Bo."])):
        Door(door.app, door.platform).open(
            sub=sub, **{CLAIM + "custom": {"lesson": "two-step"}, AGS: {"lineitem": COLUMN, "lineitems": COLUMN}}
        )
        with database.write() as session:
            person_id = session.scalars(select(Person.id).where(Person.sub == sub)).one()
            link = session.scalars(select(ResourceLink)).one()
            sent[sub] = [submit(session, link, person_id, "answer", text).public_id for text in texts]
    return sent


def review(door: Door, for_user: str = "ada", **claims: Any) -> TestResponse:
    """A submission review message, followed to the page it opens."""
    changes = {
        CLAIM + "message_type": "LtiSubmissionReviewRequest",
        CLAIM + "for_user": {"user_id": for_user},
        CLAIM + "roles": [INSTRUCTOR],
        AGS: {"lineitem": COLUMN},
        "sub": "ines",
    }
    return follow(door, door.launch(**changes | claims))


def follow(door: Door, answer: TestResponse) -> TestResponse:
    if answer.status_code != 303:
        return answer
    return door.browser.get(answer.headers["Location"], base_url=BASE_URL, follow_redirects=True)


def relaunch(door: Door, public_id: str, **claims: Any) -> TestResponse:
    """A gradebook opens the stored address: login and launch both name it, and the resource link is another one."""
    target = f"{BASE_URL}/lti/launch?submission={public_id}"
    begun = door.login(target_link_uri=target)
    changes = {CLAIM + "target_link_uri": target, CLAIM + "resource_link": {"id": "course-wide"}}
    token = door.platform.sign(door.platform.claims(begun.nonce, **changes | claims))
    return follow(door, door.post(begun.state, token))


def path(page: TestResponse) -> str:
    return urlsplit(page.request.path).path


def test_instructor_gets_the_newest_work_of_the_learner(door: Door, works: dict[str, list[str]]) -> None:
    page = review(door)

    assert page.status_code == 200
    assert path(page).endswith(f"/review/{works['ada'][-1]}")


def test_learner_gets_their_own_result(door: Door, works: dict[str, list[str]]) -> None:
    page = review(door, sub="ada", **{CLAIM + "roles": [LEARNER]})

    assert page.status_code == 200
    assert works["ada"][-1] in path(page)


def test_learner_does_not_get_anothers(door: Door, works: dict[str, list[str]]) -> None:
    page = review(door, sub="bo", **{CLAIM + "roles": [LEARNER]})

    assert (page.status_code, error_code(page)) == (403, "not_your_work")


def test_review_without_resource_link_is_found_by_its_line_item(
    door: Door, database: Database, works: dict[str, list[str]]
) -> None:
    with database.write() as session:
        link = session.scalars(select(ResourceLink)).one()
        session.add(LineItem(resource_link_id=link.id, url=COLUMN + "&made=1", source="made"))

    by_launch = review(door, **{CLAIM + "resource_link": ...})
    by_made = review(door, **{CLAIM + "resource_link": ..., AGS: {"lineitem": COLUMN + "&made=1"}})

    assert path(by_launch).endswith(works["ada"][-1])
    assert path(by_made).endswith(works["ada"][-1])


def test_review_changes_nothing_about_the_placement(
    door: Door, database: Database, works: dict[str, list[str]]
) -> None:
    review(door, **{CLAIM + "custom": {"lesson": "durable-workflows"}})

    with database.read() as session:
        link = session.scalars(select(ResourceLink)).one()
        assert (link.lesson_slug, link.line_items_url, link.title) == ("two-step", COLUMN, "Durable workflows")


@pytest.mark.parametrize(
    ("claims", "status", "code"),
    [
        ({CLAIM + "for_user": {"user_id": "nobody"}}, 404, "nothing_sent"),
        ({CLAIM + "resource_link": {"id": "never-opened"}}, 404, "nothing_sent"),
        ({CLAIM + "context": {"id": "another course"}}, 404, "nothing_sent"),
        ({CLAIM + "resource_link": ..., AGS: {"lineitem": "https://lms.example.edu/other"}}, 404, "nothing_sent"),
        ({CLAIM + "for_user": ...}, 400, "claim_missing"),
        ({CLAIM + "for_user": "ada"}, 400, "claim_malformed"),
        ({CLAIM + "for_user": {"user_id": 7}}, 400, "claim_malformed"),
        ({AGS: ...}, 400, "claim_malformed"),
        ({AGS: {"lineitems": COLUMN}}, 400, "claim_malformed"),
    ],
)
def test_review_of_nothing_says_so(
    door: Door, database: Database, works: dict[str, list[str]], claims: dict[str, Any], status: int, code: str
) -> None:
    page = review(door, **claims)

    assert (page.status_code, error_code(page)) == (status, code)
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(ResourceLink)) == 1


def test_stored_address_opens_that_work_whatever_link_it_comes_with(
    door: Door, database: Database, works: dict[str, list[str]]
) -> None:
    page = relaunch(door, works["ada"][0], sub="ines", **{CLAIM + "roles": [INSTRUCTOR]})

    assert path(page).endswith(f"/review/{works['ada'][0]}")
    with database.read() as session:
        assert session.scalars(select(ResourceLink.lms_id)).all() == ["link-1"]


def test_stored_address_opens_a_learners_own_work_only(door: Door, works: dict[str, list[str]]) -> None:
    own = relaunch(door, works["ada"][0], sub="ada")
    anothers = relaunch(door, works["bo"][0], sub="ada")
    made_up = relaunch(door, "made-up", sub="ada")

    assert works["ada"][0] in path(own)
    assert (anothers.status_code, error_code(anothers)) == (403, "not_your_work")
    assert error_code(made_up) == "not_your_work"


@pytest.mark.parametrize("changes", [{CLAIM + "context": {"id": "course-2"}}, {CLAIM + "context": ...}])
def test_stored_address_opens_nothing_in_another_course(
    door: Door, works: dict[str, list[str]], changes: dict[str, Any]
) -> None:
    page = relaunch(door, works["ada"][0], sub="ines", **{CLAIM + "roles": [INSTRUCTOR]} | changes)

    assert (page.status_code, error_code(page)) == (404, "nothing_sent")


def test_custom_parameter_opens_the_work_too(door: Door, works: dict[str, list[str]]) -> None:
    answer = door.launch(
        sub="ines", **{CLAIM + "roles": [INSTRUCTOR], CLAIM + "custom": {"submission": works["bo"][0]}}
    )

    assert path(follow(door, answer)).endswith(f"/review/{works['bo'][0]}")


def test_encoded_control_characters_in_the_address_ask_for_nothing(door: Door, works: dict[str, list[str]]) -> None:
    assert relaunch(door, "%00%ff", sub="ada").status_code == 200


def test_redirect_uri_stays_exact(door: Door) -> None:
    target = f"{BASE_URL}/lti/launch?submission=x"

    answer = door.browser.post("/lti/login", data=door.login_fields(target_link_uri=target), base_url=BASE_URL)

    assert "redirect_uri=https%3A%2F%2Ftool.example.edu%2Flti%2Flaunch&" in answer.headers["Location"]

"""The roster page: read when asked, missing learners visible, names behind a link, failures in a sentence."""

import json
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from sqlalchemy import select

from lti_tool.attempts import submit
from lti_tool.models import ResourceLink, RosterMember
from lti_tool.outbound import PlatformUnreachable, Reply
from lti_tool.roster import MAX_MEMBERS

URL = "https://campus.example.edu/members?course=1"
GROUPS = "https://campus.example.edu/groups"
LEARNER = "http://purl.imsglobal.org/vocab/lis/v2/membership#Learner"


@dataclass(eq=False)
class FakePlatform:
    """Stands in for Outbound: tokens, and a list of members in pages whose addresses are opaque."""

    members: list[Any] = field(default_factory=list)
    status: int = 200
    away: bool = False
    page_size: int = 2
    groups: list[Any] | None = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def post(self, url: str, body: Any, *, headers: Any = None) -> Reply:
        return Reply(200, "OK", {}, b'{"access_token": "t", "expires_in": 3600}', url)

    def get(self, url: str, *, headers: Any = None) -> Reply:
        self.asked.append(url)
        if self.away:
            raise PlatformUnreachable("it did not answer in time", may_have_arrived=True)
        if url == GROUPS:
            found = json.dumps({"groups": self.groups or []}).encode()
            return Reply(200 if self.groups is not None else 403, "Forbidden", {}, found, url)
        start = int(url.rpartition("From-")[2]) if "From-" in url else 0
        rows, end = self.members[start : start + self.page_size], start + self.page_size
        link = {"link": f'<{URL}&Page=From-{end}>; rel="next"'} if end < len(self.members) else {}
        return Reply(self.status, "Forbidden", link, json.dumps({"members": rows}).encode(), url)


@pytest.fixture
def platform(app, world) -> FakePlatform:
    platform = FakePlatform()
    app.extensions["atelier"] = replace(app.extensions["atelier"], outbound=platform)
    with world.database.write() as session:
        world.placement(session).memberships_url = URL
    return platform


@pytest.fixture
def ines(sign_in, platform):
    return sign_in("launch-ines-01")


def test_missing_learners_are_visible_once_the_roster_is_read(ines, platform, world, sample_texts) -> None:
    with world.database.write() as session:
        submit(session, world.placement(session), world.ada_id, "essay", sample_texts["essay"])
    platform.members = [
        {"user_id": "sub-ada", "roles": ["Learner"], "name": "Ada Osei", "status": "Active"},
        {"user_id": "sub-bo", "roles": [LEARNER], "given_name": "Bo", "family_name": "Åberg"},
        {"user_id": "sub-new", "roles": ["Learner"], "name": "Never Came"},
        {"user_id": "sub-gone", "roles": ["Learner"], "name": "Gone", "status": "Inactive"},
        {"user_id": "sub-ines", "roles": ["Learner"], "name": "Ines, who teaches"},
        {"user_id": "sub-tom", "roles": ["Instructor"]},
    ]
    assert "not read yet" in ines.get("roster").get_data(as_text=True)
    assert platform.asked == []

    answer = ines.post("roster")

    assert answer.status_code == 303
    assert platform.asked == [URL, URL + "&Page=From-2", URL + "&Page=From-4"]
    text = ines.get("roster").get_data(as_text=True)
    assert 'data-page="queue-roster"' in text
    assert '<b class="mono warn">2</b> sent nothing' in text
    assert "1 of 4 questions" in text
    assert "inactive" in text
    assert 'data-row="ines-01"' not in text
    assert text.index('data-row="bo-01"') < text.index('data-row="ada-01"')
    assert "Never Came" not in text
    named = ines.get("roster?names=1").get_data(as_text=True)
    assert "Never Came" in named
    assert "Bo Åberg" in named


def test_reading_again_follows_the_course(ines, platform, world) -> None:
    platform.members = [{"user_id": "sub-ada", "roles": ["Learner"]}, {"user_id": "sub-bo", "roles": ["Learner"]}]
    ines.post("roster")
    platform.members = [{"user_id": "sub-bo", "roles": ["Learner"], "name": "Bo"}]

    ines.post("roster")

    with world.database.read() as session:
        assert [(member.sub, member.name) for member in session.scalars(select(RosterMember))] == [("sub-bo", "Bo")]


def test_who_sent_and_is_not_listed_any_more_stays_visible(ines, platform, world, sample_texts) -> None:
    with world.database.write() as session:
        submit(session, world.placement(session), world.ada_id, "essay", sample_texts["essay"])
    platform.members = [{"user_id": "sub-bo", "roles": ["Learner"]}]

    unread = ines.get("roster").text
    assert "not known yet" in unread
    assert "not in the list" not in unread

    ines.post("roster")

    assert "not in the list" in ines.get("roster").get_data(as_text=True)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"status": 403}, "The platform answered 403: Forbidden."),
        ({"away": True}, "The platform could not be reached: it did not answer in time."),
    ],
)
def test_failure_is_a_sentence_and_what_was_read_stays(
    ines, platform, world, changes: dict[str, Any], sentence: str
) -> None:
    platform.members = [{"user_id": "sub-ada", "roles": ["Learner"]}]
    ines.post("roster")
    for name, value in changes.items():
        setattr(platform, name, value)

    answer = ines.post("roster")

    assert answer.status_code == 422
    assert sentence in answer.get_data(as_text=True)
    assert 'data-row="ada-01"' in answer.get_data(as_text=True)


def test_course_without_a_roster_says_so(ines, platform, world) -> None:
    with world.database.write() as session:
        session.get_one(ResourceLink, world.resource_link_id).memberships_url = None

    assert "did not offer its list" in ines.get("roster").get_data(as_text=True)
    assert ines.post("roster").status_code == 422
    assert platform.asked == []


def test_members_that_cannot_be_stored_are_left_out(ines, platform, world) -> None:
    platform.members = [
        {"user_id": "", "roles": ["Learner"]},
        {"user_id": "x" * 256, "roles": ["Learner"]},
        {"user_id": "nul\x00", "roles": ["Learner"]},
        {"user_id": 7},
        "not a member",
        {"user_id": "sub-odd", "roles": "Learner", "name": 7, "status": None},
        {"user_id": "sub-ada", "roles": ["Learner", 7], "name": "a\x00b"},
    ]

    assert ines.post("roster").status_code == 303

    with world.database.read() as session:
        rows = session.scalars(select(RosterMember).order_by(RosterMember.sub)).all()
        assert [(row.sub, row.role, row.name) for row in rows] == [
            ("sub-ada", "student", None),
            ("sub-odd", "other", None),
        ]


def test_no_more_are_read_than_can_be_kept(ines, platform, world) -> None:
    platform.page_size = 1000
    platform.members = [{"user_id": f"u{number}", "roles": ["Learner"]} for number in range(MAX_MEMBERS + 2000)]

    ines.post("roster")

    assert len(platform.asked) == MAX_MEMBERS / 1000
    assert "Only the first 5000 members" in ines.get("roster").get_data(as_text=True)


def test_roster_is_for_instructors_and_sealed_forms(sign_in, platform, ines) -> None:
    ada = sign_in("launch-ada-01")

    assert ada.get("roster").status_code == 403
    assert ada.post("roster").status_code == 403
    assert ines.client.post(ines.url("roster")).status_code == 403
    assert platform.asked == []


CUSTOM = "https://purl.imsglobal.org/spec/lti/claim/custom"


def test_groups_and_sections_are_shown_and_one_can_be_picked(ines, platform, world) -> None:
    platform.page_size = 10
    platform.members = [
        {"user_id": "sub-ada", "roles": ["Learner"], "group_enrollments": [{"group_id": "g1"}, {"group_id": "g2"}]},
        {"user_id": "sub-bo", "roles": ["Learner"], "message": [{CUSTOM: {"sections": '["Evening", "<b>Late</b>"]'}}]},
        {"user_id": "sub-new", "roles": ["Learner"], "message": [{CUSTOM: {"sections": "$com.instructure.User.x"}}, 5]},
    ]
    platform.groups = [{"id": "g1", "name": "Red"}, {"id": 5}]
    with world.database.write() as session:
        world.placement(session).groups_url = GROUPS
    assert ines.post("roster").status_code == 303
    text = ines.get("roster").get_data(as_text=True)
    assert "Red, g2" in text
    assert "Evening, &lt;b&gt;Late&lt;/b&gt;" in text
    only = ines.get("roster?group=Red").get_data(as_text=True)
    assert 'data-row="ada-01"' in only
    assert 'data-row="bo-01"' not in only
    assert 'data-row="bo-01"' in ines.get("roster?group=nowhere").get_data(as_text=True)


def test_canvas_is_asked_by_resource_link_so_that_it_fills_in_the_sections(ines, platform, world) -> None:
    with world.database.write() as session:
        world.placement(session).platform_family = "canvas"
    assert ines.post("roster").status_code == 303
    assert platform.asked == [f"{URL}&rlid=link-durable-workflows"]


def test_groups_that_cannot_be_had_cost_nobody_the_roster(ines, platform, world) -> None:
    platform.members = [{"user_id": "sub-ada", "roles": ["Learner"], "group_enrollments": [{"group_id": "g1"}]}]
    platform.groups = None
    with world.database.write() as session:
        world.placement(session).groups_url = GROUPS
    assert ines.post("roster").status_code == 303
    assert "g1" in ines.get("roster").get_data(as_text=True)

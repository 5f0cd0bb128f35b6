"""Launches that must open, whatever an LMS leaves out or adds; and as whom.

Names in capitals are those of 1EdTech's certification suite.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import select

from lti_tool.db import Database
from lti_tool.models import Launch
from lti_tool.roles import role_of
from tests.lti_tool.door import CLAIM, INSTRUCTOR, LEARNER, Door, error_code

AGS = "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"
PREFIX = "http://purl.imsglobal.org/vocab/lis/v2/"
ASSISTANT = PREFIX + "membership/Instructor#TeachingAssistant"
STAFF, STUDENT_OF_THE_SCHOOL = PREFIX + "institution/person#Faculty", PREFIX + "institution/person#Student"
NAMES = ("name", "given_name", "family_name")


@dataclass
class Good:
    """A launch that must be accepted, and as whom."""

    name: str
    claims: dict[str, Any] = field(default_factory=dict)
    role: str = "student"
    login: dict[str, str] = field(default_factory=dict)
    times: dict[str, float] = field(default_factory=dict)  # claims of time, from the moment of the launch on


def as_role(name: str, /, *roles: str, role: str, **claims: Any) -> Good:
    return Good(name, {CLAIM + "roles": list(roles), **claims}, role)


NO_PII = dict.fromkeys((*NAMES, "email"), ...)
EMAIL_ONLY = dict.fromkeys(NAMES, ...) | {"email": "zoe@example.edu"}
NAMES_ONLY = {"name": "Zoë Ångström", "given_name": "Zoë", "family_name": "Ångström"}
NO_CONTEXT = {CLAIM + "context": ...}

KNOWN_GOOD = [
    as_role("Valid Instructor Launch", INSTRUCTOR, role="instructor"),
    as_role("Valid Instructor Launch with Multiple Roles", STAFF, INSTRUCTOR, ASSISTANT, role="instructor"),
    as_role("Valid Instructor Launch Short Role", "Instructor", role="instructor"),
    as_role("Valid Instructor Launch with Unknown Role", INSTRUCTOR, "urn:made-up#Wizard", role="instructor"),
    as_role("Valid Instructor Launch no Role", role="student"),
    as_role("Valid Instructor Email Only Launch", INSTRUCTOR, role="instructor", **EMAIL_ONLY),
    as_role("Valid Instructor Names Only Launch", INSTRUCTOR, role="instructor", **NAMES_ONLY),
    as_role("Valid Instructor No PII Launch", INSTRUCTOR, role="instructor", **NO_PII),
    as_role("Valid Instructor Email Without Context", INSTRUCTOR, role="instructor", **EMAIL_ONLY, **NO_CONTEXT),
    as_role("Valid Student Launch", LEARNER, role="student"),
    as_role("Valid Student Launch with Multiple Roles", STUDENT_OF_THE_SCHOOL, LEARNER, role="student"),
    as_role("Valid Student Launch Short Role", "Learner", role="student"),
    as_role("Valid Student Launch with Unknown Role", LEARNER, "urn:made-up#Wizard", role="student"),
    as_role("Valid Student Launch no Role", role="student"),
    as_role("Valid Student Email Only Launch", LEARNER, role="student", **EMAIL_ONLY),
    as_role("Valid Student Names Only Launch", LEARNER, role="student", **NAMES_ONLY),
    as_role("Valid Student No PII Launch", LEARNER, role="student", **NO_PII),
    as_role("Valid Student Email Without Context", LEARNER, role="student", **EMAIL_ONLY, **NO_CONTEXT),
    # who
    as_role("a professor who sits in the course", LEARNER, PREFIX + "institution/person#Instructor", role="student"),
    as_role("an administrator of the school, no role here", PREFIX + "system/person#Administrator", role="student"),
    as_role("a guest's role that we do not know", PREFIX + "membership#Wizard", role="student"),
    as_role("an assistant by the sub-role alone", ASSISTANT, role="instructor"),
    Good("sub of 255 characters", {"sub": "x" * 255}),
    Good("sub in another script", {"sub": "ユーザー-1"}),
    # times and parties
    Good("half a minute ahead", times={"iat": 30}),
    Good("half a minute over", times={"iat": -300, "exp": -20}),
    Good("times with fractions", times={"iat": -0.5, "exp": 300.25}),
    Good("two audiences with azp", {"aud": ["other", "client-1"], "azp": "client-1"}),
    Good("a list of one audience", {"aud": ["client-1"]}),
    Good("azp beside one audience", {"azp": "client-1"}),
    Good("the deployment named at login", login={"lti_deployment_id": "deployment-1"}),
    Good("no deployment named at login", login={"lti_deployment_id": ""}),
    # what it says
    Good("claims sent as null", {CLAIM + "context": None, CLAIM + "custom": None, AGS: None, "name": None}),
    Good(
        "a removed column, as Moodle sends it", {AGS: {"lineitems": "https://lms.example.edu/li?a=1", "lineitem": ""}}
    ),
    Good("target with our default port", {CLAIM + "target_link_uri": "https://TOOL.example.edu:443/anything?x=1"}),
    Good("claims that nobody knows", {"https://example.edu/extra": {"deep": [1, 2, {"er": None}]}}),
    Good("custom parameters of other kinds", {CLAIM + "custom": {"points": 7, "flag": True, "none": None}}),
    Good("a title longer than its column", {CLAIM + "resource_link": {"id": "link-1", "title": "x" * 3000}}),
    Good("an empty description and title", {CLAIM + "resource_link": {"id": "link-1", "title": "", "description": ""}}),
]


@pytest.mark.parametrize("good", KNOWN_GOOD, ids=lambda good: good.name)
def test_known_good_launch_is_accepted_as_its_role(good: Good, door: Door, database: Database) -> None:
    begun = door.login(**good.login)
    now = int(time.time())
    moved = {claim: now + offset for claim, offset in good.times.items()}

    answer = door.post(begun.state, door.platform.sign(door.platform.claims(begun.nonce, **good.claims, **moved)))

    assert answer.status_code == 303, error_code(answer)
    with database.read() as session:
        assert session.scalars(select(Launch.role)).one() == good.role


def test_the_table_is_as_long_as_promised() -> None:
    assert len(KNOWN_GOOD) >= 30


ROLES = [
    ([LEARNER], "student"),
    ([INSTRUCTOR], "instructor"),
    ([LEARNER, PREFIX + "institution/person#Instructor"], "student"),
    ([PREFIX + "institution/person#Administrator"], "student"),
    ([PREFIX + "system/person#Administrator"], "student"),
    ([INSTRUCTOR, PREFIX + "membership/Instructor#TeachingAssistant"], "instructor"),
    ([PREFIX + "membership#Mentor"], "student"),
    (["Instructor"], "instructor"),
    (["Learner"], "student"),
    (["urn:made-up#Instructor"], "student"),
    ([PREFIX + "membership/Learner#Instructor"], "student"),
    ([PREFIX + "membership#instructor"], "student"),
    ([LEARNER, INSTRUCTOR], "instructor"),
    ([], "student"),
]


@pytest.mark.parametrize(("roles", "role"), ROLES)
def test_role_is_the_role_in_this_course(roles: list[str], role: str) -> None:
    assert role_of(roles) == role

"""Choosing content: the request, the picker, the signed answer, and the link found again when it is launched."""

import json
import re
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import urlsplit

import jwt
import pytest
from flask import Flask
from jwt.algorithms import RSAAlgorithm
from sqlalchemy import select
from werkzeug.test import TestResponse

from lti_tool.db import Database, utc_now
from lti_tool.deadlines import VARIABLES
from lti_tool.deep_linking import take_answer
from lti_tool.models import Audit, DeepLinking, LoginState, ResourceLink
from lti_tool.scores import lesson_standing
from tests.lti_tool.door import BASE_URL, CLAIM, INSTRUCTOR, LEARNER, Door, error_code, go_on, launch_id

DL = "https://purl.imsglobal.org/spec/lti-dl/claim/"
RETURN_URL = "https://lms.example.edu/courses/7/deep_links?placement=link&x=<1>"


def settings(**changes: Any) -> dict[str, Any]:
    """A right deep_linking_settings claim, with changes; a change to `...` removes a part."""
    whole = {
        "deep_link_return_url": RETURN_URL,
        "accept_types": ["link", "ltiResourceLink"],
        "accept_presentation_document_targets": ["frame", "iframe", "window"],
        "accept_multiple": True,
        "data": "opaque <&> \u00e5",
    } | changes
    return {name: value for name, value in whole.items() if value is not ...}


DEEP_LINKING = {
    CLAIM + "message_type": "LtiDeepLinkingRequest",
    CLAIM + "resource_link": ...,
    CLAIM + "roles": [INSTRUCTOR],
    DL + "deep_linking_settings": settings(),
}


def ask(door: Door, deep_linking: object = None, **claims: Any) -> TestResponse:
    """A Deep Linking launch of an instructor."""
    asked = {} if deep_linking is None else {DL + "deep_linking_settings": deep_linking}
    return door.launch(**DEEP_LINKING | asked | claims)


def picker(door: Door, deep_linking: object = None) -> str:
    """The address of an open picker."""
    answer = ask(door, deep_linking)
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return answer.headers["Location"]


def hidden(page: TestResponse, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page.get_data(as_text=True))
    assert found, page.get_data(as_text=True)
    return unescape(found[1])


def send(door: Door, url: str, **fields: Any) -> TestResponse:
    """The picker's form, with its seal."""
    seal = hidden(door.browser.get(url, base_url=BASE_URL), "form_token")
    return door.browser.post(url, data={"form_token": seal, **fields}, base_url=BASE_URL)


def answered(door: Door, page: TestResponse) -> dict[str, Any]:
    """The claims of the answer, checked as a platform does: signature, issuer, audience, times."""
    token = hidden(page, "JWT")
    header = jwt.get_unverified_header(token)
    (key,) = (key for key in door.browser.get("/lti/jwks").json["keys"] if key["kid"] == header["kid"])
    assert header["alg"] == "RS256"
    return jwt.decode(
        token,
        RSAAlgorithm.from_jwk(json.dumps(key)),
        algorithms=["RS256"],
        audience=door.platform.issuer,
        issuer=door.platform.client_id,
        options={"require": ["exp", "iat", "nonce", "iss", "aud"]},
    )


def test_request_opens_the_picker_with_its_own_cookie(door: Door) -> None:
    answer = ask(door)

    path = urlsplit(answer.headers["Location"]).path
    cookie = next(value for value in answer.headers.getlist("Set-Cookie") if value.startswith("atelier_picker="))
    assert path.startswith("/dl/")
    assert f"Path={path}" in cookie
    for attribute in ("Secure", "HttpOnly", "SameSite=None", "Partitioned"):
        assert attribute in cookie
    page = door.browser.get(path, base_url=BASE_URL)
    text = page.get_data(as_text=True)
    assert 'data-page="picker"' in text
    assert "Durable Workflows for Agents" in text
    assert "5 steps · 4 questions" in text
    assert "form-action 'self'" in page.headers["Content-Security-Policy"]
    assert "https://lms.example.edu" in page.headers["Content-Security-Policy"]


def test_whole_lesson_goes_back_as_a_signed_link_with_its_column(door: Door) -> None:
    page = send(door, picker(door), pick="durable-workflows", title="Week 3 <i>", points="12,5", release="auto")

    claims = answered(door, page)
    assert f'action="{RETURN_URL.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")}"' in page.get_data(
        as_text=True
    )
    assert "form-action https://lms.example.edu;" in page.headers["Content-Security-Policy"]
    assert claims[CLAIM + "message_type"] == "LtiDeepLinkingResponse"
    assert claims[CLAIM + "version"] == "1.3.0"
    assert claims[CLAIM + "deployment_id"] == door.platform.deployment_id
    assert claims[DL + "data"] == "opaque <&> \u00e5"
    assert claims[DL + "content_items"] == [
        {
            "type": "ltiResourceLink",
            "url": BASE_URL + "/lti/launch",
            "title": "Week 3 <i>",
            "custom": {"lesson": "durable-workflows", "release": "auto", **VARIABLES},
            "lineItem": {
                "label": "Week 3 <i>",
                "scoreMaximum": 12.5,
                "resourceId": "durable-workflows",
                "tag": "atelier",
            },
            "iframe": {"width": 840, "height": 640},
        }
    ]


def test_one_question_carries_its_item(door: Door) -> None:
    (item,) = answered(door, send(door, picker(door), pick="durable-workflows/essay"))[DL + "content_items"]

    assert item["custom"] == {"lesson": "durable-workflows", "item": "essay", "release": "review", **VARIABLES}
    assert item["title"] == "Durable Workflows for Agents: The pitch"
    assert item["lineItem"]["resourceId"] == "durable-workflows/essay"
    assert item["lineItem"]["scoreMaximum"] == 100


def test_several_at_once_where_the_platform_takes_several(door: Door) -> None:
    picks = ["durable-workflows/q1", "durable-workflows/q2", "two-step"]

    items = answered(door, send(door, picker(door), pick=picks, title="for one only"))[DL + "content_items"]

    assert [item["lineItem"]["resourceId"] for item in items] == picks
    assert len({item["title"] for item in items}) == 3


def test_only_one_where_the_platform_takes_one(door: Door) -> None:
    url = picker(door, settings(accept_multiple=...))

    page = send(door, url, pick=["durable-workflows", "two-step"], title="kept")

    assert page.status_code == 422
    assert "one link at a time" in page.get_data(as_text=True)
    assert 'value="kept"' in page.get_data(as_text=True)
    assert 'type="radio" name="pick"' in page.get_data(as_text=True)


@pytest.mark.parametrize(
    ("changes", "absent", "present"),
    [
        ({"accept_lineitem": False}, "lineItem", "iframe"),
        ({"accept_presentation_document_targets": ["window"]}, "iframe", "window"),
        ({"accept_presentation_document_targets": ["embed"]}, "window", "lineItem"),
    ],
)
def test_link_holds_only_what_the_platform_takes(
    door: Door, changes: dict[str, Any], absent: str, present: str
) -> None:
    page = send(door, picker(door, settings(**changes)), pick="two-step")

    (item,) = answered(door, page)[DL + "content_items"]
    assert absent not in item
    assert present in item


def test_data_is_sent_back_only_if_it_was_sent(door: Door) -> None:
    page = send(door, picker(door, settings(data=...)), pick="two-step")

    assert DL + "data" not in answered(door, page)


def test_cancel_returns_an_empty_list(door: Door) -> None:
    page = send(door, picker(door), pick="two-step", cancel="1", points="nonsense")

    assert answered(door, page)[DL + "content_items"] == []


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({}, "Choose a lesson first."),
        ({"pick": "no-such"}, "That lesson is not here any more."),
        ({"pick": "two-step/no-such"}, "That question is not in the lesson any more."),
        ({"pick": "two-step", "points": "nan"}, "Points must be a number"),
        ({"pick": "two-step", "points": "1,000"}, "nothing between thousands"),
        ({"pick": "two-step", "points": "0"}, "Points must be a number"),
        ({"pick": "two-step", "points": "1e9"}, "Points must be a number"),
    ],
)
def test_choice_that_cannot_be_taken_gets_a_sentence_and_can_be_mended(
    door: Door, fields: dict[str, str], sentence: str
) -> None:
    url = picker(door)

    page = send(door, url, **fields)

    assert page.status_code == 422
    assert sentence in page.get_data(as_text=True)
    assert send(door, url, pick="two-step").status_code == 200


def test_a_search_is_asked_with_the_seal_and_finds_by_title(door: Door) -> None:
    url = picker(door)
    found = send(door, url, find="1", q="DURABLE")
    assert (found.status_code, 'value="durable-workflows"' in found.text) == (200, True)
    none = send(door, url, find="1", q="marmalade")
    assert "No lesson has “marmalade” in its title." in none.text
    assert "JWT" not in none.text


def test_without_a_cookie_the_page_that_the_platform_s_storage_opened_takes_the_choice(
    door: Door, app: Flask, database: Database
) -> None:
    """Bound by storage alone, as in a frame that keeps no cookies: the page's own seal stands for the cookie."""
    door.browser = app.test_client(use_cookies=False)
    fields = door.login_fields(lti_storage_target="lti_storage")
    proof = unescape(re.findall(r'data-value="([^"]*)"', door.browser.post("/lti/login", data=fields).text)[0])
    with database.read() as session:
        begun = session.scalars(select(LoginState)).one()
    message = door.platform.claims(begun.nonce, **DEEP_LINKING)
    form = {"state": begun.state, "id_token": door.platform.sign(message), "proof": proof}

    page = door.browser.post("/lti/launch/confirm", data=form, base_url=BASE_URL)

    assert (page.status_code, 'data-page="picker"' in page.text) == (200, True)
    assert "frame-ancestors 'self' https://lms.example.edu" in page.headers["Content-Security-Policy"]
    url = re.findall(r'<form class="picker" method="post" action="([^"]*)"', page.text)[0]
    seal = hidden(page, "form_token")
    wrong = door.browser.post(url, data={"form_token": seal, "points": "no"}, base_url=BASE_URL)
    assert (wrong.status_code, "Choose a lesson first." in wrong.text) == (422, True)
    chosen = door.browser.post(url, data={"form_token": seal, "pick": "durable-workflows"}, base_url=BASE_URL)
    assert answered(door, chosen)[DL + "content_items"][0]["custom"]["lesson"] == "durable-workflows"


def test_a_seal_shown_beside_a_cookie_is_none_without_it(door: Door, app: Flask) -> None:
    url = picker(door)
    seal = hidden(door.browser.get(url, base_url=BASE_URL), "form_token")
    stranger = app.test_client(use_cookies=False)
    for sent in ({"form_token": seal, "pick": "durable-workflows"}, {"pick": "durable-workflows"}):
        answer = stranger.post(url, data=sent, base_url=BASE_URL)
        assert (answer.status_code, error_code(answer)) == (403, "frame_storage_blocked")


def test_request_is_answered_once(door: Door) -> None:
    url = picker(door)
    seal = hidden(door.browser.get(url, base_url=BASE_URL), "form_token")
    fields = {"form_token": seal, "pick": "two-step"}
    assert door.browser.post(url, data=fields, base_url=BASE_URL).status_code == 200

    again = door.browser.post(url, data=fields, base_url=BASE_URL)

    assert (again.status_code, error_code(again)) == (409, "picker_answered")
    assert 'name="JWT"' not in again.get_data(as_text=True)


def test_of_two_answers_at_once_one_is_taken(door: Door, database: Database) -> None:
    picker_id = urlsplit(picker(door)).path.split("/")[2]

    with database.write() as session:
        taken = [take_answer(session, picker_id, utc_now()) for _ in range(2)]
        too_late = take_answer(session, picker_id, utc_now() + timedelta(days=1))

    assert (taken, too_late) == ([True, False], False)


def test_picker_belongs_to_its_browser_and_its_form(door: Door, database: Database) -> None:
    url, other_url = picker(door), picker(door)
    other_seal = hidden(door.browser.get(other_url, base_url=BASE_URL), "form_token")
    stranger = Door(door.app, door.platform).browser

    blocked = stranger.get(url, base_url=BASE_URL)
    unsealed = door.browser.post(url, data={"pick": "two-step"}, base_url=BASE_URL)
    foreign = door.browser.post(url, data={"pick": "two-step", "form_token": other_seal}, base_url=BASE_URL)

    assert (blocked.status_code, error_code(blocked)) == (403, "frame_storage_blocked")
    assert "lesson=" in blocked.get_data(as_text=True)
    assert (unsealed.status_code, error_code(unsealed)) == (403, "form_token_missing")
    assert (foreign.status_code, error_code(foreign)) == (403, "form_token_wrong")
    with database.read() as session:
        assert session.scalars(select(DeepLinking.answered_at)).all() == [None, None]


@pytest.mark.parametrize(
    ("deep_linking", "claims", "status", "code"),
    [
        (..., {}, 400, "claim_missing"),
        ("a string", {}, 400, "claim_malformed"),
        (settings(accept_types=...), {}, 400, "claim_missing"),
        (settings(accept_types="ltiResourceLink"), {}, 400, "claim_malformed"),
        (settings(accept_types=["link", "file"]), {}, 400, "links_not_accepted"),
        (settings(accept_types=[1]), {}, 400, "claim_malformed"),
        (settings(accept_presentation_document_targets=...), {}, 400, "claim_missing"),
        (settings(accept_multiple="true"), {}, 400, "claim_malformed"),
        (settings(deep_link_return_url=...), {}, 400, "claim_missing"),
        (settings(deep_link_return_url="javascript:alert(1)"), {}, 400, "claim_malformed"),
        (settings(deep_link_return_url="http://lms.example.edu/back"), {}, 400, "return_refused"),
        (settings(deep_link_return_url="https://user@lms.example.edu/"), {}, 400, "return_refused"),
        (settings(), {CLAIM + "roles": [LEARNER]}, 403, "wrong_role"),
        (settings(), {CLAIM + "roles": []}, 403, "wrong_role"),
        (settings(), {CLAIM + "target_link_uri": "https://evil.example/"}, 400, "target_wrong"),
    ],
)
def test_request_that_cannot_be_served_is_refused(
    door: Door, database: Database, deep_linking: object, claims: dict[str, Any], status: int, code: str
) -> None:
    answer = ask(door, deep_linking, **claims)

    assert (answer.status_code, error_code(answer)) == (status, code)
    with database.read() as session:
        assert session.scalar(select(DeepLinking.id)) is None
        assert session.scalars(select(Audit.code).where(Audit.kind == "launch_refused")).all() == [code]


def test_request_without_context_or_target_is_served(door: Door) -> None:
    assert ask(door, **{CLAIM + "context": ..., CLAIM + "target_link_uri": ...}).status_code == 303


def test_link_of_a_copied_course_opens_the_same_lesson_and_question(door: Door, database: Database) -> None:
    page = send(door, picker(door), pick="durable-workflows/essay", release="auto")
    (item,) = answered(door, page)[DL + "content_items"]

    for link, course in (("link-original", "course-1"), ("link-copy", "course-2")):
        door.open(
            **{
                CLAIM + "resource_link": {"id": link},
                CLAIM + "context": {"id": course},
                CLAIM + "custom": item["custom"],
            }
        )

    with database.read() as session:
        links = session.scalars(select(ResourceLink)).all()
        assert [link.lms_id for link in links] == ["link-original", "link-copy"]
        assert {link.lesson_slug for link in links} == {"durable-workflows"}
        assert all(link.settings["release"] == "auto" for link in links)
        for link in links:
            weights = lesson_standing(session, link, 1).weights
            assert weights["essay"] == 100
            assert sum(weights.values()) == 100


def test_learner_sees_the_one_question_first(door: Door) -> None:
    answer = door.launch(**{CLAIM + "custom": {"lesson": "durable-workflows", "item": "essay"}})

    notice = door.browser.get(answer.headers["Location"], base_url=BASE_URL, follow_redirects=True)

    assert go_on(door.browser, notice).request.path.endswith("/items/essay")


def test_link_whose_question_is_taken_out_again_counts_the_whole_lesson(door: Door, database: Database) -> None:
    door.open(**{CLAIM + "custom": {"lesson": "two-step", "item": "answer", "release": "auto"}})

    door.open(**{CLAIM + "custom": {"lesson": "two-step"}})

    with database.read() as session:
        assert session.scalars(select(ResourceLink)).one().settings == {}


@pytest.mark.parametrize("custom", [{"lesson": "no-such"}, {"lesson": "two-step", "item": "no-such"}])
def test_link_to_nothing_says_so(door: Door, custom: dict[str, str]) -> None:
    answer = door.launch(**{CLAIM + "custom": custom})

    page = door.browser.get(answer.headers["Location"], base_url=BASE_URL, follow_redirects=True)

    assert launch_id(answer)
    assert (page.status_code, error_code(page)) == (404, "lesson_unknown")

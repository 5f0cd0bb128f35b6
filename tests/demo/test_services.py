"""The platform's services: line items, scores, results, memberships, and the gradebook they fill."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import select

from lti_tool.demo.records import ScorePost
from tests.demo.dummy_tool import (
    LINE_ITEM,
    LINE_ITEM_READ_SCOPE,
    LINE_ITEM_SCOPE,
    LINE_ITEMS,
    MEMBERS,
    MEMBERS_SCOPE,
    RESULT_SCOPE,
    RESULTS,
    SCORE,
    SCORE_SCOPE,
    Clock,
    Tool,
)

COLUMN = {"label": "Essay", "scoreMaximum": 10, "resourceId": "essay", "tag": "judged"}


def part(url: str, name: str) -> str:
    return url.replace("?", f"/{name}?")


def score(tool: Tool, person: str = "ada", **changed: Any) -> dict[str, Any]:
    body = {
        "userId": tool.sub(person),
        "timestamp": "2026-11-02T14:00:00.000Z",
        "activityProgress": "Completed",
        "gradingProgress": "FullyGraded",
        "scoreGiven": 74,
        "scoreMaximum": 100,
        "comment": "Seven criteria, each with its sentence.",
    } | changed
    return {name: value for name, value in body.items() if value != "-"}


def post(tool: Tool, body: Any) -> int:
    return tool.call("POST", part(tool.endpoint["lineitem"], "scores"), body=body, media=SCORE).status_code


def results(tool: Tool, query: str = "") -> list[dict[str, Any]]:
    answer = tool.call("GET", part(tool.endpoint["lineitem"], "results") + query, media=RESULTS)
    assert answer.mimetype == RESULTS
    return json.loads(answer.text)


def gradebook_row(tool: Tool, person: str = "ada") -> dict[str, Any]:
    rows = tool.client.get("/gradebook.json").json["columns"][0]["rows"]
    return next(row for row in rows if row["person"] == person)


# ---- bearer tokens --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "name", "media", "scope"),
    [
        ("GET", "", LINE_ITEM, SCORE_SCOPE),
        ("PUT", "", LINE_ITEM, LINE_ITEM_READ_SCOPE),
        ("DELETE", "", LINE_ITEM, LINE_ITEM_READ_SCOPE),
        ("POST", "scores", SCORE, LINE_ITEM_SCOPE),
        ("GET", "results", RESULTS, SCORE_SCOPE),
    ],
)
def test_each_call_needs_its_own_scope(tool: Tool, method: str, name: str, media: str, scope: str) -> None:
    url = tool.endpoint["lineitem"]
    answer = tool.call(method, part(url, name) if name else url, body={}, media=media, token=tool.bearer(scope))
    assert answer.status_code == 403
    assert "insufficient_scope" in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Basic eDp5"}])
def test_no_live_token_is_401(tool: Tool, header: dict[str, str]) -> None:
    answer = tool.call("GET", tool.endpoint["lineitems"], media=LINE_ITEMS, token=header)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_token_ends_after_an_hour(tool: Tool, clock: Clock) -> None:
    token, url = tool.bearer(), tool.endpoint["lineitems"]
    clock.advance(seconds=3599)
    assert tool.call("GET", url, media=LINE_ITEMS, token=token).status_code == 200
    clock.advance(seconds=1)
    assert tool.call("GET", url, media=LINE_ITEMS, token=token).status_code == 401


# ---- line items -----------------------------------------------------------------------------


def test_the_activity_has_its_column_from_the_start(tool: Tool) -> None:
    listed = json.loads(tool.call("GET", tool.endpoint["lineitems"], media=LINE_ITEMS).text)
    assert [(item["label"], item["scoreMaximum"]) for item in listed] == [("Durable Workflows", 100)]
    assert listed[0]["id"] == tool.endpoint["lineitem"]


def test_a_line_item_is_made_read_replaced_and_removed(tool: Tool) -> None:
    made = tool.call("POST", tool.endpoint["lineitems"], body=COLUMN, media=LINE_ITEM)
    item = json.loads(made.text)
    assert (made.status_code, made.mimetype, made.location) == (201, LINE_ITEM, item["id"])
    replaced = tool.call("PUT", item["id"], body={"label": "Essay 2", "scoreMaximum": 20}, media=LINE_ITEM)
    assert replaced.status_code == 200
    read = json.loads(tool.call("GET", item["id"], media=LINE_ITEM).text)
    assert (read["label"], read["scoreMaximum"], read["tag"]) == ("Essay 2", 20, "")
    assert tool.call("DELETE", item["id"]).status_code == 204
    assert tool.call("GET", item["id"], media=LINE_ITEM).status_code == 404


def test_the_activitys_own_column_cannot_be_removed_until_a_put_lets_it_loose(tool: Tool) -> None:
    url = tool.endpoint["lineitem"]
    assert tool.call("DELETE", url).status_code == 403
    tool.call("PUT", url, body={"label": "Durable Workflows", "scoreMaximum": 100}, media=LINE_ITEM)
    assert "lineitem" not in tool.endpoint
    assert tool.call("DELETE", url).status_code == 204


def test_two_columns_for_one_activity_leave_the_claim_without_lineitem(tool: Tool) -> None:
    link = json.loads(tool.call("GET", tool.endpoint["lineitem"], media=LINE_ITEM).text)["resourceLinkId"]
    tool.call("POST", tool.endpoint["lineitems"], body=COLUMN | {"resourceLinkId": link}, media=LINE_ITEM)
    assert "lineitem" not in tool.endpoint


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"label": ""}, 400),
        ({"label": None}, 400),
        ({"scoreMaximum": None}, 400),
        ({"scoreMaximum": 0}, 400),
        ({"scoreMaximum": "10"}, 400),
        ({"tag": 3}, 400),
        ({"startDateTime": "tomorrow"}, 400),
        ({"resourceLinkId": "another-course"}, 404),
    ],
)
def test_faulty_line_items(tool: Tool, changed: dict[str, Any], status: int) -> None:
    answer = tool.call("POST", tool.endpoint["lineitems"], body=COLUMN | changed, media=LINE_ITEM)
    assert answer.status_code == status
    assert answer.json["message"]


def test_filters_and_pages_of_line_items(tool: Tool) -> None:
    url = tool.endpoint["lineitems"]
    for n in range(3):
        tool.call("POST", url, body=COLUMN | {"resourceId": f"essay-{n}"}, media=LINE_ITEM)
    assert [item["resourceId"] for item in follow(tool, f"{url}&tag=judged&limit=2", LINE_ITEMS)] == [
        "essay-0",
        "essay-1",
        "essay-2",
    ]
    assert len(follow(tool, f"{url}&resource_id=essay-1", LINE_ITEMS)) == 1
    assert len(follow(tool, f"{url}&resource_link_id=agents-201-durable-workflows", LINE_ITEMS)) == 1


def follow(tool: Tool, url: str, media: str, key: str | None = None) -> list[dict[str, Any]]:
    """Everything a list holds, page by page along its Link headers."""
    found: list[dict[str, Any]] = []
    while url:
        answer = tool.call("GET", url, media=media)
        assert answer.status_code == 200, answer.text
        body = json.loads(answer.text)
        found += body[key] if key else body
        link = answer.headers.get("Link", "")
        assert not link or link.endswith('>; rel="next"')
        url = link[1:].partition(">")[0]
    return found


@pytest.mark.parametrize("query", ["&limit=0", "&limit=-1", "&limit=x", "&limit=٣", "&page=zzzz", "&page=%00"])
def test_faulty_paging_is_400(tool: Tool, query: str) -> None:
    assert tool.call("GET", tool.endpoint["lineitems"] + query, media=LINE_ITEMS).status_code == 400


def test_media_types_are_exact(tool: Tool) -> None:
    url = tool.endpoint["lineitems"]
    assert tool.call("GET", url, media="*/*").status_code == 406
    assert tool.call("GET", url, media="application/json").status_code == 406
    assert tool.call("POST", url, body=COLUMN, media="application/json").status_code == 415
    assert tool.call("POST", url, body=COLUMN, media=f"{LINE_ITEM}; charset=utf-8").status_code == 201


def test_the_query_is_part_of_the_address(tool: Tool) -> None:
    url = tool.endpoint["lineitem"]
    assert tool.call("GET", url.partition("?")[0], media=LINE_ITEM).status_code == 404
    appended = tool.call("POST", f"{url}/scores", body=score(tool), media=SCORE)
    assert appended.status_code in (404, 405)
    assert gradebook_row(tool)["posts"] == 0


# ---- scores and results ---------------------------------------------------------------------


def test_a_score_reaches_results_and_gradebook(tool: Tool) -> None:
    assert post(tool, score(tool)) == 200
    [result] = results(tool)
    assert (result["resultScore"], result["resultMaximum"]) == (74, 100)
    assert result["userId"] == tool.sub("ada")
    assert result["scoreOf"] == tool.endpoint["lineitem"]
    assert result["comment"] == "Seven criteria, each with its sentence."
    row = gradebook_row(tool)
    assert (row["state"], row["scoreGiven"], row["posts"], row["refused"]) == ("graded", 74, 1, 0)
    assert "<td" in tool.client.get("/gradebook/rows?me=ada").text


def test_a_score_is_rescaled_to_the_column(tool: Tool) -> None:
    post(tool, score(tool, scoreGiven=0.85, scoreMaximum=1))
    assert results(tool)[0]["resultScore"] == 85


def test_zero_is_a_score(tool: Tool) -> None:
    post(tool, score(tool, scoreGiven=0))
    assert results(tool)[0]["resultScore"] == 0
    assert gradebook_row(tool)["state"] == "graded"


@pytest.mark.parametrize(
    ("timestamp", "status"),
    [
        ("2026-11-02T14:00:00.000Z", 409),
        ("2026-11-02T15:00:00.000+01:00", 409),
        ("2026-11-02T13:59:59.999Z", 409),
        ("2026-11-02T14:00:00.001Z", 200),
        ("2026-11-02T09:30:00-0500", 200),
    ],
)
def test_a_timestamp_must_be_strictly_later(tool: Tool, timestamp: str, status: int) -> None:
    post(tool, score(tool))
    assert post(tool, score(tool, timestamp=timestamp, scoreGiven=80)) == status
    assert results(tool)[0]["resultScore"] == (80 if status == 200 else 74)


@pytest.mark.parametrize("progress", ["Pending", "PendingManual", "Failed", "NotReady"])
def test_a_score_that_is_not_final_clears_what_stood_there(tool: Tool, progress: str) -> None:
    post(tool, score(tool))
    later = score(tool, timestamp="2026-11-02T14:00:01Z", gradingProgress=progress)
    assert post(tool, later) == 200
    assert results(tool) == []
    row = gradebook_row(tool)
    assert (row["state"], row["scoreGiven"]) == ("submitted", None)


@pytest.mark.parametrize(
    "changed",
    [
        *({name: "-"} for name in ("userId", "timestamp", "activityProgress", "gradingProgress", "scoreMaximum")),
        {"userId": 4},
        {"timestamp": "2026-11-02T14:00:00"},
        {"timestamp": "2026-11-02 14:00:00Z"},
        {"timestamp": "2026-13-02T14:00:00Z"},
        {"timestamp": "0001-01-01T00:00:00+14:00"},
        {"timestamp": 1793628381},
        {"activityProgress": "Done"},
        {"gradingProgress": ["FullyGraded"]},
        {"scoreGiven": -1},
        {"scoreGiven": True},
        {"scoreGiven": "74"},
        {"scoreGiven": float("nan")},
        {"scoreGiven": float("inf")},
        {"scoreGiven": 10**400},
        {"scoreGiven": 1e10},
        {"scoreMaximum": 1e-300},
        {"scoreMaximum": 0},
        {"comment": {"text": "x"}},
        {"comment": "\ud800"},
    ],
    ids=str,
)
def test_a_faulty_score_is_400_and_changes_nothing(tool: Tool, changed: dict[str, Any]) -> None:
    assert post(tool, score(tool, **changed)) == 400
    assert results(tool) == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000, b'{"userId": ' + b"9" * 5000 + b"}"])
def test_a_body_that_is_no_object_is_400(tool: Tool, body: bytes) -> None:
    assert post(tool, body) == 400


def test_a_very_large_body_is_413(tool: Tool) -> None:
    assert post(tool, score(tool, comment="x" * 300_000)) == 413


def test_who_can_be_scored(tool: Tool) -> None:
    assert post(tool, score(tool, userId="nobody")) == 404
    assert post(tool, score(tool, "ines")) == 400


def test_every_post_is_kept_also_a_refused_one(tool: Tool) -> None:
    body = score(tool)
    assert [post(tool, body), post(tool, body), post(tool, b"{")] == [200, 409, 400]
    store = tool.client.application.extensions["platform_store"]
    with store.session() as session:
        kept = session.scalars(select(ScorePost).order_by(ScorePost.id)).all()
    assert [row.status for row in kept] == [200, 409, 400]
    assert json.loads(kept[1].body) == body
    row = gradebook_row(tool)
    assert (row["posts"], row["refused"]) == (2, 1)


def test_results_filter_and_page(tool: Tool) -> None:
    post(tool, score(tool, "ada"))
    post(tool, score(tool, "bo", scoreGiven=83))
    assert [row["resultScore"] for row in results(tool, f"&user_id={tool.sub('bo')}")] == [83]
    assert results(tool, "&user_id=nobody") == []
    paged = follow(tool, part(tool.endpoint["lineitem"], "results") + "&limit=1", RESULTS)
    assert {row["resultScore"] for row in paged} == {74, 83}


def test_the_result_address_answers_that_result(tool: Tool) -> None:
    posted = tool.call("POST", part(tool.endpoint["lineitem"], "scores"), body=score(tool), media=SCORE)
    found = json.loads(tool.call("GET", posted.json["resultUrl"], media=RESULTS).text)
    assert found[0]["id"] == posted.json["resultUrl"]


def test_the_gradebook_escapes_comments(tool: Tool) -> None:
    post(tool, score(tool, comment="<script>alert(1)</script>"))
    assert "<script>alert" not in tool.client.get("/gradebook/rows").text


def test_the_revision_changes_with_the_gradebook_alone(tool: Tool) -> None:
    before = [tool.client.get("/gradebook.json").json["revision"] for _ in range(2)]
    post(tool, score(tool))
    after = tool.client.get("/gradebook.json").json["revision"]
    assert before[0] == before[1] != after


# ---- memberships ----------------------------------------------------------------------------


def members_url(tool: Tool) -> str:
    claim = tool.launch()["https://purl.imsglobal.org/spec/lti-nrps/claim/namesroleservice"]
    assert claim["service_versions"] == ["2.0"]
    return claim["context_memberships_url"]


def test_memberships_page_by_page(tool: Tool) -> None:
    found = follow(tool, f"{members_url(tool)}?limit=1", MEMBERS, "members")
    assert [member["name"] for member in found] == [
        "Ada Osei",
        "Bo Åberg Lindqvist",
        "Ines Duarte",
        "Tom Brandt",
        "Rana Haddad",
        "Uma Nair",
    ]
    assert {member["status"] for member in found} == {"Active"}
    assert found[0]["user_id"] == tool.sub("ada")
    assert found[0]["roles"][0] == "http://purl.imsglobal.org/vocab/lis/v2/membership#Learner"


@pytest.mark.parametrize("role", ["Instructor", "http://purl.imsglobal.org/vocab/lis/v2/membership%23Instructor"])
def test_memberships_by_role(tool: Tool, role: str) -> None:
    found = follow(tool, f"{members_url(tool)}?role={role}", MEMBERS, "members")
    assert [member["given_name"] for member in found] == ["Ines", "Tom", "Rana"]


def test_memberships_refusals(tool: Tool) -> None:
    url = members_url(tool)
    assert tool.call("GET", url, media=MEMBERS, token=tool.bearer(RESULT_SCOPE)).status_code == 403
    assert tool.call("GET", url, media="application/json").status_code == 406
    elsewhere = url.replace("agents-201", "another")
    assert tool.call("GET", elsewhere, media=MEMBERS, token=tool.bearer(MEMBERS_SCOPE)).status_code == 404
    assert tool.call("GET", f"{url}?page=bm90", media=MEMBERS).status_code == 400

"""Whatever is sent to the door, the answer is a page of ours and never a fault."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from tests.lti_tool.door import BASE_URL, CLAIM, Door, encoded, error_code

FUZZED = settings(
    max_examples=120,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # the tool may keep what it likes between examples
)
LOGIN_FIELDS = (
    "iss",
    "login_hint",
    "target_link_uri",
    "lti_message_hint",
    "client_id",
    "lti_deployment_id",
    "lti_storage_target",
)
URLS = [
    "https://tool.example.edu/",
    "https://lms.example.edu",
    "//x",
    "https://[::1",
    "https://a:99999/",
    "http://\u2028",
]
TEXT = st.one_of(st.text(max_size=60), st.sampled_from([*URLS, "\x00", "x" * 5000, "_parent", "{", "$x", "a b"]))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30) | st.sampled_from(URLS),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=8,
)
CLAIMS = [
    *("iss", "aud", "azp", "sub", "iat", "exp", "nbf", "nonce", "name", "given_name", "email"),
    *(CLAIM + name for name in ("version", "message_type", "deployment_id", "target_link_uri", "resource_link")),
    *(CLAIM + name for name in ("roles", "context", "custom", "launch_presentation", "tool_platform", "for_user")),
    "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint",
    "https://purl.imsglobal.org/spec/lti-nrps/claim/namesroleservice",
    "https://purl.imsglobal.org/spec/lti-dl/claim/deep_linking_settings",
]
INNER = ["id", "title", "lesson", "return_url", "scope", "lineitems", "user_id", "accept_types", "deep_link_return_url"]
CHANGES = st.dictionaries(
    st.sampled_from(CLAIMS),
    st.one_of(JSON, st.dictionaries(st.sampled_from(INNER), JSON, max_size=4)),
    min_size=1,
    max_size=4,
)


def is_answered(answer: TestResponse) -> bool:
    """A way on, or a page of ours that says why not."""
    if answer.status_code in (200, 302, 303):
        return True
    return 400 <= answer.status_code < 500 and bool(error_code(answer))


@pytest.mark.parametrize("method", ["GET", "POST"])
@FUZZED
@given(fields=st.dictionaries(st.sampled_from(LOGIN_FIELDS), TEXT))
def test_any_login_is_answered(method: str, door: Door, fields: dict[str, str]) -> None:
    right = door.login_fields(lti_deployment_id="deployment-1")

    for sent in (fields, right | fields):
        kept = {name: value.encode("utf-8", "surrogatepass") for name, value in sent.items()}
        where: dict[str, Any] = {"query_string": kept} if method == "GET" else {"data": kept}
        assert is_answered(door.browser.open("/lti/login", method=method, base_url=BASE_URL, **where))


@pytest.mark.parametrize("path", ["/lti/launch", "/lti/launch/confirm"])
@FUZZED
@given(state=TEXT, token=TEXT, proof=TEXT, body=st.binary(max_size=80))
def test_any_launch_is_answered(path: str, door: Door, state: str, token: str, proof: str, body: bytes) -> None:
    begun = door.login(lti_storage_target="") if len(state) % 2 else None
    form = {"state": begun.state if begun else state, "id_token": token, "proof": proof}

    assert is_answered(door.browser.post(path, data=form, base_url=BASE_URL))
    raw = door.browser.post(path, data=body, content_type="application/x-www-form-urlencoded", base_url=BASE_URL)
    assert is_answered(raw)


@FUZZED
@given(changes=CHANGES)
def test_any_signed_message_is_answered(door: Door, changes: dict[str, Any]) -> None:
    begun = door.login()
    claims = json.dumps(door.platform.claims(begun.nonce) | changes).encode()

    assert is_answered(door.post(begun.state, door.platform.sign_anything(claims)))


@FUZZED
@given(header=JSON, payload=JSON, signature=st.text(alphabet="abcABC123-_", max_size=20))
def test_any_token_is_answered(door: Door, header: Any, payload: Any, signature: str) -> None:
    parts = [encoded(json.dumps(part).encode()) for part in (header, payload)]
    begun = door.login()

    assert is_answered(door.post(begun.state, ".".join([*parts, signature])))

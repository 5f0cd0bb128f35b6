"""Registering ourselves with a platform (LTI Dynamic Registration 1.0), and what Canvas asks for as JSON.

The platform opens our page with the address of its configuration and a one-time token. We read the configuration,
say who we are, and keep what it answers as a *pending* registration: it opens nothing until an operator approves it.
https://www.imsglobal.org/spec/lti-dr/v1p0
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from lti_tool.ags import LINE_ITEM, LINE_ITEM_READ, RESULT_READ, SCORE
from lti_tool.deadlines import VARIABLES
from lti_tool.nrps import GROUPS_READ, MEMBERSHIP_READ
from lti_tool.outbound import Outbound, Reply
from lti_tool.platforms import rules_for
from lti_tool.registrations import MAX_ID, MAX_URL, RegistrationProblem
from lti_tool.roster import SECTIONS
from lti_tool.settings import Settings

TITLE = "Atelier"
DESCRIPTION = "Lessons with open questions, judged against a rubric, reviewed by you, graded in your course."
SCOPES = (LINE_ITEM, LINE_ITEM_READ, RESULT_READ, SCORE, MEMBERSHIP_READ, GROUPS_READ)
CLAIMS = ("iss", "sub", "name", "given_name", "family_name")
PRIVACY = "name_only"  # Canvas's word for these claims
TOOL_CONFIGURATION = "https://purl.imsglobal.org/spec/lti-tool-configuration"
PLATFORM_CONFIGURATION = "https://purl.imsglobal.org/spec/lti-platform-configuration"
RESOURCE_LINK, DEEP_LINKING, REVIEW = (
    "LtiResourceLinkRequest",
    "LtiDeepLinkingRequest",
    "LtiSubmissionReviewRequest",
)
# Where content may be chosen: the specification's place, and Canvas's own (which it also names with its prefix).
CONTENT_AREA = "ContentArea"
PLACEMENTS = (CONTENT_AREA, "assignment_selection", "link_selection")
CANVAS_PREFIX = "https://canvas.instructure.com/lti/"
TOOL_ID = "atelier"
# One platform may answer at several hosts: all of hosted Canvas has one issuer, its schools hosts of their own.
# https://developerdocs.instructure.com/services/canvas/external-tools/lti/file.lti_launch_overview
SHARED_HOSTS = (("instructure.com", "canvaslms.com"),)
# Custom parameters that every launch brings: the course's dates, and (Canvas) the sections a person is in.
# https://developerdocs.instructure.com/services/canvas/external-tools/lti/file.tools_variable_substitutions
CUSTOM_PARAMETERS = {**VARIABLES, SECTIONS: "$com.instructure.User.sectionNames"}
MAX_TOKEN = 8000


@dataclass(frozen=True)
class PlatformConfiguration:
    """What a platform says about itself, as far as we use it."""

    issuer: str
    auth_login_url: str
    auth_token_url: str
    jwks_url: str
    registration_url: str
    token_audience: str | None
    family: str | None
    messages: Mapping[str, tuple[str, ...] | None]
    """The message types it knows, each with its placements; None where it names no placements."""
    scopes: frozenset[str] | None


@dataclass(frozen=True)
class Registered:
    """What the platform gave us: a client id, and the deployment if it made one."""

    client_id: str
    deployment_id: str | None


# ---- the platform's side -------------------------------------------------------------------------------------


def read_configuration(outbound: Outbound, url: str, token: str) -> PlatformConfiguration:
    """Fetch and check a platform's configuration. RegistrationProblem, or an OutboundError of the way there.

    The token goes along, since Canvas gives its configuration for it alone (doc/api/registration.md).
    """
    if not url or len(url) > MAX_URL or "#" in url:
        raise RegistrationProblem("The platform gave no usable address of its configuration.")
    headers = {"Accept": "application/json", **_authorization(token)}
    found = _json_of(outbound.get(url, headers=headers), "configuration")
    extra = found.get(PLATFORM_CONFIGURATION)
    extra = extra if isinstance(extra, dict) else {}
    family = _optional(extra, "product_family_code", MAX_ID)
    configuration = PlatformConfiguration(
        issuer=_text(found, "issuer", MAX_URL),
        auth_login_url=_text(found, "authorization_endpoint", MAX_URL),
        auth_token_url=_text(found, "token_endpoint", MAX_URL),
        jwks_url=_text(found, "jwks_uri", MAX_URL),
        registration_url=_text(found, "registration_endpoint", MAX_URL),
        token_audience=_optional(found, "authorization_server", MAX_URL) if _names_audience(family) else None,
        family=family,
        messages=_messages(extra.get("messages_supported")),
        scopes=_scopes(found.get("scopes_supported")),
    )
    for what, other in (("issuer", configuration.issuer), ("registration address", configuration.registration_url)):
        if not _same_platform(url, other):
            raise RegistrationProblem(
                f"The configuration came from another host than the {what} in it, so it was not believed. "
                "Register the platform by hand with `atelier lms add`."
            )
    return configuration


def register(outbound: Outbound, configuration: PlatformConfiguration, token: str, settings: Settings) -> Registered:
    """Tell the platform who we are. RegistrationProblem, or an OutboundError of the way there."""
    headers = {"Content-Type": "application/json", "Accept": "application/json", **_authorization(token)}
    body = json.dumps(tool_configuration(settings, configuration)).encode()
    answer = _json_of(outbound.post(configuration.registration_url, body, headers=headers), "answer")
    given = answer.get("client_id")
    client_id = str(given) if isinstance(given, int) and not isinstance(given, bool) else given
    if not isinstance(client_id, str) or not 0 < len(client_id) <= MAX_ID or not client_id.isprintable():
        raise RegistrationProblem("The platform's answer holds no client id.")
    ours = answer.get(TOOL_CONFIGURATION)
    return Registered(client_id, _optional(ours if isinstance(ours, dict) else {}, "deployment_id", MAX_ID))


def _authorization(token: str) -> dict[str, str]:
    """The header with the registration token. Some platforms send none (Brightspace), so none is asked for."""
    if len(token) > MAX_TOKEN or not token.isascii() or not token.isprintable():
        raise RegistrationProblem("The platform's registration token cannot be read.")
    return {"Authorization": f"Bearer {token}"} if token else {}


def _names_audience(family: str | None) -> bool:
    return rules_for(family).authorization_server_is_audience


def _json_of(reply: Reply, what: str) -> dict[str, Any]:
    if not reply.ok:
        raise RegistrationProblem(f"The platform answered {reply.status} where its {what} was expected.")
    found = reply.json()
    if not isinstance(found, dict):
        raise RegistrationProblem(f"The platform's {what} cannot be read.")
    return found


def _text(found: Mapping[str, Any], name: str, longest: int) -> str:
    value = _optional(found, name, longest)
    if value is None:
        raise RegistrationProblem(f"The platform's configuration has no usable {name}.")
    return value


def _optional(found: Mapping[str, Any], name: str, longest: int) -> str | None:
    value = found.get(name)
    usable = isinstance(value, str) and 0 < len(value) <= longest and value.isprintable() and value == value.strip()
    return value if usable else None


def _messages(listed: Any) -> dict[str, tuple[str, ...] | None]:
    found: dict[str, tuple[str, ...] | None] = {}
    for row in listed if isinstance(listed, list) else []:
        if isinstance(row, dict) and isinstance(row.get("type"), str):
            places = row.get("placements")
            found[row["type"]] = tuple(filter(_is_text, places)) if isinstance(places, list) else None
    return found


def _scopes(listed: Any) -> frozenset[str] | None:
    return frozenset(filter(_is_text, listed)) if isinstance(listed, list) else None


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _same_platform(one: str, other: str) -> bool:
    """Whether two addresses are at one host, or at hosts that are known to belong together."""
    try:
        hosts = [(urlsplit(url).hostname or "").lower() for url in (one, other)]
    except ValueError:
        return False
    if not all(hosts):
        return False
    return hosts[0] == hosts[1] or any(
        all(any(host == domain or host.endswith(f".{domain}") for domain in domains) for host in hosts)
        for domains in SHARED_HOSTS
    )


# ---- our side ------------------------------------------------------------------------------------------------


def tool_configuration(settings: Settings, platform: PlatformConfiguration) -> dict[str, Any]:
    """What we say about ourselves: only messages, placements and scopes that the platform knows."""
    launch = settings.base_url + "/lti/launch"
    # A platform that lists none of them lists only those of OpenID (Sakai: "openid"), and knows them all the same.
    listed = [scope for scope in SCOPES if scope in (platform.scopes or ())]
    scopes = listed or [scope for scope in SCOPES if scope != GROUPS_READ]
    return {
        "application_type": "web",
        "response_types": ["id_token"],
        "grant_types": ["implicit", "client_credentials"],
        "initiate_login_uri": settings.base_url + "/lti/login",
        "redirect_uris": [launch],
        "client_name": TITLE,
        "jwks_uri": settings.base_url + "/lti/jwks",
        "token_endpoint_auth_method": "private_key_jwt",
        "scope": " ".join(scopes),
        TOOL_CONFIGURATION: {
            "domain": urlsplit(settings.base_url).netloc,
            "description": DESCRIPTION,
            "target_link_uri": launch,
            "custom_parameters": dict(CUSTOM_PARAMETERS),
            "claims": list(CLAIMS),
            "messages": _our_messages(launch, platform),
            CANVAS_PREFIX + "tool_id": TOOL_ID,
            CANVAS_PREFIX + "privacy_level": PRIVACY,
        },
    }


def _our_messages(launch: str, platform: PlatformConfiguration) -> list[dict[str, Any]]:
    """Choosing content first: where two messages mean one placement, Canvas keeps the first of them.

    And it takes a message without placements to mean link_selection (app/models/lti/ims/registration.rb).
    """
    known = platform.messages or {RESOURCE_LINK: None, DEEP_LINKING: None}
    messages: list[dict[str, Any]] = []
    for kind in (DEEP_LINKING, RESOURCE_LINK, REVIEW):
        if kind not in known:
            continue
        message: dict[str, Any] = {"type": kind, "target_link_uri": launch, "label": TITLE}
        if kind == DEEP_LINKING:
            message["placements"] = _chosen_placements(known[kind])
        messages.append(message)
    return messages


def _chosen_placements(offered: tuple[str, ...] | None) -> list[str]:
    """Of what is offered, where content is chosen for us; the specification's own place where nothing is named."""
    places = {place.removeprefix(CANVAS_PREFIX): place for place in offered or ()}
    return [places[place] for place in PLACEMENTS if place in places] or [CONTENT_AREA]


def canvas_configuration(settings: Settings) -> dict[str, Any]:
    """A developer key's configuration for Canvas's "Enter URL".

    https://developerdocs.instructure.com/services/canvas/external-tools/lti/file.lti_dev_key_config
    """
    base, launch = settings.base_url, settings.base_url + "/lti/launch"
    return {
        "title": TITLE,
        "description": DESCRIPTION,
        "oidc_initiation_url": base + "/lti/login",
        "target_link_uri": launch,
        "redirect_uris": [launch],
        "public_jwk_url": base + "/lti/jwks",
        "scopes": [scope for scope in SCOPES if scope != GROUPS_READ],  # Canvas refuses scopes that it does not know
        "custom_fields": dict(CUSTOM_PARAMETERS),
        "extensions": [
            {
                "domain": urlsplit(base).netloc,
                "tool_id": TOOL_ID,
                "platform": "canvas.instructure.com",
                "privacy_level": PRIVACY,
                "settings": {
                    "text": TITLE,
                    "placements": [
                        {
                            "placement": place,
                            "text": TITLE,
                            "message_type": DEEP_LINKING,
                            "target_link_uri": launch,
                            "selection_width": 800,
                            "selection_height": 500,
                        }
                        for place in ("assignment_selection", "link_selection")
                    ],
                },
            }
        ],
    }

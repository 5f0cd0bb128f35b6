"""Names and Role Provisioning Services 2.0: who is in a course.

https://www.imsglobal.org/spec/lti-nrps/v2p0
"""

from typing import Any

from lti_tool.access_tokens import AccessTokens, Client
from lti_tool.keys import SigningKey
from lti_tool.models import Registration
from lti_tool.outbound import ReplyUnreadable
from lti_tool.services import PlatformService

MEMBERSHIP_READ = "https://purl.imsglobal.org/spec/lti-nrps/scope/contextmembership.readonly"
GROUPS_READ = "https://purl.imsglobal.org/spec/lti-gs/scope/contextgroup.readonly"
GROUPS_TYPE = "application/vnd.ims.lti-gs.v1.contextgroupcontainer+json"
MEMBERSHIPS_TYPE = "application/vnd.ims.lti-nrps.v2.membershipcontainer+json"


def members(
    outbound: Client,
    registration: Registration,
    key: SigningKey,
    memberships_url: str,
    *,
    tokens: AccessTokens | None = None,
    at_most: int | None = None,
) -> list[dict[str, Any]]:
    """Every member of the course as the platform describes it (`user_id`, `roles`, perhaps `name`), all pages.

    With `at_most`, no page is asked for after so many, and only so many are returned.

    Roles may be short words or URIs; rights come from the launch, never from here.
    """
    service = PlatformService(outbound, registration, key, (MEMBERSHIP_READ,), tokens)
    found: list[dict[str, Any]] = []
    for page in service.pages(memberships_url, MEMBERSHIPS_TYPE):
        rows = page.get("members") if isinstance(page, dict) else None
        if not isinstance(rows, list):
            raise ReplyUnreadable(200, "a list of members was expected")
        found += [row for row in rows if isinstance(row, dict) and isinstance(row.get("user_id"), str)]
        if at_most is not None and len(found) >= at_most:
            return found[:at_most]
    return found


def group_names(
    outbound: Client,
    registration: Registration,
    key: SigningKey,
    groups_url: str,
    *,
    tokens: AccessTokens | None = None,
) -> dict[str, str]:
    """The names of a course's groups by their ids (Course Groups Service 1.0), all pages.

    https://www.imsglobal.org/spec/lti-gs/v1p0
    """
    service = PlatformService(outbound, registration, key, (GROUPS_READ,), tokens)
    found: dict[str, str] = {}
    for page in service.pages(groups_url, GROUPS_TYPE):
        rows = page.get("groups") if isinstance(page, dict) else None
        for row in rows if isinstance(rows, list) else []:
            if isinstance(row, dict) and isinstance(row.get("id"), str) and isinstance(row.get("name"), str):
                found[row["id"]] = row["name"]
    return found

"""The deep_linking_settings claim, read and checked for shape.

https://www.imsglobal.org/spec/lti-dl/v2p0#deep-linking-settings
"""

from collections.abc import Mapping
from typing import Any

from lti_tool.deep_linking import DL_CLAIM, LINK, ContentRequest
from lti_tool.web import launch_refusals
from lti_tool.web.claims import optional, required, strings, url, words

SETTINGS = DL_CLAIM + "deep_linking_settings"


def read_content_request(claims: Mapping[str, Any]) -> ContentRequest:
    """What the platform asks to be chosen; refused unless a link to an activity is among it.

    accept_multiple that was not sent means one: a second link that is dropped without a word would be lost work.
    accept_lineitem that was not sent means that line items may come, as in version 2.0's own examples.
    """
    settings = required(claims, SETTINGS, dict)
    types = strings(settings, "accept_types", required(settings, "accept_types", list))
    if LINK not in types:
        raise launch_refusals.LinksNotAccepted()
    targets = required(settings, "accept_presentation_document_targets", list)
    return_url = url(settings, "deep_link_return_url")
    if return_url is None:
        raise launch_refusals.ClaimMissing(claim="deep_link_return_url")
    may_carry_scores = optional(settings, "accept_lineitem", bool)
    return ContentRequest(
        return_url=return_url,
        accept_multiple=optional(settings, "accept_multiple", bool) or False,
        accept_line_item=may_carry_scores is not False,
        targets=tuple(strings(settings, "accept_presentation_document_targets", targets)),
        data=settings.get("data"),
        title=words(settings, "title"),
    )

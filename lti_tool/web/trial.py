"""Trying a platform before anybody launches: are its keys to be had, and does it give us a token?

A token is given only to an assertion that was checked against our own key set, so it also says that ours can be read.
"""

from lti_tool.access_tokens import AccessTokens, Client
from lti_tool.ags import SCORE
from lti_tool.keys import SigningKey
from lti_tool.models import Registration
from lti_tool.outbound import OutboundError
from lti_tool.web.launch_refusals import KeysUnreachable
from lti_tool.web.platform_keys import PlatformKeys


class PlatformTrouble(Exception):
    """What the platform did not do; the message is a sentence for the admin."""


def try_platform(keys: PlatformKeys, outbound: Client, registration: Registration, key: SigningKey) -> str:
    """Read the platform's keys and ask it for a token now; says in a sentence what came of it."""
    try:
        count = keys.read_now(registration)
    except KeysUnreachable:
        raise PlatformTrouble(
            f"{registration.name}: no keys were found at {registration.jwks_url}. The address must answer with a JSON "
            "key set, and not from a private network that ATELIER_PLATFORM_NETWORKS does not list."
        ) from None
    try:
        AccessTokens().bearer(outbound, registration, key, [SCORE])
    except OutboundError as error:
        raise PlatformTrouble(
            f"{registration.name}: its keys were read, and it gave no token. {error} "
            "Is the tool switched on there, with grade services, and can the platform reach our key set?"
        ) from None
    keys_read = f"{count} public {'key' if count == 1 else 'keys'} read"
    return f"{registration.name}: {keys_read}, and a token given, so it reads ours too."

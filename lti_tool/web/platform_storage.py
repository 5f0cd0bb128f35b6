"""The platform's frame as a second place where a login leaves its mark in the browser, beside the cookie.

Where the login names a frame (lti_storage_target), our page has it keep the login's token, and the page that answers
the launch asks for it back. Messages go to that frame alone, and only while it is on the origin of the platform's
login address: https://www.imsglobal.org/spec/lti-cs-oidc/v0p1 and https://www.imsglobal.org/spec/lti-pm-s/v0p1
"""

from flask import Response, g, make_response, render_template

from lti_tool.models import LoginState, Registration
from lti_tool.platforms import origin_of
from lti_tool.web.logins import Login, cookie_name


def remember_page(registration: Registration, begun: Login, target: str, address: str) -> Response:
    """A page that has the platform keep the login's token and goes on to `address`, which it also does without."""
    return _page(
        "storage_remember.html",
        registration,
        target=target,
        key=cookie_name(begun.state),
        token=begun.browser_token,
        address=address,
    )


def recall_page(registration: Registration, begun: LoginState, id_token: str) -> Response:
    """A page that asks the platform for the token and posts the launch again with it; nothing is used up by it."""
    return _page(
        "storage_recall.html",
        registration,
        target=begun.storage_target,
        key=cookie_name(begun.state),
        state=begun.state,
        id_token=id_token,
    )


def _page(template: str, registration: Registration, **values: str | None) -> Response:
    g.passing_through = registration
    return make_response(render_template(template, origin=origin_of(registration.auth_login_url), **values))

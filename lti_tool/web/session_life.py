"""How long a session still lives, asked by the page that warns before its end, and the one press that extends it."""

from flask import Blueprint, Response, jsonify

from lti_tool.web.sessions import seconds_left, signed_in

bp = Blueprint("session", __name__, url_prefix="/l/<launch_id>/session")


@bp.get("")
@signed_in(extends=False)
def left(launch_id: str) -> Response:
    """The seconds that are left; asking does not add any."""
    return jsonify(seconds_left=seconds_left())


@bp.post("")
@signed_in()
def extend(launch_id: str) -> Response:
    """A whole session from now on."""
    return jsonify(seconds_left=seconds_left())

"""What each family of platforms does differently, as data, and where a platform's pages come from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from lti_tool.models import Registration


@dataclass(frozen=True)
class PlatformRules:
    """How a family of platforms treats scores: each rule with its reason, each family with its sources."""

    family: str
    submitted_message: bool
    """Whether handed-in work is announced by Submitted + PendingManual without a score. Moodle blanks the
    grade it has at any gradingProgress other than FullyGraded, so there it never is."""
    conflict_may_mean_stored: bool
    """Whether 409 also answers an exact repetition of a score that was stored."""
    server_error_may_mean_locked: bool
    """Whether 500 is how a locked grade is told; it lasts as long as the lock."""

    comment_accumulates: bool
    """Whether each score's comment is added below the ones before. Moodle replaces it, and clears it where a
    score carries none, so there every score repeats it."""
    members_by_link: bool
    """Whether the roster is asked for by resource link (`rlid`), because only then each member's custom parameters,
    with the sections, are filled in. Elsewhere the whole course is asked for."""
    submitted_extension: Mapping[str, Any]
    """What a message about handed-in work carries beside AGS' own fields."""
    score_extension: Mapping[str, Any]
    """What a released score carries beside AGS' own fields. Where this is empty a score is plain AGS 2.0: the times
    of a submission are no part of its first edition, and nothing is known of platforms that refuse or need them."""
    authorization_server_is_audience: bool
    """Whether a configuration's `authorization_server` is what token requests must name as `aud` (LTI Dynamic
    Registration 1.0). Canvas sends a bare host there and refuses any audience but its token address
    (canvas-lms lib/canvas/oauth/client_credentials_provider.rb, issue 1925)."""
    sources: tuple[str, ...]


CANVAS_SUBMISSION = "https://canvas.instructure.com/lti/submission"
RULES = {
    "canvas": PlatformRules(
        family="canvas",
        submitted_message=True,
        conflict_may_mean_stored=False,
        server_error_may_mean_locked=False,
        comment_accumulates=True,
        members_by_link=True,
        # The work is an attempt of its own, opened in SpeedGrader by launching the address that comes with it. A
        # message without a score would take a score away that is there, so it asks to leave it, whoever gave it.
        submitted_extension={
            CANVAS_SUBMISSION: {
                "new_submission": True,
                "submission_type": "basic_lti_launch",
                "preserve_score": True,
                "prioritize_non_tool_grade": True,
            }
        },
        # A score is no new attempt (attempts may be limited: 422) and leaves the address of the work as it is; a
        # grade that a teacher set in Canvas by hand stays.
        score_extension={CANVAS_SUBMISSION: {"new_submission": False, "prioritize_non_tool_grade": True}},
        authorization_server_is_audience=False,
        sources=(
            "https://developerdocs.instructure.com/services/canvas/resources/score",
            "canvas-lms app/controllers/lti/ims/scores_controller.rb",
        ),
    ),
    "moodle": PlatformRules(
        family="moodle",
        submitted_message=False,
        conflict_may_mean_stored=True,
        server_error_may_mean_locked=True,
        comment_accumulates=False,
        members_by_link=False,
        submitted_extension={},
        score_extension={},
        authorization_server_is_audience=True,
        sources=("moodle mod/lti/service/gradebookservices/classes/local/resources/scores.php", "a running 4.5.6"),
    ),
    "unknown": PlatformRules(
        family="unknown",
        submitted_message=False,
        conflict_may_mean_stored=True,
        server_error_may_mean_locked=False,
        comment_accumulates=False,
        members_by_link=False,
        submitted_extension={},
        score_extension={},
        authorization_server_is_audience=True,
        sources=("https://www.imsglobal.org/spec/lti-ags/v2p0#score-publish-service",),
    ),
}


def rules_for(family: str | None) -> PlatformRules:
    """The rules of a product_family_code; the careful ones for a platform we do not know."""
    return RULES.get((family or "").strip().lower(), RULES["unknown"])


# ---- where a platform's pages come from ----------------------------------------------------------------------


def origin_of(url: str) -> str:
    """Scheme, host and port of a web address; "" for anything else."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return ""
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https") or not host or not set(host) <= _HOST_CHARACTERS:
        return ""
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}"


_HOST_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.-_:")


def frame_origins(registration: Registration) -> set[str]:
    """The origins that may frame us for a registration: its issuer's and its login page's.

    Hosted Canvas shares one issuer; institutions frame from their own host under instructure.com.
    """
    origins = {origin_of(registration.issuer), origin_of(registration.auth_login_url)} - {""}
    host = urlsplit(registration.issuer).hostname if origin_of(registration.issuer) else None
    if host and host.endswith(".instructure.com"):
        origins.add("https://*.instructure.com")
    return origins

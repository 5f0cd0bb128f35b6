"""What each family of platforms does differently, as data, and where a platform's pages come from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from lti_tool.models import Registration


@dataclass(frozen=True)
class KnownRefusal:
    """A refusal of a score whose reason is known: by its status and a piece of what was said, in lower case."""

    status: int
    says: str
    words: str
    """For the instructor: why, and what helps."""


@dataclass(frozen=True)
class PlatformRules:
    """How a family of platforms treats scores: each rule with its reason, each family with its sources."""

    family: str
    submitted_message: bool
    """Whether handed-in work is announced by Submitted + PendingManual without a score. Moodle blanks the
    grade it has at any gradingProgress other than FullyGraded, so there it never is."""
    conflict_means_newer: bool
    """Whether 409 says that the gradebook has something as new or newer. Either it is this very score, or no
    repetition of the message will ever be taken. Elsewhere a conflict may pass."""
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
    """What a released score carries beside AGS' own fields."""
    authorization_server_is_audience: bool
    """Whether a configuration's `authorization_server` is what token requests must name as `aud` (LTI Dynamic
    Registration 1.0). Canvas sends a bare host there and refuses any audience but its token address
    (canvas-lms lib/canvas/oauth/client_credentials_provider.rb, issue 1925)."""
    override_stays: bool
    """Whether a grade that somebody typed in at the gradebook stays there, whatever is sent."""
    submission_time: bool
    """Whether a released score tells when the work was handed in (AGS 2.0, `submission.submittedAt`), so that a review
    that takes a week makes nobody late. Moodle reads none and shows the score's own time."""
    refusals: tuple[KnownRefusal, ...]
    """Refusals that an instructor should not have to read in the platform's own words."""
    sources: tuple[str, ...]

    def why(self, status: int, said: str) -> str | None:
        """Why a score was refused, in words; None where the platform's own words are all there is."""
        known = (one for one in self.refusals if one.status == status and one.says in said.lower())
        return next((one.words for one in known), None)


NO_LEARNER = (
    "The course takes scores for its students alone, and this person is not one of them (any more). "
    "Nothing is lost: send it again when they are back."
)
NEWER = "The course has something newer than this score. Send it again if this score is to count."
CANVAS_SUBMISSION = "https://canvas.instructure.com/lti/submission"
RULES = {
    "canvas": PlatformRules(
        family="canvas",
        submitted_message=True,
        conflict_means_newer=False,
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
        override_stays=True,
        submission_time=True,
        refusals=(
            KnownRefusal(422, "user not found", NO_LEARNER),
            KnownRefusal(
                422,
                "maximum number of allowed attempts",
                "The attempts that the assignment allows in Canvas are used up. Raise them there, then send it again.",
            ),
            KnownRefusal(400, "before last updated timestamp", NEWER),
        ),
        sources=(
            "https://developerdocs.instructure.com/services/canvas/resources/score",
            "canvas-lms app/controllers/lti/ims/scores_controller.rb",
        ),
    ),
    "moodle": PlatformRules(
        family="moodle",
        submitted_message=False,
        conflict_means_newer=True,
        server_error_may_mean_locked=True,
        comment_accumulates=False,
        members_by_link=False,
        submitted_extension={},
        score_extension={},
        authorization_server_is_audience=True,
        override_stays=True,
        submission_time=False,
        # The reason phrase goes on with the whole body of the message, which nobody needs to read.
        refusals=(KnownRefusal(400, "incorrect score received", NO_LEARNER), KnownRefusal(409, "", NEWER)),
        sources=("moodle mod/lti/service/gradebookservices/classes/local/resources/scores.php", "a running 4.5.6"),
    ),
    "unknown": PlatformRules(
        family="unknown",
        submitted_message=False,
        conflict_means_newer=False,
        server_error_may_mean_locked=False,
        comment_accumulates=False,
        members_by_link=False,
        submitted_extension={},
        score_extension={},
        authorization_server_is_audience=True,
        override_stays=False,
        submission_time=True,
        # As Blackboard and Brightspace say it (hypothesis/lms, services/lti_grading/_v13.py).
        refusals=(
            KnownRefusal(400, "user could not be found", NO_LEARNER),
            KnownRefusal(403, "not enrolled in the org unit", NO_LEARNER),
            KnownRefusal(404, "user does not exist", NO_LEARNER),
        ),
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

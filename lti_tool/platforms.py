"""Registrations of platforms, and what each family of platforms does differently, as data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session, selectinload

from lti_tool.db import utc_now
from lti_tool.models import Audit, Deployment, PlatformKeySet, Registration
from lti_tool.settings import Settings, is_loopback

MAX_URL = 2000
MAX_ID = 255
SELF = "itself"  # the source of a registration that a platform made through /lti/register
MAX_PENDING = 50
_PENDING = (Registration.source == SELF, Registration.approved_at.is_(None), Registration.enabled.is_(False))


class RegistrationProblem(ValueError):
    """A registration cannot be stored as given; the message says what to change."""


# ---- what platforms do differently ---------------------------------------------------------------------------


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
        sources=("https://www.imsglobal.org/spec/lti-ags/v2p0#score-publish-service",),
    ),
}


def rules_for(family: str | None) -> PlatformRules:
    """The rules of a product_family_code; the careful ones for a platform we do not know."""
    return RULES.get((family or "").strip().lower(), RULES["unknown"])


# ---- registrations -------------------------------------------------------------------------------------------


def add_registration(
    session: Session,
    settings: Settings,
    *,
    name: str,
    issuer: str,
    client_id: str,
    auth_login_url: str,
    auth_token_url: str,
    jwks_url: str,
    deployment_ids: Sequence[str],
    token_audience: str | None = None,
) -> Registration:
    """Store a platform; the same issuer and client id again updates its addresses and adds deployments.

    RegistrationProblem says in a sentence what cannot be accepted; nothing is stored then.
    """
    _check_text("name", name)
    _check_text("issuer", issuer, MAX_URL)
    _check_text("client id", client_id)
    addresses = {"auth_login_url": auth_login_url, "auth_token_url": auth_token_url, "jwks_url": jwks_url}
    for field, url in addresses.items():
        _check_url(field.replace("_", "-").removesuffix("-url") + " address", url, settings)
    if not deployment_ids:
        raise RegistrationProblem("Give at least one deployment id; the platform shows it beside the client id.")
    for lms_id in deployment_ids:
        _check_text("deployment id", lms_id)
    if token_audience is not None:
        _check_text("token audience", token_audience, MAX_URL)
    registration = _stored(session, issuer, client_id) or Registration(issuer=issuer, client_id=client_id)
    if registration.id is not None and registration.jwks_url != jwks_url:
        session.execute(delete(PlatformKeySet).where(PlatformKeySet.registration_id == registration.id))
    registration.name, registration.enabled = name, True
    registration.approved_at = registration.approved_at or utc_now()
    if token_audience is not None or registration.id is None:
        registration.token_audience = token_audience
    for field, url in addresses.items():
        setattr(registration, field, url)
    session.add(registration)
    _add_deployments(registration, deployment_ids)
    session.flush()
    return registration


def list_registrations(session: Session) -> list[Registration]:
    """Every registration with its deployments, oldest first."""
    query = select(Registration).options(selectinload(Registration.deployments)).order_by(Registration.id)
    return list(session.scalars(query))


def remove_registration(session: Session, registration_id: int) -> Registration:
    """Disable a registration, so that it opens nothing more; what learners did stays. Adding it again enables it.

    RegistrationProblem if there is none of that id.
    """
    found = _registration(session, registration_id)
    found.enabled = False
    session.add(Audit(kind="registration", code="disabled", registration_id=found.id))
    return found


def keep_pending(
    session: Session,
    settings: Settings,
    *,
    name: str,
    issuer: str,
    client_id: str,
    auth_login_url: str,
    auth_token_url: str,
    jwks_url: str,
    deployment_id: str | None,
    token_audience: str | None,
    family: str | None,
) -> tuple[Registration, bool]:
    """Keep a platform that registered itself, as pending; returns it, and whether it is new.

    One that was approved or entered by a person is left as it is. RegistrationProblem for what cannot be accepted,
    and when too many wait already.
    """
    found = _stored(session, issuer, client_id)
    if found is not None and (found.enabled or found.approved_at is not None or found.source != SELF):
        return found, False
    addresses = {"auth_login_url": auth_login_url, "auth_token_url": auth_token_url, "jwks_url": jwks_url}
    _check_text("issuer", issuer, MAX_URL)
    for field, url in addresses.items():
        _check_url(field.replace("_", "-").removesuffix("-url") + " address", url, settings)
    is_new = found is None
    waiting = session.scalar(select(func.count()).select_from(Registration).where(*_PENDING)) or 0
    if is_new and waiting >= MAX_PENDING:
        raise RegistrationProblem("Too many registrations wait for approval here. Ask who runs the tool to look.")
    registration = found or Registration(issuer=issuer, client_id=client_id, source=SELF, enabled=False)
    registration.name, registration.token_audience, registration.platform_family = name, token_audience, family
    for field, url in addresses.items():
        setattr(registration, field, url)
    session.add(registration)
    _add_deployments(registration, [deployment_id] if deployment_id else [])
    session.flush()
    session.add(Audit(kind="registration", code="registered_itself", registration_id=registration.id))
    return registration, is_new


def approve_registration(session: Session, registration_id: int, deployment_ids: Sequence[str] = ()) -> Registration:
    """Let a pending (or disabled) platform in, with its deployments. RegistrationProblem where that can't be."""
    found = _registration(session, registration_id)
    for lms_id in deployment_ids:
        _check_text("deployment id", lms_id)
    _add_deployments(found, deployment_ids)
    session.flush()
    if not any(deployment.enabled for deployment in found.deployments):
        raise RegistrationProblem(
            "The platform has named no deployment yet. Give its deployment id; it stands beside the client id there."
        )
    found.enabled, found.approved_at = True, found.approved_at or utc_now()
    session.add(Audit(kind="registration", code="approved", registration_id=found.id))
    session.flush()
    return found


def is_pending(registration: Registration) -> bool:
    """Whether a platform registered itself and nobody has approved it yet."""
    return registration.source == SELF and registration.approved_at is None and not registration.enabled


def pending_registration(session: Session, issuer: str, client_id: str | None) -> Registration | None:
    """A platform of this name that waits to be approved, or that was disabled."""
    query = select(Registration).where(Registration.issuer == issuer, Registration.enabled.is_(False))
    if client_id:
        query = query.where(Registration.client_id == client_id)
    return session.scalars(query.order_by(Registration.id).limit(1)).first()


def _registration(session: Session, registration_id: int) -> Registration:
    found = session.get(Registration, registration_id)
    if found is None:
        raise RegistrationProblem(f"There is no registration {registration_id}; `atelier lms list` shows them all.")
    return found


def find_registration(session: Session, issuer: str, client_id: str | None) -> Registration | None:
    """The enabled registration of (issuer, client id); without a client id the issuer's only one, else None."""
    query = select(Registration).where(Registration.issuer == issuer, Registration.enabled)
    if client_id:
        query = query.where(Registration.client_id == client_id)
    found = session.scalars(query.limit(2)).all()
    return found[0] if len(found) == 1 else None


def is_ambiguous(session: Session, issuer: str) -> bool:
    """Whether an issuer alone does not tell which registration is meant."""
    query = select(Registration.id).where(Registration.issuer == issuer, Registration.enabled).limit(2)
    return len(session.scalars(query).all()) > 1


def _stored(session: Session, issuer: str, client_id: str) -> Registration | None:
    query = select(Registration).where(Registration.issuer == issuer, Registration.client_id == client_id)
    return session.scalar(query)


def _add_deployments(registration: Registration, deployment_ids: Sequence[str]) -> None:
    present = {deployment.lms_id: deployment for deployment in registration.deployments}
    for lms_id in dict.fromkeys(deployment_ids):
        if lms_id in present:
            present[lms_id].enabled = True
        else:
            registration.deployments.append(Deployment(lms_id=lms_id))


def _check_text(what: str, value: str, longest: int = MAX_ID) -> None:
    if not value or value != value.strip() or len(value) > longest or not value.isprintable():
        raise RegistrationProblem(f"The {what} must be 1 to {longest} printable characters without spaces at its ends.")


def _check_url(what: str, url: str, settings: Settings) -> None:
    _check_text(what, url, MAX_URL)
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        raise RegistrationProblem(f"The {what} is not a web address.") from None
    if not host or parts.username is not None or parts.fragment or " " in url:
        raise RegistrationProblem(f"The {what} must be a web address such as https://lms.example.edu/path.")
    if parts.scheme == "https":
        return
    if parts.scheme != "http":
        raise RegistrationProblem(f"The {what} must begin with https://.")
    if not (settings.allow_http and is_loopback(host)):
        raise RegistrationProblem(
            f"The {what} must begin with https://; plain http is for loopback addresses with ATELIER_ALLOW_HTTP=1."
        )


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

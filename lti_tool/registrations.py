"""Registrations of platforms: added by hand, by the platform itself, approved, disabled, found for a login."""

from collections.abc import Sequence
from datetime import timedelta
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
PENDING_LIFE = timedelta(days=30)
_PENDING = (Registration.source == SELF, Registration.approved_at.is_(None), Registration.enabled.is_(False))


class RegistrationProblem(ValueError):
    """A registration cannot be stored as given; the message says what to change."""


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

    One that still waits for approval is forgotten: nothing hangs on it. RegistrationProblem if there is none of it.
    """
    found = _registration(session, registration_id)
    if is_pending(found):
        session.add(Audit(kind="registration", code="dismissed", registration_id=found.id))
        _forget(session, [found])
        return found
    found.enabled = False
    session.add(Audit(kind="registration", code="disabled", registration_id=found.id))
    return found


def disable_deployment(session: Session, registration_id: int, lms_id: str) -> Registration:
    """Let one deployment open nothing more. RegistrationProblem where there is none of that id."""
    found = _registration(session, registration_id)
    deployment = next((one for one in found.deployments if one.lms_id == lms_id and one.enabled), None)
    if deployment is None:
        raise RegistrationProblem(f"{found.name} has no such deployment.")
    deployment.enabled = False
    session.add(Audit(kind="registration", code="deployment_disabled", registration_id=found.id))
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
    too_old = select(Registration).where(*_PENDING, Registration.created_at < utc_now() - PENDING_LIFE)
    _forget(session, [row for row in session.scalars(too_old).all() if row is not found])
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


def _forget(session: Session, rows: Sequence[Registration]) -> None:
    """Delete pending registrations with their deployments; no launch ever came of them."""
    for row in rows:
        for one in (*row.deployments, row):
            session.delete(one)
    session.flush()


def approve_registration(session: Session, registration_id: int, deployment_ids: Sequence[str] = ()) -> Registration:
    """Let a pending (or disabled) platform in, with its deployments. RegistrationProblem where that can't be.

    One that is let in already gains deployments.
    """
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

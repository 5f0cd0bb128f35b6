"""The headers of every answer: what a page may load, who may frame it, what is kept."""

import time
from threading import Lock

from flask import Response, current_app, g, request
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from lti_tool.db import Database
from lti_tool.models import Registration
from lti_tool.platforms import frame_origins, origin_of
from lti_tool.web.context import current

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; base-uri 'none'; frame-ancestors 'self'"
)
# A report that was written to a file: its own styles, and nothing else runs or loads.
STANDS_ALONE = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; sandbox allow-top-navigation-by-user-activation"
)
PERMISSIONS = "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"
ORIGINS_KEPT_SECONDS = 30.0


class FrameOrigins:
    """Where registered platforms live, asked of the database at most every 30 seconds."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._origins: tuple[str, ...] = ()
        self._asked_at: float | None = None

    def all(self, database: Database) -> tuple[str, ...]:
        """The origins of every enabled registration; the last known ones while the database is away."""
        with self._lock:
            now = time.monotonic()
            if self._asked_at is None or now - self._asked_at > ORIGINS_KEPT_SECONDS:
                try:
                    with database.read() as session:
                        rows = session.scalars(select(Registration).where(Registration.enabled)).all()
                    self._origins = tuple(sorted({origin for row in rows for origin in frame_origins(row)}))
                    self._asked_at = now
                except SQLAlchemyError:
                    pass
            return self._origins


def set_security_headers(response: Response) -> Response:
    """Set the policy on every answer; nothing but the tool's own static files may be kept by a cache."""
    headers = response.headers
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "no-referrer"
    headers["Permissions-Policy"] = PERMISSIONS
    if current().settings.is_secure:
        headers["Strict-Transport-Security"] = "max-age=31536000"
    if "stands_alone" in g:
        headers["Content-Security-Policy"] = STANDS_ALONE
    elif response.mimetype == "text/html":
        forms_to = g.get("form_action", "'self'")
        frames = ["frame-src 'self';"] if g.get("frames_itself") else []
        headers["Content-Security-Policy"] = " ".join([f"form-action {forms_to};", *frames, POLICY, *_ancestors()])
    if request.endpoint != "static":
        headers.setdefault("Cache-Control", "no-store")
    return response


def _ancestors() -> list[str]:
    if "passing_through" in g:
        # Who frames a step of the login is known only once its launch is verified: hosted Canvas frames from its
        # schools' own hosts. Such a page shows nothing and has nothing to click.
        return sorted({"https:", *frame_origins(g.passing_through)})
    if "framed_by" in g:
        registration, return_url = g.framed_by
    elif "launch" in g:
        registration, return_url = g.launch.registration, g.launch.return_url
    else:
        known: FrameOrigins = current_app.extensions["atelier.frame_origins"]
        return list(known.all(current().database))
    # A page of a launch is for that platform alone. Canvas frames come from the institution's own host,
    # which only the signed return address tells.
    origins = {*frame_origins(registration), origin_of(return_url or "")}
    return sorted(origins - {""})

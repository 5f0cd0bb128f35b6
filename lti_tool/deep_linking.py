"""Deep Linking 2.0: what a platform asks to be chosen, and the signed answer that carries the choice.

https://www.imsglobal.org/spec/lti-dl/v2p0. A link is found again by its custom parameters, never by its address, so
that a course that was copied opens the same lesson from a resource link that nobody has seen before.
"""

import secrets
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

import jwt
from sqlalchemy import update
from sqlalchemy.orm import Session

from lti_tool.deadlines import VARIABLES
from lti_tool.keys import SigningKey
from lti_tool.lesson import Item, Lesson
from lti_tool.lessons import course_lessons
from lti_tool.models import DeepLinking, Registration

CLAIM = "https://purl.imsglobal.org/spec/lti/claim/"
DL_CLAIM = "https://purl.imsglobal.org/spec/lti-dl/claim/"
LINK = "ltiResourceLink"
TAG = "atelier"
ANSWER_SECONDS = 300
BACKDATED_SECONDS = 5
MAX_TITLE = 255
MAX_POINTS = 10_000
FRAME = {"width": 840, "height": 640}

ReleasePolicy = Literal["review", "auto"]


@dataclass(frozen=True)
class ContentRequest:
    """What the platform asks for. `data` is opaque and goes back as it came; None if it was not sent."""

    return_url: str
    accept_multiple: bool
    accept_line_item: bool
    targets: tuple[str, ...]
    data: Any = None
    title: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The request in JSON's own types; `stored_request` reads it back."""
        return {**asdict(self), "targets": list(self.targets)}


def stored_request(row: DeepLinking) -> ContentRequest:
    """The request that a row holds."""
    return ContentRequest(**{**row.request, "targets": tuple(row.request["targets"])})


@dataclass(frozen=True)
class Choice:
    """One link to make: a whole lesson, or one of its questions."""

    lesson: Lesson
    item: Item | None
    title: str
    points: float
    release: ReleasePolicy


def published_lessons(session: Session, context_id: int | None) -> list[Lesson]:
    """Every lesson that can be placed in a course (None: one that is not known yet), by title."""
    lessons = course_lessons(session, context_id)
    return sorted((published.lesson for published in lessons), key=lambda lesson: lesson.title.casefold())


def take_answer(session: Session, deep_linking_id: str, now: datetime) -> bool:
    """Mark the request as answered; of any number of answers at once, exactly one is told True."""
    taken = session.execute(
        update(DeepLinking)
        .where(DeepLinking.id == deep_linking_id, DeepLinking.answered_at.is_(None), DeepLinking.expires_at > now)
        .values(answered_at=now)
        .returning(DeepLinking.id)
    )
    return taken.scalar_one_or_none() is not None


def content_item(choice: Choice, request: ContentRequest, launch_url: str) -> dict[str, Any]:
    """One choice as an ltiResourceLink."""
    custom = {"lesson": choice.lesson.slug, "release": choice.release, **VARIABLES}
    resource_id = choice.lesson.slug
    if choice.item is not None:
        custom["item"] = choice.item.id
        resource_id += f"/{choice.item.id}"
    link: dict[str, Any] = {"type": LINK, "url": launch_url, "title": choice.title, "custom": custom}
    if request.accept_line_item:
        link["lineItem"] = {
            "label": choice.title,
            "scoreMaximum": choice.points,
            "resourceId": resource_id,
            "tag": TAG,
        }
    if "iframe" in request.targets:
        link["iframe"] = dict(FRAME)
    elif "window" in request.targets:
        link["window"] = {"targetName": "_blank"}
    return link


def signed_answer(
    registration: Registration,
    deployment_lms_id: str,
    request: ContentRequest,
    items: Sequence[dict[str, Any]],
    key: SigningKey,
) -> str:
    """The answer as a JWT of ours; an empty list says that nothing was chosen."""
    issued = int(time.time()) - BACKDATED_SECONDS
    claims: dict[str, Any] = {
        "iss": registration.client_id,
        "aud": registration.issuer,
        "iat": issued,
        "exp": issued + ANSWER_SECONDS,
        "nonce": secrets.token_urlsafe(24),
        CLAIM + "message_type": "LtiDeepLinkingResponse",
        CLAIM + "version": "1.3.0",
        CLAIM + "deployment_id": deployment_lms_id,
        DL_CLAIM + "content_items": list(items),
    }
    if request.data is not None:
        claims[DL_CLAIM + "data"] = request.data
    return jwt.encode(claims, key.private_pem, algorithm="RS256", headers={"kid": key.kid})

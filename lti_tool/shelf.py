"""A placement that holds several lessons: a shelf, with a placement of its own for each lesson beside it.

The link's custom parameter `lessons` names them (`lessons=first,second`). Each lesson's placement is like any other,
with its own progress, settings and gradebook column; it is reached only from the shelf, by a launch that the shelf
opens for whoever the platform vouched for. What the platform says about the shelf holds for its lessons.
"""

import secrets

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from lti_tool.models import Launch, ResourceLink

MOST = 30
FOLLOWS = ("context_id", "line_items_url", "memberships_url", "groups_url", "scopes", "platform_family")
OWN = ("lessons", "item", "weights", "placed")  # what a shelf's settings say about the shelf alone


def read_lessons(said: str) -> list[str]:
    """The lessons a custom parameter names, each once, in its order; one alone is no shelf."""
    slugs = list(dict.fromkeys(slug.strip() for slug in said.split(",") if slug.strip()))
    return slugs[:MOST] if len(slugs) > 1 else []


def lessons_on(link: ResourceLink) -> tuple[str, ...]:
    """The lessons a placement holds; none where it is a lesson itself."""
    said = link.settings.get("lessons", ())
    return tuple(str(slug) for slug in said) if isinstance(said, list) else ()


def is_on_shelf(link: ResourceLink) -> bool:
    """Whether this is the placement of one lesson of a shelf, of which the platform knows nothing."""
    return "shelf" in link.settings


def placement_of(session: Session, shelf: ResourceLink, slug: str) -> ResourceLink:
    """The placement of one lesson of a shelf, made if it is not there; it follows what the platform says now."""
    link = find_placement(session, shelf, slug)
    if link is None:
        settings = {name: value for name, value in shelf.settings.items() if name not in OWN}
        link = ResourceLink(
            deployment_id=shelf.deployment_id,
            context_id=shelf.context_id,
            lms_id=_name(shelf, slug),
            lesson_slug=slug,
            settings={**settings, "shelf": shelf.id},
        )
        try:
            with session.begin_nested():
                session.add(link)
        except IntegrityError:  # another window was first
            link = find_placement(session, shelf, slug)
            assert link is not None
    for name in FOLLOWS:
        setattr(link, name, getattr(shelf, name))
    session.flush()
    return link


def find_placement(session: Session, shelf: ResourceLink, slug: str) -> ResourceLink | None:
    """The placement of one lesson of a shelf, if anybody has opened it yet."""
    found = select(ResourceLink).where(
        ResourceLink.deployment_id == shelf.deployment_id, ResourceLink.lms_id == _name(shelf, slug)
    )
    return session.scalar(found)


def _name(shelf: ResourceLink, slug: str) -> str:
    return f"shelf-{shelf.id}-{slug}"


def open_lesson(session: Session, launch: Launch, slug: str) -> Launch:
    """A launch of one lesson of the shelf, for the same person in the same role. KeyError: it is not on this shelf."""
    shelf = launch.resource_link
    if slug not in lessons_on(shelf):
        raise KeyError(slug)
    opened = Launch(
        id=secrets.token_urlsafe(32),
        registration_id=launch.registration_id,
        resource_link_id=placement_of(session, shelf, slug).id,
        person_id=launch.person_id,
        role=launch.role,
        message_type=launch.message_type,
        detail={**launch.detail, "shelf": launch.id},
        locale=launch.locale,
        return_url=launch.return_url,
    )
    session.add(opened)
    session.flush()
    return opened

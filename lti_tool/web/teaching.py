"""What every page for those who teach needs: its placement, a piece of work in it, who looks, and the shell."""

from flask import abort, g, render_template
from sqlalchemy.orm import Session

from lti_tool.attempts import find_submission
from lti_tool.models import Person, ResourceLink, Submission


def placement_here(session: Session) -> ResourceLink:
    """The placement of the session that asks."""
    return session.get_one(ResourceLink, g.resource_link_id)


def work_here(session: Session, public_id: str) -> Submission:
    """A submission of this placement; 404 for any other."""
    return find_submission(session, placement_here(session), public_id) or abort(404)


def own_handle(session: Session) -> str:
    """The handle of whoever asks."""
    return session.get_one(Person, g.person_id).handle


def teachers_page(session: Session, template: str, section: str, **shown: object) -> str:
    """A page in the instructor's shell; `section` is the endpoint that the bar marks."""
    person = session.get_one(Person, g.person_id)
    return render_template(f"instructor/{template}", section=section, who=person.name or person.handle, **shown)

"""Gradebooks as platforms offer them over AGS, for whoever delivers."""

from sqlalchemy.orm import Session

from lti_tool.ags import AgsClient
from lti_tool.delivery import Gradebook, GradebookOf
from lti_tool.keys import current_key
from lti_tool.models import ResourceLink
from lti_tool.outbound import Outbound
from lti_tool.settings import Settings


def platform_gradebooks(settings: Settings) -> GradebookOf:
    """Each placement's gradebook, asked with the key that signs now."""
    outbound = Outbound(settings)

    def gradebook_of(session: Session, link: ResourceLink) -> Gradebook:
        registration = link.deployment.registration
        return AgsClient(outbound, registration, current_key(session, settings), scopes=link.scopes)

    return gradebook_of

"""What every view may reach: the settings, the database, and the way out to platforms."""

from dataclasses import dataclass

from flask import current_app

from lti_tool.db import Database
from lti_tool.outbound import Outbound
from lti_tool.settings import Settings


@dataclass(frozen=True)
class Atelier:
    """The parts one application was made from."""

    settings: Settings
    database: Database
    outbound: Outbound


def current() -> Atelier:
    """The parts of the application that serves this request."""
    atelier = current_app.extensions["atelier"]
    assert isinstance(atelier, Atelier)
    return atelier

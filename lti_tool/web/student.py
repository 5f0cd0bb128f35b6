"""The student's pages, each kind in its own module, under one blueprint."""

from lti_tool.web import reading, takes, watching, writing
from lti_tool.web.visit import bp

PAGES = (reading, takes, writing, watching)

__all__ = ["PAGES", "bp"]

"""The student's pages, each kind in its own module, under one blueprint."""

from lti_tool.web import appeal_page, notice_page, reading, stages_stream, takes, watching, writing
from lti_tool.web.visit import bp

PAGES = (notice_page, reading, takes, writing, watching, stages_stream, appeal_page)

__all__ = ["PAGES", "bp"]

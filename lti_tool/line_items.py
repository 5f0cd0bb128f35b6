"""Changing gradebook columns: only those that this tool made itself.

A column that came with the activity is the platform's. Moodle lets a tool change and even delete it, which detaches it
from its activity (seen on 4.5.6), so it is never touched from here.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from sqlalchemy.orm import Session

from lti_tool.models import LineItem

MADE = "made"


class ColumnNotOurs(ValueError):
    """The column came with the activity, or was found there; its owner changes it in the course."""

    def __init__(self) -> None:
        super().__init__("This gradebook column belongs to the course; change it there.")


class Columns(Protocol):
    """What is needed of a gradebook; `AgsClient` is one."""

    def update_line_item(self, url: str, changes: Mapping[str, Any]) -> dict[str, Any]: ...
    def delete_line_item(self, url: str) -> None: ...


def change_column(gradebook: Columns, column: LineItem, *, label: str) -> None:
    """Rename a column that we made. Raises ColumnNotOurs or OutboundError."""
    _require_ours(column)
    gradebook.update_line_item(column.url, {"label": label})


def remove_column(session: Session, gradebook: Columns, column: LineItem) -> None:
    """Delete a column that we made, there and here. Raises ColumnNotOurs or OutboundError; nothing changes then."""
    _require_ours(column)
    gradebook.delete_line_item(column.url)
    session.delete(column)


def _require_ours(column: LineItem) -> None:
    if column.source != MADE:
        raise ColumnNotOurs()

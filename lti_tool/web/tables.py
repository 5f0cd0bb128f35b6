"""Tables to take away, as CSV that a spreadsheet opens without running anything in it."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from typing import Any

from flask import Response


def csv_answer(name: str, columns: Iterable[str], rows: Sequence[Mapping[str, Any]]) -> Response:
    """A table as a file of that name; a row without one of the columns leaves its cell empty."""
    sheet = StringIO()
    writer = csv.DictWriter(sheet, list(columns), lineterminator="\r\n")
    writer.writeheader()
    writer.writerows({column: _cell(value) for column, value in row.items()} for row in rows)
    return taken_away(name, sheet.getvalue(), "text/csv")


def taken_away(name: str, text: str, mimetype: str) -> Response:
    """Text as a file of that name."""
    answer = Response(text, mimetype=mimetype)
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _cell(value: Any) -> Any:
    """A value that no spreadsheet takes for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value

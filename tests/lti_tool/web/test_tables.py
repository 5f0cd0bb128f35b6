"""A table that is taken away: no cell is a formula, and what is empty stays empty."""

import csv
from io import StringIO

from lti_tool.web.tables import csv_answer


def test_no_cell_is_a_formula_and_what_is_empty_stays_empty() -> None:
    answer = csv_answer("t.csv", ["who", "why", "points"], [{"who": "=1+1", "why": "", "points": -2.5}, {"who": "@x"}])
    assert answer.headers["Content-Disposition"] == 'attachment; filename="t.csv"'
    assert list(csv.DictReader(StringIO(answer.get_data(as_text=True)))) == [
        {"who": "'=1+1", "why": "", "points": "-2.5"},
        {"who": "'@x", "why": "", "points": ""},
    ]

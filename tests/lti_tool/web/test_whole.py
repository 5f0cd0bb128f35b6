"""Numbers in addresses and forms: what is none, or longer than any of ours, is nothing and breaks nothing."""

import pytest

from lti_tool.web.whole import whole
from tests.lti_tool.web.test_instructor_pages import INES

LONG = "9" * 5000


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("007", 7), ("123456789", 123456789)])
def test_digits_are_a_number(text: str, number: int) -> None:
    assert whole(text) == number


@pytest.mark.parametrize("text", ["", " 1", "-1", "1.0", "²", "٣", "1e3", "1234567890", LONG])
def test_anything_else_is_none(text: str) -> None:
    assert whole(text) is None


ODD = pytest.mark.parametrize("odd", ["²", LONG], ids=["a digit that is none", "longer than any"])


@ODD
@pytest.mark.parametrize(
    "page", ["scores?sent=", "queue?page=", "queue?undone=", "calibration?item=essay&open=claim&you="]
)
def test_pages_open_with_odd_numbers_in_their_address(sign_in, page: str, odd: str) -> None:
    assert sign_in(INES).get(page + odd).status_code == 200


@ODD
def test_forms_with_odd_numbers_change_nothing_and_break_nothing(sign_in, odd: str) -> None:
    ines = sign_in(INES)
    assert ines.post("queue/bulk/release", {"picks": f"nothing:{odd}"}).status_code == 303
    rubric = {"do": f"up:{odd}", "seen": odd}
    assert ines.post("lessons/durable-workflows/rubrics/durable-workflows-essay", rubric).status_code < 500

"""Ways to pages that no course opens: a button of the demo, a link that works once."""

from dataclasses import replace

import pytest

from lti_tool.demo.midnight import Midnight
from lti_tool.demo.platform import create_platform
from tests.demo.dummy_tool import ISSUER, at_issuer


@pytest.fixture
def made(config):
    return replace(config, doors=lambda kind: f"https://tool.example/{kind}/enter?code=once")


@pytest.mark.parametrize(("kind", "words"), [("admin", "the admin’s pages"), ("research", "the researchers’ pages")])
def test_a_button_leads_through_a_new_link(made, kind, words) -> None:
    client = at_issuer(create_platform(made))
    assert words in client.get("/").text
    answer = client.post(f"/doors/{kind}", headers={"Origin": ISSUER})
    assert (answer.status_code, answer.headers["Location"]) == (303, f"https://tool.example/{kind}/enter?code=once")


def test_no_other_page_presses_it_and_there_are_no_other_doors(made) -> None:
    client = at_issuer(create_platform(made))
    assert client.post("/doors/admin", headers={"Origin": "https://elsewhere.example"}).status_code == 403
    assert client.post("/doors/cellar").status_code == 404


def test_only_whom_it_concerns_is_shown_them_in_the_course(made) -> None:
    client = at_issuer(create_platform(made))
    shown = {who for who in ("ada", "ines", "tom", "rana", "uma") if "/doors/" in client.get(f"/enter/{who}").text}
    assert shown == {"rana", "uma"}


def test_where_strangers_come_the_admins_pages_stay_shut(made) -> None:
    client = at_issuer(create_platform(replace(made, midnight=Midnight())))
    assert "the admin’s pages" not in client.get("/").text
    assert client.post("/doors/admin").status_code == 404
    assert client.post("/doors/research").status_code == 303

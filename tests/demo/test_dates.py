"""Dates of an activity, from the course's page into the tool's launch."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient

from lti_tool.deadlines import VARIABLES, Deadlines, dates_of
from lti_tool.demo.dates import PRESETS
from lti_tool.demo.platform import PlatformConfig, create_platform
from tests.demo.dummy_tool import Clock, Tool

CUSTOM = "https://purl.imsglobal.org/spec/lti/claim/custom"


@pytest.fixture
def app(config: PlatformConfig) -> Flask:
    """A platform whose first activity asks for its dates."""
    return create_platform(replace(config, custom={"lesson": "durable-workflows", **VARIABLES}))


def test_an_activity_without_dates_sends_empty_ones(tool: Tool) -> None:
    custom = tool.launch()[CUSTOM]
    assert custom == {"lesson": "durable-workflows", **dict.fromkeys(VARIABLES, "")}
    assert dates_of(custom) == {}


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.id)
def test_a_button_sets_dates_from_now_and_the_next_launch_carries_them(
    client: FlaskClient, tool: Tool, clock: Clock, preset
) -> None:
    answer = client.post("/enter/ines/dates", data={"preset": preset.id})
    assert answer.status_code == 303
    minute = clock.now.replace(second=0)
    expected = {name: (minute + distance).isoformat() for name, distance in preset.dates.items()}
    assert dates_of(tool.launch("ada")[CUSTOM]) == expected


def test_dates_are_typed_in_utc_and_an_empty_field_takes_one_away(client: FlaskClient, tool: Tool) -> None:
    client.post("/enter/ines/dates", data={"preset": "open"})
    client.post("/enter/ines/dates", data={"opens": "", "due": "2026-12-14T12:30", "closes": ""})
    assert dates_of(tool.launch()[CUSTOM]) == {"due": "2026-12-14T12:30:00+00:00"}
    assert 'value="2026-12-14T12:30"' in client.get("/enter/ines").text
    assert "2026-12-14 12:30 UTC" in client.get("/enter/ada").text


def test_dates_are_kept_when_the_platform_starts_again(client: FlaskClient, config: PlatformConfig) -> None:
    client.post("/enter/ines/dates", data={"due": "2026-12-14T12:30"})
    again = create_platform(config).test_client()
    assert "2026-12-14 12:30 UTC" in again.get("/enter/ada", base_url=config.issuer).text


@pytest.mark.parametrize(
    ("person", "form", "headers", "status"),
    [
        ("ada", {"preset": "late"}, {}, 403),
        ("ines", {"preset": "late"}, {"Origin": "https://elsewhere.example"}, 403),
        ("ines", {"due": "tomorrow"}, {}, 400),
        ("ines", {"link": "nowhere", "preset": "late"}, {}, 404),
        ("nobody", {"preset": "late"}, {}, 404),
    ],
)
def test_only_an_instructor_sets_them_from_the_course(
    client: FlaskClient, tool: Tool, person: str, form: dict[str, str], headers: dict[str, str], status: int
) -> None:
    assert client.post(f"/enter/{person}/dates", data=form, headers=headers).status_code == status
    assert dates_of(tool.launch()[CUSTOM]) == {}


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.id)
def test_a_button_puts_now_into_the_stage_it_is_named_after(preset, clock: Clock) -> None:
    deadlines = Deadlines(**{name: clock.now + distance for name, distance in preset.dates.items()})
    assert deadlines.stage(clock.now) == ("open" if preset.id == "none" else preset.id)

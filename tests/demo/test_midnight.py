"""A demo that strangers share: it says when it begins afresh, and does so when nobody is just looking."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from lti_tool.demo import commands
from lti_tool.demo.commands import Stage
from lti_tool.demo.midnight import LONGEST, Midnight
from lti_tool.demo.platform import create_platform
from tests.demo.dummy_tool import at_issuer

EVENING = datetime(2026, 11, 27, 18, 0)  # by the wall clock, as the demo's machine has it
NIGHT = datetime(2026, 11, 28)


class Clock:
    def __init__(self) -> None:
        self.now = EVENING

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def wall() -> Clock:
    return Clock()


def test_it_is_over_at_midnight_when_nobody_is_there(wall) -> None:
    midnight = Midnight(wall)
    wall.now = NIGHT - timedelta(seconds=1)
    assert not midnight.is_over()
    wall.now = NIGHT
    assert midnight.is_over()


def test_whoever_is_there_is_waited_for_but_not_for_ever(wall) -> None:
    midnight = Midnight(wall)
    wall.now = NIGHT + timedelta(minutes=5)
    midnight.visit()
    assert not midnight.is_over()
    wall.now += timedelta(minutes=2)
    assert midnight.is_over()
    wall.now = NIGHT + LONGEST
    midnight.visit()
    assert midnight.is_over()


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (EVENING, "Resets at midnight."),
        (NIGHT - timedelta(minutes=11, seconds=30), "in 12 min"),
        (NIGHT + timedelta(minutes=1), "Resets when you leave, at 00:30 at the latest."),
    ],
)
def test_its_banner_says_when(config, wall, now, words) -> None:
    app = create_platform(replace(config, midnight=Midnight(wall)))
    wall.now = now
    assert words in at_issuer(app).get("/").text


def test_a_request_is_a_visit_and_another_demo_says_nothing(config, client, wall) -> None:
    midnight = Midnight(wall)
    visited = at_issuer(create_platform(replace(config, midnight=midnight)))
    wall.now = NIGHT
    visited.get("/gradebook/rows")
    assert not midnight.is_over()
    assert "Resets" not in client.get("/").text


def test_what_was_kept_is_gone_the_next_day_and_otherwise_stays(monkeypatch, tmp_path) -> None:
    kept, stays = [], []
    monkeypatch.setattr(commands, "HOME", tmp_path)

    def one_day(stage: Stage, midnight: Midnight | None) -> None:
        stays.append(midnight is None)
        kept.append((stage.home / "tool.db").exists())
        stage.home.mkdir(parents=True, exist_ok=True)
        (stage.home / "tool.db").touch()
        if len(kept) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(commands, "_stay_up_until", one_day)
    (tmp_path / "demo-9000").mkdir()
    (tmp_path / "demo-9000" / "tool.db").touch()
    with pytest.raises(KeyboardInterrupt):
        commands._stay_up(9000, reset=False, nightly=True)
    assert (kept, stays) == ([True, False], [False, False])

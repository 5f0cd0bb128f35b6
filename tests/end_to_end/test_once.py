"""`atelier demo --once`: the whole path through the same HTTP, ledger, flow and AGS code, without a browser."""

import json
import socket
import subprocess

import pytest

from tests.end_to_end.conftest import ATELIER

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


def test_the_gradebook_shows_what_was_released(tmp_path) -> None:
    played = subprocess.run(
        [*ATELIER, "demo", "--once", "--json"], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert played.returncode == 0, played.stderr
    outcome = json.loads(played.stdout)
    assert outcome["gradebook"] == {
        "scoreGiven": outcome["released"]["given"],
        "scoreMaximum": outcome["released"]["maximum"],
    }
    assert set(outcome["levels"]) == {"q1", "q2", "essay", "drawing"}
    assert set(outcome["levels"]["q1"]) == {"hit", "edge", "form"}
    assert list(tmp_path.iterdir()) == []  # nothing is left behind


def test_a_taken_port_is_one_sentence(tmp_path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused = subprocess.run(
            [*ATELIER, "demo", "--port", str(port)], cwd=tmp_path, capture_output=True, text=True, timeout=60
        )
    assert refused.returncode == 1
    assert refused.stderr.strip().splitlines()[-1] == f"atelier: Port {port} is taken. Choose another with --port."

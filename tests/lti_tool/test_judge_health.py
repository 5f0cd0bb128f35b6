from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from lti_tool.judge_health import health_of, report

AT_ONCE, ROUNDS = 4, 8


def test_what_is_found_is_news_once_and_stands_until_it_changes(either_world) -> None:
    told = []
    for trouble in ("The key is missing.", "The key is missing.", "", ""):
        with either_world.database.write() as session:
            told.append(report(session, "claude:opus", trouble))
    assert told == [True, False, True, False]
    with either_world.database.read() as session:
        health = health_of(session, "claude:opus")
        assert health is not None
        assert health.trouble == ""
        assert health.looked_at > health.since


def test_executors_that_begin_at_the_same_moment_write_one_row(either_world) -> None:
    together = Barrier(AT_ONCE, timeout=20)

    def look(judge: str) -> bool:
        together.wait()
        with either_world.database.write() as session:
            return report(session, judge, "The key is missing.")

    with ThreadPoolExecutor(AT_ONCE) as threads:
        for number in range(ROUNDS):
            assert sorted(threads.map(look, [f"judge {number}"] * AT_ONCE)) == [False] * (AT_ONCE - 1) + [True]

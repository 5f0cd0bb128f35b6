"""Executors hear of work when it is committed, on either database, and go on listening after a lost connection."""

import threading
import time

import pytest
from sqlalchemy import create_engine, text

from flows import wakeup
from lti_tool.attempts import submit


@pytest.fixture
def woken(either_world, monkeypatch):
    """Set whenever there is news; the listener runs in a thread of its own."""
    monkeypatch.setattr(wakeup, "RECONNECT_SECONDS", 0.1)
    monkeypatch.setattr(wakeup, "LISTEN_SECONDS", 0.2)
    news, stopping = threading.Event(), threading.Event()
    url = either_world.database.engine.url.render_as_string(hide_password=False)
    thread = threading.Thread(target=wakeup.wake_on_work, args=(url, news.set, stopping))
    thread.start()
    assert news.wait(30)  # it begins with a look
    news.clear()
    yield news
    stopping.set()
    thread.join(30)


def test_work_that_is_committed_wakes(either_world, woken, sample_texts) -> None:
    with either_world.database.write() as session:
        submit(session, either_world.placement(session), either_world.ada_id, "q1", sample_texts["q1"])
        assert not woken.wait(0.2)  # nothing is told before it is there
    assert woken.wait(10)


def test_nothing_new_wakes_nobody(either_world, woken) -> None:
    with either_world.database.read() as session:
        session.execute(text("select count(*) from job"))
    assert not woken.wait(0.3)


@pytest.mark.slow
def test_a_lost_connection_is_made_again(world, postgres_url, monkeypatch, sample_texts) -> None:
    monkeypatch.setattr(wakeup, "RECONNECT_SECONDS", 0.05)
    monkeypatch.setattr(wakeup, "LISTEN_SECONDS", 0.2)
    news, stopping = threading.Event(), threading.Event()
    thread = threading.Thread(target=wakeup.wake_on_work, args=(postgres_url, news.set, stopping))
    thread.start()
    assert news.wait(30)
    news.clear()
    engine = create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        others = "select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
        assert connection.execute(text(f"select pg_terminate_backend(pid) from ({others}) as other")).all() == [(True,)]
        assert news.wait(30)  # listening again, it looks at once
        news.clear()
        deadline = time.monotonic() + 10
        while not news.is_set():
            assert time.monotonic() < deadline
            connection.execute(text("select pg_notify('atelier_job', '')"))
            news.wait(0.2)
    engine.dispose()
    stopping.set()
    thread.join(30)

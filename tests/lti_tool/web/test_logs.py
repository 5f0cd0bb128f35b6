"""What a web process writes down: request and job ids, and nothing that anybody wrote or is called."""

import json
import logging
import threading

import pytest
from sqlalchemy import select, text

from lti_tool.logs import configure_logging
from lti_tool.models import Job
from lti_tool.web import writing

SECRET = "marmalade"
ESSAY = f"The {SECRET} clause retries the step and keeps a checkpoint. " * 60


@pytest.fixture
def logged(app, capfd):
    """The lines written so far, as they stand."""
    configure_logging("DEBUG")
    return lambda: capfd.readouterr().err


def lines(said: str) -> list[dict]:
    return [json.loads(line) for line in said.splitlines() if line.startswith("{")]


def test_a_handed_in_essay_is_logged_by_request_and_job_id_alone(ada, world, logged) -> None:
    answer = ada.post("items/essay/send", {"text": ESSAY})
    assert answer.status_code in (302, 303), answer.text
    with world.database.read() as session:
        job_id = session.scalars(select(Job.id)).one()
    said = logged()
    [enqueued] = [line for line in lines(said) if line["event"] == "enqueued"]
    [request] = [line for line in lines(said) if line["event"] == "request"]
    assert enqueued["job"] == job_id
    assert enqueued["request_id"] == request["request_id"] == answer.headers["X-Request-ID"]
    assert SECRET not in said
    assert "Ada" not in said


@pytest.mark.parametrize("fault", ["refused", "broken", "database"])
def test_a_form_that_goes_wrong_leaves_no_words_in_the_log(ada, world, logged, monkeypatch, fault) -> None:
    def breaks(session, link, person_id, item_id, essay):
        if fault == "broken":
            raise RuntimeError(f"cannot take {essay} of Ada")
        session.execute(text("INSERT INTO nowhere VALUES (:essay)"), {"essay": essay})

    if fault != "refused":
        monkeypatch.setattr(writing, "submit", breaks)
    answer = ada.post("items/essay/send", {"text": SECRET if fault == "refused" else ESSAY})
    said = logged()
    assert answer.status_code >= 400
    assert any(line["event"] == "request" and line["status"] == answer.status_code for line in lines(said))
    assert SECRET not in said
    assert "Ada" not in said


def test_what_libraries_and_dying_threads_say_comes_without_its_arguments(logged) -> None:
    try:
        raise ValueError(SECRET)
    except ValueError:
        logging.getLogger("a.library").exception("could not read %s", SECRET)

    def dies() -> None:
        raise ValueError(SECRET)

    thread = threading.Thread(target=dies, name="work")
    thread.start()
    thread.join()
    said = logged()
    library, died = lines(said)[-2:]
    assert (library["event"], library["logger"], library["error"]) == ("could not read %s", "a.library", "ValueError")
    assert (died["thread"], died["error"]) == ("work", "ValueError")
    assert died["where"].startswith("web/test_logs.py:")
    assert SECRET not in said

"""What an executor writes down: run and job ids, and nothing that anybody wrote or is called."""

import json
import logging

import pytest
from sqlalchemy import select

from flows.judging.judge import JudgeRequest
from lti_tool.attempts import submit
from lti_tool.logs import configure_logging
from lti_tool.models import Job
from tests.flows.counting_judge import CountingJudge, rate_everything

pytestmark = pytest.mark.slow

SECRET = "marmalade"


@pytest.fixture(autouse=True)
def quiet_prefect(caplog: pytest.LogCaptureFixture) -> None:
    """As PREFECT_LOGGING_LEVEL makes it in an executor; here Prefect may have been imported before it was set."""
    for name in list(logging.root.manager.loggerDict):
        if name == "prefect" or name.startswith("prefect."):
            caplog.set_level(logging.CRITICAL, logger=name)


def test_words_and_names_never_reach_the_log_whatever_breaks(world, executor, sample_texts, capfd) -> None:
    configure_logging("DEBUG")

    def chokes(request: JudgeRequest) -> dict:
        if "said twice" in request.text:
            raise RuntimeError(f"cannot read: {request.text}")
        return rate_everything(request)

    def no_gradebook(session, link):
        raise RuntimeError(f"Ada of {link.title} has no column")

    with world.database.write() as session:
        link = world.placement(session)
        link.settings = {"release": "auto"}
        for item_id, text in sample_texts.items():
            words = text if item_id == "drawing" else f"{text} So says the {SECRET} clause."
            submit(session, link, world.ada_id, item_id, words)
        submit(session, link, world.bo_id, "essay", f"{sample_texts['essay']} The {SECRET} clause, said twice.")
    executor(CountingJudge(chokes), gradebook_of=no_gradebook).run_until_idle()

    said = capfd.readouterr().err
    lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    with world.database.read() as session:
        kinds = {job.id: job.kind for job in session.scalars(select(Job))}
    begun = {job: line["run"] for line in lines if line["event"] == "run begins" for job in line["jobs"]}
    [broken] = [line for line in lines if line["event"] == "judging failed"]
    assert kinds[broken["job"]] == "judge"
    assert broken["run"] == begun[broken["job"]]
    assert "sending failed" in {line["event"] for line in lines}
    assert SECRET not in said
    assert "Ada" not in said

"""What the engine costs: from click to first stage, and CPU per essay beyond the judge itself.

Usage: python bench/engine.py [essays, 2 to 40]. Prints JSON. Everything runs on a fresh SQLite file with the offline
judge. The baselines are measured in the same run: the judge alone, and the same rows written by a bare loop without
Prefect. CPU is that of this process and of Prefect's server together.
"""

import json
import os
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from flows import answers, closing, sheets
from flows.closing import Filled
from flows.executor import Executor
from flows.judging.catalog import get_judge
from flows.judging.judge import judge_text
from lti_tool import claims, jobs, schema
from lti_tool.attempts import submit
from lti_tool.db import Database
from lti_tool.models import Context, Deployment, Job, JobEvent, Person, Registration, ResourceLink, Submission
from lti_tool.settings import Settings
from rubrics.model import load_rubric
from seeds.load import bundled, load_bundled, read_lesson

MOST_ESSAYS = 40
CLICKS = 6
TICKS = os.sysconf("SC_CLK_TCK")
LESSON = "durable-workflows"


def main() -> None:
    """Measure and print."""
    essays = min(MOST_ESSAYS, max(2, int(sys.argv[1]) if len(sys.argv) > 1 else MOST_ESSAYS)) - CLICKS
    essays = max(2, essays)
    with tempfile.TemporaryDirectory(prefix="atelier-bench-") as folder:
        home = Path(folder)
        url = f"sqlite:///{home / 'tool.db'}"
        settings = Settings(database_url=url, result_storage=home / "results", secret_key="not a secret " * 4)
        database = Database(url)
        link_id = populate(database)
        text = next(item.samples[0].text for item in read_lesson(bundled()[0]).items if item.id == "essay")
        report: dict[str, Any] = {"essays": essays, "load_average": os.getloadavg()[0]}
        report["judge_alone_cpu_ms"] = judge_alone(text, essays)
        report["bare_loop_cpu_ms"] = bare_loop(database, link_id, text, essays)
        report |= engine(settings, database, link_id, text, essays)
        report["beyond_the_judge_cpu_ms"] = round(report["engine_cpu_ms"] - report["judge_alone_cpu_ms"], 1)
        database.close()
    print(json.dumps(report, indent=2))
    sys.stdout.flush()
    os._exit(0)


def populate(database: Database) -> int:
    """Schema, lesson, a course and a placement; returns the placement's id."""
    schema.upgrade(database)
    with database.write() as session:
        load_bundled(session)
        site = "https://campus.example.edu"
        registration = Registration(
            name="Campus", issuer=site, client_id="1", auth_login_url=site, auth_token_url=site, jwks_url=site
        )
        deployment = Deployment(registration=registration, lms_id="1")
        context = Context(deployment=deployment, lms_id="course")
        link = ResourceLink(deployment=deployment, context=context, lms_id="link", lesson_slug=LESSON)
        session.add_all([registration, deployment, context, link])
        session.flush()
        return link.id


def send(database: Database, link_id: int, text: str, name: str) -> int:
    """Hand in one essay of a new learner; returns its job's id."""
    with database.write() as session:
        link = session.get_one(ResourceLink, link_id)
        registration_id = link.deployment.registration_id
        person = Person(registration_id=registration_id, sub=name, handle=name)
        session.add(person)
        session.flush()
        submission = submit(session, link, person.id, "essay", f"{text} {name}.")
        return jobs.enqueue_judging(session, submission).id


def judge_alone(text: str, essays: int) -> float:
    """CPU per essay of nothing but the judge, in ms."""
    judge, rubric = get_judge("checklist"), load_rubric(f"{LESSON}-essay")
    began = time.process_time()
    for number in range(essays):
        judge_text(judge, rubric, f"{text} alone-{number}.")
    return round((time.process_time() - began) / essays * 1000, 1)


def bare_loop(database: Database, link_id: int, text: str, essays: int) -> float:
    """CPU per essay of the judge and the same rows, without Prefect, in ms."""
    judge = get_judge("checklist")
    for number in range(essays):
        send(database, link_id, text, f"bare-{number}")
    began = time.process_time()
    while True:
        with database.write() as session:
            held = claims.claim(session, owner="bare", limit=25, lease_seconds=600)
        if not held:
            return round((time.process_time() - began) / essays * 1000, 1)
        opened = sheets.open_sheets(database, judge, [claim.submission_id or 0 for claim in held])
        begun = {claim: opened[claim.submission_id or 0] for claim in held}
        sheets.begin(database, begun)  # type: ignore[arg-type]
        for claim, sheet in begun.items():
            answered = [_answered(database, claim, sheet, part) for part in sheet.waiting]  # type: ignore[union-attr,arg-type]
            sheets.keep_ratings(database, answered)
            closing.close_sheets(database, [Filled(claim, sheet)])  # type: ignore[arg-type]


def _answered(database: Database, claim: jobs.Claim, sheet: sheets.OpenSheet, part: sheets.Part) -> sheets.Answered:
    answer = answers.ask_judge(part.judge, part.request)
    [kept] = answers.keep_answers(database, [answers.Bought(sheet.registration_id, part.fingerprint, answer)])
    return sheets.Answered(claim, sheet, part, kept)


def engine(settings: Settings, database: Database, link_id: int, text: str, essays: int) -> dict[str, Any]:
    """Clicks one after the other, then all essays at once."""
    executor = Executor(settings, database)
    thread = threading.Thread(target=executor.run)
    began = time.monotonic()
    thread.start()
    if not executor.wait_until_ready(180):
        raise SystemExit("Prefect did not start.")
    started = time.monotonic() - began
    clicks = [_click(database, link_id, text, f"click-{number}") for number in range(CLICKS)]
    for number in range(essays):
        send(database, link_id, text, f"burst-{number}")
    cpu, began = _cpu(), time.monotonic()
    _wait_until_judged(database)
    wall = time.monotonic() - began
    time.sleep(3)  # Prefect's server records for a while longer
    spent = _cpu() - cpu
    executor.stop()
    thread.join()
    first, whole = [click[0] for click in clicks], [click[1] for click in clicks]
    return {
        "prefect_start_s": round(started, 1),
        "first_click_to_first_stage_s": round(first[0], 3),
        "click_to_first_stage_s": round(statistics.median(first), 3),
        "click_to_judged_s": round(statistics.median(whole), 3),
        "burst_essays_per_minute": round(essays / wall * 60),
        "engine_cpu_ms": round(spent / essays * 1000, 1),
    }


def _click(database: Database, link_id: int, text: str, name: str) -> tuple[float, float]:
    """Seconds from one click to its first stage, and to the gate."""
    job_id = send(database, link_id, text, name)
    _wait_until_judged(database)
    with database.read() as session:
        found = session.execute(select(JobEvent.stage, JobEvent.at).where(JobEvent.job_id == job_id))
        times = {row[0]: row[1] for row in found}
        sent = session.scalars(select(Submission.sent_at).order_by(Submission.id.desc())).first()
    assert sent is not None
    return (times["reading"] - sent).total_seconds(), (times["held"] - sent).total_seconds()


def _wait_until_judged(database: Database) -> None:
    while True:
        with database.read() as session:
            waiting = session.scalar(select(func.count()).select_from(Job).where(Job.state.in_(jobs.UNFINISHED)))
        if not waiting:
            return
        time.sleep(0.05)


def _cpu() -> float:
    """CPU seconds of this process and of its children that still run (Linux; elsewhere of this process alone)."""
    total = time.process_time()
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    for task in Path("/proc/self/task").glob("*/children") if children.exists() else ():
        for child in task.read_text().split():
            fields = Path(f"/proc/{child}/stat").read_text().rsplit(")", 1)[1].split()
            total += (int(fields[11]) + int(fields[12])) / TICKS
    return total


if __name__ == "__main__":
    main()

"""What an operator watches, computed from the ledger: every web process answers the same, whoever did the work.

Nothing of a person: no ids, no names, no texts. Every query is bounded, by open work, by a day, or by the newest rows.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from lti_tool import jobs
from lti_tool.models import AnswerRow, Job, JobEvent, JudgeErrorCount, JudgeHealth, Passback, PassbackTry
from lti_tool.spending import midnight

WINDOW = timedelta(minutes=15)
NEWEST = 5000  # rows of a growing table that are looked at
OPEN = ("queued", "running", "awaiting_review", "needs_person")
UNSETTLED = ("waiting", "unknown", "refused")
# The stretches of one judging, by the stages that they lie between; the human gate ends the last.
STRETCHES = {"received": "waiting", "reading": "judging", "checking quotes": "scoring"}
QUANTILES = (0.5, 0.95)


def families(session: Session, now: datetime) -> Iterator[Metric]:
    """Every figure but the spending."""
    yield from _queue(session, now)
    yield from _stages(session, now)
    yield from _judges(session, now)
    yield from _gradebooks(session, now)


def spending(session: Session, now: datetime) -> Iterator[Metric]:
    """What judges' answers cost today (UTC). It reads all answers of the day, so that it is asked less often."""
    usage = AnswerRow.usage
    rows = session.execute(
        select(
            AnswerRow.model,
            func.count(),
            func.sum(usage["usd"].as_float()),
            func.sum(usage["input_tokens"].as_integer()),
            func.sum(usage["output_tokens"].as_integer()),
        )
        .where(AnswerRow.created_at >= midnight(now))
        .group_by(AnswerRow.model)
    ).all()
    answers = GaugeMetricFamily("atelier_answers_today", "Answers of judges kept today (UTC).", labels=["model"])
    dollars = GaugeMetricFamily("atelier_spend_usd_today", "What they cost, in US dollars.", labels=["model"])
    tokens = GaugeMetricFamily("atelier_tokens_today", "Their tokens.", labels=["model", "direction"])
    for model, count, usd, read, written in rows:
        answers.add_metric([model], count)
        dollars.add_metric([model], float(usd or 0))
        tokens.add_metric([model, "in"], read or 0)
        tokens.add_metric([model, "out"], written or 0)
    yield from (answers, dollars, tokens)


# ---- the queue -----------------------------------------------------------------------------------------------


def _queue(session: Session, now: datetime) -> Iterator[Metric]:
    lane = case((Job.priority >= jobs.URGENT, "interactive"), else_="bulk")
    expired = func.sum(case((Job.lease_until <= now, 1), else_=0))
    rows = session.execute(
        select(Job.kind, lane, Job.state, func.count(), func.min(Job.created_at), func.max(Job.tries), expired)
        .where(Job.state.in_(OPEN))
        .group_by(Job.kind, lane, Job.state)
    ).all()
    labels = ["kind", "lane", "state"]
    depth = GaugeMetricFamily("atelier_jobs", "Jobs that are not finished.", labels=labels)
    age = GaugeMetricFamily("atelier_oldest_job_seconds", "Age of the oldest of them.", labels=labels)
    tries = GaugeMetricFamily("atelier_most_tries", "Most tries that one of them has had.", labels=labels)
    lost = GaugeMetricFamily(
        "atelier_leases_expired", "Jobs whose executor went silent and that nobody took over yet.", labels=["kind"]
    )
    silent: dict[str, int] = dict.fromkeys(jobs.KINDS, 0)
    for kind, where, state, count, oldest, most, gone in rows:
        depth.add_metric([kind, where, state], count)
        age.add_metric([kind, where, state], (now - oldest).total_seconds())
        tries.add_metric([kind, where, state], most)
        if state == "running":
            silent[kind] = silent.get(kind, 0) + (gone or 0)
    for kind, count in silent.items():
        lost.add_metric([kind], count)
    held = session.scalar(select(func.count()).where(Job.state == "queued", Job.held)) or 0
    owners = session.scalar(
        select(func.count(Job.owner.distinct())).where(Job.state == "running", Job.lease_until > now)
    )
    yield from (depth, age, tries, lost)
    yield GaugeMetricFamily("atelier_jobs_held", "Jobs that wait for an operator to change something.", value=held)
    yield GaugeMetricFamily("atelier_executors_busy", "Executors that hold a job now.", value=owners or 0)


def _stages(session: Session, now: datetime) -> Iterator[Metric]:
    rows = session.execute(
        select(JobEvent.job_id, JobEvent.stage, JobEvent.at).order_by(JobEvent.id.desc()).limit(NEWEST)
    ).all()
    since = now - WINDOW
    seconds = GaugeMetricFamily(
        "atelier_stage_seconds",
        "How long each stretch of judging took, of those that ended in the last quarter of an hour.",
        labels=["stage", "quantile"],
    )
    ended = GaugeMetricFamily("atelier_stage_ended", "How many did.", labels=["stage"])
    for stage, durations in _durations([(row.job_id, row.stage, row.at) for row in reversed(rows)], since).items():
        ended.add_metric([stage], len(durations))
        for quantile in QUANTILES:
            seconds.add_metric([stage, str(quantile)], durations[int(len(durations) * quantile)])
    recent = [row.stage for row in rows if row.at >= since]
    broken = GaugeMetricFamily(
        "atelier_tries_failed", "Tries that ended without a result in the last quarter of an hour.", labels=["how"]
    )
    broken.add_metric(["put back"], recent.count("waiting"))
    broken.add_metric(["executor went silent"], recent.count("resumed"))
    yield from (seconds, ended, broken)


def _durations(events: Sequence[tuple[int, str, datetime]], since: datetime) -> dict[str, list[float]]:
    """Seconds of each stretch that ended since then, sorted; a stretch begins with the first event of its stage."""
    of_job: dict[int, dict[str, datetime]] = defaultdict(dict)
    for job_id, stage, at in events:
        if stage in STRETCHES or stage == "held":
            of_job[job_id].setdefault(stage, at)
    found: dict[str, list[float]] = defaultdict(list)
    for reached in of_job.values():
        for (stage, began), (_, over) in pairwise(reached.items()):
            if over >= since and stage in STRETCHES:
                found[STRETCHES[stage]].append((over - began).total_seconds())
        if "received" in reached and reached.get("held", since) > since:
            found["click to gate"].append((reached["held"] - reached["received"]).total_seconds())
    return {stage: sorted(durations) for stage, durations in found.items()}


# ---- judges and gradebooks -----------------------------------------------------------------------------------


def _judges(session: Session, now: datetime) -> Iterator[Metric]:
    errors = CounterMetricFamily(
        "atelier_provider_errors", "Questions to a judge that failed, since the first.", labels=["judge", "kind"]
    )
    for row in session.scalars(select(JudgeErrorCount)):
        errors.add_metric([row.judge, row.kind], row.count)
    trouble = GaugeMetricFamily("atelier_judge_trouble", "1 while a judge cannot be asked.", labels=["judge"])
    looked = GaugeMetricFamily(
        "atelier_judge_looked_at_seconds", "Since an executor last looked at it.", labels=["judge"]
    )
    for health in session.scalars(select(JudgeHealth)):
        trouble.add_metric([health.judge], bool(health.trouble))
        looked.add_metric([health.judge], (now - health.looked_at).total_seconds())
    yield from (errors, trouble, looked)


def _gradebooks(session: Session, now: datetime) -> Iterator[Metric]:
    counted = select(Passback.state, func.count(), func.min(Passback.created_at)).group_by(Passback.state)
    open_ones = session.execute(counted.where(Passback.state.in_(UNSETTLED))).all()
    settled = session.execute(
        counted.where(Passback.state.in_(("sent", "overtaken")), Passback.settled_at >= now - WINDOW)
    ).all()
    messages = GaugeMetricFamily(
        "atelier_passbacks",
        "Messages to gradebooks: all that are open or refused; sent and overtaken ones of the last quarter of an hour.",
        labels=["state"],
    )
    age = GaugeMetricFamily("atelier_oldest_passback_seconds", "Age of the oldest of them.", labels=["state"])
    for state, count, oldest in [*open_ones, *settled]:
        messages.add_metric([state], count)
        if state in UNSETTLED:
            age.add_metric([state], (now - oldest).total_seconds())
    newest = select(PassbackTry.status, PassbackTry.at).order_by(PassbackTry.id.desc()).limit(NEWEST)
    answers: dict[str, int] = defaultdict(int)
    for status, at in session.execute(newest):
        if at >= now - WINDOW:
            answers[f"{status // 100}xx" if status else "none"] += 1
    tries = GaugeMetricFamily(
        "atelier_passback_tries", "Exchanges with platforms in the last quarter of an hour.", labels=["answer"]
    )
    for answer, count in answers.items():
        tries.add_metric([answer], count)
    yield from (messages, age, tries)

"""Looks after the judge: what keeps it from being asked is written down for the operator, and work goes on after it.

Nothing here spends anything.
"""

from flows import answers
from flows.judging.judge import Judge, JudgeHeld
from flows.work import Bench
from lti_tool import jobs
from lti_tool.db import Database
from lti_tool.judge_health import report

WELL_SECONDS = 600.0  # between looks at a judge that answers
ILL_SECONDS = 60.0


def trouble_of(database: Database, judge: Judge, budget_usd: float) -> str:
    """What an operator has to change before the judge can be asked, in one sentence; "" if nothing."""
    unreachable = getattr(judge, "unreachable", None)
    why = unreachable() if unreachable is not None else None
    if why is None and judge.paid and budget_usd:
        try:
            answers.within_budget(database, budget_usd)
        except JudgeHeld as held:
            why = str(held)
    return why or ""


def look(bench: Bench, judge: Judge, *, was_ill: bool) -> bool:
    """Look once and write down what was found; held work goes on once a look finds nothing after one that did.

    Returns whether something is wrong. What asking ran into stands until an answer comes: a look cannot see an
    account without credit.
    """
    trouble = trouble_of(bench.database, judge, bench.budget_usd)
    with bench.database.write() as session:
        report(session, bench.judge_name, trouble or bench.trouble)
        if was_ill and not trouble:
            jobs.wake_held(session)
    return bool(trouble)


def ran_into(bench: Bench, trouble: str) -> None:
    """Write down what asking ran into."""
    bench.trouble = trouble
    with bench.database.write() as session:
        report(session, bench.judge_name, trouble)


def has_answered(bench: Bench) -> None:
    """An answer came: what asking ran into before is over, and all held work goes on."""
    if not bench.trouble:
        return
    bench.trouble = ""
    with bench.database.write() as session:
        report(session, bench.judge_name, "")
        jobs.wake_held(session)

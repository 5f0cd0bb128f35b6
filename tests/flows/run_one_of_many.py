"""One of several executors in a process of its own; its judge writes down each question before and after answering.

It begins when the file `go` is put beside its questions.
Arguments: database URL, folder of results, file of questions, lease in seconds.
"""

import sys
import time
from pathlib import Path

from flows.executor import Executor
from flows.judging.judge import JudgeRequest
from lti_tool.db import Database
from lti_tool.settings import Settings
from tests.flows.counting_judge import CountingJudge, rate_everything

ANSWER_SECONDS = 0.15


def main() -> None:
    """Run until nothing is left to do."""
    url, results, questions, lease = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), float(sys.argv[4])

    def answer(request: JudgeRequest) -> dict:
        question = f"{request.text.split()[-1]}/{','.join(request.criteria)}"
        with questions.open("a") as file:
            file.write(f"{question}\n")
        time.sleep(ANSWER_SECONDS)
        return rate_everything(request)

    settings = Settings(database_url=url, result_storage=results, secret_key="not a secret " * 4)
    executor = Executor(
        settings,
        Database(url),
        judge_factory=lambda _: CountingJudge(answer),
        lease_seconds=lease,
        criteria_at_once=1,
        calls_at_once=4,
        judging_at_once=32,
    )
    executor.start()
    assert executor.wait_until_ready(240)
    questions.touch()
    while not (questions.parent / "go").exists():
        time.sleep(0.02)
    executor.run_until_idle(120)
    executor.close()


if __name__ == "__main__":
    main()

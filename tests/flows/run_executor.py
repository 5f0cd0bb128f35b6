"""A process of its own for the kill test: an executor with a judge that writes down each question in a file.

Arguments: database URL, folder of results, folder of signals, lease in seconds. The fourth question puts down the
file `reached` and waits for the file `go`.
"""

import sys
import time
from pathlib import Path

from flows.executor import Executor
from flows.judging.judge import JudgeRequest
from lti_tool.db import Database
from lti_tool.settings import Settings
from tests.flows.counting_judge import CountingJudge, rate_everything


def main() -> None:
    """Run until nothing is left to do."""
    url, results, signals, lease = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), float(sys.argv[4])
    calls = signals / "calls"

    def answer(request: JudgeRequest) -> dict:
        with calls.open("a") as file:
            file.write(" ".join(request.criteria) + "\n")
        if len(calls.read_text().splitlines()) == 4:
            (signals / "reached").touch()
            while not (signals / "go").exists():
                time.sleep(0.02)
        return rate_everything(request)

    settings = Settings(database_url=url, result_storage=results, secret_key="not a secret " * 4)
    executor = Executor(
        settings,
        Database(url),
        judge_factory=lambda _: CountingJudge(answer),
        lease_seconds=lease,
        criteria_at_once=1,
    )
    executor.run_until_idle(120)
    executor.close()


if __name__ == "__main__":
    main()

"""Runs `atelier eval run` with a judge of the tests' own, which writes down each call and can kill its process.

python -m tests.flows.eval_judge CALLS_FILE DIE_AT PAID ARGUMENTS…
"""

import os
import signal
import sys
from pathlib import Path

from flows import eval_commands
from flows.judging.judge import Answer, JudgeRequest, Usage
from tests.flows.counting_judge import CountingJudge


class WrittenJudge(CountingJudge):
    """Writes down every call before answering; at call number `die_at` the process dies without an answer."""

    def __init__(self, calls: Path, die_at: int = 0, *, paid: bool = False) -> None:
        super().__init__(paid=paid)
        self.calls, self.die_at = calls, die_at

    def ask(self, request: JudgeRequest) -> Answer:
        with self.calls.open("a") as file:
            file.write(f"{request.text.split()[0]}:{request.criteria[0]}:{request.repeat}\n")
        if self.die_at and len(self.calls.read_text().splitlines()) >= self.die_at:
            os.kill(os.getpid(), signal.SIGKILL)
        answer = super().ask(request)
        return answer.model_copy(update={"usage": Usage(usd=0.01 if self.paid else 0.0)})


def main() -> None:
    """As described above."""
    calls, die_at, paid, *arguments = sys.argv[1:]
    judge = WrittenJudge(Path(calls), int(die_at), paid=paid == "paid")
    eval_commands.get_judge = lambda _name: judge  # type: ignore[assignment]
    eval_commands.app(args=arguments)


if __name__ == "__main__":
    main()

"""A set asked in message batches, at half the price; a batch that was sent is waited for and read, never sent again."""

import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from eval.run_folder import BATCHES, read_lines
from flows.judging.claude import ClaudeJudge
from flows.judging.claude_batches import MOST, batch_ended, batch_results, send_batch, surely_not_sent
from flows.judging.estimate import likely_cost
from flows.judging.judge import Answer, JudgeError, Question
from flows.judging.prices import BATCH_SHARE
from flows.run_eval import GAVE_UP, REFUSED, Desk, OpenSheet, Stopped
from lti_tool.jobs import MAX_TRIES

POLL_SECONDS = 20.0


@dataclass
class Batches:
    """The batches of a folder: an intention is written before one is sent, its id after, an end when it was read."""

    path: Path

    def write(self, **row: object) -> None:
        """Append a row that is on the disk when this returns."""
        with self.path.open("ab") as file:
            file.write(json.dumps({**row, "at": datetime.now(UTC).isoformat(timespec="seconds")}).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def open(self) -> list[str]:
        """Ids of batches that were sent and not read; Stopped if one may have been sent whose id nobody kept."""
        sent: dict[str, bool] = {}
        intended = ""
        for row in read_lines(self.path):
            if row["state"] == "sending":
                intended = str(row["at"])
            elif row["state"] == "sent":
                intended, sent[row["batch"]] = "", True
            elif row["state"] in ("read", "dropped"):
                intended = ""
                sent.pop(row.get("batch", ""), None)
        if intended:
            raise Stopped(
                f"A batch was being sent at {intended} when the run broke off, and its id was not kept. Look it up in "
                "the console; go on with --batch-id ID, or with --batch-id none if there is no such batch."
            )
        return list(sent)

    def failures(self) -> Counter[str]:
        """How often each question failed in a batch."""
        return Counter(mark for row in read_lines(self.path) for mark in row.get("failed", ()))

    def settle(self, batch_id: str) -> None:
        """Say what became of the batch whose id was not kept."""
        if batch_id == "none":
            self.write(state="dropped")
        else:
            self.write(state="sent", batch=batch_id)


def ask_by_batch(
    folder: Path,
    desk: Desk,
    sheets: Sequence[OpenSheet],
    batch_id: str | None = None,
    wait: Callable[[float], None] = time.sleep,
) -> None:
    """Have every open question of these sheets answered by batches, then fill the sheets in."""
    batches = Batches(folder / BATCHES)
    if batch_id is not None:
        batches.settle(batch_id)
    questions = {question.fingerprint: question for sheet in sheets for question in sheet.questions}
    try:
        for sent in batches.open():
            _read(batches, desk, questions, sent, wait)
        _give_up(batches, desk, questions)
        for judge, part in _parts(desk, questions.values()):
            batches.write(state="sending", questions=len(part))
            sent = _sent(batches, judge, part)
            batches.write(state="sent", batch=sent)
            _read(batches, desk, questions, sent, wait)
        _give_up(batches, desk, questions)
    except JudgeError as error:
        desk.stop(str(error))
    for sheet in sheets:
        if desk.is_answered(sheet):
            desk.fill_in(sheet)
    desk.unreachable = desk.unreachable or "Some questions of a batch failed or expired; say it again to ask them anew."


def _sent(batches: Batches, judge: ClaudeJudge, part: Sequence[Question]) -> str:
    """Send one part; what was plainly not taken leaves no doubt behind about whether it was."""
    try:
        return send_batch(judge, {one.fingerprint: one.request for one in part})
    except JudgeError as problem:
        if surely_not_sent(problem):
            batches.write(state="dropped")
        raise


def _parts(desk: Desk, questions: Iterable[Question]) -> Iterator[tuple[ClaudeJudge, list[Question]]]:
    """The open questions that the budget allows, in parts of what a batch holds; judges that take none are asked."""
    by_judge: dict[int, tuple[ClaudeJudge, list[Question]]] = {}
    left = None if desk.budget_usd is None else desk.budget_usd - desk.spent_usd
    for question in questions:
        if question.fingerprint in desk.log.answers:
            continue
        if not isinstance(question.judge, ClaudeJudge):
            desk.answer(question)
            continue
        cost = likely_cost(question.judge, question.request) * BATCH_SHARE
        if left is not None and cost > left:
            desk.stop(f"The budget of ${desk.budget_usd:.2f} holds no more of the batch.")
            break
        left = None if left is None else left - cost
        by_judge.setdefault(id(question.judge), (question.judge, []))[1].append(question)
    for judge, open_questions in by_judge.values():
        for start in range(0, len(open_questions), MOST):
            yield judge, open_questions[start : start + MOST]


def _read(
    batches: Batches, desk: Desk, questions: dict[str, Question], batch_id: str, wait: Callable[[float], None]
) -> None:
    """Wait for a batch and keep its answers."""
    judge = next((one.judge for one in questions.values() if isinstance(one.judge, ClaudeJudge)), None)
    if judge is None:
        return
    while not batch_ended(judge, batch_id):
        desk.told(0, desk.spent_usd)
        wait(POLL_SECONDS)
    failed = []
    for mark, answer in batch_results(judge, batch_id):
        if answer is None:
            failed.append(mark)
        elif mark in questions and mark not in desk.log.answers:
            desk.keep(questions[mark], answer)
    batches.write(state="read", batch=batch_id, failed=failed)


def _give_up(batches: Batches, desk: Desk, questions: dict[str, Question]) -> None:
    """What failed as often as production tries is asked no more: it stays unscored, and a person decides about it."""
    for mark, times in batches.failures().items():
        if times >= MAX_TRIES and mark in questions and mark not in desk.log.answers:
            question = questions[mark]
            desk.keep(question, Answer(body={REFUSED: GAVE_UP}, model=question.judge.model))

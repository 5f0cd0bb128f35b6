"""Many questions at half the price: a message batch, sent, waited for, and matched by fingerprint.

The batch's id is all there is to remember: whoever has it can go on waiting after a crash, and nothing is sent twice.
https://platform.claude.com/docs/en/build-with-claude/batch-processing
"""

from collections.abc import Iterator, Mapping

import anthropic

from flows.judging.claude import ClaudeJudge
from flows.judging.claude_errors import meaning_of
from flows.judging.claude_heard import answer_of
from flows.judging.judge import Answer, JudgeError, JudgeRequest, JudgeUnavailable
from flows.judging.prices import BATCH_SHARE

MOST = 10_000  # the API takes 100,000 requests or 256 MB
UNKNOWN = ("timeout", "unreachable", "server error")  # kinds of trouble after which it may have been taken all the same


def send_batch(judge: ClaudeJudge, questions: Mapping[str, JudgeRequest]) -> str:
    """Send questions by their fingerprints (64 characters, as a custom_id may have); returns the batch's id.

    ValueError for more than 10,000 at once; JudgeUnavailable, JudgeHeld or JudgeRefused as for a single question.
    """
    if not 0 < len(questions) <= MOST:
        raise ValueError(f"a batch holds 1 to {MOST} questions, not {len(questions)}")
    rows = [{"custom_id": mark, "params": judge.question(request)} for mark, request in questions.items()]
    try:
        return judge.client().messages.batches.create(requests=rows).id  # type: ignore[arg-type]
    except anthropic.AnthropicError as error:
        raise meaning_of(error) from None


def surely_not_sent(problem: JudgeError) -> bool:
    """Whether a batch that could not be sent is known not to be there: the API, or nobody, was asked and said no."""
    return not (isinstance(problem, JudgeUnavailable) and problem.kind in UNKNOWN)


def batch_ended(judge: ClaudeJudge, batch_id: str) -> bool:
    """Whether every question of a batch was answered, failed or expired."""
    try:
        return judge.client().messages.batches.retrieve(batch_id).processing_status == "ended"
    except anthropic.AnthropicError as error:
        raise meaning_of(error) from None


def batch_answers(judge: ClaudeJudge, batch_id: str) -> Iterator[tuple[str, Answer]]:
    """The answers of a batch that ended, by fingerprint and in any order; what failed or expired is left out."""
    return ((mark, answer) for mark, answer in batch_results(judge, batch_id) if answer is not None)


def batch_results(judge: ClaudeJudge, batch_id: str) -> Iterator[tuple[str, Answer | None]]:
    """The same with None for each question that failed; one that expired was never looked at, and is left out."""
    try:
        for row in judge.client().messages.batches.results(batch_id):
            if row.result.type == "succeeded":
                yield row.custom_id, answer_of(row.result.message.to_dict(mode="json"), judge.model, 0.0, BATCH_SHARE)
            elif row.result.type == "errored":
                yield row.custom_id, None
    except anthropic.AnthropicError as error:
        raise meaning_of(error) from None

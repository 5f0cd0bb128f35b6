"""A chunk of claimed jobs, put together with what its flow needs, and run as one flow run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from flows.judging.coach import Coach
from flows.judging.judge import Judge
from flows.portions import BULK, InHand
from flows.run_names import lessons_of
from flows.work import Bench, Calibrating, Chunk, Sending
from lti_tool import jobs
from lti_tool.delivery import GradebookOf
from lti_tool.jobs import Claim
from lti_tool.models import Passback, Person

if TYPE_CHECKING:
    from flows.prefect_ready import Ready


@dataclass(frozen=True)
class Chunks:
    """What an executor's chunks have in common: its bench, its own judge and coach, and the gradebooks."""

    bench: Bench
    judge: Judge
    coach: Coach
    gradebook_of: GradebookOf

    async def run(self, prefect: "Ready", in_hand: InHand, held: Sequence[Claim]) -> None:
        """One flow run for claims of one kind and class."""
        kind = in_hand.kind
        if kind == jobs.JUDGE:
            urgent = in_hand.of_class != BULK
            await prefect.judge(await self._of_submissions(in_hand, held, coach=self.coach, urgent=urgent))
        elif kind == jobs.REJUDGE:
            await prefect.rejudge(await self._of_submissions(in_hand, held, urgent=False, draft=True))
        elif kind == jobs.CALIBRATE:
            await prefect.calibrate(Calibrating(self.bench, {claim.job_id: claim for claim in held}))
        else:
            await prefect.send(await self._of_messages(held))

    async def _of_submissions(
        self, in_hand: InHand, held: Sequence[Claim], *, urgent: bool, coach: Coach | None = None, draft: bool = False
    ) -> Chunk:
        by_submission = {claim.submission_id: claim for claim in held if claim.submission_id is not None}
        lessons = await self.bench.in_thread(lessons_of, self.bench.database, by_submission)
        return Chunk(
            self.bench,
            self.judge,
            by_submission,
            lessons,
            one_less=in_hand.one_less,
            coach=coach,
            urgent=urgent,
            draft=draft,
        )

    async def _of_messages(self, held: Sequence[Claim]) -> Sending:
        by_message = {claim.passback_id: claim for claim in held if claim.passback_id is not None}
        registrations = await self.bench.in_thread(self._registrations, list(by_message))
        return Sending(self.bench, self.gradebook_of, by_message, registrations)

    def _registrations(self, passback_ids: Sequence[int]) -> Mapping[int, int]:
        with self.bench.database.read() as session:
            found = session.execute(
                select(Passback.id, Person.registration_id)
                .join(Person, Person.id == Passback.person_id)
                .where(Passback.id.in_(passback_ids))
            )
            return {row[0]: row[1] for row in found}

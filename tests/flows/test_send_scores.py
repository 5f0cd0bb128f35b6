"""One chunk of messages to several platforms: what goes wrong with one leaves the others alone."""

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace

import pytest

from flows import send_scores
from flows.work import SENDING, Sending
from lti_tool.jobs import SEND_SCORE, Claim

pytestmark = pytest.mark.slow


def test_a_message_that_cannot_even_be_put_back_leaves_those_to_other_platforms_to_be_sent(monkeypatch) -> None:
    claims = {number: Claim(number, SEND_SCORE, None, number, 1, "a") for number in (1, 2)}
    sending = Sending(SimpleNamespace(), lambda _: None, claims, registrations={1: 1, 2: 2})  # type: ignore[arg-type]
    sent: list[int | None] = []

    async def in_turn(_sending: Sending, held: Sequence[Claim]) -> None:
        if held[0].passback_id == 1:
            raise ConnectionError("the database is away")
        for _ in range(10):  # by then the first one has failed, and whoever waits for both has heard of it
            await asyncio.sleep(0)
        sent.extend(claim.passback_id for claim in held)

    monkeypatch.setattr(send_scores, "_send_in_turn", in_turn)

    async def one_run() -> None:
        SENDING.set(sending)
        await send_scores.send_scores.fn([1, 2])

    with pytest.raises(ConnectionError):
        asyncio.run(one_run())
    assert sent == [2]

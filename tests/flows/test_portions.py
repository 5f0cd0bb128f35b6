"""How much is taken at a time: clicks never wait behind a pile, and the pile never waits for ever."""

import pytest

from flows.portions import BULK, URGENT, InHand, Places, essays_in_hand, portion


@pytest.mark.parametrize(
    ("due", "free", "in_hand", "taken"),
    [
        (0, 50, 0, 0),
        (1, 50, 0, 1),  # a click: at once
        (25, 50, 0, 25),
        (40, 50, 0, 25),  # half, and never less than a good chunk, for another executor may want work too
        (400, 300, 0, 100),  # a deadline: long chunks
        (400, 80, 0, 80),
        (400, 24, 16, 0),  # few places free: wait until a chunk is worth its run
        (20, 24, 16, 20),  # unless it is all there is
        (400, 24, 0, 24),  # or there will never be more
        (2, 1, 0, 1),
        (3, 0, 0, 0),
        (3, 0, 40, 0),
    ],
)
def test_a_chunk_is_as_long_as_the_backlog_asks_for(due: int, free: int, in_hand: int, taken: int) -> None:
    assert portion(due, free, in_hand) == taken


def test_each_class_has_places_that_the_other_cannot_take() -> None:
    assert Places(50, {}).free(BULK) == 40
    assert Places(50, {BULK: 40}).free(BULK) == 0
    assert Places(50, {BULK: 40}).free(URGENT) == 10
    assert Places(50, {URGENT: 40}).free(BULK) == 10
    assert Places(50, {URGENT: 30, BULK: 10}).free(URGENT) == 10


@pytest.mark.parametrize("most", [2, 3, 7])
def test_few_places_are_still_shared(most: int) -> None:
    assert Places(most, {BULK: most - 1}).free(BULK) == 0
    assert Places(most, {BULK: most - 1}).free(URGENT) == 1


@pytest.mark.parametrize(("calls", "in_hand", "chunk"), [(1, 50, 25), (16, 64, 25), (75, 300, 60), (150, 600, 100)])
def test_an_executor_is_filled_by_several_chunks(calls: int, in_hand: int, chunk: int) -> None:
    most = essays_in_hand(calls)
    assert most == in_hand
    assert Places(most, {}).chunk == chunk
    assert portion(5_000, most, 0, chunk) == chunk


def test_an_essay_that_is_over_gives_its_place_back_before_its_chunk_ends() -> None:
    in_hand = InHand("judge", URGENT, 40)
    for _ in range(30):
        in_hand.one_less()
    assert Places(50, {URGENT: in_hand.left}).free(URGENT) == 30

"""Made-up texts of one topic whose quality is known, for judges that learn from human sheets."""

from __future__ import annotations

import random

SENTENCES = (
    "A worker that dies in the middle of a run loses everything that it kept in its memory",
    "The history of the run is written to a store before the next step begins",
    "A retry reads the history again, and therefore calls no tool twice",
    "Each side effect carries a key, because the gateway may see the same request again",
    "The lease runs out, so another worker picks the step up where it was left",
    "However, a checkpoint costs a write, and a run of many small steps pays for every one",
    "A person approves the payment, and until then nothing waits in any process",
    "When the queue is slow the run is slow, although nothing is lost",
    "Timers belong to the store and not to a process that sleeps",
    "For example, an agent that books a flight must not book it again after a crash",
    "The price of durability is latency, which matters when somebody watches",
    "Moreover, the log says which step failed and what it was given",
)
OTHER = (
    "Stir the onions slowly until they turn golden and sweet",
    "Add the tomatoes and a spoon of sugar to the pan",
    "My grandmother always baked bread on Sunday mornings",
    "Let the dough rest under a towel for two hours",
    "Season the soup with pepper and fresh parsley",
    "The oven should be hot before the cake goes in",
)


def essay(level: int, seed: int) -> str:
    """A text of a level from 0 to 4: better ones say more, and join what they say."""
    chance = random.Random(f"{level}:{seed}")
    said = chance.sample(SENTENCES, min(len(SENTENCES), 2 + 2 * level + chance.randrange(4)))
    return " ".join(f"{sentence}{chance.choice('..!')}" for sentence in said)


def essays(count: int, first: int = 0) -> tuple[list[str], list[float]]:
    """Texts and their levels, all levels about equally often."""
    levels = [place % 5 for place in range(count)]
    return [essay(level, first + place) for place, level in enumerate(levels)], [float(level) for level in levels]


def another_prompt(seed: int = 0) -> str:
    """A good text that answers another question."""
    chance = random.Random(seed)
    return ". ".join(chance.choice(OTHER) for _ in range(8)) + "."


def shuffled(text: str, seed: int = 0) -> str:
    """The words of a text without their order."""
    words = text.split()
    random.Random(seed).shuffle(words)
    return " ".join(words)

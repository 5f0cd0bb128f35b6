"""Look-fors that nobody wrote: a rubric of the words of a reference answer, a floor for what a written one reaches."""

import re
from pathlib import Path
from typing import Any

import yaml

_SMALL = (
    "a an and are as at be been but by can could do does for from had has have how if in into is it its may more most "
    "must no not of on one only or other over same should so some such than that the their them then there these they "
    "this to two up used was were what when where which while who will with would you your each also any all"
)
SMALL_WORDS = frozenset(_SMALL.split())
MOST_WORDS = 24


def write_rubric(path: Path, name: str, top: int, prompt: str, answer: str) -> None:
    """The rubric of one question as a file."""
    path.write_text(yaml.dump(rubric_of(name, top, prompt, answer), Dumper=Plain, sort_keys=False))


class Plain(yaml.SafeDumper):
    """Writes what occurs twice twice: rubric files have no aliases."""

    def ignore_aliases(self, _data: object) -> bool:
        """Always."""
        return True


def rubric_of(name: str, top: int, prompt: str, answer: str) -> dict[str, Any]:
    """A rubric of one criterion whose levels ask for more and more of the reference answer's words."""
    words = list(dict.fromkeys(word for word in re.findall(r"[a-z][a-z]+", answer.lower()) if word not in SMALL_WORDS))
    words = words[:MOST_WORDS] or ["answer"]
    names = [f"w{place}" for place in range(len(words))]
    signals = [
        {"id": own, "any": [{"together": [own], "denied": True}], "found": f"says {word}", "missing": word}
        for own, word in zip(names, words, strict=True)
    ]
    # Nobody repeats a reference answer: half of its words is as much as a full answer has.
    needed = {level: max(1, round(level / top * len(words) / 2)) for level in range(top, 0, -1)}
    return {
        "id": f"{name.replace('_', '-')}-{re.sub('[^a-z0-9]+', '-', prompt.lower())}",
        "title": f"Question {prompt}",
        "version": 1,
        "kind": "text",
        "language": "en",
        "criteria": [
            {
                "id": "overall",
                "title": "Overall",
                "weight": 100,
                "levels": {
                    level: f"Has {needed.get(level, 0)} of the reference's words." for level in range(top, -1, -1)
                },
                "look_fors": [
                    {
                        "lang": "en",
                        "looked_for": "words of the reference answer",
                        "words": {own: [f"={word}"] for own, word in zip(names, words, strict=True)},
                        "signals": signals,
                        "levels": {level: {"any": names, "at_least": count} for level, count in needed.items()},
                    }
                ],
            }
        ],
    }

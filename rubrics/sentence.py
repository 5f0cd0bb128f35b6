"""Sentences for a reader that can be said again in another language."""

from typing import Any


class Sentence(str):
    """A sentence in English that remembers what it was made from: a template with %(name)s places, and their values.

    It is a plain string to whoever only wants that. Where something is counted there is a second template, `many`.
    """

    template: str
    many: str | None
    values: dict[str, Any]

    def __new__(cls, template: str, **values: Any) -> "Sentence":
        """The sentence with its places filled."""
        return cls._made(template, template, None, values)

    @classmethod
    def _made(cls, said: str, template: str, many: str | None, values: dict[str, Any]) -> "Sentence":
        sentence = super().__new__(cls, said % values)
        sentence.template, sentence.many, sentence.values = template, many, values
        return sentence


def plural_sentence(one: str, many: str, num: int, **values: Any) -> Sentence:
    """A sentence about `num` of something."""
    return Sentence._made(one if num == 1 else many, one, many, {"num": num, **values})

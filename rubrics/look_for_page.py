"""One text under one lexicon: where the phrases of each group stand, and what the text tells as its story."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from rubrics.lexicon import Lexicon, Token
from rubrics.look_fors import STORY_MARKERS, Pattern
from rubrics.markers import is_noun, marked
from rubrics.passages import Passage

_GAP = 3
_LIST_OF = 3
_APART = 5  # words between two entries of a list that are joined by "or"; others are a word apart
_OR, _AND = frozenset({"or", "oder"}), frozenset({"and", "und"})
_AND_OTHER = 2
_TOLD = 8  # sentences around the first sign of a story that may belong to it
_PROSE = 0.15  # share of small words under which a longer sentence is a list of terms
_LONGER = 8
_NOTE = 12  # words of a telegram-like note, "02:10, step 11: booking API, socket timeout"


@dataclass(frozen=True, slots=True)
class Hit:
    """A phrase found: word places first to last (both in), and which phrase of its group it is."""

    first: int
    last: int
    phrase: int

    @property
    def places(self) -> range:
        """The places of its words."""
        return range(self.first, self.last + 1)

    def overlaps(self, other: "Hit") -> bool:
        """Whether the two share a word."""
        return self.first <= other.last and other.first <= self.last


@dataclass
class Page:
    """One text under one lexicon; what each group finds is kept, since criteria share groups."""

    passage: Passage
    lexicon: Lexicon
    ignored: Collection[int] = ()  # sentences that are not the writer's own words
    flags: Collection[str] = ()
    _hits: dict[str, list[Hit]] = field(default_factory=dict)
    _marked: dict[str, Collection[int]] = field(default_factory=dict)
    _by_sentence: dict[tuple[str, bool, bool, bool], dict[int, list[Hit]]] = field(default_factory=dict)

    @cached_property
    def _lists(self) -> frozenset[int]:
        """Sentences that string terms together without the small words of prose; a short note with a figure is none."""
        forms, common = self.passage.forms, self.lexicon.common
        said = [(number, forms[one.first : one.last]) for number, one in enumerate(self.passage.sentences)]
        return frozenset(
            number
            for number, words in said
            if common
            and len(words) >= _LONGER
            and sum(map(common.__contains__, words)) < len(words) * _PROSE
            and not self._is_note(words)
        )

    def _is_note(self, words: Sequence[str]) -> bool:
        number = self.passage.grammar.number
        return len(words) <= _NOTE and any(number(word) is not None for word in words)

    @cached_property
    def _asides(self) -> frozenset[int]:
        """Sentences that talk about words instead of using them."""
        groups = [phrase for name in self.lexicon.asides for phrase in self.lexicon.groups[name]]
        hits = [hit for phrase in groups for hit in self._phrase_hits(phrase, 0, self.ignored)]
        return frozenset(self.passage.sentence_of[hit.first] for hit in hits)

    def marked(self, marker: str) -> Collection[int]:
        """The word places that a marker fits."""
        if marker not in self._marked:
            told = marker in STORY_MARKERS
            self._marked[marker] = self._of_story(marker) if told else marked(self.passage, marker)
        return self._marked[marker]

    @cached_property
    def story(self) -> frozenset[int]:
        """The sentences that tell what happened: the paragraph in which the story's groups first meet."""
        if not self.lexicon.story:
            return frozenset()
        groups = [{self.passage.sentence_of[hit.first] for hit in self.hits(name)} for name in self.lexicon.story]
        for number in range(len(self.passage.sentences)):
            if all(group & {number, number + 1} for group in groups):
                both = any(number not in group for group in groups)
                return frozenset(self._told_around(number, number + both))
        return frozenset()

    def _told_around(self, number: int, last: int) -> Iterable[int]:
        sentences = self.passage.sentences
        told = {sentences[number].paragraph, sentences[last].paragraph}
        for at, one in enumerate(sentences):
            if one.paragraph in told and abs(at - number) <= _TOLD:
                yield at

    def _of_story(self, marker: str) -> frozenset[int]:
        passage = self.passage
        told = [at for number in self.story for at in _places_of(passage, number)]
        if marker == "@own":
            generic = {place for name in self.lexicon.generic for hit in self.hits(name) for place in hit.places}
            own = {passage.stems[at] for at in told if at not in generic and is_noun(passage, at)}
            kept = (at for word in own for at in passage.by_stem[word])
            return frozenset(at for at in kept if passage.sentence_of[at] not in self.story)
        numbers = {
            value
            for at in told
            for place in ((at, at + 1) if at in self.marked("@position") else ())
            if place < len(passage) and (value := passage.grammar.number(passage.forms[place])) and value > 2
        }
        near = {value + step for value in numbers for step in (-1, 0, 1)}
        kept = (at for form, at_ in passage.by_form.items() if passage.grammar.number(form) in near for at in at_)
        return frozenset(at for at in kept if passage.sentence_of[at] not in self.story)

    def paragraph_of(self, hit: Hit) -> int:
        """The number of the paragraph it stands in."""
        return self.passage.sentences[self.passage.sentence_of[hit.first]].paragraph

    def hits(self, group: str) -> list[Hit]:
        """Where a group's phrases stand, in the order of the text."""
        if group not in self._hits:
            found = [
                hit
                for number, phrase in enumerate(self.lexicon.groups[group])
                for hit in self._phrase_hits(phrase, number, {*self.ignored, *self._asides})
            ]
            self._hits[group] = sorted(found, key=lambda hit: (hit.first, hit.last))
        return self._hits[group]

    def _phrase_hits(self, phrase: tuple[Token, ...], number: int, ignored: Collection[int]) -> Iterable[Hit]:
        for start in self._starts(phrase[0]):
            sentence = self.passage.sentence_of[start]
            if sentence in ignored:
                continue
            last = self._follow(phrase[1:], start, self.passage.sentences[sentence].last)
            if last is not None:
                yield Hit(start, last, number)

    def _starts(self, token: Token) -> Iterable[int]:
        places: set[int] = set()
        for marker in token.markers:
            places.update(self.marked(marker))
        for word in token.stems:
            places.update(self.passage.by_stem.get(word, ()))
        for word in token.forms:
            places.update(self.passage.by_form.get(word, ()))
        for word in token.beginnings:
            places.update(self.passage.beginning(word))
        return places

    def _follow(self, rest: Sequence[Token], place: int, end: int) -> int | None:
        for token in rest:
            reach = range(place + 1, min(place + 2 + (_GAP if token.gap else 0), end))
            following = next((at for at in reach if token.fits(self.passage, at, self.marked)), None)
            if following is None:
                return None
            place = following
        return place

    def by_sentence(self, pattern: Pattern, group: str) -> dict[int, list[Hit]]:
        """The hits of a group that a pattern may use, by sentence."""
        key = (group, len(pattern.together) > 1, pattern.denied, pattern.lists)
        if key not in self._by_sentence:
            self._by_sentence[key] = self._usable(pattern, group)
        return self._by_sentence[key]

    def _usable(self, pattern: Pattern, group: str) -> dict[int, list[Hit]]:
        found: dict[int, list[Hit]] = defaultdict(list)
        for hit in self.hits(group):
            number = self.passage.sentence_of[hit.first]
            if len(pattern.together) > 1 and number in self._lists:
                continue
            if pattern.denied or not self.passage.is_negated(hit.first, hit.last):
                found[number].append(hit)
        if not pattern.lists:
            found = {number: hits for number, hits in found.items() if _strung(hits, self.passage.forms) < _LIST_OF}
        return found


def _places_of(passage: Passage, number: int) -> range:
    return range(passage.sentences[number].first, passage.sentences[number].last)


def _strung(hits: Iterable[Hit], forms: Sequence[str]) -> int:
    """How many different phrases of a group follow each other as in a list: a word apart, or joined by "or"."""
    longest, phrases = 0, set[int]()
    end: int | None = None
    for hit in hits:
        if end is not None and not _in_one_list(forms, end, hit.first):
            phrases = set()
        if end is None or hit.first > end:
            phrases.add(hit.phrase)
            end = hit.last
        longest = max(longest, len(phrases))
    return longest


def _in_one_list(forms: Sequence[str], end: int, first: int) -> bool:
    """Whether what stands between two words is no more than a list has between its entries."""
    apart = first - end - 1
    if apart > _APART:
        return False
    between = forms[end + 1 : first]
    return apart <= 1 or bool(_OR.intersection(between)) or (apart <= _AND_OTHER and bool(_AND.intersection(between)))

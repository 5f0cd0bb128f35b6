"""Reading a text with look-fors: which signals are in it, where, and which level they earn."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from rubrics.lexicon import Lexicon, Token
from rubrics.look_fors import ABSENT, FLAG, STORY_MARKERS, LookFors, Pattern, Rule, Shape, Signal
from rubrics.markers import is_noun, marked
from rubrics.passages import Passage

QUOTE_WORDS = 28  # of the 30 a quote may have: other counts split "400-600" or "in-memory" differently
_GAP = 3
_NEIGHBOURS = 3
_LIST_OF = 3
_APART = 5  # words between two entries of a list that are joined by "or"; others are a word apart
_OR, _AND = frozenset({"or", "oder"}), frozenset({"and", "und"})
_AND_OTHER = 2
_TOLD = 8  # sentences around the first sign of a story that may belong to it
_PROSE = 0.15  # share of small words under which a longer sentence is a list of terms

Span = tuple[int, int]


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


@dataclass(frozen=True, slots=True)
class Reading:
    """What a criterion's look-fors found; `spans` are character places to quote, best first."""

    level: int
    found: tuple[str, ...]
    missing: tuple[str, ...]
    capped: tuple[str, ...]
    spans: tuple[Span, ...]


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
        """Sentences that string terms together without the small words of prose."""
        forms, common = self.passage.forms, self.lexicon.common
        return frozenset(
            number
            for number, one in enumerate(self.passage.sentences)
            if common
            and one.length >= 8
            and sum(form in common for form in forms[one.first : one.last]) < one.length * _PROSE
        )

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
                return frozenset(self._told_around(number))
        return frozenset()

    def _told_around(self, number: int) -> Iterable[int]:
        sentences = self.passage.sentences
        told = {sentences[number].paragraph, sentences[min(number + 1, len(sentences) - 1)].paragraph}
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


def find(page: Page, pattern: Pattern) -> tuple[Hit, ...] | None:
    """The first place where a pattern holds, as one hit for each of its groups."""
    groups = [page.by_sentence(pattern, group) for group in pattern.together]
    if not all(groups):
        return None
    unwanted = {page.passage.sentence_of[hit.first] for name in pattern.without for hit in page.hits(name)}
    for window in _windows(page.passage, pattern, min(groups, key=len)):
        if unwanted and not unwanted.isdisjoint(window):
            continue
        chosen = _choose([[hit for one in window for hit in group.get(one, ())] for group in groups], pattern)
        if chosen:
            return chosen
    return None


def _windows(passage: Passage, pattern: Pattern, seeds: Mapping[int, object]) -> Iterable[range]:
    """Ranges of sentences in which a pattern may hold: each holds a sentence of the rarest group."""
    total = len(passage.sentences)
    low = 0 if pattern.last is None else int(total * (1 - pattern.last))
    high = total if pattern.first is None else max(1, round(total * pattern.first))
    seen: set[range] = set()
    for seed in sorted(seeds):
        for window in _around(passage, pattern.within, seed, total):
            kept = range(max(window.start, low), min(window.stop, high))
            if kept and kept not in seen:
                seen.add(kept)
                yield kept


def _around(passage: Passage, within: str, seed: int, total: int) -> Iterable[range]:
    if within == "sentence":
        return [range(seed, seed + 1)]
    if within == "neighbours":
        begins = range(max(0, seed - _NEIGHBOURS + 1), seed + 1)
        return [range(begin, min(begin + _NEIGHBOURS, total)) for begin in reversed(begins)]
    if within == "paragraph":
        return [passage.paragraph_ranges[passage.sentences[seed].paragraph]]
    return [range(total)]


def _choose(groups: Sequence[Sequence[Hit]], pattern: Pattern) -> tuple[Hit, ...] | None:
    """One hit of each group, no word used twice; None where that cannot be."""
    if len({hit.phrase for hit in groups[0]}) < pattern.at_least:
        return None
    chosen: list[Hit] = []
    for group in groups:
        hit = next(
            (
                hit
                for hit in group
                if not any(hit.overlaps(other) for other in chosen)
                and not (pattern.in_order and chosen and hit.first < chosen[-1].last)
            ),
            None,
        )
        if hit is None:
            return None
        chosen.append(hit)
    return tuple(chosen)


def has_shape(page: Page, shape: Shape) -> bool:
    """Whether a text is built as a shape asks."""
    passage = page.passage
    words, sentences = len(passage), len(passage.sentences)
    if not words:
        return False
    lengths: dict[int, int] = defaultdict(int)
    for one in passage.sentences:
        lengths[one.paragraph] += one.length
    return (
        _inside(words, shape.words)
        and _inside(passage.paragraphs, shape.paragraphs)
        and _inside(words / sentences, shape.sentence_words)
        and (shape.paragraph_share is None or max(lengths.values()) <= shape.paragraph_share * words)
        and all(len(page.hits(name)) * 100 / words <= most for name, most in shape.per_hundred_words.items())
        and (not shape.order or _in_order(page, shape))
    )


def _inside(number: float, limits: tuple[float, float] | None) -> bool:
    return limits is None or limits[0] <= number <= limits[1]


def _home(page: Page, group: str) -> int | None:
    """The paragraph in which a group is said most; the earlier one on a tie."""
    counts: dict[int, int] = defaultdict(int)
    for hit in page.hits(group):
        counts[page.passage.sentences[page.passage.sentence_of[hit.first]].paragraph] += 1
    return min(counts, key=lambda paragraph: (-counts[paragraph], paragraph)) if counts else None


def _in_order(page: Page, shape: Shape) -> bool:
    homes = [_home(page, group) for group in shape.order]
    if any(home is None for home in homes):
        return False
    known = [home for home in homes if home is not None]
    wrong = sum(later < earlier for at, earlier in enumerate(known) for later in known[at + 1 :])
    return wrong <= shape.misplaced


def read_criterion(page: Page, block: LookFors) -> Reading:
    """The level a text earns for one criterion, and what it rests on; the block is `filled_in`."""
    found = {signal.id: spans for signal in block.signals if (spans := _signal_spans(page, signal)) is not None}
    met = {level: rule for level, rules in block.levels.items() if (rule := _first_met(rules, found)) is not None}
    earned = max(met, default=0)
    caps = [cap for cap in block.caps if _raised(cap.when, found, page.flags) and cap.at_most < earned]
    level = min([earned, *(cap.at_most for cap in caps)])
    signals = {signal.id: signal for signal in block.signals}
    rule = met.get(earned)
    used = [name for name in (*rule.all, *rule.any) if name in found] if rule else []
    ahead = [name for rule in block.levels.get(level + 1, ()) for name in (*rule.all, *rule.any)]
    absent = [name for name in dict.fromkeys(ahead) if name not in found]
    names = [*(cap.when for cap in caps if cap.when in found), *used]
    return Reading(
        level=level,
        found=tuple(signals[name].found for name in used),
        missing=tuple(note for name in absent if (note := signals[name].missing)),
        capped=tuple(cap.note for cap in caps),
        spans=_distinct([*(found[name][0] for name in names), *(span for name in names for span in found[name])]),
    )


def _first_met(rules: Iterable[Rule], found: Collection[str]) -> Rule | None:
    return next((rule for rule in rules if _met(rule, found)), None)


def _met(rule: Rule, found: Collection[str]) -> bool:
    some = sum(name in found for name in rule.any)
    return (
        all(name in found for name in rule.all)
        and (not rule.any or some >= rule.at_least)
        and not any(name in found for name in rule.none)
    )


def _raised(when: str, found: Collection[str], flags: Collection[str]) -> bool:
    if when.startswith(FLAG):
        return when.removeprefix(FLAG) in flags
    return when.removeprefix(ABSENT) not in found if when.startswith(ABSENT) else when in found


def _signal_spans(page: Page, signal: Signal) -> tuple[Span, ...] | None:
    """Character places that show a signal, None where it is not in the text."""
    for way in signal.any:
        if isinstance(way, Shape):
            if has_shape(page, way):
                return _shape_spans(page, way)
        elif hits := find(page, way):
            return quote_spans(page.passage, hits)
    return None


def _shape_spans(page: Page, shape: Shape) -> tuple[Span, ...]:
    """The opening of the paragraphs a shape speaks of, as what can be shown of it."""
    passage = page.passage
    homes = {_home(page, group) for group in shape.order} or {0}
    opening: dict[int, int] = {}
    for number, one in enumerate(passage.sentences):
        opening.setdefault(one.paragraph, number)
    sentences = sorted(opening[home] for home in homes if home is not None)[:2]
    return tuple(_trimmed(passage, number, passage.sentences[number].first) for number in sentences)


def quote_spans(passage: Passage, hits: Sequence[Hit]) -> tuple[Span, ...]:
    """The sentences a pattern's hits stand in, each cut to a quote's length around its hits."""
    by_sentence: dict[int, list[Hit]] = defaultdict(list)
    for hit in hits:
        by_sentence[passage.sentence_of[hit.first]].append(hit)
    numbers = sorted(by_sentence)
    whole = passage.sentences[numbers[-1]].last - passage.sentences[numbers[0]].first
    if len(numbers) > 1 and whole <= QUOTE_WORDS:
        return ((passage.sentences[numbers[0]].start, passage.sentences[numbers[-1]].end),)
    ranked = sorted(numbers, key=lambda number: (-len(by_sentence[number]), number))
    return tuple(_trimmed(passage, number, min(hit.first for hit in by_sentence[number])) for number in ranked[:2])


def _trimmed(passage: Passage, number: int, place: int) -> Span:
    """A sentence, or a window of it that begins a few words before the place that counts."""
    one = passage.sentences[number]
    if one.length <= QUOTE_WORDS:
        return one.start, one.end
    first = one.first if place - one.first < QUOTE_WORDS // 2 else place - 6
    last = min(first + QUOTE_WORDS, one.last)
    first = max(one.first, last - QUOTE_WORDS)
    return passage.spans[first][0], passage.spans[last - 1][1]


def _distinct(spans: Iterable[Span]) -> tuple[Span, ...]:
    """At most three spans, none within or across another."""
    kept: list[Span] = []
    for start, end in spans:
        if all(end <= other[0] or other[1] <= start for other in kept):
            kept.append((start, end))
    return tuple(kept[:3])

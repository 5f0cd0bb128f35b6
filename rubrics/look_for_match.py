"""Reading a text with look-fors: which signals are in it, where, and which level they earn."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from rubrics.look_for_page import Hit, Page
from rubrics.look_fors import ABSENT, FLAG, LookFors, Pattern, Rule, Shape, Signal
from rubrics.passages import Passage

QUOTE_WORDS = 28  # of the 30 a quote may have: other counts split "400-600" or "in-memory" differently
_NEIGHBOURS = 3
_NOWHERE: Mapping[int, int] = MappingProxyType({})

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a criterion's look-fors found; `spans` are character places to quote, best first."""

    level: int
    found: tuple[str, ...]
    missing: tuple[str, ...]
    capped: tuple[str, ...]
    spans: tuple[Span, ...]


def find(page: Page, pattern: Pattern, home: Mapping[int, int] = _NOWHERE) -> tuple[Hit, ...] | None:
    """Where a pattern holds, as one hit for each of its groups; of several places the one most at home."""
    groups = [page.by_sentence(pattern, group) for group in pattern.together]
    if not all(groups):
        return None
    unwanted = {page.passage.sentence_of[hit.first] for name in pattern.without for hit in page.hits(name)}
    best, weight = None, -1
    for window in _windows(page.passage, pattern, min(groups, key=len)):
        if unwanted and not unwanted.isdisjoint(window):
            continue
        chosen = _choose([[hit for one in window for hit in group.get(one, ())] for group in groups], pattern)
        if chosen and (at_home := min(home.get(page.paragraph_of(hit), 0) for hit in chosen)) > weight:
            best, weight = chosen, at_home
    return best


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
        and _inside(passage.denials / sentences, shape.denied_sentences)
        and _inside(passage.jumbled, shape.jumbled)
        and all(len(page.hits(name)) * 100 / words <= most for name, most in shape.per_hundred_words.items())
        and (not shape.order or _in_order(page, shape))
    )


def _inside(number: float, limits: tuple[float, float] | None) -> bool:
    return limits is None or limits[0] <= number <= limits[1]


def _home(page: Page, group: str) -> int | None:
    """The paragraph in which a group is said most; the earlier one on a tie."""
    counts: dict[int, int] = defaultdict(int)
    for hit in page.hits(group):
        counts[page.paragraph_of(hit)] += 1
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
    home = _homes(page, block)
    found = {signal.id: spans for signal in block.signals if (spans := _signal_spans(page, signal, home)) is not None}
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


def _homes(page: Page, block: LookFors) -> dict[int, int]:
    """How many of a criterion's groups each paragraph has: what is quoted should stand where it is spoken of."""
    ways = [way for signal in block.signals for way in signal.any if isinstance(way, Pattern)]
    homes: dict[int, int] = defaultdict(int)
    for group in {name for way in ways for name in way.together}:
        for paragraph in {page.paragraph_of(hit) for hit in page.hits(group)}:
            homes[paragraph] += 1
    return homes


def _signal_spans(page: Page, signal: Signal, home: Mapping[int, int]) -> tuple[Span, ...] | None:
    """Character places that show a signal, None where it is not in the text."""
    for way in signal.any:
        if isinstance(way, Shape):
            if has_shape(page, way):
                return _shape_spans(page, way)
        elif hits := find(page, way, home):
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

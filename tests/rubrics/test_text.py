import unicodedata
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rubrics.text import list_markers, normalise, sentence_count, verify_quote, word_count, word_spans

SAMPLES = Path(__file__).parents[2] / "seeds/lessons/durable-workflows/samples"

WORDS = [
    ("", 0),
    ("one two", 2),
    ("don't won’t", 2),
    ("a 20-step agent", 3),
    ("- bullet\n* bullet\n• bullet", 3),
    ("it dies — and then", 4),
    ("3.5 USD, 1,000 times at 99 %", 6),
    ("naïve cafe\u0301 Straße", 3),
    ("wait/retry", 2),
    ("...!?", 0),
    ("ig\u200bnore", 1),
    ("漢字", 2),
    ("हिन्दी भाषा", 2),
    ("эссе об агентах", 3),
    ("😀 emoji", 1),
]


@pytest.mark.parametrize(("text", "count"), WORDS)
def test_words_are_counted_as_people_count_them(text: str, count: int) -> None:
    assert word_count(text) == count
    assert len(word_spans(text)) == count


@pytest.mark.parametrize(("name", "count"), [("a", 512), ("b", 449), ("c", 262)])
def test_the_essay_anchors(name: str, count: int) -> None:
    assert word_count((SAMPLES / f"essay-{name}.md").read_text()) == count


SENTENCES = [
    ("It dies.", 1),
    ("It dies", 1),
    ("It dies. It restarts.", 2),
    ("it dies. it restarts.", 2),
    ("It dies\nand restarts", 1),
    ("It dies! Why? Nobody knows.", 3),
    ("It costs 3.5 USD.", 1),
    ("A store, e.g. Postgres, i.e. a table.", 1),
    ('Ask "why?" and stop.', 1),
    ("It dies ... and restarts.", 1),
    ("Look at step no. 5.", 1),
    ("Does it resume? No. It restarts.", 3),
    ("1. It dies, so it restarts.", 1),
    ("...", 0),
    ("", 0),
    ("它死了。它重新开始。", 2),
]


@pytest.mark.parametrize(("text", "count"), SENTENCES)
def test_sentences(text: str, count: int) -> None:
    assert sentence_count(text) == count


LISTS = [
    ("It dies - and then restarts.", 0),
    ("It dies at step 14.", 0),
    ("14 calls are lost.", 0),
    ("- it dies", 1),
    ("* it dies\n* it restarts", 2),
    ("1. it dies\n2) it restarts", 2),
    ("Two things: 1) it dies 2) it restarts", 2),
    ("(a) it dies, (b) it restarts", 2),
    ("Two things: - it dies", 1),
    ("• it dies", 1),
    ("The run -1 is a 1 of 2.", 0),
]


@pytest.mark.parametrize(("text", "count"), LISTS)
def test_list_markers(text: str, count: int) -> None:
    assert len(list_markers(text)) == count


QUOTES = [
    ("We paid  for\n\nthe steps.", "paid for the steps", "paid  for\n\nthe steps"),
    ("It “just” works, doesn’t it?", 'It "just" works, doesn\'t it', "It “just” works, doesn’t it"),
    ("It just works.", "“It just works.”", "It just works."),
    ("A cafe\u0301 at noon", "caf\u00e9", "cafe\u0301"),
    ("the ﬁrst step", "first step", "ﬁrst step"),
    ("a hid\u200bden word", "hidden word", "hid\u200bden word"),
]


@pytest.mark.parametrize(("text", "quote", "found"), QUOTES)
def test_a_quote_is_found_where_it_stands(text: str, quote: str, found: str) -> None:
    place = verify_quote(text, quote)
    assert place is not None
    assert place.text == found == text[place.start : place.end]


@pytest.mark.parametrize(
    ("text", "quote"),
    [
        ("The run dies.", "The run lives"),
        ("The run dies.", "the run dies"),  # nothing but white space, quote marks and accents' form may differ
        ("The run dies.", ""),
        ("The run dies.", "..."),
        ("The run dies.", "he run"),  # not a part of a word
        ("word " * 40, "word " * 31),
        ("The run dies.", "The run dies. And more."),
    ],
)
def test_a_quote_that_does_not_stand_there(text: str, quote: str) -> None:
    assert verify_quote(text, quote) is None


def test_thirty_words_are_the_most() -> None:
    assert verify_quote("word " * 40, "word " * 30) is not None


@given(st.text(max_size=200))
@example(" \u00b8")
@example("e\u0301\u0301 ﬁ “x”\r\n\u200b한\u1100\u1161\u11a8")
def test_every_normalised_character_has_a_place(text: str) -> None:
    plain = normalise(text)
    assert len(plain.text) == len(plain.starts) == len(plain.ends)
    assert all(0 <= start < end <= len(text) for start, end in zip(plain.starts, plain.ends, strict=True))
    assert list(plain.starts) == sorted(plain.starts)
    assert "  " not in plain.text


@given(
    st.lists(st.text(st.characters(categories=("L", "N")), min_size=1, max_size=8), min_size=3, max_size=20), st.data()
)
def test_any_run_of_words_is_found_as_it_is_written(written: list[str], data: st.DataObject) -> None:
    gaps = data.draw(
        st.lists(st.sampled_from([" ", "\n", "  \t", "\u00a0"]), min_size=len(written), max_size=len(written))
    )
    text = "".join(word + gap for word, gap in zip(written, gaps, strict=True))
    first = data.draw(st.integers(0, len(written) - 1))
    last = data.draw(st.integers(first, len(written) - 1))
    quote = unicodedata.normalize("NFC", " ".join(written[first : last + 1]))
    place = verify_quote(text, quote)
    if place is None:
        assert word_count(quote) > 30
    else:
        assert text[place.start : place.end] == place.text
        assert normalise(place.text).text.split() == normalise(quote).text.split()

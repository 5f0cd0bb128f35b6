"""The long table: what it takes, what it refuses and with which words."""

from pathlib import Path

import pytest

from eval.errors import TableError
from eval.long_table import FaultyTable, LongTable, read_long
from eval.matching import match, scale_of_criterion

HEADER = "response_id,prompt_id,criterion,rater_id,rater_kind,score,scale_min,scale_max,code,blind,class"


def table_of(folder: Path, *rows: str) -> LongTable:
    file = folder / "t.csv"
    file.write_text("\n".join([HEADER, *rows]) + "\n")
    return read_long(file)


GOOD = (
    "e1,p,claim,ann,human,0,0,3,,yes,a",
    "e1,p,claim,bob,human,1,0,3,,yes,a",
    "e1,p,claim,j,judge,0.4,0,3,,,a",
    "e2,p,claim,ann,human,3,0,3,,no,b",
    "e2,p,claim,j,judge,,0,3,,,b",
    "e3,p,claim,ann,human,,0,3,off-topic,no,b",
    "e3,p,claim,j,judge,1.2,0,3,,,b",
)


def test_a_table_is_read_with_defaults_and_groups(tmp_path: Path) -> None:
    table = table_of(tmp_path, *GOOD)
    assert len(table.frame) == 7
    assert table.groups == ["class"]
    assert set(table.frame["repeat"]) == {0}
    assert set(table.frame["step"]) == {1}


def test_a_table_survives_writing(tmp_path: Path) -> None:
    table = table_of(tmp_path, *GOOD)
    table.write(tmp_path / "again.csv")
    assert read_long(tmp_path / "again.csv").frame.equals(table.frame)


def test_zero_is_a_score_and_a_silent_judge_is_an_outcome(tmp_path: Path) -> None:
    matched = match(table_of(tmp_path, *GOOD), "claim", judge="j", reference="ann", second="bob")
    assert list(matched.response_ids) == ["e1", "e2", "e3"]
    assert matched.scores.human[0] == 0
    assert list(matched.scores.both().human) == [0]
    assert matched.codes == {"ann: off-topic": 1, "j: unscored": 1}


def test_blind_pairs_are_marked(tmp_path: Path) -> None:
    matched = match(table_of(tmp_path, *GOOD), "claim", judge="j", reference="mean")
    assert list(matched.blind) == [True, False, False]
    assert matched.scores.human[0] == 0.5


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("e9,p,claim,ann,human,4,0,3,,,a", "row 2, column score: 4 lies outside 0 to 3"),
        ("e9,p,claim,ann,human,fine,0,3,,,a", "row 2, column score: 'fine' is no number"),
        ("e9,p,claim,ann,human,inf,0,3,,,a", "row 2, column score: 'inf' is no number"),
        ("e9,p,claim,ann,human,,0,3,,,a", "row 2, column score: neither a score nor a code"),
        ("e9,p,claim,ann,human,1,0,3,TD,,a", "row 2, column code: both a score and a code"),
        ("e9,p,claim,ann,robot,1,0,3,,,a", "row 2, column rater_kind: is not one of human, judge, adjudicated"),
        (",p,claim,ann,human,1,0,3,,,a", "row 2, column response_id: is empty"),
        ("e9,p,claim,ann,human,1,3,0,,,a", "row 2, column scale_max: is not above scale_min"),
        ("e9,p,claim,ann,human,1,0,3,,maybe,a", "row 2, column blind: 'maybe' is neither yes nor no"),
    ],
)
def test_a_fault_is_named_by_row_and_column(row: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(FaultyTable) as caught:
        table_of(tmp_path, row)
    assert says in str(caught.value)


def test_every_fault_is_told_the_first_ten_in_words(tmp_path: Path) -> None:
    with pytest.raises(FaultyTable) as caught:
        table_of(tmp_path, *(f"e{number},p,claim,ann,human,9,0,3,,,a" for number in range(12)))
    assert len(caught.value.faults) == 12
    assert "and 2 more" in str(caught.value)


def test_duplicates_are_refused_with_their_key(tmp_path: Path) -> None:
    with pytest.raises(FaultyTable, match=r"row 3, .*again response_id e1, criterion claim, rater_id ann, repeat 0"):
        table_of(tmp_path, GOOD[0], GOOD[0])


def test_two_scales_of_one_criterion_and_prompt_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FaultyTable, match="row 3, column scale_min: a second scale for claim of prompt p"):
        table_of(tmp_path, GOOD[0], "e2,p,claim,ann,human,1,0,4,,,a")


def test_scales_of_two_prompts_are_never_pooled(tmp_path: Path) -> None:
    table = table_of(tmp_path, GOOD[0], "e2,q,claim,ann,human,1,0,4,,,a")
    with pytest.raises(TableError, match="'claim' has 2 scales"):
        scale_of_criterion(table, "claim")


def test_unmatched_ids_are_refused_with_a_list(tmp_path: Path) -> None:
    table = table_of(tmp_path, *GOOD, "e4,p,claim,j,judge,1,0,3,,,a", "e5,p,claim,ann,human,1,0,3,,,a")
    with pytest.raises(TableError, match=r"1 only from j \(e4\); 1 only from ann \(e5\)"):
        match(table, "claim", judge="j", reference="ann")
    assert len(match(table, "claim", judge="j", reference="ann", allow_unmatched=True).response_ids) == 5


def test_an_unknown_rater_is_named_beside_the_known(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="no rater 'zoe' here; there are: ann, bob"):
        match(table_of(tmp_path, *GOOD), "claim", judge="j", reference="zoe")

"""Known data sets become long tables; the scores in these examples are made up."""

from pathlib import Path

import pytest

from eval.adapters import Named, read_columns, read_data, to_rsmtool
from eval.errors import TableError
from eval.long_table import FaultyTable
from eval.matching import match, scale_of_criterion
from eval.scale import Scale


def file_of(folder: Path, *lines: str, encoding: str = "utf-8") -> Path:
    file = folder / "set.csv"
    file.write_text("\n".join(lines) + "\n", encoding=encoding)
    return file


def test_rsmtool(tmp_path: Path) -> None:
    file = file_of(
        tmp_path, "spkitemid,sc1,sc2,raw,L1,trim_min,trim_max", "a,1,2,1.4,de,1,4", "b,4,,,en,1,4", "c,TD,3,2,en,1,4"
    )
    found = read_data(file)
    assert found.kind == "rsmtool"
    matched = match(found.table, "overall", judge="raw", reference="sc1", second="sc2")
    assert matched.codes == {"raw: unscored": 1, "sc1: TD": 1}
    assert list(matched.groups["L1"]) == ["de", "en", "en"]
    assert scale_of_criterion(found.table, "overall") == Scale(1, 4)


def test_rsmtool_and_back(tmp_path: Path) -> None:
    table = read_data(file_of(tmp_path, "spkitemid,sc1,sc2,raw,L1", "a,1,2,1.4,de", "b,4,4,3.5,en")).table
    wide = to_rsmtool(table, "overall", "sc1", "raw", "sc2")
    assert wide.to_dict("list") == {
        "spkitemid": ["a", "b"],
        "sc1": [1, 4],
        "sc2": [2, 4],
        "raw": [1.4, 3.5],
        "L1": ["de", "en"],
    }


DOMAINS = ("rater1_domain1", "rater2_domain1", "rater3_domain1", "domain1_score", "rater1_domain2", "rater2_domain2")
ASAP = "\t".join(["essay_id", "essay_set", "essay", *DOMAINS])


def test_asap_keeps_resolved_sums_apart_from_raters(tmp_path: Path) -> None:
    file = file_of(
        tmp_path, ASAP, "1\t1\tcaf\xe9\t4\t5\t\t9\t\t", "2\t2\ttext\t3\t4\t\t3\t2\t3", "3\t3\ttext\t0\t0\t\t0\t\t",
        "4\t8\ttext\t20\t14\t34\t34\t\t", encoding="latin-1",
    )  # fmt: skip
    found = read_data(file)
    frame = found.table.frame
    assert found.kind == "asap"
    assert found.texts["1"] == "café"
    resolved = frame[frame["criterion"] == "resolved"]
    assert list(resolved["score"]) == [9, 3, 0, 34]
    assert set(resolved["rater_kind"]) == {"adjudicated"}
    assert list(frame[frame["criterion"] == "overall"]["score"]) == [4, 5, 3, 4, 0, 0, 20, 14]
    assert list(frame[frame["criterion"] == "conventions"]["score"]) == [2, 3]


def test_asap_off_scale_names_the_files_row(tmp_path: Path) -> None:
    file = file_of(tmp_path, ASAP, "1\t1\tx\t4\t5\t\t9\t\t", "2\t3\tx\t1\t4\t\t1\t\t")
    with pytest.raises(FaultyTable, match="row 3, column score: 4 lies outside 0 to 3"):
        read_data(file)


def test_persuade_counts_an_essay_once(tmp_path: Path) -> None:
    header = "essay_id_comp,discourse_id,full_text,holistic_essay_score,prompt_name,gender"
    file = file_of(tmp_path, header, "e1,1,text,4,Cars,F", "e1,2,text,4,Cars,F", "e2,3,other,2,Cars,M")
    found = read_data(file)
    assert list(found.table.frame["response_id"]) == ["e1", "e2"]
    assert found.table.groups == ["gender"]
    bad = file_of(tmp_path, header, "e1,1,text,4,Cars,F", "e1,2,text,5,Cars,F")
    with pytest.raises(TableError, match="row 3, column holistic_essay_score: essay e1 has two scores"):
        read_data(bad)


@pytest.mark.parametrize(
    ("kind", "header", "row"),
    [
        ("asap2", "essay_id,full_text,score,prompt_name,ell_status", "e1,text,4,Cars,No"),
        ("aes2", "essay_id,full_text,score", "e1,text,4"),
    ],
)
def test_scores_of_one_to_six(kind: str, header: str, row: str, tmp_path: Path) -> None:
    found = read_data(file_of(tmp_path, header, row))
    assert found.kind == kind
    assert found.texts == {"e1": "text"}
    assert list(found.table.frame["rater_kind"]) == ["adjudicated"]


def test_ellipse_has_seven_criteria_by_half_points(tmp_path: Path) -> None:
    header = "text_id,full_text,prompt,Overall,Cohesion,Syntax,Vocabulary,Phraseology,Grammar,Conventions"
    found = read_data(file_of(tmp_path, header, "t1,text,Cars,3,3.5,2,2.5,3,4,4.5"))
    assert len(found.table.frame) == 7
    assert scale_of_criterion(found.table, "cohesion") == Scale(1, 5, 0.5)


def test_our_own_export_is_a_long_table(tmp_path: Path) -> None:
    header = "response_id,prompt_id,criterion,rater_id,rater_kind,score,scale_min,scale_max,code,blind,judge_version"
    rows = ("s1,essay,claim,r1,human,2,0,3,,yes,", "s1,essay,claim,checklist,judge,,0,3,refused,,checklist-1")
    found = read_data(file_of(tmp_path, header, *rows))
    assert found.kind == "long"
    matched = match(found.table, "claim", judge="checklist", reference="r1")
    assert list(matched.blind) == [True]
    assert matched.codes == {"checklist: refused": 1}


def test_any_other_table_by_its_columns(tmp_path: Path) -> None:
    file = file_of(tmp_path, "answer_id,answer,rater1,rater2,question", "a,x,0,1.5,q1", "b,y,5,4,q2")
    humans = {"overall": ["rater1", "rater2"]}
    found = read_columns(file, Named("answer_id", humans, Scale(0, 5), text="answer", prompt="question"))
    assert list(found.table.frame["score"]) == [0, 1.5, 5, 4]
    assert found.texts == {"a": "x", "b": "y"}


def test_what_pandas_wrote_for_a_blank_is_a_blank(tmp_path: Path) -> None:
    table = file_of(tmp_path, "id,mark", "a,nan", "b,4", "c,")
    frame = read_columns(table, Named("id", {"overall": ["mark"]}, Scale(1, 6))).table.frame
    assert list(frame["code"]) == ["blank", "", "blank"]
    assert list(frame["score"].notna()) == [False, True, False]


def test_columns_of_no_known_set_are_told(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"none of the known kinds .*; it has id, mark"):
        read_data(file_of(tmp_path, "id,mark", "a,1"))

"""The trained judge: learned from human sheets, honest about what it knows, and safe to load from a file."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from flows.judging import model_file
from flows.judging.catalog import get_judge
from flows.judging.judge import JudgeRequest, UnknownJudge, fingerprint, judge_text
from flows.judging.kernel_ridge import quadratic_kappa, rounded
from flows.judging.model_file import HEADER, ModelFileProblem, load, save
from flows.judging.text_space import without_repeats
from flows.judging.trained import TrainedJudge, _level, trained_judge
from flows.judging.training import Scale, Trained, TrainingProblem, make_prior, scores, train
from rubrics.checks import find_facts
from rubrics.judgement import Rating
from rubrics.model import Rubric, load_rubric
from tests.flows.judging.graded import another_prompt, essay, essays, shuffled

LEVELS = Scale(0, 4, declared=True)
RUBRIC = load_rubric("durable-workflows-essay").model_copy(update={"words": None, "topic": (), "sources": ()})


@pytest.fixture(scope="module")
def fitted() -> Trained:
    texts, levels = essays(60)
    return train(texts, {"claim": levels, "retry": levels}, {"claim": LEVELS, "retry": LEVELS})


@pytest.fixture(scope="module")
def saved(fitted: Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("judge") / "course.judge"
    save(fitted, path)
    return path


def rated(judge: TrainedJudge, text: str, criterion: str = "claim") -> Rating:
    sheet = judge_text(judge, RUBRIC, text)
    return next(rating for rating in sheet.ratings if rating.criterion == criterion)


def one_criterion(top: int) -> Rubric:
    """A rubric with a single criterion of so many levels."""
    levels = [{"level": level, "descriptor": f"Level {level}."} for level in range(top + 1)]
    criterion = {"id": "whole", "title": "Whole", "weight": 100.0, "levels": levels}
    return Rubric.model_validate({"id": "one", "title": "One", "version": 1, "kind": "text", "criteria": [criterion]})


# ---- what it learns ------------------------------------------------------------------------------------------


def test_it_learns_what_separates_the_levels_and_says_so_honestly(fitted: Trained) -> None:
    texts, levels = essays(50, first=1000)
    told = rounded(scores(fitted, texts)["claim"], 0, 4)
    fresh = quadratic_kappa(told, np.array(levels))
    kappa = fitted.models["claim"].kappa
    assert kappa is not None
    value, low, high = kappa
    assert fresh > 0.7
    assert low < value < high
    assert abs(fresh - value) < 0.2


def test_labels_without_meaning_give_a_judge_that_says_it_is_worth_nothing() -> None:
    texts, levels = essays(40)
    mixed = list(np.random.default_rng(1).permutation(levels))
    kappa = train(texts, {"claim": mixed}, {"claim": LEVELS}).models["claim"].kappa
    assert kappa is not None
    assert kappa[0] < 0.4


def test_the_same_sheets_give_the_same_file(fitted: Trained, tmp_path: Path, saved: Path) -> None:
    texts, levels = essays(60)
    again = train(texts, {"claim": levels, "retry": levels}, {"claim": LEVELS, "retry": LEVELS})
    save(again, tmp_path / "again.judge")
    assert (tmp_path / "again.judge").read_bytes() == saved.read_bytes()


def test_what_is_read_again_says_the_same(fitted: Trained, saved: Path) -> None:
    again, _ = load(saved)
    texts, _ = essays(5, first=77)
    assert scores(again, texts)["claim"] == pytest.approx(scores(fitted, texts)["claim"])


def test_ten_sheets_are_enough_and_a_prior_of_other_prompts_helps_to_tell_them_apart() -> None:
    texts, levels = essays(10)
    others, their_levels = essays(80, first=300)
    prior = make_prior([(others, their_levels)])
    more, _ = essays(30, first=600)
    with_prior = train(texts, {"claim": levels}, {"claim": LEVELS}, prior=prior, more_texts=more)
    fresh, truth = essays(60, first=2000)
    told = rounded(scores(with_prior, fresh)["claim"], 0, 4)
    assert quadratic_kappa(told, np.array(truth)) > 0.7
    assert train(texts, {"claim": levels}, {"claim": LEVELS}).models["claim"].labels == 10


def test_a_criterion_may_have_fewer_sheets_than_another() -> None:
    texts, levels = essays(30)
    few: list[float | None] = [level if place < 12 else None for place, level in enumerate(levels)]
    found = train(texts, {"claim": levels, "retry": few}, {"claim": LEVELS, "retry": LEVELS})
    assert [found.models[name].labels for name in ("claim", "retry")] == [30, 12]


def _texts_and(levels: list[float], scale: Scale = LEVELS) -> Callable[[], Trained]:
    return lambda: train(essays(len(levels))[0], {"claim": levels}, {"claim": scale})


FAULTS: dict[str, tuple[Callable[[], Trained], str]] = {
    "nine sheets": (_texts_and([0.0, 1.0] * 4 + [2.0]), "9 texts with a score; at least 10"),
    "the same score for all": (_texts_and([3.0] * 12), "every text has the same score"),
    "a score beyond the scale": (_texts_and([1.0] * 11 + [5.0]), "outside 0 to 4"),
    "a score that is no number": (_texts_and([1.0] * 11 + [float("nan")]), "no finite number"),
    "a text without words": (
        lambda: train(["…"] + essays(11)[0], {"claim": essays(12)[1]}, {"claim": LEVELS}),
        "no words",
    ),
}


@pytest.mark.parametrize(("fit", "words"), FAULTS.values(), ids=FAULTS.keys())
def test_sheets_that_nothing_can_be_learned_from_are_refused_in_a_sentence(
    fit: Callable[[], Trained], words: str
) -> None:
    with pytest.raises(TrainingProblem, match=words):
        fit()


# ---- what it says --------------------------------------------------------------------------------------------


def test_a_rating_has_an_estimate_an_interval_and_a_confidence_with_its_source(saved: Path) -> None:
    judge = trained_judge(str(saved))
    rating = rated(judge, essay(3, seed=5))
    assert rating.level in (2, 3, 4)
    assert rating.estimate is not None
    assert rating.interval is not None
    assert abs(rating.estimate - rating.level) <= 0.5
    assert rating.interval[0] <= rating.estimate <= rating.interval[1]
    assert 0 < (rating.confidence or 0) <= 1
    assert "left out" in rating.confidence_source
    assert "60 human sheets" in rating.comment
    assert rating.needs or rating.level == 4


def test_what_lies_on_a_boundary_is_in_doubt(saved: Path) -> None:
    judge = trained_judge(str(saved))
    ratings = [rated(judge, essay(level, seed)) for level in range(5) for seed in range(12)]
    near = [one for one in ratings if abs((one.estimate or 0) % 1 - 0.5) < 0.1 and 0 < (one.estimate or 0) < 4]
    assert near
    assert all("lies on the boundary between" in one.doubt for one in near)
    assert not any(one.doubt for one in ratings if abs((one.estimate or 0) % 1 - 0.5) > 0.2)


def test_nine_times_in_ten_the_score_lies_in_the_interval(saved: Path) -> None:
    judge = trained_judge(str(saved))
    texts, levels = essays(80, first=5000)
    held = 0
    for text, level in zip(texts, levels, strict=True):
        low, high = rated(judge, text).interval or (9, 9)
        held += low <= level <= high
    assert 0.78 <= held / len(texts) <= 1


def test_it_says_what_it_is(saved: Path) -> None:
    judge = get_judge(f"trained:{saved}")
    assert (judge.evidence, judge.provisional, judge.paid, judge.fills) == ("none", True, False, "sheet")
    assert "60 human sheets" in judge.label
    assert "weighted kappa" in judge.label


def test_what_was_not_learned_is_unscored(saved: Path) -> None:
    sheet = judge_text(trained_judge(str(saved)), RUBRIC, essay(2, seed=1))
    reasons = {one.criterion: one.reason for one in sheet.ratings}
    assert (reasons["claim"], reasons["retry"]) == (None, None)
    assert {reasons[name] for name in reasons if name not in ("claim", "retry")} == {"no_model"}


def test_one_score_for_the_whole_is_the_only_criterion_of_a_rubric_that_has_one(tmp_path: Path) -> None:
    texts, levels = essays(30)
    save(train(texts, {"overall": levels}, {"overall": LEVELS}), tmp_path / "whole.judge")
    judge = trained_judge(str(tmp_path / "whole.judge"))
    (only,) = judge_text(judge, one_criterion(4), essay(4, seed=2)).ratings
    assert only.level is not None
    assert {one.reason for one in judge_text(judge, RUBRIC, essay(4, seed=2)).ratings} == {"no_model"}


@pytest.mark.parametrize(
    ("score", "scale", "top", "level"),
    [
        (6, Scale(1, 6, declared=True), 4, 4.0),
        (1, Scale(1, 6, declared=True), 4, 0.0),
        (3.5, Scale(1, 6, declared=True), 5, 2.5),
        (3, Scale(0, 4, declared=True), 4, 3.0),
        (2, Scale(1, 3), 4, 2.0),  # seen, and levels as they are
        (12, Scale(2, 12), 4, 4.0),  # seen, and no levels: its ends are the rubric's
    ],
)
def test_peoples_scores_become_levels(score: float, scale: Scale, top: int, level: float) -> None:
    assert _level(score, scale, top) == pytest.approx(level)


STRANGE = {
    "another prompt": another_prompt(),
    "words in no order": shuffled(essay(4, seed=3)),
    "another language": "Der Arbeiter stirbt, und niemand weiß, wo die Aufgabe stand. " * 6,
    "one word": "workflow",
    "one word many times": "workflow " * 300,
    "numbers": "12 34 " * 50,
}


@pytest.mark.parametrize("text", STRANGE.values(), ids=STRANGE.keys())
def test_a_text_unlike_those_it_learned_from_gets_no_level(saved: Path, text: str) -> None:
    judge = trained_judge(str(saved))
    request = JudgeRequest(RUBRIC, ("claim", "retry"), text, find_facts("x", RUBRIC).model_dump(mode="json"))
    for rating in judge.read(request, judge.ask(request)):
        assert (rating.level, rating.reason) == (None, "unlike")


def test_its_own_kind_of_text_is_not_strange(saved: Path) -> None:
    judge = trained_judge(str(saved))
    texts, _ = essays(60, first=9000)
    refused = sum(rated(judge, text).reason == "unlike" for text in texts)
    assert refused <= 3


def test_saying_everything_twice_is_worth_nothing(saved: Path) -> None:
    judge = trained_judge(str(saved))
    once = essay(2, seed=8)
    assert rated(judge, f"{once} {once}").estimate == pytest.approx(rated(judge, once).estimate or 0, abs=0.25)
    assert without_repeats(f"{once} {once}").strip() == once.strip()


@pytest.mark.parametrize("text", [essay(4, 1) + " word" * 300_000, essay(4, 1) * 2000, "a." * 200_000], ids=len)
def test_a_huge_text_is_looked_at_in_its_beginning(saved: Path, text: str) -> None:
    judge = trained_judge(str(saved))
    request = JudgeRequest(RUBRIC, ("claim",), text, find_facts("x", RUBRIC).model_dump(mode="json"))
    (rating,) = judge.read(request, judge.ask(request))
    assert rating.criterion == "claim"


def test_another_file_is_another_fingerprint(saved: Path, tmp_path: Path) -> None:
    texts, levels = essays(20)
    save(train(texts, {"claim": levels}, {"claim": LEVELS}), tmp_path / "other.judge")
    marks = {
        fingerprint(scope="s", judge=trained_judge(str(path)), rubric=RUBRIC, criteria=["claim"], text="x")
        for path in (saved, tmp_path / "other.judge")
    }
    assert len(marks) == 2


def test_a_file_that_was_trained_again_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "course.judge"
    digests = []
    for count in (20, 30):
        texts, levels = essays(count)
        save(train(texts, {"claim": levels}, {"claim": LEVELS}), path)
        digests.append(trained_judge(str(path)).digest)
    assert digests[0] != digests[1]


# ---- files that are no judge ---------------------------------------------------------------------------------


def contents(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(files: dict[str, bytes]) -> bytes:
    return model_file._zipped(files)


def with_header(path: Path, **changes: object) -> bytes:
    files = contents(path)
    header = json.loads(files[HEADER]) | changes
    return packed(files | {HEADER: json.dumps(header).encode()})


def with_array(path: Path, name: str, array: np.ndarray) -> bytes:
    """The file with another array, its digest put right."""
    files = contents(path)
    header = json.loads(files[HEADER])
    content = array.astype("<f8").tobytes()
    header["arrays"][name] = {"shape": list(array.shape), "sha256": model_file.hashlib.sha256(content).hexdigest()}
    return packed(files | {HEADER: json.dumps(header).encode(), name: content})


def lying_bomb() -> bytes:
    """A zip that says its one entry is small."""
    content = bytearray(packed({HEADER: bytes(50_000_000)}))
    place = content.rindex(b"PK\x01\x02")
    content[place + 24 : place + 28] = (100).to_bytes(4, "little")
    return bytes(content)


BROKEN: dict[str, Callable[[Path], bytes]] = {
    "empty": lambda _path: b"",
    "no zip": lambda _path: b"hello" * 100,
    "a zip of something else": lambda _path: packed({"word/document.xml": b"<xml/>"}),
    "a pickle": lambda _path: b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00\x8c\x02os\x94.",
    "half of it": lambda path: path.read_bytes()[: path.stat().st_size // 2],
    "all but its end": lambda path: path.read_bytes()[:-30],
    "a byte turned": lambda path: bytes(
        byte ^ (1 if place == path.stat().st_size // 2 else 0) for place, byte in enumerate(path.read_bytes())
    ),
    "swollen, and lying about it": lambda _path: lying_bomb(),
    "an array altered": lambda path: packed(contents(path) | {"anchors.hand": b"\0" * 8}),
    "an array missing": lambda path: packed({k: v for k, v in contents(path).items() if k != "anchors.hand"}),
    "no number": lambda path: with_array(path, "space.mean", np.full(54, np.nan)),
    "a part that does not fit": lambda path: with_array(path, "space.sd", np.ones(3)),
    "weights that do not fit": lambda path: with_array(path, "model.claim.alpha", np.ones(3)),
    "words that are not there": lambda path: with_array(path, "meaning.columns", np.full(9, 1e9)),
    "another version": lambda path: with_header(path, version=99),
    "another format": lambda path: with_header(path, format="x"),
    "other features": lambda path: with_header(path, features=["length"]),
    "no models": lambda path: with_header(path, models={}),
    "a header that is a list": lambda path: packed(contents(path) | {HEADER: b"[]"}),
    "an endless header": lambda path: packed(contents(path) | {HEADER: b"[" * 200_000}),
    "a shape without end": lambda path: with_header(
        path, arrays=json.loads(contents(path)[HEADER])["arrays"] | {"anchors.hand": {"shape": [10**12], "sha256": "x"}}
    ),
}


@pytest.mark.parametrize("make", BROKEN.values(), ids=BROKEN.keys())
def test_a_file_that_is_no_judge_is_refused_in_a_sentence(
    saved: Path, tmp_path: Path, make: Callable[[Path], bytes]
) -> None:
    path = tmp_path / "broken.judge"
    path.write_bytes(make(saved))
    with pytest.raises(ModelFileProblem) as caught:
        load(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)
    with pytest.raises(UnknownJudge):
        get_judge(f"trained:{path}")


def test_a_file_that_swells_is_refused_before_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "bomb.judge"
    path.write_bytes(packed({HEADER: b"{}", "space.mean": bytes(8_000_000)}))
    assert path.stat().st_size < 10_000
    monkeypatch.setattr(model_file, "UNPACKED", 1_000_000)
    with pytest.raises(ModelFileProblem, match="unpacks to more"):
        load(path)


@pytest.mark.parametrize("where", ["nowhere.judge", "."])
def test_a_file_that_cannot_be_read_is_said_so(tmp_path: Path, where: str) -> None:
    with pytest.raises(UnknownJudge, match="cannot be read"):
        get_judge(f"trained:{tmp_path / where}")


def test_nothing_is_left_behind_where_a_file_cannot_be_written(fitted: Trained, tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError):
        save(fitted, tmp_path / "taken")
    assert [one.name for one in tmp_path.iterdir()] == ["taken"]

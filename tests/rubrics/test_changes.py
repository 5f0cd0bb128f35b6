"""What differs between two versions of a rubric, and a rubric written out as its file."""

import pytest

from rubrics.changes import Change, changes
from rubrics.model import Rubric, list_rubrics, listed_levels, load_rubric
from rubrics.yaml_file import YamlFault, parse_yaml, write_yaml


def changed(**edits) -> Rubric:
    """The essay's rubric with edits to its content."""
    return Rubric.from_json({**load_rubric("durable-workflows-essay").as_json(), **edits})


@pytest.mark.parametrize("rubric_id", list_rubrics())
def test_a_rubric_written_out_is_the_same_rubric(rubric_id: str) -> None:
    rubric = load_rubric(rubric_id)

    text = write_yaml(rubric.as_file())

    assert Rubric.from_json(parse_yaml(text)).content_hash == rubric.content_hash
    assert Rubric.from_json(listed_levels(parse_yaml(text))).content_hash == rubric.content_hash
    assert "4: " in text or "2: " in text  # levels as an author writes them


def test_a_rubric_has_no_changes_to_itself() -> None:
    assert changes(changed(), changed(version=2)) == ()


def test_words_weights_and_criteria_are_told() -> None:
    old = changed()
    criteria = old.as_json()["criteria"]
    criteria[0]["levels"][0]["descriptor"] = "A claim."
    criteria[0]["weight"], criteria[1]["weight"] = 5, 25
    criteria[2]["look_fors"] = []
    taken = criteria.pop()
    criteria.append({**taken, "id": "brevity", "title": "Brevity"})
    criteria[4], criteria[5] = criteria[5], criteria[4]

    told = changes(old, changed(criteria=criteria, title="The plea"))

    assert Change("the sheet", "title", "The pitch", "The plea") in told
    assert Change("Claim", "level 4", old.criterion("claim").descriptor(4), "A claim.") in told
    assert Change("Claim", "weight", "10", "5") in told
    assert Change("Retry layer", "look-fors", "en", "none") in told or any(
        one.where == "Retry layer" and one.what == "look-fors" for one in told
    )
    assert Change("Brevity", "new criterion", "", f"weight {taken['weight']:g}") in told
    assert Change(taken["title"], "criterion taken out", f"weight {taken['weight']:g}", "") in told
    assert any(one.what == "order" for one in told)


@pytest.mark.parametrize("text", ["", "   ", "a: [", "a: &x 1\nb: *x", "a: 1\na: 2", "x" * 300_000])
def test_pasted_text_that_is_no_yaml_gets_a_sentence(text: str) -> None:
    with pytest.raises(YamlFault):
        parse_yaml(text)

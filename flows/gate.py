"""Whether a judged sheet goes to a person first, and why, in words for the instructor."""

from collections.abc import Collection, Mapping, Sequence

from rubrics.judgement import Rating
from rubrics.model import Rubric

DOUBTS_SHOWN = 3
QUOTE = "quote"  # the reason of a rating whose quote does not stand in the text

_FLAGS: Mapping[str, str] = {
    "addresses_judge": "part of the text addresses the judge",
    "copied_brief": "much of it is copied from the brief",
    "off_topic": "it may be off topic",
    "out_of_range": "the length is out of range",
    "repetition": "it repeats itself",
    "empty": "there is no text",
    "not_text": "this is not readable text",
    "same_text": "another learner sent the same text",
}


def gate_reason(
    *,
    policy: str,
    rubric: Rubric,
    ratings: Sequence[Rating],
    flags: Collection[str],
    provisional: bool,
    evidence: str,
) -> str | None:
    """Why a person decides; None only where the placement's policy is "auto" and nothing speaks against it."""
    reasons = [*_spoken_against(rubric, ratings, flags), *_doubtful(rubric, ratings)]
    if evidence == "none":
        reasons.append("an estimate without quotes")
    if policy == "auto" and not reasons:
        return None
    if provisional and policy != "auto":
        reasons.append("the judge is provisional")
    return _sentence(reasons) if reasons else "Every sheet here is confirmed by a person."


def never_released(rubric: Rubric, ratings: Sequence[Rating], flags: Collection[str]) -> str | None:
    """Why a person decides whatever a release gate says: a flag, or a row without a level. None if nothing is wrong.

    What a judge doubts is no such reason: a gate was calibrated on how confident the judge is.
    """
    reasons = _spoken_against(rubric, ratings, flags)
    return _sentence(reasons) if reasons else None


def _spoken_against(rubric: Rubric, ratings: Sequence[Rating], flags: Collection[str]) -> list[str]:
    return [*_unscored(rubric, ratings), *(_FLAGS.get(flag, flag.replace("_", " ")) for flag in flags)]


def _unscored(rubric: Rubric, ratings: Sequence[Rating]) -> list[str]:
    missing = [rating for rating in ratings if rating.level is None]
    titles = {criterion.id: criterion.title for criterion in rubric.criteria}
    quoted = ", ".join(titles[rating.criterion] for rating in missing if rating.reason == QUOTE)
    other = ", ".join(titles[rating.criterion] for rating in missing if rating.reason != QUOTE)
    said = [f"quote failed: {quoted}"] if quoted else []
    return [*said, f"not scored: {other}"] if other else said


def _doubtful(rubric: Rubric, ratings: Sequence[Rating]) -> list[str]:
    """What a judge is not sure of, row by row; a long list is cut, the sheet has all of it."""
    found = [f"{rubric.criterion(one.criterion).title}: {one.doubt}" for one in ratings if one.doubt]
    more = len(found) - DOUBTS_SHOWN
    return [*found[:DOUBTS_SHOWN], f"{more} more rows are uncertain"] if more > 1 else found


def _sentence(reasons: Sequence[str]) -> str:
    words = "; ".join(reasons)
    return f"{words[0].upper()}{words[1:]}."

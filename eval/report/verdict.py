"""The report's first sentence: what was shown of the judge, and what it may decide."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

SHORT = {
    "qwk": "QWK of .70",
    "pearson": "a correlation of .70",
    "degradation": "at most .10 below two people",
    "smd": "a mean within .15 SD",
}
ALPHA = 0.05
MOST_NAMED = 6
STAMPS = {"met": "criteria met", "not met": "criteria not met", "not shown": "not shown yet"}


def verdict_of(judge: str, criteria: Sequence[Mapping[str, Any]], gate: Mapping[str, Any] | None) -> dict[str, Any]:
    """The verdict with its sentences; all criteria together decide, since all of them are released."""
    findings = [(one["name"], finding) for one in criteria for finding in one["findings"]]
    failed = [(name, finding["criterion"]) for name, finding in findings if finding["verdict"] == "not met"]
    open_ones = [(name, finding["criterion"]) for name, finding in findings if finding["verdict"] == "not shown"]
    prompts = _failing_prompts(criteria)
    verdict = "not met" if failed or prompts else "not shown" if open_ones or not findings else "met"
    judged = _judged(failed, open_ones, {name for name, _ in findings})
    if prompts and not failed and not open_ones:
        judged = f"{judged[:-1]} on average over prompts, but not on every one: {prompts}."
    elif prompts:
        judged = f"{judged} By prompt: {prompts}."
    return {
        "verdict": verdict,
        "stamp": "met on average, not on every prompt" if prompts and not failed and not open_ones else STAMPS[verdict],
        "sentence": f"{_agreement(judge, criteria)} {judged}",
        "fairness": _fairness(criteria),
        "gate": _gate(gate),
    }


def _failing_prompts(criteria: Sequence[Mapping[str, Any]]) -> str:
    """Which prompts miss which criterion for sure, where there are several."""
    missed: dict[str, list[str]] = {}
    for one in criteria:
        for prompt, both in one["prompts"].items() if len(one["prompts"]) > 1 else ():
            for finding in both["findings"]:
                if finding["verdict"] == "not met":
                    where = f"{one['name']} {prompt}" if len(criteria) > 1 else prompt
                    missed.setdefault(SHORT.get(finding["criterion"], finding["criterion"]), []).append(where)
    return "; ".join(f"{words} is missed on {_few(where)}" for words, where in missed.items())


def _few(where: Sequence[str]) -> str:
    more = len(where) - MOST_NAMED
    return ", ".join(where[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _fairness(criteria: Sequence[Mapping[str, Any]]) -> str:
    """Which groups the judge moves beyond the bound, if that is shown of any."""
    moved: dict[str, list[str]] = {}
    for one in criteria:
        for column, found in one["fairness"].items():
            for value, group in found["groups"].items():
                if group["verdict"] == "not met" and (group.get("p_holm") or 0) < ALPHA:
                    moved.setdefault(f"{column} {value}", []).append(f"{one['name']} {_signed(group['dsm']['value'])}")
    told = "; ".join(f"{group} ({', '.join(where)})" for group, where in moved.items())
    return f"It moves a group by more than .10 against people's scores: {told}." if told else ""


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "\N{MINUS SIGN}")


def _agreement(judge: str, criteria: Sequence[Mapping[str, Any]]) -> str:
    rows = max((one["rows"]["both"] for one in criteria), default=0)
    shown = [one for one in criteria if (one["headline"].get("qwk") or {}).get("value") is not None]
    if not shown:
        return f"{judge} was compared with people on {rows:,} responses, too few for a figure."
    if len(shown) == 1:
        return (
            f"On {rows:,} responses {judge} reaches a QWK of {_figure(shown[0]['headline']['qwk'])} with people"
            f"{_beside(shown[0])}."
        )
    values = [one["headline"]["qwk"]["value"] for one in shown]
    worst = min(shown, key=lambda one: one["headline"]["qwk"]["value"])
    return (
        f"On {rows:,} responses and {len(shown)} criteria {judge} reaches a QWK with people of "
        f"{min(values):.2f} to {max(values):.2f}; lowest on {worst['name']}, {_figure(worst['headline']['qwk'])}"
        f"{_beside(worst)}."
    )


def _figure(figure: Mapping[str, Any]) -> str:
    value = f"{figure['value']:.2f}"
    return value if figure["low"] is None else f"{value} ({figure['low']:.2f} to {figure['high']:.2f})"


def _beside(criterion: Mapping[str, Any]) -> str:
    people = criterion["headline_human"].get("qwk") or {}
    if people.get("value") is None:
        return "; how far people agree with each other isn't known"
    return f", where two people reach {_figure(people)}"


def _judged(failed: Sequence[tuple[str, str]], open_ones: Sequence[tuple[str, str]], names: Collection[str]) -> str:
    if failed:
        return f"It is not good enough to stand in for a rater: {_listed(failed, names, 'not reached')}."
    if open_ones:
        return f"Whether it could stand in for a rater is not shown yet: {_listed(open_ones, names, 'left open')}."
    return "Every operational criterion is met." if names else "Nothing is shown of it."


def _listed(pairs: Sequence[tuple[str, str]], names: Collection[str], what: str) -> str:
    """The bounds and, of several criteria, on which; what holds for all of them is said once."""
    by_bound: dict[str, list[str]] = {}
    for name, bound in pairs:
        by_bound.setdefault(SHORT.get(bound, bound), []).append(name)
    where = {words: "" if len(names) == 1 else _where(missed, names) for words, missed in by_bound.items()}
    alike = len(set(where.values())) == 1
    parts = list(where) if alike else [f"{words} ({place})" for words, place in where.items()]
    shared = f" on {next(iter(where.values()))}" if alike and next(iter(where.values())) else ""
    verb = "is" if len(parts) == 1 else "are"
    return f"{', '.join(parts[:-1])}{' and ' if len(parts) > 1 else ''}{parts[-1]} {verb} {what}{shared}"


def _where(missed: Sequence[str], names: Collection[str]) -> str:
    return "every criterion" if len(missed) == len(names) else ", ".join(missed)


def _gate(gate: Mapping[str, Any] | None) -> str:
    """What a calibrated gate allows, if one was calibrated."""
    if gate is None:
        return "No gate was calibrated on these data, so every score goes to a person."
    prompts = gate.get("prompts") or {}
    allowed = {name: one for name, one in prompts.items() if one.get("threshold") is not None}
    if not allowed or gate.get("releases") is False:
        return "The gate that was calibrated allows nothing: every score goes to a person."
    told = [
        f"{one.get('share', 0):.0%}{f' of {name}' if name else ''} at a risk of at most {one.get('bound', 1):.1%}"
        for name, one in allowed.items()
    ]
    return f"The gate allows to release unseen {'; '.join(told)}."

"""The document as one page: no scripts, nothing loaded from elsewhere, readable on paper."""

import math
from collections.abc import Mapping
from importlib import resources
from typing import Any

from jinja2 import Environment, Undefined
from markupsafe import Markup

from eval.report.plots import calibration, forest

CONTENTS = (
    ("verdict", "Verdict"),
    ("data", "Data"),
    ("people", "People and people"),
    ("judge", "Judge and people"),
    ("ceilings", "Ceilings and true scores"),
    ("criteria", "By criterion, and the total"),
    ("prompts", "By prompt"),
    ("fairness", "Fairness"),
    ("gallery", "Largest disagreements"),
    ("trust", "Retest, length, probes"),
    ("gate", "Confidence, recalibration, gate"),
    ("two", "Two judges, and the judge in a rater's place"),
    ("cost", "Cost, time, failures"),
    ("drift", "After release"),
    ("provenance", "Provenance"),
)
QWK_BOUND = 0.7


def page(told: Mapping[str, Any]) -> str:
    """The whole page."""
    source = resources.files("eval.report")
    environment = Environment(autoescape=True, undefined=Undefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string((source / "page.html").read_text("utf-8"))
    return template.render(
        **told,
        style=Markup((source / "style.css").read_text("utf-8")),
        plots={name: Markup(plot) for name, plot in _plots(told).items()},
        contents=CONTENTS,
        number=number,
        percent=percent,
        p=p_value,
        heat=heat,
        scales=scales,
        by_scale=by_scale,
    )


def _plots(told: Mapping[str, Any]) -> dict[str, str]:
    parts = [*told["criteria"], *([told["total"]] if told["total"] else [])]
    rows = [(one["name"], one["headline"].get("qwk") or {}, one["headline_human"].get("qwk") or {}) for one in parts]
    found = {"criteria": forest(rows, "Agreement by criterion; the table below has the figures", "c", QWK_BOUND)}
    first = told["criteria"][0]
    prompts = [
        (name or "all", both["judge"]["qwk"], both["human"]["qwk"])
        for name, both in first["prompts"].items()
        if both["judge"]["qwk"]["value"] is not None
    ]
    if len(prompts) > 1:
        title = f"Agreement by prompt on {first['name']}; the table below has the figures"
        found["prompts"] = forest(prompts, title, "p", QWK_BOUND)
    for place, one in enumerate(parts):
        if one["confidence"]:
            title = f"Confidence on {one['name']}: the figures stand in the sentence above"
            found[f"confidence {one['name']}"] = calibration(one["confidence"], title, f"k{place}")
    return found


def number(value: float | None, digits: int = 2, sign: bool = False) -> str:
    """A number as a reader of tables expects it; a true minus, and no minus zero."""
    if value is None or isinstance(value, Undefined):
        return "–"
    text = f"{value:{'+' if sign else ''},.{digits}f}"
    if float(text.replace(",", "")) == 0:
        text = text.lstrip("+-")
    return text.replace("-", "\N{MINUS SIGN}")


def percent(value: float | None, digits: int = 0) -> str:
    """A share in percent."""
    return "–" if value is None or isinstance(value, Undefined) else f"{100 * value:.{digits}f} %"


def p_value(value: float | None) -> str:
    """A p value; below a thousandth it is only that."""
    if value is None or isinstance(value, Undefined):
        return ""
    return "< .001" if value < 0.001 else f"{value:.3f}".lstrip("0") if value < 1 else "1"


def heat(count: int, total: int) -> str:
    """A cell's tint: the share of its row."""
    share = math.sqrt(count / total) if total else 0.0
    return f"rgba(10, 106, 76, {0.55 * share:.3f})"


def by_scale(one: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any], Mapping[str, Any], str]]:
    """What stands for a criterion where points count: its name, the judge's and people's figures, the scale.

    All responses where prompts share a scale; else each prompt that has figures, since their points are not the same.
    """
    if one.get("pooled") or len(one["prompts"]) == 1:
        only = next(iter(one["prompts"].values()))
        judge, people = one.get("pooled") or only["judge"], one.get("pooled_human") or only["human"]
        return [(one["name"], judge, people, scales(one["scales"]))]
    return [
        (
            f"{one['name']}, {'prompt ' if name.isdigit() else ''}{name}",
            both["judge"],
            both["human"],
            scales({name: one["scales"][name]}),
        )
        for name, both in one["prompts"].items()
        if both["judge"]["qwk"]["value"] is not None
    ]


def scales(known: Mapping[str, Mapping[str, Any]]) -> str:
    """The scale, or that there are several."""
    different = {(one["minimum"], one["maximum"], one["step"]) for one in known.values()}
    if len(different) > 1:
        return "differs"
    low, high, step = next(iter(different))
    return f"{low:g} to {high:g}" + ("" if step == 1 else f" by {step:g}")

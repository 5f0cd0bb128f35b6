"""Figures of a report as SVG that stands in the page: text stays text, and the same data give the same bytes."""

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot as plt

INK, QUIET, RULE, PEOPLE, JUDGE = "#1b1a17", "#625e56", "#d8d3c7", "#1c5c9c", "#1b1a17"
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "atelier",
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": RULE,
    "axes.labelcolor": QUIET,
    "xtick.color": QUIET,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
}
ROW = 0.34
MOST_ROWS = 60
LEAST_COVERAGE = 0.05  # before that the curve shows a handful of responses


def forest(
    rows: Sequence[tuple[str, Mapping[str, Any], Mapping[str, Any]]], title: str, name: str, bound: float
) -> str:
    """Intervals of the judge and of people, a row each; what has no figure has no mark."""
    shown = rows[:MOST_ROWS]
    values = [one.get(end) for _, *both in shown for one in both for end in ("value", "low", "high")]
    low = min([0.0, *(value for value in values if value is not None)])
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(7.2, 0.75 + ROW * len(shown)))
        axes.axvline(bound, color=QUIET, linewidth=0.8, linestyle=(0, (3, 3)))
        for place, (_, judge, people) in enumerate(shown):
            _interval(axes, people, place + 0.16, PEOPLE, hollow=True)
            _interval(axes, judge, place - 0.16, JUDGE, hollow=False)
        axes.set_yticks(range(len(shown)), [label for label, _, _ in shown])
        axes.set_ylim(len(shown) - 0.4, -0.6)
        axes.set_xlim(max(-1.0, low - 0.02), 1.0)
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel("quadratically weighted kappa with its 95 % interval; the dashed line is .70")
        return _svg(figure, title, name)


def _interval(axes: Any, one: Mapping[str, Any], at: float, colour: str, *, hollow: bool) -> None:
    if one.get("value") is None:
        return
    if one.get("low") is not None:
        axes.plot([one["low"], one["high"]], [at, at], color=colour, linewidth=1.6, solid_capstyle="butt")
    face = "white" if hollow else colour
    axes.plot([one["value"]], [at], "o", markersize=5, markerfacecolor=face, markeredgecolor=colour)


def calibration(confidence: Mapping[str, Any], title: str, name: str) -> str:
    """Left, how often the judge is right when it is so sure; right, the risk of releasing so large a share."""
    with plt.rc_context(STYLE):
        figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.1))
        bins, curve = confidence["bins"], confidence["curve"]
        left.plot([0, 1], [0, 1], color=RULE, linewidth=1)
        left.plot([one["confidence"] for one in bins], [one["right"] for one in bins], "o-", color=INK, markersize=4)
        left.set(xlim=(0, 1), ylim=(0, 1), xlabel="how sure the judge was", ylabel="share that agrees with people")
        curve = [one for one in curve if one["coverage"] >= LEAST_COVERAGE] or curve
        right.plot([one["coverage"] for one in curve], [one["risk"] for one in curve], color=INK, linewidth=1.6)
        right.set(xlim=(0, 1), ylim=(0, None), xlabel="share released, surest first", ylabel="share that disagrees")
        figure.tight_layout()
        return _svg(figure, title, name)


def _svg(figure: Any, title: str, name: str) -> str:
    """The drawing as an element with a title, its ids told apart from other figures'."""
    out = io.StringIO()
    figure.savefig(out, format="svg", bbox_inches="tight", metadata={"Date": None, "Creator": None})
    plt.close(figure)
    text = out.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', text)
    text = re.sub(r'(xlink:href="#|url\(#)', rf"\1{name}-", text)
    label = title.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    return text.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)

"""The result as one page shows it: the sheet's rows weakest first, the text with its quotes, how it compares."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup
from sqlalchemy import select

from lti_tool.appeals import chance
from lti_tool.attempts import attempts_allowed, submissions
from lti_tool.language import gettext as _
from lti_tool.language import later, ngettext
from lti_tool.lesson import Part
from lti_tool.models import Passback
from lti_tool.pins import pinned_line
from lti_tool.results import Row, Sheet, earlier_releases
from lti_tool.web.bench import Bench, read_bench
from lti_tool.web.bench_page import picture_of
from lti_tool.web.comparing import compared, other_attempts, short_title
from lti_tool.web.diagram import reference_picture
from lti_tool.web.due import takes_work, withdraw_until_if_open
from lti_tool.web.languages import content
from lti_tool.web.markup import Passage, highlight, passages
from lti_tool.web.told_appeals import Rung, told_appeals
from lti_tool.web.visit import Visit


@dataclass(frozen=True)
class Line:
    """A row of the sheet with its number in the rubric and the quotes that stand in the text."""

    number: int
    row: Row
    quotes: tuple[Passage, ...]
    rests_on: tuple[str, ...] = ()
    comment: str = ""

    @property
    def tint(self) -> int:
        """The tint of its highlights."""
        return (self.number - 1) % 7 + 1


@dataclass(frozen=True)
class Check:
    """A rule about a drawing, met or not, and what it is worth."""

    words: str
    detail: str
    met: bool
    points: float
    maximum: float


def result_context(visit: Visit, sheet: Sheet, order: str | None) -> dict[str, Any]:
    """Everything the result's template needs."""
    sent = sheet.submission
    lines = sheet_lines(sheet)
    shown = lines if order == "rubric" else weakest_first(lines)
    drawn = read_bench(sent.text) if sheet.item.kind == "drawing" else None
    palette = sheet.lesson.reference.palette if sheet.lesson.reference else ()
    used = submissions(visit.session, visit.link, visit.person_id, sent.item_id)
    allowed = attempts_allowed(visit.session, visit.link, visit.person_id, sheet.item)
    return {
        "sheet": sheet,
        "sent": sent,
        "item": sheet.item,
        "lines": shown,
        "in_rubric_order": order == "rubric",
        "head": headline(sheet),
        "provenance": provenance(sheet),
        "ladder": ladder(visit, sheet),
        "text": None if drawn else marked_text(sent.text, lines),
        "bench": drawn,
        "names": drawn.names if drawn else {},
        "picture": picture_of(palette, drawn) if drawn else None,
        "reference": reference_picture(sheet.lesson.reference.diagram) if drawn and sheet.lesson.reference else None,
        "checks": graph_lines(sheet.graph_checks, drawn, palette),
        "warnings": graph_flags(sheet.graph_checks),
        "facts": fact_lines(sheet),
        "others": other_attempts(visit, sheet, used),
        "comparison": compared(visit, sheet, used),
        "earlier": earlier_releases(visit.session, sent),
        "appeals": told_appeals(visit, sheet),
        "chance": chance(visit.session, visit.link, sent) if sheet.release else None,
        "line_pinned": pinned_line(visit.session, sent),
        "attempts": allowed,
        "left": max(0, allowed - len(used)) if sheet.item.id in visit.lesson.weights and takes_work(visit) else 0,
        "withdraw_until": withdraw_until_if_open(visit, sent),
    }


def sheet_lines(sheet: Sheet) -> list[Line]:
    """The rows in the rubric's order; a drawing's quotes are labels and stand in the comment, not in a text."""
    text = sheet.submission.text if sheet.item.kind != "drawing" else ""
    numbers = _edge_numbers(sheet)
    found = []
    for number, row in enumerate(sheet.rows, 1):
        quotes = passages(text, row.rating.quotes, number, row.criterion.title) if row.rating else []
        checks = tuple(str(check) for check in row.rating.checks) if row.rating else ()
        comment = row.rating.comment if row.rating else ""
        if sheet.item.kind == "drawing":
            checks = tuple(numbers[check] for check in checks if check in numbers)
            comment = _with_numbers(comment, numbers)
        found.append(Line(number, row, tuple(quotes), checks, comment))
    return found


def _with_numbers(comment: str, numbers: Mapping[str, str]) -> str:
    """A comment that names edges as the picture does: "e4" becomes "edge 4"."""
    return re.sub(r"\w+", lambda word: f"edge {numbers[word[0]]}" if word[0] in numbers else word[0], comment)


def _edge_numbers(sheet: Sheet) -> dict[str, str]:
    """The picture's numbers by edge id, for what speaks of edges by their ids."""
    edges = read_bench(sheet.submission.text).edges if sheet.item.kind == "drawing" else ()
    return {edge.id: str(at) for at, edge in enumerate(edges, 1)}


def weakest_first(lines: Sequence[Line]) -> list[Line]:
    """Unscored rows, then by level; among equals the heavier row first."""
    return sorted(lines, key=lambda line: (_share(line.row), -line.row.maximum, line.number))


def _share(row: Row) -> float:
    return -1.0 if row.level is None else row.level / row.criterion.top


def marked_text(text: str, lines: Sequence[Line]) -> Markup:
    """The learner's text with every verified quote marked."""
    return highlight(text, [quote for line in lines for quote in line.quotes])


def headline(sheet: Sheet) -> str:
    """One line on what carried the text and what did not."""
    scored = [row for row in sheet.rows if row.level is not None]
    if len(scored) < len(sheet.rows):
        missing = len(sheet.rows) - len(scored)
        return _("%(missing)d of %(all)d rows not scored yet.", missing=missing, all=len(sheet.rows))
    # Among equals the heavier row, as in the list below it.
    strong = max(scored, key=lambda row: (_share(row), row.maximum))
    weak = min(scored, key=lambda row: (_share(row), -row.maximum))
    if _share(strong) == _share(weak):
        return _("Every row at the top.") if _share(weak) == 1 else _("Even across the sheet.")
    carried, leaked = (content(short_title(row), sheet.rubric.language) for row in (strong, weak))
    return Markup(_("%(strong)s carried it. %(weak)s leaked.", strong=carried, weak=leaked))


def provenance(sheet: Sheet) -> str:
    """Who filled in the sheet, from which rubric, and whether a person has seen it."""
    version = sheet.rubric.version
    if sheet.provenance == "confirmed":
        changed = sum(row.changed for row in sheet.rows)
        if not changed:
            return _("Confirmed by your instructor, rubric v%(version)s.", version=version)
        return ngettext(
            "Confirmed by your instructor, %(num)d level changed, rubric v%(version)s.",
            "Confirmed by your instructor, %(num)d levels changed, rubric v%(version)s.",
            changed,
            version=version,
        )
    said = [_("Scored by %(judge)s, rubric v%(version)s.", judge=_judge(sheet), version=version)]
    if sheet.provenance == "policy":
        return " ".join([*said, _("Released by your course’s rule, not yet seen by your instructor.")])
    said.append(_("Not yet seen by your instructor."))
    if sheet.item.kind == "hot_take":
        said.append(_("Practice until it is released."))
    return " ".join(said)


_JUDGES = {
    "checklist": later("a checklist"),
    "trained": later("a trained model"),
    "panel": later("a panel of judges"),
    "claude": later("a model"),
}


def _judge(sheet: Sheet) -> str:
    name = sheet.judgement.judge.partition(":")[0] if sheet.judgement else ""
    return _(_JUDGES.get(name, "a model"))


def ladder(visit: Visit, sheet: Sheet) -> list[Rung]:
    """The way of a score from the judge to the gradebook."""
    rungs = [Rung(_("scored by %(judge)s", judge=_judge(sheet)), "done")] if sheet.judgement else []
    if sheet.provenance == "judged":
        rungs += [Rung(_("with your instructor"), "now"), Rung(_("confirmed"), "open")]
    elif sheet.provenance == "policy":
        rungs.append(Rung(_("released by rule"), "done"))
    else:
        rungs.append(Rung(_("confirmed"), "done"))
    return [*rungs, Rung(_("in the gradebook"), "done" if _in_gradebook(visit, sheet) else "open")]


def _in_gradebook(visit: Visit, sheet: Sheet) -> bool:
    """Whether the newest score that went out after this release has arrived."""
    if sheet.release is None:
        return False
    newest = visit.session.scalar(
        select(Passback)
        .where(
            Passback.resource_link_id == visit.link.id,
            Passback.person_id == visit.person_id,
            Passback.kind == "released",
        )
        .order_by(Passback.sequence.desc())
        .limit(1)
    )
    return newest is not None and newest.state == "sent" and newest.created_at >= sheet.release.released_at


def graph_lines(graph: Mapping[str, Any] | None, drawn: Bench | None, palette: Sequence[Part]) -> list[Check]:
    """The rules about a drawing in words, gaps first."""
    if not graph:
        return []
    checks = [
        Check(
            words=str(check["title"]),
            detail=_explained(check, _in_words(str(check.get("detail") or ""), drawn, palette)),
            met=bool(check.get("passed")),
            points=float(check.get("points", 0)),
            maximum=float(check.get("maximum", 0)),
        )
        for check in graph.get("checks", ())
    ]
    return sorted(checks, key=lambda check: check.met)


def _explained(check: Mapping[str, Any], detail: str) -> str:
    """What a rule rests on; where it is not met, also what it is for."""
    if check.get("passed") or not check.get("why"):
        return detail
    return f"{detail}. {check['why']}"


def _in_words(detail: str, drawn: Bench | None, palette: Sequence[Part]) -> str:
    """A check's detail with the numbers and names of the picture instead of ids and kinds."""
    if detail.startswith("edges: ") and drawn is not None:
        numbers = {edge.id: str(at) for at, edge in enumerate(drawn.edges, 1)}
        named = [numbers.get(name, name) for name in detail.removeprefix("edges: ").split(", ")]
        return f"edge{'' if len(named) == 1 else 's'} {', '.join(named)}"
    if detail.startswith("no "):
        labels = {part.kind: part.label for part in palette}
        words = re.sub(r"[a-z_]+", lambda word: labels.get(word.group(), word.group()), detail)
        return words.replace("->", "→").replace("/", " or ")
    return detail


def graph_flags(graph: Mapping[str, Any] | None) -> list[str]:
    """What costs points in a drawing, in words."""
    found = []
    for flag in graph.get("flags", ()) if graph else ():
        detail = flag.get("detail")
        said = f"{flag['title']}: {detail}" if detail else str(flag["title"])
        found.append(f"{said}. {flag['why']}" if flag.get("why") else said)
    return found


def fact_lines(sheet: Sheet) -> list[str]:
    """Facts that code found, as facts; what is flagged for the instructor stays with them."""
    lines = []
    words = sheet.facts.get("words")
    if isinstance(words, int) and sheet.item.kind != "drawing":
        limits = sheet.rubric.words
        fits = limits is None or limits.low <= words <= limits.high
        if limits is None:
            lines.append(ngettext("%(num)d word", "%(num)d words", words))
        elif fits:
            lines.append(ngettext("%(num)d word, in range", "%(num)d words, in range", words))
        else:
            lines.append(
                ngettext(
                    "%(num)d word, asked for %(low)d to %(high)d",
                    "%(num)d words, asked for %(low)d to %(high)d",
                    words,
                    low=limits.low,
                    high=limits.high,
                )
            )
    return lines

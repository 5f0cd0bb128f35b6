"""Dates of an activity: set on the course's page, and filled in where a link asks for them by LTI's variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from flask import Blueprint, abort, redirect, request, url_for
from flask.typing import ResponseReturnValue

from lti_tool.deadlines import DATES, VARIABLES
from lti_tool.demo.config import PlatformConfig
from lti_tool.demo.records import ActivityDates
from lti_tool.demo.store import RESOURCE_LINK_ID, Store

FIELD = "%Y-%m-%dT%H:%M"  # what <input type="datetime-local"> sends and shows


@dataclass(frozen=True)
class Preset:
    """A button: what it says, and its dates as distances from now."""

    id: str
    words: str
    dates: Mapping[str, timedelta]


_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
PRESETS = (
    Preset("open", "due in 2 days", {"opens": -_DAY, "due": 2 * _DAY, "closes": 5 * _DAY}),
    Preset("late", "due 2 h ago", {"opens": -5 * _DAY, "due": -2 * _HOUR, "closes": 2 * _DAY}),
    Preset("closed", "closed 1 h ago", {"opens": -5 * _DAY, "due": -_DAY, "closes": -_HOUR}),
    Preset("before", "opens tomorrow", {"opens": _DAY, "due": 3 * _DAY, "closes": 5 * _DAY}),
    Preset("none", "no dates", {}),
)


def activity_dates(store: Store, link_id: str) -> dict[str, datetime]:
    """The dates that are set, by our name for them."""
    with store.session() as session:
        row = session.get(ActivityDates, link_id)
        found = {name: getattr(row, name) for name in DATES} if row else {}
    return {name: at for name, at in found.items() if at is not None}


def fill_in(custom: Mapping[str, str], dates: Mapping[str, datetime]) -> dict[str, str]:
    """Custom parameters with the variables of https://www.imsglobal.org/spec/lti/v1p3#lti-resource-variables filled in.

    Everybody has the same dates here, so what is asked of one learner is what holds for all. A date that is not set
    is an empty string.
    """
    known = {
        variable: dates[base].isoformat().replace("+00:00", "Z") if (base := name.removeprefix("own_")) in dates else ""
        for name, variable in VARIABLES.items()
    }
    return {name: known.get(value, value) for name, value in custom.items()}


def shown_dates(store: Store, link_id: str) -> dict[str, str]:
    """Every date as its field shows it, in UTC; an empty string where none is set."""
    dates = activity_dates(store, link_id)
    return {name: dates[name].astimezone(UTC).strftime(FIELD) if name in dates else "" for name in DATES}


def dates_blueprint(config: PlatformConfig, store: Store) -> Blueprint:
    bp = Blueprint("dates", __name__)

    @bp.post("/enter/<slug>/dates")
    def set_dates(slug: str) -> ResponseReturnValue:
        """An instructor sets an activity's dates, by a button or field by field; the next launch tells the tool."""
        person = store.person(slug) or abort(404, "Nobody here has that name.")
        if not person.teaches or request.headers.get("Origin", config.issuer) != config.issuer:
            abort(403, "Only instructors set dates, on the course's own page.")
        link = store.resource_link(request.form.get("link", RESOURCE_LINK_ID)) or abort(404, "No such activity.")
        preset = next((one for one in PRESETS if one.id == request.form.get("preset")), None)
        chosen = _from_now(preset, config.clock()) if preset else _typed()
        with store.session() as session:
            session.merge(ActivityDates(resource_link_id=link.id, **{name: chosen.get(name) for name in DATES}))
        return redirect(url_for("pages.course", slug=slug, link=link.id), code=303)

    return bp


def _from_now(preset: Preset, now: datetime) -> dict[str, datetime]:
    return {name: (now + distance).replace(second=0, microsecond=0) for name, distance in preset.dates.items()}


def _typed() -> dict[str, datetime]:
    """The fields as UTC; an empty one is no date."""
    found = {}
    for name in DATES:
        if value := request.form.get(name, "").strip():
            try:
                found[name] = datetime.strptime(value, FIELD).replace(tzinfo=UTC)
            except ValueError:
                abort(400, f"{value[:40]!r} is not a date and time.")
    return found

"""The form of a placement's settings, read field by field; every fault is said at once, and nothing typed is lost."""

from collections.abc import Mapping
from typing import Any

from lti_tool.deadlines import MAX_EXTRA_ATTEMPTS, MAX_EXTRA_DAYS, read_date
from lti_tool.gate_deadlines import POLICIES
from lti_tool.lesson import WEIGHTS_SUM, Lesson
from lti_tool.placement_settings import COUNTS, LATE, RELEASES, Chosen, SettingsRefused
from lti_tool.web.whole import THOUSANDS
from rubrics.scoring import sum_to_full

MAX_ATTEMPTS = 50
MAX_GRACE_MINUTES = 1440
MAX_TOKENS, MAX_APPEAL_DAYS = 20, 60
MIN_RETENTION_DAYS, MAX_RETENTION_DAYS = 30, 3650
MAX_WAIT_DAYS = 365
MAX_BUDGET = 100_000.0
MAX_NOTICE = 2000


def read_form(form: Mapping[str, str], before: Chosen, lesson: Lesson, *, judges: tuple[str, ...]) -> Chosen:
    """What a form asks for; what it does not hold stays as it was. Raises SettingsRefused with every fault at once."""
    reader = _Reader(form)
    wanted = Chosen(
        release=reader.one_of("release", RELEASES, before.release),
        release_on=reader.date("release_on", before.release_on),
        audit_share=reader.share("audit_share", before.audit_share),
        blind_share=reader.share("blind_share", before.blind_share),
        show_judged=reader.tick("show_judged", before.show_judged),
        attempts={
            item.id: reader.whole(f"attempts-{item.id}", before.attempts[item.id], 1, MAX_ATTEMPTS)
            for item in lesson.items
        },
        counts=reader.one_of("counts", COUNTS, before.counts),
        late=reader.one_of("late", LATE, before.late),
        grace_minutes=reader.whole("grace_minutes", before.grace_minutes, 0, MAX_GRACE_MINUTES),
        weights={
            item.id: reader.number(f"weight-{item.id}", before.weights.get(item.id, 0.0), 0, WEIGHTS_SUM)
            for item in lesson.items
        },
        judge=reader.one_of("judge", ("", *judges), before.judge),
        budget_usd=reader.money("budget_usd", before.budget_usd),
        language=before.language if "language" not in form else form["language"].strip()[:35],
        notice=reader.text("notice", before.notice, MAX_NOTICE),
        appeal_tokens=reader.whole("appeal_tokens", before.appeal_tokens, 0, MAX_TOKENS),
        appeal_days=reader.number("appeal_days", before.appeal_days, 0, MAX_APPEAL_DAYS),
        accommodations=before.accommodations,
        retention_days=reader.days("retention_days", before.retention_days, MIN_RETENTION_DAYS, MAX_RETENTION_DAYS),
        wait_days=reader.days("wait_days", before.wait_days, 1, MAX_WAIT_DAYS),
        wait_then=reader.one_of("wait_then", POLICIES, before.wait_then),
    )
    if wanted.release == "date" and not wanted.release_on:
        reader.faults.setdefault("release_on", "Say on which day and at what time (UTC) scores are shown.")
    if not sum_to_full(wanted.weights.values()):
        reader.faults["weights"] = (
            f"Weights must sum to {WEIGHTS_SUM:g}; these sum to {sum(wanted.weights.values()):.12g}."
        )
    if reader.faults:
        raise SettingsRefused(reader.faults)
    return wanted


class _Reader:
    """A form read field by field; `faults` gathers what is wrong."""

    def __init__(self, form: Mapping[str, str]) -> None:
        self._form = form
        self.faults: dict[str, str] = {}

    def one_of(self, name: str, known: tuple[Any, ...], before: Any) -> Any:
        said = self._form.get(name, before)
        if said not in (*known, before):
            self.faults[name] = "Choose one of the choices."
            return before
        return said

    def tick(self, name: str, before: bool) -> bool:
        # A box that is not ticked is not sent, so the form says beside it that it was there.
        return name in self._form if f"{name}-shown" in self._form else before

    def text(self, name: str, before: str, longest: int) -> str:
        said = self._form.get(name, before).replace("\r\n", "\n").strip()
        if len(said) > longest or "\x00" in said:
            self.faults[name] = f"At most {longest} characters."
            return before
        return said

    def date(self, name: str, before: str) -> str:
        said = self._form.get(name, before).strip()
        if not said:
            return ""
        moment = read_date(said)
        if moment is None:
            self.faults[name] = "That is no date and time."
            return before
        return moment.isoformat()

    def number(self, name: str, before: float, least: float, most: float) -> float:
        said = self._form.get(name)
        if said is None:
            return before
        if THOUSANDS.fullmatch(said.strip()):
            self.faults[name] = f"Write it with a point and nothing between thousands, from {least:g} to {most:g}."
            return before
        try:
            value = float(said.strip().replace(",", "."))
        except ValueError:
            value = float("nan")
        if not least <= value <= most:  # also false for NaN
            self.faults[name] = f"A number from {least:g} to {most:g}."
            return before
        return value

    def whole(self, name: str, before: int, least: int, most: int) -> int:
        value = self.number(name, before, least, most)
        if value != int(value):
            self.faults[name] = f"A whole number from {least} to {most}."
            return before
        return int(value)

    def share(self, name: str, before: float) -> float:
        return round(self.number(name, before * 100, 0, 100) / 100, 4)

    def money(self, name: str, before: float | None) -> float | None:
        if not self._form.get(name, "x").strip():
            return None
        return self.number(name, before, 0, MAX_BUDGET) if name in self._form else before  # type: ignore[arg-type]

    def days(self, name: str, before: int | None, least: int, most: int) -> int | None:
        if not self._form.get(name, "x").strip():
            return None
        return self.whole(name, 0, least, most) if name in self._form else before


def read_grant(form: Mapping[str, str]) -> tuple[float, int]:
    """What a learner is to be granted: days and attempts; nothing is none. Raises SettingsRefused."""
    reader = _Reader({name: form.get(name, "").strip() or "0" for name in ("extra_days", "extra_attempts")})
    days = reader.number("extra_days", 0, 0, MAX_EXTRA_DAYS)
    attempts = reader.whole("extra_attempts", 0, 0, MAX_EXTRA_ATTEMPTS)
    if reader.faults:
        raise SettingsRefused(reader.faults)
    return days, attempts

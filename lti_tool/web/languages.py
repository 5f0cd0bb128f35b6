"""Pages in the reader's language: which one it is, and what templates need to say things in it.

The placement's setting goes first, then the locale of the launch, then what the browser asks for.
"""

import json
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time
from babel.numbers import format_decimal
from flask import Blueprint, Flask, Response, abort, g, has_app_context, request, url_for
from markupsafe import Markup, escape

from lti_tool.language import (
    Language,
    find_language,
    gettext,
    raw_gettext,
    raw_ngettext,
    script_words,
    speak,
    spoken,
    words_version,
)
from lti_tool.models import Launch
from rubrics.scoring import display

bp = Blueprint("words", __name__)
# Until the pages of other roles are in the catalogue too, they are not spoken half and half.
TRANSLATED_ROLES = ("student",)
A_YEAR = 365 * 24 * 3600


def speak_as_the_browser() -> None:
    """Before every request: what the browser asks for, until a launch says better."""
    g.pop("content_language", None)
    speak(find_language(*request.accept_languages.values()))


def speak_for(launch: Launch) -> None:
    """The language of this launch from here on."""
    if launch.role not in TRANSLATED_ROLES:
        speak(find_language())
        return
    chosen = launch.resource_link.settings.get("language")
    asked = request.accept_languages.values()
    speak(find_language(chosen if isinstance(chosen, str) else None, launch.locale, *asked))


def zone() -> ZoneInfo | None:
    """The reader's time zone, where their course told it."""
    launch = g.get("launch") if has_app_context() else None
    name = launch.detail.get("time_zone") if launch is not None else None
    try:
        return ZoneInfo(name) if isinstance(name, str) and name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def content_in(language: str) -> Markup:
    """The attributes of an element whose words are in this language; none where the page is in it."""
    page = spoken()
    if language == page.tag:
        return Markup("")
    direction = direction_of(language)
    turned = Markup(' dir="{}"').format(direction) if direction != page.direction else Markup("")
    return Markup(' lang="{}"{}').format(language, turned)


def direction_of(language: str) -> str:
    """Which way a language is written: `ltr` or `rtl`."""
    try:
        return str(Locale.parse(language.replace("-", "_")).text_direction)
    except (ValueError, UnknownLocaleError):
        return "ltr"


def content(text: str, language: str | None = None) -> Markup:
    """Words of the lesson inside a sentence of the interface, marked as what they are where the two differ."""
    marks = content_in(language or _content_language())
    return Markup("<span{}>{}</span>").format(marks, text) if marks else escape(text)


def _content_language() -> str:
    """The language of the lesson on this page; English where there is none."""
    return str(g.get("content_language", "en")) if has_app_context() else "en"


def points(number: float) -> str:
    """Points as the reader writes numbers."""
    return format_decimal(display(number), "#,##0.##", locale=spoken().locale)


def plain_number(number: float) -> str:
    """A number for a field that is read again, the same in every language: no separators but the point."""
    return f"{number:.6f}".rstrip("0").rstrip(".")


_DAY, _WEEKDAY, _TIME, _SECONDS = "d MMM", "EEEE", "HH:mm", "HH:mm:ss"


def local_time(at: datetime, style: str = "moment") -> Markup:
    """A time in the reader's zone: the one their course told, else a script shows it in the browser's.

    Without script and zone it stands in UTC and says so. `style` is one of time, seconds, day, weekday, moment.
    """
    here = zone()
    local, locale = at.astimezone(here or UTC), spoken().locale
    clock = _SECONDS if style == "seconds" else _TIME
    day = _WEEKDAY if style == "weekday" else _DAY
    words = [] if style in ("time", "seconds") else [format_date(local, day, locale=locale)]
    words += [] if style in ("day", "weekday") else [format_time(local, clock, locale=locale)]
    if here is None and style in ("time", "moment"):
        words.append("UTC")
    stamp = at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return Markup('<time datetime="{}" data-style="{}">{}</time>').format(stamp, style, " ".join(words))


def sentence_case(words: str) -> str:
    """The words with their first letter as a capital, the others as they are."""
    return words[:1].upper() + words[1:]


def inner_case(title: str) -> str:
    """A title inside a sentence: "The pitch" becomes "the pitch"; "RAG in practice" and other languages stay."""
    if _content_language().partition("-")[0] != "en":
        return title
    return title[:1].lower() + title[1:] if title[1:2].islower() or title[1:2] == " " else title


def number_word(number: int) -> str:
    """A small number as a word, a larger one in digits."""
    names = gettext("no one two three four five six seven eight nine ten eleven twelve").split()
    return names[number] if 0 <= number < len(names) else str(number)


@bp.get("/words/<tag>.json")
def words(tag: str) -> Response:
    """What scripts say in a language: {"messages": {English: [forms]}, "plurals": {category: form}}."""
    language = find_language(tag)
    if language.tag != tag or language.tag == find_language().tag:
        abort(404)
    answer = Response(json.dumps(script_words(language), ensure_ascii=False), content_type="application/json")
    if request.args.get("v") == words_version(language):
        answer.headers["Cache-Control"] = f"public, max-age={A_YEAR}, immutable"
    return answer


def words_address(language: Language) -> str:
    """Where scripts find their words; empty for English, which they are written in."""
    if language.tag == find_language().tag:
        return ""
    return url_for("words.words", tag=language.tag, v=words_version(language))


def register_languages(app: Flask) -> None:
    """Give every template `_`, `ngettext`, `{% trans %}`, the page's language, and the filters that follow it."""
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.policies["ext.i18n.trimmed"] = True
    app.jinja_env.install_gettext_callables(raw_gettext, raw_ngettext, newstyle=True)  # type: ignore[attr-defined]
    app.jinja_env.globals.update(content_in=content_in, words_address=words_address)
    for word in (local_time, points, plain_number, content, sentence_case, inner_case, number_word):
        app.add_template_filter(word)
    app.before_request(speak_as_the_browser)
    app.context_processor(_reader)
    app.register_blueprint(bp)


def _reader() -> dict[str, Any]:
    return {"language": spoken(), "zone": zone()}

"""The language of the interface: gettext catalogues as data, and the one that is spoken while a request is answered.

`_("%(left)d left", left=3)` says a sentence in the language of whoever reads it; `ngettext` knows its plurals. The
English words are the keys. A language is one file in locales/, read once. Lesson, rubric and what people wrote are
content and never go through here.
"""

import gettext as library
import hashlib
import io
import json
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from lti_tool import pseudo
from rubrics.sentence import Sentence

LOCALES = Path(__file__).parent / "locales"
SOURCE = "en"


@dataclass(frozen=True)
class Language:
    """A language of the interface: its BCP 47 tag, the locale its dates and numbers follow, and its catalogue."""

    tag: str
    locale: Locale
    right_to_left: bool
    catalogue: library.NullTranslations = field(compare=False)

    @property
    def direction(self) -> str:
        """`ltr` or `rtl`, as HTML wants it."""
        return "rtl" if self.right_to_left else "ltr"

    @property
    def format_tag(self) -> str:
        """The locale of dates and numbers as a BCP 47 tag."""
        return str(self.locale).replace("_", "-")


def available() -> tuple[str, ...]:
    """The languages there are, English first; the pseudo-locales are not among them."""
    return (SOURCE, *sorted(file.stem for file in LOCALES.glob("*.po")))


def find_language(*wanted: str | None) -> Language:
    """The first of the wanted tags (`de`, `de-CH`, `de_AT`) that there is a catalogue for; English if none is."""
    for tag in wanted:
        found = _known(tag.strip()) if tag else None
        if found is not None:
            return found
    return _english(Locale(SOURCE))


@lru_cache(maxsize=256)
def _known(tag: str) -> Language | None:
    if tag in pseudo.TAGS:
        return Language(tag, Locale(SOURCE), tag == pseudo.RIGHT_TO_LEFT, pseudo.Catalogue(tag))
    try:
        locale = Locale.parse(tag.replace("-", "_"))
    except (ValueError, UnknownLocaleError):
        return None
    if locale.language == SOURCE:
        return _english(locale)
    if locale.language not in available():
        return None
    return Language(locale.language, locale, locale.text_direction == "rtl", _catalogue(locale.language))


def _english(locale: Locale) -> Language:
    return Language(SOURCE, locale, False, library.NullTranslations())


@lru_cache(maxsize=32)
def read_catalogue(language: str) -> Catalog:
    """A language's file as it is."""
    with (LOCALES / f"{language}.po").open("rb") as file:
        return read_po(file, locale=language)


@lru_cache(maxsize=32)
def _catalogue(language: str) -> library.NullTranslations:
    """A language's file, compiled in memory: a .po is what people edit, so nothing else is kept."""
    compiled = io.BytesIO()
    write_mo(compiled, read_catalogue(language))
    compiled.seek(0)
    return library.GNUTranslations(compiled)


_spoken: ContextVar[Language] = ContextVar("spoken")


def speak(language: Language) -> None:
    """From here on this thread or task says everything in this language."""
    _spoken.set(language)


def spoken() -> Language:
    """The language that is spoken now; English where nobody chose."""
    return _spoken.get(None) or find_language()


def raw_gettext(message: str) -> str:
    """The message in the language spoken, its places still open."""
    return spoken().catalogue.gettext(message)


def raw_ngettext(one: str, many: str, count: int) -> str:
    """The message for this many, its places still open."""
    return spoken().catalogue.ngettext(one, many, count)


def gettext(message: str, **values: Any) -> str:
    """The message in the language spoken; a literal percent sign in it is written twice."""
    return raw_gettext(message) % values


def ngettext(one: str, many: str, count: int, **values: Any) -> str:
    """The message for this many, which is its `%(num)d`."""
    return raw_ngettext(one, many, count) % {"num": count, **values}


def later(message: str) -> str:
    """Marks words for the catalogue that are said elsewhere, by `_(words)`; gives them back as they are."""
    return message


def translated(said: object) -> str:
    """A Sentence, or the one an error was raised with, in the language spoken; any other text as it is."""
    if isinstance(said, BaseException):
        said = said.args[0] if said.args else ""
    if not isinstance(said, Sentence):
        return str(said)
    if said.many is not None:
        values = dict(said.values)
        return ngettext(said.template, said.many, values.pop("num"), **values)
    return gettext(said.template, **said.values)


def joined(words: Iterable[str]) -> str:
    """Words as a list in prose: `a, b and c`."""
    words = list(words)
    if len(words) < 2:
        return "".join(words)
    return gettext("%(most)s and %(last)s", most=", ".join(words[:-1]), last=words[-1])


# ---- scripts -------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _script_messages() -> tuple[str | tuple[str, str], ...]:
    """What scripts say in English, with its plural where it has one."""
    found: set[str | tuple[str, str]] = set()
    for language in available()[1:]:
        for message in read_catalogue(language):
            if any(place.endswith(".js") for place, _ in message.locations):
                found.add(message.id if isinstance(message.id, str) else (message.id[0], message.id[1]))
    return tuple(sorted(found, key=str))


@lru_cache(maxsize=32)
def script_words(language: Language) -> dict[str, Any]:
    """The words of scripts: English to its forms, and which form each of CLDR's plural categories takes."""
    catalogue, messages = language.catalogue, {}
    for message in _script_messages():
        one, many = (message, message) if isinstance(message, str) else message
        forms = [catalogue.ngettext(one, many, count) for count in _counts(language).values()]
        messages[one] = [catalogue.gettext(one)] if one == many else forms
    return {"messages": messages, "plurals": {category: at for at, category in enumerate(_counts(language))}}


def _counts(language: Language) -> dict[str, int]:
    """A number for each plural category of the language."""
    return {language.locale.plural_form(count): count for count in reversed(range(200))}


@lru_cache(maxsize=32)
def words_version(language: Language) -> str:
    """Changes whenever what scripts say in this language does."""
    said = json.dumps(script_words(language), sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()[:12]

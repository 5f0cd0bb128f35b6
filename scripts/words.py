"""Collect the words of the interface and bring every language's file up to date: `make words`, `make words ARGS=fr`.

Words come from templates, scripts and Python; those of refusals and error pages from their classes. New words are
added without a translation, words that nobody says any more are dropped.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from lti_tool.language import LOCALES
from lti_tool.web import launch_refusals
from lti_tool.web.errors import HTTP_PAGES, OTHER_PAGE
from lti_tool.web.refusals import Refusal

ROOT = Path(__file__).parent.parent
KEYWORDS: dict[str, Any] = {
    "_": None,
    "gettext": None,
    "ngettext": (1, 2),
    "later": None,
    "Sentence": None,
    "plural_sentence": (1, 2),
}
METHODS = [
    ("lti_tool/demo/**", "ignore"),
    ("**.html", "jinja2.ext:babel_extract"),
    ("lti_tool/web/static/**.js", "javascript"),
    ("lti_tool/**.py", "python"),
    ("rubrics/**.py", "python"),
]
OPTIONS = {"**.html": {"trimmed": "true", "newstyle_gettext": "true"}}
SAID_BY_CLASSES = ("label", "title", "sentence")


def collect() -> Catalog:
    """Every message of the interface, with the files that say it."""
    found = Catalog(project="Atelier", charset="utf-8")
    for folder in ("lti_tool", "rubrics"):
        for file, line, message, comments, context in extract_from_dir(
            str(ROOT / folder), _below(folder), _options(folder), keywords=KEYWORDS, comment_tags=("Say:",)
        ):
            found.add(message, None, [(f"{folder}/{file}", line)], auto_comments=comments, context=context)
    for words, file in _said_by_classes():
        found.add(words, None, [(file, 1)])
    return found


def _below(folder: str) -> list[tuple[str, str]]:
    return [(pattern.removeprefix(f"{folder}/"), method) for pattern, method in METHODS]


def _options(folder: str) -> dict[str, dict[str, Any]]:
    return {pattern.removeprefix(f"{folder}/"): options for pattern, options in OPTIONS.items()}


def _said_by_classes() -> Iterator[tuple[str, str]]:
    pages = [(page, "lti_tool/web/errors.py") for page in (*HTTP_PAGES.values(), OTHER_PAGE)]
    classes = [(refusal, refusal.__module__.replace(".", "/") + ".py") for refusal in _below_class(Refusal)]
    for source, file in (*pages, *classes):
        for name in SAID_BY_CLASSES:
            words = getattr(source, name)
            if words:
                yield words.removesuffix(f" {launch_refusals.OPEN_AGAIN}"), file
    yield launch_refusals.OPEN_AGAIN, "lti_tool/web/refusals.py"


def _below_class(base: type) -> Iterator[type]:
    yield base
    for below in base.__subclasses__():
        yield from _below_class(below)


def main(arguments: list[str]) -> int:
    """Update every language's file, begin those that are named, and say what is left to translate."""
    template = collect()
    for tag in arguments:
        file = LOCALES / f"{tag}.po"
        if not file.exists():
            _write(Catalog(locale=tag, project="Atelier", charset="utf-8", fuzzy=False), file)
    for file in sorted(LOCALES.glob("*.po")):
        with file.open("rb") as opened:
            known = read_po(opened, locale=file.stem)
        known.update(template, no_fuzzy_matching=True, update_creation_date=False)
        _write(known, file)
        empty = [message.id for message in known if message.id and not _is_said(message.string)]
        print(f"{file.name}: {len(known)} messages, {len(empty)} without words")
    return 0


def _write(catalogue: Catalog, file: Path) -> None:
    with file.open("wb") as opened:
        write_po(opened, catalogue, width=120, sort_by_file=True, include_lineno=False, ignore_obsolete=True)


def _is_said(string: Any) -> bool:
    return all(string) if isinstance(string, list | tuple) else bool(string)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

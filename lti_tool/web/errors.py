"""Every refused or failed request, as one small page or, for scripts, as JSON."""

from dataclasses import dataclass, replace
from datetime import datetime

import structlog
from babel.dates import format_datetime
from flask import Flask, Response, g, jsonify, make_response, render_template, request
from werkzeug.exceptions import HTTPException

from lti_tool.db import utc_now
from lti_tool.language import gettext as _
from lti_tool.language import spoken
from lti_tool.lessons import UnknownLesson
from lti_tool.web.refusals import OPEN_AGAIN, LessonUnknown, PageRefusal, Refusal

log = structlog.get_logger()
MAX_TEXT_BACK = 200_000
TYPED = ("text", "note", "reason")
MAX_UNREAD = 32 * 1024 * 1024


@dataclass(frozen=True)
class ErrorPage:
    """What an error page says; `text` is what the person had typed, given back to copy.

    `saved_at`: when their last draft was saved.
    """

    code: str
    label: str
    title: str
    sentence: str
    hint: str = ""
    text: str = ""
    saved_at: datetime | None = None
    return_url: str | None = None
    new_tab_url: str | None = None
    new_tab_code: str = ""


HTTP_PAGES = {
    404: ErrorPage("not_found", "not found", "Nothing here.", "The address leads nowhere."),
    405: ErrorPage("method_not_allowed", "not found", "Nothing here.", "This address is not opened that way."),
    413: ErrorPage(
        "too_large",
        "too large",
        "That was too large.",
        "Nothing was changed. Go back: what was typed is still in its box.",
    ),
    429: ErrorPage("too_many", "too many", "That was too often.", "Wait a minute, then go on. Nothing was changed."),
    500: ErrorPage("internal", "broken", "That broke.", "What was saved before is still there. The fault is recorded."),
    503: ErrorPage("unavailable", "not ready", "Not ready yet.", "The tool is starting or its database is away."),
}
OTHER_PAGE = ErrorPage("bad_request", "refused", "That was refused.", "The request could not be read.")


def typed_text() -> str:
    """What the person typed into the form's boxes, so that a refused form loses nothing."""
    if request.method != "POST" or request.content_length is None:
        return ""
    try:
        typed = [request.form.get(name, "") for name in TYPED]
        return "\n\n".join(text for text in typed if text)[:MAX_TEXT_BACK]
    except HTTPException:  # the body itself is what was refused
        return ""


def render_error(page: ErrorPage, status: int) -> Response:
    """The page with its code, time and request id; JSON where only JSON was asked for."""
    page = _in_words(page)
    now = format_datetime(utc_now(), "d MMM yyyy HH:mm:ss", locale=spoken().locale) + " UTC"
    request_id = g.get("request_id", "")
    if request.accept_mimetypes.best == "application/json":
        answer = jsonify(error=page.code, title=page.title, sentence=page.sentence, request_id=request_id)
    else:
        answer = make_response(render_template("error.html", page=page, time=now, request_id=request_id))
    answer.status_code = status
    return answer


def _in_words(page: ErrorPage) -> ErrorPage:
    """The page's words, which are English where they are written down, in the language spoken."""
    label, title, sentence = map(_sentences, (page.label, page.title, page.sentence))
    return replace(page, label=label, title=title, sentence=sentence)


def _sentences(words: str) -> str:
    """The words translated; where a sentence was put together of two, each of them."""
    if words.endswith(" " + OPEN_AGAIN):
        return f"{_sentences(words.removesuffix(' ' + OPEN_AGAIN))} {_(OPEN_AGAIN)}"
    return _(words.replace("%", "%%")) if words else words


def page_of(refusal: Refusal) -> ErrorPage:
    """The words of a refusal."""
    return ErrorPage(
        code=refusal.code,
        label=refusal.label,
        title=refusal.title,
        sentence=refusal.sentence,
        hint=refusal.admin_hint,
        text=typed_text() if isinstance(refusal, PageRefusal) else "",
        saved_at=g.get("draft_saved_at"),
        return_url=g.get("return_url"),
    )


def _refused(refusal: Refusal) -> Response:
    return render_error(page_of(refusal), refusal.status)


def http_error(error: HTTPException) -> Response:
    """An error of HTTP itself, such as a body that is too large, as one of our pages."""
    status = error.code or 500
    if status == 413:
        _read_away()
    answer = render_error(HTTP_PAGES.get(status, OTHER_PAGE if status < 500 else HTTP_PAGES[500]), status)
    for name, value in error.get_headers():
        if name == "Allow":
            answer.headers[name] = value
    return answer


def _read_away() -> None:
    """Take in the rest of a body that was too large; left unread, it would break the connection's next request."""
    left = min(request.content_length or 0, MAX_UNREAD)
    body = request.environ["wsgi.input"]
    while left > 0 and (part := body.read(min(left, 64 * 1024))):
        left -= len(part)


def _unexpected(error: Exception) -> Response:
    # The traceback names code, not the request: messages of ours never hold essay text or names.
    log.error("unexpected", error=type(error).__name__, endpoint=request.endpoint, where=where(error))
    return render_error(HTTP_PAGES[500], 500)


def where(error: Exception) -> list[str]:
    """The places in our code that an error went through, innermost last."""
    places = []
    traceback = error.__traceback__
    while traceback is not None:
        code = traceback.tb_frame.f_code
        places.append(f"{code.co_filename.rsplit('/', 1)[-1]}:{traceback.tb_lineno} {code.co_name}")
        traceback = traceback.tb_next
    return places[-6:]


def register_errors(app: Flask) -> None:
    """Answer refusals, HTTP errors and anything unexpected with pages of our own."""
    app.register_error_handler(Refusal, _refused)
    app.register_error_handler(UnknownLesson, lambda _: _refused(LessonUnknown()))
    app.register_error_handler(HTTPException, http_error)
    app.register_error_handler(Exception, _unexpected)

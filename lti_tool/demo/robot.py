"""A visitor without a browser: plays a person's part over HTTP, form by form, with cookies as a browser keeps them."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookiejar import Cookie, DefaultCookiePolicy
from urllib.parse import urljoin, urlsplit
from urllib.request import Request

import requests

TIMEOUT = 30
MAX_HOPS = 8
Pairs = list[tuple[str, str]]


class Stuck(RuntimeError):
    """The path could not be gone on with; the message says where."""


@dataclass
class Form:
    """A form as a person would send it untouched: hidden fields, checked boxes, chosen options, typed text."""

    method: str
    action: str
    fields: Pairs = field(default_factory=list)
    id: str = ""

    def filled(self, **values: str) -> Pairs:
        """The fields with some of them set to other values."""
        return [(name, value) for name, value in self.fields if name not in values] + list(values.items())


class _FormReader(HTMLParser):
    """Collects the forms of a page, also fields that name their form by its id."""

    def __init__(self, base: str) -> None:
        super().__init__()
        self.base = base
        self.forms: list[Form] = []
        self._open: Form | None = None
        self._loose: list[tuple[str, str, str]] = []
        self._typing: tuple[str, list[str]] | None = None
        self._choosing: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        at = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._open = Form(
                at.get("method", "get").lower(), urljoin(self.base, at.get("action", "")), id=at.get("id", "")
            )
            self.forms.append(self._open)
        elif tag == "input" and at.get("name"):
            if at.get("type") not in ("radio", "checkbox") or "checked" in at:
                self._add(at.get("form", ""), at["name"], at.get("value", "on" if "checked" in at else ""))
        elif tag == "textarea" and at.get("name"):
            self._typing = (at["name"], [])
        elif tag == "select" and at.get("name"):
            self._choosing = at["name"]
        elif tag == "option" and self._choosing and "selected" in at:
            self._add("", self._choosing, at.get("value", ""))

    def handle_data(self, data: str) -> None:
        if self._typing:
            self._typing[1].append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None
        elif tag == "select":
            self._choosing = None
        elif tag == "textarea" and self._typing:
            name, parts = self._typing
            self._add("", name, "".join(parts).removeprefix("\n"))
            self._typing = None

    def _add(self, form_id: str, name: str, value: str) -> None:
        if form_id:
            self._loose.append((form_id, name, value))
        elif self._open is not None:
            self._open.fields.append((name, value))

    def finished(self) -> list[Form]:
        """Every form, with the fields that stand elsewhere on the page."""
        for form_id, name, value in self._loose:
            for form in self.forms:
                if form.id == form_id:
                    form.fields.append((name, value))
        return self.forms


@dataclass(frozen=True)
class Page:
    """A page as it was answered."""

    url: str
    status: int
    html: str

    @property
    def forms(self) -> list[Form]:
        """Its forms, in order."""
        reader = _FormReader(self.url)
        reader.feed(self.html)
        return reader.finished()

    def form(self, ending: str) -> Form:
        """The form whose address ends so. Raises Stuck."""
        for form in self.forms:
            if urlsplit(form.action).path.endswith(ending):
                return form
        raise Stuck(f"the page at {urlsplit(self.url).path} has no form for {ending}")

    def links(self, holding: str) -> list[str]:
        """Addresses of links that hold this text, each once, in order."""
        reader = _LinkReader(self.url)
        reader.feed(self.html)
        return list(dict.fromkeys(link for link in reader.links if holding in link))


class _LinkReader(HTMLParser):
    def __init__(self, base: str) -> None:
        super().__init__()
        self.base = base
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        href = dict(attrs).get("href")
        if tag == "a" and href:
            self.links.append(urljoin(self.base, href).partition("#")[0])


class _LoopbackIsSecure(DefaultCookiePolicy):
    """Browsers send Secure cookies to a loopback address over plain http; Python's own policy would not."""

    def set_ok(self, cookie: Cookie, request: Request) -> bool:
        cookie.secure = False
        return super().set_ok(cookie, request)


class Visitor:
    """One person's browser window, from the course into the tool."""

    def __init__(self, platform_url: str, person: str) -> None:
        self.platform_url = platform_url
        self.person = person
        self.session = requests.Session()
        self.session.cookies.set_policy(_LoopbackIsSecure())

    def get(self, url: str) -> Page:
        """Open an address."""
        return self._answered(self.session.get(url, timeout=TIMEOUT))

    def send(self, form: Form, fields: Pairs | None = None) -> Page:
        """Send a form, as it stands or with other fields."""
        data = form.fields if fields is None else fields
        if form.method == "get":
            return self._answered(self.session.get(form.action, params=data, timeout=TIMEOUT))
        return self._answered(self.session.post(form.action, data=data, timeout=TIMEOUT))

    def launch(self) -> Page:
        """Open the activity from the course: every self-sending form is sent until a page of the tool answers."""
        page = self.get(f"{self.platform_url}/launch/{self.person}")
        for _ in range(MAX_HOPS):
            following = [form for form in page.forms if form.id == "self-post"]
            if not following:
                return page
            page = self.send(following[0])
        raise Stuck("the launch went round in circles")

    def _answered(self, response: requests.Response) -> Page:
        page = Page(response.url, response.status_code, response.text)
        if response.status_code >= 400:
            code = _between(response.text, 'data-error-code="', '"') or "no code"
            raise Stuck(f"{urlsplit(response.url).path} answered {response.status_code} ({code})")
        return page


def _between(text: str, start: str, end: str) -> str:
    return text.partition(start)[2].partition(end)[0]

"""The pages people see: enter, the course with the tool in a frame, the live gradebook, the launch itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from flask import (
    Blueprint,
    abort,
    jsonify,
    make_response,
    redirect,
    render_template,
    request,
    send_from_directory,
    url_for,
)
from flask.typing import ResponseReturnValue

from lti_tool.demo.config import PlatformConfig, Tool
from lti_tool.demo.dates import PRESETS, shown_dates
from lti_tool.demo.gradebook import gradebook_json, read_gradebook, shown_number
from lti_tool.demo.records import Person, ResourceLink
from lti_tool.demo.storage import STORAGE_FRAME
from lti_tool.demo.store import RESOURCE_LINK_ID, Store

SHARED_STATIC = Path(__file__).parent.parent / "web" / "static"
FRAMES = {
    "canvas": "like Canvas: it grows with the page",
    "moodle": "like Moodle: 760 wide, of one height",
    "phone": "a phone: 320 × 568",
    "apart": "without cookies: the tool needs a tab",
}
SHARED_SHEETS = frozenset({"tokens.css", "atelier.css"})


def pages_blueprint(config: PlatformConfig, store: Store) -> Blueprint:
    bp = Blueprint("pages", __name__)
    _add_course_routes(bp, config, store)
    _add_gradebook_routes(bp, config, store)
    _add_launch_routes(bp, config, store)

    @bp.before_request
    def keep_to_the_issuer() -> ResponseReturnValue | None:
        """Frames and cookies behave as in life only when the page's address is the issuer's own."""
        if f"{request.scheme}://{request.host}" == config.issuer or request.method not in ("GET", "HEAD"):
            return None
        return redirect(config.issuer + request.full_path.rstrip("?"))

    @bp.app_template_filter("points")
    def points(value: float) -> str:
        return shown_number(value)

    return bp


def _add_course_routes(bp: Blueprint, config: PlatformConfig, store: Store) -> None:
    @bp.get("/")
    def home() -> ResponseReturnValue:
        return render_template(
            "home.html", config=config, tool=store.tool(), course=store.course(), people=store.people()
        )

    @bp.get("/enter")
    def enter_as() -> ResponseReturnValue:
        frame = _frame() if "frame" in request.args else None
        return redirect(url_for(".course", slug=_person(store, request.args.get("person", "")).slug, frame=frame))

    @bp.get("/enter/<slug>")
    def course(slug: str) -> ResponseReturnValue:
        return render_template(
            "course.html",
            me=_person(store, slug),
            dates=shown_dates(store, _link(store).id),
            presets=PRESETS,
            frame=_frame(),
            frames={kind: words for kind, words in FRAMES.items() if kind != "apart" or config.relay},
            **_around_frames(config, store),
        )

    @bp.get("/both")
    def both() -> ResponseReturnValue:
        """Two people's frames side by side, and the gradebook below: what one does, the other sees arrive."""
        return render_template(
            "both.html",
            left=_person(store, request.args.get("left", "ada")),
            right=_person(store, request.args.get("right", "ines")),
            frame="both",
            **_around_frames(config, store),
        )

    @bp.get("/returned/<slug>")
    def returned(slug: str) -> ResponseReturnValue:
        """Where launch_presentation's return_url leads, inside the frame."""
        message = request.args.get("lti_errormsg") or request.args.get("lti_msg") or ""
        return render_template("returned.html", me=_person(store, slug), message=message[:300])

    @bp.get("/shared/<name>")
    def shared_sheet(name: str) -> ResponseReturnValue:
        return send_from_directory(SHARED_STATIC, name) if name in SHARED_SHEETS else abort(404)


def _add_gradebook_routes(bp: Blueprint, config: PlatformConfig, store: Store) -> None:
    @bp.get("/gradebook")
    def gradebook() -> ResponseReturnValue:
        columns = read_gradebook(config, store)
        return render_template("gradebook.html", columns=columns, course=store.course(), me=None)

    @bp.get("/gradebook/rows")
    def gradebook_rows() -> ResponseReturnValue:
        """The tables alone, for the page that shows them to swap in."""
        me = store.person(request.args.get("me", ""))
        return render_template("gradebook_rows.html", columns=read_gradebook(config, store), me=me)

    @bp.get("/gradebook.json")
    def gradebook_as_json() -> ResponseReturnValue:
        answer = jsonify({"course": store.course().title, **gradebook_json(read_gradebook(config, store))})
        answer.headers["Cache-Control"] = "no-store"
        return answer


def _add_launch_routes(bp: Blueprint, config: PlatformConfig, store: Store) -> None:
    @bp.get("/launch/<slug>")
    def launch(slug: str) -> ResponseReturnValue:
        """Third-party-initiated login, posted by a form or, with ?via=get, as a redirect."""
        person, link, tool = _person(store, slug), _link(store), store.tool()
        fields = login_request(config, tool, person, store.begin_launch(person, link_id=link.id))
        login_url = tool.login_url
        if config.relay and "apart" in request.args:
            login_url = config.relay + urlsplit(login_url).path
        if request.args.get("via") == "get":
            joint = "&" if "?" in tool.login_url else "?"
            answer = redirect(tool.login_url + joint + urlencode(fields))
        else:
            page = render_template("self_post.html", action=login_url, fields=fields)
            answer = make_response(page)
        answer.headers["Cache-Control"] = "no-store"
        return answer


def login_request(config: PlatformConfig, tool: Tool, person: Person, message_hint: str) -> dict[str, str]:
    """The parameters of https://www.imsglobal.org/spec/lti/v1p3#additional-login-parameters"""
    storage = {"lti_storage_target": STORAGE_FRAME} if config.storage else {}
    return {
        "iss": config.issuer,
        "target_link_uri": tool.target_link_uri,
        "login_hint": person.sub,
        "lti_message_hint": message_hint,
        "client_id": tool.client_id,
        "lti_deployment_id": tool.deployment_id,
        **storage,
    }


def _link(store: Store) -> ResourceLink:
    """The activity that the address names, else the course's first one."""
    return store.resource_link(request.args.get("link", RESOURCE_LINK_ID)) or abort(404, "No such activity.")


def _around_frames(config: PlatformConfig, store: Store) -> dict[str, Any]:
    """What a page with the tool in frames shows whoever is in them."""
    link = _link(store)
    return {
        "people": store.people(),
        "course": store.course(),
        "link": link,
        "is_first": link.id == RESOURCE_LINK_ID,
        "columns": read_gradebook(config, store),
        "tool_origin": store.tool().origin,
        "faults": config.faults.shown() if config.faults else None,
    }


def _frame() -> str:
    """The kind of frame that the address names, else one like Canvas's."""
    asked = request.args.get("frame", "canvas")
    return asked if asked in FRAMES else abort(404, "No such frame.")


def _person(store: Store, slug: str) -> Person:
    return store.person(slug) or abort(404, "Nobody here has that name.")

"""Doors of pages that no platform opens: a one-time link, a cookie for these pages, forms sealed for a browser."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import ParamSpec

from flask import Blueprint, g, redirect, render_template, request, url_for
from itsdangerous import BadSignature, URLSafeSerializer
from werkzeug.wrappers import Response

from lti_tool.admin import SESSION_LIFE, Pages, find_session, sign_out, use_code
from lti_tool.web import refusals
from lti_tool.web.context import current
from lti_tool.web.sessions import FORM_FIELD, SAFE_METHODS

P = ParamSpec("P")
Answer = str | Response | tuple[str, int]


@dataclass(frozen=True)
class Door:
    """The way in to the pages under one path; `whose` names them, `command` makes a link."""

    pages: Pages
    path: str
    cookie: str
    whose: str
    command: str
    signed_out: type[refusals.Refusal]
    link_used: type[refusals.Refusal]

    def add_to(self, bp: Blueprint, there: str) -> None:
        """Give a blueprint its ways in and out: /enter asks, and leads to the endpoint `there`; /leave."""

        def enter() -> str:
            # Asked before the code is used: mail programs open links to look at them.
            return render_template("door.html", door=self, code=request.args.get("code", ""))

        def open_pages() -> Response:
            return self._open(request.form.get("code", ""), there)

        @self.guard
        def leave() -> Answer:
            return self._leave(f"{bp.name}.enter")

        bp.add_url_rule("/enter", view_func=enter)
        bp.add_url_rule("/enter", view_func=open_pages, methods=["POST"])
        bp.add_url_rule("/leave", view_func=leave, methods=["POST"])

    def guard(self, view: Callable[P, Answer]) -> Callable[P, Answer]:
        """Open the view only to a browser with a session for these pages, and to forms sealed for it."""

        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> Answer:
            with current().database.read() as session:
                found = find_session(session, request.cookies.get(self.cookie, ""), self.pages)
            if found is None:
                raise self.signed_out()
            g.admin_session_id = found.id
            if request.method not in SAFE_METHODS:
                self._require_seal()
            return view(*args, **kwargs)

        return guarded

    def seal(self) -> str:
        """The seal of this browser's session for its forms."""
        sealed = self._serializer().dumps(g.admin_session_id)
        return sealed.decode() if isinstance(sealed, bytes) else sealed

    def _open(self, code: str, there: str) -> Response:
        """Use a code up and lead on in this browser."""
        with current().database.write() as session:
            token = use_code(session, code, self.pages)
        if token is None:
            raise self.link_used()
        answer = redirect(url_for(there), code=303)
        answer.set_cookie(
            self.cookie,
            token,
            path=self.path,
            max_age=int(SESSION_LIFE.total_seconds()),
            secure=True,
            httponly=True,
            samesite="Strict",
        )
        return answer

    def _leave(self, there: str) -> Response:
        """End this browser's session."""
        with current().database.write() as session:
            sign_out(session, g.admin_session_id)
        answer = redirect(url_for(there), code=303)
        answer.delete_cookie(self.cookie, path=self.path, secure=True, httponly=True, samesite="Strict")
        return answer

    def _require_seal(self) -> None:
        sent = request.form.get(FORM_FIELD, "")
        if not sent:
            raise refusals.FormTokenMissing()
        try:
            sealed = self._serializer().loads(sent)
        except BadSignature:
            raise refusals.FormTokenWrong() from None
        if sealed != g.admin_session_id:
            raise refusals.FormTokenWrong()

    def _serializer(self) -> URLSafeSerializer:
        secret = current().settings.secret_key
        how = {"key_derivation": "hmac", "digest_method": hashlib.sha256}
        return URLSafeSerializer(secret, salt=f"atelier.{self.pages}", signer_kwargs=how)

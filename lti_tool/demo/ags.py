"""Assignment and Grade Services 2.0: line items, scores, results.

Rules: https://www.imsglobal.org/spec/lti-ags/v2p0
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from flask import Blueprint, Response, request
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lti_tool.demo.claims import courses_url, line_item_url
from lti_tool.demo.config import PlatformConfig
from lti_tool.demo.records import Course, LineItem, ResourceLink, Result, ScorePost
from lti_tool.demo.scores import read_score, read_timestamp, record_score
from lti_tool.demo.service import (
    SCOPE_LINE_ITEM,
    SCOPE_LINE_ITEM_READ,
    SCOPE_RESULT_READ,
    SCOPE_SCORE,
    ServiceError,
    json_answer,
    page_of,
    read_json,
    read_number,
    read_text,
    refuse,
    require_accept,
    require_scope,
)
from lti_tool.demo.store import Store

LINE_ITEM = "application/vnd.ims.lis.v2.lineitem+json"
LINE_ITEMS = "application/vnd.ims.lis.v2.lineitemcontainer+json"
SCORE = "application/vnd.ims.lis.v1.score+json"
RESULTS = "application/vnd.ims.lis.v2.resultcontainer+json"


def ags_blueprint(config: PlatformConfig, store: Store) -> Blueprint:
    bp = Blueprint("ags", __name__, url_prefix="/lti/courses/<course_id>/lineitems")
    _add_line_item_routes(bp, config, store)
    _add_score_routes(bp, config, store)

    @bp.before_request
    def demand_query() -> None:
        if request.args.get("type_id") != "1":
            refuse(404, "No such line items: keep the address's own query.")

    return bp


def _add_line_item_routes(bp: Blueprint, config: PlatformConfig, store: Store) -> None:
    @bp.get("")
    def list_line_items(course_id: str) -> Response:
        require_scope(request, store, SCOPE_LINE_ITEM, SCOPE_LINE_ITEM_READ)
        require_accept(request, LINE_ITEMS)
        with store.session() as session:
            course = _course(session, course_id)
            rows = [row for row in _line_items(session, course) if _wanted(row)]
        page, headers = page_of(request, rows, courses_url(config, course, "lineitems"))
        return json_answer([line_item_json(config, row) for row in page], LINE_ITEMS, headers=headers)

    @bp.post("")
    def create_line_item(course_id: str) -> Response:
        require_scope(request, store, SCOPE_LINE_ITEM)
        fields = _line_item_fields(read_json(request, LINE_ITEM))
        with store.session() as session:
            course = _course(session, course_id)
            _check_link(session, course, fields)
            position = (session.scalar(select(func.max(LineItem.position))) or 0) + 1
            item = LineItem(id=uuid4().hex, position=position, course_id=course.id, **fields)
            session.add(item)
        return json_answer(line_item_json(config, item), LINE_ITEM, 201, {"Location": line_item_url(config, item)})

    @bp.get("/<item_id>/lineitem")
    def show_line_item(course_id: str, item_id: str) -> Response:
        require_scope(request, store, SCOPE_LINE_ITEM, SCOPE_LINE_ITEM_READ)
        require_accept(request, LINE_ITEM)
        with store.session() as session:
            return json_answer(line_item_json(config, _line_item(session, course_id, item_id)), LINE_ITEM)

    @bp.put("/<item_id>/lineitem")
    def replace_line_item(course_id: str, item_id: str) -> Response:
        require_scope(request, store, SCOPE_LINE_ITEM)
        fields = _line_item_fields(read_json(request, LINE_ITEM))
        with store.session() as session:
            item = _line_item(session, course_id, item_id)
            _check_link(session, _course(session, course_id), fields)
            for name, value in fields.items():
                setattr(item, name, value)
            # As on Moodle: without its resourceLinkId the activity's column comes loose.
            item.from_activity = item.from_activity and fields["resource_link_id"] is not None
        return json_answer(line_item_json(config, item), LINE_ITEM)

    @bp.delete("/<item_id>/lineitem")
    def delete_line_item(course_id: str, item_id: str) -> Response:
        require_scope(request, store, SCOPE_LINE_ITEM)
        with store.session() as session:
            item = _line_item(session, course_id, item_id)
            if item.from_activity:
                refuse(403, "This column belongs to the activity; only the course can remove it.")
            session.delete(item)
        return Response(status=204)


def _add_score_routes(bp: Blueprint, config: PlatformConfig, store: Store) -> None:
    @bp.post("/<item_id>/lineitem/scores")
    def post_score(course_id: str, item_id: str) -> Response:
        require_scope(request, store, SCOPE_SCORE)
        with store.session() as session:
            item = _line_item(session, course_id, item_id)
            refusal, user_id = _take_score(session, item)
            session.add(
                ScorePost(
                    line_item_id=item.id,
                    user_id=user_id,
                    received_at=config.clock(),
                    status=refusal.status if refusal else 200,
                    body=request.get_data().decode("utf-8", "replace"),
                )
            )
        if refusal:
            return refusal.response()
        result_url = line_item_url(config, item, "/results") + "&" + urlencode({"user_id": user_id})
        return json_answer({"resultUrl": result_url}, "application/json")

    @bp.get("/<item_id>/lineitem/results")
    def list_results(course_id: str, item_id: str) -> Response:
        require_scope(request, store, SCOPE_RESULT_READ)
        require_accept(request, RESULTS)
        asked_user = request.args.get("user_id")
        with store.session() as session:
            item = _line_item(session, course_id, item_id)
            found = select(Result).where(Result.line_item_id == item.id, Result.score_given.is_not(None))
            rows = session.scalars(found.order_by(Result.user_id)).all()
        rows = [row for row in rows if asked_user in (None, row.user_id)]
        page, headers = page_of(request, rows, line_item_url(config, item, "/results").partition("?")[0])
        return json_answer([_result_json(config, item, row) for row in page], RESULTS, headers=headers)


def _take_score(session: Session, item: LineItem) -> tuple[ServiceError | None, str | None]:
    """Record the posted score; a refusal is returned, not raised, so that the post itself is kept."""
    user_id: str | None = None
    try:
        body = read_json(request, SCORE)
        user_id = body["userId"] if isinstance(body.get("userId"), str) else None
        record_score(session, item, read_score(body))
    except ServiceError as refusal:
        return refusal, user_id
    return None, user_id


def line_item_json(config: PlatformConfig, item: LineItem) -> dict[str, Any]:
    fields = {
        "id": line_item_url(config, item),
        "label": item.label,
        "scoreMaximum": item.score_maximum,
        "resourceId": item.resource_id,
        "tag": item.tag,
        "resourceLinkId": item.resource_link_id,
        "startDateTime": item.start_date_time,
        "endDateTime": item.end_date_time,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _result_json(config: PlatformConfig, item: LineItem, result: Result) -> dict[str, Any]:
    url = line_item_url(config, item, "/results") + "&" + urlencode({"user_id": result.user_id})
    fields = {
        "id": url,
        "scoreOf": line_item_url(config, item),
        "userId": result.user_id,
        "resultScore": result.scaled(item.score_maximum),
        "resultMaximum": item.score_maximum,
        "comment": result.comment,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _course(session: Session, course_id: str) -> Course:
    return session.get(Course, course_id) or refuse(404, "No such course.")


def _line_item(session: Session, course_id: str, item_id: str) -> LineItem:
    item = session.get(LineItem, item_id)
    if item is None or item.course_id != course_id:
        refuse(404, "No such line item.")
    return item


def _line_items(session: Session, course: Course) -> list[LineItem]:
    in_order = select(LineItem).where(LineItem.course_id == course.id).order_by(LineItem.position)
    return list(session.scalars(in_order))


def _wanted(item: LineItem) -> bool:
    asked = request.args
    return (
        asked.get("resource_link_id", item.resource_link_id) == item.resource_link_id
        and asked.get("resource_id", item.resource_id) == item.resource_id
        and asked.get("tag", item.tag) == item.tag
    )


def _line_item_fields(body: dict[str, Any]) -> dict[str, Any]:
    """The columns of a posted line item; what is left out is emptied, a PUT replaces the whole."""
    maximum = read_number(body, "scoreMaximum")
    if maximum is None or maximum <= 0:
        refuse(400, "scoreMaximum is required and must be above 0.")
    return {
        "label": read_text(body, "label", required=True),
        "score_maximum": maximum,
        "resource_id": read_text(body, "resourceId") or "",
        "tag": read_text(body, "tag") or "",
        "resource_link_id": read_text(body, "resourceLinkId"),
        "start_date_time": _time_text(body, "startDateTime"),
        "end_date_time": _time_text(body, "endDateTime"),
    }


def _time_text(body: dict[str, Any], name: str) -> str | None:
    moment: datetime | None = read_timestamp(body, name) if body.get(name) is not None else None
    return moment.isoformat() if moment else None


def _check_link(session: Session, course: Course, fields: dict[str, Any]) -> None:
    wanted = fields["resource_link_id"]
    if wanted is None:
        return
    link = session.get(ResourceLink, wanted)
    if link is None or link.course_id != course.id:
        refuse(404, "resourceLinkId is no activity of this course.")

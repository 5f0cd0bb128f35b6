"""`/metrics` for Prometheus: the ledger's figures, asked of the database at most every few seconds."""

import hmac
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from threading import Lock

from flask import Blueprint, Response, current_app, request
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from werkzeug.exceptions import ServiceUnavailable, Unauthorized

from lti_tool import measures
from lti_tool.db import Database, utc_now
from lti_tool.web.context import current

bp = Blueprint("metrics", __name__)

KEPT_SECONDS = 5.0
SPENDING_KEPT_SECONDS = 60.0
Source = Callable[[Session, datetime], Iterator[Metric]]


class Figures(Collector):
    """Figures of the ledger, kept for a moment: however often it is asked, the database is asked rarely."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = Lock()
        self._kept: dict[Source, tuple[float, list[Metric]]] = {}

    def collect(self) -> Iterator[Metric]:
        """Every family; those of the last asking while they are fresh enough."""
        with self._lock:
            yield from self._of(measures.families, KEPT_SECONDS)
            yield from self._of(measures.spending, SPENDING_KEPT_SECONDS)

    def describe(self) -> Iterator[Metric]:
        """Nothing: registering asks nothing of the database."""
        return iter(())

    def _of(self, source: Source, seconds: float) -> list[Metric]:
        asked_at, found = self._kept.get(source, (float("-inf"), []))
        if time.monotonic() - asked_at > seconds:
            with self._database.read() as session:
                found = list(source(session, utc_now()))
            self._kept[source] = time.monotonic(), found
        return found


def registry_of(database: Database) -> CollectorRegistry:
    """A registry with nothing of this process in it: what counts is in the database."""
    registry = CollectorRegistry()
    registry.register(Figures(database))
    return registry


@bp.get("/metrics")
def metrics() -> Response:
    """All figures as text; 401 without the operator's token where one is set, 503 while the database is away."""
    token = current().settings.metrics_token
    sent = request.headers.get("Authorization", "").encode()
    if token and not hmac.compare_digest(sent, f"Bearer {token}".encode()):
        raise Unauthorized
    try:
        text = generate_latest(current_app.extensions["atelier.metrics"])
    except SQLAlchemyError:
        raise ServiceUnavailable from None
    return Response(text, content_type=CONTENT_TYPE_PLAIN_0_0_4)

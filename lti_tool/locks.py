"""Locks that are no row's: they end with the transaction that took them."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session


def lock_learner(session: Session, resource_link_id: int, person_id: int) -> None:
    """Let one transaction at a time send, score or erase a learner's work on a placement, or write a message about it.

    So two tabs that send at once take two attempt numbers, two releases make one score, and messages keep the order of
    their timestamps and of their jobs.
    """
    # On SQLite whoever writes is alone anyway.
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(resource_link_id, person_id)))

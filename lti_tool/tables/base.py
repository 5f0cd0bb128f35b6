"""What all tables share: names of constraints, types of columns, and rows that never change."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import JSON, MetaData, String, event
from sqlalchemy.engine import Connection
from sqlalchemy.orm import DeclarativeBase, Mapper

from lti_tool.db import UtcDateTime

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """The declarative base: JSON columns and aware UTC times."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar = {
        datetime: UtcDateTime(),
        dict[str, Any]: JSON(),
        list[Any]: JSON(),
        str: String(255),
    }


class FrozenRowError(Exception):
    """Somebody tried to change a row that records a fact."""


class Frozen:
    """Marks a table whose rows never change once written."""


@event.listens_for(Frozen, "before_update", propagate=True)
def _refuse_update(mapper: Mapper[Any], connection: Connection, target: object) -> None:
    raise FrozenRowError(f"{mapper.class_.__name__} rows never change; write a new one")

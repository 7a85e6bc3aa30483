"""The column types that SQLite and PostgreSQL share."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import orjson
from sqlalchemy import JSON, BigInteger, Dialect, Integer, LargeBinary, String, Table
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.types import DateTime, TypeDecorator, TypeEngine
from sqlmodel import SQLModel

from trialalerts.database.packing.dictionary import pack, unpack

__all__ = [
    "BigId",
    "EnumText",
    "Json",
    "PackedJson",
    "PackedText",
    "UtcDateTime",
    "empty_list",
    "moment_for",
    "table_of",
]

SQLModel.model_config["defer_build"] = True  # rows are not validated: pydantic's readers of them are made on demand

BigId: TypeEngine[Any] = BigInteger().with_variant(Integer(), "sqlite")
"""A 64-bit key. SQLite numbers rows by itself only where the type is spelled INTEGER."""

Json: TypeEngine[Any] = JSON().with_variant(JSONB(), "postgresql")
"""Any JSON value; written and read with orjson (see the engine)."""


def empty_list() -> list[Any]:
    """Return a new list, as the default of a column.

    For ``list`` itself pydantic parses the signature anew for each row: that takes most of the time of making one.
    """
    return []


class PackedJson(TypeDecorator[Any]):
    """A JSON value that is only ever read as a whole, packed to a quarter of its size; None is NULL."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> bytes | None:
        """Pack the value."""
        del dialect
        return None if value is None else pack(orjson.dumps(value))

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> Any:
        """Unpack it."""
        del dialect
        return None if value is None else orjson.loads(unpack(value))


class PackedText(TypeDecorator[str]):
    """A text that is only ever read as a whole, packed to half of its size; None is NULL."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:
        """Pack the text."""
        del dialect
        return None if value is None else pack(value.encode())

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> str | None:
        """Unpack it."""
        del dialect
        return None if value is None else unpack(value).decode()


class UtcDateTime(TypeDecorator[datetime]):
    """An aware moment, always UTC in Python; SQLite stores it naive, PostgreSQL as ``timestamptz``."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the stored type."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(TIMESTAMP(timezone=True))
        return dialect.type_descriptor(DateTime())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive values: a moment without a zone has no place in the tables."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a stored moment needs a time zone: {value!r}")
        value = value.astimezone(UTC)
        return value if dialect.name == "postgresql" else value.replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Hand out aware UTC."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class EnumText(TypeDecorator[StrEnum]):
    """A :class:`~enum.StrEnum` stored by its value, as plain text that people can read in the tables."""

    impl = String
    cache_ok = True

    def __init__(self, members: type[StrEnum]) -> None:
        super().__init__()
        self.members = members
        self._known = {member.value: member for member in members}  # calling the class takes several times as long

    def process_bind_param(self, value: StrEnum | str | None, dialect: Dialect) -> str | None:
        """Store the value; a text that is no member is refused."""
        del dialect
        return None if value is None else self.members(value).value

    def process_result_value(self, value: str | None, dialect: Dialect) -> StrEnum | None:
        """Hand out the member."""
        del dialect
        return None if value is None else self._known.get(value) or self.members(value)


def table_of(model: type[SQLModel]) -> Table:
    """Return the table of a model, for statements on hot paths: with the model itself the ORM looks at every one."""
    table: Table = model.__table__  # type: ignore[attr-defined]  # SQLModel makes it, its types do not say so
    return table


def moment_for(dialect: Dialect, value: datetime) -> Any:
    """Return a moment as this database's driver takes it, for statements written out by hand."""
    processor = UtcDateTime().dialect_impl(dialect).bind_processor(dialect)
    return processor(value) if processor else value

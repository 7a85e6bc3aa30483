"""What the service remembers of itself between two rounds: a value by its name."""

from __future__ import annotations

from sqlmodel import Field, Session, SQLModel

from trialalerts.database.bulk import insert_into

__all__ = ["ServiceValue", "get_value", "put_value"]


class ServiceValue(SQLModel, table=True):
    """One value, as text. No address, no disease, no secret."""

    __tablename__ = "service_value"

    name: str = Field(primary_key=True)
    value: str


def get_value(session: Session, name: str) -> str | None:
    """Return the value of a name, None where there is none."""
    found = session.get(ServiceValue, name, populate_existing=True)
    return found.value if found else None


def put_value(session: Session, name: str, value: str) -> None:
    """Store a value in the place of the one before."""
    insert = insert_into(session, ServiceValue).values({"name": name, "value": value})
    renewed = insert.on_conflict_do_update(index_elements=["name"], set_={"value": insert.excluded.value})
    session.connection().execute(renewed)

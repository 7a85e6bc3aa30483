"""The ways of editors into their desk."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, SQLModel

from trialalerts.database.types import UtcDateTime

__all__ = ["EditorLogin"]


class EditorLogin(SQLModel, table=True):
    """A link that an editor asked for, and the session that it opened.

    ``address_hash`` is the keyed hash of the editor's address. ``sent_at`` is empty until the mail has left,
    ``opened_at`` until the button behind the link was pressed: then the link is used up, and the session begins.
    Who signs out deletes the row; a day after it was asked for it goes by itself.
    """

    __tablename__ = "editor_login"

    key: str = Field(primary_key=True)
    address_hash: str = Field(index=True)
    asked_at: datetime = Field(sa_type=UtcDateTime)
    sent_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    opened_at: datetime | None = Field(default=None, sa_type=UtcDateTime)

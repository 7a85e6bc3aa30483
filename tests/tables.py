"""All tables together, as the program lists them."""

from __future__ import annotations

from sqlalchemy import MetaData
from sqlmodel import SQLModel

import trialalerts.operations.tables  # noqa: F401 - imported for the tables that it registers

__all__ = ["metadata"]


def metadata() -> MetaData:
    """Return the metadata that holds every table."""
    return SQLModel.metadata

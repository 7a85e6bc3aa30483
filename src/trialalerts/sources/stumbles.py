"""What is said of an error that nobody foresaw: its kind and its place.

Its own words stay out: they may hold what a record said, a person's name among it.
"""

from __future__ import annotations

import traceback
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from trialalerts.catalog.draft import FieldProblem
from trialalerts.errors import DatabaseBehind, DatabaseUnavailable, DatabaseUnusable

__all__ = ["describe_error", "unreadable"]

_OF_THE_DATABASE = (SQLAlchemyError, DatabaseBehind, DatabaseUnavailable, DatabaseUnusable)


def describe_error(error: Exception) -> str:
    """Return the kind and the place of an error, such as ``KeyError in feed.py, line 12``."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "trialalerts" in frame.filename] or list(frames)
    place = f" in {Path(ours[-1].filename).name}, line {ours[-1].lineno}" if ours else ""
    return f"{type(error).__name__}{place}"


def unreadable(external_id: str, error: Exception) -> FieldProblem:
    """Return the problem of a record over which the program itself stumbled.

    Raises:
        Exception: the error itself where the database is to blame. The record is as good as any other: were it left
            out, and the next page stored when the database is back, it would be missed.
    """
    if isinstance(error, _OF_THE_DATABASE):
        raise error
    message = f"the program failed to read it ({describe_error(error)}); please report it"
    return FieldProblem(external_id=external_id, field="record", message=message)

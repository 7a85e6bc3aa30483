"""Who composes which page of those who are due, among any number of composers: each takes the page that is next.

How far pages were taken stands in one row. Nobody is locked while a page is read and matched, and nothing depends on
that row: whoever dies with a page in hand leaves its people due, and the compare-and-set that moves their cursors lets
nobody be served twice.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import text
from sqlmodel import Session

from trialalerts.database.bulk import is_sqlite
from trialalerts.digests.due import DuePage, Place, due_page

__all__ = ["PageClaims"]

_LOOK = "SELECT due_at, subscriber_id FROM due_taken WHERE name = 'compose' {lock}"
_SET = """
INSERT INTO due_taken (name, due_at, subscriber_id) VALUES ('compose', :due_at, :who)
ON CONFLICT (name) DO UPDATE SET due_at = :due_at, subscriber_id = :who
"""


class PageClaims:
    """The pages that one composer takes in a round; it ends when a whole pass, from the first on, found no more.

    Args:
        now: who is due by then.
        last_change: the last change there is (see :func:`~trialalerts.digests.due.due_page`).
        size: subscribers in a page.
        introducing: whether anybody gets a first digest.
    """

    def __init__(self, *, now: datetime, last_change: int, size: int, introducing: bool = True) -> None:
        self._now = now
        self._last_change = last_change
        self._size = size
        self._introducing = introducing
        self._from_the_first = False

    def claim(self, session: Session) -> DuePage | None:
        """Take the next page, in a transaction that writes (the last thing in it: others wait); None at the end."""
        place = self._taken(session)
        page = self._behind(session, place)
        if page is None and not self._from_the_first:
            # A round that was broken off left its place in the middle.
            page = self._behind(session, None)
        if page or place:
            due_at, who = page.last if page else (None, None)
            session.connection().execute(text(_SET), {"due_at": due_at, "who": who})
        return page

    def _behind(self, session: Session, place: Place | None) -> DuePage | None:
        self._from_the_first |= place is None
        return due_page(session, self._now, self._last_change, self._size, after=place, introducing=self._introducing)

    def _taken(self, session: Session) -> Place | None:
        lock = "" if is_sqlite(session) else "FOR UPDATE"
        row = session.connection().execute(text(_LOOK.format(lock=lock))).first()
        return (row[0], row[1]) if row and row[1] is not None else None

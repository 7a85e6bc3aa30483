"""Who may come to the editors' desk: an address of the configuration, by a link that was mailed to it.

A link works once, for a quarter of an hour; what it opens lasts for a working day, as long as the address stands in the
configuration. Neither the link nor the cookie is stored: both are signed names of a row.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parseaddr

from sqlmodel import Session, col, delete, or_, select, update

from trialalerts.database.counter import take_numbers
from trialalerts.database.types import table_of
from trialalerts.delivery.outbox.request_limits import AT_MOST_EVERY
from trialalerts.delivery.outbox.suppressions import address_hash, address_hashes
from trialalerts.errors import ConfigurationError
from trialalerts.operations.desk.tables import EditorLogin
from trialalerts.settings import Settings
from trialalerts.subscribers.addresses import address_key

__all__ = [
    "LINK_WORKS",
    "LOGIN_KEPT",
    "SESSION_LASTS",
    "Editor",
    "ask_for_login",
    "editor_signed_in",
    "editors_of",
    "open_login",
    "require_editors",
    "sign_out",
    "unused_login",
]

LINK_WORKS = timedelta(minutes=15)
SESSION_LASTS = timedelta(hours=8)
LOGIN_KEPT = timedelta(days=1)
_MOST_A_DAY = 20
"""Links for one editor: more than anybody needs, and few enough that nobody can fill a mailbox with them."""
_COUNTER = "editor login"


@dataclass(frozen=True, kw_only=True)
class Editor:
    """Somebody who may come in: ``name`` stands as the reviewer in articles, ``hashes`` are all of the address."""

    name: str
    address: str
    hashes: tuple[str, ...]

    @property
    def who(self) -> str:
        """How the trail of changes names them."""
        return f"desk ({self.address})"


def editors_of(settings: Settings) -> list[Editor]:
    """Return the editors of the configuration; one without a name goes by the address."""
    parsed = [parseaddr(each) for each in settings.desk.editors]
    keys = settings.service.secrets
    return [Editor(name=name or at, address=at, hashes=tuple(address_hashes(keys, at))) for name, at in parsed]


def require_editors(settings: Settings) -> None:
    """Refuse a desk that nobody could come to.

    Raises:
        ConfigurationError: ``desk.editors`` is empty.
    """
    if not settings.desk.editors:
        raise ConfigurationError(
            "desk.editors: found nothing, expected the addresses of those who may come to the desk, such as "
            '["Anna Reed <anna@example.org>"]; or leave the role desk out'
        )


def ask_for_login(session: Session, settings: Settings, address: str, *, now: datetime) -> bool:
    """Note that somebody with this address wants to come in; return whether a mail will leave for it.

    One link at a time: while the last one is fresh and unused it is as good as another. For an address that is no
    editor's as much is read and written, and taken back: how long it takes tells nothing.
    """
    take_numbers(session, _COUNTER, 1)  # until the transaction ends, everybody else who asks waits
    session.exec(
        delete(EditorLogin).where(or_(col(EditorLogin.asked_at) <= now - LOGIN_KEPT, EditorLogin.asked_at > now))
    )
    editor = next((each for each in editors_of(settings) if address_key(each.address) == address_key(address)), None)
    named = address_hash(settings.service.secrets[0], address)
    earlier = session.exec(select(EditorLogin).where(col(EditorLogin.address_hash) == named)).all()
    waits = any(each.opened_at is None and each.asked_at > now - AT_MOST_EVERY for each in earlier)
    kept = session.begin_nested()
    session.add(EditorLogin(key=secrets.token_urlsafe(18), address_hash=named, asked_at=now))
    session.flush()
    if editor is None or waits or len(earlier) >= _MOST_A_DAY:
        kept.rollback()
        return False
    kept.commit()
    return True


def unused_login(session: Session, settings: Settings, key: str, *, now: datetime) -> Editor | None:
    """Return whom a link lets in that was not used yet; None where it lets in nobody."""
    row = session.get(EditorLogin, key)
    if row is None or row.opened_at is not None or not _within(row.asked_at, LINK_WORKS, now):
        return None
    return _editor(editors_of(settings), row)


def open_login(session: Session, settings: Settings, key: str, *, now: datetime) -> Editor | None:
    """Use a link up and begin its session; of two who press at the same moment one comes in. None: nobody does."""
    editor = unused_login(session, settings, key, now=now)
    rows = table_of(EditorLogin)
    opened = update(rows).where(rows.c.key == key, rows.c.opened_at.is_(None)).values(opened_at=now)
    if editor is None or not session.connection().execute(opened).rowcount:
        return None
    return editor


def editor_signed_in(session: Session, settings: Settings, key: str, *, now: datetime) -> Editor | None:
    """Return whose session this is; None where it is over, or its editor is one no more."""
    row = session.get(EditorLogin, key)
    if row is None or row.opened_at is None or not _within(row.opened_at, SESSION_LASTS, now):
        return None
    return _editor(editors_of(settings), row)


def sign_out(session: Session, key: str) -> None:
    """End a session."""
    session.exec(delete(EditorLogin).where(col(EditorLogin.key) == key))


def _within(since: datetime, span: timedelta, now: datetime) -> bool:
    return since <= now < since + span


def _editor(editors: Sequence[Editor], row: EditorLogin) -> Editor | None:
    return next((each for each in editors if row.address_hash in each.hashes), None)

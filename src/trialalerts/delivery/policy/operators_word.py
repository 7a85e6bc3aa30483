"""The operator's word that those who are said to be gone are gone: for some days the guards believe it.

An old list may hold a third of dead addresses. Nothing in the answers tells that from a server that is wrong about
everybody; only a person can know which it is.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import orjson
from sqlmodel import Session

from trialalerts.database.service_values import get_value, put_value

__all__ = ["believe_gone", "believed_gone"]

_NAME = "gone-believed"


def believe_gone(session: Session, domains: Collection[str], *, until: datetime, now: datetime) -> None:
    """Believe what is said of people at these domains (empty: all) until then; what was said earlier is kept."""
    known = {domain: end.isoformat() for domain, end in _read(session).items() if end > now}
    put_value(session, _NAME, orjson.dumps(known | dict.fromkeys(domains, until.isoformat())).decode())


def believed_gone(session: Session, *, now: datetime) -> frozenset[str]:
    """Return the domains (empty: all) of which it is believed now."""
    return frozenset(domain for domain, end in _read(session).items() if end > now)


def _read(session: Session) -> dict[str, datetime]:
    stored = get_value(session, _NAME)
    return {domain: datetime.fromisoformat(end) for domain, end in orjson.loads(stored or "{}").items()}

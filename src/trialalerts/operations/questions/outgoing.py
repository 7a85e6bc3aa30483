"""What goes out: the mails that wait, to whom, which trials each tells, and which may not leave."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from trialalerts.catalog.tables import Change, Item, ItemKind
from trialalerts.database.bulk import in_chunks
from trialalerts.delivery.outbox.suppressions import domain_of
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState
from trialalerts.delivery.policy.mass_guard import EVERYWHERE, held_words, holds
from trialalerts.delivery.sending.breaker import pause_of
from trialalerts.delivery.sending.recipient_check import Recipient, Withheld, check_recipients
from trialalerts.digests.tables import Digest, Selection, SelectionKind
from trialalerts.settings import Settings
from trialalerts.subscribers.tables import Subscriber

__all__ = ["Outgoing", "OutgoingMail", "outgoing_mail"]

_AT_ONCE = 5_000
_WAITING = (DeliveryState.QUEUED, DeliveryState.SENDING)


@dataclass(frozen=True, kw_only=True, slots=True)
class Outgoing:
    """One mail: to whom, the numbers of the trials and our own numbers of the articles that it tells.

    ``after`` and ``why`` say from when on it may leave, where that is not now.
    """

    address: str
    kind: str
    numbers: tuple[str, ...] = ()
    articles: tuple[int, ...] = ()
    after: datetime | None = None
    why: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON types."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, kw_only=True)
class OutgoingMail:
    """All mails that wait; ``withheld`` counts those that will not leave, by why; ``paused`` says why none does."""

    mails: list[Outgoing] = field(default_factory=list)
    withheld: Counter[str] = field(default_factory=Counter)
    paused: str | None = None


def outgoing_mail(session: Session, settings: Settings, now: datetime) -> OutgoingMail:
    """Return the mails that wait, in the order in which they were queued; reads only.

    Whom each may go to is asked of the check that the sender makes. How fast mail may leave is not looked at.
    """
    pause = pause_of(session)
    found = OutgoingMail(paused=pause.reason if pause else None)
    resting = {hold.scope: hold for hold in holds(session)}
    told = _TrialsTold(session)
    for rows in _pages(session):
        checked = check_recipients(session, rows, settings=settings, now=now)
        digests = told.by_digest([row.data["digest_id"] for row in rows if "digest_id" in row.data])
        people = _addresses(session, [row.subscriber_id for row in rows])
        for row, to in zip(rows, checked, strict=True):
            if isinstance(to, Withheld) and (to.until is None or to.held):
                found.withheld[to.reason] += 1
                continue
            address = people[row.subscriber_id]
            after, why = _later(row, to, now)
            hold = resting.get(EVERYWHERE) or resting.get(domain_of(address))
            if hold is not None and after is None:
                after, why = max(hold.retry_at, now), held_words(hold.scope)
            numbers, articles = digests.get(row.data.get("digest_id", 0), ((), ()))
            mail = Outgoing(address=address, kind=row.kind, numbers=numbers, articles=articles, after=after, why=why)
            found.mails.append(mail)
        session.expunge_all()
    return found


def _pages(session: Session) -> Iterator[Sequence[Delivery]]:
    last = 0
    while True:
        asked = select(Delivery).where(col(Delivery.state).in_(_WAITING), col(Delivery.id) > last)
        rows = session.exec(asked.order_by(col(Delivery.id)).limit(_AT_ONCE)).all()
        if not rows:
            return
        last = rows[-1].id or 0
        yield rows


def _later(row: Delivery, to: Recipient | Withheld, now: datetime) -> tuple[datetime | None, str | None]:
    if isinstance(to, Withheld):
        return to.until, to.reason
    return (row.not_before, row.last_error) if row.not_before > now else (None, None)


def _addresses(session: Session, ids: Iterable[int]) -> dict[int, str]:
    found: dict[int, str] = {}
    for some in in_chunks(sorted(set(ids))):
        rows = session.exec(select(Subscriber.id, Subscriber.address).where(col(Subscriber.id).in_(some)))
        found |= {number or 0: address for number, address in rows}
    return found


class _TrialsTold:
    """What digests tell, by what many of them refer to: selections and items are read once."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._items: dict[int, tuple[str, str]] = {}
        self._of_selection: dict[int, frozenset[int]] = {}

    def by_digest(self, ids: Sequence[int]) -> dict[int, tuple[tuple[str, ...], tuple[int, ...]]]:
        """Return, by digest, the numbers of the trials and of the articles that it tells."""
        parts: dict[int, Sequence[Sequence[int]]] = {}
        for some in in_chunks(ids):
            rows = self._session.exec(select(Digest.id, Digest.parts).where(col(Digest.id).in_(some)))
            parts |= {number or 0: told for number, told in rows}
        self._read({selection for told in parts.values() for _, selection in told})
        return {number: self._named(told) for number, told in parts.items()}

    def _named(self, parts: Sequence[Sequence[int]]) -> tuple[tuple[str, ...], tuple[int, ...]]:
        items = set[int]().union(*(self._of_selection.get(selection, frozenset()) for _, selection in parts))
        known = [(each, *self._items[each]) for each in sorted(items) if each in self._items]
        trials = tuple(number for _, kind, number in known if kind is ItemKind.TRIAL)
        return trials, tuple(each for each, kind, _ in known if kind is ItemKind.ARTICLE)

    def _read(self, selections: set[int]) -> None:
        new = [
            (row.id or 0, row.kind, row.numbers)
            for some in in_chunks(sorted(selections - self._of_selection.keys()))
            for row in self._session.exec(select(Selection).where(col(Selection.id).in_(some)))
        ]
        seqs = {number for _, kind, numbers in new if kind is SelectionKind.CHANGES for number in numbers}
        of_change: dict[int, int] = {}
        for some in in_chunks(sorted(seqs)):
            of_change |= dict(
                self._session.exec(select(Change.seq, Change.item_id).where(col(Change.seq).in_(some))).all()
            )
        for number, kind, numbers in new:
            items = numbers if kind is not SelectionKind.CHANGES else [of_change[n] for n in numbers if n in of_change]
            self._of_selection[number] = frozenset(items)
        missing = {item for number, _, _ in new for item in self._of_selection[number]} - self._items.keys()
        for some in in_chunks(sorted(missing)):
            rows = self._session.exec(select(Item.id, Item.kind, Item.external_id).where(col(Item.id).in_(some)))
            self._items |= {number or 0: (kind, external) for number, kind, external in rows}

"""The recipient check, right before a mail leaves: is this person still to be mailed, and may it be now?

Nothing that was decided when the mail was queued counts here: somebody may have unsubscribed a second ago.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import CompoundSelect, Select, bindparam, literal, select, union_all
from sqlmodel import Session

from trialalerts.database import table_of
from trialalerts.database.bulk import in_list, is_sqlite, list_value
from trialalerts.delivery.outbox.allowed import HELD_BACK, allowed_recipients
from trialalerts.delivery.outbox.confirmations import CONFIRMATION
from trialalerts.delivery.outbox.lifecycle import Claimed
from trialalerts.delivery.outbox.suppressions import address_hash
from trialalerts.delivery.outbox.tables import Delivery, RefusedAddress, SoftBounces, Suppression
from trialalerts.delivery.sending.limits import quiet_until
from trialalerts.settings import Settings
from trialalerts.subscribers.tables import Frequency, Subscriber, SubscriberState

__all__ = ["Recipient", "Withheld", "check_recipients"]

_AFTER_PAUSE = timedelta(hours=6)
_SERVED = {SubscriberState.ACTIVE, SubscriberState.PAUSED}
_CONFIRMED_TO = {SubscriberState.PENDING, *_SERVED}


@dataclass(slots=True)
class Recipient:
    """What sending needs of a :class:`Subscriber`: a plain row with its attributes, for there are many."""

    id: int
    key: str
    address: str
    state: SubscriberState
    locale: str
    timezone: str
    frequency: Frequency
    paused_until: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Withheld:
    """Why a mail does not leave: for good, or ``until`` a moment; ``held``: nothing is wrong with whom it goes to."""

    reason: str
    until: datetime | None = None
    held: bool = False


def check_recipients(
    session: Session, rows: Sequence[Claimed | Delivery], *, settings: Settings, now: datetime
) -> list[Recipient | Withheld]:
    """Return for each mail whom it goes to, or why it must not leave (promise 4 stands or falls here)."""
    sqlite = is_sqlite(session)
    run = session.connection().execute
    numbers = {"numbers": list_value({row.subscriber_id for row in rows}, sqlite=sqlite)}
    people = {found[0]: Recipient(*found) for found in run(_statements(sqlite).people, numbers)}
    secrets = [settings.service.secrets[0], *filter(None, settings.service.secrets[1:])]
    hashes = {number: [address_hash(secret, person.address) for secret in secrets] for number, person in people.items()}
    asked = {"hashes": list_value([each for some in hashes.values() for each in some], sqlite=sqlite)}
    suppressed: dict[str, str] = {found[0]: found[1] for found in run(_statements(sqlite).suppressions, asked)}
    resting = run(_statements(sqlite).rests, {**numbers, "now": now})
    rests: dict[int, tuple[datetime, str]] = {found[0]: (found[1], found[2]) for found in resting}
    allowed = allowed_recipients(settings.mail.only_to)

    def checked(row: Claimed | Delivery) -> Recipient | Withheld:
        person = people.get(row.subscriber_id)
        if person is None:
            return Withheld(reason="nobody to send it to")
        if reason := next((suppressed[each] for each in hashes[person.id] if each in suppressed), None):
            return Withheld(reason=f"suppressed ({reason})")
        if person.state not in (_CONFIRMED_TO if row.kind == CONFIRMATION else _SERVED):
            return Withheld(reason=person.state)
        if not allowed.admits(person.address):
            return Withheld(reason=HELD_BACK, held=True)
        if row.kind == CONFIRMATION:  # somebody waits for it
            return person
        withheld = _by_pause(person, now) or _by_time(person, now, rests.get(row.subscriber_id), settings)
        return withheld or person

    return [checked(row) for row in rows]


@dataclass(frozen=True, kw_only=True)
class _Statements:
    people: Select[Any]
    suppressions: Select[Any]
    rests: CompoundSelect[Any]


@cache
def _statements(sqlite: bool) -> _Statements:
    people, suppressions = table_of(Subscriber), table_of(Suppression)
    resting = ((table_of(SoftBounces), "soft bounces"), (table_of(RefusedAddress), "refused by policy"))
    return _Statements(
        people=select(*(people.c[each.name] for each in fields(Recipient))).where(
            in_list(people.c.id, "numbers", sqlite=sqlite)
        ),
        suppressions=select(suppressions.c.address_hash, suppressions.c.reason).where(
            in_list(suppressions.c.address_hash, "hashes", sqlite=sqlite, text=True)
        ),
        rests=union_all(
            *(
                select(table.c.subscriber_id, table.c.not_before, literal(why)).where(
                    in_list(table.c.subscriber_id, "numbers", sqlite=sqlite), table.c.not_before > bindparam("now")
                )
                for table, why in resting
            )
        ),
    )


def _by_pause(person: Recipient, now: datetime) -> Withheld | None:
    if person.state is not SubscriberState.PAUSED:
        return None
    return Withheld(reason=person.state, until=max(person.paused_until or now + _AFTER_PAUSE, now))


def _by_time(
    person: Recipient, now: datetime, rest: tuple[datetime, str] | None, settings: Settings
) -> Withheld | None:
    if rest is not None:
        return Withheld(reason=rest[1], until=rest[0])
    if until := quiet_until(settings.mail.quiet_hours, person.timezone, now):
        return Withheld(reason="quiet hours", until=until)
    return None

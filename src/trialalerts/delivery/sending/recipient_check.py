"""The recipient check, right before a mail leaves: is this person still to be mailed, and may it be now?

Nothing that was decided when the mail was queued counts here: somebody may have unsubscribed a second ago.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from email.utils import parseaddr
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, CompoundSelect, Select, bindparam, exists, literal, or_, select, union_all
from sqlmodel import Session

from trialalerts.database import table_of
from trialalerts.database.bulk import in_list, is_sqlite, list_value
from trialalerts.delivery.outbox.allowed import HELD_BACK, allowed_recipients
from trialalerts.delivery.outbox.lifecycle import Claimed
from trialalerts.delivery.outbox.notices.announcing import CANCELLED, NOT_YET, PAUSED
from trialalerts.delivery.outbox.notices.kinds import ANNOUNCEMENT, AWAITED, ELSEWHERE, HANDOFF, NEW_ADDRESS, RECIPIENTS
from trialalerts.delivery.outbox.notices.tables import Announcement, AnnouncementState
from trialalerts.delivery.outbox.suppressions import address_hash
from trialalerts.delivery.outbox.tables import Delivery, RefusedAddress, SoftBounces, Suppression
from trialalerts.delivery.sending.limits import quiet_until
from trialalerts.settings import Settings
from trialalerts.subscribers.tables import AddressChange, Frequency, NudgeChoice, Subscriber, SubscriberState
from trialalerts.vocabulary.days import reader_locale

__all__ = ["Recipient", "Withheld", "check_recipients"]

_AFTER_PAUSE = timedelta(hours=6)
_Announced = tuple[AnnouncementState, datetime, bool]
"""How an announcement stands, before when no mail of it leaves, and whether it goes to those too who want none."""
_SERVED = frozenset({SubscriberState.ACTIVE, SubscriberState.PAUSED})


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
    discreet: bool = False
    area_in_subject: bool = False
    unit: str | None = None
    announcements: bool = True

    @property
    def reading_locale(self) -> str:
        """Whose dates and distances this reader is used to."""
        return reader_locale(self.locale, self.timezone)


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
    elsewhere = _elsewhere(session, rows, people, parseaddr(settings.handoff.address)[1])
    secrets = [settings.service.secrets[0], *filter(None, settings.service.hash_keys[1:])]
    reached = {person.address for some in (people, elsewhere) for person in some.values() if person is not None}
    hashes = {address: [address_hash(secret, address) for secret in secrets] for address in reached}
    asked = {"hashes": list_value([each for some in hashes.values() for each in some], sqlite=sqlite)}
    suppressed: dict[str, str] = {found[0]: found[1] for found in run(_statements(sqlite).suppressions, asked)}
    resting = run(_statements(sqlite).rests, {**numbers, "now": now})
    rests: dict[int, tuple[datetime, str]] = {found[0]: (found[1], found[2]) for found in resting}
    allowed, announced = allowed_recipients(settings.mail.only_to), _announced(session, rows)

    def checked(row: Claimed | Delivery) -> Recipient | Withheld:
        person = elsewhere[row.id] if row.id in elsewhere else people.get(row.subscriber_id)
        if person is None:
            return Withheld(reason="nobody to send it to")
        if reason := next((suppressed[each] for each in hashes[person.address] if each in suppressed), None):
            return Withheld(reason=f"suppressed ({reason})")
        if person.state not in RECIPIENTS.get(row.kind, _SERVED):
            return Withheld(reason=person.state)
        if not allowed.admits(person.address):
            return Withheld(reason=HELD_BACK, held=True)
        if row.kind in AWAITED or row.kind in ELSEWHERE:  # somebody waits for it, or it goes to somebody else
            return person
        withheld = _by_announcement(person, row, announced, now)
        if not _goes_to_all(row, announced):
            withheld = withheld or _by_pause(person, now)
        withheld = withheld or _by_time(person, now, rests.get(row.subscriber_id), settings)
        return withheld or person

    return [_patient(row, checked(row), now) for row in rows]


def _patient(row: Claimed | Delivery, found: Recipient | Withheld, now: datetime) -> Recipient | Withheld:
    """Let what a reader wrote to the nurse wait, whatever is wrong with that address: it is not theirs to mend."""
    if isinstance(found, Recipient) or row.kind != HANDOFF or found.until is not None or found.held:
        return found
    return found if found.reason == SubscriberState.ERASED else replace(found, until=now + _AFTER_PAUSE)


def _elsewhere(
    session: Session, rows: Sequence[Claimed | Delivery], people: Mapping[int, Recipient], nurse: str
) -> dict[int | None, Recipient | None]:
    """Return by the number of a mail whom it goes to at another address: one asked for, that of before, the nurse's."""
    found: dict[int | None, Recipient | None] = {}
    for row in (row for row in rows if row.kind in ELSEWHERE):
        person = people.get(row.subscriber_id)
        if row.kind == HANDOFF:
            found[row.id] = replace(person, address=nurse) if person is not None and nurse else None
            continue
        asked = session.get(AddressChange, row.subscriber_id)
        meant = asked is not None and int(asked.asked_at.timestamp()) == row.data.get("asked")
        if asked is None or person is None or not meant:
            found[row.id] = None
        else:
            address = asked.address if row.kind == NEW_ADDRESS else asked.old_address
            found[row.id] = replace(person, address=address)
    return found


def _announced(session: Session, rows: Sequence[Claimed | Delivery]) -> dict[int, _Announced]:
    """Return how the announcements among these mails stand, and before when none leaves."""
    numbers = {_number(row) for row in rows if row.kind == ANNOUNCEMENT}
    if not numbers:
        return {}
    told = table_of(Announcement).c
    asked = select(told.id, told.state, told.not_before, told.handover).where(told.id.in_(numbers))
    return {row[0]: (row[1], row[2], row[3] is not None) for row in session.connection().execute(asked)}


def _goes_to_all(row: Claimed | Delivery, announced: Mapping[int, _Announced]) -> bool:
    """Tell whether a mail tells of a change of hands: whoever pauses, or wants no announcements, is told, too."""
    known = announced.get(_number(row)) if row.kind == ANNOUNCEMENT else None
    return known is not None and known[2]


def _number(row: Claimed | Delivery) -> int:
    return int(row.data.get("announcement", 0))


def _by_announcement(
    person: Recipient,
    row: Claimed | Delivery,
    announced: Mapping[int, _Announced],
    now: datetime,
) -> Withheld | None:
    if row.kind != ANNOUNCEMENT:
        return None
    state, begins, to_all = announced.get(_number(row), (AnnouncementState.CANCELLED, now, False))
    if state is AnnouncementState.CANCELLED:
        return Withheld(reason=CANCELLED)
    if not person.announcements and not to_all:
        return Withheld(reason="wants no announcements")
    if state is AnnouncementState.PAUSED:
        return Withheld(reason=PAUSED, until=now + _AFTER_PAUSE)
    return Withheld(reason=NOT_YET, until=begins) if begins > now else None


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
        people=select(
            *(_is_discreet() if each.name == "discreet" else people.c[each.name] for each in fields(Recipient))
        ).where(in_list(people.c.id, "numbers", sqlite=sqlite)),
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


def _is_discreet() -> ColumnElement[bool]:
    """Tell who wants no content in mails: whoever said so, or chose to be told elsewhere."""
    people, chosen = table_of(Subscriber).c, table_of(NudgeChoice).c
    told_elsewhere = exists().where(chosen.subscriber_id == people.id, chosen.confirmed_at.is_not(None))
    return or_(people.discreet, told_elsewhere).label("discreet")


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

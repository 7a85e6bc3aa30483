"""Handing over: who goes, with what they follow, agreed to and were told, into an archive for the receiver.

All of it is of one moment, while the daemon works on. Nobody goes who objected, was not told in time, or gets no mail.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
from sqlmodel import Session, col, select

from trialalerts.catalog.trials.lookup import numbers_of_trials
from trialalerts.database import Database
from trialalerts.database.bulk import in_chunks, is_sqlite
from trialalerts.delivery.outbox.notices.announcing import reached_before
from trialalerts.delivery.outbox.notices.tables import Announcement
from trialalerts.delivery.outbox.suppressions import address_hashes, portable_hash, portable_key
from trialalerts.delivery.outbox.tables import Suppression
from trialalerts.digests.announcements.handover import Handover, handovers_of
from trialalerts.errors import InvalidInput
from trialalerts.operations.handover.archive import ArchiveKey, signer_of, write_archive
from trialalerts.operations.handover.told import ToldHistory
from trialalerts.progress import NO_PROGRESS, ProgressMeter
from trialalerts.settings import Settings
from trialalerts.subscribers.account.nudging import told_elsewhere
from trialalerts.subscribers.files.csv_rows import COLUMNS, csv_cells
from trialalerts.subscribers.follows.silence import silenced_by
from trialalerts.subscribers.schedule import local_moment
from trialalerts.subscribers.tables import (
    NEVER_SERVED,
    Consent,
    HandoverObjection,
    Preference,
    Subscriber,
    SubscriberState,
    id_of,
)
from trialalerts.vocabulary.areas.tree import load_areas

__all__ = ["CONSENTS", "HISTORY", "PEOPLE", "SUBSCRIBERS", "SUPPRESSIONS", "GivenAway", "give_away"]

SUBSCRIBERS, PEOPLE, CONSENTS = "subscribers.csv", "people.jsonl", "consents.jsonl"
SUPPRESSIONS, HISTORY = "suppressions.jsonl", "told.jsonl"
_SERVED = (SubscriberState.ACTIVE, SubscriberState.PAUSED)
_AT_ONCE = 1_000
_NUMBERED = re.compile(r"\b(preference|silence) \d+")
_WHY = ("reason", "detail", "since", "rule", "code")


@dataclass(kw_only=True)
class GivenAway:
    """What went into an archive, and who did not.

    ``without_hash`` are suppressions of which only a hash by our own secret is known: nobody else can use them.
    """

    people: int = 0
    preferences: int = 0
    suppressions: int = 0
    without_hash: int = 0
    objected: int = 0
    told_too_late: int = 0
    suppressed: int = 0
    signed_by: str = ""


def give_away(
    db: Database,
    settings: Settings,
    path: Path,
    key: ArchiveKey,
    *,
    now: datetime,
    progress: ProgressMeter = NO_PROGRESS,
) -> GivenAway:
    """Write the archive for the receiver who was announced; nothing in the database changes.

    Raises:
        InvalidInput: nobody was told, it is too soon, or the file cannot be written.
    """
    given = GivenAway()
    with db.read() as session:
        if not is_sqlite(session):
            session.connection().exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        announcement, handover = _announced(session, settings, now)
        known = {each.address_hash: each for each in session.exec(select(Suppression))}
        people = _who_goes(session, settings, announcement, handover, known, given, now)
        files = _Writer(session).files(people, given, progress)
        files[SUPPRESSIONS] = _suppressions(session, settings, known, given)
    manifest = write_archive(
        path,
        files,
        giver=settings.service.name,
        receiver=handover.receiver,
        announced_for=handover.day,
        suppression_keys=[*map(portable_key, filter(None, settings.service.secrets)), *_received(settings)],
        signer=signer_of(settings.service.secrets[0]),
        key=key,
        now=now,
    )
    given.signed_by = manifest.signed_by
    return given


def _received(settings: Settings) -> list[str]:
    return [each.get_secret_value() for each in settings.service.received_keys]


def _announced(session: Session, settings: Settings, now: datetime) -> tuple[Announcement, Handover]:
    """Return the change of hands that people were told of.

    Raises:
        InvalidInput: there is none, or its day has not come.
    """
    found = next(iter(handovers_of(session)), None)
    if found is None:
        raise InvalidInput(
            "Nobody was told that the service changes hands; tell them first: trialalerts service announce-handover"
        )
    day = found[1].day
    if now < local_moment(day, 0, settings.service.timezone):
        raise InvalidInput(f"People were told that nobody is handed over before {day}; export it then")
    return found


def _who_goes(
    session: Session,
    settings: Settings,
    announcement: Announcement,
    handover: Handover,
    known: Mapping[str, Suppression],
    given: GivenAway,
    now: datetime,
) -> list[int]:
    told = reached_before(session, announcement, now - handover.notice)
    objected = set(session.exec(select(HandoverObjection.subscriber_id)))
    asked = select(Subscriber.id, Subscriber.address).where(col(Subscriber.state).in_(_SERVED))
    people = []
    for number, address in session.exec(asked.order_by(col(Subscriber.id))):
        if number in objected:
            given.objected += 1
        elif not known.keys().isdisjoint(address_hashes(settings.service.hash_keys, address)):
            given.suppressed += 1
        elif number not in told:
            given.told_too_late += 1
        elif number is not None:
            people.append(number)
    return people


def _suppressions(session: Session, settings: Settings, known: Mapping[str, Suppression], given: GivenAway) -> bytes:
    """Return the suppressions by hashes that the receiver can use: stored, or made now where we know the address."""
    portable = {number: row.portable_hash for number, row in known.items() if row.portable_hash}
    secret = settings.service.secrets[0]
    if len(portable) < len(known):
        kept = col(Subscriber.state) != SubscriberState.ERASED
        for address in session.exec(select(Subscriber.address).where(kept)):
            for each in address_hashes(settings.service.hash_keys, address):
                if each in known:
                    portable.setdefault(each, portable_hash(secret, address))
    rows = [
        {"hash": portable[number], **{name: getattr(row, name) for name in _WHY}}
        for number, row in known.items()
        if number in portable
    ]
    given.suppressions, given.without_hash = len(rows), len(known) - len(rows)
    return json_lines(sorted(rows, key=lambda row: str(row["hash"])))


@dataclass
class _Writer:
    """Writes the files about people."""

    session: Session
    table: io.StringIO = field(default_factory=lambda: io.StringIO(newline=""))

    def files(self, people: Sequence[int], given: GivenAway, progress: ProgressMeter) -> dict[str, bytes]:
        session, history = self.session, ToldHistory(self.session)
        area_name, nudged = load_areas(session).name, told_elsewhere(session)
        writer = csv.DictWriter(self.table, COLUMNS, lineterminator="\n")
        writer.writeheader()
        about: list[dict[str, Any]] = []
        consents: list[dict[str, Any]] = []
        progress.stage("people written", len(people))
        for some in in_chunks(people, _AT_ONCE):
            theirs = col(Subscriber.id).in_(some)
            subscribers = session.exec(select(Subscriber).where(theirs).order_by(col(Subscriber.id))).all()
            follows = self._follows(some)
            numbers = numbers_of_trials(session, {p.item_id for each in follows.values() for p in each if p.item_id})
            agreed = self._consents(some)
            told, silenced = history.of(some), silenced_by(session, some)
            for subscriber in subscribers:
                number = id_of(subscriber)
                wishes = [each for each in follows[number] if each.item_id is None or each.item_id in numbers]
                writer.writerows(csv_cells(subscriber, wish, area_name, numbers, nudged) for wish in wishes)
                if not wishes:
                    writer.writerow(csv_cells(subscriber, None, area_name, nudged=nudged))
                silent = history.named(silenced.get(number, ()))
                about.append({**self._about(subscriber, wishes, history, told.get(number, ())), "silenced": silent})
                consents += ({"address": subscriber.address, **line} for line in agreed[number])
                given.people, given.preferences = given.people + 1, given.preferences + len(wishes)
            session.expire_all()
            progress.advance(len(some))
        return {
            SUBSCRIBERS: self.table.getvalue().encode(),
            PEOPLE: json_lines(about),
            CONSENTS: json_lines(consents),
            HISTORY: json_lines(history.rows()),
        }

    def _follows(self, some: Sequence[int]) -> dict[int, list[Preference]]:
        """Return what they follow and confirmed, by the person."""
        rows = select(Preference).where(
            col(Preference.subscriber_id).in_(some), col(Preference.confirmed_at).is_not(None)
        )
        found: dict[int, list[Preference]] = {number: [] for number in some}
        for each in self.session.exec(rows.order_by(col(Preference.id))):
            found[each.subscriber_id].append(each)
        return found

    def _consents(self, some: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
        """Return their logs, oldest first; the numbers of wishes mean nothing elsewhere."""
        rows = select(Consent).where(col(Consent.subscriber_id).in_(some)).order_by(col(Consent.id))
        found: dict[int, list[dict[str, Any]]] = {number: [] for number in some}
        for each in self.session.exec(rows):
            line = each.model_dump(exclude={"id", "subscriber_id"})
            found[each.subscriber_id].append({**line, "what": _NUMBERED.sub(r"a \1", each.what)})
        return found

    def _about(
        self, subscriber: Subscriber, wishes: Sequence[Preference], history: ToldHistory, told: Iterable[list[int]]
    ) -> dict[str, Any]:
        """Return what the table of people has no column for."""
        served = subscriber.cursor != NEVER_SERVED
        places = {wish.id: place for place, wish in enumerate(wishes)}
        return {
            "address": subscriber.address,
            "created_at": subscriber.created_at,
            "confirmed_at": subscriber.confirmed_at,
            "served": served,
            "told_until": history.moment(subscriber.cursor) if served else None,
            "due_at": subscriber.next_due_at,
            "heartbeat_at": subscriber.heartbeat_at,
            "came_by": subscriber.came_by,
            "wishes": [
                {
                    "created_at": wish.created_at,
                    "introduced_at": wish.introduced_at,
                    "rested_since": history.moment(wish.paused_seq) if wish.paused_seq is not None else None,
                }
                for wish in wishes
            ],
            "told": [[places.get(wish, 0), selection] for wish, selection in told],
        }


def json_lines(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Return rows as JSON, one a line."""
    return b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows)

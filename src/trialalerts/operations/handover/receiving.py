"""Taking people over from an archive: read and checked as a whole, then stored page by page, each a transaction.

They are stored the way of every list of people; who is here already keeps their own state. What the list has no column
for goes in beside it, in the same transaction. Cut off in the middle and run again, it goes on: whoever is there with
all that the archive says is left alone.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from trialalerts.database import Database
from trialalerts.database.bulk import in_chunks
from trialalerts.delivery.mail.message import mail_domain
from trialalerts.delivery.outbox.notices.tables import Announcement, AnnouncementState
from trialalerts.delivery.outbox.suppression_files import SuppressionList, store_suppressions
from trialalerts.delivery.outbox.suppressions import address_hashes
from trialalerts.delivery.outbox.tables import Suppression
from trialalerts.digests.announcements.handover import Handover
from trialalerts.digests.announcements.queueing import known_announcement, queue_page
from trialalerts.errors import InvalidInput
from trialalerts.operations.handover.archive import Archive
from trialalerts.operations.handover.giving import CONSENTS, HISTORY, PEOPLE, SUBSCRIBERS, SUPPRESSIONS
from trialalerts.operations.handover.known import KnownHistory
from trialalerts.operations.handover.settling import PersonBefore, people_before, settle_people
from trialalerts.progress import NO_PROGRESS, ProgressMeter
from trialalerts.settings import Settings
from trialalerts.sources.tables import SourceState
from trialalerts.subscribers.addresses import address_key
from trialalerts.subscribers.erasure import former_among
from trialalerts.subscribers.files.bulk_import import LineError, SubscriberList, read_csv
from trialalerts.subscribers.files.bulk_store import store_people
from trialalerts.subscribers.files.csv_rows import CsvRow, CsvRowReader, unguarded
from trialalerts.subscribers.tables import Subscriber, SubscriberState
from trialalerts.vocabulary.areas.tree import load_areas

__all__ = ["HandoverRefused", "TakenOver", "take_over"]

PAGE = 1_000
"""So many people are stored in one transaction."""
_LEFT = (
    SubscriberState.UNSUBSCRIBED, SubscriberState.COMPLAINED, SubscriberState.BOUNCED, SubscriberState.ERASED,
)  # fmt: skip


@dataclass(kw_only=True)
class TakenOver:
    """What an import came to.

    ``left_here`` had left here, or cannot be reached; ``suppressed_here`` must not be mailed; ``unknown_items`` is
    what people were told of and this catalog does not know; ``unknown`` says which lines are not understood.
    """

    in_archive: int = 0
    subscribers: int = 0
    preferences: int = 0
    known: int = 0
    left_here: int = 0
    suppressed_here: int = 0
    suppressions: int = 0
    unknown_items: int = 0
    unknown: Counter[str] = field(default_factory=Counter)


class HandoverRefused(InvalidInput):
    """Lines of the archive are not understood here, and nothing was stored; ``unknown`` says which."""

    def __init__(self, unknown: Counter[str]) -> None:
        self.unknown = unknown
        super().__init__(
            f"{sum(unknown.values()):,} wishes are not understood here, and nothing was imported; add what is missing, "
            "or leave these wishes out with --skip-unknown"
        )


def take_over(
    db: Database,
    settings: Settings,
    archive: Archive,
    *,
    skip_unknown: bool = False,
    unpolled: bool = False,
    dry_run: bool = False,
    now: datetime,
    progress: ProgressMeter = NO_PROGRESS,
) -> TakenOver:
    """Store the people of an archive that was verified.

    Args:
        db: of the receiver.
        settings: of the receiver.
        archive: what :func:`~trialalerts.operations.handover.archive.read_archive` gave.
        skip_unknown: leave out wishes with areas or trials that are not known here.
        unpolled: take people over though a source was not read since the archive was made.
        dry_run: say what would be done; nothing is written.
        now: aware.
        progress: counts people.

    Raises:
        HandoverRefused: wishes are not understood.
        InvalidInput: a key is missing, or a source was not read since.
    """
    manifest, taken = archive.manifest, TakenOver()
    if archive.files[SUPPRESSIONS]:
        _require_keys(settings, manifest.suppression_keys)
    with db.read() as session:
        if not unpolled:
            _require_polled(session, settings, manifest.made_at)
        found = _read(session, settings, archive, taken, now)
        history = KnownHistory(session, archive.lines(HISTORY))
    taken.unknown_items = history.unknown
    if taken.unknown and not skip_unknown:
        raise HandoverRefused(taken.unknown)
    taken.suppressions = store_suppressions(db, _suppressions(archive), dry_run=dry_run)
    store = _Store(db, settings, archive, history, now)
    number = 0 if dry_run else store.announce()
    progress.stage("people tried" if dry_run else "people stored", len(found.people))
    for people in in_chunks(found.people.items(), PAGE):
        store.page(people, number, taken)
        progress.advance(len(people))
    return taken


def _require_keys(settings: Settings, keys: Iterable[str]) -> None:
    if missing := [key for key in keys if key not in settings.service.hash_keys]:
        listed = ",".join(
            f'"{key}"' for key in [*(each.get_secret_value() for each in settings.service.received_keys), *missing]
        )
        raise InvalidInput(
            "The suppressions of the archive hold nobody back without their key; add this line to .env, restart the "
            f"daemon, and import again: TRIALALERTS_SERVICE__RECEIVED_KEYS=[{listed}]"
        )


def _require_polled(session: Session, settings: Settings, made_at: datetime) -> None:
    """Let nobody come before this catalog knows what the other one knew: they would be told it again."""
    states = {state.name: state for state in session.exec(select(SourceState))}
    for source in settings.sources:
        state = states.get(source.name)
        read = state.last_success_at if state is not None and state.baseline_done_at is not None else None
        if read is None or read < made_at:
            since = "never" if read is None else f"last at {read:%Y-%m-%d %H:%M} UTC"
            raise InvalidInput(
                f"The source {source.name} was read to its end {since}, before the archive was made: people would be "
                f"told again what they know; run first: trialalerts sources poll {source.name} (or say --unpolled)"
            )


def _read(session: Session, settings: Settings, archive: Archive, taken: TakenOver, now: datetime) -> SubscriberList:
    """Read the list of people, without those who must not come."""
    manifest = archive.manifest
    lines = list(csv.reader(io.StringIO(archive.files[SUBSCRIBERS].decode(), newline="")))
    head, rows = lines[0], lines[1:]
    place = head.index("address")
    addresses = {unguarded(row[place]) for row in rows}
    taken.in_archive = len(addresses)
    keys = {address: address_key(address) for address in addresses}
    left, suppressed = _stay_away(session, settings, archive, keys)
    taken.left_here, taken.suppressed_here = len(left), len(suppressed - left)
    table = io.StringIO(newline="")
    csv.writer(table).writerows([head, *(row for row in rows if unguarded(row[place]) not in left | suppressed)])
    table.seek(0)
    consent = f"handed over by {manifest.giver}, who told of it before, in an archive of {manifest.made_at:%Y-%m-%d}"
    reader = CsvRowReader(
        session,
        load_areas(session),
        locale=settings.service.locale,
        timezone=settings.service.timezone,
        confirmed=False,
        now=now,
        others={"consent": consent},
    )
    found = read_csv(session, reader, table, mapping={}, needs_area=True)
    taken.unknown = Counter(_of_what(line, head) for line in found.errors)
    return found


def _of_what(line: LineError, head: Sequence[str]) -> str:
    """Return what is not understood, without saying whose it is."""
    cells = dict(zip(head, line.cells, strict=False))
    named = " ".join(filter(None, (cells.get("area"), cells.get("area_name"), cells.get("trial"))))
    return f"{named}: {line.message}" if named else line.message


def _stay_away(
    session: Session, settings: Settings, archive: Archive, keys: Mapping[str, str]
) -> tuple[set[str], set[str]]:
    """Return the addresses of those who left here, and of those who must not be mailed."""
    asked = select(Subscriber.address_key).where(col(Subscriber.state).in_(_LEFT))
    gone = set(session.exec(asked)) | _former(session, settings, keys.values())
    listed = set(session.exec(select(Suppression.address_hash))) | {row["hash"] for row in archive.lines(SUPPRESSIONS)}
    hashes = settings.service.hash_keys
    return (
        {address for address, key in keys.items() if key in gone},
        {address for address in keys if not listed.isdisjoint(address_hashes(hashes, address))} if listed else set(),
    )


def _former(session: Session, settings: Settings, keys: Collection[str]) -> set[str]:
    """Return those who left long ago and have not signed up anew."""
    former = former_among(session, settings.service.secrets, keys)
    for some in in_chunks(sorted(former)):
        asked = select(Subscriber.address_key).where(col(Subscriber.address_key).in_(some))
        here: set[str] = set(session.exec(asked))
        former -= here
    return former


def _suppressions(archive: Archive) -> SuppressionList:
    found = SuppressionList()
    for row in archive.lines(SUPPRESSIONS):
        why = {name: value for name, value in row.items() if name not in {"hash", "since"}}
        since = datetime.fromisoformat(row["since"])
        found.rows.append(
            ([row["hash"]], {"address_hash": row["hash"], "portable_hash": row["hash"], "since": since, **why})
        )
    return found


class _Store:
    """Stores the people of an archive."""

    def __init__(
        self, db: Database, settings: Settings, archive: Archive, history: KnownHistory, now: datetime
    ) -> None:
        self._db = db
        self._settings = settings
        self._manifest = archive.manifest
        self._history = history
        self._now = now
        self._about = {address_key(row["address"]): row for row in archive.lines(PEOPLE)}
        self._consents: dict[str, list[dict[str, Any]]] = {}
        for row in archive.lines(CONSENTS):
            self._consents.setdefault(address_key(row.pop("address")), []).append(row)

    def announce(self) -> int:
        """Make the announcement by which people hear who writes to them now; return its number."""
        name = f"arrived {self._manifest.giver} {self._manifest.made_at:%Y-%m-%d %H:%M:%S}"[:200]
        with self._db.write() as session:
            row = known_announcement(session, name) or Announcement(
                name=name,
                title=f"{self._settings.service.name} has taken over",
                state=AnnouncementState.RUNNING,
                with_digest=True,
                not_before=self._now,
                created_at=self._now,
                started_at=self._now,
                complete=True,
                handover=Handover(
                    giver=self._manifest.giver,
                    receiver=self._settings.service.name,
                    contact=self._settings.service.contact,
                    day=self._now.date(),
                    arrived=True,
                ).model_dump_json(),
            )
            session.add(row)
            session.flush()
            return row.id or 0

    def page(self, people: Sequence[tuple[str, list[CsvRow]]], number: int, taken: TakenOver) -> None:
        """Store a page; without the ``number`` of an announcement it is only tried."""
        with self._db.write() as session:
            before = people_before(session, [key for key, _ in people])
            stored = store_people(session, people, self._now)
            came = self._settle(session, people, before)
            taken.subscribers += sum(each.created for each in stored)
            taken.preferences += sum(each.added for each in stored)
            taken.known += len(before)
            if not number:
                session.rollback()
                return
            asked = select(Announcement).where(Announcement.id == number)
            announcement = session.exec(asked.with_for_update()).one()
            if announcement.state is AnnouncementState.RUNNING and came:
                queue_page(session, announcement, came, self._now, mail_domain(self._settings.mail.sender))

    def _settle(
        self, session: Session, people: Sequence[tuple[str, list[CsvRow]]], before: Mapping[str, PersonBefore]
    ) -> list[int]:
        told = [(key, rows, self._about.get(key, {}), self._consents.get(key, ())) for key, rows in people]
        return settle_people(session, told, before, self._history, self._now)

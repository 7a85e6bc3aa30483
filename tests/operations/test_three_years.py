"""Three years of a service: what must be gone is gone from every table and every page of the file.

Printed with ``-s``, the rows at the end of each year: what is kept grows with who is active, not with who has left.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlmodel
from pydantic import SecretStr
from sqlalchemy import func, text
from sqlmodel import Session

from tests.digests.stage import publish, store_areas, store_trial
from tests.subscribers.stage import follow
from tests.tables import metadata
from trialalerts.catalog.tables import ChangeKind, Item
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.database.maintenance import find_faults, vacuum_database
from trialalerts.delivery.outbox.confirmations import request_confirmation
from trialalerts.delivery.outbox.lifecycle import list_deliveries
from trialalerts.delivery.outbox.suppressions import SuppressionReason
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState, FeedbackEvent
from trialalerts.delivery.policy.effects import record_complaint, record_hard_bounce
from trialalerts.digests.compose import compose_due
from trialalerts.digests.tables import Digest, Selection
from trialalerts.operations.retention.pruning import prune
from trialalerts.settings import ServiceSettings, Settings
from trialalerts.subscribers.erasure import former_among
from trialalerts.subscribers.people import NewSubscriber, add_subscriber, confirm, find_subscriber, unsubscribe
from trialalerts.subscribers.tables import Subscriber, id_of

SECRET = "a secret of the tests, which is long enough"
SETTINGS = Settings(service=ServiceSettings(name="Example Alerts", secret=SecretStr(SECRET)))
WEEK = timedelta(weeks=1)
GROWING = ("subscriber", "consent", "delivery", "digest", "selection", "change")
MONTH = timedelta(weeks=4)
WEEKS = 157
STAYS, LEAVES, BOUNCES, COMPLAINS, NEVER_CONFIRMS = range(5)
GONE_AFTER = {LEAVES: 30, BOUNCES: 90, COMPLAINS: 30, NEVER_CONFIRMS: 14}
WORDS_OF_A_SERVER = "mailbox of {} is unavailable here"


@dataclass(kw_only=True)
class Life:
    """A service with people who join each week; what each does is told by the number."""

    db: Database
    clock: FrozenClock
    ended: dict[int, datetime] = field(default_factory=dict)
    trials: list[int] = field(default_factory=list)

    def week(self, number: int) -> None:
        """Let a week go by."""
        self.clock.advance(WEEK)
        now = self.clock.now()
        with self.db.write() as session:
            self._join(session, number, now)
            if number >= 6:
                self._end(session, number - 6, now)
            self._news(session, number, now)
        compose_due(self.db, SETTINGS, self.clock)
        self._send(now)
        if number % 4 == 0:
            prune(self.db, SETTINGS, now, wait=lambda _: None)

    def _join(self, session: Session, number: int, now: datetime) -> None:
        wish = follow("D009103", label=f"label-{number:04}-zephyr")
        new = NewSubscriber(address=address(number), preferences=(wish,))
        signup = add_subscriber(session, new, confirmed=False, how="web", now=now)
        request_confirmation(session, signup.subscriber, signup.to_confirm, now=now, domain="example.org")
        if number % 5 == NEVER_CONFIRMS:
            self.ended[number] = now
        else:
            confirm(session, signup.subscriber, signup.to_confirm, how="link", now=now)

    def _end(self, session: Session, number: int, now: datetime) -> None:
        kind = number % 5
        if kind in {STAYS, NEVER_CONFIRMS}:
            return
        person = find_subscriber(session, address(number))
        self.ended[number] = now
        if kind == LEAVES:
            unsubscribe(session, person, how="link", now=now)
        elif kind == COMPLAINS:
            record_complaint(session, SECRET, person, how="mailbox", now=now)
        else:
            self._bounce(session, person, now)

    def _bounce(self, session: Session, person: Subscriber, now: datetime) -> None:
        said = WORDS_OF_A_SERVER.format(person.address)
        why = SuppressionReason(rule="gone", code="550 5.1.1", words="mailbox is unavailable here")
        record_hard_bounce(session, SECRET, person, how="smtp", detail="550 5.1.1", why=why, now=now)
        mail = list_deliveries(session, subscriber_id=id_of(person), limit=1)[0]
        mail.state, mail.last_error, mail.feedback_at = DeliveryState.BOUNCED, said, now
        told = FeedbackEvent(
            provider="mailbox", event_id=str(person.id), kind="bounced", raw=said, at=now, received_at=now
        )
        told.delivery_id, told.subscriber_id = mail.id, person.id
        session.add(told)

    def _news(self, session: Session, number: int, now: datetime) -> None:
        """Register a trial; open the one of last week, and close the one of a year ago."""
        self.trials.append(store_trial(session, number, now, status="NOT_YET_RECRUITING").id or 0)
        for ago, kind, status in ((0, "REGISTERED", None), (1, "OPENED", "RECRUITING"), (52, "CLOSED", "COMPLETED")):
            if number >= ago:
                item = session.get_one(Item, self.trials[number - ago])
                item.status, item.is_open = status or item.status, status == "RECRUITING"
                publish(session, item, ChangeKind[kind], now, status=item.status)

    def _send(self, now: datetime) -> None:
        """Write down that all mail left: writing the mails would take most of three years."""
        with self.db.write() as session:
            for mail in list_deliveries(session, states=[DeliveryState.QUEUED]):
                mail.state, mail.sent_at = DeliveryState.SENT, now

    def must_be_gone(self) -> list[int]:
        """The numbers of those whose period is over."""
        end = self.clock.now()
        return [who for who, at in self.ended.items() if end - at > timedelta(days=GONE_AFTER[who % 5]) + MONTH]


def address(number: int) -> str:
    """The address of a person."""
    return f"person-{number:04}@quillfeather.example"


def content(db: Database) -> str:
    """All that is stored: the pages of the file, or the rows of all tables as PostgreSQL's text."""
    if db.is_sqlite:
        path = Path(db.engine.url.database or "")
        files = [path, path.with_name(f"{path.name}-wal")]
        return b"".join(file.read_bytes() for file in files if file.exists()).decode("latin-1")
    with db.read() as session:
        rows = [
            session.connection().execute(text(f'SELECT t::text FROM "{table.name}" t')).scalars().all()
            for table in metadata().sorted_tables
        ]
    return "\n".join(row for of_one in rows for row in of_one)


def size(db: Database) -> str:
    """The rows of the tables that grow."""
    with db.read() as session:
        counts = [(name, _asked(session, f"SELECT count(*) FROM {name}")[0]) for name in GROWING]
    return ", ".join(f"{count} {name}" for name, count in counts)


@pytest.fixture
def life(db: Database, clock: FrozenClock) -> Life:
    """A service on its first day."""
    with db.write() as session:
        store_areas(session)
    return Life(db=db, clock=clock)


def test_three_years_leave_nothing_of_those_who_left_and_all_of_those_who_stayed(life: Life) -> None:
    for number in range(WEEKS):
        life.week(number)
        if number % 52 == 51:
            sys.stdout.write(f"year {number // 52 + 1}: {size(life.db)}\n")
    vacuum_database(life.db, full=True)
    stored = content(life.db)

    gone = life.must_be_gone()
    assert len(gone) > 100
    assert [who for who in gone if address(who) in stored or f"label-{who:04}-zephyr" in stored] == []
    stays = [who for who in range(WEEKS) if who not in life.ended]
    assert [who for who in stays if address(who) not in stored or f"label-{who:04}-zephyr" not in stored] == []
    assert stored.count("is unavailable here") <= 12  # the replies of the last three months
    assert find_faults(life.db) == []
    with life.db.read() as session:
        _assert_proofs_are_kept(session, [who for who in gone if who % 5 != NEVER_CONFIRMS])
        _assert_mails_are_kept_so_long(session, life.clock.now())
        _assert_what_digests_tell_is_kept(session)
    assert compose_due(life.db, SETTINGS, life.clock).digests == 0  # and nothing is told twice


def _assert_proofs_are_kept(session: Session, gone: list[int]) -> None:
    assert former_among(session, [SECRET], [address(who) for who in gone]) == {address(who) for who in gone}
    proofs = _asked(
        session,
        "SELECT DISTINCT subscriber_id FROM consent JOIN subscriber ON subscriber.id = subscriber_id "
        "WHERE subscriber.state = 'erased' AND action = 'confirmed'",
    )
    assert len(proofs) >= len(gone)


def _assert_mails_are_kept_so_long(session: Session, now: datetime) -> None:
    for table, days in ((Delivery, 90), (Digest, 365)):
        oldest = session.exec(sqlmodel.select(func.min(table.created_at))).one()
        assert timedelta(days=days) - WEEK <= now - oldest <= timedelta(days=days) + MONTH


def _assert_what_digests_tell_is_kept(session: Session) -> None:
    used = {number for each in session.exec(sqlmodel.select(Digest)) for _, number in each.parts}
    selections = {each.id or 0: each for each in session.exec(sqlmodel.select(Selection))}
    assert used <= selections.keys()
    assert max(selections) > 2 * len(selections)  # those of the first two years are gone
    told = {n for number in used for n in selections[number].numbers if selections[number].kind == "changes"}
    changes = set(_asked(session, "SELECT seq FROM change"))
    assert told <= changes
    items = set(_asked(session, "SELECT id FROM item"))
    assert set(_asked(session, "SELECT item_id FROM change")) == items  # the last word of each trial stays
    assert len(changes) < max(changes) - 60  # of trials that closed a year before only that is left


def _asked(session: Session, statement: str) -> list[int]:
    return list(session.connection().execute(text(statement)).scalars())

"""Handing over and taking over: what arrives is what was, nobody comes who must not, nobody is told twice."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import Session, col, func, select
from sqlmodel.sql.expression import SelectOfScalar

from tests.digests.stage import publish, store_article, store_subscriber, store_trial
from tests.handover.conftest import Both
from tests.handover.stage import GIVER, LOCK, RECEIVER, UNLOCK, Organisation, called, text_of
from tests.handover.worlds import beside_of, cells_of, store_world, told_of
from trialalerts.catalog.tables import ArticleKey, ChangeKind, Item
from trialalerts.database.counter import CHANGES, current_number
from trialalerts.delivery.outbox.suppressions import is_suppressed, suppress
from trialalerts.digests.tables import Digest
from trialalerts.errors import InvalidInput
from trialalerts.operations.handover.archive import Archive, read_archive
from trialalerts.operations.handover.giving import GivenAway, give_away
from trialalerts.operations.handover.receiving import TakenOver, take_over
from trialalerts.subscribers.account.objecting import object_to_handover
from trialalerts.subscribers.erasure import erase
from trialalerts.subscribers.people import unsubscribe
from trialalerts.subscribers.tables import Consent, HandoverObjection, Preference, Subscriber, SubscriberState
from trialalerts.vocabulary.tables import Area, AreaOrigin

SERVED = (SubscriberState.ACTIVE, SubscriberState.PAUSED)


def give(giver: Organisation, file: Path) -> GivenAway:
    return give_away(giver.db, giver.settings, file, LOCK, now=giver.clock.now())


def opened(file: Path, given: GivenAway) -> Archive:
    return read_archive(file, UNLOCK, signed_by=given.signed_by)


def take(receiver: Organisation, archive: Archive, *, dry_run: bool = False, skip_unknown: bool = False) -> TakenOver:
    now = receiver.clock.now()
    return take_over(receiver.db, receiver.settings, archive, now=now, dry_run=dry_run, skip_unknown=skip_unknown)


def counts(organisation: Organisation) -> list[int]:
    with organisation.db.read() as session:
        tables = (Subscriber, Preference, Consent, Digest)
        return [session.exec(select(func.count()).select_from(table)).one() for table in tables]


@pytest.mark.parametrize("seed", range(3))
def test_what_arrives_is_what_was_and_of_nobody_else(both: Both, tmp_path: Path, seed: int) -> None:
    giver, receiver = both
    chance, now = random.Random(seed), giver.clock.now()
    for organisation in both:
        with organisation.db.write() as session:
            for number in range(5) if organisation is giver else (4, 3, 2, 1, 0):
                store_trial(session, number, now - timedelta(days=400))
    with giver.db.write() as session:
        names = store_world(session, giver.settings, chance, 60, now)
    giver.announce()
    told = set(giver.round())
    giver.clock.advance(timedelta(days=41))
    with giver.db.read() as session:
        secrets = giver.settings.service.secrets
        people = {name: session.exec(_at(name)).first() for name in names}
        goes = {
            name: (cells_of(session, person), beside_of(session, person))
            for name, person in people.items()
            if person is not None
            and person.state in SERVED
            and session.get(HandoverObjection, person.id) is None
            and not is_suppressed(session, secrets, person.address)
        }
    assert goes.keys() <= told
    given = give(giver, tmp_path / "handover.age")
    assert given.people == len(goes) > 10
    archive = opened(tmp_path / "handover.age", given)
    everything = b"".join(archive.files.values())
    for name in names:
        for said in (f"{name}@example.org", f"{name} label", f'version of {name}"'):
            assert name in goes or said.encode() not in everything
    taken = take(receiver, archive)
    assert (taken.subscribers, taken.in_archive, taken.unknown_items) == (len(goes), len(goes), 0)
    with receiver.db.read() as session:
        arrived = {each.address.partition("@")[0]: each for each in session.exec(select(Subscriber))}
        assert arrived.keys() == goes.keys()
        for name, (cells, beside) in goes.items():
            assert cells_of(session, arrived[name]) == cells
            here = beside_of(session, arrived[name])
            consents, before = here.pop("consents"), beside.pop("consents")
            assert consents[: len(before)] == before
            assert any(GIVER in what for _, _, how, what, _ in consents[len(before) :] if how == "import")
            if beside["served"] or beside["due_at"] is None:
                assert here == beside
    once_more = counts(receiver)
    again = take(receiver, archive)
    assert (again.subscribers, again.preferences, again.known) == (0, 0, len(goes))
    assert counts(receiver) == once_more


def _at(name: str) -> SelectOfScalar[Subscriber]:
    return select(Subscriber).where(Subscriber.address == f"{name}@example.org")


def begin(both: Both, now: datetime) -> None:
    """Let both know the same trials under different numbers; the giver's people had their first digest of them."""
    giver, receiver = both
    for organisation, order in ((giver, (1, 2, 3)), (receiver, (3, 1, 2))):
        with organisation.db.write() as session:
            for number in order:
                store_trial(session, number, now - timedelta(days=90), status="RECRUITING")
    with giver.db.write() as session:
        for name in ("anna", "ben", "cleo"):
            store_subscriber(session, name, now)
    giver.round()


def happen(organisation: Organisation, number: int, kind: ChangeKind, **after: object) -> None:
    """Let something happen to a trial that an organisation knows."""
    with organisation.db.write() as session:
        publish(session, _trial(session, number), kind, organisation.clock.now(), **after)


def _trial(session: Session, number: int) -> Item:
    return session.exec(select(Item).where(Item.external_id == f"NCT{90_000_000 + number}")).one()


def test_nobody_is_told_twice_and_nothing_in_between_is_lost(both: Both, tmp_path: Path) -> None:
    giver, receiver = both
    begin(both, giver.clock.now())
    giver.announce()
    giver.round()
    giver.clock.advance(timedelta(days=39, hours=20))
    happen(receiver, 1, ChangeKind.CLOSED, status="COMPLETED", by="the receiver")  # before the giver sees it
    happen(receiver, 3, ChangeKind.PAUSED, status="SUSPENDED")  # the giver has not seen it when it tells people last
    giver.clock.advance(timedelta(hours=3))
    happen(giver, 1, ChangeKind.CLOSED, status="COMPLETED")
    happen(giver, 2, ChangeKind.RESULTS_POSTED)  # the receiver sees it later
    giver.clock.advance(timedelta(hours=24))
    giver.round()
    giver.clock.advance(timedelta(hours=1))
    happen(receiver, 2, ChangeKind.RESULTS_POSTED)
    giver.clock.advance(timedelta(hours=1))
    given = give(giver, tmp_path / "handover.age")
    archive = opened(tmp_path / "handover.age", given)
    assert take(receiver, archive).subscribers == 3
    with receiver.db.read() as session:
        before = session.exec(select(func.max(Digest.id))).one() or 0
    receiver.clock.advance(timedelta(hours=24))
    mails = receiver.round()
    assert set(mails) == {"anna", "ben", "cleo"}
    with giver.db.read() as there, receiver.db.read() as here:
        for name in mails:
            known = told_of(there, called(there, name))
            new = told_of(here, called(here, name), since=before)
            assert {number for number, _ in known} == {f"NCT{90_000_000 + number}" for number in (1, 2, 3)}
            assert ("NCT90000002", "results_posted") in known
            assert new == [("NCT90000003", "paused")]
    (mail,) = mails["anna"]
    assert f"Until now {GIVER} sent you these mails" in text_of(mail)
    assert RECEIVER in text_of(mail)
    receiver.clock.advance(timedelta(days=1))
    assert receiver.round() == {}
    happen(receiver, 2, ChangeKind.CLOSED, status="COMPLETED")
    receiver.clock.advance(timedelta(days=1))
    assert set(receiver.round()) == {"anna", "ben", "cleo"}


def test_who_gets_no_digest_hears_of_the_new_organisation_by_a_mail_of_its_own(both: Both, tmp_path: Path) -> None:
    giver, receiver = both
    begin(both, giver.clock.now())
    with giver.db.write() as session:
        called(session, "ben").announcements = False
    giver.announce()
    giver.round()
    giver.clock.advance(timedelta(days=41))
    giver.round()
    given = give(giver, tmp_path / "handover.age")
    take(receiver, opened(tmp_path / "handover.age", given))
    receiver.clock.advance(timedelta(days=2))
    receiver.round()
    told = {each.recipient.partition("@")[0] for each in receiver.transport.sent}
    assert told == {"anna", "ben", "cleo"}
    with receiver.db.read() as session:
        ben = called(session, "ben")
        assert ben.announcements is False
    receiver.clock.advance(timedelta(days=2))
    assert receiver.round() == {}


def test_who_is_there_keeps_their_own_state(both: Both, tmp_path: Path) -> None:
    giver, receiver = both
    now = giver.clock.now()
    begin(both, now)
    with giver.db.write() as session:
        for name in ("dora", "emil", "finn"):
            store_subscriber(session, name, now)
        suppress(session, giver.settings.service.secrets[0], "gone@example.org", reason="complained", now=now)
    giver.round()
    giver.announce()
    giver.round()
    giver.clock.advance(timedelta(days=41))
    with receiver.db.write() as session:
        store_subscriber(session, "anna", now, locale="de", cursor=0, follows=[{"area_id": "D001249"}])
        unsubscribe(session, store_subscriber(session, "ben", now), how="web", now=now)
        store_subscriber(session, "cleo", now, state=SubscriberState.BOUNCED)
        store_subscriber(session, "dora", now, state=SubscriberState.PENDING)
        suppress(session, receiver.settings.service.secrets[0], "emil@example.org", reason="complained", now=now)
    given = give(giver, tmp_path / "handover.age")
    assert (given.people, given.suppressions, given.without_hash) == (6, 1, 0)
    archive = opened(tmp_path / "handover.age", given)
    tried = take(receiver, archive, dry_run=True)
    with receiver.db.read() as session:
        assert session.exec(select(func.count()).select_from(Subscriber)).one() == 4
        assert is_suppressed(session, receiver.settings.service.hash_keys, "gone@example.org") is None
    taken = take(receiver, archive)
    assert tried == taken
    assert (taken.subscribers, taken.known, taken.left_here, taken.suppressed_here) == (1, 2, 2, 1)
    with receiver.db.read() as session:
        people = {each.address.partition("@")[0]: each for each in session.exec(select(Subscriber))}
        states = {name: person.state for name, person in people.items()}
        assert states == {
            "anna": SubscriberState.ACTIVE,
            "ben": SubscriberState.UNSUBSCRIBED,
            "cleo": SubscriberState.BOUNCED,
            "dora": SubscriberState.ACTIVE,
            "finn": SubscriberState.ACTIVE,
        }
        assert (people["anna"].locale, people["anna"].cursor) == ("de", 0)
        asked = select(Preference.area_id).where(Preference.subscriber_id == people["anna"].id)
        assert sorted(session.exec(asked)) == ["D001249", "D009103"]
        assert is_suppressed(session, receiver.settings.service.hash_keys, "Gone@Example.org") is not None
        assert is_suppressed(session, receiver.settings.service.secrets, "gone@example.org") is None
    receiver.clock.advance(timedelta(days=1))
    assert set(receiver.round()) == {"anna", "dora", "finn"}


def test_it_is_refused_before_its_time_and_leaves_out_who_objects(both: Both, tmp_path: Path) -> None:
    giver, _ = both
    begin(both, giver.clock.now())
    file = tmp_path / "handover.age"
    with pytest.raises(InvalidInput, match="Nobody was told"):
        give(giver, file)
    giver.announce()
    with pytest.raises(InvalidInput, match="People were told that nobody is handed over before"):
        give(giver, file)
    giver.clock.advance(timedelta(days=11))
    giver.round()  # eleven days late: whoever is told only now is not handed over on the day
    giver.clock.advance(timedelta(days=29, hours=12))
    given = give(giver, file)
    assert (given.people, given.told_too_late) == (0, 3)
    file.unlink()
    with giver.db.write() as session:
        object_to_handover(session, called(session, "ben"), how="link", now=giver.clock.now())
        unsubscribe(session, called(session, "cleo"), how="web", now=giver.clock.now())
    giver.clock.advance(timedelta(hours=12))
    given = give(giver, file)
    assert (given.people, given.told_too_late, given.objected) == (1, 0, 1)
    assert file.stat().st_mode & 0o077 == 0
    with pytest.raises(InvalidInput, match="there is such a file already"):
        give(giver, file)
    content = b"".join(opened(file, given).files.values())
    assert b"anna@" in content
    assert b"ben@" not in content
    assert b"cleo@" not in content


def test_unknown_areas_and_trials_are_named_and_nothing_is_stored(both: Both, tmp_path: Path) -> None:
    giver, receiver = both
    now = giver.clock.now()
    begin(both, now)
    with giver.db.write() as session:
        session.add(Area(id="X77", name="Rare disease", origin=AreaOrigin.CURATED))
        session.flush()
        store_subscriber(session, "dora", now, cursor=0, follows=[{"area_id": "X77"}, {}])
    giver.announce()
    giver.round()
    giver.clock.advance(timedelta(days=41))
    archive = opened(tmp_path / "handover.age", give(giver, tmp_path / "handover.age"))
    with pytest.raises(InvalidInput, match="1 wishes are not understood here") as refused:
        take(receiver, archive)
    assert any("X77 Rare disease" in what for what in refused.value.unknown)  # type: ignore[attr-defined]
    assert counts(receiver)[0] == 0
    assert take(receiver, archive, skip_unknown=True).subscribers == 4
    with receiver.db.read() as session:
        asked = select(Preference.area_id).where(col(Preference.subscriber_id) == called(session, "dora").id)
        assert list(session.exec(asked)) == ["D009103"]


def test_a_baseline_of_the_receiver_tells_only_what_the_giver_did_not(both: Both, tmp_path: Path) -> None:
    giver, receiver = both
    begin(both, giver.clock.now())
    giver.announce()
    giver.round()
    giver.clock.advance(timedelta(days=41))
    given = give(giver, tmp_path / "handover.age")
    with receiver.db.write() as session:
        store_trial(session, 4, receiver.clock.now())
    for number in (1, 2, 3, 4):  # the receiver begins to read the registry on this very day
        happen(receiver, number, ChangeKind.REGISTERED, status="RECRUITING", baseline="ctgov")
    take(receiver, opened(tmp_path / "handover.age", given))
    with receiver.db.read() as session:
        before = session.exec(select(func.max(Digest.id))).one() or 0
    receiver.clock.advance(timedelta(days=1))
    assert set(receiver.round()) == {"anna", "ben", "cleo"}
    with receiver.db.read() as session:
        for name in ("anna", "ben", "cleo"):
            assert told_of(session, called(session, name), since=before) == [("NCT90000004", "registered")]


def test_what_is_taken_back_reaches_those_whom_the_giver_told_it(both: Both, tmp_path: Path) -> None:
    giver, receiver = both
    begin(both, giver.clock.now())
    for organisation in both:
        with organisation.db.write() as session:
            item = store_article(session, 7 if organisation is giver else 9, organisation.clock.now())
            session.add(ArticleKey(key="doi:10.1000/xyz", item_id=item.id or 0))
            publish(session, item, ChangeKind.PUBLISHED, organisation.clock.now())
    giver.announce()
    giver.clock.advance(timedelta(days=1))
    giver.round()
    giver.clock.advance(timedelta(days=41))
    given = give(giver, tmp_path / "handover.age")
    take(receiver, opened(tmp_path / "handover.age", given))
    with receiver.db.write() as session:
        item = session.exec(select(Item).where(Item.external_id == "article-9")).one()
        store_subscriber(session, "late", receiver.clock.now(), cursor=current_number(session, CHANGES))  # told nothing
        before = session.exec(select(func.max(Digest.id))).one() or 0
        publish(session, item, ChangeKind.CORRECTED, receiver.clock.now())
    receiver.clock.advance(timedelta(days=1))
    receiver.round()
    with receiver.db.read() as session:
        assert told_of(session, called(session, "anna"), since=before) == [("article-9", "corrected")]
        assert told_of(session, called(session, "late"), since=before) == []


class _Meanwhile:
    """Lets a thing happen elsewhere when the first people are about to be written."""

    def __init__(self, happens: Callable[[], None]) -> None:
        self._happens = happens

    def stage(self, what: str, total: int | None = None) -> None:
        del total
        if what == "people written":
            self._happens()

    def advance(self, count: int = 1) -> None:
        del count


def test_the_archive_is_of_one_moment_while_others_write(both: Both, tmp_path: Path) -> None:
    giver, _ = both
    begin(both, giver.clock.now())
    giver.announce()
    giver.round()
    giver.clock.advance(timedelta(days=41))

    def meanwhile() -> None:
        with giver.db.write() as session:
            erase(session, called(session, "anna"), how="web", now=giver.clock.now())
            called(session, "ben").locale = "fr"

    given = give_away(
        giver.db, giver.settings, tmp_path / "a.age", LOCK, now=giver.clock.now(), progress=_Meanwhile(meanwhile)
    )
    assert given.people == 3
    archive = opened(tmp_path / "a.age", given)
    assert b"anna@example.org,active,en" in archive.files["subscribers.csv"]
    assert b"ben@example.org,active,en" in archive.files["subscribers.csv"]
    assert [row["address"] for row in archive.lines("people.jsonl") if row["told"]] == [
        f"{name}@example.org" for name in ("anna", "ben", "cleo")
    ]
    with giver.db.read() as session:
        assert session.exec(_at("anna")).first() is None

"""Tests of items that turn out to be one trial, and of their parting: on both kinds of database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session, col, select

from tests.catalog.samples import NOW, trial
from tests.catalog.test_store import changes, items, store
from tests.delivery.post import add_person
from trialalerts.catalog.draft import AreaTag, ItemDraft
from trialalerts.catalog.facts import Site
from trialalerts.catalog.joining import catching_up
from trialalerts.catalog.joining.catching_up import join_stored_trials
from trialalerts.catalog.joining.splitting import split_record
from trialalerts.catalog.store import store_items
from trialalerts.catalog.tables import BaselineItem, Change, ChangeKind, Item, ItemNumber, ItemTerm, Record
from trialalerts.catalog.trials.lookup import find_trial, joined_into
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.errors import InvalidInput
from trialalerts.subscribers.follows.silence import silence_trial
from trialalerts.subscribers.follows.trials import follow_trial
from trialalerts.subscribers.tables import Preference, SilencedTrial, Subscriber

US, EU, UK, WHO = "clinicaltrials.gov", "euclinicaltrials.eu", "isrctn.com", "who.int"
NCT, CTIS, ISRCTN = "NCT00000001", "2024-510663-34", "ISRCTN12345678"


def american(**facts: Any) -> ItemDraft:
    return trial(NCT, registry=US, **facts)


def british(**facts: Any) -> ItemDraft:
    return trial(ISRCTN, registry=UK, **{"first_posted": date(2026, 2, 22)} | facts)


def european(**facts: Any) -> ItemDraft:
    """Return a record that names both of the others."""
    known: dict[str, Any] = {"numbers": (CTIS, NCT, ISRCTN), "first_posted": date(2026, 2, 25)}
    return trial(CTIS, registry=EU, **known | facts)


def standing(db: Database) -> list[Item]:
    """Return the items that are no other one now."""
    return [item for item in items(db) if item.registry_name != "joined"]


def records(db: Database) -> dict[str, int]:
    """Return the items of records, by their ids."""
    with db.read() as session:
        return dict(session.exec(select(Record.external_id, Record.item_id)).all())


def follower(session: Session, name: str, *item_ids: int) -> None:
    """Let somebody follow trials."""
    person = add_person(session, name)
    for item_id in item_ids:
        follow_trial(session, person, item_id, confirmed=True, how="web", now=NOW)


def followed(db: Database) -> list[tuple[str, int | None]]:
    with db.read() as session:
        asked = select(Subscriber.address, Preference.item_id).join(Preference)
        return sorted((address.partition("@")[0], item_id) for address, item_id in session.exec(asked))


def test_a_record_that_names_two_items_joins_them_with_all_that_hangs_on_them(db: Database) -> None:
    store(db, american())
    store(db, british())
    first, second = (item.id or 0 for item in items(db))
    with db.write() as session:
        follower(session, "ada", first)
        follower(session, "ben", second)
        follower(session, "eve", first, second)
    assert [kind for _, kind, _ in changes(db)] == ["registered", "registered"]

    store(db, european())
    (item,) = standing(db)
    assert (item.id, item.external_id) == (first, NCT)
    assert set(records(db).values()) == {first}
    assert followed(db) == [("ada", first), ("ben", first), ("eve", first)]
    with db.read() as session:
        for number in (NCT, ISRCTN, CTIS):
            assert getattr(find_trial(session, number), "id", None) == first
        assert joined_into(session, [first, second]) == {second: first}
        assert {term.item_id for term in session.exec(select(ItemTerm))} == {first}
        told = session.exec(select(Change).order_by(col(Change.seq))).all()
    assert [(each.item_id, each.kind) for each in told] == [(first, ChangeKind.REGISTERED)] * 2
    assert told[0].before == {}
    assert len(told[1].before["told_as"]) == 1


def test_two_sweeps_after_a_join_change_nothing(db: Database) -> None:
    drafts = american(), british(), european()
    for draft in drafts:
        store(db, draft)
    before = [(item.id, item.facts, item.facts_hash) for item in items(db)], changes(db)
    for draft in drafts:
        assert store(db, draft).unchanged == 1
    assert ([(item.id, item.facts, item.facts_hash) for item in items(db)], changes(db)) == before


def test_an_open_trial_that_reaches_another_country_is_told_where_it_was_not_known(db: Database) -> None:
    store(db, american())
    store(db, british(numbers=(ISRCTN, NCT), sites=(Site(country="DE", city="Mainz"),)))
    with db.read() as session:
        *_, last = session.exec(select(Change).order_by(col(Change.seq))).all()
    assert (last.kind, last.after) == (ChangeKind.REGISTERED, {"status": "RECRUITING", "joined": True})
    assert len(last.before["told_as"]) == 1


def test_another_registrys_eyes_are_no_news(db: Database) -> None:
    store(db, american())
    store(
        db,
        british(numbers=(ISRCTN, NCT), criteria="Adults who can walk", minimum_age="21 Years", minimum_age_days=7665),
    )
    assert [kind for _, kind, _ in changes(db)] == ["registered"]


def test_a_portal_that_does_not_know_is_followed_by_a_registry_that_does(db: Database) -> None:
    copy = replace(trial(NCT, registry=WHO, status="UNKNOWN", sites=(Site(country="US"),)), origin="aggregator")
    store(db, copy)
    store(db, american())
    (item,) = standing(db)
    assert (item.registry_name, item.status, item.is_open) == (US, "RECRUITING", True)
    assert [(site["country"], site["city"]) for site in item.facts["sites"]] == [("GB", "Leeds"), ("US", None)]
    assert [kind for _, kind, _ in changes(db)] == ["registered", "opened"]


def test_in_a_baseline_a_trial_that_opens_waits_for_its_end(db: Database) -> None:
    copy = replace(trial(NCT, registry=WHO, status="UNKNOWN"), origin="aggregator")
    store(db, copy, baseline=True)
    with db.write() as session:
        store_items(session, [american()], baseline=True, baseline_of="registry", now=NOW)
    assert changes(db) == []
    assert standing(db)[0].is_open


def test_who_was_told_that_it_is_open_hears_that_it_is_not(db: Database) -> None:
    store(db, american(status="COMPLETED"))
    store(db, british(status="RECRUITING"))
    store(db, european(status="COMPLETED"))
    (item,) = standing(db)
    assert (item.status, item.is_open) == ("COMPLETED", False)
    assert [kind for _, kind, _ in changes(db)] == ["registered", "registered", "closed"]
    assert [each["fact"] if isinstance(each, dict) else each[0] for each in item.facts["conflicts"]] == ["status"]


def test_an_older_version_changes_nothing_and_a_date_ahead_covers_nothing(db: Database) -> None:
    store(db, american(last_update_posted=date(2026, 2, 28), status="COMPLETED"))
    assert store(db, american(last_update_posted=date(2026, 2, 27))).unchanged == 1
    assert standing(db)[0].status == "COMPLETED"
    store(db, british(last_update_posted=date(2062, 2, 28), status="COMPLETED"))
    assert store(db, british(last_update_posted=date(2026, 3, 1))).updated == 1


def test_a_number_that_a_registry_takes_back_parts_them_again(db: Database) -> None:
    store(db, american())
    store(db, british())
    first, second = (item.id for item in items(db))
    store(db, european())
    store(db, european(numbers=(CTIS, NCT)))
    assert records(db) == {NCT: first, CTIS: first, ISRCTN: second}
    assert [item.external_id for item in standing(db)] == [NCT, ISRCTN]
    assert standing(db)[1].facts["said_by"] is None


def test_a_record_that_goes_over_to_another_trial_takes_no_number_of_the_one_it_leaves_along(db: Database) -> None:
    other = trial("NCT00000002", registry=US, first_posted=date(2026, 2, 26))
    store(db, american(), other)
    store(db, european(numbers=(CTIS, "NCT00000002"), first_posted=date(2026, 2, 1)))
    first, second = (item.id for item in standing(db))
    store(db, european(numbers=(CTIS, NCT), first_posted=date(2026, 2, 1)))
    assert records(db) == {NCT: first, CTIS: first, "NCT00000002": second}
    store(db, british(numbers=(ISRCTN, NCT)))
    assert records(db) == {NCT: first, CTIS: first, ISRCTN: first, "NCT00000002": second}


def test_a_split_brings_everything_back_and_lasts(db: Database) -> None:
    store(db, american())
    store(db, british())
    first, second = (item.id or 0 for item in items(db))
    with db.write() as session:
        follower(session, "ben", second)
        follower(session, "eve", first, second)
    store(db, european(numbers=(CTIS, NCT, ISRCTN)))
    told = changes(db)
    with db.write() as session:
        assert split_record(session, ISRCTN, NOW) == (first, second)
    assert records(db) == {NCT: first, CTIS: first, ISRCTN: second}
    assert followed(db) == [("ben", second), ("eve", first), ("eve", second)]
    with db.read() as session:
        assert getattr(find_trial(session, ISRCTN), "id", None) == second
        owners = [each.item_id for each in session.exec(select(Change).order_by(col(Change.seq)))]
    assert owners[:2] == [first, second]
    for draft in (american(enrolment=12), british(enrolment=12), european(enrolment=12)):
        store(db, draft)
    assert records(db) == {NCT: first, CTIS: first, ISRCTN: second}
    assert len(changes(db)) == len(told)


def silencer(session: Session, name: str, *item_ids: int, at: datetime = NOW) -> None:
    """Let somebody silence trials."""
    person = add_person(session, name)
    for item_id in item_ids:
        silence_trial(session, person, item_id, how="link", now=at)


def silenced(db: Database) -> list[tuple[str, int]]:
    with db.read() as session:
        asked = select(Subscriber.address, SilencedTrial.item_id).join(SilencedTrial)
        return sorted((address.partition("@")[0], item_id) for address, item_id in session.exec(asked))


def test_a_trial_stays_silenced_by_whichever_number_and_comes_apart_again(db: Database) -> None:
    store(db, american())
    store(db, british())
    first, second = (item.id or 0 for item in items(db))
    with db.write() as session:
        silencer(session, "ada", first)
        silencer(session, "ben", second)
        silencer(session, "eve", first, second)
    store(db, european())
    assert silenced(db) == [("ada", first), ("ben", first), ("eve", first)]
    with db.write() as session:
        split_record(session, ISRCTN, NOW)
    assert silenced(db) == [("ada", first), ("ben", second), ("eve", first), ("eve", second)]


@pytest.mark.parametrize("follows_later", [True, False])
@pytest.mark.parametrize("follows_first", [True, False])
def test_whoever_followed_one_and_silenced_the_other_means_what_was_said_last(
    db: Database, follows_later: bool, follows_first: bool
) -> None:
    store(db, american())
    store(db, british())
    first, second = (item.id or 0 for item in items(db))
    one, other = (first, second) if follows_first else (second, first)
    with db.write() as session:
        person = add_person(session, "ada")
        follow_trial(session, person, one, confirmed=True, how="web", now=NOW)
        at = NOW - timedelta(days=1) if follows_later else NOW + timedelta(days=1)
        silence_trial(session, person, other, how="link", now=at)
    store(db, european())
    assert (followed(db), silenced(db)) == (([("ada", first)], []) if follows_later else ([], [("ada", first)]))


def as_an_older_program_stored_it(db: Database, item_id: int, *named: str) -> None:
    """Let a record name numbers by which nothing was joined."""
    with db.write() as session:
        item = session.get_one(Item, item_id)
        item.facts = {**item.facts, "numbers": [*item.facts["numbers"], *named]}
        session.add_all([item, *(ItemNumber(number=number, item_id=item_id) for number in named)])


def test_what_an_older_program_stored_as_two_trials_is_joined_once_and_told_to_nobody(db: Database) -> None:
    store(db, american(), trial("NCT00000002", numbers=("NCT00000002", CTIS)))
    store(db, british(), trial("ISRCTN87654321", registry=UK, numbers=("ISRCTN87654321",)))
    first, other, second, alone = (item.id or 0 for item in items(db))
    with db.write() as session:
        follower(session, "ben", second)
    as_an_older_program_stored_it(db, second, NCT)
    told = [kind for _, kind, _ in changes(db)]

    join_stored_trials(db, FrozenClock(NOW))
    assert records(db) == {NCT: first, "NCT00000002": other, ISRCTN: first, "ISRCTN87654321": alone}
    assert followed(db) == [("ben", first)]
    assert [kind for _, kind, _ in changes(db)] == told
    store(db, american(), trial("NCT00000002", numbers=("NCT00000002", CTIS)), british(numbers=(ISRCTN, NCT)))
    assert [kind for _, kind, _ in changes(db)] == told

    as_an_older_program_stored_it(db, alone, "NCT00000002")
    join_stored_trials(db, FrozenClock(NOW))
    assert records(db)["ISRCTN87654321"] == alone


def test_joining_what_is_stored_goes_on_where_it_was_stopped(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catching_up, "_AT_ONCE", 1)
    store(db, american(), trial("NCT00000002"))
    store(db, british(), trial("ISRCTN87654321", registry=UK))
    first, other, second, further = (item.id or 0 for item in items(db))
    as_an_older_program_stored_it(db, second, NCT)
    as_an_older_program_stored_it(db, further, "NCT00000002")
    asked = iter((False, True))
    join_stored_trials(db, FrozenClock(NOW), stop=lambda: next(asked))
    assert records(db) == {NCT: first, "NCT00000002": other, ISRCTN: first, "ISRCTN87654321": further}
    join_stored_trials(db, FrozenClock(NOW))
    assert records(db) == {NCT: first, "NCT00000002": other, ISRCTN: first, "ISRCTN87654321": other}


def test_what_a_baseline_keeps_back_is_not_kept_back_as_a_trial_that_people_saw(db: Database) -> None:
    with db.write() as session:
        store_items(session, [american()], baseline=True, baseline_of="registry", now=NOW)
    store(db, british())
    first, second = (item.id or 0 for item in items(db))
    as_an_older_program_stored_it(db, second, NCT)
    join_stored_trials(db, FrozenClock(NOW))
    assert set(records(db).values()) == {first}
    with db.read() as session:
        assert session.exec(select(BaselineItem)).all() == []


def test_what_is_alone_cannot_be_split(db: Database) -> None:
    store(db, american())
    with db.write() as session, pytest.raises(InvalidInput, match="NCT00000001 stands alone"):
        split_record(session, NCT, NOW)


NUMBERS = {US: ("NCT00000001", "NCT00000002"), EU: ("2024-510663-34", "2024-510664-12"), UK: ("ISRCTN12345678",)}
EVERY = (*(number for numbers in NUMBERS.values() for number in numbers), "2019-001113-21", "U1111-1111-1111")


@st.composite
def versions(draw: st.DrawFn) -> list[ItemDraft]:
    """Draw one or two versions of a few records, each of its own day."""
    found = []
    for registry, own in NUMBERS.items():
        for number in own:
            posted = draw(st.dates(date(2025, 1, 1), date(2026, 2, 1)))
            for day in range(draw(st.integers(0, 2))):
                named = draw(st.lists(st.sampled_from(EVERY), max_size=2, unique=True))
                draft = trial(
                    number,
                    registry=registry,
                    numbers=(number, *named),
                    status=draw(st.sampled_from(["RECRUITING", "COMPLETED", "UNKNOWN", None])),
                    first_posted=posted,
                    last_update_posted=date(2026, 2, 10 + day),
                    enrolment=day,  # a version that says nothing else, bookkeeping apart, is not written
                    sites=tuple(
                        Site(country=country, city=draw(st.sampled_from([None, f"{registry} town"])))
                        for country in draw(st.lists(st.sampled_from(["GB", "DE"]), unique=True))
                    ),
                )
                area = draw(st.sampled_from(["D1", "D2"]))
                found.append(replace(draft, areas=[AreaTag(id=area, in_title=False)], title=f"{registry} {number}"))
    return found


@contextmanager
def rolled_back(db: Database) -> Iterator[Session]:
    with db.write() as session:
        try:
            yield session
        finally:
            session.rollback()


def catalog(session: Session) -> list[tuple[Any, ...]]:
    """Return what stands in the catalog, without what depends on when it came."""
    said = []
    for item in session.exec(select(Item).where(col(Item.registry_name) != "joined")):
        mine = session.exec(select(Record.registry_name, Record.external_id).where(col(Record.item_id) == item.id))
        values = item.model_dump(exclude={"id", "first_seen_at", "last_seen_at"})
        said.append((sorted(mine.all()), values))
    return sorted(said, key=repr)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(drafts=versions(), data=st.data())
def test_the_catalog_is_the_same_in_whatever_order_records_and_versions_come(
    sqlite_db: Database, drafts: Sequence[ItemDraft], data: st.DataObject
) -> None:
    orders = [drafts, data.draw(st.permutations(drafts))]
    found = []
    for order in orders:
        with rolled_back(sqlite_db) as session:
            for number, draft in enumerate(order):
                now = datetime(2026, 3, 2, tzinfo=UTC) + timedelta(hours=number)
                store_items(session, [draft], baseline=False, now=now)
            found.append(catalog(session))
    assert found[0] == found[1]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(drafts=versions())
def test_one_by_one_or_all_at_once_is_the_same(sqlite_db: Database, drafts: Sequence[ItemDraft]) -> None:
    last = {(draft.registry, draft.external_id): draft for draft in drafts}
    with rolled_back(sqlite_db) as session:
        for draft in last.values():
            store_items(session, [draft], baseline=False, now=NOW)
        one_by_one = catalog(session)
    with rolled_back(sqlite_db) as session:
        store_items(session, list(last.values()), baseline=False, now=NOW)
        assert catalog(session) == one_by_one

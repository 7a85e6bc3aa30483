"""Tests of storing: what is new, what changed, what is told, on both kinds of database."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from itertools import pairwise
from typing import Any

import pytest
from sqlmodel import col, select

from tests.catalog.samples import NOW, article, trial
from trialalerts.catalog.draft import ItemDraft
from trialalerts.catalog.facts import Contact, Site, TrialFacts
from trialalerts.catalog.store import StoreCount, store_items
from trialalerts.catalog.tables import Change, Item, ItemNumber
from trialalerts.database import Database

LATER = NOW + timedelta(hours=6)


def store(db: Database, *drafts: ItemDraft, baseline: bool = False, now: datetime = NOW) -> StoreCount:
    with db.write() as session:
        return store_items(session, drafts, baseline=baseline, now=now)


def items(db: Database) -> Sequence[Item]:
    with db.read() as session:
        return session.exec(select(Item).order_by(col(Item.id))).all()


def changes(db: Database) -> list[tuple[int, str, str]]:
    """Return number, kind and item of each change."""
    with db.read() as session:
        query = select(Change, Item).join(Item).order_by(col(Change.seq))
        return [(change.seq, change.kind.value, item.external_id) for change, item in session.exec(query)]


def test_a_trial_is_stored_whole(db: Database) -> None:
    draft = trial(why_stopped="“Ünïcode” 😀", contacts=(Contact(name="A Team", email="team@example.org"),))
    assert store(db, draft) == StoreCount(new=1, changes=1)
    (item,) = items(db)
    assert (item.registry_name, item.external_id, item.url) == (draft.registry, draft.external_id, draft.url)
    assert (item.title, item.summary, item.source) == (draft.title, draft.summary, draft.source)
    assert (item.status, item.is_open, item.published_at) == ("RECRUITING", True, draft.published_at)
    assert (item.first_seen_at, item.last_seen_at) == (NOW, NOW)
    assert TrialFacts.model_validate(item.facts) == draft.facts
    assert item.areas == {"direct": [{"id": "D000001", "in_title": True}], "ancestors": ["D000002"]}


def test_an_article_is_stored_and_told_as_published(db: Database) -> None:
    assert store(db, article()) == StoreCount(new=1, changes=1)
    (item,) = items(db)
    assert (item.status, item.is_open) == (None, False)
    assert item.facts["html"] == "<p>Text</p>"
    assert changes(db) == [(1, "published", "https://example.org/a")]


def test_what_is_known_is_only_seen_again(db: Database) -> None:
    store(db, trial(), article())
    before = items(db)
    assert store(db, trial(), article(), now=LATER) == StoreCount(unchanged=2)
    for was, now in zip(before, items(db), strict=True):
        assert now.last_seen_at == LATER
        assert was.model_dump(exclude={"last_seen_at"}) == now.model_dump(exclude={"last_seen_at"})


@pytest.mark.parametrize(
    "noise",
    [
        {"last_update_posted": date(2026, 3, 1)},
        {
            "sites": (
                Site(facility="Example Hospital", city="Leeds", country="GB", latitude=53.79622, longitude=-1.54791),
            )
        },
    ],
)
def test_the_registrys_bookkeeping_does_not_write_an_item_anew(db: Database, noise: dict[str, Any]) -> None:
    store(db, trial())
    assert store(db, trial(**noise), now=LATER) == StoreCount(unchanged=1)


def test_what_changed_without_being_news_is_stored_and_not_told(db: Database) -> None:
    store(db, trial(), baseline=True)
    changed = replace(trial(enrolment=80), title="Another title", areas=[{"id": "D000003", "in_title": False}])
    assert store(db, changed, now=LATER) == StoreCount(updated=1)
    (item,) = items(db)
    assert (item.title, item.facts["enrolment"]) == ("Another title", 80)
    assert item.areas["direct"] == [{"id": "D000003", "in_title": False}]
    assert (item.first_seen_at, item.last_seen_at) == (NOW, LATER)
    assert changes(db) == []


def test_a_change_is_told_with_before_and_after(db: Database) -> None:
    store(db, trial(), baseline=True)
    ended = trial(status="TERMINATED", why_stopped="Too few came.", has_results=True)
    assert store(db, ended, now=LATER) == StoreCount(updated=1, changes=2)
    (item,) = items(db)
    assert (item.status, item.is_open) == ("TERMINATED", False)
    with db.read() as session:
        closed, results = session.exec(select(Change).order_by(col(Change.seq))).all()
    assert (closed.seq, closed.kind.value, closed.at, closed.item_id) == (1, "closed", LATER, item.id)
    assert closed.before == {"status": "RECRUITING"}
    assert closed.after == {"status": "TERMINATED", "why_stopped": "Too few came."}
    assert (results.seq, results.kind.value, results.before, results.after) == (2, "results_posted", {}, {})


def test_a_retracted_article_is_told(db: Database) -> None:
    store(db, article(), baseline=True)
    assert store(db, article(title="RETRACTED: A drug for everything")) == StoreCount(updated=1, changes=1)
    assert changes(db) == [(1, "retracted", "https://example.org/a")]


def test_a_baseline_tells_nothing(db: Database) -> None:
    store(db, trial(status="NOT_YET_RECRUITING"), article(), baseline=True)
    assert store(db, trial(), article(title="RETRACTED: x"), baseline=True) == StoreCount(updated=2)
    assert changes(db) == []


@pytest.mark.parametrize(
    ("status", "posted", "is_told"),
    [
        ("RECRUITING", date(2010, 1, 1), True),
        ("NOT_YET_RECRUITING", date(2010, 1, 1), True),
        ("COMPLETED", date(2026, 2, 1), True),
        ("COMPLETED", date(2010, 1, 1), False),
        ("WITHDRAWN", date(2025, 12, 1), False),
        ("COMPLETED", None, True),
    ],
)
def test_an_old_record_of_an_ended_trial_is_new_to_us_only(
    db: Database, status: str, posted: date | None, *, is_told: bool
) -> None:
    count = store(db, trial(status=status, first_posted=posted))
    assert count == StoreCount(new=1, changes=int(is_told))


def test_numbers_of_changes_grow_without_gaps_over_batches(db: Database) -> None:
    store(db, *(trial(f"NCT{number:08}") for number in range(3)))
    store(db, trial("NCT00000001", status="SUSPENDED"), article())
    found = changes(db)
    assert [seq for seq, _, _ in found] == [1, 2, 3, 4, 5]
    assert sorted(kind for _, kind, _ in found[3:]) == ["paused", "published"]


def test_the_same_record_twice_in_a_batch_counts_as_given_last(db: Database) -> None:
    store(db, trial(status="NOT_YET_RECRUITING"), baseline=True)
    count = store(db, trial(status="SUSPENDED"), trial(status="RECRUITING"))
    assert count == StoreCount(updated=1, changes=1)
    assert changes(db) == [(1, "opened", "NCT00000001")]


def test_a_batch_of_thousands_is_stored_at_once(db: Database) -> None:
    drafts = [trial(f"NCT{number:08}") for number in range(2100)]
    assert store(db, *drafts, baseline=True) == StoreCount(new=2100)
    drafts[7] = trial("NCT00000007", status="COMPLETED")
    assert store(db, *drafts) == StoreCount(updated=1, unchanged=2099, changes=1)


def test_an_empty_batch_is_nothing(db: Database) -> None:
    assert store(db) == StoreCount()


def test_facts_of_another_version_of_the_program_are_replaced_in_silence(db: Database) -> None:
    store(db, trial(), baseline=True)
    with db.write() as session:
        item = session.exec(select(Item)).one()
        item.facts, item.facts_hash = {"sites": "of another kind"}, "old"
        session.add(item)
    assert store(db, trial(status="COMPLETED")) == StoreCount(updated=1)


NASTY = "nul \0, half \ud83d, pair \ud83d\ude00"


def test_characters_that_no_database_takes_are_dropped(db: Database) -> None:
    nasty = trial()
    assert isinstance(nasty.facts, TrialFacts)
    facts = nasty.facts.model_copy(update={"criteria": NASTY, "sites": (Site.model_construct(city=NASTY),)})
    nasty = replace(
        nasty, title=NASTY, summary=NASTY, url=f"https://example.org/{NASTY}", facts=facts, ancestors=[NASTY],
        areas=[{"id": NASTY, "in_title": True}], aliases=(NASTY,),
    )  # fmt: skip
    assert store(db, nasty, trial("NCT00000002"), article(NASTY)).new == 3
    clean = "nul , half \ufffd, pair 😀"
    item = items(db)[0]
    assert (item.title, item.summary, item.url) == (clean, clean, f"https://example.org/{clean}")
    assert (item.facts["criteria"], item.facts["sites"][0]["city"]) == (clean, clean)
    assert item.areas == {"direct": [{"id": clean, "in_title": True}], "ancestors": [clean]}
    assert store(db, nasty, article(NASTY)) == StoreCount(unchanged=2)


def test_a_draft_that_cannot_be_stored_harms_no_other(db: Database) -> None:
    wrong: Any = ["\0", 7]
    no_facts = replace(trial("NCT00000002"), facts=TrialFacts.model_construct(criteria=wrong))
    no_date = replace(
        trial("NCT00000003"), published_at=datetime(9999, 12, 31, 23, tzinfo=timezone(-timedelta(hours=9)))
    )
    count = store(db, replace(trial(), external_id=" "), no_facts, no_date, trial("NCT00000004"))
    assert count.new == 1
    assert [problem.external_id for problem in count.refused] == [" ", "NCT00000002", "NCT00000003"]
    assert [item.external_id for item in items(db)] == ["NCT00000004"]


def test_an_id_as_long_as_a_text_is_shortened_to_one_of_its_own(db: Database) -> None:
    long = "https://example.org/" + "x" * 10_000
    assert store(db, article(long), article(long + "y")).new == 2
    assert store(db, article(long), article(long + "y")) == StoreCount(unchanged=2)


def test_a_day_without_a_zone_is_taken_as_utc(db: Database) -> None:
    store(db, replace(article(), published_at=datetime(2026, 3, 1)))  # noqa: DTZ001 - what a careless source gives
    assert items(db)[0].published_at == datetime(2026, 3, 1, tzinfo=UTC)


def test_the_numbers_of_a_record_are_known(db: Database) -> None:
    numbers = ("NCT00000001", "EudraCT 2010-019224-31", "2024-510663-34-00", "R01HL000000")
    store(db, trial(numbers=numbers, aliases=("NCT00000009",)))
    store(db, trial(numbers=(*numbers, "ISRCTN12345678"), aliases=("NCT00000009",)))
    with db.read() as session:
        found = {row.number: row.registry_name for row in session.exec(select(ItemNumber))}
    assert found == {
        "NCT00000001": "clinicaltrials.gov",
        "NCT00000009": "clinicaltrials.gov",
        "2010-019224-31": None,
        "2024-510663-34": None,
        "ISRCTN12345678": None,
    }


def test_two_writers_of_the_same_trials_store_each_once_and_tell_each_once(db: Database) -> None:
    drafts = [trial(f"NCT{number:08}") for number in range(300)]
    counts = write_at_once(db, drafts, drafts[::-1])
    assert sum(count.new for count in counts) == 300
    found = changes(db)
    assert [seq for seq, _, _ in found] == list(range(1, 301))
    assert len({number for _, _, number in found}) == 300


def test_two_writers_of_the_same_change_tell_it_once(db: Database) -> None:
    numbers = [f"NCT{number:08}" for number in range(300)]
    store(db, *(trial(number) for number in numbers), baseline=True)
    paused = [trial(number, status="SUSPENDED") for number in numbers]
    write_at_once(db, paused, paused[::-1])
    found = changes(db)
    assert [(seq, kind) for seq, kind, _ in found] == [(seq, "paused") for seq in range(1, 301)]
    assert sorted(number for _, _, number in found) == numbers


def write_at_once(db: Database, *batches: Sequence[ItemDraft]) -> list[StoreCount]:
    """Store batches in as many threads; on PostgreSQL all transactions are open before the first statement."""
    counts: list[StoreCount] = []
    barrier = threading.Barrier(len(batches))

    def write(drafts: Sequence[ItemDraft]) -> None:
        with db.write() as session:
            if not db.is_sqlite:  # there the second waits for the first before it begins
                session.connection()
                barrier.wait(10)
            counts.append(store_items(session, drafts, baseline=False, now=LATER))

    threads = [threading.Thread(target=write, args=(drafts,)) for drafts in batches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(counts) == len(batches)
    return counts


def test_a_second_pass_over_the_real_studies_tells_nothing(db: Database, drafts: list[ItemDraft]) -> None:
    count = store(db, *drafts, baseline=True)
    assert (count.new, count.refused) == (1450, ())
    assert store(db, *drafts) == StoreCount(unchanged=1450)
    last = {draft.external_id: draft for draft in drafts}
    stored = {item.external_id: item for item in items(db)}
    assert len(stored) == len(last)
    for number, draft in last.items():
        assert TrialFacts.model_validate(stored[number].facts) == draft.facts


def test_each_version_of_a_real_study_that_follows_another_is_no_news(
    sqlite_db: Database, drafts: list[ItemDraft]
) -> None:
    pairs = [(a, b) for a, b in pairwise(drafts) if a.external_id == b.external_id]
    store(sqlite_db, *(before for before, _ in pairs), baseline=True)
    assert store(sqlite_db, *(after for _, after in pairs)).changes == 0

"""What matching reads from its narrow tables, against a look at every item: the same, whoever asks for what."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session, col, select

from tests.digests.stage import SETTINGS
from tests.matching.worlds import (
    AREAS,
    TODAY,
    TOPICS,
    candidates_between,
    concerns,
    facts_of_trials,
    preferences,
)
from trialalerts.catalog.draft import AreaTag, ItemDraft
from trialalerts.catalog.facts import ArticleFacts
from trialalerts.catalog.outline_rows import complete_outlines
from trialalerts.catalog.store import store_items
from trialalerts.catalog.tables import Change, Item, ItemKind, ItemOutline, ItemTerm
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.digests.compose import compose_due
from trialalerts.digests.preview import preview_digest
from trialalerts.digests.tables import Digest, Selection, SelectionKind
from trialalerts.matching import estimate as matching_estimate
from trialalerts.matching import shown as matching_shown
from trialalerts.matching.estimate import Estimator
from trialalerts.matching.query import PreferenceQuery
from trialalerts.matching.shown import open_by_terms
from trialalerts.matching.window import Candidate, recruiting_now, shown_first, subject_of
from trialalerts.subscribers.tables import (
    NEVER_SERVED,
    Frequency,
    Preference,
    RegionKind,
    Subscriber,
    SubscriberState,
)
from trialalerts.vocabulary.areas.tree import AreaTree, load_areas
from trialalerts.vocabulary.tables import Area, AreaOrigin

EXAMPLES = 500 if os.environ.get("TRIALALERTS_TEST_SOAK") else 20
NOW = datetime(TODAY.year, TODAY.month, TODAY.day, 9, tzinfo=UTC)
BEFORE = NOW - timedelta(days=20)
_TABLES = (
    "delivery", "digest", "selection", "preference", "subscriber", "baseline_item", "held_change", "change",
    "item_term", "item_outline", "article_key", "item_number", "record", "item", "area",
)  # fmt: skip
on_a_database = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@st.composite
def drafts(draw: st.DrawFn, number: int) -> ItemDraft:
    """Draw a record of a trial, or an article."""
    trial = draw(st.integers(0, 3)) > 0
    areas = draw(st.lists(st.sampled_from(AREAS), max_size=3, unique=True))
    return ItemDraft(
        registry="clinicaltrials.gov" if trial else "news",
        external_id=f"NCT{number:08}" if trial else f"https://example.org/{number}",
        kind=ItemKind.TRIAL if trial else ItemKind.ARTICLE,
        url=f"https://example.org/{number}",
        title=f"Made-up item {number}",
        facts=draw(facts_of_trials()) if trial else ArticleFacts(audience=draw(st.sampled_from([None, "patients"]))),
        source="source",
        published_at=None if trial else draw(st.sampled_from([None, BEFORE, NOW - timedelta(days=400)])),
        areas=[AreaTag(id=area, in_title=draw(st.booleans())) for area in areas],
        ancestors=draw(st.lists(st.sampled_from(AREAS), max_size=2, unique=True)) if trial else (),
        topics=draw(st.lists(st.sampled_from(TOPICS), max_size=2, unique=True)),
    )


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[bool, list[ItemDraft]]]:
    """Draw what was read, sweep by sweep: whether it told nothing, and the records."""
    numbers = st.lists(st.integers(1, 6), min_size=1, max_size=6, unique=True)
    return [
        (draw(st.booleans()) and sweep == 0, [draw(drafts(number)) for number in draw(numbers)])
        for sweep in range(draw(st.integers(1, 3)))
    ]


def store(db: Database, history: Sequence[tuple[bool, list[ItemDraft]]], followed: Sequence[Preference]) -> None:
    """Store all of it anew, with one newcomer who is due."""
    with db.write() as session:
        for table in _TABLES:
            session.connection().exec_driver_sql(f"DELETE FROM {table}")
        for number, area in enumerate(AREAS):
            parents = [AREAS[(number - 1) // 2]] if number else []
            session.add(Area(id=area, name=area, parents=parents, origin=AreaOrigin.CURATED))
    for sweep, (baseline, records) in enumerate(history):
        with db.write() as session:
            store_items(session, records, baseline=baseline, now=BEFORE + timedelta(days=sweep))
    with db.write() as session:
        anna = Subscriber(
            key="anna", address="anna@example.org", address_key="anna@example.org", state=SubscriberState.ACTIVE,
            frequency=Frequency.DAILY, locale="en", timezone="UTC", next_due_at=NOW, cursor=NEVER_SERVED,
            created_at=NOW,
        )  # fmt: skip
        session.add(anna)
        session.flush()
        for preference in followed:
            values = preference.model_dump(exclude={"id", "subscriber_id", "introduced_at"})
            session.add(Preference(**values, subscriber_id=anna.id or 0))


def shown(session: Session, *, articles: bool) -> list[Candidate]:
    """Return what is open, and recent articles, by a look at every item."""
    items = session.exec(select(Item).order_by(col(Item.id))).all()
    since = NOW - SETTINGS.digests.recent_articles
    told = {change.item_id for change in session.exec(select(Change)) if change.kind == "published"}
    recent = [
        item
        for item in items
        if item.kind is ItemKind.ARTICLE
        and (item.published_at >= since if item.published_at is not None else item.id in told)
    ]
    trials = [recruiting_now(subject_of(item), item.first_seen_at) for item in items if item.is_open]
    return [*trials, *(shown_first(subject_of(item), item.first_seen_at) for item in (recent if articles else ()))]


def wanted(followed: Sequence[Preference], told: Sequence[Candidate], areas: AreaTree) -> list[set[int]]:
    """Return the items that each preference asks for: the specification."""
    return [{each.subject.item_id for each in told if concerns(one, each, areas)} for one in followed]


@pytest.mark.soak
@on_a_database
@given(histories(), st.lists(preferences(1), min_size=1, max_size=3), st.booleans())
def test_a_first_digest_and_its_preview_bring_what_a_look_at_every_item_brings(
    db: Database, history: list[tuple[bool, list[ItemDraft]]], followed: list[Preference], upgraded: bool
) -> None:
    store(db, history, followed)
    if upgraded:
        forget_outlines(db)
    clock = FrozenClock(NOW)
    with db.read() as session:
        expected = wanted(followed, shown(session, articles=True), load_areas(session))
        anna = session.exec(select(Subscriber)).one()
        previewed = preview_digest(session, SETTINGS, clock, anna).entries
    assert {entry.item_id for entry in previewed} == set().union(*expected)
    assert compose_due(db, SETTINGS, clock).digests == 1
    with db.read() as session:
        (digest,) = session.exec(select(Digest))
        selections = {each.id: each for each in session.exec(select(Selection))}
        brought = {preference: selections[selection] for preference, selection in digest.parts}
        stored = session.exec(select(Preference).order_by(col(Preference.id))).all()
        assert {each.kind for each in brought.values()} <= {SelectionKind.OPEN}
        found = [set(brought[each.id or 0].numbers) if each.id in brought else set() for each in stored]
    assert found == expected


@pytest.mark.soak
@on_a_database
@given(histories(), preferences(1), st.booleans())
def test_an_estimate_counts_what_a_look_at_every_item_and_change_counts(
    db: Database, history: list[tuple[bool, list[ItemDraft]]], preference: Preference, upgraded: bool
) -> None:
    store(db, history, [])
    if upgraded:
        forget_outlines(db)
    with db.read() as session, pytest.MonkeyPatch.context() as patch:
        patch.setattr(matching_estimate, "_SAMPLE", 2)  # looked at first, and then the others
        patch.setattr(matching_estimate, "_SURE", 1_000_000)
        areas = load_areas(session)
        estimate = Estimator(session, areas, NOW).of(preference)
        (still_open,) = wanted([preference], shown(session, articles=False), areas)
        happened = [each for each in candidates_between(session, 0, 1 << 40) if each.kind != "recruiting_now"]
        changes = [each for each in happened if concerns(preference, each, areas)]
    assert (estimate.recruiting_now, estimate.changes) == (len(still_open), len(changes))


@on_a_database
@given(histories(), preferences(1), st.booleans())
def test_terms_alone_count_what_is_open_where_no_more_than_an_area_and_a_country_is_asked(
    sqlite_db: Database, history: list[tuple[bool, list[ItemDraft]]], preference: Preference, upgraded: bool
) -> None:
    plain = Preference(
        **preference.model_dump()
        | {name: [] for name in ("phases", "change_kinds", "excluded_areas", "topics")}
        | dict.fromkeys(("born_on", "sex", "audience"))
        | {"healthy_volunteer": False}
    )
    store(sqlite_db, history, [])
    if upgraded:
        forget_outlines(sqlite_db)
    with sqlite_db.read() as session, pytest.MonkeyPatch.context() as patch:
        patch.setattr(matching_shown, "_FEW", 0)
        areas = load_areas(session)
        told = open_by_terms(session, PreferenceQuery.of(plain), areas)
        (still_open,) = wanted([plain], shown(session, articles=False), areas)
        counted = Estimator(session, areas, NOW).open_now(plain)
    assert counted == len(still_open)
    if told is not None:
        sure, doubtful = told
        assert sure <= still_open <= sure | doubtful
    elif not upgraded and still_open:
        assert plain.region_kind in {RegionKind.PLACE, RegionKind.GROUP} or plain.item_kinds == ["article"]


@on_a_database
@given(histories())
def test_outlines_say_what_the_items_say_however_often_these_change(
    sqlite_db: Database, history: list[tuple[bool, list[ItemDraft]]]
) -> None:
    store(sqlite_db, history, [])
    kept = tables(sqlite_db)
    forget_outlines(sqlite_db)
    complete_outlines(sqlite_db)
    outlines, terms = tables(sqlite_db)
    assert {row for row in kept[0] if row[0] in {number for number, _, _ in outlines}} == outlines
    assert {row for row in kept[1] if row[1] in {number for number, _, _ in outlines}} == terms


def forget_outlines(db: Database) -> None:
    """Leave what an upgrade leaves: that there are outlines to be made."""
    with db.write() as session:
        session.connection().exec_driver_sql("DELETE FROM item_term")
        session.connection().exec_driver_sql("UPDATE item_outline SET outline = ''")


def tables(db: Database) -> tuple[set[tuple[int, bool, str]], set[tuple[str, int]]]:
    with db.read() as session:
        outlines = {(row.item_id, row.is_open, row.outline) for row in session.exec(select(ItemOutline))}
        return outlines, {(row.term, row.item_id) for row in session.exec(select(ItemTerm))}

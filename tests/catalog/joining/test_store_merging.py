"""Tests of one trial in several registries: it is one item and told once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import event
from sqlmodel import col, select

from tests.catalog.samples import EU, UK, US, article, trial
from tests.catalog.test_store import LATER, changes, items, store
from trialalerts.catalog.store import StoreCount
from trialalerts.catalog.tables import Item, ItemNumber
from trialalerts.database import Database

EUDRACT = "2010-019224-31"


def standing(db: Database) -> list[Item]:
    """Return the items that are no other one now."""
    return [item for item in items(db) if item.registry_name != "joined"]


def known_as(db: Database, item_id: int | None) -> list[str]:
    with db.read() as session:
        query = select(ItemNumber.number).where(col(ItemNumber.item_id) == item_id).order_by(ItemNumber.number)
        return list(session.exec(query))


def test_a_trial_of_a_second_registry_joins_the_item_that_names_it(db: Database) -> None:
    store(db, trial("NCT00000001", numbers=("NCT00000001", "ISRCTN12345678")))
    british = trial("ISRCTN12345678", registry=UK, numbers=("ISRCTN12345678", EUDRACT), status="COMPLETED")
    assert store(db, british, now=LATER) == StoreCount(updated=1)
    (item,) = items(db)
    assert (item.registry_name, item.status, item.last_seen_at) == (US, "RECRUITING", LATER)
    assert known_as(db, item.id) == [EUDRACT, "ISRCTN12345678", "NCT00000001"]
    assert changes(db) == [(1, "registered", "NCT00000001")]


def test_a_trial_of_a_second_registry_joins_the_item_that_it_names(db: Database) -> None:
    store(db, trial("NCT00000001"))
    british = trial("ISRCTN12345678", registry=UK, numbers=("ISRCTN12345678", "NCT00000001"))
    assert store(db, british) == StoreCount(updated=1)
    assert store(db, british) == StoreCount(unchanged=1)
    assert len(items(db)) == 1


def test_two_records_that_share_a_third_number_are_one_trial(db: Database) -> None:
    store(db, trial("NCT00000001", numbers=("NCT00000001", f"EudraCT {EUDRACT}")))
    assert store(db, trial("ISRCTN12345678", registry=UK, numbers=(EUDRACT,))).new == 0
    assert store(db, trial(f"{EUDRACT}-DE", registry=EU)).new == 0
    assert len(items(db)) == 1


def test_the_first_registry_keeps_its_facts_and_its_news(db: Database) -> None:
    store(db, trial("NCT00000001", numbers=("NCT00000001", "ISRCTN12345678")))
    british = trial("ISRCTN12345678", registry=UK)
    store(db, british)
    assert store(db, trial("ISRCTN12345678", registry=UK, status="SUSPENDED")) == StoreCount(updated=1)
    american = trial("NCT00000001", numbers=("NCT00000001", "ISRCTN12345678"), status="COMPLETED")
    assert store(db, american) == StoreCount(updated=1, changes=1)
    assert [kind for _, kind, _ in changes(db)] == ["registered", "closed"]


def test_registries_in_one_batch_are_merged_too(db: Database) -> None:
    count = store(db, trial("NCT00000001", numbers=("ISRCTN12345678",)), trial("ISRCTN12345678", registry=UK))
    assert count == StoreCount(new=1, updated=1, changes=1)


def test_two_records_of_one_registry_are_two_trials_whatever_numbers_they_share(db: Database) -> None:
    first = trial("NCT00000001", numbers=("NCT00000001", EUDRACT))
    extension = trial("NCT00000002", numbers=("NCT00000002", "NCT00000001", EUDRACT))
    assert store(db, first, extension).new == 2
    for country in ("DE", "FR", "ES"):  # one number, one trial: each country has a record of its own
        assert store(db, trial(f"{EUDRACT}-{country}", registry=EU)).new == 0
    assert [item.external_id for item in items(db)] == ["NCT00000001", "NCT00000002"]


def test_a_record_that_names_two_trials_of_one_registry_is_neither_unless_one_names_it(db: Database) -> None:
    european = trial(EUDRACT, registry=EU, numbers=(EUDRACT, "NCT00000001", "NCT00000002"))
    store(db, european)
    assert store(db, trial("NCT00000001"), trial("NCT00000002")) == StoreCount(new=2, changes=2)
    assert store(db, trial("NCT00000001"), trial("NCT00000002")) == StoreCount(unchanged=2)
    assert len(items(db)) == 3
    store(db, trial("NCT00000002", numbers=("NCT00000002", EUDRACT)))
    assert [(item.registry_name, item.external_id) for item in standing(db)] == [
        (US, "NCT00000002"),
        (US, "NCT00000001"),
    ]


def test_a_renumbered_record_is_the_item_of_its_former_number(db: Database) -> None:
    store(db, trial("NCT00000001"))
    renumbered = trial("NCT00000002", aliases=("NCT00000001",), status="SUSPENDED")
    assert store(db, renumbered) == StoreCount(updated=1, changes=1)
    (item,) = items(db)
    assert (item.external_id, item.url) == ("NCT00000002", "https://example.org/NCT00000002")
    assert known_as(db, item.id) == ["NCT00000001", "NCT00000002"]
    assert store(db, renumbered) == StoreCount(unchanged=1)
    assert [kind for _, kind, _ in changes(db)] == ["registered", "paused"]


def test_a_former_number_that_still_has_its_own_record_is_the_same_trial(db: Database) -> None:
    store(db, trial("NCT00000001"))
    store(db, trial("NCT00000001"), trial("NCT00000002", aliases=("NCT00000001",)))
    assert len(items(db)) == 1
    assert [kind for _, kind, _ in changes(db)] == ["registered"]


def test_an_article_is_never_a_trial_whatever_its_id(db: Database) -> None:
    store(db, trial("NCT00000001"))
    assert store(db, article("NCT00000001")) == StoreCount(new=1, changes=1)
    assert store(db, trial("ISRCTN12345678", registry=UK, numbers=("NCT00000001",))).new == 0


def test_a_mention_in_words_is_no_number_of_the_trial(db: Database) -> None:
    store(db, trial("NCT00000001"))
    other = replace(trial("ISRCTN12345678", registry=UK), title="Follow-up of NCT00000001", summary="See NCT00000001")
    assert store(db, other).new == 1


@pytest.mark.parametrize("enrolment", [None, 12], ids=["joined for the first time", "joined before"])
def test_joined_records_are_stored_with_a_handful_of_statements_however_many_they_are(
    db: Database, enrolment: int | None
) -> None:
    few, many = ([f"{kind}{number:05d}" for number in range(count)] for kind, count in (("1", 3), ("2", 60)))
    asked = []
    for numbers in few, many:
        store(db, *(trial(f"NCT90{number}") for number in numbers))
        british = [trial(f"ISRCTN90{number}", registry=UK, numbers=(f"NCT90{number}",)) for number in numbers]
        if enrolment:
            store(db, *british)
            british = [replace(each, facts=each.facts.model_copy(update={"enrolment": enrolment})) for each in british]
        statements = 0

        def counted(*_: object) -> None:
            nonlocal statements
            statements += 1

        event.listen(db.engine, "before_cursor_execute", counted)
        assert store(db, *british).updated == len(numbers)
        event.remove(db.engine, "before_cursor_execute", counted)
        asked.append(statements)
    assert asked[0] == asked[1]


def test_a_trial_of_which_a_lesser_record_says_something_anew_keeps_its_words_and_is_another_version(
    db: Database,
) -> None:
    store(db, trial("NCT00000001", enrolment=5))
    british = trial("ISRCTN12345678", registry=UK, numbers=("NCT00000001",), enrolment=6)
    store(db, british)
    (before,) = items(db)
    store(db, replace(british, facts=british.facts.model_copy(update={"enrolment": 7})))
    (after,) = items(db)
    assert after.model_dump(exclude={"facts_hash", "last_seen_at"}) == before.model_dump(
        exclude={"facts_hash", "last_seen_at"}
    )
    assert after.facts_hash != before.facts_hash

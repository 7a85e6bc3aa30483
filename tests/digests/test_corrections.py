"""A correction of an article is told to those whom a digest told the article, and to nobody else."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.digests.stage import SETTINGS, publish, store_areas, store_article, store_subscriber
from tests.digests.test_compose import digests_of, entries_of
from trialalerts.catalog.changes.comparison import compare_articles
from trialalerts.catalog.tables import ChangeKind
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.digests.compose import compose_due


def test_who_got_the_article_gets_its_correction_and_others_do_not(db: Database, clock: FrozenClock) -> None:
    with db.write() as session:
        store_areas(session)
        article = store_article(session, 1, clock.now())
        publish(session, article, ChangeKind.PUBLISHED, clock.now())
        store_subscriber(session, "anna", clock.now(), cursor=0)
        store_subscriber(session, "dora", clock.now(), cursor=0, follows=[{"change_kinds": ["published"]}])
    compose_due(db, SETTINGS, clock)
    clock.advance(timedelta(days=1))
    with db.write() as session:
        store_subscriber(session, "ben", clock.now(), cursor=1)
        publish(session, article, ChangeKind.CORRECTED, clock.now(), on="2026-03-03", sentence="It was 12, not 21.")
    compose_due(db, SETTINGS, clock)
    _, second = digests_of(db, "anna")
    (entry,) = entries_of(db, second)
    assert [(told.kind, told.after["sentence"]) for told in entry.told] == [("corrected", "It was 12, not 21.")]
    assert entry.reasons
    assert digests_of(db, "ben") == []
    assert len(digests_of(db, "dora")) == 1, "who asked for new articles only is not told"


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ({}, {"corrected_on": "2026-03-03", "correction": "So."}, [{"on": "2026-03-03", "sentence": "So."}]),
        ({"corrected_on": "2026-03-03"}, {"corrected_on": "2026-03-04"}, [{"on": "2026-03-04"}]),
        ({"corrected_on": "2026-03-03"}, {"corrected_on": "2026-03-03", "correction": "Otherwise."}, []),
        ({"corrected_on": "2026-03-03"}, {}, []),
        ({}, {"correction": "Without a day."}, []),
    ],
)
def test_only_a_new_day_of_correction_is_one(
    before: dict[str, str], after: dict[str, str], told: list[dict[str, str]]
) -> None:
    found = compare_articles("A title", "Another title", before, after)
    assert [each.after for each in found if each.kind is ChangeKind.CORRECTED] == told

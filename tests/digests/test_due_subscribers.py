"""What composing asks, with preferences as the database hands them out, against the specification of matching."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import col, delete

from tests.digests.stage import store_subscriber
from tests.matching.worlds import TODAY, World, expected, window_of, worlds
from trialalerts.database import Database
from trialalerts.digests.due import rows_of
from trialalerts.digests.due_subscribers import PageMatcher
from trialalerts.matching.matcher import Matcher
from trialalerts.subscribers.follows.silence import silenced_by
from trialalerts.subscribers.tables import Preference, SilencedTrial, Subscriber

EXAMPLES = 3_000 if os.environ.get("TRIALALERTS_TEST_SOAK") else 100
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.soak
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(worlds(), st.frozensets(st.integers(1, 5), max_size=3))
def test_composing_tells_exactly_what_the_specification_tells(
    db: Database, world: World, silenced: frozenset[int]
) -> None:
    cursor = max(world.after, 0)
    with db.write() as session:
        session.exec(delete(Subscriber).where(col(Subscriber.key) == "key-of-anna"))
        anna = store_subscriber(session, "anna", LONG_AGO, cursor=cursor, follows=[])
        numbers = {}
        for preference in world.preferences:
            values = preference.model_dump(exclude={"id", "subscriber_id"}) | {"introduced_at": LONG_AGO}
            stored = Preference(**values, subscriber_id=anna.id or 0)
            session.add(stored)
            session.flush()
            numbers[stored.id] = preference.id
        for item_id in silenced:
            session.add(SilencedTrial(subscriber_id=anna.id or 0, item_id=item_id, created_at=LONG_AGO))
        session.flush()
        rows, unheard = rows_of(session, anna), silenced_by(session, [anna.id or 0])
    index = window_of(world.candidates, world.areas)
    matcher = Matcher(changes=index, shown=None, today=TODAY)
    answers = PageMatcher(matcher, after=0).match(rows, silenced=unheard)
    assert answers.failed == []
    (served,) = answers.served
    told = {(numbers[number], seq) for number, found in served.parts for seq in matcher.numbers(found)}
    of = {candidate.seq: candidate.subject.item_id for candidate in world.candidates}
    assert told == {(number, seq) for number, seq in expected(world) if seq > cursor and of[seq] not in silenced}
    assert served.changed is bool(told)

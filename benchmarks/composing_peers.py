"""The peers of composing: the ways in which other services find what is new for whom, on the same tables.

Both ask less than we do (no distances: a place counts as its country; no ages, no exclusions, nothing is stored for a
mail), so that the comparison is in their favour.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import text
from sqlalchemy.engine import Connection

from trialalerts.database import Database
from trialalerts.matching.window import changes_between
from trialalerts.vocabulary.areas.tree import load_areas

__all__ = ["join_of_sets", "query_for_each"]

_ASKED = """
SELECT p.subscriber_id, a.seq FROM preference p
JOIN peer_area a ON a.area = p.area_id
JOIN peer_place w ON w.seq = a.seq
    AND (w.country = '' OR w.country = p.country AND (p.subdivision IS NULL OR w.subdivision = p.subdivision))
WHERE p.confirmed_at IS NOT NULL AND p.subscriber_id {who}
"""


def join_of_sets(db: Database, *, most: int) -> float:
    """Return how many subscribers a second one statement serves that joins everybody with everything."""
    with _tables(db) as connection:
        began = time.perf_counter()
        connection.execute(
            text(f"CREATE TABLE peer_told AS SELECT DISTINCT * FROM ({_ASKED.format(who='<= :most')}) AS found"),
            {"most": most},
        )
        return most / (time.perf_counter() - began)


def query_for_each(db: Database, *, most: int) -> float:
    """Return how many subscribers a second are served by a query for each of them."""
    statement = text(f"SELECT DISTINCT seq FROM ({_ASKED.format(who='= :who')}) AS found ORDER BY seq DESC")
    with _tables(db) as connection:
        began = time.perf_counter()
        for who in range(1, most + 1):
            connection.execute(statement, {"who": who}).all()
        return most / (time.perf_counter() - began)


@contextmanager
def _tables(db: Database) -> Iterator[Connection]:
    """Lay out changes by area (ancestors included) and by place, indexed; roll it all back in the end."""
    with db.read() as session:
        areas = load_areas(session)
        window = changes_between(session, 0, 1 << 30)
    of_areas = {
        (above, candidate.seq)
        for candidate in window
        for own in candidate.outline.direct
        for above in (own, *areas.ancestors(own))
    }
    places = {(c.seq, "", "") for c in window if c.places is None}
    places |= {(c.seq, part.partition("-")[0], part) for c in window if c.places is not None for part in c.places.parts}
    with db.engine.connect() as connection, connection.begin() as transaction:
        connection.execute(text("CREATE TABLE peer_area (area TEXT, seq INTEGER)"))
        connection.execute(text("CREATE TABLE peer_place (seq INTEGER, country TEXT, subdivision TEXT)"))
        connection.execute(
            text("INSERT INTO peer_area VALUES (:area, :seq)"), [{"area": a, "seq": s} for a, s in of_areas]
        )
        connection.execute(
            text("INSERT INTO peer_place VALUES (:seq, :country, :subdivision)"),
            [{"seq": s, "country": c, "subdivision": d} for s, c, d in places],
        )
        connection.execute(text("CREATE INDEX peer_area_area ON peer_area (area)"))
        connection.execute(text("CREATE INDEX peer_place_seq ON peer_place (seq)"))
        if connection.dialect.name == "postgresql":
            connection.execute(text("ANALYZE peer_area"))
            connection.execute(text("ANALYZE peer_place"))
        try:
            yield connection
        finally:
            transaction.rollback()

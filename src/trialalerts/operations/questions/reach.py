"""Whom an item reached: how many digests told each of its changes, and what became of their mails; no names.

Digests refer to selections, and these to the numbers of changes and items: both lists are taken apart by the database,
so that it can be asked of any number of digests.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import text
from sqlmodel import Session, col, select

from trialalerts.catalog.tables import Change, Item
from trialalerts.database.bulk import is_sqlite, list_value
from trialalerts.digests.tables import SelectionKind

__all__ = ["digests_telling", "reached_by"]

_TELLING = {
    True: """
WITH hit AS (
    SELECT s.id AS selection, n.value AS number FROM selection s, json_each(s.numbers) n
    WHERE s.kind = :kind AND n.value IN (SELECT value FROM json_each(:numbers))
), told AS (
    SELECT DISTINCT hit.number AS number, d.id AS digest, d.subscriber_id AS who
    FROM digest d, json_each(d.parts) p JOIN hit ON hit.selection = json_extract(p.value, '$[1]')
    WHERE {whose}
)
""",
    False: """
WITH hit AS (
    SELECT s.id AS selection, n.value::bigint AS number
    FROM selection s CROSS JOIN LATERAL jsonb_array_elements_text(s.numbers) n(value)
    WHERE s.kind = :kind AND n.value::bigint = ANY(:numbers)
), told AS (
    SELECT DISTINCT hit.number AS number, d.id AS digest, d.subscriber_id AS who
    FROM digest d CROSS JOIN LATERAL jsonb_array_elements(d.parts) p(value)
    JOIN hit ON hit.selection = (p.value->>1)::bigint WHERE {whose}
)
""",
}
_DIGEST_OF = {True: "json_extract(v.data, '$.digest_id')", False: "(v.data->>'digest_id')::bigint"}
_COUNTED = """
SELECT told.number, v.state, count(DISTINCT told.digest) FROM told
LEFT JOIN delivery v ON v.subscriber_id = told.who AND v.kind = 'digest' AND {digest_of} = told.digest
GROUP BY told.number, v.state
"""
_WORDS = {
    "queued": "waiting",
    "sending": "waiting",
    "held": "waiting",
    "sent": "sent",
    "delivered": "delivered",
    "complained": "delivered",
    "failed": "failed",
    "bounced": "failed",
    "suppressed": "failed",
    None: "forgotten",
}
"""What became of a mail, by the state of its delivery; of one that is no longer stored nobody knows."""


def reached_by(session: Session, kind: SelectionKind, numbers: Collection[int]) -> Mapping[int, Counter[str]]:
    """Return, for each number of a change (or item that was open), the mails that told it, by what became of them."""
    found: dict[int, Counter[str]] = defaultdict(Counter)
    if numbers:
        sqlite = is_sqlite(session)
        asked = _TELLING[sqlite].format(whose="1 = 1") + _COUNTED.format(digest_of=_DIGEST_OF[sqlite])
        for number, state, count in session.connection().execute(text(asked), _values(session, kind, numbers)):
            found[number][_WORDS.get(state, state)] += count
    return found


def digests_telling(session: Session, item: Item, *, subscriber_id: int | None, most: int) -> list[int]:
    """Return the last digests that told an item (its changes, or that it was open), newest first.

    Args:
        session: reads.
        item: a trial or an article.
        subscriber_id: whose; None: of all.
        most: so many at most.
    """
    sqlite = is_sqlite(session)
    whose = "1 = 1" if subscriber_id is None else "d.subscriber_id = :who"
    asked = _TELLING[sqlite].format(whose=whose) + "SELECT DISTINCT digest FROM told ORDER BY digest DESC LIMIT :most"
    seqs = session.exec(select(Change.seq).where(col(Change.item_id) == item.id)).all()
    found: set[int] = set()
    for kind, numbers in ((SelectionKind.CHANGES, seqs), (SelectionKind.OPEN, [item.id or 0])):
        values = _values(session, kind, numbers) | {"most": most}
        values |= {} if subscriber_id is None else {"who": subscriber_id}
        found |= set(session.connection().execute(text(asked), values).scalars())
    return sorted(found, reverse=True)[:most]


def _values(session: Session, kind: SelectionKind, numbers: Collection[int]) -> dict[str, Any]:
    return {"kind": kind.value, "numbers": list_value(sorted(numbers), sqlite=is_sqlite(session))}

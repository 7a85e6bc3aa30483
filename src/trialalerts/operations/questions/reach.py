"""Whom an item reached: how many digests told each of its changes, and what became of their mails; no names.

Digests refer to selections, and these to the numbers of changes and items: both lists are taken apart by the database,
so that it can be asked of any number of digests.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

from sqlalchemy import text
from sqlmodel import Session, col, select

from trialalerts.catalog.tables import Change, Item, JoinedItem
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
    WHERE {whose} AND d.to_seq >= {since}
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
    JOIN hit ON hit.selection = (p.value->>1)::bigint
    WHERE {whose} AND d.to_seq >= {since}
)
""",
}
_SINCE = {
    SelectionKind.CHANGES: "(SELECT min(number) FROM hit)",
    SelectionKind.OPEN: "(SELECT 0 FROM hit LIMIT 1)",
    SelectionKind.SILENT: "(SELECT 0 FROM hit LIMIT 1)",
}
"""Which digests may have told it: to take the parts of each to pieces is most of the work.

None that ends before a change did. (One that begins after it may have, where a wish had rested.) Where no selection has
it, nothing is found here, and no digest is looked into.
"""
_DIGEST_OF = {True: "json_extract(v.data, '$.digest_id')", False: "(v.data->>'digest_id')::bigint"}
_COUNTED = """
SELECT told.number, v.state, count(DISTINCT told.digest) FROM told
LEFT JOIN delivery v ON v.subscriber_id = told.who AND v.kind IN ('digest', 'nudge') AND {digest_of} = told.digest
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


def reached_by(session: Session, kind: SelectionKind, item: Item) -> Mapping[int, Counter[str]]:
    """Return the mails that told an item, by what became of them: by change, or as open under the item's own id."""
    found: dict[int, Counter[str]] = defaultdict(Counter)
    asked, values = _asked(session, kind, item)
    for number, state, count in session.connection().execute(
        text(asked + _COUNTED.format(digest_of=_DIGEST_OF[is_sqlite(session)])), values
    ):
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
    found: set[int] = set()
    for kind in SelectionKind:
        asked, values = _asked(session, kind, item, whose=subscriber_id)
        asked += "SELECT DISTINCT digest FROM told ORDER BY digest DESC LIMIT :most"
        found |= set(session.connection().execute(text(asked), values | {"most": most}).scalars())
    return sorted(found, reverse=True)[:most]


def _asked(
    session: Session, kind: SelectionKind, item: Item, *, whose: int | None = None
) -> tuple[str, dict[str, Any]]:
    """Return the part of a statement that finds the digests which told an item, and its values."""
    sqlite = is_sqlite(session)
    # What was told of an item that this one was joined with, was told of this trial.
    numbers = [item.id or 0, *session.exec(select(JoinedItem.item_id).where(col(JoinedItem.into_id) == item.id))]
    if kind is SelectionKind.CHANGES:
        numbers = sorted(session.exec(select(Change.seq).where(col(Change.item_id) == item.id)))
    asked = _TELLING[sqlite].format(whose="1 = 1" if whose is None else "d.subscriber_id = :who", since=_SINCE[kind])
    values = {"kind": kind.value, "numbers": list_value(numbers, sqlite=sqlite)}
    values |= {} if whose is None else {"who": whose}
    return asked, values

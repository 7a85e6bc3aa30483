"""Keys for the articles of an older database: made once, by today's rule, before anything is compared with them."""

from __future__ import annotations

from collections import Counter
from typing import Any

from sqlalchemy import Connection, bindparam, select, update
from sqlmodel import col

from trialalerts.catalog.articles.keys import article_keys, link_key
from trialalerts.catalog.articles.likeness import likeness_of_record
from trialalerts.catalog.records import in_chunks
from trialalerts.catalog.tables import ArticleKey, Record
from trialalerts.database.types import table_of
from trialalerts.database.upsert import insert_into

__all__ = ["make_missing_keys"]

_RECORD = table_of(Record).c


def make_missing_keys(connection: Connection) -> None:
    """Give every article that has none its keys; the older item keeps a key that two of them share."""
    bare = select(_RECORD.id, _RECORD.registry, _RECORD.url).where(_RECORD.title_key == "")
    rows = connection.execute(bare.order_by(_RECORD.id)).all()
    shared = Counter((registry, link_key(url or "")) for _, registry, url in rows)
    telling = {row[0] for row in rows if shared[row[1], link_key(row[2] or "")] == 1}
    for chunk in in_chunks([row[0] for row in rows]):
        _make(connection, chunk, telling)


def _make(connection: Connection, record_ids: list[int], telling: set[int]) -> None:
    columns = (
        _RECORD.id, _RECORD.registry, _RECORD.external_id, _RECORD.item_id, _RECORD.url, _RECORD.title,
        _RECORD.summary, _RECORD.published_at, _RECORD.facts,
    )  # fmt: skip
    written: list[dict[str, Any]] = []
    leading: list[dict[str, Any]] = []
    for row in connection.execute(select(*columns).where(_RECORD.id.in_(record_ids)).order_by(_RECORD.id)):
        id_as_link = row.external_id if row.external_id.startswith(("http://", "https://")) else ""
        links = (row.url or "", id_as_link) if row.id in telling else (id_as_link,)
        like = likeness_of_record(
            registry=row.registry,
            external_id=row.external_id,
            keys=article_keys(links=links, identifiers=[row.external_id]),
            title=row.title or "",
            summary=row.summary or "",
            html=(row.facts or {}).get("html", ""),
            published_at=row.published_at,
        )
        written.append({"record_id": row.id, "title_key": like.title_key, "keys": list(like.keys)})
        leading += [{"key": key, "item_id": row.item_id} for key in like.all_keys]
    values: dict[str, Any] = {name: bindparam(name) for name in ("title_key", "keys")}
    connection.execute(update(Record).where(col(Record.id) == bindparam("record_id")).values(values), written)
    if leading:
        connection.execute(insert_into(connection, ArticleKey).on_conflict_do_nothing(), leading)

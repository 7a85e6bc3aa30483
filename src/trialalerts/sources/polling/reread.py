"""The areas and sites of stored trials, told anew when the vocabulary or the reading has changed with the program.

A trial is read again only when its registry updates it. Until then its new followers would not find it among what is
open, and a site would lie where an older program put it. What is stored tells both as well as the record would: a site
keeps its registry's words. Nothing is announced, for nothing happened to the trial, and the hash that polling compares
stays. Where several records tell a trial, the registry's own is told anew, and the trial put together again. It goes
batch by batch: each notes in its own transaction how far it came, so that the next start goes on there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Row, bindparam, case, select, type_coerce, update
from sqlmodel import Session, col

from trialalerts.catalog.facts import Site, TrialFacts
from trialalerts.catalog.joining.joiner import Joiner
from trialalerts.catalog.outline_rows import Described, write_outlines
from trialalerts.catalog.tables import Item, ItemKind, Record
from trialalerts.database import Database, table_of
from trialalerts.database.types import PackedJson
from trialalerts.logs import Logger
from trialalerts.sources.context import SourceContext
from trialalerts.sources.kinds.clinicaltrials_gov import ClinicalTrialsGov
from trialalerts.sources.trial_areas import trial_areas
from trialalerts.vocabulary.places.site_location import SiteWords, place_site
from trialalerts.vocabulary.places.site_names import SiteLocator
from trialalerts.vocabulary.stored_files import lock_digest, note_digest, stored_digest

__all__ = ["reread_trials"]

_NAME = "trials"
_WAY = "2"
"""Goes up when the same record is to have other areas or sites than before."""
_AT_ONCE = 100
_MOST_PLACED = 50_000
"""So many sites the locator may remember: a large registry has a million."""

_Values = dict[str, Any]

log = Logger()


def reread_trials(db: Database, context: SourceContext, *, stop: Callable[[], bool] = lambda: False) -> int:
    """Tell the areas and the sites of stored trials anew where that is still to be done; return how many changed.

    Args:
        db: the database.
        desk: what trials are read with; it is asked for nothing where nothing is to be done.
        stop: asked between batches of 100; True leaves the rest for the next call, as does a trial that a poll holds.
    """
    changed = 0
    while not stop():
        batch = _batch(db, context)
        if batch is None:
            break
        changed += batch
    if changed:
        log.info("trials.reread", trials=changed)
    return changed


def _batch(db: Database, context: SourceContext) -> int | None:
    """Read the next trials anew; return how many changed, None where none is left or some are held by a poll.

    Reading takes most of the time and holds no lock. Another process that stored the batch meanwhile did the work.
    """
    with db.read() as session:
        wanted, before = _wanted(session), stored_digest(session, _NAME)
        if before == wanted:
            return None
        rows = _rows(session, int(before.removeprefix(f"{wanted} ")) if before.startswith(f"{wanted} ") else 0)
    told = [values for row in rows if (values := _told(row, context))]
    context.rest()
    with db.write() as session:
        if lock_digest(session, _NAME) != before:
            return 0
        if not _store(session, told, context.clock.now()):
            return None
        note_digest(session, _NAME, f"{wanted} {rows[-1].id}" if rows else wanted)
    return len(told)


def _wanted(session: Session) -> str:
    """Return what is noted when all trials are read: the way of reading, and the vocabularies they were read with."""
    return ":".join((_WAY, *(stored_digest(session, name) for name in ("areas", "places"))))


def _rows(session: Session, after: int) -> Sequence[Row[Any]]:
    item, record = table_of(Item).c, table_of(Record).c
    is_alone = record.facts.is_(None)
    said = [case((is_alone, item[name]), else_=record[name]).label(name) for name in ("title", "areas", "topics")]
    facts = case((is_alone, item.facts), else_=record.facts)
    said.append(type_coerce(facts, PackedJson()).label("facts"))
    columns = item.id, item.status, item.is_open, item.facts_hash, record.id.label("record_id"), is_alone.label("alone")
    mine = item.kind == ItemKind.TRIAL, record.registry == ClinicalTrialsGov.registry, item.id > after
    asked = select(*columns, *said).join(record.id.table, record.item_id == item.id).where(*mine)
    return session.connection().execute(asked.order_by(item.id).limit(_AT_ONCE)).all()


def _told(row: Row[Any], context: SourceContext) -> _Values | None:
    """Return the columns of a trial as they are to be; None where they are so."""
    try:
        read = TrialFacts.model_validate(row.facts)
    except ValidationError:
        return None  # by another version of this program: the next reading of the record tells
    ancestors = row.areas.get("ancestors", []) if read.mesh else []
    areas = {**row.areas, "direct": trial_areas(row.title, read, context.conditions), "ancestors": ancestors}
    sites = [_placed(site, context.locator) for site in read.sites]
    if areas == row.areas and sites == list(read.sites):
        return None
    facts = {**row.facts, "sites": [site.model_dump() for site in sites]}
    described = Described(row.id, ItemKind.TRIAL, row.status, row.is_open, facts, areas, row.topics)
    return {
        "item_id": row.id,
        "record_id": None if row.alone else row.record_id,
        "seen_hash": row.facts_hash,
        "new_areas": areas,
        "new_facts": facts,
        "described": described,
    }


def _placed(site: Site, locator: SiteLocator) -> Site:
    """Return a site where its words and its registry's point put it.

    Where the point is another's already, the registry's own was lost: the town, the postcode or the state decides.
    """
    if not site.country_name:
        return site
    has_own = site.point_from is None and site.latitude is not None and site.longitude is not None
    point = (site.latitude, site.longitude) if has_own else None
    if len(locator.placed) > _MOST_PLACED:
        locator.placed.clear()
    where = place_site(locator, SiteWords(site.country_name, site.state, site.city, site.postcode, point))  # type: ignore[arg-type]  # has_own: both are numbers
    if where.country is None:
        return site
    latitude, longitude = where.point or (None, None)
    place = {"country": where.country, "subdivision": where.subdivision, "latitude": latitude, "longitude": longitude}
    origin = where.point_from or (None if has_own else site.point_from)
    return site.model_copy(update=place | {"point_from": origin if where.point else None})


def _store(session: Session, told: Sequence[_Values], now: datetime) -> bool:
    """Write what was told of trials that are still as they were read; tell whether all of their rows were free.

    It never waits for a row: a poll locks rows in the order of its records, and one of the two would be broken off.
    """
    if not told:
        return True
    connection = session.connection()
    ids = [values["item_id"] for values in told]
    asked = select(col(Item.id), col(Item.facts_hash)).where(col(Item.id).in_(ids))
    hashes = {
        row.id: row.facts_hash for row in connection.execute(asked.with_for_update(skip_locked=True, key_share=True))
    }
    if len(hashes) < len(ids):
        return False
    as_read = [values for values in told if values["seen_hash"] == hashes[values["item_id"]]]
    alone = [values for values in as_read if values["record_id"] is None]
    joined = [values for values in as_read if values["record_id"] is not None]
    new: _Values = {"areas": bindparam("new_areas"), "facts": bindparam("new_facts")}
    if alone:
        connection.execute(update(Item).where(col(Item.id) == bindparam("item_id")).values(new), alone)
        write_outlines(connection, [values["described"] for values in alone], only_known=True)
    if joined:
        which = col(Record.id) == bindparam("of_record")
        rows = [values | {"of_record": values["record_id"]} for values in joined]
        connection.execute(update(Record).where(which).values(new), rows)
        Joiner(connection, now, None).put_together([values["item_id"] for values in joined])
    return True

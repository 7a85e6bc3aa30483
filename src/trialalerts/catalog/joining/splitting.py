"""Splitting: the operator's word that a record is another trial than those that it was joined with."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import insert
from sqlmodel import Session, col, select

from trialalerts.catalog.joining.joiner import Joiner
from trialalerts.catalog.tables import ItemNumber, KeptApart, Record
from trialalerts.catalog.trials.lookup import find_trial
from trialalerts.catalog.trials.numbers import registry_numbers
from trialalerts.database.engine import one_writer_at_a_time
from trialalerts.errors import InvalidInput, NotFound

__all__ = ["split_record"]


def split_record(session: Session, number: str, now: datetime) -> tuple[int, int]:
    """Split a record off the trial that it was joined with, for good; tell nobody.

    What it brought (changes, followers) goes back with it.

    Args:
        session: writing.
        number: of the record, however it is spelled.
        now: aware.

    Returns:
        The item that it leaves, and the item that it is.

    Raises:
        NotFound: nothing here is known under the number.
        InvalidInput: no record of this number is joined with another.
    """
    connection = session.connection()
    one_writer_at_a_time(connection)
    item = find_trial(session, number)
    if item is None or item.id is None:
        raise NotFound(f"No trial is known here under “{number}”; write it like NCT01234567.")
    held = session.exec(select(Record).where(col(Record.item_id) == item.id).order_by(col(Record.id))).all()
    if len(held) == 1:
        raise InvalidInput(f"{held[0].external_id} stands alone; see: trialalerts items show {held[0].external_id}")
    record = _meant(session, held, number)
    if record is None:
        names = ", ".join(each.external_id for each in held)
        raise InvalidInput(f"“{number}” is no record's own number there; split one of: {names}")
    mine = record.registry_name, record.external_id
    pairs = [sorted([mine, (each.registry_name, each.external_id)]) for each in held if each.id != record.id]
    columns = "registry", "external_id", "other_registry", "other_external_id"
    rows = [dict(zip(columns, (*one, *other), strict=True)) | {"at": now} for one, other in pairs]
    connection.execute(insert(KeptApart), rows)
    left, record_id = item.id, record.id
    session.expire_all()
    Joiner(connection, now, None).rearrange([left])
    return left, session.exec(select(Record.item_id).where(col(Record.id) == record_id)).one()


def _meant(session: Session, held: Sequence[Record], number: str) -> Record | None:
    """Return the record whose own number it is, or a former one."""
    spelled = {number.strip().upper(), *registry_numbers([number], are_ids=True)}
    for each in held:
        own = {each.external_id.upper(), *registry_numbers([each.external_id], are_ids=True)}
        if own & spelled:
            return each
    known = select(ItemNumber.registry_name).where(
        col(ItemNumber.item_id) == held[0].item_id, col(ItemNumber.number).in_(sorted(spelled))
    )
    registries = set(session.exec(known))
    return next((each for each in held if each.registry_name in registries), None)

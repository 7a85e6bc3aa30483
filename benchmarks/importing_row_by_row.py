"""The import as it was: an object for each row, nothing remembered from line to line. The measure of today's."""

from __future__ import annotations

import csv
import io
from datetime import datetime

from email_validator import validate_email
from sqlmodel import Session

from trialalerts.database.bulk import in_chunks
from trialalerts.database.counter import CHANGES, current_number
from trialalerts.subscribers.addresses import address_key
from trialalerts.subscribers.consent import record_consent
from trialalerts.subscribers.files.csv_rows import CsvRow, CsvRowReader
from trialalerts.subscribers.people import activate, new_subscriber
from trialalerts.subscribers.preferences import columns_of
from trialalerts.subscribers.tables import ConsentAction, Preference, id_of
from trialalerts.vocabulary.areas.tree import load_areas

__all__ = ["import_row_by_row"]


def import_row_by_row(session: Session, text: str, *, consent: str, now: datetime) -> int:
    """Import people who follow one thing each and agreed to it; return how many."""
    areas = load_areas(session)
    reader = CsvRowReader(session, areas, locale="en", timezone="Europe/London", confirmed=True, now=now)
    groups: dict[str, CsvRow] = {}
    for cells in csv.DictReader(io.StringIO(text, newline="")):
        validate_email(cells["address"], check_deliverability=False)
        reader.forget()
        row = reader.read(cells)
        groups[address_key(row.person.address)] = row
    for some in in_chunks(groups.values()):
        _store(session, some, consent, now)
    return len(groups)


def _store(session: Session, rows: list[CsvRow], consent: str, now: datetime) -> None:
    last_change = current_number(session, CHANGES)
    people = [new_subscriber(row.person, now) for row in rows]
    session.add_all(people)
    session.flush()
    followed = [
        Preference(subscriber_id=id_of(each), created_at=now, confirmed_at=now, **columns_of(row.preference))
        for each, row in zip(people, rows, strict=True)
        if row.preference is not None
    ]
    session.add_all(followed)
    session.flush()
    for person, preference in zip(people, followed, strict=True):
        record_consent(session, person, ConsentAction.SIGNED_UP, how="import", what=consent, now=now)
        what = f"preference {preference.id} added"
        record_consent(session, person, ConsentAction.CONFIRMED, how="import", what=what, now=now)
        activate(person, now, last_change=last_change)
    session.flush()

"""The list of what could not be read: noted once, refreshed while it lasts, gone when the record reads well."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlmodel import Session, col, select

from trialalerts.catalog.draft import FieldProblem
from trialalerts.logs import Logger
from trialalerts.sources.base import Batch
from trialalerts.sources.reading.fields import UNNAMED
from trialalerts.sources.tables import Problem

__all__ = ["WHOLE_RECORD", "add_problems", "note_problems"]

WHOLE_RECORD = frozenset({"record", "study", "file", "front matter", "title", "identificationModule.nctId"})
"""Fields of problems that cost the whole record: it was not read, and nothing of it was kept."""

log = Logger()

_AT_ONCE = 500
_UNNAMED_FOR = timedelta(days=30)
_MESSAGES_TOGETHER = 3
_MESSAGE_LIMIT = 500


def note_problems(session: Session, source: str, batch: Batch, now: datetime) -> int:
    """Bring the list up to date with a batch; return how many problems the batch has."""
    found = _by_field((*batch.problems, *(problem for draft in batch.drafts for problem in draft.problems)))
    read = {draft.external_id for draft in batch.drafts} | {external_id for external_id, _ in found}
    stored = _stored(session, source, sorted(read))
    for key, row in stored.items():
        if key not in found:
            session.delete(row)
    _write(session, source, found, stored, now)
    if batch.ends_sweep:
        _forget(session, source, batch)
    return len(found)


def add_problems(session: Session, source: str, problems: Sequence[FieldProblem], now: datetime) -> int:
    """Note problems that turned up later; return how many."""
    found = _by_field(problems)
    _write(session, source, found, _stored(session, source, sorted({key[0] for key in found})), now)
    return len(found)


def _write(
    session: Session,
    source: str,
    found: Mapping[tuple[str, str], str],
    stored: Mapping[tuple[str, str], Problem],
    now: datetime,
) -> None:
    for (external_id, field), message in found.items():
        known = stored.get((external_id, field))
        if known is None:
            session.add(Problem(source=source, external_id=external_id, field=field, message=message, seen_at=now))
            log.info("source.record_problem", source=source, record=external_id, field=field)
        else:
            known.message, known.seen_at = message, now
            session.add(known)
    session.flush()


def _by_field(problems: Iterable[FieldProblem]) -> Mapping[tuple[str, str], str]:
    messages: dict[tuple[str, str], list[str]] = {}
    for problem in problems:
        messages.setdefault((problem.external_id, problem.field), []).append(problem.message)
    return {key: "; ".join(said[:_MESSAGES_TOGETHER])[:_MESSAGE_LIMIT] for key, said in messages.items()}


def _stored(session: Session, source: str, external_ids: Sequence[str]) -> dict[tuple[str, str], Problem]:
    rows: dict[tuple[str, str], Problem] = {}
    for start in range(0, len(external_ids), _AT_ONCE):
        some = external_ids[start : start + _AT_ONCE]
        query = select(Problem).where(col(Problem.source) == source, col(Problem.external_id).in_(some))
        rows.update({(row.external_id, row.field): row for row in session.exec(query)})
    return rows


def _forget(session: Session, source: str, batch: Batch) -> None:
    """Drop what a sweep that reads all did not find again.

    After another one nobody can tell whether a record without a number reads well now: it is dropped in time.
    """
    gone = delete(Problem).where(col(Problem.source) == source)
    if batch.whole:
        gone = gone.where(col(Problem.seen_at) < batch.sweep_began)
    else:
        gone = gone.where(
            col(Problem.external_id).startswith(UNNAMED, autoescape=True),
            col(Problem.seen_at) < batch.sweep_began - _UNNAMED_FOR,
        )
    session.connection().execute(gone)

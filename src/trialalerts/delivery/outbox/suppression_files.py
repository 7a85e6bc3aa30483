"""Suppressions by file: our own hashed list, and plain lists of addresses that other programs give.

An exported list holds no address. Its hashes mean something only to who has the secret by which they were made, so each
list names the fingerprints of its secrets, and one of a secret that is not known here is refused as a whole: it would
hold nobody back, and look as if it did.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parseaddr
from typing import Any, TextIO

from sqlmodel import Session, col, select

from trialalerts.database import Database, table_of
from trialalerts.database.bulk import in_chunks, in_list, insert_into, list_value
from trialalerts.delivery.outbox.suppressions import address_hashes, list_suppressions, portable_hash
from trialalerts.delivery.outbox.tables import Suppression
from trialalerts.errors import InvalidInput
from trialalerts.progress import NO_PROGRESS, ProgressMeter
from trialalerts.subscribers.addresses import checked_address
from trialalerts.subscribers.files.bulk_import import LineError
from trialalerts.subscribers.files.csv_layout import ADDRESS_COLUMNS, split_columns
from trialalerts.subscribers.signing_secret import secret_fingerprint

__all__ = ["SuppressionList", "export_suppressions", "read_suppressions", "store_suppressions"]

_KEPT = ("reason", "detail", "since", "rule", "code", "words", "transport", "domain_hash")
_COLUMNS = ("address_hash", "secrets", *_KEPT)
_HASH = re.compile(r"[0-9a-f]{64}")
_ADDRESSES = re.compile(r"\S*@\S*")
_REASON_COLUMNS = ("reason", "suppressionreason", "suppression_reason", "type", "event", "status")
_SINCE_COLUMNS = {
    "since", "created", "created_at", "createdat", "date", "unsub_time", "clean_time", "unsubscribed_at", "bounced_at",
}  # fmt: skip
_REASONS = {
    "bounced": {"bounce", "bounces", "bounced", "hard bounce", "hardbounce", "hard_bounce", "cleaned", "invalid"},
    "complained": {"complaint", "complained", "spam", "spamcomplaint", "spam_complaint", "spam_report", "abuse"},
    "listed": {"listed"},
    "unwell": {"unwell"},
}
_LONGEST = 200
_AT_ONCE = 1_000


@dataclass(kw_only=True)
class SuppressionList:
    """What a file holds: a row for each suppression, with all hashes that its address may have here; refused lines."""

    rows: list[tuple[list[str], dict[str, Any]]] = field(default_factory=list)
    columns: tuple[str, ...] = ()
    errors: list[LineError] = field(default_factory=list)


def export_suppressions(session: Session, secrets: Sequence[str], file: TextIO) -> int:
    """Write all suppressions as CSV, without any address; return how many."""
    writer = csv.DictWriter(file, _COLUMNS)
    writer.writeheader()
    fingerprints = " ".join(secret_fingerprint(each) for each in secrets if each)
    found = list_suppressions(session)
    for each in found:
        values = {name: getattr(each, name) for name in _KEPT} | {"since": each.since.astimezone(UTC).isoformat()}
        writer.writerow({"address_hash": each.address_hash, "secrets": fingerprints, **values})
    return len(found)


def read_suppressions(text: str, secrets: Sequence[str], *, detail: str | None, now: datetime) -> SuppressionList:
    """Read a list: one of ours, CSV with a column of addresses, or one address a line.

    Args:
        text: the file.
        secrets: ``service.secret`` and the previous ones.
        detail: a line on those that have none.
        now: since when those are suppressed that do not say it.

    Raises:
        InvalidInput: the hashes are of a secret that is not known, or no column holds addresses.
    """
    head, lines = _lines(text)
    if "address_hash" in head:
        return _read_own(head, lines, secrets, now)
    found = SuppressionList(columns=head or ("address",))
    place = _place_of_addresses(head)
    if head and place is None:
        raise InvalidInput("The file has no column of addresses (address, email …); name one of its columns so.")
    for number, cells in lines:
        try:
            address = checked_address(_address_in(cells, place))
        except InvalidInput as error:
            found.errors.append(LineError(line=number, message=str(error), cells=tuple(cells)))
            continue
        values = dict(zip(head, cells, strict=False))
        hashes = address_hashes(secrets, address)
        ours = {"address_hash": hashes[0], "portable_hash": portable_hash(secrets[0], address)}
        found.rows.append((hashes, {**ours, **_said(values, detail, now)}))
    return found


def store_suppressions(
    db: Database, found: SuppressionList, *, dry_run: bool = False, progress: ProgressMeter = NO_PROGRESS
) -> int:
    """Suppress what is not suppressed yet, batch by batch; return how many that are. The first reason stays."""
    progress.stage("addresses looked up" if dry_run else "addresses suppressed", len(found.rows))
    new = 0
    seen: set[str] = set()
    for some in in_chunks(found.rows, _AT_ONCE):
        with db.read() if dry_run else db.write() as session:
            known = seen | _known(session, [each for hashes, _ in some for each in hashes])
            rows = {row["address_hash"]: row for hashes, row in reversed(some) if known.isdisjoint(hashes)}
            if rows and not dry_run:
                added = insert_into(session, Suppression).on_conflict_do_nothing()
                session.connection().execute(added, list(rows.values()))
        seen.update(rows)
        new += len(rows)
        progress.advance(len(some))
    return new


def _known(session: Session, hashes: Sequence[str]) -> set[str]:
    sqlite = session.get_bind().dialect.name == "sqlite"
    column = table_of(Suppression).c.address_hash
    rows = select(col(Suppression.address_hash)).where(in_list(column, "hashes", sqlite=sqlite, text=True))
    return set(session.exec(rows, params={"hashes": list_value(hashes, sqlite=sqlite)}))


def _place_of_addresses(head: Sequence[str]) -> int | None:
    """Return which column holds addresses: beside one of e-mail addresses “Address” is where somebody lives."""
    named = (place for place, name in enumerate(head) if name in ADDRESS_COLUMNS)
    return next(named, head.index("address") if "address" in head else None)


def _lines(text: str) -> tuple[tuple[str, ...], Iterator[tuple[int, list[str]]]]:
    """Return the names of the columns (none where the first line is an address), and each line with its number."""
    first, _, _ = text.lstrip("\ufeff\r\n ").partition("\n")
    file = io.StringIO(text.lstrip("\ufeff"), newline="")
    if "@" in first or first.startswith("#") or not first.strip():
        return (), _rows(file, split_columns(io.StringIO(first))[1], 0)
    names, delimiter, before = split_columns(file)
    return tuple(name.lower() for name in names), _rows(file, delimiter, before)


def _rows(file: TextIO, delimiter: str, before: int) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(file, delimiter=delimiter)
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells) and not cells[0].startswith("#"):
                yield reader.line_num + before, cells
    except csv.Error as error:
        raise InvalidInput(f"The file is no CSV: {error}.") from None


def _read_own(
    head: Sequence[str], lines: Iterable[tuple[int, list[str]]], secrets: Sequence[str], now: datetime
) -> SuppressionList:
    known = {secret_fingerprint(each) for each in secrets if each}
    where = "put it into service.previous_secrets, or import a list of addresses"
    found = SuppressionList(columns=tuple(head))
    for number, cells in lines:
        values = dict(zip(head, cells, strict=False))
        made_by = set(values.get("secrets", "").split())
        if not made_by or not made_by <= known:
            raise InvalidInput(
                "These hashes were made with a secret that is not known here, so they would hold nobody back; " + where
            )
        hashed = values.get("address_hash", "")
        if _HASH.fullmatch(hashed) is None:
            found.errors.append(LineError(line=number, message=f"“{hashed}” is no hash.", cells=tuple(cells)))
            continue
        row = {name: values.get(name) or None for name in _KEPT}
        since = _moment(values.get("since", "")) or now
        found.rows.append(
            ([hashed], {"address_hash": hashed, **row, "reason": row["reason"] or "operator", "since": since})
        )
    return found


def _address_in(cells: Sequence[str], place: int | None) -> str:
    """Return the address of a line: that of its column, or the first cell that looks like one."""
    if place is None:
        cell = next((cell for cell in cells if "@" in cell), cells[0])
    else:
        cell = cells[place] if place < len(cells) else ""
    return parseaddr(cell)[1] if "<" in cell else cell


def _said(values: Mapping[str, str], detail: str | None, now: datetime) -> dict[str, Any]:
    """Return the reason, a line on it without any address, and since when."""
    text = next((values[name].strip() for name in _REASON_COLUMNS if values.get(name)), "")
    reason = next((ours for ours, theirs in _REASONS.items() if text.lower() in theirs), "operator")
    told = text if text and reason == "operator" and text != "operator" else ""
    since = next((moment for name in values if name in _SINCE_COLUMNS and (moment := _moment(values[name]))), now)
    line = detail or values.get("detail", "") or told
    clean = " ".join(_ADDRESSES.sub("…", line).split())[:_LONGEST] or "imported"
    return {"reason": reason, "detail": clean, "since": min(since, now)}


def _moment(text: str) -> datetime | None:
    """Return a moment written as ISO 8601 or in seconds since 1970; None where it is neither."""
    try:
        moment = datetime.fromtimestamp(int(text), UTC) if text.isdecimal() else datetime.fromisoformat(text.strip())
    except (ValueError, OverflowError, OSError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

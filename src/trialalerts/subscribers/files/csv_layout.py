"""The layout of a list of subscribers: what parts its cells, and which of its columns are ours.

Our own exports are read strictly: a column that we do not know is a typing error. Exports of other programs
(listmonk, Mailchimp, a spreadsheet with a column “E-mail”) have columns of their own, which are left out and named;
who left there, as they say, is never made active here.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TextIO

from trialalerts.errors import InvalidInput, did_you_mean, nearest
from trialalerts.subscribers.files.csv_rows import COLUMNS, READ_ONLY_COLUMNS

__all__ = ["ADDRESS_COLUMNS", "REFUSED_COLUMNS", "Layout", "mapping_of", "read_layout", "split_columns"]

REFUSED_COLUMNS = ("refused_line", "refused_reason")
"""What stands before a line in the file of those refused: mended, it is imported as it is."""

ADDRESS_COLUMNS = frozenset({
    "email", "e-mail", "email address", "e-mail address", "emailaddress", "email_address", "mail", "mail address",
    "subscriber email", "email-adresse", "e-mail-adresse", "e-mailadresse", "mailadresse", "adresse e-mail",
    "adresse mail", "adresse email", "courriel", "correo", "correo electrónico", "correo electronico",
    "dirección de correo electrónico",
})  # fmt: skip
_LISTS = frozenset({"lists", "list", "list names", "list_names", "tags", "tag", "groups", "interests", "segments"})
_OTHERS = ({"uuid", "attributes"}, {"uuid", "status"}, {"member_rating"}, {"optin_time"}, {"leid"}, {"euid"})
"""Columns by which the exports of listmonk and Mailchimp are known. Their “REGION” is where a computer stood."""
_WHEN_LEFT = frozenset({
    "unsub_time", "unsub_reason", "unsub_campaign_title", "unsub_campaign_id", "clean_time", "clean_campaign_title",
    "unsubscribed_at", "unsubscribe_date", "unsubscribed at", "bounced_at", "complained_at", "blocklisted_at",
})  # fmt: skip
"""Columns that hold anything only for those who left, or whose mails came back."""
_STATUS = frozenset({
    "status", "subscription_status", "subscription status", "member status", "email marketing status", "email status",
    "subscriber status", "list_status",
})  # fmt: skip
_IN = frozenset({"", "enabled", "active", "subscribed", "confirmed", "opted in", "opted-in", "opt-in", "opt_in"})
_NOT_YET = frozenset({"unconfirmed", "pending", "pending confirmation", "not confirmed", "awaiting confirmation"})
_LEFT = frozenset({
    "disabled", "blocklisted", "blacklisted", "blocked", "unsubscribed", "unsubscribe", "opted out", "opted-out",
    "opt-out", "opt_out", "cleaned", "bounced", "bounce", "complained", "complaint", "spam", "suppressed", "inactive",
    "removed",
    "deleted", "invalid", "archived", "non-subscribed", "nonsubscribed", "not subscribed", "never subscribed",
    "transactional",
})  # fmt: skip
_DELIMITERS = ",;\t"
_READ = (*COLUMNS, *READ_ONLY_COLUMNS)
_CELLS = (*COLUMNS, "consent")


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The columns of a file: the name that each has for us (None: it is left out), and as they are written."""

    columns: tuple[str | None, ...]
    written: tuple[str, ...]
    is_ours: bool

    @property
    def left_out(self) -> tuple[str, ...]:
        """The columns that are not read."""
        told = [name for name, ours in zip(self.written, self.columns, strict=True) if ours is None and name]
        known = REFUSED_COLUMNS if self.is_ours else _WHEN_LEFT | _STATUS | set(REFUSED_COLUMNS)
        return tuple(name for name in told if name.lower() not in known)

    def cells(self, row: Sequence[str]) -> dict[str, str]:
        """Return the cells of a line under our names.

        Raises:
            InvalidInput: it has more cells than there are columns.
        """
        if len(row) > len(self.columns):
            raise InvalidInput(
                f"The line has {len(row)} cells, and the file {len(self.columns)} columns; put a cell that holds "
                "a comma (or what else parts them) in quotation marks."
            )
        found = {ours: cell for ours, cell in zip(self.columns, row, strict=False) if ours}
        if not found.get("confirmed") and any(word in _NOT_YET for word in self._statuses(row)):
            found["confirmed"] = "no"
        return found

    def has_left(self, row: Sequence[str]) -> bool:
        """Tell whether somebody unsubscribed, was blocked or could not be reached where the list comes from.

        Raises:
            InvalidInput: a status does not say whether somebody still wants mails.
        """
        if self.is_ours:
            return False
        statuses = list(self._statuses(row))
        marks = [cell for name, cell in zip(self.written, row, strict=False) if name.lower() in _WHEN_LEFT]
        if any(mark.strip() for mark in marks) or any(word in _LEFT for word in statuses):
            return True
        if unclear := [word for word in statuses if word not in _IN | _NOT_YET]:
            raise InvalidInput(f"The status “{unclear[0]}” does not say whether they want mails; expected enabled.")
        return False

    def _statuses(self, row: Sequence[str]) -> Iterator[str]:
        if not self.is_ours:
            for name, ours, cell in zip(self.written, self.columns, row, strict=False):
                if ours is None and name.lower() in _STATUS:
                    yield cell.strip().lower()


def mapping_of(pairs: Sequence[str]) -> dict[str, str]:
    """Return (lower-case name in the file) → our column of ``--map "Email Address=address"``.

    Raises:
        InvalidInput: one is no pair, or names no column of ours.
    """
    found = {}
    for pair in pairs:
        theirs, _, ours = (part.strip() for part in pair.rpartition("="))
        if not theirs or ours not in _READ:
            raise InvalidInput(
                f"--map “{pair}” makes no sense; expected a column of the file, =, and one of ours: {', '.join(_READ)}"
            )
        found[theirs.lower()] = ours
    return found


def read_layout(
    file: TextIO, mapping: Mapping[str, str], *, needs_area: bool, has_lists: bool = False
) -> tuple[Layout, str, int]:
    """Read the first line of a file, and Excel's ``sep=`` before it.

    Args:
        file: stands at its beginning, and behind the first line afterwards.
        mapping: which columns are ours (lower-case name in the file → our column).
        needs_area: a column of areas must be there.
        has_lists: a column of the names of lists is read.

    Returns:
        The layout, what parts the cells, and how many lines were read.

    Raises:
        InvalidInput: a column is named twice, is not known, or one that is needed is missing.
    """
    names, delimiter, lines = split_columns(file)
    return _layout(names, mapping, needs_area=needs_area, has_lists=has_lists), delimiter, lines


def split_columns(file: TextIO) -> tuple[tuple[str, ...], str, int]:
    """Read the first line of a file, and Excel's ``sep=`` before it.

    Returns:
        The names of the columns, what parts the cells, and how many lines were read.
    """
    first = file.readline().lstrip("\ufeff")
    told = first.strip().strip('"').lower()
    lines = 1
    delimiter = ""
    if told.startswith("sep=") and len(told) <= len("sep=\\t"):
        delimiter = "\t" if told in {"sep=", "sep=\\t"} else told[len("sep=")]
        first, lines = file.readline().lstrip("\ufeff"), 2
    delimiter = delimiter or max(_DELIMITERS, key=first.count)
    names = tuple(name.strip() for name in next(csv.reader([first], delimiter=delimiter), []))
    return names, delimiter, lines


def _layout(names: tuple[str, ...], mapping: Mapping[str, str], *, needs_area: bool, has_lists: bool) -> Layout:
    lower = [name.lower() for name in names]
    for name in lower:
        if name and lower.count(name) > 1:
            raise InvalidInput(f"The file has two columns “{name}”; name or remove one of them.")
    if unknown := [name for name in mapping if name not in lower]:
        raise InvalidInput(f"The file has no column “{unknown[0]}”, which --map names.{_near(unknown[0], lower)}")
    is_postal = not ADDRESS_COLUMNS.isdisjoint(lower)  # then “Address” is where somebody lives
    is_ours = "address" in lower and "address" not in mapping.values() and not is_postal
    is_others = any(marks <= set(lower) for marks in _OTHERS)
    columns = tuple(
        None
        if name == "address" and is_postal and name not in mapping
        else _ours(name, mapping, is_ours=is_ours, is_others=is_others, has_lists=has_lists)
        for name in lower
    )
    for column in _READ:
        twice = [name for name, own in zip(names, columns, strict=True) if own == column]
        if len(twice) > 1:
            raise InvalidInput(f"The columns “{'” and “'.join(twice)}” both mean “{column}”; remove one of them.")
    if "address" not in columns:
        raise InvalidInput(
            "The file has no column “address”; its first line must name the columns. Where another column holds the "
            'e-mail addresses: --map "NAME=address"'
        )
    if needs_area and "area" not in columns:
        raise InvalidInput("The file has no column “area”; give one for all lines: --area TEXT")
    if has_lists and "lists" not in columns:
        raise InvalidInput(
            'The file has no column that names lists (lists, tags …); where another does: --map "NAME=lists"'
        )
    return Layout(columns=columns, written=names, is_ours=is_ours)


def _ours(name: str, mapping: Mapping[str, str], *, is_ours: bool, is_others: bool, has_lists: bool) -> str | None:
    """Return our name of a column; None where it is left out.

    Raises:
        InvalidInput: it is a typing error.
    """
    if name in mapping:
        return mapping[name]
    if has_lists and name in _LISTS and "lists" not in mapping.values():
        return "lists"
    if name in _CELLS and not is_others:
        return name
    if is_ours:
        if name and name not in REFUSED_COLUMNS:
            raise InvalidInput(f"The file has a column “{name}”, which we do not know.{_near(name, COLUMNS)}")
        return None
    return "address" if name in ADDRESS_COLUMNS and "address" not in mapping.values() else None


def _near(name: str, choices: Sequence[str]) -> str:
    return did_you_mean(nearest(name, choices))

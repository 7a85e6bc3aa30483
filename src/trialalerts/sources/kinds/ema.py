"""The European Medicines Agency: shortages of medicines and safety letters to doctors, for people in the EU and EEA.

Whole files of its website, made anew twice a day; a third one says what medicines are for. Built from what other
public programs read of these files, never asked by us: the kinds of letters are surely not all.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from pydantic import Field

from trialalerts.catalog.text import clean_text
from trialalerts.errors import SourceError
from trialalerts.redaction import shown_url
from trialalerts.settings.values import Duration
from trialalerts.sources.base import SourceKind
from trialalerts.sources.context import SourceContext
from trialalerts.sources.feeds.links import usable_link
from trialalerts.sources.reading.days import day_in
from trialalerts.sources.reading.fields import Fields
from trialalerts.sources.reading.record import RecordView
from trialalerts.sources.safety import NoticeRegistry, SafetyNotice, Said, names_listed
from trialalerts.sources.sweeps.answers import JsonKeys
from trialalerts.sources.sweeps.registry import RegistrySettings
from trialalerts.sources.sweeps.steps import RecordPage, Span, SweepStep

__all__ = ["KIND", "Ema", "EmaSettings"]

_LETTERS, _SHORTAGES = "dhpc-output-json-report_en.json", "shortages-output-json-report_en.json"
_MEDICINES = "medicines-output-medicines_json-report_en.json"
_STATES = {"ONGOING": "shortage", "RESOLVED": "over", "DISCONTINUED": "stopped"}
_KINDS = {"QUALITY DEFECT": "letter_defect", "MEDICATION ERROR": "letter_error", "SHORTAGE": "letter_shortage"}
_OTHER_KINDS = ("SAFETY SIGNAL", "ADVERSE EVENT", "CONTRAINDICATION", "REFERRAL", "PERIODIC SAFETY", "PSUR", "PSUSA")
_OTHERS = {"YES": "others", "NO": "no_others"}
_BETWEEN = re.compile(r"\s*[/,;]\s*")
_IN_BRACKETS = re.compile(r"\s*\([^()]*\)\s*$")


class EmaSettings(RegistrySettings):
    """The address, and how often: the files are made anew at six in the morning and in the evening."""

    url: str = Field("https://www.ema.europa.eu/en/documents/report", pattern=r"^https?://[^/\s]+", repr=False)
    every: Duration = timedelta(hours=12)


class Ema(NoticeRegistry[EmaSettings]):
    """The files of letters and shortages, each whole."""

    registry = "ema.europa.eu"
    answers = JsonKeys(records="data", total="meta.total_records")
    place = "EEA"
    named_by = "dhpc_url, shortage_url, or a medicine"

    def __init__(self, settings: EmaSettings) -> None:
        super().__init__(settings)
        self._medicines: Mapping[str, RecordView] = {}

    def ask(self, step: SweepStep, span: Span, context: SourceContext) -> RecordPage:
        """Ask for the three files."""
        del step, span
        self._medicines = dict(_by_name(self.get(_MEDICINES, context).records))
        letters, shortages = (self.get(name, context).records for name in (_LETTERS, _SHORTAGES))
        return RecordPage(records=deque([*letters, *shortages]))

    def page(self, body: bytes, url: str) -> RecordPage:
        """Read a file; one that says itself that it holds more was cut off on its way."""
        page = super().page(body, url)
        if page.total is not None and page.total != page.given:
            raise SourceError(f"{shown_url(url)} gave {page.given} of {page.total} rows; it will be tried again.")
        return page

    def notice(self, record: RecordView, context: SourceContext) -> SafetyNotice | None:
        """Read a row of either file."""
        del context
        is_shortage = "medicine_affected" in record.node
        name = _name(record, is_shortage=is_shortage)
        medicines = self._named(name)
        category = record.line("category") or next(filter(None, (each.line("category") for each in medicines)), "")
        if category.lower() == "veterinary":
            return None
        own = _link(record, "shortage_url" if is_shortage else "dhpc_url")
        day = record.day("first_published_date", order="dmy") or record.day("dissemination_date", order="dmy")
        last = record.day("last_updated_date", order="dmy")
        title = _state(record) if is_shortage else _letter(record)
        has_ended = title in {"over", "stopped"}
        headings = next(
            filter(None, (names_listed(each, "therapeutic_area_mesh") for each in (record, *medicines))), []
        )
        number = own or f"{'shortage' if is_shortage else 'letter'}: {name}, {day or 'undated'}"
        indications = (clean_text(each.text("therapeutic_indication") or "") for each in medicines)
        return SafetyNotice(
            number=number if name else "",
            name=name,
            title=title,
            said=[*_told(record, day, is_shortage=is_shortage, title=title)],
            day=day,
            changed_on=(last or day) if has_ended or (last and day and last > day) else None,
            changed=title if has_ended else "anew",
            url=own or next(filter(None, (_link(each, "medicine_url") for each in medicines)), ""),
            is_own_page=bool(own),
            categories=headings,
            headings=headings,
            about="\n\n".join(filter(None, indications)),
        )

    def _named(self, name: str) -> Sequence[RecordView]:
        """Return the medicines that a name names: one, or several with a slash or a comma between."""
        whole = self._medicines.get(_key(name))
        if whole is not None:
            return (whole,)
        return [found for part in _BETWEEN.split(name) if (found := self._medicines.get(_key(part))) is not None]


def _by_name(rows: Iterable[Any]) -> Iterator[tuple[str, RecordView]]:
    for row in rows:
        medicine = RecordView(row if isinstance(row, dict) else {}, Fields(""))
        if name := medicine.line("name_of_medicine"):
            yield _key(name), medicine


def _key(name: str) -> str:
    return _IN_BRACKETS.sub("", name).casefold().strip()


def _link(record: RecordView, path: str) -> str:
    return usable_link(record.line(path) or "", "")


def _substances(record: RecordView) -> Sequence[str]:
    paths = ("active_substances", "international_non_proprietary_name_inn_or_common_name")
    return next(filter(None, (names_listed(record, path) for path in paths)), ())


def _name(record: RecordView, *, is_shortage: bool) -> str:
    """Return the names of the medicines; empty where the row is of neither file."""
    if not is_shortage and record.node.keys().isdisjoint({"dhpc_type", "dhpc_url"}):
        return ""
    return record.line("medicine_affected" if is_shortage else "name_of_medicine") or ", ".join(_substances(record))


def _state(record: RecordView) -> str:
    """Return how a shortage stands: “Shortage ongoing”, “Shortage resolved”, “Medicine discontinued”."""
    said = record.line("supply_shortage_status") or ""
    found = next((state for word, state in _STATES.items() if word in said.upper()), None)
    if found is None:
        record.wrong("supply_shortage_status", said or None, "ongoing, resolved or discontinued")
    return found or "supply"


def _letter(record: RecordView) -> str:
    """Return what a letter is about; most are about safety in some other way."""
    said = "; ".join(record.lines("dhpc_type"))
    found = next((kind for word, kind in _KINDS.items() if word in said.upper()), None)
    if found is None and not any(word in said.upper() for word in _OTHER_KINDS):
        record.wrong("dhpc_type", said or None, "a quality defect, a shortage, a safety signal …")
    return found or "letter"


def _told(record: RecordView, day: date | None, *, is_shortage: bool, title: str) -> Iterator[Said]:
    listed = "ema_over" if title == "over" else "ema_listed" if is_shortage else "ema_letter"
    yield (listed, {"day": day}) if day else ("ema_undated", {})
    yield "ask", {}
    if title == "shortage":
        if others := record.word("availability_of_alternatives", _OTHERS, "Yes or No"):
            yield others, {}
        until = record.partial_day("expected_resolution_date", order="dmy")
        if until and (end := day_in(until)):
            yield "expected_end", {"day": end}
    if substances := _substances(record):
        yield "substance", {"names": ", ".join(substances)}


KIND = SourceKind(
    what="the European Medicines Agency: shortages and safety letters on medicines", settings=EmaSettings, open=Ema
)

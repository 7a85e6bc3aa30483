"""openFDA: shortages of medicines in the US, for people there; a line for each medicine, not for each pack.

All packs are read each time (some 1,600, two questions) and put together by name. Built from openFDA's published form
and what other public programs read, never asked by us. Recalls (``drug/enforcement``) are left out: the FDA asks not
to alert the public by them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

import orjson
from pydantic import Field

from trialalerts.errors import SourceError
from trialalerts.net.client import HttpRefused
from trialalerts.redaction import shown_url
from trialalerts.settings.values import Duration
from trialalerts.sources.base import SourceKind
from trialalerts.sources.context import SourceContext
from trialalerts.sources.reading.fields import Fields
from trialalerts.sources.reading.record import RecordView
from trialalerts.sources.safety import NoticeRegistry, SafetyNotice, Said, names_listed
from trialalerts.sources.sweeps.answers import JsonKeys
from trialalerts.sources.sweeps.registry import RegistrySettings
from trialalerts.sources.sweeps.steps import RecordPage, Span, SweepStep

__all__ = ["CATEGORIES", "KIND", "OpenFda", "OpenFdaSettings"]

_AT_ONCE, _MOST = 1_000, 26_000  # openFDA's largest limit; all that it gives of a question
_PAGE = "https://www.accessdata.fda.gov/scripts/drugshortages/dsp_ActiveIngredientDetails.cfm"
_STATES = {"CURRENT": "shortage", "RESOLVED": "over", "TO BE DISCONTINUED": "stopped", "DISCONTINUED": "stopped"}
_EXPECTED = "Current, Resolved or To Be Discontinued"
_TABS = {"over": "r", "stopped": "d"}
CATEGORIES: Mapping[str, tuple[str, ...]] = {
    "ANALGESIA/ADDICTION": ("D010146",), "ANESTHESIA": ("surgery-and-anaesthesia",), "ANTI-INFECTIVE": ("D007239",),
    "ANTIVIRAL": ("D014777",), "CARDIOVASCULAR": ("D002318",), "DENTAL": ("D009057",), "DERMATOLOGY": ("D012871",),
    "ENDOCRINOLOGY/METABOLISM": ("D004700", "D008659"), "GASTROENTEROLOGY": ("D004066",), "HEMATOLOGY": ("D006402",),
    "INBORN ERRORS": ("D008661",), "MEDICAL IMAGING": (), "MUSCULOSKELETAL": ("D009140",), "NEUROLOGY": ("D009422",),
    "ONCOLOGY": ("D009369",), "OPHTHALMOLOGY": ("D005128",), "OTHER": (), "PEDIATRIC": ("child-health",),
    "PSYCHIATRY": ("D001523",), "PULMONARY/ALLERGY": ("D012140", "D006967"), "RENAL": ("D007674",),
    "REPRODUCTIVE": (), "RHEUMATOLOGY": ("D012216",), "TOTAL PARENTERAL NUTRITION": ("D009748",),
    "TRANSPLANT": ("D014180",), "UROLOGY": ("D014570",),
}  # fmt: skip
_BRANDS = ("proprietary_name", "openfda.brand_name")
_MOST_NAMES = 5


class OpenFdaSettings(RegistrySettings):
    """The address, and a key of openFDA's, which two questions a day need not have."""

    url: str = Field("https://api.fda.gov", pattern=r"^https?://[^/\s]+", repr=False)
    every: Duration = timedelta(hours=12)
    api_key: str = Field(default="", repr=False)


class OpenFda(NoticeRegistry[OpenFdaSettings]):
    """The packs that are short, put together by what is in them."""

    registry = "api.fda.gov"
    answers = JsonKeys(records="results", total="meta.results.total")
    place = "United States"
    named_by = "generic_name"

    def ask(self, step: SweepStep, span: Span, context: SourceContext) -> RecordPage:
        """Ask for all packs."""
        del step, span
        packs: list[Any] = []
        total, shown = 1, shown_url(self.settings.url)
        while len(packs) < total:
            page = self._packs(len(packs), context)
            if page.total is None:
                raise SourceError(f"{shown} did not say how many packs there are; it will be tried again.")
            total = total if packs else page.total
            if total > _MOST:
                raise SourceError(f"{shown} has {total} packs and gives {_MOST} at most; nothing of them was taken.")
            if not page.given and len(packs) < total:
                raise SourceError(f"{shown} gave {len(packs)} of {total} packs and no more; it will be tried again.")
            packs += page.records
        return RecordPage(records=_by_medicine(packs))

    def page(self, body: bytes, url: str) -> RecordPage:
        """Read an answer."""
        page = super().page(body, url)
        return replace(page, records=_by_medicine(page.records))

    def notice(self, record: RecordView, context: SourceContext) -> SafetyNotice | None:
        """Read the packs of a medicine: those that are short, or those that somebody stops making."""
        del context
        packs = record.each("packs")
        name = next(filter(None, (pack.line("generic_name") for pack in packs)), "")
        stated = {pack.word("status", _STATES, _EXPECTED, is_due=True) for pack in packs}
        title = next((state for state in ("shortage", "stopped", "over") if state in stated), "supply")
        first, latest = _days(packs, "initial_posting_date"), _days(packs, "update_date")
        # A shortage began with its first pack; that one more maker stops is news.
        day = (max if title == "stopped" else min)(first, default=None)
        categories = _categories(record, packs)
        kind = "stopped" if title == "stopped" else "shortage"
        return SafetyNotice(
            number=f"{kind}: {name.casefold()}, {day or 'undated'}" if name else "",
            name=name,
            title=f"us_{title}",
            said=[*_told(packs, day, title)],
            day=day,
            changed_on=max(latest, default=day) if title == "over" else None,
            changed="over",
            url=f"{_PAGE}?{urlencode({'AI': name, 'st': _TABS.get(title, 'c')})}",
            categories=categories,
            headings=[*dict.fromkeys(area for name in categories for area in CATEGORIES.get(name.upper(), ()))],
        )

    def _packs(self, skip: int, context: SourceContext) -> RecordPage:
        """Ask for a page of packs; where there are none, openFDA finds nothing (404)."""
        key = urlencode({"api_key": self.settings.api_key} if self.settings.api_key else {})
        asked = {"limit": str(_AT_ONCE), "skip": str(skip)}
        try:  # the key stands in the address: what a server says of that is shown without it
            answer = context.fetcher.get(f"{self.address('drug/shortages.json')}?{key}", params=asked)
        except HttpRefused as refused:
            if _finds_nothing(refused.body):
                return RecordPage.of((), total=0)
            raise
        return super().page(answer.body, shown_url(answer.url))


def _finds_nothing(body: bytes) -> bool:
    """Tell whether an error is openFDA's own way of giving an empty list; any other 404 is a wrong address."""
    with suppress(ValueError):
        return RecordView({"said": orjson.loads(body)}, Fields("")).line("said.error.code") == "NOT_FOUND"
    return False


def _by_medicine(packs: Iterable[Any]) -> deque[Any]:
    """Put packs together by medicine, those apart that somebody stops making; one without a name stays alone."""
    found: dict[object, list[Any]] = {}
    for number, pack in enumerate(packs):
        view = RecordView(pack if isinstance(pack, dict) else {}, Fields(""))
        name = (view.line("generic_name") or "").casefold()
        stops = "DISCONTINUED" in (view.line("status") or "").upper()
        found.setdefault((name, stops) if name else number, []).append(pack)
    return deque({"packs": each} for each in found.values())


def _days(packs: Iterable[RecordView], path: str) -> Sequence[date]:
    return [day for pack in packs if (day := pack.day(path, order="mdy"))]


def _told(packs: Sequence[RecordView], day: date | None, title: str) -> Iterator[Said]:
    yield ("fda_over" if title == "over" else "fda_listed", {"day": day}) if day else ("fda_undated", {})
    yield "ask", {}
    stated = [said.upper() for pack in packs if (said := pack.line("availability"))]
    if title == "shortage" and stated:
        some = sum(said.startswith(("AVAILABLE", "LIMITED")) for said in stated)
        yield "packs", {"some": some, "all": len(stated)}
    if makers := list(dict.fromkeys(maker for pack in packs if (maker := pack.line("company_name")))):
        yield "makers", {"names": _some(makers)}
    brands = (brand for pack in packs for path in _BRANDS for brand in pack.lines(path))
    own = packs[0].line("generic_name") if packs else ""
    if others := {brand.casefold(): brand for brand in brands if brand.casefold() not in (own or "").casefold()}:
        yield "brands", {"names": _some([*others.values()])}


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_MOST_NAMES]) + (" …" if len(names) > _MOST_NAMES else "")


def _categories(record: RecordView, packs: Iterable[RecordView]) -> Sequence[str]:
    """Return FDA's categories of the packs; a strange one is noted once for all of them."""
    found = list(dict.fromkeys(name for pack in packs for name in names_listed(pack, "therapeutic_category")))
    for name in (name for name in found if name.upper() not in CATEGORIES):
        record.wrong("therapeutic_category", name, "a category that we know")
    return found


KIND = SourceKind(what="openFDA: shortages of medicines in the US", settings=OpenFdaSettings, open=OpenFda)

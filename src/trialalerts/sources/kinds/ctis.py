"""EU CTIS, the register of drug trials in the EU and EEA: a list, and the whole record of what changed on it.

There is no official description of its public interface: built from what others saw of it, never asked by us. A number
is ``2023-505613-24-00``; its last part counts re-submissions, so a record goes by the first three, and the highest
re-submission counts. The status is the public one, by country too; those of the application are others. Ages are
groups: their edges are kept in days, for the criteria know the true limits.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Literal

from pydantic import Field

from trialalerts.catalog.facts import PartialDate
from trialalerts.catalog.trials.numbers import registry_numbers
from trialalerts.redaction import shown_url
from trialalerts.settings.values import Rate
from trialalerts.sources.base import SourceKind
from trialalerts.sources.context import SourceContext
from trialalerts.sources.reading.ages import days_of_age
from trialalerts.sources.reading.criteria import written_criteria
from trialalerts.sources.reading.design import design_values
from trialalerts.sources.reading.fields import Fields
from trialalerts.sources.reading.languages import language_code
from trialalerts.sources.reading.record import RecordView
from trialalerts.sources.reading.sites import contact_values, site_values
from trialalerts.sources.sweeps.answers import json_answer, json_page
from trialalerts.sources.sweeps.drafting import ReadingContext, TrialRecord
from trialalerts.sources.sweeps.registry import Listed, Reading, RegistrySettings
from trialalerts.sources.sweeps.steps import Pages, PageStep, RecordPage, Span
from trialalerts.sources.sweeps.trials import TrialRegistry

__all__ = ["KIND", "Ctis", "CtisSettings"]

_STATUSES = {
    1: "NOT_YET_RECRUITING", 2: "NOT_YET_RECRUITING", 3: "RECRUITING", 4: "RECRUITING", 5: "ACTIVE_NOT_RECRUITING",
    6: "SUSPENDED", 7: "SUSPENDED", 8: "COMPLETED", 9: "WITHDRAWN", 10: "WITHDRAWN", 11: "WITHDRAWN", 12: "WITHDRAWN",
}  # fmt: skip
"""1 under evaluation, 2 authorised and pending, 3 and 4 recruiting, 5 recruitment ended, 6 halted, 7 suspended,
8 ended, 9 expired, 10 revoked, 11 not authorised, 12 cancelled."""
_PHASES = {
    **dict.fromkeys("123", ("PHASE1",)), "4": ("PHASE2",), "5": ("PHASE3",), "6": ("PHASE4",),
    **dict.fromkeys("789", ("PHASE1", "PHASE2")), "10": ("PHASE2", "PHASE3"), "11": ("PHASE3", "PHASE4"),
}  # fmt: skip
_AGES = {2: (None, "17 Years"), 3: ("18 Years", "64 Years"), 4: ("65 Years", None)}
_PART, _PARTS = "authorizedApplication.authorizedPartI", "authorizedApplication.authorizedPartsII"
_NAMES, _INFO = f"{_PART}.trialDetails.clinicalTrialIdentifiers", f"{_PART}.trialDetails.trialInformation"
_PERSONS = f"{_INFO}.populationOfTrialSubjects"
_STARTS = (("startDateEU", "actual"), (f"{_INFO}.trialDuration.estimatedRecruitmentStartDate", "estimated"))
_ENDS = (("endDateEU", "actual"), ("endDate", "actual"), (f"{_INFO}.trialDuration.estimatedEndDate", "estimated"))
_UPPER = ("authorizedPartI", "authorizedPartsII", "memberStatesConcerned")
_MANY = 100


class CtisSettings(RegistrySettings):
    """What is asked for: everything, or what names one of some conditions."""

    url: str = Field(default="https://euclinicaltrials.eu/ctis-public-api", pattern=r"^https?://[^/\s]+", repr=False)
    at_most: Rate | None = 2.0
    conditions: tuple[str, ...] = ()


class Ctis(TrialRegistry[CtisSettings, PageStep]):
    """The register: status by status, for no question gets more than 10,000 answers."""

    registry = "euclinicaltrials.eu"
    has_details = True
    number_path, number_form, number_example = "ctNumber", re.compile(r"\d{4}-5\d{5}-\d{2}-\d{2}"), "2023-505613-24-00"
    title_path = "ctTitle"

    def __init__(self, settings: CtisSettings) -> None:
        self._questions = [(code, words) for words in settings.conditions or ("",) for code in _STATUSES]
        super().__init__(settings, Pages(size=_MANY, cap=10_000, parts=len(self._questions)))

    def filters(self, context: SourceContext) -> Sequence[str]:
        """Return the conditions."""
        del context
        return self.settings.conditions

    def ask(self, step: PageStep, span: Span, context: SourceContext) -> RecordPage:
        """Ask for a page of the list; nothing, where a first baseline is not to fetch this status."""
        code, words = self._questions[step.part]
        is_first = span.since is None and span.announce_from is None
        if is_first and self.statuses and _STATUSES[code] not in self.statuses:
            return RecordPage.of(())
        question = {
            "searchCriteria": {"status": [code], **({"medicalCondition": words} if words else {})},
            "pagination": {"page": step.page, "size": _MANY},
            "sort": {"property": "lastPublicationUpdate", "direction": "DESC"},
        }
        answer = context.fetcher.post(f"{self.settings.url.rstrip('/')}/search", json=question)
        page = self.page(answer.body, shown_url(answer.url))
        days = [_last_day(record) for record in page.records]
        # A record without a day may be new: such a page is no end.
        newest = max(day for day in days if day) if days and all(days) else None
        return RecordPage.of(page.records, total=page.total, newest=newest)

    def page(self, body: bytes, url: str) -> RecordPage:
        """Read a page of the list, or one whole record."""
        answer = json_answer(body, url, "trials")
        if isinstance(answer, dict) and "data" not in answer and "ctNumber" in answer:
            return RecordPage.of([answer])
        return json_page(body, url, records="data", total="pagination.totalRecords")

    def listed(self, record: Any) -> Listed | None:
        """Return what the list says; its version begins with the number of the re-submission."""
        number = record.get("ctNumber") if isinstance(record, dict) else None
        if not isinstance(number, str) or not self.number_form.fullmatch(number):
            return None
        says = [record.get(key) for key in ("lastUpdated", "lastPublicationUpdate", "ctStatus", "trialCountries")]
        return Listed(external_id=self.external_id(number), version=f"{number[-2:]} {says}", record=record)

    def is_news(self, entry: Listed, known: str) -> bool:
        """Tell whether a record is asked for anew: never an earlier re-submission than the one that is known."""
        return entry.version != known and entry.version[:2] >= known[:2]

    def details(self, entry: Listed, context: SourceContext) -> Any | None:
        """Ask for a whole record; what the list says stays in it. Some that came from EudraCT have no page."""
        url = f"{self.settings.url.rstrip('/')}/retrieve/{entry.record['ctNumber']}"
        answer = context.fetcher.find(url, accept="application/json")
        whole = answer and json_answer(answer.body, shown_url(answer.url), "a trial")
        return {**entry.record, **whole} if isinstance(whole, dict) else None

    def external_id(self, number: str) -> str:
        """Return the number without the count of re-submissions."""
        return number[:-3]

    def read(self, record: Any, position: str, context: ReadingContext) -> Reading:
        """Read a record; one of before the register was made anew in June 2024 has its parts one floor higher."""
        if isinstance(record, dict) and "authorizedApplication" not in record:
            record = {**record, "authorizedApplication": {key: record.get(key) for key in _UPPER}}
        return super().read(record, position, context)

    def trial(self, record: RecordView, number: str, context: ReadingContext) -> TrialRecord:
        """Read a trial."""
        names, groups = record.at(_NAMES), record.each(f"{_PERSONS}.clinicalTrialGroups")
        conditions, branches = _conditions(record)
        sponsors = [each for each in record.each(f"{_PART}.sponsors") if each.flag("primary")]
        facts = {
            "numbers": _numbers(number, record),
            "official_title": names.line("fullTitle") or record.line("ctTitle"),
            "status": _status(record),
            "phases": _PHASES.get(record.code(f"{_INFO}.trialCategory.trialPhase") or "", ()),
            "study_type": "INTERVENTIONAL",
            "conditions": conditions,
            "keywords": branches,
            "sex": _sex(record.flag(f"{_PERSONS}.isFemaleSubjects"), record.flag(f"{_PERSONS}.isMaleSubjects")),
            **_ages(record),
            "healthy_volunteers": any("healthy" in (e.line("name") or "").lower() for e in groups) if groups else None,
            "criteria": written_criteria(*(_criteria(record, f"principal{kind}Criteria") for kind in _SIDES)),
            "sites": list(_sites(record, context)),
            "contacts": list(_contacts(sponsors)),
            "sponsor": next((each.line("organisation.name") for each in sponsors), record.line("sponsor")),
            "start": _first_day(record, _STARTS),
            "completion": _first_day(record, _ENDS),
            "has_results": (record.line("resultsFirstReceived") or "").lower() == "yes",
            "first_posted": record.day("decisionDateOverall", order="dmy"),
            "last_update_posted": record.day("lastPublicationUpdate", order="dmy"),
            "plain": design_values((("DRUG", name, ()) for name in _parts(record.line("product"))), ()),
            "lay": _lay(names),
        }
        return TrialRecord(
            number=self.external_id(number),
            url=f"https://euclinicaltrials.eu/search-for-clinical-trials/?lang=en&EUCT={number}",
            title=names.line("publicTitle") or record.line("ctTitle"),
            summary=record.text(f"{_INFO}.trialObjective.mainObjective") or "",
            facts=facts,
        )


_SIDES = ("Inclusion", "Exclusion")


def _last_day(record: Any) -> date | None:
    view = RecordView(record if isinstance(record, dict) else {}, Fields(""))
    days = [view.day(key, order="dmy") for key in ("lastUpdated", "lastPublicationUpdate")]
    return max(filter(None, days), default=None)


def _numbers(number: str, record: RecordView) -> tuple[str, ...]:
    """Return the numbers; a trial that came from EudraCT has both."""
    others = record.at(f"{_NAMES}.secondaryIdentifyingNumbers")
    stated = [record.line("authorizedApplication.eudraCt.eudraCtCode"), others.line("nctNumber.number")]
    stated += [each.line("number") for each in others.each("additionalRegistries")]
    return (number, *registry_numbers(filter(None, stated), are_ids=True))


def _status(record: RecordView) -> str | None:
    """Return the status: what ended before its time, or after it had recruited, was terminated."""
    code = _code(record, "ctPublicStatusCode")
    status = _STATUSES.get(code or 0)
    if status is None:
        record.wrong("ctPublicStatusCode", code, "a status from 1 to 12")
    told = {each.line("notificationType") for part in record.each("events.trialEvents") for each in part.each("events")}
    recruited = any(part.flag("mscInfo.hasRecruitmentStarted") for part in record.each(_PARTS))
    is_cut_off = (status == "COMPLETED" and "EARLY_TERMINATION" in told) or (status == "WITHDRAWN" and recruited)
    return "TERMINATED" if is_cut_off else status


def _code(view: RecordView, path: str) -> int | None:
    """Return a code, which is a number in some records and a text in others."""
    text = view.code(path)
    return int(text) if text is not None and text.isdecimal() else None


def _conditions(record: RecordView) -> tuple[Sequence[str], Sequence[str]]:
    """Return what the record names, with MedDRA's terms; and the branches of MeSH that it stands under."""
    said = record.at(f"{_INFO}.medicalCondition")
    named = [each.line("medicalCondition") for each in said.each("partIMedicalConditions")]
    terms = [each.line("termName") for each in said.each("meddraConditionTerms")]
    words = (*(filter(None, named) if any(named) else _parts(record.line("conditions"))), *filter(None, terms))
    areas = (re.sub(r" \[[A-Z]\d*\]$", "", area.rpartition(" - ")[2]) for area in record.lines("therapeuticAreas"))
    return list(dict.fromkeys(re.sub(r" (NOS|NEC)$", "", word) for word in words)), list(dict.fromkeys(areas))


def _parts(text: str | None) -> list[str]:
    return [part.strip() for part in (text or "").split(",") if part.strip()]


def _ages(record: RecordView) -> dict[str, int | None]:
    codes = {_code(each, "ageRangeCategoryCode") for each in record.each(f"{_PERSONS}.ageRanges")}
    groups = [edges for code, edges in _AGES.items() if code in codes]
    if not groups or not codes <= _AGES.keys():
        return {}
    edges = {"minimum_age_days": groups[0][0], "maximum_age_days": groups[-1][1]}
    return {limit: edge and days_of_age(edge) for limit, edge in edges.items()}  # type: ignore[misc]  # no empty edge


def _sex(female: bool | None, male: bool | None) -> Literal["all", "female", "male"] | None:
    return ("all" if male else "female") if female else "male" if male else None


def _criteria(record: RecordView, key: str) -> list[str | None]:
    points = record.each(f"{_INFO}.eligibilityCriteria.{key}")
    return [each.text(key) for each in sorted(points, key=lambda each: each.whole("number") or 0)]


def _sites(record: RecordView, context: ReadingContext) -> Iterable[Mapping[str, Any]]:
    """Give the hospitals with the status of their country, then the countries that name none."""
    listed = [entry.partition(":") for entry in record.lines("trialCountries")]
    statuses = {name: _STATUSES.get(int(code)) for name, _, code in listed if code.isdecimal()}
    states = record.each("authorizedApplication.memberStatesConcerned")
    statuses |= {each.line("mscName") or "": _STATUSES.get(_code(each, "mscPublicStatusCode") or 0) for each in states}
    named = set()
    for number, part in enumerate(record.each(_PARTS)):
        state = part.line("mscInfo.mscName") or ""
        for place, each in enumerate(part.each("trialSites")):
            named.add(state)
            where = each.at("organisationAddressInfo")
            yield site_values(
                context.locator, record.fields, f"authorizedPartsII[{number}].trialSites[{place}]",
                facility=where.line("organisation.name"), city=where.line("address.city"),
                postcode=where.line("address.postcode"), country=where.line("address.countryName") or state,
                status=statuses.get(state),
            )  # fmt: skip
    elsewhere = [each.line("name") or "" for each in record.each(f"{_PART}.rowCountriesInfo")]
    for country in dict.fromkeys((*statuses, *elsewhere)):
        if country and country not in named:
            yield site_values(
                context.locator, record.fields, "trialCountries", facility=None, city=None, country=country,
                status=statuses.get(country),
            )  # fmt: skip


def _contacts(sponsors: Iterable[RecordView]) -> Iterable[Mapping[str, Any]]:
    for each in (contact for sponsor in sponsors for contact in sponsor.each("publicContacts")):
        read = contact_values(each.line("functionalName"), each.line("telephone"), each.line("functionalEmailAddress"))
        if read:
            yield read


def _first_day(record: RecordView, paths: Iterable[tuple[str, str]]) -> PartialDate | None:
    return next(filter(None, (record.partial_day(path, kind, order="dmy") for path, kind in paths)), None)


def _lay(names: RecordView) -> list[Mapping[str, Any]]:
    titles = {"en": names.line("publicTitle")}
    for each in names.each("publicTitleTranslations"):
        if language := language_code(each.line("languageDescription")):
            titles[language] = each.line("attributeTranslation")
    return [{"language": language, "title": title} for language, title in titles.items() if title]


KIND = SourceKind(
    what="EU CTIS: drug trials in the EU and EEA, with their hospitals and plain titles",
    settings=CtisSettings,
    open=Ctis,
)

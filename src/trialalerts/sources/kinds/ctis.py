"""EU CTIS, the register of drug trials in the EU and EEA: a list, and the whole record of what changed on it.

Nobody describes its interface: built from what others saw of it, never asked by us. Of a number such as
``2023-505613-24-00`` the last part counts re-submissions: a record goes by the first three, and the highest counts. The
status is the public one, by country too; those of the application are others. Of ages only groups are known.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field

from trialalerts.settings.values import Rate
from trialalerts.sources.base import SourceKind
from trialalerts.sources.context import SourceContext
from trialalerts.sources.mapping.words import enrolment_told, parts_told, phases_told, sex_told
from trialalerts.sources.reading.criteria import written_criteria
from trialalerts.sources.reading.design import design_values
from trialalerts.sources.reading.languages import language_code
from trialalerts.sources.reading.people import group_values, sex_of, takes_healthy_people
from trialalerts.sources.reading.record import RecordView
from trialalerts.sources.reading.sites import contacts_by_path, sites_by_path, with_countries
from trialalerts.sources.sweeps.answers import JsonKeys
from trialalerts.sources.sweeps.drafting import ReadingContext, TrialRecord
from trialalerts.sources.sweeps.registry import WordedSettings
from trialalerts.sources.sweeps.steps import Pages, PageStep, RecordPage, Span
from trialalerts.sources.sweeps.trials import TrialRegistry, trial_numbers

__all__ = ["KIND", "Ctis", "CtisSettings"]

_STATUSES = {
    **dict.fromkeys("12", "NOT_YET_RECRUITING"), **dict.fromkeys("34", "RECRUITING"), "5": "ACTIVE_NOT_RECRUITING",
    **dict.fromkeys("67", "SUSPENDED"), "8": "COMPLETED", **dict.fromkeys(("9", "10", "11", "12"), "WITHDRAWN"),
}  # fmt: skip
"""1 under evaluation, 2 authorised and pending, 3 and 4 recruiting, 5 recruitment ended, 6 halted, 7 suspended,
8 ended, 9 expired, 10 revoked, 11 not authorised, 12 cancelled."""
_LISTED = _STATUSES | {"ONGOING, RECRUITING": "RECRUITING", "AUTHORISED, NOT STARTED": "NOT_YET_RECRUITING"}  # 2024
_PHASES = {
    **dict.fromkeys("123", ("PHASE1",)), "4": ("PHASE2",), "5": ("PHASE3",), "6": ("PHASE4",),
    **dict.fromkeys("789", ("PHASE1", "PHASE2")), "10": ("PHASE2", "PHASE3"), "11": ("PHASE3", "PHASE4"),
}  # fmt: skip
_AGES = {"2": (None, "17 Years"), "3": ("18 Years", "64 Years"), "4": ("65 Years", None)}
_AGES |= {"0-17 years": _AGES["2"], "18-64 years": _AGES["3"], "65+ years": _AGES["4"]}
_SITE = {"facility": "organisation.name", "country": "address.countryName"}
_SITE |= {key: f"address.{key}" for key in ("city", "postcode")}
_CHANGED, _MANY = ("lastUpdated", "lastPublicationUpdate"), 100
_CRITERIA = ("principalInclusionCriteria", "principalExclusionCriteria")


class CtisSettings(WordedSettings):
    """What is asked for: everything, or what names one of some conditions."""

    url: str = Field(default="https://euclinicaltrials.eu/ctis-public-api", pattern=r"^https?://[^/\s]+", repr=False)
    at_most: Rate | None = 2.0


class Ctis(TrialRegistry[CtisSettings, PageStep]):
    """The register: status by status, for no question gets more than 10,000 answers."""

    registry = "euclinicaltrials.eu"
    has_details = True
    answers = JsonKeys(records="data", total="pagination.totalRecords", key="ctNumber", changed=_CHANGED, order="dmy")
    number_path, number_form, number_example = "ctNumber", re.compile(r"\d{4}-5\d{5}-\d{2}-\d{2}"), "2023-505613-24-00"
    title_path, detail_path, list_keys = "ctTitle", "retrieve/{number}", (*_CHANGED, "ctStatus", "trialCountries")

    def __init__(self, settings: CtisSettings) -> None:
        self._questions = [(code, words) for words in settings.conditions or ("",) for code in _STATUSES]
        super().__init__(settings, Pages(size=_MANY, cap=10_000, parts=len(self._questions)))

    def ask(self, step: PageStep, span: Span, context: SourceContext) -> RecordPage:
        """Ask for a page of the list; nothing, where a first baseline is not to fetch this status."""
        code, words = self._questions[step.part]
        if (wanted := self.first_statuses(span)) and _STATUSES[code] not in wanted:
            return RecordPage.of(())
        question = {
            "searchCriteria": {"status": [int(code)], **({"medicalCondition": words} if words else {})},
            "pagination": {"page": step.page, "size": _MANY},
            "sort": {"property": "lastPublicationUpdate", "direction": "DESC"},
        }
        return self.post("search", question, context)

    def external_id(self, number: str) -> str:
        """Return the number without the count of re-submissions."""
        return number[:-3]

    def trial(self, record: RecordView, number: str, context: ReadingContext) -> TrialRecord:
        """Read a trial; one of before the register was made anew in June 2024 has its parts one floor higher."""
        whole = record.at("authorizedApplication") or record
        part = whole.at("authorizedPartI")
        names, info = part.at("trialDetails.clinicalTrialIdentifiers"), part.at("trialDetails.trialInformation")
        ids, planned = names.at("secondaryIdentifyingNumbers"), info.at("trialDuration")
        people, points = info.at("populationOfTrialSubjects"), info.at("eligibilityCriteria")
        stated = whole.line("eudraCt.eudraCtCode"), ids.line("nctNumber.number")
        sponsors = [each for each in part.each("sponsors") if each.flag("primary")]
        ages = people.each_line("ageRanges", "ageRangeCategoryCode") or parts_told(record, "ageGroup", ",")
        facts = {
            "numbers": trial_numbers(number, *stated, *ids.each_line("additionalRegistries", "number")),
            "official_title": names.line("fullTitle") or record.line("ctTitle"),
            "status": _status(record, whole),
            "phases": info.word("trialCategory.trialPhase", _PHASES, "1 to 11") or phases_told(record, "trialPhase"),
            "study_type": "INTERVENTIONAL",
            **_conditions(record, info.at("medicalCondition")),
            "sex": sex_of(female=people.flag("isFemaleSubjects"), male=people.flag("isMaleSubjects"))
            or sex_told(record, "gender"),
            **group_values(ages, _AGES),
            "healthy_volunteers": takes_healthy_people(people.each_line("clinicalTrialGroups", "name")),
            "criteria": written_criteria(*(points.each_line(key, key, by="number") for key in _CRITERIA)),
            "sites": _sites(record, whole, context),
            "contacts": contacts_by_path(
                (contact for sponsor in sponsors for contact in sponsor.each("publicContacts")),
                name=("functionalName",), phone="telephone", email="functionalEmailAddress",
            ),
            "sponsor": next((each.line("organisation.name") for each in sponsors), record.line("sponsor")),
            "enrolment": enrolment_told(record, "totalNumberEnrolled"),
            "start": record.partial_day("startDateEU", "actual", order="dmy")
            or planned.partial_day("estimatedRecruitmentStartDate", "estimated"),
            "completion": record.partial_day("endDateEU", "actual", order="dmy")
            or record.partial_day("endDate", "actual", order="dmy")
            or planned.partial_day("estimatedEndDate", "estimated"),
            "has_results": (record.line("resultsFirstReceived") or "").lower() == "yes",
            "first_posted": record.day("decisionDateOverall", order="dmy") or record.day("authorizationDate"),
            "last_update_posted": record.day(_CHANGED[1], order="dmy") or record.day(_CHANGED[0], order="dmy"),
            "plain": design_values((("DRUG", name, ()) for name in parts_told(record, "product", ",")), ()),
            "lay": _lay(names.line("publicTitle"), names.each("publicTitleTranslations")),
        }  # fmt: skip
        return TrialRecord(
            number=self.external_id(number),
            url=f"https://euclinicaltrials.eu/search-for-clinical-trials/?lang=en&EUCT={number}",
            title=names.line("publicTitle") or record.line("ctTitle"),
            summary=info.text("trialObjective.mainObjective") or "",
            facts=facts,
        )


def _status(record: RecordView, whole: RecordView) -> str | None:
    """Return the status: what ended before its time, or after it had recruited, was terminated."""
    listed = None if record.code("ctPublicStatusCode") else _LISTED.get((record.code("ctStatus") or "").upper())
    status = listed or record.word("ctPublicStatusCode", _STATUSES, "a status from 1 to 12", is_due=True)
    told = {kind for part in record.each("events.trialEvents") for kind in part.each_line("events", "notificationType")}
    recruited = any(part.flag("mscInfo.hasRecruitmentStarted") for part in whole.each("authorizedPartsII"))
    is_cut_off = (status == "COMPLETED" and "EARLY_TERMINATION" in told) or (status == "WITHDRAWN" and recruited)
    return "TERMINATED" if is_cut_off else status


def _conditions(record: RecordView, said: RecordView) -> Mapping[str, Any]:
    """Return what the record names, with MedDRA's terms; and the branches of MeSH that it stands under."""
    words = said.each_line("partIMedicalConditions", "medicalCondition") or parts_told(record, "conditions", ",")
    words = (*words, *said.each_line("meddraConditionTerms", "termName"))
    areas = (re.sub(r" \[[A-Z]\d*\]$", "", area.rpartition(" - ")[2]) for area in record.lines("therapeuticAreas"))
    named = dict.fromkeys(re.sub(r" (NOS|NEC)$", "", word) for word in words)
    return {"conditions": tuple(named), "keywords": tuple(dict.fromkeys(areas))}


def _sites(record: RecordView, whole: RecordView, context: ReadingContext) -> Sequence[Mapping[str, Any]]:
    """Return the hospitals with the status of their country, and the countries that name none."""
    codes = dict(entry.partition(":")[::2] for entry in record.lines("trialCountries") if entry[-1:].isdigit())
    states = whole.each("memberStatesConcerned")
    codes |= {each.line("mscName") or "": each.code("mscPublicStatusCode") or "" for each in states}
    statuses = {name: _STATUSES.get(code) for name, code in codes.items()}
    hospitals: list[dict[str, Any]] = []
    for part in whole.each("authorizedPartsII"):
        name = part.line("mscInfo.mscName") or ""
        places = (site.at("organisationAddressInfo") for site in part.each("trialSites"))
        hospitals += sites_by_path(places, context.locator, _SITE, country=name, status=statuses.get(name))
    elsewhere = whole.each_line("authorizedPartI.rowCountriesInfo", "name")
    return with_countries(hospitals, dict.fromkeys((*statuses, *elsewhere)) | statuses, record, context.locator)


def _lay(english: str | None, translated: Sequence[RecordView]) -> list[Mapping[str, Any]]:
    told = [(language_code(each.line("languageDescription")), each.line("attributeTranslation")) for each in translated]
    titles = dict([("en", english), *told])
    return [{"language": language, "title": title} for language, title in titles.items() if language and title]


KIND = SourceKind(
    what="EU CTIS: drug trials in the EU and EEA, with hospitals and plain titles", settings=CtisSettings, open=Ctis
)

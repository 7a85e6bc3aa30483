"""ClinicalTrials.gov (API v2), whole or by conditions, countries and statuses; older exports are read too.

The registry dates updates by day, in another time zone, so each sweep reaches back over an overlap. Its records are
ours: statuses, phases and study types stand in its capitals everywhere in the program.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

from pydantic import Field

from trialalerts.catalog.facts import PartialDate
from trialalerts.catalog.text import clean_text
from trialalerts.catalog.trials.numbers import registry_numbers
from trialalerts.catalog.trials.status import STATUSES
from trialalerts.logs import Logger
from trialalerts.net.client import HttpRefused
from trialalerts.redaction import shown_url
from trialalerts.sources.base import SourceKind
from trialalerts.sources.context import SourceContext
from trialalerts.sources.reading.countries import country_names
from trialalerts.sources.reading.design import MOST_LISTED, design_values
from trialalerts.sources.reading.fields import Fields, cleaned
from trialalerts.sources.reading.people import age_values
from trialalerts.sources.reading.reach import said_reach
from trialalerts.sources.reading.record import RecordView
from trialalerts.sources.reading.sites import contact_values, is_on_earth, point_at, site_values
from trialalerts.sources.sweeps.answers import JsonKeys
from trialalerts.sources.sweeps.drafting import ReadingContext, TrialRecord
from trialalerts.sources.sweeps.registry import RegistrySettings
from trialalerts.sources.sweeps.steps import RecordPage, Span, Token, TokenStep
from trialalerts.sources.sweeps.trials import TrialRegistry
from trialalerts.vocabulary.areas.mesh_ids import normal_mesh_id
from trialalerts.vocabulary.places.site_names import SiteLocator
from trialalerts.vocabulary.tagging.term_trust import trusted_record

__all__ = ["KIND", "ClinicalTrialsGov", "ClinicalTrialsGovSettings"]

log = Logger()

FIELDS = (
    "IdentificationModule|StatusModule|LeadSponsorName|BriefSummary|ConditionsModule|DesignModule|EligibilityModule|"
    "CentralContactName|CentralContactPhone|CentralContactPhoneExt|CentralContactEMail|"
    "LocationFacility|LocationStatus|LocationCity|LocationState|LocationZip|LocationCountry|LocationGeoPoint|"
    "LocationContactName|LocationContactRole|LocationContactPhone|LocationContactPhoneExt|LocationContactEMail|"
    "ArmGroupLabel|ArmGroupType|ArmGroupInterventionName|InterventionType|InterventionName|InterventionOtherName|"
    "InterventionMeshTerm|ConditionBrowseModule|HasResults"
)
"""What is read of a study. Whole ones are three times as large."""
_BAD_REQUEST = 400
_PHASES = frozenset({"NA", "EARLY_PHASE1", "PHASE1", "PHASE2", "PHASE3", "PHASE4"})
_SEXES: Mapping[str, Literal["female", "male", "all"]] = {"FEMALE": "female", "MALE": "male", "ALL": "all"}
_DATE_KINDS = {"ACTUAL": "actual", "ESTIMATED": "estimated", "ANTICIPATED": "estimated"}
_PURPOSES = {
    "PREVENTION": "prevention", "SCREENING": "screening", "DIAGNOSTIC": "diagnosis",
    "SUPPORTIVE_CARE": "symptom-control",
}  # fmt: skip
"""What a study says it is for, and the topic that this is."""
_MESH = re.compile(r"[CD]\d{6,9}")
_NUMBER_TYPES = frozenset({"EUDRACT_NUMBER", "CTIS", "REGISTRY"})
_SITE_KEYS = ("facility", "status", "city", "state", "zip", "country")
_ROLES: Mapping[str, Literal["investigator"]] = {"PRINCIPAL_INVESTIGATOR": "investigator"}
_NOT_ASKED = "SUB_INVESTIGATOR"


class ClinicalTrialsGovSettings(RegistrySettings):
    """What is asked for: everything, or some conditions and countries."""

    url: str = Field(default="https://clinicaltrials.gov/api/v2", pattern=r"^https?://[^/\s]+", repr=False)
    page_size: int = Field(default=500, ge=1, le=1_000)
    conditions: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()


class ClinicalTrialsGov(TrialRegistry[ClinicalTrialsGovSettings, TokenStep]):
    """The registry, page by page."""

    registry = "clinicaltrials.gov"
    reading = 2
    answers = JsonKeys(records="studies", next_key="nextPageToken", total="totalCount", key="protocolSection")
    number_path, number_form, number_example = "identificationModule.nctId", re.compile(r"NCT\d{8}"), "NCT01234567"
    name_path, title_path = "identificationModule.orgStudyIdInfo.id", "identificationModule.briefTitle"

    def __init__(self, settings: ClinicalTrialsGovSettings) -> None:
        super().__init__(settings, Token(size=settings.page_size))
        url = urlsplit(settings.url)
        self._url = url._replace(path=f"{url.path.rstrip('/')}/studies", query="", fragment="").geturl()
        self._given = dict(parse_qsl(url.query, keep_blank_values=True))  # a proxy may want a key
        self._with_fields = True

    def filters(self, context: SourceContext) -> dict[str, str]:
        """Return the query that is the same in every sweep."""
        filters: dict[str, str] = {}
        if self.settings.conditions:
            filters["query.cond"] = " OR ".join(map(_quoted, self.settings.conditions))
        if self.settings.countries:
            names = country_names(self.settings.countries, context.locator, self.settings.name)
            places = " OR ".join(f"AREA[LocationCountry]{_quoted(name)}" for name in names)
            filters["filter.advanced"] = f"({places})"
        return filters

    def ask(self, step: TokenStep, span: Span, context: SourceContext) -> RecordPage:
        """Ask for a page of studies."""
        filters = self.filters(context)
        params = {
            **self._given,
            "format": "json",
            "markupFormat": "markdown",
            **({"fields": FIELDS} if self._with_fields else {}),
            "pageSize": str(self.settings.page_size),
            **filters,
        }
        if span.since:
            updated = f"AREA[LastUpdatePostDate]RANGE[{span.since.isoformat()},MAX]"
            params["filter.advanced"] = " AND ".join(filter(None, (updated, filters.get("filter.advanced"))))
        elif wanted := self.first_statuses(span):
            params["filter.overallStatus"] = "|".join(sorted(wanted))
        params |= {"pageToken": step.token} if step.token else {"countTotal": "true"}
        try:
            answer = context.fetcher.get(self._url, params=params, accept="application/json")
        except HttpRefused as refused:
            about_fields = refused.status == _BAD_REQUEST and "field" in refused.said.lower()
            if not about_fields or step.token or not self._with_fields:
                raise
            # The registry renames a field now and then. Whole studies are more than is needed, but nothing is missed.
            log.warning("source.fields_refused", source=self.settings.name, answer=refused.said)
            self._with_fields = False
            return self.ask(step, span, context)
        return self.page(answer.body, shown_url(answer.url))

    def inside(self, record: RecordView) -> RecordView:
        """Return the part of a study that is not derived."""
        return record.apart("protocolSection")

    def trial(self, record: RecordView, number: str, context: ReadingContext) -> TrialRecord:
        """Read a study."""
        said, derived = self.inside(record), record.apart("derivedSection")
        summary = said.text("descriptionModule.briefSummary") or ""
        purpose = said.line("designModule.designInfo.primaryPurpose")
        former = said.lines("identificationModule.nctIdAliases")
        aliases = tuple(alias.upper() for alias in former if alias.upper() != number)
        facts = {
            **_named(said, derived, summary, context),
            **_plain_facts(said),
            "numbers": _numbers(said, (number, *aliases)),
            "sites": read_sites(said, context.locator),
            "contacts": read_contacts(said, "contactsLocationsModule.centralContacts"),
            "has_results": record.flag("hasResults") or False,
            "plain": _design(said, derived, purpose),
        }
        return TrialRecord(
            number=number,
            url=f"https://clinicaltrials.gov/study/{number}",
            title=said.line(self.title_path),
            summary=summary,
            facts=facts,
            topics=[_PURPOSES[purpose]] if purpose in _PURPOSES else (),
            aliases=aliases,
        )


def _quoted(words: str) -> str:
    return '"' + " ".join(words.replace('"', " ").replace("\\", " ").split()) + '"'


def _named(said: RecordView, derived: RecordView, summary: str, context: ReadingContext) -> dict[str, Any]:
    """Return what the study is called and about: its conditions, and those of its MeSH terms that can be trusted."""
    conditions, keywords = said.lines("conditionsModule.conditions"), said.lines("conditionsModule.keywords")
    official = said.line("identificationModule.officialTitle")
    titles = (said.line("identificationModule.briefTitle") or "", official or "")
    words = (*conditions, *keywords, *titles)
    mesh, ancestors = trusted_record(
        _terms(derived, "meshes"), _terms(derived, "ancestors"), words, context.conditions.areas
    )
    return {
        "acronym": said.line("identificationModule.acronym"),
        "official_title": official,
        "conditions": conditions,
        "keywords": keywords,
        "mesh": mesh,
        "mesh_ancestors": ancestors,
        "reach": said_reach(titles=titles, text=summary),
    }


def _plain_facts(said: RecordView) -> dict[str, Any]:
    status = "a status that this program knows"
    return {
        "status": said.known_word("statusModule.overallStatus", STATUSES, status),
        "last_known_status": said.known_word("statusModule.lastKnownStatus", STATUSES, status),
        "why_stopped": said.line("statusModule.whyStopped"),
        "phases": said.known_words("designModule.phases", _PHASES, "a phase such as PHASE2"),
        "study_type": said.line("designModule.studyType"),
        "sex": said.word("eligibilityModule.sex", _SEXES, "FEMALE, MALE or ALL"),
        **age_values(said.age("eligibilityModule.minimumAge"), said.age("eligibilityModule.maximumAge")),
        "healthy_volunteers": said.flag("eligibilityModule.healthyVolunteers"),
        "criteria": clean_text(said.text("eligibilityModule.eligibilityCriteria") or ""),
        "sponsor": said.line("sponsorCollaboratorsModule.leadSponsor.name"),
        "enrolment": said.whole("designModule.enrollmentInfo.count"),
        "start": _dated(said.at("statusModule.startDateStruct")),
        "completion": _dated(said.at("statusModule.completionDateStruct")),
        "first_posted": said.day("statusModule.studyFirstPostDateStruct.date"),
        "last_update_posted": said.day("statusModule.lastUpdatePostDateStruct.date"),
        "last_verified": said.partial_day("statusModule.statusVerifiedDate"),
    }


def _numbers(said: RecordView, own: Sequence[str]) -> tuple[str, ...]:
    """Return the numbers of this trial in registries; grants and the sponsors' own numbers name other things."""
    numbers = dict.fromkeys(own)
    for info in said.each("identificationModule.secondaryIdInfos"):
        number = info.line("id")
        if number and (info.line("type") in _NUMBER_TYPES or registry_numbers((number,))):
            numbers[number[:100]] = None
    return tuple(numbers)


def _dated(struct: RecordView) -> PartialDate | None:
    return struct.partial_day("date", _DATE_KINDS.get(struct.line("type") or "")) if struct else None


def _design(said: RecordView, derived: RecordView, purpose: str | None) -> dict[str, Any]:
    arms, info = said.at("armsInterventionsModule"), said.at("designModule.designInfo")
    given, groups = arms.each("interventions")[:MOST_LISTED], arms.each("armGroups")[:MOST_LISTED]
    return design_values(
        ((each.line("type"), each.line("name"), each.lines("otherNames")) for each in given),
        ((each.line("type"), each.line("label"), each.lines("interventionNames")) for each in groups),
        mesh=derived.each_line("interventionBrowseModule.meshes", "term"),
        allocation=info.line("allocation"),
        model=info.line("interventionModel"),
        purpose=purpose,
        masked=info.lines("maskingInfo.whoMasked"),
        observational_model=info.line("observationalModel"),
        time_perspective=info.line("timePerspective"),
        is_register=said.flag("designModule.patientRegistry"),
    )


def _terms(derived: RecordView, key: str) -> list[dict[str, str]]:
    terms: dict[str, dict[str, str]] = {}
    for view in derived.each(f"conditionBrowseModule.{key}"):
        term = _term(view.line("id") or "", view.line("term") or "")
        if term:
            terms[term["id"]] = term
        else:
            view.note("", "found no MeSH id with its term")
    return list(terms.values())


@lru_cache(maxsize=32_768)
def _term(id_: str, name: str) -> dict[str, str] | None:
    return {"id": normal_mesh_id(id_), "name": name} if name and _MESH.fullmatch(id_) else None


def read_contacts(view: RecordView, path: str) -> list[dict[str, Any]]:
    """Return contacts as the values of :class:`~trialalerts.catalog.facts.Contact`, in the registry's order."""
    read = [
        contact_values(
            raw.line("name"), raw.line("phone"), raw.line("email"),
            extension=raw.line("phoneExt"), role=_ROLES.get(raw.line("role") or ""),
        )
        for raw in view.each(path)
        if raw.line("role") != _NOT_ASKED
    ]  # fmt: skip
    return [contact for contact in read if contact]


def read_sites(view: RecordView, locator: SiteLocator) -> list[dict[str, Any]]:
    """Return the sites as the values of :class:`~trialalerts.catalog.facts.Site`."""
    path = "contactsLocationsModule.locations"
    return [site for number, raw in enumerate(view.items(path))
            if (site := _site(raw, view, f"{path}[{number}]", locator)) is not None]  # fmt: skip


def _site(raw: Any, view: RecordView, path: str, locator: SiteLocator) -> dict[str, Any] | None:
    if not isinstance(raw, dict):
        if raw is not None:
            view.wrong(path, raw, "an object")
        return None
    # Nearly all are written as usual, and there are ten of them to a study: those need no view of their own.
    words = [raw.get(key) for key in _SITE_KEYS]
    if all(type(word) is str or word is None for word in words):
        words = [cleaned(word) or None if word else None for word in words]
    else:
        words = [RecordView(raw, view.fields, f"{path}.").line(key) for key in _SITE_KEYS]
    facility, status, city, state, postcode, country = words
    site = site_values(
        locator, view.fields, path, facility=facility, city=city, state=state, postcode=postcode, country=country,
        status=status, point=_point(raw, view.fields, path),
    )  # fmt: skip
    if raw.get("contacts"):
        site["contacts"] = read_contacts(RecordView(raw, view.fields, f"{path}."), "contacts")
    return site


def _point(raw: Mapping[str, Any], fields: Fields, path: str) -> tuple[float, float] | None:
    point = raw.get("geoPoint")
    if point is None:
        return None
    latitude, longitude = (point.get("lat"), point.get("lon")) if type(point) is dict else (None, None)
    if type(latitude) is float and type(longitude) is float and is_on_earth(latitude, longitude):
        return latitude, longitude
    return point_at(RecordView(raw, fields, f"{path}."), "geoPoint")


KIND = SourceKind(
    what="ClinicalTrials.gov: all its studies, or those of some conditions and countries",
    settings=ClinicalTrialsGovSettings,
    open=ClinicalTrialsGov,
)

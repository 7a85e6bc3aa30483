"""The reading of one ClinicalTrials.gov study (API v2, also as older exports write it) into a draft."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from functools import lru_cache
from typing import Any, Literal

from trialalerts.catalog.draft import FieldProblem, ItemDraft
from trialalerts.catalog.facts import PartialDate, TrialFacts
from trialalerts.catalog.tables import ItemKind
from trialalerts.catalog.text import clean_text
from trialalerts.sources.clinicaltrials_gov.contacts import read_contacts
from trialalerts.sources.clinicaltrials_gov.design import read_design
from trialalerts.sources.clinicaltrials_gov.reach import said_reach
from trialalerts.sources.clinicaltrials_gov.sites import read_sites
from trialalerts.sources.fields import UNNAMED, Fields, cleaned
from trialalerts.sources.stumbles import unreadable
from trialalerts.sources.trial_areas import trial_areas
from trialalerts.vocabulary.areas.mesh_ids import normal_mesh_id
from trialalerts.vocabulary.places.site_names import SiteLocator
from trialalerts.vocabulary.tagging.condition_names import ConditionNames
from trialalerts.vocabulary.tagging.term_trust import trusted_record
from trialalerts.vocabulary.topics import TopicTree

__all__ = ["REGISTRY", "STATUSES", "read_study"]

REGISTRY = "clinicaltrials.gov"
STATUSES = frozenset(
    {
        "ACTIVE_NOT_RECRUITING", "COMPLETED", "ENROLLING_BY_INVITATION", "NOT_YET_RECRUITING", "RECRUITING",
        "SUSPENDED", "TERMINATED", "WITHDRAWN", "AVAILABLE", "NO_LONGER_AVAILABLE", "TEMPORARILY_NOT_AVAILABLE",
        "APPROVED_FOR_MARKETING", "WITHHELD", "UNKNOWN",
    }
)  # fmt: skip
_PHASES = frozenset({"NA", "EARLY_PHASE1", "PHASE1", "PHASE2", "PHASE3", "PHASE4"})
_SEXES: dict[str, Literal["female", "male", "all"]] = {"FEMALE": "female", "MALE": "male", "ALL": "all"}
_KINDS: dict[str, Literal["actual", "estimated"]] = {
    "ACTUAL": "actual", "ESTIMATED": "estimated", "ANTICIPATED": "estimated",
}  # fmt: skip
_PURPOSES = {
    "PREVENTION": "prevention", "SCREENING": "screening", "DIAGNOSTIC": "diagnosis",
    "SUPPORTIVE_CARE": "symptom-control",
}  # fmt: skip
"""What a study says it is for, and the topic that this is."""
_NCT = re.compile(r"NCT\d{8}")
_MESH = re.compile(r"[CD]\d{6,9}")
_DATE = re.compile(r"(\d{4})(?:-(\d{2}))?(?:-(\d{2}))?")
_AGE = re.compile(r"(\d{1,4})\s*(year|month|week|day|hour|minute)s?", re.IGNORECASE)
_NO_AGE = frozenset({"n/a", "none", "no limit"})
_DAYS = {"year": 365.25, "month": 30.4375, "week": 7.0, "day": 1.0, "hour": 1 / 24, "minute": 1 / 1440}
_NUMBER_TYPES = frozenset({"EUDRACT_NUMBER", "CTIS", "REGISTRY"})
_NUMBER = re.compile(
    r"\d{4}-5\d{5}-\d{2}-\d{2}|\d{4}-\d{6}-\d{2}|ISRCTN\s?\d{8}|ACTRN\d{14}|DRKS\d{8}|ChiCTR\w{5,}|"
    r"CTRI/\d{4}/\d{2,3}/\d{6}|jRCTs?\w{9,}|UMIN\d{9}|KCT\d{7}|IRCT\w{10,}|U1111-\d{4}-\d{4}"
)
_TITLE_LIMIT = 1000


def read_study(
    raw: object,
    locator: SiteLocator,
    names: ConditionNames,
    *,
    source: str,
    position: str,
    topics: TopicTree | None = None,
) -> tuple[ItemDraft | None, Sequence[FieldProblem]]:
    """Read one study.

    Args:
        raw: a study object as parsed from JSON, whatever it may be.
        locator: finds countries, subdivisions and missing coordinates.
        names: finds the areas that the record names beside the registry's MeSH terms.
        topics: finds topics; None: the study gets none.
        source: the name of the source.
        position: names a record that has no number of its own (``record 17``).

    Returns:
        The draft, with its problems, and no other problems; or no draft and why there is none.
    """
    if not isinstance(raw, dict):
        problem = FieldProblem(external_id=UNNAMED + position, field="study", message="the record is no object")
        return None, [problem]
    fields = Fields(position)
    protocol = fields.section(raw, "protocolSection")
    identification = fields.section(protocol, "identificationModule")
    number = (fields.line(identification, "nctId", "identificationModule.") or "").upper()
    if not _NCT.fullmatch(number):
        return None, [_unnamed(identification, number, position)]
    fields.external_id = number
    fields.problems.clear()  # a section of the wrong kind is noted again below, now under its number
    try:
        return _Study(raw, number, fields, locator, names, topics).draft(source), ()
    except Exception as error:  # noqa: BLE001 - a record that nobody foresaw must not stop the others
        return None, [unreadable(number, error)]


def _unnamed(identification: Mapping[str, Any], number: str, position: str) -> FieldProblem:
    """Say which record has no usable number; its sponsor's number or its position is all there is to name it."""
    quiet = Fields(position)
    own = quiet.line(quiet.section(identification, "orgStudyIdInfo"), "id") or position
    found = f"found “{number[:40]}”" if number else "found nothing"
    return FieldProblem(
        external_id=f"{UNNAMED}{own[:80]}", field="identificationModule.nctId", message=f"{found}, expected NCT01234567"
    )


class _Study:
    """One study while it is read: its modules, and what goes wrong with their fields."""

    def __init__(
        self,
        raw: Mapping[str, Any],
        number: str,
        fields: Fields,
        locator: SiteLocator,
        names: ConditionNames,
        topics: TopicTree | None,
    ) -> None:
        self._fields = fields
        self._number = number
        self._locator = locator
        self._names = names
        self._known_topics = topics
        self._raw = raw
        protocol = self._protocol = fields.section(raw, "protocolSection")
        self._derived = fields.section(raw, "derivedSection")
        self._identification = fields.section(protocol, "identificationModule")
        self._status = fields.section(protocol, "statusModule")
        self._sponsors = fields.section(protocol, "sponsorCollaboratorsModule")
        self._description = fields.section(protocol, "descriptionModule")
        self._conditions = fields.section(protocol, "conditionsModule")
        self._design = fields.section(protocol, "designModule")
        self._eligibility = fields.section(protocol, "eligibilityModule")
        self._places = fields.section(protocol, "contactsLocationsModule")
        self._browse = fields.section(self._derived, "conditionBrowseModule")

    def draft(self, source: str) -> ItemDraft:
        summary = self._fields.text(self._description, "briefSummary", "descriptionModule.") or ""
        facts = self._facts(summary)
        title = self._title(facts)
        posted = facts.first_posted
        return ItemDraft(
            registry=REGISTRY,
            external_id=self._number,
            kind=ItemKind.TRIAL,
            url=f"https://clinicaltrials.gov/study/{self._number}",
            title=title,
            summary=clean_text(summary),
            facts=facts,
            source=source,
            published_at=datetime.combine(posted, time(), UTC) if posted else None,
            areas=trial_areas(title, facts, self._names),
            ancestors=tuple(term.id for term in facts.mesh_ancestors),
            topics=self._topics(title, facts),
            aliases=self._aliases(),
            problems=tuple(self._fields.problems),
        )

    def _facts(self, summary: str) -> TrialFacts:
        # The parts are plain dicts and the whole is validated at once: one by one they take four times as long.
        fields, eligibility, design = self._fields, self._eligibility, self._design
        minimum, minimum_days = self._age("minimumAge")
        maximum, maximum_days = self._age("maximumAge")
        identification, conditions = self._identification, self._conditions
        named = {
            "conditions": fields.lines(conditions, "conditions", "conditionsModule."),
            "keywords": fields.lines(conditions, "keywords", "conditionsModule."),
        }
        official_title = fields.line(identification, "officialTitle", "identificationModule.")
        titles = (str(identification.get("briefTitle") or ""), official_title or "")
        said = (*named["conditions"], *named["keywords"], *titles)
        mesh, ancestors = trusted_record(self._terms("meshes"), self._terms("ancestors"), said, self._names.areas)
        enrolment = fields.section(design, "enrollmentInfo", "designModule.")
        sponsor = fields.section(self._sponsors, "leadSponsor", "sponsorCollaboratorsModule.")
        return TrialFacts.model_validate(
            {
                "numbers": self._numbers(),
                "acronym": fields.line(identification, "acronym", "identificationModule."),
                "official_title": official_title,
                "status": self._word("overallStatus", STATUSES),
                "last_known_status": self._word("lastKnownStatus", STATUSES),
                "why_stopped": fields.line(self._status, "whyStopped", "statusModule."),
                "phases": self._phases(),
                "study_type": fields.line(design, "studyType", "designModule."),
                **named,
                "mesh": mesh,
                "mesh_ancestors": ancestors,
                "sex": self._sex(),
                "minimum_age_days": minimum_days,
                "maximum_age_days": maximum_days,
                "minimum_age": minimum,
                "maximum_age": maximum,
                "healthy_volunteers": fields.flag(eligibility, "healthyVolunteers", "eligibilityModule."),
                "criteria": clean_text(fields.text(eligibility, "eligibilityCriteria", "eligibilityModule.") or ""),
                "sites": read_sites(self._places, fields, self._locator),
                "contacts": read_contacts(self._places, "centralContacts", fields, "contactsLocationsModule."),
                "sponsor": fields.line(sponsor, "name", "sponsorCollaboratorsModule.leadSponsor."),
                "enrolment": fields.whole(enrolment, "count", "designModule.enrollmentInfo."),
                "start": self._dated("startDateStruct"),
                "completion": self._dated("completionDateStruct"),
                "has_results": fields.flag(self._raw, "hasResults") or False,
                "first_posted": self._day("studyFirstPostDateStruct"),
                "last_update_posted": self._day("lastUpdatePostDateStruct"),
                "last_verified": self._partial(self._status, "statusVerifiedDate", "statusModule.", None),
                "reach": said_reach(titles=titles, text=summary),
                "plain": read_design(self._protocol, design, self._derived, fields),
            }
        )

    def _title(self, facts: TrialFacts) -> str:
        brief = self._fields.line(self._identification, "briefTitle", "identificationModule.")
        title = brief or facts.official_title or facts.acronym
        if title is None:
            self._fields.note("identificationModule.briefTitle", "the study has no title; its number stands in for it")
        return (title or self._number)[:_TITLE_LIMIT]

    def _aliases(self) -> tuple[str, ...]:
        found = self._fields.lines(self._identification, "nctIdAliases", "identificationModule.")
        return tuple(alias.upper() for alias in found if alias.upper() != self._number)

    def _numbers(self) -> tuple[str, ...]:
        """Return the numbers of this trial in registries; grants and the sponsors' own numbers name other things."""
        numbers = dict.fromkeys((self._number, *self._aliases()))
        where = "identificationModule."
        for path, info in self._fields.records(self._identification, "secondaryIdInfos", where):
            number = self._fields.line(info, "id", path)
            kind = self._fields.line(info, "type", path)
            if number and (kind in _NUMBER_TYPES or _NUMBER.fullmatch(number)):
                numbers[number[:100]] = None
        return tuple(numbers)

    def _word(self, key: str, known: frozenset[str]) -> str | None:
        """Return a word of the registry; a new one is kept and noted, so that somebody looks at it."""
        word = self._fields.line(self._status, key, "statusModule.")
        if word is not None and word not in known:
            self._fields.wrong(f"statusModule.{key}", word, "a status that this program knows")
        return word

    def _phases(self) -> tuple[str, ...]:
        phases = self._fields.lines(self._design, "phases", "designModule.")
        for phase in phases:
            if phase not in _PHASES:
                self._fields.wrong("designModule.phases", phase, "a phase such as PHASE2")
        return phases

    def _sex(self) -> Literal["female", "male", "all"] | None:
        word = self._fields.line(self._eligibility, "sex", "eligibilityModule.")
        if word is None:
            return None
        sex = _SEXES.get(word.upper())
        if sex is None:
            self._fields.wrong("eligibilityModule.sex", word, "FEMALE, MALE or ALL")
        return sex

    def _age(self, key: str) -> tuple[str | None, int | None]:
        """Return an age as written and in whole days, rounded down."""
        words = self._fields.line(self._eligibility, key, "eligibilityModule.")
        if words is None or words.lower() in _NO_AGE:
            return None, None
        found = _AGE.fullmatch(words)
        if not found:
            self._fields.wrong(f"eligibilityModule.{key}", words, "an age such as 18 Years")
            return None, None
        return words, int(int(found[1]) * _DAYS[found[2].lower()])

    def _terms(self, key: str) -> list[dict[str, str]]:
        terms: dict[str, dict[str, str]] = {}
        for number, raw in enumerate(self._fields.items(self._browse, key, "conditionBrowseModule.")):
            term = _term(raw.get("id"), raw.get("term")) if isinstance(raw, dict) else None
            if term is None and raw is not None:
                term = self._odd_term(raw, f"conditionBrowseModule.{key}[{number}]")
            if term is not None:
                terms[term["id"]] = term
        return list(terms.values())

    def _odd_term(self, raw: Any, path: str) -> dict[str, str] | None:
        """Read a term that is not written as usual; note what is wrong with it."""
        if isinstance(raw, dict):
            id_, name = self._fields.line(raw, "id", f"{path}."), self._fields.line(raw, "term", f"{path}.")
            if id_ and name and (term := _term(id_, name)):
                return term
        self._fields.note(path, "found no MeSH id with its term")
        return None

    def _topics(self, title: str, facts: TrialFacts) -> Sequence[str]:
        """Tell the topics with those above them: what title and keywords name, and what the study says it is for."""
        if self._known_topics is None:
            return ()
        purpose = self._fields.line(
            self._fields.section(self._design, "designInfo", "designModule."),
            "primaryPurpose",
            "designModule.designInfo.",
        )
        meant = {_PURPOSES[purpose]} & set(self._known_topics) if purpose in _PURPOSES else set()
        words = ". ".join(filter(None, (facts.official_title, *facts.keywords)))
        return self._known_topics.with_those_above(meant | set(self._known_topics.about(title=title, text=words)))

    def _dated(self, key: str) -> PartialDate | None:
        struct = self._fields.section(self._status, key, "statusModule.")
        if not struct:
            return None
        kind = self._fields.line(struct, "type", f"statusModule.{key}.")
        return self._partial(struct, "date", f"statusModule.{key}.", kind)

    def _partial(self, node: Mapping[str, Any], key: str, where: str, kind: str | None) -> PartialDate | None:
        value = self._fields.line(node, key, where)
        if value is None:
            return None
        if not _is_date(value):
            self._fields.wrong(where + key, value, "a date such as 2026-01-15 or 2026-01")
            return None
        precision: Literal["year", "month", "day"] = ("year", "month", "day")[value.count("-")]
        return PartialDate(value=value, precision=precision, kind=_KINDS.get(kind or ""))

    def _day(self, key: str) -> date | None:
        """Return a date that must be exact to the day."""
        found = self._dated(key)
        if found is None:
            return None
        if found.precision != "day":
            self._fields.wrong(f"statusModule.{key}.date", found.value, "a date exact to the day")
            return None
        return date.fromisoformat(found.value)


@lru_cache(maxsize=32_768)
def _usual_term(id_: str, name: str) -> dict[str, str] | None:
    name = cleaned(name)
    return {"id": normal_mesh_id(id_), "name": name} if name and _MESH.fullmatch(id_) else None


def _term(id_: object, name: object) -> dict[str, str] | None:
    return _usual_term(id_, name) if type(id_) is str and type(name) is str else None


def _is_date(value: str) -> bool:
    found = _DATE.fullmatch(value)
    if not found:
        return False
    try:
        date(int(found[1]), int(found[2] or 1), int(found[3] or 1))
    except ValueError:
        return False
    return True

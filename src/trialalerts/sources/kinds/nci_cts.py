"""NCI's Clinical Trials Search (API v2): cancer trials in the United States, with hospitals and where they lie.

A portal: its records are ClinicalTrials.gov's trials, and fill what registries leave open. No one date tells what has
changed (a hospital opens without a new day for its trial): a sweep asks by three. Built from NCI's description and from
published records, never asked by us; that nobody gets 10,000 records of a search is its program's usual limit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any

from pydantic import Field

from trialalerts.catalog.text import clean_text
from trialalerts.settings.values import Duration, Rate, key_from
from trialalerts.sources.base import SourceKind
from trialalerts.sources.context import SourceContext
from trialalerts.sources.mapping.words import sex_told, study_type_told
from trialalerts.sources.reading.criteria import written_criteria
from trialalerts.sources.reading.design import MOST_LISTED, design_values
from trialalerts.sources.reading.people import age_values
from trialalerts.sources.reading.record import RecordView
from trialalerts.sources.reading.sites import contacts_by_path, point_at, site_values
from trialalerts.sources.sweeps.answers import JsonKeys
from trialalerts.sources.sweeps.drafting import ReadingContext, TrialRecord
from trialalerts.sources.sweeps.registry import WordedSettings
from trialalerts.sources.sweeps.steps import PagedWindows, PagedWindowStep, RecordPage, Span
from trialalerts.sources.sweeps.trials import TrialRegistry, trial_numbers

__all__ = ["KIND", "NciCts", "NciCtsSettings"]

_GIVER = "https://clinicaltrialsapi.cancer.gov"
_MANY, _MOST, _A_DAY, _YEARS = 25, 9_999, timedelta(days=1), timedelta(days=365 * 20)
_DATES = ("record_verification_date", "current_trial_status_date", "sites.recruitment_status_date")
_STATUSES = {
    "ACTIVE": "RECRUITING", "APPROVED": "NOT_YET_RECRUITING", "IN REVIEW": "NOT_YET_RECRUITING",
    "ENROLLING BY INVITATION": "ENROLLING_BY_INVITATION", "WITHDRAWN": "WITHDRAWN",
    **dict.fromkeys(("TEMPORARILY CLOSED TO ACCRUAL", "TEMPORARILY CLOSED TO ACCRUAL AND INTERVENTION"), "SUSPENDED"),
    **dict.fromkeys(("CLOSED TO ACCRUAL", "CLOSED TO ACCRUAL AND INTERVENTION"), "ACTIVE_NOT_RECRUITING"),
    "COMPLETE": "COMPLETED", "COMPLETED": "COMPLETED", "ADMINISTRATIVELY COMPLETE": "TERMINATED",
}  # fmt: skip
_OF_SITES = {word.replace(" ", "_"): status for word, status in _STATUSES.items()} | _STATUSES
_PHASES = {
    "NA": ("NA",), **dict.fromkeys("0O", ("EARLY_PHASE1",)), "I": ("PHASE1",), "I_II": ("PHASE1", "PHASE2"),
    "II": ("PHASE2",), "II_III": ("PHASE2", "PHASE3"), "III": ("PHASE3",), "IV": ("PHASE4",),
}  # fmt: skip
_DATE_KINDS = {"ACTUAL": "actual", "ANTICIPATED": "estimated", "Actual": "actual", "Anticipated": "estimated"}
_TREATMENTS = {"BIOLOGICAL/VACCINE": "BIOLOGICAL", "PROCEDURE/SURGERY": "PROCEDURE"}
_LINES = {"official_title": "official_title", "why_stopped": "why_study_stopped", "sponsor": "lead_org"}
_SITE = {"facility": "org_name", "city": "org_city", "state": "org_state_or_province"}
_SITE |= {"country": "org_country", "postcode": "org_postal_code"}
_READ = """
nct_id nci_id other_ids brief_title official_title acronym brief_summary keywords phase primary_purpose lead_org
current_trial_status why_study_stopped status_history record_verification_date study_protocol_type diseases eligibility
start_date start_date_type_code completion_date completion_date_type_code minimum_target_accrual_number central_contact
arms.interventions.name arms.interventions.type arms.interventions.inclusion_indicator sites.org_name sites.org_city
sites.org_state_or_province sites.org_country sites.org_postal_code sites.org_coordinates sites.recruitment_status
sites.contact_name sites.contact_phone sites.contact_email
"""
"""What is read of a record: a whole one, of a trial in a thousand hospitals, has 740 kB."""


class NciCtsSettings(WordedSettings):
    """What is asked for: everything, or what is about some diseases; and NCI's key."""

    url: str = Field(default=f"{_GIVER}/api/v2", pattern=r"^https?://[^/\s]+", repr=False)
    at_most: Rate | None = 2.0
    overlap: Duration = timedelta(days=7)
    api_key: Annotated[str, key_from(_GIVER)] = Field(default="", validate_default=True, repr=False)


class NciCts(TrialRegistry[NciCtsSettings, PagedWindowStep]):
    """The search; a baseline goes by the first of the dates, which every record has."""

    registry = "cancer.gov"
    answers = JsonKeys(records="data", total="total", key="nct_id")
    number_path, number_form, number_example = "nct_id", re.compile(r"NCT\d{8}"), "NCT01234567"
    name_path, title_path = "nci_id", "brief_title"

    def __init__(self, settings: NciCtsSettings) -> None:
        paging = PagedWindows(size=_MANY, cap=_MOST, parts=len(_DATES), back=_YEARS, widest=2 * _YEARS, gives_all=True)
        super().__init__(settings, paging)

    def ask(self, step: PagedWindowStep, span: Span, context: SourceContext) -> RecordPage:
        """Ask for a page of what has a date in a window."""
        wanted, date = self.first_statuses(span), _DATES[step.part]
        words = [word.lower() for word, status in _STATUSES.items() if status in wanted]
        if (span.since is None and step.part) or (wanted and not words):
            return RecordPage.of((), total=0)
        question = {
            f"{date}_gte": f"{step.start:%Y-%m-%d}", f"{date}_lte": f"{step.end - _A_DAY:%Y-%m-%d}",
            "size": _MANY, "from": step.offset, "sort": "nct_id", "order": "asc", "include": _READ.split(),
            **({"current_trial_status": words} if words else {}),
            **({"diseases.name._fulltext": self.settings.conditions} if self.settings.conditions else {}),
        }  # fmt: skip
        return self.post("trials", question, context, credentials={"x-api-key": self.settings.api_key})

    def trial(self, record: RecordView, number: str, context: ReadingContext) -> TrialRecord:
        """Read a trial; it is as new as the first of its statuses, for NCI does not say when it was registered."""
        people, days = record.at("eligibility.structured"), record.each("status_history")
        facts = {
            "numbers": trial_numbers(number, *record.each_line("other_ids", "value")),
            "acronym": record.line("acronym"),
            **{fact: record.line(path) for fact, path in _LINES.items()},
            "status": record.word("current_trial_status", _STATUSES, "a status such as Active"),
            "phases": record.word("phase", _PHASES, "NA, 0, or a phase from I to IV") or (),
            "study_type": study_type_told(record, "study_protocol_type"),
            **_diseases(record),
            "sex": sex_told(people, "sex" if people.line("sex") else "gender"),
            **age_values(_age(people, "min_age"), _age(people, "max_age")),
            "healthy_volunteers": people.flag("accepts_healthy_volunteers"),
            "criteria": _criteria(record.each("eligibility.unstructured")),
            "sites": [_site(place, context) for place in record.each("sites")],
            "contacts": _contacts(record.at("central_contact"), ""),
            "enrolment": record.whole("minimum_target_accrual_number"),
            **{
                fact: record.partial_day(f"{fact}_date", _DATE_KINDS.get(record.line(f"{fact}_date_type_code") or ""))
                for fact in ("start", "completion")
            },
            "first_posted": min(filter(None, (each.day("status_date") for each in days)), default=None),
            "last_update_posted": record.day("record_verification_date"),
            "last_verified": record.partial_day("record_verification_date"),
            "plain": _treatments(record),
        }
        url = f"https://www.cancer.gov/research/participate/clinical-trials-search/v?id={number}"
        title, summary = record.line("brief_title"), record.text("brief_summary") or ""
        return TrialRecord(number=number, url=url, title=title, summary=summary, facts=facts, origin="aggregator")


def _own(terms: Sequence[RecordView]) -> list[RecordView]:
    """Return the terms that somebody gave the trial itself, without all that they are kinds of (TREE)."""
    return [term for term in terms if (term.line("inclusion_indicator") or "").upper() == "TRIAL" and term.line("name")]


def _diseases(record: RecordView) -> Mapping[str, Any]:
    """Return the lead diseases as conditions, what else the trial names as keywords."""
    own = _own(record.each("diseases"))
    lead = [each for each in own if each.flag("is_lead_disease")] or own
    names = dict.fromkeys(each.line("name") for each in own if each not in lead)
    conditions = tuple(dict.fromkeys(each.line("name") for each in lead))
    return {"conditions": conditions, "keywords": (*names, *record.lines("keywords"))}


def _age(people: RecordView, path: str) -> tuple[str | None, int | None]:
    """Return a limit; 0 and 999 years stand for none."""
    words, days = people.age(path)
    return (None, None) if re.match(r"(?:0|999)\b", words or "") else (words, days)


def _criteria(rows: Sequence[RecordView]) -> str:
    """Return who can join: point by point, or the one text that NCI took over from ClinicalTrials.gov."""
    if len(rows) == 1:
        return clean_text(rows[0].text("description") or "")
    ordered = sorted(rows, key=lambda row: row.whole("display_order") or 0)
    told = [(row.flag("inclusion_indicator") is False, row.text("description")) for row in ordered]
    return written_criteria(*([text for is_out, text in told if is_out is side] for side in (False, True)))


def _site(place: RecordView, context: ReadingContext) -> Mapping[str, Any]:
    status = place.word("recruitment_status", _OF_SITES, "a status such as ACTIVE")
    words, point = {fact: place.line(key) for fact, key in _SITE.items()}, point_at(place, "org_coordinates")
    site = site_values(context.locator, place.fields, place.where.rstrip("."), status=status, point=point, **words)
    return {**site, "contacts": _contacts(place, "contact_")}


def _contacts(who: RecordView, before: str) -> list[dict[str, Any]]:
    return contacts_by_path([who], name=(f"{before}name",), phone=f"{before}phone", email=f"{before}email")


def _treatments(record: RecordView) -> Mapping[str, Any]:
    own = _own([each for arm in record.each("arms") for each in arm.each("interventions")])
    kinds = {each.line("name"): (each.line("type") or "").upper() for each in own}
    given = [(_TREATMENTS.get(kind, kind.replace(" ", "_")), name, ()) for name, kind in kinds.items()]
    return design_values(given[:MOST_LISTED], (), purpose=record.line("primary_purpose"))


KIND = SourceKind(what="NCI’s search: US cancer trials (needs a key)", settings=NciCtsSettings, open=NciCts)

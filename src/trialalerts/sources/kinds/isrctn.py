"""ISRCTN, the registry of the United Kingdom and of whoever registers there; every record has a plain summary.

XML, window by window of the day of the last edit, for nothing is paged. The status is in no field: it follows from
dates, so that a trial opens and closes without an edit. Built from the API's published form and from what others made
of it, never asked by us; the search by words in ``conditions`` is not verified.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date
from itertools import pairwise
from typing import Any

from pydantic import Field

from trialalerts.catalog.facts import StatusDates
from trialalerts.settings.values import Rate
from trialalerts.sources.base import SourceKind
from trialalerts.sources.context import SourceContext
from trialalerts.sources.mapping.words import enrolment_told, phases_told, sex_told, study_type_told
from trialalerts.sources.reading.criteria import numbered_points, written_criteria
from trialalerts.sources.reading.design import design_values
from trialalerts.sources.reading.people import age_values, group_values, takes_healthy_people
from trialalerts.sources.reading.record import RecordView
from trialalerts.sources.reading.sites import contacts_by_path, sites_by_path, with_countries
from trialalerts.sources.reading.xml import XmlRecords
from trialalerts.sources.sweeps.drafting import ReadingContext, TrialRecord
from trialalerts.sources.sweeps.registry import WordedSettings
from trialalerts.sources.sweeps.steps import RecordPage, Span, Windows, WindowStep
from trialalerts.sources.sweeps.trials import TrialRegistry, trial_numbers

__all__ = ["KIND", "Isrctn", "IsrctnSettings"]

_STOPPED = {"STOPPED": "TERMINATED", "SUSPENDED": "SUSPENDED"}
_AGES = {"NEONATE": (None, "28 Days"), "CHILD": (None, "17 Years"), "ADULT": ("18 Years", None),
         "SENIOR": ("65 Years", None)}  # fmt: skip
_KINDS = {"DRUG": "DRUG", "DEVICE": "DEVICE", "BEHAVIOURAL": "BEHAVIORAL", "PROCEDURE/SURGERY": "PROCEDURE",
          "BIOLOGICAL/VACCINE": "BIOLOGICAL", "SUPPLEMENT": "DIETARY_SUPPLEMENT", "GENETIC": "GENETIC"}  # fmt: skip
_RESULTS = frozenset({"basicresults", "resultsarticle", "plainenglishresults", "funderreport", "thesis", "preprint"})
_SITE = {"facility": "name", "city": "city", "state": "state", "country": "country", "postcode": "zip"}
_NUMBERS = ("eudraCTNumber", "clinicalTrialsGovNumber", "ctisNumber")
_MANY = 200
_HEADING = re.compile(
    r"\s*(Background and study aims:?|Who can participate\?|What does the study involve\?|"
    r"What are the possible benefits and risks of participating\?|Where is the study run from\?|"
    r"When is the study starting[^?]{0,60}\?|Who is funding the study\?|Who is the main contact\?)\s*"
)


class IsrctnSettings(WordedSettings):
    """What is asked for: everything, or what has one of some words."""

    url: str = Field(default="https://www.isrctn.com/api", pattern=r"^https?://[^/\s]+", repr=False)
    at_most: Rate | None = 1.0


class Isrctn(TrialRegistry[IsrctnSettings, WindowStep]):
    """The registry, by the day of the last edit."""

    registry = "isrctn.com"
    number_path, number_form, number_example = "trial.isrctn", re.compile(r"\d{8}"), "eight digits such as 14757012"
    title_path = "trial.trialDescription.title"

    def __init__(self, settings: IsrctnSettings) -> None:
        super().__init__(settings, Windows(most=_MANY, origin=date(2000, 1, 1)))

    def ask(self, step: WindowStep, span: Span, context: SourceContext) -> RecordPage:
        """Ask for what was edited in a window."""
        del span
        words = " OR ".join(f'"{words.replace(chr(34), " ")}"' for words in self.settings.conditions)
        edited = f"lastEdited GE {step.start:%Y-%m-%dT%H:%M:%S} AND lastEdited LT {step.end:%Y-%m-%dT%H:%M:%S}"
        query = {"q": f"({words}) AND {edited}" if words else edited, "limit": str(_MANY)}
        return self.get("query/format/default", context, params=query, accept="application/xml")

    def page(self, body: bytes, url: str) -> RecordPage:
        """Read an answer of the API."""
        document = XmlRecords(body, "fullTrial", url)
        total = document.root.get("@totalCount", "")
        return RecordPage.of(document, total=int(total) if total.isdigit() else None)

    def external_id(self, number: str) -> str:
        """Return the number with its prefix, which records lack."""
        return f"ISRCTN{number}"

    def trial(self, record: RecordView, number: str, context: ReadingContext) -> TrialRecord:
        """Read a trial."""
        said, own = record.at("trial"), self.external_id(number)
        people, about, refs = said.at("participants"), said.at("trialDescription"), said.at("externalRefs")
        plain, given = about.told("plainEnglishSummary") or "", said.each("interventions.intervention")
        types = people.lines("participantTypes.participantType") or people.lines("participantType")
        centres = sites_by_path(people.each("trialCentres.trialCentre"), context.locator, _SITE)
        countries = dict.fromkeys(people.lines("recruitmentCountries.country"))
        facts = {
            "numbers": trial_numbers(own, *map(refs.line, _NUMBERS), *refs.lines("secondaryNumbers.secondaryNumber")),
            "acronym": about.line("acronym"),
            "official_title": about.line("scientificTitle"),
            "why_stopped": said.line("trialDesign.reasonAbandoned"),
            "phases": tuple(dict.fromkeys(phase for each in given for phase in phases_told(each))),
            "study_type": study_type_told(said, "trialDesign.primaryStudyDesign"),
            "conditions": said.each_line("conditions.condition", "description"),
            "keywords": said.each_line("conditions.condition", "diseaseClass2"),  # the group that it stands in
            "sex": sex_told(people, "gender"),
            **_ages(people),
            "healthy_volunteers": takes_healthy_people(types),
            "criteria": written_criteria(*(numbered_points(people.text(key)) for key in ("inclusion", "exclusion"))),
            "sites": with_countries([*centres], countries, people, context.locator),
            "contacts": contacts_by_path(
                filter(_is_public, record.each("contact")), name=("title", "forename", "surname"),
                phone="contactDetails.telephone", email="contactDetails.email",
            ),
            "sponsor": next(iter(record.each_line("sponsor", "organisation")), None),
            "enrolment": enrolment_told(people, "totalFinalEnrolment", "totalTarget", "targetEnrolment"),
            "start": people.partial_day("recruitmentStart"),
            "completion": said.partial_day("trialDesign.overallEndDate"),
            "has_results": not _RESULTS.isdisjoint(said.each_line("outputs.output", "@outputType")),
            "first_posted": said.day("isrctn.@dateAssigned"),
            "last_update_posted": said.day("@lastUpdated"),
            "plain": design_values(_interventions(given), ()),
            "lay": [{"language": "en", "title": about.line("title"), "summary": _aims(plain)}] if plain else [],
        }  # fmt: skip
        return TrialRecord(
            number=own,
            url=f"https://www.isrctn.com/{own}",
            title=about.line("title"),
            summary=_HEADING.sub(lambda found: f"\n\n{found[1]}\n\n", plain).strip(),
            facts=facts,
            schedule=_schedule(said),
        )


def _schedule(said: RecordView) -> StatusDates:
    """Return the days from which the status follows, and what overrides them."""
    people = said.at("participants")
    stopped = people.word("recruitmentStatusOverride", _STOPPED, "Stopped or Suspended")
    if stopped is None and (people.line("recruitmentStartStatusOverride") or "").lower() == "anticipated":
        stopped = "NOT_YET_RECRUITING"
    return StatusDates(
        recruits_from=people.day("recruitmentStart"),
        recruits_until=people.day("recruitmentEnd"),
        ends=said.day("trialDesign.overallEndDate"),
        said=stopped,
    )


def _interventions(given: Iterable[RecordView]) -> Iterable[tuple[str | None, str | None, Sequence[str]]]:
    for each in given:
        type_ = _KINDS.get((each.line("interventionType") or "").upper())
        names = [name for text in each.lines("drugNames") for name in re.split(r"[,;]\s*", text)]
        yield from ((type_, name, ()) for name in names)


def _ages(people: RecordView) -> dict[str, Any]:
    """Return the limits; where only a group is known, its edges, for it says no more."""
    youngest, oldest = people.age("lowerAgeLimit"), people.age("upperAgeLimit")
    if youngest == oldest == (None, None):
        return group_values([(people.line("ageRange") or "").upper()], _AGES)
    return age_values(youngest, oldest)


def _is_public(contact: RecordView) -> bool:
    """Tell whether the public may ask somebody."""
    kinds = {kind.lower() for kind in contact.lines("contactTypes.contactType")}
    return "public" in kinds and (contact.line("privacy") or "public").lower() == "public"


def _aims(plain: str) -> str:
    """Return what the plain summary says of the study's aims, without its heading."""
    parts = [part for part in _HEADING.split(plain) if part]
    aims = next((after for part, after in pairwise(parts) if part.startswith("Background")), parts[0])
    return " ".join(aims.split())


KIND = SourceKind(
    what="ISRCTN: trials and other studies, each with a plain-English summary", settings=IsrctnSettings, open=Isrctn
)

"""ISRCTN, the registry of the United Kingdom and of whoever registers there; every record has a plain summary.

XML, window by window of the day of the last edit, for nothing is paged. The status is in no field: it follows from
dates, so that a trial opens and closes without an edit. Built from the API's published form and from what others made
of it, never asked by us; the search by words in ``conditions`` is not verified.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import Any, Literal

from pydantic import Field

from trialalerts.catalog.facts import StatusDates
from trialalerts.catalog.trials.numbers import registry_numbers
from trialalerts.redaction import shown_url
from trialalerts.settings.values import Rate
from trialalerts.sources.base import SourceKind
from trialalerts.sources.context import SourceContext
from trialalerts.sources.reading.ages import days_of_age
from trialalerts.sources.reading.criteria import numbered_points, written_criteria
from trialalerts.sources.reading.design import design_values
from trialalerts.sources.reading.record import RecordView
from trialalerts.sources.reading.sites import contact_values, site_values
from trialalerts.sources.reading.xml import XmlRecords
from trialalerts.sources.sweeps.drafting import ReadingContext, TrialRecord
from trialalerts.sources.sweeps.registry import RegistrySettings
from trialalerts.sources.sweeps.steps import RecordPage, Span, Windows, WindowStep
from trialalerts.sources.sweeps.trials import TrialRegistry

__all__ = ["KIND", "Isrctn", "IsrctnSettings"]

_PHASES: Mapping[str, tuple[str, ...]] = {
    "PHASE I": ("PHASE1",), "PHASE II": ("PHASE2",), "PHASE III": ("PHASE3",), "PHASE IV": ("PHASE4",),
    "PHASE I/II": ("PHASE1", "PHASE2"), "PHASE II/III": ("PHASE2", "PHASE3"), "PHASE III/IV": ("PHASE3", "PHASE4"),
    "NOT APPLICABLE": ("NA",), "NOT SPECIFIED": (),
}  # fmt: skip
_SEXES: Mapping[str, Literal["female", "male", "all"] | None] = {
    "ALL": "all", "BOTH": "all", "MALE": "male", "FEMALE": "female", "NOT SPECIFIED": None,
}  # fmt: skip
_TYPES = {"INTERVENTIONAL": "INTERVENTIONAL", "OBSERVATIONAL": "OBSERVATIONAL", "OTHER": None}
_STOPPED = {"STOPPED": "TERMINATED", "SUSPENDED": "SUSPENDED"}
_AGES = {"ADULT": ("18 Years", None), "CHILD": (None, "17 Years"), "SENIOR": ("65 Years", None)}
_KINDS = {"DRUG": "DRUG", "DEVICE": "DEVICE", "BEHAVIOURAL": "BEHAVIORAL", "PROCEDURE/SURGERY": "PROCEDURE",
          "BIOLOGICAL/VACCINE": "BIOLOGICAL", "SUPPLEMENT": "DIETARY_SUPPLEMENT", "GENETIC": "GENETIC"}  # fmt: skip
_RESULTS = frozenset({"basicresults", "resultsarticle", "plainenglishresults", "funderreport", "thesis", "preprint"})
_NOTHING = frozenset({"nil known", "nil", "-", "n/a", "none", "not provided at time of registration"})
_MANY = 200
_HEADING = re.compile(
    r"\s*(Background and study aims:?|Who can participate\?|What does the study involve\?|"
    r"What are the possible benefits and risks of participating\?|Where is the study run from\?|"
    r"When is the study starting[^?]{0,60}\?|Who is funding the study\?|Who is the main contact\?)\s*"
)


class IsrctnSettings(RegistrySettings):
    """What is asked for: everything, or what has one of some words."""

    url: str = Field(default="https://www.isrctn.com/api", pattern=r"^https?://[^/\s]+", repr=False)
    at_most: Rate | None = 1.0
    conditions: tuple[str, ...] = ()


class Isrctn(TrialRegistry[IsrctnSettings, WindowStep]):
    """The registry, by the day of the last edit."""

    registry = "isrctn.com"
    number_path, number_form, number_example = "trial.isrctn", re.compile(r"\d{8}"), "eight digits such as 14757012"
    title_path = "trial.trialDescription.title"

    def __init__(self, settings: IsrctnSettings) -> None:
        super().__init__(settings, Windows(most=_MANY, origin=date(2000, 1, 1), widest=timedelta(days=64)))

    def filters(self, context: SourceContext) -> Sequence[str]:
        """Return the words."""
        del context
        return self.settings.conditions

    def ask(self, step: WindowStep, span: Span, context: SourceContext) -> RecordPage:
        """Ask for what was edited in a window."""
        del span
        words = " OR ".join(f'"{words.replace(chr(34), " ")}"' for words in self.settings.conditions)
        edited = f"lastEdited GE {step.start:%Y-%m-%dT%H:%M:%S} AND lastEdited LT {step.end:%Y-%m-%dT%H:%M:%S}"
        query = {"q": f"({words}) AND {edited}" if words else edited, "limit": str(_MANY)}
        url = f"{self.settings.url.rstrip('/')}/query/format/default"
        answer = context.fetcher.get(url, params=query, accept="application/xml")
        return self.page(answer.body, shown_url(answer.url))

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
        people, about = said.at("participants"), said.at("trialDescription")
        plain = _unless_filler(about.text("plainEnglishSummary"))
        facts = {
            "numbers": (own, *_numbers(said.at("externalRefs"), own)),
            "acronym": about.line("acronym"),
            "official_title": about.line("scientificTitle"),
            "why_stopped": said.line("trialDesign.reasonAbandoned"),
            "phases": _phases(said),
            "study_type": said.word("trialDesign.primaryStudyDesign", _TYPES, "Interventional or Observational"),
            "conditions": _each(said, "conditions.condition", "description"),
            "keywords": _each(said, "conditions.condition", "diseaseClass2"),  # the group that it stands in
            "sex": people.word("gender", _SEXES, "All, Male or Female"),
            **_ages(people),
            "healthy_volunteers": _healthy(people),
            "criteria": written_criteria(*(numbered_points(people.text(key)) for key in ("inclusion", "exclusion"))),
            "sites": list(_sites(people, context)),
            "contacts": _contacts(record),
            "sponsor": next(filter(None, (each.line("organisation") for each in record.each("sponsor"))), None),
            "start": people.partial_day("recruitmentStart"),
            "completion": said.partial_day("trialDesign.overallEndDate"),
            "has_results": any(each.line("@outputType") in _RESULTS for each in said.each("outputs.output")),
            "first_posted": said.day("isrctn.@dateAssigned"),
            "last_update_posted": said.day("@lastUpdated"),
            "plain": design_values(_interventions(said), ()),
            "lay": [{"language": "en", "title": about.line("title"), "summary": _aims(plain)}] if plain else [],
        }
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


def _unless_filler(text: str | None) -> str:
    return "" if text is None or text.strip().rstrip(".").lower() in _NOTHING else text


def _numbers(refs: RecordView, own: str) -> list[str]:
    """Return the numbers of other registries; grants and protocols are none."""
    stated = [refs.line("eudraCTNumber"), refs.line("clinicalTrialsGovNumber"), refs.line("ctisNumber")]
    stated += refs.lines("secondaryNumbers.secondaryNumber")
    known = registry_numbers(filter(None, map(_unless_filler, stated)), are_ids=True)
    return [number for number in known if number != own]


def _phases(said: RecordView) -> tuple[str, ...]:
    words = "a phase such as Phase II"
    found = [each.word("phase", _PHASES, words) or () for each in said.each("interventions.intervention")]
    return tuple(dict.fromkeys(phase for phases in found for phase in phases))


def _each(said: RecordView, path: str, key: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(line for each in said.each(path) if (line := each.line(key))))


def _interventions(said: RecordView) -> Iterable[tuple[str | None, str | None, Sequence[str]]]:
    for each in said.each("interventions.intervention"):
        type_ = _KINDS.get((each.line("interventionType") or "").upper())
        names = [name for text in each.lines("drugNames") for name in re.split(r"[,;]\s*", text)]
        yield from ((type_, name, ()) for name in names)


def _ages(people: RecordView) -> dict[str, Any]:
    """Return the limits; where only a group is known, its edges in days, for it says no more."""
    (minimum, minimum_days), (maximum, maximum_days) = people.age("lowerAgeLimit"), people.age("upperAgeLimit")
    if minimum_days is None and maximum_days is None:
        edges = _AGES.get((people.line("ageRange") or "").upper(), (None, None))
        minimum_days, maximum_days = (days_of_age(edge) if edge else None for edge in edges)
    return {
        "minimum_age": minimum, "minimum_age_days": minimum_days,
        "maximum_age": maximum, "maximum_age_days": maximum_days,
    }  # fmt: skip


def _healthy(people: RecordView) -> bool | None:
    types = people.lines("participantTypes.participantType") or people.lines("participantType")
    return any("healthy" in each.lower() for each in types) if types else None


def _sites(people: RecordView, context: ReadingContext) -> Iterable[Mapping[str, Any]]:
    """Give the centres, then the countries that have none of them."""
    named = set()
    for number, each in enumerate(people.each("trialCentres.trialCentre")):
        country = each.line("country")
        named.add(country)
        yield site_values(
            context.locator, people.fields, f"trialCentre[{number}]", facility=each.line("name"),
            city=each.line("city"), state=each.line("state"), country=country,
            postcode=_unless_filler(each.line("zip")) or None,
        )  # fmt: skip
    for country in people.lines("recruitmentCountries.country"):
        if country not in named:
            yield site_values(context.locator, people.fields, "country", facility=None, city=None, country=country)


def _contacts(record: RecordView) -> list[Mapping[str, Any]]:
    """Return whom the public may ask."""
    found = []
    for each in record.each("contact"):
        kinds = {kind.lower() for kind in each.lines("contactTypes.contactType")}
        if "public" in kinds and (each.line("privacy") or "public").lower() == "public":
            name = " ".join(filter(None, (each.line(key) for key in ("title", "forename", "surname"))))
            found.append(contact_values(name, each.line("contactDetails.telephone"), each.line("contactDetails.email")))
    return [contact for contact in found if contact]


def _aims(plain: str) -> str:
    """Return what the plain summary says of the study's aims, without its heading."""
    parts = [part for part in _HEADING.split(plain) if part]
    aims = next((after for part, after in pairwise(parts) if part.startswith("Background")), parts[0])
    return " ".join(aims.split())


KIND = SourceKind(
    what="ISRCTN: trials and other studies, each with a plain-English summary", settings=IsrctnSettings, open=Isrctn
)

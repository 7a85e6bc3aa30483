"""The columns of a file by the facts that they tell; the exports of WHO and of ANZCTR are known by name.

A column is found whatever its case, blanks and underscores; in XML and JSON a point parts the names on the way to it.
Where several columns are named for a fact, the first one that holds something counts; ``age + unit`` are two that
together say one thing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from trialalerts.catalog.draft import RecordOrigin
from trialalerts.catalog.trials.status import STATUSES

__all__ = ["ANZCTR", "FACT_NAMES", "WHO_ICTRP", "ColumnMap", "column_key"]

FACT_NAMES = (
    "number", "numbers", "title", "official_title", "acronym", "summary", "url", "status", "sponsor", "conditions",
    "interventions", "phase", "study_type", "sex", "minimum_age", "maximum_age", "inclusion", "exclusion", "countries",
    "facility", "city", "postcode", "contact_name", "contact_surname", "contact_phone", "contact_email", "start",
    "completion", "registered", "updated", "enrolment", "results",
)  # fmt: skip
"""What a column can tell."""

_OWN_STATUSES: Mapping[str, str | None] = {
    spelling: status for status in STATUSES for spelling in (status, status.replace("_", " "))
} | {"ACTIVE, NOT RECRUITING": "ACTIVE_NOT_RECRUITING"}


@dataclass(frozen=True, kw_only=True)
class ColumnMap:
    """What the columns of a kind of file say.

    Attributes:
        columns: the columns of each fact.
        required: the facts without whose column a file is another kind of file.
        record: the name of the XML elements that are records (``*``: each document is one), or JSON's path of the list.
        statuses: what a status means, by its words in capitals; None: nobody knows whether one can join.
        is_who: whether it is an export of WHO's portal, whose records bear the numbers of many registries.
        registry: whose own records they are, by the host; empty: whose list it is says the configuration.
        prefix: what the registry's numbers begin with, where a record leaves that out.
        page: where people read of a trial, with ``{number}`` in it.
        implied: what else is said of a fact where another column holds anything: the column, and that word.
    """

    columns: Mapping[str, tuple[str, ...]]
    required: frozenset[str]
    record: str = ""
    statuses: Mapping[str, str | None] = field(default_factory=lambda: _OWN_STATUSES)
    is_who: bool = False
    registry: str = ""
    prefix: str = ""
    page: str = ""
    implied: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def origin(self) -> RecordOrigin:
        """What such a file's word weighs beside a registry's own: the portal's exports are copies, and late."""
        return "aggregator" if self.is_who else "registry" if self.registry else "list"

    def told(self, record: Mapping[str, Any]) -> dict[str, str]:
        """Return what a record says, by the names of the facts; what is blank is left out."""
        keyed = _keyed(record)
        found: dict[str, str] = {}
        for fact, columns in self.columns.items():
            texts = (_text(_value(keyed, column)) or _together(keyed, column) for column in columns)
            if text := next(filter(None, texts), ""):
                found[fact] = text
        for fact, (column, word) in self.implied.items():
            if _text(_value(keyed, column)):
                found[fact] = f"{word};{found.get(fact, '')}"
        return found

    def missing(self, headings: set[str]) -> list[str]:
        """Return the required columns that are not among the headings (as :func:`column_key` gives them)."""
        required = ((fact, self.columns[fact]) for fact in FACT_NAMES if fact in self.required)
        return [names[0] for _, names in required if not any(column_key(name) in headings for name in names)]


WHO_ICTRP = ColumnMap(
    columns={
        "number": ("TrialID",),
        "numbers": ("Secondary_ID", "SecondaryIDs", "Secondary IDs"),
        "title": ("Public_title",),
        "official_title": ("Scientific_title",),
        "acronym": ("Acronym", "Scientific_acronym", "Public_acronym"),
        "url": ("web_address", "url"),
        "status": ("Recruitment_Status",),
        "sponsor": ("Primary_sponsor",),
        "conditions": ("Condition", "Conditions"),
        "interventions": ("Intervention", "Interventions"),
        "phase": ("Phase",),
        "study_type": ("Study_type",),
        "sex": ("Inclusion_gender",),
        "minimum_age": ("Inclusion_agemin",),
        "maximum_age": ("Inclusion_agemax",),
        "inclusion": ("Inclusion_Criteria",),
        "exclusion": ("Exclusion_Criteria",),
        "countries": ("Countries",),
        "contact_name": ("Contact_Firstname",),
        "contact_surname": ("Contact_Lastname",),
        "contact_phone": ("Contact_Tel",),
        "contact_email": ("Contact_Email",),
        "start": ("Date_enrollement", "Date_enrolment", "Date_enrollment"),
        "completion": ("results_date_completed",),
        "registered": ("Date_registration3", "Date_registration"),
        "updated": ("Last_Refreshed_on",),
        "enrolment": ("Target_size",),
        "results": ("results_url_link", "results_date_posted"),
    },
    required=frozenset({"number", "title"}),
    record="Trial",
    # “Not recruiting” is said of what has not begun, has paused and has ended: unknown, never closed.
    statuses={
        "RECRUITING": "RECRUITING", "NOT RECRUITING": None, "AUTHORISED": None, "AUTHORISED-RECRUITMENT MAY BE ONGOING "
        "OR FINISHED": None, "NOT AVAILABLE": None, "OTHER": None, "PENDING": "NOT_YET_RECRUITING",
        "NOT YET RECRUITING": "NOT_YET_RECRUITING", "SUSPENDED": "SUSPENDED", "TEMPORARY HALT": "SUSPENDED",
        "COMPLETE": "COMPLETED", "COMPLETED": "COMPLETED", "TERMINATED": "TERMINATED", "WITHDRAWN": "WITHDRAWN",
    },
    is_who=True,
    page="https://trialsearch.who.int/Trial2.aspx?TrialID={number}",
)  # fmt: skip
ANZCTR = ColumnMap(
    columns={
        "number": ("actrnumber", "actrn"),
        "numbers": ("trial_identification.secondaryid + trial_identification.utrn",),
        "title": ("trial_identification.studytitle",),
        "official_title": ("trial_identification.scientifictitle",),
        "acronym": ("trial_identification.trialacronym",),
        "summary": ("ethicsAndSummary.summary",),
        "status": ("recruitment.recruitmentstatus",),
        "sponsor": ("sponsorship.primarysponsorname",),
        "conditions": ("conditions.healthcondition",),
        "phase": ("recruitment.phase", "trial_design.phase"),
        "study_type": ("trial_design.studytype",),
        "sex": ("eligibility.inclusivegender",),
        "minimum_age": ("eligibility.inclusiveminage + eligibility.inclusiveminagetype",),
        "maximum_age": ("eligibility.inclusivemaxage + eligibility.inclusivemaxagetype",),
        "inclusion": ("eligibility.inclusivecriteria",),
        "exclusion": ("eligibility.exclusivecriteria",),
        "countries": ("recruitment.recruitmentcountry",),
        "start": ("recruitment.actualstartdate", "recruitment.anticipatedstartdate"),
        "completion": ("recruitment.actuallastvisitdate", "recruitment.anticipatedlastvisitdate"),
        "registered": ("approvaldate",),
        "enrolment": ("recruitment.actualsamplesize", "recruitment.samplesize"),
    },
    required=frozenset({"number", "title"}),
    record="*",
    statuses={
        **_OWN_STATUSES,
        "STOPPED EARLY": "TERMINATED", "TEMPORARILY SUSPENDED": "SUSPENDED", "NOT YET RECRUITING": "NOT_YET_RECRUITING",
        "CLOSED: FOLLOW-UP CONTINUING": "ACTIVE_NOT_RECRUITING", "CLOSED: FOLLOW-UP COMPLETE": "COMPLETED",
    },
    registry="anzctr.org.au",
    prefix="ACTRN",
    page="https://www.anzctr.org.au/{number}.aspx",
    implied={"countries": ("recruitment.recruitmentstate", "Australia")},
)  # fmt: skip
"""The zip of a search at ANZCTR: a file of XML for each trial. Whom to ask is left out: it names investigators too.

The names are those that public programs read (of 2020 and later); nobody here has seen such a file, nor all the words
for a status. A state stands only with trials in Australia.
"""


@lru_cache(maxsize=4096)
def column_key(name: str) -> str:
    """Return what two spellings of a column's name have in common.

    >>> column_key(" Public title ") == column_key("Public_Title")
    True
    """
    return re.sub(r"[\W_]+", "_", name.strip().casefold()).strip("_")


def _keyed(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {column_key(str(name)) or "#": _keyed(inner) for name, inner in value.items()}
    return [_keyed(inner) for inner in value] if isinstance(value, list) else value


def _value(keyed: Mapping[str, Any], column: str) -> Any:
    whole = keyed.get(column_key(column))
    if whole is not None or "." not in column:
        return whole
    found: Any = [keyed]
    for name in map(column_key, column.split(".")):
        inner = [each.get(name) for each in found if isinstance(each, Mapping)]
        found = [each for one in inner for each in (one if isinstance(one, list) else [one])]
    return found


def _together(keyed: Mapping[str, Any], column: str) -> str:
    parts = column.split(" + ")
    return " ".join(filter(None, (_text(_value(keyed, part)) for part in parts))) if len(parts) > 1 else ""


def _text(value: Any) -> str:
    """Return a value as text; several are parted by semicolons, objects say nothing."""
    if isinstance(value, list):
        return ";".join(filter(None, map(_text, value)))
    if isinstance(value, Mapping):
        return _text(value.get("#"))
    return "" if value is None or isinstance(value, bool) else str(value).strip()

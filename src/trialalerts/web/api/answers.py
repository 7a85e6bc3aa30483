"""What the answers hold: the models that write them and describe them, so that neither can say what the other does not.

Texts are in the language of the answer where they are ours, and in the registry's own where they are its.
"""

from __future__ import annotations

from datetime import date

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "AreaAnswer",
    "AreaSearchAnswer",
    "ArticleDetail",
    "ArticlePageAnswer",
    "ConsentAnswer",
    "ContactAnswer",
    "Correction",
    "CriteriaAnswer",
    "ListedArticle",
    "ListedTrial",
    "NamedThing",
    "NearestSite",
    "PlaceAnswer",
    "ProblemDetails",
    "RegionAnswer",
    "RegionSearchAnswer",
    "StatusAnswer",
    "TrialChange",
    "TrialDetail",
    "TrialPageAnswer",
    "TrialSite",
    "WrongField",
]  # fmt: skip


class _Answer(BaseModel):
    """A part of an answer: what is described, and nothing else."""

    model_config = ConfigDict(extra="forbid", json_schema_serialization_defaults_required=True)


class WrongField(_Answer):
    """What is wrong with one part of a body."""

    pointer: str = Field(description="Where in the body: a JSON pointer.", examples=["/preferences/0/area"])
    detail: str = Field(description="What is wrong, for the person who typed it, in the language asked for.")
    choices: list[str] = Field(default=[], description="What may have been meant.")


class ProblemDetails(BaseModel):
    """What cannot be had, and why (RFC 9457)."""

    model_config = ConfigDict(extra="forbid")

    type: str = Field(description="Its kind, for programs.", examples=["urn:trialalerts:problem:unknown-area"])
    title: str = Field(description="Its kind, for people.")
    status: int = Field(description="The status of the answer.", ge=400, le=599)
    detail: str = Field(description="One line: the thing, the value, the remedy.")
    errors: list[WrongField] = Field(default=[], description="What is wrong with each part of a body.")


class AreaAnswer(_Answer):
    """A disease area."""

    id: str = Field(description="What other questions take as `area`.", examples=["D009103"])
    name: str = Field(examples=["Multiple sclerosis"])
    language: str = Field(description="Of the name: English where there is none in yours.", examples=["en"])
    note: str = Field(description="What else it is called, where that was typed; empty: nothing to say.")


class AreaSearchAnswer(_Answer):
    """The few areas that somebody may mean, the likeliest first."""

    areas: list[AreaAnswer]


class RegionAnswer(_Answer):
    """A place."""

    id: str = Field(description="Its code: ISO 3166, a postcode, or a number of GeoNames.", examples=["GB-ENG"])
    name: str = Field(description="In your language; taken as `region` or `near`, too.", examples=["England, GB"])
    label: str = Field(description="What other questions take as `region` or `near`.", examples=["England, GB"])
    kind: str = Field(
        description="`country`, `subdivision` and `region` are taken as `region`, `city` and `postcode` as `near`.",
        examples=["subdivision"],
    )
    country: str | None = Field(description="ISO 3166-1 alpha-2; null: none, or several.", examples=["GB"])


class RegionSearchAnswer(_Answer):
    """The few places that somebody may mean, the likeliest first."""

    regions: list[RegionAnswer]


class StatusAnswer(_Answer):
    """Where a trial stands."""

    code: str = Field(
        description="`open`, `upcoming`, `invitation`, `paused`, `full`, `finished`, `stopped`, `withdrawn`, `closed`, "
        "`unclear` (nobody updated its record for two years) or `unknown`."
    )
    text: str = Field(description="The same in words.")


class PlaceAnswer(_Answer):
    """What a typed place was understood as."""

    label: str = Field(examples=["Leeds, England, GB"])
    country: str | None = Field(examples=["GB"])


class NearestSite(_Answer):
    """The nearest open site; without `near` the first one."""

    town: str
    hospital: str
    country: str


class ListedTrial(_Answer):
    """An open trial in a list."""

    number: str = Field(description="Its number in its registry.", examples=["NCT90000001"])
    title: str = Field(description="The registry's own.")
    plain: str | None = Field(description="What it is, in plain words; null: its record does not tell.")
    status: StatusAnswer
    who: str = Field(description="Who can join, in a few words.")
    phase: str = Field(description="In words; empty: none is told.")
    posted: date | None = Field(description="When its registry posted it.")
    distance_km: float | None = Field(description="From `near` to the nearest open site; null: not asked.")
    site: NearestSite | None
    url: str = Field(description="Its page here; empty: the service has no address.")


class TrialPageAnswer(_Answer):
    """Some open trials: the nearest first where `near` was given, else those first that were posted last."""

    area: AreaAnswer
    near: PlaceAnswer | None
    trials: list[ListedTrial]
    total: int = Field(description="How many are open in all.")
    total_is_exact: bool = Field(description="False: there are more than `total`.")
    next: str | None = Field(description="The `cursor` of what comes next; null: this is the end.")


class ContactAnswer(_Answer):
    """Whom to ask, as the registry publishes it and the trial's page shows it."""

    name: str
    phone: str
    phone_extension: str
    email: str


class TrialSite(_Answer):
    """A place where a trial is."""

    town: str
    hospital: str
    country: str
    state: str = Field(description="`open`, `planned`, `invitation`, `paused`, `unknown` or `closed`.")
    distance_km: float | None = Field(description="From `near`; null: not asked, or not known.")
    contacts: list[ContactAnswer] = Field(description="Of the first sites, as the page shows them.")


class CriteriaAnswer(_Answer):
    """What the registry says of who can join, line by line."""

    included: list[str]
    excluded: list[str]
    others: list[str] = Field(description="Lines under no heading.")
    left_out: int = Field(description="So many lines more stand in the record.")


class TrialChange(_Answer):
    """Something that changed in a trial."""

    day: date
    kind: str = Field(examples=["opened"])
    text: str
    points: list[str] = Field(description="What it was and what it is.")


class NamedThing(_Answer):
    """An area or a topic that something is about."""

    id: str
    name: str


class ListedArticle(_Answer):
    """An article in a list."""

    title: str
    url: str = Field(description="Where it is read.")
    id: int = Field(description="Its number here.")
    language: str = Field(description="Empty: nobody said in which it is.")
    day: date | None
    source: str
    warnings: list[str] = Field(description="That it is a preprint, and what its journal said of it later.")


class TrialDetail(_Answer):
    """A trial, as its page tells it."""

    number: str
    other_numbers: list[str]
    title: str = Field(description="In plain words where its record tells enough, else the registry's own.")
    registry: str
    registry_title: str
    official_title: str
    plain: str | None = Field(description="What it is, in plain words; null: its record does not tell.")
    summary: str = Field(description="The registry's own.")
    status: StatusAnswer
    why_stopped: str
    who: str = Field(description="Who can join.")
    criteria: CriteriaAnswer
    phase: str
    kind: str
    enrolment: int | None
    sponsor: str
    start: str
    end: str
    countries: str
    first_posted: date | None
    record_updated: date | None
    areas: list[NamedThing]
    near: PlaceAnswer | None
    sites: list[TrialSite] = Field(description="The open ones first; the nearest first where `near` was given.")
    sites_total: int
    sites_open: int
    contacts: list[ContactAnswer] = Field(description="Whom to ask about all of it.")
    changes: list[TrialChange] = Field(description="What changed since it was first read here, the latest first.")
    articles: list[str] = Field(description="Where articles that name it are read.")
    url: str = Field(description="Its page here; empty: the service has no address.")
    registry_url: str | None
    results_url: str | None


class ArticlePageAnswer(_Answer):
    """Some articles, the latest first, without those that were taken back."""

    articles: list[ListedArticle]
    next: str | None = Field(description="The `cursor` of what comes next; null: this is the end.")


class Correction(_Answer):
    """That an article was corrected or taken back, and how its editors put it (empty: they said no more)."""

    day: date
    text: str


class ArticleDetail(_Answer):
    """An article, as its page tells it."""

    id: int
    title: str
    language: str = Field(description="Empty: nobody said in which it is.")
    summary: str
    html: str = Field(description="Its text, made safe; empty: it is read elsewhere.")
    sources: list[str]
    authors: list[str]
    published: date | None
    warnings: list[str] = Field(description="That it is a preprint, and what its journal said of it later.")
    corrected: Correction | None
    retracted: Correction | None = Field(description="Not null: please do not rely on it.")
    areas: list[NamedThing]
    topics: list[NamedThing]
    url: str = Field(description="Its page here; empty: the service has no address.")
    original_url: str | None


class ConsentAnswer(_Answer):
    """What somebody agrees to who signs up."""

    text: str = Field(description="To be shown as it is.")
    version: str = Field(description="To be sent with the sign-up.", examples=["2026-11-3f2a91c4"])
    language: str

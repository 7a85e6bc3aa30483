"""The facts of an item: what was read about a trial or an article, validated and frozen.

Thousands of these are made a second, so they hold plain types and no validators; whoever reads a
source turns its spellings into these. They are stored as the JSON of ``item.facts``.
"""

from __future__ import annotations

from datetime import date
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

__all__ = [
    "Arm",
    "ArticleFacts",
    "ArticleNotice",
    "ArticleRegion",
    "ArticleText",
    "Conflict",
    "Contact",
    "Design",
    "Intervention",
    "LayText",
    "PartialDate",
    "Reach",
    "Site",
    "StatusDates",
    "Term",
    "TrialFacts",
]

Reach = Literal["remote", "nationwide"]
"""``remote``: one takes part from home; ``nationwide``: all over the country, the record does not say where."""


class _Facts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Contact(_Facts):
    """Whom to ask: about a trial as a whole, or at one of its sites.

    ``role`` tells who it is where that is no plain contact. An extension stands behind the number (``… ext. 12``).
    """

    name: str | None = None
    phone: str | None = None
    email: str | None = None
    role: Literal["investigator"] | None = None


class Site(_Facts):
    """A place where a trial runs.

    ``country`` is ISO 3166-1 alpha-2 and ``subdivision`` ISO 3166-2 where they could be told;
    ``country_name`` and ``state`` are as the registry spells them. ``point_from`` tells whose coordinates these are
    where the registry gave none or they contradicted its words: the town's, the postcode's, or those of the
    subdivision's largest city. ``status`` is the site's own, where it has one; ``contacts`` are its own.
    """

    facility: str | None = None
    city: str | None = None
    state: str | None = None
    postcode: str | None = None
    country: str | None = None
    country_name: str | None = None
    subdivision: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    point_from: Literal["city", "postcode", "subdivision"] | None = None
    status: str | None = None
    contacts: tuple[Contact, ...] = ()


class PartialDate(_Facts):
    """A date as exact as the registry knows it: ``2026-01-15``, ``2026-01`` or ``2026``."""

    value: str
    precision: Literal["day", "month", "year"]
    kind: Literal["actual", "estimated"] | None = None


class Term(_Facts):
    """A MeSH term as the registry gave it; ``id`` is normalised."""

    id: str
    name: str


class Intervention(NamedTuple):
    """What a trial tests, or compares with: its type in the registry's capitals, its name, and other names of it."""

    type: str
    name: str
    others: tuple[str, ...] = ()


class Arm(NamedTuple):
    """A group of a trial: its type in capitals, its label, and which of the interventions it gets, counted from 0."""

    type: str
    label: str
    interventions: tuple[int, ...] = ()


class Design(_Facts):
    """How a trial is made, in the registry's words and capitals: what the plain line is made from.

    ``mesh`` are the terms by which the registry files the interventions, ``masked`` those who do not know who gets
    what. Missing is what nobody said.
    """

    interventions: tuple[Intervention, ...] = ()
    arms: tuple[Arm, ...] = ()
    mesh: tuple[str, ...] = ()
    allocation: str | None = None
    model: str | None = None
    purpose: str | None = None
    masked: tuple[str, ...] = ()
    observational_model: str | None = None
    time_perspective: str | None = None
    is_register: bool | None = None


class LayText(_Facts):
    """What a registry says of a trial to everybody, in one language (``de``)."""

    language: str
    title: str | None = None
    summary: str | None = None


class StatusDates(_Facts):
    """The days from which a trial's status follows, where its registry states none (ISRCTN).

    ``said`` is a status that the registry states all the same: it stopped, or was suspended.
    """

    recruits_from: date | None = None
    recruits_until: date | None = None
    ends: date | None = None
    said: str | None = None


class Conflict(NamedTuple):
    """A fact that registries tell differently: each with what it says, the one whose word counts first."""

    fact: Literal["status", "minimum_age", "maximum_age", "sex"]
    said: tuple[tuple[str, str], ...]


class TrialFacts(_Facts):
    """What is known of a trial.

    ``numbers`` are all registry numbers it goes by, its own included, as written. ``status``,
    ``last_known_status``, ``study_type`` and ``phases`` are in the registry's capitals
    (``RECRUITING``, ``INTERVENTIONAL``, ``PHASE1`` … ``NA``). Ages are in days beside the words they
    were read from; a missing one means that nobody said, not that there is no limit. ``reach`` is what the
    record's words say of the study as a whole; None where they say nothing, as nearly all do. ``plain`` is None in
    what was stored before it was read. ``said_by`` and ``conflicts`` stand only with a trial of several records: which
    registry each fact is from, and what they tell differently (see :mod:`~trialalerts.catalog.joining.merging`); so
    does ``results_at``: the registry whose record has the results, and its page, where the trial's own has none.
    ``had_results`` is kept of a record, not read: results were there before, and are not now.
    """

    numbers: tuple[str, ...] = ()
    acronym: str | None = None
    official_title: str | None = None
    status: str | None = None
    last_known_status: str | None = None
    why_stopped: str | None = None
    phases: tuple[str, ...] = ()
    study_type: str | None = None
    conditions: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    mesh: tuple[Term, ...] = ()
    mesh_ancestors: tuple[Term, ...] = ()
    sex: Literal["female", "male", "all"] | None = None
    minimum_age_days: int | None = None
    maximum_age_days: int | None = None
    minimum_age: str | None = None
    maximum_age: str | None = None
    healthy_volunteers: bool | None = None
    criteria: str = ""
    sites: tuple[Site, ...] = ()
    contacts: tuple[Contact, ...] = ()
    sponsor: str | None = None
    enrolment: int | None = None
    start: PartialDate | None = None
    completion: PartialDate | None = None
    has_results: bool = False
    first_posted: date | None = None
    last_update_posted: date | None = None
    last_verified: PartialDate | None = None
    reach: Reach | None = None
    plain: Design | None = None
    lay: tuple[LayText, ...] = ()
    schedule: StatusDates | None = None
    said_by: dict[str, tuple[str, ...]] | None = None
    conflicts: tuple[Conflict, ...] | None = None
    had_results: bool = False
    results_at: tuple[str, str] | None = None


class ArticleNotice(_Facts):
    """What was published about a paper later: that it is retracted, was corrected, or that there is concern about it.

    ``id`` is the notice's own key (``pmid:90000005``, ``doi:10.5555/x``) where it has one; ``on`` is when it appeared,
    as exactly as somebody says so.
    """

    kind: Literal["retracted", "corrected", "concern"]
    id: str | None = None
    on: PartialDate | None = None


class ArticleText(_Facts):
    """An article in a further language (ISO 639-1, perhaps with a region), as its editors translated it.

    ``corrected_on`` is when this text was put right; ``correction`` says so of the article's last correction alone.
    """

    language: str
    title: str
    summary: str = ""
    html: str = ""
    url: str = ""
    corrected_on: date | None = None
    correction: str | None = None
    retraction: str | None = None


class ArticleRegion(_Facts):
    """A region whose people alone an article is for: as a preference's, with its name (``label``).

    ``kind`` is country, subdivision or place; a group of countries is several of them. Degrees and kilometres.
    """

    kind: Literal["country", "subdivision", "place"]
    label: str
    country: str
    subdivision: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    radius_km: float | None = None


class ArticleFacts(_Facts):
    """What is known of an article; ``html`` is its sanitised body, empty where the source gives none.

    ``published_on`` is the day it appeared where the source gives no time of day: the same day for every reader,
    while the item's ``published_at`` only puts it in order. ``sources`` are the names of all sources of an item that
    several have; no record says it. ``trials`` are the registry numbers that it names, in their one spelling.
    ``retracted_on`` and ``retraction`` are its own editors' word; of a paper's journal that is a notice. Where
    ``regions`` or ``languages`` (ISO 639-1) are named, it is for those alone who live there, or read one of them.
    """

    authors: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    audience: str | None = None
    html: str = ""
    language: str | None = None
    published_on: date | None = None
    corrected_on: date | None = None  # and ``correction`` is the sentence that says what was put right
    correction: str | None = None
    journal: str | None = None
    trials: tuple[str, ...] = ()
    notices: tuple[ArticleNotice, ...] = ()
    retracted_on: date | None = None  # and ``retraction`` is the sentence that says why
    retraction: str | None = None
    translations: tuple[ArticleText, ...] = ()
    regions: tuple[ArticleRegion, ...] = ()
    languages: tuple[str, ...] = ()
    sources: tuple[str, ...] | None = None

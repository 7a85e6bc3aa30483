"""The facts of an item: what was read about a trial or an article, validated and frozen.

Thousands of these are made a second, so they hold plain types and no validators; whoever reads a
source turns its spellings into these. They are stored as the JSON of ``item.facts``.
"""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict

__all__ = ["ArticleFacts", "Contact", "PartialDate", "Reach", "Site", "Term", "TrialFacts"]

Reach = Literal["remote", "nationwide"]
"""``remote``: one takes part from home; ``nationwide``: all over the country, the record does not say where."""


class _Facts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Site(_Facts):
    """A place where a trial runs.

    ``country`` is ISO 3166-1 alpha-2 and ``subdivision`` ISO 3166-2 where they could be told;
    ``country_name`` and ``state`` are as the registry spells them. ``point_from`` tells whose coordinates these are
    where the registry gave none or they contradicted its words: the town's, the postcode's, or those of the
    subdivision's largest city. ``status`` is the site's own, where it has one.
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


class Contact(_Facts):
    """Whom to ask about a trial as a whole."""

    name: str | None = None
    phone: str | None = None
    email: str | None = None


class PartialDate(_Facts):
    """A date as exact as the registry knows it: ``2026-01-15``, ``2026-01`` or ``2026``."""

    value: str
    precision: Literal["day", "month", "year"]
    kind: Literal["actual", "estimated"] | None = None


class Term(_Facts):
    """A MeSH term as the registry gave it; ``id`` is normalised."""

    id: str
    name: str


class TrialFacts(_Facts):
    """What is known of a trial.

    ``numbers`` are all registry numbers it goes by, its own included, as written. ``status``,
    ``last_known_status``, ``study_type`` and ``phases`` are in the registry's capitals
    (``RECRUITING``, ``INTERVENTIONAL``, ``PHASE1`` … ``NA``). Ages are in days beside the words they
    were read from; a missing one means that nobody said, not that there is no limit. ``reach`` is what the
    record's words say of the study as a whole; None where they say nothing, as nearly all do.
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


class ArticleFacts(_Facts):
    """What is known of an article; ``html`` is its sanitised body, empty where the source gives none.

    ``published_on`` is the day it appeared where the source gives no time of day: the same day for every reader,
    while the item's ``published_at`` only puts it in order. ``sources`` are the names of all sources of an item that
    several have; no record says it.
    """

    authors: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    audience: str | None = None
    html: str = ""
    language: str | None = None
    published_on: date | None = None
    corrected_on: date | None = None  # and ``correction`` is the sentence that says what was put right
    correction: str | None = None
    sources: tuple[str, ...] | None = None

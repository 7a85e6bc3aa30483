"""The count of the sites whose place in the world could not be told, and how they are spelt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy
from sqlmodel import Session, col

from trialalerts.catalog.facts import Site
from trialalerts.catalog.outline_rows import item_ids
from trialalerts.catalog.outlines import unplaced_terms
from trialalerts.catalog.tables import Item, ItemKind
from trialalerts.catalog.trials.status import site_is_open
from trialalerts.database.bulk import in_chunks

__all__ = ["Lack", "SiteSurvey", "survey_sites"]

_MOST_TRIALS = 10_000


@dataclass(kw_only=True)
class Lack:
    """Sites that lack one thing: how many, of how many trials, and each spelling with its number of sites."""

    sites: int = 0
    trials: int = 0
    spellings: Counter[str] = field(default_factory=Counter)

    def note(self, *words: str | None) -> None:
        """Count one more site, spelt with these words."""
        self.sites += 1
        self.spellings[", ".join(word for word in words if word)] += 1


@dataclass(kw_only=True)
class SiteSurvey:
    """How many open trials were looked at, and what could not be told of their sites.

    ``country``: no country. ``subdivision``: a state is written that is no known subdivision, and the town does
    not tell it either. ``point``: no coordinates. A site without a country is counted there only.
    """

    trials: int = 0
    country: Lack = field(default_factory=Lack)
    subdivision: Lack = field(default_factory=Lack)
    point: Lack = field(default_factory=Lack)

    @property
    def lacks(self) -> tuple[Lack, Lack, Lack]:
        """All that can be lacking."""
        return self.country, self.subdivision, self.point


def survey_sites(session: Session, *, most: int = _MOST_TRIALS) -> SiteSurvey:
    """Look at the open trials, and at those of their sites that take people; of more than ``most`` at the newest.

    Terms tell of which a site may lack something: the facts of these few alone are read.
    """
    connection = session.connection()
    is_open = sqlalchemy.select(col(Item.id)).where(col(Item.is_open), col(Item.kind) == ItemKind.TRIAL)
    newest = connection.execute(is_open.order_by(col(Item.id).desc()).limit(most)).scalars().all()
    survey = SiteSurvey(trials=len(newest))
    doubtful = item_ids(connection, unplaced_terms())
    for some in in_chunks([number for number in newest if number in doubtful]):
        facts = sqlalchemy.select(col(Item.status), col(Item.facts)).where(col(Item.id).in_(some))
        for status, stored in connection.execute(facts):
            _survey(survey, status, stored.get("sites", ()))
    return survey


def _survey(survey: SiteSurvey, status: str | None, sites: Iterable[Mapping[str, Any]]) -> None:
    before = [lack.sites for lack in survey.lacks]
    for site in sites:
        if site_is_open(Site.model_construct(status=site.get("status")), status):
            _note(survey, site)
    for lack, known in zip(survey.lacks, before, strict=True):
        lack.trials += lack.sites > known


def _note(survey: SiteSurvey, site: Mapping[str, Any]) -> None:
    country = site.get("country")
    if country is None:
        survey.country.note(site.get("country_name"))
        return
    if site.get("state") and site.get("subdivision") is None:
        survey.subdivision.note(site["state"], country)
    if site.get("latitude") is None or site.get("longitude") is None:
        survey.point.note(site.get("city"), country)

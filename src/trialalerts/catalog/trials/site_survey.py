"""The count of the sites whose place in the world could not be told, and how they are spelt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy
from sqlmodel import Session, col

from trialalerts.catalog.tables import Item, ItemKind

__all__ = ["Lack", "SiteSurvey", "survey_sites"]

_MOST_TRIALS = 10_000
_BATCH = 1_000


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
    """What was looked at, and what could not be told.

    ``country``: no country. ``subdivision``: a state is written that is no known subdivision, and the town does
    not tell it either. ``point``: no coordinates. A site without a country is counted there only.
    """

    sites: int = 0
    trials: int = 0
    country: Lack = field(default_factory=Lack)
    subdivision: Lack = field(default_factory=Lack)
    point: Lack = field(default_factory=Lack)

    @property
    def lacks(self) -> tuple[Lack, Lack, Lack]:
        """All that can be lacking."""
        return self.country, self.subdivision, self.point


def survey_sites(session: Session, *, most: int = _MOST_TRIALS) -> SiteSurvey:
    """Look at the sites of the trials that are open now; of more than ``most`` at the newest of them."""
    survey = SiteSurvey()
    query = sqlalchemy.select(col(Item.facts)).where(col(Item.is_open), col(Item.kind) == ItemKind.TRIAL)
    newest = query.order_by(col(Item.id).desc()).limit(most).execution_options(yield_per=_BATCH)
    for stored in session.connection().execute(newest).scalars():
        sites = stored.get("sites", ())
        survey.trials += 1
        survey.sites += len(sites)
        before = [lack.sites for lack in survey.lacks]
        for site in sites:
            _note(survey, site)
        for lack, known in zip(survey.lacks, before, strict=True):
            lack.trials += lack.sites > known
    return survey


def _note(survey: SiteSurvey, site: Mapping[str, Any]) -> None:
    country = site.get("country")
    if country is None:
        survey.country.note(site.get("country_name"))
        return
    if site.get("state") and site.get("subdivision") is None:
        survey.subdivision.note(site["state"], country)
    if site.get("latitude") is None or site.get("longitude") is None:
        survey.point.note(site.get("city"), country)

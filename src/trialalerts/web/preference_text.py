"""How the pages tell what somebody follows: the place with its distance, and the filters in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from trialalerts.subscribers.filters import FILTERS_TOLD, FilterWords
from trialalerts.subscribers.tables import ONE_TRIAL, Preference, RegionKind
from trialalerts.vocabulary.areas.tree import ANY_AREA, AreaTree
from trialalerts.vocabulary.places.distance import KM_PER_MILE
from trialalerts.vocabulary.places.shown import region_shown
from trialalerts.vocabulary.topics import TopicTree
from trialalerts.web.languages import Language

__all__ = ["PreferenceText", "preference_text"]

_TELLS_STATES = {"AU", "BR", "CA", "IN", "MX", "US"}
"""Where many towns have the same name, so that people say the state with it."""


@dataclass(frozen=True, kw_only=True)
class PreferenceText:
    """A preference as a page shows it.

    ``where`` says the place in words with both units, ``region`` in short. ``filters`` says in words what it leaves
    out, empty where that is nothing; ``only`` is the same without the age.
    """

    id: int
    area: str
    region: str
    where: str
    filters: str
    only: str
    label: str | None
    confirmed: bool
    rests_until: datetime | None = None
    one_trial: bool = False


def preference_text(
    preference: Preference, areas: AreaTree, topics: TopicTree, language: Language, *, trial: str = ""
) -> PreferenceText:
    """Return a preference, stored or not, as a page shows it; ``trial`` is the number of the one that is followed."""

    def area(area_id: str) -> str:
        if area_id == ONE_TRIAL:
            return language.text("preferences.one_trial", number=trial)
        return language.text("filters.any_area") if area_id == ANY_AREA else areas.name(area_id, language.code)

    wording = FilterWords(text=language.text, area=area, topic=lambda topic: topics.name(topic, language.code))
    values = ((each, getattr(preference, each.name)) for each in FILTERS_TOLD)
    told = {each.name: each.told(value, wording) for each, value in values if value}
    return PreferenceText(
        id=preference.id or 0,
        area=area(preference.area_id),
        region=_every_change(preference, language) or _region(preference, language),
        where=_every_change(preference, language) or _where(preference, language),
        filters=" · ".join(filter(None, told.values())),
        only=" · ".join(text for name, text in told.items() if text and name != "born_on"),
        label=preference.label,
        confirmed=preference.confirmed_at is not None,
        rests_until=preference.paused_until,
        one_trial=preference.item_id is not None,
    )


def _every_change(preference: Preference, language: Language) -> str:
    return language.text("signup.trial_hint").rstrip(".") if preference.item_id is not None else ""


def _region(preference: Preference, language: Language) -> str:
    place = _shown(preference, language)
    if preference.region_kind is RegionKind.ANYWHERE:
        anywhere = language.text("preferences.anywhere")
        return anywhere if preference.latitude is None else f"{place} · {anywhere}"
    if preference.radius_km is None:
        return place
    return f"{place} · {preference.radius_km:.0f} km"


def _where(preference: Preference, language: Language) -> str:
    if preference.region_kind in {RegionKind.COUNTRY, RegionKind.SUBDIVISION}:
        return language.text("review.in", place=_place(preference, language))
    if preference.latitude is None:
        return language.text("review.anywhere")
    near = language.text("review.near", place=_place(preference, language))
    if preference.radius_km is None:
        return f"{near}, {language.text('signup.any_distance')}"
    km = preference.radius_km
    reach = language.text("review.within", km=f"{km:.0f}", miles=f"{km / KM_PER_MILE:.0f}")
    return f"{near}, {reach}"


def _place(preference: Preference, language: Language) -> str:
    """Return the place as people write it: with the name of its country in place of the code."""
    place = _shown(preference, language)
    if preference.region_kind is not RegionKind.PLACE or preference.country in _TELLS_STATES:
        return place
    name, *within = place.split(", ")
    return ", ".join([name, *within[-1:]])


def _shown(preference: Preference, language: Language) -> str:
    where = (preference.region_kind.value, preference.country, preference.subdivision)
    return region_shown(preference.region_label, *where, language.code)

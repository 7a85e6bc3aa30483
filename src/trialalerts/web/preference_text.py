"""How the pages tell what somebody follows: the place with its distance, and the filters in words."""

from __future__ import annotations

from dataclasses import dataclass

from trialalerts.subscribers.filters import FILTERS_TOLD, FilterWords
from trialalerts.subscribers.tables import Preference, RegionKind
from trialalerts.vocabulary.areas.tree import ANY_AREA, AreaTree
from trialalerts.vocabulary.topics import TopicTree
from trialalerts.web.languages import Language

__all__ = ["PreferenceText", "preference_text"]


@dataclass(frozen=True, kw_only=True)
class PreferenceText:
    """A preference as a page shows it; ``filters`` says in words what it leaves out, empty where that is nothing."""

    id: int
    area: str
    region: str
    filters: str
    label: str | None
    confirmed: bool


def preference_text(preference: Preference, areas: AreaTree, topics: TopicTree, language: Language) -> PreferenceText:
    """Return a preference, stored or not, as a page shows it."""

    def area(area_id: str) -> str:
        return language.text("filters.any_area") if area_id == ANY_AREA else areas.name(area_id)

    wording = FilterWords(text=language.text, area=area, topic=lambda topic: topics.name(topic, language.code))
    values = ((each, getattr(preference, each.name)) for each in FILTERS_TOLD)
    told = [each.told(value, wording) for each, value in values if value]
    return PreferenceText(
        id=preference.id or 0,
        area=area(preference.area_id),
        region=_region(preference, language),
        filters=" · ".join(filter(None, told)),
        label=preference.label,
        confirmed=preference.confirmed_at is not None,
    )


def _region(preference: Preference, language: Language) -> str:
    if preference.region_kind is RegionKind.ANYWHERE:
        anywhere = language.text("preferences.anywhere")
        return anywhere if preference.latitude is None else f"{preference.region_label} · {anywhere}"
    if preference.radius_km is None:
        return preference.region_label
    return f"{preference.region_label} · {preference.radius_km:.0f} km"

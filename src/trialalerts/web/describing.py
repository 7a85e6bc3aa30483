"""How the pages tell what somebody follows: the place with its distance, and the filters in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from trialalerts.subscribers.tables import Preference, RegionKind
from trialalerts.vocabulary.areas.tree import ANY_AREA, AreaTree
from trialalerts.vocabulary.topics import TopicTree
from trialalerts.web.languages import Language

__all__ = ["Follow", "follow_of"]


@dataclass(frozen=True, kw_only=True)
class Follow:
    """A preference as a page shows it; ``filters`` says in words what it leaves out, empty where that is nothing."""

    id: int
    area: str
    region: str
    filters: str
    label: str | None
    confirmed: bool


def follow_of(preference: Preference, areas: AreaTree, topics: TopicTree, language: Language) -> Follow:
    """Return a preference, stored or not, as a page shows it."""
    is_any = preference.area_id == ANY_AREA
    return Follow(
        id=preference.id or 0,
        area=language.text("filters.any_area") if is_any else areas.name(preference.area_id),
        region=_region(preference, language),
        filters=" · ".join(_filters(preference, areas, topics, language)),
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


def _filters(preference: Preference, areas: AreaTree, topics: TopicTree, language: Language) -> Iterator[str]:
    if preference.topics:
        named = ", ".join(topics.name(topic, language.code) for topic in preference.topics)
        yield language.text("filters.words_topics", topics=named)
    if preference.audience:
        yield language.text(f"filters.audience_{preference.audience}")
    if len(preference.item_kinds) == 1:
        yield language.text(f"filters.kinds_{preference.item_kinds[0]}")
    if preference.born_on:
        yield language.text("filters.words_born", year=preference.born_on.year)
    if preference.sex:
        yield language.text(f"filters.sex_{preference.sex}")
    if preference.healthy_volunteer:
        yield language.text("filters.words_healthy")
    if preference.phases:
        phases = [language.text(f"filters.short_{phase}") for phase in preference.phases]
        yield language.text("filters.words_phases", phases=", ".join(phases))
    if preference.change_kinds:
        news = [language.text(f"filters.change_{kind}") for kind in preference.change_kinds]
        yield language.text("filters.words_changes", news=", ".join(news))
    if preference.excluded_areas:
        names = "; ".join(areas.name(area) for area in preference.excluded_areas)
        yield language.text("filters.words_excluded", areas=names)

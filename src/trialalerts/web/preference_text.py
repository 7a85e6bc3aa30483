"""How the pages tell what somebody follows: the place with its distance, and the filters in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from trialalerts.catalog.facts import TrialFacts
from trialalerts.catalog.tables import Item
from trialalerts.digests.cards.reasons import wish_details, wish_heading
from trialalerts.digests.cards.text import one_line
from trialalerts.digests.cards.wording import Wording
from trialalerts.digests.plain import plain_line
from trialalerts.matching.reasons import Scope
from trialalerts.subscribers.filters import FILTERS_TOLD, FilterWords
from trialalerts.subscribers.tables import ONE_TRIAL, Preference, RegionKind
from trialalerts.vocabulary.areas.tree import ANY_AREA, AreaName, AreaTree
from trialalerts.vocabulary.places.distance import KM_PER_MILE
from trialalerts.vocabulary.places.everyday.table import everyday_stored
from trialalerts.vocabulary.places.shown import region_shown
from trialalerts.vocabulary.topics import TopicName, TopicTree
from trialalerts.web.languages import Language

__all__ = ["PreferenceText", "TrialNamed", "name_said", "preference_text", "trial_named"]

_TITLE = 200
_TELLS_STATES = {"AU", "BR", "CA", "IN", "MX", "US"}
"""Where many towns have the same name, so that people say the state with it."""


@dataclass(frozen=True, kw_only=True)
class TrialNamed:
    """A trial that is followed: its number, its title in the language of the page, and what of that is English."""

    number: str
    title: str
    foreign: tuple[str, ...] = ()


def trial_named(item: Item, words: Wording) -> TrialNamed:
    """Return a trial by the first sentence of its plain line; by its title where it has none."""
    try:
        line = plain_line(words, TrialFacts.model_validate(item.facts), None)
    except ValueError:  # facts of an older kind
        line = None
    if line is None or not line.first:
        title = one_line(item.title, _TITLE) or item.external_id
        return TrialNamed(number=item.external_id, title=title, foreign=() if words.language == "en" else (title,))
    title = "".join(piece.text for piece in line.first).rstrip().removesuffix(".")
    return TrialNamed(
        number=item.external_id, title=title, foreign=tuple(piece.text for piece in line.first if piece.lang)
    )


def name_said(name: AreaName | TopicName, language: Language) -> tuple[str, tuple[str, ...]]:
    """Return a name in a language, and it again where it stands in English on a page that does not."""
    said = name.said(language.code)
    return said, () if name.language(language.code) == language.code else (said,)


@dataclass(frozen=True, kw_only=True)
class PreferenceText:
    """A preference as a page shows it.

    ``where`` says the place in words with both units, ``region`` in short. ``filters`` says in words what it leaves
    out, empty where that is nothing; ``only`` is the same without the age. ``heading`` says what and where as one
    would, with ``details`` below it. ``foreign`` are the names in all this that stand in English on another page.
    ``area_id`` (empty where no area has a page for it), and ``place`` or ``country``, lead to the area's page.
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
    heading: str = ""
    details: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()
    area_id: str = ""
    place: str = ""
    country: str = ""


def preference_text(
    preference: Preference,
    areas: AreaTree,
    topics: TopicTree,
    language: Language,
    words: Wording,
    today: date,
    *,
    trial: TrialNamed | None = None,
    unit: str | None = None,
) -> PreferenceText:
    """Return a preference, stored or not, as a page shows it.

    Args:
        preference: what is followed.
        areas: all areas.
        topics: all topics.
        language: of the page.
        words: those of the mails, which name a wish alike.
        today: on which ages count.
        trial: the one that is followed, where one is.
        unit: ``km`` or ``miles``, where somebody chose.
    """
    foreign: list[str] = []

    def named(name: AreaName | TopicName) -> str:
        said, english = name_said(name, language)
        foreign.extend(english)
        return said

    def area(area_id: str) -> str:
        if area_id == ONE_TRIAL:
            return language.text("preferences.one_trial", number=trial.number if trial else "")
        return language.text("filters.any_area") if area_id == ANY_AREA else named(areas.names(area_id))

    wording = FilterWords(text=language.text, area=area, topic=lambda topic: named(topics.names(topic)))
    values = ((each, getattr(preference, each.name)) for each in FILTERS_TOLD)
    told = {each.name: each.told(value, wording) for each, value in values if value}
    name, scope = area(preference.area_id), Scope.of(preference)
    only = [text for field, text in told.items() if text and (field != "born_on" or not preference.label)]
    whom = reversed(wish_details(words, preference.label, scope, today, unit))
    foreign += trial.foreign if trial else ()
    return PreferenceText(
        id=preference.id or 0,
        area=name,
        region=_every_change(preference, language) or _region(preference, language),
        where=_every_change(preference, language) or _where(preference, language),
        filters=" · ".join(filter(None, told.values())),
        only=" · ".join(text for name, text in told.items() if text and name != "born_on"),
        label=preference.label,
        confirmed=preference.confirmed_at is not None,
        rests_until=preference.paused_until,
        one_trial=preference.item_id is not None,
        heading=(trial.title if trial else name) if scope.item_id is not None else wish_heading(words, name, scope),
        details=(trial.number if trial else "", _every_change(preference, language))
        if scope.item_id
        else _details(preference, language, *whom, *only),
        foreign=tuple(dict.fromkeys(foreign)),
        area_id=preference.area_id if preference.area_id in areas else "",
        place=preference.region_label if preference.latitude is not None else "",
        country=preference.country or "",
    )


def _every_change(preference: Preference, language: Language) -> str:
    return language.text("signup.trial_hint").rstrip(".") if preference.item_id is not None else ""


def _details(preference: Preference, language: Language, *more: str) -> tuple[str, ...]:
    return tuple(filter(None, (_around(preference, language), *more)))


def _around(preference: Preference, language: Language) -> str:
    """Return what a heading leaves open: which of the towns of that name, or that it is anywhere."""
    if preference.region_kind is RegionKind.ANYWHERE and preference.latitude is None:
        return language.text("preferences.anywhere")
    several = preference.region_kind is RegionKind.PLACE and preference.country in _TELLS_STATES
    return _place(preference, language) if several else ""


def _region(preference: Preference, language: Language) -> str:
    place = _shown(preference, language)
    if preference.region_kind is RegionKind.ANYWHERE:
        anywhere = language.text("preferences.anywhere")
        return anywhere if preference.latitude is None else f"{place} · {anywhere}"
    if preference.radius_km is None:
        return place
    return f"{place} · {preference.radius_km:.0f} km"


def _where(preference: Preference, language: Language) -> str:
    if preference.region_kind is RegionKind.GROUP:
        return _place(preference, language)
    if preference.region_kind in {RegionKind.COUNTRY, RegionKind.SUBDIVISION}:
        return language.text("review.in", place=_place(preference, language))
    if preference.latitude is None:
        return language.text("review.anywhere")
    place = _place(preference, language)
    is_region = everyday_stored(preference.region_label, preference.country) is not None
    near = place if is_region else language.text("review.near", place=place)
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

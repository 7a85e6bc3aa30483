"""Why a person is told of an item: through which area, which site is nearest, what the record leaves open."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple, Protocol

from trialalerts.catalog.facts import Reach, Site
from trialalerts.catalog.tables import ChangeKind, ItemKind
from trialalerts.catalog.trials.reach import reached_countries, site_reach
from trialalerts.matching.closings import closed_for, only_pauses, reached_for
from trialalerts.matching.window import Candidate, Subject
from trialalerts.subscribers.tables import ONE_TRIAL, RegionKind
from trialalerts.vocabulary.areas.tree import ANY_AREA, AreaName, AreaTree
from trialalerts.vocabulary.places.distance import distance_km
from trialalerts.vocabulary.places.territories import countries_of, subdivisions_of
from trialalerts.vocabulary.topics import TopicName, TopicTree

__all__ = ["Explainer", "Nearby", "PreferenceView", "Reason", "Scope", "nearby", "nearest_site"]

_MOST_KNOWN = 50_000
_MOST_CLOSED = 3
_MOST_NEXT = 2
_TO_OPEN = "NOT_YET_RECRUITING"
_THE_READERS = frozenset({"names", "through_names", "region", "near", "wish"})


class Scope(NamedTuple):
    """What a preference asks for beside its area, as it is told: where, how far around, for whom."""

    kind: RegionKind = RegionKind.ANYWHERE
    place: str = ""
    country: str | None = None
    subdivision: str | None = None
    radius_km: float | None = None
    born_on: date | None = None
    item_id: int | None = None

    @classmethod
    def of(cls, preference: PreferenceView) -> Scope:
        """Return what a preference, stored or not, asks for."""
        return cls(
            preference.region_kind,
            preference.region_label,
            preference.country,
            preference.subdivision,
            preference.radius_km,
            preference.born_on,
            preference.item_id,
        )


class Nearby(NamedTuple):
    """The sites of a trial that one may ask: the nearest, the next ones with their distance in km, how many more.

    ``site`` is the nearest where a place is followed, else the only one in the region; of ``sites`` in the country
    followed (``more`` of them beside those that are named) nobody knows which is near. ``planned``: none is open where
    the preference asks, these are to open there.
    """

    site: Site | None = None
    distance_km: float | None = None
    following: tuple[tuple[str, float], ...] = ()
    more: int = 0
    sites: int = 0
    planned: bool = False


_NOWHERE, _ANY_WISH = Nearby(), Scope()


class Reason(NamedTuple):
    """One of the person's preferences and how the item meets it.

    ``through_id`` and ``through_name`` are the item's own area where that is narrower than the area followed;
    None where the item is on the area itself. ``nearest`` is the town of the nearest open site, ``distance_km``
    how far that is from the place followed. ``no_site``: the trial lists no site yet. ``near_unknown``: there is
    an open site in the region, but how far away is not known. ``reach``: one takes part from home (``remote``) or
    all over the country (``nationwide``), so that it is near wherever in that country the person lives. ``may_fit``
    names the facts that were missing (``age``, ``sex``), so that nothing was excluded for their sake. ``topics`` are
    those that the preference asks for; ``area_id`` may be that of any area, whose ``area_name`` is then its id, or
    :data:`~trialalerts.subscribers.tables.ONE_TRIAL` where this trial itself is followed.
    ``closed`` are the towns of the sites that closed and were the nearest, or the last ones open in the region; with
    ``paused`` the record says now that they only pause. ``names`` and ``through_names`` are the areas' names in all
    languages, ``region`` is the kind of the region with the codes of its country and subdivision.
    ``near`` and ``wish`` are told to the reader only. ``trial`` is the number of the trial followed that an article
    names.
    """

    preference_id: int
    area_id: str
    area_name: str
    label: str | None = None
    through_id: str | None = None
    through_name: str | None = None
    region_label: str = ""
    distance_km: float | None = None
    nearest: str | None = None
    no_site: bool = False
    near_unknown: bool = False
    reach: Reach | None = None
    may_fit: tuple[str, ...] = ()
    topics: tuple[TopicName, ...] = ()
    closed: tuple[str, ...] = ()
    paused: bool = False
    names: AreaName | None = None
    through_names: AreaName | None = None
    region: tuple[str, str | None, str | None] | None = None
    near: Nearby = _NOWHERE
    wish: Scope = _ANY_WISH
    trial: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the reason as JSON types, compact: what equals its default is left out."""
        values = self._asdict() | {"topics": tuple(topic.id for topic in self.topics)}
        told = {name: value for name, value in values.items() if name not in _THE_READERS}
        return {name: value for name, value in told.items() if value != self._field_defaults.get(name, ...)}


class PreferenceView(Protocol):
    """What is read of a preference: a :class:`~trialalerts.subscribers.tables.Preference`, or a row of its columns."""

    @property
    def id(self) -> int | None: ...
    @property
    def area_id(self) -> str: ...
    @property
    def label(self) -> str | None: ...
    @property
    def region_kind(self) -> RegionKind: ...
    @property
    def region_label(self) -> str: ...
    @property
    def country(self) -> str | None: ...
    @property
    def subdivision(self) -> str | None: ...
    @property
    def latitude(self) -> float | None: ...
    @property
    def longitude(self) -> float | None: ...
    @property
    def radius_km(self) -> float | None: ...
    @property
    def item_id(self) -> int | None: ...
    @property
    def born_on(self) -> date | None: ...
    @property
    def sex(self) -> str | None: ...
    @property
    def topics(self) -> list[str]: ...


class _Common(NamedTuple):
    """What is the same for all who follow the same area in the same region."""

    area_name: str
    through_id: str | None
    through_name: str | None
    nearest: str | None
    distance_km: float | None
    near: Nearby
    no_site: bool
    near_unknown: bool
    reach: Reach | None
    names: AreaName | None
    through_names: AreaName | None


class Explainer:
    """Says why; remembers what many are told alike. One thread at a time may use it.

    Args:
        areas: the vocabulary, for what stands above what and for names.
        topics: for their names; None: their ids stand for them.
    """

    def __init__(self, areas: AreaTree, topics: TopicTree | None = None) -> None:
        self._areas = areas
        self._topics = topics or TopicTree(())
        self._known: dict[tuple[object, ...], tuple[Subject, _Common]] = {}

    def reason(self, subject: Subject, candidates: Sequence[Candidate], preference: PreferenceView) -> Reason:
        """Say why a preference asks for an item with these changes."""
        common = self._common(subject, candidates, preference)
        closed = _closed(subject, candidates, preference)
        return Reason(
            preference.id or 0,
            preference.area_id,
            common.area_name,
            preference.label,
            common.through_id,
            common.through_name,
            _place_followed(preference),
            common.distance_km,
            common.nearest,
            common.no_site,
            common.near_unknown,
            common.reach,
            _may_fit(subject, preference),
            tuple([self._topics.names(topic) for topic in preference.topics]),
            tuple(dict.fromkeys([site.city or site.facility or "" for site in closed]))[:_MOST_CLOSED],
            bool(closed) and all(only_pauses(site, subject) for site in closed),
            common.names,
            common.through_names,
            (preference.region_kind.value, preference.country, preference.subdivision),
            common.near,
            Scope.of(preference),
        )

    def _common(self, subject: Subject, candidates: Sequence[Candidate], preference: PreferenceView) -> _Common:
        if not subject.open_sites:  # then it depends on what changed which site is near
            return self._worked_out(subject, candidates, preference)
        place = (preference.subdivision, preference.latitude, preference.longitude, preference.radius_km)
        key = (subject.item_id, preference.area_id, preference.region_kind, preference.country, *place)
        known = self._known.get(key)
        if known is None or known[0] is not subject:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            known = self._known[key] = (subject, self._worked_out(subject, candidates, preference))
        return known[1]

    def _worked_out(self, subject: Subject, candidates: Sequence[Candidate], preference: PreferenceView) -> _Common:
        through = None if preference.area_id in subject.direct else _through(self._areas, subject, preference)
        near = nearby(subject, candidates, preference)
        distance = near.distance_km
        reach = _reach(subject, candidates, preference)
        trial = subject.kind is ItemKind.TRIAL
        listed = trial and subject.facts is not None and bool(subject.facts.sites)
        somewhere = listed and bool(subject.open_sites or _sites_of(candidates))
        unknown = somewhere and preference.region_kind is RegionKind.PLACE and distance is None and reach is None
        return _Common(
            area_name=self._areas.name(preference.area_id),
            through_id=through,
            through_name=_name(self._areas, subject, through) if through else None,
            nearest=near.site.city if near.site else None,
            distance_km=None if distance is None else round(distance, 1),
            near=near,
            no_site=trial and not listed,
            near_unknown=unknown,
            reach=reach,
            names=self._names(preference.area_id),
            through_names=self._names(through) if through else None,
        )

    def _names(self, area_id: str) -> AreaName | None:
        return self._areas.names(area_id) if area_id in self._areas else None


def nearest_site(
    subject: Subject, candidates: Sequence[Candidate], preference: PreferenceView
) -> tuple[Site | None, float | None]:
    """Return the site to name and its distance in km where a place is followed.

    Open sites come first; a trial with none yet names those that are to open. For a country or a
    subdivision it is a site in it, without a distance.
    """
    sites, _ = _askable(subject, candidates, preference)
    measured = _measured(sites, preference)
    if measured:
        distance, number = min(measured)
        return sites[number], distance
    return (None if _is_around(preference) else next(iter(sites), None)), None


def nearby(subject: Subject, candidates: Sequence[Candidate], preference: PreferenceView) -> Nearby:
    """Return the sites to name, beginning with the one of :func:`nearest_site`, and what else there is."""
    sites, planned = _askable(subject, candidates, preference)
    if _is_around(preference):
        return _around(sites, preference)._replace(planned=planned)
    return Nearby(site=next(iter(sites), None), sites=len(sites), more=max(0, len(sites) - 1), planned=planned)


def _is_around(preference: PreferenceView) -> bool:
    return preference.region_kind in {RegionKind.PLACE, RegionKind.ANYWHERE}


def _askable(
    subject: Subject, candidates: Sequence[Candidate], preference: PreferenceView
) -> tuple[tuple[Site, ...], bool]:
    """Return the sites that one may ask, and whether these are yet to open.

    All open ones around a place, else those in the region. Where none is open as near as the preference asks, those
    that are to open there: the trial is told for their sake.
    """
    now_open = _asked_for(subject.open_sites or _sites_of(candidates), preference)
    if subject.open_sites and subject.facts and not _as_near_as_asked(now_open, preference):
        planned = [site for site in subject.facts.sites if site.status == _TO_OPEN]
        if found := _as_near_as_asked(_asked_for(planned, preference), preference):
            return found, True
    return now_open, False


def _asked_for(listed: Sequence[Site], preference: PreferenceView) -> tuple[Site, ...]:
    sites = tuple(site for site in listed if site_reach(site) is None)
    if _is_around(preference):
        return sites
    codes = frozenset((preference.subdivision or preference.country or "").split())  # those of a group are several
    return tuple(site for site in sites if not codes.isdisjoint((*_countries(site), *_subdivisions(site))))


def _as_near_as_asked(sites: tuple[Site, ...], preference: PreferenceView) -> tuple[Site, ...]:
    """Return those of the sites that lie within the radius, where there is one."""
    if preference.region_kind is not RegionKind.PLACE or preference.radius_km is None:
        return sites
    return tuple(sites[number] for km, number in _measured(sites, preference) if km <= preference.radius_km)


def _measured(sites: Sequence[Site], preference: PreferenceView) -> list[tuple[float, int]]:
    """Return how far away each site is from the place followed, in km, with its number; none without a place."""
    latitude, longitude = preference.latitude, preference.longitude
    if latitude is None or longitude is None or not _is_around(preference):
        return []
    return [
        (distance_km(latitude, longitude, site.latitude, site.longitude), number)
        for number, site in enumerate(sites)
        if site.latitude is not None and site.longitude is not None
    ]


def _around(sites: Sequence[Site], preference: PreferenceView) -> Nearby:
    """Return the sites around the place followed; how many more there are counts its country."""
    measured = _measured(sites, preference)
    if not measured:
        return Nearby()
    distance, number = min(measured)
    if len(measured) == 1:
        return Nearby(site=sites[number], distance_km=distance, sites=len(sites))
    within = {number for km, number in measured if km <= (preference.radius_km or 0.0)}
    inside = {n for n, site in enumerate(sites) if preference.country in _countries(site)}
    towns = {sites[number].city}
    following: list[tuple[str, float]] = []
    counted = {number}
    for km, other in sorted(measured):
        city = sites[other].city
        if city and city not in towns and other in inside | within and len(following) < _MOST_NEXT:
            towns.add(city)
            following.append((city, round(km, 1)))
            counted.add(other)
    return Nearby(sites[number], distance, tuple(following), len(inside - counted), len(sites))


def _place_followed(preference: PreferenceView) -> str:
    """Return what chose the item: of any distance from Leeds not Leeds, which only measures it."""
    return "anywhere" if preference.region_kind is RegionKind.ANYWHERE else preference.region_label


def _subdivisions(site: Site) -> tuple[str, ...]:
    return subdivisions_of(site.country, site.subdivision) if site.country else ()


def _countries(site: Site) -> tuple[str, ...]:
    return countries_of(site.country, site.country_name) if site.country else ()


def _sites_of(candidates: Sequence[Candidate]) -> tuple[Site, ...]:
    """Return the sites that make changes near; not those that closed."""
    return tuple(site for c in candidates if c.kind != ChangeKind.SITE_CLOSED for site in c.sites or ())


def _reach(subject: Subject, candidates: Sequence[Candidate], preference: PreferenceView) -> Reach | None:
    """Return how the trial reaches the person wherever in their country they live; None where its sites tell."""
    if subject.facts is None:
        return None
    sites = subject.open_sites or _sites_of(candidates)
    return reached_for(preference, reached_countries(subject.facts, sites))


def _through(areas: AreaTree, subject: Subject, preference: PreferenceView) -> str | None:
    """Return the item's own area under the area followed; the one its title names first."""
    if preference.area_id in {ANY_AREA, ONE_TRIAL}:
        return None
    under = [own for own in subject.direct if preference.area_id in areas.ancestors(own)]
    under.sort(key=lambda own: own not in subject.in_title)
    # Where only the record itself says that the area stands above, its own areas are all there is to name.
    return next(iter(under or subject.direct), None)


def _name(areas: AreaTree, subject: Subject, area_id: str) -> str:
    if area_id in areas or subject.facts is None:
        return areas.name(area_id)
    return next((term.name for term in subject.facts.mesh if term.id == area_id), area_id)


def _closed(subject: Subject, candidates: Sequence[Candidate], preference: PreferenceView) -> tuple[Site, ...]:
    """Return the sites whose closing is news to whoever follows this."""
    sites = tuple(site for c in candidates if c.kind == ChangeKind.SITE_CLOSED for site in c.sites or ())
    return closed_for(preference, sites, subject) if sites else ()


def _may_fit(subject: Subject, preference: PreferenceView) -> tuple[str, ...]:
    """Name the facts that the preference asks about and the record does not give."""
    facts = subject.facts
    if facts is None:
        return ()
    missing = {
        "age": preference.born_on is not None and facts.minimum_age_days is None and facts.maximum_age_days is None,
        "sex": preference.sex is not None and facts.sex is None,
    }
    return tuple(name for name, is_missing in missing.items() if is_missing)

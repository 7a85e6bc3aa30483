"""The comparison of two lists of sites: which ones take people now that did not before, and which no longer do.

Registries rename facilities, repair (and break) their encoding, re-spell cities, move coordinates by
metres and list sites in another order; and this program learns to read better where they lie. None of that
opens a site, so sites are matched in rounds, from
the surest likeness to the weakest; what is open and was matched with nothing open is new.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from trialalerts.catalog.facts import Site
from trialalerts.catalog.trials.status import site_is_open
from trialalerts.vocabulary.names import folded
from trialalerts.vocabulary.places.distance import distance_km
from trialalerts.vocabulary.places.territories import wholes

__all__ = ["SiteTurns", "compare_sites", "whole_country"]

_RESPELT_WITHIN_KM = 50.0
_NAMELESS_WITHIN_KM = 20.0  # “Research Site” stands for every site of some sponsors
_SAME_PLACE_KM = 2.0
_ALIKE = 60.0
_WHOLES = wholes()
"""A site of a territory is compared as one of the whole country: registries (and readings) call it now so, now so."""
_MOST_PAIRS = 250_000
"""Above it a weak round is left out: a list that changed so thoroughly is told as it stands."""


@dataclass(frozen=True, eq=False, slots=True)
class _Place:
    """A site in its list, with folded names; compared by identity."""

    site: Site
    index: int
    is_open: bool
    facility: str
    is_named: bool
    city: str
    state: str
    written_state: str
    country: str
    postcode: str


_Likeness = Callable[[_Place, _Place], float]
_Key = Callable[[_Place], Hashable]


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteTurns:
    """The sites that turned, in their order: ``opened`` as they are now, ``closed`` as they were."""

    opened: list[Site]
    closed: list[Site]


def compare_sites(
    before: Sequence[Site], after: Sequence[Site], *, status_before: str | None, status_after: str | None
) -> SiteTurns:
    """Return which sites are open after and were not before (closed, or not listed), and which the other way about.

    The statuses are those of the trial: a site without its own goes with it. A record that lists no site any more says
    nothing of them, so that none closed.
    """
    told = _told_countries(before, after)
    was, now = _places(before, status_before, told), _places(after, status_after, told)
    unchanged = status_before == status_after and (before == after or _bare(before) == _bare(after))
    if unchanged or not any(place.is_open for place in (*was, *now)):
        return SiteTurns(opened=[], closed=[])
    matching = _Matching(was, now)
    matching.round(_written, _same)
    matching.round(lambda place: (place.country, place.city, place.facility), _may_be_one_site)
    matching.round(lambda place: (place.country, place.facility), _near)
    matching.round(lambda place: (place.country, place.city), _alike_in_one_city)
    matching.round(lambda place: place.country, _alike_in_one_place)
    matching.round(lambda place: (place.country, place.city), _may_be_one_city)
    closed = [place.site for place in matching.newly_closed()] if after else []
    return SiteTurns(opened=[place.site for place in matching.newly_open()], closed=closed)


class _Matching:
    """Two lists of places while they are matched."""

    def __init__(self, before: list[_Place], after: list[_Place]) -> None:
        self._before = before
        self._after = after
        self._opened: list[_Place] = []
        self._closed: list[_Place] = []

    def round(self, key: _Key, likeness: _Likeness) -> None:
        """Match places of one key, the most alike first, of equals open with open; a likeness of 0 is none."""
        olds = _grouped(self._before, key)
        matched: set[_Place] = set()
        for name, news in _grouped(self._after, key).items():
            for old, new in _best_first(olds.get(name, []), news, likeness):
                if old not in matched and new not in matched:
                    matched.update((old, new))
                    if new.is_open and not old.is_open:
                        self._opened.append(new)
                    if old.is_open and not new.is_open:
                        self._closed.append(old)
        self._before = [place for place in self._before if place not in matched]
        self._after = [place for place in self._after if place not in matched]

    def newly_open(self) -> list[_Place]:
        """Return what opened: matched with a place that was not open, or with nothing."""
        left = [place for place in self._after if place.is_open]
        return sorted(self._opened + left, key=lambda place: place.index)

    def newly_closed(self) -> list[_Place]:
        """Return what closed: matched with a place that is not open, or with nothing."""
        left = [place for place in self._before if place.is_open]
        return sorted(self._closed + left, key=lambda place: place.index)


def _bare(sites: Sequence[Site]) -> list[Site]:
    """Return sites without the people at them: who is to be asked opens and closes nothing."""
    return [site.model_copy(update={"contacts": ()}) if site.contacts else site for site in sites]


def _told_countries(before: Sequence[Site], after: Sequence[Site]) -> dict[str, str]:
    """Return written country → code where one of two readings knew it and the other did not (“West Bank”)."""
    both = (*before, *after)
    if all(site.country for site in both):
        return {}
    return {folded(site.country_name): site.country for site in both if site.country and site.country_name}


def _places(sites: Sequence[Site], trial_status: str | None, told: Mapping[str, str]) -> list[_Place]:
    names = Counter(site.facility for site in sites)
    return [
        _Place(
            site=site,
            index=index,
            is_open=site_is_open(site, trial_status),
            facility=folded(site.facility or ""),
            is_named=names[site.facility] == 1,
            city=folded(site.city or ""),
            state=folded(site.state or site.subdivision or ""),
            written_state=folded(site.state or ""),
            country=_country(site, told),
            postcode=folded(site.postcode or ""),
        )
        for index, site in enumerate(sites)
    ]


def whole_country(code: str) -> str:
    """Return the country that a territory belongs to in comparisons; any other code as it is."""
    return _WHOLES.get(code, code)


def _country(site: Site, told: Mapping[str, str]) -> str:
    code = site.country or told.get(folded(site.country_name or ""), "")
    return whole_country(code) or folded(site.country_name or "")


def _grouped(places: Iterable[_Place], key: _Key) -> dict[Hashable, list[_Place]]:
    groups: dict[Hashable, list[_Place]] = defaultdict(list)
    for place in places:
        groups[key(place)].append(place)
    return groups


def _best_first(olds: list[_Place], news: list[_Place], likeness: _Likeness) -> Iterable[tuple[_Place, _Place]]:
    if len(olds) == len(news) == 1 and likeness(olds[0], news[0]) > 0:
        return [(olds[0], news[0])]
    if len(olds) * len(news) > _MOST_PAIRS:
        return []
    scored = [(likeness(old, new), old.is_open == new.is_open, old, new) for old in olds for new in news]
    scored = [entry for entry in scored if entry[0] > 0]
    scored.sort(key=lambda entry: entry[:2], reverse=True)
    return [(old, new) for _, _, old, new in scored]


def _written(place: _Place) -> Hashable:
    return place.country, place.written_state, place.city, place.postcode, place.facility


def _same(old: _Place, new: _Place) -> float:
    del old, new
    return 1.0


def _may_be_one_site(old: _Place, new: _Place) -> float:
    """Two sites of one name in cities of one name are one, unless both name states that lie far from each other.

    Where a state is not written, this program made one out, and another version of it may do so otherwise.
    """
    return _may_be_one_city(old, new) if old.written_state and new.written_state else 1.0


def _may_be_one_city(old: _Place, new: _Place) -> float:
    """Two cities of one name are one, unless they lie in two states far from each other."""
    if old.state == new.state or not old.state or not new.state:
        return 1.0
    distance = _distance(old.site, new.site)
    return float(distance is not None and distance <= _RESPELT_WITHIN_KM)


def _near(old: _Place, new: _Place) -> float:
    """The nearer the more alike; without coordinates one postcode or state is near enough."""
    if not old.facility:
        return 0.0
    distance = _distance(old.site, new.site)
    if distance is None:
        return float(bool(old.postcode or old.state) and (old.postcode, old.state) == (new.postcode, new.state)) / 100
    limit = _RESPELT_WITHIN_KM if old.is_named and new.is_named else _NAMELESS_WITHIN_KM
    return 1 / (1 + distance) if distance <= limit else 0.0


def _alike_in_one_city(old: _Place, new: _Place) -> float:
    return _alike(old, new) * _may_be_one_city(old, new)


def _alike_in_one_place(old: _Place, new: _Place) -> float:
    distance = _distance(old.site, new.site)
    return _alike(old, new) if distance is not None and distance <= _SAME_PLACE_KM else 0.0


def _alike(old: _Place, new: _Place) -> float:
    if not old.facility or not new.facility:
        return 0.0
    from rapidfuzz import fuzz

    return fuzz.ratio(old.facility, new.facility, score_cutoff=_ALIKE)


def _distance(one: Site, other: Site) -> float | None:
    if one.latitude is None or one.longitude is None or other.latitude is None or other.longitude is None:
        return None
    return distance_km(one.latitude, one.longitude, other.latitude, other.longitude)

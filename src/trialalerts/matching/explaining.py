"""Owns why a person is told of an item: through which area, which site is nearest, what the record leaves open."""

from __future__ import annotations

from collections.abc import Sequence

from trialalerts.catalog.facts import Reach, Site
from trialalerts.catalog.reach import reached_countries, site_reach
from trialalerts.catalog.tables import ItemKind
from trialalerts.matching.reasons import Reason
from trialalerts.matching.window import Candidate, Subject
from trialalerts.subscribers.tables import Preference, RegionKind
from trialalerts.vocabulary.areas import AreaTree
from trialalerts.vocabulary.distance import distance_km

__all__ = ["nearest_site", "reason"]


def reason(areas: AreaTree, subject: Subject, candidates: Sequence[Candidate], preference: Preference) -> Reason:
    """Say why a preference asks for an item with these changes."""
    through = None if preference.area_id in subject.direct else _through(areas, subject, preference)
    nearest, distance = nearest_site(subject, candidates, preference)
    reach = _reach(subject, candidates, preference)
    trial = subject.kind is ItemKind.TRIAL
    listed = trial and subject.facts is not None and bool(subject.facts.sites)
    return Reason(
        preference_id=preference.id or 0,
        area_id=preference.area_id,
        area_name=areas.name(preference.area_id),
        label=preference.label,
        through_id=through,
        through_name=_name(areas, subject, through) if through else None,
        region_label=preference.region_label,
        distance_km=None if distance is None else round(distance, 1),
        nearest=nearest.city if nearest else None,
        no_site=trial and not listed,
        near_unknown=listed and preference.region_kind is RegionKind.PLACE and distance is None and reach is None,
        reach=reach,
        may_fit=_may_fit(subject, preference),
    )


def nearest_site(
    subject: Subject, candidates: Sequence[Candidate], preference: Preference
) -> tuple[Site | None, float | None]:
    """Return the site to name and its distance in km where a place is followed.

    Open sites come first; a trial with none yet names those that are to open. For a country or a
    subdivision it is a site in it, without a distance.
    """
    listed = subject.open_sites or tuple(site for c in candidates for site in c.sites or ())
    sites = tuple(site for site in listed if site_reach(site) is None)
    if preference.region_kind is RegionKind.PLACE:
        if preference.latitude is None or preference.longitude is None:
            return None, None
        measured = [
            (distance_km(preference.latitude, preference.longitude, site.latitude, site.longitude), number)
            for number, site in enumerate(sites)
            if site.latitude is not None and site.longitude is not None
        ]
        if not measured:
            return None, None
        distance, number = min(measured)
        return sites[number], distance
    if preference.region_kind is RegionKind.SUBDIVISION:
        sites = tuple(site for site in sites if site.subdivision == preference.subdivision)
    elif preference.region_kind is RegionKind.COUNTRY:
        sites = tuple(site for site in sites if site.country == preference.country)
    else:
        return None, None
    return next(iter(sites), None), None


def _reach(subject: Subject, candidates: Sequence[Candidate], preference: Preference) -> Reach | None:
    """Return how the trial reaches the person wherever in their country they live; None where its sites tell."""
    if subject.facts is None or preference.country is None:
        return None
    sites = subject.open_sites or tuple(site for c in candidates for site in c.sites or ())
    return reached_countries(subject.facts, sites).get(preference.country)


def _through(areas: AreaTree, subject: Subject, preference: Preference) -> str | None:
    """Return the item's own area under the area followed; the one its title names first."""
    under = [own for own in subject.direct if preference.area_id in areas.ancestors(own)]
    under.sort(key=lambda own: own not in subject.in_title)
    # Where only the record itself says that the area stands above, its own areas are all there is to name.
    return next(iter(under or subject.direct), None)


def _name(areas: AreaTree, subject: Subject, area_id: str) -> str:
    if area_id in areas or subject.facts is None:
        return areas.name(area_id)
    return next((term.name for term in subject.facts.mesh if term.id == area_id), area_id)


def _may_fit(subject: Subject, preference: Preference) -> tuple[str, ...]:
    """Name the facts that the preference asks about and the record does not give."""
    facts = subject.facts
    if facts is None:
        return ()
    missing = []
    if preference.born_on is not None and facts.minimum_age_days is None and facts.maximum_age_days is None:
        missing.append("age")
    if preference.sex is not None and facts.sex is None:
        missing.append("sex")
    return tuple(missing)

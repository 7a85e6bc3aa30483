"""Owns the matching of preferences with a window: what is told, in which order, and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

from trialalerts.catalog.facts import Site
from trialalerts.catalog.tables import ItemKind
from trialalerts.matching.index import RegionKey, WindowIndex
from trialalerts.matching.ranking import Tier
from trialalerts.matching.reasons import Reason
from trialalerts.matching.window import Candidate, Subject
from trialalerts.subscribers.tables import Preference, RegionKind
from trialalerts.vocabulary.distance import distance_km

__all__ = ["Match", "Matcher"]

_RERANKED = 50
"""So many items of a tier are put in the order of their distance; further down nobody compares."""


@dataclass(kw_only=True, slots=True)
class Match:
    """One item that is to be told, with what happened to it (in static order) and the preferences that ask for it."""

    subject: Subject
    tier: Tier
    candidates: list[Candidate]
    preferences: list[Preference] = field(default_factory=list)


class Matcher:
    """Matches preferences with one window; made once for a window and shared by all subscribers."""

    def __init__(self, index: WindowIndex, today: date) -> None:
        self.index = index
        self.today = today

    def match(self, preferences: Sequence[Preference], *, after: int = -1) -> list[Match]:
        """Return what these preferences of one subscriber bring out of the changes above ``after``, best first.

        A change that meets several preferences is told once and names them all; several changes of one item
        are one match.
        """
        window = self.index.after(after)
        asked = [(preference, self.wanted(preference) & window) for preference in preferences]
        tiers = [0] * len(Tier)
        for preference, bits in asked:
            for tier, of_tier in self._tiers(preference, bits):
                tiers[tier] |= of_tier
        matches: dict[int, Match] = {}
        told = 0
        for tier in Tier:
            self._collect(tier, tiers[tier] & ~told, asked, matches)
            told |= tiers[tier]
        around = any(preference.region_kind is RegionKind.PLACE for preference in preferences)
        return self._near_first(list(matches.values())) if around else list(matches.values())

    def wanted(self, preference: Preference) -> int:
        """Return the candidates that meet one preference, as bits of the index."""
        index = self.index
        bits = index.area(preference.area_id, frozenset(preference.excluded_areas))
        if bits:
            bits &= index.region(region_key(preference)) & index.item_kinds(preference.item_kinds)
            bits &= index.change_kinds(preference.change_kinds) & index.phases(preference.phases)
        if bits and preference.sex is not None:
            bits &= index.sex(preference.sex)
        if bits and preference.born_on is not None:
            bits &= index.age((self.today - preference.born_on).days)
        if bits and preference.healthy_volunteer:
            bits &= index.healthy()
        return bits

    def reasons(self, match: Match) -> tuple[Reason, ...]:
        """Say for each preference why it asks for the item."""
        return tuple(self._reason(match, preference) for preference in match.preferences)

    def _tiers(self, preference: Preference, bits: int) -> Iterable[tuple[Tier, int]]:
        index = self.index
        direct, title = index.on_area(preference.area_id), index.in_title(preference.area_id)
        trials, articles = bits & index.trials, bits & index.articles
        yield Tier.AREA_RECRUITING, trials & direct & index.recruiting
        yield Tier.AREA, trials & direct & ~index.recruiting
        yield Tier.ANCESTOR_RECRUITING, trials & ~direct & index.recruiting
        yield Tier.ANCESTOR, trials & ~direct & ~index.recruiting
        yield Tier.ARTICLE_IN_TITLE, articles & direct & title
        yield Tier.ARTICLE_IN_TEXT, articles & direct & ~title
        yield Tier.ARTICLE_ANCESTOR, articles & ~direct

    def _collect(
        self, tier: Tier, bits: int, asked: Sequence[tuple[Preference, int]], matches: dict[int, Match]
    ) -> None:
        for number in self.index.numbers(bits):
            candidate = self.index.candidates[number]
            match = matches.get(candidate.subject.item_id)
            if match is None:
                match = Match(subject=candidate.subject, tier=tier, candidates=[])
                matches[candidate.subject.item_id] = match
            match.candidates.append(candidate)
            for preference, of_preference in asked:
                if of_preference >> number & 1 and not any(preference is known for known in match.preferences):
                    match.preferences.append(preference)

    def _near_first(self, matches: list[Match]) -> list[Match]:
        """Put the first items of each tier of trials in the order of their distance; the sort is stable."""
        ordered: list[Match] = []
        for tier in Tier:
            of_tier = [match for match in matches if match.tier is tier]
            head, tail = of_tier[:_RERANKED], of_tier[_RERANKED:]
            if tier < Tier.ARTICLE_IN_TITLE:
                head.sort(key=_distance)
            ordered += head + tail
        return ordered

    def _reason(self, match: Match, preference: Preference) -> Reason:
        subject, areas = match.subject, self.index.areas
        through = None if preference.area_id in subject.direct else self._through(subject, preference)
        nearest, distance = nearest_site(match, preference)
        trial = subject.kind is ItemKind.TRIAL
        listed = trial and subject.facts is not None and bool(subject.facts.sites)
        return Reason(
            preference_id=preference.id or 0,
            area_id=preference.area_id,
            area_name=areas.name(preference.area_id),
            label=preference.label,
            through_id=through,
            through_name=self._name(subject, through) if through else None,
            region_label=preference.region_label,
            distance_km=None if distance is None else round(distance, 1),
            nearest=nearest.city if nearest else None,
            no_site=trial and not listed,
            near_unknown=listed and preference.region_kind is RegionKind.PLACE and distance is None,
            may_fit=_may_fit(subject, preference),
        )

    def _through(self, subject: Subject, preference: Preference) -> str | None:
        """Return the item's own area under the area followed; the one its title names first."""
        areas = self.index.areas
        under = [own for own in subject.direct if preference.area_id in areas.ancestors(own)]
        under.sort(key=lambda own: own not in subject.in_title)
        # Where only the record itself says that the area stands above, its own areas are all there is to name.
        return next(iter(under or subject.direct), None)

    def _name(self, subject: Subject, area_id: str) -> str:
        if area_id in self.index.areas or subject.facts is None:
            return self.index.areas.name(area_id)
        return next((term.name for term in subject.facts.mesh if term.id == area_id), area_id)


def region_key(preference: Preference) -> RegionKey:
    """Return the region of a preference as the index takes it."""
    return (
        preference.region_kind,
        preference.country,
        preference.subdivision,
        preference.latitude,
        preference.longitude,
        preference.radius_km,
    )


def nearest_site(match: Match, preference: Preference) -> tuple[Site | None, float | None]:
    """Return the site to name and its distance in km where a place is followed.

    Open sites come first; a trial with none yet names those that are to open. For a country or a
    subdivision it is a site in it, without a distance.
    """
    sites = match.subject.open_sites or tuple(site for c in match.candidates for site in c.sites or ())
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


def _distance(match: Match) -> float:
    around = [p for p in match.preferences if p.region_kind is RegionKind.PLACE]
    found = [distance for p in around if (distance := nearest_site(match, p)[1]) is not None]
    return min(found, default=float("inf"))


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

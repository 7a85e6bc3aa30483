"""Random worlds for the matching tests, and the specification: a matcher that asks each change in turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from hypothesis import strategies as st
from sqlmodel import Session, col, select

from trialalerts.catalog.facts import Site, TrialFacts
from trialalerts.catalog.outlines import Outline, outline_of, places_of
from trialalerts.catalog.tables import FOLLOWERS_ONLY, TOLD_BEFORE_ONLY, Change, ChangeKind, Item, ItemKind
from trialalerts.catalog.trials.status import is_recruiting, site_is_open
from trialalerts.matching.closings import AS_NEAR_KM
from trialalerts.matching.index import WindowIndex
from trialalerts.matching.window import RECRUITING_NOW, AsTold, Candidate, Indexed, Subject, subject_of, told_change
from trialalerts.subscribers.filters import CHANGE_KINDS
from trialalerts.subscribers.follows.trials import follow_columns
from trialalerts.subscribers.tables import Preference, RegionKind
from trialalerts.vocabulary.areas.tree import ANY_AREA, AreaNode, AreaTree
from trialalerts.vocabulary.places.distance import distance_km

TODAY = date(2026, 3, 2)
AREAS = [f"A{number}" for number in range(8)]
COUNTRIES = {"GB": ["GB-ENG", "GB-SCT"], "US": ["US-AK", "US-MA"], "FJ": ["FJ-C"]}
STATUSES = ["RECRUITING", "NOT_YET_RECRUITING", "COMPLETED", "SUSPENDED", "UNKNOWN"]
TOPICS = ["gene-therapy", "stem-cells", "diet"]
PHASES = ["EARLY_PHASE1", "PHASE1", "PHASE2", "NA"]
_OF_ARTICLES = (ChangeKind.PUBLISHED, ChangeKind.RETRACTED, *sorted(TOLD_BEFORE_ONLY))
TRIAL_KINDS = [kind.value for kind in ChangeKind if kind not in _OF_ARTICLES]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class DrawnChange(Candidate):
    """A change; ``had`` is the item as it was before it gained areas, None where it gained none."""

    had: Subject | None = None


@dataclass(frozen=True, kw_only=True)
class World:
    """Areas, changes, and the preferences of one subscriber."""

    areas: AreaTree
    candidates: Sequence[DrawnChange]
    preferences: Sequence[Preference]
    after: int


def expected(world: World) -> set[tuple[int, int]]:
    """Return (preference id, seq) for everything that must be told: the specification."""
    return {
        (preference.id or 0, candidate.seq)
        for preference in world.preferences
        for candidate in world.candidates
        if candidate.seq > world.after and concerns(preference, candidate, world.areas)
        if not had_already(world.preferences, candidate, world.areas)
    }


def had_already(preferences: Sequence[Preference], candidate: DrawnChange, areas: AreaTree) -> bool:
    """Say whether an item that gained areas was for one of somebody's preferences before it did."""
    if candidate.had is None:
        return False
    before = replace(candidate, subject=candidate.had)
    return any(concerns(each, before, areas) for each in preferences if each.item_id is None)


def window_of(candidates: Sequence[Candidate], areas: AreaTree) -> WindowIndex:
    """Return the index of changes, as matching makes it of what is stored."""
    return WindowIndex([indexed(candidate) for candidate in candidates], areas)


def indexed(candidate: Candidate) -> Indexed:
    """Return a change as it stands in an index."""
    subject = candidate.subject
    had = candidate.had if isinstance(candidate, DrawnChange) else None
    places = None if candidate.sites is None else places_of(subject.facts, candidate.sites)
    return Indexed(
        seq=candidate.seq,
        item_id=subject.item_id,
        kind=candidate.kind,
        outline=_outline(subject),
        places=places,
        is_over=subject.kind is ItemKind.TRIAL and not subject.recruiting,
        only_followers=candidate.kind in FOLLOWERS_ONLY,
        had=(AsTold(_outline(had), places),) if had else (),
        closing=candidate if candidate.kind == ChangeKind.SITE_CLOSED else None,
    )


def _outline(subject: Subject) -> Outline:
    return outline_of(
        kind=subject.kind,
        status=subject.status,
        facts=subject.facts or {"audience": subject.audience},
        areas={"direct": [{"id": area} for area in subject.direct], "ancestors": sorted(subject.ancestors)},
        topics=sorted(subject.topics),
    )


def candidates_between(session: Session, after: int, upto: int) -> list[Candidate]:
    """Return changes as their records say them, without the tables that matching keeps beside."""
    asked = select(Change, Item).join(Item).where(col(Change.seq) > after, col(Change.seq) <= upto)
    told = [told_change(change, subject_of(item)) for change, item in session.exec(asked.order_by(col(Change.seq)))]
    return [each for each in told if each.kind != RECRUITING_NOW or each.subject.recruiting]


def concerns(preference: Preference, candidate: Candidate, areas: AreaTree) -> bool:
    """Say whether one change meets one preference. Missing facts never exclude.

    Who follows the trial itself hears whatever happens there, but that it is open: that is no change of it.
    """
    if preference.item_id is not None:
        return preference.item_id == candidate.subject.item_id and candidate.kind != RECRUITING_NOW
    if candidate.kind in FOLLOWERS_ONLY:
        return False
    if candidate.kind in TOLD_BEFORE_ONLY:  # it is for those who got the article, whatever they follow now
        return False
    facts, subject = candidate.subject.facts, candidate.subject
    above = {own: {own} | areas.ancestors(own) for own in subject.direct}
    excluded = set(preference.excluded_areas)
    on_area = (
        _on_any_area(subject, above, excluded)
        if preference.area_id == ANY_AREA
        else any(preference.area_id in of and not of & excluded for of in above.values())
        or (
            preference.area_id in subject.ancestors
            and not (subject.ancestors | set().union(*above.values())) & excluded
        )
    )
    closing = candidate.kind == ChangeKind.SITE_CLOSED
    in_region = is_told_of_closing(preference, candidate) if closing else _is_near(preference, candidate.sites, facts)
    wanted_kind = not preference.item_kinds or subject.kind.value in preference.item_kinds
    # What is open is no change, and always stays.
    wanted_change = not preference.change_kinds or candidate.kind in {*preference.change_kinds, RECRUITING_NOW}
    of_topic = not preference.topics or bool(subject.topics & set(preference.topics))
    for_them = preference.audience is None or subject.audience in {None, "any", preference.audience}
    asked = in_region and wanted_kind and wanted_change and of_topic and for_them
    return on_area and asked and (facts is None or _takes(preference, facts))


def _on_any_area(subject: Subject, above: Mapping[str, set[str]], excluded: set[str]) -> bool:
    if subject.direct:
        return any(not of & excluded for of in above.values())
    return not subject.ancestors & excluded


def is_told_of_closing(preference: Preference, candidate: Candidate) -> bool:
    """Say whether sites that closed are news: one was the nearest, or the last that is, or may be, in the region."""
    facts, closed, still = candidate.subject.facts, candidate.sites or (), candidate.subject.open_sites
    if preference.region_kind is RegionKind.ANYWHERE:
        return bool(closed) and not still
    last = _is_near(preference, closed, facts, of_place=False) and not _is_near(preference, still, facts)
    if preference.region_kind is not RegionKind.PLACE:
        return last
    home = any(site.country == preference.country and _is_everywhere(site, facts) for site in still)
    near = min(_distances(preference, closed), default=None)
    if near is None or near > (preference.radius_km or 0.0) or home:
        return last
    return all(distance > near + AS_NEAR_KM for distance in _distances(preference, still))


def _is_near(
    preference: Preference, sites: Sequence[Site] | None, facts: TrialFacts | None, *, of_place: bool = True
) -> bool:
    """Say whether one of the sites is in the region, or may be; without ``of_place`` only of those that may be."""
    if preference.region_kind is RegionKind.ANYWHERE or sites is None:
        return True
    known = of_place or preference.region_kind is not RegionKind.PLACE
    return any(
        (_in_region(preference, site) and (known or not _is_placed(site)))
        or (site.country in _countries(preference) and _is_everywhere(site, facts))
        for site in sites
    )


def _codes(preference: Preference) -> list[str]:
    """Return the codes of a group of countries and parts of countries."""
    return (preference.subdivision or "").split() if preference.region_kind is RegionKind.GROUP else []


def _countries(preference: Preference) -> set[str | None]:
    return {code[:2] for code in _codes(preference)} or {preference.country}


def _part_unknown(code: str, site: Site) -> bool:
    return "-" in code and code[:2] == site.country and site.subdivision is None


def _is_placed(site: Site) -> bool:
    return site.country is not None and site.latitude is not None and site.longitude is not None


def _is_everywhere(site: Site, facts: TrialFacts | None) -> bool:
    return (facts is not None and facts.reach is not None) or site.city == "Multiple Locations"


def _distances(preference: Preference, sites: Sequence[Site]) -> list[float]:
    here = (preference.latitude or 0.0, preference.longitude or 0.0)
    return [
        distance_km(*here, site.latitude, site.longitude)
        for site in sites
        if site.latitude is not None and site.longitude is not None and site.city != "Multiple Locations"
    ]


def _takes(preference: Preference, facts: TrialFacts) -> bool:
    phases = set(facts.phases) - {"NA"}
    age = (TODAY - preference.born_on).days if preference.born_on else None
    return (
        (not preference.phases or not phases or bool(phases & set(preference.phases)))
        and (preference.sex is None or facts.sex in {None, "all", preference.sex})
        and (age is None or facts.minimum_age_days is None or facts.minimum_age_days <= age)
        and (age is None or facts.maximum_age_days is None or age <= facts.maximum_age_days + 365)
        and not (preference.healthy_volunteer and facts.healthy_volunteers is False)
    )


def _in_region(preference: Preference, site: Site) -> bool:
    if site.country is None:
        return True
    if preference.region_kind in {RegionKind.COUNTRY, RegionKind.GROUP}:
        codes = _codes(preference) or [preference.country or ""]
        return any(code in {site.country, site.subdivision} or _part_unknown(code, site) for code in codes)
    if preference.region_kind is RegionKind.SUBDIVISION:
        return site.country == preference.country and site.subdivision in {None, preference.subdivision}
    if site.latitude is None or site.longitude is None:
        return site.country == preference.country
    if site.city == "Multiple Locations":  # no place, whatever its coordinates say
        return False
    here = (preference.latitude or 0.0, preference.longitude or 0.0)
    return distance_km(*here, site.latitude, site.longitude) <= (preference.radius_km or 0.0)


_area = st.sampled_from(AREAS)
_latitude = st.one_of(st.sampled_from([-90.0, 90.0, -18.1, 0.0]), st.floats(-90, 90))
_longitude = st.one_of(st.sampled_from([-180.0, 180.0, 179.9, -179.9]), st.floats(-180, 180))

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@st.composite
def sites(draw: st.DrawFn) -> Site:
    """Draw a site; its country, subdivision and coordinates may be missing."""
    country = draw(st.one_of(st.none(), st.sampled_from(list(COUNTRIES))))
    measured = draw(st.booleans())
    return Site(
        city=draw(st.sampled_from(["Leeds", "Suva", "Nome", "Multiple Locations"])),
        country=country,
        subdivision=draw(st.one_of(st.none(), st.sampled_from(COUNTRIES[country]))) if country else None,
        latitude=draw(_latitude) if measured else None,
        longitude=draw(_longitude) if measured else None,
        status=draw(st.sampled_from([None, "RECRUITING", "COMPLETED", "WITHDRAWN", "NOT_YET_RECRUITING"])),
    )


@st.composite
def facts_of_trials(draw: st.DrawFn) -> TrialFacts:
    """Draw the facts of a trial; each may be missing."""
    ages = st.one_of(st.none(), st.integers(0, 90))
    youngest, oldest = draw(ages), draw(ages)
    return TrialFacts(
        status=draw(st.sampled_from(STATUSES)),
        phases=tuple(draw(st.lists(st.sampled_from(PHASES), max_size=2, unique=True))),
        sex=draw(st.sampled_from([None, "all", "female", "male"])),
        minimum_age_days=None if youngest is None else youngest * 365,
        maximum_age_days=None if oldest is None else oldest * 365,
        maximum_age=None if oldest is None else f"{oldest} Years",
        healthy_volunteers=draw(st.sampled_from([None, True, False])),
        reach=draw(st.sampled_from([None, None, "remote", "nationwide"])),
        sites=tuple(draw(st.lists(sites(), max_size=3))),
    )


@st.composite
def subjects(draw: st.DrawFn, item_id: int) -> Subject:
    """Draw an item: a trial, or an article."""
    trial = draw(st.integers(0, 3)) > 0
    direct = tuple(draw(st.lists(_area, max_size=3, unique=True)))
    facts = draw(facts_of_trials()) if trial else None
    status = facts.status if facts else None
    return Subject(
        item_id=item_id,
        kind=ItemKind.TRIAL if trial else ItemKind.ARTICLE,
        status=status,
        recruiting=trial and is_recruiting(status),
        direct=direct,
        in_title=frozenset(area for area in direct if draw(st.booleans())),
        ancestors=frozenset(draw(st.lists(_area, max_size=2))) if trial else frozenset(),
        topics=frozenset(draw(st.lists(st.sampled_from(TOPICS), max_size=2))),
        audience=None if trial else draw(st.sampled_from([None, "patients", "professionals", "any"])),
        facts=facts,
        open_sites=tuple(site for site in facts.sites if site_is_open(site, status)) if facts else (),
    )


@st.composite
def before_it_gained(draw: st.DrawFn, subject: Subject) -> Subject:
    """Draw an item as it was before: it had fewer areas and topics, or others, for its source may change them too."""
    before = subjects(subject.item_id)
    other = draw(before) if draw(st.integers(0, 3)) == 0 else subject
    direct = tuple(area for area in other.direct if draw(st.booleans()))
    topics = frozenset(topic for topic in sorted(other.topics) if draw(st.booleans()))
    return replace(subject, direct=direct, in_title=frozenset(), topics=topics)


@st.composite
def candidates(draw: st.DrawFn, seq: int, subject: Subject) -> DrawnChange:
    """Draw a change of the item."""
    kinds = TRIAL_KINDS if subject.facts else [kind.value for kind in _OF_ARTICLES]
    listed = subject.facts.sites if subject.facts else ()
    kind = draw(st.sampled_from(kinds))
    chosen = tuple(site for site in listed if draw(st.booleans())) if listed else None
    if kind == ChangeKind.SITE_CLOSED:
        chosen = tuple(draw(st.lists(sites(), max_size=2)))
    gains = kind in {ChangeKind.PUBLISHED, ChangeKind.REGISTERED} and draw(st.booleans())
    return DrawnChange(
        subject=subject,
        had=draw(before_it_gained(subject)) if gains else None,
        kind=kind,
        seq=seq,
        at=datetime(2026, 3, 1, tzinfo=UTC) + timedelta(minutes=draw(st.integers(0, 5))),
        before={},
        after={},
        sites=chosen,
    )


@st.composite
def followed_trials(draw: st.DrawFn, number: int) -> Preference:
    """Draw a preference that follows one item, which may be there or not."""
    columns = follow_columns(draw(st.integers(1, 8)))
    return Preference(id=number, subscriber_id=1, created_at=LONG_AGO, confirmed_at=LONG_AGO, **columns)


def _subdivision(draw: st.DrawFn, kind: RegionKind, country: str) -> str | None:
    if kind is RegionKind.GROUP:
        codes = [*COUNTRIES, *(part for parts in COUNTRIES.values() for part in parts)]
        return " ".join(draw(st.lists(st.sampled_from(codes), min_size=2, max_size=4, unique=True)))
    return draw(st.sampled_from(COUNTRIES[country])) if kind is RegionKind.SUBDIVISION else None


@st.composite
def preferences(draw: st.DrawFn, number: int) -> Preference:
    """Draw a preference with any of the filters."""
    kind = draw(st.sampled_from(list(RegionKind)))
    country = draw(st.sampled_from(list(COUNTRIES)))
    place = kind is RegionKind.PLACE
    placed = place or (kind is RegionKind.ANYWHERE and draw(st.booleans()))  # any distance from somewhere
    return Preference(
        id=number,
        subscriber_id=1,
        area_id=draw(st.one_of(_area, st.just(ANY_AREA))),
        region_kind=kind,
        region_label="somewhere",
        country=None if kind is RegionKind.GROUP or (kind is RegionKind.ANYWHERE and not placed) else country,
        subdivision=_subdivision(draw, kind, country),
        latitude=draw(_latitude) if placed else None,
        longitude=draw(_longitude) if placed else None,
        radius_km=draw(st.sampled_from([1.0, 50.0, 500.0, 10_000.0])) if place else None,
        born_on=draw(st.one_of(st.none(), st.dates(date(1930, 1, 1), TODAY))),
        sex=draw(st.sampled_from([None, "female", "male"])),
        healthy_volunteer=draw(st.booleans()),
        phases=draw(st.lists(st.sampled_from(PHASES[:3]), max_size=2, unique=True)),
        item_kinds=draw(st.sampled_from([[], ["trial"], ["article"], ["trial", "article"]])),
        change_kinds=draw(st.lists(st.sampled_from(CHANGE_KINDS), max_size=6, unique=True)),
        excluded_areas=draw(st.lists(_area, max_size=2, unique=True)),
        topics=draw(st.lists(st.sampled_from(TOPICS), max_size=2, unique=True)),
        audience=draw(st.sampled_from([None, "patients", "professionals"])),
        created_at=LONG_AGO,
        confirmed_at=LONG_AGO,
    )


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Draw areas in a graph without circles, changes of a few items, and a few preferences."""
    nodes = []
    for number, area in enumerate(AREAS):
        parents = draw(st.lists(st.sampled_from(AREAS[:number]), max_size=2, unique=True)) if number else []
        nodes.append(AreaNode(id=area, name=area, parents=tuple(parents)))
    made = [draw(subjects(item_id)) for item_id in range(1, draw(st.integers(1, 5)) + 1)]
    changes = [draw(candidates(seq, draw(st.sampled_from(made)))) for seq in range(1, draw(st.integers(1, 10)) + 1)]
    return World(
        areas=AreaTree(nodes),
        candidates=changes,
        preferences=[
            draw(preferences(number) if draw(st.integers(0, 3)) else followed_trials(number))
            for number in range(1, draw(st.integers(1, 4)) + 1)
        ],
        after=draw(st.integers(-1, 4)),
    )

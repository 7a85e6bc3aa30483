"""Trials for programs: the open ones of an area, and one with its sites, contacts and changes, as the pages do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlmodel import Session

from trialalerts.catalog.trials.lookup import find_trial
from trialalerts.digests.cards.sites.contacts import ContactLine
from trialalerts.digests.publishing import Publishing
from trialalerts.errors import InvalidInput, UnknownArea, did_you_mean
from trialalerts.vocabulary.places.regions import Region, find_region
from trialalerts.web.api.answers import (
    AreaAnswer,
    ContactAnswer,
    CriteriaAnswer,
    ListedTrial,
    NamedThing,
    NearestSite,
    PlaceAnswer,
    StatusAnswer,
    TrialChange,
    TrialDetail,
    TrialPageAnswer,
    TrialSite,
)
from trialalerts.web.api.parameters import (
    TrialQuestion,
    TrialsQuestion,
    checked_id,
    checked_moment,
    is_text,
    read_cursor,
    write_cursor,
)
from trialalerts.web.api.problems import ApiProblem
from trialalerts.web.areas.cards import OpenTrialCard, trial_cards
from trialalerts.web.areas.listing import MOST_KM, AreaListing, NearItem
from trialalerts.web.areas.within import Within
from trialalerts.web.languages import Language
from trialalerts.web.site import WebSite
from trialalerts.web.trials.page import near_place
from trialalerts.web.trials.papers import MOST_PAPERS, listed_papers
from trialalerts.web.trials.sites import SiteLine
from trialalerts.web.trials.view import TrialView, view_of

__all__ = ["area_asked", "list_trials", "one_trial"]

_ELSEWHERE = "It is a town; give it as near, and region as a country or a part of one"


def list_trials(site: WebSite, language: Language, asked: TrialsQuestion) -> TrialPageAnswer:
    """Return a page of the open trials of an area."""
    area = area_asked(site, language, asked.area)
    words = site.wordings.of(language.locale)
    if asked.radius_km is not None and asked.near is None:
        raise ApiProblem(400, "bad-parameter", "radius_km says how far from near; give near too, or leave it out")
    with site.db.read() as session:
        within = _within(session, asked.region)
        near = _near(session, asked.near, language)
        listing = AreaListing(session, site.vocabulary.tree(), area.id, within)
        question = [area.id, *within, near.label if near else "", asked.radius_km]
        if near is None:
            found, total, exact = _newest(listing, asked, question)
        else:
            found, total, exact = _nearest(listing, near, asked, question)
        some, more = found[: asked.limit], len(found) > asked.limit
        cards = trial_cards(session, some, words, near, site.clock.now().date())
    publishing = Publishing.of(site.settings)
    last = some[-1] if some else None
    position = () if last is None else (last.posted if near is None else last.km, last.item_id)
    return TrialPageAnswer(
        area=area,
        near=_place(near),
        trials=[_listed(card, language, publishing) for card in cards],
        total=total,
        total_is_exact=exact,
        next=write_cursor(question, *position) if more else None,
    )


def one_trial(site: WebSite, language: Language, asked: TrialQuestion, number: str) -> TrialDetail:
    """Return a trial by any number that it goes by."""
    words = site.wordings.of(language.locale)
    publishing = Publishing.of(site.settings)
    with site.db.read() as session:
        item = find_trial(session, number) if is_text(number) else None
        if item is None:
            raise ApiProblem(404, "unknown-trial", "No trial of this number is known here; look for its registry's own")
        near = _near(session, asked.near, language)
        papers = listed_papers(session, item, words, publishing, site.settings.service.base_url)
        today = site.clock.now().date()
        view = view_of(session, item, words, site.vocabulary.tree(), near, today, papers=papers)
    return _detail(view, language, near, publishing)


def area_asked(site: WebSite, language: Language, text: str) -> AreaAnswer:
    """Return the area of an id or a name.

    Raises:
        ApiProblem: 404 where nothing, or more than one thing, is called so.
    """
    tree = site.vocabulary.tree()
    try:
        found = text if text in tree else tree.find(text, language.code).id
    except UnknownArea as error:
        line = f"No disease area is called so.{did_you_mean(error.choices)} See /api/v1/areas?q="
        raise ApiProblem(404, "unknown-area", line) from None
    names = tree.names(found)
    return AreaAnswer(id=found, name=names.said(language.code), language=names.language(language.code), note="")


def _within(session: Session, text: str | None) -> Sequence[str]:
    """Return the codes of the countries and parts of them that a region is."""
    if text is None:
        return ()
    try:
        part = Within.of(find_region(session, text))
    except InvalidInput as error:
        raise _no_place("region", error) from None
    if part is None:
        raise ApiProblem(400, "bad-parameter", f"region: {_ELSEWHERE}")
    return part.codes


def _near(session: Session, text: str | None, language: Language) -> Region | None:
    if text is None:
        return None
    place = near_place(session, text, language)
    if place.region is None or place.region.latitude is None:
        line = f"near: no town or postcode is called so.{did_you_mean(place.choices)} See /api/v1/regions?q="
        raise ApiProblem(404, "unknown-place", line)
    return place.region


def _no_place(name: str, error: InvalidInput) -> ApiProblem:
    choices = getattr(error, "choices", ())
    return ApiProblem(
        404, "unknown-place", f"{name}: nothing, or more than one place, is called so.{did_you_mean(choices)}"
    )


def _newest(listing: AreaListing, asked: TrialsQuestion, question: object) -> tuple[list[NearItem], int, bool]:
    last = read_cursor(asked.cursor, question, _posted_position) if asked.cursor else None
    return (listing.newest_after(last, asked.limit + 1), *listing.count())


def _nearest(
    listing: AreaListing, near: Region, asked: TrialsQuestion, question: object
) -> tuple[list[NearItem], int, bool]:
    after = read_cursor(asked.cursor, question, _distance_position) if asked.cursor else (-1.0, 0)
    found = listing.around(near, asked.radius_km or MOST_KM)
    rest = [each for each in found if (each.km or 0.0, each.item_id) > after]
    return rest[: asked.limit + 1], len(found), True


def _posted_position(posted: str, item_id: int) -> NearItem:
    return NearItem(item_id=checked_id(item_id), posted="" if posted == "" else checked_moment(posted).isoformat())


def _distance_position(km: float, item_id: int) -> tuple[float, int]:
    return float(km), checked_id(item_id)


def _place(region: Region | None) -> PlaceAnswer | None:
    return None if region is None else PlaceAnswer(label=region.label, country=region.country)


def _status(chip: str, language: Language) -> StatusAnswer:
    return StatusAnswer(code=chip, text=language.text(f"trial.chip.{chip}"))


def _rounded(km: float | None) -> float | None:
    return None if km is None else round(km, 1)


def _listed(card: OpenTrialCard, language: Language, publishing: Publishing) -> ListedTrial:
    site = card.site
    return ListedTrial(
        number=card.number,
        title=card.title,
        plain=card.plain.text if card.plain else None,
        status=_status(card.chip, language),
        who=card.who,
        phase=card.phase,
        posted=card.posted,
        distance_km=_rounded(card.km),
        site=NearestSite(town=site.town, hospital=site.hospital, country=site.country) if site else None,
        url=publishing.trial_page(card.number),
    )


def _contacts(asks: Iterable[ContactLine]) -> list[ContactAnswer]:
    return [
        ContactAnswer(name=each.name, phone=each.phone, phone_extension=each.extension, email=each.email)
        for each in asks
    ]


def _site(line: SiteLine) -> TrialSite:
    return TrialSite(
        town=line.town,
        hospital=line.hospital,
        country=line.country,
        state=line.state,
        distance_km=_rounded(line.km),
        contacts=_contacts(line.asks),
    )


def _detail(view: TrialView, language: Language, near: Region | None, publishing: Publishing) -> TrialDetail:
    sites, criteria = view.sites, view.criteria
    return TrialDetail(
        number=view.number,
        other_numbers=list(view.others),
        title=view.title,
        registry=view.registry,
        registry_title=view.registry_title,
        official_title=view.full_title,
        plain=view.plain.text if view.plain else None,
        summary=view.summary,
        status=_status(view.chip, language),
        why_stopped=view.why_stopped,
        who=view.who,
        criteria=CriteriaAnswer(
            included=list(criteria.included),
            excluded=list(criteria.excluded),
            others=list(criteria.others),
            left_out=criteria.more,
        ),
        phase=view.phase[0] if view.phase else "",
        kind=view.kind,
        enrolment=view.enrolment,
        sponsor=view.sponsor,
        start=view.start,
        end=view.end,
        countries=view.countries,
        first_posted=view.first_posted,
        record_updated=view.record_day,
        areas=[NamedThing(id=id_, name=name) for id_, name, _ in view.areas],
        near=_place(near),
        sites=[_site(line) for line in (*sites.shown, *sites.folded)],
        sites_total=sites.total,
        sites_open=sites.open,
        contacts=_contacts(view.asks),
        changes=[
            TrialChange(day=each.day, kind=each.kind, text=each.text, points=list(each.points)) for each in view.changes
        ],
        articles=[paper.url for paper in view.papers[:MOST_PAPERS]],
        url=publishing.trial_page(view.number),
        registry_url=view.url,
        results_url=view.results_url,
    )

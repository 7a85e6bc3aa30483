"""The place to ask: the hospital nearest to a reader, its distance, whether it takes people, and its contacts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from trialalerts.catalog.facts import Site, TrialFacts
from trialalerts.catalog.trials.status import site_is_open, status_group
from trialalerts.digests.cards.reasons import place_said
from trialalerts.digests.cards.sites.contacts import ContactLine, contacts_for
from trialalerts.digests.cards.sites.within import within
from trialalerts.digests.cards.text import one_line
from trialalerts.digests.cards.trial_wording import countries
from trialalerts.digests.cards.wording import Wording
from trialalerts.digests.entries import Reason
from trialalerts.matching.reasons import Nearby
from trialalerts.subscribers.tables import RegionKind

__all__ = ["Ask", "Places", "further_sites", "place_to_ask", "places", "spot"]

_HOSPITAL = 50
_TOWN = 60
_TWO_LINES = 66
"""So many letters stand in two lines of the block of a card, 375 pixels wide."""


_NOTHING = TrialFacts()


@dataclass(frozen=True, kw_only=True, slots=True)
class Places:
    """Where a trial runs, the same for everybody: what is open is read from the facts as they are now.

    ``state`` is ``open``, ``planned`` or ``none``, ``status`` says it in words; ``summary`` counts the sites and names
    their countries. ``asked`` is what of the facts tells whom to ask.
    """

    state: str
    status: str = ""
    summary: str = ""
    asked: TrialFacts = _NOTHING


class Ask(NamedTuple):
    """The block of a card: the hospital and its town, how far and whether it takes people, whom to ask there.

    ``note`` stands where nobody is named, or where one can take part without going there.
    """

    name: str
    state: str
    label: str = ""
    contacts: tuple[ContactLine, ...] = ()
    note: str = ""


def places(words: Wording, facts: TrialFacts) -> Places:
    """Return where a trial runs."""
    now_open = [site for site in facts.sites if site_is_open(site, facts.status)]
    upcoming = status_group(facts.status, facts.last_known_status) == "upcoming"
    sites = now_open or (list(facts.sites) if upcoming else [])
    state = "open" if now_open else "planned" if upcoming and sites else "none" if facts.sites else "unlisted"
    group = status_group(facts.status, facts.last_known_status)
    status = {"open": "open_now", "planned": "planned_now"}.get(state) or ("invited" if group == "invitation" else "")
    named = countries(words, sites)
    key = "planned" if state == "planned" else "sites" if named else "unnamed"
    return Places(
        state=state,
        status=words.say(f"place.{status}") if status else "",
        summary=words.count(f"place.{key}", len(sites), countries=named) if sites else "",
        asked=_about_asking(facts, now_open),
    )


def _about_asking(facts: TrialFacts, now_open: Sequence[Site]) -> TrialFacts:
    """Return the little that tells whom to ask: the trial's contacts, its only open site, the countries it runs in."""
    elsewhere = [Site(country=country, status="COMPLETED") for country in {site.country for site in facts.sites}]
    only = list(now_open) if len(now_open) == 1 else []
    return TrialFacts(status=facts.status, contacts=facts.contacts, sites=(*only, *elsewhere))


def place_to_ask(words: Wording, reason: Reason | None, known: Places, unit: str | None) -> Ask | None:
    """Return the block for somebody with this reason; None where there is nothing to say of a place."""
    near = reason.near if reason else Nearby()
    is_known = known.state in {"open", "planned"} and (near.distance_km is not None or near.sites == 1)
    site = near.site if is_known else None
    name = _hospital(words, site) if site else _somewhere(words, reason, near, known)
    state = " · ".join(filter(None, [_away(words, site, near, unit), known.status]))
    contacts = _that_fit(contacts_for(words, known.asked, site))
    reach = words.say(f"card.reach_{reason.reach}") if reason and reason.reach else ""
    note = reach or ("" if contacts else words.say("card.no_contact"))
    if not name and not contacts:
        return None
    return Ask(name, state, words.say("card.label", label=words.say("card.ask")), contacts, note)


def _that_fit(contacts: Sequence[ContactLine]) -> tuple[ContactLine, ...]:
    """Return whom to ask in two lines on a telephone: who can be reached, by number alone where both are too long.

    All of them stand on the page of the trial.
    """
    reached = next((each for each in contacts if each.phone or each.email), None)
    if reached is None:
        return tuple(contacts[:1])
    said = ", ".join(filter(None, [reached.name, reached.phone, reached.extension, reached.note, reached.email]))
    if len(said) > _TWO_LINES and reached.tel and reached.email:
        reached = replace(reached, email="", mailto=None)
    return (reached,)


def _away(words: Wording, site: Site | None, near: Nearby, unit: str | None) -> str:
    if site is None or near.distance_km is None:
        return ""
    return words.say("place.away", distance=words.distance(near.distance_km, unit))


def _hospital(words: Wording, site: Site) -> str:
    """Return the hospital by its name, and its town where the name does not say it."""
    named, town = one_line(site.facility, _HOSPITAL), one_line(site.city, _TOWN)
    told = words.town(town, site.country)
    return ", ".join(filter(None, [named, "" if town and named.endswith((town, told)) else told]))


def _somewhere(words: Wording, reason: Reason | None, near: Nearby, known: Places) -> str:
    """Return how many sites there are where nobody can tell which is the nearest."""
    if known.state == "unlisted":
        return words.say("place.no_site")
    if known.state == "none":
        return ""
    country = _country(words, reason)
    if near.sites > 1 and country:
        key = "in_country" if known.state == "open" else "planned_in_country"
        return words.count(f"place.{key}", near.sites, country=country)
    if reason and reason.near_unknown and known.state == "open":
        return words.say("place.unknown", country=country) if country else words.say("place.unknown_anywhere")
    return known.summary


def _country(words: Wording, reason: Reason | None) -> str:
    if reason is None:
        return ""
    wish = reason.wish
    if wish.kind is RegionKind.GROUP:
        return ""  # no phrase says "in" of all of them
    if wish.kind is RegionKind.SUBDIVISION:
        return within(words, None, place_said(words, wish))
    return within(words, wish.country, "") if wish.country else ""


def further_sites(words: Wording, reason: Reason | None, unit: str | None) -> str:
    """Return what stands beside the link: the next two open sites, and how many more there are in the country."""
    if reason is None or not reason.near.following:
        return ""
    near = reason.near
    towns = [
        words.say("place.in_brackets", place=_town(words, town, reason), distance=words.distance(km, unit))
        for town, km in near.following
    ]
    also = words.say("place.also", places=", ".join(towns))
    country = _country(words, reason)
    return f"{also} {words.count('place.more_in', near.more, country=country)}" if near.more and country else also


def spot(words: Wording, reason: Reason | None, key: str, unit: str | None) -> str:
    """Return what stands beside the chip: how far away it is (``key``: as which phrase of it), and the town."""
    if reason is None or reason.near.distance_km is None:
        return _town(words, reason.nearest, reason) if reason and reason.near.sites == 1 else ""
    distance = words.distance(reason.near.distance_km, unit)
    return words.say(f"place.{key}", place=_town(words, reason.nearest, reason), distance=distance)


def _town(words: Wording, name: str | None, reason: Reason) -> str:
    """Return a town as the reader calls it; those told beside the nearest site lie mostly in its country."""
    site = reason.near.site
    return words.town(one_line(name, _TOWN), site.country if site else None)

"""The place to ask: the hospital nearest to a reader, its distance, whether it takes people, and its contacts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from trialalerts.catalog.facts import Site, TrialFacts
from trialalerts.catalog.trials.status import site_is_open, status_group
from trialalerts.digests.cards.reasons import is_in, place_said
from trialalerts.digests.cards.sites.contacts import ContactLine, contacts_for
from trialalerts.digests.cards.sites.hospitals import short_hospital
from trialalerts.digests.cards.sites.within import known_within, within
from trialalerts.digests.cards.text import one_line
from trialalerts.digests.cards.trial_wording import countries
from trialalerts.digests.cards.wording import Wording
from trialalerts.digests.entries import Reason
from trialalerts.digests.rendering.lru_cache import LruCache
from trialalerts.matching.reasons import Nearby
from trialalerts.subscribers.tables import RegionKind

__all__ = ["Ask", "Places", "further_sites", "place_to_ask", "places", "spot"]

_TWO_LINES_OF_NAMES = 70
_LEAST_OF_A_HOSPITAL, _TOWN = 40, 60
_CONTACT_NAME = 40
"""A longer name is a call centre's, mostly."""
_LINE, _MOST_LINES = 39, 2
"""So many letters stand in a line of the block of a card, 375 pixels wide; so many lines a contact may take."""
_TWO_LINES_OF_LINKS = 98
_NOTHING = TrialFacts()
_PEOPLE_BYTES = 10_000_000
_ONE_BYTES, _CONTACT_BYTES = 1_500, 700
"""What is kept of a site takes so much in memory, and so much for each of its contacts, about."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Places:
    """Where a trial runs, the same for everybody: what is open is read from the facts as they are now.

    ``state`` is ``open``, ``planned`` or ``none``, ``status`` says it in words; ``summary`` counts the sites and names
    their countries. ``asked`` is what of the facts tells whom to ask. ``letters``: so many has the line above, on which
    it depends whether further sites have room for more than their number.
    """

    state: str
    status: str = ""
    summary: str = ""
    asked: TrialFacts = _NOTHING
    letters: int = 0
    _of: object = field(default_factory=object, compare=False, repr=False)
    """Stands for ``asked`` where it is looked up: to compare all of that would take longer than the work it saves."""

    def people(self, words: Wording, site: Site | None) -> tuple[ContactLine, ...]:
        """Return whom to ask at a site (None: wherever it is), worked out once for all who are nearest to it."""
        key = (words, self._of, (site.country, site.contacts) if site else None)
        found = _kept_people.get(key)
        if found is None:
            found = _that_fit(words, contacts_for(words, self.asked, site))
            _kept_people.put(key, found, _ONE_BYTES + (_CONTACT_BYTES * len(site.contacts) if site else 0))
        return found


_kept_people: LruCache[object, tuple[ContactLine, ...]] = LruCache(_PEOPLE_BYTES)


class Ask(NamedTuple):
    """The block of a card: the hospital and its town, how far and whether it takes people, whom to ask there.

    ``note`` stands where nobody is named, or where one can take part without going there.
    """

    name: str
    state: str
    label: str = ""
    contacts: tuple[ContactLine, ...] = ()
    note: str = ""

    @property
    def name_is_long(self) -> bool:
        """Whether the name takes a second line."""
        return len(self.name) > _LINE


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


def place_to_ask(
    words: Wording, reason: Reason | None, known: Places, unit: str | None, *, stands_above: bool = False
) -> Ask | None:
    """Return the block for somebody with this reason; None where there is nothing to say of a place.

    ``stands_above``: how far it is, and that it takes people, is said beside the chip and not again.
    """
    near = reason.near if reason else Nearby()
    is_known = known.state in {"open", "planned"} and (near.distance_km is not None or near.sites == 1)
    site = near.site if is_known else None
    name = _hospital(words, site) if site else _somewhere(words, reason, near, known)
    counted = site is None and known.state in {"open", "planned"}  # what counts the sites says how they stand
    is_said = (stands_above and near.distance_km is not None) or (counted and name)
    status = words.say("place.planned_now") if near.planned else known.status
    state = "" if is_said else " · ".join(filter(None, [_away(words, reason, site, unit), status]))
    contacts = known.people(words, site)
    reach = words.say(f"card.reach_{reason.reach}") if reason and reason.reach else ""
    note = reach or ("" if contacts else words.say("card.no_contact"))
    if not name and not contacts:
        return None
    return Ask(name, state, _ask(words), contacts, note)


def _that_fit(words: Wording, contacts: Sequence[ContactLine]) -> tuple[ContactLine, ...]:
    """Return whom to ask in two lines on a telephone: who can be reached, by one way where both are too long.

    A number that can be pressed goes before an address, that before a number that cannot. All of them stand on the
    page of the trial.
    """
    reached = next((each for each in contacts if each.phone or each.email), None)
    if reached is None:
        return tuple(contacts[:1])
    reached = replace(reached, name=one_line(reached.name, _CONTACT_NAME))
    if reached.phone and reached.email and _lines(words, reached) > _MOST_LINES:
        unsaid = {"email": "", "mailto": None} if reached.tel else {"phone": "", "extension": "", "note": ""}
        reached = replace(reached, **unsaid)
    if _lines(words, reached) > _MOST_LINES:
        reached = replace(reached, name=one_line(reached.name, _LINE - len(_ask(words)) - 1))
    return (reached,)


def _ask(words: Wording) -> str:
    return words.say("card.label", label=words.say("card.ask"))


def _lines(words: Wording, contact: ContactLine) -> int:
    """Return how many lines a contact takes: neither a number nor an address is broken."""
    name = f"{_ask(words)} {contact.name}".split()
    more = [contact.phone, *contact.extension.split(), *contact.note.split(), contact.email]
    lines, left = 1, _LINE
    for word in filter(None, [*name, *more]):
        needed = len(word) + (left < _LINE)
        if needed > left:
            lines, left, needed = lines + 1, _LINE, len(word)
        left -= needed
    return lines


def _away(words: Wording, reason: Reason | None, site: Site | None, unit: str | None) -> str:
    near = reason.near if reason else Nearby()
    if site is None or near.distance_km is None or (reason and is_in(reason.wish)):
        return ""  # from the middle of a region it is no distance of the reader's
    return words.say("place.away", distance=words.distance(near.distance_km, unit))


def _hospital(words: Wording, site: Site) -> str:
    """Return the hospital by its name, and its town where the name does not say it."""
    town = one_line(site.city, _TOWN)
    told = words.town(town, site.country)
    named = short_hospital(one_line(site.facility), max(_LEAST_OF_A_HOSPITAL, _TWO_LINES_OF_NAMES - len(told)))
    return ", ".join(filter(None, [named, "" if town and named.endswith((town, told)) else told]))


def _somewhere(words: Wording, reason: Reason | None, near: Nearby, known: Places) -> str:
    """Return how many sites there are where nobody can tell which is the nearest."""
    if known.state == "unlisted":
        return words.say("place.no_site")
    if known.state == "none":
        return ""
    country = _country(words, reason)
    if near.sites > 1 and country:
        key = "in_country" if known.state == "open" and not near.planned else "planned_in_country"
        return words.count(f"place.{key}", near.sites, country=country)
    if reason and reason.near_unknown and known.state == "open":
        return words.say("place.unknown", country=country) if country else words.say("place.unknown_anywhere")
    return known.summary


def _country(words: Wording, reason: Reason | None) -> str:
    if reason is None:
        return ""
    wish = reason.wish
    if wish.kind is RegionKind.GROUP:
        return known_within(words, None, place_said(words, wish)) or ""
    if wish.kind is RegionKind.SUBDIVISION:
        return within(words, None, place_said(words, wish))
    return within(words, wish.country, "") if wish.country else ""


def further_sites(words: Wording, reason: Reason | None, unit: str | None, *, crowded: bool = False) -> str:
    """Return what stands beside the link: the next two open sites, and how many more there are in the country.

    Where that would take a third line of a telephone, the country is left out, then the second town; where the card is
    ``crowded``, all of it, so that the line is one: the sites stand on the page.
    """
    if reason is None or not reason.near.following or crowded:
        return ""
    near, country = reason.near, _country(words, reason)
    towns = [_town(words, town, reason) for town, _ in near.following]
    if not is_in(reason.wish):
        towns = [
            words.say("place.in_brackets", place=town, distance=words.distance(km, unit))
            for town, (_, km) in zip(towns, near.following, strict=True)
        ]
    more = near.more if country else 0
    ways = [
        _also(words, towns, more, country),
        _also(words, towns, more, ""),
        _also(words, towns[:1], more + len(towns) - 1, ""),
    ]
    beside = (words.say("card.more"), words.say("card.silence"), " · NCT01234567 ·  · ")
    room = _TWO_LINES_OF_LINKS - sum(map(len, beside))
    return next((way for way in ways if len(way) <= room), ways[-1])


def _also(words: Wording, towns: Sequence[str], more: int, country: str) -> str:
    also = words.say("place.also", places=", ".join(towns))
    if not more:
        return also
    left = words.count("place.more_in", more, country=country) if country else words.count("place.more", more)
    return f"{also} {left}"


def spot(words: Wording, reason: Reason | None, key: str, unit: str | None) -> str:
    """Return what stands beside the chip: how far away it is (``key``: as which phrase of it), and the town."""
    if reason is None:
        return ""
    near, town = reason.near, _town(words, reason.nearest, reason)
    if near.distance_km is None or is_in(reason.wish):
        is_known = near.distance_km is not None or near.sites == 1
        return town if is_known and not near.planned else ""  # what is to open there stands in the block below
    key = "to_open" if near.planned else key
    return words.say(f"place.{key}", place=town, distance=words.distance(near.distance_km, unit))


def _town(words: Wording, name: str | None, reason: Reason) -> str:
    """Return a town as the reader calls it; those told beside the nearest site lie mostly in its country."""
    site = reason.near.site
    return words.town(one_line(name, _TOWN), site.country if site else None)

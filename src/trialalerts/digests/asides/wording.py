"""The words of what is said beside the entries: a wish named, its surroundings in numbers, steps to less or more."""

from __future__ import annotations

from datetime import date

from pydantic import ValidationError

from trialalerts.catalog.facts import TrialFacts
from trialalerts.catalog.tables import Item
from trialalerts.digests.asides.note import NoteLink
from trialalerts.digests.cards.reasons import place_said, wish_details, wish_heading
from trialalerts.digests.cards.sites.within import within
from trialalerts.digests.cards.text import one_line
from trialalerts.digests.cards.trial_wording import dated, status
from trialalerts.digests.cards.wording import Wording
from trialalerts.digests.plain import plain_line
from trialalerts.digests.plain.languages.choosing import grammar_of
from trialalerts.digests.plain.reading.conditions import as_spoken
from trialalerts.digests.plain.reading.spelling import lowered
from trialalerts.matching.around.surroundings import COUNTED, Step, Surroundings
from trialalerts.matching.reasons import Scope
from trialalerts.subscribers.tables import Preference, RegionKind
from trialalerts.vocabulary.areas.tree import ANY_AREA, AreaTree
from trialalerts.vocabulary.places.shown import country_shown

__all__ = ["WishWords", "scope_of", "silent_trial"]

_AREA = 100
_TITLE = 200


def scope_of(wish: Preference) -> Scope:
    """Return what a wish asks for beside its area."""
    return Scope(
        wish.region_kind,
        wish.region_label,
        wish.country,
        wish.subdivision,
        wish.radius_km,
        wish.born_on,
        wish.item_id,
    )


class WishWords:
    """Says in one reader's language what is around a wish.

    Args:
        words: the language.
        areas: the vocabulary, for names.
        today: the reader's day, for ages.
        unit: of distances, where the reader chose one.
    """

    def __init__(self, words: Wording, areas: AreaTree, today: date, unit: str | None) -> None:
        self._words = words
        self._areas = areas
        self._today = today
        self._unit = unit

    def heading(self, wish: Preference) -> str:
        """Return how a wish is called: ``Asthma near Leeds``."""
        return wish_heading(self._words, self.area(wish.area_id), scope_of(wish))

    def details(self, wish: Preference) -> str:
        """Return for whom a wish is and how far around; empty where there is no more to say."""
        return " · ".join(wish_details(self._words, wish.label, scope_of(wish), self._today, self._unit))

    def area(self, area_id: str) -> str:
        """Return the name of an area; an English one as it is spoken: “Sleep Disorders, Intrinsic” is MeSH's order."""
        words = self._words
        if area_id == ANY_AREA:
            return words.say("reason.any_area")
        name = one_line(self._areas.name(area_id, words.language), _AREA)
        return as_spoken(name) if name == self._areas.name(area_id) else name

    def _within(self, area_id: str) -> str:
        """Return the name of an area as it stands inside a sentence; an English one where there is no other."""
        words, name = self._words, self.area(area_id)
        is_own = area_id == ANY_AREA or self._areas.names(area_id).language(words.language) == words.language
        return grammar_of(words.language).condition(name, is_own=True) if is_own else lowered(name)

    def around(self, wish: Preference, found: Surroundings) -> str:
        """Say what there is around a wish that finds nothing open."""
        words, said = self._words, []
        if found.known is not None:
            key = "looked.known" if found.known <= COUNTED else "looked.known_more"
            said.append(words.count(key, min(found.known, COUNTED), area=self._within(wish.area_id)))
        said.append(self._none(wish))
        anywhere = wish.region_kind is RegionKind.ANYWHERE
        if found.upcoming:
            said.append(words.count(f"looked.upcoming{'_anywhere' if anywhere else ''}", found.upcoming))
        if not anywhere:
            said.append(words.count("looked.beyond", found.beyond) if found.beyond else words.say("looked.none_beyond"))
        return " ".join(said)

    def _none(self, wish: Preference) -> str:
        words, place = self._words, place_said(self._words, scope_of(wish))
        if wish.region_kind is RegionKind.PLACE:
            distance = words.distance(wish.radius_km or 0.0, self._unit)
            return words.say("looked.none_within", distance=distance, place=place)
        if wish.region_kind is RegionKind.ANYWHERE:
            return words.say("looked.none_anywhere")
        country = wish.country if wish.region_kind is RegionKind.COUNTRY else None
        return words.say("looked.none_in", place=within(words, country, place))

    def wider(self, wish: Preference, step: Step, url: str) -> NoteLink:
        """Offer a step to more."""
        words, after = self._words, ""
        if step.found:
            after = words.count("looked.would_be", step.found)
        if step.wish.area_id != wish.area_id:
            return NoteLink(words.say("looked.wider", area=self.area(step.wish.area_id)), url, after)
        return NoteLink(self._farther(wish, step.wish), url, after)

    def _farther(self, wish: Preference, wider: Preference) -> str:
        words = self._words
        if wider.region_kind is RegionKind.PLACE:
            return words.say("looked.within", distance=words.distance(wider.radius_km or 0.0, self._unit))
        if wider.region_kind is RegionKind.COUNTRY:
            return words.say("looked.in", place=country_shown(wish.country or "", words.language) or wish.country or "")
        return words.say("looked.anywhere")

    def narrower(self, step: Step, everything: int, url: str) -> NoteLink:
        """Offer a step to less."""
        words = self._words
        if step.code.startswith("km"):
            text = words.say("much.within", distance=words.distance(step.wish.radius_km or 0.0, self._unit))
        else:
            text = words.say(f"much.{step.code}")
        left = {"found": words.number(step.found), "total": words.number(everything)}
        return NoteLink(text, url, words.say("much.would_be", **left))


def silent_trial(words: Wording, item: Item, today: date) -> str:
    """Return in a line how a trial stands of which nothing was told for long; empty where its facts are broken."""
    try:
        facts = TrialFacts.model_validate(item.facts)
    except ValidationError:
        return ""
    line = plain_line(words, facts, None)
    named = "".join(piece.text for piece in line.first) if line else one_line(item.title, _TITLE)
    stands = [
        words.say("silent.stands", number=one_line(item.external_id, _AREA), status=status(words, facts.status) or "")
    ]
    if facts.last_update_posted:
        stands.append(words.say("silent.updated", date=words.day(facts.last_update_posted)))
    if facts.completion:
        stands.append(words.say("silent.ends", date=dated(words, facts.completion, today)))
    return " ".join([named, *stands])

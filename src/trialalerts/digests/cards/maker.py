"""The cards: an entry of a digest and its item, said in the words of one language, ready for the templates.

A card holds plain text only; templates decide how it looks. ``lang`` is the language of the words that come from
outside, empty where nobody said (which is what an empty ``lang`` means in HTML).

A card is the same for everybody who is told the same of an item; what is a reader's own stands beside it
(:class:`Personal`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from functools import lru_cache

from trialalerts.catalog.articles.audience import audience_in
from trialalerts.catalog.articles.translations import text_in
from trialalerts.catalog.facts import ArticleFacts, ArticleText, TrialFacts
from trialalerts.catalog.tables import ChangeKind, Item, ItemKind
from trialalerts.catalog.trials.awaited import results_page
from trialalerts.catalog.trials.status import status_group
from trialalerts.digests.cards.card import (
    REGISTRY_LANGUAGE,
    ArticleCard,
    Brief,
    Card,
    Fact,
    Lay,
    Personal,
    TrialCard,
)
from trialalerts.digests.cards.changes import (
    ENDS,
    NEAR_KINDS,
    ChangeNote,
    change_notes,
    closed_sites,
    notices_said,
    opened_sites,
)
from trialalerts.digests.cards.reasons import condition_of
from trialalerts.digests.cards.sites.asking import Places, further_sites, place_to_ask, places, spot
from trialalerts.digests.cards.text import first_sentence, one_line, shortened, web_address
from trialalerts.digests.cards.trial_wording import conflict_lines, is_past, phase, stale_line, who_can_join
from trialalerts.digests.cards.wording import Wording
from trialalerts.digests.entries import RECRUITING_NOW, Entry, EntryChange, Reason
from trialalerts.digests.plain import Piece, plain_line
from trialalerts.digests.plain.reading.conditions import about
from trialalerts.digests.publishing import Publishing, shown_text

__all__ = ["CardMaker"]

_TITLE = 300
_BRIEF_TITLE = 140
_UNPUBLISHED = Publishing()
_NAME = 100
_SENTENCE = 200
_LAY_TITLE, _LAY_SENTENCE = 120, 160
_MOST_AUTHORS = 3
_SAY_THAT_IT_IS_OPEN = frozenset({"from_you", "open_from_you"})
_PLAIN_LETTERS = 165
"""A longer line makes a card of more than twelve lines on a telephone; the page of the trial says all."""
_SECOND_LINE = 10
"""So many letters fewer have room where further sites take a second line beside the links."""
_LONG_NAME = 20
"""So many letters fewer have room where the name of the hospital takes a second line."""


class CardMaker:
    """Makes the cards of one mail.

    Args:
        words: the language.
        today: the day the mail is written, for what is stale by then.
        timezone: of the reader, for the day on which an article appeared.
        publishing: how sources are called, and where trials and articles are read.
        unit: of distances, where the reader chose one: ``km`` or ``miles``.
    """

    def __init__(
        self,
        words: Wording,
        today: date,
        timezone: str = "UTC",
        *,
        publishing: Publishing = _UNPUBLISHED,
        unit: str | None = None,
    ) -> None:
        self._words = words
        self._publishing = publishing
        self._today = today
        self._timezone = timezone
        self._unit = unit

    def card(self, entry: Entry, item: Item) -> Card:
        """Return the card of an item: the same for all who are told the same, by the same condition.

        Raises:
            ValueError: the stored facts are not what they should be.
        """
        if item.kind is ItemKind.TRIAL:
            return self._trial(entry, item, TrialFacts.model_validate(item.facts))
        return self._article(entry, item, ArticleFacts.model_validate(item.facts))

    def personal(
        self, reasons: Sequence[Reason], near: EntryChange | None, known: Places | None, key: str = "nearest"
    ) -> Personal:
        """Return what is a reader's own in a card, from its ``near``, ``places`` and ``key``."""
        if known is None:
            return Personal(why=self._why(reasons))
        words, unit = self._words, self._unit
        reason = next(iter(reasons), None)
        chip = sentence = ""
        beside = "" if known.state == "unlisted" else spot(words, reason, key, unit)
        if near is not None and near.kind == "site_opened":
            chip, beside = words.count("change.site_opened", 1), opened_sites(words, near, reasons, unit)
        elif near is not None:
            chip, sentence = closed_sites(words, near, reasons, unit)
            beside = ""
        planned = reason is not None and reason.near.planned
        is_told = near is None and key in _SAY_THAT_IT_IS_OPEN and not planned
        asked = place_to_ask(words, reason, known, unit, stands_above=is_told and bool(beside))
        room = _PLAIN_LETTERS - _SECOND_LINE - (_LONG_NAME if asked and asked.name_is_long else 0)
        further = further_sites(words, reason, unit, crowded=known.letters >= room)
        return Personal(beside, chip, sentence, asked, further)

    def _why(self, reasons: Sequence[Reason]) -> str:
        """Return for the sake of which followed trial an article is told; empty where for another reason."""
        named = [one_line(reason.trial, _NAME) for reason in reasons if reason.trial]
        return f"{self._label('card.names_followed')} {self._words.listed(named)}" if named else ""

    def brief(self, entry: Entry, item: Item) -> Brief:
        """Return the item in one line; by its title alone where its facts are broken."""
        if item.kind is ItemKind.ARTICLE:
            return self._brief_article(entry, item)
        try:
            facts = TrialFacts.model_validate(item.facts)
        except ValueError:
            facts = None
        notes = change_notes(self._words, entry.told, facts)
        known = facts or TrialFacts(status=item.status)
        first = self._plain(entry, item, facts)[0] if facts else self._title(item)
        near = next((one for one in entry.told if one.kind in NEAR_KINDS and one.kind == notes[0].kind), None)
        ended = self._ended(known) if notes and notes[0].kind in ENDS else ""
        reason = [note.sentence.removesuffix(".") for note in notes]
        reason += [f"{quote.label} {quote.text}" for note in notes for quote in note.quotes if note.kind in ENDS]
        more = [note.text for note in notes[1:]]
        return Brief(
            chip=notes[0] if notes else None,
            url=self._trial_page(item),
            registry_url=web_address(item.url),
            number=one_line(item.external_id, _NAME),
            first=first,
            lang=REGISTRY_LANGUAGE,
            details=tuple(filter(None, [ended, *reason, *more])),
            results_url=_results_url(entry, item, known),
            places=places(self._words, known),
            near=near,
        )

    def _brief_article(self, entry: Entry, item: Item) -> Brief:
        chip = next((note for note in change_notes(self._words, entry.told, None) if note.kind != "published"), None)
        try:
            text = text_in(self._words.language, item, ArticleFacts.model_validate(item.facts))
        except ValueError:
            text = ArticleText(language="", title=item.title, url=item.url)
        return Brief(
            chip=chip,
            url=web_address(text.url) or web_address(self._publishing.page(item.id)),
            registry_url=None,
            number="",
            first=(Piece(one_line(text.title, _BRIEF_TITLE) or self._untitled(item.kind), ""),),
            lang="",
        )

    def _trial(self, entry: Entry, item: Item, facts: TrialFacts) -> TrialCard:
        words = self._words
        notes = change_notes(words, entry.told, facts)
        chip = notes[0] if notes else self._as_it_stands(facts)
        over = status_group(facts.status, facts.last_known_status) in {"closed", "withdrawn", "paused"}
        first, second = self._plain(entry, item, facts)
        return TrialCard(
            number=one_line(item.external_id, _NAME),
            url=self._trial_page(item),
            registry_url=web_address(item.url),
            results_url=_results_url(entry, item, facts),
            chip=chip,
            notes=notes,
            first=first,
            second=second,
            who=None if over else self._who(facts, second),
            facts=() if over else self._remarks(facts),
            places=Places(state="none") if over else self._places(facts, first, second),
            near=next((one for one in entry.told if chip.near and one.kind == chip.kind), None),
            key=_spot_key(chip, facts),
            lay=self._lay(facts),
        )

    def _lay(self, facts: TrialFacts) -> Lay | None:
        """Return what the registry says to everybody in the reader's language; None where it says nothing."""
        words = self._words
        for said in facts.lay:
            if said.language.partition("-")[0].lower() != words.language:
                continue
            title, sentence = one_line(said.title, _LAY_TITLE), first_sentence(said.summary, _LAY_SENTENCE)
            quote = words.say("card.quoted", text=sentence) if sentence else ""
            named = words.locale.languages.get(words.language) or words.language
            label = words.say("card.label", label=words.say("card.own_words", language=named)) if quote else ""
            return Lay(one_line(said.language, 20), title, label, quote) if title or quote else None
        return None

    def _plain(self, entry: Entry, item: Item, facts: TrialFacts) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
        """Return the plain line; the title where nothing can be said plainly."""
        said = plain_line(self._words, facts, condition_of(self._words, entry.reasons), letters=_PLAIN_LETTERS)
        return (said.first, said.second) if said else (self._title(item), ())

    def _places(self, facts: TrialFacts, *sentences: Sequence[Piece]) -> Places:
        letters = sum(len(piece.text) for sentence in sentences for piece in sentence)
        return replace(places(self._words, facts), letters=letters)

    def _title(self, item: Item) -> tuple[Piece, ...]:
        title = one_line(item.title, _TITLE)
        return (Piece(title, REGISTRY_LANGUAGE) if title else Piece(self._untitled(item.kind)),)

    def _as_it_stands(self, facts: TrialFacts) -> ChangeNote:
        """Return how a trial stands, where nothing happened that could be told."""
        group = status_group(facts.status, facts.last_known_status)
        key = {"open": "recruiting_now", "upcoming": "in_preparation"}.get(group, "changed")
        return ChangeNote(kind="standing", tone="calm", text=self._words.say(f"change.{key}"))

    def _who(self, facts: TrialFacts, second: Sequence[Piece]) -> Fact:
        words = self._words
        is_said = words.say("plain.then.healthy") in "".join(piece.text for piece in second)
        if is_said or about(facts).kind == "healthy":
            facts = facts.model_copy(update={"healthy_volunteers": None})  # it is said above
        label, text = who_can_join(words, facts)
        named = phase(words, facts.phases) if facts.phases != ("NA",) else None
        return Fact(self._label(label), f"{text} · {named[0]}" if named else text)

    def _start(self, facts: TrialFacts) -> str:
        """Return when a trial that is yet to begin is planned to; one that takes people has begun."""
        if facts.start is None or status_group(facts.status, facts.last_known_status) != "upcoming":
            return ""
        key = "card.start_past" if is_past(facts.start, self._today) else "card.start_planned"
        return self._words.say(key, date=self._words.partial(facts.start))

    def _ended(self, facts: TrialFacts) -> str:
        if facts.completion is None or facts.completion.kind == "estimated":
            return ""
        return self._words.say("card.ended", date=self._words.month(facts.completion))

    def _remarks(self, facts: TrialFacts) -> tuple[str, ...]:
        """Return what else is to be known of a trial that one can join."""
        stale = stale_line(self._words, facts.last_verified, self._today)
        return tuple(filter(None, (self._start(facts), stale, *conflict_lines(self._words, facts))))

    def _trial_page(self, item: Item) -> str | None:
        """Return where more of a trial is: our own page, else that of its registry."""
        return web_address(self._publishing.trial_page(item.external_id)) or web_address(item.url)

    def _article(self, entry: Entry, item: Item, facts: ArticleFacts) -> ArticleCard:
        told = [note for note in change_notes(self._words, entry.told, None) if note.kind != "published"]
        notes = (*told, *notices_said(self._words, facts.notices, told))
        text = text_in(self._words.language, item, facts)
        is_withdrawn = any(note.kind == ChangeKind.RETRACTED for note in notes)  # what does not hold is not said again
        paragraphs = shown_text(text)
        if len(paragraphs) == 1 and text.url:
            paragraphs = (shortened(paragraphs[0], _SENTENCE),)
        return ArticleCard(
            title=one_line(text.title, _TITLE) or self._untitled(item.kind),
            url=web_address(text.url) or web_address(self._publishing.page(item.id)),
            lang=one_line(text.language, 20),
            byline=self._byline(item, facts),
            chip=next(iter(notes), None),
            notes=notes,
            paragraphs=() if is_withdrawn else paragraphs,
        )

    def _byline(self, item: Item, facts: ArticleFacts) -> str:
        parts = [self._sources(item, facts), one_line(facts.journal, _NAME)]
        if published := facts.published_on or item.published_at:
            parts.append(self._words.day(published, self._timezone))
        if authors := [one_line(author, _NAME) for author in facts.authors[:_MOST_AUTHORS]]:
            named = self._words.listed(authors)
            if len(facts.authors) > _MOST_AUTHORS:
                named = self._words.say("card.and_others", authors=", ".join(authors))
            parts.append(self._words.say("card.by", authors=named))
        if audience := audience_in([facts.audience]):
            parts.append(self._words.say(f"card.audience_{audience}"))
        return " · ".join(part for part in parts if part)

    def _sources(self, item: Item, facts: ArticleFacts) -> str:
        """Return whose article it is: its source, or all of them where several have it."""
        named = self._publishing.named(facts.sources or (item.source,), item.url)
        names = [one_line(name, _NAME) for name in named]
        if len(names) > 1:
            return self._words.say("card.from", sources=self._words.listed(names))
        return names[0] if names else ""

    def _untitled(self, kind: ItemKind) -> str:
        return self._words.say("card.untitled" if kind is ItemKind.TRIAL else "card.untitled_article")

    def _label(self, key: str) -> str:
        return _labelled(self._words, key)


def _results_url(entry: Entry, item: Item, facts: TrialFacts) -> str | None:
    """Return where the results stand in their registry; None where they are not what is told."""
    if all(one.kind != ChangeKind.RESULTS_POSTED for one in entry.told):
        return None
    registry, url = facts.results_at or (item.registry_name, item.url)
    return results_page(registry, web_address(url))


def _spot_key(chip: ChangeNote, facts: TrialFacts) -> str:
    """Return as which phrase a distance stands beside the chip: the town stands in the block below."""
    group = status_group(facts.status, facts.last_known_status)
    if group == "upcoming":
        return "to_open"
    if chip.kind in {RECRUITING_NOW, "opened", "reopened"}:
        return "from_you"
    return "open_from_you" if chip.kind == "registered" and group == "open" else "nearest"


@lru_cache(maxsize=1_000)
def _labelled(words: Wording, key: str) -> str:
    return words.say("card.label", label=words.say(key))

"""The cards: an entry of a digest and its item, said in the words of one language, ready for the templates.

A card holds plain text only; templates decide how it looks. ``lang`` is the language of the words that come from
outside, empty where nobody said (which is what an empty ``lang`` means in HTML).

A card is the same for everybody who is told the same of an item; what is a reader's own stands beside it
(:class:`Personal`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from trialalerts.catalog.articles.audience import audience_in
from trialalerts.catalog.facts import ArticleFacts, PartialDate, TrialFacts
from trialalerts.catalog.tables import Item, ItemKind
from trialalerts.catalog.trials.status import status_group
from trialalerts.digests.cards.changes import NEAR_LINES, ChangeNote, brief_change, change_notes
from trialalerts.digests.cards.contacts import ContactLine, contacts_for
from trialalerts.digests.cards.reasons import Places, caution, places, reason_lines, where
from trialalerts.digests.cards.text import one_line, shortened, web_address
from trialalerts.digests.cards.trial_wording import (
    dated,
    is_past,
    months_since,
    phase,
    status,
    study_type,
    who_can_join,
)
from trialalerts.digests.cards.wording import Wording
from trialalerts.digests.entries import Entry, EntryChange, Reason
from trialalerts.digests.publishing import SUMMARY, Publishing, shown_text

__all__ = [
    "ArticleCard",
    "Brief",
    "Card",
    "CardMaker",
    "ContactLine",
    "Fact",
    "Personal",
    "TrialCard",
    "tells_distances",
]

_REGISTRY_LANGUAGE = "en"
_TITLE = 300
_BRIEF_TITLE = 140
_UNPUBLISHED = Publishing()
_NAME = 100
_MOST_AUTHORS = 3
_STALE_MONTHS = 12


class Fact(NamedTuple):
    """One line of a card: ``label`` with its colon, then ``text``; ``foreign`` where the text is the registry's."""

    label: str
    text: str
    foreign: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class TrialCard:
    """A trial as it stands in a mail; ``since`` is what happened later, on the digest's page.

    ``places`` and ``near`` are what a reader's own words are made from: where the trial runs, and the change whose line
    tells how far away something is (None where there is none, or where that line is written already).
    """

    kind: str = "trial"
    title: str
    url: str | None
    lang: str
    number: str
    sponsor: str
    changes: tuple[ChangeNote, ...]
    summary: str
    facts: tuple[Fact, ...]
    contact_label: str
    contacts: tuple[ContactLine, ...]
    stale: str
    places: Places
    near: EntryChange | None = None
    since: tuple[ChangeNote, ...] = ()
    since_label: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class ArticleCard:
    """An article as it stands in a mail. ``byline`` is its source, authors and date, ``since`` as of a trial.

    ``paragraphs`` are what ``summary`` says in one: of an article without a link its text.
    """

    kind: str = "article"
    title: str
    url: str | None
    lang: str
    byline: str
    changes: tuple[ChangeNote, ...]
    summary: str
    paragraphs: tuple[str, ...] = ()
    places: None = None
    near: EntryChange | None = None
    since: tuple[ChangeNote, ...] = ()
    since_label: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Brief:
    """An item in one line: what it is and what happened."""

    title: str
    url: str | None
    lang: str
    what: str


Card = TrialCard | ArticleCard


class Personal(NamedTuple):
    """What is the reader's own in a card: why it is told, where it is from there, what the record leaves open.

    ``place`` is None for an article. ``distances`` is the line of the change that tells how far away something is.
    """

    reasons: tuple[str, ...]
    place: Fact | None = None
    caution: str = ""
    distances: str = ""


def tells_distances(told: Sequence[EntryChange]) -> int:
    """Return how many of the changes say how far away something is."""
    return sum(one.kind in NEAR_LINES for one in told)


class CardMaker:
    """Makes the cards of one mail.

    Args:
        words: the language.
        today: the day the mail is written, for what is stale by then.
        timezone: of the reader, for the day on which an article appeared.
        publishing: how sources are called, and where an article without a link is read.
    """

    def __init__(
        self, words: Wording, today: date, timezone: str = "UTC", *, publishing: Publishing = _UNPUBLISHED
    ) -> None:
        self._words = words
        self._publishing = publishing
        self._today = today
        self._timezone = timezone

    def card(self, entry: Entry, item: Item) -> Card:
        """Return the card of an item: the same for all who are told the same (and, of several sites, from one place).

        Raises:
            ValueError: the stored facts are not what they should be.
        """
        if item.kind is ItemKind.TRIAL:
            return self._trial(entry, item, TrialFacts.model_validate(item.facts))
        return self._article(entry, item, ArticleFacts.model_validate(item.facts))

    def personal(self, reasons: Sequence[Reason], near: EntryChange | None, places: Places | None) -> Personal:
        """Return what is a reader's own in a card, from its ``near`` and ``places``."""
        words = self._words
        distances = NEAR_LINES[near.kind](words, near, reasons) if near else ""
        if places is None:
            return Personal(reason_lines(words, reasons, article=True), distances=distances)
        label, place = where(words, reasons, places)
        return Personal(
            reason_lines(words, reasons, article=False),
            Fact(label=_labelled(words, label), text=place),
            caution(words, reasons),
            distances,
        )

    def brief(self, entry: Entry, item: Item) -> Brief:
        """Return the item in one line; it needs nothing of the facts, so that it can stand in for a broken card."""
        is_article = item.kind is ItemKind.ARTICLE
        return Brief(
            title=one_line(item.title, _BRIEF_TITLE) or self._untitled(item.kind),
            url=web_address(item.url) or (web_address(self._publishing.page(item.id)) if is_article else None),
            lang=_REGISTRY_LANGUAGE if item.kind is ItemKind.TRIAL else "",
            what=brief_change(change_notes(self._words, entry.told, None, entry.reasons)),
        )

    def _trial(self, entry: Entry, item: Item, facts: TrialFacts) -> TrialCard:
        words = self._words
        over = status_group(facts.status, facts.last_known_status) in {"closed", "withdrawn"}
        changes, near = self._changes(entry, facts)
        return TrialCard(
            title=one_line(item.title, _TITLE) or self._untitled(item.kind),
            url=web_address(item.url),
            lang=_REGISTRY_LANGUAGE,
            number=one_line(item.external_id, _NAME),
            sponsor=one_line(facts.sponsor, _NAME),
            changes=changes,
            summary=shortened(item.summary, SUMMARY),
            facts=tuple(self._facts(facts, over=over)),
            contact_label=self._label("card.contact"),
            contacts=contacts_for(words, facts),
            stale="" if over else self._stale(facts.last_verified),
            places=places(words, facts),
            near=near,
        )

    def _changes(self, entry: Entry, facts: TrialFacts | None) -> tuple[tuple[ChangeNote, ...], EntryChange | None]:
        """Return what happened, and which of it is left open for a reader's distances.

        Where that would be several changes they are written for this reader: they may come to the same line for one
        and to two for another.
        """
        if tells_distances(entry.told) > 1:
            return change_notes(self._words, entry.told, facts, entry.reasons), None
        notes = change_notes(self._words, entry.told, facts, ())
        opened = tuple(replace(note, near=True) if note.kind in NEAR_LINES else note for note in notes)
        return opened, next((one for one in entry.told if one.kind in NEAR_LINES), None)

    def _facts(self, facts: TrialFacts, *, over: bool) -> list[Fact]:
        words = self._words
        found = [Fact(label=self._label("card.who"), text=who_can_join(words, facts))]
        if named := phase(words, facts.phases):
            found.append(
                Fact(label=words.say("card.label", label=named[0]) if named[1] else "", text=named[1] or named[0])
            )
        if kind := study_type(words, facts.study_type):
            found.append(Fact(label=self._label("card.study_type"), text=kind))
        if now := self._status(facts):
            found.append(Fact(label=self._label("card.status"), text=now))
        if facts.start:
            found.append(Fact(label=self._label("card.start"), text=dated(words, facts.start, self._today)))
        if facts.completion and not over and is_past(facts.completion, self._today):
            found.append(Fact(label=self._label("card.end"), text=dated(words, facts.completion, self._today)))
        if facts.last_verified:
            found.append(Fact(label=self._label("card.verified"), text=words.partial(facts.last_verified)))
        return found

    def _status(self, facts: TrialFacts) -> str | None:
        now = status(self._words, facts.status)
        before = status(self._words, facts.last_known_status)
        return self._words.say("card.last_known", status=now, before=before) if now and before else now

    def _stale(self, verified: PartialDate | None) -> str:
        """Return how long ago somebody verified the record, where that is long."""
        months = months_since(verified, self._today)
        if months is None or months < _STALE_MONTHS:
            return ""
        if months < 2 * _STALE_MONTHS:
            return self._words.count("card.stale", months)
        return self._words.count("card.stale_years", months // 12)

    def _article(self, entry: Entry, item: Item, facts: ArticleFacts) -> ArticleCard:
        changes, near = self._changes(entry, None)
        paragraphs = shown_text(item, facts)
        return ArticleCard(
            title=one_line(item.title, _TITLE) or self._untitled(item.kind),
            url=web_address(item.url) or web_address(self._publishing.page(item.id)),
            lang=one_line(facts.language, 20),
            byline=self._byline(item, facts),
            changes=changes,
            summary=" ".join(paragraphs),
            paragraphs=paragraphs,
            near=near,
        )

    def _byline(self, item: Item, facts: ArticleFacts) -> str:
        parts = [self._sources(item, facts)]
        if authors := [one_line(author, _NAME) for author in facts.authors[:_MOST_AUTHORS]]:
            named = self._words.listed(authors)
            if len(facts.authors) > _MOST_AUTHORS:
                named = self._words.say("card.and_others", authors=", ".join(authors))
            parts.append(self._words.say("card.by", authors=named))
        if published := facts.published_on or item.published_at:
            parts.append(self._words.day(published, self._timezone))
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


@lru_cache(maxsize=1_000)
def _labelled(words: Wording, key: str) -> str:
    return words.say("card.label", label=words.say(key))

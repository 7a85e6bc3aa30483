"""Owns the cards: an entry of a digest and its item, said in the words of one language, ready for the templates.

A card holds plain text only; templates decide how it looks. ``lang`` is the language of the words that come from
outside, empty where nobody said (which is what an empty ``lang`` means in HTML).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from trialalerts.catalog.facts import ArticleFacts, Contact, TrialFacts
from trialalerts.catalog.status import status_group
from trialalerts.catalog.tables import Item, ItemKind
from trialalerts.digests.card_changes import ChangeNote, brief_change, change_notes
from trialalerts.digests.card_reasons import may_fit, reason_lines, where
from trialalerts.digests.card_text import one_line, phone_number, shortened, usable_address, web_address
from trialalerts.digests.entries import Entry
from trialalerts.digests.wording import Wording
from trialalerts.digests.wording_trials import dated, months_since, phase, status, study_type, who_can_join

__all__ = ["ArticleCard", "Brief", "Card", "CardMaker", "ContactLine", "Fact", "TrialCard"]

_REGISTRY_LANGUAGE = "en"
_TITLE = 300
_BRIEF_TITLE = 140
_SUMMARY = 280
_NAME = 100
_MOST_CONTACTS = 2
_MOST_AUTHORS = 3
_STALE_MONTHS = 12


@dataclass(frozen=True, kw_only=True, slots=True)
class Fact:
    """One line of a card: ``label`` with its colon, then ``text``; ``foreign`` where the text is the registry's."""

    label: str
    text: str
    foreign: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class ContactLine:
    """Whom to ask. ``tel`` and ``mailto`` are what links need; None where the text cannot be made a link."""

    name: str
    phone: str
    email: str
    tel: str | None
    mailto: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class TrialCard:
    """A trial as it stands in a mail."""

    kind: str = "trial"
    title: str
    url: str | None
    lang: str
    number: str
    sponsor: str
    changes: tuple[ChangeNote, ...]
    reasons: tuple[str, ...]
    caution: str
    summary: str
    facts: tuple[Fact, ...]
    contact_label: str
    contacts: tuple[ContactLine, ...]
    stale: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ArticleCard:
    """An article as it stands in a mail. ``byline`` is its source, authors and date."""

    kind: str = "article"
    title: str
    url: str | None
    lang: str
    byline: str
    changes: tuple[ChangeNote, ...]
    reasons: tuple[str, ...]
    summary: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Brief:
    """An item in one line: what it is and what happened."""

    title: str
    url: str | None
    lang: str
    what: str


Card = TrialCard | ArticleCard


class CardMaker:
    """Makes the cards of one mail.

    Args:
        words: the language.
        today: the day the mail is written, for what is stale by then.
        timezone: of the reader, for the day on which an article appeared.
    """

    def __init__(self, words: Wording, today: date, timezone: str = "UTC") -> None:
        self._words = words
        self._today = today
        self._timezone = timezone

    def card(self, entry: Entry, item: Item) -> Card:
        """Return the card of an item.

        Raises:
            ValueError: the stored facts are not what they should be.
        """
        if item.kind is ItemKind.TRIAL:
            return self._trial(entry, item, TrialFacts.model_validate(item.facts))
        return self._article(entry, item, ArticleFacts.model_validate(item.facts))

    def brief(self, entry: Entry, item: Item) -> Brief:
        """Return the item in one line; it needs nothing of the facts, so that it can stand in for a broken card."""
        return Brief(
            title=one_line(item.title, _BRIEF_TITLE) or self._untitled(item.kind),
            url=web_address(item.url),
            lang=_REGISTRY_LANGUAGE if item.kind is ItemKind.TRIAL else "",
            what=brief_change(change_notes(self._words, entry.told, None, entry.reasons)),
        )

    def _trial(self, entry: Entry, item: Item, facts: TrialFacts) -> TrialCard:
        words = self._words
        return TrialCard(
            title=one_line(item.title, _TITLE) or self._untitled(item.kind),
            url=web_address(item.url),
            lang=_REGISTRY_LANGUAGE,
            number=one_line(item.external_id, _NAME),
            sponsor=one_line(facts.sponsor, _NAME),
            changes=change_notes(words, entry.told, facts, entry.reasons),
            reasons=reason_lines(words, entry.reasons, article=False),
            caution=may_fit(words, entry.reasons),
            summary=shortened(item.summary, _SUMMARY),
            facts=tuple(self._facts(entry, facts)),
            contact_label=self._label("card.contact"),
            contacts=_contacts(facts.contacts),
            stale=self._stale(facts),
        )

    def _facts(self, entry: Entry, facts: TrialFacts) -> list[Fact]:
        words = self._words
        place, text = where(words, entry.reasons, facts)
        found = [Fact(label=self._label(place), text=text)]
        found.append(Fact(label=self._label("card.who"), text=who_can_join(words, facts)))
        if named := phase(words, facts.phases):
            found.append(
                Fact(label=words.say("card.label", label=named[0]) if named[1] else "", text=named[1] or named[0])
            )
        if kind := study_type(words, facts.study_type):
            found.append(Fact(label=self._label("card.study_type"), text=kind))
        if now := self._status(facts):
            found.append(Fact(label=self._label("card.status"), text=now))
        if facts.start:
            found.append(Fact(label=self._label("card.start"), text=dated(words, facts.start)))
        if facts.last_verified:
            found.append(Fact(label=self._label("card.verified"), text=words.partial(facts.last_verified)))
        return found

    def _status(self, facts: TrialFacts) -> str | None:
        now = status(self._words, facts.status)
        before = status(self._words, facts.last_known_status)
        return self._words.say("card.last_known", status=now, before=before) if now and before else now

    def _stale(self, facts: TrialFacts) -> str:
        """Return how long ago somebody verified the record, where that is long and the trial is not over."""
        months = months_since(facts.last_verified, self._today)
        over = status_group(facts.status, facts.last_known_status) in {"closed", "withdrawn"}
        if months is None or months < _STALE_MONTHS or over:
            return ""
        if months < 2 * _STALE_MONTHS:
            return self._words.count("card.stale", months)
        return self._words.count("card.stale_years", months // 12)

    def _article(self, entry: Entry, item: Item, facts: ArticleFacts) -> ArticleCard:
        words = self._words
        return ArticleCard(
            title=one_line(item.title, _TITLE) or self._untitled(item.kind),
            url=web_address(item.url),
            lang=one_line(facts.language, 20),
            byline=self._byline(item, facts),
            changes=change_notes(words, entry.told, None, entry.reasons),
            reasons=reason_lines(words, entry.reasons, article=True),
            summary=shortened(item.summary, _SUMMARY),
        )

    def _byline(self, item: Item, facts: ArticleFacts) -> str:
        parts = [one_line(item.registry_name, _NAME)]
        if authors := [one_line(author, _NAME) for author in facts.authors[:_MOST_AUTHORS]]:
            named = self._words.listed(authors)
            if len(facts.authors) > _MOST_AUTHORS:
                named = self._words.say("card.and_others", authors=", ".join(authors))
            parts.append(self._words.say("card.by", authors=named))
        if item.published_at:
            parts.append(self._words.day(item.published_at, self._timezone))
        return " · ".join(part for part in parts if part)

    def _untitled(self, kind: ItemKind) -> str:
        return self._words.say("card.untitled" if kind is ItemKind.TRIAL else "card.untitled_article")

    def _label(self, key: str) -> str:
        return self._words.say("card.label", label=self._words.say(key))


def _contacts(contacts: Sequence[Contact]) -> tuple[ContactLine, ...]:
    lines = [
        ContactLine(
            name=one_line(contact.name, _NAME),
            phone=one_line(contact.phone, 40),
            email=one_line(contact.email, _NAME),
            tel=phone_number(contact.phone),
            mailto=usable_address(contact.email),
        )
        for contact in contacts
    ]
    return tuple(line for line in lines if line.name or line.phone or line.email)[:_MOST_CONTACTS]

"""The shapes of cards and lines: what templates are given of an item, as plain texts.

A card is the same for everybody who is told the same of an item; what is a reader's own stands beside it
(:class:`Personal`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from trialalerts.digests.cards.changes import ChangeNote
from trialalerts.digests.cards.sites.asking import Ask, Places
from trialalerts.digests.entries import EntryChange
from trialalerts.digests.plain import Piece

__all__ = ["REGISTRY_LANGUAGE", "ArticleCard", "Brief", "Card", "Fact", "Lay", "Personal", "TrialCard"]

REGISTRY_LANGUAGE = "en"


class Fact(NamedTuple):
    """One line of a card: ``label`` with its colon, then ``text``."""

    label: str
    text: str


class Lay(NamedTuple):
    """What a registry says of a trial to everybody, in the reader's language.

    ``label`` says whose words ``quote`` (one sentence, in the quotation marks of the language) are, and in what
    language; the title or the quote may be empty.
    """

    lang: str
    title: str = ""
    label: str = ""
    quote: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class TrialCard:
    """A trial as it stands in a mail.

    ``chip`` is what happened, ``notes`` what there is to say of that and what else happened. ``first`` and ``second``
    are the plain line. ``places``, ``near`` and ``key`` are what a reader's own words are made from: where the trial
    runs, the change whose words tell how far away something is, and as what phrase the distance stands beside the chip.
    ``then`` is what a mail said, on its page, where it is no longer so. ``lay`` stands above the plain line.
    """

    kind: str = "trial"
    number: str
    url: str | None
    registry_url: str | None
    results_url: str | None = None
    lang: str = REGISTRY_LANGUAGE
    chip: ChangeNote
    notes: tuple[ChangeNote, ...]
    first: tuple[Piece, ...]
    second: tuple[Piece, ...] = ()
    who: Fact | None = None
    facts: tuple[str, ...] = ()
    places: Places | None = None
    near: EntryChange | None = None
    key: str = "nearest"
    then: str = ""
    lay: Lay | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ArticleCard:
    """An article as it stands in a mail. ``byline`` is its source, date and authors.

    ``paragraphs`` are a sentence, or of an article without a link its text. ``chip`` stands where it is no plain news.
    """

    kind: str = "article"
    title: str
    url: str | None
    lang: str
    byline: str
    chip: ChangeNote | None = None
    notes: tuple[ChangeNote, ...] = ()
    paragraphs: tuple[str, ...] = ()
    places: None = None
    near: EntryChange | None = None
    key: str = "nearest"
    then: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Brief:
    """An item in one line: what happened, what it is, and more of what happened.

    It leads to the page that all may have: forty-five links of the reader's own would double what the lines weigh, and
    hide nothing, for the registry's number stands beside each.
    """

    chip: ChangeNote | None
    url: str | None
    registry_url: str | None
    number: str
    first: tuple[Piece, ...]
    lang: str
    details: tuple[str, ...] = ()
    results_url: str | None = None
    places: Places | None = None
    near: EntryChange | None = None
    key: str = "nearest"


Card = TrialCard | ArticleCard


class Personal(NamedTuple):
    """What is the reader's own in a card or line.

    ``spot`` stands beside the chip: how far away it is. ``chip`` and ``sentence`` are the words of a change that tells
    how near something is, ``place`` whom to ask there, ``others`` which sites follow, ``why`` for the sake of which
    trial an article is told.
    """

    spot: str = ""
    chip: str = ""
    sentence: str = ""
    place: Ask | None = None
    others: str = ""
    why: str = ""

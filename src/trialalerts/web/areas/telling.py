"""How a change is told to everybody: a line of a list, an entry of a feed."""

from __future__ import annotations

from trialalerts.catalog.articles.translations import text_in
from trialalerts.catalog.facts import ArticleFacts, TrialFacts
from trialalerts.catalog.tables import Change, ChangeKind, Item, ItemKind
from trialalerts.digests.cards.changes import change_line, change_notes
from trialalerts.digests.cards.text import one_line
from trialalerts.digests.cards.wording import Wording
from trialalerts.digests.entries import EntryChange
from trialalerts.digests.plain import plain_line
from trialalerts.digests.publishing import Publishing
from trialalerts.web.areas.feeds import PublishedChange

__all__ = ["first_said", "told_entry", "told_in_a_line"]

_TITLE = 200


def told_entry(publishing: Publishing, words: Wording, change: Change, item: Item, base: str) -> PublishedChange:
    """Return a change as an entry of a feed; that an article is new needs no words but its own.

    ``base`` is the address of the service; empty where it has none.
    """
    id_ = f"{base or 'urn:trialalerts'}/changes/{change.seq}"
    if item.kind is ItemKind.ARTICLE:
        text = text_in(words.language, item, ArticleFacts.model_validate(item.facts))
        title = one_line(text.title, _TITLE)
        if change.kind is not ChangeKind.PUBLISHED:
            title = f"{told_in_a_line(words, change)}: {title}"
        said = _said_of_it(words, change)
        retracted = change.kind is ChangeKind.RETRACTED
        summary, url = said or ("" if retracted else one_line(text.summary, _TITLE)), publishing.page(item.id)
        return PublishedChange(id=id_, title=title, summary=summary, url=url, at=change.at)
    title = one_line(item.title, _TITLE)
    return PublishedChange(
        id=id_,
        title=f"{told_in_a_line(words, change)}: {first_said(words, item) or title}",
        summary=f"{item.external_id}. {title}",
        url=publishing.trial_page(item.external_id),
        at=change.at,
    )


def told_in_a_line(words: Wording, change: Change) -> str:
    """Return what happened, in a few words."""
    return change_line(words, _told(change), None)


def _said_of_it(words: Wording, change: Change) -> str:
    """Return what editors say of a change: what was put right, why it was taken back; empty where they say nothing."""
    (note,) = change_notes(words, [_told(change)], None)
    return " ".join(f"{quote.label} {quote.text}" for quote in note.quotes)


def _told(change: Change) -> EntryChange:
    return EntryChange(kind=change.kind.value, seq=change.seq, before=change.before, after=change.after)


def first_said(words: Wording, item: Item) -> str:
    """Return the first sentence of a trial's plain line; empty where it has none."""
    try:
        line = plain_line(words, TrialFacts.model_validate(item.facts), None)
    except ValueError:
        return ""
    return "".join(piece.text for piece in line.first) if line else ""

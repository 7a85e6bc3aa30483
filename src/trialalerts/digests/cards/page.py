"""The cards of an old digest's page: what was told, and what has become of it since.

A mail stands as it was written; a page is read whenever somebody follows its link. So what a card claims is held to the
item as it is now: a claim that no longer holds is told as what was so then, and what happened later is told beside it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy.orm import Mapped
from sqlmodel import Session, col, func, select

from trialalerts.catalog.facts import Site, TrialFacts
from trialalerts.catalog.tables import Change, ChangeKind, Item, ItemKind
from trialalerts.catalog.trials.status import is_recruiting, site_is_open, status_group
from trialalerts.digests.cards.card import Brief, Card
from trialalerts.digests.cards.changes import ChangeNote, Tone, change_line, change_notes
from trialalerts.digests.cards.maker import CardMaker
from trialalerts.digests.cards.trial_wording import status
from trialalerts.digests.cards.wording import Wording
from trialalerts.digests.entries import RECRUITING_NOW, Entry, EntryChange
from trialalerts.digests.publishing import Publishing
from trialalerts.digests.tables import Digest, Selection, SelectionKind

__all__ = ["Later", "PageCardMaker", "read_later"]

_AT_ONCE = 500
_NAMED: Mapping[SelectionKind, Mapped[Any]] = {
    SelectionKind.CHANGES: col(Change.seq),
    SelectionKind.OPEN: col(Item.id),
    SelectionKind.SILENT: col(Item.id),
}
_BEGAN = frozenset({ChangeKind.OPENED, ChangeKind.REOPENED})
_SITE_OPENED = ChangeKind.SITE_OPENED.value


@dataclass(frozen=True, kw_only=True)
class Later:
    """What is known today of what a digest told: the changes of each item after it, and whether an item is gone."""

    changes: Mapping[int, Sequence[Change]]
    gone: bool


def read_later(session: Session, digest: Digest, items: Sequence[int]) -> Later:
    """Return what has happened since to these items, and whether the digest told of others that are gone."""
    changes: dict[int, list[Change]] = defaultdict(list)
    for start in range(0, len(items), _AT_ONCE):
        some = col(Change.item_id).in_(items[start : start + _AT_ONCE])
        for change in session.exec(
            select(Change).where(some, col(Change.seq) > digest.to_seq).order_by(col(Change.seq))
        ):
            changes[change.item_id].append(change)
    return Later(changes=changes, gone=_anything_gone(session, digest))


def _anything_gone(session: Session, digest: Digest) -> bool:
    selections = session.exec(select(Selection).where(col(Selection.id).in_({number for _, number in digest.parts})))
    told: dict[SelectionKind, set[int]] = defaultdict(set)
    for selection in selections:
        told[selection.kind].update(selection.numbers)
    return any(
        len(some) > session.exec(select(func.count()).where(_NAMED[kind].in_(some))).one()
        for kind, numbers in told.items()
        for some in _slices(sorted(numbers))
    )


class PageCardMaker(CardMaker):
    """Makes the cards of a page.

    Args:
        words: the language.
        today: the day on which the page is read.
        timezone: of the reader.
        written: the day on which the digest was.
        later: what has happened since.
        publishing: how sources are called.
    """

    def __init__(
        self,
        words: Wording,
        today: date,
        timezone: str,
        *,
        written: date,
        later: Later,
        publishing: Publishing,
        unit: str | None = None,
    ) -> None:
        super().__init__(words, today, timezone, publishing=publishing, unit=unit)
        self._written = words.day(written)
        self._later = later

    def card(self, entry: Entry, item: Item) -> Card:
        """Return the card of an item as it is now, with what the mail said where that is no longer so.

        Raises:
            ValueError: the stored facts are not what they should be.
        """
        card = super().card(entry, item)
        facts = TrialFacts.model_validate(item.facts) if item.kind is ItemKind.TRIAL else None
        since = self._since(entry, item, facts)
        if self._holds(entry, item, facts):
            return replace(card, notes=(*card.notes, *since)) if since else card
        now = self._today_is(item, card.chip)
        return replace(card, chip=now, notes=(now, *since), near=None, then=self._then(card.chip))

    def brief(self, entry: Entry, item: Item) -> Brief:
        """Return the item in one line; where it is no longer as the mail said, how it is, and what that was."""
        line = super().brief(entry, item)
        if self._holds(entry, item, None) or line.chip is None:
            since = tuple(note.text for note in self._since(entry, item, None))
            return replace(line, details=(*line.details, *since)) if since else line
        now = self._today_is(item, line.chip)
        told = self._words.say("page.told", date=self._written, change=line.chip.text)
        return replace(line, chip=now, near=None, details=(told,))

    def _then(self, chip: ChangeNote | None) -> str:
        return self._words.say("page.then", date=self._written, change=chip.text if chip else "")

    def _today_is(self, item: Item, chip: ChangeNote | None) -> ChangeNote:
        """Return how an item is today: never what the mail said over facts that are of today."""
        if item.kind is ItemKind.ARTICLE and chip is not None:
            return chip
        group = status_group(item.status)
        tone: Tone = "good" if group == "open" else "over" if group in {"paused", "closed", "withdrawn"} else "calm"
        now = status(self._words, item.status) or self._words.say("change.changed")
        return ChangeNote(kind="today", tone=tone, text=now[:1].upper() + now[1:])

    def _holds(self, entry: Entry, item: Item, facts: TrialFacts | None) -> bool:
        """Tell whether a trial is still as the mail said it is."""
        claims = [(one, _claimed_status(one)) for one in entry.told]
        last = next((claimed for _, claimed in reversed(claims) if claimed is not None), None)
        if last is not None and not _still(last, item):
            return False
        return all(_any_open(one, item, facts) for one, _ in claims if one.kind == _SITE_OPENED)

    def _since(self, entry: Entry, item: Item, facts: TrialFacts | None) -> tuple[ChangeNote, ...]:
        """Return what has happened since, each with its day."""
        known = {one.seq for one in entry.told}
        return tuple(
            self._dated(note, told, change)
            for change in self._later.changes.get(item.id or 0, ())
            if change.seq not in known
            for told in [EntryChange(kind=change.kind.value, seq=change.seq, before=change.before, after=change.after)]
            for note in change_notes(self._words, [told], facts)
        )

    def _dated(self, note: ChangeNote, told: EntryChange, change: Change) -> ChangeNote:
        """Return a note with its day; what began then is said by its status, for “now” may be long ago."""
        day = self._words.day(change.at, self._timezone)
        began = status(self._words, _claimed_status(told)) if change.kind in _BEGAN else None
        line = change_line(self._words, told, None)
        return replace(note, text=self._words.say("page.later", date=day, change=began or line), near=False)


def _claimed_status(told: EntryChange) -> str | None:
    """Return the status that a change says a trial has; None where it says none."""
    if told.kind == RECRUITING_NOW:
        return "RECRUITING"
    claimed = told.after.get("status")
    return claimed if isinstance(claimed, str) else None


def _still(claimed: str, item: Item) -> bool:
    """Tell whether a trial still has a status, or one that means the same to somebody who would take part."""
    return claimed == item.status or status_group(claimed) == status_group(item.status)


def _any_open(told: EntryChange, item: Item, facts: TrialFacts | None) -> bool:
    """Tell whether one of the sites that opened is still open; by the trial alone where its sites are not known."""
    if facts is None or not is_recruiting(item.status):
        return is_recruiting(item.status)
    opened = [Site.model_validate(site) for site in told.after.get("sites", ())]
    now = {_named(site) for site in facts.sites if site_is_open(site, item.status)}
    return any(_named(site) in now for site in opened)


def _named(site: Site) -> tuple[str | None, ...]:
    return site.facility, site.city, site.country


def _slices(numbers: Sequence[int]) -> list[Sequence[int]]:
    return [numbers[start : start + _AT_ONCE] for start in range(0, len(numbers), _AT_ONCE)]

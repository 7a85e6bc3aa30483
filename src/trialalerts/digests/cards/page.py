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
from trialalerts.digests.cards.changes import ChangeNote, brief_change, change_notes
from trialalerts.digests.cards.maker import Brief, Card, CardMaker
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
        self, words: Wording, today: date, timezone: str, *, written: date, later: Later, publishing: Publishing
    ) -> None:
        super().__init__(words, today, timezone, publishing=publishing)
        self._written = words.day(written)
        self._later = later

    def card(self, entry: Entry, item: Item) -> Card:
        """Return the card of an item as it is now, with what has become of it.

        Raises:
            ValueError: the stored facts are not what they should be.
        """
        card = super().card(entry, item)
        facts = TrialFacts.model_validate(item.facts) if item.kind is ItemKind.TRIAL else None
        notes = change_notes(self._words, entry.told, facts, entry.reasons)
        return replace(
            card,
            changes=self._then(notes, entry, item, facts),
            near=None,
            since=self._since(entry, item, facts),
            since_label=self._label("page.since"),
        )

    def brief(self, entry: Entry, item: Item) -> Brief:
        """Return the item in one line; what is no longer so is told as what was so then."""
        notes = self._then(change_notes(self._words, entry.told, None, entry.reasons), entry, item, None)
        return replace(super().brief(entry, item), what=brief_change((*notes, *self._since(entry, item, None))))

    def _then(
        self, notes: Sequence[ChangeNote], entry: Entry, item: Item, facts: TrialFacts | None
    ) -> tuple[ChangeNote, ...]:
        """Return the notes as they are, or as what was so, or was told, when they were written."""
        told = {one.kind: one for one in entry.told}
        last = next((one.kind for one in reversed(entry.told) if _claimed_status(one) is not None), None)
        return tuple(self._noted(note, told[note.kind], item, facts, is_last=note.kind == last) for note in notes)

    def _noted(
        self, note: ChangeNote, told: EntryChange, item: Item, facts: TrialFacts | None, *, is_last: bool
    ) -> ChangeNote:
        claimed = _claimed_status(told)
        if claimed is None and not (note.kind == _SITE_OPENED and not _any_open(told, item, facts)):
            return note
        if claimed is not None and _still(claimed, item):
            return note
        if claimed is not None and is_last:
            was = status(self._words, claimed) or claimed
            return replace(note, tone="news", text=self._words.say("page.was", date=self._written, status=was))
        return replace(note, tone="news", text=self._words.say("page.told", date=self._written, change=note.text))

    def _since(self, entry: Entry, item: Item, facts: TrialFacts | None) -> tuple[ChangeNote, ...]:
        """Return what has happened since, each with its day; how the trial stands where nothing else says it."""
        notes: list[ChangeNote] = []
        said = [claimed for one in entry.told if (claimed := _claimed_status(one)) is not None]
        known = {one.seq for one in entry.told}
        later = [change for change in self._later.changes.get(item.id or 0, ()) if change.seq not in known]
        for change in later:
            told = EntryChange(kind=change.kind.value, seq=change.seq, before=change.before, after=change.after)
            said += [claimed] if (claimed := _claimed_status(told)) is not None else []
            notes += [
                self._dated(note, told, change) for note in change_notes(self._words, [told], facts, entry.reasons)
            ]
        if said and not _still(said[-1], item) and (now := status(self._words, item.status)):
            notes.append(ChangeNote(kind="now", tone="over", text=self._words.say("page.now", status=now)))
        return tuple(notes)

    def _dated(self, note: ChangeNote, told: EntryChange, change: Change) -> ChangeNote:
        """Return a note with its day; what began then is said by its status, for “now” may be long ago."""
        day = self._words.day(change.at, self._timezone)
        began = status(self._words, _claimed_status(told)) if change.kind in _BEGAN else None
        return replace(note, text=self._words.say("page.later", date=day, change=began or note.text))


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

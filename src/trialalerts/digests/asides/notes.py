"""The notes of digests, worked out when a mail is written: what they say is true at that moment."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from functools import cached_property
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from trialalerts.catalog.tables import Item
from trialalerts.database.bulk import in_chunks
from trialalerts.delivery.outbox.notices.tables import AnnouncementRecipient
from trialalerts.digests.asides.note import Note, NoteLink
from trialalerts.digests.asides.wording import WishWords, silent_trial
from trialalerts.digests.cards.headings import MANY, Extent
from trialalerts.digests.cards.wording import Wording
from trialalerts.digests.reading import GroupSize
from trialalerts.digests.rendering.items import StoredDigest
from trialalerts.digests.tables import Selection, SelectionKind
from trialalerts.matching.around.surroundings import IndexedOfLate, Surveyor
from trialalerts.subscribers.links import Links
from trialalerts.subscribers.tables import Preference, RegionKind, Subscriber, id_of
from trialalerts.vocabulary.areas.tree import load_areas

__all__ = ["NoteMaker", "ToldAlong", "followed_wishes"]

_MOST_WISHES, _MOST_TRIALS = 3, 5
_ARTICLES_ONLY = ["article"]

ToldAlong = Callable[[Session, int, Subscriber, Wording], tuple[Note, ...]]
"""Makes the notes of the announcements that a digest, by its id, takes along."""


def followed_wishes(session: Session, subscriber: Subscriber, most: int) -> Sequence[Preference]:
    """Return what somebody follows, one trials apart, and not what rests; the oldest first."""
    return _followed(session, [id_of(subscriber)])[:most]


def _followed(session: Session, people: Collection[int]) -> Sequence[Preference]:
    """Return what these people (subscribers by their ids) follow, each one's oldest first."""
    rows = select(Preference).where(
        col(Preference.subscriber_id).in_(people),
        col(Preference.confirmed_at).is_not(None),
        col(Preference.paused_until).is_(None),
        col(Preference.item_id).is_(None),
    )
    return session.exec(rows.order_by(col(Preference.id))).all()


class NoteMaker:
    """Makes the notes of the mails of a batch: what was looked at for one of them is not read again for the next.

    Args:
        session: reads.
        links: makes the links of a note.
        now: aware.
        readers: for whom nothing is open (subscribers by their ids): what they follow is read for all of them at once.
        told: makes the notes of what a digest takes along; None: nothing is.
        kept: what was read a moment ago of what wishes brought; None: nothing.
    """

    def __init__(
        self,
        session: Session,
        links: Links,
        now: datetime,
        *,
        readers: Collection[int] = (),
        told: ToldAlong | None = None,
        kept: IndexedOfLate | None = None,
    ) -> None:
        self._session = session
        self._kept = kept
        self._told = told
        self._links = links
        self._now = now
        self._readers = readers

    @cached_property
    def _wishes(self) -> dict[int, list[Preference]]:
        wishes: dict[int, list[Preference]] = {reader: [] for reader in self._readers}
        for some in in_chunks(sorted(self._readers)):
            for wish in _followed(self._session, some):
                wishes[wish.subscriber_id].append(wish)
        return wishes

    def _followed_by(self, subscriber: Subscriber) -> Sequence[Preference]:
        """Return the oldest of what somebody follows, as many as a mail names."""
        own = self._wishes.get(id_of(subscriber))
        if own is None:
            own = self._wishes[id_of(subscriber)] = list(_followed(self._session, [id_of(subscriber)]))
        return own[:_MOST_WISHES]

    @cached_property
    def _surveyor(self) -> Surveyor:
        """Most batches have no mail with a note: they read no areas for it."""
        return Surveyor(self._session, load_areas(self._session), self._now, kept=self._kept)

    def of(self, stored: StoredDigest, extent: Extent, subscriber: Subscriber, words: Wording) -> tuple[Note, ...]:
        """Return the notes of a digest, ``extent`` being what it tells as a whole. A discreet mail shows none of it."""
        if subscriber.discreet:
            return ()
        advice = self._advice(stored, extent, subscriber, words)
        return (
            *self.along(stored.digest.id, subscriber, words),
            *advice,
            *self.silent(stored.silent, subscriber, words),
        )

    def along(self, digest_id: int | None, subscriber: Subscriber, words: Wording) -> tuple[Note, ...]:
        """Return the announcements that a stored digest takes along."""
        if self._told is None or not digest_id or not self._any_along:
            return ()
        return self._told(self._session, digest_id, subscriber, words)

    @cached_property
    def _any_along(self) -> bool:
        """Most services have none: no digest of theirs is looked up."""
        along = select(AnnouncementRecipient.id).where(col(AnnouncementRecipient.digest_id).is_not(None))
        return self._session.exec(along.limit(1)).first() is not None

    def silent(self, silent: Sequence[tuple[int, int]], subscriber: Subscriber, words: Wording) -> tuple[Note, ...]:
        """Return how followed trials stand that were silent for a year, each with a way to stop following it.

        Args:
            silent: preferences and items by their ids.
            subscriber: the reader.
            words: of their language.
        """
        return self._trial_notes(silent, subscriber, words, words.say("card.label", label=words.say("silent.label")))

    def followed(self, subscriber: Subscriber, words: Wording) -> tuple[Note, ...]:
        """Return how the trials stand that somebody follows who follows nothing else; nothing for others."""
        trials = self.followed_alone(subscriber)
        notes = self._trial_notes(trials[:_MOST_TRIALS], subscriber, words, "")
        return tuple(note._replace(label="" if number else words.say("digest.you_follow"))
                     for number, note in enumerate(notes))  # fmt: skip

    def followed_alone(self, subscriber: Subscriber) -> Sequence[tuple[int, int]]:
        """Return the preferences and items of somebody who follows single trials and nothing else, the oldest first."""
        if self._followed_by(subscriber):
            return ()
        rows = select(Preference).where(
            col(Preference.subscriber_id) == id_of(subscriber),
            col(Preference.confirmed_at).is_not(None),
            col(Preference.item_id).is_not(None),
        )
        return [(each.id or 0, each.item_id or 0) for each in self._session.exec(rows.order_by(col(Preference.id)))]

    def _trial_notes(
        self, trials: Sequence[tuple[int, int]], subscriber: Subscriber, words: Wording, label: str
    ) -> tuple[Note, ...]:
        today = self._now.astimezone(ZoneInfo(subscriber.timezone)).date()
        notes = []
        for preference, item_id in trials:
            item = self._session.get(Item, item_id)
            text = silent_trial(words, item, today) if item is not None else ""
            if not text:
                continue
            more = NoteLink(words.say("card.more"), self._links.follow(subscriber, item_id))
            stop = NoteLink(words.say("group.stop"), self._links.stop(subscriber, preference))
            notes.append(Note(label, text, (more, stop)))
        return tuple(notes)

    def _advice(self, stored: StoredDigest, extent: Extent, subscriber: Subscriber, words: Wording) -> tuple[Note, ...]:
        """Return what was looked at where nothing is open, or how to get less where it is very much."""
        if extent.is_first_of_nothing:
            return self.followed(subscriber, words) or self.nothing_open(subscriber, words)
        if extent.total <= MANY:
            return ()
        largest = max((group for group in stored.groups if group.preference_id), key=_total, default=None)
        if largest is None:
            return ()
        return self.too_much(subscriber, words, largest.preference_id or 0, stored)

    def nothing_open(self, subscriber: Subscriber, words: Wording) -> tuple[Note, ...]:
        """Return what was looked at for somebody for whom nothing is open, and two ways to more for each wish."""
        wishes = self._followed_by(subscriber)
        said = self._words(subscriber, words)
        return tuple(
            self._around(subscriber, wish, said, "" if number else words.say("looked.label"), many=len(wishes) > 1)
            for number, wish in enumerate(wish for wish in wishes if wish.item_kinds != _ARTICLES_ONLY)
        )

    def is_near(self, subscriber: Subscriber) -> bool:
        """Tell whether all that somebody follows is around places."""
        wishes = self._followed_by(subscriber)
        return bool(wishes) and all(wish.region_kind is RegionKind.PLACE for wish in wishes)

    def _around(self, subscriber: Subscriber, wish: Preference, said: WishWords, label: str, *, many: bool) -> Note:
        text = said.around(wish, self._surveyor.around(wish))
        url = self._form(subscriber, wish)
        links = [said.wider(wish, step, url(step.code)) for step in self._surveyor.widened(wish)]
        return Note(label, f"{said.heading(wish)}: {text}" if many else text, tuple(links))

    def too_much(self, subscriber: Subscriber, words: Wording, wish_id: int, stored: StoredDigest) -> tuple[Note, ...]:
        """Return how to get less of a wish (a preference by its id) that brought very many items."""
        wish = self._session.get(Preference, wish_id)
        if wish is None or wish.item_id is not None:
            return ()
        everything, steps = self._surveyor.narrowed(wish, *self._brought(stored, wish_id))
        if not steps:
            return ()
        said, url = self._words(subscriber, words), self._form(subscriber, wish)
        links = tuple(said.narrower(step, everything, url(step.code)) for step in steps)
        return (Note(words.say("much.label"), f"{said.heading(wish)}:", links),)

    def _brought(self, stored: StoredDigest, wish_id: int) -> tuple[list[int], list[int]]:
        """Return the changes that a wish brought, by their numbers, and what it brought because it is open."""
        found: dict[SelectionKind, list[int]] = {kind: [] for kind in SelectionKind}
        selections = [selection for preference, selection in stored.digest.parts if preference == wish_id]
        for row in self._session.exec(select(Selection).where(col(Selection.id).in_(selections))):
            found[row.kind] += row.numbers
        if not selections:  # it is only looked ahead: all entries are there
            of_wish = [each for each in stored.entries if each.reasons and each.reasons[0].preference_id == wish_id]
            found[SelectionKind.CHANGES] = [one.seq for each in of_wish for one in each.told if one.seq]
            found[SelectionKind.OPEN] = [each.item_id for each in of_wish if not any(one.seq for one in each.told)]
        return found[SelectionKind.CHANGES], found[SelectionKind.OPEN]

    def _words(self, subscriber: Subscriber, words: Wording) -> WishWords:
        today = self._now.astimezone(ZoneInfo(subscriber.timezone)).date()
        return WishWords(words, self._surveyor.areas, today, subscriber.unit)

    def _form(self, subscriber: Subscriber, wish: Preference) -> Callable[[str], str]:
        """Return what makes the link to the form of a wish with a step taken."""
        settings, number = self._links.preferences(subscriber), wish.id or 0
        return lambda code: f"{settings}?edit={number}&step={code}"


def _total(group: GroupSize) -> int:
    return group.total

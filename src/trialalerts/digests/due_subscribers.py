"""The due subscribers of a page: what each is told, as plain numbers.

Nothing here stores or orders anything; what a preference brings is asked of the
:class:`~trialalerts.matching.matcher.Matcher`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from sqlalchemy.exc import DBAPIError

from trialalerts.digests.announcements.once import AnnouncedArticles
from trialalerts.digests.due import DueRow
from trialalerts.logs import Logger
from trialalerts.matching.index import WindowIndex
from trialalerts.matching.matcher import Matcher
from trialalerts.matching.query import MatchSet, SelectionKind
from trialalerts.subscribers.tables import NEVER_SERVED

__all__ = ["DueSubscriber", "PageMatcher", "PageMatches"]

log = Logger()

_NOTHING: frozenset[int] = frozenset()


@dataclass(slots=True)
class DueSubscriber:
    """A subscriber whose turn it is.

    ``parts`` is what each preference (its id) brings, ``changed`` tells whether any of it is a change; ``introduced``
    are the preferences for which what is open was looked up, ``rested`` those that go on after a rest, ``looked_back``
    those that follow a silent trial and say how it stands. A ``newcomer`` who follows something gets a first digest
    whatever it brings.
    """

    subscriber_id: int
    cursor: int
    schedule: str
    parts: list[tuple[int, MatchSet]]
    changed: bool = False
    introduced: tuple[int, ...] = ()
    rested: tuple[int, ...] = ()
    looked_back: tuple[int, ...] = ()
    newcomer: bool = False

    @property
    def is_told(self) -> bool:
        """Whether a digest is written."""
        return self.newcomer or bool(self.parts)


@dataclass(frozen=True, kw_only=True)
class PageMatches:
    """What a page comes to: who is served now, and who could not be."""

    served: list[DueSubscriber]
    failed: list[int]


class PageMatcher:
    """Matches the people of a page.

    Args:
        matcher: holds the changes of the round and what an introduction shows.
        after: the changes are those above this number, for who was served before.
        began: the same for newcomers; by default there are none of whom it is known when they confirmed.
        upto: the last change of the round.
        introducing: whether first digests go out; else what is new to somebody waits.
        articles: the articles of the round that were announced.
    """

    def __init__(
        self,
        matcher: Matcher,
        *,
        after: int,
        began: int | None = None,
        upto: int | None = None,
        introducing: bool = True,
        articles: AnnouncedArticles | None = None,
    ) -> None:
        self.matcher = matcher
        self._articles = articles
        self._after = after
        self._began = after if began is None else began
        self._upto = upto
        self._introducing = introducing

    def match(
        self,
        rows: Sequence[DueRow],
        before: Mapping[int, Collection[int]] = MappingProxyType({}),
        silenced: Mapping[int, Collection[int]] = MappingProxyType({}),
        announced: Mapping[int, frozenset[int]] = MappingProxyType({}),
    ) -> PageMatches:
        """Return what the people of these rows are told.

        ``before`` gives, by the person, the numbers of changes that they were told while one of their wishes rested,
        ``silenced`` the trials (items) that they said are not for them, ``announced`` the articles (items) that they
        have had by an announcement.

        Somebody may have confirmed, come back with an older cursor, or chosen something else after the windows were
        read: they are left out, the next round has windows for them. A fault in one subscriber's matching harms only
        that one: it is recorded, they stay due, the rest goes on.
        """
        people: dict[int, DueSubscriber | None] = {}
        failed = []
        for row in rows:
            who, cursor = row.subscriber_id, row.cursor
            try:
                served = people[who]
            except KeyError:
                newcomer = cursor == NEVER_SERVED
                covered = self._covers_newcomer(row.confirmed_seq) if newcomer else cursor >= self._after
                served = people[who] = DueSubscriber(who, cursor, row.schedule, []) if covered else None
            if served is None or row.preference_id is None:
                continue
            try:
                known = silenced.get(who, ()), announced.get(who, _NOTHING)
                if not self._add(served, row, before.get(who, ()), *known):
                    people[who] = None
            except DBAPIError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, it must not stop the digests of all others
                log.error("digest.failed", subscriber=who, error=type(error).__name__)
                people[who] = None
                failed.append(who)
        told = [served for served in people.values() if served is not None]
        self._leave_out_what_was_told(told if self.matcher.changes.index.gains else ())
        return PageMatches(served=told, failed=failed)

    def _add(
        self,
        served: DueSubscriber,
        row: DueRow,
        before: Collection[int],
        silenced: Collection[int],
        announced: frozenset[int],
    ) -> bool:
        """Add what a preference brings; return False where no window of this round holds it."""
        changes, shown, preference = self.matcher.changes, self.matcher.shown, row.preference_id or 0
        newcomer = row.cursor == NEVER_SERVED
        is_new = newcomer or row.is_new
        within = self._new_changes(row.cursor, row.confirmed_seq) if is_new else changes.index.after(row.cursor)
        if row.paused_seq is not None:
            if not is_new and row.paused_seq < self._after:
                return False
            within = within if is_new else self._since_rest(row.paused_seq, before)
            served.rested += (preference,)
        if found := changes.found(within & self._heard(changes.index, row, silenced, announced), row):
            served.parts.append((preference, found))
            served.changed |= not newcomer
        if newcomer or (is_new and self._introducing):
            if shown is None or not self.matcher.introduces(row):
                return False
            if found := shown.found(self._heard(shown.index, row, silenced, announced), row):
                served.parts.append((preference, found))
            served.introduced += (preference,) if row.is_new else ()
            served.newcomer = newcomer
        return True

    def _heard(self, index: WindowIndex, row: DueRow, silenced: Collection[int], announced: frozenset[int]) -> int:
        """Return what somebody hears of who silenced some trials, and has had some articles, as bits."""
        read = index.read_in(row.locale[:2])
        if silenced:
            read &= ~index.of_items(silenced)
        if announced and self._articles is not None:
            read &= ~self._articles.news_of(index, announced)
        return read

    def _since_rest(self, paused_seq: int, told: Collection[int]) -> int:
        """Return the changes since a preference rested, as bits, but those that another one has brought meanwhile."""
        index = self.matcher.changes.index
        return index.after(paused_seq) & ~index.numbered(told)

    def _leave_out_what_was_told(self, people: Iterable[DueSubscriber]) -> None:
        """Leave out what gained areas where somebody follows what it was about before."""
        for served in people:
            kept = self.matcher.not_told_before([found for _, found in served.parts])
            pairs = zip(served.parts, kept, strict=True)
            served.parts = [(preference, left) for (preference, _), left in pairs if left is not None]
            served.changed &= any(found.kind is SelectionKind.CHANGES for _, found in served.parts)

    def _covers_newcomer(self, began: int | None) -> bool:
        """Tell whether the windows hold all that is new to somebody who confirmed after the change ``began``."""
        if self.matcher.shown is None or not self._introducing:
            return False
        return began is None or (self._began <= began and (self._upto is None or began <= self._upto))

    def _new_changes(self, cursor: int, began: int | None) -> int:
        """Return the changes that count for a preference that is new, as bits.

        What baselines brought is among what is open, and nothing was told by the preference before. While
        introductions wait, so do the changes of what these will show: trials that are open, and articles.
        """
        changes = self.matcher.changes
        if cursor == NEVER_SERVED:
            return changes.index.after(began) & changes.announced if began is not None else 0
        within = changes.index.after(cursor)
        return within & (changes.announced if self._introducing else changes.index.over)

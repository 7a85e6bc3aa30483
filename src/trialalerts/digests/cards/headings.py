"""What stands around the entries of a mail: the subject, the news in numbers, when we looked last."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from trialalerts.digests.cards.wording import Wording

__all__ = ["MANY", "Extent", "Lookout", "digest_intro", "digest_subject", "digest_title", "news_in_words"]

MANY = 60
"""A mail that tells of more items shows the first of each group, and the others on its page."""
_NOON = 12


class Extent(NamedTuple):
    """What a digest tells, as a whole.

    ``first``: what is open, and no changes: to a newcomer, or (then it is ``added``) for a new wish. Of the ``trials``
    among the ``total`` items ``new`` are new, the others changed. ``near``: all of it is around places. ``follows``:
    how many single trials somebody follows who follows nothing else, in their first mail. Of the articles so many are
    no news, but were ``corrected`` or ``withdrawn``.
    """

    first: bool
    added: bool
    total: int
    trials: int
    new: int
    near: bool
    follows: int = 0
    corrected: int = 0
    withdrawn: int = 0

    @property
    def changed(self) -> int:
        """How many trials changed."""
        return self.trials - self.new

    @property
    def articles(self) -> int:
        """How many articles there are to read."""
        return self.total - self.trials - self.corrected - self.withdrawn

    @property
    def is_welcome(self) -> bool:
        """Whether it is somebody's first mail, which always comes."""
        return self.first and not self.added

    @property
    def is_first_of_nothing(self) -> bool:
        """Whether it is somebody's first mail, and no trial is open."""
        return self.is_welcome and not self.trials

    @property
    def kind(self) -> str:
        """Which mail it is, as the strings name it."""
        if not self.first:
            return "regular" if self.total else "quiet"
        return "added" if self.added else "first" if self.trials else "first_nothing"


class Lookout(NamedTuple):
    """When the sources were looked at last, and which could not be of late: their names and since when."""

    last: datetime | None = None
    unseen: tuple[tuple[str, datetime], ...] = ()


def news_in_words(words: Wording, extent: Extent) -> str:
    """Return what a mail tells in numbers: ``2 new, 17 changed``."""
    if extent.first:
        counts = [("open_now", extent.trials), ("articles", extent.articles)]
    else:
        counts = [("new", extent.new), ("changed", extent.changed), ("articles", extent.articles)]
    counts += [("corrected", extent.corrected), ("withdrawn", extent.withdrawn)]
    return ", ".join(words.count(f"news.{key}", count) for key, count in counts if count)


@lru_cache(maxsize=4_096)
def digest_subject(words: Wording, extent: Extent, areas: tuple[str, ...]) -> str:
    """Return the subject of a digest: neutral, but for the ``areas`` that a subscriber wants to read there."""
    if extent.is_first_of_nothing:
        return words.say("subject.first_follows" if extent.follows else "subject.first_nothing")
    if not extent.total:
        return words.say("subject.quiet")
    news = news_in_words(words, extent)
    if areas:
        first, *others = areas
        named = words.count("subject.several_areas", len(others), area=first) if others else first
        return words.say("subject.about", areas=named, news=news)
    return words.say("subject.first" if extent.is_welcome else "subject.regular", news=news)


def digest_title(words: Wording, extent: Extent, wishes: Sequence[str]) -> str:
    """Return the heading of a mail: the news in numbers that a reader can check; ``wishes`` are those that are new."""
    near = "_near" if extent.near else ""
    if extent.is_first_of_nothing:
        nothing = words.say(f"digest.title_first_nothing{near}")
        return words.count("digest.title_first_follows", extent.follows) if extent.follows else nothing
    if extent.added and wishes:
        return words.say("digest.title_added", wishes=words.listed(list(wishes)))
    if extent.first and extent.trials:
        return words.count(f"digest.title_first{near}", extent.trials)
    if extent.trials:
        key, count = (f"title_new{near}", extent.new) if extent.new else ("title_changed", extent.changed)
        return words.count(f"digest.{key}", count)
    if extent.articles:
        return words.count("digest.title_articles", extent.articles)
    return news_in_words(words, extent) if extent.total else words.say("digest.title_quiet")


def digest_intro(
    words: Wording, extent: Extent, since: date | None, lookout: Lookout, now: datetime, timezone: str
) -> str:
    """Return the sentences under the heading: the rest of the news, when we looked, what we could not look at."""
    opening, looked = _opening(words, extent, since), _looked(words, lookout, now, timezone)
    much = words.say("much.intro") if extent.total > MANY else ""
    return " ".join(filter(None, [opening, _unseen(words, lookout, timezone), looked, much]))


def _opening(words: Wording, extent: Extent, since: date | None) -> str:
    if extent.follows:
        return words.say("digest.intro_first")
    if extent.first:
        key = {"added": "intro_added", "first": "intro_first", "first_nothing": "intro_first_nothing"}[extent.kind]
        return words.say(f"digest.{key}")
    day = words.short_day(since) if since else ""
    if extent.new and extent.changed:
        return words.count(f"digest.and_changed{'_since' if day else ''}", extent.changed, date=day)
    return words.say("digest.since", date=day) if day else ""


def _unseen(words: Wording, lookout: Lookout, timezone: str) -> str:
    """Return in one sentence what we could not look at: ``A since 2 March and B since 5 March``."""
    zone = ZoneInfo(timezone)
    since: dict[str, list[str]] = {}
    for name, moment in sorted(lookout.unseen, key=lambda each: each[1]):
        since.setdefault(words.short_day(moment.astimezone(zone).date()), []).append(name)
    parts = [words.say("digest.since_when", source=words.listed(names), date=day) for day, names in since.items()]
    return words.say("digest.unseen", sources=words.listed(parts)) if parts else ""


def _looked(words: Wording, lookout: Lookout, now: datetime, timezone: str) -> str:
    if lookout.last is None:
        return ""
    zone = ZoneInfo(timezone)
    last, today = lookout.last.astimezone(zone), now.astimezone(zone).date()
    key = "looked" if last.date() != today else "looked_this_morning" if last.hour < _NOON else "looked_today"
    return words.say(f"digest.{key}", date=words.short_day(last.date()))

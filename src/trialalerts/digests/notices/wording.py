"""What each kind of notice says."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_time
from sqlmodel import Session

from trialalerts.clock import Clock
from trialalerts.delivery.outbox.notices.kinds import (
    CONFIRMATION,
    GOODBYE,
    HANDOFF_RETURNED,
    HEARTBEAT,
    LINK,
    NEW_ADDRESS,
    NUDGES_BEGUN,
    OLD_ADDRESS,
)
from trialalerts.digests.asides.notes import followed_wishes
from trialalerts.digests.asides.wording import WishWords, scope_of
from trialalerts.digests.cards.reasons import is_in
from trialalerts.digests.cards.wording import Wording
from trialalerts.digests.notices.heartbeat import watched
from trialalerts.digests.notices.notice import Notice, NoticeGroup, NoticeLink
from trialalerts.errors import NotFound
from trialalerts.matching.around.surroundings import Surveyor
from trialalerts.settings import Settings
from trialalerts.subscribers.account.nudging import nudge_choice_of
from trialalerts.subscribers.addresses import masked
from trialalerts.subscribers.links import FRESH_WITHIN, READ_WITHIN, Links
from trialalerts.subscribers.tables import AddressChange, RegionKind, Subscriber, SubscriberState, id_of
from trialalerts.vocabulary.areas.tree import load_areas

__all__ = ["NoticeWording"]

_SERVED = {SubscriberState.ACTIVE, SubscriberState.PAUSED}
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_A_QUARTER = timedelta(days=60)
"""Between a month and a quarter."""
_MOST_WISHES = 10


class NoticeWording:
    """Words the notices; keeps nothing."""

    def __init__(self, settings: Settings, links: Links, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._links = links
        self._brand = settings.service.name

    def of(
        self, session: Session, kind: str, data: dict[str, Any], subscriber: Subscriber, words: Wording
    ) -> Notice | None:
        """Return what a notice says; None where what it told of is over.

        Raises:
            NotFound: there is no such kind.
        """
        if kind == CONFIRMATION:
            return self.confirmation(subscriber, data.get("preference_ids", ()), words)
        if kind == LINK:
            return self.link(subscriber, words)
        if kind in {NEW_ADDRESS, OLD_ADDRESS, NUDGES_BEGUN}:
            return self._of_a_wish(session, kind, subscriber, words)
        if kind == GOODBYE:
            return self.goodbye(subscriber, datetime.fromtimestamp(data["left"], UTC), words)
        if kind == HANDOFF_RETURNED:
            return self.handoff_returned(subscriber, datetime.fromtimestamp(data["sent"], UTC), words)
        if kind == HEARTBEAT:
            since, until = (datetime.fromtimestamp(data[name], UTC) for name in ("since", "until"))
            return self.heartbeat(session, subscriber, since, until, words)
        raise NotFound(f"No mail is of the kind {kind!r}.")

    def confirmation(self, subscriber: Subscriber, preference_ids: Collection[int], words: Wording) -> Notice:
        """Ask for a confirmation; who gets it by mistake does not learn what was asked for.

        Somebody who is served already also gets the link to what they have.
        """
        days = max(1, self._settings.digests.confirm_within // _DAY)
        known = NoticeLink(
            before=words.say("link.known"), text=words.say("link.button"), url=self._links.fresh(subscriber)
        )
        return Notice(
            subject=words.say("subject.confirmation"),
            preview=words.say("preview.confirmation"),
            title=words.say("confirmation.title"),
            brand=self._brand,
            paragraphs=(words.say("confirmation.text", service=self._brand),),
            button=NoticeLink(
                text=words.say("confirmation.button"), url=self._links.confirm(subscriber, preference_ids)
            ),
            small=(f"{words.count('confirmation.within', days)} {words.say('confirmation.not_you')}",),
            more=(known,) if subscriber.state in _SERVED else (),
        )

    def link(self, subscriber: Subscriber, words: Wording) -> Notice:
        """Bring the link to the settings."""
        within = _within(words)
        return Notice(
            subject=words.say("link.subject"),
            preview=within,
            title=words.say("link.title"),
            brand=self._brand_for(subscriber, words),
            paragraphs=(words.say("link.text"),),
            button=NoticeLink(text=words.say("link.button"), url=self._links.fresh(subscriber)),
            small=(f"{within} {words.say('link.not_you')}",),
        )

    def _of_a_wish(self, session: Session, kind: str, subscriber: Subscriber, words: Wording) -> Notice | None:
        """Return what is said of where mails or news are to go; None where that wish is over."""
        if kind == NUDGES_BEGUN:
            choice = nudge_choice_of(session, subscriber)
            return None if choice is None or choice.way is None else self.nudges_begun(subscriber, choice.way, words)
        asked = session.get(AddressChange, id_of(subscriber))
        if asked is None:
            return None
        return (self.new_address if kind == NEW_ADDRESS else self.old_address)(subscriber, asked, words)

    def new_address(self, subscriber: Subscriber, asked: AddressChange, words: Wording) -> Notice:
        """Ask at the new address; it learns of the old one no more than its owner needs to know it again."""
        return Notice(
            subject=words.say("new_address.subject"),
            preview=words.say("new_address.preview"),
            title=words.say("new_address.title"),
            brand=self._brand_for(subscriber, words),
            paragraphs=(words.say("new_address.text", old=masked(asked.old_address)),),
            button=NoticeLink(
                text=words.say("new_address.button"), url=self._links.new_address(subscriber, asked.asked_at)
            ),
            small=(f"{_within(words)} {words.say('new_address.after')}",),
        )

    def old_address(self, subscriber: Subscriber, asked: AddressChange, words: Wording) -> Notice:
        """Tell the address of until now."""
        return Notice(
            subject=words.say("old_address.subject"),
            preview=words.say("old_address.preview"),
            title=words.say("old_address.title"),
            brand=self._brand_for(subscriber, words),
            paragraphs=(words.say("old_address.text", new=masked(asked.address)),),
            button=NoticeLink(text=words.say("link.button"), url=self._links.fresh(subscriber)),
            small=(words.say("old_address.after"),),
        )

    def handoff_returned(self, subscriber: Subscriber, sent: datetime, words: Wording) -> Notice:
        """Tell that a message to the nurse did not arrive; of which trial it was is kept nowhere."""
        discreet, settings = subscriber.discreet, self._links.preferences(subscriber)
        came_back = words.say("handoff_returned.text", date=words.day(sent, subscriber.timezone))
        return Notice(
            subject=words.say("handoff_returned.subject"),
            preview=words.say(f"handoff_returned.{'title' if discreet else 'preview'}"),
            title=words.say("handoff_returned.title"),
            brand=self._brand_for(subscriber, words),
            paragraphs=(came_back,) if discreet else (came_back, words.say("handoff_returned.what_to_do")),
            button=NoticeLink(text=words.say("link.button"), url=settings),
            tail=(
                NoticeLink(text=words.say("discreet.settings"), url=settings),
                NoticeLink(text=words.say("discreet.stop"), url=self._links.unsubscribe(subscriber)),
            ),
        )

    def nudges_begun(self, subscriber: Subscriber, way: str, words: Wording) -> Notice:
        """Tell by mail that news goes elsewhere from now on."""
        label = next((each.label for each in self._settings.nudges if each.name == way), way)
        return Notice(
            subject=words.say("nudges_begun.subject"),
            preview=words.say("nudges_begun.preview"),
            title=words.say("nudges_begun.title"),
            brand=self._brand_for(subscriber, words),
            paragraphs=(words.say("nudges_begun.text", way=label),),
            button=NoticeLink(text=words.say("link.button"), url=self._links.preferences(subscriber)),
            small=(words.say("nudges_begun.not_you"),),
        )

    def heartbeat(
        self, session: Session, subscriber: Subscriber, since: datetime, until: datetime, words: Wording
    ) -> Notice:
        """Tell that there was nothing to tell, and what was looked at; where a source is broken, that.

        Whoever wants no content in mails is told neither what is followed nor which source that is.
        """
        titles = {source.name: source.title or source.name for source in self._settings.sources}
        rhythms = {source.name: source.every for source in self._settings.sources}
        seen = watched(session, rhythms, since, until)
        since_day, until_day = words.short_day(seen.since), words.short_day(seen.until)
        days = {"since": since_day, "until": until_day, "days": words.number(seen.days)}
        told = [self._gap(titles[name], last, subscriber, words) for name, last in seen.broken]
        if seen.broken and subscriber.discreet:
            told = [words.say("heartbeat.gap")]
        settings = self._links.preferences(subscriber)
        rhythm = "quarterly" if until - since > _A_QUARTER else "monthly"
        return Notice(
            subject=words.say("heartbeat.subject" if not seen.broken else "heartbeat.title_gap"),
            preview=words.say("heartbeat.preview"),
            title=words.say("heartbeat.title_gap" if seen.broken else f"heartbeat.title_{rhythm}"),
            brand=self._brand_for(subscriber, words),
            paragraphs=(
                words.count("heartbeat.looked", seen.looked, **days),
                words.say("heartbeat.nothing"),
                " ".join(told or [words.say("heartbeat.healthy")]),
            ),
            groups=() if subscriber.discreet else tuple(self._wishes(session, subscriber, words)),
            more=(NoticeLink(before=words.say("heartbeat.why"), text=words.say("heartbeat.off"), url=settings),),
            tail=(
                NoticeLink(text=words.say("heartbeat.settings"), url=settings),
                NoticeLink(text=words.say("heartbeat.stop"), url=self._links.unsubscribe(subscriber)),
            ),
        )

    def _gap(self, title: str, last: datetime | None, subscriber: Subscriber, words: Wording) -> str:
        if last is None:
            return words.say("heartbeat.never_read", sources=title)
        return words.say("heartbeat.broken", sources=title, since=words.day(last, subscriber.timezone))

    def _wishes(self, session: Session, subscriber: Subscriber, words: Wording) -> Iterator[NoticeGroup]:
        """Give what is open now for each wish that is followed."""
        surveyor = Surveyor(session, load_areas(session), self._clock.now())
        today = self._clock.now().astimezone(ZoneInfo(subscriber.timezone)).date()
        said = WishWords(words, surveyor.areas, today, subscriber.unit)
        for wish in followed_wishes(session, subscriber, _MOST_WISHES):
            found, near = surveyor.around(wish), not is_in(scope_of(wish))
            anywhere = wish.region_kind is RegionKind.ANYWHERE
            counts = {
                "open_near" if near and not anywhere else "open": found.open_now,
                "upcoming": found.upcoming,
                "beyond" if near else "elsewhere": None if anywhere else found.beyond,
            }
            known = {words.say(f"heartbeat.{key}"): words.number(n) for key, n in counts.items() if n is not None}
            yield NoticeGroup(title=said.heading(wish), detail=said.details(wish), lines=tuple(known.items()))

    def discreet(
        self, subscriber: Subscriber, digest_url: str | None, words: Wording, *, instead: str | None = None
    ) -> Notice:
        """Say that there is news, and nothing of what; ``instead``, why no nudge says so: ``failed`` or ``gone``."""
        days = READ_WITHIN // _DAY
        settings = self._links.preferences(subscriber)
        why = (words.say(f"discreet.nudge_{instead}"),) if instead else ()
        return Notice(
            subject=words.say("discreet.subject"),
            preview=words.say("discreet.preview"),
            title=words.say("discreet.title"),
            brand=self._discreet_brand(words),
            paragraphs=(words.say("discreet.text"),),
            button=NoticeLink(text=words.say("discreet.button"), url=digest_url or settings),
            small=(f"{words.count('discreet.within', days)} {words.say('discreet.change')}", *why),
            tail=(
                NoticeLink(text=words.say("discreet.settings"), url=settings),
                NoticeLink(text=words.say("discreet.stop"), url=self._links.unsubscribe(subscriber)),
            ),
        )

    def _brand_for(self, subscriber: Subscriber, words: Wording) -> str:
        """Return who writes; the service's name tells of trials, so that a discreet reader's mails have another."""
        return self._discreet_brand(words) if subscriber.discreet else self._brand

    def _discreet_brand(self, words: Wording) -> str:
        return self._settings.service.discreet_name or words.say("discreet.brand")

    def goodbye(self, subscriber: Subscriber, left: datetime, words: Wording) -> Notice:
        """Tell who has left that it is done, and how to undo it."""
        zone = ZoneInfo(subscriber.timezone)
        days = max(1, self._settings.retention.left // _DAY)
        moment = {
            "date": words.day(left, subscriber.timezone),
            "time": format_time(left.astimezone(zone).time(), "short", locale=words.locale),
        }
        erase = NoticeLink(
            before=words.say("goodbye.erase"),
            text=words.say("goodbye.erase_now"),
            url=f"{self._links.fresh(subscriber)}?do=erase",
        )
        return Notice(
            subject=words.say("goodbye.subject"),
            preview=words.say("goodbye.preview"),
            title=words.say("goodbye.title"),
            brand=self._brand_for(subscriber, words),
            paragraphs=(words.say("goodbye.text", **moment), words.count("goodbye.kept", days)),
            button=NoticeLink(text=words.say("goodbye.button"), url=self._links.undo(subscriber)),
            more=(erase,),
            closing=words.say("goodbye.closing"),
        )


def _within(words: Wording) -> str:
    return words.count("link.within", FRESH_WITHIN // _HOUR)

"""What each kind of notice says."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_time
from sqlmodel import Session

from trialalerts.delivery.outbox.notices.kinds import CONFIRMATION, GOODBYE, LINK, NEW_ADDRESS, OLD_ADDRESS
from trialalerts.digests.cards.wording import Wording
from trialalerts.digests.notices.notice import Notice, NoticeLink
from trialalerts.errors import NotFound
from trialalerts.settings import Settings
from trialalerts.subscribers.addresses import masked
from trialalerts.subscribers.links import FRESH_WITHIN, Links
from trialalerts.subscribers.tables import AddressChange, Subscriber, SubscriberState, id_of

__all__ = ["NoticeWording"]

_SERVED = {SubscriberState.ACTIVE, SubscriberState.PAUSED}
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)


class NoticeWording:
    """Words the notices; keeps nothing."""

    def __init__(self, settings: Settings, links: Links) -> None:
        self._settings = settings
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
        if kind in {NEW_ADDRESS, OLD_ADDRESS}:
            asked = session.get(AddressChange, id_of(subscriber))
            return None if asked is None else self._address(kind, asked, subscriber, words)
        if kind == GOODBYE:
            return self.goodbye(subscriber, datetime.fromtimestamp(data["left"], UTC), words)
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
            brand=self._brand,
            paragraphs=(words.say("link.text"),),
            button=NoticeLink(text=words.say("link.button"), url=self._links.fresh(subscriber)),
            small=(f"{within} {words.say('link.not_you')}",),
        )

    def _address(self, kind: str, asked: AddressChange, subscriber: Subscriber, words: Wording) -> Notice:
        if kind == NEW_ADDRESS:
            return self.new_address(subscriber, asked, words)
        return self.old_address(subscriber, asked, words)

    def new_address(self, subscriber: Subscriber, asked: AddressChange, words: Wording) -> Notice:
        """Ask at the new address; it learns of the old one no more than its owner needs to know it again."""
        return Notice(
            subject=words.say("new_address.subject"),
            preview=words.say("new_address.preview"),
            title=words.say("new_address.title"),
            brand=self._brand,
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
            brand=self._brand,
            paragraphs=(words.say("old_address.text", new=masked(asked.address)),),
            button=NoticeLink(text=words.say("link.button"), url=self._links.fresh(subscriber)),
            small=(words.say("old_address.after"),),
        )

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
            brand=self._brand,
            paragraphs=(words.say("goodbye.text", **moment), words.count("goodbye.kept", days)),
            button=NoticeLink(text=words.say("goodbye.button"), url=self._links.undo(subscriber)),
            more=(erase,),
            closing=words.say("goodbye.closing"),
        )


def _within(words: Wording) -> str:
    return words.count("link.within", FRESH_WITHIN // _HOUR)

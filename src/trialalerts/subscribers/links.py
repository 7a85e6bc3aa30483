"""The addresses of the web pages that e-mails link to: each path and the signed token in it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote

from trialalerts.subscribers.tokens import Purpose, Tokens

if TYPE_CHECKING:
    from datetime import datetime

    from trialalerts.clock import Clock
    from trialalerts.settings import Settings
    from trialalerts.subscribers.tables import Subscriber

__all__ = [
    "ADDRESS_PATH",
    "ANNOUNCEMENT_PATH",
    "ARTICLE_PATH",
    "ASK_PATH",
    "CONFIRM_PATH",
    "DIGEST_PATH",
    "FOLLOW_PATH",
    "FRESH_WITHIN",
    "NOBODY",
    "NUDGE_PATH",
    "OBJECT_PATH",
    "PREFERENCES_PATH",
    "READ_WITHIN",
    "SETTINGS_WITHIN",
    "STOP_PATH",
    "TRIAL_PATH",
    "UNDO_PATH",
    "UNSUBSCRIBE_PATH",
    "Links",
]

READ_WITHIN = timedelta(days=14)
"""So long a mail's link to its own page works: a mail is soon passed on, and what it tells of is soon over."""
SETTINGS_WITHIN = timedelta(days=30)
"""So long a mail's link to the settings works: from one monthly mail to the next."""
FRESH_WITHIN = timedelta(hours=24)
"""So long a link works that was asked for: with it alone the address is changed, and data are fetched or erased."""

ADDRESS_PATH = "/address/{token}"
ANNOUNCEMENT_PATH = "/announcements/{token}"
ARTICLE_PATH = "/articles/{number}"
ASK_PATH = "/ask/{token}"
CONFIRM_PATH = "/confirm/{token}"
UNSUBSCRIBE_PATH = "/unsubscribe/{token}"
NOBODY = "nobody"
"""The key of a link that is only tried; no subscriber has it, for theirs are drawn at random and longer."""
OBJECT_PATH = "/object/{token}"
NUDGE_PATH = "/nudge/{token}"
DIGEST_PATH = "/digests/{token}"
FOLLOW_PATH = "/follow/{token}"
TRIAL_PATH = "/trials/{number}"
PREFERENCES_PATH = "/preferences/{token}"
STOP_PATH = "/stop/{token}"
UNDO_PATH = "/undo/{token}"


class Links:
    """Makes absolute URLs under ``service.base_url``; none shows an address or a disease.

    Raises:
        ConfigurationError: ``service.secret`` is empty.
    """

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self._base = settings.service.base_url
        self._tokens = Tokens(settings.service.secrets[0], clock, previous=settings.service.secrets[1:])

    def confirm(self, subscriber: Subscriber, preference_ids: Iterable[int]) -> str:
        """Return the page where the subscriber confirms these preferences; the token's data: ``preferences``."""
        token = self._tokens.sign(Purpose.CONFIRM, subscriber.key, preferences=sorted(preference_ids))
        return self._url(CONFIRM_PATH, token)

    def unsubscribe(self, subscriber: Subscriber) -> str:
        """Return the page where the subscriber unsubscribes."""
        return self._url(UNSUBSCRIBE_PATH, self._tokens.sign(Purpose.UNSUBSCRIBE, subscriber.key))

    def one_click(self, subscriber: Subscriber) -> str:
        """Return the URL for List-Unsubscribe (RFC 8058): a POST there unsubscribes; a GET shows the page."""
        return self.unsubscribe(subscriber)

    def one_click_of_nobody(self) -> str:
        """Return a one-click URL that unsubscribes nobody: for trying whether such a POST comes through."""
        return self._url(UNSUBSCRIBE_PATH, self._tokens.sign(Purpose.UNSUBSCRIBE, NOBODY))

    def preferences(self, subscriber: Subscriber) -> str:
        """Return the page where the subscriber changes what is followed."""
        return self._url(PREFERENCES_PATH, self._tokens.sign(Purpose.PREFERENCES, subscriber.key))

    def fresh(self, subscriber: Subscriber) -> str:
        """Return the same page for somebody who has just asked for the link: nothing on it is closed to them."""
        return self._url(PREFERENCES_PATH, self._tokens.sign(Purpose.FRESH, subscriber.key))

    def stop(self, subscriber: Subscriber, preference_id: int) -> str:
        """Return the page where one of the subscriber's wishes is stopped; the token's data: ``preference``."""
        return self._url(STOP_PATH, self._tokens.sign(Purpose.STOP, subscriber.key, preference=preference_id))

    def undo(self, subscriber: Subscriber) -> str:
        """Return the page where somebody who has just left comes back."""
        return self._url(UNDO_PATH, self._tokens.sign(Purpose.UNDO, subscriber.key))

    def new_address(self, subscriber: Subscriber, asked_at: datetime) -> str:
        """Return the page where a new address is confirmed; the token's data: ``asked``, the moment in seconds."""
        token = self._tokens.sign(Purpose.ADDRESS, subscriber.key, asked=int(asked_at.timestamp()))
        return self._url(ADDRESS_PATH, token)

    def nudges(self, subscriber: Subscriber, asked_at: datetime) -> str:
        """Return the page where a reader says yes to being told there; data: ``asked``, the moment in seconds."""
        token = self._tokens.sign(Purpose.NUDGE, subscriber.key, asked=int(asked_at.timestamp()))
        return self._url(NUDGE_PATH, token)

    def digest(self, digest_id: int, subscriber: Subscriber) -> str:
        """Return the page that shows a digest in the browser; the token's data: ``digest``."""
        return self._url(DIGEST_PATH, self._tokens.sign(Purpose.DIGEST, subscriber.key, digest=digest_id))

    def announcement(self, announcement_id: int, subscriber: Subscriber) -> str:
        """Return the page that shows an announcement in the browser; the token's data: ``announcement``."""
        token = self._tokens.sign(Purpose.ANNOUNCEMENT, subscriber.key, announcement=announcement_id)
        return self._url(ANNOUNCEMENT_PATH, token)

    def objection(self, subscriber: Subscriber) -> str:
        """Return the page where somebody says that they are not to be handed over to another organisation."""
        return self._url(OBJECT_PATH, self._tokens.sign(Purpose.OBJECT, subscriber.key))

    def follow(self, subscriber: Subscriber, item_id: int) -> str:
        """Return the page of a trial for a mail: an opaque link, where the subscriber follows it; data: ``trial``."""
        return self._url(FOLLOW_PATH, self._tokens.sign(Purpose.FOLLOW, subscriber.key, trial=item_id))

    def trial(self, number: str) -> str:
        """Return the public page of a trial, to be passed on: it says nothing of who passes it on."""
        return self._base + TRIAL_PATH.format(number=quote(number))

    def _url(self, path: str, token: str) -> str:
        return self._base + path.format(token=token)

"""The addresses of the web pages that e-mails link to: each path and the signed token in it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from trialalerts.subscribers.tokens import Purpose, Tokens

if TYPE_CHECKING:
    from trialalerts.clock import Clock
    from trialalerts.settings import Settings
    from trialalerts.subscribers.tables import Subscriber

__all__ = ["ARTICLE_PATH", "CONFIRM_PATH", "DIGEST_PATH", "NOBODY", "PREFERENCES_PATH", "UNSUBSCRIBE_PATH", "Links"]

ARTICLE_PATH = "/articles/{number}"
CONFIRM_PATH = "/confirm/{token}"
UNSUBSCRIBE_PATH = "/unsubscribe/{token}"
NOBODY = "nobody"
"""The key of a link that is only tried; no subscriber has it, for theirs are drawn at random and longer."""
DIGEST_PATH = "/digests/{token}"
PREFERENCES_PATH = "/preferences/{token}"


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

    def digest(self, digest_id: int, subscriber: Subscriber) -> str:
        """Return the page that shows a digest in the browser; the token's data: ``digest``."""
        return self._url(DIGEST_PATH, self._tokens.sign(Purpose.DIGEST, subscriber.key, digest=digest_id))

    def _url(self, path: str, token: str) -> str:
        return self._base + path.format(token=token)

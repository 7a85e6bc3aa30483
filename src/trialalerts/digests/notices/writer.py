"""The one writer of all notices: the words in the frame of the letters, as HTML and as text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from trialalerts.clock import Clock
from trialalerts.delivery.mail.message import Message
from trialalerts.digests.cards.wording import Wording
from trialalerts.digests.notices.notice import Notice
from trialalerts.digests.rendering.fill import PartWriter
from trialalerts.digests.rendering.headers import plain_headers
from trialalerts.settings import Settings

__all__ = ["NoticeWriter"]


class NoticeWriter:
    """Writes notices.

    Args:
        parts: what runs the templates ``notice.html.j2`` and ``notice.txt.j2``.
        common: gives what every template may use, by the language.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        parts: PartWriter,
        common: Callable[[Wording], Mapping[str, Any]],
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._parts = parts
        self._common = common

    def mail(self, notice: Notice, to: str, words: Wording, message_id: str, *, template: str = "notice") -> Message:
        """Return a notice as a mail to this address."""
        text, html = (self._part(f"{template}.{ending}", notice, words) for ending in ("txt.j2", "html.j2"))
        return Message(
            sender=self._settings.mail.sender,
            to=to,
            subject=notice.subject,
            text=text,
            html=html,
            message_id=message_id,
            date=self._clock.now(),
            headers=plain_headers(self._settings),
        )

    def _part(self, name: str, notice: Notice, words: Wording) -> Any:
        shared = {"page": False, "notice": notice}
        if name.startswith("confirmation"):  # what own templates of this mail have always been given
            shared |= {"confirm_url": notice.button.url if notice.button else "", "within": notice.small[0]}
        own = {"subject": notice.subject, "preview": notice.preview}
        return self._parts.fill(self._parts.cut(name, self._common(words), shared), own).pieces

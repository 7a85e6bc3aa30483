"""The one writer of all notices: the words in the frame of the letters, as HTML and as text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from email.utils import formataddr, parseaddr
from typing import Any

from trialalerts.clock import Clock
from trialalerts.delivery.mail.message import Message
from trialalerts.digests.cards.wording import Wording
from trialalerts.digests.notices.notice import Notice
from trialalerts.digests.rendering.fill import Encoded, PartWriter
from trialalerts.digests.rendering.headers import digest_headers, list_id, plain_headers
from trialalerts.digests.rendering.templates import MailLogo
from trialalerts.settings import Settings

__all__ = ["NoticeWriter"]


class NoticeWriter:
    """Writes notices.

    Args:
        parts: what runs the templates ``notice.html.j2`` and ``notice.txt.j2``.
        common: gives what every template may use, by the language.
        logo: of the operator.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        parts: PartWriter,
        common: Callable[[Wording], Mapping[str, Any]],
        logo: MailLogo,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._parts = parts
        self._common = common
        self._logo = logo

    def mail(self, notice: Notice, to: str, words: Wording, message_id: str, *, template: str = "notice") -> Message:
        """Return a notice as a mail to this address."""
        if notice.brand == self._settings.service.name:
            return self._message(notice, to, words, message_id, template, self._settings.mail.sender, plain_headers)
        headers = self._nameless(plain_headers(self._settings))
        return self._message(notice, to, words, message_id, template, self._nameless_sender(notice), lambda _: headers)

    def listed(self, notice: Notice, to: str, words: Wording, message_id: str, *, template: str = "notice") -> Message:
        """Return a notice that comes again and again: its last link is the one to leave, by one click, too."""
        return self._message(
            notice, to, words, message_id, template, self._settings.mail.sender, self._of_a_list(notice)
        )

    def answered_to(self, notice: Notice, to: str, reader: str, words: Wording, message_id: str) -> Message:
        """Return a notice as a mail that a reader has written: answers go to them."""
        headers = (("Reply-To", reader),)
        return self._message(notice, to, words, message_id, "notice", self._settings.mail.sender, lambda _: headers)

    def page(self, notice: Notice, words: Wording, *, template: str) -> str:
        """Return a notice as an HTML page; the styles stand in it."""
        return self._part(f"{template}.html.j2", notice, words, page=True).text

    def discreet(self, notice: Notice, to: str, words: Wording, message_id: str) -> Message:
        """Return a notice that gives nothing away: neither the sender's name nor a header tells of trials."""
        headers = self._nameless(self._of_a_list(notice)(self._settings))
        return self._message(notice, to, words, message_id, "notice", self._nameless_sender(notice), lambda _: headers)

    def _nameless_sender(self, notice: Notice) -> str:
        return formataddr((notice.brand, parseaddr(self._settings.mail.sender)[1]))

    def _nameless(self, given: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
        """Return headers without the names in them that tell of trials."""
        headers = dict(given)
        if "List-Id" in headers:
            headers["List-Id"] = f"<{list_id(self._settings.service.base_url).rpartition('<')[2]}"
        if "Reply-To" in headers:
            headers["Reply-To"] = parseaddr(headers["Reply-To"])[1]
        return tuple(headers.items())

    def _of_a_list(self, notice: Notice) -> Callable[[Settings], tuple[tuple[str, str], ...]]:
        return lambda settings: digest_headers(settings, notice.tail[-1].url)

    def _message(
        self,
        notice: Notice,
        to: str,
        words: Wording,
        message_id: str,
        template: str,
        sender: str,
        headers: Callable[[Settings], tuple[tuple[str, str], ...]],
    ) -> Message:
        text, html = (self._part(f"{template}.{ending}", notice, words).pieces for ending in ("txt.j2", "html.j2"))
        return Message(
            sender=sender,
            to=to,
            subject=notice.subject,
            text=text,
            html=html,
            message_id=message_id,
            date=self._clock.now(),
            headers=headers(self._settings),
            picture=self._logo.picture_in(f"{template} {notice.brand} {words.tag}", html),
        )

    def _part(self, name: str, notice: Notice, words: Wording, *, page: bool = False) -> Encoded:
        shared: dict[str, Any] = {"page": page, "notice": notice}
        if name.startswith("confirmation"):  # what own templates of this mail have always been given
            shared |= {"confirm_url": notice.button.url if notice.button else "", "within": notice.small[0]}
        own = {"subject": notice.subject, "preview": notice.preview}
        return self._parts.fill(self._parts.cut(name, self._common(words), shared), own)

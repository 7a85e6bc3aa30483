"""The mail to the organisation's own nurse: what a reader wrote about a trial, and how to reach them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlmodel import Session

from trialalerts.delivery.mail.message import Message
from trialalerts.delivery.outbox.notices.tables import Handoff
from trialalerts.digests.cards.wording import Wordings
from trialalerts.digests.notices.notice import Notice, NoticeLink
from trialalerts.digests.notices.writer import NoticeWriter
from trialalerts.settings import Settings
from trialalerts.subscribers.links import Links
from trialalerts.subscribers.tables import Subscriber

__all__ = ["HandoffMail"]


class HandoffMail:
    """Writes what a reader sends to ``handoff.address``, in the language of the service."""

    def __init__(self, settings: Settings, links: Links, wordings: Wordings, writer: NoticeWriter) -> None:
        self._settings = settings
        self._links = links
        self._words = wordings.of(settings.service.locale)
        self._writer = writer

    def of(self, session: Session, data: Mapping[str, Any], to: str, message_id: str) -> Message | None:
        """Return a queued message as a mail to this address; None where it has left, or its writer was erased."""
        written = session.get(Handoff, data.get("handoff", 0))
        reader = session.get(Subscriber, written.subscriber_id) if written is not None else None
        if written is None or reader is None:
            return None
        return self.mail(written, reader, to, message_id)

    def mail(self, written: Handoff, reader: Subscriber, to: str, message_id: str) -> Message:
        """Return a message as a mail; answers to it go to its reader."""
        notice = self._notice(written, reader)
        return self._writer.answered_to(notice, to, reader.address, self._words, message_id)

    def _notice(self, written: Handoff, reader: Subscriber) -> Notice:
        words = self._words
        spoken = words.locale.languages.get(reader.locale.partition("-")[0]) or reader.locale
        more = {"name": written.name, "phone": written.phone, "language": spoken}
        return Notice(
            subject=words.say("handoff.subject", number=written.number),
            preview=words.say("handoff.preview"),
            title=words.say("handoff.title", number=written.number),
            brand=self._settings.service.name,
            paragraphs=(
                words.say("handoff.intro", number=written.number, address=reader.address),
                *(words.say("handoff.written", text=line) for line in written.message.splitlines() if line.strip()),
                *(words.say(f"handoff.{name}", value=value) for name, value in more.items() if value),
            ),
            button=NoticeLink(text=words.say("handoff.look"), url=self._links.trial(written.number)),
            small=(words.say("handoff.small", service=self._settings.service.name),),
        )

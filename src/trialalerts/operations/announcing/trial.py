"""The test mail of an announcement: one mail at once, past the queue, to see how it reads."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session

from trialalerts.clock import Clock
from trialalerts.database import Database
from trialalerts.delivery.mail.dkim import DkimSigner
from trialalerts.delivery.mail.envelope import Accepted, Envelope
from trialalerts.delivery.mail.message import Message, mail_domain, new_message_id, to_bytes
from trialalerts.delivery.outbox.notices.tables import Announcement, AnnouncementState
from trialalerts.delivery.transports import open_transport
from trialalerts.digests.announcements.queueing import NewAnnouncement
from trialalerts.digests.rendering.renderer import MailRenderer
from trialalerts.errors import InvalidInput
from trialalerts.operations.trial_mail import require_mailable, send_at_once, why_not_taken
from trialalerts.settings import Settings
from trialalerts.subscribers.addresses import checked_address
from trialalerts.subscribers.links import NOBODY
from trialalerts.subscribers.tables import Frequency, Subscriber, SubscriberState

__all__ = ["send_trial"]


def _mail(
    session: Session, renderer: MailRenderer, announcement: Announcement, reader: Subscriber, domain: str
) -> Message:
    """Return the mail that a reader would get; its links are those of nobody."""
    words, message_id = renderer.words_of(reader), new_message_id(domain)
    message = renderer.announcements.of(session, announcement, reader, words, message_id)
    if message is None:
        raise InvalidInput("The article is no longer stored, so nobody can be told of it.")
    return message


def _reader(address: str, language: str, timezone: str, now: datetime) -> Subscriber:
    return Subscriber(
        key=NOBODY, address=address, address_key=address, state=SubscriberState.ACTIVE, locale=language,
        timezone=timezone, frequency=Frequency.WEEKLY, created_at=now,
    )  # fmt: skip


def send_trial(
    db: Database, settings: Settings, clock: Clock, new: NewAnnouncement, address: str, languages: list[str]
) -> str:
    """Send it to one address, once in each of the languages; return through what the mails left.

    Raises:
        InvalidInput: the address must not be mailed, or the mail was not taken.
        ConfigurationError: ``mail.url`` or a DKIM key makes no sense.
    """
    checked, now, renderer = checked_address(address), clock.now(), MailRenderer(settings, clock)
    announcement = Announcement(
        name=new.name, title=new.title, item_id=new.item_id, texts=[dict(each) for each in new.texts],
        state=AnnouncementState.RUNNING, not_before=now, created_at=now, started_at=now,
        handover=new.handover.model_dump_json() if new.handover is not None else None,
    )  # fmt: skip
    with db.read() as session:
        require_mailable(session, settings, checked)
        readers = [_reader(checked, language, settings.service.timezone, now) for language in languages]
        domain = mail_domain(settings.mail.sender)
        messages = [_mail(session, renderer, announcement, reader, domain) for reader in readers]
    transport = open_transport(settings.mail.url.get_secret_value())
    for outcome in send_at_once(transport, [_envelope(settings, message) for message in messages]):
        if not isinstance(outcome, Accepted):
            raise InvalidInput(f"The test mail did not leave: {why_not_taken(outcome)}")
    return transport.name


def _envelope(settings: Settings, message: Message) -> Envelope:
    return Envelope(
        sender=settings.mail.bounces or message.sender_address,
        recipient=message.to,
        content=DkimSigner.from_settings(settings).sign(to_bytes(message)),
        message=message,
        metadata={},
    )

"""The test mail of an announcement: one mail at once, past the queue, to see how it reads."""

from __future__ import annotations

from sqlmodel import Session

from trialalerts.clock import Clock
from trialalerts.database import Database
from trialalerts.delivery.mail.dkim import DkimSigner
from trialalerts.delivery.mail.envelope import Accepted, Envelope, Refused
from trialalerts.delivery.mail.message import Message, mail_domain, new_message_id, to_bytes
from trialalerts.delivery.outbox.allowed import allowed_recipients
from trialalerts.delivery.outbox.notices.tables import Announcement, AnnouncementState
from trialalerts.delivery.outbox.suppressions import is_suppressed
from trialalerts.delivery.transports import open_transport
from trialalerts.digests.announcements.queueing import NewAnnouncement
from trialalerts.digests.rendering.renderer import MailRenderer
from trialalerts.errors import InvalidInput
from trialalerts.settings import Settings
from trialalerts.subscribers.addresses import checked_address
from trialalerts.subscribers.links import NOBODY
from trialalerts.subscribers.tables import Frequency, Subscriber, SubscriberState

__all__ = ["announcement_mail", "send_trial"]


def announcement_mail(
    session: Session, settings: Settings, clock: Clock, new: NewAnnouncement, address: str, language: str
) -> Message:
    """Return the mail that a reader of a language would get; its links are those of nobody.

    Raises:
        InvalidInput: the article is gone.
    """
    now = clock.now()
    reader = Subscriber(
        key=NOBODY, address=address, address_key=address, state=SubscriberState.ACTIVE, locale=language,
        timezone=settings.service.timezone, frequency=Frequency.WEEKLY, created_at=now,
    )  # fmt: skip
    announcement = Announcement(
        name=new.name, title=new.title, item_id=new.item_id, texts=[dict(each) for each in new.texts],
        state=AnnouncementState.RUNNING, not_before=now, created_at=now, started_at=now,
    )  # fmt: skip
    renderer = MailRenderer(settings, clock)
    words, name = renderer.words_of(reader), new_message_id(mail_domain(settings.mail.sender))
    message = renderer.announcements.of(session, announcement, reader, words, name)
    if message is None:
        raise InvalidInput("The article is no longer stored, so nobody can be told of it.")
    return message


def send_trial(
    db: Database, settings: Settings, clock: Clock, new: NewAnnouncement, address: str, languages: list[str]
) -> str:
    """Send it to one address, once in each of the languages; return through what the mails left.

    Raises:
        InvalidInput: the address must not be mailed, or the mail was not taken.
        ConfigurationError: ``mail.url`` or a DKIM key makes no sense.
    """
    checked = checked_address(address)
    if not allowed_recipients(settings.mail.only_to).admits(checked):
        raise InvalidInput("mail.only_to does not name this address: mail to it is held back, test mails too.")
    with db.read() as session:
        if found := is_suppressed(session, settings.service.secrets, checked):
            raise InvalidInput(
                f"This address is suppressed ({found.reason}) and gets no mail; "
                "see: trialalerts suppressions lift ADDRESS"
            )
        messages = [announcement_mail(session, settings, clock, new, checked, language) for language in languages]
    transport = open_transport(settings.mail.url.get_secret_value())
    channel = transport.open()
    try:
        outcomes = [channel.send([_envelope(settings, message)])[0] for message in messages]
    finally:
        channel.close()
    for outcome in outcomes:
        if not isinstance(outcome, Accepted):
            code = f" ({outcome.code})" if isinstance(outcome, Refused) and outcome.code else ""
            raise InvalidInput(f"The test mail did not leave: {outcome.reason.rstrip('.')}{code}")
    return transport.name


def _envelope(settings: Settings, message: Message) -> Envelope:
    return Envelope(
        sender=settings.mail.bounces or message.sender_address,
        recipient=message.to,
        content=DkimSigner.from_settings(settings).sign(to_bytes(message)),
        message=message,
        metadata={},
    )

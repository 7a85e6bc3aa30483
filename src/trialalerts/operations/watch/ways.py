"""The ways to the operator: a mail of its own, and what Apprise reaches; the log and ``/readyz`` say it besides.

A message to the operator never waits in the outbox, which may be what stands still. It is handed to each member of the
transport that is not left alone just now, then to those that are, until one takes it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email.utils import parseaddr

from trialalerts.database import Database
from trialalerts.delivery.mail.dkim import DkimSigner
from trialalerts.delivery.mail.envelope import Accepted, Envelope
from trialalerts.delivery.mail.message import Message, mail_domain, new_message_id, to_bytes
from trialalerts.delivery.policy.cooldown import outages
from trialalerts.delivery.transports import Transport, open_transport
from trialalerts.delivery.transports.combined import Combined
from trialalerts.errors import ConfigurationError
from trialalerts.logs import Logger
from trialalerts.plurals import counted
from trialalerts.settings import Settings

__all__ = [
    "DirectMail", "OperatorMessage", "OperatorWays", "apprise_fault", "mail_past_queue", "operator_envelope",
]  # fmt: skip

log = Logger()


@dataclass(frozen=True, kw_only=True)
class OperatorMessage:
    """What the operator is told: a subject and a text of lines; no address, no disease."""

    subject: str
    text: str


class OperatorWays:
    """Hands messages to the operator by every way that the configuration names."""

    def __init__(self, settings: Settings, db: Database, transport: Transport | None = None) -> None:
        """``transport`` takes the place of the one that ``mail.url`` names."""
        self._settings = settings
        self._db = db
        self._transport = transport

    @property
    def exist(self) -> bool:
        """Whether there is any way beside the log."""
        return bool(self._settings.operator.address or self._settings.operator.apprise)

    def tell(self, message: OperatorMessage, now: datetime) -> bool:
        """Hand a message over; return whether any way took it. Where there is none, the log did."""
        if not self.exist:
            return True
        by_mail = bool(self._settings.operator.address) and self._mail(message, now)
        by_apprise = bool(self._settings.operator.apprise) and self._notify(message)
        if not (by_mail or by_apprise):
            log.error("operator.unreached", subject=message.subject, remedy="it is tried again; see trialalerts doctor")
        return by_mail or by_apprise

    def _mail(self, message: OperatorMessage, now: datetime) -> bool:
        address = parseaddr(self._settings.operator.address)[1]
        try:
            outcome = mail_past_queue(self._settings, self._db, address, message, now, transport=self._transport)
        except ConfigurationError as error:
            log.error("operator.mail_failed", error=str(error))
            return False
        for transport, why in outcome.refused_by:
            log.error("operator.mail_failed", transport=transport, error=why)
        if outcome.taken_by:
            log.info("operator.told", transport=outcome.taken_by, subject=message.subject)
        return bool(outcome.taken_by)

    def _notify(self, message: OperatorMessage) -> bool:
        try:
            import apprise
        except ImportError:
            log.error("operator.apprise_missing", remedy="pip install 'trialalerts[apprise]'")
            return False
        ways = apprise.Apprise()
        known = [ways.add(url.get_secret_value()) for url in self._settings.operator.apprise]
        if not all(known):
            log.error("operator.apprise_unknown", remedy="a URL in operator.apprise is none that Apprise knows")
        return bool(ways.notify(title=message.subject, body=message.text)) if any(known) else False


@dataclass(frozen=True, kw_only=True)
class DirectMail:
    """What became of a mail past the queue: which transport took it (empty: none), and which did not, and why."""

    taken_by: str
    refused_by: tuple[tuple[str, str], ...]


def mail_past_queue(
    settings: Settings,
    db: Database,
    recipient: str,
    message: OperatorMessage,
    now: datetime,
    *,
    transport: Transport | None = None,
) -> DirectMail:
    """Hand a mail to each transport until one takes it, those first that are not left alone just now.

    ``transport`` takes the place of the one that ``mail.url`` names.

    Raises:
        ConfigurationError: ``mail.url`` or a DKIM key makes no sense.
    """
    envelope = operator_envelope(settings, recipient, message, now)
    whole = transport or open_transport(settings.mail.url.get_secret_value())
    with db.read() as session:
        rests = {each.name for each in outages(session) if each.retry_at is not None and each.retry_at > now}
    refused = []
    for member in sorted(_leaves(whole), key=lambda member: member.name in rests):
        channel = member.open()
        try:
            outcome = channel.send([envelope])[0]
        except Exception as error:  # noqa: BLE001 - one way that fails must not close the others
            refused.append((member.name, type(error).__name__))
            continue
        finally:
            channel.close()
        if isinstance(outcome, Accepted):
            return DirectMail(taken_by=member.name, refused_by=tuple(refused))
        refused.append((member.name, type(outcome).__name__))
    return DirectMail(taken_by="", refused_by=tuple(refused))


def operator_envelope(settings: Settings, recipient: str, message: OperatorMessage, now: datetime) -> Envelope:
    """Return a message to somebody who runs the service, signed as all mail is; it belongs to no subscriber.

    Raises:
        ConfigurationError: a DKIM key makes no sense.
    """
    written = Message(
        sender=settings.mail.sender,
        to=recipient,
        subject=message.subject,
        text=message.text,
        message_id=new_message_id(mail_domain(settings.mail.sender)),
        date=now,
        headers=(("Auto-Submitted", "auto-generated"),),
    )
    return Envelope(
        sender=settings.mail.bounces or written.sender_address,
        recipient=recipient,
        content=DkimSigner.from_settings(settings).sign(to_bytes(written)),
        message=written,
        metadata={},
    )


def apprise_fault(settings: Settings) -> str | None:
    """Return what is wrong with ``operator.apprise``; None where each URL names a way that Apprise knows."""
    if not settings.operator.apprise:
        return None
    try:
        import apprise
    except ImportError:
        return "operator.apprise is set, and Apprise is not installed"
    unknown = sum(not apprise.Apprise().add(url.get_secret_value()) for url in settings.operator.apprise)
    return f"operator.apprise: {counted(unknown, 'URL')} that Apprise does not know" if unknown else None


def _leaves(transport: Transport) -> Iterator[Transport]:
    if isinstance(transport, Combined):
        for member in transport.members.transports:
            yield from _leaves(member)
    else:
        yield transport

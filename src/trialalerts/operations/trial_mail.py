"""A real mail at once, past the queue: the proof that mail leaves, and a look at what one will be like."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session

from trialalerts.database import Database
from trialalerts.delivery.mail.envelope import Accepted, Envelope, Outcome, Refused, Unsent
from trialalerts.delivery.outbox.allowed import allowed_recipients
from trialalerts.delivery.outbox.suppressions import is_suppressed
from trialalerts.delivery.transports import Transport, open_transport
from trialalerts.errors import InvalidInput
from trialalerts.operations.checks import DoctorCheck
from trialalerts.operations.watch.ways import OperatorMessage, operator_envelope
from trialalerts.settings import Settings

__all__ = ["require_mailable", "send_at_once", "send_test_mail", "why_not_taken"]

_TEXT = """This is a test mail of {name}. It was sent by: trialalerts doctor --send-to

It left through {transport}. Look at its headers in your mail program (“show original”): SPF, DKIM and DMARC should say
“pass” there. Where it arrived as spam, so would the mails to your readers.
"""


def send_test_mail(settings: Settings, db: Database, address: str, *, now: datetime) -> DoctorCheck:
    """Send one mail to ``address`` at once, signed as all are, past the queue; return what became of it.

    Raises:
        InvalidInput: the address is suppressed, or ``mail.only_to`` does not name it.
        ConfigurationError: ``mail.url`` or a DKIM key makes no sense.
    """
    with db.read() as session:
        require_mailable(session, settings, address)
    transport = open_transport(settings.mail.url.get_secret_value())
    text = _TEXT.format(name=settings.service.name, transport=transport.name)
    message = OperatorMessage(subject=f"Test mail of {settings.service.name}", text=text)
    (outcome,) = send_at_once(transport, [operator_envelope(settings, address, message, now)])
    if isinstance(outcome, Accepted):
        through = outcome.transport or transport.name
        return DoctorCheck(
            level="good", what=f"the test mail was accepted by {through}", remedy="look whether it arrives, and where"
        )
    return DoctorCheck(
        level="broken",
        what=f"the test mail did not leave: {why_not_taken(outcome)}",
        why="mails to readers will fare no better",
        remedy="mend what it says, then run: trialalerts doctor --send-to ADDRESS",
    )


def send_at_once(transport: Transport, envelopes: Sequence[Envelope]) -> list[Outcome]:
    """Send one mail after the other, past the queue; return what became of each."""
    channel = transport.open()
    try:
        return [channel.send([envelope])[0] for envelope in envelopes]
    finally:
        channel.close()


def why_not_taken(outcome: Refused | Unsent) -> str:
    """Return why a mail was not taken, with the server's code where there is one."""
    code = f" ({outcome.code})" if isinstance(outcome, Refused) and outcome.code else ""
    return f"{outcome.reason.rstrip('.')}{code}"


def require_mailable(session: Session, settings: Settings, address: str) -> None:
    """Refuse an address that must not be mailed, not even to try.

    Raises:
        InvalidInput: it is suppressed, or ``mail.only_to`` does not name it.
    """
    if not allowed_recipients(settings.mail.only_to).admits(address):
        raise InvalidInput("mail.only_to does not name this address: mail to it is held back, test mails too.")
    if found := is_suppressed(session, settings.service.hash_keys, address):
        raise InvalidInput(
            f"This address is suppressed ({found.reason}) and gets no mail; see: trialalerts suppressions lift ADDRESS"
        )

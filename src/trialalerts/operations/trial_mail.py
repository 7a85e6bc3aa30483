"""A real mail to the operator: the proof that mail leaves."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session

from trialalerts.database import Database
from trialalerts.delivery.mail.envelope import Accepted, Refused
from trialalerts.delivery.outbox.allowed import allowed_recipients
from trialalerts.delivery.outbox.suppressions import is_suppressed
from trialalerts.delivery.transports import open_transport
from trialalerts.errors import InvalidInput
from trialalerts.operations.checks import DoctorCheck
from trialalerts.operations.watch.ways import OperatorMessage, operator_envelope
from trialalerts.settings import Settings

__all__ = ["send_test_mail"]

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
    if not allowed_recipients(settings.mail.only_to).admits(address):
        raise InvalidInput("mail.only_to does not name this address: mail to it is held back, test mails too.")
    with db.read() as session:
        _require_mailable(session, settings, address)
    transport = open_transport(settings.mail.url.get_secret_value())
    text = _TEXT.format(name=settings.service.name, transport=transport.name)
    message = OperatorMessage(subject=f"Test mail of {settings.service.name}", text=text)
    envelope = operator_envelope(settings, address, message, now)
    channel = transport.open()
    try:
        (outcome,) = channel.send([envelope])
    finally:
        channel.close()
    if isinstance(outcome, Accepted):
        through = outcome.transport or transport.name
        return DoctorCheck(
            level="good", what=f"the test mail was accepted by {through}", remedy="look whether it arrives, and where"
        )
    code = f" ({outcome.code})" if isinstance(outcome, Refused) and outcome.code else ""
    return DoctorCheck(
        level="broken",
        what=f"the test mail did not leave: {outcome.reason.rstrip('.')}{code}",
        why="mails to readers will fare no better",
        remedy="mend what it says, then run: trialalerts doctor --send-to ADDRESS",
    )


def _require_mailable(session: Session, settings: Settings, address: str) -> None:
    if found := is_suppressed(session, settings.service.secrets, address):
        raise InvalidInput(
            f"This address is suppressed ({found.reason}) and gets no mail; see: trialalerts suppressions lift ADDRESS"
        )

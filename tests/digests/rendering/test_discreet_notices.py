"""Whoever wants no content in mails: no mail that is sent to them has the service's name, which tells of trials."""

from __future__ import annotations

import pytest

from tests.digests.stage import store_subscriber
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.delivery.mail.message import Message
from trialalerts.delivery.outbox.notices.kinds import (
    GOODBYE,
    HANDOFF_RETURNED,
    LINK,
    NEW_ADDRESS,
    NUDGES_BEGUN,
    OLD_ADDRESS,
)
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState
from trialalerts.digests.rendering.renderer import MailRenderer
from trialalerts.settings import MailSettings, ServiceSettings, Settings
from trialalerts.subscribers.account.moving import ask_for_address
from trialalerts.subscribers.account.nudging import ask_for_nudges, confirm_nudges

SETTINGS = Settings(
    service=ServiceSettings(name="Example Trial Alerts", secret="a secret of the tests, long enough"),
    mail=MailSettings(sender="Example Trial Alerts <a@example.org>", reply_to="Trial Nurses <help@example.org>"),
)
KINDS = (GOODBYE, HANDOFF_RETURNED, LINK, NEW_ADDRESS, NUDGES_BEGUN, OLD_ADDRESS)


def mail_of(db: Database, clock: FrozenClock, kind: str, locale: str, *, discreet: bool) -> Message:
    now = int(clock.now().timestamp())
    with db.write() as session:
        person = store_subscriber(session, "anna", clock.now(), locale=locale, discreet=discreet)
        ask_for_address(session, person, "anna@new.example", now=clock.now())
        ask_for_nudges(session, person, "signal", "+49 30 1234567", now=clock.now())
        confirm_nudges(session, person, now, now=clock.now())
        delivery = Delivery(
            kind=kind,
            subscriber_id=person.id or 0,
            data={"asked": now, "left": now, "sent": now},
            message_id="<1@example.org>",
            state=DeliveryState.QUEUED,
            not_before=clock.now(),
            created_at=clock.now(),
        )
        message = MailRenderer(SETTINGS, clock).notice(session, delivery, person)
    assert message is not None
    return message


@pytest.mark.parametrize("locale", ["en", "de", "fr", "es"])
@pytest.mark.parametrize("kind", KINDS)
def test_no_mail_to_a_discreet_reader_has_the_services_name(
    sqlite_db: Database, clock: FrozenClock, kind: str, locale: str
) -> None:
    message = mail_of(sqlite_db, clock, kind, locale, discreet=True)
    whole = " ".join((message.sender, message.subject, message.text, message.html or "", str(message.headers)))
    assert "Trial" not in whole
    assert "a@example.org" in message.sender
    assert "help@example.org" in dict(message.headers)["Reply-To"]


@pytest.mark.parametrize("kind", KINDS)
def test_other_readers_are_told_who_writes(sqlite_db: Database, clock: FrozenClock, kind: str) -> None:
    message = mail_of(sqlite_db, clock, kind, "en", discreet=False)
    assert message.sender == "Example Trial Alerts <a@example.org>"
    assert "Example Trial Alerts" in message.text

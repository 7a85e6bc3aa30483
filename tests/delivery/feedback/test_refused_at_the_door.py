"""A mail server that refuses a recipient for good while the mail is sent: the subscriber is not mailed again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.delivery.feedback.stage import Office
from tests.delivery.post import NOW, dice, queue_for, settings
from trialalerts.delivery import outbox
from trialalerts.delivery.envelope import Accepted, Refused
from trialalerts.delivery.sending_ledger import Ledger
from trialalerts.subscribers.tables import SubscriberState


@pytest.mark.parametrize(
    ("refusal", "state"),
    [
        (Refused(reason="no such user", code="550 5.1.1", permanent=True), SubscriberState.BOUNCED),
        (Refused(reason="policy", code="550 5.7.1", permanent=True, ours=True), SubscriberState.ACTIVE),
        (Refused(reason="full", code="452 4.2.2"), SubscriberState.ACTIVE),
    ],
    ids=["gone", "about us", "full"],
)
def test_a_refusal_counts_in_the_transaction_that_writes_it_down(
    office: Office, refusal: Refused, state: SubscriberState
) -> None:
    queue_for(office.db, ["mona", "lisa"])
    rows = outbox.claim(office.db, owner="me", limit=10, now=NOW, lease=timedelta(minutes=5))
    ledger = Ledger(db=office.db, transport="smtp", settings=settings(), clock=office.clock, random=dice())
    ledger.enter(rows, [refusal, Accepted()])
    ledger.write()
    assert office.person("mona").state is state
    assert (office.suppression("mona") is not None) is (state is SubscriberState.BOUNCED)
    assert office.person("lisa").state is SubscriberState.ACTIVE

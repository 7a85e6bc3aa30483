"""A mail server that refuses a recipient for good while the mail is sent: the subscriber is not mailed again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.delivery.feedback.stage import Office
from tests.delivery.post import NOW, dice, queue_for, settings
from trialalerts.database.findings import open_findings
from trialalerts.delivery.mail.envelope import Accepted, Refused
from trialalerts.delivery.mail.reply_codes import BounceClass
from trialalerts.delivery.outbox import lifecycle
from trialalerts.delivery.outbox.tables import DeliveryState
from trialalerts.delivery.policy import mass_guard
from trialalerts.delivery.sending.results import Results
from trialalerts.delivery.transports.providers.channel import Uncertain, refusal_of
from trialalerts.net.posting import PostReply
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
    rows = lifecycle.claim(office.db, owner="me", limit=10, now=NOW, lease=timedelta(minutes=5))
    results = Results(db=office.db, transport="smtp", settings=settings(), clock=office.clock, random=dice())
    results.enter(rows, [refusal, Accepted()])
    results.write()
    assert office.person("mona").state is state
    assert (office.suppression("mona") is not None) is (state is SubscriberState.BOUNCED)
    assert office.person("lisa").state is SubscriberState.ACTIVE


def refusal(status: int, **values: Any) -> Refused:
    """What a transport makes of a provider's refusal."""
    return refusal_of("Example Mail", PostReply(status=status, headers={}), "code", **values)


@pytest.mark.parametrize(
    ("told", "about", "state", "score"),
    [
        (refusal(400, recipient=True), BounceClass.UNWELL, DeliveryState.FAILED, 1.0),
        (refusal(413), BounceClass.MESSAGE, DeliveryState.FAILED, None),
        (refusal(422, said="Message size exceeds the limit"), BounceClass.MESSAGE, DeliveryState.FAILED, None),
        (refusal(400), BounceClass.OURS, DeliveryState.QUEUED, None),
    ],
    ids=["recipient", "too large", "too large in words", "about us"],
)
def test_what_a_provider_refuses_has_a_class_as_what_a_server_refuses(
    office: Office, told: Refused, about: BounceClass, state: DeliveryState, score: float | None
) -> None:
    assert told.meaning is not None
    assert told.meaning.bounce_class is about
    queue_for(office.db, ["mona"])
    rows = lifecycle.claim(office.db, owner="me", limit=10, now=NOW, lease=timedelta(minutes=5))
    results = Results(db=office.db, transport="example", settings=settings(), clock=office.clock, random=dice())
    results.enter(rows, [told], ["example.org"])
    results.write()
    assert office.state(rows[0].id) is state
    counted = office.soft_bounces("mona")
    assert (counted.score if counted else None) == score
    assert office.person("mona").state is SubscriberState.ACTIVE
    assert office.suppression("mona") is None


def test_a_provider_that_fails_says_nothing_of_the_domains_to_which_mail_goes(office: Office) -> None:
    names = [f"n{number}" for number in range(40)]
    queue_for(office.db, names)
    rows = lifecycle.claim(office.db, owner="me", limit=100, now=NOW, lease=timedelta(minutes=5))
    results = Results(db=office.db, transport="example", settings=settings(), clock=office.clock, random=dice())
    failed = Uncertain("Example Mail failed (HTTP 500); nobody knows whether it took the message", code="500").outcome
    results.enter(rows, [failed] * len(rows), ["example.org"] * len(rows))
    results.write()
    with office.db.read() as session:
        assert mass_guard.holds(session) == []
        assert open_findings(session, "mail-refused") == []
    assert {office.state(row.id) for row in rows} == {DeliveryState.QUEUED}

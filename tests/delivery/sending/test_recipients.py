"""Whom a mail goes to, as sending reads it: all that writing a mail asks of a subscriber is there."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from trialalerts.delivery.sending.recipient_check import Recipient
from trialalerts.subscribers.tables import Frequency, Subscriber, SubscriberState


@pytest.mark.parametrize("timezone", ["Europe/London", "America/Chicago"])
def test_a_recipient_reads_as_the_subscriber_does(timezone: str) -> None:
    values: dict[str, Any] = {
        "id": 1,
        "key": "k",
        "address": "pat@people.example",
        "state": SubscriberState.ACTIVE,
        "locale": "en",
        "timezone": timezone,
        "frequency": Frequency.DAILY,
        "paused_until": None,
    }
    recipient = Recipient(**values)
    subscriber = Subscriber(**values, address_key="pat@people.example", created_at=datetime(2026, 3, 2, tzinfo=UTC))
    properties = [name for name, each in vars(Subscriber).items() if isinstance(each, property)]
    assert "reading_locale" in properties
    for name in ("reading_locale", "unit", "discreet", "area_in_subject"):
        assert getattr(recipient, name) == getattr(subscriber, name)

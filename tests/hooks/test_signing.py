"""Signatures: whoever has the secret can verify a call, and nobody else can write one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from tests.hooks.stage import SECRET
from trialalerts.clock import SystemClock
from trialalerts.errors import ConfigurationError
from trialalerts.hooks.signing import BOTH_FOR, new_secret, secrets_of, signed_headers
from trialalerts.hooks.tables import Hook

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def webhook() -> Hook:
    """Return a webhook that has its second secret."""
    return Hook(
        name="wh_1",
        url="https://example.org",
        cursor=0,
        secret_number=2,
        secret_check=new_secret(SECRET, "wh_1", 2).check,
        previous_check=new_secret(SECRET, "wh_1", 1).check,
        rotated_at=NOW,
        created_at=NOW,
    )


@given(body=st.text())
def test_the_reference_library_verifies_what_we_sign(body: str) -> None:
    body = body.encode("utf-8", "ignore").decode()
    secret = new_secret(SECRET, "wh_1", 1)
    headers = signed_headers([secret], "wh_1-change-1", body, SystemClock().now())
    Verifier(secret.shown).verify(body, headers, json_parse=False)
    with pytest.raises(WebhookVerificationError):
        Verifier(secret.shown).verify(f"{body} ", headers, json_parse=False)
    with pytest.raises(WebhookVerificationError):
        Verifier(new_secret(SECRET, "wh_2", 1).shown).verify(body, headers, json_parse=False)


def test_each_webhook_and_each_change_of_secrets_has_a_secret_of_its_own() -> None:
    made = [new_secret(each, name, number) for each in (SECRET, "other") for name in ("a", "b") for number in (1, 2)]
    assert len({each.shown for each in made}) == len({each.check for each in made}) == 8
    assert all(each.shown.startswith("whsec_") and len(each.key) == 32 for each in made)
    assert made[0].shown not in repr(made[0])
    assert made[0].check not in made[0].shown


def test_both_secrets_sign_for_a_day_after_they_were_changed() -> None:
    new, old = new_secret(SECRET, "wh_1", 2), new_secret(SECRET, "wh_1", 1)
    assert secrets_of(webhook(), [SECRET], NOW + BOTH_FOR - timedelta(seconds=1)) == [new, old]
    assert secrets_of(webhook(), [SECRET], NOW + BOTH_FOR) == [new]
    headers = signed_headers([new, old], "id", "{}", SystemClock().now())
    for secret in (new, old):
        Verifier(secret.shown).verify("{}", headers)


def test_a_secret_outlives_a_change_of_the_service_s_own_and_is_lost_with_it() -> None:
    mine = new_secret(SECRET, "wh_1", 2)
    assert secrets_of(webhook(), ["a new secret of the service", SECRET], NOW + BOTH_FOR) == [mine]
    assert secrets_of(webhook(), ["a new secret of the service", ""], NOW + BOTH_FOR) == []


def test_without_a_secret_of_the_service_none_is_made() -> None:
    with pytest.raises(ConfigurationError, match=r"service\.secret: found nothing"):
        new_secret("", "wh_1", 1)

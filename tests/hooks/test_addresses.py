"""Which addresses may be called: public ones by https, and others only where the operator says so."""

from __future__ import annotations

import pytest

from trialalerts.errors import InvalidInput
from trialalerts.hooks.registering import checked_webhook_url
from trialalerts.settings import WebhookSettings

REFUSED = {
    "no address": ("www.example.org/hook", "is no address to call"),
    "another kind": ("ftp://example.org/hook", "is no address to call"),
    "a file": ("file:///etc/passwd", "is no address to call"),
    "no host": ("https:///hook", "is no address to call"),
    "a fragment": ("https://example.org/hook#part", "is no address to call"),
    "a wrong port": ("https://example.org:99999/hook", "host or port cannot be read"),
    "a blank": ("https://example.org/a b", "host or port cannot be read"),
    "a line end": ("https://example.org/a\nb", "host or port cannot be read"),
    "a bracket": ("https://[::1/hook", "host or port cannot be read"),
    "too long": ("https://example.org/" + "a" * 2_000, "is no address to call"),
    "a password": ("https://user:hunter2@example.org/hook", "leave user and password out"),
    "not encrypted": ("http://example.org/hook", "is not encrypted; use https, or set webhooks.allow_http"),
    "loopback": ("http://127.0.0.1:9000/hook", "is no public address; if that is meant, set webhooks.allow_private"),
    "localhost": ("https://LOCALHOST/hook", "is no public address"),
    "private": ("https://10.1.2.3/hook", "is no public address"),
    "link-local": ("https://169.254.169.254/latest/meta-data", "is no public address"),
    "private IPv6": ("https://[fd00::1]/hook", "is no public address"),
    "an IPv4 address inside IPv6": ("https://[::ffff:10.0.0.1]/hook", "is no public address"),
}


@pytest.mark.parametrize(("url", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_an_address_that_must_not_be_called_is_refused_in_a_line(url: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said) as caught:
        checked_webhook_url(url, WebhookSettings())
    assert "\n" not in str(caught.value)
    assert "hunter2" not in str(caught.value)


ALLOWED = {
    "https": ("https://www.example.org/hook?key=1", {}),
    "a port": ("https://www.example.org:8443/hook", {}),
    "a public number": ("https://93.184.216.34/hook", {}),
    "http, where it is allowed": ("http://example.org/hook", {"allow_http": True}),
    "this machine": ("http://127.0.0.1:9000/hook", {"allow_private_addresses": True}),
    "the own network": ("https://10.1.2.3/hook", {"allow_private_addresses": True}),
}


@pytest.mark.parametrize(("url", "settings"), ALLOWED.values(), ids=ALLOWED.keys())
def test_other_addresses_may_be_called(url: str, settings: dict[str, bool]) -> None:
    assert checked_webhook_url(url, WebhookSettings(**settings)) == url


def test_http_in_the_own_network_needs_both_keys() -> None:
    with pytest.raises(InvalidInput, match="not encrypted"):
        checked_webhook_url("http://10.1.2.3/hook", WebhookSettings(allow_private_addresses=True))
    with pytest.raises(InvalidInput, match="no public address"):
        checked_webhook_url("http://10.1.2.3/hook", WebhookSettings(allow_http=True))

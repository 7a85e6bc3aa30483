"""Only public addresses are called, whatever they are wrapped in."""

from __future__ import annotations

import pytest

from trialalerts.net.guard import is_public


@pytest.mark.parametrize(
    "address",
    [
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "::10.0.0.1", "::8.8.8.8", "::",
        "::1", "2002:7f00:1::", "2002:a00:1::1", "2002:c0a8:101::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001::1",
        "2001:0:a00:1::f5ff:fffe", "64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b:1::1", "64:ff9b:1::808:808",
        "fe80::5efe:127.0.0.1", "2a00:1450::5efe:10.0.0.1", "2a00:1450:4001:800:200:5efe:192.168.1.1",
        "fec0::1", "fc00::1",
        "fd12::1", "fe80::1", "fe80::1%eth0", "2a00:1450:4001::1%eth0", "ff02::1", "ff0e::1", "2001:db8::1", "3fff::1",
        "100::1", "5f00::1", "4000::1", "127.0.0.1", "10.1.2.3", "169.254.169.254", "100.64.0.1", "224.0.0.1",
        "192.0.2.1", "localhost", "",
    ],
)  # fmt: skip
def test_what_leads_to_a_private_network_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "8.8.8.8", "2a00:1450:4001:800::200e", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808",
        "2002:808:808::1",
        "2a00:1450:4001:800:200:5efe:8.8.8.8",
    ],
)  # fmt: skip
def test_what_leads_to_the_internet_is_public(address: str) -> None:
    assert is_public(address)

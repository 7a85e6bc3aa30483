"""DKIM: another implementation (dkimpy) accepts every signature, and nothing signed can be changed unnoticed."""

from __future__ import annotations

import re
from base64 import b64encode
from functools import cache
from pathlib import Path

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.delivery.mail.test_message import NOW, message, nasty
from trialalerts.delivery.mail.dkim import DkimSigner
from trialalerts.delivery.mail.message import Message, to_bytes
from trialalerts.delivery.mail.quoted_printable import encode
from trialalerts.errors import ConfigurationError
from trialalerts.settings import DkimSettings, MailSettings, Settings

DOMAIN = "example.org"
LIST = (
    ("Reply-To", "help@example.org"),
    ("Auto-Submitted", "auto-generated"),
    ("List-Id", "Trial alerts <alerts.example.org>"),
    ("List-Unsubscribe", f"<https://alerts.example.org/unsubscribe/{'a' * 150}>, <mailto:leave@example.org>"),
    ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
)


@cache
def private_key(kind: str) -> PrivateKeyTypes:
    if kind == "ed25519":
        return Ed25519PrivateKey.generate()
    if kind == "elliptic":
        return generate_private_key(SECP256R1())
    return generate_rsa(65537, 1024 if kind == "short" else 2048)


def pem(kind: str, encryption: KeySerializationEncryption | None = None) -> bytes:
    return private_key(kind).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())


def dns_record(kind: str) -> bytes:
    public = private_key(kind).public_key()
    if isinstance(private_key(kind), RSAPrivateKey):
        return b"v=DKIM1; k=rsa; p=" + b64encode(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    return b"v=DKIM1; k=ed25519; p=" + b64encode(public.public_bytes(Encoding.Raw, PublicFormat.Raw))


def signer(folder: Path, *kinds: str) -> DkimSigner:
    keys = []
    for kind in kinds:
        file = folder / f"{kind}.pem"
        file.write_bytes(pem(kind))
        keys.append(DkimSettings(domain=DOMAIN, selector=f"key-{kind}", key_file=str(file)))
    return DkimSigner.from_settings(Settings(mail=MailSettings(dkim=tuple(keys))))


def accepted(content: bytes, number: int = 0) -> bool:
    """Tell whether the other implementation accepts the signature that stands at this place."""

    def record(name: bytes, timeout: int = 5) -> bytes:
        del timeout
        kind = name.decode().removesuffix(f"._domainkey.{DOMAIN}.").removeprefix("key-")
        return dns_record(kind)

    try:
        return bool(dkim.DKIM(content).verify(idx=number, dnsfunc=record))
    except dkim.ValidationError:
        return False


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> DkimSigner:
    return signer(tmp_path_factory.mktemp("keys"), "rsa", "ed25519")


def mail(**values: object) -> bytes:
    return to_bytes(message(**{"html": "<p>Hello</p>", "headers": LIST} | values))


def test_each_key_signs_and_each_signature_is_accepted(both: DkimSigner) -> None:
    signed = both.sign(mail())
    assert signed.endswith(mail())
    assert signed.count(b"DKIM-Signature: ") == 2
    assert b"a=rsa-sha256; c=relaxed/simple; d=example.org;\r\n s=key-rsa;" in signed
    assert b"a=ed25519-sha256; c=relaxed/simple; d=example.org;\r\n s=key-ed25519;" in signed
    assert accepted(signed, 0)
    assert accepted(signed, 1)
    assert max(len(line) for line in signed.partition(b"\r\n\r\n")[0].split(b"\r\n")) <= 250


@settings(max_examples=60, deadline=None)
@given(subject=nasty, name=nasty, text=nasty, html=st.lists(nasty, max_size=4))
@example("", "", "", [])
@example("  a\t b ", "Ä", "\n\n\n", ["a \n", " ", "\n"])
def test_the_signature_of_any_message_is_accepted(
    both: DkimSigner, subject: str, name: str, text: str, html: list[str]
) -> None:
    quoted_name = re.sub(r'["\\\r\n]', "", name)
    sender = f'"{quoted_name}" <alerts@example.org>'
    signed = both.sign(mail(subject=subject, sender=sender, text=text, html=[encode(piece) for piece in html]))
    assert accepted(signed, 0)
    assert accepted(signed, 1)


@pytest.mark.parametrize("text", ["", "\n", "\n\n\n", "a\n\n\n", "a", " \n \n"])
def test_a_text_alone_is_signed_whatever_blank_lines_it_ends_in(both: DkimSigner, text: str) -> None:
    assert accepted(both.sign(mail(text=text, html=None)))


def test_all_that_tells_who_writes_to_whom_and_how_to_leave_is_signed(both: DkimSigner) -> None:
    signed = both.sign(mail())
    found = re.search(rb"h=([^;]+);", signed)
    assert found
    names = re.sub(rb"\s", b"", found[1]).decode().split(":")
    assert names == [
        "from",
        "from",
        "to",
        "subject",
        "date",
        "message-id",
        "mime-version",
        "content-type",
        "reply-to",
        "list-id",
        "list-unsubscribe",
        "list-unsubscribe-post",
        "auto-submitted",
    ]


@pytest.mark.parametrize(
    ("written", "changed"),
    [
        (b"Subject: Your", b"Subject: Our"),
        (b"To: mona@", b"To: nora@"),
        (b"One-Click", b"Two-Click"),
        (b"/unsubscribe/", b"/elsewhere/"),
        (b"From: Trial", b"From: Evil <evil@example.net>\r\nFrom: Trial"),
        (b"<p>Hello</p>", b"<p>Hello!</p>"),
        (b"Content-Type: multipart/alternative", b"Content-Type: multipart/mixed"),
    ],
)
def test_a_change_on_the_way_breaks_the_signature(both: DkimSigner, written: bytes, changed: bytes) -> None:
    signed = both.sign(mail())
    assert written in signed
    assert not accepted(signed.replace(written, changed, 1))
    assert not accepted(signed.replace(written, changed, 1), 1)


def test_headers_may_be_folded_anew_on_the_way(both: DkimSigner) -> None:
    signed = both.sign(mail())
    assert accepted(signed.replace(b"Subject: Your trial alerts", b"SUBJECT:  Your\r\n\t trial alerts "))


def test_the_same_message_gets_the_same_signatures(both: DkimSigner) -> None:
    assert both.sign(mail()) == both.sign(mail())


def test_without_a_key_a_message_stays_as_it_is() -> None:
    assert DkimSigner.from_settings(Settings()).sign(mail()) == mail()


def test_a_message_outside_ascii_is_signed_too(both: DkimSigner) -> None:
    made: Message = message(to="möna@example.org", subject="Möna", date=NOW)
    assert accepted(both.sign(to_bytes(made)), 1)


def configured(file: Path) -> Settings:
    return Settings(mail=MailSettings(dkim=(DkimSettings(domain=DOMAIN, selector="s", key_file=str(file)),)))


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (None, "cannot be read"),
        (b"", "no private key"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "no private key"),
        (pem("rsa", BestAvailableEncryption(b"password")), "a key with a password"),
        (pem("short"), "an RSA key of 1024 bits, expected 2048"),
        (pem("elliptic"), "a key of another kind"),
    ],
    ids=["missing", "empty", "broken", "encrypted", "too short", "another kind"],
)
def test_a_key_that_cannot_sign_is_a_fault_of_the_configuration(
    tmp_path: Path, content: bytes | None, fault: str
) -> None:
    file = tmp_path / "key.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigurationError) as raised:
        DkimSigner.from_settings(configured(file))
    (line,) = str(raised.value).splitlines()
    assert line.startswith(f"mail.dkim, {file}: ")
    assert fault in line
    assert "openssl genrsa" in line
    assert "BEGIN" not in line

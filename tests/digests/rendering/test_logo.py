"""The operator's logo: a picture that mails bring with them, and pages show."""

from __future__ import annotations

import email
import email.policy
import json
import struct
import zlib
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from tests.digests.rendering_samples import NOW, digest, entry, mail, settings, subscriber, trial
from tests.web.conftest import World, open_world, settings_of
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.delivery.mail.envelope import Envelope
from trialalerts.delivery.mail.message import Message, to_bytes
from trialalerts.delivery.mail.picture import Picture
from trialalerts.delivery.transports.providers.account import ProviderAccount
from trialalerts.delivery.transports.providers.postmark import Postmark
from trialalerts.delivery.transports.providers.sendgrid import SendGrid
from trialalerts.digests.rendering.renderer import MailRenderer
from trialalerts.errors import ConfigurationError
from trialalerts.operations.checks.settings import about_settings
from trialalerts.settings import LookSettings, MailSettings, Settings, TemplateSettings
from trialalerts.settings.logo import LARGEST_LOGO, logo_fault, read_logo


def png(width: int = 300, height: int = 60, noise: int = 0) -> bytes:
    """Return a picture of one colour; with ``noise`` so many bytes more, that nobody shows."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compress((b"\x00" + b"\x0b\x64\x70" * width) * height)
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"teXt", bytes(noise)) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(9) + b"\xff\xc2\x00\x11\x08\x00\x20\x01\x00" + bytes(12)
GIF = b"GIF89a" + struct.pack("<HH", 90, 30) + bytes(9)


@pytest.fixture
def logo(tmp_path: Path) -> Path:
    file = tmp_path / "logo.png"
    file.write_bytes(png())
    return file


def of(logo: Path, **changes: Any) -> Settings:
    return settings(look=LookSettings(logo=str(logo)), **changes)


def parts(message: Message) -> tuple[EmailMessage, EmailMessage]:
    """Return the HTML and the picture of a message as a mail program reads them."""
    read = email.message_from_bytes(to_bytes(message), policy=email.policy.default)
    assert isinstance(read, EmailMessage)
    text, related = read.iter_parts()
    assert (read.get_content_type(), text.get_content_type()) == ("multipart/alternative", "text/plain")
    assert related.get_content_type() == "multipart/related"
    html, picture = related.iter_parts()
    assert isinstance(html, EmailMessage)
    assert isinstance(picture, EmailMessage)
    return html, picture


@pytest.mark.parametrize(
    ("data", "kind", "shown"),
    [
        (png(300, 60), "png", (220, 44)),
        (png(100, 20), "png", (100, 20)),
        (png(88, 88), "png", (44, 44)),
        (png(2000, 2), "png", (220, 1)),
        (JPEG, "jpeg", (220, 28)),
        (GIF, "gif", (90, 30)),
    ],
)
def test_a_logo_is_read_by_what_it_is_and_shown_small(
    tmp_path: Path, data: bytes, kind: str, shown: tuple[int, int]
) -> None:
    file = tmp_path / "any.name"
    file.write_bytes(data)
    found = read_logo(LookSettings(logo=str(file)))
    assert found is not None
    assert (found.kind, (found.width, found.height), found.data) == (kind, shown, data)


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "is no PNG, JPEG or GIF; mail programs show no other kind"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "is no PNG, JPEG or GIF"),
        (b"", "is no PNG, JPEG or GIF"),
        (b"\x89PNG\r\n\x1a\n", "is no PNG, JPEG or GIF"),
        (b"\xff\xd8\xff\xe0", "is no PNG, JPEG or GIF"),
        (png(0, 0), "is no PNG, JPEG or GIF"),
        (png(noise=LARGEST_LOGO), "bytes, and each mail would carry them; 20,000 are the most"),
    ],
)
def test_a_logo_that_cannot_be_shown_is_one_line_and_the_name_stands_in_words(
    tmp_path: Path, data: bytes, fault: str
) -> None:
    file = tmp_path / "logo.png"
    file.write_bytes(data)
    ((key, told),) = logo_fault(LookSettings(logo=str(file)))
    assert key == "look.logo"
    assert told.startswith(f"{file} ")
    assert fault in told
    assert "\n" not in told
    message = mail([trial(1)], of=of(file))
    assert message.picture is None
    assert "<img" not in (message.html or "")
    (check,) = [each for each in about_settings(of(file)) if "look.logo" in each.what]
    assert (check.level, str(file) in check.what) == ("look", True)


def test_a_logo_that_is_not_there_is_named_and_none_is_none(tmp_path: Path) -> None:
    assert read_logo(LookSettings()) is None
    with pytest.raises(ConfigurationError, match=r"look\.logo: .*nowhere\.png cannot be read \(No such file"):
        read_logo(LookSettings(logo=str(tmp_path / "nowhere.png")))


def test_a_mail_brings_its_logo_and_fetches_nothing(logo: Path) -> None:
    message = mail([trial(1)], of=of(logo))
    html, picture = parts(message)
    assert picture["Content-ID"] == "<logo@mail>"
    assert (picture.get_content_type(), picture.get_content()) == ("image/png", logo.read_bytes())
    assert picture.get_content_disposition() == "inline"
    shown = html.get_content()
    name = settings().service.name
    image = shown.partition("<img ")[2].partition(">")[0]
    for said in ('src="cid:logo@mail"', f'alt="{name}"', 'width="220"', 'height="44"'):
        assert said in image
    assert shown.replace("\r\n", "\n") == message.html
    assert 'src="http' not in shown
    assert name in message.text
    lines = to_bytes(message).split(b"\r\n")
    assert max(map(len, lines)) <= 998
    assert not any(line.startswith(b".") for line in lines)


def test_the_longest_mail_is_not_too_heavy_with_the_largest_logo(tmp_path: Path) -> None:
    file = tmp_path / "logo.png"
    file.write_bytes(png(noise=LARGEST_LOGO - len(png())))
    message = mail([trial(number) for number in range(1, 125)], of=of(file))
    assert message.picture is not None
    assert len((message.html or "").encode()) + len(message.picture.part) <= 60_000


def test_a_notice_has_it_and_a_discreet_mail_does_not(logo: Path) -> None:
    renderer = MailRenderer(of(logo), FrozenClock(NOW))
    assert renderer.confirmation(subscriber(), [1]).picture is not None
    reader = subscriber()
    reader.discreet = True
    hidden = renderer.digest(digest(), [entry(trial(1))], reader, {1: trial(1)})
    assert hidden is not None
    assert hidden.picture is None
    assert "<img" not in (hidden.html or "")


def test_a_frame_of_ones_own_without_it_carries_none(logo: Path, tmp_path: Path) -> None:
    (tmp_path / "own" / "email").mkdir(parents=True)
    (tmp_path / "own" / "email" / "head.html.j2").write_text("{{ service.name }}, in words")
    own = of(logo).model_copy(update={"templates": TemplateSettings(folder=str(tmp_path / "own"))})
    message = mail([trial(1)], of=own)
    assert "in words" in (message.html or "")
    assert message.picture is None


@pytest.mark.parametrize("url", ["resend://k@", "failover(smtp://mx.example.org brevo://k@)"])
def test_where_mails_go_by_a_way_without_pictures_the_name_stands_in_words(logo: Path, url: str) -> None:
    without = of(logo, mail=MailSettings(url=SecretStr(url)))
    message = mail([trial(1)], of=without)
    assert message.picture is None
    assert "<img" not in (message.html or "")
    (check,) = [each for each in about_settings(without) if "look.logo" in each.what]
    assert "Resend and Brevo" in check.why


def test_a_preview_shows_it_in_a_page_of_its_own(logo: Path) -> None:
    message = mail([trial(1)], of=of(logo))
    assert 'src="data:image/png;base64,iVBOR' in (message.html_alone or "")
    assert "cid:" not in (message.html_alone or "")
    bare = mail([trial(1)])
    assert bare.html_alone == bare.html


def _envelope(message: Message) -> Envelope:
    return Envelope(
        sender=message.sender_address, recipient=message.to, content=to_bytes(message), message=message, metadata={}
    )


def test_the_apis_that_take_pictures_get_it(logo: Path) -> None:
    message = mail([trial(1)], of=of(logo))
    assert message.picture is not None
    told = json.loads(SendGrid(_account("sendgrid")).part(_envelope(message)))["attachments"]
    assert told == [
        {
            "content": message.picture.text,
            "type": "image/png",
            "filename": "logo.png",
            "disposition": "inline",
            "content_id": "logo@mail",
        }
    ]
    told = json.loads(Postmark(_account("postmark")).part(_envelope(message)))["Attachments"]
    assert told == [
        {
            "Name": "logo.png",
            "Content": message.picture.text,
            "ContentType": "image/png",
            "ContentID": "cid:logo@mail",
        }
    ]
    bare = json.loads(SendGrid(_account("sendgrid")).part(_envelope(mail([trial(1)]))))
    assert "attachments" not in bare


def _account(name: str) -> ProviderAccount:
    return ProviderAccount(provider=name, key="key", endpoint="https://api.example.org")


def test_a_picture_is_told_in_lines_that_any_server_takes() -> None:
    part = Picture("logo.gif", "image/gif", GIF * 40).part
    assert max(map(len, part.split(b"\r\n"))) <= 76
    assert not part.endswith(b"\r\n")


@pytest.fixture
def world(sqlite_db: Database, clock: FrozenClock, logo: Path) -> Iterator[World]:
    yield from open_world(sqlite_db, clock, settings_of(look=LookSettings(logo=str(logo))))


def test_pages_show_it_too(world: World, logo: Path) -> None:
    page = world.client.get("/").text
    address = page.partition('<img src="')[2].partition('"')[0]
    assert address.startswith("/static/logo.png?v=")
    assert 'alt="Example Alerts" width="220" height="44"' in page
    answer = world.client.get(address)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    assert answer.content == logo.read_bytes()

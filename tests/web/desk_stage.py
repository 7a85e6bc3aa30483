"""An editors' desk on loopback: a folder of articles, two editors, their mails over SMTP."""

from __future__ import annotations

import email
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import policy
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr

from tests.delivery.mailserver import Mailbox, running
from tests.web.conftest import SECRET, furnish, settings_of
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.net.http import ssl_context
from trialalerts.operations.desk.mailing import EditorMail
from trialalerts.settings import DeskSettings, EditorSettings, MailSettings, ServiceSettings, Settings, SourceSettings
from trialalerts.web.app import create_app
from trialalerts.web.server import WebServer

ANNA, BEN = "anna@society.example", "ben@society.example"
BASE = "http://127.0.0.1:8080"
"""Without https, so that a browser on loopback sends the cookie."""
ARTICLE = """---
title: A tablet for multiple sclerosis
subtitle: What is tested
author: Jo Writer
language: en
categories: [Multiple sclerosis]
status: review
---

**21 people** take part. <script>alert(1)</script>
"""
GERMAN = """---
title: Eine Tablette bei Multipler Sklerose
language: de
translation_of: tablet.md
status: review
---

**21 Menschen** nehmen teil.
"""


@dataclass(kw_only=True)
class DeskWorld:
    """The desk, its folder, and what came by mail."""

    settings: Settings
    db: Database
    clock: FrozenClock
    folder: Path
    server: WebServer
    mailbox: Mailbox
    writer: EditorMail
    clients: list[httpx.Client] = field(default_factory=list)

    def client(self) -> httpx.Client:
        """Return a browser of its own: cookies, no redirects that are followed by themselves."""
        self.clients.append(httpx.Client(base_url=self.server.url, timeout=30, verify=ssl_context()))
        return self.clients[-1]

    def mails(self, *, news: bool = False) -> list[tuple[str, EmailMessage]]:
        """Let the step write, and return what came by that: each address and its mail."""
        before = len(self.mailbox.received)
        self.writer.write(news=news)
        return [(to, read(content)) for _, to, content in self.mailbox.received[before:]]

    def link(self, client: httpx.Client, address: str = ANNA) -> str:
        """Ask for a link, and return its path from the mail."""
        assert client.post("/desk", data={"address": address}).status_code == 200
        ((to, mail),) = self.mails()
        assert to == address
        return link_in(mail)

    def signed_in(self, address: str = ANNA) -> httpx.Client:
        """Return a browser in which an editor is signed in."""
        client = self.client()
        assert client.post(self.link(client, address)).status_code == 303
        return client


def read(content: bytes) -> EmailMessage:
    """Read a mail."""
    message = email.message_from_bytes(content, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def text_of(mail: EmailMessage) -> str:
    """Return the text of a mail."""
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def link_in(mail: EmailMessage) -> str:
    """Return the path of the link of a mail."""
    (found,) = re.findall(r"https?://\S+/desk/open/\S+", text_of(mail))
    return urlsplit(str(found)).path


def fields_of(page: str) -> dict[str, str]:
    """Return the hidden fields of the forms of an article's page."""
    return dict(re.findall(r'<input type="hidden" name="(form|version)" value="([^"]*)">', page))


def desk_settings(folder: Path, port: int, *, base: str = BASE, approval: bool = True) -> Settings:
    """Return the settings of a desk whose mails leave for a server on a port."""
    return settings_of(
        service=ServiceSettings(
            name="Example Alerts", base_url=base, secret=SecretStr(SECRET), timezone="Europe/Berlin"
        ),
        mail=MailSettings(url=SecretStr(f"smtp://127.0.0.1:{port}"), sender="Example Alerts <alerts@example.org>"),
        desk=DeskSettings(editors=(f"Anna Reed <{ANNA}>", BEN)),
        editors=EditorSettings(approval=approval),
        sources=[
            SourceSettings.model_validate({"name": "editors", "kind": "folder", "path": str(folder), "every": "1h"})
        ],
    )


@contextmanager
def open_desk(
    db: Database, clock: FrozenClock, folder: Path, *, base: str = BASE, approval: bool = True
) -> Iterator[DeskWorld]:
    """Serve a desk with two texts of one article, while a test runs."""
    furnish(db)
    folder.mkdir()
    (folder / "tablet.md").write_text(ARTICLE, "utf-8")
    (folder / "tablet.de.md").write_text(GERMAN, "utf-8")
    mailbox = Mailbox()
    with running(mailbox) as port:
        settings = desk_settings(folder, port, base=base, approval=approval)
        server = WebServer(settings, create_app(settings, db, clock, desk=True))
        server.start()
        world = DeskWorld(
            settings=settings,
            db=db,
            clock=clock,
            folder=folder,
            server=server,
            mailbox=mailbox,
            writer=EditorMail(settings, db, clock),
        )
        try:
            yield world
        finally:
            for client in world.clients:
                client.close()
            server.stop()

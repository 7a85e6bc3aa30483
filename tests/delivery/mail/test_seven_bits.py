"""Mail for servers that take seven bits only: every message has that form, and is signed in it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlmodel import Session

from tests.delivery.mail.test_dkim import LIST, accepted, signer
from tests.delivery.mail.test_message import message, nasty
from tests.delivery.mailserver import Mailbox, running
from tests.delivery.post import NOW, deliveries, dice, plain_message, queue_for, settings, states
from tests.delivery.transports.test_smtp import envelope
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.database.findings import open_findings
from trialalerts.delivery.mail.envelope import Accepted, Refused
from trialalerts.delivery.mail.message import Message, to_bytes
from trialalerts.delivery.mail.quoted_printable import encode
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState
from trialalerts.delivery.sending.sender import send_queued
from trialalerts.delivery.transports import open_transport
from trialalerts.subscribers.tables import Subscriber

SCRIPTS = {
    "English": "Recruiting now – “MS” ≥ 18 years",
    "German": "Für Menschen ab 18 Jahren, Größe größer als üblich",
    "French": "Un essai près de chez vous : traitement à l’étude, où ça ?",
    "Spanish": "¿Está cerca? Ensayo clínico con niños en España",
    "Greek": "Κλινική δοκιμή για τη σκλήρυνση κατά πλάκας",
    "Japanese": "多発性硬化症の治験が始まりました",
    "Arabic": "تجربة سريرية جديدة",
    "emoji": "🏥 🇬🇧 👩🏽‍⚕️",
    "dots": ".\n..\n.hidden\n\n. \n",
}
OFFERS = {
    "nothing": (),
    "groups": ("PIPELINING",),
    "size": ("SIZE 1000000", "PIPELINING", "ENHANCEDSTATUSCODES"),
    "UTF-8 without eight bits": ("SMTPUTF8", "PIPELINING"),
}


@hypothesis_settings(deadline=None)
@given(
    subject=nasty, name=nasty, text=nasty, html=nasty, word=st.text("äöü–🏥 ab", max_size=30), pieces=st.lists(nasty)
)
def test_every_message_is_seven_bits_in_lines_of_an_allowed_length(
    subject: str, name: str, text: str, html: str, word: str, pieces: list[str]
) -> None:
    headers = (("List-Id", f"{word} <alerts.example.org>"), ("Reply-To", "Hilfe – Büro <help@bücher.example>"))
    sender = (
        f"{name} <alerts@bücher.example>"
        if name.isprintable() and not set(name) & set('",<>()@:;[]\\')
        else "a@b.example"
    )
    for body in (text, [encode(piece) for piece in pieces]):
        written = to_bytes(
            message(sender=sender, to="mona@bücher.example", subject=subject, text=body, html=html, headers=headers)
        )
        assert written.isascii()
        assert max(map(len, written.split(b"\r\n"))) <= 998


@pytest.mark.parametrize("offered", OFFERS.values(), ids=OFFERS)
@pytest.mark.parametrize("script", SCRIPTS)
def test_a_server_without_8bitmime_gets_it_as_it_was_signed(
    tmp_path: Path, offered: tuple[str, ...], script: str
) -> None:
    words = SCRIPTS[script]
    values: dict[str, Any] = {
        "subject": words.split("\n")[0],
        "text": words * 30 + "\n",
        "html": f"<p>{words * 30}</p>",
    }
    made = envelope("mona@bücher.example", sender="b+token@example.org", headers=LIST, **values)
    signed = replace(made, content=signer(tmp_path, "rsa", "ed25519").sign(made.content))
    mailbox = Mailbox(extensions=offered, seven_bits=True)
    with running(mailbox) as port, closing(open_transport(f"smtp://127.0.0.1:{port}?tls=none").open()) as channel:
        assert channel.send([signed, signed]) == [Accepted(), Accepted()]
    assert mailbox.options[0] in ([], [f"SIZE={len(signed.content)}"])
    for _, recipient, content in mailbox.received:
        assert recipient == "mona@xn--bcher-kva.example"
        assert content == signed.content
        assert accepted(content, 0)
        assert accepted(content, 1)
        body = message_from_bytes(content, policy=policy.SMTP).get_body(("plain",))
        assert body is not None
        assert body.get_content().replace("\r\n", "\n") == values["text"]


# --- an address of ours that a server cannot take


def from_zoe(session: Session, mails: Sequence[tuple[Delivery, Subscriber]]) -> list[Message | Exception | None]:
    """Write mails from an address whose name is not ASCII."""
    del session
    return [copy_from(plain_message(*mail)) for mail in mails]


def copy_from(plain: Message) -> Message:
    return Message(
        sender="Zoë <zoë@example.org>",
        to=plain.to,
        subject=plain.subject,
        text=plain.text,
        message_id=plain.message_id,
        date=plain.date,
    )


def test_an_address_of_ours_outside_ascii_loses_nobodys_mail_and_is_told(db: Database) -> None:
    names = [f"p{number}@d{number % 3}.example" for number in range(9)]
    queue_for(db, names)
    mailbox, clock = Mailbox(), FrozenClock(NOW)
    chosen = settings(**{"from": "Zoë <zoë@example.org>"})

    def round_(port: int) -> None:
        transport = open_transport(f"smtp://127.0.0.1:{port}?tls=none&connections=1")
        send_queued(db, transport, from_zoe, settings=chosen, clock=clock, random=dice())

    with running(mailbox, enable_SMTPUTF8=False) as port:
        for _ in range(6):
            round_(port)
            clock.advance(timedelta(minutes=10))
    assert set(states(db).values()) == {DeliveryState.QUEUED}
    assert mailbox.received == []
    with db.read() as session:
        (found,) = open_findings(session)
    assert "mail.from or mail.reply_to" in found.text
    with running(mailbox, enable_SMTPUTF8=True) as port:
        for _ in range(30):
            round_(port)
            clock.advance(timedelta(minutes=15))
    assert set(states(db).values()) == {DeliveryState.SENT}
    assert sorted(recipient for _, recipient, _ in mailbox.received) == sorted(names)
    with db.read() as session:
        assert list(open_findings(session)) == []


def test_an_address_of_a_reader_that_no_server_here_can_take_fails_alone_and_blames_nobody(db: Database) -> None:
    queue_for(db, ["möna", "nora"])
    mailbox = Mailbox()
    with running(mailbox, enable_SMTPUTF8=False) as port:
        transport = open_transport(f"smtp://127.0.0.1:{port}?tls=none")
        send_queued(
            db,
            transport,
            lambda _, mails: [plain_message(*mail) for mail in mails],
            settings=settings(),
            clock=FrozenClock(NOW),
            random=dice(),
        )
    assert states(db) == {"digest/möna": DeliveryState.FAILED, "digest/nora": DeliveryState.SENT}
    assert "SMTPUTF8" in (deliveries(db)["digest/möna"].last_error or "")
    with db.read() as session:
        assert list(open_findings(session)) == []


def test_a_body_that_nobody_should_have_written_is_kept_and_ours() -> None:
    """Nothing of ours writes one; if something ever does, nobody's mail is lost for it."""
    raw = envelope()
    raw = replace(raw, content=raw.content + "ä".encode())
    with running(Mailbox(extensions=())) as port, closing(open_transport(f"smtp://127.0.0.1:{port}").open()) as channel:
        (outcome,) = channel.send([raw])
    assert isinstance(outcome, Refused)
    assert (outcome.permanent, outcome.ours) == (False, True)

"""A server that wants nothing of us before it sees a mail: nobody is blamed, all mail arrives, one finding says why."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

import pytest

from tests.delivery import mailserver
from tests.delivery.refusing.stage import REPLIES, OwnFault, Smtp, Town
from trialalerts.database import Database, open_database
from trialalerts.delivery.mail.reply_codes import Stage, classify

SOAK = bool(os.environ.get("TRIALALERTS_TEST_SOAK"))
PEOPLE = 400 if SOAK else 8
EVERY = 2 if SOAK else 10
OTHERS = {
    "no service": OwnFault(reply="554 No SMTP service here"),
    "closing": OwnFault(reply="421 4.7.0 mx.example.org Service not available, closing transmission channel"),
    "name": OwnFault(reply="550 5.7.1 Your HELO name is not acceptable"),
    "parameter": OwnFault(reply="504 5.5.2 Helo command rejected: need fully-qualified hostname"),
    "access": OwnFault(reply="550 Access denied"),
    "nobody": OwnFault(reply="550 5.1.1 User unknown"),
}
"""Other things that servers say there; the last means us, whatever it says: no mail was named yet."""
ALL = REPLIES | OTHERS


def readers() -> list[str]:
    return [f"p{each}@d{each % 4}.example" for each in range(PEOPLE)]


def an_hour(db: Database, way: Smtp, fault: OwnFault, said: str, addresses: list[str] | None = None) -> None:
    town, addresses = Town(db=db), addresses or readers()
    town.settle(addresses)
    way.refuse(fault)
    town.rounds(way, 60, every=EVERY)
    town.nobody_is_blamed()
    assert not way.taken()
    finding = town.finding()
    assert (finding.kind, finding.subject) == ("transport-benched", "smtp")
    assert said in finding.text
    assert "@" not in finding.text
    way.refuse(None)
    town.until_all_is_settled(way, every=15)
    assert town.all_arrived(), town.states()
    assert way.taken() == dict.fromkeys(addresses, 1)
    town.nobody_is_blamed()
    town.nothing_is_left()


HOURS = [
    pytest.param(name, command, database, id=f"{name} at {command}, {database}")
    for number, name in enumerate(ALL)
    for command in ("GREETING", "EHLO", "ALL")
    for database in ("sqlite", "postgresql")
    if SOAK
    or (command == "ALL" and name == "no service")
    or (command != "ALL" and (database == "sqlite" or number % 5 == 0))
]


@pytest.fixture
def kind_of_db(request: pytest.FixtureRequest, database: str) -> Iterator[Database]:
    """A fresh database of the kind that the test names."""
    db = open_database(request.getfixturevalue(f"{database}_url"))
    yield db
    db.dispose()


@pytest.mark.soak
@pytest.mark.parametrize(("name", "command", "database"), HOURS)
def test_an_hour_of_refusals_before_any_mail_costs_nobody_anything(
    kind_of_db: Database, name: str, command: str
) -> None:
    fault, mailbox = ALL[name], mailserver.Mailbox()
    with mailserver.running(mailbox) as port:
        an_hour(kind_of_db, Smtp(mailbox, port, command), fault, fault.reply[:40])


@pytest.mark.parametrize("name", REPLIES)
def test_the_finding_names_the_rule_that_knows_the_fault(sqlite_db: Database, name: str) -> None:
    mailbox, town = mailserver.Mailbox(answers={"GREETING": ALL[name].reply}), Town(db=sqlite_db)
    town.settle(readers()[:1])
    with mailserver.running(mailbox) as port:
        town.round(Smtp(mailbox, port))
    assert f"({classify(ALL[name].reply, stage=Stage.CONNECT).rule})" in town.finding().text


def test_the_wait_that_a_greeting_asks_for_is_kept(sqlite_db: Database) -> None:
    mailbox = mailserver.Mailbox(answers={"GREETING": "421 4.7.0 Too busy, try again in 40 minutes"})
    town = Town(db=sqlite_db)
    town.settle(readers())
    with mailserver.running(mailbox) as port:
        way = Smtp(mailbox, port)
        town.round(way)
        mailbox.answers = {}
        town.rounds(way, 40, every=10)
        assert not way.taken()
        town.round(way)
        assert way.taken() == dict.fromkeys(readers(), 1)


@pytest.mark.parametrize("command", ["GREETING", "EHLO", "ALL"])
def test_a_connection_that_is_closed_without_a_word_blames_nobody(db: Database, command: str) -> None:
    mailbox = mailserver.Mailbox()
    with mailserver.running(mailbox) as port:
        fault = OwnFault(reply=mailserver.HANG_UP)
        an_hour(db, Smtp(mailbox, port, command), fault, "cannot be reached")


def test_one_server_that_refuses_ehlo_and_takes_helo_gets_mail_without_extensions(sqlite_db: Database) -> None:
    mailbox, town = mailserver.Mailbox(answers={"EHLO": ["502 5.5.2 Command not implemented"]}), Town(db=sqlite_db)
    town.settle(readers()[:1])
    with mailserver.running(mailbox) as port:
        way = Smtp(mailbox, port)
        town.round(way)
        assert way.taken() == dict.fromkeys(readers()[:1], 1)
    town.nothing_is_left()


@contextmanager
def one_that_says(words: bytes) -> Iterator[int]:
    """A server that says this to whoever connects, hears one line, and closes."""

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                connection.sendall(words)
                connection.settimeout(0.2)
                with suppress(TimeoutError):
                    connection.recv(1000)

    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


@pytest.mark.parametrize(
    "words",
    [
        b"220 hello\r\n",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"220-one\r\n220",
        b"* OK IMAP4rev1 ready\r\n",
        b"554-We take\r\n554 5.7.1 nothing from you\r\n",
        b"\xff\xfe\r\n",
        b"999 what?\r\n",
        b"354 go ahead\r\n",
    ],
)
def test_whatever_it_says_no_mail_is_to_blame(sqlite_db: Database, words: bytes) -> None:
    town = Town(db=sqlite_db)
    town.settle(readers())
    with one_that_says(words) as port:
        town.rounds(Smtp(mailserver.Mailbox(), port), 30, every=10)
    town.nobody_is_blamed()
    assert town.finding().kind == "transport-benched"

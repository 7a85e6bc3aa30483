"""A server refuses everybody for an hour because of us: nobody is blamed, all mail arrives, one finding says why."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache

import pytest

from tests.delivery.feedback.senders import Sender, senders
from tests.delivery.refusing.stage import REPLIES, WAYS, Town, opened
from trialalerts.database import Database, open_database
from trialalerts.delivery.mail.reply_codes import classify

SOAK = bool(os.environ.get("TRIALALERTS_TEST_SOAK"))
PEOPLE = 400 if SOAK else 8
EVERY = 2 if SOAK else 10
HOUR = 60


@cache
def known() -> dict[str, Sender]:
    return senders()


def readers(number: int, domains: int) -> list[str]:
    """Addresses of so many domains, of which the first have more than the others."""
    return [f"p{each}@d{min(each % domains, each % 3)}.example" for each in range(number)]


def test_the_nine_replies_are_about_us() -> None:
    assert len(REPLIES) == 9
    assert {classify(fault.reply).bounce_class.value for fault in REPLIES.values()} == {"ours"}


def an_hour(db: Database, way_name: str, reply: str, command: str = "") -> None:
    fault, town = REPLIES[reply], Town(db=db)
    addresses = readers(PEOPLE, 4)
    town.settle(addresses)
    with opened(way_name, known, command) as way:
        way.refuse(fault)
        town.rounds(way, HOUR, every=EVERY)
        town.nobody_is_blamed()
        assert not way.taken()
        finding = town.finding()
        assert "@" not in finding.text
        said = {fault.rule, fault.reply[10:40], fault.says} - {"because of us"}
        assert any(each in finding.text for each in said), finding.text
        way.refuse(None)
        town.until_all_is_settled(way, every=15)
        assert town.all_arrived(), town.states()
        assert way.taken() == dict.fromkeys(addresses, 1)
    town.nobody_is_blamed()
    town.nothing_is_left()


def in_the_suite(way: str, reply: str, database: str) -> bool:
    """Tell which of the many hours are lived through each time: each way, each reply, both databases."""
    if SOAK or (way, database) == ("smtp", "sqlite"):
        return True
    turn = WAYS.index(way) + list(REPLIES).index(reply)
    return turn % 5 == 0 if database == "sqlite" else turn % 9 == 4


HOURS = [
    pytest.param(way, reply, database, id=f"{reply}, {way}, {database}")
    for way in WAYS
    for reply in REPLIES
    for database in ("sqlite", "postgresql")
    if in_the_suite(way, reply, database)
]


@pytest.fixture
def kind_of_db(request: pytest.FixtureRequest, database: str) -> Iterator[Database]:
    """A fresh database of the kind that the test names."""
    db = open_database(request.getfixturevalue(f"{database}_url"))
    yield db
    db.dispose()


@pytest.mark.soak
@pytest.mark.parametrize(("way", "reply", "database"), HOURS)
def test_an_hour_of_refusals_costs_nobody_anything(kind_of_db: Database, way: str, reply: str) -> None:
    an_hour(kind_of_db, way, reply)


@pytest.mark.soak
@pytest.mark.parametrize(
    ("reply", "command"),
    [
        pytest.param(reply, command, id=f"{reply} at {command}")
        for reply in REPLIES
        for command in ("MAIL", "RCPT", "DATA")
        if SOAK or (reply, command) == ("sender", "MAIL")
    ],
)
def test_at_whichever_command_it_is_said(sqlite_db: Database, reply: str, command: str) -> None:
    an_hour(sqlite_db, "smtp", reply, command)


@pytest.mark.parametrize("way_name", ["a bounce mail", "postmark by webhook"])
def test_where_mail_comes_back_later_one_mail_tries_in_a_while_and_not_all(db: Database, way_name: str) -> None:
    town, hours = Town(db=db), 3
    town.settle(readers(12, 4))
    with opened(way_name, known) as way:
        way.refuse(REPLIES["block list"])
        town.rounds(way, hours * HOUR, every=30)
        assert way.tried() <= 12 + hours, "one an hour at most once it shows"
        assert town.finding().subject == ""
        way.refuse(None)
        town.until_all_is_settled(way, every=30)
        assert town.all_arrived()
        assert way.taken() == dict.fromkeys(readers(12, 4), 1)
    town.nobody_is_blamed()
    town.nothing_is_left()


# --- dead addresses are still found

MANY = 400
FEW = MANY if SOAK else 20
TOWNS = [
    pytest.param(way, database, number, id=f"{number}, {way}, {database}")
    for way in WAYS
    if not way.endswith("by its API")  # which speaks of the form of addresses only
    for database in ("sqlite", "postgresql")
    for number in [MANY if (way, database) == ("smtp", "sqlite") else FEW]
    if SOAK or way == "smtp" or (WAYS.index(way) % 3 == 0) == (database == "postgresql")
]


@pytest.mark.soak
@pytest.mark.parametrize(("way", "database", "number"), TOWNS)
def test_one_dead_address_among_twenty_is_suppressed_and_nobody_else(
    kind_of_db: Database, way: str, number: int
) -> None:
    town, addresses = Town(db=kind_of_db), [f"p{each}@d{each % 7}.example" for each in range(number)]
    dead = addresses[::20]
    town.settle(addresses)
    with opened(way, known) as server:
        server.bury(dead)
        town.until_all_is_settled(server, every=15)
        assert server.taken() == dict.fromkeys(set(addresses) - set(dead), 1)
    assert town.suppressed() == sorted(dead)
    town.nothing_is_left()

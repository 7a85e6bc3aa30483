"""Complaints that name nobody: what is left of our mail in them says whose it was; what we did not sign does not.

Each case of the table keeps one identifier of the mail and nothing else.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from quopri import encodestring
from urllib.parse import quote

import pytest

from tests.delivery.feedback.stage import SETTINGS, Office
from tests.delivery.post import SECRET
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.database.findings import open_findings
from trialalerts.delivery.feedback.attribution import attribute
from trialalerts.delivery.feedback.events import Event, EventKind
from trialalerts.delivery.feedback.handling import FeedbackCount, prune_feedback
from trialalerts.delivery.feedback.mailbox.bounces import events_of
from trialalerts.delivery.mail.message import subscriber_in
from trialalerts.delivery.mail.verp import delivery_metadata, delivery_of
from trialalerts.delivery.outbox import counters
from trialalerts.delivery.outbox.queueing import queue_many
from trialalerts.delivery.outbox.tables import DeliveryState
from trialalerts.delivery.sending import breaker
from trialalerts.settings import BreakerSettings
from trialalerts.subscribers.links import Links
from trialalerts.subscribers.tables import SubscriberState
from trialalerts.subscribers.tokens import Purpose, Tokens

ARF = """\
From: staff@freemail.example
To: fbl@alerts.example
Subject: complaint
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="q1"

--q1
Content-Type: text/plain

A report. {words}

--q1
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: Loop/1.0
Version: 1
{fields}
--q1
Content-Type: {kind}
{encoding}
{copy}

--q1--
"""


def arf(copy: str, *, kind: str = "message/rfc822", encoding: str = "", words: str = "", fields: str = "") -> bytes:
    """A report of somebody whom it does not name, with what it leaves of our mail."""
    if encoding == "base64":
        copy = b64encode(copy.encode()).decode()
    elif encoding == "quoted-printable":
        copy = encodestring(copy.encode()).decode()
    line = f"Content-Transfer-Encoding: {encoding}\n" if encoding else ""
    fields = f"{fields}\n" if fields else ""
    return ARF.format(copy=copy, kind=kind, encoding=line, words=words, fields=fields).encode()


def heard(office: Office, content: bytes) -> list[Event]:
    return events_of(content, arrived=office.clock.now(), is_ours=lambda text: delivery_of(SETTINGS, text) is not None)


def tell(office: Office, content: bytes) -> FeedbackCount:
    return office.handle(*heard(office, content))


def link(office: Office, name: str = "mona", purpose: Purpose = Purpose.UNSUBSCRIBE) -> str:
    """The address of a page with a token that was signed just now."""
    token = Tokens(SECRET, office.clock).sign(purpose, f"key-{name}")
    return f"https://alerts.example.org/{purpose}/{token}"


def message_id(office: Office, number: int) -> str:
    return office.delivery(number).message_id


def one_click(office: Office, _: int) -> str:
    return f"List-Unsubscribe: <{link(office)}>\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\n\n"


def mailto(office: Office, _: int) -> str:
    token = link(office).rpartition("/")[2]
    return f"List-Unsubscribe: <mailto:leave@alerts.example?subject=unsubscribe%20{token}>\n\n"


def folded(office: Office, _: int) -> str:
    address = link(office)
    return f"List-Unsubscribe:\n <{address[:50]}\n {address[50:90]}\n\t{address[90:]}>\n\n"


def body(office: Office, _: int) -> str:
    text = encodestring(f"Your alerts\n\nLeave: {link(office)}\n".encode()).decode()
    assert "=\n" in text
    return f"Subject: x\nContent-Transfer-Encoding: quoted-printable\n\n{text}"


def body_alone(office: Office, _: int) -> str:
    return "\n" + encodestring(f'<a href="{link(office)}">leave</a>\n'.encode(), quotetabs=True).decode()


def rewritten(office: Office, _: int) -> str:
    return f"Subject: x\n\nhttps://safe.freemail.example/?url={quote(link(office), safe='')}&data=05%7C02\n"


def in_parts(office: Office, _: int) -> str:
    text = b64encode(f"Leave: {link(office)}\n".encode()).decode()
    return (
        'Content-Type: multipart/alternative; boundary="i"\n\n--i\nContent-Type: text/plain\n'
        f"Content-Transfer-Encoding: base64\n\n{text}\n--i--\n"
    )


def only_message_id(office: Office, number: int) -> str:
    return f"Message-ID: {message_id(office, number)}\n\n"


def shouted(office: Office, number: int) -> str:
    return f"MESSAGE-ID:\n {message_id(office, number).upper()}\n\n"


def renamed(office: Office, number: int) -> str:
    return f"X-Original-Message-ID: {message_id(office, number).strip('<>')}\nMessage-ID: <1@loop.example>\n\n"


def feedback_id(_: Office, number: int) -> str:
    return f"Feedback-ID: digest:2026w10:{delivery_metadata(SETTINGS, number)['delivery']}:alerts.example\n\n"


def cfbl(_: Office, number: int) -> str:
    return f"CFBL-Feedback-ID: {delivery_metadata(SETTINGS, number)['delivery']}\n\n"


def page(office: Office, _: int) -> str:
    return f"Subject: x\n\nSettings: {link(office, purpose=Purpose.PREFERENCES)}\n"


LEFT = [
    one_click,
    mailto,
    folded,
    body,
    body_alone,
    rewritten,
    in_parts,
    only_message_id,
    shouted,
    renamed,
    feedback_id,
    cfbl,
    page,
]
FORMS = [
    ("message/rfc822", ""),
    ("message/rfc822", "base64"),
    ("message/rfc822", "quoted-printable"),
    ("text/rfc822-headers", ""),
    ("text/rfc822-headers", "base64"),
    ("text/rfc822-headers", "quoted-printable"),
    ("message/rfc822-headers", ""),
    ("text/plain", ""),
    ("application/octet-stream", "base64"),
]


@pytest.mark.parametrize("left", LEFT, ids=lambda left: left.__name__)
def test_whatever_is_left_of_our_mail_names_it_in_whatever_form(
    sqlite_db: Database, clock: FrozenClock, left: Callable[[Office, int], str]
) -> None:
    office = Office(db=sqlite_db, clock=clock)
    office.sent("lisa")
    number = office.sent("mona")
    for kind, encoding in FORMS:
        (event,) = heard(office, arf(left(office, number), kind=kind, encoding=encoding))
        with office.db.write() as session:
            delivery, _ = attribute(session, SETTINGS, event)
            assert delivery is not None, (kind, encoding)
            assert delivery.id == number


@pytest.mark.parametrize("left", [one_click, only_message_id, feedback_id], ids=lambda left: left.__name__)
def test_both_databases_match_complaints(office: Office, left: Callable[[Office, int], str]) -> None:
    number = office.sent()
    assert tell(office, arf(left(office, number))) == FeedbackCount(heard=1)
    assert office.state(number) is DeliveryState.COMPLAINED
    assert office.person().state is SubscriberState.COMPLAINED
    assert office.tallies() == {"complained": 1}


def test_the_fields_of_the_report_may_hold_the_name_of_the_mail(office: Office) -> None:
    number = office.sent()
    assert tell(office, arf("", fields=f"Original-Message-ID: {message_id(office, number)}")).unmatched == 0
    assert office.state(number) is DeliveryState.COMPLAINED


@pytest.mark.parametrize("left", ["message_id", "one_click"])
def test_the_case_complaint_sparse_arf_is_matched(office: Office, shared_cases: Path, left: str) -> None:
    """complaint-sparse-arf, by each of what is left when the return address is gone."""
    number = office.sent()
    names = {
        "message_id": ("{MESSAGE_ID_OF_THE_DELIVERY}", message_id(office, number).strip("<>")),
        "one_click": ("{ONE_CLICK_LINK_OF_THE_DELIVERY}", Links(SETTINGS, office.clock).one_click(office.person())),
    }
    raw = (shared_cases / "complaint-sparse-arf" / "a.eml").read_text()
    raw = raw.replace(*names[left])
    for placeholder in ("{RETURN_ADDRESS}", "{MESSAGE_ID_OF_THE_DELIVERY}", "{ONE_CLICK_LINK_OF_THE_DELIVERY}"):
        raw = raw.replace(placeholder, "gone@freemail.example")
    assert tell(office, raw.encode()) == FeedbackCount(heard=1)
    assert office.state(number) is DeliveryState.COMPLAINED
    assert office.person().state is SubscriberState.COMPLAINED


def altered(text: str) -> str:
    return text[:-1] + ("0" if text[-1] != "0" else "1")


def forgeries(office: Office, number: int) -> dict[str, str]:
    local, _, domain = message_id(office, number).strip("<>").partition("@")
    other = Tokens("the secret of somebody else", office.clock).sign(Purpose.UNSUBSCRIBE, "key-mona")
    token = delivery_metadata(SETTINGS, number)["delivery"]
    changed = ("b" if token[-5] != "b" else "c").join((token[:-5], token[-4:]))
    return {
        "another secret part": f"Message-ID: <{altered(local)}@{domain}>\n\n",
        "another person": f"Message-ID: <{number + 7:x}.{local.partition('.')[2]}@{domain}>\n\n",
        "no secret part": f"Message-ID: <{local.partition('.')[0]}@{domain}>\n\n",
        "a foreign Message-ID": "Message-ID: <4f0c@freemail.example>\n\n",
        "a link of another secret": f"List-Unsubscribe: <https://alerts.example.org/unsubscribe/{other}>\n\n",
        "a link cut short": f"List-Unsubscribe: <{link(office)[:-3]}>\n\n",
        "a changed Feedback-ID": f"Feedback-ID: digest:2026w10:{changed}:alerts.example\n\n",
        "only the address": "To: mona@example.org\nX-Original-Rcpt-To: mona@example.org\n\n",
    }


FORGERIES = [
    "another secret part",
    "another person",
    "no secret part",
    "a foreign Message-ID",
    "a link of another secret",
    "a link cut short",
    "a changed Feedback-ID",
    "only the address",
]


@pytest.mark.parametrize("what", FORGERIES)
def test_what_we_did_not_sign_moves_nobody(office: Office, what: str) -> None:
    number = office.sent()
    mail = arf(forgeries(office, number)[what], fields="Original-Rcpt-To: mona@example.org")
    assert tell(office, mail) == FeedbackCount(heard=1, unmatched=1)
    assert office.state(number) is DeliveryState.SENT
    assert office.person().state is SubscriberState.ACTIVE


def test_a_link_that_a_person_quotes_beside_a_report_moves_nobody(office: Office) -> None:
    number = office.sent()
    assert tell(office, arf("Subject: x\n\n", words=link(office))).unmatched == 1
    forwarded = f"Subject: Fwd: complaint\nFrom: you@example.org\n\nSee {link(office)}\nFeedback-Type: abuse\n".encode()
    assert tell(office, forwarded).unmatched == 1
    assert (office.state(number), office.person().state) == (DeliveryState.SENT, SubscriberState.ACTIVE)


def test_of_several_mails_a_link_means_the_one_in_which_it_stood(office: Office) -> None:
    first = office.sent()
    office.clock.advance(timedelta(days=7))
    signed = one_click(office, 0)
    second = office.sent()
    office.clock.advance(timedelta(days=7))
    third = office.sent()
    tell(office, arf(signed))
    states = [office.state(number) for number in (first, second, third)]
    assert states == [DeliveryState.SENT, DeliveryState.COMPLAINED, DeliveryState.SENT]


def test_somebody_of_whom_no_mail_is_stored_any_more_may_complain_once(office: Office) -> None:
    office.sent(state=DeliveryState.QUEUED)
    assert tell(office, arf(one_click(office, 0))) == FeedbackCount(heard=1)
    assert tell(office, arf(one_click(office, 0), words="Again.")) == FeedbackCount(heard=1)
    assert office.person().state is SubscriberState.COMPLAINED
    assert office.tallies() == {"complained": 1}


@pytest.mark.parametrize("kind", ["not-spam", "auth-failure"])
def test_a_report_that_is_no_complaint_moves_nobody_whatever_it_quotes(office: Office, kind: str) -> None:
    number = office.sent()
    tell(office, arf(one_click(office, 0)).replace(b"abuse", kind.encode()))
    assert (office.state(number), office.person().state) == (DeliveryState.SENT, SubscriberState.ACTIVE)
    assert office.tallies() == {}


def findings(office: Office) -> list[str]:
    with office.db.read() as session:
        return [each.text for each in open_findings(session, "complaints-unmatched")]


def test_complaints_that_name_nobody_count_for_the_breaker_and_are_one_finding(office: Office) -> None:
    for number in range(3):
        tell(office, arf("To: mona@example.org\n\n", words=str(number)))
    assert office.tallies() == {"complained": 3}
    (text,) = findings(office)
    assert text.startswith("3 complaints of the last 7 days named no mail of ours")
    assert "@" not in text
    with office.db.write() as session:
        counters.count_up(session, counters.HourlyCounts.SENT, 1_000, at=office.clock.now())
        paused = breaker.trip(session, BreakerSettings(), now=office.clock.now())
    assert paused is not None
    assert "complained of" in paused.reason
    office.clock.advance(timedelta(days=8))
    with office.db.write() as session:
        prune_feedback(session, now=office.clock.now())
    assert findings(office) == []


def test_the_same_report_twice_counts_once(office: Office) -> None:
    mail = arf("To: mona@example.org\n\n")
    assert tell(office, mail) + tell(office, mail) == FeedbackCount(heard=1, unmatched=1, repeated=1)
    assert office.tallies() == {"complained": 1}
    assert findings(office)[0].startswith("1 complaint ")


def test_a_complaint_of_a_mail_that_somebody_else_sent_through_the_same_account_counts_for_nothing(
    office: Office,
) -> None:
    assert office.tell(EventKind.COMPLAINED, provider_ids=("theirs",)).unmatched == 1
    assert office.tallies() == {}
    assert findings(office) == []


def test_message_ids_of_mails_queued_together_tell_nothing_of_each_other(office: Office) -> None:
    people = [office.sent(name) for name in ("mona", "lisa", "vera")]
    with office.db.write() as session:
        numbers = [office.person(name).id or 0 for name in ("mona", "lisa", "vera")]
        mails = [(number, "{}") for number in numbers]
        queue_many(session.connection(), mails, kind="digest", now=office.clock.now(), domain="example.org")
    queued = [message_id(office, people[-1] + offset) for offset in (1, 2, 3)]
    assert [subscriber_in(each) for each in queued] == numbers
    assert len({each.partition(".")[2] for each in queued}) == 3

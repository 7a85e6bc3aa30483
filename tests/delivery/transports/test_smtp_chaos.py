"""A server that misbehaves in every way: each message of a batch is accounted for, on the server's side and on ours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import trustme

from tests.delivery.chaos_server import (
    ALWAYS,
    CLOSE,
    DRIBBLE,
    RESET,
    STALL,
    Act,
    ChaosServer,
    Moment,
    Rule,
    plan_of,
    running,
)
from tests.delivery.mailserver import server_context
from tests.delivery.transports.test_smtp import envelope
from trialalerts.delivery.mail.envelope import Accepted, Envelope, Outcome, Refused, Unsent
from trialalerts.delivery.transports.smtp import transport
from trialalerts.delivery.transports.smtp.transport import SmtpChannel, SmtpServer, SmtpTransport

PATIENT = 20.0
SHORT = 0.5


def names(number: int) -> list[str]:
    return [f"n{each}@example.org" for each in range(number)]


def letters(number: int) -> list[Envelope]:
    return [envelope(name) for name in names(number)]


def large(name: str) -> Envelope:
    """A message of more bytes than the system's buffers hold."""
    return replace(envelope(name), content=b"Subject: large\r\n\r\n" + b"x" * 12_000_000 + b"\r\n")


@contextmanager
def channel_to(server: ChaosServer, *, timeout: float = PATIENT, pipeline: bool = True) -> Iterator[SmtpChannel]:
    with running(server) as port:
        given = SmtpServer(host="127.0.0.1", port=port, tls="none", timeout=timeout, pipeline=pipeline)
        channel = SmtpTransport(given).open()
        try:
            yield channel
        finally:
            channel.close()


def kinds(outcomes: list[Outcome]) -> str:
    """Return one letter for each: a(ccepted), r(efused), u(nsent)."""
    return "".join(type(each).__name__[0].lower() for each in outcomes)


def unknown(outcome: Outcome) -> bool:
    return isinstance(outcome, Refused) and "nobody knows" in outcome.reason


def check_books(server: ChaosServer, envelopes: list[Envelope], outcomes: list[Outcome]) -> None:
    """Accepted: exactly one copy. Unsent, and refused with certainty: none. Unknown: none or one."""
    copies = server.copies()
    for sent, outcome in zip(envelopes, outcomes, strict=True):
        allowed = {1} if isinstance(outcome, Accepted) else {0, 1} if unknown(outcome) else {0}
        assert copies[sent.recipient] in allowed, (outcome, copies[sent.recipient])
        assert isinstance(outcome, Accepted) or sent.recipient not in outcome.reason
    assert server.violations == []


@pytest.mark.parametrize("pipelining", [True, False])
def test_all_arrives_in_order_and_unharmed(pipelining: bool) -> None:
    server = ChaosServer(pipelining=pipelining)
    sent = [envelope(name, text=f".\n..\n{name}\n" + "x\n" * 900) for name in names(45)]
    with channel_to(server) as channel:
        outcomes = [*channel.send(sent[:20]), *channel.send(sent[20:40]), *channel.send(sent[40:])]
    assert kinds(outcomes) == "a" * 45
    assert [(to, content) for _, to, content in server.stored] == [(each.recipient, each.content) for each in sent]
    assert server.connections == 1
    check_books(server, sent, outcomes)


CLOSING = Act(say="421 4.3.2 closing", then="close")
FIFTH, SECOND, THIRD = "n5@example.org", "n2@example.org", "n3@example.org"


@pytest.mark.parametrize("pipelining", [True, False], ids=["in groups", "one by one"])
@pytest.mark.parametrize(
    ("rule", "expected", "connections"),
    [
        pytest.param(Rule("MAIL", CLOSE), "aaaaaa", 2, id="drop at MAIL"),
        pytest.param(Rule("RCPT", CLOSE, SECOND), "aaaaaa", 2, id="drop at RCPT"),
        pytest.param(Rule("DATA", RESET, SECOND), "aaaaaa", 2, id="reset at DATA"),
        pytest.param(Rule("CONTENT", Act(after=40, then="close"), SECOND), "aaraaa", 2, id="drop, all on its way"),
        pytest.param(Rule("END", CLOSE, SECOND), "aaraaa", 2, id="drop after the dot, not kept"),
        pytest.param(Rule("END", Act(keep=True, then="close"), SECOND), "aaraaa", 2, id="drop after the dot, kept"),
        pytest.param(Rule("END", Act(keep=True, then="reset"), SECOND), "aaraaa", 2, id="reset after the dot, kept"),
        pytest.param(Rule("MAIL", CLOSING), "aaaaaa", 2, id="421 at MAIL"),
        pytest.param(Rule("RCPT", CLOSING, SECOND), "aaraaa", 2, id="421 at RCPT"),
        pytest.param(Rule("DATA", CLOSING, SECOND), "aaraaa", 2, id="421 at DATA"),
        pytest.param(Rule("END", CLOSING, SECOND), "aaraaa", 2, id="421 at the end"),
        pytest.param(Rule("END", Act(say="250 Ok", then="close"), SECOND), "aaaaaa", 2, id="drop after a consent"),
        pytest.param(Rule("END", Act(say="250 Ok", then="close"), times=ALWAYS), "aaaaaa", 6, id="one a connection"),
        pytest.param(Rule("RCPT", Act(say="550 5.1.1 unknown"), "n0@example.org"), "raaaaa", 1, id="first refused"),
        pytest.param(Rule("RCPT", Act(say="550 5.1.1 unknown"), FIFTH), "aaaaar", 1, id="last refused"),
        pytest.param(Rule("MAIL", Act(say="553 5.1.7 odd sender")), "raaaaa", 1, id="one sender refused"),
        pytest.param(Rule("DATA", Act(say="451 4.3.0 not now"), THIRD), "aaaraa", 1, id="DATA refused"),
        pytest.param(Rule("END", Act(say="552 5.3.4 less than I said"), THIRD), "aaaraa", 1, id="a lie about SIZE"),
        pytest.param(Rule("RCPT", Act(say="450 4.2.0 later"), times=ALWAYS), "rrrrrr", 1, id="greylisting"),
        pytest.param(Rule("RCPT", CLOSING, times=ALWAYS), "rrruuu", 3, id="421 to everybody"),
        pytest.param(Rule("MAIL", CLOSING, times=ALWAYS), "uuuuuu", 2, id="421 at every MAIL"),
        pytest.param(Rule("MAIL", Act(say="550 5.7.1 not you"), times=ALWAYS), "uuuuuu", 1, id="no sender is taken"),
        pytest.param(Rule("MAIL", CLOSE, times=ALWAYS), "uuuuuu", 2, id="drop at every MAIL"),
        pytest.param(Rule("END", CLOSE, times=ALWAYS), "rrruuu", 3, id="drop after every dot"),
        pytest.param(Rule("RCPT", CLOSE, "n1@example.org", ALWAYS), "araaaa", 3, id="a recipient that breaks it"),
        pytest.param(Rule("CONNECT", CLOSING, times=ALWAYS), "uuuuuu", 1, id="421 as a greeting"),
        pytest.param(Rule("CONNECT", Act(say="HTTP/1.1 400 Bad"), times=ALWAYS), "uuuuuu", 1, id="not SMTP at all"),
        pytest.param(Rule("MAIL", Act(say="what?"), times=ALWAYS), "uuuuuu", 2, id="garbage to MAIL"),
        pytest.param(Rule("END", Act(say="what?"), SECOND), "aaraaa", 2, id="garbage to the dot"),
        pytest.param(Rule("END", Act(say="250-" + "x" * 9_000), SECOND), "aaraaa", 2, id="an enormous line"),
        pytest.param(Rule("END", Act(say="250-x\r\n" * 300), SECOND), "aaraaa", 2, id="lines without end"),
        pytest.param(Rule("RCPT", Act(say="354 surprise"), SECOND), "aaaaaa", 2, id="out of turn"),
        pytest.param(Rule("MAIL", Act(say="250 Ok\r\n250 Ok")), "aaaaaa", 2, id="one reply too many"),
        pytest.param(Rule("DATA", Act(say="354 go\r\n250 Ok"), SECOND), "aaaaaa", 2, id="a consent in advance"),
        pytest.param(Rule("RSET", Act(say="500 no")), "aaaaaa", 1, id="nothing to forget"),
    ],
)
def test_every_message_is_accounted_for(rule: Rule, expected: str, connections: int, pipelining: bool) -> None:
    server = ChaosServer(plan=plan_of(rule), pipelining=pipelining)
    sent = letters(6)
    with channel_to(server) as channel:
        outcomes = channel.send(sent)
        assert kinds(outcomes) == expected, outcomes
        check_books(server, sent, outcomes)
        assert server.connections == connections


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (Rule("RSET", CLOSE), "aaaaaa"),
        (Rule("DATA", RESET, SECOND), "aaaaaa"),
        (Rule("END", CLOSING, SECOND), "aaraaa"),
        (Rule("END", Act(keep=True, then="close"), SECOND), "aaraaa"),
        (Rule("END", Act(say="250 Ok", then="reset"), SECOND), "aaaaaa"),
        (Rule("RCPT", Act(say="550 5.1.1 unknown"), THIRD), "aaaraa"),
    ],
    ids=["all well", "reset at DATA", "421 at the end", "drop after the dot, kept", "reset after a consent", "refused"],
)
@pytest.mark.parametrize("pipelining", [True, False])
def test_every_message_is_accounted_for_inside_encryption(
    rule: Rule, expected: str, pipelining: bool, tmp_path: Path
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    server = ChaosServer(
        plan=plan_of(rule), pipelining=pipelining, tls=server_context(authority.issue_cert("localhost"))
    )
    sent = letters(6)
    with running(server) as port:
        channel = SmtpTransport(
            SmtpServer(host="localhost", port=port, timeout=PATIENT, ca_file=str(tmp_path / "ca.pem"))
        ).open()
        outcomes = [*channel.send(sent[:4]), *channel.send(sent[4:])]
        assert kinds(outcomes) == expected, outcomes
        check_books(server, sent, outcomes)
        assert server.connections == (1 if rule.moment in {"RSET", "RCPT"} else 2)
        channel.close()


@pytest.mark.parametrize(("bound", "connections"), [("_IDLE", 3), ("_AGE", 3), ("_STRIKES", 1)])
def test_a_connection_that_idled_or_is_old_is_opened_anew(
    bound: str, connections: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if bound != "_STRIKES":  # which has nothing to do with age
        monkeypatch.setattr(transport, bound, -1.0)
    server = ChaosServer()
    sent = letters(3)
    with channel_to(server) as channel:
        outcomes = [outcome for each in sent for outcome in channel.send([each])]
        check_books(server, sent, outcomes)
    assert kinds(outcomes) == "aaa"
    assert server.connections == connections


@pytest.mark.parametrize("pipelining", [True, False])
def test_a_server_that_takes_too_long_for_a_batch_gets_no_more_of_it(
    pipelining: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sender's lease on a batch is no longer than that; what is left is nobody's fault."""
    server = ChaosServer(pipelining=pipelining)
    sent = letters(4)
    with channel_to(server) as channel:
        with monkeypatch.context() as impatient:
            impatient.setattr(transport, "PATIENCE", 0)
            outcomes = channel.send(sent)
        assert kinds(outcomes) == "uuuu"
        assert all(isinstance(each, Unsent) and "too slow" in each.reason for each in outcomes)
        check_books(server, sent, outcomes)
        assert kinds(channel.send(sent)) == "aaaa"
    assert server.connections == 1


@pytest.mark.parametrize("pipelining", [True, False])
def test_four_answers_by_address_meet_the_four_messages_they_are_meant_for(pipelining: bool) -> None:
    replies = {0: "450 4.2.0 greylisted", 2: "550 5.1.1 unknown", 3: "552 5.2.2 full", 5: "550 5.7.1 policy"}
    rules = [Rule("RCPT", Act(say=reply), f"n{each}@example.org") for each, reply in replies.items()]
    server = ChaosServer(plan=plan_of(*rules), pipelining=pipelining)
    sent = letters(7)
    with channel_to(server) as channel:
        outcomes = channel.send(sent)
        # greylisting is over, and what is left of the refusals does not stick to the connection
        again = channel.send([sent[0]])
    codes = {at: each.code for at, each in enumerate(outcomes) if isinstance(each, Refused)}
    assert codes == {at: " ".join(reply.split()[:2]) for at, reply in replies.items()}
    assert kinds(again) == "a"
    assert server.connections == 1
    assert server.violations == []


@pytest.mark.parametrize("who", ["n0@example.org", "n2@example.org", "n4@example.org", ""])
def test_a_refused_message_that_is_asked_for_all_the_same_ends_before_it_begins(who: str) -> None:
    rule = Rule("RCPT", Act(say="550 5.1.1 unknown"), who, ALWAYS)
    server = ChaosServer(plan=plan_of(rule), data_after_refusal=True)
    sent = letters(5)
    with channel_to(server) as channel:
        outcomes = channel.send(sent)
        check_books(server, sent, outcomes)
        assert kinds(outcomes).count("r") == server.empty == (1 if who else 5)
        assert all(outcome.permanent for outcome in outcomes if isinstance(outcome, Refused))
    assert server.connections == 1


def test_no_recipient_gets_an_empty_mail_from_a_server_that_forgot_whom_it_refused() -> None:
    server = ChaosServer(plan=plan_of(Rule("MAIL", Act(say="550 5.7.1 not you"), times=ALWAYS)), forgets_refusals=True)
    sent = letters(3)
    with channel_to(server) as channel:
        outcomes = channel.send(sent)
        check_books(server, sent, outcomes)
    assert "a" not in kinds(outcomes)


@pytest.mark.parametrize("then", [CLOSE, RESET, Act(say="421 4.3.2 closing", then="close")])
@pytest.mark.parametrize("pipelining", [True, False])
def test_a_message_cut_off_before_its_dot_left_us_is_sent_again_at_once(then: Act, pipelining: bool) -> None:
    act = Act(say=then.say, then=then.then, after=1_000)
    server = ChaosServer(plan=plan_of(Rule("CONTENT", act, SECOND)), size=None, pipelining=pipelining)
    sent = letters(4)
    sent[2] = large(SECOND)
    with channel_to(server) as channel:
        outcomes = channel.send(sent)
        assert kinds(outcomes) == "aaaa"
        check_books(server, sent, outcomes)
    assert server.connections == 2


def test_a_server_that_refuses_in_the_middle_of_a_message_and_hangs_up_is_heard() -> None:
    act = Act(say="552 5.3.4 that is too much", then="close", after=1_000)
    server = ChaosServer(plan=plan_of(Rule("CONTENT", act, SECOND, ALWAYS)), size=None)
    sent = letters(4)
    sent[2] = large(SECOND)
    with channel_to(server) as channel:
        outcomes = channel.send(sent)
        assert kinds(outcomes) == "aara"
        check_books(server, sent, outcomes)
    assert isinstance(outcomes[2], Refused)
    assert (outcomes[2].permanent, outcomes[2].code) == (True, "552 5.3.4")


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize("act", [STALL, DRIBBLE], ids=["silence", "a dribble"])
@pytest.mark.parametrize("moment", ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "CONTENT", "END"])
def test_a_server_that_keeps_us_waiting_does_not_hold_the_channel(moment: Moment, act: Act, pipelining: bool) -> None:
    """A dribble would go on for as long as anybody listens."""
    if moment == "CONTENT":
        act = replace(act, after=1)  # what is said before is more than was asked for, and ends the connection at once
    server = ChaosServer(plan=plan_of(Rule(moment, act, times=ALWAYS)), pipelining=pipelining)
    sent = letters(3)
    with channel_to(server, timeout=SHORT) as channel:
        outcomes = channel.send(sent)
        check_books(server, sent, outcomes)
        expected = {"RCPT": "ruu", "DATA": "ruu", "CONTENT": "ruu", "END": "ruu"}
        assert kinds(outcomes) == expected.get(moment, "uuu"), outcomes
        assert server.connections == 1


def test_a_server_that_reads_nothing_does_not_hold_the_channel() -> None:
    server = ChaosServer(plan=plan_of(Rule("CONTENT", Act(then="leave"), times=ALWAYS)), size=None)
    sent = [large("n0@example.org"), *letters(3)[1:]]
    with channel_to(server, timeout=SHORT) as channel:
        outcomes = channel.send(sent)
        check_books(server, sent, outcomes)
        assert kinds(outcomes) == "ruu"
        assert not unknown(outcomes[0])


def test_a_server_that_left_while_we_idled_costs_nothing() -> None:
    server = ChaosServer(plan=plan_of(Rule("END", Act(say="250 Ok\r\n421 4.4.2 idle", then="close"), times=ALWAYS)))
    sent = letters(4)
    with channel_to(server) as channel:
        outcomes = [outcome for each in sent for outcome in channel.send([each])]
        check_books(server, sent, outcomes)
    assert kinds(outcomes) == "aaaa"
    assert server.connections == 4


def test_pipelining_can_be_turned_off() -> None:
    server = ChaosServer()
    server_alone = ChaosServer(pipelining=False)
    for each in (server, server_alone):
        sent = letters(5)
        with channel_to(each, pipeline=False) as channel:
            outcomes = channel.send(sent)
            check_books(each, sent, outcomes)
            assert kinds(outcomes) == "aaaaa"


@pytest.mark.parametrize(
    ("rule", "slipped_in", "said"),
    [
        (Rule("STARTTLS", CLOSE), b"", "cannot be reached|no trusted encryption"),
        (Rule("STARTTLS", Act(say="what encryption?", then="close")), b"", "no trusted encryption|cannot be reached"),
        (Rule("RSET", CLOSE), b"250 2.0.0 slipped in\r\n", "said more in the clear|no trusted encryption"),
    ],
    ids=["closed", "no handshake", "something slipped in before it"],
)
def test_encryption_that_fails_sends_nothing(rule: Rule, slipped_in: bytes, said: str, tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    server = ChaosServer(
        plan=plan_of(rule), tls=server_context(authority.issue_cert("localhost")), slipped_in=slipped_in
    )
    with running(server) as port:
        channel = SmtpTransport(
            SmtpServer(host="localhost", port=port, timeout=PATIENT, ca_file=str(tmp_path / "ca.pem"))
        ).open()
        (outcome,) = channel.send(letters(1))
        channel.close()
    assert isinstance(outcome, Unsent)
    assert server.stored == []
    assert re.search(said, outcome.reason), outcome

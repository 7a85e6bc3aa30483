"""Whose fault a refusal is, and whether trying again makes sense: by the enhanced code, else by the words."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialalerts.delivery.transports.smtp.replies import SmtpReply, refusal, reply_line, wait_asked


def meaning(line: str) -> str:
    outcome = refusal(SmtpReply(int(line[:3]), line[4:].encode()), "recipient")
    return " ".join(word for word, said in (("permanent", outcome.permanent), ("ours", outcome.ours)) if said) or "soft"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("550 5.1.1 User unknown", "permanent"),
        ("550 5.1.10 Recipient not found", "permanent"),
        ("550 5.4.1 Recipient address rejected: Access denied", "permanent"),
        ("550 5.2.1 The account is disabled", "soft"),
        ("553 5.1.8 Sender address rejected: Domain not found", "ours"),
        ("553 5.1.7 Bad sender", "ours"),
        ("550 5.7.1 Our system has detected unsolicited mail", "ours"),
        ("550 5.7.26 Unauthenticated", "ours"),
        ("550 5.7.515 Access denied, sending domain does not meet the required level", "ours"),
        ("552 5.2.2 The mailbox is full", "soft"),
        ("550 5.2.2 Over quota", "soft"),
        ("552 5.3.4 Message too big", "permanent ours"),
        ("554 5.6.0 Malformed", "permanent ours"),
        ("503 5.5.1 Bad sequence", "ours"),
        ("450 4.2.0 Greylisted", "soft"),
        ("450 4.1.1 User unknown for now", "soft"),
        ("421 4.7.0 Too many", "ours"),
        ("550 No such user here", "permanent"),
        ("550 Unknown user", "permanent"),
        ("550 Requested action not taken: mailbox unavailable", "soft"),
        ("550 The email account that you tried to reach does not exist", "permanent"),
        ("550 Invalid recipient", "permanent"),
        ("550 Recipient address rejected: User unknown in relay recipient table", "permanent"),
        ("550 mailbox not found", "permanent"),
        ("550 5.0.0 user unknown", "permanent"),
        ("554 5.0.0 Service unavailable", "soft"),
        ("550 Sender address rejected: Domain not found", "ours"),
        ("554 Relay access denied", "ours"),
        ("550 Blocked by spam filter", "ours"),
        ("554 Your host is listed in a blacklist", "ours"),
        ("552 Mailbox size limit exceeded", "soft"),
        ("552 Quota exceeded", "soft"),
        ("550 mailbox is full", "soft"),
        ("550 Message too large", "permanent ours"),
        ("550 No", "soft"),
        ("554 Transaction failed", "soft"),
        ("550", "soft"),
    ],
)
def test_a_refusal_has_the_meaning_of_its_code_or_else_of_its_words(line: str, expected: str) -> None:
    assert meaning(line) == expected


@pytest.mark.parametrize(
    ("line", "seconds"),
    [
        ("450 4.2.0 Greylisted, try again in 300 seconds", 300),
        ("451 4.7.1 come back in 5 minutes", 300),
        ("421 4.7.0 try in 1 hour", 3_600),
        ("450 retry after 60s", 60),
        ("450 4.2.0 error 42", None),
        ("450 wait 99999 hours", 86_400),
        ("450 wait 0 seconds", None),
        ("550 5.1.1 gone for 30 days, 5 seconds", None),
    ],
)
def test_a_wait_that_was_asked_for_is_heard(line: str, seconds: float | None) -> None:
    assert wait_asked(SmtpReply(int(line[:3]), line[4:].encode())) == seconds


@given(st.binary(max_size=2_000))
def test_whatever_a_server_says_becomes_one_short_printable_line_without_the_address(text: bytes) -> None:
    said = reply_line(
        SmtpReply(550, text + b" <Mona.Lisa@example.org> user mona.lisa, mona.lisa%40example.org"),
        private="mona.lisa@example.org",
    )
    assert said.isprintable()
    assert len(said) <= 200
    assert "mona.lisa" not in said.lower()
    assert "@" not in said


def test_the_cases_of_own_fault_are_ours_and_not_for_good(shared_cases: Path) -> None:
    for line in (shared_cases / "own-fault-5.1.x-at-the-door" / "replies.txt").read_text().splitlines():
        assert meaning(line) == "ours", line


def test_a_mailbox_that_is_unavailable_is_no_fault_of_ours(shared_cases: Path) -> None:
    for line in (shared_cases / "mailbox-unavailable-with-5.5.0" / "replies.txt").read_text().splitlines():
        assert meaning(line) == "permanent"

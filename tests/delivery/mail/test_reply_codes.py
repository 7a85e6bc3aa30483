"""What mail servers' replies mean: each made-up reply of the reference has its class, and nothing harms the reader."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import missing
from tests.delivery.reply_rows import ROWS, TABLE, Row, rows
from trialalerts.delivery.mail.reply_codes import BounceClass, ProviderSays, Stage, classify


def test_the_table_of_replies_is_there() -> None:
    if not ROWS:
        missing(f"the replies are not at {TABLE} (set TRIALALERTS_TEST_REFERENCE)")
    assert len(ROWS) == 150


@pytest.mark.parametrize(("reply", "expected"), rows("door"), ids=str)
def test_a_reply_at_the_door_has_its_class(reply: str, expected: str) -> None:
    stage, _, words = reply.partition("] ")
    assert classify(words, stage=Stage(stage[1:].lower())).bounce_class == expected


@pytest.mark.parametrize(("reply", "expected"), [row for row in rows("dsn") if row[0].startswith("Action")], ids=str)
def test_the_fields_of_a_report_have_their_class(reply: str, expected: str) -> None:
    fields = dict(field.split(": ", 1) for field in re.split(r" \| ", reply) if ": " in field)
    judged = classify(
        fields.get("Diagnostic-Code", "").partition(";")[2],
        status=fields.get("Status"),
        host=fields.get("Remote-MTA", ""),
        report=fields.get("text", ""),
        trying=fields["Action"] == "delayed",
    )
    assert judged.bounce_class == expected


@pytest.mark.parametrize(
    ("words", "expected", "brake"),
    [
        ("550 5.1.0 <b@bounce.example.org> originator refused by the reputation filter", "ours", "reputation"),
        ("550 5.1.1 More recipients in a day than your plan has", "gone", None),
        ("550 5.1.1 Daily recipient limit of your account exceeded", "ours", "rate"),
        ("421 4.7.28 Unusual rate of mail from 192.0.2.7, try again later", "ours", "rate"),
        ("450 4.2.1 The user you are trying to contact is receiving mail too quickly", "ours", "rate"),
        ("550 5.1.1 The user that you tried to contact does not exist", "gone", None),
        ("550 5.7.1 Your host sends too many complaints", "ours", "reputation"),
        ("550 5.7.1 your IP address is blocked, too many messages", "ours", "reputation"),
        ("550 5.7.133 authentication required; only members may write", "ours", "restricted"),
        ("550 5.1.8 Access denied, your domain has a bad name", "ours", "sender"),
        ("550 5.7.1 Relay access denied", "ours", "auth"),
        ("553 sorry, that domain isn't in my list of allowed rcpthosts", "ours", "auth"),
        ("550 5.1.2 Too many connections from 192.0.2.7", "ours", "rate"),
        ("550 5.1.3 rejected: 192.0.2.7 stands on our deny list", "ours", "list"),
        ("550 5.1.0 The return path <b@bounce.example.org> could not be verified", "ours", "sender"),
        ("553 5.1.6 HELO mail.local is not a name", "ours", "auth"),
        ("554 We found no PTR for 192.0.2.7", "ours", "auth"),
        ("550 relaying prohibited by administrator", "ours", "auth"),
        ("550 5.5.0 mailbox not available", "gone", None),
        ("550 5.5.1 mailbox unavailable", "unwell", None),
        ("553 5.5.4 <mona@example.net>: no such user", "gone", None),
        ("550 5.5.2 syntax error", "ours", "greeting"),
    ],
)
def test_codes_lose_to_words(words: str, expected: str, brake: str | None) -> None:
    judged = classify(words, stage=Stage.RCPT)
    assert (judged.bounce_class, judged.brake) == (expected, brake)


def test_our_own_sentence_would_be_no_word_of_a_server_but_an_address_is_taken_out() -> None:
    judged = classify("550 5.1.1 <spam.blocked@policy.example>: unknown user")
    assert (judged.bounce_class, judged.rule, judged.code) == (BounceClass.GONE, "gone.unknown", "550 5.1.1")
    assert "@" not in judged.evidence


@pytest.mark.parametrize("provider", [ProviderSays.SOFT, ProviderSays.OURS, ProviderSays.UNWELL, ProviderSays.MESSAGE])
def test_a_provider_that_says_otherwise_forbids_to_call_an_address_dead(provider: ProviderSays) -> None:
    assert not classify("550 5.1.1 user unknown", provider=provider).is_gone


@pytest.mark.parametrize(
    ("words", "gone"),
    [("", True), ("550 5.1.1", True), ("550", True), ("552 5.2.2 mailbox full", False), ("451 later", False),
     ("550 5.7.1 spam", False), ("550 Transaction failed", False)],
)  # fmt: skip
def test_permanent_is_a_proof_only_where_the_other_server_says_nothing(words: str, gone: bool) -> None:
    assert classify(words, provider=ProviderSays.PERMANENT).is_gone is gone


def test_a_bare_unavailable_is_believed_of_those_who_document_it() -> None:
    words = "550 Requested action not taken: mailbox unavailable"
    assert classify(words, host="dns; mx00.kundenserver.de").is_gone
    assert not classify(words, host="mx.example.net").is_gone
    listed = classify(f"{words}; 192.0.2.7 is on a block list", host="mx00.kundenserver.de")
    assert listed.bounce_class is BounceClass.OURS


_HOSTILE = [
    "<",
    "@",
    "a@",
    "§",
    "user ",
    "not ",
    "550 ",
    "5.1.1 ",
    "your ",
    "host said: ",
    "a.",
    "1.1.1.1 ",
    "from ",
    "(",
]


@pytest.mark.parametrize("sign", _HOSTILE)
def test_hostile_words_cost_no_more_than_their_length(sign: str) -> None:
    started = time.process_time()
    for _ in range(3):
        classify(sign * (4_000 // len(sign)))
    assert time.process_time() - started < 1.5


@given(st.text(max_size=300), st.none() | st.text(max_size=30), st.sampled_from([None, *ProviderSays]))
def test_any_words_have_a_class_a_rule_and_short_evidence(
    words: str, status: str | None, provider: ProviderSays | None
) -> None:
    judged = classify(words, status=status, provider=provider)
    assert judged.rule
    assert len(judged.evidence) <= 120
    assert (judged.brake is not None) == (judged.bounce_class is BounceClass.OURS)


_ABOUT_US = [row for row in ROWS if row.where == "door" and row.expected == "ours"]


@pytest.mark.parametrize("row", _ABOUT_US, ids=lambda row: row.said)
@pytest.mark.parametrize("code", ["5.1.1", "5.1.10", "5.2.2"])
def test_what_is_ours_never_becomes_a_dead_address_by_a_code(row: Row, code: str) -> None:
    words = row.said.partition("] ")[2]
    for other in (f"{words[:3]} {code} {words[4:]}", f"{words} (#{code})"):
        assert not classify(other).is_gone

"""What mail servers' codes and words mean for an address."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialalerts.delivery.feedback.events import Reason
from trialalerts.delivery.feedback.verdicts import judge

GONE = (Reason.INVALID, True)
UNWELL = (Reason.BOUNCED, False)
US = (Reason.BLOCKED, False)
LATE = (Reason.TIMED_OUT, False)


@pytest.mark.parametrize(
    ("status", "text", "verdict", "code"),
    [
        ("5.1.1", "", GONE, "5.1.1"),
        ("5.1.10", "550 5.1.10 RESOLVER.ADR.RecipientNotFound; not found by SMTP address lookup", GONE, "550 5.1.10"),
        ("5.0.0", "550-5.1.1 The email account that you tried to reach does not exist.", GONE, "550 5.1.1"),
        ("5.1.2", "Host unknown", GONE, "5.1.2"),
        (None, "550 5.1.1 <x>: Recipient address rejected: User unknown in virtual mailbox table", GONE, "550 5.1.1"),
        (None, "550 No such user here", GONE, "550"),
        (None, "550 sorry, no mailbox here by that name. (#5.1.1)", GONE, "550 5.1.1"),
        (None, "554 delivery error: This user doesn't have an account", UNWELL, "554"),
        ("5.1.8", "501 5.1.8 Bad sender's system address", US, "501 5.1.8"),
        ("5.2.2", "552 5.2.2 mailbox full", UNWELL, "552 5.2.2"),
        ("5.2.1", "550 5.2.1 The account is inactive", UNWELL, "550 5.2.1"),
        ("4.2.2", "452 4.2.2 over quota", UNWELL, "452 4.2.2"),
        ("4.4.7", "delivery expired", LATE, "4.4.7"),
        ("5.4.7", "550 5.4.7 QUEUE.Expired; message expired", LATE, "550 5.4.7"),
        (None, "550 5.7.515 Access denied, the sending domain does not pass authentication", US, "550 5.7.515"),
        (None, "550 5.7.1 user unknown", US, "550 5.7.1"),
        ("4.7.0", "421 4.7.0 IP not in whitelist", US, "421 4.7.0"),
        (None, "554 Message blocked: listed at spamhaus", US, "554"),
        (None, "550 rejected due to DMARC", US, "550"),
        ("5.6.0", "554 5.6.0 message content is not acceptable", US, "554 5.6.0"),
        (None, "550 Requested action not taken: mailbox unavailable", UNWELL, "550"),
        (None, "451 user unknown for the moment, try again", UNWELL, "451"),
        (None, "", UNWELL, None),
        (None, "192.0.2.1 said: 2024-05-01", UNWELL, None),
    ],
    ids=str,
)
def test_a_verdict(status: str | None, text: str, verdict: tuple[Reason, bool], code: str | None) -> None:
    judged = judge(status, text)
    assert (judged.reason, judged.hard) == verdict
    assert judged.code == code


@pytest.mark.parametrize(
    ("status", "text", "hard"),
    [
        (None, "", True),
        (None, "550 something", True),
        ("5.4.4", "unrouteable", True),
        (None, "552 5.2.2 mailbox full", False),
        (None, "451 later", False),
        (None, "550 5.7.1 spam", False),
        (None, "554 blocked", False),
    ],
    ids=str,
)
def test_a_provider_is_believed_only_where_nothing_says_otherwise(status: str | None, text: str, hard: bool) -> None:
    assert judge(status, text, permanent=True).hard is hard


@given(st.none() | st.text(max_size=30), st.text(max_size=300), st.none() | st.booleans())
def test_any_words_are_judged(status: str | None, text: str, permanent: bool | None) -> None:
    judged = judge(status, text, permanent=permanent)
    assert not (judged.hard and judged.reason is Reason.BLOCKED)

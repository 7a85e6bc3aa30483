"""Mails that come back: what each says, and that only a signed address is believed."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.delivery.feedback.bounce_samples import SAMPLES, sample
from tests.delivery.feedback.stage import SETTINGS
from tests.delivery.post import NOW
from trialalerts.delivery.feedback.events import Event, EventKind, FeedbackReason, Malformed
from trialalerts.delivery.feedback.mailbox.bounces import events_of
from trialalerts.delivery.mail.verp import delivery_metadata, delivery_of, return_address

OURS = return_address(SETTINGS, 7)
THEIRS = "b+abcdefghijklmnopqrst@bounce.example.org"
REPORTS = sorted(
    name for name, text in SAMPLES.items() if "multipart/report; report-type=d" in text and "status" in text
)


def is_ours(address: str) -> bool:
    return delivery_of(SETTINGS, address) is not None


def heard(content: bytes) -> list[Event]:
    return events_of(content, arrived=NOW, is_ours=is_ours)


@pytest.mark.parametrize(
    ("name", "kind", "reason", "hard", "code"),
    [
        ("postfix", EventKind.BOUNCED, FeedbackReason.INVALID, True, "550 5.1.1"),
        ("postfix_full", EventKind.BOUNCED, FeedbackReason.BOUNCED, False, "552 5.2.2"),
        ("postfix_policy", EventKind.BOUNCED, FeedbackReason.BLOCKED, False, "550 5.7.1"),
        ("postfix_late", EventKind.DEFERRED, None, None, "550 5.1.1"),
        ("postfix_delivered", EventKind.DELIVERED, None, False, None),
        ("exim", EventKind.BOUNCED, FeedbackReason.INVALID, True, "550 5.1.1"),
        ("exim_prose", EventKind.BOUNCED, FeedbackReason.INVALID, True, "550 5.1.1"),
        ("exim_warning", EventKind.DEFERRED, FeedbackReason.BOUNCED, False, None),
        ("exchange", EventKind.BOUNCED, FeedbackReason.INVALID, True, "550 5.1.10"),
        ("gmail", EventKind.BOUNCED, FeedbackReason.INVALID, True, "550 5.1.1"),
        ("qmail", EventKind.BOUNCED, FeedbackReason.INVALID, True, "550 5.1.1"),
        ("qmail_full", EventKind.BOUNCED, FeedbackReason.BOUNCED, False, "552 5.2.2"),
        ("complaint", EventKind.COMPLAINED, None, False, None),
        ("complaint_redacted", EventKind.COMPLAINED, None, False, None),
        ("not_spam", EventKind.UNKNOWN, None, False, None),
        ("vacation", EventKind.AUTORESPONDED, None, False, None),
        ("exchange_vacation", EventKind.AUTORESPONDED, None, False, None),
        ("old_vacation", EventKind.AUTORESPONDED, None, False, None),
        ("read_receipt", EventKind.AUTORESPONDED, None, False, None),
        ("person", EventKind.UNKNOWN, None, False, None),
    ],
)
def test_what_a_mail_tells(
    name: str, kind: EventKind, reason: FeedbackReason | None, hard: bool | None, code: str | None
) -> None:
    (event,) = heard(sample(name, OURS))
    assert event.provider == "mailbox"
    assert (event.kind, event.code) == (kind, code)
    assert reason is None or event.reason is reason
    assert hard is None or event.hard is hard
    assert event.token is not None
    assert delivery_of(SETTINGS, event.token) == 7
    assert event.at == NOW


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_a_token_that_we_did_not_sign_is_not_believed(name: str) -> None:
    for event in heard(sample(name, THEIRS)):
        assert event.token is None
        assert event.kind is not EventKind.AUTORESPONDED


@pytest.mark.parametrize("name", ["exim_prose", "exim_warning", "qmail", "vacation", "person"])
def test_prose_without_a_signed_address_is_no_news_at_all(name: str) -> None:
    assert heard(sample(name, THEIRS)) == []


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_nothing_of_what_our_own_mail_said_is_kept(name: str) -> None:
    for event in heard(sample(name, OURS)):
        assert "digest" not in event.raw
        assert "trial" not in event.raw


def test_each_recipient_of_a_report_is_told_of() -> None:
    one, other = heard(sample("postfix_several", OURS))
    assert [(each.kind, each.hard) for each in (one, other)] == [(EventKind.SENT, False), (EventKind.BOUNCED, True)]
    assert one.event_id != other.event_id


def test_the_same_mail_has_the_same_id_and_another_another() -> None:
    ids = {heard(sample("postfix", OURS))[0].event_id for _ in range(2)}
    assert len(ids) == 1
    assert heard(sample("postfix", return_address(SETTINGS, 8)))[0].event_id not in ids


def test_the_token_is_found_in_what_the_report_quotes() -> None:
    content = sample("exim", OURS).decode()
    head, _, rest = content.partition("\r\n\r\n")
    lines = [line for line in head.splitlines() if OURS not in line]
    (event,) = heard("\r\n".join([*lines, "To: postmaster@example.org", "", rest]).encode())
    assert event.token == OURS


def test_the_token_is_found_in_quoted_metadata() -> None:
    token = delivery_metadata(SETTINGS, 7)["delivery"]
    content = (
        sample("exim", THEIRS)
        .decode()
        .replace("Subject: Your", f'X-Metadata: {{"delivery":"{token}"}}\r\nSubject: Your')
    )
    (event,) = heard(content.encode())
    assert event.token == token


def test_a_quoted_address_in_the_words_of_a_stranger_is_not_believed() -> None:
    content = (
        f"From: MAILER-DAEMON@example.net\r\nTo: x@example.org\r\n\r\n<{OURS}>: 550 5.1.1 could not be delivered\r\n"
    )
    assert heard(content.encode()) == []


def test_a_report_in_the_international_form_is_read() -> None:
    content = sample("postfix", OURS).replace(b"message/delivery-status", b"message/global-delivery-status")
    (event,) = heard(content)
    assert (event.kind, event.code) == (EventKind.BOUNCED, "550 5.1.1")


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_cut_off_behind_its_status_is_still_read(name: str) -> None:
    content = sample(name, OURS)
    cut = content[: content.index(b"\r\n--=_edge\r\n", content.index(b"Action:")) + 10]
    assert [(event.kind, event.code) for event in heard(cut)] == [(event.kind, event.code) for event in heard(content)]


@given(st.binary(max_size=2_000))
def test_any_bytes_are_read_or_refused_in_a_known_way(content: bytes) -> None:
    try:
        events = heard(content)
    except Malformed:
        return
    assert events == []


@given(st.sampled_from(sorted(SAMPLES)), st.data())
def test_a_mail_with_any_bytes_within_is_read_or_refused(name: str, data: st.DataObject) -> None:
    content = sample(name, OURS)
    start = data.draw(st.integers(0, len(content)))
    end = data.draw(st.integers(start, min(len(content), start + 40)))
    try:
        events = heard(content[:start] + data.draw(st.binary(max_size=40)) + content[end:])
    except Malformed:
        return
    for event in events:
        assert "\x00" not in f"{event.raw}{event.code}{event.token}"
        event.raw.encode()


def test_parts_within_parts_within_parts_break_nothing() -> None:
    nested = b"".join(
        b'Content-Type: multipart/mixed; boundary="e%d"\r\n\r\n--e%d\r\n' % (depth, depth) for depth in range(3_000)
    )
    with suppress(Malformed):
        assert heard(nested) == []


def test_a_complaint_that_names_nobody_is_matched_by_the_return_address_in_the_quoted_headers(
    shared_cases: Path,
) -> None:
    raw = (shared_cases / "complaint-sparse-arf" / "a.eml").read_bytes()
    address = return_address(SETTINGS, 17)
    mail = raw.replace(b"{RETURN_ADDRESS}", address.encode())
    (event,) = heard(mail)
    assert event.kind is EventKind.COMPLAINED
    assert delivery_of(SETTINGS, event.token or "") == 17

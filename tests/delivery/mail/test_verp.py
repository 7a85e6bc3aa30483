"""Return addresses: each names its delivery, and nobody else can make one."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from tests.delivery.post import NOW, settings
from trialalerts.delivery.mail.verp import delivery_metadata, delivery_of, report_headers, return_address
from trialalerts.errors import ConfigurationError
from trialalerts.settings import FeedbackSettings, MailSettings, ServiceSettings, Settings

OURS = settings(bounces="b@bounce.example.org", **{"from": "Trial Alerts <alerts@example.org>"})
THEIRS = Settings(service=ServiceSettings(secret=SecretStr("another secret")), mail=OURS.mail)
NUMBERS = st.integers(min_value=0, max_value=2**63 - 1)


@given(NUMBERS)
def test_a_return_address_names_its_delivery_and_is_an_address(number: int) -> None:
    address = return_address(OURS, number)
    assert re.fullmatch(r"b\+[a-z2-7]{17,29}@bounce\.example\.org", address)
    assert len(address.rpartition("@")[0]) <= 64
    for written in (address, f"<{address}>", address.upper(), f" {address}\n", address.replace("bounce.", "mx.")):
        assert delivery_of(OURS, written) == number


@given(NUMBERS)
def test_metadata_names_its_delivery(number: int) -> None:
    (token,) = delivery_metadata(OURS, number).values()
    assert re.fullmatch(r"[a-z2-7]+", token)
    assert delivery_of(OURS, token) == number


@given(NUMBERS)
def test_a_token_of_another_secret_names_nothing(number: int) -> None:
    assert delivery_of(OURS, return_address(THEIRS, number)) is None


@given(NUMBERS, st.data())
def test_a_token_with_one_letter_changed_names_nothing(number: int, data: st.DataObject) -> None:
    token = delivery_metadata(OURS, number)["delivery"]
    place = data.draw(st.integers(0, len(token) - 1))
    letter = data.draw(st.sampled_from("abcdefghijklmnopqrstuvwxyz234567").filter(lambda new: new != token[place]))
    assert delivery_of(OURS, token[:place] + letter + token[place + 1 :]) is None


@given(st.text(max_size=80) | st.text(alphabet="abcdefghij234567+@<>=", max_size=80))
def test_any_text_names_nothing_and_breaks_nothing(text: str) -> None:
    assert delivery_of(OURS, text) is None


def test_without_a_bounce_mailbox_bounces_go_to_the_sender() -> None:
    plain = settings(**{"from": "Trial Alerts <alerts@example.org>"})
    assert return_address(plain, 7) == "alerts@example.org"


@pytest.mark.parametrize("bounces", ["bounce.example.org", "@example.org", "b@", f"{'b' * 40}@example.org"])
def test_a_bounce_mailbox_that_leaves_no_room_is_told(bounces: str) -> None:
    with pytest.raises(ConfigurationError, match=r"mail\.bounces"):
        return_address(OURS.model_copy(update={"mail": MailSettings(bounces=bounces)}), 7)


def test_without_a_secret_nothing_is_signed() -> None:
    with pytest.raises(ConfigurationError, match=r"service\.secret"):
        delivery_metadata(Settings(), 7)


@pytest.mark.parametrize("kind", ["digest", "confirmation"])
def test_feedback_id_has_four_fields_and_its_third_names_the_delivery(kind: str) -> None:
    (header,) = report_headers(OURS, 17, kind=kind, at=NOW)
    assert header[0] == "Feedback-ID"
    told, week, token, sender = header[1].split(":")
    assert (told, week, sender) == (kind, "2026w10", "example.org")
    assert delivery_of(OURS, token) == 17


def test_complaints_are_asked_for_only_where_a_mailbox_is_read() -> None:
    read = OURS.model_copy(update={"feedback": FeedbackSettings(mailbox=SecretStr("maildir:///var/mail/b"))})
    found = dict(report_headers(read, 17, kind="digest", at=NOW))
    address, report = found["CFBL-Address"].split("; ")
    assert (address, report) == (return_address(read, 17), "report=arf")
    assert delivery_of(read, address) == delivery_of(read, found["CFBL-Feedback-ID"]) == 17
    bounceless = read.model_copy(update={"mail": read.mail.model_copy(update={"bounces": ""})})
    assert [name for name, _ in report_headers(bounceless, 17, kind="digest", at=NOW)] == ["Feedback-ID"]

"""Tokens: what is signed is read back, anything else is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import URLSafeTimedSerializer
from pydantic import SecretStr

from trialalerts.clock import FrozenClock
from trialalerts.errors import ConfigurationError, TokenError
from trialalerts.settings import ServiceSettings, Settings
from trialalerts.subscribers.links import Links
from trialalerts.subscribers.tables import Frequency, Subscriber, SubscriberState
from trialalerts.subscribers.tokens import Purpose, Tokens, TokenTooOld

SECRET = "a secret for tests only"
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."

purposes = st.sampled_from(list(Purpose))
keys = st.text(alphabet=ALPHABET[:-1], min_size=1, max_size=30)
ids = st.lists(st.integers(min_value=1, max_value=2**63 - 1), max_size=50)


def tokens(at: datetime = NOW) -> Tokens:
    return Tokens(SECRET, FrozenClock(at))


@given(purpose=purposes, key=keys, numbers=ids)
def test_a_token_reads_back_what_was_signed(purpose: Purpose, key: str, numbers: list[int]) -> None:
    token = tokens().sign(purpose, key, preferences=numbers, digest=7)
    read = tokens().read(purpose, token, max_age=timedelta(0))
    assert (read.key, dict(read.data), read.signed_at) == (key, {"preferences": numbers, "digest": 7}, NOW)


@given(purpose=purposes, key=keys, number=st.integers(min_value=1, max_value=2**63 - 1))
def test_a_token_is_one_that_the_library_itself_reads(purpose: Purpose, key: str, number: int) -> None:
    settings = {"key_derivation": "hmac", "digest_method": sha256}
    library = URLSafeTimedSerializer(SECRET, salt=f"trialalerts.{purpose}", signer_kwargs=settings)
    read, signed_at = library.loads(tokens().sign(purpose, key, digest=number), return_timestamp=True)
    assert (read, signed_at) == ([key, {"digest": number}], NOW)


@given(purpose=purposes, key=keys)
def test_a_token_needs_no_escaping_in_a_url(purpose: Purpose, key: str) -> None:
    assert set(tokens().sign(purpose, key)) <= set(ALPHABET)


@given(key=keys, numbers=ids, data=st.data())
def test_a_token_with_any_character_changed_is_refused(key: str, numbers: list[int], data: st.DataObject) -> None:
    token = tokens().sign(Purpose.CONFIRM, key, preferences=numbers)
    place = data.draw(st.integers(min_value=0, max_value=len(token) - 1))
    other = data.draw(st.one_of(st.sampled_from(ALPHABET), st.characters()).filter(lambda sign: sign != token[place]))
    with pytest.raises(TokenError):
        tokens().read(Purpose.CONFIRM, token[:place] + other + token[place + 1 :], max_age=None)


def test_every_single_change_of_the_last_character_is_refused() -> None:
    token = tokens().sign(Purpose.UNSUBSCRIBE, "key")
    for sign in set(ALPHABET) - {token[-1]}:
        with pytest.raises(TokenError):
            tokens().read(Purpose.UNSUBSCRIBE, token[:-1] + sign, max_age=None)


@given(text=st.text())
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(TokenError, match="incomplete or was changed"):
        tokens().read(Purpose.DIGEST, text, max_age=None)


@given(signed=purposes, read=purposes, key=keys)
def test_a_token_serves_no_other_purpose(signed: Purpose, read: Purpose, key: str) -> None:
    token = tokens().sign(signed, key)
    if signed is read:
        assert tokens().read(read, token, max_age=None).key == key
        return
    with pytest.raises(TokenError):
        tokens().read(read, token, max_age=None)


def test_a_token_of_another_secret_is_refused() -> None:
    with pytest.raises(TokenError):
        tokens().read(Purpose.CONFIRM, Tokens("another", FrozenClock(NOW)).sign(Purpose.CONFIRM, "key"), max_age=None)


@given(age=st.integers(min_value=0, max_value=20 * 86_400), limit=st.integers(min_value=0, max_value=20 * 86_400))
def test_a_token_is_good_up_to_its_age_and_not_a_second_longer(age: int, limit: int) -> None:
    token = tokens().sign(Purpose.CONFIRM, "key")
    later = tokens(NOW + timedelta(seconds=age))
    if age <= limit:
        assert later.read(Purpose.CONFIRM, token, max_age=timedelta(seconds=limit)).key == "key"
        return
    with pytest.raises(TokenTooOld):
        later.read(Purpose.CONFIRM, token, max_age=timedelta(seconds=limit))


def test_a_token_without_an_age_limit_is_good_for_ever() -> None:
    token = tokens().sign(Purpose.UNSUBSCRIBE, "key")
    assert tokens(NOW + timedelta(days=3650)).read(Purpose.UNSUBSCRIBE, token, max_age=None).key == "key"


def test_an_empty_secret_is_a_wrong_configuration() -> None:
    with pytest.raises(ConfigurationError, match=r"service\.secret.*trialalerts init"):
        Tokens("")


def test_links_show_neither_address_nor_disease() -> None:
    settings = Settings(service=ServiceSettings(secret=SecretStr(SECRET), base_url="https://alerts.example.org/"))
    links = Links(settings, FrozenClock(NOW))
    subscriber = Subscriber(
        id=4,
        key="k3y",
        address="mona@example.org",
        address_key="mona@example.org",
        state=SubscriberState.ACTIVE,
        locale="en",
        timezone="UTC",
        frequency=Frequency.DAILY,
        created_at=NOW,
    )
    urls = {
        Purpose.CONFIRM: links.confirm(subscriber, [9, 3]),
        Purpose.UNSUBSCRIBE: links.unsubscribe(subscriber),
        Purpose.PREFERENCES: links.preferences(subscriber),
        Purpose.DIGEST: links.digest(17, subscriber),
    }
    paths = {
        Purpose.CONFIRM: "/confirm/",
        Purpose.UNSUBSCRIBE: "/unsubscribe/",
        Purpose.PREFERENCES: "/preferences/",
        Purpose.DIGEST: "/digests/",
    }
    data = {}
    for purpose, url in urls.items():
        start = f"https://alerts.example.org{paths[purpose]}"
        assert url.startswith(start)
        read = tokens().read(purpose, url.removeprefix(start), max_age=None)
        assert read.key == "k3y"
        data[purpose] = dict(read.data)
    assert data[Purpose.CONFIRM] == {"preferences": [3, 9]}
    assert data[Purpose.DIGEST] == {"digest": 17}
    assert links.one_click(subscriber) == urls[Purpose.UNSUBSCRIBE]

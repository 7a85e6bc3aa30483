"""The signed tokens that stand in links: what they carry, how they are checked, when they are too old.

A token carries the subscriber's random key and numbers, never an address or a disease. Each purpose has
its own salt, so that a token made to unsubscribe confirms nothing.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from hashlib import sha256
from typing import Any, cast

import orjson
from itsdangerous import BadSignature, Signer, TimestampSigner, URLSafeTimedSerializer
from itsdangerous.encoding import base64_encode, int_to_bytes, want_bytes

from trialalerts.clock import Clock, SystemClock
from trialalerts.errors import ConfigurationError, TokenError

__all__ = ["Purpose", "TokenData", "TokenTooOld", "Tokens", "keyed_digest", "required_secret"]


_SHORT = 100
"""Bytes: what is longer may be compressed."""


class Purpose(StrEnum):
    """What a token is good for, and for nothing else.

    ``fresh`` opens the settings, as ``preferences`` does, and shows that whoever has it reads the mails of today.
    Those of the desk are its editors', not subscribers': a link, the cookie of a session, and what its forms carry.
    """

    CONFIRM = "confirm"
    UNSUBSCRIBE = "unsubscribe"
    PREFERENCES = "preferences"
    FRESH = "fresh"
    DIGEST = "digest"
    STOP = "stop"
    UNDO = "undo"
    ADDRESS = "address"
    FOLLOW = "follow"
    ANNOUNCEMENT = "announcement"
    OBJECT = "object"
    DESK_LINK = "desk link"
    DESK_SESSION = "desk session"
    DESK_FORM = "desk form"
    NUDGE = "nudge"


class TokenTooOld(TokenError):
    """A signed link was once right, but its time is over."""


@dataclass(frozen=True, kw_only=True)
class TokenData:
    """What a token says: the subscriber's ``key``, more ids in ``data``, and when it was signed (to the second)."""

    key: str
    data: Mapping[str, Any]
    signed_at: datetime


class Tokens:
    """Signs and reads tokens with one secret.

    Raises:
        ConfigurationError: the secret is empty.
    """

    def __init__(self, secret: str, clock: Clock | None = None, *, previous: Sequence[str] = ()) -> None:
        """``previous`` are secrets of before: what they signed is still read."""
        self._clock = clock or SystemClock()
        self._previous = [Tokens(each, self._clock) for each in previous if each]
        self._serializers = {purpose: _serializer(required_secret(secret), purpose, self._clock) for purpose in Purpose}

    def sign(self, purpose: Purpose, key: str, **data: int | str | list[int]) -> str:
        """Return a token of URL-safe characters for the subscriber with this ``key``; ``data`` are ids."""
        return self._serializers[purpose].dumps([key, data])

    def read(self, purpose: Purpose, token: str, *, max_age: timedelta | None) -> TokenData:
        """Return what the token says.

        Raises:
            TokenTooOld: it was signed more than ``max_age`` ago.
            TokenError: it is broken, changed, or made for another purpose.
        """
        try:
            (key, data), signed_at = self._serializers[purpose].loads(token, return_timestamp=True)
        except (BadSignature, UnicodeError, ValueError, TypeError):
            for earlier in self._previous:
                try:
                    return earlier.read(purpose, token, max_age=max_age)
                except TokenTooOld:
                    raise
                except TokenError:
                    continue
            raise TokenError("This link is incomplete or was changed; open it again from the e-mail.") from None
        if max_age is not None and self._clock.now() - signed_at > max_age:
            raise TokenTooOld("This link is too old; ask for a new one.")
        return TokenData(key=key, data=data, signed_at=signed_at.astimezone(UTC))


class _StrictSigner(TimestampSigner):
    """Compares signatures as written: decoded base64 would let the last character vary. Derives its key once."""

    default_digest_method = staticmethod(sha256)
    _derived: bytes | None = None

    def derive_key(self, secret_key: str | bytes | None = None) -> bytes:
        if secret_key is not None:
            return super().derive_key(secret_key)
        if self._derived is None:
            self._derived = super().derive_key()
        return self._derived

    def verify_signature(self, value: str | bytes, sig: str | bytes) -> bool:
        return hmac.compare_digest(want_bytes(sig), self.get_signature(value))


class _Serializer(URLSafeTimedSerializer):
    """Keeps its signer, and writes short tokens itself: each mail needs three, and the library takes twice as long.

    What it writes has the library's form, without its attempt to compress; the library reads it.
    """

    _kept: Signer | None = None
    _stamp: tuple[int, bytes] = (-1, b"")

    def make_signer(self, salt: str | bytes | None = None) -> Signer:
        if salt is not None:
            return super().make_signer(salt)
        if self._kept is None:
            self._kept = super().make_signer()
        return self._kept

    def iter_unsigners(self, salt: str | bytes | None = None) -> Iterator[TimestampSigner]:
        yield cast("_StrictSigner", self.make_signer(salt))  # the library would derive the key once more for each token

    def dumps(self, obj: Any, salt: str | bytes | None = None) -> str:
        payload = orjson.dumps(obj)
        if salt is not None or len(payload) > _SHORT:
            return super().dumps(obj, salt)
        signer = cast("_StrictSigner", self.make_signer())
        value = _encoded(payload) + b"." + self._stamp_of(signer.get_timestamp())
        return (value + b"." + _encoded(keyed_digest(signer.derive_key(), value))).decode()

    def _stamp_of(self, moment: int) -> bytes:
        known, written = self._stamp
        if known != moment:
            written = base64_encode(int_to_bytes(moment))
            self._stamp = moment, written
        return written


def _encoded(raw: bytes) -> bytes:
    return urlsafe_b64encode(raw).rstrip(b"=")


def keyed_digest(key: bytes, message: bytes) -> bytes:
    """Return the HMAC-SHA256 of a message: as ``hmac.digest``, which hands Python's lock to another thread each time.

    A mail takes five; between the threads of a sender they had a twelfth of the time, most of it in waiting.
    """
    begun = _begun(key).copy()
    begun.update(message)
    return begun.digest()


@lru_cache(maxsize=16)
def _begun(key: bytes) -> hmac.HMAC:
    return hmac.new(key, digestmod="sha256")


def required_secret(secret: str) -> str:
    """Return the secret.

    Raises:
        ConfigurationError: it is empty.
    """
    if not secret:
        raise ConfigurationError(
            "service.secret: found nothing, expected a long random text; trialalerts init makes one"
        )
    return secret


def _serializer(secret: str, purpose: Purpose, clock: Clock) -> _Serializer:
    class ClockSigner(_StrictSigner):
        def get_timestamp(self) -> int:
            return int(clock.now().timestamp())

    return _Serializer(
        secret, salt=f"trialalerts.{purpose}", signer=ClockSigner, signer_kwargs={"key_derivation": "hmac"}
    )

"""The keys by which other programs sign people up: each is shown once, and known by a keyed hash alone."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Field, Session, SQLModel, col, select

from trialalerts.database.types import BigId, UtcDateTime
from trialalerts.errors import InvalidInput, NotFound
from trialalerts.subscribers.tokens import keyed_digest

__all__ = ["SCOPES", "SIGN_UP", "ApiKey", "add_key", "find_key", "list_keys", "revoke_key"]

SIGN_UP = "sign-up"
SCOPES = (SIGN_UP,)
"""What a key may be for."""
_BEGINNING = "ta_"
_BYTES = 32
_LONGEST = 100
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")


class ApiKey(SQLModel, table=True):
    """A key of a program: its name, a keyed hash of it, what it is for, how often it may be used.

    ``scopes`` are words with blanks between; ``rate`` counts the sign-ups of a quarter of an hour. ``revoked_at`` None:
    it works.
    """

    __tablename__ = "api_key"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    name: str = Field(unique=True)
    key_hash: str = Field(unique=True)
    scopes: str
    rate: int
    created_at: datetime = Field(sa_type=UtcDateTime)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


def add_key(session: Session, secret: str, name: str, scopes: Sequence[str], *, rate: int, now: datetime) -> str:
    """Store a new key and return it; nobody can tell it from what is stored.

    Raises:
        InvalidInput: the name is taken or none, there is no such scope, or there is no secret to hash it by.
    """
    if not secret:
        raise InvalidInput("A key is hashed by service.secret, which is empty; trialalerts init writes one to .env.")
    if not _NAME.fullmatch(name):
        raise InvalidInput(f"“{name}” is no name of a key; write letters, digits, dots and dashes, 60 at most.")
    for scope in scopes:
        if scope not in SCOPES:
            raise InvalidInput(f"“{scope}” is no scope; expected one of: {', '.join(SCOPES)}.")
    if session.exec(select(ApiKey).where(ApiKey.name == name)).first() is not None:
        raise InvalidInput(f"There is a key called {name} already, or was; choose another name.")
    token = _BEGINNING + secrets.token_urlsafe(_BYTES)
    words = " ".join(dict.fromkeys(scopes or SCOPES))
    session.add(ApiKey(name=name, key_hash=_hashed(secret, token), scopes=words, rate=rate, created_at=now))
    session.flush()
    return token


def list_keys(session: Session) -> list[ApiKey]:
    """Return all keys, revoked ones too, oldest first."""
    return list(session.exec(select(ApiKey).order_by(col(ApiKey.id))))


def revoke_key(session: Session, name: str, *, now: datetime) -> bool:
    """Let a key work no more; return whether it did.

    Raises:
        NotFound: there is none of this name.
    """
    key = session.exec(select(ApiKey).where(ApiKey.name == name)).first()
    if key is None:
        raise NotFound(f"There is no key called {name}; see: trialalerts api-keys list")
    works = key.revoked_at is None
    if works:
        key.revoked_at = now
        session.add(key)
    return works


def find_key(session: Session, hashed_by: Sequence[str], token: str) -> ApiKey | None:
    """Return the key that a program brings; None where it is unknown or revoked.

    ``hashed_by`` are the secrets by which it may have been hashed: that of today and previous ones.
    """
    if not token.startswith(_BEGINNING) or len(token) > _LONGEST:
        return None
    hashes = [_hashed(secret, token) for secret in hashed_by if secret]
    found = select(ApiKey).where(col(ApiKey.key_hash).in_(hashes), col(ApiKey.revoked_at).is_(None))
    return session.exec(found).first()


def _hashed(secret: str, token: str) -> str:
    return keyed_digest(secret.encode(), f"api key {token}".encode()).hex()

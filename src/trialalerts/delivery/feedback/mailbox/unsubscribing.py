"""Mails that unsubscribe: what the mailto of a digest's List-Unsubscribe makes a mail program write.

The signed token in the subject proves it, whoever sends the mail. An automatic answer puts words before the subject.
"""

from __future__ import annotations

import re
from datetime import datetime
from email.header import decode_header, make_header
from email.parser import BytesParser
from email.policy import compat32

from sqlmodel import Session

from trialalerts.errors import TrialAlertsError
from trialalerts.settings import Settings
from trialalerts.subscribers.people import find_by_key, unsubscribe
from trialalerts.subscribers.tokens import Purpose, Tokens

__all__ = ["unsubscribe_by_mail"]

_SUBJECT = re.compile(r"\s*unsubscribe\s+([\w.-]{20,400})\s*", re.IGNORECASE)


def unsubscribe_by_mail(session: Session, settings: Settings, content: bytes, *, now: datetime) -> bool:
    """Unsubscribe whom the token in the subject of a mail names; return whether somebody left by it."""
    try:
        subject = str(
            make_header(decode_header(BytesParser(policy=compat32).parsebytes(content, headersonly=True)["Subject"]))
        )
    except Exception:  # noqa: BLE001 - the email package breaks in many ways on what spammers send
        return False
    found = _SUBJECT.fullmatch(re.sub(r"\r?\n", "", subject))
    if found is None:
        return False
    try:
        tokens = Tokens(settings.service.secrets[0], previous=settings.service.secrets[1:])
        key = tokens.read(Purpose.UNSUBSCRIBE, found[1], max_age=None).key
        subscriber = find_by_key(session, key)
    except TrialAlertsError:
        return False
    return subscriber is not None and unsubscribe(session, subscriber, how="mail", now=now)

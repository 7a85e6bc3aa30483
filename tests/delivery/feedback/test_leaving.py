"""Unsubscribing by mail: the token in the subject proves it, and nothing else does."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.delivery.feedback.stage import SETTINGS
from tests.delivery.post import NOW, SECRET, add_person
from trialalerts.database import Database
from trialalerts.delivery.feedback.mailbox.reader import unsubscribe_by_mail
from trialalerts.subscribers.tokens import Purpose, Tokens


@pytest.mark.parametrize(
    ("subject", "leaves"),
    [
        ("unsubscribe {token}", True),
        ("Unsubscribe\r\n {token}", True),
        ("Automatic reply: unsubscribe {token}", False),
        ("unsubscribe", False),
        ("unsubscribe x{token}", False),
        ("Out of office", False),
    ],
)
def test_only_the_subject_with_the_token_unsubscribes(
    sqlite_db: Database, shared_cases: Path, subject: str, leaves: bool
) -> None:
    token = Tokens(SECRET).sign(Purpose.UNSUBSCRIBE, "key-mona")
    raw = (shared_cases / "unsubscribe-by-mail" / "a.eml").read_text()
    mail = raw.replace("Subject: unsubscribe", "Subject: " + subject.format(token=token)).encode()
    with sqlite_db.write() as session:
        add_person(session, "mona")
        assert unsubscribe_by_mail(session, SETTINGS, mail, now=NOW) is leaves

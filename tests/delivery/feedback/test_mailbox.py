"""The bounce mailbox, a real IMAP server and a Maildir: everything is handled once, whatever goes wrong."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from sqlmodel import select
from structlog.testing import capture_logs

from tests.conftest import REPOSITORY
from tests.delivery.feedback.bounce_samples import sample
from tests.delivery.feedback.imapserver import PASSWORD, USER, ImapServer
from tests.delivery.feedback.stage import SETTINGS, Office
from tests.programs import start
from trialalerts.clock import FrozenClock
from trialalerts.delivery.feedback.handling import FeedbackCount
from trialalerts.delivery.feedback.mailbox.kinds import open_mailbox
from trialalerts.delivery.feedback.mailbox.reader import LONGEST_MAIL, MailFolder, StoredMail, read_mailbox
from trialalerts.delivery.mail.verp import return_address
from trialalerts.delivery.outbox.tables import DeliveryState, MailboxState
from trialalerts.delivery.policy import answers
from trialalerts.errors import ConfigurationError
from trialalerts.subscribers.tables import SubscriberState


@dataclass(frozen=True, kw_only=True)
class Mailbox:
    """A bounce mailbox of some kind: its URL, and how mails get into it."""

    url: str
    deliver: Callable[..., None]


@pytest.fixture(params=["imap", "maildir"])
def mailbox(request: pytest.FixtureRequest, folder: str, tmp_path: Path) -> Mailbox:
    """Each test that asks runs on IMAP and on a Maildir."""
    if request.param == "imap":
        server: ImapServer = request.getfixturevalue("imap_server")
        with server.connection(folder):
            pass
        return Mailbox(url=server.url(folder=folder), deliver=lambda *mails: server.deliver(folder, *mails))
    return Mailbox(url=f"maildir://{tmp_path}", deliver=lambda *mails: into_maildir(tmp_path, *mails))


def into_maildir(path: Path, *mails: bytes) -> None:
    (path / "new").mkdir(exist_ok=True)
    number = len(list(path.glob("*/*")))
    for offset, mail in enumerate(mails):
        (path / "new" / f"{number + offset:05}.machine").write_bytes(mail)


def read(office: Office, url: str, wrap: Callable[[MailFolder], MailFolder] = lambda folder: folder) -> FeedbackCount:
    return read_mailbox(office.db, wrap(open_mailbox(url, office.clock)), settings=SETTINGS, clock=office.clock)


def bounce(number: int, name: str = "postfix") -> bytes:
    return sample(name, return_address(SETTINGS, number))


def standing(office: Office) -> MailboxState:
    with office.db.read() as session:
        return session.exec(select(MailboxState)).one()


def test_bounces_and_complaints_are_handled(office: Office, mailbox: Mailbox) -> None:
    mona, lisa, vera = (office.sent(name) for name in ("mona", "lisa", "vera"))
    mailbox.deliver(bounce(mona), bounce(lisa, "complaint"), bounce(vera, "vacation"))
    assert read(office, mailbox.url) == FeedbackCount(heard=3)
    assert [office.person(name).state for name in ("mona", "lisa", "vera")] == [
        SubscriberState.BOUNCED,
        SubscriberState.COMPLAINED,
        SubscriberState.ACTIVE,
    ]
    assert office.person("mona").state_reason == "mailbox: 550 5.1.1"
    assert standing(office).last_success_at == office.clock.now()
    assert standing(office).last_error is None


def test_what_was_read_is_not_read_again(office: Office, mailbox: Mailbox) -> None:
    mailbox.deliver(bounce(office.sent()))
    read(office, mailbox.url)
    assert read(office, mailbox.url) == FeedbackCount()
    mailbox.deliver(bounce(office.sent("lisa")))
    assert read(office, mailbox.url) == FeedbackCount(heard=1)


def test_the_same_mail_delivered_twice_counts_once(office: Office, mailbox: Mailbox) -> None:
    mail = bounce(office.sent())
    mailbox.deliver(mail, mail)
    assert read(office, mailbox.url) == FeedbackCount(heard=1, repeated=1)


def test_a_broken_mail_harms_only_itself(office: Office, mailbox: Mailbox) -> None:
    number = office.sent()
    nested = b"".join(b'Content-Type: multipart/mixed; boundary="e%d"\r\n\r\n--e%d\r\n' % (n, n) for n in range(3_000))
    mailbox.deliver(nested, b"no mail at all\r\n", bounce(number), b"\x00\xff\r\n\r\n")
    assert read(office, mailbox.url).heard == 1
    assert office.state(number) is DeliveryState.BOUNCED
    assert read(office, mailbox.url) == FeedbackCount()


def test_of_a_huge_mail_only_the_beginning_is_read(office: Office, mailbox: Mailbox) -> None:
    number = office.sent()
    mailbox.deliver(bounce(number) + b"x" * 998 * 5_000)
    sizes: list[int] = []

    class Measured(Wrapped):
        def mails(self, cursor: dict[str, Any]) -> Iterator[StoredMail]:
            for letter in self.folder.mails(cursor):
                sizes.append(len(letter.content))
                yield letter

    assert read(office, mailbox.url, Measured) == FeedbackCount(heard=1)
    assert sizes == [LONGEST_MAIL]
    assert office.state(number) is DeliveryState.BOUNCED


@dataclass
class Wrapped:
    """A folder with something in between."""

    folder: MailFolder

    @property
    def name(self) -> str:
        return self.folder.name

    def mails(self, cursor: dict[str, Any]) -> Iterator[StoredMail]:
        yield from self.folder.mails(cursor)

    def done(self, letter: StoredMail) -> None:
        self.folder.done(letter)

    def close(self) -> None:
        self.folder.close()


def test_two_processes_never_read_at_once(office: Office, mailbox: Mailbox) -> None:
    mailbox.deliver(*(bounce(office.sent(name)) for name in ("mona", "lisa")))
    others: list[FeedbackCount] = []

    class Interrupted(Wrapped):
        def mails(self, cursor: dict[str, Any]) -> Iterator[StoredMail]:
            for letter in self.folder.mails(cursor):
                others.append(read(office, mailbox.url))
                yield letter

    assert read(office, mailbox.url, Interrupted).heard == 2
    assert others == [FeedbackCount(), FeedbackCount()]


def test_a_process_that_was_stopped_for_too_long_gives_way(office: Office, mailbox: Mailbox) -> None:
    mailbox.deliver(*(bounce(office.sent(name)) for name in ("mona", "lisa", "vera")))
    others: list[FeedbackCount] = []

    class Frozen(Wrapped):
        def mails(self, cursor: dict[str, Any]) -> Iterator[StoredMail]:
            for number, letter in enumerate(self.folder.mails(cursor)):
                if number == 1:
                    office.clock.advance(timedelta(minutes=11))
                    others.append(read(office, mailbox.url))
                yield letter

    assert read(office, mailbox.url, Frozen) == FeedbackCount(heard=1)
    assert others == [FeedbackCount(heard=2)]
    assert office.tallies() == {"bounced": 3}
    assert standing(office).leased_by is None


def test_reading_ends_between_two_mails_when_asked_to(office: Office, mailbox: Mailbox) -> None:
    mailbox.deliver(*(bounce(office.sent(name)) for name in ("mona", "lisa")))
    folder = open_mailbox(mailbox.url, office.clock)
    count = read_mailbox(office.db, folder, settings=SETTINGS, clock=office.clock, stop=lambda: True)
    assert count == FeedbackCount(heard=1)
    assert read(office, mailbox.url) == FeedbackCount(heard=1)


@pytest.mark.parametrize("point", ["fetched", "committing", "committed"])
def test_a_process_killed_anywhere_loses_nothing_and_counts_nothing_twice(
    office: Office, mailbox: Mailbox, database_url: str, point: str, tmp_path: Path
) -> None:
    numbers = [office.sent(f"person{number}") for number in range(6)]
    with office.db.write() as session:  # six dead addresses of a hundred are believed
        answers.count_answers(session, {("example.org", answers.Answer.ANSWERED): 100}, at=office.clock.now())
    mailbox.deliver(*(bounce(number) for number in numbers))
    for letter in (1, 3):
        words = [database_url, mailbox.url, office.clock.now().isoformat(), point, str(letter)]
        errors = tmp_path / f"errors.{letter}"
        killed = start("tests.delivery.feedback.reading_process", *words, folder=REPOSITORY, err=errors)
        assert killed.wait(timeout=120) == -signal.SIGKILL, errors.read_text()
        assert read(office, mailbox.url) == FeedbackCount(), "the dead one's lease still holds"
        office.clock.advance(timedelta(minutes=11))
    read(office, mailbox.url)
    assert {office.state(number) for number in numbers} == {DeliveryState.BOUNCED}
    assert len(office.events()) == 6
    assert office.tallies() == {"bounced": 6}


# --- IMAP alone


def test_the_folder_is_only_looked_at(office: Office, imap_server: ImapServer, folder: str) -> None:
    imap_server.deliver(folder, bounce(office.sent()), bounce(office.sent("lisa")))
    read(office, imap_server.url(folder=folder))
    assert len(imap_server.flags(folder)) == 2
    assert not any(b"Seen" in flags for flags in imap_server.flags(folder))


def test_a_folder_that_was_numbered_anew_is_read_anew_and_known(
    office: Office, imap_server: ImapServer, folder: str
) -> None:
    known, new = bounce(office.sent()), bounce(office.sent("lisa"))
    imap_server.deliver(folder, known, known + b"\r\n")
    read(office, imap_server.url(folder=folder))
    with imap_server.connection() as connection:
        connection.delete(folder)
    imap_server.deliver(folder, new, known)
    assert read(office, imap_server.url(folder=folder)) == FeedbackCount(heard=1, repeated=1)


def test_mails_that_were_read_are_deleted_after_the_days_asked_for(
    office: Office, imap_server: ImapServer, folder: str
) -> None:
    ago = '"20-Feb-2026 10:00:00 +0000"'
    imap_server.deliver(folder, bounce(office.sent()), when=ago)
    imap_server.deliver(folder, bounce(office.sent("lisa")))
    assert read(office, imap_server.url(folder=folder)).heard == 2
    assert len(imap_server.flags(folder)) == 2
    read(office, imap_server.url(folder=folder, options="?delete_after=20d"))
    assert len(imap_server.flags(folder)) == 2
    read(office, imap_server.url(folder=folder, options="?delete_after=5d"))
    assert len(imap_server.flags(folder)) == 1


def test_mails_from_long_ago_are_not_handled(office: Office, imap_server: ImapServer, folder: str) -> None:
    number = office.sent()
    imap_server.deliver(folder, bounce(number), when='"01-Jan-2026 10:00:00 +0000"')
    assert read(office, imap_server.url(folder=folder)) == FeedbackCount()
    assert office.state(number) is DeliveryState.SENT


def test_a_wrong_password_is_told_in_one_line_and_loses_nothing(
    office: Office, imap_server: ImapServer, folder: str
) -> None:
    imap_server.deliver(folder, bounce(office.sent()))
    with capture_logs() as logs:
        count = read(office, imap_server.url(folder=folder, password="wrong-one"))
    assert count.broken is not None
    assert "refuses the user or the password" in count.broken
    assert standing(office).last_error == count.broken
    assert standing(office).last_success_at is None
    for secret in ("wrong-one", USER + ":", PASSWORD):
        assert secret not in repr(logs) + count.broken
    assert read(office, imap_server.url(folder=folder)) == FeedbackCount(heard=1)
    assert standing(office).last_error is None


def test_a_folder_that_is_not_there_is_told(office: Office, imap_server: ImapServer) -> None:
    assert "no such folder" in (read(office, imap_server.url(folder="Elsewhere")).broken or "")


def test_a_server_that_is_not_there_is_told(office: Office) -> None:
    count = read(office, f"imap://{USER}:{PASSWORD.replace('@', '%40')}@127.0.0.1:1/INBOX")
    assert "imap://127.0.0.1:1/INBOX cannot be read" in (count.broken or "")
    assert "refused" in (count.broken or "")


def test_a_server_is_read_over_tls_only_if_its_certificate_is_right(
    office: Office,
    imap_server: ImapServer,
    folder: str,
    authority: trustme.CA,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    imap_server.deliver(folder, bounce(office.sent()))
    url = imap_server.url(folder=folder, tls=True)
    assert "certificate is not valid" in (read(office, url).broken or "")
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    assert read(office, url) == FeedbackCount(heard=1)
    assert "address mismatch" in (read(office, url.replace("localhost", "127.0.0.1")).broken or "")


def test_a_connection_that_breaks_in_the_middle_loses_nothing(
    office: Office, imap_server: ImapServer, folder: str
) -> None:
    imap_server.deliver(folder, *(bounce(office.sent(name)) for name in ("mona", "lisa", "vera")))
    url = imap_server.url(folder=folder)

    class CutOff(Wrapped):
        def mails(self, cursor: dict[str, Any]) -> Iterator[StoredMail]:
            for number, letter in enumerate(self.folder.mails(cursor)):
                yield letter
                if number == 0:
                    self.folder._connection.socket().shutdown(2)  # type: ignore[attr-defined]  # as a network does

    count = read(office, url, CutOff)
    assert count.heard == 1
    assert "connection broke" in (count.broken or "")
    assert read(office, url) == FeedbackCount(heard=2)


# --- a Maildir alone


def test_handled_mails_move_to_cur(office: Office, tmp_path: Path) -> None:
    into_maildir(tmp_path, bounce(office.sent()))
    (tmp_path / "new" / ".hidden").write_text("no mail")
    read(office, f"maildir://{tmp_path}")
    assert [path.name for path in (tmp_path / "cur").iterdir()] == ["00000.machine:2,S"]
    assert [path.name for path in (tmp_path / "new").iterdir()] == [".hidden"]


def test_a_maildir_that_is_not_there_is_told(office: Office, tmp_path: Path) -> None:
    count = read(office, f"maildir://{tmp_path}/elsewhere")
    assert "cannot be read: No such file or directory" in (count.broken or "")


# --- URLs


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("bounces", "found nothing://"),
        ("pop3://u:topsecret@example.org/", "found pop3://"),
        ("imaps://example.org/INBOX", "expected imaps://USER:PASSWORD@HOST"),
        ("imaps://u@example.org/INBOX", "expected imaps://USER:PASSWORD@HOST"),
        ("imap://u:topsecret@example.org/INBOX", "use imaps://"),
        ("imaps://u:topsecret@example.org:port/INBOX", "this is no URL"),
        ("imaps://u:topsecret@example.org/INBOX?delete=1", "no option delete"),
        ("imaps://u:topsecret@example.org/INBOX?delete_after=never", "number of days"),
        ("imaps://u:topsecret%0d%0a@example.org/INBOX", "control characters"),
        ("maildir://relative", "found maildir://"),
    ],
)
def test_a_url_that_makes_no_sense_is_told_without_the_password(clock: FrozenClock, url: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^feedback\.mailbox: ") as caught:
        open_mailbox(url, clock)
    assert told in str(caught.value)
    assert "topsecret" not in str(caught.value)


def test_a_name_shows_neither_user_nor_password(clock: FrozenClock) -> None:
    folder = open_mailbox("imaps://some%40one:topsecret@mail.example.org/Bounces", clock)
    assert folder.name == "imaps://mail.example.org:993/Bounces"

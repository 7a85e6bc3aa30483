"""The doctor tries each transport: it connects, encrypts and logs in, and sends nothing."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import trustme
from pydantic import SecretStr

from tests.delivery.mailserver import Mailbox, password_check, running, server_context
from tests.delivery.post import NOW, SECRET, add_person
from trialalerts.database import Database
from trialalerts.delivery.outbox.suppressions import suppress
from trialalerts.errors import InvalidInput
from trialalerts.operations.checks import DoctorCheck
from trialalerts.operations.checks.outside import AskedMeanwhile
from trialalerts.operations.checks.transport import transport_questions
from trialalerts.operations.trial_mail import send_test_mail
from trialalerts.settings import MailSettings, ServiceSettings, Settings


def with_mail(url: str, **mail: object) -> Settings:
    values = {"url": SecretStr(url), "sender": "Alerts <alerts@example.org>", **mail}
    return Settings(service=ServiceSettings(secret=SecretStr(SECRET)), mail=MailSettings.model_validate(values))


def tried(url: str, seconds: float = 20.0) -> list[DoctorCheck]:
    return list(AskedMeanwhile(transport_questions(with_mail(url)), seconds=seconds).answers())


def test_a_server_that_works_is_good_and_gets_no_mail() -> None:
    mailbox = Mailbox()
    with running(mailbox, authenticator=password_check("me", "right"), auth_require_tls=False) as port:
        (check,) = tried(f"smtp://me:right@127.0.0.1:{port}")
        (refused,) = tried(f"smtp://me:wrong@127.0.0.1:{port}")
    assert (check.level, mailbox.received) == ("good", [])
    assert check.what == (
        f"mail leaves through smtp: The mail server 127.0.0.1:{port} answers, without encryption, and takes user and "
        "password"
    )
    assert refused.level == "broken"
    assert "refused the user or password of mail.url" in refused.what
    assert "wrong" not in str(refused).replace("what is wrong", "")
    assert refused.why
    assert "trialalerts doctor" in refused.remedy


def test_encryption_is_tried_too(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = server_context(authority.issue_cert("localhost"))
    with running(Mailbox(), tls_from_the_start=context) as port:
        (good,) = tried(f"smtps://localhost:{port}?ca_file={tmp_path / 'ca.pem'}")
        (untrusted,) = tried(f"smtps://localhost:{port}")
    assert (good.level, "encrypted, and asks for no user" in good.what) == ("good", True)
    assert (untrusted.level, "no trusted encryption" in untrusted.what) == ("broken", True)


GREETINGS = {
    "554 5.7.1 You are on our block list": "broken",
    "421 4.7.0 Try again later": "look",
}


@pytest.mark.parametrize(("greeting", "level"), GREETINGS.items())
def test_a_server_that_refuses_us_is_told_apart_from_one_that_is_busy(greeting: str, level: str) -> None:
    with running(Mailbox(answers={"GREETING": greeting})) as port:
        (check,) = tried(f"smtp://127.0.0.1:{port}")
    assert (check.level, greeting[:3] in check.what) == (level, True)


def test_nobody_at_the_port_is_a_fault() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        (check,) = tried(f"smtp://127.0.0.1:{taken.getsockname()[1]}")
    assert (check.level, "Connection refused" in check.what) == ("broken", True)


def test_a_server_that_says_nothing_is_no_fault_and_holds_up_nobody() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        (check,) = tried(f"smtp://127.0.0.1:{silent.getsockname()[1]}", seconds=1.0)
    assert check.level == "look"


def test_a_name_that_nobody_knows_here_is_no_fault() -> None:
    (check,) = tried("smtp://mail.invalid")
    assert (check.level, "nobody can tell" in check.what) == ("look", True)


def test_each_of_several_is_tried() -> None:
    with running(Mailbox()) as port, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        found = tried(
            f"failover(smtp://127.0.0.1:{taken.getsockname()[1]} roundrobin(smtp://127.0.0.1:{port} memory://))"
        )
    assert [each.level for each in found] == ["broken", "good", "good"]


def test_an_outbox_folder_is_looked_at(tmp_path: Path) -> None:
    (check,) = tried(f"file://{tmp_path}/new/outbox")
    assert check.level == "good"
    assert not (tmp_path / "new").exists()


ESCAPES = [
    "smtp://me:12/34@mail.example.org:25",
    "smtp://me:12#34@mail.example.org:25",
    "smtp://me:1?4@mail.example.org:25",
    "smtp://me:pa/ss@mail.example.org:25",
    "smtp://m@e:12/34@mail.example.org",
    "sendgrid://KEY/2@default",
]


@pytest.mark.parametrize("url", ESCAPES)
def test_what_is_special_in_a_password_and_not_encoded_is_a_fault(url: str) -> None:
    (check,) = tried(url)
    assert check.level == "broken"
    assert "percent-encoded" in check.what
    assert "34" not in check.what


# --- providers


@contextmanager
def provider(status: int, body: str) -> Iterator[tuple[str, list[str]]]:
    asked: list[str] = []

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"endpoint=http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


PATHS = {
    "postmark://THEKEY@default": "/server",
    "sendgrid://THEKEY@default": "/v3/scopes",
    "mailgun://THEKEY@mg.example.org": "/v3/domains/mg.example.org",
    "resend://THEKEY@default": "/domains",
    "brevo://THEKEY@default": "/v3/account",
    "ses://THEKEY:ASECRET@eu-west-1": "/v2/email/account",
}


@pytest.mark.parametrize(("url", "path"), PATHS.items())
@pytest.mark.parametrize(("status", "level"), [(200, "good"), (429, "look"), (503, "look"), (404, "broken")])
def test_a_provider_is_asked_about_the_account(url: str, path: str, status: int, level: str) -> None:
    with provider(status, "{}") as (endpoint, asked):
        (check,) = tried(f"{url}?{endpoint}")
    assert (check.level, asked) == (level, [path])
    assert "THEKEY" not in str(check)


SAID = [
    ("postmark://THEKEY@default", 401, '{"ErrorCode": 10}', "broken"),
    ("sendgrid://THEKEY@default", 200, '{"scopes": ["mail.send"]}', "good"),
    ("sendgrid://THEKEY@default", 200, '{"scopes": ["stats.read"]}', "broken"),
    ("sendgrid://THEKEY@default", 403, "{}", "look"),
    ("mailgun://THEKEY@mg.example.org", 401, "Forbidden", "look"),
    ("mailgun://THEKEY@mg.example.org", 200, '{"domain": {"state": "active"}}', "good"),
    ("mailgun://THEKEY@mg.example.org", 200, '{"domain": {"state": "unverified"}}', "broken"),
    ("resend://THEKEY@default", 401, '{"name": "restricted_api_key"}', "good"),
    ("resend://THEKEY@default", 400, '{"message": "API key is invalid"}', "broken"),
    ("brevo://THEKEY@default", 401, '{"code": "unauthorized"}', "broken"),
    ("ses://THEKEY:ASECRET@eu-west-1", 403, '{"__type": "UnrecognizedClientException"}', "broken"),
    ("ses://THEKEY:ASECRET@eu-west-1", 403, '{"__type": "AccessDeniedException"}', "look"),
    ("ses://THEKEY:ASECRET@eu-west-1", 200, '{"SendingEnabled": false}', "broken"),
    ("ses://THEKEY:ASECRET@eu-west-1", 200, '{"SendingEnabled": true, "ProductionAccessEnabled": false}', "broken"),
]


@pytest.mark.parametrize(("url", "status", "body", "level"), SAID)
def test_what_a_provider_says_of_the_key_counts(url: str, status: int, body: str, level: str) -> None:
    with provider(status, body) as (endpoint, _):
        (check,) = tried(f"{url}?{endpoint}")
    assert check.level == level, check.what


# --- a real mail


def test_a_test_mail_leaves_at_once_signed_like_all(sqlite_db: Database) -> None:
    mailbox = Mailbox()
    with running(mailbox) as port:
        check = send_test_mail(with_mail(f"smtp://127.0.0.1:{port}"), sqlite_db, "me@example.org", now=NOW)
    assert check.level == "good"
    ((sender, recipient, content),) = mailbox.received
    assert (sender, recipient) == ("alerts@example.org", "me@example.org")
    assert b"Subject: Test mail of Trial Alerts" in content


def test_a_test_mail_that_is_refused_says_why(sqlite_db: Database) -> None:
    with running(Mailbox(answers={"RCPT": "550 5.7.1 Not from you"})) as port:
        check = send_test_mail(with_mail(f"smtp://127.0.0.1:{port}"), sqlite_db, "me@example.org", now=NOW)
    assert (check.level, "550 5.7.1 Not from you" in check.what) == ("broken", True)


def test_no_test_mail_goes_where_none_may_go(sqlite_db: Database) -> None:
    with sqlite_db.write() as session:
        add_person(session)
        suppress(session, SECRET, "gone@example.org", reason="complained", now=NOW)
    with pytest.raises(InvalidInput, match=r"suppressed \(complained\)"):
        send_test_mail(with_mail("memory://"), sqlite_db, "gone@example.org", now=NOW)
    with pytest.raises(InvalidInput, match=r"mail\.only_to does not name"):
        send_test_mail(with_mail("memory://", only_to=("me@example.org",)), sqlite_db, "you@example.org", now=NOW)

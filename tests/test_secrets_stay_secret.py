"""Whatever goes wrong with what passwords and keys open, nothing that is printed or stored shows them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
import stamina
from aiosmtpd.smtp import AuthResult
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from tests.delivery import mailserver, provider_servers
from tests.delivery.provider_desks import DESKS
from tests.delivery.provider_servers import envelope, failing
from tests.installation import Installation, Run
from tests.postgres import Cluster
from tests.sources.registry_server import Fault, Handler, RegistryServer, Request, respond
from tests.test_redaction import PLAIN, SECRETS
from trialalerts.clock import FrozenClock
from trialalerts.database import open_database
from trialalerts.delivery.feedback.mailbox.kinds import open_mailbox
from trialalerts.delivery.mail.envelope import Accepted
from trialalerts.delivery.transports import open_transport
from trialalerts.errors import ConfigurationError, SourceError
from trialalerts.net.client import Fetcher
from trialalerts.settings import HttpSettings

PASSWORD, TOKEN, KEY = "Zq7-hunter2/ab", "Zq7tokenTOKEN99", "Zq7keyKEYkey11"
FEED = b'<rss version="2.0"><channel><title>N</title><item><guid>1</guid><title>News</title></item></channel></rss>'
FEW = settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=1):
        yield


@pytest.fixture
def server() -> Iterator[RegistryServer]:
    with RegistryServer() as server:
        yield server


def holds_none(printed: str, secrets: Sequence[str] = (PASSWORD, TOKEN, KEY)) -> None:
    for secret in secrets:
        for form in (secret, quote(secret, safe=""), *(piece for piece in secret.split("/") if len(piece) > 4)):
            assert form not in printed, printed


# --- sources: whatever a server does


def echo(handler: Handler) -> None:
    """Refuse, and repeat what was asked with."""
    given = " ".join(urlsplit(handler.path).query.replace("=", "&").split("&"))
    known = f"{handler.headers.get('Authorization')} {handler.headers.get('x-api-key')}"
    said = f"{PASSWORD} of {known} is wrong: {handler.path} {given}"
    respond(403, said.encode(), {"Content-Type": "text/plain"})(handler)


def at(path: str) -> Callable[[Request], bool]:
    return lambda request: request.path == path


def sources_that_fail(server: RegistryServer) -> str:
    """Sources with secrets in their addresses, each of which goes wrong in its own way."""
    host = server.root.removeprefix("http://")
    user, query = f"anna:{quote(PASSWORD, safe='')}@", f"?token={TOKEN}&api_key={KEY}"
    server.serve("/there", FEED)
    acts = {
        "/refused": echo,
        "/away": respond(302, headers={"Location": f"http://{user}{host}/nothing{query}"}),
        "/moved": respond(301, headers={"Location": f"http://{user}{host}/there{query}"}),
        "/gone": respond(410),
        "/round": respond(302, headers={"Location": f"/round{query}"}),
        "/elsewhere": respond(302, headers={"Location": f"ftp://{user}{host}/there{query}"}),
        "/garbled": respond(200, b"no feed at all"),
        "/refused/studies": echo,
        "/keyed/trials": echo,
    }
    server.faults += [Fault(act=act, when=at(path), times=10_000) for path, act in acts.items()]
    urls = {path[1:]: f"http://{user}{host}{path}{query}" for path in acts if path.count("/") == 1} | {
        "nobody": f"http://{user}127.0.0.1:1/feed{query}",
        "nowhere": f"https://{user}nowhere.invalid/feed{query}",
        "plain": f"https://{user}{host}/feed{query}",
        "unescaped": f"https://anna:{PASSWORD}@{host}/feed{query}",
        "fine": f"http://{user}{host}/there{query}",
    }
    found = [f'[[sources]]\nname = "{name}"\nkind = "feed"\nurl = "{url}"\n' for name, url in urls.items()]
    registry = f"http://{user}{host}/refused"
    found.append(f'[[sources]]\nname = "registry"\nkind = "clinicaltrials_gov"\nurl = "{registry}"\n')
    keyed = f"http://{user}{host}/keyed"
    found.append(f'[[sources]]\nname = "keyed"\nkind = "nci_cts"\nurl = "{keyed}"\napi_key = "{KEY}"\n')
    return "".join(found)


@pytest.fixture
def service(installation: Installation, server: RegistryServer) -> Iterator[Installation]:
    """An installation in which everything that is called goes wrong, and holds a secret."""
    mailbox = mailserver.Mailbox()
    password = quote(PASSWORD, safe="")

    def check(*_: object) -> object:
        return AuthResult(success=False, handled=False, message=f"535 5.7.8 {PASSWORD} of anna is wrong")

    with mailserver.running(mailbox, auth_require_tls=False, authenticator=check) as port:
        installation.configure(
            '[service]\nbase_url = "https://alerts.example.org"\n'
            "[http]\nallow_private_addresses = true\n"
            f'[mail]\nurl = "smtp://anna:{password}@127.0.0.1:{port}?tls=none"\n'
            f'[feedback]\nmailbox = "imap://anna:{password}@127.0.0.1:1/INBOX"\n'
            f'[feedback.webhooks.sendgrid]\npublic_key = "{KEY}"\n' + sources_that_fail(server)
        )
        yield installation


def stored(folder: Path) -> str:
    """All that the tables hold to be shown."""
    with open_database(f"sqlite:///{folder / 'var' / 'trialalerts.db'}") as database, database.read() as session:
        asked = (
            "SELECT name, last_error FROM source",
            "SELECT kind, subject, text FROM finding",
            "SELECT * FROM problem",
            "SELECT name, last_error FROM mailbox",
            "SELECT name, reason FROM transport_state",
            "SELECT url, title, external_id FROM item",
            "SELECT * FROM delivery",
        )
        return "\n".join(str(row) for query in asked for row in session.connection().execute(text(query)))


def test_no_command_prints_a_secret_whatever_goes_wrong(
    service: Installation, run: Run, server: RegistryServer
) -> None:
    assert run("subscribers", "add", "you@example.org", "--area", "multiple sclerosis", "--region", "GB").done
    commands = [
        ("run", "--once"),
        ("run", "--once", "--json-logs"),
        ("sources", "poll"),
        ("sources", "poll", "--json"),
        ("sources", "list"),
        ("sources", "list", "--json"),
        *(
            ("sources", "check", name)
            for name in ("refused", "away", "nowhere", "plain", "unescaped", "registry", "keyed")
        ),
        ("doctor",),
        ("doctor", "--json"),
        ("report",),
        ("report", "--json"),
        ("deliveries", "list"),
        ("deliveries", "show", "1"),
    ]
    printed = {words: run(*words) for words in commands}
    for answer in printed.values():
        holds_none(answer.out + answer.err)
    holds_none(stored(service.folder))
    holds_none(" ".join(request.headers.get("user-agent", "") for request in server.requests))
    # That nothing is shown would prove little if nothing had gone wrong.
    listed = printed["sources", "list"].out
    assert listed.count("failing") == 11, listed
    assert "refused the user or password" in printed["run", "--once"].out
    assert "feedback.mailbox" in printed["run", "--once"].out
    assert "source-moved" in printed["report",].out


@FEW
@given(secret=SECRETS)
def test_no_fault_of_a_source_shows_a_secret_of_its_address(server: RegistryServer, secret: str) -> None:
    host, hidden = server.root.removeprefix("http://"), quote(secret, safe="")
    http = HttpSettings(allow_private_addresses=True)

    def repeat(handler: Handler) -> None:
        respond(401, f"{secret} and {hidden} are wrong".encode(), {"Content-Type": "text/plain"})(handler)

    for url in (
        f"http://anna:{hidden}@{host}/x?token={hidden}",
        f"https://anna:{hidden}@{host}/x?key={hidden}",
        f"http://{hidden}@nowhere.invalid/x?{hidden}#{hidden}",
        f"http://anna:{secret}@{host}/x",
        f"http://{host}/{'x' * 300}?api_key={secret}",
    ):
        server.faults.append(Fault(act=repeat))
        with Fetcher(http, FrozenClock(NOW)) as fetcher, pytest.raises(SourceError) as failed:
            fetcher.get(url)
        holds_none(str(failed.value), [secret])
        server.faults.clear()


@pytest.mark.parametrize("link", ["/article", "article", "#one", "?article=1", "//example.org/article"])
def test_no_link_of_an_article_carries_the_password_of_its_feed(
    service: Installation, run: Run, server: RegistryServer, link: str
) -> None:
    """A relative link is completed by where the feed came from: without user, password and query."""
    server.serve("/there", FEED.replace(b"<guid>1</guid>", f"<guid>1</guid><link>{link}</link>".encode()))
    assert run("sources", "poll", "fine").done
    assert "/article" in stored(service.folder) or "/there" in stored(service.folder)
    holds_none(stored(service.folder))


# --- mail


@pytest.mark.parametrize("scheme", sorted(DESKS))
def test_a_provider_that_repeats_the_key_puts_it_into_no_reason(scheme: str) -> None:
    with provider_servers.running(DESKS[scheme]()) as provider:
        key = open_transport(provider.url).account.key  # type: ignore[attr-defined]  # all of these have one
        words = f"API key {key} is blocked by spamhaus {key}"
        for status in (400, 401, 403, 422, 429, 500):
            body = (
                f'{{"message": "{words}", "Message": "{words}", "code": "{key}", "errors": [{{"message": "{words}"}}]}}'
            )
            provider.faults = [failing(status, body.encode())] * 2
            with closing(open_transport(provider.url).open()) as channel:
                (outcome,) = channel.send([envelope()])
            assert not isinstance(outcome, Accepted)
            assert key not in repr(outcome)


@settings(deadline=None)
@given(secret=PLAIN, at=st.integers(1, 8))
def test_no_wrong_mail_url_is_shown(secret: str, at: int) -> None:
    for sign in "?#/@:":
        broken = secret[:at] + sign + secret[at:]
        for url in (
            f"postmark://{broken}@default",
            f"ses://AKIA:{broken}@eu-west-1?nothing=1",
            f"smtp://anna:{broken}@mail.example.org?timeout=x",
            f"smtps://{broken}@mail.example.org?tls=none",
            f"mailgun://{broken}@example.org?region=x",
            f"failover(smtp://anna:{broken}@a.example postmark://{broken}@default)",
        ):
            try:
                open_transport(url)
            except ConfigurationError as error:
                holds_none(str(error), [piece for piece in broken.split(sign) if len(piece) > 3])


@settings(deadline=None)
@given(secret=PLAIN, at=st.integers(1, 8))
def test_no_wrong_mailbox_url_is_shown(secret: str, at: int) -> None:
    for sign in "?#/@:":
        broken = secret[:at] + sign + secret[at:]
        for url in (f"imaps://anna:{broken}@imap.example.org", f"imap://{broken}@example.org", f"pop://a:{broken}@b"):
            try:
                open_mailbox(url, FrozenClock(NOW))
            except ConfigurationError as error:
                holds_none(str(error), [piece for piece in broken.split(sign) if len(piece) > 3])


# --- the database


def ask_for_what_is_not_there(url: str, value: str) -> None:
    with open_database(url) as db, db.read() as session:
        session.connection().execute(text("SELECT nothing FROM counter WHERE name = :name"), {"name": value})


@FEW
@given(secret=PLAIN)
def test_no_fault_of_the_database_shows_its_password(postgres_cluster: Cluster, secret: str) -> None:
    there = f"host={postgres_cluster.folder}"
    for url in (
        f"postgresql+psycopg://anna:{secret}@127.0.0.1:1/alerts?connect_timeout=2",
        f"postgresql+psycopg://127.0.0.1:1/alerts?user=anna&password={secret}",
        f"postgresql+psycopg://anna:{secret}@/alerts?{there}",
        f"postgresql+psycopg://{postgres_cluster.user}:{secret}@/no_such_database?{there}",
        f"postgresql+psycopg://{postgres_cluster.user}:{secret}@/postgres?{there}&sslmode={secret}",
        f"postgresql+psycopg://{postgres_cluster.user}:{secret}@/postgres?{there}&{secret}=1",
        f"postgresql+psycopg://{postgres_cluster.user}:{secret}@/postgres?{there}",
        f"postgresql+psycopg://anna:{secret}@x:{secret}@127.0.0.1/alerts",
        f"mysql://anna:{secret}@127.0.0.1/alerts",
    ):
        with pytest.raises(Exception, match=r"database|counter") as failed:
            ask_for_what_is_not_there(url, secret)
        holds_none(str(failed.value), [secret])

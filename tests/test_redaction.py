"""What a text shows of an address: where it leads, and nothing that lets anybody in."""

from __future__ import annotations

import json
import logging
import re
import threading
from urllib.parse import quote

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from trialalerts.cli import main as command_line
from trialalerts.logs import configure_logs
from trialalerts.redaction import hidden, shown_url, without_secrets

SECRETS = st.text(st.sampled_from("abcXYZ019-._~!$*+,;=@:/?#&%()'\" é"), min_size=6, max_size=20).map("Zq7".__add__)
"""Passwords as people have them; none stands in any of our texts by itself."""
PLAIN = st.text(st.sampled_from("abcXYZ019-_"), min_size=6, max_size=20).map("Zq7".__add__)
ADDRESSES = {
    "password": "https://anna:{}@example.org/feed",
    "user alone": "postmark://{}@default",
    "token": "https://example.org/feed?token={}",
    "second parameter": "https://example.org/feed?a=b&api_key={}&c=d",
    "parameter without a name": "https://example.org/feed?{}",
    "fragment": "https://example.org/feed#{}",
    "mail server": "smtp://anna:{}@mail.example.org:587?tls=starttls",
    "database": "postgresql+psycopg://anna:{}@db.example.org/alerts",
    "database's parameter": "postgresql+psycopg://db.example.org/alerts?user=anna&password={}",
    "mailbox": "imaps://bounces%40example.org:{}@imap.example.org/INBOX",
    "IPv6": "https://anna:{}@[2001:db8::1]:8443/feed",
}


def pieces(secret: str) -> list[str]:
    """What of a secret is long enough to be of use to anybody."""
    return [piece for piece in re.split(r"[^A-Za-z0-9]+", secret) if len(piece) >= 4]


@pytest.mark.parametrize("form", ADDRESSES.values(), ids=ADDRESSES)
@given(secret=SECRETS)
def test_an_address_shows_where_it_leads_and_no_secret(form: str, secret: str) -> None:
    url = form.format(quote(secret, safe=""))
    for shown in (shown_url(url), without_secrets(f"asked {url}, in vain"), without_secrets(f"“{url}” (no answer)")):
        assert secret not in shown
        assert quote(secret, safe="") not in shown
        assert not any(piece in shown for piece in pieces(secret) if piece.startswith("Zq7"))
    assert shown_url(form.format("x")) in shown


@pytest.mark.parametrize("secret", ["Zq7;000;0", "Zq7&a&b=c", "Zq7#12?3", "Zq7=1;2"])
def test_a_key_that_nobody_escaped_is_hidden_where_another_repeats_it(secret: str) -> None:
    """Its pieces are too short to be hidden by themselves."""
    url = f"https://example.org/feed?api_key={secret}"
    assert secret not in without_secrets(f"the key {secret} is wrong", url)


@pytest.mark.parametrize("form", ADDRESSES.values(), ids=ADDRESSES)
@given(secret=st.text(st.sampled_from("abcXYZ019-._~!*@:/?#&="), min_size=6, max_size=20).map("Zq7".__add__))
def test_a_password_that_nobody_escaped_shows_no_piece_of_it(form: str, secret: str) -> None:
    url = form.format(secret)
    shown = [shown_url(url), without_secrets(f"Invalid port: {url} is no address", url)]
    for piece in pieces(secret):
        assert not any(piece in each for each in shown), (url, shown)


@pytest.mark.parametrize("form", ADDRESSES.values(), ids=ADDRESSES)
@given(secret=SECRETS)
def test_what_others_repeat_of_an_address_is_taken_out_of_their_words(form: str, secret: str) -> None:
    url = form.format(quote(secret, safe=""))
    assert secret not in without_secrets(f"401: the key {secret} is not known", url)


@given(secret=PLAIN)
def test_a_value_by_the_name_of_a_secret_is_not_shown(secret: str) -> None:
    for text in (f"password={secret} host=x", f"?token={secret}", f"api_key={secret}&a=b", f"access_token={secret}"):
        assert secret not in without_secrets(text)
    assert secret not in without_secrets(f"Authorization: Bearer {secret}{secret}")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "https://example.org/feed",
        "see https://medium.com/@somebody/feed.",
        "http://127.0.0.1:8080 is where links lead; set service.base_url",
        "mail.url: found tls=never, expected starttls, tls or none",
        "sqlite:///var/trialalerts.db",
        "What is new? 3 of 4 were read (see: trialalerts doctor)",
        "file:///srv/out@box",
        "anna@example.org",
    ],
)
def test_what_hides_nothing_stays_as_it_is(text: str) -> None:
    assert without_secrets(text) == text


def test_a_secret_is_found_in_base64_too() -> None:
    assert hidden("AUTH PLAIN AGFubmEAaHVudGVyMg== failed", "\0anna\0hunter2") == "AUTH PLAIN …== failed"


# --- log lines and traces

SAID = "cannot reach https://anna:hunter22@example.org/feed?token=s3cr3tt0ken"


@pytest.mark.parametrize("json_lines", [False, True], ids=["plain", "JSON"])
def test_no_log_line_holds_a_secret(capsys: pytest.CaptureFixture[str], json_lines: bool) -> None:
    configure_logs(json_lines=json_lines)
    structlog.get_logger().error("step.failed", error=SAID, tried=[SAID], more={"last": SAID}, fault=OSError(SAID))
    logging.getLogger("library").error("%s", SAID)
    fault = OSError(SAID)
    fault.__cause__ = ValueError(SAID)
    logging.getLogger("library").error("a job raised", exc_info=fault)
    lines = capsys.readouterr().err
    assert "hunter22" not in lines
    assert "s3cr3tt0ken" not in lines
    assert lines.count("https://example.org/feed") == 7
    assert not json_lines or json.loads(lines.splitlines()[0])["event"] == "step.failed"


def test_the_trace_of_what_nobody_foresaw_holds_no_secret(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        thread = threading.Thread(target=fail)
        thread.start()
        thread.join()
        raise OSError(SAID) from ValueError(SAID)

    def fail() -> None:
        raise OSError(SAID)

    monkeypatch.setattr(command_line, "application", broken)
    with pytest.raises(SystemExit) as ended:
        command_line.main(["doctor"])
    assert ended.value.code == 1
    printed = capsys.readouterr().err
    assert "hunter22" not in printed
    assert "s3cr3tt0ken" not in printed
    assert printed.count("Traceback") == 2
    assert printed.count("https://example.org/feed") == 3

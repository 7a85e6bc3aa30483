"""Messages: what goes in is what Python's own parser reads back, and nothing unsafe gets in."""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import parseaddr
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trialalerts.delivery.mail.message import Message, header_line, mail_domain, new_message_id, to_bytes
from trialalerts.delivery.mail.quoted_printable import decode, encode, plain_text
from trialalerts.delivery.transports.smtp.dialogue import dot_stuffed

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)

anything = st.text(alphabet=st.characters(exclude_categories=()), max_size=300)
nasty = st.lists(
    st.one_of(
        anything,
        st.sampled_from(
            [
                "\r\nBcc: x@example.org",
                "\n",
                "\0",
                "\ud800",
                "=?utf-8?q?a?=",
                "😀" * 40,
                "שלום עולם",
                "x" * 1200,
                "\x85",
                "\u2028",
            ]
        ),
        st.sampled_from([" ", "  ", '"', "\\", "<", ">", ",", ";", "@", "(", ")", ".", "=", "?=", "\t", "\u00a0"]),
    ),
    max_size=6,
).map("".join)


def message(**values: Any) -> Message:
    standard: dict[str, Any] = {
        "sender": "Trial Alerts <alerts@example.org>",
        "to": "mona@example.org",
        "subject": "Your trial alerts",
        "text": "Hello\n",
        "html": None,
        "message_id": "<0123456789abcdef@example.org>",
        "date": NOW,
    }
    return Message(**{**standard, **values})


def parsed(content: bytes) -> EmailMessage:
    read = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(read, EmailMessage)
    return read


def body(read: EmailMessage, kind: str) -> str:
    part = read.get_body((kind,))
    assert part is not None
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode().replace("\r\n", "\n")


def read_mailbox(content: bytes) -> tuple[str, str]:
    """Read the sender with the package's older parser: the newer one keeps blanks between encoded words of a name."""
    display, address = parseaddr(email.message_from_bytes(content)["From"])
    return str(make_header(decode_header(display))), address


def assert_fit_for_the_wire(content: bytes) -> None:
    lines = content.split(b"\r\n")
    assert lines[-1] == b""
    assert max(len(line) for line in lines) <= 998
    assert not re.search(rb"[\x00\r\n]", b"".join(lines))
    assert dot_stuffed(content) == content  # so that whoever hands it over need not look
    lines = content.partition(b"\r\n\r\n")[2].split(b"\r\n")
    assert max(len(line) for line in lines) <= 76
    assert not any(line.endswith((b" ", b"\t")) for line in lines)


@given(subject=nasty)
@example("x" * 10_000)
@example("Ä" * 10_000)
@example("=?utf-8?b?w4Q=?=")
@example("a " * 400)
def test_any_subject_reads_back_to_the_same_words(subject: str) -> None:
    made = message(subject=subject)
    content = to_bytes(made)
    assert_fit_for_the_wire(content)
    assert parsed(content)["Subject"] == made.subject == header_line(subject)


@given(name=nasty)
@example('Dr "Bob" \\ Müller, MD <x>')
@example("a" * 2_000)
@example(".")
def test_any_name_of_the_sender_reads_back_to_the_same_name(name: str) -> None:
    quoted = header_line(name).replace("\\", "\\\\").replace('"', '\\"')
    made = message(sender=f'"{quoted}" <alerts@example.org>')
    content = to_bytes(made)
    assert_fit_for_the_wire(content)
    assert read_mailbox(content) == (parseaddr(made.sender)[0], "alerts@example.org")


@given(text=nasty, html=st.one_of(st.none(), nasty))
@example(".\r\n.\r\n..\rFrom here\n", "<p>.\n</p>")
@example("x" * 74 + " \n" + "x" * 75 + "\t\n" + "Ä" * 25 + " ", "=_\n--=_\n")
@example("x" * 5_000, "=_\n--=_\n")
@example(" trailing \t\n \n", "")
def test_any_body_reads_back_to_the_same_text(text: str, html: str | None) -> None:
    made = message(text=text, html=html)
    content = to_bytes(made)
    assert_fit_for_the_wire(content)
    read = parsed(content)
    assert not read.defects
    assert body(read, "plain") == made.text == plain_text(text)
    if html is not None:
        assert read.get_content_type() == "multipart/alternative"
        assert body(read, "html") == made.html == plain_text(html)


def whole(pieces: list[str]) -> str:
    """Return what pieces say together; a CR at the end of one and its LF in the next are two line ends."""
    return plain_text("".join(piece.replace("\r\n", "\n").replace("\r", "\n") for piece in pieces))


@given(text=st.lists(nasty, max_size=5), html=st.lists(nasty, max_size=5))
@example(["x" * 75, "y" * 76, "z" * 77, " ", ".", "."], ["=" * 26, "\t", "", "Ä" * 25])
@example([], [""])
@example(["one\n", "\n", ".\n", " \n"], ["\ud83d", "\ude00", "a\r", "\nb"])
def test_a_body_in_pieces_encoded_before_reads_back_like_the_same_body_in_one(text: list[str], html: list[str]) -> None:
    made = message(text=[encode(piece) for piece in text], html=[encode(piece) for piece in html])
    content = to_bytes(made)
    assert_fit_for_the_wire(content)
    read = parsed(content)
    assert not read.defects
    assert body(read, "plain") == made.text == message(text=whole(text)).text
    assert body(read, "html") == made.html == message(html=whole(html)).html


@given(text=nasty)
def test_a_piece_says_what_was_put_in(text: str) -> None:
    assert plain_text(decode([encode(text)])) == plain_text(text)


@given(text=st.text(alphabet=".=xÄ \n", max_size=400), shift=st.integers(0, 90))
@example("." * 400, 0)
@example("x" * 72 + "...." + "Ä" * 30, 0)
@example("x" * 75 + "." + "=" * 30, 0)
def test_dots_at_any_place_of_a_line_read_back_and_begin_none(text: str, shift: int) -> None:
    given_text = "y" * shift + text
    content = to_bytes(message(text=[encode(given_text), encode(given_text)]))
    assert_fit_for_the_wire(content)
    assert body(parsed(content), "plain") == plain_text(given_text * 2)


@given(subject=nasty, name=nasty, text=st.lists(nasty, max_size=3), link=nasty)
def test_no_value_of_a_message_in_pieces_can_add_a_header(subject: str, name: str, text: list[str], link: str) -> None:
    mailbox = f'"{header_line(name).replace(chr(92), "").replace(chr(34), "")}" <alerts@example.org>'
    try:
        made = message(
            subject=subject,
            sender=mailbox,
            text=[encode(piece) for piece in text],
            html=[encode("<p>Hello</p>")],
            headers=(("List-Unsubscribe", f"<{link}>"),),
        )
    except ValueError:  # the link cannot stand in a header, so there is no message
        assert re.search(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]", link) or len(link) > 900
        return
    read = parsed(to_bytes(made))
    assert set(read.keys()) == {
        "Date",
        "From",
        "To",
        "Subject",
        "Message-ID",
        "List-Unsubscribe",
        "MIME-Version",
        "Content-Type",
    }
    assert read["Subject"] == header_line(subject)


def test_equal_messages_are_equal_however_they_were_made() -> None:
    one = message(text="Hello\n", html="<p>Hello</p>")
    other = message(text=[encode("Hel"), encode("lo\n")], html=[encode("<p>Hello"), encode("</p>")])
    assert one == other
    assert hash(one) == hash(other)
    assert one != message(text="Hello\n")
    with pytest.raises(AttributeError):
        setattr(one, "subject", "Another")  # noqa: B010 - as an attribute mypy would refuse it first


def test_a_moment_is_written_in_the_zone_it_is_given_in() -> None:
    there = NOW.astimezone(timezone(timedelta(hours=9)))
    assert parsed(to_bytes(message(date=there)))["Date"] == "Mon, 02 Mar 2026 18:30:00 +0900"
    assert parsed(to_bytes(message()))["Date"] == "Mon, 02 Mar 2026 09:30:00 +0000"


@pytest.mark.parametrize("name", ["Trial Alerts", "Müllers Brief", 'A "B" C', "Alerts, Inc.", "a" * 300, "试验提醒"])
def test_an_ordinary_name_reads_back_with_the_newer_parser_too(name: str) -> None:
    quoted = name.replace('"', '\\"')
    sender = parsed(to_bytes(message(sender=f'"{quoted}" <alerts@example.org>')))["From"].addresses[0]
    assert (sender.display_name, sender.addr_spec) == (name, "alerts@example.org")


@given(subject=nasty, name=nasty, text=nasty)
def test_no_value_can_add_a_header(subject: str, name: str, text: str) -> None:
    quoted = header_line(name).replace("\\", "").replace('"', "")
    read = parsed(to_bytes(message(subject=subject, sender=f'"{quoted}" <alerts@example.org>', text=text)))
    assert set(read.keys()) == {
        "Date",
        "From",
        "To",
        "Subject",
        "Message-ID",
        "MIME-Version",
        "Content-Type",
        "Content-Transfer-Encoding",
    }


def test_the_fixed_headers_read_back() -> None:
    read = parsed(to_bytes(message()))
    assert read["To"] == "mona@example.org"
    assert read["Message-ID"] == "<0123456789abcdef@example.org>"
    assert read["Date"].datetime == NOW


def test_the_same_message_gives_the_same_bytes_each_time() -> None:
    assert to_bytes(message(html="<p>Hello</p>")) == to_bytes(message(html="<p>Hello</p>"))


def test_a_long_unsubscribe_link_stays_whole_and_unencoded() -> None:
    link = f"<https://alerts.example.org/unsubscribe/{'a' * 400}>, <mailto:unsubscribe@example.org>"
    content = to_bytes(
        message(headers=(("List-Unsubscribe", link), ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")))
    )
    assert_fit_for_the_wire(content)
    assert b"=?" not in content
    read = email.message_from_bytes(content)  # as written, so that the folding shows
    assert re.sub(r"\r?\n ", " ", read["List-Unsubscribe"]) == link
    assert read["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_an_added_header_outside_ascii_is_encoded() -> None:
    content = to_bytes(message(headers=(("List-Id", "Müllers Liste"),)))
    assert content.isascii()
    assert parsed(content)["List-Id"] == "Müllers Liste"


def test_a_reply_address_is_a_mailbox() -> None:
    read = parsed(to_bytes(message(headers=(("Reply-To", "Müllers Büro <office@bücher.example>"),))))
    (mailbox,) = read["Reply-To"].addresses
    assert (mailbox.display_name, mailbox.addr_spec) == ("Müllers Büro", "office@xn--bcher-kva.example")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("X-Note", "a\r\nBcc: x@example.org", id="a line end in the value"),
        pytest.param("X-Note", "a\nb", id="a bare line feed"),
        pytest.param("X-Note", "a\0b", id="a NUL"),
        pytest.param("X-Note", "a\ud800", id="a lone surrogate"),
        pytest.param("X Note", "a", id="a blank in the name"),
        pytest.param("X-Note:", "a", id="a colon in the name"),
        pytest.param("X-Nöte", "a", id="a letter outside ASCII in the name"),
        pytest.param("X-Note", "a" * 1_000, id="a word that fits on no line"),
        pytest.param("Subject", "another", id="one of the message's own"),
    ],
)
def test_an_unsafe_added_header_is_refused(name: str, value: str) -> None:
    with pytest.raises(ValueError, match="the header"):
        message(headers=((name, value),))


@pytest.mark.parametrize(
    "address",
    [
        "",
        "mona",
        "a@b@example.org",
        "a@example.org, b@example.org",
        "Mona <mona@example.org>",
        "a\r\n@example.org",
        "a b@example.org",
        "a@exa\0mple.org",
    ],
)
def test_what_is_no_bare_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="bare address"):
        message(to=address)


@pytest.mark.parametrize(
    "message_id", ["", "a@example.org", "<a>", "<a@b>\r\n", "<a b@example.org>", "<ä@example.org>"]
)
def test_what_is_no_message_id_is_refused(message_id: str) -> None:
    with pytest.raises(ValueError, match="Message-ID"):
        message(message_id=message_id)


def test_a_domain_outside_ascii_goes_out_in_its_ascii_form() -> None:
    content = to_bytes(message(to="mona@bücher.example"))
    assert content.isascii()
    assert b"To: mona@xn--bcher-kva.example\r\n" in content


def test_a_local_part_outside_ascii_stays_as_it_is() -> None:
    read = parsed(to_bytes(message(to="möna@example.org")))
    assert "möna@example.org" in str(read["To"])


@pytest.mark.parametrize("clean", [header_line, plain_text])
@given(text=nasty)
def test_cleaning_twice_changes_nothing_more(clean: Callable[[str], str], text: str) -> None:
    assert clean(clean(text)) == clean(text)


def test_message_ids_differ_and_name_our_domain() -> None:
    made = {new_message_id(mail_domain("Alerts <alerts@bücher.example>")) for _ in range(100)}
    assert len(made) == 100
    assert all(each.endswith("@xn--bcher-kva.example>") for each in made)
    assert all(message(message_id=each) for each in made)

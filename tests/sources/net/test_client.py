"""Tests of the way to the network: what is asked, what is refused, what is told when it fails."""

from __future__ import annotations

import gzip
import itertools
import tracemalloc
import zlib
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta

import brotli  # type: ignore[import-untyped]  # the package ships no type hints
import httpcore
import pytest

from tests.sources.registry_server import Fault, Handler, RegistryServer, cut, hang_up, pour, respond, stall
from trialalerts import __version__
from trialalerts.clock import FrozenClock
from trialalerts.errors import SourceError
from trialalerts.net.client import Fetcher, HttpRefused, Interrupted
from trialalerts.net.decompression import BrokenBody, TooLarge, unpacked
from trialalerts.net.guard import PublicNetwork, is_public
from trialalerts.redaction import shown_url
from trialalerts.settings import HttpSettings

MEGABYTE = b"0" * 1_000_000


@pytest.fixture
def fetcher(http_settings: HttpSettings, clock: FrozenClock) -> Iterator[Fetcher]:
    with Fetcher(http_settings, clock) as fetcher:
        yield fetcher


class _ToServer(httpcore.NetworkBackend):
    """Dials the local server whatever address is wanted, and remembers which was."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.dialled: list[str] = []

    def connect_tcp(
        self,
        host: str,
        port: int,  # noqa: ARG002 - the interface's
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        self.dialled.append(host)
        return httpcore.SyncBackend().connect_tcp("127.0.0.1", self.port, timeout, local_address, socket_options)


def _port(server: RegistryServer) -> int:
    return int(server.root.rpartition(":")[2])


def test_a_page_comes_with_its_headers_in_lower_case(server: RegistryServer, fetcher: Fetcher) -> None:
    url = server.serve("/feed.xml", b"<rss/>", etag='"one"')
    answer = fetcher.get(url)
    assert (answer.status, answer.body, answer.url) == (200, b"<rss/>", url)
    assert answer.headers["etag"] == '"one"'
    assert not answer.not_modified


def test_the_user_agent_is_honest_and_names_the_contact(server: RegistryServer, fetcher: Fetcher) -> None:
    fetcher.get(server.serve("/a", b"x"))
    assert server.requests[0].headers["user-agent"] == f"TrialAlerts/{__version__} (+admin@example.org)"


def test_a_contact_that_would_break_the_header_is_cleaned(server: RegistryServer, clock: FrozenClock) -> None:
    settings = HttpSettings(allow_private_addresses=True, contact="admin@example.org\r\nX-Evil: 1 – Zoë")
    with Fetcher(settings, clock) as fetcher:
        fetcher.get(server.serve("/a", b"x"))
    assert "x-evil" not in server.requests[0].headers


def test_the_query_is_added_to_that_of_the_address(server: RegistryServer, fetcher: Fetcher) -> None:
    fetcher.get(server.serve("/a", b"x") + "?key=1", params={"fields": "A|B", "q": "é"})
    assert server.requests[0].params == {"key": "1", "fields": "A|B", "q": "é"}


def test_what_has_not_changed_is_not_sent_again(server: RegistryServer, fetcher: Fetcher) -> None:
    url = server.serve("/a", b"x", etag='"one"', last_modified="Mon, 02 Mar 2026 09:00:00 GMT")
    assert fetcher.get(url, etag='"one"').not_modified
    assert fetcher.get(url, last_modified="Mon, 02 Mar 2026 09:00:00 GMT").not_modified
    assert fetcher.get(url, etag='"other"').body == b"x"


def test_a_304_that_was_not_asked_for_is_an_error(server: RegistryServer, fetcher: Fetcher) -> None:
    server.faults.append(Fault(act=respond(304)))
    with pytest.raises(HttpRefused, match="304"):
        fetcher.get(server.serve("/a", b"x"))


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": lambda body: gzip.compress(body[:5]) + gzip.compress(body[5:]),
    "deflate": zlib.compress,
    "raw deflate": lambda body: zlib.compress(body)[2:-4],
    "br": lambda body: brotli.compress(body, quality=4),
    "identity": lambda body: body,
}


@pytest.mark.parametrize("packer", PACKERS)
def test_packed_bodies_are_unpacked(packer: str, server: RegistryServer, fetcher: Fetcher) -> None:
    body = b"<rss>" + b"words and words " * 10_000 + b"</rss>"
    headers = {"Content-Encoding": packer.removeprefix("raw ")}
    server.faults.append(Fault(act=respond(200, PACKERS[packer](body), headers)))
    assert fetcher.get(server.root).body == body


@pytest.mark.parametrize("packer", ["gzip", "deflate", "raw deflate", "br"])
def test_packed_bodies_may_come_byte_by_byte(packer: str) -> None:
    body = b"words and words " * 100
    pieces = [bytes([byte]) for byte in PACKERS[packer](body)]
    assert unpacked(pieces, packer.removeprefix("raw "), 10_000) == body


@pytest.mark.parametrize("packer", ["gzip", "deflate", "br"])
def test_a_packed_body_that_breaks_off_is_an_error(packer: str) -> None:
    with pytest.raises(BrokenBody, match="too early"):
        unpacked([PACKERS[packer](b"words and words " * 100)[:-9]], packer, 10_000)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br"])
def test_a_body_that_is_not_packed_as_it_says_is_an_error(encoding: str) -> None:
    with pytest.raises(BrokenBody):
        unpacked([b"<rss>plain text</rss>"], encoding, 10_000)


def test_an_encoding_that_was_not_asked_for_is_an_error(server: RegistryServer, fetcher: Fetcher) -> None:
    server.faults.append(Fault(act=respond(200, b"x", {"Content-Encoding": "zstd"})))
    with pytest.raises(SourceError, match="zstd"):
        fetcher.get(server.root)


@pytest.mark.parametrize("packer", ["gzip", "deflate", "br", "identity"])
def test_a_body_above_the_limit_is_cut_off_with_flat_memory(packer: str) -> None:
    bomb = PACKERS[packer](MEGABYTE * 200)
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge):
            unpacked((bomb[n : n + 65_536] for n in range(0, len(bomb), 65_536)), packer, 5_000_000)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def test_a_body_of_two_hundred_megabytes_is_refused_at_once(server: RegistryServer, clock: FrozenClock) -> None:
    settings = HttpSettings(allow_private_addresses=True, max_body=3_000_000)
    sent = itertools.count()
    pieces = (MEGABYTE for _ in itertools.takewhile(lambda n: n < 200, sent))
    server.faults.append(Fault(act=pour(pieces)))
    with Fetcher(settings, clock) as fetcher, pytest.raises(SourceError, match="more than 3,000,000 bytes"):
        fetcher.get(server.root)
    assert next(sent) < 100


def test_a_body_that_says_it_is_too_large_is_not_read(server: RegistryServer, clock: FrozenClock) -> None:
    settings = HttpSettings(allow_private_addresses=True, max_body=1000)
    server.faults.append(Fault(act=stall(length=200_000_000)))
    with Fetcher(settings, clock) as fetcher, pytest.raises(SourceError, match=r"raise http\.max_body"):
        fetcher.get(server.root)


def test_a_stalled_body_is_given_up(server: RegistryServer, clock: FrozenClock) -> None:
    settings = HttpSettings(allow_private_addresses=True, timeout=timedelta(milliseconds=100))
    server.faults.append(Fault(act=stall()))
    with Fetcher(settings, clock) as fetcher, pytest.raises(SourceError, match=r"did not answer within 0\.1 seconds"):
        fetcher.get(server.root)


def test_a_body_that_drips_for_ever_is_given_up(
    server: RegistryServer, http_settings: HttpSettings, clock: FrozenClock
) -> None:
    server.faults.append(Fault(act=pour(b"x" for _ in itertools.count())))
    deadline = timedelta(milliseconds=200)
    with Fetcher(http_settings, clock, deadline=deadline) as fetcher, pytest.raises(SourceError, match="too slowly"):
        fetcher.get(server.root)


def test_waiting_ends_when_the_program_is_told_to_stop(
    server: RegistryServer, http_settings: HttpSettings, clock: FrozenClock
) -> None:
    server.faults.append(Fault(act=stall()))
    with Fetcher(http_settings, clock, stop=lambda: bool(server.requests)) as fetcher, pytest.raises(Interrupted):
        fetcher.get(server.root)


@pytest.mark.parametrize(("value", "seconds"), [
    ("120", 120), (" 7 ", 7), ("Mon, 02 Mar 2026 09:31:00 GMT", 60), ("Mon, 02 Mar 2026 09:00:00 GMT", 0),
    ("soon", None), ("-5", None), ("", None),
])  # fmt: skip
@pytest.mark.parametrize("status", [429, 503])
def test_a_server_may_say_when_to_come_again(
    status: int, value: str, seconds: float | None, server: RegistryServer, fetcher: Fetcher
) -> None:
    server.faults.append(Fault(act=respond(status, b"", {"Retry-After": value})))
    with pytest.raises(HttpRefused, match=f"answered {status}; it asks for a pause") as refused:
        fetcher.get(server.root)
    assert refused.value.retry_after == seconds
    assert len(server.requests) == 1


@pytest.mark.parametrize(("status", "remedy"), [
    (403, "does not let this service in"), (404, "check the source's url"), (500, "tried again"), (418, "filters"),
])  # fmt: skip
def test_every_refusal_says_what_mends_it(status: int, remedy: str, server: RegistryServer, fetcher: Fetcher) -> None:
    server.faults.append(Fault(act=respond(status, b"<html>no</html>", {"Content-Type": "text/html"})))
    with pytest.raises(HttpRefused, match=f"answered {status}; .*{remedy}") as refused:
        fetcher.get(server.root)
    assert refused.value.status == status


def test_the_short_words_of_a_refusal_are_told(server: RegistryServer, fetcher: Fetcher) -> None:
    body = b"`filter.advanced` parameter\r\nhas incorrect format\x1b[31m"
    server.faults.append(Fault(act=respond(400, body, {"Content-Type": "text/plain"})))
    with pytest.raises(HttpRefused) as refused:
        fetcher.get(server.root)
    assert "(`filter.advanced` parameter has incorrect format[31m)" in str(refused.value)


def test_a_refusal_of_any_length_is_short_in_the_message(server: RegistryServer, fetcher: Fetcher) -> None:
    server.faults.append(Fault(act=_refuse_endlessly))
    with pytest.raises(HttpRefused) as refused:
        fetcher.get(server.root)
    assert len(str(refused.value)) < 500


def _refuse_endlessly(handler: Handler) -> None:
    handler.send_response(500)
    handler.send_header("Content-Type", "text/plain")
    handler.end_headers()
    for _ in range(300):
        handler.wfile.write(MEGABYTE)


def test_a_connection_that_breaks_is_tried_three_times(server: RegistryServer, fetcher: Fetcher) -> None:
    url = server.serve("/a", b"x")
    server.faults.append(Fault(act=hang_up, times=2))
    assert fetcher.get(url).body == b"x"
    server.faults.append(Fault(act=cut(b"half", length=100), times=3))
    with pytest.raises(SourceError, match="cannot be reached"):
        fetcher.get(url)
    assert len(server.requests) == 6


def test_nobody_there_is_a_plain_error(clock: FrozenClock, http_settings: HttpSettings) -> None:
    with RegistryServer() as gone:
        url = gone.root
    with Fetcher(http_settings, clock) as fetcher, pytest.raises(SourceError, match=f"{url} cannot be reached"):
        fetcher.get(url)


def test_no_message_shows_the_password_or_the_query(server: RegistryServer, fetcher: Fetcher) -> None:
    host = server.root.removeprefix("http://")
    with pytest.raises(SourceError) as error:
        fetcher.get(f"http://user:pa55word@{host}/feed?token=s3cret#part")
    assert str(error.value).startswith(f"http://{host}/feed answered 404")
    assert shown_url("https://u:p@example.org/a?b#c") == "https://example.org/a"


def test_another_server_that_a_redirect_leads_to_hears_no_password(server: RegistryServer, fetcher: Fetcher) -> None:
    host = server.root.removeprefix("http://")
    with RegistryServer() as other:
        other.serve("/b", b"there")
        server.faults.append(Fault(act=respond(302, headers={"Location": f"{other.root}/b"}), when=_at("/a")))
        assert fetcher.get(f"http://user:pa55word@{host}/a?token=s3cret").body == b"there"
        assert "authorization" in server.requests[0].headers
        asked = other.requests[0]
    assert not {"authorization", "referer", "cookie"} & asked.headers.keys()
    assert "s3cret" not in str(asked)


@pytest.mark.parametrize("way", ["get", "post"])
def test_a_key_is_shown_to_the_server_that_is_asked_and_to_no_other(
    way: str, server: RegistryServer, fetcher: Fetcher
) -> None:
    ask = getattr(fetcher, way)
    server.serve("/b", b"near")
    with RegistryServer() as other:
        other.serve("/c", b"there")
        server.faults += [
            Fault(act=respond(307, headers={"Location": "/b"}), when=_at("/a")),
            Fault(act=respond(307, headers={"Location": f"{other.root}/c"}), when=_at("/far")),
        ]
        for path, body in (("/a", b"near"), ("/far", b"there")):
            assert ask(server.root + path, credentials={"x-api-key": "s3cret"}).body == body
        assert [asked.headers.get("x-api-key") for asked in server.requests] == ["s3cret"] * 3
        assert "s3cret" not in str(other.requests)


@pytest.mark.parametrize(("status", "told"), [
    (401, "it refuses the key: set the source's api_key"), (403, "it refuses the key"), (404, "there is nothing at"),
])  # fmt: skip
def test_a_key_that_is_refused_is_told_apart_and_never_repeated(
    status: int, told: str, server: RegistryServer, fetcher: Fetcher
) -> None:
    server.faults.append(Fault(act=respond(status, b"s3cret is wrong", {"Content-Type": "text/plain"})))
    with pytest.raises(HttpRefused, match=told) as failed:
        fetcher.post(server.root, json={}, credentials={"x-api-key": "s3cret"})
    assert "s3cret" not in str(failed.value)


def test_redirects_are_followed_five_times(server: RegistryServer, fetcher: Fetcher) -> None:
    for number in range(6):
        target = f"/{number + 1}" if number < 5 else server.root + "/end"
        server.faults.append(Fault(act=respond(302, b"", {"Location": target}), when=_at(f"/{number}")))
    server.serve("/end", b"here")
    with pytest.raises(SourceError, match="redirects more than 5 times"):
        fetcher.get(server.root + "/0")
    for number in range(1, 6):
        server.faults.append(Fault(act=respond(301, b"", {"Location": f"/{number + 1}"}), when=_at(f"/{number}")))
    server.serve("/6", b"here")
    assert fetcher.get(server.root + "/1").body == b"here"
    assert server.requests[-1].path == "/6"


def _at(path: str) -> Callable[[object], bool]:
    return lambda request: getattr(request, "path", None) == path


@pytest.mark.parametrize(
    "target", ["file:///etc/passwd", "ftp://example.org/", "javascript:alert(1)", "data:,x", "http:"]
)
def test_a_redirect_leads_only_to_http(target: str, server: RegistryServer, fetcher: Fetcher) -> None:
    server.faults.append(Fault(act=respond(302, b"", {"Location": target})))
    with pytest.raises(SourceError, match=r"only http and https|no valid address|redirects|answered 404"):
        fetcher.get(server.root)


@pytest.mark.parametrize("address", [
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.1", "100.64.0.1", "224.0.0.1",
    "::1", "fe80::1%eth0", "fc00::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "2002:7f00:1::", "64:ff9b::a00:1",
    "ff02::1", "255.255.255.255", "::", "nonsense",
])  # fmt: skip
def test_private_addresses_are_none_of_the_publics(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("url", ["http://127.0.0.1:{port}/a", "http://localhost:{port}/a", "http://[::1]:{port}/a",
                                 "http://2130706433:{port}/a", "http://0x7f.1:{port}/a"])  # fmt: skip
def test_private_addresses_are_not_called(url: str, server: RegistryServer, clock: FrozenClock) -> None:
    server.serve("/a", b"secret")
    with (
        Fetcher(HttpSettings(), clock) as fetcher,
        pytest.raises(SourceError, match=r"allow_private_addresses|resolved"),
    ):
        fetcher.get(url.format(port=_port(server)))
    assert not server.requests


def test_a_redirect_to_a_private_address_is_refused(server: RegistryServer, clock: FrozenClock) -> None:
    addresses = {"feeds.example.org": ["93.184.216.34"], "intranet.example.org": ["10.0.0.7"]}
    dialler = _ToServer(_port(server))
    network = PublicNetwork(allow_private=False, resolver=lambda host, _: addresses[host], dialler=dialler)
    server.faults.append(Fault(act=respond(302, b"", {"Location": "http://intranet.example.org/admin"})))
    told = r"leads to intranet\.example\.org, which is no public address"
    with Fetcher(HttpSettings(), clock, network=network) as fetcher, pytest.raises(SourceError, match=told):
        fetcher.get("http://feeds.example.org/feed.xml")
    assert dialler.dialled == ["93.184.216.34"]
    assert server.requests[0].headers["host"] == "feeds.example.org"


def test_a_name_is_resolved_once_so_that_it_cannot_change_its_mind(server: RegistryServer, clock: FrozenClock) -> None:
    answers = iter([["93.184.216.34"], ["127.0.0.1"]])
    dialler = _ToServer(_port(server))
    network = PublicNetwork(allow_private=False, resolver=lambda _host, _port: next(answers), dialler=dialler)
    server.serve("/a", b"x")
    with Fetcher(HttpSettings(), clock, network=network) as fetcher:
        assert fetcher.get("http://rebinding.example.org/a").body == b"x"
    assert dialler.dialled == ["93.184.216.34"]


def test_of_mixed_addresses_only_the_public_ones_are_called(server: RegistryServer, clock: FrozenClock) -> None:
    dialler = _ToServer(_port(server))
    network = PublicNetwork(allow_private=False, resolver=lambda *_: ["10.0.0.1", "93.184.216.34"], dialler=dialler)
    server.serve("/a", b"x")
    with Fetcher(HttpSettings(), clock, network=network) as fetcher:
        fetcher.get("http://mixed.example.org/a")
    assert dialler.dialled == ["93.184.216.34"]


def test_a_server_whose_certificate_is_not_trusted_is_not_asked_again(
    server: RegistryServer, http_settings: HttpSettings, clock: FrozenClock
) -> None:
    with Fetcher(http_settings, clock) as fetcher, pytest.raises(SourceError, match="cannot be reached"):
        fetcher.get(server.root.replace("http://", "https://"))

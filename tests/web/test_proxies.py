"""``X-Forwarded-For`` is believed of configured proxies alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from trialalerts.errors import ConfigurationError
from trialalerts.settings import Settings, WebSettings, read_settings
from trialalerts.web.clients.proxies import ForwardedClients, TrustedProxies
from trialalerts.web.server import WebServer


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        pytest.param("203.0.113.9", "203.0.113.9", id="one"),
        pytest.param("198.51.100.1, 203.0.113.9", "203.0.113.9", id="what a client sent before is not believed"),
        pytest.param("203.0.113.9, 10.1.2.3", "203.0.113.9", id="a proxy before the proxy"),
        pytest.param("10.1.2.3, 10.1.2.4", "10.1.2.3", id="nobody but proxies"),
        pytest.param("203.0.113.9:4711", "203.0.113.9", id="with a port"),
        pytest.param('"[2001:db8::7]:4711"', "2001:db8::7", id="IPv6 with a port"),
        pytest.param("2001:db8::7", "2001:db8::7", id="IPv6"),
        pytest.param("::ffff:203.0.113.9", "203.0.113.9", id="IPv4 written as IPv6"),
        pytest.param("203.0.113.9, unknown", "127.0.0.1", id="no address"),
        pytest.param("203.0.113.9, ' OR 1=1", "127.0.0.1", id="nonsense"),
        pytest.param("", "127.0.0.1", id="empty"),
        pytest.param(",,,", "127.0.0.1", id="commas"),
    ],
)
def test_the_client_is_who_stands_before_the_last_trusted_proxy(forwarded: str, client: str) -> None:
    assert TrustedProxies(["127.0.0.1/32", "10.1.0.0/16"]).client("127.0.0.1", forwarded) == client
    assert TrustedProxies([]).client("127.0.0.1", forwarded) == "127.0.0.1"


def _who(request: Request) -> Response:
    return PlainTextResponse(request.client.host if request.client else "nobody")


@pytest.fixture(params=[(), ("127.0.0.1",)], ids=["no proxy is trusted", "this machine is"])
def server(request: pytest.FixtureRequest) -> Iterator[tuple[WebServer, bool]]:
    settings = Settings(web=WebSettings(port=0, trusted_proxies=request.param))
    trusted = TrustedProxies(settings.web.trusted_proxies)
    app = Starlette(routes=[Route("/", _who)], middleware=[Middleware(ForwardedClients, trusted=trusted)])
    server = WebServer(settings, app)
    server.start()
    yield server, bool(request.param)
    server.stop()


def test_a_server_believes_nobody_by_itself(server: tuple[WebServer, bool]) -> None:
    running, trusts = server
    answer = httpx.get(
        running.url, headers=[("X-Forwarded-For", "198.51.100.1"), ("X-Forwarded-For", "203.0.113.9")], timeout=60
    )
    assert answer.text == ("203.0.113.9" if trusts else "127.0.0.1")


@pytest.mark.parametrize("value", ["10.0.0", "proxy.example.org", "10.0.0.0/33", "*", ""])
def test_a_proxy_that_is_no_address_is_a_wrong_configuration(tmp_path: Path, value: str) -> None:
    path = tmp_path / "trialalerts.toml"
    path.write_text(f'[web]\ntrusted_proxies = ["10.0.0.5", "{value}"]\n')
    with pytest.raises(ConfigurationError) as caught:
        read_settings(path)
    assert "web.trusted_proxies" in str(caught.value)
    assert "an address or a network such as" in str(caught.value)
    assert "\n" not in str(caught.value)

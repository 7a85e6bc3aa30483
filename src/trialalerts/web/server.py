"""The web server: uvicorn in a thread of its own, so that the daemon's main thread keeps the signals."""

from __future__ import annotations

import socket
import threading
import time

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn import Config, Server

from trialalerts.errors import ConfigurationError
from trialalerts.logs import Logger
from trialalerts.settings import Settings
from trialalerts.web.clients.connections import MOST_CONNECTIONS, Connections, connection_class
from trialalerts.web.clients.proxies import TrustedProxies

__all__ = ["WebServer"]

log = Logger()

_START_SECONDS = 15.0
_STOP_SECONDS = 5.0
_IN_FLIGHT_SECONDS = 3
_MOST_WITH_PROXIES = 2 * MOST_CONNECTIONS


class _Server(Server):
    """A uvicorn server that says when it listens."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


class _Replaceable:
    """An application that can be replaced by another; a request that has begun stays with its own."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


class WebServer:
    """Serves an application on ``web.host`` and ``web.port`` (0: any free port) from a thread."""

    def __init__(self, settings: Settings, app: ASGIApp) -> None:
        self._host = settings.web.host
        self._wanted_port = settings.web.port
        self._trusted = TrustedProxies(settings.web.trusted_proxies)
        self._app = _Replaceable(app)
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None
        self._socket: socket.socket | None = None

    @property
    def port(self) -> int:
        """The port on which the server listens; the one configured before it does."""
        return int(self._socket.getsockname()[1]) if self._socket else self._wanted_port

    @property
    def url(self) -> str:
        """The address of the pages from this machine, without a slash at the end."""
        host = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(self._host, self._host)  # noqa: S104 - compared, not bound
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def running(self) -> bool:
        """Whether the server's thread is alive."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Listen and serve; return once pages are served.

        Raises:
            ConfigurationError: the host or the port cannot be had.
        """
        self._socket = self._listen()
        config = Config(
            self._app,
            access_log=False,
            log_config=None,
            log_level="warning",
            server_header=False,
            lifespan="off",
            ws="none",
            http=connection_class(Connections(self._trusted)),
            proxy_headers=False,  # uvicorn would believe whoever is on this machine
            loop="asyncio",
            limit_concurrency=_MOST_WITH_PROXIES,
            timeout_keep_alive=5,
            timeout_graceful_shutdown=_IN_FLIGHT_SECONDS,
        )
        self._server = _Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), name="web", daemon=True)
        self._thread.start()
        if not self._server.ready.wait(_START_SECONDS):
            self.stop()
            raise ConfigurationError(f"web.port: the pages did not come up on {self.url}")
        log.info("web.started", port=self.port)

    def replace_app(self, app: ASGIApp) -> None:
        """Serve another application from the next request on."""
        self._app.app = app

    def stop(self, timeout: float = _STOP_SECONDS) -> None:
        """Finish the requests in flight and stop, within ``timeout`` seconds; what takes longer is cut off."""
        if self._server is None or self._thread is None or self._socket is None:
            return
        deadline = time.monotonic() + timeout
        self._server.should_exit = True
        self._thread.join(max(0.0, timeout - 1))
        self._server.force_exit = True
        self._thread.join(max(0.0, deadline - time.monotonic()))
        log.info("web.stopped", clean=not self._thread.is_alive())
        self._socket.close()
        self._server = self._thread = self._socket = None

    def _listen(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        try:
            listening = socket.create_server((self._host, self._wanted_port), family=family, backlog=256)
        except OSError as error:
            raise ConfigurationError(
                f"web.port: {self._host}:{self._wanted_port} cannot be had: {error.strerror}; "
                "choose another port or stop what listens there"
            ) from None
        # Connections inherit it. Without it head and body of an answer leave 40 ms apart: asyncio sets it only on
        # sockets whose protocol number is given, which create_server does not give.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listening

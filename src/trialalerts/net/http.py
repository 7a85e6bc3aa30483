"""What all requests share: httpx, whose certificates are trusted, and how the program calls itself.

httpx is imported without its command line: that needs click, rich and Pygments, 5 MB that nothing here uses.
"""

from __future__ import annotations

import re
from functools import cache
from ssl import SSLContext

import httpcore

from trialalerts import __version__, modules_hidden
from trialalerts.net.guard import PublicNetwork

with modules_hidden("click"):
    import httpx

__all__ = ["GuardedTransport", "httpx", "ssl_context", "user_agent"]


@cache
def ssl_context() -> SSLContext:
    """Return what checks certificates; reading the trusted ones takes as long as many polls of a feed."""
    return httpx.create_ssl_context()


def user_agent(contact: str = "") -> str:
    """Return the value of User-Agent; ``contact`` is where the operator can be asked."""
    words = re.sub(r"[^\x21-\x7e]+", " ", contact).strip()
    return f"TrialAlerts/{__version__}" + (f" (+{words})" if words else "")


class GuardedTransport(httpx.HTTPTransport):
    """Carries requests of httpx over a network that says which addresses may be called."""

    def __init__(self, network: PublicNetwork, *, most: int = 4, idle: float = 30) -> None:
        """``most`` connections at once; one is used again within ``idle`` seconds."""
        super().__init__(verify=ssl_context(), trust_env=False)
        self._pool.close()
        # httpx hands no network backend on to httpcore; its own pool is replaced before first use.
        self._pool = httpcore.ConnectionPool(
            ssl_context=ssl_context(), max_connections=most, keepalive_expiry=idle, network_backend=network
        )

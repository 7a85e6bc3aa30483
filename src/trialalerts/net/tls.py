"""What all requests share: whose certificates are trusted, and how the program calls itself."""

from __future__ import annotations

import re
from functools import cache
from ssl import SSLContext

import httpx

from trialalerts import __version__

__all__ = ["ssl_context", "user_agent"]


@cache
def ssl_context() -> SSLContext:
    """Return what checks certificates; reading the trusted ones takes as long as many polls of a feed."""
    return httpx.create_ssl_context()


def user_agent(contact: str = "") -> str:
    """Return the value of User-Agent; ``contact`` is where the operator can be asked."""
    words = re.sub(r"[^\x21-\x7e]+", " ", contact).strip()
    return f"TrialAlerts/{__version__}" + (f" (+{words})" if words else "")

"""Owns the comparing of links: two addresses that lead to the same article are one."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

__all__ = ["link_key", "usable_link"]

_TRACKING = re.compile(
    r"utm_\w+|fbclid|gclid|dclid|msclkid|yclid|twclid|igshid|mc_[ce]id|_hs\w+|mkt_tok|ncid|cmpid?|af|at_\w+|"
    r"s?rss|feed|source|ref|referrer|fc|ff",
    re.IGNORECASE,
)
_LONGEST = 2000


def link_key(url: str) -> str:
    """Return what identifies the page behind a link: without scheme, ``www.``, fragment and tracking parameters."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = None
    host = (parts.hostname or "").removeprefix("www.")
    if port not in {None, 80, 443}:
        host = f"{host}:{port}"
    kept = sorted(
        (key, value) for key, value in parse_qsl(parts.query, keep_blank_values=True) if not _TRACKING.fullmatch(key)
    )
    query = f"?{urlencode(kept)}" if kept else ""
    fragment = f"#{parts.fragment}" if parts.fragment.startswith(("!", "/")) else ""  # pages that are one program
    return f"{host}{parts.path.rstrip('/')}{query}{fragment}"


def usable_link(link: str, base: str) -> str:
    """Return a link as an absolute http(s) address; an empty text where it is none that a mail may carry."""
    words = "".join(link.split())
    try:
        if urlsplit(words).scheme and not urlsplit(words).netloc:
            return ""
        absolute = urljoin(base, words)
        parts = urlsplit(absolute)
    except ValueError:
        return ""
    return absolute if parts.scheme in {"http", "https"} and parts.netloc and len(absolute) <= _LONGEST else ""

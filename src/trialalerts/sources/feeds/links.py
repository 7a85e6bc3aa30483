"""Links of articles: which a mail may carry, and which lead to the same page."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

from trialalerts.catalog.articles.keys import link_key

__all__ = ["link_key", "usable_link"]

_LONGEST = 2000


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

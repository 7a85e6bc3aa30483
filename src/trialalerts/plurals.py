"""Counted things in plain English, for the operator's commands and checks.

What subscribers read has its plural forms in the strings of each language instead.
"""

from __future__ import annotations

__all__ = ["counted"]


def counted(number: int, thing: str, things: str | None = None) -> str:
    """Return how many there are of a thing: ``1 mail``, ``0 mails``, ``1,000 mails``.

    >>> counted(1, "mail"), counted(1000, "country", "countries")
    ('1 mail', '1,000 countries')

    Args:
        number: how many.
        thing: one of them.
        things: several, where that is not the same with an *s*.
    """
    return f"{number:,} {thing if number == 1 else things or f'{thing}s'}"

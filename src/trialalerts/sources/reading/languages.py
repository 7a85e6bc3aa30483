"""The code of a language by its English name."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

__all__ = ["language_code"]


def language_code(name: str | None) -> str | None:
    """Return the code of a language; None where nobody knows it.

    >>> language_code("German"), language_code("Klingon of old")
    ('de', None)
    """
    return _codes().get((name or "").strip().lower())


@cache
def _codes() -> Mapping[str, str]:
    from babel import Locale

    names = sorted(Locale("en").languages.items(), key=lambda pair: len(pair[0]), reverse=True)
    return {name.lower(): code for code, name in names if "_" not in code}  # of two codes the shorter one

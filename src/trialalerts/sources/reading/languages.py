"""The code of a language by its English name, or by its longer code."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

__all__ = ["language_code", "short_code"]


def language_code(name: str | None) -> str | None:
    """Return the code of a language; None where nobody knows it.

    >>> language_code("German"), language_code("Klingon of old")
    ('de', None)
    """
    return _codes().get((name or "").strip().lower())


def short_code(code: str | None) -> str | None:
    """Return the two letters for a language's three (ISO 639-2); None where there are none.

    >>> short_code("ger"), short_code("EN"), short_code("und")
    ('de', 'en', None)
    """
    from babel.core import get_global

    given = (code or "").strip().lower()
    found = str(get_global("language_aliases").get(given, given))
    return found if len(found) == 2 else None  # noqa: PLR2004


@cache
def _codes() -> Mapping[str, str]:
    from babel import Locale

    names = sorted(Locale("en").languages.items(), key=lambda pair: len(pair[0]), reverse=True)
    return {name.lower(): code for code, name in names if "_" not in code}  # of two codes the shorter one

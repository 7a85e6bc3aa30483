"""The names of conditions in other languages, out of the vocabulary that is shipped.

It is read from its files, not from the database: a line is written wherever a card is, with nothing but its facts.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from trialalerts.files import shipped
from trialalerts.vocabulary.areas.naming.files import SHIPPED_NAMES

__all__ = ["behind_mit", "condition_name"]

_AREAS = "config/disease_areas.toml"
_MIT = "mit"


def condition_name(english: str, language: str) -> str | None:
    """Return how a condition is called in a language; None where the vocabulary does not know it."""
    area_id = _ids().get(english.lower())
    named = _read(shipped(SHIPPED_NAMES) / f"{language}.toml").get(area_id or "")
    return str(named[0]) if named else None


def behind_mit(name: str) -> str | None:
    """Return a German name as it stands behind “mit”: “Multipler Sklerose”; None where nobody wrote that down."""
    return _forms().get(name)


@cache
def _forms() -> dict[str, str]:
    named = _read(shipped(SHIPPED_NAMES) / "de.toml")
    return {str(named[area_id][0]): str(form) for area_id, form in named.get(_MIT, {}).items() if area_id in named}


@cache
def _ids() -> dict[str, str]:
    """Return the area of each English name; where two areas share a synonym, it is the first one's."""
    found: dict[str, str] = {}
    areas = tomllib.loads(shipped(_AREAS).read_text(encoding="utf-8"))["area"]  # ten thousand lines: not kept
    for words in ("name", "synonyms"):
        for area in areas:
            said = area.get(words, ())
            for name in (said,) if isinstance(said, str) else said:
                found.setdefault(name.lower(), area["id"])
    return found


@cache
def _read(file: Path) -> dict[str, Any]:
    return tomllib.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}

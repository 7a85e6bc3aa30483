"""The spelling of MeSH ids and the branches of MeSH that are diseases."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["DISEASES", "is_mesh_id", "normal_mesh_id", "with_mesh_numbers"]

DISEASES = ("C", "F03")
"""How the tree numbers of diseases and mental disorders begin."""

_SHAPE = re.compile(r"[DC](?:\d{6}|\d{9})")
_PADDED = re.compile(r"D000(\d{6})")
_FIRST_LONG_NUMBER = 66_388
"""NLM went from six digits to nine without using a number twice: the six-digit ids end at D066331,
the nine-digit ones begin at D000066388. Chikungunya fever, D065632, is therefore D000065632 only where
a registry padded it."""


def normal_mesh_id(text: str) -> str:
    """Return a MeSH id as NLM writes it: registries pad six-digit ids with zeros (``D000006467`` is ``D006467``).

    True nine-digit ids and supplementary ids (``C000657245``) stay; so does a text that is no MeSH id, but for blanks.
    """
    id_ = text.strip().upper()
    if not _SHAPE.fullmatch(id_):
        return text.strip()
    padded = _PADDED.fullmatch(id_)
    return f"D{padded[1]}" if padded and int(padded[1]) < _FIRST_LONG_NUMBER else id_


def is_mesh_id(text: str) -> bool:
    """Return whether ``text`` is a MeSH id as NLM writes it.

    >>> is_mesh_id("D001249"), is_mesh_id("d1249")
    (True, False)
    """
    return bool(_SHAPE.fullmatch(text)) and normal_mesh_id(text) == text


def with_mesh_numbers(curated: Iterable[str], imported: Iterable[str]) -> list[str]:
    """Return the imported tree numbers, and of the curated ones those in branches that no import covers."""
    others = (number for number in curated if not number.startswith(DISEASES))
    return list(dict.fromkeys((*imported, *others)))

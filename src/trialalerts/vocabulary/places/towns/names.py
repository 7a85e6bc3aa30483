"""The names of towns in the reader's language: Munich, München, Múnich.

GeoNames tells under which names a town is found, not which of them is whose. So the towns whose names differ are
written by hand; what is not in the table keeps its name. A town's name is looked up within its country, as a registry
or a preference has it, in whatever language that was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

from trialalerts.vocabulary.names import folded

__all__ = ["TownNames", "read_town_names", "town_shown"]

_FILE = Path(__file__).with_name("names.txt")
_LANGUAGES = ("en", "de", "fr", "es")


class TownNames(NamedTuple):
    """A town's names: by language, and ``others`` under which it is found too."""

    country: str
    names: Mapping[str, str]
    others: tuple[str, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """All its names, folded."""
        return tuple(dict.fromkeys(map(folded, (*self.names.values(), *self.others))))


def town_shown(name: str, country: str | None, language: str) -> str:
    """Return a town's name in a language: “Köln”, “Koeln” or “Cologne” in DE as “Colonia” for a reader of Spanish.

    >>> town_shown("Milano", "IT", "de"), town_shown("Leeds", "GB", "de")
    ('Mailand', 'Leeds')
    """
    found = _by_name().get((country, folded(name))) if country else None
    return found.names.get(language.partition("-")[0], name) if found else name


def read_town_names() -> Iterator[TownNames]:
    """Yield the towns of the table.

    Raises:
        ValueError: a line has too few fields.
    """
    for line in _FILE.read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            country, *names = (field.strip() for field in line.split("|"))
            others = names.pop().split(";") if len(names) > len(_LANGUAGES) else []
            by_language = dict(zip(_LANGUAGES, names, strict=True))
            yield TownNames(country, by_language, tuple(other.strip() for other in others))


@cache
def _by_name() -> Mapping[tuple[str | None, str], TownNames]:
    return {(town.country, key): town for town in read_town_names() for key in town.keys}

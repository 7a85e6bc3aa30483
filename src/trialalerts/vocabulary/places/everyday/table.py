"""The hand-written table of everyday regions, historic ones and groups of countries, in four languages.

Each is a set of countries and parts of countries, or a town with a radius. What somebody follows is stored as those
codes or that place, so that it keeps its meaning whatever becomes of the table; only the name is looked up here again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

from trialalerts.vocabulary.names import folded

__all__ = ["EverydayRegion", "everyday_called", "everyday_of", "everyday_regions", "everyday_stored"]

_FILE = Path(__file__).with_name("regions.txt")
_LANGUAGES = ("en", "de", "fr", "es")
_AROUND = re.compile(r"(?P<town>.*\S)\s+(?P<km>\d+) km")
_COUNTRY = len("GB")


class EverydayRegion(NamedTuple):
    """A region: its names by language, the first one shown; its ISO 3166 codes, or a town and a radius in km."""

    names: Mapping[str, tuple[str, ...]]
    codes: tuple[str, ...] = ()
    town: str = ""
    radius_km: float | None = None

    @property
    def country(self) -> str | None:
        """The country it lies in; None where it is a group of countries."""
        countries = {code[:_COUNTRY] for code in self.codes} or {self.town[-_COUNTRY:]}
        return countries.pop() if len(countries) == 1 else None

    @property
    def label(self) -> str:
        """How it is stored and listed: “Yorkshire, GB”, “Scandinavia”."""
        return ", ".join(filter(None, (self.said("en"), self.country)))

    def said(self, language: str) -> str:
        """Return its name in a language."""
        return self.names.get(language, self.names["en"])[0]


def everyday_called(key: str) -> EverydayRegion | None:
    """Return the region that is called so, folded, in one of the languages."""
    return _by_name().get(key)


def everyday_of(codes: tuple[str, ...]) -> EverydayRegion | None:
    """Return the region that is made of just these codes."""
    return next((each for each in everyday_regions() if each.codes and set(each.codes) == set(codes)), None)


def everyday_stored(label: str, country: str | None) -> EverydayRegion | None:
    """Return the region whose label a preference holds; None where it is a town or whatever else."""
    found = everyday_called(folded(label.partition(",")[0]))
    return found if found is not None and found.label == label and found.country == country else None


@cache
def everyday_regions() -> tuple[EverydayRegion, ...]:
    """Return all regions of the table.

    Raises:
        ValueError: a line has another number of fields.
    """
    lines = _FILE.read_text(encoding="utf-8").splitlines()
    return tuple(_read(line) for line in lines if line.strip() and not line.startswith("#"))


def _read(line: str) -> EverydayRegion:
    *told, what = (field.strip() for field in line.split("|"))
    if len(told) != len(_LANGUAGES):
        raise ValueError(f"{_FILE.name}: five fields are expected in: {line}")
    each = (tuple(name.strip() for name in field.split(";")) for field in told)
    names = dict(zip(_LANGUAGES, each, strict=True))
    if around := _AROUND.fullmatch(what):
        return EverydayRegion(names=names, town=around["town"], radius_km=float(around["km"]))
    return EverydayRegion(names=names, codes=tuple(what.split()))


@cache
def _by_name() -> Mapping[str, EverydayRegion]:
    return {folded(name): each for each in everyday_regions() for names in each.names.values() for name in names}

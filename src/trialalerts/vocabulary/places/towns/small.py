"""The small towns: those of 500 to 15,000 inhabitants, found by name in a sorted file.

There are five times as many as large ones, and hardly anybody asks for one. So they are not loaded into the database:
the file lies mapped into memory, which all processes share, and a name is found by bisection. ``python -m
tests.town_file`` writes the file anew (GeoNames, CC BY 4.0).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import NamedTuple

from trialalerts.vocabulary.names import folded

__all__ = ["FILE", "SmallTown", "town_keys", "towns_called", "towns_that_begin"]

FILE = Path(__file__).with_name("small.tsv")
_MOST_LINES = 20_000
"""Lines looked at for a beginning: three letters hardly ever have more."""
_NEAR = " near "
_COUNTRY = len("GB")


class SmallTown(NamedTuple):
    """A small town: ``key`` is what it was found by, ``part`` its ISO 3166-2 code where that is known; degrees."""

    key: str
    name: str
    country: str
    part: str | None
    latitude: float
    longitude: float
    population: int

    @property
    def id(self) -> str:
        """What tells it from others."""
        return f"t{self.part or self.country}:{self.name}"


def towns_called(key: str) -> list[SmallTown]:
    """Return the towns of a key (see :func:`~trialalerts.vocabulary.names.folded`): of “bakewell”, “foo near bar”."""
    found = _with_key(key)
    plain, near, _ = key.partition(_NEAR)
    if near:
        found += [town._replace(key=key) for town in _with_key(plain) if folded(town.name) == key]
    return found


def towns_that_begin(key: str, *, most: int) -> list[SmallTown]:
    """Return the largest towns with a name that begins so."""
    begun = key.encode()
    lines = sorted(_fields(begun), key=lambda fields: -int(fields[-1]))
    return [town for fields in lines[:most] for town in _read(fields)]


def town_keys(begin: str) -> Iterator[str]:
    """Yield the names in the file that begin so, folded."""
    yield from dict.fromkeys(fields[0].decode() for fields in _fields(begin.encode()))


def _with_key(key: str) -> list[SmallTown]:
    return [town for fields in _fields(f"{key}\t".encode()) for town in _read(fields)]


def _read(fields: list[bytes]) -> Iterator[SmallTown]:
    """Yield the town of a line; where that only points to another name, the towns of that name that are meant."""
    key, name = fields[0].decode(), fields[1].decode()
    if not name.startswith(">"):
        yield _town(fields)
        return
    for line in _fields(f"{name[1:]}\t".encode()):
        if not line[1].startswith(b">") and (line[2], line[-1]) == (fields[2], fields[-1]):
            yield _town(line)._replace(key=key)


def _town(fields: list[bytes]) -> SmallTown:
    key, name, where, latitude, longitude, population = (field.decode() for field in fields)
    part = where if len(where) > _COUNTRY else None
    return SmallTown(
        key, name or key.title(), where[:_COUNTRY], part, float(latitude), float(longitude), int(population)
    )


def _fields(begin: bytes) -> Iterator[list[bytes]]:
    """Yield the lines that begin so, each parted at its tabs."""
    data = _mapped()
    at = _first(data, begin)
    for _ in range(_MOST_LINES):
        end = data.find(b"\n", at)
        if end < 0:
            return
        line = data[at:end]
        if not line.startswith(begin):
            return
        yield line.split(b"\t")
        at = end + 1


def _first(data: mmap, begin: bytes) -> int:
    """Return where the first line stands that is not before ``begin``."""
    low, high = data.find(b"\n") + 1, len(data)  # the first line says what the file is made of
    while low < high:
        middle = data.rfind(b"\n", low, (low + high) // 2)
        start = low if middle < 0 else middle + 1
        end = data.find(b"\n", start)
        if data[start:end] < begin:
            low = end + 1
        else:
            high = start
    return low


@lru_cache(maxsize=1)
def _mapped() -> mmap:
    with FILE.open("rb") as file:
        mapped = mmap(file.fileno(), 0, access=ACCESS_READ)
    with suppress(AttributeError):  # where the system can be told that what is read lies here and there
        mapped.madvise(1)
    return mapped

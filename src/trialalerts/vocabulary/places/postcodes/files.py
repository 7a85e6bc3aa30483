"""The reading of GeoNames' files of postcodes: tab-separated text, plain, gzip, or alone in a zip.

The columns are told in https://download.geonames.org/export/zip/readme.txt; the data is CC BY 4.0.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import IO

from trialalerts.errors import InvalidInput
from trialalerts.vocabulary.import_files import open_vocabulary_file

__all__ = ["PostcodeLine", "read_postcodes"]

_ZIP = b"PK\x03\x04"
_COLUMNS = 11
"""Country, code, place, three areas with their codes, latitude, longitude; the accuracy behind them is not needed."""
_COUNTRY, _CODE, _NAME, _AREA, _LATITUDE, _LONGITUDE = 0, 1, 2, 3, 9, 10
_LONGEST_NAME, _LONGEST_CODE = 100, 20


@dataclass(frozen=True, slots=True)
class PostcodeLine:
    """One line: a postcode of a place; ``area`` is the state or the like. Degrees; NaN where none are given."""

    country: str
    code: str
    name: str
    area: str
    latitude: float
    longitude: float

    @property
    def is_on_earth(self) -> bool:
        """Whether there are coordinates, and they are some."""
        return abs(self.latitude) <= 90 and abs(self.longitude) <= 180  # noqa: PLR2004 - degrees


def read_postcodes(path: Path) -> Generator[PostcodeLine]:
    """Yield the lines of a file.

    Raises:
        InvalidInput: it cannot be read, or a line is none of postcodes.
    """
    with _unpacked(path) as file, io.TextIOWrapper(file, encoding="utf-8-sig", newline="\n") as text:
        for number, line in enumerate(text, start=1):
            if line.strip():
                yield _line(line.rstrip("\r\n").split("\t"), path, number)


def _line(fields: list[str], path: Path, number: int) -> PostcodeLine:
    if len(fields) < _COLUMNS or len(fields[_COUNTRY]) != len("GB") or not fields[_CODE].strip():
        raise InvalidInput(
            f"{path}: line {number} is no postcode; expected country, postcode, place, areas, latitude and longitude "
            "with tabs between them, as GeoNames has them"
        )
    try:
        latitude, longitude = float(fields[_LATITUDE] or "nan"), float(fields[_LONGITUDE] or "nan")
    except ValueError:
        raise InvalidInput(
            f"{path}: line {number}: latitude and longitude must be numbers in columns 10 and 11"
        ) from None
    if not (isfinite(latitude) and isfinite(longitude)):
        latitude = longitude = float("nan")
    return PostcodeLine(
        country=fields[_COUNTRY].upper(),
        code=_clean(fields[_CODE])[:_LONGEST_CODE].strip(),
        name=_clean(fields[_NAME])[:_LONGEST_NAME].strip(),
        area=_clean(fields[_AREA]),
        latitude=latitude,
        longitude=longitude,
    )


def _clean(text: str) -> str:
    """Leave out what cannot be shown, and commas, which part a label."""
    return " ".join("".join(letter if letter.isprintable() and letter != "," else " " for letter in text).split())


@contextmanager
def _unpacked(path: Path) -> Iterator[IO[bytes]]:
    with open_vocabulary_file(path) as file:
        start = file.read(len(_ZIP))
        file.seek(0)
        if start != _ZIP:
            yield file
            return
        try:
            with zipfile.ZipFile(path) as archive, archive.open(_text_in(archive, path)) as text:
                yield text
        except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:
            raise InvalidInput(f"{path}: this zip file is damaged or locked: {error}") from None


def _text_in(archive: zipfile.ZipFile, path: Path) -> str:
    texts = [name for name in archive.namelist() if name.lower().endswith(".txt")]
    texts = [name for name in texts if Path(name).name.lower() != "readme.txt"]
    if len(texts) != 1:
        raise InvalidInput(f"{path}: expected one text file of postcodes in this zip file, found {len(texts)}")
    return texts[0]

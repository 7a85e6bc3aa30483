"""The fetching of a file of postcodes: from an address, or a country's own one from GeoNames."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from trialalerts.clock import Clock
from trialalerts.errors import InvalidInput
from trialalerts.settings import HttpSettings

__all__ = ["DOWNLOADS", "checked_country", "postcode_file"]

DOWNLOADS = "https://download.geonames.org/export/zip/"
_ADDRESS = re.compile(r"https?://", re.IGNORECASE)


def checked_country(text: str) -> str:
    """Return a country's code in capitals.

    Raises:
        InvalidInput: it is no code of ISO 3166-1 with two letters.
    """
    import pycountry

    code = text.strip().upper()
    if code == "XK" or (len(code) == len("GB") and pycountry.countries.get(alpha_2=code)):
        return code
    raise InvalidInput(f"“{text}” is no country; expected a code of two letters, such as --country GB")


@contextmanager
def postcode_file(source: str | None, country: str | None, http: HttpSettings, clock: Clock) -> Iterator[Path]:
    """Give the file of postcodes that is meant, for as long as it is read.

    Args:
        source: a path or an address; None: the file that GeoNames has of the country.
        country: its code.
        http: how to ask.
        clock: for waits.

    Raises:
        InvalidInput: neither a source nor a country is given.
        SourceError: the address does not give it.
    """
    if source is None and country is None:
        raise InvalidInput("Which postcodes? Name a file, an address or a country, such as --country GB")
    if source is not None and not _ADDRESS.match(source):
        yield Path(source)
        return
    from trialalerts.net.client import Fetcher  # with httpx, which whoever only looks a place up does without

    address = source or f"{DOWNLOADS}{country}.zip"
    with TemporaryDirectory(prefix="trialalerts-") as folder, Fetcher(http, clock) as fetcher:
        file = Path(folder) / Path(address.partition("?")[0]).name
        file.write_bytes(fetcher.get(address).body)
        yield file

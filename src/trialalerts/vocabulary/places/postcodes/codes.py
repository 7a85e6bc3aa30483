"""The spelling of postcodes: as much of one as tells the district of a town, in one form."""

from __future__ import annotations

import re

__all__ = ["SHORTENED", "town_code"]

_BRITISH = re.compile(r"([A-Z]{1,2}\d[A-Z\d]?)\d[A-Z]{2}")
_AMERICAN = re.compile(r"(\d{5})\d{4}")
SHORTENED = {
    "CA": re.compile(r"([A-Z]\d[A-Z])\d[A-Z]\d"),
    "GB": _BRITISH,
    "GG": _BRITISH,
    "IE": re.compile(r"([A-Z]\d[\dW])[A-Z\d]{4}"),
    "IM": _BRITISH,
    "JE": _BRITISH,
    "NL": re.compile(r"(\d{4})[A-Z]{2}"),
    "PR": _AMERICAN,
    "PT": re.compile(r"(\d{4})\d{3}"),
    "US": _AMERICAN,
}
"""Country → a whole postcode, which tells the street, with the part in it that tells the district."""
_HALF_TYPED = re.compile(r"([A-Z]{1,2}\d[A-Z\d]?) \d[A-Z]?")
_SEPARATORS = re.compile(r"[\s\-–.]+")


def town_code(country: str, text: str) -> str:
    """Return the key of a postcode: capitals and digits only, and only as much as tells the district of a town."""
    text = " ".join(_SEPARATORS.sub(" ", text.upper()).split())
    shape = SHORTENED.get(country)
    if shape is _BRITISH and (half := _HALF_TYPED.fullmatch(text)):
        return half[1]
    code = "".join(letter for letter in text if letter.isalnum())
    if country and code.startswith(country) and code[len(country) :].isdigit():  # LV-1010, or DE-10115 as some write
        code = code[len(country) :]
    whole = shape.fullmatch(code) if shape else None
    return whole[1] if whole else code

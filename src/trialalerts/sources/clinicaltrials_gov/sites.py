"""The reading of a study's sites: what the registry says of each, and where in the world it lies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trialalerts.sources.clinicaltrials_gov.contacts import read_contacts
from trialalerts.sources.fields import Fields, cleaned
from trialalerts.vocabulary.places.site_location import SiteWords, place_site
from trialalerts.vocabulary.places.site_names import SiteLocator

__all__ = ["read_sites"]

_SITE_KEYS = ("facility", "status", "city", "state", "zip", "country")
_SiteWords = tuple[str | None, str | None, str | None, str | None, str | None, str | None, tuple[float, float] | None]
"""What a site says: the words of :data:`_SITE_KEYS`, and its coordinates."""
_WHERE = "contactsLocationsModule."
_DEGREES_LATITUDE, _DEGREES_LONGITUDE = 90.0, 180.0


def read_sites(module: Mapping[str, Any], fields: Fields, locator: SiteLocator) -> list[dict[str, Any]]:
    """Return the sites as the values of :class:`~trialalerts.catalog.facts.Site`; what is wrong goes to ``fields``."""
    reader = _SiteReader(fields, locator)
    return [
        reader.placed(words, number) | reader.contacts(raw, number)
        for number, raw in enumerate(fields.items(module, "locations", _WHERE))
        if (words := _words(raw) or reader.noted_words(raw, f"{_WHERE}locations[{number}]")) is not None
    ]


class _SiteReader:
    def __init__(self, fields: Fields, locator: SiteLocator) -> None:
        self._fields = fields
        self._locator = locator

    def noted_words(self, raw: Any, path: str) -> _SiteWords | None:
        """Return what a site says that is not written as usual; note what is wrong with it."""
        fields = self._fields
        if not isinstance(raw, dict):
            if raw is not None:
                fields.wrong(path, raw, "an object")
            return None
        words = [fields.line(raw, key, f"{path}.") for key in _SITE_KEYS]
        return (*words, self._point(raw, f"{path}."))  # type: ignore[return-value]  # six words, as many as keys

    def placed(self, words: _SiteWords, number: int) -> dict[str, Any]:
        """Return the facts of a site, with its place in the world."""
        facility, status, city, state, postcode, country_name, point = words
        if country_name and self._locator.country(country_name) is None:
            field = f"{_WHERE}locations[{number}].country"
            self._fields.wrong(field, country_name, "the name of a country")
        where = place_site(self._locator, SiteWords(country_name, state, city, postcode, point))
        return {
            "facility": facility,
            "city": city,
            "state": state,
            "postcode": postcode,
            "country": where.country,
            "country_name": country_name,
            "subdivision": where.subdivision,
            "latitude": where.point[0] if where.point else None,
            "longitude": where.point[1] if where.point else None,
            "point_from": where.point_from,
            "status": status,
        }

    def contacts(self, raw: Any, number: int) -> dict[str, Any]:
        """Return whom to ask at a site; it has no such entry where nobody is named, as nearly all have none."""
        if type(raw) is not dict or not raw.get("contacts"):
            return {}
        return {"contacts": read_contacts(raw, "contacts", self._fields, f"{_WHERE}locations[{number}].")}

    def _point(self, raw: Mapping[str, Any], path: str) -> tuple[float, float] | None:
        point = self._fields.section(raw, "geoPoint", path)
        if not point:
            return None
        latitude = self._fields.number(point, "lat", f"{path}geoPoint.")
        longitude = self._fields.number(point, "lon", f"{path}geoPoint.")
        if latitude is None or longitude is None:
            return None
        if not _on_earth(latitude, longitude):
            self._fields.wrong(f"{path}geoPoint", f"{latitude}, {longitude}", "degrees")
            return None
        return latitude, longitude


def _words(raw: Any) -> _SiteWords | None:
    """Return what a site says where it is written as usual, which nearly all are: there are ten sites to a study."""
    if type(raw) is not dict:
        return None
    found: list[str | None] = []
    for key in _SITE_KEYS:
        value = raw.get(key)
        if value is None:
            found.append(None)
        elif type(value) is str:
            found.append(cleaned(value) or None)
        else:
            return None
    point = raw.get("geoPoint")
    if point is not None:
        latitude, longitude = (point.get("lat"), point.get("lon")) if type(point) is dict else (None, None)
        if type(latitude) is not float or type(longitude) is not float or not _on_earth(latitude, longitude):
            return None
        point = latitude, longitude
    return (*found, point)  # type: ignore[return-value]  # six words, as many as keys


def _on_earth(latitude: float, longitude: float) -> bool:
    return abs(latitude) <= _DEGREES_LATITUDE and abs(longitude) <= _DEGREES_LONGITUDE

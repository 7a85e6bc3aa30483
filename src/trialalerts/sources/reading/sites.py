"""The reading of a site, and of whom to ask there: the same for every registry."""

from __future__ import annotations

from typing import Any, Literal

from trialalerts.sources.reading.fields import Fields
from trialalerts.vocabulary.places.site_location import SiteWords, place_site
from trialalerts.vocabulary.places.site_names import SiteLocator

__all__ = ["contact_values", "is_on_earth", "site_values"]

_DEGREES_LATITUDE, _DEGREES_LONGITUDE = 90.0, 180.0


def site_values(
    locator: SiteLocator,
    fields: Fields,
    path: str,
    *,
    facility: str | None,
    city: str | None,
    country: str | None,
    state: str | None = None,
    postcode: str | None = None,
    status: str | None = None,
    point: tuple[float, float] | None = None,
) -> dict[str, Any]:
    """Return the values of a :class:`~trialalerts.catalog.facts.Site`, with its place in the world.

    Args:
        locator: finds it.
        fields: collects what is wrong.
        path: where the site stands in the record, without a dot behind.
        facility: the hospital.
        city: its town.
        country: its country as the registry spells it; one that nobody knows is noted.
        state: its part of the country.
        postcode: its postcode.
        status: the site's own, one of ours; None where it goes with its trial.
        point: latitude and longitude in degrees, where the registry has them.
    """
    if country and locator.country(country) is None:
        fields.wrong(f"{path}.country", country, "the name of a country")
    where = place_site(locator, SiteWords(country, state, city, postcode, point))
    return {
        "facility": facility,
        "city": city,
        "state": state,
        "postcode": postcode,
        "country": where.country,
        "country_name": country,
        "subdivision": where.subdivision,
        "latitude": where.point[0] if where.point else None,
        "longitude": where.point[1] if where.point else None,
        "point_from": where.point_from,
        "status": status,
    }


def is_on_earth(latitude: float, longitude: float) -> bool:
    """Tell whether these are degrees of a place."""
    return abs(latitude) <= _DEGREES_LATITUDE and abs(longitude) <= _DEGREES_LONGITUDE


def contact_values(
    name: str | None,
    phone: str | None,
    email: str | None,
    *,
    extension: str | None = None,
    role: Literal["investigator"] | None = None,
) -> dict[str, Any] | None:
    """Return the values of a :class:`~trialalerts.catalog.facts.Contact`; None where it names nobody."""
    if not (name or phone or email):
        return None
    number = f"{phone} ext. {extension}" if phone and extension else phone
    return {"name": name, "phone": number, "email": email, "role": role}

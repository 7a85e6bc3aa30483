"""The reading of sites, and of whom to ask there: the same for every registry, by tables of where what stands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from trialalerts.sources.reading.fields import Fields
from trialalerts.sources.reading.record import RecordView
from trialalerts.vocabulary.places.site_location import SiteWords, place_site
from trialalerts.vocabulary.places.site_names import SiteLocator

__all__ = [
    "contact_values",
    "contacts_by_path",
    "is_on_earth",
    "point_at",
    "site_values",
    "sites_by_path",
    "with_countries",
]

_DEGREES_LATITUDE, _DEGREES_LONGITUDE = 90.0, 180.0


def site_values(
    locator: SiteLocator,
    fields: Fields,
    path: str,
    *,
    facility: str | None = None,
    city: str | None = None,
    country: str | None = None,
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


def sites_by_path(
    places: Iterable[RecordView], locator: SiteLocator, paths: Mapping[str, str], **more: str | None
) -> Iterator[dict[str, Any]]:
    """Give the values of sites.

    Args:
        places: the objects that are sites.
        locator: finds them.
        paths: where in each of them its ``facility``, ``city``, ``postcode`` and the like stand.
        more: what holds where a site does not say it.
    """
    for place in places:
        words = {fact: place.told(path) and place.line(path) for fact, path in paths.items()}
        said = more | {fact: word for fact, word in words.items() if word}
        yield site_values(locator, place.fields, place.where.rstrip("."), **said)  # type: ignore[arg-type]  # no point


def with_countries(
    sites: Sequence[dict[str, Any]], countries: Mapping[str, str | None], record: RecordView, locator: SiteLocator
) -> list[dict[str, Any]]:
    """Return the sites, and one for each country in which none of them stands.

    Args:
        sites: as :func:`sites_by_path` gives them.
        countries: the status of a trial in each country where it runs.
        record: whose countries they are, for what is wrong with them.
        locator: finds them.
    """
    named = {site["country_name"] for site in sites}
    return [*sites, *(
        site_values(locator, record.fields, f"{record.where}countries", country=country, status=status)
        for country, status in countries.items()
        if country and country not in named
    )]  # fmt: skip


def is_on_earth(latitude: float, longitude: float) -> bool:
    """Tell whether these are degrees of a place."""
    return abs(latitude) <= _DEGREES_LATITUDE and abs(longitude) <= _DEGREES_LONGITUDE


def point_at(place: RecordView, path: str) -> tuple[float, float] | None:
    """Return the latitude and longitude that stand at a path as ``lat`` and ``lon``; what is no place is noted."""
    latitude, longitude = place.number(f"{path}.lat"), place.number(f"{path}.lon")
    if latitude is None or longitude is None:
        return None
    if not is_on_earth(latitude, longitude):
        place.wrong(path, f"{latitude}, {longitude}", "degrees")
        return None
    return latitude, longitude


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


def contacts_by_path(
    people: Iterable[RecordView], *, name: Sequence[str], phone: str, email: str
) -> list[dict[str, Any]]:
    """Return whom to ask, by where the parts of a name, the number and the address stand."""
    found = (
        contact_values(" ".join(filter(None, map(each.line, name))) or None, each.line(phone), each.line(email))
        for each in people
    )
    return [contact for contact in found if contact]

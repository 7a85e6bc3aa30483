"""The finding of everyday regions by what somebody types: a whole name, its beginning, a slip, or codes."""

from __future__ import annotations

from collections.abc import Iterable

from sqlmodel import Session

from trialalerts.vocabulary.names import folded
from trialalerts.vocabulary.places.everyday.table import EverydayRegion, everyday_called, everyday_of, everyday_regions
from trialalerts.vocabulary.places.lookup import find_qualifiers
from trialalerts.vocabulary.tables import Place, PlaceKind

__all__ = ["everyday_of_codes", "everyday_place", "everyday_similar", "everyday_that_begin", "find_everyday"]

_BEGUN = 3
_SIMILAR = 85.0
_CODES = 2


def find_everyday(session: Session, text: str) -> EverydayRegion | None:
    """Return the region that a text names, whole or with its country behind it: “Yorkshire”, “Yorkshire, UK”."""
    found = everyday_called(folded(text))
    if found is not None or "," not in text:
        return found
    name, _, rest = text.rpartition(",")
    found = everyday_called(folded(name))
    return found if found is not None and _lies_in(session, found, rest) else None


def _lies_in(session: Session, region: EverydayRegion, text: str) -> bool:
    """Tell whether a region lies in what a text names: its country, or one of the parts it is made of."""
    ids = find_qualifiers(session, folded(text))
    own = {region.country, *region.codes}
    return not ids.isdisjoint(own) or any(code.startswith(f"{region.country}-") for code in ids if not region.codes)


def everyday_of_codes(session: Session, text: str) -> EverydayRegion | None:
    """Return what several codes name together, as a file has them (“AT CH DE”); they are its name where it has none."""
    codes = tuple(text.split())
    if len(codes) < _CODES or not all(code.isupper() for code in codes):
        return None
    if not all(code in find_qualifiers(session, folded(code)) for code in codes):
        return None
    return everyday_of(codes) or EverydayRegion(names={"en": (" ".join(codes),)}, codes=codes)


def everyday_that_begin(session: Session, text: str) -> list[tuple[EverydayRegion, str]]:
    """Return the regions with a name that begins so, each with that name folded; “yorkshire, gb” finds it too."""
    name, _, rest = text.partition(",")
    key = folded(name)
    if len(key) < _BEGUN:
        found = everyday_called(key)
        return [(found, key)] if found is not None and not rest.strip() else []
    begun = [(each, called) for each in everyday_regions() if (called := _begun(each, key))]
    return [each for each in begun if not rest.strip() or _lies_in(session, each[0], rest)]


def _begun(region: EverydayRegion, key: str) -> str | None:
    keys = sorted(folded(name) for names in region.names.values() for name in names)
    return key if key in keys else next((each for each in keys if each.startswith(key)), None)


def everyday_similar(key: str) -> list[EverydayRegion]:
    """Return the regions with the nearest spellings; few are near enough."""
    from rapidfuzz import fuzz, process  # only a typing error needs it

    keys = {folded(name): each for each in everyday_regions() for names in each.names.values() for name in names}
    near: Iterable[tuple[str, float, object]] = process.extract(
        key, list(keys), scorer=fuzz.ratio, score_cutoff=_SIMILAR, limit=2
    )
    found = {keys[name].label: keys[name] for name, _, _ in near}
    return list(found.values())


def everyday_place(region: EverydayRegion) -> Place:
    """Return a region as a search lists it."""
    return Place(
        id=f"region {region.label}",
        kind=PlaceKind.REGION,
        name=region.said("en"),
        country=region.country or "",
        subdivision=" ".join(region.codes) or None,
    )

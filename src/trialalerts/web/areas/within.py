"""The part of the world that an area's page and feeds keep to: a country, a part of one, or several of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlmodel import Session
from starlette.exceptions import HTTPException
from starlette.requests import Request

from trialalerts.errors import InvalidInput
from trialalerts.matching.reasons import Scope
from trialalerts.subscribers.tables import RegionKind
from trialalerts.vocabulary.places.regions import Region, find_region

__all__ = ["Within", "part_asked", "part_named"]

_LONGEST = 200


@dataclass(frozen=True, kw_only=True)
class Within:
    """What a page keeps to; everywhere, where nothing was asked.

    Attributes:
        codes: countries (ISO 3166-1 alpha-2) and parts of them (ISO 3166-2).
        query: what asks for it again.
        scope: the same, as a wish would ask for it.
    """

    codes: tuple[str, ...] = ()
    query: Mapping[str, str] = field(default_factory=dict)
    scope: Scope = field(default_factory=Scope)

    @classmethod
    def of(cls, region: Region) -> Within | None:
        """Return what keeps to a region; None where that is a town, or what lies around one."""
        if region.kind == RegionKind.COUNTRY:
            return _of_country(region.country or "")
        if region.kind not in {RegionKind.SUBDIVISION, RegionKind.GROUP}:
            return cls() if region.kind == RegionKind.ANYWHERE and region.latitude is None else None
        codes = tuple((region.subdivision or "").split())
        scope = Scope(RegionKind(region.kind), region.label, region.country, region.subdivision)
        name = codes[0] if region.kind == RegionKind.SUBDIVISION else region.label
        return cls(codes=codes, query={"region": name}, scope=scope)


def part_asked(request: Request) -> tuple[str, str]:
    """Return a country's code and a region's name or code as they are asked for; empty: not asked."""
    code, region = (request.query_params.get(name, "").strip() for name in ("country", "region"))
    is_code = len(code) == 2 and code.isalpha() and code.isascii()  # noqa: PLR2004 - ISO 3166-1 alpha-2
    return code.upper() if is_code else "", " ".join(region.split())[:_LONGEST]


def part_named(session: Session, country: str, region: str) -> Within:
    """Return what is asked for; a region counts more than a country.

    Raises:
        HTTPException: 404 where no country, nor a part of one, is called so.
    """
    if region:
        return _found(session, region)
    return _of_country(country) if country else Within()


def _found(session: Session, text: str) -> Within:
    try:
        part = Within.of(find_region(session, text))
    except InvalidInput:
        raise HTTPException(404) from None
    if part is None or not part.codes:
        raise HTTPException(404)
    return part


def _of_country(code: str) -> Within:
    return Within(codes=(code,), query={"country": code}, scope=Scope(RegionKind.COUNTRY, code, code))

"""Searching areas and regions as the type-ahead of the sign-up does, and the text that people agree to."""

from __future__ import annotations

from trialalerts.web.api.answers import AreaAnswer, AreaSearchAnswer, ConsentAnswer, RegionAnswer, RegionSearchAnswer
from trialalerts.web.api.parameters import LanguageQuestion, SearchQuestion
from trialalerts.web.languages import Language
from trialalerts.web.signup.consent_text import consent_read, consent_text
from trialalerts.web.signup.suggestions import suggested_areas, suggested_regions
from trialalerts.web.site import WebSite

__all__ = ["consent_asked", "search_areas", "search_regions"]


def search_areas(site: WebSite, language: Language, asked: SearchQuestion) -> AreaSearchAnswer:
    """Return the areas that somebody may mean."""
    found = suggested_areas(site, _typed(asked), language)
    return AreaSearchAnswer(
        areas=[AreaAnswer(id=each.id, name=each.name, language=each.spoken, note=each.note) for each in found]
    )


def search_regions(site: WebSite, language: Language, asked: SearchQuestion) -> RegionSearchAnswer:
    """Return the places that somebody may mean."""
    found = suggested_regions(site, _typed(asked), language)
    return RegionSearchAnswer(
        regions=[
            RegionAnswer(
                id=hit.place.id,
                name=name,
                label=hit.label,
                kind=hit.place.kind.value,
                country=hit.place.country or None,
            )
            for name, hit in found.items()
        ]
    )


def consent_asked(site: WebSite, language: Language, asked: LanguageQuestion) -> ConsentAnswer:
    """Return what somebody agrees to who signs up."""
    del asked
    service = site.settings.service.name
    version = consent_read(language, service).version
    return ConsentAnswer(text=consent_text(language, service), version=version, language=language.code)


def _typed(asked: SearchQuestion) -> str:
    return " ".join(asked.q.split())

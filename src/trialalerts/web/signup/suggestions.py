"""The suggestions while somebody types: a few names of diseases or places, and nothing rather than something far."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from threading import Lock

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from trialalerts.vocabulary.areas.tree import AreaHit
from trialalerts.vocabulary.names import folded
from trialalerts.vocabulary.places.regions import PlaceHit, search_places
from trialalerts.web.languages import Language
from trialalerts.web.site import WebSite

__all__ = ["MOST", "AreaSuggestion", "Suggestions", "is_near", "suggested_areas", "suggested_regions"]

MOST = 8
_LONGEST = 80
_SHORTEST = 2
_LETTERS_A_SLIP = 4
_LOOKED_AT = 24
_ENGLISH = "en"
_KEPT = 4_000
_FRESH = 600
"""Seconds for which an answer is kept."""


def is_near(typed: str, name: str) -> bool:
    """Tell whether a name is what somebody types: each word begun, or with one slip in four letters at most.

    >>> is_near("brest canc", "Breast Cancer"), is_near("brest cancer", "Brain Cancer")
    (True, False)
    """
    own, text = folded(name).split(), folded(typed).split()
    if all(any(_is_begun(each, word) for word in own) for each in text):
        return True
    return len(own) != len(text) and _is_begun("".join(text), "".join(own))


def _is_begun(typed: str, word: str) -> bool:
    """Tell whether a word begins as typed, but for slips."""
    from rapidfuzz.distance import OSA

    if word.startswith(typed):
        return True
    most = len(typed) // _LETTERS_A_SLIP
    begun = {word, *(word[: len(typed) + more] for more in range(-most, most + 1))}
    return most > 0 and any(OSA.distance(typed, each, score_cutoff=most) <= most for each in begun)


class Suggestions:
    """``GET /areas/suggest`` and ``GET /regions/suggest``: ``?q=`` what was typed, ``?lang=`` the reader's language.

    An answer is kept in memory for some minutes, so that asking again costs nothing.
    """

    def __init__(self, site: WebSite) -> None:
        self._site = site
        self._kept: OrderedDict[tuple[object, ...], bytes] = OrderedDict()
        self._lock = Lock()

    async def areas(self, request: Request) -> Response:
        """Suggest diseases."""
        return await self._answer(request, "areas", self._areas)

    async def regions(self, request: Request) -> Response:
        """Suggest places."""
        return await self._answer(request, "regions", self._regions)

    async def _answer(self, request: Request, kind: str, find: Callable[[str, Language], Sequence[object]]) -> Response:
        typed = " ".join(request.query_params.get("q", "")[:_LONGEST].split())
        language = self._site.pages.language(request)
        key = (kind, typed, language.code, self._site.clock.now().timestamp() // _FRESH)
        body = self._kept.get(key)
        if body is None:
            found = await run_in_threadpool(find, typed, language)
            body = orjson.dumps(found)
            with self._lock:
                self._kept[key] = body
                while len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)
        return Response(body, media_type="application/json")

    def _areas(self, typed: str, language: Language) -> Sequence[object]:
        return [
            {"name": each.name, "note": _pieces(each, language)}
            | ({} if each.spoken == language.code else {"lang": each.spoken})
            for each in suggested_areas(self._site, typed, language)
        ]

    def _regions(self, typed: str, language: Language) -> Sequence[object]:
        return [{"name": name, "note": []} for name in suggested_regions(self._site, typed, language)]


@dataclass(frozen=True, kw_only=True)
class AreaSuggestion:
    """A disease that somebody may mean: its id, its name with the language that is in, what else it is called.

    ``english`` is the name in the note where that is an English one, as most further names are.
    """

    id: str
    name: str
    spoken: str
    note: str
    english: str


def _pieces(each: AreaSuggestion, language: Language) -> list[str]:
    """Return the note in pieces, of which every second one is English."""
    before, name, after = each.note.partition(each.english) if each.english else (each.note, "", "")
    return [before, name, after] if name and language.code != _ENGLISH else [each.note][: bool(each.note)]


def suggested_areas(site: WebSite, typed: str, language: Language) -> list[AreaSuggestion]:
    """Return the few diseases that somebody may mean who typed this; none where it is too short to tell."""
    if len(typed) < _SHORTEST:
        return []
    found: dict[str, AreaSuggestion] = {}
    for hit in _near_areas(site, typed, language):
        name = hit.node.shown.said(language.code)
        other = folded(hit.matched) not in {folded(name), folded(typed)}
        note = language.text("signup.also_called", name=hit.matched) if other else ""
        spoken = hit.node.shown.language(language.code)
        english = hit.matched if other and hit.matched in (hit.node.name, *hit.node.synonyms) else ""
        found.setdefault(name, AreaSuggestion(id=hit.node.id, name=name, spoken=spoken, note=note, english=english))
    return list(found.values())[:MOST]


def _near_areas(site: WebSite, typed: str, language: Language) -> Iterator[AreaHit]:
    for hit in site.vocabulary.tree().search(typed, limit=_LOOKED_AT, language=language.code):
        names = (hit.matched, hit.node.name, hit.node.shown.said(language.code))
        if typed in hit.node.acronyms or any(is_near(typed, name) for name in names):
            yield hit


def suggested_regions(site: WebSite, typed: str, language: Language) -> dict[str, PlaceHit]:
    """Return the few places that somebody may mean who typed this, by their names in the language."""
    if len(typed) < _SHORTEST:
        return {}
    with site.db.read() as session:
        hits = search_places(session, typed, limit=_LOOKED_AT)
    found: dict[str, PlaceHit] = {}
    for hit in hits:
        name = hit.shown(language.code)
        if "," in typed or any(is_near(typed, each) for each in (hit.label, name, hit.matched)):
            found.setdefault(name, hit)
    return dict(list(found.items())[:MOST])

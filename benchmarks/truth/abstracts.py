"""The diseases that written abstracts name, beside those that are listed of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks.figures import Figure
from benchmarks.tagging_corpora import shipped_vocabulary
from trialalerts.files import shipped
from trialalerts.vocabulary.areas.imports.mesh_files import read_mesh
from trialalerts.vocabulary.areas.shipped import MESH
from trialalerts.vocabulary.tagging.tagger import Tagger

__all__ = ["measure"]

_FILE = Path(__file__).parent.parent / "texts" / "abstracts.txt"
_MARK = re.compile(r"\[([^]|]+)(?:\|([^]]+))?\]")


class _Abstract(NamedTuple):
    """An abstract, and the ids of the diseases it names as people marked them."""

    title: str
    text: str
    areas: frozenset[str]


def measure() -> list[Figure]:
    """Return the F1 of all abstracts together: ids of MeSH as they are, and with all areas above them."""
    tagger = Tagger(shipped_vocabulary())
    ids = _mesh_ids()
    diseases = frozenset(ids.values())
    exact, wide = Counter[str](), Counter[str]()
    abstracts = list(_abstracts(ids))
    for abstract in abstracts:
        found = _listed(tagger, abstract) & diseases
        _count(exact, found, abstract.areas)
        _count(wide, _upwards(tagger, found), _upwards(tagger, abstract.areas))
    return [
        Figure(
            what=f"diseases listed of {len(abstracts)} abstracts written by hand, which the wordings were made on",
            value=f"F1 {_f1(exact):.3f}, with ancestors {_f1(wide):.3f}",
        )
    ]


def _listed(tagger: Tagger, abstract: _Abstract) -> frozenset[str]:
    mentions = tagger.mentions(title=abstract.title, text=abstract.text)
    words = len(abstract.title.split()) + len(abstract.text.split())
    return frozenset(tag.area_id for tag in tagger.listed(mentions, words=words))


def _abstracts(ids: dict[str, str]) -> Iterator[_Abstract]:
    for paragraph in _FILE.read_text("utf-8").split("\n\n")[1:]:
        headings = [heading for mark in _MARK.finditer(paragraph) for heading in (mark[2] or mark[1]).split("+")]
        title, _, text = _MARK.sub(r"\1", paragraph).partition("\n")
        yield _Abstract(title, text, frozenset(ids[heading.strip().lower()] for heading in headings))


def _mesh_ids() -> dict[str, str]:
    """Return the ids of MeSH's headings and, where no heading is called so, of its terms; in small letters."""
    descriptors = list(read_mesh(shipped(MESH)))
    terms = {term.lower(): descriptor.id for descriptor in descriptors for term in descriptor.terms}
    return terms | {descriptor.name.lower(): descriptor.id for descriptor in descriptors}


def _upwards(tagger: Tagger, ids: frozenset[str]) -> frozenset[str]:
    return ids.union(*(tagger.areas.ancestors(id_) for id_ in ids))


def _count(counter: Counter[str], found: frozenset[str], expected: frozenset[str]) -> None:
    counter.update(both=len(found & expected), all=len(found) + len(expected))


def _f1(counter: Counter[str]) -> float:
    return 2 * counter["both"] / max(1, counter["all"])

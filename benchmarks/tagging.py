"""How well and how fast texts are tagged with disease areas, beside a plain dictionary look-up.

Measured on titles and abstracts of PubMed records against their disease headings (MeSH branches C and F03), and
on trials against the registry's own condition terms. Both are the choices of indexers and of a registry's
program, not of what the texts say: they hold terms that no text names. Areas that MeSH lacks count as the
nearest areas of MeSH above them. Each corpus is split in two by the hash of its ids: rules were made looking at
the first half only. ``python -m benchmarks.tagging --errors FILE`` writes what is wrong most often.
"""

from __future__ import annotations

import gc
import sys
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.naive_tagger import NaiveTagger
from benchmarks.tagging_corpora import (
    DATA,
    HALVES,
    Document,
    mesh_diseases,
    pubmed,
    shipped_vocabulary,
    trials,
    vocabulary,
)
from trialalerts.vocabulary.areas.mesh_ids import is_mesh_id
from trialalerts.vocabulary.areas.tree import AreaNode, AreaTree
from trialalerts.vocabulary.tagging.tagger import Tagger

__all__ = ["run"]

_ROUNDS = 7
_MANY = 100_000
_SPEED, _BUILD, _MEMORY = 5_000, 1.5, 80
_MOST = 40
_Find = Callable[[Document], Iterable[str]]
_Score = tuple[float, float, float]


class _Judge:
    """Compares the areas found with those of the documents, as they are and with all areas above them."""

    def __init__(self, areas: AreaTree) -> None:
        self._areas = areas
        self._mesh = cache(self._nearest_mesh)

    def _nearest_mesh(self, id_: str) -> frozenset[str]:
        if is_mesh_id(id_):
            return frozenset({id_})
        above = {area for area in self._areas.ancestors(id_) if is_mesh_id(area)}
        return frozenset(above.difference(*(self._areas.ancestors(area) for area in above)))

    def found(self, ids: Iterable[str]) -> set[str]:
        """Return what is found in ids of MeSH."""
        return {mesh for id_ in ids for mesh in self._mesh(id_)}

    def score(self, documents: Iterable[Document], find: _Find) -> tuple[_Score, _Score]:
        """Return precision, recall and F1 of all documents together: exact, and with ancestors."""
        exact, wide = Counter[str](), Counter[str]()
        for document in documents:
            expected = set(document.areas)
            found = self.found(find(document))
            _count(exact, found, expected)
            _count(wide, self._upwards(found), self._upwards(expected))
        return _rates(exact), _rates(wide)

    def _upwards(self, ids: set[str]) -> set[str]:
        return ids.union(*(self._areas.ancestors(id_) for id_ in ids))

    def errors(self, documents: Iterable[Document], find: _Find) -> list[str]:
        """Return in lines which areas are found wrongly and missed most often."""
        wrong, missed = Counter[str](), Counter[str]()
        for document in documents:
            found = self.found(find(document))
            wrong.update(found - document.areas)
            missed.update(document.areas - found)
        lines = []
        for what, counter in (("found wrongly", wrong), ("missed", missed)):
            lines += [f"  {what} ({counter.total()} in all):"]
            lines += [f"    {n:4d}  {self._areas.name(id_)} ({id_})" for id_, n in counter.most_common(_MOST)]
        return lines


def run() -> list[Figure]:
    """Measure quality for four vocabularies, then speed, build time and memory."""
    if not (DATA / "README.md").exists():
        return [Figure(what="tagging", value=f"not measured: {DATA} is missing (set TRIALALERTS_TEST_DATA)")]
    whole = vocabulary(curated=True, mesh=True, ontology=True)
    judge = _Judge(whole)
    corpora = _corpora()
    vocabularies = {
        "curated": vocabulary(curated=True, mesh=False, ontology=False),
        "out of the box (curated and MeSH)": shipped_vocabulary(),
        "MeSH": vocabulary(curated=False, mesh=True, ontology=False),
        "MeSH + Disease Ontology + curated": whole,
    }
    figures: list[Figure] = []
    for name, areas in vocabularies.items():
        figures += _quality(name, areas, corpora, judge, whole=areas is whole)
    abstracts = [document for document in corpora["PubMed, all headings"] if len(document.text) > 500]
    return [*figures, _speed(whole, abstracts), *_weight(whole)]


def _corpora() -> dict[str, list[Document]]:
    records = pubmed(mesh_diseases())
    return {
        "PubMed, all headings": records,
        "PubMed, major headings": [replace(record, areas=record.main) for record in records],
        "trials, title and summary": trials(conditions=False),
        "trials, conditions and keywords": trials(conditions=True),
    }


def _finders(tagger: Tagger, corpus: str) -> dict[str, _Find]:
    def named(document: Document) -> list[str]:
        return [tag.area_id for tag in tagger.named(title=document.title, text=document.text)]

    def about(document: Document) -> list[str]:
        return [tag.area_id for tag in tagger.tag(title=document.title, text=document.text)]

    return {"named": named} if corpus.endswith("keywords") else {"named": named, "about": about}


def _quality(
    name: str, areas: AreaTree, corpora: dict[str, list[Document]], judge: _Judge, *, whole: bool
) -> list[Figure]:
    tagger, naive = Tagger(areas), NaiveTagger(areas)
    figures = []
    for corpus, documents in corpora.items():
        if "major" in corpus and not whole:
            continue
        for half in HALVES:
            part = [document for document in documents if document.half == half]
            plain = judge.score(part, partial(_plainly, naive))
            figures += [
                Figure(
                    what=f"{corpus}, {half} ({len(part)}), areas {which}; vocabulary {name}",
                    value=_told(judge.score(part, find)),
                    reference=f"plain look-up {_told(plain)}",
                )
                for which, find in _finders(tagger, corpus).items()
            ]
    return figures


def _plainly(naive: NaiveTagger, document: Document) -> set[str]:
    return naive.areas(f"{document.title}\n{document.text}")


def _count(counter: Counter[str], found: set[str], expected: set[str]) -> None:
    counter.update(both=len(found & expected), found=len(found), expected=len(expected))


def _rates(counter: Counter[str]) -> _Score:
    both, found, expected = counter["both"], counter["found"], counter["expected"]
    return both / max(1, found), both / max(1, expected), 2 * both / max(1, found + expected)


def _told(scores: tuple[_Score, _Score]) -> str:
    (precision, recall, exact), (_, _, wide) = scores
    return f"F1 {exact:.3f} (P {precision:.3f}, R {recall:.3f}), with ancestors {wide:.3f}"


def _speed(areas: AreaTree, abstracts: Sequence[Document]) -> Figure:
    tagger, naive = Tagger(areas), NaiveTagger(areas)
    letters = sum(len(document.title) + len(document.text) for document in abstracts) / len(abstracts)
    rate = _rate(abstracts, lambda document: tagger.mentions(title=document.title, text=document.text))
    plain = _rate(abstracts, lambda document: naive.areas(f"{document.title}\n{document.text}"))
    return Figure(
        what=f"{len(abstracts)} abstracts of {letters:.0f} characters on average, one core, best of {_ROUNDS}",
        value=f"{rate:,.0f} abstracts/s",
        target=f"≥ {_SPEED:,}",
        reference=f"plain look-up {plain:,.0f} ({rate / plain:.2f} of it)",
        met=rate >= _SPEED,
    )


def _rate(documents: Sequence[Document], find: Callable[[Document], object]) -> float:
    best = float("inf")
    for _ in range(_ROUNDS):
        began = time.process_time()
        for document in documents:
            find(document)
        best = min(best, time.process_time() - began)
    return len(documents) / best


def _weight(areas: AreaTree) -> list[Figure]:
    nodes = _many_names(areas)
    many = AreaTree(nodes)
    names = sum(1 + len(node.synonyms) + len(node.acronyms) for node in nodes)
    took = float("inf")
    for _ in range(3):
        began = time.process_time()
        tagger = Tagger(many)
        took = min(took, time.process_time() - began)
    gc.collect()
    tracemalloc.start()
    tagger = Tagger(many)
    gc.collect()
    megabytes = tracemalloc.get_traced_memory()[0] / 1e6
    tracemalloc.stop()
    del tagger
    what = f"the dictionary of {names:,} names (all that were imported, and made-up kinds of them)"
    return [
        Figure(what=f"{what}: time", value=f"{took:.2f} s", target=f"≤ {_BUILD} s", met=took <= _BUILD),
        Figure(what=f"{what}: memory", value=f"{megabytes:.0f} MB", target=f"≤ {_MEMORY} MB", met=megabytes <= _MEMORY),
    ]


def _many_names(areas: AreaTree) -> list[AreaNode]:
    """Return the areas, with so many made-up ones that there are 100,000 names."""
    nodes = list(areas.nodes)
    names = [name for node in nodes for name in (node.name, *node.synonyms)]
    missing = _MANY - sum(1 + len(node.synonyms) + len(node.acronyms) for node in nodes)
    kinds = (f"{name}, kind {number}" for number in range(2, 9) for name in names)
    return [*nodes, *(AreaNode(id=f"made-up-{n}", name=kind) for n, kind in zip(range(missing), kinds, strict=False))]


def _write_errors(file: Path) -> None:
    areas = vocabulary(curated=True, mesh=True, ontology=True)
    judge, tagger = _Judge(areas), Tagger(areas)
    lines = []
    for corpus, documents in _corpora().items():
        for half in HALVES:
            part = [document for document in documents if document.half == half]
            for which, find in _finders(tagger, corpus).items():
                lines += [f"{corpus}, {half}, areas {which}", *judge.errors(part, find), ""]
    file.write_text("\n".join(lines), "utf-8")


if __name__ == "__main__":
    if sys.argv[1:2] != ["--errors"] or len(sys.argv) != 3:
        raise SystemExit("usage: python -m benchmarks.tagging --errors FILE")
    _write_errors(Path(sys.argv[2]))

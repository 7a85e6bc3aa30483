"""Every real paper goes in, and what its XML says is read or noted: counted beside the reader, element by element."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from pathlib import Path
from xml.etree.ElementTree import Element

import pytest
from defusedxml.ElementTree import fromstring

from tests.sources.poll_stage import changes_of, items_of, poll, problems_of, settings_of
from tests.sources.pubmed.library import PubMedServer, StoredPaper
from tests.sources.registry_server import RegistryServer
from trialalerts.catalog.draft import ItemDraft
from trialalerts.catalog.facts import ArticleFacts
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.settings import HttpSettings
from trialalerts.sources.context import SourceContext
from trialalerts.sources.kinds.pubmed import PubMed, PubMedSettings


def real_sets(folder: Path) -> dict[str, bytes]:
    packed = sorted((folder / "pubmed").glob("*.xml.gz"))
    found = {path.name: gzip.decompress(path.read_bytes()) for path in packed}
    plain = folder / "registries" / "samples" / "pubmed" / "efetch_citation_22663011.xml"
    return found | {plain.name: plain.read_bytes()}


def _facts(draft: ItemDraft) -> ArticleFacts:
    assert isinstance(draft.facts, ArticleFacts)
    return draft.facts


def _text(paper: Element, path: str) -> str:
    return " ".join(" ".join(found.itertext()) for found in paper.findall(path)).strip()


def _types(paper: Element) -> set[str | None]:
    return {found.get("RefType") for found in paper.iter("CommentsCorrections")}


COUNTED: dict[str, tuple[Callable[[Element], object], Callable[[ItemDraft], object]]] = {
    "an abstract": (lambda paper: _text(paper, ".//Abstract/AbstractText"), lambda draft: draft.summary),
    "authors": (lambda paper: paper.find(".//AuthorList/Author"), lambda draft: _facts(draft).authors),
    "a journal": (lambda paper: _text(paper, ".//Journal/Title"), lambda draft: _facts(draft).journal),
    "a language": (lambda paper: _text(paper, ".//Language"), lambda draft: _facts(draft).language),
    "a day": (
        lambda paper: _text(paper, ".//PubDate/Year") or _text(paper, ".//PubDate/MedlineDate"),
        lambda draft: draft.published_at,
    ),
    "a DOI": (
        lambda paper: _text(paper, ".//Article/ELocationID[@EIdType='doi']")
        or _text(paper, "PubmedData/ArticleIdList/ArticleId[@IdType='doi']"),
        lambda draft: [key for key in draft.keys if key.startswith("doi:")],
    ),
    "a number of a trial": (
        lambda paper: paper.find(".//DataBankList") is not None
        or re.search(r"NCT\d{8}|ISRCTN\d{8}", "".join(paper.itertext())),
        lambda draft: _facts(draft).trials,
    ),
    "a correction": (lambda paper: "ErratumIn" in _types(paper), lambda draft: _facts(draft).notices),
}  # fmt: skip


def test_every_real_paper_is_read_without_loss(shared_data: Path, context: SourceContext) -> None:
    reader = PubMed(PubMedSettings(name="pubmed", kind="pubmed", query="x"))
    table: dict[str, dict[str, int]] = {}
    for name, body in real_sets(shared_data).items():
        batch = reader.sample(body, name, context)
        papers = {_text(paper, "MedlineCitation/PMID"): paper for paper in fromstring(body).iter("PubmedArticle")}
        drafts = {draft.external_id: draft for draft in batch.drafts}
        assert (set(drafts), list(batch.problems)) == (set(papers), [])
        assert [problem for draft in drafts.values() for problem in draft.problems] == []
        row = table[name] = {"papers": len(papers)}
        for fact, (stated, told) in COUNTED.items():
            with_it = {pmid for pmid, paper in papers.items() if stated(paper) not in (None, "", False)}
            assert {pmid for pmid, draft in drafts.items() if told(draft)} == with_it, (name, fact)
            row[fact] = len(with_it)
        for pmid, paper in papers.items():
            assert _letters(drafts[pmid].title) in _letters(_text(paper, ".//ArticleTitle")), pmid
            assert _letters(drafts[pmid].summary)[:80] in _letters(_labelled(paper)), pmid
    assert sum(row["papers"] for row in table.values()) == 135, table
    assert {fact: sum(row[fact] for row in table.values()) for fact in COUNTED} == {
        "an abstract": 115, "authors": 135, "a journal": 135, "a language": 135, "a day": 135, "a DOI": 113,
        "a number of a trial": 1, "a correction": 2,
    }  # fmt: skip


def _letters(text: str) -> str:
    return re.sub(r"\W", "", text).lower()


def _labelled(paper: Element) -> str:
    parts = paper.findall(".//Abstract/AbstractText")
    return " ".join(f"{part.get('Label') or ''} {''.join(part.itertext())}" for part in parts)


@pytest.mark.parametrize("size", [7, 200])
def test_two_sweeps_of_all_real_papers_change_nothing(
    size: int, shared_data: Path, sqlite_world: Database, clock: FrozenClock, server: RegistryServer,
    http_settings: HttpSettings,
) -> None:  # fmt: skip
    library = PubMedServer(server=server)
    library.serve()
    sets = b"".join(real_sets(shared_data).values()).decode()
    articles = re.findall(r"<PubmedArticle>.*?</PubmedArticle>", sets, re.DOTALL)
    library.put(*(
        StoredPaper(pmid=re.findall(r"<PMID[^>]*>(\d+)", xml)[0], xml=xml, taken_in="2026-02-20", edited="2026-02-20")
        for xml in articles
    ))  # fmt: skip
    keys = {"name": "pubmed", "kind": "pubmed", "url": server.root, "conditions": ["x"], "page_size": size}
    settings = settings_of(http_settings, {**keys, "at_most": "1000/s"})
    first = poll(sqlite_world, settings, clock)
    assert (first.error, first.new, problems_of(sqlite_world)) == (None, len(articles), [])
    before = items_of(sqlite_world)
    second = poll(sqlite_world, settings, clock)
    assert (second.error, second.new, second.updated) == (None, 0, 0)
    assert (items_of(sqlite_world), changes_of(sqlite_world)) == (before, [])

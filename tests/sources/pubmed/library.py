"""A server that behaves as NCBI's E-utilities are described: searches kept under a name, papers fetched from them.

Questions come by POST. Nobody gets more than 9,999 papers of a search, and is not told so; errors come with status 200.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

import orjson

from tests.sources.registry_server import Fault, Handler, RegistryServer

__all__ = ["PubMedServer", "StoredPaper", "article", "link", "notice"]

MOST = 9_999
_TAKEN_IN = re.compile(r"AND (\S+):(\S+)\[edat\]\)$")
_HEAD = (
    '<?xml version="1.0" ?>\n<!DOCTYPE PubmedArticleSet PUBLIC "-//NLM//DTD PubMedArticle, 1st January 2025//EN" '
    '"https://dtd.nlm.nih.gov/ncbi/pubmed/out/pubmed_250101.dtd">\n'
)


@dataclass(kw_only=True)
class StoredPaper:
    """A paper in the library; ``fits`` tells whether the words that are searched for stand in it."""

    pmid: str
    xml: str
    taken_in: str
    edited: str
    types: Sequence[str] = ()
    fits: bool = True
    is_gone: bool = False


def _date(day: str) -> str:
    return "".join(f"<{n}>{v}</{n}>" for n, v in zip(("Year", "Month", "Day"), day.split("-"), strict=False))


def link(type_: str, pmid: int | str = "", said: str = "J Ex. 2026 Mar 1;9(3):33. doi: 10.5555/Notice.1.") -> str:
    number = f'<PMID Version="1">{pmid}</PMID>' if pmid else ""
    return f'<CommentsCorrections RefType="{type_}"><RefSource>{said}</RefSource>{number}</CommentsCorrections>'


def article(
    number: int | str = 90000001,
    *,
    taken_in: str = "2026-03-01",
    edited: str = "",
    title: str = "",
    abstract: str = "",
    types: Sequence[str] = ("Journal Article",),
    links: str = "",
    inside: str = "",
    citation: str = "",
    electronic: str = "2026-02-27",
    issue: str = "<Year>2026</Year><Month>Mar</Month>",
    headings: str = "",
    language: str = "eng",
    **stored: Any,
) -> StoredPaper:
    """Return a made-up paper; ``inside`` goes into its Article, ``citation`` beside it."""
    text = abstract or (
        f'<AbstractText Label="BACKGROUND">Report {number} of people who walk better.</AbstractText>'
        '<AbstractText Label="RESULTS">They <i>did</i>.</AbstractText>'
    )
    on = f'<ArticleDate DateType="Electronic">{_date(electronic)}</ArticleDate>' if electronic else ""
    kinds = "".join(f'<PublicationType UI="D016428">{escape(kind)}</PublicationType>' for kind in types)
    named = title or f"Examplumab in <i>relapsing</i> multiple sclerosis, report {number}."
    xml = f"""<PubmedArticle><MedlineCitation Status="MEDLINE" Owner="NLM"><PMID Version="1">{number}</PMID>
<Article PubModel="Print-Electronic"><Journal><JournalIssue><PubDate>{issue}</PubDate></JournalIssue>
<Title>Journal of Examples</Title></Journal><ArticleTitle>{named}</ArticleTitle>
<ELocationID EIdType="pii" ValidYN="Y">x1</ELocationID>
<ELocationID EIdType="doi" ValidYN="Y">10.5555/Example.{number}</ELocationID>
<Abstract>{text}</Abstract>
<AuthorList CompleteYN="Y"><Author ValidYN="Y"><LastName>Xample</LastName><ForeName>Eve</ForeName><Initials>E</Initials>
<AffiliationInfo><Affiliation>Nowhere</Affiliation></AffiliationInfo></Author>
<Author ValidYN="Y"><CollectiveName>EX Group</CollectiveName></Author></AuthorList>
<Language>{language}</Language>{inside}<PublicationTypeList>{kinds}</PublicationTypeList>{on}</Article>
<CommentsCorrectionsList><CommentsCorrections RefType="Cites"><RefSource>J Ex. 1999 Jan 1;1:1</RefSource>
<PMID Version="1">1</PMID></CommentsCorrections>{links}</CommentsCorrectionsList>
<MeshHeadingList>{headings}</MeshHeadingList>{citation}</MedlineCitation>
<PubmedData><History><PubMedPubDate PubStatus="received"><Year>2025</Year><Month>1</Month><Day>2</Day></PubMedPubDate>
<PubMedPubDate PubStatus="entrez">{_date(taken_in)}<Hour>6</Hour></PubMedPubDate></History>
<ArticleIdList><ArticleId IdType="pubmed">{number}</ArticleId></ArticleIdList></PubmedData></PubmedArticle>"""
    return StoredPaper(pmid=str(number), xml=xml, taken_in=taken_in, edited=edited or taken_in, types=types, **stored)


def notice(number: int, type_: str, about: int | str, *, link_type: str, day: str, said: str = "") -> StoredPaper:
    """Return a notice about a paper; the words that are searched for stand in none."""
    said = said or f"J Ex. 2026 Feb 27;9(2):22. doi: 10.5555/Example.{about}."
    cited = link(link_type, about, said) if about else ""
    return article(number, taken_in=day, types=[type_], links=cited, title="Notice.", fits=False)


@dataclass(kw_only=True)
class PubMedServer:
    """``papers`` are in the library; ``searches`` are those that were asked for, ``fetches`` how papers were."""

    server: RegistryServer
    papers: list[StoredPaper] = field(default_factory=list)
    searches: list[Mapping[str, str]] = field(default_factory=list)
    fetches: list[Mapping[str, str]] = field(default_factory=list)
    _kept: dict[str, list[StoredPaper]] = field(default_factory=dict)

    def serve(self) -> None:
        """Answer everything from now on."""
        self.server.faults.append(Fault(act=self._answer, times=100_000))

    def keep(self, name: str, *papers: StoredPaper) -> None:
        """Keep a search that found these papers."""
        self._kept[name] = list(papers)

    def forget(self) -> None:
        """Keep no search any longer."""
        self._kept.clear()

    def put(self, *papers: StoredPaper) -> None:
        """Take papers in, in the place of those of the same number."""
        numbers = {paper.pmid for paper in papers}
        self.papers = [paper for paper in self.papers if paper.pmid not in numbers] + list(papers)

    def _answer(self, handler: Handler) -> None:
        request = self.server.requests[-1]
        assert (request.method, request.params) == ("POST", {}), "keys and long questions stand in no address"
        assert request.headers["content-type"] == "application/x-www-form-urlencoded"
        asked = dict(parse_qsl(request.body.decode()))
        assert (asked["db"], asked["tool"], asked.get("email")) == ("pubmed", "trialalerts", "admin@example.org")
        if request.path == "/esearch.fcgi":
            self.searches.append(asked)
            handler.answer(200, orjson.dumps(self._search(asked)), {"Content-Type": "application/json"})
        else:
            assert request.path == "/efetch.fcgi"
            assert asked["retmode"] == "xml"
            self.fetches.append(asked)
            handler.answer(200, self._fetched(asked).encode(), {"Content-Type": "text/xml"})

    def _search(self, asked: Mapping[str, str]) -> Any:
        assert (asked["usehistory"], asked["retmode"]) == ("y", "json")
        found = sorted(filter(lambda paper: _fits(paper, asked), self.papers), key=lambda paper: -int(paper.pmid))
        name = f"MCID_{len(self.searches)}"
        self._kept[name] = found
        ids = [paper.pmid for paper in found[: min(int(asked["retmax"]), MOST)]]
        head = {"type": "esearch", "version": "0.3"}
        result = {"count": str(len(found)), "retmax": str(len(ids)), "retstart": "0", "querykey": "1", "webenv": name}
        return {"header": head, "esearchresult": {**result, "idlist": ids, "querytranslation": asked["term"]}}

    def _fetched(self, asked: Mapping[str, str]) -> str:
        if "id" in asked:
            wanted = asked["id"].split(",")
            found = [paper for paper in self.papers if paper.pmid in wanted]
        elif (name := asked["WebEnv"]) not in self._kept:
            said = f"Cannot retrieve history data. query_key: {asked['query_key']}, WebEnv: {name}"
            return f'<?xml version="1.0"?>\n<eFetchResult>\n\t<ERROR>{said}</ERROR>\n</eFetchResult>'
        else:
            start = int(asked["retstart"])
            assert start < MOST
            found = self._kept[name][start : start + int(asked["retmax"])]
        articles = "\n".join(paper.xml for paper in found if not paper.is_gone)
        return f"{_HEAD}<PubmedArticleSet>\n{articles}\n</PubmedArticleSet>"


def _fits(paper: StoredPaper, asked: Mapping[str, str]) -> bool:
    day = paper.edited if asked["datetype"] == "mdat" else paper.taken_in
    if not asked["mindate"] <= day.replace("-", "/") <= asked["maxdate"]:
        return False
    if "[pt]" not in asked["term"]:
        return paper.fits
    always, notices = asked["term"].split(" OR (", 1)
    found = _TAKEN_IN.search(notices)
    assert found
    is_recent = found[1] <= paper.taken_in.replace("-", "/") <= found[2]
    types = [f'"{kind}"[pt]' for kind in paper.types]
    return always in types or (is_recent and any(kind in notices for kind in types))

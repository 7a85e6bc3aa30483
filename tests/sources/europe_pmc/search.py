"""A server that behaves as Europe PMC's search is described: a count, a cursor that is unchanged at the end."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import orjson

from tests.sources.registry_server import Fault, Handler, RegistryServer

__all__ = ["SearchServer", "heading", "paper", "preprint"]

_DAYS = re.compile(r"(FIRST_IDATE|UPDATE_DATE):\[(\S+) TO (\S+)\]")
_TYPES = re.compile(r'PUB_TYPE:"([^"]+)"')
_MOST = 1000


def paper(number: int = 90000001, *, taken_in: str = "2026-03-01", **more: Any) -> dict[str, Any]:
    """Return a made-up paper of PubMed in the long form."""
    return {
        "id": str(number), "source": "MED", "pmid": str(number), "doi": f"10.5555/Example.{number}",
        "title": f"Examplumab in <i>relapsing</i> multiple sclerosis, report {number}.",
        "authorString": "Xample E, Sample S.",
        "authorList": {"author": [{"fullName": "Xample E"}, {"fullName": "Sample S"}, {"collectiveName": "EX Group"}]},
        "journalInfo": {"journal": {"title": "Journal of Examples"}}, "pubYear": "2026", "language": "eng",
        "abstractText": f"<h4>Background</h4>Report {number} of people who walk better.<h4>Results</h4>They did.",
        "pubTypeList": {"pubType": ["Randomized Controlled Trial", "Journal Article"]},
        "firstIndexDate": taken_in, "firstPublicationDate": "2026-02-27", **more,
    }  # fmt: skip


def preprint(version: int, *, taken_in: str, **more: Any) -> dict[str, Any]:
    """Return a version of a made-up preprint: each has an id and a DOI of its own."""
    own = {
        "id": f"PPR90000{version}", "source": "PPR", "pmid": None, "doi": f"10.21203/rs.3.rs-9000001/v{version}",
        "title": "A made-up tablet for people with asthma", "pubTypeList": {"pubType": ["Preprint"]},
        "firstPublicationDate": taken_in,
    }  # fmt: skip
    return paper(taken_in=taken_in, **{**own, **more})


def heading(name: str, *, major: bool = False) -> dict[str, Any]:
    """Return a MeSH heading."""
    return {"descriptorName": name, "majorTopic_YN": "Y" if major else "N"}


@dataclass(kw_only=True)
class SearchServer:
    """``papers`` are served in their order; the queries that were asked are for papers, notices, or papers by number.

    A paper with ``unfit`` is one in which the words that are searched for do not stand; ``updated`` is when it was
    edited last.
    """

    server: RegistryServer
    papers: list[dict[str, Any]] = field(default_factory=list)
    queries: list[str] = field(default_factory=list)
    for_notices: list[str] = field(default_factory=list)
    by_number: list[str] = field(default_factory=list)

    def serve(self) -> None:
        """Answer everything from now on."""
        self.server.faults.append(Fault(act=self._answer, times=100_000))

    def _answer(self, handler: Handler) -> None:
        request = self.server.requests[-1]
        asked = request.params
        assert request.path == "/search"
        assert (asked["format"], asked["resultType"]) == ("json", "core")
        size, mark = int(asked.get("pageSize", "25")), asked.get("cursorMark", "*")
        assert size <= _MOST
        found = [each for each in self.papers if self._fits(each, asked["query"])]
        kinds = {"EXT_ID:": self.by_number, "UPDATE_DATE:": self.for_notices}
        next((asks for word, asks in kinds.items() if word in asked["query"]), self.queries).append(asked["query"])
        start = 0 if mark == "*" else int(mark)
        given = found[start : start + size]
        body = {
            "version": "6.9", "hitCount": len(found),
            "nextCursorMark": str(start + len(given)) if given else mark,
            "resultList": {"result": given},
        }  # fmt: skip
        handler.answer(200, orjson.dumps(body), {"Content-Type": "application/json"})

    def _fits(self, paper: dict[str, Any], query: str) -> bool:
        if "EXT_ID:" in query:
            return paper["source"] == "MED" and paper["id"] in re.findall(r"EXT_ID:(\d+)", query)
        days = {name: (since, until) for name, since, until in _DAYS.findall(query)}
        first, last = days["FIRST_IDATE"]
        is_new = first <= (paper["firstIndexDate"] or "") <= last
        if "UPDATE_DATE" not in days:
            return is_new and not paper.get("unfit")
        since, until = days["UPDATE_DATE"]
        *rare, erratum = _TYPES.findall(query)
        types = (paper.get("pubTypeList") or {}).get("pubType", [])
        is_edited = since <= paper.get("updated", paper["firstIndexDate"] or "") <= until
        kinds = {kind.lower() for kind in types}
        return (is_edited and not {kind.lower() for kind in rare}.isdisjoint(kinds)) or (is_new and erratum in types)

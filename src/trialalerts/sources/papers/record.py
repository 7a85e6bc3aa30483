"""A paper as a library's reader hands it over: what it is, what it hangs together with, what was said of it since."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from trialalerts.catalog.articles.keys import article_keys
from trialalerts.catalog.changes.comparison import is_retracted
from trialalerts.catalog.facts import ArticleNotice, PartialDate
from trialalerts.sources.reading.days import partial_date

__all__ = ["NOTICE_TYPES", "WITHDRAWN_TYPES", "PaperLink", "PaperRecord", "appeared", "title_of"]

NOTICE_TYPES = ("Retracted Publication", "Retraction of Publication", "Expression of Concern", "Published Erratum")
"""The publication types, as MeSH spells them, of what is retracted and of all kinds of notices."""

WITHDRAWN_TYPES = ("Preprint-withdrawal", "Preprint-removal")
"""The publication types, beside "Preprint", of a preprint that its authors or its server took back."""

_NoticeKind = Literal["retracted", "corrected", "concern"]
_RETRACTED, *_OF_NOTICES = (words.lower() for words in NOTICE_TYPES)
_TAKEN_BACK = _RETRACTED, *(words.lower() for words in WITHDRAWN_TYPES)
_IN: Mapping[str, _NoticeKind] = {
    "retractionin": "retracted", "retractedandrepublishedin": "retracted", "partialretractionin": "retracted",
    "erratumin": "corrected", "correctedandrepublishedin": "corrected", "expressionofconcernin": "concern",
}  # fmt: skip
_FOR = frozenset({"retractionof", "partialretractionof", "erratumfor", "expressionofconcernfor"})
_ANEW = frozenset({"correctedandrepublishedfrom", "retractedandrepublishedfrom"})
_DOI = re.compile(r"\bdoi: ?(10\.\S+)")
_DAY = re.compile(r"\b(\d{4}) ([A-Z][a-z]{2})(?: (\d{1,2}))?(?=[;:. ]|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperLink:
    """How a paper hangs together with another.

    ``type`` is in the library's words (``RetractionIn``, ``Retraction in``), ``pmid`` the other's number where it has
    one, ``said`` how it is cited.
    """

    type: str
    pmid: str | None = None
    said: str | None = None

    @property
    def key(self) -> str:
        """The type in small letters without blanks."""
        return self.type.replace(" ", "").lower()

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of the other paper."""
        doi = _DOI.search(self.said or "")
        return article_keys(identifiers=[f"pmid:{self.pmid or ''}", doi[1] if doi else ""])

    def notice(self) -> ArticleNotice | None:
        """Return what it says about the paper that has this link; None: nothing that a reader should know."""
        kind, day = _IN.get(self.key), _DAY.search(self.said or "")
        if kind is None:
            return None
        on = partial_date(" ".join(filter(None, (day[3], day[2], day[1])))) if day else None
        return ArticleNotice(kind=kind, id=next(iter(self.keys), None), on=on)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperRecord:
    """What was read of a paper.

    Attributes:
        number: its number in the library.
        url: where people read of it.
        title: without a full stop.
        summary: what stands on its card: the summary in plain language where there is one, else the abstract.
        text: the rest of what its areas, topics and trials are found in.
        identifiers: its DOI, its number in PubMed.
        authors: as they are cited, people and groups.
        journal: where it appeared.
        language: in ISO 639.
        types: its publication types.
        links: how it hangs together with others.
        headings: what it is filed under, the main ones first: each by its id, its name, or both.
        numbers: registry numbers of fields for them.
        day: when it appeared, or was taken in.
        published_on: the same, where it is the journal's own day.
    """

    number: str
    url: str
    title: str
    summary: str
    text: str = ""
    identifiers: Sequence[str] = ()
    authors: Iterable[str] = ()
    journal: str | None = None
    language: str | None = None
    types: Collection[str] = ()
    links: Sequence[PaperLink] = ()
    headings: Sequence[Sequence[str]] = ()
    numbers: Sequence[str] = ()
    day: date | None = None
    published_on: date | None = None

    @property
    def keys(self) -> tuple[str, ...]:
        """By what it is recognised in other sources."""
        return article_keys(links=[self.url], identifiers=self.identifiers)

    @property
    def notices(self) -> tuple[ArticleNotice, ...]:
        """What was published about it since."""
        found = [notice for link in self.links if (notice := link.notice())]
        if (self._is(*_TAKEN_BACK) or is_retracted(self.title)) and all(notice.kind != "retracted" for notice in found):
            found.append(ArticleNotice(kind="retracted"))
        return tuple(dict.fromkeys(found))

    @property
    def is_notice(self) -> bool:
        """Whether it is a notice about another paper, and no paper for itself."""
        return self._is(*_OF_NOTICES) or not _FOR.isdisjoint(link.key for link in self.links)

    def targets(self) -> Iterator[PaperLink]:
        """Give the papers that it retracts, corrects or raises concern about."""
        yield from (link for link in self.links if link.pmid and link.key in _FOR | _ANEW)

    def _is(self, *types: str) -> bool:
        return not {each.strip().lower() for each in self.types}.isdisjoint(types)


def appeared(stated: date | None, year: PartialDate | None, taken_in: date | None) -> date | None:
    """Return the day a paper appeared: never an issue's day to come, nor today for what is of an earlier year."""
    stated = stated or (date(int(year.value[:4]), 12, 31) if year else None)
    return min(filter(None, (stated, taken_in)), default=None)


def title_of(title: str | None) -> str:
    """Return a title without its full stop, and without the brackets of a translated one.

    >>> title_of("[Walking with asthma].")
    'Walking with asthma'
    """
    bare = (title or "").removesuffix(".")
    return bare[1:-1].removesuffix(".") if bare.startswith("[") and bare.endswith("]") else bare

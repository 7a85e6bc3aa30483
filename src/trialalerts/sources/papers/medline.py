"""PubMed's XML: what a citation says of its paper (NLM's DTD of PubmedArticleSet)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from trialalerts.catalog.facts import PartialDate
from trialalerts.sources.papers.record import PaperLink, PaperRecord, appeared, title_of
from trialalerts.sources.reading.days import day_in, partial_date
from trialalerts.sources.reading.fields import XML_TEXT
from trialalerts.sources.reading.record import RecordView

__all__ = ["BOOK", "PAPER", "paper_of"]

PAPER, BOOK = "PubmedArticle", "PubmedBookArticle"
_PLAIN = "plain-language-summary"
_NO_TITLE = "Not Available"


def paper_of(record: RecordView, number: str) -> PaperRecord:
    """Return what an article says of itself."""
    citation, article = record.at("MedlineCitation"), record.at("MedlineCitation.Article")
    abstract, plain = _paragraphs(article.at("Abstract")), _in_plain_words(citation)
    issue = _day(article.at("Journal.JournalIssue.PubDate"))
    stated = min(filter(None, map(_exact, (*map(_day, article.each("ArticleDate")), issue))), default=None)
    day = appeared(stated, issue, _taken_in(record))
    title = title_of(article.line("ArticleTitle"))
    return PaperRecord(
        number=number,
        url=f"https://pubmed.ncbi.nlm.nih.gov/{number}/",
        title=title_of(article.line("VernacularTitle")) if title in {"", _NO_TITLE} else title,
        summary=plain or abstract,
        text=abstract if plain else "",
        identifiers=[f"pmid:{number}", *_dois(record)],
        authors=_authors(article),
        journal=article.line("Journal.Title"),
        language=next(iter(article.lines("Language")), None),
        types=article.lines("PublicationTypeList.PublicationType"),
        links=tuple(_links(citation)),
        headings=_headings(citation),
        numbers=tuple(_numbers(article)),
        day=day,
        published_on=day if stated else None,
    )


def _paragraphs(abstract: RecordView) -> str:
    """Return the parts of an abstract, each behind its label."""
    parts = []
    for part in abstract.items("AbstractText"):
        label, text = (part.get("@Label"), part.get(XML_TEXT)) if isinstance(part, dict) else (None, part)
        if isinstance(text, str) and text.strip():
            parts.append(f"{label.capitalize()}: {text.strip()}" if label else text.strip())
    return "\n\n".join(parts)


def _in_plain_words(citation: RecordView) -> str:
    """Return the summary in plain language, where there is one in English."""
    for other in citation.each("OtherAbstract"):
        if other.line("@Type") == _PLAIN and (other.line("@Language") or "eng") == "eng":
            return _paragraphs(other)
    return ""


def _day(view: RecordView) -> PartialDate | None:
    """Read a date in parts; of “2012 Jul-Aug” or “1998 Dec-1999 Jan” the first year."""
    year, month, day = (view.line(key) for key in ("Year", "Month", "Day"))
    if year is None:
        year = (view.line("MedlineDate") or "")[:4]
        return partial_date(year) if year.isdigit() else None
    digits = (month or "").isdigit()
    written = "-".join(part.zfill(2) for part in (year, month, day) if part) if digits else ""
    found = partial_date(written or " ".join(part for part in (day, month, year) if part and (part != day or month)))
    if found is None:
        view.note("", f"found “{' '.join(filter(None, (year, month, day)))[:40]}”, expected a date such as 2026 Feb 11")
    return found


def _exact(found: PartialDate | None) -> date | None:
    return day_in(found) if found else None


def _taken_in(record: RecordView) -> date | None:
    """Return the day on which PubMed took it in."""
    for each in record.each("PubmedData.History.PubMedPubDate"):
        if each.line("@PubStatus") == "entrez":
            return _exact(_day(each))
    return None


def _dois(record: RecordView) -> Iterator[str]:
    """Give the article's DOI, which stands in one place or the other."""
    for each in record.each("MedlineCitation.Article.ELocationID"):
        if each.line("@EIdType") == "doi" and each.line("@ValidYN") != "N":
            yield each.line(XML_TEXT) or ""
    for each in record.each("PubmedData.ArticleIdList.ArticleId"):
        if each.line("@IdType") == "doi":
            yield each.line(XML_TEXT) or ""


def _authors(article: RecordView) -> Iterator[str]:
    """Give the names as they are cited, people and groups."""
    for each in article.each("AuthorList.Author"):
        yield each.line("CollectiveName") or " ".join(filter(None, (each.line("LastName"), each.line("Initials"))))


def _links(citation: RecordView) -> Iterator[PaperLink]:
    """Give how it hangs together with others; what it cites says nothing of it."""
    for each in citation.each("CommentsCorrectionsList.CommentsCorrections"):
        kind = each.line("@RefType") or ""
        if kind != "Cites":
            yield PaperLink(type=kind, pmid=each.line("PMID"), said=each.line("RefSource"))


def _headings(citation: RecordView) -> Sequence[Sequence[str]]:
    """Return the MeSH headings by id and name, the main ones first."""
    found: dict[tuple[str, str], bool] = {}
    for each in citation.each("MeshHeadingList.MeshHeading"):
        name = each.at("DescriptorName")
        marks = (name, *each.each("QualifierName"))
        heading = name.line("@UI") or "", name.line(XML_TEXT) or ""
        found[heading] = any(mark.line("@MajorTopicYN") == "Y" for mark in marks)
    return sorted(found, key=lambda heading: not found[heading])


def _numbers(article: RecordView) -> Iterator[str]:
    """Give the numbers that databanks know it by; ISRCTN's stand there without their prefix, too."""
    for bank in article.each("DataBankList.DataBank"):
        prefix = "ISRCTN" if bank.line("DataBankName") == "ISRCTN" else ""
        for number in bank.lines("AccessionNumberList.AccessionNumber"):
            yield f"{prefix}{number}" if number.isdigit() else number

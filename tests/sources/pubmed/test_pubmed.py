"""PubMed's papers read true, all of them are found, each is told once, and what is retracted later is noticed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlmodel import select

from tests.sources.feed_stage import Feeds, entry, feed
from tests.sources.poll_stage import changes_of, items_of, poll, problems_of, settings_of
from tests.sources.pubmed.library import PubMedServer, StoredPaper, article, link, notice
from tests.sources.registry_server import Fault, Handler, RegistryServer, cut, respond
from trialalerts.catalog.draft import FieldProblem, ItemDraft
from trialalerts.catalog.facts import ArticleFacts, ArticleNotice, PartialDate
from trialalerts.catalog.tables import Item
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.errors import ConfigurationError, SourceError
from trialalerts.settings import HttpSettings, Settings, SourceSettings
from trialalerts.sources.context import SourceContext
from trialalerts.sources.kinds import settled
from trialalerts.sources.kinds.pubmed import PubMed, PubMedSettings

WORDS = '("multiple sclerosis"[tiab] OR "multiple sclerosis"[mh])'
NOTICES = (
    '"Retracted Publication"[pt] OR (("Retraction of Publication"[pt] OR "Expression of Concern"[pt] '
    'OR "Published Erratum"[pt]) AND 2024/02/01:2026/04/05[edat])'
)


@pytest.fixture
def library(server: RegistryServer) -> PubMedServer:
    made = PubMedServer(server=server)
    made.serve()
    return made


@pytest.fixture
def settings(server: RegistryServer, http_settings: HttpSettings) -> Settings:
    return configured(server, http_settings)


def configured(server: RegistryServer, http: HttpSettings, **more: Any) -> Settings:
    keys = {"conditions": ["multiple sclerosis"], "page_size": 3, "at_most": "1000/s", **more}
    return settings_of(http, {"name": "pubmed", "kind": "pubmed", "url": server.root, **keys})


@pytest.fixture
def reader() -> PubMed:
    return PubMed(PubMedSettings(name="pubmed", kind="pubmed", query="x"))


def sampled(reader: PubMed, context: SourceContext, *papers: StoredPaper) -> tuple[list[ItemDraft], list[FieldProblem]]:
    body = f"<PubmedArticleSet>{''.join(paper.xml for paper in papers)}</PubmedArticleSet>".encode()
    batch = reader.sample(body, "sample.xml", context)
    return list(batch.drafts), list(batch.problems)


def read(reader: PubMed, context: SourceContext, paper: StoredPaper) -> ItemDraft:
    (draft,), problems = sampled(reader, context, paper)
    assert not problems
    return draft


def facts_of(draft: ItemDraft) -> ArticleFacts:
    assert isinstance(draft.facts, ArticleFacts)
    return draft.facts


def next_day(db: Database, settings: Settings, clock: FrozenClock, days: int = 1) -> list[tuple[str, str]]:
    """Poll a day later; return what was told of it."""
    before = len(changes_of(db))
    clock.advance(timedelta(days=days))
    count = poll(db, settings, clock)
    assert count.error is None
    return list(changes_of(db)[before:])


def notices_of(db: Database, title: str = "Examplumab") -> list[tuple[str, str | None, str | None]]:
    with db.read() as session:
        (item,) = [each for each in session.exec(select(Item)) if title in each.title]
    found = [ArticleNotice.model_validate(each) for each in item.facts["notices"]]
    return [(each.kind, each.id, each.on.value if each.on else None) for each in found]


def test_a_paper_is_read_as_a_person_would(reader: PubMed, context: SourceContext) -> None:
    draft = read(reader, context, article())
    assert (draft.registry, draft.external_id, draft.source) == ("pubmed.ncbi.nlm.nih.gov", "90000001", "pubmed")
    assert draft.url == "https://pubmed.ncbi.nlm.nih.gov/90000001/"
    assert draft.title == "Examplumab in relapsing multiple sclerosis, report 90000001"
    assert draft.summary == "Background: Report 90000001 of people who walk better.\n\nResults: They did."
    assert set(draft.keys) == {
        "pmid:90000001", "doi:10.5555/example.90000001", "link:pubmed.ncbi.nlm.nih.gov/90000001",
    }  # fmt: skip
    facts = facts_of(draft)
    assert facts == ArticleFacts(
        authors=("Xample E", "EX Group"), language="en", journal="Journal of Examples", published_on=date(2026, 2, 27)
    )
    assert draft.published_at is not None
    assert draft.published_at.date() == date(2026, 2, 27)
    assert [(area["id"], area["in_title"]) for area in draft.areas] == [("D009103", True)]
    assert draft.problems == ()


def test_a_summary_in_plain_language_stands_first_and_the_abstract_still_tells_areas_and_trials(
    reader: PubMed, context: SourceContext
) -> None:
    plain = (
        '<OtherAbstract Type="Publisher" Language="chi"><AbstractText>No English.</AbstractText></OtherAbstract>'
        '<OtherAbstract Type="plain-language-summary" Language="fre"><AbstractText>Non.</AbstractText></OtherAbstract>'
        '<OtherAbstract Type="plain-language-summary" Language="eng"><AbstractText>We asked whether walking helps.'
        "</AbstractText></OtherAbstract>"
    )
    abstract = "<AbstractText>In asthma (NCT90000001).</AbstractText>"
    draft = read(reader, context, article(citation=plain, abstract=abstract, title="Walking."))
    assert draft.summary == "We asked whether walking helps."
    assert [area["id"] for area in draft.areas] == ["D001249"]
    assert facts_of(draft).trials == ("NCT90000001",)


def test_the_trials_are_those_of_databanks_title_and_abstract(reader: PubMed, context: SourceContext) -> None:
    banks = (
        "<DataBankList><DataBank><DataBankName>ClinicalTrials.gov</DataBankName><AccessionNumberList>"
        "<AccessionNumber>NCT90000001</AccessionNumber><AccessionNumber>NCT90000002</AccessionNumber>"
        "</AccessionNumberList></DataBank><DataBank><DataBankName>ISRCTN</DataBankName><AccessionNumberList>"
        "<AccessionNumber>90000001</AccessionNumber></AccessionNumberList></DataBank><DataBank>"
        "<DataBankName>NTR</DataBankName><AccessionNumberList><AccessionNumber>NL9999</AccessionNumber>"
        "</AccessionNumberList></DataBank><DataBank><DataBankName>GENBANK</DataBankName><AccessionNumberList>"
        "<AccessionNumber>AB123456</AccessionNumber></AccessionNumberList></DataBank></DataBankList>"
    )
    abstract = "<AbstractText>EudraCT 2020‐001113‐21, nct90000001; grant R01 NS012345, 1012 AB.</AbstractText>"
    draft = read(reader, context, article(inside=banks, abstract=abstract))
    assert facts_of(draft).trials == ("NCT90000001", "NCT90000002", "ISRCTN90000001", "NL9999", "2020-001113-21")


HEADING = '<MeshHeading><DescriptorName UI="{}" MajorTopicYN="{}">{}</DescriptorName>{}</MeshHeading>'
MAJOR = '<QualifierName UI="Q000188" MajorTopicYN="Y">drug therapy</QualifierName>'


@pytest.mark.parametrize(("headings", "areas"), [
    (
        [("D001249", "N", "Asthma", ""), ("D008545", "Y", "Melanoma", ""), ("D006801", "Y", "Humans", "")],
        ["D008545", "D001249"],
    ),
    ([("D001249", "N", "Asthma", ""), ("D008545", "N", "Melanoma", MAJOR)], ["D008545", "D001249"]),
    ([("", "N", "Asthma", "")], ["D001249"]),
    ([("D000001", "N", "Asthma", "")], ["D001249"]),
    ([("D006801", "N", "Humans", "")], ["D009103"]),
    ([], ["D009103"]),
])  # fmt: skip
def test_areas_are_those_of_headings_major_ones_first_else_of_the_words(
    headings: list[Any], areas: list[str], reader: PubMed, context: SourceContext
) -> None:
    draft = read(reader, context, article(headings="".join(HEADING.format(*heading) for heading in headings)))
    assert [area["id"] for area in draft.areas] == areas


@pytest.mark.parametrize(("values", "day", "is_stated"), [
    ({}, "2026-02-27", True),
    ({"electronic": "2026-09-01"}, "2026-03-01", True),
    ({"electronic": "", "issue": "<Year>2026</Year><Month>02</Month><Day>3</Day>"}, "2026-02-03", True),
    ({"electronic": "", "issue": "<Year>2026</Year><Month>Feb</Month><Day>3</Day>"}, "2026-02-03", True),
    ({"electronic": "", "issue": "<Year>2026</Year><Month>Apr</Month>"}, "2026-03-01", False),
    ({"electronic": "", "issue": "<Year>1998</Year><Season>Summer</Season>"}, "1998-12-31", False),
    ({"electronic": "", "issue": "<MedlineDate>1998 Dec-1999 Jan</MedlineDate>"}, "1998-12-31", False),
    ({"electronic": "", "issue": ""}, "2026-03-01", False),
])  # fmt: skip
def test_the_day_is_when_it_appeared(
    values: dict[str, str], day: str, is_stated: bool, reader: PubMed, context: SourceContext
) -> None:
    draft = read(reader, context, article(**values))
    assert draft.published_at is not None
    assert draft.published_at.date().isoformat() == day
    assert facts_of(draft).published_on == (draft.published_at.date() if is_stated else None)
    assert draft.problems == ()


@pytest.mark.parametrize(("title", "vernacular", "read_as"), [
    ("[Walking with multiple sclerosis].", "Gehen mit MS.", "Walking with multiple sclerosis"),
    ("[Not Available].", "Gehen mit MS.", "Gehen mit MS"),
])  # fmt: skip
def test_a_translated_title_is_read_without_its_brackets(
    title: str, vernacular: str, read_as: str, reader: PubMed, context: SourceContext
) -> None:
    inside = f"<VernacularTitle>{vernacular}</VernacularTitle>"
    draft = read(reader, context, article(title=title, inside=inside, language="ger"))
    assert (draft.title, facts_of(draft).language) == (read_as, "de")


def test_what_is_wrong_is_noted_and_harms_no_other(reader: PubMed, context: SourceContext) -> None:
    drafts, problems = sampled(
        reader, context,
        article("", title="None."),
        article(90000002, electronic="", issue="<Year>2026</Year><Month>Smarch</Month><Day>40</Day>"),
        article(90000003, title="[Not Available]."),
        article(90000004),
    )  # fmt: skip
    assert [draft.external_id for draft in drafts] == ["90000002", "90000004"]
    assert [(problem.external_id, problem.field) for problem in problems] == [
        ("without number: record 1", "MedlineCitation.PMID"), ("90000003", "title"),
    ]  # fmt: skip
    assert [(problem.external_id, problem.field) for problem in drafts[0].problems] == [
        ("90000002", "MedlineCitation.Article.Journal.JournalIssue.PubDate")
    ]


def test_a_chapter_of_a_book_and_a_deletion_are_no_papers(reader: PubMed, context: SourceContext) -> None:
    others = (
        '<PubmedBookArticle><BookDocument><PMID Version="1">5</PMID></BookDocument></PubmedBookArticle>'
        '<DeleteCitation><PMID Version="1">6</PMID></DeleteCitation>'
    )
    body = f"<PubmedArticleSet>{others}{article().xml}</PubmedArticleSet>".encode()
    batch = reader.sample(body, "sample.xml", context)
    assert ([draft.external_id for draft in batch.drafts], list(batch.problems)) == (["90000001"], [])


@pytest.mark.parametrize(("body", "found"), [
    (b"<eFetchResult><ERROR>Cannot retrieve history data. query_key: 1</ERROR></eFetchResult>", "Cannot retrieve"),
    (b"<eSearchResult><ERROR>Search Backend failed: Database is not supported", r"error \(Search Backend failed"),
    (b"<!DOCTYPE html><html><body>Wait</body></html>", "an HTML page instead of papers"),
    (b"<eInfoResult><DbList/></eInfoResult>", "<eInfoResult> instead of papers"),
    (b"<!DOCTYPE html><html><body>Wait<br>", "an HTML page"),
    (b'{"error":"API rate limit exceeded"}', "XML that breaks off, or is none"),
    (b'<!DOCTYPE a [<!ENTITY x "y">]><PubmedArticleSet>&x;</PubmedArticleSet>', "declares entities"),
    (article().xml.encode()[:700], "XML that breaks off"),
])  # fmt: skip
def test_what_holds_no_papers_is_an_error_in_one_line(body: bytes, found: str, reader: PubMed) -> None:
    with pytest.raises(SourceError, match=found) as refused:
        reader.page(body, "https://eutils.example/efetch.fcgi")
    assert "\n" not in str(refused.value)


def test_all_pages_are_read_and_the_first_sweep_tells_nothing(
    world: Database, clock: FrozenClock, library: PubMedServer, settings: Settings
) -> None:
    library.put(*(article(90000001 + n) for n in range(8)))
    count = poll(world, settings, clock)
    assert (count.error, count.complete, count.new, count.changes) == (None, True, 8, 0), problems_of(world)
    papers, notices = library.searches
    assert (papers["term"], papers["datetype"], papers["mindate"]) == (WORDS, "edat", "2026/01/31")
    assert (notices["term"], notices["datetype"], notices["mindate"]) == (NOTICES, "mdat", "2026/01/31")
    assert [fetch["retstart"] for fetch in library.fetches] == ["0", "3", "6"]
    assert {(fetch["WebEnv"], fetch["query_key"]) for fetch in library.fetches} == {("MCID_1", "1")}
    before = items_of(world)
    clock.advance(timedelta(days=1))
    again = poll(world, settings, clock)
    assert (again.error, again.new, again.updated, again.changes) == (None, 0, 0, 0)
    assert items_of(world) == before
    assert library.searches[-1]["mindate"] == "2026/02/28"


@pytest.mark.parametrize("size", [1, 2, 4, 1000])
def test_a_page_may_be_of_any_size(
    size: int, sqlite_world: Database, clock: FrozenClock, library: PubMedServer, http_settings: HttpSettings
) -> None:
    settings = configured(library.server, http_settings, page_size=size)
    assert poll(sqlite_world, settings, clock).complete
    library.put(*(article(90000001 + n, taken_in="2026-03-03") for n in range(4)))
    assert len(next_day(sqlite_world, settings, clock)) == 4


def test_a_key_is_sent_and_hidden_and_ten_a_second_are_allowed_with_it(
    sqlite_world: Database, clock: FrozenClock, library: PubMedServer, http_settings: HttpSettings
) -> None:
    settings = configured(library.server, http_settings, api_key="s3cret-key")
    library.server.faults.insert(0, Fault(act=respond(500), when=lambda asked: asked.path == "/efetch.fcgi", times=3))
    library.put(article())
    count = poll(sqlite_world, settings, clock)
    assert library.searches[0]["api_key"] == "s3cret-key"
    assert count.error is not None
    assert "s3cret" not in count.error + repr(settled(settings.sources[0]))
    bare = {"name": "p", "kind": "pubmed", "query": "x"}
    rates = [settled(SourceSettings.model_validate(bare | more)).at_most for more in ({}, {"api_key": "k"})]
    assert rates == [3.0, 10.0]
    assert settled(SourceSettings.model_validate(bare | {"at_most": "1/s"})).at_most == 1.0


def test_windows_of_more_than_anybody_gets_are_halved(
    sqlite_world: Database, clock: FrozenClock, library: PubMedServer, http_settings: HttpSettings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("trialalerts.sources.kinds.pubmed._MOST", 10)
    settings = configured(library.server, http_settings, page_size=4)
    days = [date(2026, 2, 1) + timedelta(days=n % 28) for n in range(60)]
    library.put(*(article(90000001 + n, taken_in=day.isoformat()) for n, day in enumerate(days)))
    count = poll(sqlite_world, settings, clock)
    assert (count.error, count.new) == (None, 60)
    library.put(*(article(91000001 + n, taken_in="2026-03-02") for n in range(11)))
    assert "has 11 records of 2026-03-02 and gives 10 at most; ask for less" in (
        poll(sqlite_world, settings, clock).error or ""
    )


FAULTS: dict[str, tuple[Callable[[Handler], None], str]] = {
    "a backend that failed": (
        respond(200, b'{"esearchresult":{"ERROR":"Search Backend failed: no connection"}}'), "Search Backend failed",
    ),
    "too many questions": (respond(429, b"", {"Retry-After": "60"}), "asks for a pause"),
    "a page for people": (respond(200, b"<!DOCTYPE html><html>"), "an HTML page"),
    "no count": (respond(200, b'{"esearchresult":{"idlist":[]}}'), "a search of no count or name"),
    "an answer that breaks off": (cut(b"<PubmedArticleSet>", length=500), "cannot be reached"),
}  # fmt: skip


@pytest.mark.parametrize("what", FAULTS)
def test_a_search_that_fails_is_told_in_one_line_and_asked_again(
    what: str, sqlite_world: Database, clock: FrozenClock, library: PubMedServer, settings: Settings
) -> None:
    act, found = FAULTS[what]
    library.put(article())
    library.server.faults.insert(0, Fault(act=act, when=lambda asked: asked.path == "/esearch.fcgi", times=3))
    count = poll(sqlite_world, settings, clock)
    assert found in (count.error or "")
    assert not count.complete
    library.server.faults = library.server.faults[-1:]
    clock.advance(timedelta(days=1))
    assert poll(sqlite_world, settings, clock).new == 1


def test_a_sweep_that_is_cut_off_goes_on_where_it_was_though_the_search_was_forgotten(
    sqlite_world: Database, clock: FrozenClock, library: PubMedServer, settings: Settings
) -> None:
    library.put(*(article(90000001 + n) for n in range(8)))
    broken = Fault(act=respond(200, b"<html>"), when=lambda asked: b"retstart=6" in asked.body, times=100)
    library.server.faults.insert(0, broken)
    count = poll(sqlite_world, settings, clock)
    assert (count.error is None, count.new) == (False, 6)
    library.server.faults.remove(broken)
    library.forget()
    asked = len(library.fetches)
    clock.advance(timedelta(days=1))
    assert poll(sqlite_world, settings, clock).new == 2
    assert library.fetches[asked]["retstart"] == "6"
    assert list(changes_of(sqlite_world)) == []


def test_a_paper_that_is_gone_is_its_own_problem_and_a_page_of_none_is_no_end(
    sqlite_world: Database, clock: FrozenClock, library: PubMedServer, settings: Settings
) -> None:
    library.put(article(90000001, is_gone=True), article(90000002))
    count = poll(sqlite_world, settings, clock)
    assert (count.error, count.new) == (None, 1)
    assert problems_of(sqlite_world) == [("90000001", "record")]
    library.put(article(90000002, is_gone=True))
    clock.advance(timedelta(days=1))
    assert "gave none of 2 papers" in (poll(sqlite_world, settings, clock).error or "")


def test_papers_of_like_titles_are_papers_of_their_own(
    sqlite_world: Database, clock: FrozenClock, library: PubMedServer, settings: Settings
) -> None:
    def reply(number: int) -> StoredPaper:
        made = article(number, taken_in="2026-03-03", title="A reply to letters on multiple sclerosis.")
        return replace(made, xml=made.xml.replace("10.5555/Example", "no DOI "))

    poll(sqlite_world, settings, clock)
    library.put(*(reply(90000001 + n) for n in range(3)))
    assert len(next_day(sqlite_world, settings, clock)) == 3
    library.put(*(reply(90000011 + n) for n in range(3)))
    assert len(next_day(sqlite_world, settings, clock)) == 3
    assert len(items_of(sqlite_world)) == 6


def test_a_search_that_counts_more_than_it_lists_is_no_end(
    sqlite_world: Database, clock: FrozenClock, library: PubMedServer, settings: Settings
) -> None:
    short = b'{"esearchresult":{"count":"7","webenv":"MCID_0","querykey":"1","idlist":["1","2","3"]}}'
    library.server.faults.insert(0, Fault(act=respond(200, short), when=lambda asked: asked.path == "/esearch.fcgi"))
    library.keep("MCID_0", *(article(number) for number in range(1, 8)))
    count = poll(sqlite_world, settings, clock)
    assert (count.new, count.complete) == (3, False)
    assert "gave none of 0 papers" in (count.error or "")


RETRACTED = {
    "by its type": {"types": ["Journal Article", "Retracted Publication"]},
    "by what it is retracted in": {"links": link("RetractionIn", 90000009)},
    "by its title": {"title": "RETRACTED: Examplumab in multiple sclerosis."},
}


@pytest.mark.parametrize("how", RETRACTED)
def test_what_is_retracted_when_it_comes_is_not_told(
    how: str, sqlite_world: Database, clock: FrozenClock, library: PubMedServer, settings: Settings
) -> None:
    poll(sqlite_world, settings, clock)
    library.put(article(taken_in="2026-03-03", **RETRACTED[how]))  # type: ignore[arg-type]
    assert next_day(sqlite_world, settings, clock) == []
    assert items_of(sqlite_world) == {}


@pytest.mark.parametrize("how", RETRACTED)
def test_what_was_told_and_is_retracted_years_later_is_told_as_that(
    how: str, sqlite_world: Database, clock: FrozenClock, library: PubMedServer, settings: Settings
) -> None:
    poll(sqlite_world, settings, clock)
    library.put(article(taken_in="2026-03-03"))
    assert next_day(sqlite_world, settings, clock) == [("90000001", "published")]
    next_day(sqlite_world, settings, clock, days=700)
    day = (clock.now() + timedelta(days=1)).date().isoformat()
    library.put(
        article(taken_in="2026-03-03", edited=day, **RETRACTED[how]),  # type: ignore[arg-type]
        notice(90000009, "Retraction of Publication", 90000001, link_type="RetractionOf", day=day),
    )
    assert next_day(sqlite_world, settings, clock) == [("90000001", "retracted")]
    assert next_day(sqlite_world, settings, clock) == []
    assert len(items_of(sqlite_world)) == 1


STATES = {
    "retracted": ("Retraction of Publication", "RetractionOf", "RetractionIn"),
    "corrected": ("Published Erratum", "ErratumFor", "ErratumIn"),
    "concern": ("Expression of Concern", "ExpressionOfConcernFor", "ExpressionOfConcernIn"),
}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("fits", [True, False])
def test_a_notice_that_comes_later_stands_in_the_facts_of_its_paper_with_its_day_and_number(
    state: str, fits: bool, world: Database, clock: FrozenClock, library: PubMedServer, settings: Settings
) -> None:
    type_, of, in_ = STATES[state]
    poll(world, settings, clock)
    library.put(article(taken_in="2026-03-03"))
    next_day(world, settings, clock)
    assert notices_of(world) == []
    next_day(world, settings, clock, days=90)
    day = (clock.now() + timedelta(days=1)).date().isoformat()
    said = "J Ex. 2026 Jun 2;9(6):60. doi: 10.5555/Notice.9."
    library.put(
        article(taken_in="2026-03-03", links=link(in_, 90000009, said)),  # its own record was edited we know not when
        notice(90000009, type_, 90000001, link_type=of, day=day),
        notice(90000010, type_, 80000001, link_type=of, day=day),
        article(80000001, taken_in="2020-01-01", links=link(in_, 90000010), fits=False),
    )
    library.papers[-2].fits = fits  # a notice in which the words stand comes among the papers, too
    assert next_day(world, settings, clock) == [("90000001", state)]
    assert next_day(world, settings, clock) == []
    assert notices_of(world) == [(state, "pmid:90000009", "2026-06-02")]
    assert len(items_of(world)) == 1
    assert "80000001" not in {number for fetch in library.fetches for number in fetch.get("id", "").split(",")}


def test_a_notice_of_long_ago_is_no_news_when_it_is_edited(
    sqlite_world: Database, clock: FrozenClock, library: PubMedServer, settings: Settings
) -> None:
    poll(sqlite_world, settings, clock)
    library.put(article(taken_in="2026-03-03", links=link("ErratumIn", 80000009)))
    old = notice(80000009, "Published Erratum", 90000001, link_type="ErratumFor", day="2022-01-01")
    library.put(replace(old, edited="2026-03-03"))
    next_day(sqlite_world, settings, clock)
    assert [fetch for fetch in library.fetches if "id" in fetch] == []


def test_a_paper_that_a_feed_brought_is_noticed_by_its_doi(
    sqlite_feeds: Feeds, clock: FrozenClock, library: PubMedServer, settings: Settings, http_settings: HttpSettings
) -> None:
    db = sqlite_feeds.db
    poll(db, settings, clock)
    with RegistryServer() as site:
        news = Feeds(db, clock, site, http_settings)
        news.poll(feed(entry("0", "https://news.example/none", "Something else about gardens")))
        news.poll(feed(entry("1", "https://doi.org/10.5555/example.90000001", "Examplumab in multiple sclerosis")))
    day = (clock.now() + timedelta(days=1)).date().isoformat()
    types = ["Journal Article", "Retracted Publication"]
    library.put(
        article(taken_in="2026-02-03", fits=False, types=types, links=link("RetractionIn", 90000009)),
        notice(90000009, "Retraction of Publication", 90000001, link_type="RetractionOf", day=day),
    )
    assert [kind for _, kind in next_day(db, settings, clock)] == ["retracted"]
    assert notices_of(db) == [("retracted", "pmid:90000009", "2026-03-01")]


def test_a_notice_nobody_foresaw_harms_no_other(
    sqlite_world: Database, clock: FrozenClock, library: PubMedServer, settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    poll(sqlite_world, settings, clock)
    library.put(article(taken_in="2026-03-03"))
    next_day(sqlite_world, settings, clock)
    as_it_is = PubMed.paper

    def stumbling(self: PubMed, record: Any, number: str) -> Any:
        if number == "90000010":
            raise KeyError(number)
        return as_it_is(self, record, number)

    monkeypatch.setattr(PubMed, "paper", stumbling)
    library.put(
        article(taken_in="2026-03-03", links=link("ErratumIn", 90000009)),
        notice(90000010, "Published Erratum", 1, link_type="ErratumFor", day="2026-03-04"),
        notice(90000009, "Published Erratum", 90000001, link_type="ErratumFor", day="2026-03-04"),
    )
    next_day(sqlite_world, settings, clock)
    assert notices_of(sqlite_world) == [("corrected", "pmid:90000009", "2026-03-01")]
    assert problems_of(sqlite_world) == [("page 2, record 1", "record")]


def test_a_notice_says_when_as_exactly_as_it_is_cited() -> None:
    days = {"Nature. 2026 Feb 11;1:1": "2026-02-11", "Nature. 2026 Feb;1:1": "2026-02", "Nature": None}
    found = {said: article_notice(said) for said in days}
    assert {said: each.on.value if each.on else None for said, each in found.items()} == days
    assert found["Nature. 2026 Feb;1:1"].on == PartialDate(value="2026-02", precision="month")


def article_notice(said: str) -> ArticleNotice:
    from trialalerts.sources.papers.record import PaperLink

    made = PaperLink(type="ErratumIn", pmid="5", said=said).notice()
    assert made is not None
    return made


@pytest.mark.parametrize("more", [{}, {"conditions": [" "]}, {"query": ""}])
def test_one_that_asks_for_nothing_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="sources, pubmed: query: found '', expected a query, or words"):
        settled(SourceSettings.model_validate({"name": "pubmed", "kind": "pubmed", **more}))

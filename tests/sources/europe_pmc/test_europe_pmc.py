"""Europe PMC's papers read true, all of them are found, and each is told once, however often it comes."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from tests.sources.europe_pmc.search import SearchServer, heading, paper, preprint
from tests.sources.feed_stage import Feeds, entry, feed
from tests.sources.poll_stage import changes_of, items_of, poll, problems_of, settings_of
from tests.sources.registry_server import Fault, RegistryServer, respond
from trialalerts.catalog.draft import ItemDraft
from trialalerts.catalog.facts import ArticleFacts
from trialalerts.catalog.tables import Item
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.errors import ConfigurationError
from trialalerts.settings import HttpSettings, Settings, SourceSettings
from trialalerts.sources.context import SourceContext
from trialalerts.sources.kinds import settled
from trialalerts.sources.kinds.europe_pmc import EuropePmc, EuropePmcSettings


@pytest.fixture
def search(server: RegistryServer) -> SearchServer:
    made = SearchServer(server=server)
    made.serve()
    return made


@pytest.fixture
def settings(server: RegistryServer, http_settings: HttpSettings) -> Settings:
    return configured(server, http_settings)


def configured(server: RegistryServer, http: HttpSettings, **more: Any) -> Settings:
    keys = {"conditions": ["multiple sclerosis"], "page_size": 3, "at_most": "1000/s", **more}
    return settings_of(http, {"name": "papers", "kind": "europe_pmc", "url": server.root, **keys})


@pytest.fixture
def reader() -> EuropePmc:
    return EuropePmc(EuropePmcSettings(name="papers", kind="europe_pmc", query="x"))


def read(reader: EuropePmc, record: Any, context: SourceContext) -> ItemDraft:
    draft, problems = reader.read(record, "here", context)
    assert draft is not None, problems
    return draft


def facts_of(draft: ItemDraft) -> ArticleFacts:
    assert isinstance(draft.facts, ArticleFacts)
    return draft.facts


def next_day(db: Database, settings: Settings, clock: FrozenClock) -> list[tuple[str, str]]:
    """Poll a day later; return what was told of it."""
    before = len(changes_of(db))
    clock.advance(timedelta(days=1))
    count = poll(db, settings, clock)
    assert count.error is None
    return list(changes_of(db)[before:])


def test_the_trials_are_those_that_title_and_abstract_name(reader: EuropePmc, context: SourceContext) -> None:
    told = paper(title="On ISRCTN 90000001", abstractText="<p>Listed as NCT90000001; grant NIHR 123456.</p>")
    assert facts_of(read(reader, told, context)).trials == ("ISRCTN90000001", "NCT90000001")


def test_a_paper_is_read_as_a_person_would(reader: EuropePmc, context: SourceContext) -> None:
    draft = read(reader, paper(), context)
    assert (draft.registry, draft.external_id, draft.source) == ("europepmc.org", "MED:90000001", "papers")
    assert draft.url == "https://europepmc.org/article/MED/90000001"
    assert draft.title == "Examplumab in relapsing multiple sclerosis, report 90000001"
    assert draft.summary.split() == (
        "Background Report 90000001 of people who walk better. Results They did.".split()  # noqa: SIM905
    )
    assert "<" not in draft.summary
    assert set(draft.keys) == {
        "doi:10.5555/example.90000001", "pmid:90000001", "link:europepmc.org/article/MED/90000001",
    }  # fmt: skip
    facts = facts_of(draft)
    assert facts.authors == ("Xample E", "Sample S", "EX Group")
    assert (facts.language, facts.published_on) == ("en", date(2026, 2, 27))
    assert facts.journal == "Journal of Examples"
    assert draft.published_at is not None
    assert draft.published_at.date() == date(2026, 2, 27)
    assert [(area["id"], area["in_title"]) for area in draft.areas] == [("D009103", True)]
    assert draft.problems == ()


@pytest.mark.parametrize(("headings", "areas"), [
    ([heading("Asthma"), heading("Melanoma", major=True), heading("Humans", major=True)], ["D008545", "D001249"]),
    ([heading("Asthma"), heading("Humans", major=True)], ["D001249"]),
    ([heading("Humans"), heading("Adult", major=True)], ["D009103"]),
    ([], ["D009103"]),
])  # fmt: skip
def test_areas_are_those_of_headings_major_ones_first_else_of_the_words(
    headings: list[Any], areas: list[str], reader: EuropePmc, context: SourceContext
) -> None:
    draft = read(reader, paper(meshHeadingList={"meshHeading": headings}), context)
    assert [area["id"] for area in draft.areas] == areas
    assert read(reader, paper(meshHeadingList={"meshHeading": headings}), context).areas == draft.areas


@pytest.mark.parametrize(("values", "day"), [
    ({"firstPublicationDate": "2026-09-01"}, "2026-03-01"),
    ({"firstPublicationDate": None}, "2026-03-01"),
    ({"firstPublicationDate": None, "pubYear": "1998"}, "1998-12-31"),
    ({"firstPublicationDate": "1998-05-01"}, "1998-05-01"),
    ({"firstPublicationDate": None, "pubYear": None, "firstIndexDate": None}, None),
])  # fmt: skip
def test_the_day_is_when_it_appeared(
    values: dict[str, Any], day: str | None, reader: EuropePmc, context: SourceContext
) -> None:
    at = read(reader, paper(**values), context).published_at
    assert (at.date().isoformat() if at else None) == day


@pytest.mark.parametrize(("record", "field"), [
    ("no object", "id"), ({}, "id"), (paper(id=None), "id"), (paper(source=""), "id"), (paper(title=None), "title"),
])  # fmt: skip
def test_what_cannot_be_named_is_noted(record: Any, field: str, reader: EuropePmc, context: SourceContext) -> None:
    draft, problems = reader.read(record, "page 1, record 1", context)
    assert (draft, [problem.field for problem in problems]) == (None, [field])


@pytest.mark.parametrize(("field", "value"), [
    ("firstPublicationDate", "soon"), ("abstractText", 5), ("authorList", 7), ("language", ["eng", "ger"]),
    ("meshHeadingList", "none"), ("pubYear", "MMXXVI"),
])  # fmt: skip
def test_a_wrong_field_is_noted_and_the_rest_is_read(
    field: str, value: Any, reader: EuropePmc, context: SourceContext
) -> None:
    draft = read(reader, paper(**{field: value}), context)
    assert [(problem.external_id, problem.field) for problem in draft.problems] == [("MED:90000001", field)]
    assert draft.title.startswith("Examplumab")


def test_the_real_sample_is_read_without_loss(shared_data: Path, reader: EuropePmc, context: SourceContext) -> None:
    sample = shared_data / "registries" / "samples" / "europepmc" / "search_pmid_22663011.json"
    (draft,) = reader.sample(sample.read_bytes(), sample.name, context).drafts
    facts = facts_of(draft)
    assert draft.title == "Improved survival with MEK inhibition in BRAF-mutated melanoma"
    assert {"doi:10.1056/nejmoa1203421", "pmid:22663011"} <= set(draft.keys)
    assert (len(facts.authors), facts.authors[0], facts.authors[-1]) == (26, "Flaherty KT", "METRIC Study Group")
    assert facts.published_on == date(2012, 6, 4)
    assert [area["id"] for area in draft.areas] == ["D008545"]
    assert draft.problems == ()


def test_all_pages_are_read_and_the_first_sweep_tells_nothing(
    world: Database, clock: FrozenClock, search: SearchServer, settings: Settings
) -> None:
    search.papers = [paper(90000001 + n) for n in range(8)]
    count = poll(world, settings, clock)
    assert (count.error, count.complete, count.new, count.changes) == (None, True, 8, 0), problems_of(world)
    assert search.queries[0] == (
        '(TITLE:"multiple sclerosis" OR ABSTRACT:"multiple sclerosis") AND FIRST_IDATE:[2026-01-31 TO 2026-03-03]'
    )
    clock.advance(timedelta(days=1))
    again = poll(world, settings, clock)
    assert (again.error, again.new, again.updated, again.changes) == (None, 0, 0, 0)
    assert search.queries[-1].endswith("FIRST_IDATE:[2026-02-28 TO 2026-03-04]")


@pytest.mark.parametrize("size", [1, 2, 3, 4, 1000])
def test_a_page_may_be_of_any_size(
    size: int, sqlite_world: Database, clock: FrozenClock, search: SearchServer, http_settings: HttpSettings
) -> None:
    settings = configured(search.server, http_settings, page_size=size)
    assert poll(sqlite_world, settings, clock).complete
    search.papers = [paper(90000001 + n) for n in range(4)]
    assert len(next_day(sqlite_world, settings, clock)) == 4


def test_a_new_paper_is_told_and_one_of_long_ago_is_not(
    sqlite_world: Database, clock: FrozenClock, search: SearchServer, settings: Settings
) -> None:
    poll(sqlite_world, settings, clock)
    search.papers = [
        paper(90000001),
        paper(90000002, firstPublicationDate="1998-05-01"),
        paper(90000003, firstPublicationDate=None, pubYear="1998"),
    ]
    assert next_day(sqlite_world, settings, clock) == [("MED:90000001", "published")]
    assert len(items_of(sqlite_world)) == 3


def test_a_preprints_second_version_is_no_second_news(
    world: Database, clock: FrozenClock, search: SearchServer, settings: Settings
) -> None:
    poll(world, settings, clock)
    search.papers = [preprint(1, taken_in="2026-03-03")]
    assert next_day(world, settings, clock) == [("doi:10.21203/rs.3.rs-9000001", "published")]
    search.papers.append(preprint(2, taken_in="2026-03-04", title="A tablet against asthma, renamed at last"))
    for _ in range(6):
        assert next_day(world, settings, clock) == []
    assert len(items_of(world)) == 1


def test_both_versions_of_a_preprint_at_once_are_one(
    sqlite_world: Database, clock: FrozenClock, search: SearchServer, settings: Settings
) -> None:
    poll(sqlite_world, settings, clock)
    search.papers = [preprint(n, taken_in="2026-03-03", title=f"Title {n} of a paper on asthma") for n in range(1, 6)]
    assert len(next_day(sqlite_world, settings, clock)) == 1
    assert next_day(sqlite_world, settings, clock) == []


RETRACTED = {
    "by its kind": {"pubTypeList": {"pubType": ["Journal Article", "Retracted Publication"]}},
    "by its kind in the short form": {"pubTypeList": None, "pubType": "journal article; retracted publication"},
    "by what it is corrected by": {"commentCorrectionList": {"commentCorrection": [{"type": "Retraction in"}]}},
    "by its title": {"title": "RETRACTED: Examplumab in multiple sclerosis."},
}
NOTICES = {
    "by its kind": {"pubTypeList": {"pubType": ["Retraction of Publication"]}},
    "by what it corrects": {"commentCorrectionList": {"commentCorrection": [{"type": "Retraction of"}]}},
}


@pytest.mark.parametrize("more", [
    *(pytest.param(more, id=f"retracted, {how}") for how, more in RETRACTED.items()),
    *(pytest.param(more, id=f"a notice, {how}") for how, more in NOTICES.items()),
])  # fmt: skip
def test_what_is_retracted_is_no_new_paper(
    more: dict[str, Any], sqlite_world: Database, clock: FrozenClock, search: SearchServer, settings: Settings
) -> None:
    poll(sqlite_world, settings, clock)
    search.papers = [paper(90000001, **more), paper(90000002)]
    assert next_day(sqlite_world, settings, clock) == [("MED:90000002", "published")]
    assert set(items_of(sqlite_world)) == {"MED:90000002"}


@pytest.mark.parametrize("more", [pytest.param(more, id=how) for how, more in RETRACTED.items()])
def test_that_a_paper_told_before_is_retracted_is_told(
    more: dict[str, Any], sqlite_world: Database, clock: FrozenClock, search: SearchServer, settings: Settings
) -> None:
    poll(sqlite_world, settings, clock)
    search.papers = [paper(taken_in="2026-03-03")]
    next_day(sqlite_world, settings, clock)
    search.papers = [paper(taken_in="2026-03-03", **more)]
    assert next_day(sqlite_world, settings, clock) == [("MED:90000001", "retracted")]


TAKEN_BACK: dict[str, tuple[int, dict[str, Any]]] = {
    "the same record": (1, {"pubTypeList": {"pubType": ["Preprint", "Preprint-withdrawal"]}}),
    "a new version": (2, {"pubTypeList": {"pubType": ["Preprint", "Preprint-withdrawal"]}}),
    "removed": (2, {"pubTypeList": {"pubType": ["Preprint", "preprint-removal"]}}),
    "only its title says so": (2, {"title": "Withdrawn: A made-up tablet for people with asthma", "unfit": False}),
}


@pytest.mark.parametrize(("version", "more"), [pytest.param(*each, id=how) for how, each in TAKEN_BACK.items()])
def test_that_a_preprint_told_before_is_withdrawn_is_told(
    version: int, more: dict[str, Any], sqlite_world: Database, clock: FrozenClock, search: SearchServer,
    settings: Settings,
) -> None:  # fmt: skip
    poll(sqlite_world, settings, clock)
    search.papers = [preprint(1, taken_in="2026-03-03")]
    assert [kind for _, kind in next_day(sqlite_world, settings, clock)] == ["published"]
    day = (clock.now() + timedelta(days=1)).date().isoformat()
    taken_in = "2026-03-03" if version == 1 else day
    search.papers = [
        preprint(version, **{"taken_in": taken_in, "updated": day, "unfit": True, **more}),
        preprint(7, taken_in=day, updated=day, doi="10.21203/rs.3.rs-9000007/v1", **TAKEN_BACK["removed"][1]),
    ]
    assert [kind for _, kind in next_day(sqlite_world, settings, clock)] == ["retracted"]
    (item,) = items(sqlite_world)
    assert "retracted" in {notice["kind"] for notice in item.facts["notices"]}
    assert next_day(sqlite_world, settings, clock) == []


STATES = {
    "retracted": ("Retraction of Publication", "Retraction of", "Retraction in"),
    "corrected": ("Published Erratum", "Erratum for", "Erratum in"),
    "concern": ("Expression of Concern", "Expression of concern for", "Expression of concern in"),
}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("unfit", [True, False])
def test_a_notice_that_comes_later_stands_in_the_facts_of_its_paper_with_its_day_and_number(
    state: str, unfit: bool, sqlite_world: Database, clock: FrozenClock, search: SearchServer, settings: Settings
) -> None:
    type_, of, in_ = STATES[state]
    poll(sqlite_world, settings, clock)
    search.papers = [paper(taken_in="2026-03-03")]
    next_day(sqlite_world, settings, clock)
    clock.advance(timedelta(days=400))
    next_day(sqlite_world, settings, clock)
    day = (clock.now() + timedelta(days=1)).date().isoformat()
    said = "J Ex. 2027 Apr 6;9(6):60. doi: 10.5555/Notice.9."
    search.papers = [
        paper(taken_in="2026-03-03", **linked(in_, 90000009, said)),
        paper(90000009, taken_in=day, title="Notice", pubTypeList={"pubType": [type_]}, unfit=unfit,
              **linked(of, 90000001, "J Ex. 2026 Feb;9(2):22.")),
        paper(90000010, taken_in=day, title="Notice", pubTypeList={"pubType": [type_]}, unfit=True,
              **linked(of, 80000001, "J Ex. 2020 Feb;9(2):22.")),
    ]  # fmt: skip
    assert next_day(sqlite_world, settings, clock) == [("MED:90000001", state)]
    (item,) = items(sqlite_world)
    on = {"value": "2027-04-06", "precision": "day", "kind": None}
    assert item.facts["notices"] == [{"kind": state, "id": "pmid:90000009", "on": on}]
    assert search.by_number == ["(EXT_ID:90000001) AND SRC:MED"]
    assert next_day(sqlite_world, settings, clock) == []


def linked(type_: str, number: int, said: str) -> dict[str, Any]:
    other = {"id": str(number), "source": "MED", "type": type_, "reference": said, "orderIn": 1}
    return {"commentCorrectionList": {"commentCorrection": [other]}}


def items(db: Database) -> list[Item]:
    with db.read() as session:
        return list(session.exec(select(Item)))


def test_the_notices_are_asked_for_whatever_they_are_about(
    sqlite_world: Database, clock: FrozenClock, search: SearchServer, settings: Settings
) -> None:
    poll(sqlite_world, settings, clock)
    next_day(sqlite_world, settings, clock)
    kinds = (
        "Preprint-withdrawal", "Preprint-removal",
        "Retracted Publication", "Retraction of Publication", "Expression of Concern",
    )  # fmt: skip
    rare = [f'PUB_TYPE:"{kind}"' for kind in kinds]
    days = "[2026-02-28 TO 2026-03-04]"
    assert search.for_notices[-1] == (
        f'(({" OR ".join(rare)}) AND UPDATE_DATE:{days}) OR (PUB_TYPE:"Published Erratum" AND FIRST_IDATE:{days})'
    )


def test_a_paper_that_a_feed_brought_is_told_as_retracted_when_it_is(
    sqlite_feeds: Feeds, clock: FrozenClock, search: SearchServer, settings: Settings, http_settings: HttpSettings
) -> None:
    db = sqlite_feeds.db
    poll(db, settings, clock)
    with RegistryServer() as site:
        news = Feeds(db, clock, site, http_settings)
        news.poll(feed(entry("0", "https://news.example/none", "Something else about gardens")))
        news.poll(feed(entry("1", "https://doi.org/10.5555/example.90000001", "Examplumab in multiple sclerosis")))
    day = (clock.now() + timedelta(days=1)).date().isoformat()
    search.papers = [
        paper(taken_in="2026-02-03", updated=day, unfit=True, pubTypeList={"pubType": ["Retracted Publication"]})
    ]
    assert [kind for _, kind in next_day(db, settings, clock)] == ["retracted"]


@pytest.mark.parametrize(("link", "more"), [
    ("https://doi.org/10.5555/EXAMPLE.90000001", ""),
    ("https://journal.example/doi/full/10.5555/example.90000001?af=R", ""),
    ("https://news.example/one", "<dc:identifier>doi:10.5555/Example.90000001</dc:identifier>"),
    ("https://pubmed.ncbi.nlm.nih.gov/90000001/?utm_campaign=x", ""),
])  # fmt: skip
@pytest.mark.parametrize("feed_first", [True, False])
def test_the_same_paper_of_a_feed_is_one_item_told_once(
    link: str, more: str, feed_first: bool, sqlite_feeds: Feeds, clock: FrozenClock, search: SearchServer,
    settings: Settings, http_settings: HttpSettings,
) -> None:  # fmt: skip
    db = sqlite_feeds.db
    poll(db, settings, clock)
    with RegistryServer() as site:
        news = Feeds(db, clock, site, http_settings)
        news.poll(feed(entry("0", "https://news.example/none", "Something else about gardens")))
        search.papers = [paper()]
        one = feed(entry("1", link, "Examplumab in multiple sclerosis", more=more))
        if feed_first:
            news.poll(one)
            next_day(db, settings, clock)
        else:
            next_day(db, settings, clock)
            news.poll(one)
    assert [kind for _, kind in changes_of(db)] == ["published"]
    with db.read() as session:
        (item,) = [each for each in session.exec(select(Item)) if "Examplumab" in each.title]
    assert set(item.facts["sources"]) == {"news", "papers"}


def test_a_query_narrows_the_words(
    sqlite_world: Database, clock: FrozenClock, search: SearchServer, http_settings: HttpSettings
) -> None:
    words = ["multiple sclerosis", 'optic "neuritis"\\']
    settings = configured(search.server, http_settings, conditions=words, query='PUB_TYPE:"clinical trial" OR SRC:PPR')
    assert poll(sqlite_world, settings, clock).error is None
    (asked,) = search.queries
    assert asked == (
        '(TITLE:"multiple sclerosis" OR ABSTRACT:"multiple sclerosis" OR TITLE:"optic neuritis" '
        'OR ABSTRACT:"optic neuritis") AND (PUB_TYPE:"clinical trial" OR SRC:PPR) '
        "AND FIRST_IDATE:[2026-01-31 TO 2026-03-03]"
    )


def test_another_query_reads_quietly_what_it_finds_of_before(
    sqlite_world: Database, clock: FrozenClock, search: SearchServer, settings: Settings, http_settings: HttpSettings
) -> None:
    search.papers = [paper(90000001, firstPublicationDate="2026-02-10", taken_in="2026-02-10")]
    poll(sqlite_world, settings, clock)
    search.papers.append(paper(90000002, firstPublicationDate="2026-02-12", taken_in="2026-02-12"))
    other = configured(search.server, http_settings, conditions=[], query="examplumab")
    assert next_day(sqlite_world, other, clock) == []
    assert len(items_of(sqlite_world)) == 2


def test_a_sweep_that_is_cut_off_goes_on_where_it_was(
    sqlite_world: Database, clock: FrozenClock, search: SearchServer, settings: Settings
) -> None:
    search.papers = [paper(90000001 + n) for n in range(8)]
    broken = Fault(act=respond(500), when=lambda asked: asked.params["cursorMark"] == "6", times=100)
    search.server.faults.insert(0, broken)
    count = poll(sqlite_world, settings, clock)
    assert (count.error is None, count.new) == (False, 6)
    search.server.faults.remove(broken)
    asked = len(search.server.requests)
    clock.advance(timedelta(days=1))
    assert poll(sqlite_world, settings, clock).new == 2
    assert search.server.requests[asked].params["cursorMark"] == "6"
    assert list(changes_of(sqlite_world)) == []


@pytest.mark.parametrize("more", [{}, {"conditions": [" "]}, {"query": ""}])
def test_one_that_asks_for_nothing_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(
        ConfigurationError, match="sources, papers: query: found '', expected a query, or words in conditions"
    ):
        settled(SourceSettings.model_validate({"name": "papers", "kind": "europe_pmc", **more}))

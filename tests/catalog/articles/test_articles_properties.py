"""What holds of articles whatever the order: the same entries give the same items, and nothing is told again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session, col, select

from trialalerts.catalog.articles.keys import article_keys, link_key
from trialalerts.catalog.draft import AreaTag, ItemDraft
from trialalerts.catalog.facts import ArticleFacts
from trialalerts.catalog.store import store_items
from trialalerts.catalog.tables import Change, Item, ItemKind, Record
from trialalerts.database import Database

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
WORDS = ("walking", "swimming", "sleep", "memory", "music", "balance")
SOURCES = ("alpha", "beta", "gamma")
_DB_IS_ROLLED_BACK = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40
)


def _schemes(url: str) -> str:
    return url.replace("https://", "http://")


NOISE: dict[str, Callable[[str], str]] = {
    "nothing": str,
    "scheme": _schemes,
    "www": lambda url: url.replace("://", "://www."),
    "port": lambda url: url.replace(".example/", ".example:443/"),
    "case": lambda url: url.replace("https://news.example", "HTTPS://News.Example"),
    "slash": lambda url: url + "/",
    "fragment": lambda url: url + "#comments",
    "campaign": lambda url: url + "?utm_source=feed&utm_medium=rss",
    "click": lambda url: url + "?fbclid=Iw&gclid=x&mc_cid=1&mc_eid=2",
    "session in the path": lambda url: url + ";jsessionid=0A1B2C",
    "session": lambda url: url + "?PHPSESSID=0a1b&sid=17",
    "spelling": lambda url: url.replace("/news/", "/%6eews/"),
}


@st.composite
def entries(draw: st.DrawFn) -> ItemDraft:
    """Draw an entry of one of six articles, as one of three sources has it on one day or another."""
    number = draw(st.integers(0, len(WORDS) - 1))
    source = draw(st.sampled_from(SOURCES))
    link = NOISE[draw(st.sampled_from(sorted(NOISE)))](f"https://news.example/news/{WORDS[number]}")
    guid = draw(st.sampled_from((link, f"{source}-{number}", f"urn:{number}:{draw(st.integers(0, 3))}")))
    doi = draw(st.sampled_from(("", f"doi:10.5555/Ms.{number}", f"https://doi.org/10.5555/ms.{number}")))
    return ItemDraft(
        registry=source,
        source=source,
        external_id=guid,
        kind=ItemKind.ARTICLE,
        url=link,
        title=f"What {WORDS[number]} does in multiple sclerosis",
        summary=draw(st.sampled_from(("", f"A text about {WORDS[number]}."))),
        published_at=NOW - timedelta(days=number),
        facts=ArticleFacts(),
        areas=[AreaTag(id=f"D{SOURCES.index(source)}", in_title=False)],
        keys=article_keys(links=[link, guid if guid.startswith("http") else ""], identifiers=[guid, doi]),
    )


Polls = list[list[ItemDraft]]


@st.composite
def polls(draw: st.DrawFn, read: Sequence[ItemDraft]) -> Polls:
    """Draw polls that bring all these entries: in any order, each poll a part of one source's."""
    found: Polls = []
    for entry in draw(st.permutations(list(read))):
        fits = [poll for poll in found if poll[0].registry == entry.registry]
        joins: bool = draw(st.booleans())
        if fits and joins:
            draw(st.sampled_from(fits)).append(entry)
        else:
            found.append([entry])
    return found


@st.composite
def two_ways(draw: st.DrawFn) -> tuple[Polls, Polls]:
    """Draw two ways in which the same entries may come."""
    read = draw(st.lists(entries(), min_size=1, max_size=12))
    return draw(polls(read)), draw(polls(read))


@contextmanager
def _rolled_back(db: Database) -> Iterator[Session]:
    with db.engine.connect() as connection, connection.begin() as whole:
        with Session(connection) as session:
            yield session
        whole.rollback()


def store(session: Session, brought: Polls) -> int:
    """Store polls an hour apart; return how many changes they bring."""
    return sum(
        store_items(session, poll, baseline=False, now=NOW + timedelta(hours=number)).changes
        for number, poll in enumerate(brought)
    )


def made_of(session: Session) -> set[tuple[str, frozenset[str], frozenset[str]]]:
    """Return of each item its page, the sources that have it, and its areas."""
    found = set()
    for item in session.exec(select(Item)).all():
        records = session.exec(select(Record).where(Record.item_id == item.id)).all()
        pages = {urlsplit(record.url or "").path.split("/")[2].partition(";")[0] for record in records}
        assert len(pages) == 1, "records of two articles in one item"
        areas = frozenset(area["id"] for area in item.areas["direct"])
        found.add((pages.pop(), frozenset(record.source for record in records), areas))
    assert len(found) == len(session.exec(select(Item)).all()), "two items of one article"
    return found


@_DB_IS_ROLLED_BACK
@given(ways=two_ways())
def test_the_same_entries_give_the_same_items_in_whatever_order_polls_and_sources_bring_them(
    sqlite_db: Database, ways: tuple[Polls, Polls]
) -> None:
    results = []
    for way in ways:
        with _rolled_back(sqlite_db) as session:
            told = store(session, way)
            results.append(made_of(session))
            changes = session.exec(select(Change).order_by(col(Change.seq))).all()
            assert told == len(changes)
            first = [change.item_id for change in changes if not change.before]
            assert len(first) == len(set(first)) == len(results[-1]), "each article is told as new once"
            gained = [(change.item_id, area) for change in changes for area in change.after.get("areas", ())]
            assert len(gained) == len(set(gained)), "each area is gained once"
    assert results[0] == results[1]


@_DB_IS_ROLLED_BACK
@given(ways=two_ways())
def test_what_was_stored_once_tells_nothing_when_it_comes_again(sqlite_db: Database, ways: tuple[Polls, Polls]) -> None:
    once, again = ways
    with _rolled_back(sqlite_db) as session:
        store(session, once)
        records = len(session.exec(select(Record)).all())
        assert store(session, [*once, *again]) == 0
        assert len(session.exec(select(Record)).all()) <= records + len(again)


_SEGMENTS = st.lists(st.text("abcxyz019-_~é", min_size=1, max_size=6), min_size=1, max_size=3)


@given(
    segments=_SEGMENTS,
    page=st.integers(0, 99),
    noises=st.lists(st.sampled_from(sorted(NOISE)), max_size=3, unique=True),
)
def test_the_key_of_a_page_holds_against_the_noise(segments: list[str], page: int, noises: list[str]) -> None:
    plain = f"https://news.example/news/{'/'.join(segments)}"
    noisy = plain
    for name in sorted(noises, key=list(NOISE).index):
        if not (
            {"?", "#", ";"} & set(noisy) and name in {"slash", "campaign", "click", "session", "session in the path"}
        ):
            noisy = NOISE[name](noisy)
    assert link_key(noisy) == link_key(plain)
    assert link_key(f"https://{link_key(plain)}") == link_key(plain)
    assert link_key(f"{plain}?page={page}") != link_key(plain)
    assert link_key(f"{plain}?page={page}&utm_id=1") == link_key(
        f"http://www.news.example/news/{'/'.join(segments)}/?page={page}"
    )


@pytest.mark.parametrize(("text", "keys"), [
    ("10.5555/abc", ("doi:10.5555/abc",)),
    ("doi: 10.5555/ABC", ("doi:10.5555/abc",)),
    ("info:doi/10.5555/abc", ("doi:10.5555/abc",)),
    ("https://doi.org/10.5555%2Fabc", ("doi:10.5555/abc",)),
    ("https://journal.example/doi/full/10.5555/abc?af=R", ("doi:10.5555/abc",)),
    ("https://journal.example/doi/10.5555/abc/full", ("doi:10.5555/abc",)),
    ("https://journal.example/articles/10.5555/abc.pdf", ("doi:10.5555/abc",)),
    ("https://preprints.example/content/10.1101/2026.03.01.123456v2?rss=1", ("doi:10.1101/2026.03.01.123456",)),
    ("10.21203/rs.3.rs-9000001/v2", ("doi:10.21203/rs.3.rs-9000001",)),
    ("10.20944/preprints202603.0001.v1", ("doi:10.20944/preprints202603.0001",)),
    ("10.22541/au.170000000.00000001/v3", ("doi:10.22541/au.170000000.00000001",)),
    ("10.26434/chemrxiv-2026-ab1cd-v2", ("doi:10.26434/chemrxiv-2026-ab1cd",)),
    ("10.26434/chemrxiv-2026-v1abc", ("doi:10.26434/chemrxiv-2026-v1abc",)),
    ("10.31219/osf.io/ab1cd_v12", ("doi:10.31219/osf.io/ab1cd",)),
    ("10.12688/f1000research.90001.2", ("doi:10.12688/f1000research.90001",)),
    ("10.12688/f1000research.90001", ("doi:10.12688/f1000research.90001",)),
    ("10.5555/example/v2", ("doi:10.5555/example/v2",)),
    ("https://journal.example/doi/10.5555/(SICI)1097-0002(1)1:1", ("doi:10.5555/(sici)1097-0002(1)1:1",)),
    ("https://journal.example/journal/10.1111/(ISSN)1460-9568", ()),
    ("A letter on 10.5555/abc", ()),
    ("10.5555", ()),
    ("pmid:00123", ("pmid:123",)),
    ("pubmed:123", ("pmid:123",)),
    ("https://pubmed.ncbi.nlm.nih.gov/123/?utm_campaign=x&fc=1", ("pmid:123",)),
    ("http://www.ncbi.nlm.nih.gov/pubmed/123", ("pmid:123",)),
    ("https://pubmed.ncbi.nlm.nih.gov/", ()),
    ("123", ()),
    ("", ()),
])  # fmt: skip
def test_a_number_is_found_where_it_names_the_article(text: str, keys: tuple[str, ...]) -> None:
    assert article_keys(identifiers=[text]) == keys


@pytest.mark.parametrize(
    "link", ["https://news.example", "https://news.example/", "http://www.news.example/index.html"]
)
def test_the_front_page_of_a_site_is_no_article(link: str) -> None:
    assert article_keys(links=[link]) == ()

"""What the categories of articles mean, and that one which is not understood is told once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import col, select

from trialalerts.catalog.tables import Change, Item
from trialalerts.clock import FrozenClock
from trialalerts.database import Database, open_database
from trialalerts.database.findings import open_findings
from trialalerts.files import shipped
from trialalerts.settings import Settings
from trialalerts.sources.categories import FINDING, CategoryReader
from trialalerts.sources.polling.poll import poll_due
from trialalerts.vocabulary.areas.tree import load_areas, store_curated
from trialalerts.vocabulary.tagging.tagger import Tagger
from trialalerts.vocabulary.topics import load_topics, store_topics

MS, RRMS, BREAST, CANCER, ALS, STROKE = "D009103", "D020529", "D001943", "D009369", "D000690", "D020521"

UNDERSTOOD: dict[str, tuple[set[str], set[str], str | None]] = {
    "Multiple Sclerosis": ({MS}, set(), None),
    "MS research": ({MS}, set(), None),
    "Living with MS": ({MS}, set(), None),
    "MS-Forschung": ({MS}, set(), None),
    "Research into ALS": ({ALS}, set(), None),
    "Cancer news & updates": ({CANCER}, set(), None),
    "stroke care": ({STROKE}, set(), None),
    "Gene therapy": (set(), {"gene-therapy"}, None),
    "Gentherapie": (set(), {"gene-therapy"}, None),
    "Anti-inflammatory": (set(), {"anti-inflammatory"}, None),
    "Stem cell research": (set(), {"stem-cells"}, None),
    "Breast cancer screening": ({BREAST}, {"screening"}, None),
    "Cancer vaccines": ({CANCER}, {"vaccines"}, None),
    "MS and stem cells": ({MS}, {"stem-cells"}, None),
    "For Potential Participants": (set(), set(), "patients"),
    "for clinicians": (set(), set(), "professionals"),
    "For people with multiple sclerosis": ({MS}, set(), "patients"),
    "News": (set(), set(), None),
    "Research": (set(), set(), None),
    "Press Release": (set(), set(), None),
    "All": (set(), set(), None),
}
STRANGE = ["Asthmma", "Annual gala", "R2-D2", "Zeitung"]


@pytest.fixture(scope="module")
def vocabularies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A database with the shipped areas and topics."""
    from trialalerts.database.schema import upgrade_schema

    database = open_database(f"sqlite:///{tmp_path_factory.mktemp('categories') / 'test.db'}")
    upgrade_schema(database)
    with database.write() as session:
        store_curated(session, shipped("config/disease_areas.toml"))
        store_topics(session, shipped("config/topics.toml"))
    yield database
    database.dispose()


@pytest.fixture(scope="module")
def reader(vocabularies: Database) -> CategoryReader:
    """A reader with the shipped vocabularies."""
    with vocabularies.read() as session:
        return CategoryReader(Tagger(load_areas(session)), load_topics(session))


@pytest.mark.parametrize(("category", "meant"), UNDERSTOOD.items(), ids=UNDERSTOOD)
def test_a_category_means_areas_topics_and_an_audience(
    reader: CategoryReader, category: str, meant: tuple[set[str], set[str], str | None]
) -> None:
    found = reader.read([category])
    assert (set(found.areas), set(found.topics), found.audience) == meant
    assert found.strange == ()


@pytest.mark.parametrize("category", STRANGE)
def test_what_means_nothing_is_kept_to_be_told(reader: CategoryReader, category: str) -> None:
    assert reader.read([category, "Stroke"]).strange == (category,)
    assert category in reader.strange


@pytest.mark.parametrize(
    ("floor", "title", "text", "areas"),
    [
        ([MS], "A tablet for relapsing-remitting multiple sclerosis", "", {MS: False, RRMS: True}),
        ([MS], "A tablet", "It slows relapsing-remitting multiple sclerosis.", {MS: False, RRMS: False}),
        ([MS], "Multiple sclerosis and asthma", "", {MS: True}),
        ([CANCER], "Breast cancer after forty", "", {CANCER: False, BREAST: True}),
        ([], "Breast cancer after forty", "", {BREAST: True}),
    ],
    ids=["title", "text", "beside the floor", "below a broad one", "no floor"],
)
def test_categories_are_a_floor_below_which_the_words_add(
    reader: CategoryReader, floor: list[str], title: str, text: str, areas: dict[str, bool]
) -> None:
    assert {tag["id"]: tag["in_title"] for tag in reader.areas(floor, title=title, text=text)} == areas


def test_topics_come_with_those_above_them(reader: CategoryReader) -> None:
    assert reader.topics(["stem-cells"], title="Gene editing heals mice", text="") == [
        "cell-therapy", "gene-editing", "gene-therapy", "stem-cells",
    ]  # fmt: skip


def article(folder: Path, name: str, title: str, *categories: str) -> None:
    """Write an article."""
    (folder / name).write_text(f"---\ntitle: {title}\ncategories: [{', '.join(categories)}]\n---\nWords.\n", "utf-8")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A configuration with one folder of articles."""
    (tmp_path / "articles").mkdir()
    return Settings.model_validate(
        {"sources": [{"name": "news", "kind": "folder", "path": str(tmp_path / "articles"), "every": "1h"}]}
    )


def test_a_category_that_is_not_understood_is_told_once_and_until_it_is(
    db: Database, settings: Settings, clock: FrozenClock, tmp_path: Path
) -> None:
    with db.write() as session:
        store_curated(session, shipped("config/disease_areas.toml"))
        store_topics(session, shipped("config/topics.toml"))
    article(tmp_path / "articles", "a.md", "One", "Asthmma", "Stroke")
    article(tmp_path / "articles", "b.md", "Two", "Asthmma", "Gala")
    for _ in range(3):
        (count,) = poll_due(db, settings, clock, force=True)
        assert (count.error, count.problems) == (None, 0)
        with db.read() as session:
            found = open_findings(session, FINDING)
        assert [each.subject for each in found] == ["news: Asthmma", "news: Gala"]
        assert {each.since for each in found} == {clock.now()} or count.new == 0
        clock.advance(timedelta(hours=1))
    assert found[0].text.endswith("names no disease area, topic or audience. Did you mean “Asthma”?")
    article(tmp_path / "articles", "a.md", "One", "Asthma", "Stroke")
    article(tmp_path / "articles", "b.md", "Two", "Gala")
    poll_due(db, settings, clock, force=True)
    with db.read() as session:
        assert [each.subject for each in open_findings(session, FINDING)] == ["news: Gala"]


def test_items_stored_before_get_topics_at_their_next_reading_and_nothing_is_told(
    db: Database, settings: Settings, clock: FrozenClock, tmp_path: Path
) -> None:
    with db.write() as session:
        store_curated(session, shipped("config/disease_areas.toml"))
    article(tmp_path / "articles", "a.md", "Stem cells against multiple sclerosis", "Multiple Sclerosis")
    article(tmp_path / "articles", "b.md", "A walk in the park", "Multiple Sclerosis")
    poll_due(db, settings, clock, force=True)  # as a program did that knew no topics
    with db.write() as session:
        assert [item.topics for item in session.exec(select(Item))] == [[], []]
        store_topics(session, shipped("config/topics.toml"))
    clock.advance(timedelta(hours=1))
    (count,) = poll_due(db, settings, clock, force=True)
    assert (count.updated, count.unchanged, count.changes) == (1, 1, 0)
    with db.read() as session:
        items = session.exec(select(Item).order_by(col(Item.external_id))).all()
        assert [item.topics for item in items] == [["cell-therapy", "stem-cells"], []]
        assert session.exec(select(Change)).all() == []

"""What the tests of the catalog share: the reader of studies, and the real studies as drafts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from tests.catalog.history import read_lines
from trialalerts.catalog.draft import ItemDraft
from trialalerts.database import Database, open_database
from trialalerts.database.schema import upgrade_schema
from trialalerts.vocabulary.areas.tree import AreaTree
from trialalerts.vocabulary.places.countries import read_countries
from trialalerts.vocabulary.places.site_names import SiteLocator
from trialalerts.vocabulary.tables import Place, PlaceKind, PlaceName

StudyReader = Callable[[Mapping[str, Any]], ItemDraft]


@pytest.fixture(scope="session")
def countries(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A database that knows the countries of the world, and no other place."""
    database = open_database(f"sqlite:///{tmp_path_factory.mktemp('countries') / 'countries.db'}")
    upgrade_schema(database)
    places, names = [], []
    for country in read_countries():
        places.append(_place(country.code, country.name))
        names += [{"key": key, "place_id": country.code} for key in country.keys]
    with database.write() as session:
        session.connection().execute(insert(Place), places)
        session.connection().execute(insert(PlaceName), names)
    yield database
    database.dispose()


@pytest.fixture(scope="session")
def read(countries: Database) -> Iterator[StudyReader]:
    """The program's own reader of a ClinicalTrials.gov study."""
    from tests.sources.study_reader import read_study  # most tests here do without the room above
    from trialalerts.vocabulary.tagging.condition_names import ConditionNames
    from trialalerts.vocabulary.tagging.tagger import Tagger

    names = ConditionNames(Tagger(AreaTree([])))
    with countries.read() as session:
        locator = SiteLocator(session)

        def read_one(raw: Mapping[str, Any]) -> ItemDraft:
            draft, _ = read_study(raw, locator, names, source="test", position="record 1")
            assert draft is not None
            return draft

        yield read_one


@pytest.fixture(scope="session")
def studies(shared_data: Path) -> list[dict[str, Any]]:
    """The 1,460 real versions of 1,450 studies, each with its ``_source``."""
    return list(read_lines(shared_data / "ctgov" / "ctgov_v2_studies.jsonl.gz"))


@pytest.fixture(scope="session")
def drafts(studies: list[dict[str, Any]], read: StudyReader) -> list[ItemDraft]:
    """The real studies, read."""
    return [read(line["study"]) for line in studies]


def _place(code: str, name: str) -> dict[str, Any]:
    return {
        "id": code,
        "kind": PlaceKind.COUNTRY,
        "name": name,
        "country": code,
        "subdivision": None,
        "latitude": None,
        "longitude": None,
        "population": 0,
        "timezone": None,
    }

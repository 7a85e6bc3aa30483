"""Holds the search in the curated areas to what people type."""

from __future__ import annotations

import pytest

from trialalerts.database import open_database
from trialalerts.database.schema import upgrade
from trialalerts.resources import shipped
from trialalerts.vocabulary.areas import AreaTree, load_areas, store_curated

TYPED = [
    ("MS", "Multiple sclerosis"),
    ("ms", "Multiple sclerosis"),
    ("multiple scleroses", "Multiple sclerosis"),
    ("mutliple sclerosis", "Multiple sclerosis"),
    ("RRMS", "Relapsing-remitting multiple sclerosis"),
    ("Lou Gehrig", "Amyotrophic lateral sclerosis (ALS)"),
    ("lou gehrigs disease", "Amyotrophic lateral sclerosis (ALS)"),
    ("ALS", "Amyotrophic lateral sclerosis (ALS)"),
    ("MND", "Motor neurone disease"),
    ("sugar disease", "Diabetes"),
    ("diabets", "Diabetes"),
    ("type 2 diabetes", "Type 2 diabetes"),
    ("diabetes mellitus type 2", "Type 2 diabetes"),
    ("brain tumour", "Brain tumour"),
    ("brain tumor", "Brain tumour"),
    ("heart attack", "Heart attack"),
    ("lung cancer", "Lung cancer"),
    ("tumor of the breast", "Breast cancer"),
    ("breast tumour", "Breast cancer"),
    ("prostrate cancer", "Prostate cancer"),
    ("colon cancer", "Colon cancer"),
    ("leukemia", "Leukaemia"),
    ("astma", "Asthma"),
    ("parkinsons", "Parkinson's disease"),
    ("parkisons", "Parkinson's disease"),
    ("alzheimers", "Alzheimer's disease"),
    ("Alzhiemers", "Alzheimer's disease"),
    ("altzheimer", "Alzheimer's disease"),
    ("crohns", "Crohn's disease"),
    ("COPD", "Chronic obstructive pulmonary disease (COPD)"),
    ("fibromialgia", "Fibromyalgia"),
    ("migrane", "Migraine"),
    ("schizophrenic", "Schizophrenia"),
    ("psoriases", "Psoriasis"),
    ("epilepsie", "Epilepsy"),
    ("high blood presure", "High blood pressure"),
    ("CFS", "ME/CFS (chronic fatigue syndrome)"),
]


@pytest.fixture(scope="module")
def areas(tmp_path_factory: pytest.TempPathFactory) -> AreaTree:
    """The areas of the file that is shipped."""
    with open_database(f"sqlite:///{tmp_path_factory.mktemp('areas') / 'areas.db'}") as database:
        upgrade(database)
        with database.write() as session:
            store_curated(session, shipped("config/disease_areas.toml"))
        with database.read() as session:
            return load_areas(session)


@pytest.mark.parametrize(("typed", "meant"), TYPED, ids=[typed for typed, _ in TYPED])
def test_what_people_type_finds_what_they_mean_first(areas: AreaTree, typed: str, meant: str) -> None:
    assert areas.search(typed)[0].node.name == meant

"""The papers that name a trial, on its page, and what one has to know before believing one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import Session

from tests.web.conftest import World
from tests.web.test_trial_page import NOW, NUMBER, shown, store_trial
from trialalerts.catalog.draft import ItemDraft
from trialalerts.catalog.facts import ArticleFacts, ArticleNotice
from trialalerts.catalog.store import store_items
from trialalerts.catalog.tables import ItemKind, ItemNumber
from trialalerts.catalog.trials.lookup import find_trial

GROWN_UP: dict[str, Any] = {"minimum_age": "18 Years", "minimum_age_days": 6_574}


@pytest.fixture(autouse=True)
def _now(clock: Any) -> None:
    NOW[:] = [clock.now()]


def store_paper(session: Session, number: int, *, days: int = 10, url: str = "", title: str = "", **facts: Any) -> None:
    now = NOW[0]
    draft = ItemDraft(
        registry="papers",
        external_id=f"paper-{number}",
        kind=ItemKind.ARTICLE,
        url=url or f"https://papers.example/{number}",
        title=title or f"Fictional paper {number}",
        facts=ArticleFacts(**({"trials": (NUMBER,), "published_on": (now - timedelta(days=days)).date()} | facts)),
        source="papers",
        published_at=now - timedelta(days=days),
        areas=[{"id": "D001249", "in_title": True}],
    )
    store_items(session, [draft], baseline=False, now=now)


@pytest.fixture
def trial(world: World) -> World:
    with world.db.write() as session:
        store_trial(session)
    return world


def test_papers_that_name_the_trial_are_listed_the_newest_first(trial: World) -> None:
    with trial.db.write() as session:
        store_paper(session, 1, days=400, journal="The Example Journal", language="en")
    with trial.db.write() as session:
        store_paper(session, 2, days=3)
    with trial.db.write() as session:
        store_paper(session, 3, trials=("NCT99999999",))
    page = shown(trial)
    assert "Papers that name this trial" in page
    assert page.index("Fictional paper 2") < page.index("Fictional paper 1")
    assert "The Example Journal" in page
    assert 'href="https://papers.example/1" lang="en"' in page
    assert "Fictional paper 3" not in page
    assert "Older papers" not in page


def test_by_another_number_of_its_own_it_is_named_too(trial: World) -> None:
    with trial.db.write() as session:
        store_paper(session, 1, trials=("ISRCTN90000001",))
    assert "Fictional paper 1" not in shown(trial)
    with trial.db.write() as session:
        found = find_trial(session, NUMBER)
        assert found is not None
        session.add(ItemNumber(number="ISRCTN90000001", item_id=found.id or 0, registry_name="isrctn.com"))
    assert "Fictional paper 1" in shown(trial)


def test_a_trial_that_no_paper_names_says_nothing_of_papers(trial: World) -> None:
    assert "Papers that name" not in shown(trial)


def test_of_very_many_papers_the_newest_are_shown_and_the_rest_is_said(trial: World) -> None:
    for number in range(12):
        with trial.db.write() as session:
            store_paper(session, 20 + number, days=number)
    page = shown(trial)
    assert "Fictional paper 29" in page
    assert "Fictional paper 30" not in page
    assert "Older papers are not shown." in page


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ({"notices": (ArticleNotice(kind="retracted"),)}, "Withdrawn by its journal"),
        ({"title": "RETRACTED: Fictional paper"}, "Withdrawn by its journal"),
        ({"notices": (ArticleNotice(kind="concern"),)}, "Its journal voices concern"),
        ({"url": "https://europepmc.org/article/PPR/PPR900002"}, "A preprint"),
        ({"url": "https://doi.org/10.1101/2026.01.02.26300001"}, "A preprint"),
        ({"url": "https://doi.org/10.1101/gr.278000.123", "journal": "Sample Research"}, ""),
        ({}, ""),
    ],
    ids=["retracted", "by its title", "concern", "europe pmc", "medrxiv", "a journal of the same press", "sound"],
)
def test_a_paper_says_what_one_has_to_know_wherever_it_is_listed(trial: World, made: dict[str, Any], said: str) -> None:
    with trial.db.write() as session:
        store_paper(session, 1, **made)
    pages = [shown(trial), shown(trial, "/areas/D001249"), shown(trial, "/articles/2")]
    for page in pages:
        assert "ictional paper" in page
        for words in ("Withdrawn by its journal", "Its journal voices concern", "A preprint"):
            assert (words in page) == (bool(said) and words == said)


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"maximum_age": "11 Years", "maximum_age_days": 4_300}, "up to 11 years, girls and boys"),
        (GROWN_UP, "from 18 years, women and men"),
        ({"minimum_age": "12 Years", "minimum_age_days": 4_383}, "from 12 years, people of any sex"),
        (GROWN_UP | {"sex": "female"}, "from 18 years, women"),
        (GROWN_UP | {"healthy_volunteers": True}, "women and men, healthy people too<"),
        (GROWN_UP | {"healthy_volunteers": False}, "women and men. Healthy people cannot join.<"),
        (GROWN_UP | {"sex": None, "healthy_volunteers": False}, "women or men can join. Healthy people cannot join.<"),
    ],
    ids=["children", "adults", "from 12", "women", "healthy too", "no healthy", "sex not said"],
)
def test_who_can_join_names_both_sexes_and_says_of_the_healthy(world: World, facts: dict[str, Any], said: str) -> None:
    with world.db.write() as session:
        store_trial(session, **({"sex": "all"} | facts))
    assert said in shown(world)
    assert said in shown(world, f"/trials/{NUMBER}/sheet")

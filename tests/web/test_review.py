"""Before a preference is saved, a page tells what was understood and how much it would bring."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from html import unescape

import pytest
from sqlalchemy import text
from sqlmodel import select

from tests.catalog.samples import trial
from tests.web.conftest import World, open_world, path_of, settings_of
from trialalerts.catalog.draft import AreaTag
from trialalerts.catalog.facts import Site
from trialalerts.catalog.store import store_items
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.files import shipped
from trialalerts.subscribers.choices import LANGUAGES
from trialalerts.subscribers.preferences import NewPreference
from trialalerts.subscribers.tables import Subscriber
from trialalerts.vocabulary.areas.tree import load_areas
from trialalerts.vocabulary.places.regions import find_region
from trialalerts.vocabulary.tables import Area, AreaOrigin
from trialalerts.web.estimates import Estimates
from trialalerts.web.languages import read_languages

LEEDS = Site(facility="Example Hospital", city="Leeds", country="GB", latitude=53.8, longitude=-1.55)
YORK = Site(facility="Example Infirmary", city="York", country="GB", latitude=53.96, longitude=-1.08)
FIELD = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)">')
OPEN = re.compile(r"<b>(\d+) trials? takes? people now\.</b>")
NEWS = re.compile(r"In the last (\d+) weeks there (?:was|were) (\d+) pieces? of news for this\.")


def _store(world: World, area: str, site: Site, numbers: range, at: datetime | None = None) -> None:
    drafts = [
        replace(trial(f"NCT{number:08}", sites=(site,)), areas=[AreaTag(id=area, in_title=True)]) for number in numbers
    ]
    with world.db.write() as session:
        store_items(session, drafts, baseline=False, now=at or world.clock.now() - timedelta(days=14))


@pytest.fixture
def busy(sqlite_db: Database, clock: FrozenClock) -> Iterator[World]:
    """The service with a dozen trials in Leeds, some in York, and a disease below another."""
    opened = open_world(sqlite_db, clock, settings_of())
    world = next(opened)
    _store(world, "D009103", LEEDS, range(1, 13))
    _store(world, "D001249", YORK, range(20, 24))
    with world.db.write() as session:
        session.add(Area(id="D900001", name="Example Asthma", parents=["D001249"], origin=AreaOrigin.CURATED))
    yield world
    next(opened, None)


def _look(world: World, **typed: str) -> str:
    answer = world.client.post("/subscribe", data=world.form(step="", **typed))
    assert answer.status_code == 200, answer.text
    return unescape(answer.text)


def test_the_page_tells_what_was_understood_and_what_it_would_bring(busy: World) -> None:
    page = _look(busy, area="ms", region="leeds", radius="", travel="nearby", phases="PHASE2")
    assert "<h1>Is this right?</h1>" in page
    assert "<b>Multiple Sclerosis</b>" in page
    assert "near Leeds, United Kingdom, within 25 km (16 miles)" in page
    assert "Phase 2" in page
    assert (OPEN.findall(page), NEWS.findall(page)) == (["12"], [("2", "12")])
    assert "Nothing takes people" not in page


def test_nothing_is_stored_until_it_is_saved_and_then_it_is_what_was_shown(busy: World) -> None:
    before = busy.dump()
    page = _look(busy, excluded="lupus", born="1984", travel="region", radius="", label="for <me>", frequency="daily")
    assert busy.dump() == before
    carried = {name: unescape(value) for name, value in FIELD.findall(page)}
    assert carried["address"] == "ada@example.org"
    assert busy.client.post("/subscribe", data={**carried, "step": "save"}).status_code == 200
    with busy.db.read() as session:
        person = session.exec(select(Subscriber)).one()
    (preference,) = busy.preferences(person)
    assert (preference.radius_km, preference.excluded_areas, preference.label) == (300, ["D008180"], "<me>")
    assert person.frequency == "daily"


def test_one_can_go_back_and_finds_everything_as_it_was_typed(busy: World) -> None:
    page = _look(busy, phases="PHASE2 PHASE3", label='"me"', radius="7")
    carried = dict(FIELD.findall(page))
    form = busy.client.post("/subscribe", data={**carried, "step": "change"})
    assert form.status_code == 200
    assert 'value="PHASE2" checked' in form.text
    assert 'value="PHASE3" checked' in form.text
    assert 'value="7"' in form.text
    assert "checked> <span>I agree" in form.text
    assert 'class="error"' not in form.text


def test_where_there_is_nothing_a_larger_radius_and_the_disease_above_are_offered(busy: World) -> None:
    page = _look(busy, area="Example Asthma", region="Leeds", radius="100")
    assert "Nothing takes people for this today." in page
    assert "Or follow more:" in page
    assert re.search(r'name="step" value="take:area:D001249">Asthma <span class="tag">4 now</span>', page)
    page = _look(busy, area="Asthma", region="Leeds", radius="20")
    assert re.search(r'name="step" value="take:radius:60">Up to 60 km around the town <span', page)
    page = _look(busy, area="Asthma", region="Leeds", radius="20", unit="miles")
    assert "Up to 60 miles around the town" in page


@pytest.mark.parametrize(
    ("step", "typed", "shown"),
    [
        (
            "take:radius:60",
            {"area": "Asthma", "travel": "nearby", "radius": ""},
            "near Leeds, United Kingdom, within 60 km (37 miles)",
        ),
        ("take:area:D001249", {"area": "Example Asthma", "radius": "100"}, "<b>Asthma</b>"),
        ("take:area:nothing", {"area": "MS"}, "<b>Multiple Sclerosis</b>"),
        ("take:radius:far", {"area": "MS"}, "within 80 km (50 miles)"),
        ("take:", {"area": "MS"}, "within 80 km (50 miles)"),
        ("something", {"area": "MS"}, "within 80 km (50 miles)"),
    ],
)
def test_one_press_takes_an_offer_and_looks_again(busy: World, step: str, typed: dict[str, str], shown: str) -> None:
    answer = busy.client.post("/subscribe", data=busy.form(**typed) | {"step": step})
    assert answer.status_code == 200
    assert "Is this right?" in answer.text
    assert shown in answer.text
    assert busy.mails() == []


def test_too_much_is_said_to_be_too_much(busy: World) -> None:
    _store(busy, "D003920", LEEDS, range(100, 200))
    page = _look(busy, area="diabetes")
    assert "That is more than most people read." in page


def test_who_follows_articles_only_is_not_told_of_trials(busy: World) -> None:
    page = _look(busy, kinds="article")
    assert OPEN.findall(page) == []
    assert "We look every morning" in page


def test_it_is_shown_on_ones_own_page_for_what_is_added_and_for_what_is_edited(busy: World) -> None:
    person = busy.follower()
    own = path_of(busy.links.preferences(person))
    (preference,) = busy.preferences(person)
    before = busy.dump()
    added = busy.client.post(own, data={"action": "add", "area": "asthma", "region": "Leeds", "radius": "90"})
    edited = busy.client.post(own, data={"action": "edit", "preference": str(preference.id), "area": "MS"})
    assert busy.dump() == before
    for answer, count in ((added, "4"), (edited, "12")):
        assert OPEN.findall(answer.text) == [count]
        assert ">Save</button>" in answer.text
    carried = dict(FIELD.findall(edited.text))
    assert (carried["action"], carried["preference"]) == ("edit", str(preference.id))
    form = busy.client.post(own, data={**carried, "step": "change"})
    assert "Change what you follow" in form.text
    form = busy.client.post(own, data={**dict(FIELD.findall(added.text)), "step": "change"})
    assert '<details class="fold" open>' in form.text
    assert busy.client.post(own, data={**carried, "step": "save"}).status_code == 303
    assert busy.preferences(person)[0].region_kind == "anywhere"


@pytest.mark.parametrize("code", LANGUAGES)
def test_it_speaks_every_language(busy: World, code: str) -> None:
    for typed in ({"area": "MS"}, {"area": "Asthma", "radius": "20"}):
        answer = busy.client.post(f"/subscribe?lang={code}", data=busy.form(**typed) | {"step": ""})
        assert answer.status_code == 200
        assert f'<html lang="{code}" ' in answer.text


def test_french_has_its_space_before_the_colon(busy: World) -> None:
    typed = busy.form(area="MS, asthma") | {"step": ""}
    page = unescape(busy.client.post("/subscribe?lang=fr", data=typed).text)
    assert page.count('<div class="tell">') == 2
    assert page.count("\u202f: ") >= 2


def test_looking_is_limited_and_saving_has_a_limit_of_its_own(busy: World) -> None:
    person = busy.follower()
    own = path_of(busy.links.preferences(person))
    answers = {busy.client.post("/subscribe", data={"step": ""}).status_code for _ in range(120)}
    assert answers == {422}
    for answer in (
        busy.client.post("/subscribe", data=busy.form(step="")),
        busy.client.post(own, data={"action": "add", "area": "asthma"}),
    ):
        assert answer.status_code == 429
        assert 0 < int(answer.headers["retry-after"]) <= 900
    assert busy.client.post("/subscribe", data=busy.form()).status_code == 200
    assert busy.client.get(own).status_code == 200
    busy.clock.advance(timedelta(minutes=15))
    assert busy.client.post(own, data={"action": "add", "area": "asthma"}).status_code == 200


def test_what_is_new_is_counted_at_once(busy: World) -> None:
    assert OPEN.findall(_look(busy)) == ["12"]
    _store(busy, "D009103", LEEDS, range(50, 53))
    assert OPEN.findall(_look(busy)) == ["15"]


def test_the_page_goes_without_where_the_reading_fails(busy: World) -> None:
    with busy.db.write() as session:
        session.connection().execute(text("ALTER TABLE change RENAME TO gone"))
    page = _look(busy)
    assert "We cannot tell just now how much this brings." in page
    assert OPEN.findall(page) == NEWS.findall(page) == []
    assert ">Sign up</button>" in page


def test_a_week_of_which_too_little_is_known_is_told_as_unknown(sqlite_db: Database, clock: FrozenClock) -> None:
    opened = open_world(sqlite_db, clock, settings_of())
    world = next(opened)
    _store(world, "D009103", LEEDS, range(1, 3), clock.now() - timedelta(days=13))
    page = _look(world)
    assert (OPEN.findall(page), NEWS.findall(page)) == (["2"], [])
    assert "We cannot tell yet how much news this brings." in page
    next(opened, None)


def test_what_is_counted_before_every_source_was_read_may_be_more(busy: World) -> None:
    with busy.db.read() as session:
        areas = load_areas(session)
        new = NewPreference(area_id="D009103", region=find_region(session, "anywhere"))
    found = Estimates(busy.db, busy.clock, sources=["registry"]).of(new, areas)
    assert found is not None
    assert not found.estimate.complete


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("en", ["trials take", "trial takes", "trials take", "trials take", "trials take"]),
        ("de", ["Studien nehmen", "Studie nimmt", "Studien nehmen", "Studien nehmen", "Studien nehmen"]),
        (
            "fr",
            ["étude accueille", "étude accueille", "études accueillent", "études accueillent", "études accueillent"],
        ),
        ("es", ["estudios admiten", "estudio admite", "estudios admiten", "estudios admiten", "estudios admiten"]),
    ],
)
def test_figures_are_named_in_their_plural_form(code: str, shown: list[str]) -> None:
    language = read_languages([shipped("templates/web")]).get(code)
    assert language is not None
    for number, words in zip((0, 1, 2, 5, 1000), shown, strict=True):
        assert words in language.count("review.open", number)
    assert language.number(1234567) in {"1,234,567", "1.234.567", "1\u202f234\u202f567"}

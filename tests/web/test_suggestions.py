"""What is suggested while somebody types, and several wishes in one sign-up."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlmodel import Session, select

from tests.web.conftest import World, furnish, open_world, settings_of
from trialalerts.clock import FrozenClock
from trialalerts.database import Database, open_database
from trialalerts.subscribers.tables import Consent, ConsentAction, Subscriber
from trialalerts.vocabulary.areas.shipped import store_shipped
from trialalerts.vocabulary.areas.tree import AreaTree, load_areas
from trialalerts.web import app
from trialalerts.web.signup.suggestions import MOST, is_near
from trialalerts.web.signup.wishes import area_names


def _suggested(world: World, kind: str, typed: str, lang: str = "en") -> list[str]:
    answer = world.client.get(f"/{kind}/suggest", params={"q": typed, "lang": lang})
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    return [each["name"] for each in answer.json()]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("mult", ["Multiple Sclerosis"]),
        ("MS", ["Multiple Sclerosis"]),
        ("multipel sclerosis", ["Multiple Sclerosis"]),
        ("lup", ["Lupus Erythematosus, Systemic"]),
        ("diabetes", ["Diabetes Mellitus"]),
        ("qwertyuiop", []),
        ("a", []),
        ("", []),
        ("   ", []),
        ("%00\x00", []),
    ],
)
def test_names_are_suggested_that_begin_so_or_are_spelt_almost_so(
    world: World, typed: str, expected: list[str]
) -> None:
    assert _suggested(world, "areas", typed) == expected


@pytest.mark.parametrize(
    ("typed", "name", "near"),
    [
        ("brest cancer", "Breast cancer", True),
        ("brest canc", "Breast cancer", True),
        ("breast cancre", "Breast cancer", True),
        ("brest cancer", "Mesothelioma", False),
        ("brest cancer", "Brain cancer", False),
        ("asmha", "Eczema", False),
        ("astma", "Asthma", True),
        ("lupsu", "Lupus", True),
        ("ams", "Asthma", False),
        ("ecz", "Atopic eczema", True),
        ("multiple schlerosis", "Multiple Sclerosis", True),
    ],
)
def test_one_letter_in_four_may_be_wrong_and_no_more(typed: str, name: str, near: bool) -> None:
    assert is_near(typed, name) is near


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("lee", ["Leeds, England, United Kingdom"]),
        ("Leedz", ["Leeds, England, United Kingdom"]),
        ("spring", ["Springfield, Illinois, United States", "Springfield, Missouri, United States"]),
        ("unit", ["United States", "United Kingdom"]),
        ("zzzzzz", []),
    ],
)
def test_places_are_suggested_too(world: World, typed: str, expected: list[str]) -> None:
    assert _suggested(world, "regions", typed) == expected


@pytest.fixture(scope="module")
def shipped_world(_empty_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The service with the diseases that are shipped, only to be asked: storing and reading them takes seconds."""
    file = tmp_path_factory.mktemp("shipped") / "shipped.db"
    shutil.copy(_empty_sqlite, file)
    with open_database(f"sqlite:///{file}") as db:
        for world in open_world(db, FrozenClock(datetime(2026, 3, 2, 9, 30, tzinfo=UTC)), settings_of()):
            with db.write() as session:
                store_shipped(session)
            yield world


def _tree(session: Session) -> AreaTree:
    return load_areas(session)


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ("asthma", ["asthma"]),
        ("Asthma, MS", ["Asthma", "MS"]),
        ("asthma and lupus", ["asthma", "lupus"]),
        ("Asthma und MS", ["Asthma", "MS"]),
        ("asthma; lupus", ["asthma", "lupus"]),
        ("Lupus Erythematosus, Systemic", ["Lupus Erythematosus, Systemic"]),
        ("asthma, Lupus Erythematosus, Systemic", ["asthma", "Lupus Erythematosus, Systemic"]),
        ("Lupus Erythematosus, Systemic, asthma", ["Lupus Erythematosus, Systemic", "asthma"]),
        ("asthma, nonsense", ["asthma", "nonsense"]),
        ("asthma, MS, and lupus", ["asthma", "MS", "lupus"]),
        ("one thing, and another", ["one thing", "another"]),
        (" , ", [","]),
        ("", []),
    ],
)
def test_one_field_takes_several_diseases(sqlite_db: Database, typed: str, names: list[str]) -> None:
    furnish(sqlite_db)
    with sqlite_db.read() as session:
        assert area_names(typed, _tree(session)) == names


def test_each_disease_of_a_sign_up_is_a_wish_of_its_own(world: World) -> None:
    assert world.client.post("/subscribe", data=world.form(area="asthma and MS")).status_code == 200
    (person,) = _people(world)
    assert [each.area_id for each in world.preferences(person)] == ["D001249", "D009103"]
    (mail,) = world.mails()
    assert len(mail.data["preference_ids"]) == 2


def test_the_one_name_that_is_unknown_is_told_with_choices_that_keep_the_others(world: World) -> None:
    page = world.client.post("/subscribe", data=world.form(area="asthma, multipel sclerosis")).text
    assert "We know no disease called “multipel sclerosis”." in page
    assert 'name="area_choice" value="asthma, Multiple Sclerosis"' in page
    assert 'value="asthma, multipel sclerosis"' in page


def test_a_wish_is_laid_aside_for_another_one_and_both_are_saved(world: World) -> None:
    asked = world.form(area="asthma", region="Leeds", radius="", born="7", who="child") | {"step": "another"}
    form = world.client.post("/subscribe", data=asked)
    also = form.text.partition('name="also" value="')[2].partition('"')[0]
    assert "area=asthma" in also
    assert 'value="ada@example.org"' in form.text
    both = world.form(area="MS", region="United Kingdom", radius="", also=also.replace("&amp;", "&"))
    look = world.client.post("/subscribe", data=both | {"step": ""}).text
    assert "<b>Asthma</b> near Leeds, United Kingdom, within 50 km (31 miles)" in look
    assert "<b>Multiple Sclerosis</b> in United Kingdom" in look
    without = world.client.post("/subscribe", data=both | {"step": "drop:0"}).text
    assert "<b>Asthma</b>" not in without
    assert world.client.post("/subscribe", data=both).status_code == 200
    asthma, sclerosis = world.preferences(_people(world)[0])
    assert (asthma.area_id, asthma.radius_km, asthma.born_on is not None) == ("D001249", 50, True)
    assert (sclerosis.area_id, sclerosis.country, sclerosis.born_on) == ("D009103", "GB", None)


@pytest.mark.parametrize("also", ["%", "area=", "area=nonsense&region=Leeds", "x" * 20_000, "area=ms " * 50, "\x00"])
def test_no_wish_laid_aside_breaks_the_page(world: World, also: str) -> None:
    assert world.client.post("/subscribe", data=world.form(also=also, step="")).status_code == 200


@pytest.mark.parametrize("lang", ["en", "de", "fr", "es"])
def test_what_was_agreed_to_is_written_down_with_language_and_version(world: World, lang: str) -> None:
    world.client.post(f"/subscribe?lang={lang}", data=world.form())
    with world.db.read() as session:
        lines = session.exec(select(Consent).where(Consent.action == ConsentAction.SIGNED_UP)).all()
    assert [line.locale for line in lines] == [lang]
    assert all(line.version and line.version.startswith("2026-11-") for line in lines)


@pytest.mark.parametrize(
    ("address", "meant"),
    [
        ("pat@gmial.com", "pat@gmail.com"),
        ("pat@hotmial.co", "pat@hotmail.com"),
        ("pat@gmx.com", ""),
        ("pat@nhs.net", ""),
    ],
)
def test_a_slip_in_the_address_is_asked_about_and_never_mended_by_itself(
    world: World, address: str, meant: str
) -> None:
    look = world.client.post("/subscribe", data=world.form(address=address, step="")).text
    assert f'<dd class="big">{address}</dd>' in look
    assert ("Did you mean" in look) is bool(meant)
    taken = world.client.post("/subscribe", data=world.form(address=address, step="take:address")).text
    assert f'<dd class="big">{meant or address}</dd>' in taken
    world.client.post("/subscribe", data=world.form(address=address))
    assert _people(world)[0].address == address


@pytest.fixture
def _few_sign_ups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "_SIGN_UPS", 3)


@pytest.mark.usefixtures("_few_sign_ups")
def test_too_often_keeps_what_was_typed(world: World) -> None:
    for _ in range(3):
        world.client.post("/subscribe", data=world.form(address="", area=""))
    answer = world.client.post("/subscribe", data=world.form(area="my disease"))
    assert answer.status_code == 429
    assert "<title>Error: " in answer.text
    assert 'value="my disease"' in answer.text
    assert "autofocus" in answer.text


@pytest.mark.parametrize(
    ("lang", "word"), [("en", "Error:"), ("de", "Fehler:"), ("fr", "Erreur\u202f:"), ("es", "Error:")]
)
def test_the_title_of_a_page_with_errors_says_so(world: World, lang: str, word: str) -> None:
    page = world.client.post(f"/subscribe?lang={lang}", data=world.form(address="")).text
    assert f"<title>{word} " in page
    assert 'role="alert" tabindex="-1" autofocus' in page


def _people(world: World) -> list[Subscriber]:
    with world.db.read() as session:
        return list(session.exec(select(Subscriber)))


def test_never_more_than_a_few_and_each_once(shipped_world: World) -> None:
    for typed in ("cancer", "dis", "syndrome", "ca"):
        names = _suggested(shipped_world, "areas", typed)
        assert len(names) <= MOST
        assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("typed", "lang", "name"),
    [
        ("brustk", "de", "Brustkrebs"),
        ("cáncer de mam", "es", "Cáncer de mama"),
        ("brest cancer", "en", "Breast cancer"),
    ],
)
def test_the_shipped_names_are_suggested_in_the_readers_language(
    shipped_world: World, typed: str, lang: str, name: str
) -> None:
    names = _suggested(shipped_world, "areas", typed, lang)
    assert name.casefold() in [each.casefold() for each in names]
    assert not any("esothel" in each for each in names)

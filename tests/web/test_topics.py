"""Topics, an audience and any disease in the forms: asked for, shown in words, edited, filled in by a link."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlmodel import select

from tests.web.conftest import World, path_of
from trialalerts.subscribers.choices import LANGUAGES
from trialalerts.subscribers.preferences import NewPreference, add_preference
from trialalerts.subscribers.tables import Preference, Subscriber
from trialalerts.vocabulary.areas.tree import ANY_AREA
from trialalerts.vocabulary.places.regions import find_region

ANY = {"en": "Any disease", "de": "Jede Krankheit", "fr": "Toute maladie", "es": "Cualquier enfermedad"}


def _only(world: World) -> Preference:
    with world.db.read() as session:
        return session.exec(select(Preference)).one()


def _ticked(page: str) -> list[str]:
    return re.findall(r'name="topic" value="([^"]*)" checked', page)


def _own(world: World, person: Subscriber) -> str:
    return path_of(world.links.preferences(person))


def test_a_sign_up_may_ask_for_topics_and_an_audience(world: World) -> None:
    form: dict[str, Any] = world.form(audience="patients")
    form["topic"] = ["stem-cells", "gene-therapy"]
    assert world.client.post("/subscribe", data=form).status_code == 200
    found = _only(world)
    assert (found.topics, found.audience) == (["gene-therapy", "stem-cells"], "patients")


@pytest.mark.parametrize("code", LANGUAGES)
def test_any_disease_in_the_words_of_each_language_needs_a_place_or_a_topic(world: World, code: str) -> None:
    alone = world.form(area=ANY[code], region="", radius="")
    answer = world.client.post(f"/subscribe?lang={code}", data=alone)
    assert answer.status_code == 422
    assert 'id="area-error"' in answer.text
    assert world.mails() == []
    assert world.client.post(f"/subscribe?lang={code}", data=world.form(area=ANY[code])).status_code == 200
    assert _only(world).area_id == ANY_AREA


def test_any_disease_anywhere_is_followed_with_a_topic(world: World) -> None:
    form = world.form(area="any", region="", radius="", topic="gene-therapy")
    assert world.client.post("/subscribe", data=form).status_code == 200
    found = _only(world)
    assert (found.area_id, found.region_kind.value, found.topics) == (ANY_AREA, "anywhere", ["gene-therapy"])


@pytest.mark.parametrize(
    ("field", "value"), [("topic", "no-such-topic"), ("topic", "gene-therapy; x"), ("audience", "the moon")]
)
def test_what_is_no_choice_is_told_at_its_field(world: World, field: str, value: str) -> None:
    answer = world.client.post("/subscribe", data=world.form(**{field: value}))
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text
    assert '<details class="narrow" open>' in answer.text


@pytest.mark.parametrize(
    ("query", "area", "topics"),
    [
        ("area=Asthma&topic=gene-therapy", "Asthma", ["gene-therapy"]),
        ("area=ms&topic=Stem+cells", "Multiple Sclerosis", ["stem-cells"]),
        ("area=D001249", "Asthma", []),
        ("area=any&topic=Gentherapie", "Any disease", ["gene-therapy"]),
        ("topic=gene-therapy&topic=stem-cells", "", ["gene-therapy", "stem-cells"]),
        ("area=no+such+thing&topic=nor+this", "no such thing", []),
        ("area=%22%3E%3Cscript%3E&topic=%22%3E%3Cscript%3E", "&#34;&gt;&lt;script&gt;", []),
    ],
)
def test_a_link_fills_the_form_and_topics_that_are_unknown_are_left_out(
    world: World, query: str, area: str, topics: list[str]
) -> None:
    page = world.client.get(f"/subscribe?{query}").text
    assert f'autocapitalize="none" spellcheck="false" value="{area}"' in page
    assert _ticked(page) == topics
    assert ('<details class="narrow" open>' in page) is bool(topics)
    assert "<script>" not in page


def test_what_a_link_filled_in_stays_when_the_language_is_changed(world: World) -> None:
    page = world.client.get("/subscribe?area=Asthma&topic=gene-therapy&topic=stem-cells").text
    (german,) = re.findall(r'href="(/subscribe\?[^"]*lang=de)"', page)
    again = world.client.get(german.replace("&amp;", "&")).text
    assert _ticked(again) == ["gene-therapy", "stem-cells"]
    assert 'value="Asthma"' in again


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("en", ["Any disease", "Only: Gene therapy, Stem cells", "Only those for professionals"]),
        ("de", ["Jede Krankheit", "Nur: Gentherapie, Stammzellen", "Nur solche für Fachleute"]),
        (
            "fr",
            [
                "Toute maladie",
                "Seulement\u00a0: Thérapie génique, Stem cells",
                "Seulement ceux pour les professionnels",
            ],
        ),
        ("es", ["Cualquier enfermedad", "Solo: Gene therapy, Stem cells", "Solo los que son para profesionales"]),
    ],
)
def test_a_preference_is_told_in_words_and_edited_as_it_stands(world: World, code: str, shown: list[str]) -> None:
    person = world.follower(locale=code)
    with world.db.write() as session:
        new = NewPreference(
            area_id=ANY_AREA,
            region=find_region(session, "GB"),
            topics=("gene-therapy", "stem-cells"),
            audience="professionals",
        )
        added = add_preference(session, person, new, confirmed=True, how="web", now=world.clock.now()).preference
        number, before = added.id, added.model_dump()
    page = re.sub(r"</?span[^>]*>", "", world.client.get(_own(world, person)).text)  # names in English are marked
    assert all(words in page for words in shown)
    form = world.client.get(f"{_own(world, person)}?edit={number}").text
    assert sorted(_ticked(form)) == ["gene-therapy", "stem-cells"]
    assert '<option value="professionals" selected>' in form
    assert f'value="{ANY[code]}"' in form
    data = {"action": "edit", "preference": str(number), "step": "save", "area": ANY[code], "region": "United Kingdom"}
    data |= {"topic": "gene-therapy; stem-cells", "audience": "professionals"}
    world.client.post(_own(world, person), data=data)
    after = next(each for each in world.preferences(person) if each.id == number)
    assert after.model_dump() == before


def test_the_page_before_saving_says_and_carries_what_was_understood(world: World) -> None:
    page = world.client.post("/subscribe", data=world.form(area="any", topic="gene-therapy", step="")).text
    assert "<b>Any disease</b>" in page
    assert "Only: Gene therapy" in page
    assert '<input type="hidden" name="topic" value="gene-therapy">' in page

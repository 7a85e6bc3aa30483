"""Names that no one has put into the reader's language say that they are English, on every page (WCAG 3.1.2)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element

import html5lib
import pytest

from tests.web import test_article
from tests.web.conftest import World, path_of
from tests.web.test_trial_page import LEEDS, NOW, store_trial
from tests.web.test_wishes_shown import open_trials
from trialalerts.clock import FrozenClock
from trialalerts.vocabulary.tables import Area, AreaOrigin, Topic
from trialalerts.web.templates import marked

ENGLISH = ("Multiple Sclerosis", "Asthma", "Lupus Erythematosus, Systemic", "Stem cells")
LANGUAGES = ("de", "fr", "es")


@pytest.fixture(autouse=True)
def _now(clock: FrozenClock) -> None:
    NOW[:] = [clock.now()]


def spoken(html: str) -> Iterator[tuple[str, str]]:
    """Give each text of a page's body that people read, with the language it is said to be in."""
    tree: Element = html5lib.parse(html, namespaceHTMLElements=False)
    body = tree.find("body")
    assert body is not None
    yield from _texts(body, tree.get("lang", ""))


def _texts(element: Element, above: str) -> Iterator[tuple[str, str]]:
    language = element.get("lang", above)
    if element.tag not in {"script", "style"}:
        yield element.text or "", language
        for child in element:
            yield from _texts(child, language)
            yield child.tail or "", language


def said_in(html: str) -> set[str]:
    """Return the languages in which a page says the names of these tests."""
    names = re.compile("|".join(map(re.escape, ENGLISH)))
    found = {language for text, language in spoken(html) if names.search(text)}
    assert not re.search(r'="[^"]*<span', html), "a mark stands in an attribute"
    return found


def _pages(world: World, code: str) -> Iterator[tuple[str, str]]:
    person = world.follower(locale=code)
    own, fresh = path_of(world.links.preferences(person)), path_of(world.links.fresh(person))
    (wish,) = world.preferences(person)
    filters = {"excluded": "lupus", "topic": "stem-cells", "area": "asthma", "region": "Leeds, GB"}
    world.client.post(own, data={"action": "add", "step": "save"} | filters)
    with world.db.write() as session:
        store_trial(session, sites=(LEEDS.model_copy(update={"contacts": ()}),))
    open_trials(world, LEEDS)
    article = test_article.store(world.db, topics=["stem-cells"])
    confirm = world.confirm_path(world.follower("new@example.org", confirmed=False, locale=code))
    public = (f"articles/{article}", "trials/NCT90000001", "areas/Asthma", "areas/D001249")
    signed = (own, f"{own}?rest={wish.id}", f"{fresh}?see=data", confirm)
    for path in (*signed, *(f"/{each}?lang={code}" for each in public)):
        yield path, world.client.get(path).text
    yield "confirmed", world.client.post(confirm, data={}).text
    signed_up = world.form(step="", language=code, also="", **filters)
    yield "review", world.client.post(f"/subscribe?lang={code}", data=signed_up).text
    yield "slip", world.client.post(f"/subscribe?lang={code}", data=world.form(area="multipel sclerosis", step="")).text


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_page_marks_the_names_that_stand_in_english(world: World, code: str) -> None:
    found = {
        path.partition("?")[0] + str(number): said_in(page) for number, (path, page) in enumerate(_pages(world, code))
    }
    assert {path: languages for path, languages in found.items() if languages != {"en"}} == {}


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_name_in_the_readers_language_is_not_marked(world: World, code: str) -> None:
    names = {"de": ["Polyarthritis"], "fr": ["polyarthrite"], "es": ["poliartritis"]}
    with world.db.write() as session:
        session.add(Area(id="D001172", name="Arthritis of Many", names=names, origin=AreaOrigin.CURATED))
    page = world.client.get(f"/areas/D001172?lang={code}").text
    assert 'lang="en"' not in page.partition("<main")[2].partition("</h1>")[0]
    (found,) = world.client.get("/areas/suggest", params={"q": "pol", "lang": code}).json()
    assert "lang" not in found


def test_suggestions_say_which_of_them_are_english(world: World) -> None:
    (found,) = json.loads(world.client.get("/areas/suggest", params={"q": "asth", "lang": "fr"}).content)
    assert (found["name"], found["lang"]) == ("Asthma", "en")
    (own,) = world.client.get("/areas/suggest", params={"q": "asth", "lang": "en"}).json()
    assert "lang" not in own


@pytest.mark.parametrize(("code", "typed", "english"), [("de", "jogger", "Jogger's Chest"), ("en", "jogger", None)])
def test_a_further_name_below_a_suggestion_is_said_to_be_english(
    world: World, code: str, typed: str, english: str | None
) -> None:
    with world.db.write() as session:
        area = Area(id="D900001", name="Running Chest", names={"de": ["Laufbrust"]}, synonyms=["Jogger's Chest"],
                    origin=AreaOrigin.CURATED)  # fmt: skip
        session.add(area)
    (found,) = world.client.get("/areas/suggest", params={"q": typed, "lang": code}).json()
    assert found["name"] == ("Laufbrust" if code == "de" else "Running Chest")
    assert "".join(found["note"]).endswith("Jogger's Chest")
    assert found["note"][1::2] == ([english] if english else []), "every second piece is English"


def test_topics_in_a_form_say_which_of_them_are_english(world: World) -> None:
    with world.db.write() as session:
        session.add(Topic(id="vaccines", name="Vaccines"))
    page = world.client.get(path_of(world.links.preferences(world.follower(locale="fr")))).text
    assert '<span lang="en">Vaccines</span>' in page
    assert "<span>Thérapie génique</span>" in page


@pytest.mark.parametrize(
    ("text", "foreign", "html"),
    [
        ("Asthma bei Leeds", (), "Asthma bei Leeds"),
        ("Asthma bei Leeds", ("Asthma",), '<span lang="en">Asthma</span> bei Leeds'),
        ("asthma", ("Asthma",), '<span lang="en">asthma</span>'),
        ("Asthmatiker", ("Asthma",), "Asthmatiker"),
        ("Nicht: A & B; A", ("A", "A & B"), 'Nicht: <span lang="en">A &amp; B</span>; <span lang="en">A</span>'),
        ("<b>", ("b",), '&lt;<span lang="en">b</span>&gt;'),
        ("x (C) y", ("(C)",), 'x <span lang="en">(C)</span> y'),
    ],
)
def test_a_mark_goes_around_whole_names_and_all_is_escaped(text: str, foreign: tuple[str, ...], html: str) -> None:
    assert str(marked(text, foreign)) == html

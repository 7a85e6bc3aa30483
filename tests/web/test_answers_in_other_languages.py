"""The answers to forms have a switch of languages, too: it sends the form once more, and changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from xml.etree.ElementTree import Element

import html5lib
import pytest
from sqlmodel import select

from tests.web.conftest import World, path_of
from tests.web.test_trial_page import NOW, NUMBER, store_trial
from trialalerts.catalog.tables import Item
from trialalerts.subscribers.tables import Consent, ConsentAction

Answer = Callable[[World], str]


def _posted(world: World, path: str, **typed: str) -> str:
    answer = world.client.post(path, data=typed)
    assert answer.status_code in {200, 422}, answer.text[:300]
    return answer.text


def _other_language(world: World, page: str, code: str = "de") -> str:
    """Press the button for another language as a browser does: with the fields of its form."""
    tree = html5lib.parse(page, namespaceHTMLElements=False)
    button = next(each for each in tree.iter("button") if each.get("lang") == code)
    form = next(each for each in tree.iter("form") if each.get("id") == button.get("form"))
    typed = dict(_fields(form))
    if button.get("name"):
        typed[str(button.get("name"))] = str(button.get("value"))
    return _posted(world, str(button.get("formaction")), **typed)


def _fields(form: Element) -> list[tuple[str, str]]:
    found = [each for each in form.iter("input") if each.get("name")]
    boxes = {"checkbox", "radio"}
    typed = [
        (str(each.get("name")), each.get("value") or "")
        for each in found
        if each.get("type") not in boxes or each.get("checked") is not None
    ]
    for each in form.iter("select"):
        chosen = [option for option in each.iter("option") if option.get("selected") is not None]
        typed += [(str(each.get("name")), option.get("value") or "") for option in chosen]
    return typed


def _sign_up(world: World) -> str:
    return _posted(world, "/subscribe?lang=en", **world.form(address="ada@example.org"))


def _review(world: World) -> str:
    return _posted(world, "/subscribe?lang=en", **world.form(step=""))


def _wrong(world: World) -> str:
    return _posted(world, "/subscribe?lang=en", **world.form(region="Springfield", step=""))


def _confirmed(world: World) -> str:
    return _posted(world, f"{world.confirm_path(world.follower(confirmed=False))}?lang=en")


def _left(world: World) -> str:
    link = path_of(world.links.unsubscribe(world.follower()))
    return _posted(world, f"{link}?lang=en", action="unsubscribe")


def _less(what: str) -> Answer:
    def answer(world: World) -> str:
        link = path_of(world.links.unsubscribe(world.follower()))
        return _posted(world, f"{link}?lang=en", action=what)

    return answer


def _stopped(world: World) -> str:
    someone = world.follower()
    return _posted(world, path_of(world.links.stop(someone, world.preferences(someone)[0].id or 0)))


def _asked_for_link(world: World) -> str:
    return _posted(world, "/link?lang=en", address="ada@example.org")


def _back(world: World) -> str:
    someone = world.follower()
    _posted(world, path_of(world.links.unsubscribe(someone)), action="unsubscribe")
    return _posted(world, path_of(world.links.undo(someone)), action="undo")


def _why(world: World) -> str:
    someone = world.follower()
    _posted(world, path_of(world.links.unsubscribe(someone)), action="unsubscribe")
    return _posted(world, path_of(world.links.undo(someone)), action="why", why="found")


def _followed(world: World) -> str:
    NOW[:] = [world.clock.now()]
    with world.db.write() as session:
        store_trial(session)
    with world.db.read() as session:
        number = session.exec(select(Item.id)).one()
    return _posted(world, path_of(world.links.follow(world.follower(), number or 0)), action="follow")


ANSWERS: dict[str, tuple[Answer, str]] = {
    "the form with an error": (_wrong, "Erfahren, wenn in Ihrer Nähe eine Studie beginnt"),
    "the review": (_review, "Stimmt das so?"),
    "a mail is on its way": (_sign_up, "Schauen Sie jetzt in Ihr Postfach"),
    "all set": (_confirmed, "Alles bereit"),
    "no more mails": (_left, "Fertig. Keine Mails mehr"),
    "paused": (_less("pause"), "Pause"),
    "once a month": (_less("monthly"), "Einmal im Monat"),
    "one wish stopped": (_stopped, "Beendet"),
    "a link is on its way": (_asked_for_link, "Schauen Sie jetzt in Ihr Postfach"),
    "back again": (_back, "Willkommen zurück"),
    "thanks for the reason": (_why, "Danke"),
    "a trial followed": (_followed, "Sie folgen jetzt dieser Studie"),
}


@pytest.mark.parametrize("what", ANSWERS)
def test_an_answer_is_had_in_another_language_and_nothing_happens_twice(world: World, what: str) -> None:
    make, title = ANSWERS[what]
    page = make(world)
    assert '<html lang="en"' in page
    before = world.dump()

    german = _other_language(world, page)
    assert '<html lang="de"' in german
    assert title in german
    assert world.dump() == before

    assert '<html lang="es"' in _other_language(world, german, "es")
    assert world.dump() == before


def test_what_was_typed_stays_when_the_language_of_the_form_changes(world: World) -> None:
    page = _posted(world, "/subscribe?lang=en", **world.form(region="Springfield", label="Anna", step=""))
    german = _other_language(world, page)
    for value in ("multiple sclerosis", "Springfield", "ada@example.org", "Anna"):
        assert f'value="{value}"' in german
    assert "Error" not in german


@pytest.mark.parametrize(("make", "goes_on"), [(_wrong, None), (_review, "save")], ids=["the form", "the review"])
def test_the_enter_key_goes_on_and_does_not_change_the_language(
    world: World, make: Answer, goes_on: str | None
) -> None:
    """It presses the first button of a form, wherever that stands on the page."""
    tree = html5lib.parse(make(world), namespaceHTMLElements=False)
    form = next(each for each in tree.iter("form") if each.get("id") in {"signup", "review"})
    first = next(each for each in tree.iter("button") if each.get("form") == form.get("id"))
    assert (first.get("formaction"), first.get("value")) == (None, goes_on)


@pytest.mark.parametrize(("first", "then"), [("en", "de"), ("de", "en")])
def test_the_consent_is_written_down_in_the_language_in_which_it_was_read(world: World, first: str, then: str) -> None:
    form = world.client.get(f"/?lang={first}").text
    assert f'name="consent" type="checkbox" value="{first}"' in form
    page = _posted(world, f"/subscribe?lang={first}", **world.form(consent=first, step=""))
    other = _other_language(world, page, then)
    tree = html5lib.parse(other, namespaceHTMLElements=False)
    review = next(each for each in tree.iter("form") if each.get("id") == "review")
    _posted(world, f"/subscribe?lang={then}", **(dict(_fields(review)) | {"step": "save"}))
    with world.db.read() as session:
        consents = session.exec(select(Consent).where(Consent.action == ConsentAction.SIGNED_UP)).all()
    assert [each.locale for each in consents] == [first]


def test_the_switch_on_the_page_of_who_left_lets_nobody_go_who_is_back_again(world: World) -> None:
    someone = world.follower()
    page = _posted(world, path_of(world.links.unsubscribe(someone)), action="unsubscribe")
    _posted(world, path_of(world.links.undo(someone)), action="undo")
    before = world.dump()
    assert "Fertig. Keine Mails mehr" not in _other_language(world, page)
    assert world.dump() == before


@pytest.mark.parametrize("path", ["/nowhere", "/trials/NCT00000000", "/link", "/articles/999", "//evil.example/x"])
def test_pages_without_a_form_to_send_again_have_links(world: World, path: str) -> None:
    page = world.client.get(world.server.url + path).text
    tree = html5lib.parse(page, namespaceHTMLElements=False)
    links = [str(each.get("href")) for each in tree.iter("a") if each.get("hreflang") == "de"]
    assert len(links) == 1
    assert links[0].startswith("/")
    assert not links[0].startswith("//")


def test_the_place_that_was_typed_goes_along_to_another_language(world: World) -> None:
    NOW[:] = [world.clock.now()]
    with world.db.write() as session:
        store_trial(session)
    for path in (f"/trials/{NUMBER}", f"/trials/{NUMBER}/sheet", "/areas/D001249"):
        page = _posted(world, f"{path}?lang=en", near="Leeds, GB")
        german = _other_language(world, page)
        assert '<html lang="de"' in german
        assert "Leeds" in german
        assert "Aire Valley Hospital" in german

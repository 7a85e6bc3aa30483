"""What pages tell beside their pictures: the order of errors, names of places and trials, nothing told as “0”."""

from __future__ import annotations

import re
from datetime import date

import pytest

from tests.web.conftest import World, path_of
from tests.web.test_papers import store_paper
from tests.web.test_trial_page import LEEDS, NOW, NUMBER, SPRINGFIELD, store_trial
from trialalerts.catalog.facts import Arm, Contact, Design, Intervention
from trialalerts.subscribers.tables import Subscriber

DESIGN = Design(
    interventions=(Intervention("DRUG", "brevalumab"),),
    arms=(Arm("EXPERIMENTAL", "all", (0,)),),
    allocation="NA",
    purpose="TREATMENT",
)


def _posted(world: World, path: str = "/subscribe?lang=en", **typed: str) -> str:
    return world.client.post(path, data=typed).text


def _summary(page: str) -> list[str]:
    return re.findall(r'<li><a href="#(\w+)">', page)


def test_errors_are_summed_up_in_the_order_in_which_the_fields_stand(world: World) -> None:
    wrong = {"area": "nonsense", "region": "Springfield", "born": "x", "address": "ada@", "timezone": "Mars"}
    page = _posted(world, **(world.form(**wrong) | {"consent": "", "step": ""}))
    summed = _summary(page)
    assert summed == ["area", "region", "born", "address", "timezone", "consent"]
    places = [page.index(f' id="{name}"') for name in summed]
    assert places == sorted(places)


def test_of_several_unknown_diseases_the_first_is_named_with_the_nearest(world: World) -> None:
    page = _posted(world, **world.form(area="asthmma; lupuss", step=""))
    assert "We know no disease called “asthmma”." in page
    assert 'value="Asthma, lupuss"' in page


@pytest.mark.parametrize(
    ("lang", "country"), [("en", "United States"), ("de", "Vereinigte Staaten"), ("fr", "États-Unis")]
)
def test_places_to_choose_from_say_the_country_by_its_name_and_are_found_again(
    world: World, lang: str, country: str
) -> None:
    NOW[:] = [world.clock.now()]
    with world.db.write() as session:
        store_trial(session)
    typed = world.form(region="Springfield", step="", language=lang)
    page = _posted(world, f"/subscribe?lang={lang}", **typed)
    choice = f"Springfield, Illinois, {country}"
    assert f'value="{choice}"' in page
    if lang == "en":  # these few places have no other names
        taken = _posted(world, "/subscribe?lang=en", **typed, region_choice=choice, region_was="Springfield")
        assert 'id="review"' in taken
    assert choice in _posted(world, f"/trials/{NUMBER}?lang={lang}", near="Springfield")


def test_who_looks_before_signing_up_is_not_told_0_trials(world: World) -> None:
    """Something changed lately, so that it is not all empty, but nothing takes people."""
    NOW[:] = [world.clock.now()]
    with world.db.write() as session:
        store_trial(session, sites=(SPRINGFIELD,))
    page = _posted(world, **world.form(area="asthma", region="Leeds, GB", step=""))
    assert "0 trial" not in page
    assert "Nothing takes people for this today." in page


def test_the_review_shows_all_of_a_wish_that_was_laid_aside(world: World) -> None:
    one = world.form(area="asthma", who="child", born="7", label="Anna", step="another")
    also = re.search(r'name="also" value="([^"]+)"', _posted(world, **one))
    assert also
    page = _posted(world, **world.form(area="lupus", also=also[1].replace("&amp;", "&"), step=""))
    laid_aside, last = re.findall(r"<div><dt>(?:About|And about)</dt>.*?</div>", page, re.DOTALL)
    assert "Anna" in laid_aside
    assert re.search(r"born 20(18|19)", laid_aside)
    assert "Anna" not in last


@pytest.mark.parametrize(("lang", "words"), [("en", "asthma"), ("de", "Asthma"), ("fr", "asthme"), ("es", "asma")])
def test_a_trial_is_signed_up_for_in_the_words_of_the_reader(world: World, lang: str, words: str) -> None:
    NOW[:] = [world.clock.now()]
    with world.db.write() as session:
        store_trial(session, study_type="INTERVENTIONAL", plain=DESIGN, conditions=("Asthma",))
    page = world.client.get(f"/subscribe?trial={NUMBER}&lang={lang}").text
    assert words in page
    assert "A Fictional Study of Brevalumab" not in page


def test_the_sheet_says_of_a_number_what_the_page_says(world: World) -> None:
    NOW[:] = [world.clock.now()]
    office = Contact(name="Study Office", phone="1-877-240-9479 ext. 12")
    with world.db.write() as session:
        store_trial(session, sites=(LEEDS.model_copy(update={"contacts": ()}), SPRINGFIELD), contacts=(office,))
    for path in (f"/trials/{NUMBER}", f"/trials/{NUMBER}/sheet"):
        page = world.client.get(path, headers={"Accept-Language": "en"}).text
        assert "extension 12" in page
        assert "(from the USA only)" in page


def test_the_question_before_erasing_has_a_switch_of_languages(world: World) -> None:
    someone = world.follower()
    link = path_of(world.links.fresh(someone))
    page = _posted(world, f"{link}?lang=en", action="erase")
    other = re.search(r'href="([^"]+)" lang="de"', page)
    assert other
    german = world.client.get(other[1].replace("&amp;", "&")).text
    assert "Alles löschen?" in german
    assert isinstance(world.again(someone), Subscriber)


@pytest.mark.parametrize(
    ("path", "button", "leads"),
    [
        ("/nowhere", "To the sign-up", "/subscribe"),
        (f"/trials/{NUMBER}", "To the sign-up", "/subscribe"),
        ("/preferences/broken", "Send me my link", "/link"),
    ],
)
def test_a_page_that_finds_nothing_leads_on_in_words_that_fit(world: World, path: str, button: str, leads: str) -> None:
    page = world.client.get(path).text
    assert f'href="{leads}?lang=en">{button}</a>' in page
    assert "Sign up again" not in page


def test_settings_do_not_say_0_open(world: World) -> None:
    page = world.client.get(path_of(world.links.preferences(world.follower()))).text
    assert "0 open now" not in page
    assert "nothing open now" in page


def test_a_paper_goes_by_its_journal_on_its_page(world: World) -> None:
    NOW[:] = [world.clock.now()]
    with world.db.write() as session:
        store_paper(session, 1, journal="The Example Journal", published_on=date(2026, 1, 5))
    assert "The Example Journal" in world.client.get("/articles/1").text


def test_a_second_press_on_erasing_says_once_more_that_it_is_done(world: World) -> None:
    link = path_of(world.links.fresh(world.follower()))
    for _ in range(2):
        answer = world.client.post(link, data={"action": "erase-now"})
        assert answer.status_code == 200
        assert "We have erased your address" in answer.text
    assert world.client.get(link).status_code == 410


def test_what_was_done_is_the_first_that_a_screen_reader_says(world: World) -> None:
    """A notice that stands on the page when it opens is no news to a screen reader: the title is."""
    link = path_of(world.links.preferences(world.follower()))
    answer = world.client.post(link, data={"action": "pause", "until": "2026-06-01"})
    answer = world.client.post(link, data={"action": "resume"}, follow_redirects=True)
    assert "<title>Your mails come again. My settings – Example Alerts</title>" in answer.text
    assert "<title>My settings – Example Alerts</title>" in world.client.get(link).text

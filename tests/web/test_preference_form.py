"""What can be asked for on the pages: how far, whom the trials take, which news; at sign-up and on one's own page."""

from __future__ import annotations

from datetime import date
from html import unescape
from typing import Any

import html5lib
import pytest
from sqlmodel import select

from tests.web.conftest import World, path_of
from trialalerts.subscribers.choices import LANGUAGES
from trialalerts.subscribers.filters import CHANGE_KINDS, PHASES
from trialalerts.subscribers.preferences import NewPreference, add_preference
from trialalerts.subscribers.tables import Preference, RegionKind, Subscriber
from trialalerts.vocabulary.areas.tree import load_areas
from trialalerts.vocabulary.places.regions import Region
from trialalerts.vocabulary.tables import Area
from trialalerts.web.forms import Form
from trialalerts.web.preference_form import read_preference, typed

EVERYTHING: dict[str, Any] = {
    "area": "diabetes",
    "region": "Leeds, GB",
    "travel": "day-trip",
    "kinds": "trial",
    "born": "1984",
    "sex": "female",
    "healthy": "yes",
    "phases": ["PHASE3", "PHASE2"],
    "changes": ["opened", "site_opened"],
    "excluded": "lupus; Brain Injuries, Traumatic",
    "label": "me",
}


def _own(world: World, person: Subscriber) -> str:
    return path_of(world.links.preferences(person))


def _only(world: World) -> Preference:
    with world.db.read() as session:
        return session.exec(select(Preference)).one()


def _said(answer: str, field: str) -> str:
    return unescape(answer.partition(f'id="{field}-error">')[2].partition("</p>")[0])


# ---- how far


@pytest.mark.parametrize(
    ("asked", "kind", "radius"),
    [
        ({"travel": ""}, RegionKind.PLACE, 50),
        ({"travel": "nearby"}, RegionKind.PLACE, 25),
        ({"travel": "day-trip"}, RegionKind.PLACE, 100),
        ({"travel": "region"}, RegionKind.PLACE, 300),
        ({"travel": "anywhere"}, RegionKind.ANYWHERE, None),
        ({"radius": "30", "unit": "miles"}, RegionKind.PLACE, 48.28032),
        ({"radius": "30 Meilen", "unit": "km"}, RegionKind.PLACE, 48.28032),
        ({"radius": "40km", "unit": "miles"}, RegionKind.PLACE, 40),
        ({"region": "United Kingdom", "travel": "nearby"}, RegionKind.COUNTRY, None),
        ({"region": "", "travel": "region"}, RegionKind.ANYWHERE, None),
    ],
)
def test_how_far_is_said_in_words_or_as_a_number(
    world: World, asked: dict[str, str], kind: RegionKind, radius: float | None
) -> None:
    assert world.client.post("/subscribe", data=world.form(**{"radius": "", **asked})).status_code == 200
    found = _only(world)
    assert (found.region_kind, found.radius_km) == (kind, radius and pytest.approx(radius))


@pytest.mark.parametrize(
    ("field", "asked", "told"),
    [
        ("travel", {"travel": "to the moon", "radius": ""}, "choose one of these distances"),
        ("radius", {"travel": "nearby", "radius": "30"}, "either in words or as a number, not both"),
        ("radius", {"radius": "30 leagues"}, "between 1 and 1,000"),
        ("radius", {"region": "United Kingdom", "radius": "30"}, "goes with a town"),
        ("radius", {"region": "Illinois", "radius": "30"}, "goes with a town"),
        ("radius", {"region": "Scandinavia", "radius": "30"}, "goes with a town"),
        ("radius", {"region": "", "radius": "30"}, "goes with a town"),
        ("kinds", {"kinds": "podcast"}, "Please choose one of these."),
        ("sex", {"sex": "both"}, "Please choose one of these."),
        ("phases", {"phases": "PHASE9"}, "Please choose one of these."),
        ("changes", {"changes": "gossip"}, "Please choose one of these."),
        ("born", {"born": "long ago"}, "a year such as 1984"),
        ("born", {"born": "1850"}, "a year such as 1984"),
        ("born", {"born": "2031"}, "a year such as 1984"),
        ("born", {"born": "200"}, "a year such as 1984"),
        ("born", {"born": "1984-13-01"}, "a year such as 1984"),
        ("born", {"born": "0000"}, "a year such as 1984"),
        ("excluded", {"excluded": "lupus; no such thing"}, "no disease or condition called “no such thing”"),
        ("excluded", {"excluded": "MS"}, "leave out all of “Multiple Sclerosis”"),
    ],
)
def test_each_fault_is_told_at_its_field_and_nothing_typed_is_lost(
    world: World, field: str, asked: dict[str, str], told: str
) -> None:
    answer = world.client.post("/subscribe", data=world.form(**{"label": "x", **asked}))
    assert answer.status_code == 422
    assert told in _said(answer.text, field)
    assert f'<a href="#{field}">' in answer.text
    assert f'id="{field}"' in answer.text
    for value in asked.values():
        assert field in {"travel", "kinds", "sex", "phases", "changes"} or f'value="{value}"' in answer.text
    filtered = field not in {"travel", "radius"}
    assert ('<details class="narrow" open>' in answer.text) is (filtered and field != "born")  # the age stands above
    assert world.mails() == []


def test_the_nearest_name_can_be_taken_for_one_of_several_to_leave_out(world: World) -> None:
    answer = world.client.post("/subscribe", data=world.form(excluded="lupus; astma")).text
    assert 'name="excluded_choice" value="lupus; Asthma"' in answer
    taken = world.form(excluded="lupus; astma", excluded_was="lupus; astma", excluded_choice="lupus; Asthma")
    assert world.client.post("/subscribe", data=taken).status_code == 200
    assert _only(world).excluded_areas == ["D001249", "D008180"]


@pytest.mark.parametrize("text", ["lupus, asthma", "lupus;asthma;", " Lupus Erythematosus, Systemic ; asthma"])
def test_names_to_leave_out_are_parted_without_breaking_those_that_have_a_comma(world: World, text: str) -> None:
    assert world.client.post("/subscribe", data=world.form(excluded=text)).status_code == 200
    assert _only(world).excluded_areas == ["D001249", "D008180"]


# ---- filters


def _check(found: Preference) -> None:
    assert (found.area_id, found.radius_km, found.item_kinds, found.born_on) == (
        "D003920",
        100,
        ["trial"],
        date(1984, 7, 1),
    )
    assert (found.sex, found.healthy_volunteer, found.phases) == ("female", True, ["PHASE2", "PHASE3"])
    assert (found.change_kinds, found.excluded_areas) == (["opened", "site_opened"], ["D000070642", "D008180"])
    assert found.label == "me"


def test_a_sign_up_may_ask_for_certain_trials_only(each_world: World) -> None:
    data = {**each_world.form(), "radius": "", **EVERYTHING}
    assert each_world.client.post("/subscribe", data=data).status_code == 200
    _check(_only(each_world))


def test_one_may_follow_certain_trials_only_from_ones_own_page(each_world: World) -> None:
    person = each_world.follower()
    answer = each_world.client.post(_own(each_world, person), data={"action": "add", "step": "save", **EVERYTHING})
    assert answer.status_code == 303
    _check(each_world.preferences(person)[-1])
    page = unescape(each_world.client.get(answer.headers["location"]).text)
    told = "for me, 41 · Only trials · Women and girls · healthy volunteers · Phase 2, 3 · "
    told += "Only: A trial begins to take people, A new place opens · "
    assert told + "Not: Brain Injuries, Traumatic; Lupus Erythematosus, Systemic" in page


def test_an_age_will_do_where_no_year_is_known(world: World) -> None:
    world.client.post("/subscribe", data=world.form(born="42"))
    born = _only(world).born_on
    assert born is not None
    assert (world.clock.now().date() - born).days // 365.2425 == 42


@pytest.mark.parametrize("code", LANGUAGES)
def test_the_block_is_closed_until_it_is_used_and_speaks_every_language(world: World, code: str) -> None:
    page = world.client.get(f"/subscribe?lang={code}").text
    assert '<details class="narrow">' in page
    assert all(f'name="phases" value="{phase}"' in page for phase in PHASES if phase != "NA")
    assert 'value="NA"' not in page
    assert all(f'name="changes" value="{kind}"' in page for kind in CHANGE_KINDS)
    person = world.follower(locale=code)
    world.client.post(_own(world, person), data={"action": "add", "step": "save", **EVERYTHING, "phases": list(PHASES)})
    assert world.client.get(_own(world, person)).status_code == 200


# ---- editing


def _editing(world: World, person: Subscriber, new: NewPreference) -> tuple[int, str]:
    with world.db.write() as session:
        added = add_preference(session, person, new, confirmed=True, how="web", now=world.clock.now())
        number = added.preference.id or 0
    return number, world.client.get(f"{_own(world, person)}?edit={number}").text


def _sent_by(page: str) -> dict[str, list[str]]:
    """Return what the form of a page sends as it stands."""
    found: dict[str, list[str]] = {}
    form = html5lib.parse(page, namespaceHTMLElements=False).find(".//form[@class='box']")
    for field in [*form.iter("input"), *form.iter("textarea")]:
        if field.get("type") not in {"checkbox", "radio"} or field.get("checked") is not None:
            found.setdefault(field.get("name"), []).append(field.get("value") or field.text or "")
    for choice in form.iter("select"):
        options = list(choice.iter("option"))
        chosen = [each for each in options if each.get("selected") is not None] or options
        found[choice.get("name")] = [chosen[0].get("value", "")]
    return found


@pytest.mark.parametrize(
    ("step", "changed"),
    [
        ("km240", {"radius_km": 240.0}),
        ("km25", {"radius_km": 25.0}),
        ("any", {"region_kind": "anywhere", "radius_km": None}),
        ("up0", {"area_id": "D001249"}),
        ("phase3", {"phases": ["PHASE3"]}),
        ("openings", {"change_kinds": ["registered", "opened", "reopened", "site_opened"]}),
        ("up99", {}),
        ("km31415", {}),
    ],
)
def test_a_mails_link_fills_the_form_with_the_step_that_it_offers(
    world: World, step: str, changed: dict[str, object]
) -> None:
    person = world.follower()
    with world.db.write() as session:
        area = session.get(Area, "D009103")
        assert area is not None
        area.parents = ["D001249"]
    (kept,) = world.preferences(person)
    own = _own(world, person)
    page = world.client.get(own, params={"edit": str(kept.id), "step": step}).text
    answer = world.client.post(own, data={**_sent_by(page), "step": "save"})
    assert answer.status_code == 303, answer.text
    (stored,) = world.preferences(person)
    was, is_now = kept.model_dump(), stored.model_dump()
    assert {name: is_now[name] for name in was if was[name] != is_now[name]} == changed


NOWHERE_ON_A_MAP = Region(
    kind="place",
    label="A hamlet that no search finds",
    country="GB",
    subdivision=None,
    latitude=54.1,
    longitude=-1.2,
    radius_km=80.5,
)


def test_a_preference_is_edited_as_it_stands(each_world: World) -> None:
    person = each_world.follower()
    (preference,) = each_world.preferences(person)
    own = _own(each_world, person)
    page = each_world.client.get(f"{own}?edit={preference.id}").text
    assert 'value="Multiple Sclerosis"' in page
    assert 'value="Leeds, England, United Kingdom"' in page
    assert 'name="radius" type="text" inputmode="decimal" maxlength="20" size="6" autocomplete="off" value="80"' in page
    data = {"action": "edit", "preference": str(preference.id), "step": "save", **EVERYTHING}
    answer = each_world.client.post(own, data=data)
    assert "Changed." in each_world.client.get(answer.headers["location"]).text
    (edited,) = each_world.preferences(person)
    _check(edited)
    assert (edited.id, edited.confirmed_at) == (preference.id, preference.confirmed_at)


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"region": NOWHERE_ON_A_MAP},
        {"radius_km": 48.28032},
        {"radius_km": 12.345678},
        {"radius_km": 50.0},
        {"radius_km": 300.0},
        {"born_on": date(1984, 7, 1), "sex": "male", "phases": ("NA", "PHASE1")},
        {"born_on": date(1983, 9, 2), "item_kinds": ("article",), "change_kinds": ("published", "retracted")},
        {"excluded_areas": ("D000070642", "D008180"), "healthy_volunteer": True, "label": "a “label”; with, signs"},
    ],
)
def test_saving_without_a_change_changes_nothing(world: World, values: dict[str, Any]) -> None:
    person = world.follower()
    region = Region(**{**vars(NOWHERE_ON_A_MAP), "label": "Leeds, England, GB", "latitude": 53.8, "longitude": -1.55})
    region = Region(**{**vars(region), "radius_km": values.pop("radius_km", 80.0), "subdivision": "GB-ENG"})
    new = NewPreference(**{"area_id": "D001249", "region": region, **values})
    number, page = _editing(world, person, new)
    assert page.count('<form class="box"') == 1
    kept = next(each for each in world.preferences(person) if each.id == number)
    with world.db.read() as session:
        tree = load_areas(session)
        form = Form.filled(typed(kept, tree), unit="miles")
        again = read_preference(form, tree, session, world.clock.now().date(), kept=kept)
    assert form.errors == {}
    assert again is not None
    assert again.region.radius_km == pytest.approx(new.region.radius_km, rel=1e-9)
    assert again.region.label == new.region.label
    expected = NewPreference(**{**vars(new), "region": again.region, "phases": tuple(kept.phases)})
    assert NewPreference(**{**vars(again), "excluded_areas": tuple(sorted(again.excluded_areas))}) == expected


def test_what_is_wrong_in_an_edit_is_told_on_its_page_and_changes_nothing(world: World) -> None:
    person = world.follower()
    (preference,) = world.preferences(person)
    before = world.dump()
    data = {"action": "edit", "preference": str(preference.id), "step": "save", **EVERYTHING, "born": "never"}
    answer = world.client.post(_own(world, person), data=data)
    assert answer.status_code == 422
    assert "Change what you follow" in answer.text
    assert "a year such as 1984" in _said(answer.text, "born")
    assert 'value="never"' in answer.text
    assert 'value="PHASE3" checked' in answer.text
    assert world.dump() == before


def test_an_edit_that_says_what_another_preference_says_is_refused(world: World) -> None:
    person = world.follower()
    own = _own(world, person)
    world.client.post(own, data={"action": "add", "step": "save", "area": "asthma"})
    number = world.preferences(person)[-1].id
    data = {
        "action": "edit",
        "preference": str(number),
        "step": "save",
        "area": "MS",
        "region": "Leeds",
        "radius": "80",
    }
    answer = world.client.post(own, data={**data, "unit": "km"})
    assert answer.status_code == 422
    assert "You follow just this already." in _said(answer.text, "area")


@pytest.mark.parametrize("number", ["0", "x", "", "-1", "9" * 60, "foreign"])
def test_nobody_edits_what_is_not_theirs(world: World, number: str) -> None:
    person, other = world.follower(), world.follower("bob@example.org")
    if number == "foreign":
        number = str(world.preferences(other)[0].id)
    before = world.dump()
    own = _own(world, person)
    assert "Your mails are on." in world.client.get(own, params={"edit": number}).text
    data = {"action": "edit", "preference": number, "step": "save", "area": "asthma"}
    assert world.client.post(own, data=data).status_code == 303
    assert world.dump() == before


def test_who_has_left_edits_nothing(world: World) -> None:
    person = world.follower()
    (preference,) = world.preferences(person)
    own = _own(world, person)
    world.client.post(own, data={"action": "unsubscribe"})
    assert "?edit=" not in world.client.get(own).text
    before = world.dump()
    data = {"action": "edit", "preference": str(preference.id), "step": "save", "area": "asthma"}
    assert world.client.post(own, data=data).status_code == 303
    assert world.dump() == before


# ---- the days


def test_the_days_of_weekly_and_monthly_mails_can_be_chosen(each_world: World) -> None:
    person = each_world.follower()
    page = each_world.client.get(_own(each_world, person)).text
    assert '<option value="0" selected>Monday</option>' in page
    data = {"action": "save", "frequency": "monthly", "hour": "7", "weekday": "3", "day": "28"}
    answer = each_world.client.post(_own(each_world, person), data={**data, "language": "en", "timezone": "UTC"})
    assert answer.status_code == 303
    person = each_world.again(person)
    assert (person.weekday, person.day) == (3, 28)


@pytest.mark.parametrize(("field", "value"), [("weekday", "7"), ("weekday", "monday"), ("day", "29"), ("day", "0")])
def test_a_day_that_there_is_not_is_told(world: World, field: str, value: str) -> None:
    person = world.follower()
    before = world.dump()
    data = {"action": "save", "frequency": "weekly", "hour": "7", "language": "en", "timezone": "UTC", field: value}
    answer = world.client.post(_own(world, person), data=data)
    assert answer.status_code == 422
    assert "one of these days" in _said(answer.text, field)
    assert world.dump() == before


@pytest.mark.parametrize(("code", "name"), [("en", "Sunday"), ("de", "Sonntag"), ("fr", "dimanche"), ("es", "domingo")])
def test_the_days_have_their_names_in_the_language_of_the_page(world: World, code: str, name: str) -> None:
    person = world.follower(locale=code)
    assert f'<option value="6">{name}</option>' in world.client.get(_own(world, person)).text

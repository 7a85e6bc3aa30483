"""What a card says: what changed, why it is told, how near it is, and what the record leaves open."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from tests.digests.rendering_samples import LEEDS, article, as_read, entry, facts, reason, told, trial, wish
from trialalerts.catalog.facts import ArticleFacts, Conflict, Contact, PartialDate, Site, TrialFacts
from trialalerts.catalog.tables import appeared_at
from trialalerts.digests.cards.maker import CardMaker
from trialalerts.digests.cards.reasons import condition_of, followed, wish_details, wish_heading
from trialalerts.digests.cards.sites.asking import Places, place_to_ask, places, spot
from trialalerts.digests.cards.trial_wording import age_limits
from trialalerts.digests.cards.wording import Wordings
from trialalerts.digests.entries import EntryChange, Reason
from trialalerts.digests.publishing import Publishing
from trialalerts.matching.reasons import Nearby, Scope
from trialalerts.subscribers.tables import RegionKind
from trialalerts.vocabulary.areas.tree import ANY_AREA, AreaName
from trialalerts.vocabulary.topics import TopicName

TODAY = date(2026, 3, 2)


def card(
    known: TrialFacts | None = None,
    *happened: EntryChange,
    reasons: list[Reason] | None = None,
    locale: str = "en",
    **changes: Any,
) -> SimpleNamespace:
    item = trial(1, told=known, **changes)
    return as_read(CardMaker(Wordings().of(locale), TODAY), entry(item, *happened, reasons=reasons), item)


def article_card(known: ArticleFacts, reasons: list[Reason] | None = None, **changes: Any) -> SimpleNamespace:
    item = article(50, told=known, **changes)
    return as_read(CardMaker(Wordings().of("en"), TODAY), entry(item, reasons=reasons), item)


@pytest.mark.parametrize(
    ("kind", "changes", "text", "spot", "tone"),
    [
        ("opened", {}, "Now open", "12 km from you", "good"),
        ("opened", {"after": {"status": "ENROLLING_BY_INVITATION"}}, "By invitation only", "12 km from you", "news"),
        ("reopened", {}, "Open again", "12 km from you", "good"),
        ("recruiting_now", {}, "Open now", "12 km from you", "good"),
        ("registered", {}, "New trial", "open 12 km from you", "good"),
        (
            "registered",
            {"after": {"newly_found": "2019-04-01"}},
            "Newly found (in the register since 2019)",
            None,
            "good",
        ),
        ("paused", {}, "Paused", "Leeds, 12 km", "over"),
        ("closed", {}, "Stopped early", "Leeds, 12 km", "over"),
        ("closed", {"after": {"status": "COMPLETED"}}, "Finished", "Leeds, 12 km", "over"),
        ("closed", {"after": {}}, "No longer taking people", "Leeds, 12 km", "over"),
        ("withdrawn", {}, "Called off", "Leeds, 12 km", "over"),
        ("results_posted", {}, "Results are out", "Leeds, 12 km", "news"),
        ("results_missing", {}, "No results yet", "Leeds, 12 km", "news"),
        ("eligibility_changed", {}, "Who can join has changed", "Leeds, 12 km", "news"),
        ("contact_changed", {}, "New contact", "Leeds, 12 km", "news"),
        ("site_opened", {}, "New site open", "Leeds, 12 km", "good"),
        ("site_closed", {}, "A site has closed", "", "over"),
        ("something_new", {}, "Changed", "Leeds, 12 km", "news"),
    ],
)
def test_a_change_is_a_word_of_colour_with_the_distance_beside_it(
    kind: str, changes: dict[str, Any], text: str, spot: str | None, tone: str
) -> None:
    made = card(None, told(kind, **changes))
    assert (made.chip.text, made.chip.tone) == (text, tone)
    assert spot is None or made.spot == spot


def test_a_trial_that_is_yet_to_open_says_so_and_when() -> None:
    start = PartialDate(value="2026-05", precision="month", kind="estimated")
    site = LEEDS.model_copy(update={"status": "NOT_YET_RECRUITING"})
    made = card(facts(status="NOT_YET_RECRUITING", sites=(site,), start=start), told("registered"))
    assert (made.chip.tone, made.spot) == ("news", "in preparation · Leeds, 12 km")
    assert made.facts == ("Planned start: May 2026",)
    assert made.place.state == "12 km away · in preparation"
    late = start.model_copy(update={"value": "2026-01"})
    made = card(facts(status="NOT_YET_RECRUITING", sites=(site,), start=late), told("registered"))
    assert made.facts == ("Planned start: was January 2026; the record has not been updated since",)
    assert card(facts(start=late)).facts == (), "it takes people: it has begun"


def test_of_several_changes_a_change_of_site_is_the_chip_and_of_statuses_the_last_counts() -> None:
    both = card(None, told("eligibility_changed"), told("site_opened"), told("opened"))
    assert [note.text for note in both.notes] == ["New site open", "Now open", "Who can join has changed"]
    back = card(None, told("paused"), told("reopened", seq=2))
    assert [note.text for note in back.notes] == ["Open again"]
    new = card(None, told("site_opened"), told("registered"))
    assert new.chip.text == "New trial"


def test_why_a_trial_stopped_is_quoted() -> None:
    (note,) = card(None, told("closed")).notes
    assert [(quote.label, quote.text) for quote in note.quotes] == [("Reason given:", "“Too few people took part”")]
    (note,) = card(None, told("closed"), locale="fr").notes
    assert note.quotes[0].text == "«\u202fToo few people took part\u202f»"


def test_of_several_new_sites_the_near_one_comes_first_and_many_are_summed_up() -> None:
    cities = [("York", "GB"), ("Leeds", "GB"), ("Lyon", "FR"), ("Bonn", "DE"), ("Bath", "GB")]
    sites = [{"city": city, "country": country} for city, country in cities]
    made = card(None, told("site_opened", after={"sites": sites}))
    assert made.spot == "Leeds, 12 km · York · 3 more"


def test_who_can_join_is_told_before_and_after() -> None:
    change = told(
        "eligibility_changed",
        before={"maximum_age": "55 Years", "healthy_volunteers": False, "criteria": "- One thing\n- Another; "},
        after={"maximum_age": "65 Years", "healthy_volunteers": True, "criteria": ""},
    )
    (note,) = card(facts(minimum_age="18 Years", maximum_age="65 Years"), change).notes
    assert note.text == "Who can join has changed"
    assert note.points == (("Age:", "18 to 55 years", "18 to 65 years"), ("Healthy people:", "no", "yes"))
    assert [(quote.label, quote.text) for quote in note.quotes] == [("No longer asked:", "“One thing; Another”")]


def test_an_age_limit_that_fell_away_is_told() -> None:
    change = told("eligibility_changed", before={"maximum_age": "55 Years"}, after={"maximum_age": None})
    (note,) = card(facts(minimum_age=None, maximum_age=None), change).notes
    assert note.points == (("Age:", "up to 55 years", "ages not stated"),)


@pytest.mark.parametrize(
    ("locale", "area", "asked", "heading"),
    [
        ("en", "asthma", wish(), "Asthma near Leeds"),
        ("de", "Multiple Sklerose", wish(kind=RegionKind.COUNTRY, country="DE"), "Multiple Sklerose in Deutschland"),
        ("de", "asthma", wish(place="Ulm, DE"), "Asthma bei Ulm"),
        ("fr", "asthme", wish(place="Avignon, FR"), "Asthme près d’Avignon"),
        ("fr", "asthme", wish(kind=RegionKind.COUNTRY, country="FR"), "Asthme en France"),
        ("es", "asma", wish(kind=RegionKind.COUNTRY, country="ES"), "Asma en España"),
        ("en", "asthma", wish(kind=RegionKind.COUNTRY), "Asthma in the United Kingdom"),
        ("de", "Asthma", wish(kind=RegionKind.COUNTRY, country="CH"), "Asthma in der Schweiz"),
        ("de", "Asthma", wish(kind=RegionKind.COUNTRY), "Asthma im Vereinigten Königreich"),
        ("en", "asthma", wish(kind=RegionKind.ANYWHERE, place="anywhere"), "Asthma"),
        ("en", "asthma", wish(kind=RegionKind.ANYWHERE, place="Leeds, GB"), "Asthma near Leeds"),
        ("en", "asthma", wish(kind=RegionKind.SUBDIVISION, place="Bavaria, DE"), "Asthma in Bavaria"),
        ("en", "asthma", wish(place="Yorkshire, GB", radius_km=75.0), "Asthma in Yorkshire"),
        ("de", "Asthma", wish(place="Ruhr area, DE", country="DE"), "Asthma im Ruhrgebiet"),
        (
            "de",
            "Asthma",
            wish(kind=RegionKind.GROUP, place="Scandinavia", country=None),
            "Asthma in Skandinavien",
        ),
        ("fr", "asthme", wish(kind=RegionKind.GROUP, place="Europe", country=None), "Asthme en Europe"),
        ("es", "asma", wish(kind=RegionKind.GROUP, place="New England, US", country="US"), "Asma en Nueva Inglaterra"),
        ("de", "Asthma", wish(place="Milan, Lombardy, IT", country="IT"), "Asthma bei Mailand"),
        ("es", "asma", wish(place="Köln, North Rhine-Westphalia, DE", country="DE"), "Asma cerca de Colonia"),
        ("en", "this trial", wish(item_id=7), "One trial you follow"),
        ("en", "asthma", wish(place="Midlands, GB", radius_km=90.0), "Asthma in the Midlands"),
        ("de", "Asthma", wish(kind=RegionKind.GROUP, place="Middle East", country=None), "Asthma im Nahen Osten"),
        ("fr", "asthme", wish(kind=RegionKind.COUNTRY, country="CA"), "Asthme au Canada"),
        ("fr", "asthme", wish(kind=RegionKind.COUNTRY, country="US"), "Asthme aux États-Unis"),
        ("fr", "asthme", wish(kind=RegionKind.COUNTRY, country="MT"), "Asthme à Malte"),
        ("es", "asma", wish(kind=RegionKind.COUNTRY, country="NL"), "Asma en los Países Bajos"),
        ("fr", "asthme", wish(kind=RegionKind.SUBDIVISION, place="Nowhere, GB"), "Asthme\u202f: Nowhere"),
    ],
)
def test_a_group_is_called_as_its_reader_would_call_it(locale: str, area: str, asked: Scope, heading: str) -> None:
    assert wish_heading(Wordings().of(locale), area, asked) == heading


@pytest.mark.parametrize(
    ("locale", "label", "asked", "details"),
    [
        ("en", "Anna", wish(born_on=date(2018, 5, 1)), ("for Anna, 7", "within 50 km")),
        ("en", "for Anna", wish(), ("for Anna", "within 50 km")),
        ("de", "für Tom", wish(), ("für Tom", "bis 50 km")),
        ("fr", "Tom", wish(born_on=date(2019, 1, 1)), ("pour Tom, 7 ans", "à 50 km au plus")),
        ("es", None, wish(radius_km=100.0), ("a 100 km como máximo",)),
        ("en", None, wish(kind=RegionKind.ANYWHERE), ("any distance",)),
        ("en", None, wish(kind=RegionKind.COUNTRY, radius_km=None), ()),
    ],
)
def test_under_it_stands_for_whom_it_is_and_how_far_around(
    locale: str, label: str | None, asked: Scope, details: tuple[str, ...]
) -> None:
    said = wish_details(Wordings().of(locale), label, asked, TODAY, None)
    assert tuple(part.replace("\xa0", " ").replace("\u202f", " ") for part in said) == details


PLANNED = (Site(city="Leeds", country="GB", status="NOT_YET_RECRUITING"),)
FAR = {"nearest": None, "distance_km": None}
IN_THE_COUNTRY = {**FAR, "wish": wish(kind=RegionKind.COUNTRY), "near": Nearby(site=LEEDS, more=11, sites=12)}
THE_ONLY_ONE = {**FAR, "nearest": "Leeds", "wish": wish(kind=RegionKind.COUNTRY), "near": Nearby(site=LEEDS, sites=1)}


@pytest.mark.parametrize(
    ("known", "reasons", "name", "state"),
    [
        (facts(), [reason()], "Fictional Infirmary, Leeds", ""),
        (facts(), [reason(distance_km=2.0)], "Fictional Infirmary, Leeds", ""),
        (facts(sites=()), [reason(**FAR, no_site=True)], "No site listed yet", ""),
        (
            facts(),
            [reason(**FAR, near_unknown=True)],
            "an open site in the United Kingdom; the record does not say where",
            "",
        ),
        (
            facts(),
            [reason(**FAR, wish=Scope())],
            "2 open sites: United Kingdom and France",
            "",
        ),
        (
            facts(),
            [reason(**IN_THE_COUNTRY)],
            "12 open sites in the United Kingdom, nearest unknown",
            "",
        ),
        (facts(), [reason(**THE_ONLY_ONE)], "Fictional Infirmary, Leeds", "taking people now"),
        (facts(sites=(Site(),)), [reason(**FAR, wish=Scope())], "1 open site", ""),
        (facts(status="NOT_YET_RECRUITING", sites=PLANNED), [reason()], "Fictional Infirmary, Leeds", None),
        (facts(), [], "2 open sites: United Kingdom and France", ""),
    ],
)
def test_the_place_is_the_nearest_hospital_with_its_status_or_why_it_cannot_be_told(
    known: TrialFacts, reasons: list[Reason], name: str, state: str | None
) -> None:
    place = card(known, reasons=reasons).place
    assert place.name == name
    assert state is None or place.state == state


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        ("registered", ""),
        ("opened", ""),
        ("recruiting_now", ""),
        ("eligibility_changed", "12 km away · taking people now"),
        ("site_opened", "12 km away · taking people now"),
    ],
)
@pytest.mark.parametrize("locale", ["en", "de", "fr", "es"])
def test_what_stands_beside_the_chip_is_not_said_again(kind: str, state: str, locale: str) -> None:
    made = card(None, told(kind), locale=locale)
    assert bool(made.place.state) is bool(state)
    assert locale != "en" or made.place.state == state
    assert re.search(r"12\s(?:km|kilom)|Leeds", made.spot)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Fictional Infirmary ( Site 0123)", "Fictional Infirmary"),
        ("Fictional Infirmary /ID# 123456", "Fictional Infirmary"),
        (
            "Royal Fictional Hospital for Diseases of the Chest and Heart",
            "Royal Fictional Hospital for Diseases of the Chest and Heart",
        ),
        (
            "Fictional University Hospital, Department of Internal Medicine and Rheumatology",
            "Fictional University Hospital",
        ),
        (
            "Department of Internal Medicine and Rheumatology, Fictional University Hospital",
            "Fictional University Hospital",
        ),
        (
            "Fictional Hospital - Clinic of Dermatology - House 7, Second Floor, Room 12",
            "Fictional Hospital - Clinic of Dermatology - House 7",
        ),
        (
            "Inventown Ear, Nose and Throat Surgical and Medical Practice of the Whole Valley",
            "Inventown Ear, Nose and Throat Surgical and Medical Practice of…",
        ),
        (
            "First Affiliated Hospital, Inventown University School of Medicine and Health",
            "First Affiliated Hospital, Inventown University School of…",
        ),
    ],
)
def test_a_long_hospital_is_cut_where_a_part_of_its_name_ends_else_at_a_word(written: str, shown: str) -> None:
    site = LEEDS.model_copy(update={"facility": written})
    assert card(reasons=[reason(near=Nearby(site=site, distance_km=4.0, sites=1))]).place.name == f"{shown}, Leeds"


@pytest.mark.parametrize(
    ("contact", "said"),
    [
        (
            Contact(name="N. Nurse", phone="0113 496 0000", email="n@example.org"),
            "N. Nurse, +44 113 496 0000, n@example.org",
        ),
        (
            Contact(name="Nancy Nurse-Practitioner", phone="0113 496 0000", email="research.infirmary@example.org"),
            "Nancy Nurse-Practitioner, +44 113 496 0000",
        ),
        (
            Contact(name="Study Centre", phone="1-800-555-0145", email="research.of.the.infirmary@example.org"),
            "Study Centre, research.of.the.infirmary@example.org",
        ),
        (
            Contact(
                name="Invented Medicines Clinical Trials Information Desk", email="a.desk.of.the.makers@example.org"
            ),
            "Invented Medicines Clinical…, a.desk.of.the.makers@example.org",
        ),
    ],
)
def test_a_contact_takes_two_lines_with_one_way_that_works(contact: Contact, said: str) -> None:
    site = LEEDS.model_copy(update={"contacts": (contact,)})
    (line,) = card(reasons=[reason(near=Nearby(site=site, distance_km=4.0, sites=1))]).place.contacts
    assert ", ".join(filter(None, [line.name, line.phone, line.email])) == said
    assert (bool(line.phone), bool(line.email)) == (line.tel is not None, line.mailto is not None)


@pytest.mark.parametrize(("locale", "there"), [("en", "in Bavaria"), ("de", "in Bayern"), ("fr", "en Bavière")])
def test_a_state_in_the_block_is_called_as_in_the_heading(locale: str, there: str) -> None:
    near = Nearby(site=None, distance_km=None, sites=2)
    asked = wish(kind=RegionKind.SUBDIVISION, place="Bavaria, DE", country="DE", subdivision="DE-BY", radius_km=None)
    told_of = reason(distance_km=None, nearest=None, near=near, wish=asked)
    made = as_read(CardMaker(Wordings().of(locale), TODAY), entry(trial(1), reasons=[told_of]), trial(1))
    assert there in made.place.name


@pytest.mark.parametrize("status", ["TERMINATED", "COMPLETED", "WITHDRAWN", "SUSPENDED"])
def test_a_trial_that_ended_or_paused_has_no_place_and_does_not_say_who_can_join(status: str) -> None:
    made = card(facts(status=status), told("eligibility_changed"))
    assert (made.who, made.facts, made.places.state) == (None, (), "none")


def test_the_next_sites_are_named_for_a_town_and_the_others_counted() -> None:
    near = Nearby(site=LEEDS, distance_km=4.0, following=(("Bradford", 13.0), ("York", 35.0)), more=3, sites=6)
    assert card(reasons=[reason(near=near)]).others == "also Bradford (13 km), York (35 km) and 3 more"
    short = near._replace(following=(("York", 35.0),))
    assert card(reasons=[reason(near=short)]).others == "also York (35 km) and 3 more"
    in_france = wish(place="Lyon, FR", country="FR")
    assert card(reasons=[reason(near=short, wish=in_france)]).others == "also York (35 km) and 3 more in France"
    long = near._replace(following=(("Kirkby-in-Cleveland", 35.0), ("Stockton-on-the-Forest", 40.0)))
    assert card(reasons=[reason(near=long)]).others == "also Kirkby-in-Cleveland (35 km) and 4 more"
    miles = as_read(
        CardMaker(Wordings().of("en"), TODAY, unit="miles"), entry(trial(1), reasons=[reason(near=near)]), trial(1)
    )
    assert miles.others == "also Bradford (8 miles) and 4 more"
    assert card(reasons=[reason()]).others == ""


def test_from_the_middle_of_a_region_no_distance_is_told_as_the_readers() -> None:
    near = Nearby(site=LEEDS, distance_km=12.3, following=(("Bradford", 13.0),), more=0, sites=2)
    made = card(reasons=[reason(near=near, wish=wish(place="Yorkshire, GB", radius_km=75.0))])
    assert (made.spot, made.place.name) == ("Leeds", "Fictional Infirmary, Leeds")
    assert made.others == "also Bradford"
    assert "km" not in made.place.state


def test_beside_a_very_long_sentence_further_sites_stand_on_the_page_alone() -> None:
    near = Nearby(site=LEEDS, distance_km=12.3, following=(("Bradford", 13.0), ("York", 35.0)), more=3, sites=6)
    maker = CardMaker(Wordings().of("en"), TODAY)
    told = [maker.personal([reason(near=near)], None, Places(state="open", letters=n)).others for n in (150, 165)]
    assert [each.startswith("also Bradford") for each in told] == [True, False]
    assert told[1] == "", "the line has room for the links alone"


def test_beside_a_hospital_of_a_long_name_the_sentence_may_be_less_long() -> None:
    long = LEEDS.model_copy(update={"facility": "Fictional Infirmary of the Whole North and East"})
    near = Nearby(site=long, distance_km=12.3, following=(("Bradford", 13.0), ("York", 35.0)), more=3, sites=6)
    asked = Places(state="open", letters=150)
    assert CardMaker(Wordings().of("en"), TODAY).personal([reason(near=near)], None, asked).others == ""


def test_sites_that_opened_abroad_are_counted_where_one_opened_at_home() -> None:
    towns = (("Leeds", "GB"), ("Lyon", "FR"), ("Ulm", "DE"))
    opened = told("site_opened", after={"sites": [{"city": town, "country": country} for town, country in towns]})
    at_home = reason(wish=wish(kind=RegionKind.COUNTRY), distance_km=None, nearest=None)
    assert card(None, opened, reasons=[at_home]).spot == "Leeds · 2 more"


def test_an_age_that_nobody_reaches_is_no_limit() -> None:
    assert age_limits(Wordings().of("en"), "18 Years", "130 Years") == "from 18 years"
    assert age_limits(Wordings().of("en"), "18 Years", "99 Years") == "18 to 99 years"


def test_of_healthy_people_alone_it_is_not_said_that_healthy_people_can_join_too() -> None:
    healthy = facts(conditions=("Healthy Volunteers",), healthy_volunteers=True)
    assert card(healthy).who.text.startswith("18 to 65 years · Phase 2")


@pytest.mark.parametrize(
    ("known", "label", "text"),
    [
        (facts(), "Who can join:", "18 to 65 years · Phase 2"),
        (facts(phases=("NA",)), "Who can join:", "18 to 65 years"),
        (facts(phases=(), maximum_age=None), "Who can join:", "from 18 years"),
        (facts(sex="female", minimum_age_days=18 * 366), "Who can join:", "18 to 65 years, women · Phase 2"),
        (facts(sex="male", maximum_age_days=17 * 365), "Who can join:", "18 to 65 years, boys · Phase 2"),
        (facts(sex="female"), "Who can join:", "18 to 65 years, women and girls · Phase 2"),
        (facts(healthy_volunteers=True), "Who can join:", "18 to 65 years, healthy people too · Phase 2"),
        (
            facts(minimum_age=None, maximum_age=None),
            "May fit, please ask:",
            "the record does not say which ages can join · Phase 2",
        ),
        (
            facts(minimum_age=None, maximum_age=None, sex=None, phases=()),
            "May fit, please ask:",
            "the record does not say which ages can join, or whether women or men can",
        ),
    ],
)
def test_who_can_join_is_one_line_and_missing_facts_are_a_reason_to_ask(
    known: TrialFacts, label: str, text: str
) -> None:
    assert card(known).who == (label, text)


def test_a_study_that_reaches_beyond_its_sites_says_so_at_the_place() -> None:
    assert card(reasons=[reason(reach="remote")]).place.note.startswith("Can be done from home, says the register")
    assert card(reasons=[reason(reach="nationwide")]).place.note.startswith("Takes people from all over the country")
    assert card().place.note == ""
    assert card(facts(contacts=())).place.note.startswith("The record names no contact: ring the hospital")


@pytest.mark.parametrize(
    ("verified", "stale"),
    [
        ("2025-01", "Record last checked by its team 14 months ago: please ask whether it still holds"),
        ("2025-03", "Record last checked by its team 12 months ago: please ask whether it still holds"),
        ("2021-12", "Record last checked by its team 4 years ago: please ask whether it still holds"),
        ("2025-04", ""),
        ("2026-02", ""),
        (None, ""),
    ],
)
def test_a_record_that_nobody_verified_for_a_year_is_called_stale(verified: str | None, stale: str) -> None:
    when = PartialDate(value=verified, precision="month") if verified else None
    assert card(facts(last_verified=when)).facts == ((stale,) if stale else ())
    assert card(facts(last_verified=when, status="COMPLETED")).facts == ()


def test_a_trial_of_which_nothing_is_known_still_makes_a_card() -> None:
    made = card(TrialFacts(), title="", url="", summary="")
    assert [piece.text for piece in made.first] == ["A trial without a title"]
    assert (made.url, made.place.contacts) == (None, ())
    assert made.who.label == "May fit, please ask:"


def test_more_of_a_trial_is_on_our_page_and_its_number_leads_to_the_registry() -> None:
    item = trial(1)
    publishing = Publishing(base_url="https://alerts.example.org")
    made = as_read(CardMaker(Wordings().of("en"), TODAY, publishing=publishing), entry(item), item)
    assert made.url == "https://alerts.example.org/trials/NCT99900001"
    assert (made.number, made.registry_url) == ("NCT99900001", item.url)


@pytest.mark.parametrize(
    ("phone", "tel", "shown"),
    [
        ("+44 113 496 0000", "+441134960000", "+44 113 496 0000"),
        ("(0113) 496-0000", "+441134960000", "+44 113 496 0000"),
        ("0113 496 0000 ext. 5", "+441134960000", "+44 113 496 0000, extension 5"),
        ("496 0000", None, "496 0000"),
        ("ask at the desk", None, "ask at the desk"),
        (None, None, ""),
    ],
)
def test_a_phone_number_is_a_link_only_where_it_can_be_dialled(phone: str | None, tel: str | None, shown: str) -> None:
    contact = Contact(name="Office", phone=phone, email="no address")
    (made,) = card(facts(contacts=(Contact(), contact), sites=(Site(country="GB"),))).place.contacts
    assert (made.tel, made.mailto, ", ".join(filter(None, (made.phone, made.extension)))) == (tel, None, shown)


def test_an_article_names_its_source_authors_and_day() -> None:
    many = ArticleFacts(authors=("A. One", "B. Two", "C. Three", "D. Four"), language="de")
    made = article_card(many)
    assert made.byline == "news.example.org · 26 February 2026 · by A. One, B. Two, C. Three and others"
    assert made.lang == "de"
    in_journal = ArticleFacts(authors=("A. One",), journal="Journal of Examples")
    assert article_card(in_journal).byline == ("news.example.org · Journal of Examples · 26 February 2026 · by A. One")
    assert article_card(ArticleFacts(), url="", published_at=None).byline == ""


@pytest.mark.parametrize(("language", "named"), [
    ("en", "from Journal A, News B and Society C"), ("de", "aus Journal A, News B und Society C"),
    ("fr", "sources\u202f: Journal A, News B et Society C"), ("es", "de Journal A, News B y Society C"),
])  # fmt: skip
def test_an_article_of_several_sources_names_them_all(language: str, named: str) -> None:
    item = article(50, told=ArticleFacts(sources=("a", "b", "c")), published_at=None)
    publishing = Publishing(titles={"a": "Journal A", "b": "News B", "c": "Society C"})
    made = as_read(CardMaker(Wordings().of(language), TODAY, publishing=publishing), entry(item), item)
    assert made.byline == named


@pytest.mark.parametrize("timezone", ["America/Denver", "UTC", "Pacific/Auckland"])
def test_an_article_of_a_day_is_of_that_day_everywhere(timezone: str) -> None:
    known = ArticleFacts(published_on=date(2026, 2, 20))
    item = article(50, told=known, published_at=datetime(2026, 2, 20, tzinfo=UTC))
    made = as_read(CardMaker(Wordings().of("en"), TODAY, timezone), entry(item), item)
    assert made.byline == "news.example.org · 20 February 2026"


def test_an_item_that_is_dated_ahead_appeared_when_it_was_seen() -> None:
    seen, before, ahead = (datetime(2026, 3, day, tzinfo=UTC) for day in (2, 1, 30))
    assert [appeared_at(published, seen) for published in (None, before, ahead)] == [seen, before, seen]


GENES = TopicName("gene-therapy", "Gene therapy", (("de", "Gentherapie"), ("fr", "Thérapie génique")))
CELLS = TopicName("stem-cells", "Stem cells", (("de", "Stammzellen"),))


@pytest.mark.parametrize(
    ("language", "changes", "line"),
    [
        ("en", {"topics": (CELLS,)}, "Inventitis (Stem cells)"),
        ("de", {"topics": (GENES, CELLS)}, "Inventitis (Gentherapie und Stammzellen)"),
        ("es", {"topics": (GENES,)}, "Inventitis (Gene therapy)"),
        ("en", {"area_id": ANY_AREA, "area_name": ANY_AREA}, "any disease"),
        ("fr", {"area_id": ANY_AREA, "area_name": ANY_AREA}, "toute maladie"),
        ("fr", {"area_id": ANY_AREA, "area_name": ANY_AREA, "topics": (GENES,)}, "Thérapie génique"),
    ],
)
def test_what_is_followed_names_the_topics_asked_for_in_the_readers_language(
    language: str, changes: dict[str, Any], line: str
) -> None:
    assert followed(Wordings().of(language), reason(**changes)) == line


@pytest.mark.parametrize(
    ("language", "audience", "words"),
    [
        ("en", "patients", "for patients and those close to them"),
        ("en", "For clinicians", "for professionals"),
        ("de", "professionals", "für Fachleute"),
        ("fr", "any", "pour les patients et les professionnels"),
        ("es", "patients, carers", "para pacientes y allegados"),
    ],
)
def test_the_audience_of_an_article_stands_on_its_card(language: str, audience: str, words: str) -> None:
    item = article(1, told=ArticleFacts(audience=audience))
    card = as_read(CardMaker(Wordings().of(language), TODAY), entry(item), item)
    assert card.byline.endswith(f" · {words}")


def test_an_article_that_does_not_say_for_whom_it_is_says_nothing_on_its_card() -> None:
    assert " for " not in article_card(ArticleFacts()).byline


NONE_OPEN: dict[str, Any] = {"distance_km": None, "nearest": None}
TWO_CLOSED = {**NONE_OPEN, "closed": ("Leeds", "York")}
UNKNOWN = {**NONE_OPEN, "near_unknown": True}
PAUSED = {"paused": True}
NONE_PAUSED, TWO_PAUSED = {**NONE_OPEN, **PAUSED}, {**TWO_CLOSED, **PAUSED}


NEAR_CLOSED, LAST_CLOSED = "Your nearest site has closed", "The last site in your area has closed"
COUNTRY = {"wish": wish(kind=RegionKind.COUNTRY, radius_km=None)}


@pytest.mark.parametrize(
    ("locale", "changes", "chip", "sentence"),
    [
        ("en", {}, NEAR_CLOSED, "Leeds takes no more people. Nearest open site now: Bristol, 270 km."),
        ("de", {}, None, "Leeds nimmt niemanden mehr auf. Jetzt am nächsten: Bristol, 270 km."),
        ("fr", {}, None, "Leeds n’accueille plus personne. Le plus proche à présent : Bristol, 270 km."),
        ("es", {}, None, "Leeds ya no admite participantes. El más cercano ahora: Bristol, 270 km."),
        ("en", NONE_OPEN, NEAR_CLOSED, "Leeds takes no more people. No other site is open in your area."),
        (
            "en",
            {**NONE_OPEN, **COUNTRY},
            LAST_CLOSED,
            "Leeds takes no more people. No other site is open in your area.",
        ),
        ("en", TWO_CLOSED, NEAR_CLOSED, "Leeds and York take no more people. No other site is open in your area."),
        (
            "en",
            UNKNOWN,
            NEAR_CLOSED,
            "Leeds takes no more people. How far away the nearest open site is now, the record does not say.",
        ),
        (
            "en",
            PAUSED,
            "Your nearest site is paused",
            "Leeds takes no people for now. Nearest open site now: Bristol, 270 km.",
        ),
        ("de", NONE_PAUSED, "Ihr nächster Studienort pausiert", None),
        (
            "es",
            TWO_PAUSED,
            None,
            "Leeds y York no admiten participantes por ahora. No hay otro centro abierto en su zona.",
        ),
    ],
)
def test_a_site_that_closed_is_told_with_the_nearest_one_that_is_open(
    locale: str, changes: dict[str, Any], chip: str | None, sentence: str | None
) -> None:
    why = reason(**{"closed": ("Leeds",), "distance_km": 270.2, "nearest": "Bristol", **changes})
    made = card(None, told("site_closed"), reasons=[why], locale=locale)
    assert chip is None or made.chip.text == chip
    assert sentence is None or made.sentence.replace("\xa0", " ").replace("\u202f", " ") == sentence


def test_the_place_of_a_site_that_closed_is_the_nearest_one_that_is_open() -> None:
    why = reason(closed=("Leeds",), distance_km=270.2, nearest="Bristol")
    place = card(None, told("site_closed"), reasons=[why]).place
    assert (place.name, place.state) == ("Fictional Infirmary, Bristol", "270 km away · taking people now")


def test_a_group_is_called_in_the_readers_language() -> None:
    name = AreaName("D001943", "Breast cancer", (("de", "Brustkrebs"), ("fr", "cancer du sein")))
    known = reason(area_name="Breast cancer", names=name, through_names=name, through_name="Breast cancer")
    headings = {
        code: wish_heading(words, followed(words, known), known.wish)
        for code in ("en", "de", "fr", "es")
        for words in [Wordings().of(code)]
    }
    assert headings == {
        "en": "Breast cancer near Leeds",
        "de": "Brustkrebs bei Leeds",
        "fr": "Cancer du sein près de Leeds",
        "es": "Breast cancer cerca de Leeds",  # an area that nobody named in Spanish
    }
    assert condition_of(Wordings().of("de"), [known]) == "Brustkrebs"
    assert "names" not in known.as_json()


@pytest.mark.parametrize(
    ("locale", "spelled", "told"),
    [("de", "Milano", "Mailand"), ("es", "Milan", "Milán"), ("fr", "MILANO", "Milan"), ("en", "Milano", "Milan")],
)
def test_the_hospitals_town_is_called_as_the_reader_calls_it(locale: str, spelled: str, told: str) -> None:
    site = Site(facility="Policlinico", city=spelled, country="IT", status="RECRUITING")
    why = reason(near=Nearby(site=site, distance_km=4.0, sites=1), nearest=spelled)
    words = Wordings().of(locale)
    ask = place_to_ask(words, why, places(words, facts(sites=(site,))), None)
    assert ask is not None
    assert ask.name == f"Policlinico, {told}"
    assert told in spot(words, why, "nearest", None)


@pytest.mark.parametrize(
    ("locale", "said"),
    [
        ("en", "taking people now according to ISRCTN; finished according to EU Clinical Trials (CTIS)"),
        ("de", "laut ISRCTN"),
        ("fr", "selon ISRCTN"),
        ("es", "según ISRCTN"),
    ],
)
def test_what_registries_do_not_agree_on_is_said(locale: str, said: str) -> None:
    conflicts = (
        Conflict("status", (("isrctn.com", "RECRUITING"), ("euclinicaltrials.eu", "COMPLETED"))),
        Conflict("minimum_age", (("isrctn.com", "16 Years"), ("euclinicaltrials.eu", "18 Years"))),
        Conflict("sex", (("isrctn.com", "all"), ("euclinicaltrials.eu", "female"))),
    )
    made = card(facts(conflicts=conflicts), locale=locale)
    assert said in made.facts[-3]
    assert "16" in made.facts[-2]
    assert len(made.facts) >= 3

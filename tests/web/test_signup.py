from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx
import pytest
from sqlmodel import select

from tests.web.conftest import World
from trialalerts.clock import FrozenClock
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState
from trialalerts.net.http import ssl_context  # reading the certificates takes longer than a page
from trialalerts.subscribers.choices import LANGUAGES
from trialalerts.subscribers.people import NewSubscriber, add_subscriber, unsubscribe
from trialalerts.subscribers.preferences import NewPreference
from trialalerts.subscribers.tables import Frequency, RegionKind, Subscriber, SubscriberState
from trialalerts.vocabulary.places.regions import find_region
from trialalerts.vocabulary.tables import Area, AreaOrigin
from trialalerts.web import app
from trialalerts.web.app import create_app
from trialalerts.web.server import WebServer


def _people(world: World) -> list[Subscriber]:
    with world.db.read() as session:
        return list(session.exec(select(Subscriber)))


def test_a_sign_up_waits_for_its_confirmation(each_world: World) -> None:
    answer = each_world.client.post("/subscribe", data=each_world.form())
    assert answer.status_code == 200
    assert "look into your inbox" in answer.text
    (person,) = _people(each_world)
    assert (person.address, person.state) == ("ada@example.org", SubscriberState.PENDING)
    assert (person.frequency, person.locale, person.timezone) == (Frequency.WEEKLY, "en", "Europe/London")
    (preference,) = each_world.preferences(person)
    assert (preference.area_id, preference.region_kind) == ("D009103", RegionKind.PLACE)
    assert (preference.radius_km, preference.confirmed_at) == (80, None)
    (mail,) = each_world.mails()
    assert (mail.kind, mail.subscriber_id, mail.data) == (
        "confirmation",
        person.id,
        {"preference_ids": [preference.id]},
    )


@pytest.mark.parametrize(
    ("typed", "kind", "radius"),
    [
        ({"region": "", "radius": ""}, RegionKind.ANYWHERE, None),
        ({"region": "anywhere", "radius": ""}, RegionKind.ANYWHERE, None),
        ({"region": "United Kingdom", "radius": ""}, RegionKind.COUNTRY, None),
        ({"region": "Illinois", "radius": ""}, RegionKind.SUBDIVISION, None),
        ({"region": "Leeds, GB", "radius": ""}, RegionKind.PLACE, 50),
        ({"region": "Leeds", "radius": "50", "unit": "miles"}, RegionKind.PLACE, 80.4672),
        ({"region": "Leeds", "radius": "12,5"}, RegionKind.PLACE, 12.5),
        ({"region": "Leeds", "radius": "30 miles"}, RegionKind.PLACE, 48.28032),
    ],
)
def test_a_region_is_taken_as_people_write_it(
    world: World, typed: dict[str, str], kind: RegionKind, radius: float | None
) -> None:
    assert world.client.post("/subscribe", data=world.form(**typed)).status_code == 200
    (person,) = _people(world)
    (preference,) = world.preferences(person)
    assert (preference.region_kind, preference.radius_km) == (kind, radius and pytest.approx(radius))


@pytest.mark.parametrize(
    ("field", "typed", "told"),
    [
        ("address", {"address": ""}, "Please type your e-mail address."),
        ("address", {"address": "ada"}, "does not look like a complete e-mail address"),
        ("address", {"address": "ada@"}, "does not look like a complete e-mail address"),
        ("address", {"address": "ada@example.org\r\nBcc: eve@example.org"}, "does not look like a complete"),
        ("address", {"address": "a" * 300 + "@example.org"}, "does not look like a complete e-mail address"),
        ("area", {"area": ""}, "Please type a disease or condition."),
        ("area", {"area": "multipel sclerosis of sorts"}, "We know no disease or condition of this name."),
        ("area", {"area": "\x00\x01"}, "Please type a disease or condition."),
        ("region", {"region": "Leedz"}, "We know no place of this name."),
        ("region", {"region": "Springfield"}, "There are several places of this name."),
        ("region", {"region": "'; DROP TABLE subscriber; --"}, "We know no place of this name."),
        ("radius", {"radius": "far"}, "between 1 and 1,000"),
        ("radius", {"radius": "-5"}, "between 1 and 1,000"),
        ("radius", {"radius": "5000"}, "between 1 and 1,000"),
        ("frequency", {"frequency": "hourly"}, "Please choose one of these."),
        ("language", {"language": "tlh"}, "Please choose one of these languages."),
        ("timezone", {"timezone": "Europe/Atlantis"}, "We do not know this time zone."),
        ("timezone", {"timezone": "../../etc/passwd"}, "We do not know this time zone."),
        ("consent", {"consent": ""}, "We may only write to you if you agree."),
    ],
    ids=lambda value: value if isinstance(value, str) and value.isalpha() else "",
)
def test_what_makes_no_sense_is_told_at_its_field_and_nothing_is_stored(
    world: World, field: str, typed: dict[str, str], told: str
) -> None:
    answer = world.client.post("/subscribe", data=world.form(**typed))
    assert answer.status_code == 422
    assert told in answer.text.partition(f'id="{field}-error"')[2][:300]
    assert f'aria-describedby="{field}-' in answer.text or f" {field}-error" in answer.text or field == "frequency"
    assert _people(world) == []
    assert world.mails() == []


def test_the_form_comes_back_as_it_was_typed(world: World) -> None:
    typed = world.form(address="", area="<b>asthma</b>", region='Leeds" onfocus="x', radius="7", frequency="monthly")
    page = world.client.post("/subscribe", data=typed).text
    assert 'value="&lt;b&gt;asthma&lt;/b&gt;"' in page
    assert 'value="Leeds&#34; onfocus=&#34;x"' in page
    assert 'value="7"' in page
    assert 'value="monthly" checked' in page
    assert (
        'name="timezone" type="text" maxlength="60" autocomplete="off" spellcheck="false" value="Europe/London"' in page
    )
    assert 'name="consent" type="checkbox" value="en" required checked' in page


def test_the_nearest_choices_are_offered_and_one_click_takes_one(world: World) -> None:
    page = world.client.post("/subscribe", data=world.form(region="Springfield", radius="")).text
    assert "There are several places of this name." in page
    choice = 'name="region_choice" value="Springfield, Illinois, United States"'
    assert choice in page
    assert 'name="region_was" value="Springfield"' in page
    taken = world.form(
        region="Springfield", region_was="Springfield", region_choice="Springfield, Illinois, United States", radius=""
    )
    assert world.client.post("/subscribe", data=taken).status_code == 200
    (preference,) = world.preferences(_people(world)[0])
    assert preference.subdivision == "US-IL"


def test_who_types_anew_after_the_choices_were_shown_is_heard(world: World) -> None:
    typed = world.form(region="Leeds", region_was="Springfield", region_choice="Springfield, Illinois, United States")
    assert world.client.post("/subscribe", data=typed).status_code == 200
    assert world.preferences(_people(world)[0])[0].country == "GB"


def test_a_slip_in_the_disease_offers_the_nearest(world: World) -> None:
    page = world.client.post("/subscribe", data=world.form(area="multipel sklerosis")).text
    assert 'name="area_choice" value="Multiple Sclerosis"' in page


def test_an_articles_link_fills_the_form(world: World) -> None:
    page = world.client.get("/subscribe", params={"area": "Asthma", "region": "Leeds, GB"}).text
    assert 'id="area" name="area"' in page
    assert 'value="Asthma" data-suggest="areas"' in page
    assert 'value="Leeds, GB" data-suggest="regions"' in page


def test_another_language_keeps_what_the_article_said_and_shows_nothing_that_was_typed(world: World) -> None:
    page = world.client.get("/subscribe", params={"area": "Asthma & more", "region": "Leeds"}).text
    assert 'href="/subscribe?area=Asthma+%26+more&amp;region=Leeds&amp;lang=de"' in page
    page = world.client.post("/subscribe", data=world.form(address="")).text
    assert 'formaction="/subscribe?lang=de"' in page


def test_a_name_of_mesh_that_is_not_suggested_is_found_when_typed(world: World) -> None:
    with world.db.write() as session:
        session.add(Area(id="D000012", name="Abetalipoproteinemia", origin=AreaOrigin.IMPORT))
    assert "Abetalipoproteinemia" not in world.client.get("/").text
    assert world.client.post("/subscribe", data=world.form(area="abetalipoproteinaemia")).status_code == 200
    assert world.preferences(_people(world)[0])[0].area_id == "D000012"


def test_the_page_speaks_the_browsers_language_and_can_be_told_another(world: World) -> None:
    german = world.client.get("/", headers={"Accept-Language": "de-CH,de;q=0.9"}).text
    assert '<html lang="de" ' in german
    assert '<option value="de" lang="de" selected>' in german
    french = world.client.get("/?lang=fr", headers={"Accept-Language": "de"}).text
    assert '<html lang="fr" ' in french
    spanish = world.client.post("/subscribe?lang=es", data=world.form(), headers={"Accept-Language": "de"}).text
    assert '<html lang="es" ' in spanish


def test_somebody_in_leeds_is_offered_miles(world: World) -> None:
    assert 'value="miles" selected' in world.client.get("/", headers={"Accept-Language": "en-GB,en"}).text
    assert 'value="km" selected' in world.client.get("/", headers={"Accept-Language": "de,en-GB"}).text


def test_nobody_learns_from_the_answer_whether_an_address_is_known(each_world: World, clock: FrozenClock) -> None:
    world = each_world
    world.follower("active@example.org")
    world.follower("pending@example.org", confirmed=False)
    left = world.follower("left@example.org")
    with world.db.write() as session:
        unsubscribe(session, session.merge(left), how="link", now=clock.now())
    answers = [
        (address, area, world.client.post("/subscribe", data=world.form(address=address, area=area)))
        for address in ("new@example.org", "active@example.org", "pending@example.org", "left@example.org")
        for area in ("multiple sclerosis", "asthma", "diabetes")
        for _ in range(3)
    ]
    ignored = {"date", "content-length"}
    seen = {
        (
            answer.status_code,
            answer.text.replace(address, "ADDRESS").replace(f'value="{area}"', "AREA"),
            tuple(sorted((name, value) for name, value in answer.headers.items() if name not in ignored)),
        )
        for address, area, answer in answers
    }
    assert len(seen) == 1


def test_an_address_that_follows_as_much_as_it_may_gets_the_same_answer(world: World) -> None:
    unknown = world.client.post("/subscribe", data=world.form(address="new@example.org"))
    with world.db.write() as session:
        wishes = tuple(
            NewPreference(area_id="D009103", region=find_region(session, "Leeds, GB", radius_km=100 + number))
            for number in range(47)
        )
        new = NewSubscriber(address="ada@example.org", preferences=wishes, timezone="Europe/London")
        add_subscriber(session, new, confirmed=False, how="web", now=world.clock.now())
    for number in range(8):
        world.client.post("/subscribe", data=world.form(radius=str(number + 1)))
        world.clock.advance(world.settings.digests.confirm_within)
    full = world.client.post("/subscribe", data=world.form(area="asthma"))
    assert full.status_code == unknown.status_code
    assert _bare(full, area="asthma") == _bare(unknown, address="new@example.org")
    assert len(world.preferences(_people(world)[1])) == 50


def test_a_stranger_changes_nothing_of_a_subscriber(world: World) -> None:
    person = world.follower()
    before = world.again(person)
    typed = world.form(frequency="immediately", language="de", timezone="Asia/Tokyo", area="asthma")
    world.client.post("/subscribe", data=typed)
    assert world.again(person) == before
    confirmed = [each.area_id for each in world.preferences(person) if each.confirmed_at]
    assert confirmed == ["D009103"]


def test_nobody_can_be_bombed_with_mails_or_rows(world: World) -> None:
    person = world.follower()
    for radius in range(1, 40):
        world.client.post("/subscribe", data=world.form(radius=str(radius)))
        for mail in world.mails():
            _mark_sent(world, mail.id)
        world.clock.advance(world.settings.http.timeout)
    assert len(world.mails()) <= 5
    asked = {number for mail in world.mails() for number in mail.data["preference_ids"]}
    waiting = {each.id for each in world.preferences(person) if each.confirmed_at is None}
    assert waiting == asked


def _bare(answer: httpx.Response, *, address: str = "ada@example.org", area: str = "multiple sclerosis") -> str:
    """Return a page without what the visitor had typed."""
    return answer.text.replace(address, "ADDRESS").replace(f'value="{area}"', "AREA")


def _mark_sent(world: World, number: int | None) -> None:
    with world.db.write() as session:
        delivery = session.get(Delivery, number)
        assert delivery is not None
        delivery.state = DeliveryState.SENT


def test_a_button_pressed_twice_at_once_is_one_sign_up(each_world: World) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: each_world.client.post("/subscribe", data=each_world.form()), range(8)))
    assert {answer.status_code for answer in answers} == {200}
    (person,) = _people(each_world)
    assert len(each_world.preferences(person)) == 1
    assert len(each_world.mails()) == 1


def test_a_program_that_fills_the_hidden_field_stores_nothing_and_learns_nothing(world: World) -> None:
    trapped = world.client.post("/subscribe", data=world.form(website="https://example.org"))
    assert _people(world) == []
    assert trapped.content == world.client.post("/subscribe", data=world.form()).content


def test_a_client_that_signs_up_without_end_is_asked_to_wait(world: World) -> None:
    statuses = [
        world.client.post("/subscribe", data=world.form(address="", area="")).status_code for number in range(61)
    ]
    assert statuses == [422] * 60 + [429]
    slow = world.client.post("/subscribe", data=world.form())
    assert slow.headers["retry-after"] == "900"
    assert "That was a little often" in slow.text
    assert world.client.get("/").status_code == 200
    assert _people(world) == []


@pytest.mark.parametrize("trusted", [("127.0.0.1",), ()], ids=["named", "not named"])
def test_visitors_behind_a_proxy_are_told_apart_where_it_is_named(
    world: World, trusted: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "_SIGN_UPS", 5)  # how many it is really the test before says
    settings = world.settings.model_copy(
        update={"web": world.settings.web.model_copy(update={"trusted_proxies": trusted})}
    )
    server = WebServer(settings, create_app(settings, world.db, world.clock))
    server.start()

    def sign_up(client: str) -> int:
        headers = {"X-Forwarded-For": client}
        return visitors.post("/subscribe", data=world.form(area=""), headers=headers).status_code

    with httpx.Client(
        base_url=server.url, timeout=30, headers={"Connection": "close"}, verify=ssl_context()
    ) as visitors:
        assert [sign_up("198.51.100.7") for _ in range(6)] == [422] * 5 + [429]
        assert sign_up("198.51.100.8") == (422 if trusted else 429)
    server.stop()


def test_the_forms_take_a_multipart_body_too(world: World) -> None:
    files = {name: (None, value) for name, value in world.form().items()}
    assert world.client.post("/subscribe", files=files).status_code == 200
    assert len(_people(world)) == 1


_PART = b'--x\r\nContent-Disposition: form-data; name="area"%b\r\n\r\n'


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"address=ada%40example.org&area=%ff%fe&region=%00", "application/x-www-form-urlencoded"),
        (b"%%%&&&===" * 50, "application/x-www-form-urlencoded"),
        (b"&".join(b"f%d=1" % number for number in range(5000)), "application/x-www-form-urlencoded"),
        (b"no boundary here", "multipart/form-data; boundary=x"),
        (b"--x\r\n\r\n\r\n", "multipart/form-data; boundary=x"),
        (_PART % b"" + b"\xff\r\n--x--", "multipart/form-data; boundary=x; charset=nope"),
        (_PART % b'; filename="a"' + b"hi\r\n--x--", "multipart/form-data; boundary=x"),
        (b"", "multipart/form-data"),
        (b'{"address": "ada@example.org"}', "application/json"),
        (b"", ""),
    ],
)
def test_a_body_that_is_no_form_is_refused_kindly(world: World, content: bytes, kind: str) -> None:
    answer = world.client.post("/subscribe", content=content, headers={"Content-Type": kind})
    assert answer.status_code in {400, 422}
    assert "<html lang=" in answer.text
    assert _people(world) == []


def test_beyond_the_number_an_hour_a_mail_waits_and_the_page_does_not_tell(world: World) -> None:
    settings = world.settings.model_copy(
        update={"web": world.settings.web.model_copy(update={"confirmations_per_hour": 2})}
    )
    pages = []
    for number in range(3):
        server = WebServer(settings, create_app(settings, world.db, world.clock))  # each time as after a restart
        server.start()
        typed = world.form(address=f"p{number}@example.org")
        pages.append(
            _bare(
                httpx.post(f"{server.url}/subscribe", data=typed, timeout=30, verify=ssl_context()),
                address=typed["address"],
            )
        )
        server.stop()
    assert len(set(pages)) == 1
    waits = [(mail.not_before - world.clock.now()) / timedelta(minutes=1) for mail in world.mails()]
    assert waits == [0, 0, 60]


def test_one_mailbox_gets_some_a_day_by_whatever_address(world: World) -> None:
    pages = set()
    for number in range(8):
        world.clock.advance(timedelta(minutes=11))
        typed = world.form(address=f"a.da+{number}@gmail.com")
        pages.add(_bare(world.client.post("/subscribe", data=typed), address=typed["address"].replace("+", "+")))
    assert len(pages) == 1
    assert len(world.mails()) == 5
    assert len(_people(world)) == 5


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_form_is_light_with_its_styles_and_its_script(world: World, language: str) -> None:
    """The design's bounds, without compression: 30 kB for page and styles, 6 kB for the script."""
    page, *linked = (
        world.client.get(path).content for path in (f"/?lang={language}", "/static/style.css", "/static/script.js")
    )
    assert len(page) + len(linked[0]) <= 30_000
    assert len(linked[1]) <= 6_000


def test_the_word_of_the_link_is_kept_with_who_signs_up_and_goes_through_all_pages(world: World) -> None:
    page = world.client.get("/?source=clinic-leeds").text
    assert '<input type="hidden" name="source" value="clinic-leeds">' in page
    review = world.client.post("/subscribe", data=world.form(source="clinic-leeds", step="")).text
    assert '<input type="hidden" name="source" value="clinic-leeds">' in review
    world.client.post("/subscribe", data=world.form(source="clinic-leeds"))
    world.client.post("/subscribe", data=world.form(source="another"))  # known by now: nothing changes
    with world.db.read() as session:
        assert [each.came_by for each in session.exec(select(Subscriber))] == ["clinic-leeds"]


@pytest.mark.parametrize("word", ["<b>", "two words", "x" * 41, "Ümlaut", "a@b.example"])
def test_what_is_no_word_is_not_kept(world: World, word: str) -> None:
    assert 'name="source"' not in world.client.get("/", params={"source": word}).text
    world.client.post("/subscribe", data=world.form(source=word))
    with world.db.read() as session:
        assert [each.came_by for each in session.exec(select(Subscriber))] == [None]

"""What the links in mails lead to: confirming, leaving, one's own page, a digest."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import select

from tests.web.conftest import World, path_of
from trialalerts.catalog.tables import Change, ChangeKind, Item, ItemKind
from trialalerts.database.findings import open_findings
from trialalerts.delivery.feedback.unknown_links import UNKNOWN_LINK, end_unknown_links
from trialalerts.delivery.outbox import counters
from trialalerts.digests.tables import Digest, DigestKind, Selection, SelectionKind
from trialalerts.subscribers.erasure import erase
from trialalerts.subscribers.people import unsubscribe
from trialalerts.subscribers.tables import NEVER_SERVED, Consent, Frequency, Subscriber, SubscriberState

REVEALING = ("Multiple Sclerosis", "Leeds", "ada@example.org")


def _erase(world: World, person: Subscriber) -> None:
    with world.db.write() as session:
        erase(session, session.merge(person), how="web", now=world.clock.now())


def _consents(world: World, person: Subscriber) -> list[tuple[str, str]]:
    with world.db.read() as session:
        rows = session.exec(select(Consent).where(Consent.subscriber_id == person.id))
        return [(row.action.value, row.how) for row in rows]


# ---- confirming


def test_the_button_confirms_and_the_first_digest_is_due_at_once(each_world: World) -> None:
    person = each_world.follower(confirmed=False)
    path = each_world.confirm_path(person)
    page = each_world.client.get(path)
    assert page.status_code == 200
    assert "Multiple Sclerosis" in page.text
    assert each_world.again(person).state is SubscriberState.PENDING
    done = each_world.client.post(path)
    assert done.status_code == 200
    assert "A first mail leaves now all the same." in done.text
    assert path_of(each_world.links.preferences(person)) in done.text
    person = each_world.again(person)
    assert (person.state, person.cursor, person.next_due_at) == (
        SubscriberState.ACTIVE,
        NEVER_SERVED,
        each_world.clock.now(),
    )
    assert all(each.confirmed_at for each in each_world.preferences(person))
    assert ("confirmed", "link") in _consents(each_world, person)


def test_confirming_twice_is_fine_and_does_nothing_more(world: World) -> None:
    person = world.follower(confirmed=False)
    path = world.confirm_path(person)
    first = world.client.post(path)
    before = world.dump()
    assert world.client.post(path).content == first.content
    assert world.dump() == before


def test_a_served_subscriber_who_adds_something_is_told_when_it_comes(world: World) -> None:
    person = world.follower()
    with world.db.write() as session:
        session.merge(person).cursor = 7
    world.client.post("/subscribe", data=world.form(area="asthma"))
    (mail,) = world.mails()
    path = path_of(world.links.confirm(person, mail.data["preference_ids"]))
    asked = world.client.get(path).text
    assert "Asthma" in asked
    assert "Multiple Sclerosis" not in asked
    done = world.client.post(path).text
    assert "Your next mail also shows what is recruiting for this now" in done
    assert "Multiple Sclerosis" in done


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_link_that_is_too_old_says_how_to_sign_up_again(world: World, method: str) -> None:
    person = world.follower(confirmed=False)
    path = world.confirm_path(person)
    world.clock.advance(timedelta(days=7, seconds=1))
    answer = world.client.request(method, path)
    assert answer.status_code == 410
    assert "This link is too old" in answer.text
    assert 'href="/subscribe?lang=en"' in answer.text
    assert world.again(person).state is SubscriberState.PENDING


def test_who_has_left_since_is_not_brought_back_by_an_old_link(world: World) -> None:
    person = world.follower(confirmed=False)
    path = world.confirm_path(person)
    with world.db.write() as session:
        unsubscribe(session, session.merge(person), how="link", now=world.clock.now())
    answer = world.client.post(path)
    assert answer.status_code == 410
    assert "Sign up again" in answer.text
    assert world.again(person).state is SubscriberState.UNSUBSCRIBED


def test_the_pages_speak_the_subscribers_language(world: World) -> None:
    person = world.follower(confirmed=False, locale="de-AT")
    assert '<html lang="de" ' in world.client.get(world.confirm_path(person)).text
    assert '<html lang="de" ' in world.client.get(path_of(world.links.preferences(person))).text


# ---- leaving


ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.mark.parametrize("encoding", ["urlencoded", "multipart"])
def test_one_click_unsubscribes_in_both_encodings(each_world: World, encoding: str) -> None:
    person = each_world.follower()
    url = each_world.links.one_click(person)
    if encoding == "multipart":
        answer = each_world.client.post(path_of(url), files={"List-Unsubscribe": (None, "One-Click")})
    else:
        answer = each_world.client.post(path_of(url), data=ONE_CLICK)
    assert answer.status_code == 200
    assert answer.history == []
    assert "set-cookie" not in answer.headers
    assert each_world.again(person).state is SubscriberState.UNSUBSCRIBED
    assert _consents(each_world, person)[-1] == ("unsubscribed", "one-click")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", None),
        (b"List-Unsubscribe=One-Click", "text/plain"),
        (b"nonsense", "multipart/form-data"),
        (b"x", "multipart/form-data; boundary=y; charset=nope"),
        (b"action=something", "application/x-www-form-urlencoded"),
    ],
)
def test_a_post_with_a_right_token_unsubscribes_whatever_its_body(
    world: World, content: bytes, kind: str | None
) -> None:
    person = world.follower()
    headers = {"Content-Type": kind} if kind else {}
    answer = world.client.post(path_of(world.links.one_click(person)), content=content, headers=headers)
    assert answer.status_code == 200
    assert world.again(person).state is SubscriberState.UNSUBSCRIBED


def test_the_button_unsubscribes_and_twice_is_fine(world: World) -> None:
    person = world.follower()
    path = path_of(world.links.unsubscribe(person))
    answers = [world.client.post(path, data={"action": "unsubscribe"}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200] * 3
    assert len({answer.content for answer in answers}) == 1
    assert "No more mails" in answers[0].text
    assert _consents(world, person).count(("unsubscribed", "link")) == 1


def test_the_page_reveals_nothing_and_is_the_same_for_everybody(world: World) -> None:
    people = [world.follower(), world.follower("bob@example.org", confirmed=False), world.follower("eve@example.org")]
    paths = [path_of(world.links.unsubscribe(person)) for person in people]
    world.client.post(paths[1])
    _erase(world, people[2])
    pages = {world.client.get(path).text.replace(path.rpartition("/")[2], "TOKEN") for path in paths}
    assert len(pages) == 1
    for path in paths:
        for page in (world.client.get(path).text, world.client.post(path).text):
            assert not [word for word in REVEALING if word in page]


def test_an_erased_subscriber_sees_the_same_done_page(world: World) -> None:
    person, other = world.follower(), world.follower("bob@example.org")
    _erase(world, person)
    before = world.dump()
    erased = world.client.post(path_of(world.links.unsubscribe(person)), data=ONE_CLICK)
    assert world.dump() == before
    world.client.post(path_of(world.links.unsubscribe(other)), data=ONE_CLICK)
    world.clock.advance(timedelta(hours=1))  # no way back is offered any more
    done = world.client.post(path_of(world.links.unsubscribe(other)), data=ONE_CLICK)
    assert (erased.status_code, erased.content) == (done.status_code, done.content)


def test_a_pause_lasts_thirty_days(world: World) -> None:
    person = world.follower()
    answer = world.client.post(path_of(world.links.unsubscribe(person)), data={"action": "pause"})
    assert "For 30 days you get no mails from us." in answer.text
    person = world.again(person)
    assert person.state is SubscriberState.PAUSED
    assert person.paused_until == datetime(2026, 3, 31, 23, tzinfo=UTC)  # 1 April 0:00 in London


def test_who_gets_nothing_anyway_cannot_be_brought_back_by_a_pause(world: World) -> None:
    person = world.follower(confirmed=False)
    answer = world.client.post(path_of(world.links.unsubscribe(person)), data={"action": "pause"})
    assert "No more mails" in answer.text
    assert world.again(person).state is SubscriberState.PENDING


# ---- one's own page


def _own(world: World, person: Subscriber) -> str:
    return path_of(world.links.preferences(person))


def _press(world: World, person: Subscriber, **typed: str) -> str:
    answer = world.client.post(_own(world, person), data=typed)
    assert answer.status_code == 303, answer.text
    return world.client.get(answer.headers["location"]).text


def test_ones_own_page_shows_what_is_followed_and_when_mails_come(each_world: World) -> None:
    page = each_world.client.get(_own(each_world, each_world.follower())).text
    assert "Multiple Sclerosis" in page
    assert "<h3>Multiple Sclerosis near Leeds</h3>" in page
    assert "within 80 km" in page
    assert 'value="weekly" checked' in page
    assert '<option value="8" selected>08:00</option>' in page
    assert "Europe/London" in page
    assert "Your mails are on." in page


def test_frequency_hour_language_and_zone_can_be_changed(each_world: World) -> None:
    person = each_world.follower()
    page = _press(
        each_world, person, action="save", frequency="daily", hour="19", language="fr", timezone="Europe/Paris"
    )
    assert "Enregistré." in page
    person = each_world.again(person)
    assert (person.frequency, person.hour, person.locale) == (Frequency.DAILY, 19, "fr")
    assert person.timezone == "Europe/Paris"


def test_saving_without_a_change_keeps_the_regional_language(world: World) -> None:
    person = world.follower(locale="de-AT")
    _press(world, person, action="save", frequency="weekly", hour="8", language="de", timezone="Europe/London")
    assert world.again(person).locale == "de-AT"


@pytest.mark.parametrize(
    ("field", "value"),
    [("frequency", "hourly"), ("hour", "24"), ("hour", "x"), ("language", "tlh"), ("timezone", "Moon/Base")],
)
def test_a_schedule_that_makes_no_sense_is_told_and_not_stored(world: World, field: str, value: str) -> None:
    person = world.follower()
    before = world.dump()
    typed = {"action": "save", "frequency": "daily", "hour": "7", "language": "en", "timezone": "UTC", field: value}
    answer = world.client.post(_own(world, person), data=typed)
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text
    assert world.dump() == before


def test_something_else_can_be_followed_and_is_confirmed_at_once(each_world: World) -> None:
    person = each_world.follower()
    page = _press(
        each_world,
        person,
        action="add",
        step="save",
        area="lupus",
        region="United Kingdom",
        label="for my <b>daughter</b>",
    )
    assert "Added." in page
    assert "my &lt;b&gt;daughter&lt;/b&gt;" in page
    added = each_world.preferences(person)[-1]
    assert (added.area_id, added.country, added.radius_km) == ("D008180", "GB", None)
    assert added.confirmed_at == each_world.clock.now()


def test_what_cannot_be_followed_is_told_beside_the_open_form(world: World) -> None:
    person = world.follower()
    before = world.dump()
    answer = world.client.post(_own(world, person), data={"action": "add", "area": "multipel", "region": "Springfield"})
    assert answer.status_code == 422
    assert '<details class="fold" open>' in answer.text
    assert 'id="area-error"' in answer.text
    assert 'value="Springfield, Missouri, United States"' in answer.text
    assert world.dump() == before


def test_a_preference_can_be_removed_but_nobody_elses(world: World) -> None:
    person, other = world.follower(), world.follower("bob@example.org")
    (own,), (foreign,) = world.preferences(person), world.preferences(other)
    for number in (str(foreign.id), "0", "-1", "x", "9" * 400, ""):
        _press(world, person, action="remove", preference=number)
    assert len(world.preferences(other)) == 1
    assert len(world.preferences(person)) == 1
    assert "Removed." in _press(world, person, action="remove", preference=str(own.id))
    assert world.preferences(person) == []
    assert "You follow nothing" in _press(world, person, action="remove", preference=str(own.id))


def test_mails_can_be_paused_and_resumed(world: World) -> None:
    person = world.follower()
    assert "Your mails are paused until 1 April 2026." in _press(world, person, action="pause")
    assert world.again(person).state is SubscriberState.PAUSED
    assert "Your mails come again." in _press(world, person, action="resume")
    assert world.again(person).state is SubscriberState.ACTIVE
    before = world.again(person)
    _press(world, person, action="resume")
    assert world.again(person) == before


def test_mails_can_be_stopped_there_too(world: World) -> None:
    person = world.follower()
    done = world.client.post(_own(world, person), data={"action": "unsubscribe"})
    assert "Done. No more mails" in done.text
    page = world.client.get(_own(world, person)).text
    assert "You get no mails from us." in page
    assert 'value="unsubscribe"' not in page
    assert world.again(person).state is SubscriberState.UNSUBSCRIBED
    for action in ("pause", "resume"):
        _press(world, person, action=action)
    _press(world, person, action="add", area="asthma", step="save")
    assert world.again(person).state is SubscriberState.UNSUBSCRIBED
    assert len(world.preferences(person)) == 1


def test_erasing_asks_first_and_then_erases(each_world: World) -> None:
    person = each_world.follower()
    path = path_of(each_world.links.fresh(person))
    before = each_world.dump()
    asked = each_world.client.post(path, data={"action": "erase"})
    assert "Erase everything?" in asked.text
    assert each_world.dump() == before
    done = each_world.client.post(path, data={"action": "erase-now"})
    assert done.status_code == 200
    assert "We have erased your address" in done.text
    assert each_world.again(person).state is SubscriberState.ERASED
    assert "ada@example.org" not in str(each_world.dump())
    assert each_world.client.get(path).status_code == 410


@pytest.mark.parametrize("typed", [{}, {"action": ""}, {"action": "delete"}, {"action": "show"}])
def test_a_button_that_does_not_exist_does_nothing(world: World, typed: dict[str, str]) -> None:
    person = world.follower()
    before = world.dump()
    assert world.client.post(_own(world, person), data=typed).status_code == 400
    assert world.dump() == before


# ---- a digest


def _digest(world: World, person: Subscriber) -> int:
    now = world.clock.now()
    with world.db.write() as session:
        item = Item(
            registry_name="news",
            external_id="1",
            kind=ItemKind.ARTICLE,
            url="https://example.org/articles/1",
            title="Made-up news <script>alert(1)</script>",
            summary="A summary for this test.",
            facts={"authors": [], "categories": [], "html": "", "language": "en"},
            facts_hash="x",
            areas={"direct": [{"id": "D009103", "in_title": True}], "ancestors": []},
            source="news",
            first_seen_at=now,
            last_seen_at=now,
        )
        session.add(item)
        session.flush()
        session.add(Change(seq=1, item_id=item.id or 0, kind=ChangeKind.PUBLISHED, at=now))
        session.add(Selection(id=1, kind=SelectionKind.CHANGES, numbers=[1]))
        digest = Digest(
            subscriber_id=person.id or 0,
            kind=DigestKind.REGULAR,
            from_seq=0,
            to_seq=1,
            created_at=now,
            parts=[[1, 1]],
        )
        session.add(digest)
        session.flush()
        return digest.id or 0


def test_a_digest_can_be_read_as_a_page_without_scripts(each_world: World) -> None:
    person = each_world.follower()
    answer = each_world.client.get(path_of(each_world.links.digest(_digest(each_world, person), person)))
    assert answer.status_code == 200
    assert "Made-up news" in answer.text
    assert "<script" not in answer.text
    assert "default-src 'none'; style-src 'unsafe-inline';" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-robots-tag"].startswith("noindex")


def test_nobody_reads_another_ones_digest(world: World) -> None:
    person, other = world.follower(), world.follower("bob@example.org")
    number = _digest(world, person)
    assert world.client.get(path_of(world.links.digest(number, other))).status_code == 410
    assert world.client.get(path_of(world.links.digest(number + 1, person))).status_code == 410


# ---- links that we do not know


def _unknown(world: World) -> int:
    with world.db.read() as session:
        return counters.since(session, world.clock.now() - timedelta(days=7))[counters.HourlyCounts.UNKNOWN_LINK]


def _of_another_database(world: World) -> str:
    """Return the one-click path of somebody whom this database has never heard of."""
    person = world.follower("elsewhere@example.org")
    with world.db.write() as session:
        session.delete(session.merge(person))
    return path_of(world.links.one_click(person))


NO_MORE_MAILS = ("no more mails", "keine Mails mehr", "Vous ne recevrez plus d’e-mails", "más correos")


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "We do not know this link"),
        ("de", "Diesen Link kennen wir nicht"),
        ("fr", "Nous ne connaissons pas ce lien"),
        ("es", "No conocemos este enlace"),
    ],
)
@pytest.mark.parametrize("known_sign", [True, False])
def test_one_click_with_an_unknown_link_is_answered_truthfully_and_counted(
    each_world: World, language: str, words: str, known_sign: bool
) -> None:
    path = _of_another_database(each_world) if known_sign else "/unsubscribe/a.b.c"
    answer = each_world.client.post(path, data=ONE_CLICK, headers={"Accept-Language": language})
    assert answer.status_code == (200 if known_sign else 400)
    assert words in answer.text
    assert not [each for each in NO_MORE_MAILS if each in answer.text]
    assert _unknown(each_world) == 1
    with each_world.db.read() as session:
        (finding,) = open_findings(session, UNKNOWN_LINK)
    assert "1 attempt of the last 7 days to unsubscribe by one click" in finding.text


def test_what_is_told_of_unknown_links_is_counted_on_and_ends_after_a_week(world: World) -> None:
    for _ in range(3):
        world.client.post(_of_another_database(world), data=ONE_CLICK)
    with world.db.read() as session:
        assert [each.text[:10] for each in open_findings(session, UNKNOWN_LINK)] == ["3 attempts"]
    for days, open_ in ((6, 1), (9, 0)):
        with world.db.write() as session:
            end_unknown_links(session, now=world.clock.now() + timedelta(days=days))
            assert len(open_findings(session, UNKNOWN_LINK)) == open_


def test_the_link_that_the_doctor_tries_belongs_to_nobody_and_counts_for_nothing(world: World) -> None:
    answer = world.client.post(path_of(world.links.one_click_of_nobody()), data=ONE_CLICK)
    assert answer.status_code == 200
    assert _unknown(world) == 0


def test_a_button_pressed_on_a_page_of_an_unknown_link_does_not_say_that_all_is_done(world: World) -> None:
    answer = world.client.post(_of_another_database(world), data={"action": "unsubscribe"})
    assert "We do not know this link" in answer.text
    rest = world.client.post(_of_another_database(world), data={"action": "pause"})
    assert "We do not know this link" in rest.text


def test_an_erased_persons_link_is_no_unknown_one(world: World) -> None:
    person = world.follower()
    _erase(world, person)
    answer = world.client.post(path_of(world.links.unsubscribe(person)), data=ONE_CLICK)
    assert "No more mails" in answer.text
    assert _unknown(world) == 0


def test_one_client_cannot_make_the_count_grow_without_end(world: World) -> None:
    for number in range(130):
        world.client.post(f"/unsubscribe/nonsense{number}", data=ONE_CLICK)
    assert 100 <= _unknown(world) <= 120


def test_a_page_of_a_mails_link_is_had_in_another_language_and_answers_in_it(world: World) -> None:
    person, waiting = world.follower(), world.follower("bob@example.org", confirmed=False)
    for path, asked, done in (
        (path_of(world.links.unsubscribe(person)), "Keine Mails mehr?", "Fertig. Keine Mails mehr"),
        (world.confirm_path(waiting), "Ein Klick, und wir sehen für Sie nach", "Alles bereit"),
    ):
        assert f'href="{path}?lang=de"' in world.client.get(path).text
        page = world.client.get(f"{path}?lang=de").text
        assert f"<h1>{asked}</h1>" in page
        assert f'action="{path}?lang=de"' in page
        assert f"<h1>{done}" in world.client.post(f"{path}?lang=de", data={"action": "unsubscribe"}).text

"""One's own account: how old a link may be, a link sent anew, moving, leaving and coming back, what is kept."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from html import unescape

import pytest
from httpx import Response
from sqlmodel import col, select

from tests.web.conftest import World, path_of
from trialalerts.delivery.outbox.notices.kinds import GOODBYE, LINK, NEW_ADDRESS, OLD_ADDRESS
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState
from trialalerts.digests.announcements.queueing import NewAnnouncement, queue_announcement, start_announcement
from trialalerts.subscribers.people import pause
from trialalerts.subscribers.tables import AddressChange, Consent, Frequency, LeavingReason, Subscriber, SubscriberState

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


def settings_path(world: World, person: Subscriber) -> str:
    return path_of(world.links.preferences(person))


def fresh_path(world: World, person: Subscriber) -> str:
    return path_of(world.links.fresh(person))


def kinds(world: World) -> list[str]:
    return [mail.kind for mail in world.mails()]


# ---- how old a link may be


@pytest.mark.parametrize(
    ("link", "days", "status"),
    [("preferences", 30, 200), ("preferences", 31, 410), ("fresh", 1, 200), ("fresh", 2, 410)],
)
def test_a_link_to_the_settings_works_for_its_time(world: World, link: str, days: int, status: int) -> None:
    path = path_of(getattr(world.links, link)(world.follower()))
    world.clock.advance(timedelta(days=days))
    assert world.client.get(path).status_code == status


@pytest.mark.parametrize("link", ["preferences", "fresh"])
def test_a_link_that_is_too_old_offers_a_fresh_one_and_shows_nothing(world: World, link: str) -> None:
    path = path_of(getattr(world.links, link)(world.follower()))
    world.clock.advance(timedelta(days=40))
    page = world.client.get(path)
    assert "Send me a fresh link" in page.text
    assert "ada@example.org" not in page.text
    token = re.search(r'name="token" value="([^"]+)"', page.text)
    assert token is not None
    answer = world.client.post("/link", data={"token": token[1]})
    assert "Now look into your inbox" in answer.text
    assert kinds(world) == [LINK]


def test_leaving_works_for_ever(world: World) -> None:
    person = world.follower()
    path = path_of(world.links.unsubscribe(person))
    world.clock.advance(timedelta(days=4000))
    assert world.client.post(path, data=ONE_CLICK).status_code == 200
    assert world.again(person).state is SubscriberState.UNSUBSCRIBED


# ---- a link sent anew


def test_every_address_gets_the_same_answer(each_world: World) -> None:
    world = each_world
    world.follower("ada@example.org")
    world.follower("new@example.org", confirmed=False)
    answers = {
        world.client.post("/link", data={"address": address}).content
        for address in ("ada@example.org", "ADA@example.org", "new@example.org", "nobody@example.org")
    }
    assert len(answers) == 1
    assert sorted(kinds(world)) == ["confirmation", LINK]


@pytest.mark.parametrize("address", ["", "no address", "a@"])
def test_what_is_no_address_is_said_at_the_field(world: World, address: str) -> None:
    answer = world.client.post("/link", data={"address": address})
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text
    assert "<title>Error:" in answer.text


def test_signing_up_again_with_what_is_followed_already_mails_the_link_and_looks_the_same(world: World) -> None:
    other = world.client.post("/subscribe", data=world.form(address="other@example.org"))
    confirmed = world.follower()
    again = world.client.post("/subscribe", data=world.form())
    assert again.text.replace("ada@", "other@") == other.text
    assert [mail.kind for mail in world.mails() if mail.subscriber_id == confirmed.id] == [LINK]


# ---- what needs a fresh link


@pytest.mark.parametrize("query", ["?see=address", "?see=data", "?do=erase", "/data"])
def test_an_older_link_does_not_open_what_needs_proof(world: World, query: str) -> None:
    person = world.follower()
    page = world.client.get(settings_path(world, person) + query)
    assert "First a fresh link" in page.text
    assert "Multiple Sclerosis" not in page.text
    assert world.client.get(fresh_path(world, person) + query).status_code == 200


@pytest.mark.parametrize("action", ["address", "erase", "erase-now"])
def test_an_older_link_does_not_do_what_needs_proof(world: World, action: str) -> None:
    person = world.follower()
    answer = world.client.post(settings_path(world, person), data={"action": action, "address": "b@example.org"})
    assert "First a fresh link" in answer.text
    assert world.again(person).state is SubscriberState.ACTIVE
    assert kinds(world) == []
    world.client.post(settings_path(world, person), data={"action": "send-link"})
    assert kinds(world) == [LINK]


# ---- moving to another address


def ask_to_move(world: World, person: Subscriber, address: str = "new@example.org") -> AddressChange:
    answer = world.client.post(
        fresh_path(world, person), data={"action": "address", "address": address}, follow_redirects=True
    )
    assert "We have written to the new address" in answer.text
    with world.db.read() as session:
        return session.exec(select(AddressChange)).one()


def test_the_new_address_says_yes_and_the_old_one_is_told(each_world: World) -> None:
    world = each_world
    person = world.follower()
    old_settings, old_digest = settings_path(world, person), world.links.fresh(person)
    asked = ask_to_move(world, person)
    assert sorted(kinds(world)) == [NEW_ADDRESS, OLD_ADDRESS]
    assert world.again(person).address == "ada@example.org"
    path = path_of(world.links.new_address(person, asked.asked_at))
    assert world.client.get(path).status_code == 200
    assert world.again(person).address == "ada@example.org"
    world.clock.advance(timedelta(minutes=1))
    assert "new@example.org" in world.client.post(path).text
    assert world.client.post(path).status_code == 200  # pressed twice
    assert world.again(person).address == "new@example.org"
    for old in (old_settings, path_of(old_digest)):
        assert world.client.get(old).status_code == 410  # whoever reads the old mails
    assert world.client.get(path_of(world.links.unsubscribe(person))).status_code == 200


def test_a_wish_that_was_taken_back_or_replaced_is_over(world: World) -> None:
    person = world.follower()
    first = path_of(world.links.new_address(person, ask_to_move(world, person).asked_at))
    world.client.post(settings_path(world, person), data={"action": "keep-address"})
    assert world.client.post(first).status_code == 410
    world.clock.advance(timedelta(minutes=1))
    second = path_of(world.links.new_address(person, ask_to_move(world, person, "c@example.org").asked_at))
    assert world.client.post(first).status_code == 410
    world.clock.advance(timedelta(hours=25))
    assert world.client.post(second).status_code == 410
    assert world.again(person).address == "ada@example.org"


def test_nobody_learns_that_an_address_is_somebody_elses(world: World) -> None:
    person, other = world.follower(), world.follower("new@example.org")
    asked = ask_to_move(world, person)
    assert [(mail.kind, mail.subscriber_id) for mail in world.mails()] == [(LINK, other.id), (OLD_ADDRESS, person.id)]
    assert world.client.post(path_of(world.links.new_address(person, asked.asked_at))).status_code == 410
    assert world.again(person).address == "ada@example.org"


# ---- leaving and coming back


def undo_path(page: str) -> str:
    found = re.search(r'action="(/undo/[^"]+)"', page)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("before", [SubscriberState.ACTIVE, SubscriberState.PAUSED])
def test_leaving_is_said_once_and_taken_back_as_it_was(each_world: World, before: SubscriberState) -> None:
    world = each_world
    person = world.follower()
    if before is SubscriberState.PAUSED:
        with world.db.write() as session:
            until = (world.clock.now() + timedelta(days=60)).date()
            pause(session, session.merge(person), until=until, how="web", now=world.clock.now())
    was = world.again(person)
    page = world.client.post(path_of(world.links.unsubscribe(person)))
    assert "Done. No more mails" in page.text
    world.client.post(path_of(world.links.unsubscribe(person)))
    assert kinds(world) == [GOODBYE]
    world.clock.advance(timedelta(days=29))
    assert "Welcome back" in world.client.post(undo_path(page.text)).text
    now = world.again(person)
    assert (now.state, now.paused_until, now.cursor) == (was.state, was.paused_until, was.cursor)


def test_after_thirty_days_nothing_is_taken_back(world: World) -> None:
    person = world.follower()
    page = world.client.post(path_of(world.links.unsubscribe(person)))
    world.clock.advance(timedelta(days=31))
    assert world.client.post(undo_path(page.text)).status_code == 410
    assert world.again(person).state is SubscriberState.UNSUBSCRIBED


def test_an_old_link_to_leave_brings_nobody_back(world: World) -> None:
    """A mail that was passed on holds the link to leave; it must not turn the mails on again."""
    person = world.follower()
    world.client.post(path_of(world.links.unsubscribe(person)))
    world.clock.advance(timedelta(hours=1))
    again = world.client.post(path_of(world.links.unsubscribe(person)))
    assert "/undo/" not in again.text


def test_what_was_kept_back_meanwhile_is_sent_once_they_are_back(world: World) -> None:
    person = world.follower()
    page = world.client.post(path_of(world.links.unsubscribe(person)))
    with world.db.write() as session:
        session.add(
            Delivery(
                kind="digest", subscriber_id=person.id or 0, data={"digest_id": 1}, message_id="<1@example.org>",
                state=DeliveryState.SUPPRESSED, last_error="unsubscribed", not_before=world.clock.now(),
                created_at=world.clock.now(),
            )
        )  # fmt: skip
    world.client.post(undo_path(page.text))
    with world.db.read() as session:
        assert session.exec(select(Delivery.state).where(col(Delivery.kind) == "digest")).one() is DeliveryState.QUEUED


def test_why_somebody_left_is_counted_without_saying_who(world: World) -> None:
    for name in ("ada", "ben"):
        page = world.client.post(path_of(world.links.unsubscribe(world.follower(f"{name}@example.org"))))
        answer = world.client.post(undo_path(page.text), data={"action": "why", "why": "found"})
        assert "without your name or address" in answer.text
    world.client.post(undo_path(page.text), data={"action": "why", "why": "no such reason"})
    with world.db.read() as session:
        assert [(each.reason, each.count) for each in session.exec(select(LeavingReason))] == [("found", 2)]


@pytest.mark.parametrize("less", ["pause", "monthly"])
def test_less_instead_of_leaving(world: World, less: str) -> None:
    person = world.follower()
    world.client.post(path_of(world.links.unsubscribe(person)), data={"action": less})
    now = world.again(person)
    if less == "monthly":
        assert (now.state, now.frequency) == (SubscriberState.ACTIVE, Frequency.MONTHLY)
    else:
        assert now.state is SubscriberState.PAUSED
    assert kinds(world) == []


def test_who_never_confirmed_gets_no_goodbye(world: World) -> None:
    world.client.post(path_of(world.links.unsubscribe(world.follower(confirmed=False))))
    assert kinds(world) == []


# ---- one wish


def test_one_wish_is_stopped_by_the_button_behind_its_link_only(world: World) -> None:
    person = world.follower()
    (wish,) = world.preferences(person)
    path = path_of(world.links.stop(person, wish.id or 0))
    assert "Multiple Sclerosis" not in world.client.get(path).text
    assert len(world.preferences(person)) == 1
    assert world.client.post(path).status_code == 200
    assert world.client.post(path).status_code == 200
    assert world.preferences(person) == []


def test_one_wish_rests_until_a_day_and_goes_on(world: World) -> None:
    person = world.follower()
    (wish,) = world.preferences(person)
    path = settings_path(world, person)
    assert "Pause this for a while" in world.client.get(f"{path}?rest={wish.id}").text
    wrong = world.client.post(path, data={"action": "rest", "preference": str(wish.id), "until": "2020-01-01"})
    assert wrong.status_code == 422
    until = (world.clock.now() + timedelta(days=10)).date()
    world.client.post(path, data={"action": "rest", "preference": str(wish.id), "until": until.isoformat()})
    assert "rests until" in world.client.get(path).text
    assert world.preferences(person)[0].paused_until is not None
    world.client.post(path, data={"action": "wake", "preference": str(wish.id)})
    assert world.preferences(person)[0].paused_until is None


# ---- tastes, and what is kept


def test_the_settings_keep_what_is_chosen(world: World) -> None:
    person = world.follower()
    sent = {
        "action": "save", "frequency": "daily", "language": "de", "timezone": "Europe/Berlin", "hour": "7",
        "weekday": "0", "day": "1", "heartbeat": "quarterly", "discreet": "yes", "area_in_subject": "yes",
        "announcements": "yes", "unit": "miles",
    }  # fmt: skip
    world.client.post(settings_path(world, person), data=sent)
    now = world.again(person)
    chosen = (now.heartbeat, now.discreet, now.area_in_subject, now.announcements, now.unit, now.locale)
    assert chosen == ("quarterly", True, True, True, "miles", "de")
    assert now.heartbeat_at == world.clock.now()
    off = {"heartbeat": "off", "discreet": "", "area_in_subject": "", "announcements": ""}
    world.client.post(settings_path(world, person), data=sent | off)
    now = world.again(person)
    assert not now.announcements
    assert (now.heartbeat, now.heartbeat_at, now.discreet, now.area_in_subject) == (None, None, False, False)


def test_a_pause_lasts_until_the_day_that_is_chosen(world: World) -> None:
    person = world.follower()
    until = (world.clock.now() + timedelta(days=45)).date()
    world.client.post(settings_path(world, person), data={"action": "pause", "until": until.isoformat()})
    paused = world.again(person).paused_until
    assert paused is not None
    assert timedelta(days=44) < paused - world.clock.now() < timedelta(days=46)


def test_the_file_holds_what_is_kept_and_no_key(world: World) -> None:
    person = world.follower()
    answer = world.client.get(f"{fresh_path(world, person)}/data")
    assert "attachment" in answer.headers["content-disposition"]
    held = json.loads(answer.content)
    assert held["subscriber"]["address"] == "ada@example.org"
    assert [each["area_id"] for each in held["follows"]] == ["D009103"]
    assert [each["action"] for each in held["agreed"]] == ["signed_up", "changed", "confirmed"]
    assert held["announcements"] == []
    with world.db.write() as session:
        at = world.clock.now()
        new = NewAnnouncement(name="moved.md", title="The Leeds centre has moved", not_before=at)
        number = start_announcement(session, new, now=at).id or 0
    assert queue_announcement(world.db, world.settings, world.clock, number) == 1
    held = json.loads(world.client.get(f"{fresh_path(world, person)}/data").content)
    assert held["announcements"] == [{"announced": at.isoformat(), "told": "The Leeds centre has moved"}]
    assert person.key not in answer.text


@pytest.mark.parametrize("language", ["en", "de", "fr", "es"])
@pytest.mark.parametrize("see", ["data", "mails", "consents", "address"])
def test_every_page_is_there_in_every_language_and_says_whose_it_is(world: World, see: str, language: str) -> None:
    person = world.follower(locale=language)
    page = world.client.get(f"{fresh_path(world, person)}?see={see}")
    assert page.status_code == 200
    assert f'lang="{language}"' in page.text
    assert "ada@example.org" in page.text
    assert "ada@example.org" not in page.text.partition("</title>")[0]


@pytest.mark.parametrize(
    ("language", "named", "zone"),
    [("en", "French", "London"), ("de", "Französisch", "London"), ("fr", "français", "Londres")],
)
def test_a_language_is_named_to_the_reader_and_not_by_its_code(
    world: World, language: str, named: str, zone: str
) -> None:
    person = world.follower(locale="fr-CA")
    with world.db.write() as session:
        consent = session.exec(select(Consent).where(Consent.subscriber_id == person.id)).first()
        assert consent is not None
        consent.locale = "fr"
    page = world.client.get(f"{fresh_path(world, person)}?see=data&lang={language}").text
    assert page.count(f">{named}<") == 2
    assert ">fr-CA<" not in page
    assert f">{zone}<" in page


def test_ones_own_pages_are_had_in_another_language_until_one_goes_elsewhere(world: World) -> None:
    person = world.follower()
    (wish,) = world.preferences(person)
    own = path_of(world.links.preferences(person))
    for query in ("", f"edit={wish.id}", f"rest={wish.id}", "see=mails", "see=consents", "see=address"):
        page = unescape(world.client.get(f"{own}?{query}").text)
        assert f'href="{own}?{query}{"&" if query else ""}lang=de"' in page, query
        assert 'lang="de"' in unescape(world.client.get(f"{own}?{query}&lang=de").text)
    page = unescape(world.client.get(f"{own}?lang=de").text)
    assert f'action="{own}?lang=de"' in page
    assert f'href="{own}?lang=de&edit={wish.id}"' in page
    done = world.client.post(f"{own}?lang=de", data={"action": "pause", "until": ""})
    assert done.headers["location"] == f"{own}?lang=de&done="
    assert world.again(person).locale == "en"


def _once_more(world: World, page: str, code: str) -> Response:
    """Press the button of a language on the answer to a form."""
    text = unescape(page)
    form = re.search(r'<form id="repeat" method="post" action="([^"]+)">(.*?)</form>', text, re.DOTALL)
    button = re.search(rf'formaction="([^"]+lang={code})"[^>]*>', text)
    assert form, text
    assert button, text
    fields = dict(re.findall(r'name="([^"]+)" value="([^"]*)"', form[2]))
    return world.client.post(button[1], data=fields)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"action": "save", "frequency": "never"}, 422),
        ({"action": "pause", "until": "1999-01-01"}, 422),
        ({"action": "rest", "preference": "WISH", "until": "1999-01-01"}, 422),
        ({"action": "add", "area": "no such disease at all", "region": "GB"}, 422),
        ({"action": "edit", "preference": "WISH", "area": "no such disease at all", "region": "GB"}, 422),
        ({"action": "address"}, 200),
        ({"action": "erase-now"}, 200),
    ],
)
def test_what_could_not_be_done_is_told_in_another_language(world: World, sent: dict[str, str], status: int) -> None:
    person = world.follower()
    (wish,) = world.preferences(person)
    sent = {name: value.replace("WISH", str(wish.id)) for name, value in sent.items()}
    own = path_of(world.links.preferences(person))
    page = world.client.post(own, data=sent)
    german = _once_more(world, page.text, "de")
    assert (page.status_code, german.status_code) == (status, status)
    assert '<html lang="de"' in german.text
    assert sent.get("area", "") in german.text, "what was typed is still there"
    french = _once_more(world, german.text, "fr")
    assert '<html lang="fr"' in french.text
    assert world.again(person).address == person.address


def test_who_left_long_ago_reads_that_in_another_language(world: World) -> None:
    person = world.follower()
    path = path_of(world.links.unsubscribe(person))
    world.client.post(path)
    world.clock.advance(timedelta(hours=1))
    again = world.client.post(path)
    assert "/undo/" not in again.text
    assert '<html lang="es"' in _once_more(world, again.text, "es").text


def test_a_page_that_nothing_gets_again_says_it_in_every_language(world: World) -> None:
    person = world.follower()
    erased = world.client.post(path_of(world.links.fresh(person)), data={"action": "erase-now"})
    for code in ("de", "fr", "es"):
        assert f'lang="{code}"' in erased.text, code
    assert "gelöscht" in erased.text

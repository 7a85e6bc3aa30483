"""Objecting to a handover: by the button of a mail's page, and on the page of settings; a GET changes nothing."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from sqlmodel import Session

from tests.web.conftest import World
from trialalerts.delivery.outbox.notices.announcing import cancel_announcement
from trialalerts.digests.announcements.handover import handovers_of
from trialalerts.digests.announcements.queueing import queue_announcement, start_announcement
from trialalerts.operations.handover.drafting import drafted_handover
from trialalerts.subscribers.account.objecting import has_objected
from trialalerts.subscribers.consent import list_consents
from trialalerts.subscribers.tables import Subscriber


def announce(world: World) -> int:
    """Announce that the service changes hands in forty days."""
    now = world.clock.now()
    with world.db.write() as session:
        day = (now + timedelta(days=40)).date()
        new = drafted_handover(session, world.settings, "Second Society", day=day, now=now)
        number = start_announcement(session, new, now=now).id or 0
    queue_announcement(world.db, world.settings, world.clock, number)
    return number


def path(link: str) -> str:
    """Return the link of a mail as the client here asks for it."""
    return urlsplit(link).path


def objects(world: World, subscriber: Subscriber) -> bool:
    with world.db.read() as session:
        return has_objected(session, subscriber)


def said(session: Session, subscriber: Subscriber) -> list[tuple[str, str]]:
    return [(line.how, line.what) for line in list_consents(session, subscriber) if "handover" in line.what]


@pytest.mark.parametrize(
    ("locale", "button", "noted"),
    [
        ("en", "Do not pass on my data", "Noted"),
        ("de", "Meine Daten nicht weitergeben", "Notiert"),
        ("fr", "Ne pas transmettre mes données", "C’est noté"),
        ("es", "No pasar mis datos", "Anotado"),
    ],
)
def test_the_page_of_the_mail_has_a_button_and_a_look_changes_nothing(
    world: World, locale: str, button: str, noted: str
) -> None:
    ada = world.follower(locale=locale)
    link = path(world.links.objection(ada))
    for _ in range(2):
        page = world.client.get(link)
        assert page.status_code == 200
        assert button in page.text
        assert "clerosis" not in page.text
        assert not objects(world, ada)
    for _ in range(2):
        answer = world.client.post(link)
        assert answer.status_code == 200
        assert noted in answer.text
        assert objects(world, ada)
    with world.db.read() as session:
        assert said(session, ada) == [("link", "handover refused")]


def test_the_settings_have_a_switch_while_it_is_announced_or_somebody_objects(world: World) -> None:
    ada = world.follower()
    settings = path(world.links.preferences(ada))
    assert 'id="handover"' not in world.client.get(settings).text
    announce(world)
    page = world.client.get(settings).text
    assert "Second Society is to take over, not before" in page
    assert not objects(world, ada)
    answer = world.client.post(settings, data={"action": "object"}, follow_redirects=True)
    assert "Noted: we pass on nothing about you." in answer.text
    assert "My data may be passed on" in answer.text
    assert objects(world, ada)
    with world.db.write() as session:
        cancel_announcement(session, handovers_of(session)[0][0])
    assert "My data may be passed on" in world.client.get(settings).text
    answer = world.client.post(settings, data={"action": "allow"}, follow_redirects=True)
    assert "Noted: your data may be passed on." in answer.text
    assert not objects(world, ada)
    assert 'id="handover"' not in answer.text
    with world.db.read() as session:
        assert said(session, ada) == [("web", "handover refused"), ("web", "handover allowed")]


def test_a_broken_link_or_that_of_another_page_changes_nothing(world: World) -> None:
    ada = world.follower()
    link = path(world.links.objection(ada))
    other = path(world.links.unsubscribe(ada)).replace("/unsubscribe/", "/object/")
    for wrong in (link[:-2] + "xy", other):
        assert world.client.post(wrong).status_code in {400, 404, 410}
        assert not objects(world, ada)


def test_the_page_with_the_notice_is_read_until_it_has_come_to_pass(world: World) -> None:
    ada = world.follower()
    number = announce(world)
    link = path(world.links.announcement(number, ada))
    world.clock.advance(timedelta(days=39))
    page = world.client.get(link)
    assert page.status_code == 200
    assert "Second Society takes over" in page.text
    assert "/object/" in page.text
    world.clock.advance(timedelta(days=60))
    assert world.client.get(link).status_code == 410


def test_what_is_kept_of_somebody_says_that_they_objected(world: World) -> None:
    ada = world.follower()
    world.client.post(path(world.links.objection(ada)))
    held = world.client.get(path(world.links.fresh(ada)) + "/data").json()
    assert [row["at"][:10] for row in held["objected_to_handover"]] == [world.clock.now().date().isoformat()]

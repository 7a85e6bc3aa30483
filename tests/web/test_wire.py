"""Compressed answers, forms that other sites send, and the sign-up in the frame of another site."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.web.conftest import World, open_world, path_of, settings_of
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.settings import WebSettings
from trialalerts.subscribers.tables import SubscriberState

SOCIETY = "https://www.society.example"
EVIL = "https://evil.example"


@pytest.fixture
def framed(sqlite_db: Database, clock: FrozenClock) -> Iterator[World]:
    """The service whose sign-up a society shows on its own pages."""
    yield from open_world(sqlite_db, clock, settings_of(web=WebSettings(port=0, embed_origins=(SOCIETY,))))


@pytest.mark.parametrize("path", ["/", "/subscribe?area=Asthma", "/privacy", "/static/style.css", "/static/script.js"])
def test_public_answers_are_compressed_for_who_takes_it(world: World, path: str) -> None:
    packed = world.client.get(path, headers={"Accept-Encoding": "gzip"})
    plain = world.client.get(path, headers={"Accept-Encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.content == plain.content
    assert int(packed.headers["content-length"]) < len(plain.content) / 2
    for answer in (packed, plain):
        assert "accept-encoding" in answer.headers["vary"].lower()


def test_a_page_behind_a_token_keeps_its_length_to_itself(world: World) -> None:
    person = world.follower()
    links = (world.links.preferences(person), world.links.unsubscribe(person))
    for path in (world.confirm_path(person), *map(path_of, links)):
        answer = world.client.get(path, headers={"Accept-Encoding": "gzip"})
        assert answer.status_code == 200
        assert "content-encoding" not in answer.headers


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "https://alerts.example.org"}, 200),
        ({"Origin": "null"}, 200),
        ({"Origin": "null", "Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": EVIL}, 403),
        ({"Origin": SOCIETY}, 403),
        ({"Origin": "null", "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "https://alerts.example.org.evil.example"}, 403),
        ({"Origin": "http://alerts.example.org"}, 403),
    ],
    ids=str,
)
def test_a_form_of_another_site_is_refused_and_stores_nothing(
    world: World, headers: dict[str, str], status: int
) -> None:
    answer = world.client.post("/subscribe", data=world.form(), headers=headers)
    assert answer.status_code == status
    assert bool(world.mails()) is (status == 200)
    assert ("This form came from another site" in answer.text) is (status == 403)


def test_what_a_token_proves_may_come_from_anywhere(world: World) -> None:
    person = world.follower()
    one_click = {"List-Unsubscribe": "One-Click"}
    path = path_of(world.links.unsubscribe(person))
    answer = world.client.post(path, data=one_click, headers={"Origin": EVIL, "Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 200
    assert world.again(person).state is SubscriberState.UNSUBSCRIBED


def test_a_site_that_may_show_the_sign_up_may_send_its_form_too(framed: World) -> None:
    headers = {"Origin": SOCIETY, "Sec-Fetch-Site": "cross-site"}
    assert framed.client.post("/subscribe", data=framed.form(), headers=headers).status_code == 200
    assert framed.client.post("/subscribe", data=framed.form(), headers={"Origin": EVIL}).status_code == 403


def test_only_the_embedded_form_may_stand_in_a_frame_and_only_in_those_named(framed: World) -> None:
    page = framed.client.get("/embed?area=Asthma&region=Leeds&lang=de")
    look = framed.client.post("/embed", data=framed.form(step=""))
    sent = framed.client.post("/embed", data=framed.form())
    wrong = framed.client.post("/embed", data=framed.form(address=""))
    for answer, status in ((page, 200), (look, 200), (sent, 200), (wrong, 422), (framed.client.get("/embed"), 200)):
        assert answer.status_code == status
        assert f"frame-ancestors {SOCIETY}" in answer.headers["content-security-policy"]
        assert "x-frame-options" not in answer.headers
        assert "<header" not in answer.text
    assert 'action="/embed?lang=de"' in page.text
    assert 'value="Asthma"' in page.text
    assert "Now look into your inbox" in sent.text
    assert len(framed.mails()) == 1
    for path in ("/", "/subscribe", "/privacy"):
        headers = framed.client.get(path).headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-frame-options"] == "DENY"


def test_without_such_a_site_there_is_nothing_to_embed(world: World) -> None:
    assert world.client.get("/embed").status_code == 404

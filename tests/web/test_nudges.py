"""Choosing to be told elsewhere: asked for by a fresh link, confirmed there by a button, taken away again."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from datetime import timedelta
from html import unescape

import pytest
from sqlmodel import select

from tests.nudges.stage import nudge, told, way_to
from tests.sources.registry_server import RegistryServer
from tests.web.conftest import World, open_world, path_of, settings_of
from tests.web.test_account import fresh_path, settings_path
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.database.audit import list_changes
from trialalerts.delivery.outbox.notices.kinds import NUDGE_CONFIRMATION
from trialalerts.delivery.outbox.tables import DeliveryState
from trialalerts.operations.retention.pruning import prune
from trialalerts.subscribers.tables import Consent, NudgeChoice, Subscriber

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it imports a module that Python is to drop
    import apprise

    apprise.Apprise.instantiate("json://localhost")


@pytest.fixture
def bell() -> Iterator[RegistryServer]:
    """A server that is told."""
    with RegistryServer() as server:
        server.serve("/told/my-topic", b"")
        yield server


@pytest.fixture
def world(sqlite_db: Database, clock: FrozenClock, bell: RegistryServer) -> Iterator[World]:
    """A service that offers two ways."""
    ways = (way_to(bell), way_to(bell, name="pager", label="Pager", to=r"\+[0-9]{6,15}", example="+441134960100"))
    yield from open_world(sqlite_db, clock, settings_of(nudges=ways))


def ask(world: World, person: Subscriber, **typed: str) -> tuple[int, str]:
    form = {"action": "nudges", "way": "bell", "recipient": "my-topic"} | typed
    answer = world.client.post(fresh_path(world, person), data=form, follow_redirects=True)
    return answer.status_code, unescape(answer.text)


def link_told(bell: RegistryServer) -> str:
    _, _, text = told(bell)[-1]
    return path_of(text.rpartition(" ")[2])


def choices(world: World) -> list[NudgeChoice]:
    with world.db.read() as session:
        return list(session.exec(select(NudgeChoice)))


def test_a_way_is_chosen_confirmed_there_and_taken_away_again(world: World, bell: RegistryServer) -> None:
    ada = world.follower()
    page = world.client.get(settings_path(world, ada)).text
    assert "A short message instead of a mail" in page
    assert "end-nudges" not in page
    form = world.client.get(f"{fresh_path(world, ada)}?see=nudges").text
    assert 'value="bell"' in form
    assert 'value="pager"' in form
    status, page = ask(world, ada)
    assert status == 200
    assert "We have sent a message there." in page
    assert "We have sent a message by Bell" in page
    assert "Leave all as it is" in page
    assert nudge(world.db, world.clock, world.settings).nudged == 1
    ((to, title, text),) = told(bell)
    assert (to, title) == ("my-topic", "Your messages")
    assert text.startswith("Shall we tell you here when there is news? Please say yes: https://")

    link = link_told(bell)
    shown = world.client.get(link)
    assert "Shall we tell you here?" in shown.text
    assert not re.search("ada@example|sclerosis|Leeds|trial", shown.text.partition("<main")[2], re.IGNORECASE)
    (chosen,) = choices(world)
    assert chosen.confirmed_at is None, "looking at it changes nothing"
    for _ in range(2):
        done = world.client.post(link)
        assert done.status_code == 200
        assert "we tell you there from now on" in done.text
    assert [mail.kind for mail in world.mails() if mail.state is DeliveryState.QUEUED] == ["nudges-begun"]
    (chosen,) = choices(world)
    assert (chosen.way, chosen.recipient, chosen.asked_way) == ("bell", "my-topic", None)
    with world.db.read() as session:
        assert [each.what for each in session.exec(select(Consent))][-1] == "nudges"
        (change,) = [each for each in list_changes(session) if "nudges" in each.action or each.new == "bell"]
        assert (change.who, change.old, change.new) == ("web", "mail", "bell")
    assert "Your news is told by Bell." in world.client.get(settings_path(world, ada)).text
    kept = world.client.get(f"{fresh_path(world, ada)}/data").json()
    assert kept["told_elsewhere"][0]["recipient"] == "my-topic"

    gone = world.client.post(settings_path(world, ada), data={"action": "end-nudges"}, follow_redirects=True)
    assert "Your news comes by mail." in gone.text
    assert choices(world) == []
    assert world.client.post(link).status_code == 410


def test_a_link_of_an_old_mail_changes_nothing_about_where_news_is_told(world: World) -> None:
    ada = world.follower()
    old = settings_path(world, ada)
    for answer in (
        world.client.get(f"{old}?see=nudges"),
        world.client.post(old, data={"action": "nudges", "way": "bell", "recipient": "my-topic"}),
    ):
        assert "my-topic" not in answer.text
        assert 'name="recipient"' not in answer.text
    assert choices(world) == []
    assert world.mails() == []


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"way": ""}, "Please choose one of the ways."),
        ({"way": "owl"}, "Please choose one of the ways."),
        ({"recipient": ""}, "It should look like this: my-topic"),
        ({"recipient": "MY TOPIC!"}, "It should look like this: my-topic"),
        ({"recipient": "../other"}, "It should look like this: my-topic"),
        ({"recipient": "https://evil.example/x"}, "It should look like this: my-topic"),
        ({"recipient": "a,b,c-and-more"}, "It should look like this: my-topic"),
        ({"way": "pager", "recipient": "my-topic"}, "It should look like this: +441134960100"),
    ],
    ids=["none", "unknown", "empty", "loud", "a path", "a URL", "several", "another way's"],
)
def test_what_does_not_fit_is_told_at_its_field_and_asks_nobody(world: World, typed: dict[str, str], said: str) -> None:
    status, page = ask(world, world.follower(), **typed)
    assert status == 422
    assert said in page
    assert "<title>Error" in page
    assert choices(world) == []
    assert world.mails() == []


def test_nobody_is_bombed_with_questions(world: World, bell: RegistryServer) -> None:
    ada, ben = world.follower(), world.follower("ben@example.org")
    answers = []
    for _ in range(6):
        answers.append(ask(world, ada)[0])
        world.clock.advance(timedelta(seconds=1))
    assert answers == [200] * 5 + [422]
    status, page = ask(world, ben)
    assert status == 422, "another reader cannot ask there any more today, either"
    assert "We have asked there often enough" in page
    assert ask(world, ben, recipient="another-topic")[0] == 200
    nudge(world.db, world.clock, world.settings)
    assert [to for to, _, _ in told(bell)].count("my-topic") == 1, "only the last question still stands"


def test_what_was_asked_for_ends_after_a_day_and_is_forgotten(world: World, bell: RegistryServer) -> None:
    ada = world.follower()
    ask(world, ada)
    nudge(world.db, world.clock, world.settings)
    link = link_told(bell)
    world.clock.advance(timedelta(hours=25))
    assert world.client.post(link).status_code == 410
    assert choices(world)[0].confirmed_at is None
    assert "wait for your yes" not in world.client.get(settings_path(world, ada)).text
    world.clock.advance(timedelta(days=8))
    prune(world.db, world.settings, world.clock.now())
    assert choices(world) == []


def test_another_way_is_asked_while_the_first_goes_on(world: World, bell: RegistryServer) -> None:
    ada = world.follower()
    ask(world, ada)
    nudge(world.db, world.clock, world.settings)
    world.client.post(link_told(bell))
    bell.serve("/told/+441134960100", b"")
    world.clock.advance(timedelta(hours=1))
    ask(world, ada, way="pager", recipient="+44 113 496 0100")
    (chosen,) = choices(world)
    assert (chosen.way, chosen.asked_way, chosen.asked_recipient) == ("bell", "pager", "+441134960100")
    nudge(world.db, world.clock, world.settings)
    world.client.post(link_told(bell))
    (chosen,) = choices(world)
    assert (chosen.way, chosen.recipient) == ("pager", "+441134960100")


def test_a_question_that_never_gets_through_is_given_up_and_no_mail_follows(world: World, bell: RegistryServer) -> None:
    ada = world.follower()
    ask(world, ada, recipient="nobody-listens")
    for _ in range(60):
        nudge(world.db, world.clock, world.settings)
        world.clock.advance(timedelta(minutes=15))
    (asked,) = world.mails()
    assert (asked.kind, asked.state.value) == (NUDGE_CONFIRMATION, "failed")
    assert len(told(bell)) < 20


def test_who_has_left_confirms_nothing(world: World, bell: RegistryServer) -> None:
    ada = world.follower()
    ask(world, ada)
    nudge(world.db, world.clock, world.settings)
    world.client.post(path_of(world.links.unsubscribe(ada)), data={"List-Unsubscribe": "One-Click"})
    assert world.client.post(link_told(bell)).status_code == 410
    assert choices(world)[0].confirmed_at is None


def test_where_nothing_is_offered_the_settings_say_nothing_of_it(sqlite_db: Database, clock: FrozenClock) -> None:
    for world in open_world(sqlite_db, clock, settings_of()):
        ada = world.follower()
        assert "nudges" not in world.client.get(settings_path(world, ada)).text
        assert world.client.post(fresh_path(world, ada), data={"action": "nudges"}).status_code in {303, 422}
        assert choices(world) == []

"""Posts that come together are committed together: none is lost, none is answered before, each is told its own."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from sqlalchemy import event
from sqlmodel import Session, col, select

from benchmarks.visited import SETTINGS
from tests.web.conftest import SECRET, World, open_world, path_of, settings_of
from trialalerts.clock import FrozenClock, SystemClock
from trialalerts.database import Database, engine, open_database
from trialalerts.database.service_values import ServiceValue, put_value
from trialalerts.delivery.outbox.notices.kinds import GOODBYE
from trialalerts.errors import DatabaseUnavailable
from trialalerts.net.http import ssl_context
from trialalerts.subscribers.links import Links
from trialalerts.subscribers.people import NewSubscriber, add_subscriber
from trialalerts.subscribers.tables import Consent, ConsentAction, Subscriber, SubscriberState
from trialalerts.web.wire.group_commit import GroupCommit

ONE_CLICK = {"List-Unsubscribe": "One-Click"}
REPOSITORY = Path(__file__).parents[2]


def _keep(session: Session, asked: Sequence[str]) -> Sequence[str]:
    for name in asked:
        if name == "bad":
            raise ValueError("bad")
        put_value(session, name, "kept")
    return [name.upper() for name in asked]


def _kept(db: Database) -> set[str]:
    with db.read() as session:
        return set(session.exec(select(ServiceValue.name).where(ServiceValue.value == "kept")))


async def _submit_all(commits: GroupCommit[str, str], names: Sequence[str]) -> list[str | BaseException]:
    return await asyncio.gather(*(commits.submit(name) for name in names), return_exceptions=True)


def test_what_comes_while_one_is_written_waits_and_is_written_together(db: Database) -> None:
    groups: list[list[str]] = []
    begun, go_on = threading.Event(), threading.Event()

    def write(session: Session, asked: Sequence[str]) -> Sequence[str]:
        groups.append(list(asked))
        begun.set()
        go_on.wait(30)
        return _keep(session, asked)

    async def work() -> list[str | BaseException]:
        commits = GroupCommit(db, write)
        first = asyncio.create_task(commits.submit("a"))
        await asyncio.to_thread(begun.wait, 30)
        rest = asyncio.create_task(_submit_all(commits, ["b", "c", "d"]))
        await asyncio.sleep(0)  # the task runs until all three wait
        await asyncio.sleep(0)
        go_on.set()
        return [await first, *await rest]

    assert asyncio.run(work()) == ["A", "B", "C", "D"]
    assert groups == [["a"], ["b", "c", "d"]]
    assert _kept(db) == {"a", "b", "c", "d"}


def test_an_answer_comes_only_after_the_commit(db: Database) -> None:
    happened: list[str] = []

    def committed(_: object) -> None:
        happened.append("commit")

    async def work() -> None:
        commits = GroupCommit(db, _keep)
        happened.append(await commits.submit("a"))
        happened.append(await commits.submit("b"))

    event.listen(db.engine, "commit", committed)
    asyncio.run(work())
    event.remove(db.engine, "commit", committed)
    assert happened == ["commit", "A", "commit", "B"]


@pytest.mark.parametrize("names", [["bad"], ["a", "bad", "b"], ["bad", "a", "bad", "b"]], ids=len)
def test_one_bad_thing_harms_only_itself(db: Database, names: list[str]) -> None:
    answers = asyncio.run(_submit_all(GroupCommit(db, _keep), names))
    assert [type(each) for each in answers] == [ValueError if name == "bad" else str for name in names]
    assert _kept(db) == set(names) - {"bad"}


def test_who_has_gone_meanwhile_stops_nobody_else(db: Database) -> None:
    async def work() -> list[str | BaseException]:
        commits = GroupCommit(db, _keep)
        gone = asyncio.create_task(commits.submit("a"))
        rest = asyncio.create_task(_submit_all(commits, ["b", "c"]))
        await asyncio.sleep(0)
        gone.cancel()
        return await rest

    assert asyncio.run(work()) == ["B", "C"]
    assert {"b", "c"} <= _kept(db)


@contextmanager
def _locked(db: Database) -> Iterator[None]:
    with db.engine.connect() as connection:
        connection.exec_driver_sql("SELECT 1")  # SQLAlchemy begins by this, and with BEGIN IMMEDIATE
        yield
        connection.rollback()


@pytest.fixture
def hasty(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """A database that waits for its lock for a twentieth of a second, not for half a minute."""
    monkeypatch.setattr(engine, "_SQLITE_BUSY_MILLISECONDS", 50)
    with open_database(sqlite_url) as db:
        yield db


def test_while_the_database_is_locked_all_are_told_so_and_nothing_is_stored(hasty: Database) -> None:
    with _locked(hasty):
        answers = asyncio.run(_submit_all(GroupCommit(hasty, _keep), ["a", "b", "c"]))
    assert [type(each) for each in answers] == [DatabaseUnavailable] * 3
    assert _kept(hasty) == set()


def test_a_post_to_a_locked_database_is_not_acknowledged_and_works_when_it_comes_again(
    hasty: Database, clock: FrozenClock
) -> None:
    for world in open_world(hasty, clock, settings_of()):
        people = [world.follower(f"p{number}@example.org") for number in range(3)]
        with _locked(hasty):
            assert {answer.status_code for answer in _posts(world, people)} == {503}
        assert {world.again(person).state for person in people} == {SubscriberState.ACTIVE}
        assert {answer.status_code for answer in _posts(world, people)} == {200}
        assert {world.again(person).state for person in people} == {SubscriberState.UNSUBSCRIBED}


def _posts(world: World, people: Sequence[Subscriber], typed: Sequence[dict[str, str]] = ()) -> list[httpx.Response]:
    bodies = typed or [ONE_CLICK] * len(people)
    paths = [path_of(world.links.one_click(person)) for person in people]
    with ThreadPoolExecutor(12) as threads:
        return list(threads.map(lambda path, body: world.client.post(path, data=body), paths, bodies))


def test_posts_at_the_same_time_let_each_go_once(each_world: World) -> None:
    people = [each_world.follower(f"p{number}@example.org") for number in range(8)]
    buttons = [ONE_CLICK, {"action": "unsubscribe"}, ONE_CLICK] * 8
    answers = _posts(each_world, people * 3, buttons)
    assert {answer.status_code for answer in answers} == {200}
    with each_world.db.read() as session:
        gone = select(Consent.subscriber_id).where(col(Consent.action) == ConsentAction.UNSUBSCRIBED)
        assert Counter(session.exec(gone)) == {person.id: 1 for person in people}
    assert Counter(mail.subscriber_id for mail in each_world.mails() if mail.kind == GOODBYE) == {
        person.id: 1 for person in people
    }


def test_a_mail_program_gets_a_line_of_text_and_a_person_a_page(world: World) -> None:
    person, other = world.follower(), world.follower("bob@example.org")
    machine, page = _posts(world, [person, other], [ONE_CLICK, {"action": "unsubscribe"}])
    assert machine.headers["content-type"] == "text/plain; charset=utf-8"
    assert machine.text == "Done. No more mails. One that was just leaving may still arrive.\n"
    assert "/undo/" in page.text


def test_what_was_acknowledged_is_there_after_the_server_is_killed(db: Database) -> None:
    assert SETTINGS.service.secret.get_secret_value() != SECRET
    links = Links(SETTINGS, SystemClock())
    with db.write() as session:
        new = [NewSubscriber(address=f"p{number}@example.org") for number in range(60)]
        added = [add_subscriber(session, each, confirmed=True, how="web", now=SystemClock().now()) for each in new]
        people = {path_of(links.unsubscribe(each.subscriber)): each.subscriber.id for each in added}
    url = db.engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-m", "benchmarks.visited", url]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=REPOSITORY
    ) as server:
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        tls = ssl_context()  # to read the certificates for each answer takes longer than the answer
        acknowledged = _until_killed(
            people, lambda path: httpx.post(address + path, data=ONE_CLICK, verify=tls, timeout=60), server.kill
        )
    assert acknowledged
    with db.read() as session:
        gone = select(Subscriber.id).where(col(Subscriber.state) == SubscriberState.UNSUBSCRIBED)
        assert {people[path] for path in acknowledged} <= set(session.exec(gone))


def _until_killed(
    paths: Sequence[str] | dict[str, int | None], post: Callable[[str], httpx.Response], kill: Callable[[], None]
) -> list[str]:
    """Post to all, kill the server after the twelfth answer, and return those that it had said are done."""
    acknowledged: list[str] = []
    with ThreadPoolExecutor(8) as threads:
        waiting = {threads.submit(post, path): path for path in paths}
        for answered in as_completed(waiting):
            if answered.exception() is None and answered.result().status_code == httpx.codes.OK:
                acknowledged.append(waiting[answered])
            if len(acknowledged) == 12:
                kill()
    kill()
    return acknowledged

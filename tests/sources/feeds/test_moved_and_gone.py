"""A feed that moved for good is asked at its new place; one that is gone for good is not asked again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.sources.poll_stage import items_of, settings_of, state_of
from tests.sources.registry_server import Fault, Handler, RegistryServer, respond
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.database.findings import open_findings
from trialalerts.settings import HttpSettings, Settings
from trialalerts.sources.polling.poll import PollCount, poll_due

FEED = b'<rss version="2.0"><channel><title>N</title><item><guid>1</guid><title>News</title></item></channel></rss>'


def settings_for(http: HttpSettings, url: str) -> Settings:
    return settings_of(http, {"name": "news", "kind": "feed", "url": url, "every": "1h"})


def poll(db: Database, settings: Settings, clock: FrozenClock, *, force: bool = False) -> list[PollCount]:
    clock.advance(timedelta(days=2))
    return poll_due(db, settings, clock, force=force)


def findings(db: Database) -> list[tuple[str, str, str]]:
    with db.read() as session:
        return [(finding.kind, finding.subject, finding.text) for finding in open_findings(session)]


def fault(act: Callable[[Handler], None], path: str, times: int = 1) -> Fault:
    return Fault(act=act, when=lambda request: request.path == path, times=times)


def redirect(server: RegistryServer, status: int, to: str, times: int = 1) -> None:
    server.faults.append(fault(respond(status, headers={"Location": to}), "/old", times))


@pytest.mark.parametrize("status", [301, 308])
def test_where_a_feed_moved_to_for_good_is_remembered_and_told(
    db: Database, server: RegistryServer, http_settings: HttpSettings, clock: FrozenClock, status: int
) -> None:
    settings = settings_for(http_settings, server.serve("/old", FEED))
    new = server.serve("/new", FEED)
    redirect(server, status, new)
    poll(db, settings, clock)
    assert findings(db) == [
        ("source-moved", "news", f"Source news has moved for good: {new} is asked; set it as the source's url.")
    ]
    asked = len(server.requests)
    poll(db, settings, clock)
    assert [request.path for request in server.requests[asked:]] == ["/new"]
    assert [kind for kind, _, _ in findings(db)] == ["source-moved"]


@pytest.mark.parametrize("status", [302, 303, 307])
def test_a_detour_for_today_is_not_remembered(
    db: Database, server: RegistryServer, http_settings: HttpSettings, clock: FrozenClock, status: int
) -> None:
    settings = settings_for(http_settings, server.serve("/old", FEED))
    redirect(server, status, server.serve("/new", FEED))
    poll(db, settings, clock)
    poll(db, settings, clock)
    assert server.requests[-1].path == "/old"
    assert findings(db) == []


def test_behind_a_detour_nothing_is_for_good(
    db: Database, server: RegistryServer, http_settings: HttpSettings, clock: FrozenClock
) -> None:
    settings = settings_for(http_settings, server.serve("/old", FEED))
    new = server.serve("/new", FEED)
    redirect(server, 302, new)
    server.faults.append(fault(respond(301, headers={"Location": new + "er"}), "/new", 1))
    server.serve("/newer", FEED)
    poll(db, settings, clock)
    assert findings(db) == []


def test_where_the_new_place_fails_the_old_address_says_what_is_right(
    db: Database, server: RegistryServer, http_settings: HttpSettings, clock: FrozenClock
) -> None:
    settings = settings_for(http_settings, server.serve("/old", FEED))
    redirect(server, 301, server.serve("/new", FEED))
    poll(db, settings, clock)
    server.faults.append(fault(respond(404), "/new", 9))
    (count,) = poll(db, settings, clock)
    assert (count.error, findings(db)) == (None, [])
    assert "moved_to" not in state_of(db, "news").cursor


def test_a_changed_url_forgets_where_the_old_one_led(
    db: Database, server: RegistryServer, http_settings: HttpSettings, clock: FrozenClock
) -> None:
    redirect(server, 301, server.serve("/new", FEED))
    poll(db, settings_for(http_settings, server.serve("/old", FEED)), clock)
    poll(db, settings_for(http_settings, server.serve("/third", FEED)), clock)
    assert (server.requests[-1].path, findings(db)) == ("/third", [])


def test_a_feed_that_is_gone_for_good_is_not_asked_again(
    db: Database, server: RegistryServer, http_settings: HttpSettings, clock: FrozenClock
) -> None:
    settings = settings_for(http_settings, server.serve("/old", FEED))
    poll(db, settings, clock)
    server.faults.append(fault(respond(410), "/old", 1))
    (count,) = poll(db, settings, clock)
    assert count.error is not None
    assert "gone for good, and not asked again" in count.error
    assert [(kind, subject) for kind, subject, _ in findings(db)] == [("source-gone", "news")]
    asked = len(server.requests)
    assert poll(db, settings, clock) == poll(db, settings, clock) == []
    assert len(server.requests) == asked
    assert list(items_of(db)) == ["1"]


@pytest.mark.parametrize("how", ["by hand", "under a new url"])
def test_what_is_gone_comes_back_by_hand_or_under_a_new_url(
    db: Database, server: RegistryServer, http_settings: HttpSettings, clock: FrozenClock, how: str
) -> None:
    settings = settings_for(http_settings, server.serve("/old", FEED))
    server.faults.append(fault(respond(410), "/old", 1))
    poll(db, settings, clock)
    if how == "under a new url":
        settings = settings_for(http_settings, server.serve("/new", FEED))
    (count,) = poll(db, settings, clock, force=how == "by hand")
    assert (count.error, findings(db)) == (None, [])
    assert state_of(db, "news").gone is None


def test_not_found_is_no_goodbye(
    db: Database, server: RegistryServer, http_settings: HttpSettings, clock: FrozenClock
) -> None:
    settings = settings_for(http_settings, server.serve("/old", FEED))
    server.faults.append(fault(respond(404), "/old", 1))
    poll(db, settings, clock)
    (count,) = poll(db, settings, clock)
    assert (count.error, findings(db)) == (None, [])

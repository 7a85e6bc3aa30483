"""What machines ask of a running service: does it live, does anything stand still, its figures."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlmodel import select

from tests.digests.stage import store_subscriber
from tests.web.conftest import World
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.database.findings import note_finding
from trialalerts.database.heartbeats import Beat, write_beats
from trialalerts.database.service_values import ServiceValue
from trialalerts.operations.metrics import METRIC_NAMES, RequestMetrics, ServiceMetrics
from trialalerts.pipeline import Pipeline
from trialalerts.settings import Settings
from trialalerts.subscribers.tables import Subscriber
from trialalerts.web.app import create_app
from trialalerts.web.server import WebServer

MONITORING = Path(__file__).parent.parent.parent / "docs" / "monitoring"


def overdue_by(world: World, late: timedelta) -> None:
    with world.db.write() as session:
        store_subscriber(session, "ann", world.clock.now() - late, cursor=0)


def test_a_service_that_works_is_alive_and_ready(each_world: World) -> None:
    assert each_world.client.get("/healthz").json() == {"status": "ok"}
    ready = each_world.client.get("/readyz")
    assert (ready.status_code, ready.json()) == (200, {"ready": True, "stands_still": []})


def test_with_people_overdue_it_is_alive_and_not_ready(each_world: World) -> None:
    overdue_by(each_world, timedelta(days=30))
    assert each_world.client.get("/healthz").status_code == 200
    ready = each_world.client.get("/readyz")
    assert ready.status_code == 503
    (still,) = ready.json()["stands_still"]
    assert still["kind"] == "overdue"
    assert "1 person is overdue" in still["text"]
    assert "example.org" not in ready.text


def test_a_missing_heartbeat_counts_only_where_work_is_overdue(each_world: World) -> None:
    with each_world.db.write() as session:
        long_ago = each_world.clock.now() - timedelta(days=2)
        write_beats(session, "machine:1", [Beat(step="compose", started_at=long_ago, finished_at=long_ago)])
    assert each_world.client.get("/readyz").status_code == 200


def test_what_only_deserves_a_look_leaves_the_service_ready(each_world: World) -> None:
    with each_world.db.write() as session:
        note_finding(session, "mail-refused", "the-smiths.example", "refused", now=each_world.clock.now())
        note_finding(session, "category-not-understood", "news: asthma", "asthma?", now=each_world.clock.now())
    assert each_world.client.get("/readyz").json() == {"ready": True, "stands_still": []}


def test_a_service_without_its_database_is_neither(world: World) -> None:
    with world.db.write() as session:
        session.connection().exec_driver_sql("DROP TABLE alembic_version")
        session.connection().exec_driver_sql("DROP TABLE heartbeat")
    assert world.client.get("/healthz").status_code == 503
    ready = world.client.get("/readyz")
    assert ready.status_code == 503
    assert ready.json()["stands_still"][0]["kind"] == "database"


def test_who_may_not_write_is_not_alive(world: World) -> None:
    path = Path(world.db.engine.url.database or "")
    world.db.dispose()
    with world.db.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA query_only = 1")
        connection.commit()
    assert path.exists()
    assert world.client.get("/healthz").status_code == 503


def metrics(world: World, **headers: str) -> dict[str, list[tuple[dict[str, str], float]]]:
    answer = world.client.get("/metrics", headers=headers)
    assert answer.status_code == 200
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def test_the_figures_are_those_of_the_database(each_world: World) -> None:
    world = each_world
    world.follower()
    overdue_by(world, timedelta(hours=5))
    with world.db.write() as session:
        start, end = world.clock.now() - timedelta(seconds=12), world.clock.now()
        write_beats(session, "machine:1", [Beat(step="compose", started_at=start, finished_at=end)])
    Pipeline(world.settings, world.db, world.clock).watch()
    found = metrics(world)
    assert ({"state": "active"}, 2.0) in found["trialalerts_subscribers"]
    assert found["trialalerts_subscribers_overdue"] == [({}, 1.0)]
    assert found["trialalerts_overdue_seconds"] == [({}, 5 * 3600.0)]
    assert ({"step": "compose"}, 12.0) in found["trialalerts_step_duration_seconds"]
    assert ({"kind": "overdue"}, 1.0) in found["trialalerts_standstill"]
    world.client.get("/privacy")
    requests = metrics(world)["trialalerts_web_requests_total"]
    assert ({"route": "/privacy", "method": "GET", "status": "200"}, 1.0) in requests


def test_no_figure_tells_who_or_what_somebody_follows(world: World) -> None:
    person = world.follower("zoe@the-smiths.example")
    world.client.get(world.confirm_path(person))
    answer = world.client.get("/metrics").text
    for secret in ("zoe", "smiths", "sclerosis", person.key):
        assert secret not in answer


def test_strangers_get_no_figures(world: World) -> None:
    for name in ("X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"):
        assert world.client.get("/metrics", headers={name: "198.51.100.7"}).status_code == 404
    assert world.client.get("/metrics").status_code == 200  # from loopback


@pytest.mark.parametrize(("given", "status"), [("a long secret", 200), ("another", 404), ("a long secret2", 404)])
def test_a_token_opens_them_from_elsewhere(world: World, given: str, status: int) -> None:
    web = world.settings.web.model_copy(update={"metrics_token": "a long secret", "port": 0})
    settings = Settings.model_validate(
        world.settings.model_dump() | {"web": web.model_dump(), "service": world.settings.service}
    )
    server = WebServer(settings, create_app(settings, world.db, world.clock))
    server.start()
    try:
        headers = {"Authorization": f"Bearer {given}", "X-Forwarded-For": "198.51.100.7"}
        assert httpx.get(f"{server.url}/metrics", headers=headers, timeout=60).status_code == status
    finally:
        server.stop()


def test_slow_counts_are_made_every_few_minutes_only(db: Database, clock: FrozenClock) -> None:
    shown = ServiceMetrics(Settings(), db, clock)
    with db.write() as session:
        person = store_subscriber(session, "ann", clock.now())
    assert b'trialalerts_subscribers{state="active"} 1.0' in shown.exposition(RequestMetrics())
    with db.write() as session:
        session.delete(session.get_one(Subscriber, person.id))
    assert b'trialalerts_subscribers{state="active"} 1.0' in shown.exposition(RequestMetrics())
    clock.advance(timedelta(minutes=16))
    assert b'trialalerts_subscribers{state="active"}' not in shown.exposition(RequestMetrics())
    with db.read() as session:
        assert session.exec(select(ServiceValue).where(ServiceValue.name == "counts")).one()


class TestMonitoringFiles:
    """The dashboard and the alert rules ask only for what is shown, and each of ours is explained."""

    def asked(self, text: str) -> set[str]:
        names = set(re.findall(r"\btrialalerts_[a-z_]+", text))
        return {re.sub(r"_(bucket|sum|count)$", "", name) for name in names}

    def test_what_is_shown_is_what_is_promised(self, world: World) -> None:
        names = {re.sub(r"_(bucket|sum|count|created)$", "", name) for name in metrics(world)}
        types = set(re.findall(r"^# TYPE (\S+)", world.client.get("/metrics").text, re.MULTILINE))
        shown = {name for name in names | types if not name.endswith("_created")}
        assert shown == set(METRIC_NAMES)

    @pytest.mark.parametrize("name", ["grafana-dashboard.json", "alert-rules.yml"])
    def test_a_file_asks_for_real_metrics(self, name: str) -> None:
        asked = self.asked((MONITORING / name).read_text("utf-8"))
        assert asked
        assert asked <= set(METRIC_NAMES)

    def test_the_dashboard_is_one(self) -> None:
        board = json.loads((MONITORING / "grafana-dashboard.json").read_text("utf-8"))
        assert board["title"]
        assert all(panel["targets"][0]["expr"] for panel in board["panels"])

    def test_the_page_about_metrics_names_each(self) -> None:
        page = (MONITORING.parent / "reference" / "metrics.md").read_text("utf-8")
        assert [name for name in METRIC_NAMES if f"`{name}`" not in page] == []

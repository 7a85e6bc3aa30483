"""The figures of the service as Prometheus reads them: counts, ages and times, nothing of anybody.

What is cheap is asked at each scrape. Counts that look through whole tables are made every few minutes and kept as a
service value, so that a scrape costs the same with ten subscribers and with a million.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from sqlmodel import Session, col, func, select

from trialalerts import __version__
from trialalerts.clock import Clock
from trialalerts.database import Database, current_number
from trialalerts.database.counter import CHANGES
from trialalerts.database.heartbeats import heartbeats
from trialalerts.delivery.outbox import counters
from trialalerts.delivery.outbox.notices.tables import Announcement, AnnouncementState
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState, DomainTally
from trialalerts.digests.overdue import overdue
from trialalerts.digests.tables import Digest
from trialalerts.hooks.status import hook_statuses
from trialalerts.operations.watch.counts import TableCounts, table_counts
from trialalerts.operations.watch.latencies import BOUNDS, read_latencies
from trialalerts.operations.watch.standstills import lateness
from trialalerts.operations.watch.tables import Alert
from trialalerts.settings import Settings
from trialalerts.sources.tables import SourceState
from trialalerts.subscribers.tables import Subscriber, SubscriberState

__all__ = ["METRIC_NAMES", "RequestMetrics", "ServiceMetrics", "domain_class"]

_A_DAY = timedelta(days=1)
_STALE = timedelta(minutes=15)
"""Where a watch is at work the counts are five minutes old at most."""
_CLASSES = {
    "google": ("gmail.com", "googlemail.com"),
    "microsoft": ("outlook.com", "hotmail.com", "live.com", "msn.com", "hotmail.co.uk", "hotmail.fr", "outlook.de"),
    "yahoo": ("yahoo.com", "yahoo.co.uk", "yahoo.de", "yahoo.fr", "yahoo.es", "aol.com", "ymail.com"),
    "apple": ("icloud.com", "me.com", "mac.com"),
    "united-internet": ("gmx.de", "gmx.net", "gmx.at", "gmx.ch", "web.de", "1und1.de"),
    "orange": ("orange.fr", "wanadoo.fr"),
    "telekom": ("t-online.de",),
}
_CLASS_OF = {domain: name for name, domains in _CLASSES.items() for domain in domains}

METRIC_NAMES = (
    "trialalerts_build_info",
    "trialalerts_items",
    "trialalerts_changes_total",
    "trialalerts_subscribers",
    "trialalerts_subscribers_due",
    "trialalerts_subscribers_overdue",
    "trialalerts_overdue_seconds",
    "trialalerts_digests_total",
    "trialalerts_announcements",
    "trialalerts_deliveries",
    "trialalerts_queue_length",
    "trialalerts_queue_age_seconds",
    "trialalerts_mails_last_day",
    "trialalerts_domain_answers_last_day",
    "trialalerts_step_last_start_timestamp_seconds",
    "trialalerts_step_last_success_timestamp_seconds",
    "trialalerts_step_last_failure_timestamp_seconds",
    "trialalerts_step_duration_seconds",
    "trialalerts_change_to_mail_seconds",
    "trialalerts_source_last_success_timestamp_seconds",
    "trialalerts_source_failures",
    "trialalerts_standstill",
    "trialalerts_webhook_calls_sent_total",
    "trialalerts_webhook_tries_failed_total",
    "trialalerts_webhook_calls_waiting",
    "trialalerts_web_requests_total",
    "trialalerts_web_request_duration_seconds",
)
"""All that ``/metrics`` shows of ours; the dashboard and the alert rules are held to it."""


def domain_class(domain: str) -> str:
    """Return the large provider that a recipient's domain belongs to, or ``other``: a small domain may be a person.

    >>> domain_class("googlemail.com"), domain_class("family-smith.example")
    ('google', 'other')
    """
    return _CLASS_OF.get(domain, "other")


class RequestMetrics:
    """The requests that this process answered, by route (its template, never the path), method and status."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "trialalerts_web_requests", "Requests answered.", ("route", "method", "status"), registry=self.registry
        )
        self._seconds = Histogram(
            "trialalerts_web_request_duration_seconds", "How long answers took.", ("route",), registry=self.registry
        )

    def note(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one answer."""
        known = method if method in {"GET", "HEAD", "POST", "OPTIONS"} else "other"
        self._requests.labels(route, known, str(status)).inc()
        self._seconds.labels(route).observe(seconds)


class ServiceMetrics(Collector):
    """Collects the figures of the service from the database, at each scrape."""

    def __init__(self, settings: Settings, db: Database, clock: Clock) -> None:
        self._settings = settings
        self._db = db
        self._clock = clock

    def exposition(self, requests: RequestMetrics) -> bytes:
        """Return all figures in Prometheus' text format."""
        own = CollectorRegistry(auto_describe=False)
        own.register(self)
        return generate_latest(own) + generate_latest(requests.registry)

    def describe(self) -> Iterable[Metric]:
        """Name nothing in advance: a registry is made for each scrape."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """Give the figures as they stand."""
        now = self._clock.now()
        build = GaugeMetricFamily("trialalerts_build_info", "The version at work.", labels=["version"])
        build.add_metric([__version__], 1)
        yield build
        counts = table_counts(self._db, now, within=_STALE)
        with self._db.read() as session:
            yield from _slow(counts)
            yield from self._people(session, now)
            yield from _mails(session, now)
            yield _announcements(session)
            yield from _steps(session)
            yield _latencies(session)
            yield from self._sources(session)
            yield _standstills(session)
            yield from _webhooks(session)

    def _people(self, session: Session, now: datetime) -> Iterator[Metric]:
        active = col(Subscriber.state) == SubscriberState.ACTIVE
        due = select(func.count()).select_from(Subscriber).where(active, col(Subscriber.next_due_at) <= now)
        yield _gauge("trialalerts_subscribers_due", "People whose hour has come.", session.exec(due).one())
        late = overdue(session, now - lateness(heartbeats(session)))
        yield _gauge("trialalerts_subscribers_overdue", "People who wait longer than they should.", late.people)
        waited = (now - late.since).total_seconds() if late.people and late.since else 0.0
        yield _gauge("trialalerts_overdue_seconds", "How long the first of them waits.", waited)

    def _sources(self, session: Session) -> Iterator[Metric]:
        read = GaugeMetricFamily(
            "trialalerts_source_last_success_timestamp_seconds", "When a source was last read to its end.",
            labels=["source"],
        )  # fmt: skip
        failed = GaugeMetricFamily("trialalerts_source_failures", "Failed polls in a row.", labels=["source"])
        for source in self._settings.sources:
            state = session.get(SourceState, source.name)
            if state is not None:
                failed.add_metric([source.name], state.error_count)
                if state.last_success_at is not None:
                    read.add_metric([source.name], state.last_success_at.timestamp())
        yield read
        yield failed


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)


def _slow(counts: TableCounts) -> Iterator[Metric]:
    items = GaugeMetricFamily("trialalerts_items", "Trials and articles.", labels=["kind", "state"])
    for kind, state, number in counts.items:
        items.add_metric([kind, state], number)
    people = GaugeMetricFamily("trialalerts_subscribers", "People by state.", labels=["state"])
    for state, number in counts.subscribers:
        people.add_metric([state], number)
    mails = GaugeMetricFamily(
        "trialalerts_deliveries", "Mails by state and the transport that took them.", labels=["state", "transport"]
    )
    for state, transport, number in counts.deliveries:
        mails.add_metric([state, transport], number)
    yield from (items, people, mails)


def _mails(session: Session, now: datetime) -> Iterator[Metric]:
    changes = current_number(session, CHANGES)
    yield CounterMetricFamily("trialalerts_changes", "Changes worth telling, since ever.", value=changes)
    digests = session.exec(select(func.max(Digest.id))).one()
    yield CounterMetricFamily("trialalerts_digests", "Digests composed, since ever.", value=digests or 0)
    due = (col(Delivery.state) == DeliveryState.QUEUED) & (col(Delivery.not_before) <= now)
    number, since = session.exec(select(func.count(), func.min(Delivery.not_before)).where(due)).one()
    yield _gauge("trialalerts_queue_length", "Mails that are due and have not left.", number)
    waited = (now - since).total_seconds() if since else 0.0
    yield _gauge("trialalerts_queue_age_seconds", "How long the first of them waits.", waited)
    counts = GaugeMetricFamily(
        "trialalerts_mails_last_day", "What became of mails in the last 24 hours.", labels=["what"]
    )
    for what, number in counters.since(session, counters.hour_of(now - _A_DAY)).items():
        counts.add_metric([what.value], number)
    yield counts
    answers: dict[tuple[str, str], int] = {}
    asked = select(DomainTally.domain, DomainTally.what, func.sum(DomainTally.count)).where(
        col(DomainTally.hour) >= counters.hour_of(now - _A_DAY), col(DomainTally.domain) != ""
    )  # fmt: skip
    for domain, said, some in session.exec(asked.group_by(DomainTally.domain, DomainTally.what)):
        key = domain_class(domain), said
        answers[key] = answers.get(key, 0) + int(some)
    family = GaugeMetricFamily(
        "trialalerts_domain_answers_last_day", "How mail servers answered in the last 24 hours, by large provider.",
        labels=["provider", "answer"],
    )  # fmt: skip
    for (name, said), some in sorted(answers.items()):
        family.add_metric([name, said], some)
    yield family


def _announcements(session: Session) -> Metric:
    family = GaugeMetricFamily("trialalerts_announcements", "Announcements as they stand.", labels=["state"])
    counted = select(Announcement.state, func.count()).group_by(Announcement.state)
    numbers = dict(session.exec(counted).all())
    for state in AnnouncementState:
        family.add_metric([state.value], numbers.get(state, 0))
    return family


def _steps(session: Session) -> Iterator[Metric]:
    """Give for each step its newest times, whichever process did it; how long it took where it has ended."""
    families = {
        name: GaugeMetricFamily(f"trialalerts_step_{name}", text, labels=["step"])
        for name, text in (
            ("last_start_timestamp_seconds", "When a step began last."),
            ("last_success_timestamp_seconds", "When a step ended well last."),
            ("last_failure_timestamp_seconds", "When a step failed last."),
            ("duration_seconds", "How long a step took when it ended well last."),
        )
    }
    beats = heartbeats(session)
    for step in sorted({beat.step for beat in beats}):
        own = [beat for beat in beats if beat.step == step]
        started = max(beat.started_at for beat in own)
        families["last_start_timestamp_seconds"].add_metric([step], started.timestamp())
        if failures := [beat.failed_at for beat in own if beat.failed_at is not None]:
            families["last_failure_timestamp_seconds"].add_metric([step], max(failures).timestamp())
        ended = [(beat.finished_at, beat) for beat in own if beat.finished_at is not None]
        if ended:
            finished, beat = max(ended, key=lambda each: each[0])
            families["last_success_timestamp_seconds"].add_metric([step], finished.timestamp())
            if finished >= beat.started_at:
                families["duration_seconds"].add_metric([step], (finished - beat.started_at).total_seconds())
    yield from families.values()


def _latencies(session: Session) -> Metric:
    found = read_latencies(session)
    family = HistogramMetricFamily(
        "trialalerts_change_to_mail_seconds",
        "From the newest change that a digest tells to the mail server's acceptance.",
        labels=["frequency"],
    )
    for frequency, counts in sorted(found.counts.items()):
        total, buckets = 0, []
        for bound, number in zip([*map(str, BOUNDS), "+Inf"], counts, strict=True):
            total += number
            buckets.append((bound, total))
        family.add_metric([frequency], buckets, found.sums.get(frequency, 0.0))
    return family


def _standstills(session: Session) -> Metric:
    family = GaugeMetricFamily(
        "trialalerts_standstill", "Standstills by kind, as the watch saw them last.", labels=["kind"]
    )
    held = select(Alert.kind, func.count()).where(col(Alert.over_at).is_(None)).group_by(Alert.kind)
    for kind, number in session.exec(held):
        family.add_metric([kind], number)
    return family


def _webhooks(session: Session) -> Iterator[Metric]:
    """Give what became of the calls of each webhook, by its id: an address may hold a key."""
    sent = CounterMetricFamily(
        "trialalerts_webhook_calls_sent", "Calls that a program took, since ever.", labels=["webhook"]
    )
    failed = CounterMetricFamily(
        "trialalerts_webhook_tries_failed", "Tries of a call that failed, since ever.", labels=["webhook"]
    )
    waiting = GaugeMetricFamily(
        "trialalerts_webhook_calls_waiting", "Calls that are still to be taken.", labels=["webhook"]
    )
    for each in hook_statuses(session):
        name = [each.webhook.name]
        sent.add_metric(name, each.webhook.sent_calls)
        failed.add_metric(name, each.webhook.failed_tries)
        waiting.add_metric(name, each.waiting)
    yield from (sent, failed, waiting)

"""The operator's report: what was polled, matched, sent, bounced, unsubscribed in the last days."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Executable
from sqlmodel import Session, col, func, select

from trialalerts.catalog.area_gaps import find_gaps
from trialalerts.catalog.tables import Change, Item
from trialalerts.database.findings import open_findings
from trialalerts.delivery.outbox import counters
from trialalerts.delivery.outbox.counters import HourlyCounts
from trialalerts.delivery.outbox.notices.announcing import list_announcements, told_counts
from trialalerts.delivery.outbox.tables import Delivery
from trialalerts.delivery.policy.cooldown import outages
from trialalerts.delivery.sending.breaker import pause_of
from trialalerts.digests.tables import Digest
from trialalerts.hooks.tables import Hook, HookCall
from trialalerts.sources.tables import SourceState
from trialalerts.subscribers.tables import Consent, Preference, Subscriber

__all__ = ["Report", "as_html", "make_report"]

_NOT_SHOWN = {HourlyCounts.REFUSED, HourlyCounts.UNKNOWN_LINK}


@dataclass(frozen=True, kw_only=True)
class Report:
    """Counts since ``since``, and how things stand ``at`` the moment of asking.

    ``mails`` counts what happened in that time: a mail that was sent and then bounced is in both. ``deliveries`` counts
    what was queued in that time by how it stands now: there *sent* means that nothing was heard of it since.
    ``announcements`` says what became of each that was started in that time, ``webhooks`` what became of the calls that
    were queued in that time, by webhook.
    ``gaps`` counts what has no disease area. ``sending`` says what stands still: a pause, transports that do not work.
    ``findings`` is what else the operator should know.
    """

    since: datetime
    at: datetime
    sources: list[dict[str, Any]]
    items: dict[str, int]
    gaps: dict[str, int]
    changes: dict[str, int]
    subscribers: dict[str, int]
    preferences: int
    consents: dict[str, int]
    digests: int
    deliveries: dict[str, int]
    mails: dict[str, int]
    announcements: dict[str, str]
    webhooks: dict[str, str]
    sending: dict[str, str]
    findings: dict[str, str]

    def rows(self) -> Iterable[tuple[str, str, object]]:
        """Yield the report as (section, what, figure)."""
        for source in self.sources:
            state = source["last_error"] or f"last read {_moment(source['last_success_at'])}"
            yield "sources", source["name"], state
        counts = ("items", "gaps", "changes", "subscribers", "consents", "mails", "deliveries")
        for section in (*counts, "announcements", "webhooks", "sending", "findings"):
            for what, number in getattr(self, section).items():
                yield section, what, number
        yield "subscribers", "preferences", self.preferences
        yield "digests", "composed", self.digests


def make_report(session: Session, *, now: datetime, days: int) -> Report:
    """Count what happened in the last ``days`` days."""
    since = now - timedelta(days=days)
    states = session.exec(select(SourceState).order_by(SourceState.name))
    return Report(
        since=since,
        at=now,
        sources=[
            {
                "name": state.name,
                "last_success_at": state.last_success_at,
                "error_count": state.error_count,
                "last_error": state.last_error,
            }
            for state in states
        ],
        items=_counted(session, select(col(Item.kind), func.count()).group_by(col(Item.kind))),
        gaps=_gaps(session),
        changes=_counted(
            session, select(col(Change.kind), func.count()).where(col(Change.at) >= since).group_by(col(Change.kind))
        ),
        subscribers=_counted(session, select(col(Subscriber.state), func.count()).group_by(col(Subscriber.state))),
        preferences=session.exec(select(func.count()).select_from(Preference)).one(),
        consents=_counted(
            session,
            select(col(Consent.action), func.count()).where(col(Consent.at) >= since).group_by(col(Consent.action)),
        ),
        digests=session.exec(select(func.count()).select_from(Digest).where(col(Digest.created_at) >= since)).one(),
        deliveries=_counted(
            session,
            select(col(Delivery.state), func.count())
            .where(col(Delivery.created_at) >= since)
            .group_by(col(Delivery.state)),
        ),
        mails={
            what.value: number
            for what, number in counters.since(session, counters.hour_of(since)).items()
            if what not in _NOT_SHOWN  # the breaker's denominator; each refusal stands among the deliveries
        },
        announcements=_announcements(session, since),
        webhooks=_webhooks(session, since),
        sending=_sending(session),
        findings=_findings(session),
    )


def as_html(report: Report) -> str:
    """Return the report as one HTML page without anything from outside."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    from trialalerts.files import shipped

    loader = FileSystemLoader(shipped("templates/report"))
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined)
    return environment.get_template("report.html.j2").render(report=report, rows=list(report.rows()))


def _announcements(session: Session, since: datetime) -> dict[str, str]:
    """Return what became of the announcements that were started since, by their names."""
    told = {}
    for each in list_announcements(session):
        if each.started_at >= since:
            counts = told_counts(session, each)
            words = ", ".join(f"{number:,} {what}" for what, number in counts.items()) or "nobody"
            told[f"{each.id}: {each.name}"] = words if each.state.value == "running" else f"{each.state.value}; {words}"
    return told


def _webhooks(session: Session, since: datetime) -> dict[str, str]:
    rows = select(Hook.name, HookCall.state, func.count()).join(Hook, col(Hook.id) == HookCall.webhook_id)
    counted = rows.where(col(HookCall.created_at) >= since).group_by(Hook.name, HookCall.state)
    told: dict[str, list[str]] = {}
    for name, state, number in sorted(session.exec(counted).all()):
        told.setdefault(name, []).append(f"{number:,} {state}")
    return {name: ", ".join(parts) for name, parts in told.items()}


def _sending(session: Session) -> dict[str, str]:
    still = {state.name: f"does not work since {_moment(state.since)}: {state.reason}" for state in outages(session)}
    if paused := pause_of(session):
        still["paused"] = f"since {_moment(paused.since)}: {paused.reason}"
    return still


def _gaps(session: Session) -> dict[str, int]:
    gaps = find_gaps(session)
    return {"open trials without an area": gaps.trials, "articles without an area": gaps.articles}


def _findings(session: Session) -> dict[str, str]:
    return {
        f"{finding.kind}: {finding.subject}".removesuffix(": "): f"since {_moment(finding.since)}: {finding.text}"
        for finding in open_findings(session)
    }


def _counted(session: Session, statement: Executable) -> dict[str, int]:
    return {str(name): number for name, number in sorted(session.connection().execute(statement).all())}


def _moment(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else "never"

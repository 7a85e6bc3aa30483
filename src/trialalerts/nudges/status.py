"""How the ways stand: how many readers chose each, how many of them nothing reaches, and what the operator hears."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func
from sqlmodel import Session, col, select

from trialalerts.database.findings import end_findings, note_finding, open_findings
from trialalerts.nudges.tables import NudgeWay
from trialalerts.settings import Settings
from trialalerts.subscribers.tables import NudgeChoice

__all__ = ["NUDGES_FAILING", "WayStatus", "end_way_findings", "nudge_statuses", "tell_failing_way"]

NUDGES_FAILING = "nudges-failing"
"""The kind of the finding that nothing is taken by a way; it ends with the next nudge that is."""


@dataclass(frozen=True, kw_only=True)
class WayStatus:
    """A way that is offered, or that somebody chose: how many did, how many of them nothing reaches."""

    name: str
    offered: bool
    readers: int
    unreached: int
    failing_since: datetime | None


def nudge_statuses(session: Session, settings: Settings) -> Sequence[WayStatus]:
    """Return all ways: those of the configuration in its order, then those that people chose once."""
    count = func.count
    chosen = select(NudgeChoice.way, count(), count(col(NudgeChoice.failed_at)))
    rows = session.exec(chosen.where(col(NudgeChoice.confirmed_at).is_not(None)).group_by(col(NudgeChoice.way)))
    readers = {way: (number, failed) for way, number, failed in rows if way is not None}
    offered = [way.name for way in settings.nudges]
    stands = {row.name: row for row in session.exec(select(NudgeWay))}
    return [
        WayStatus(
            name=name,
            offered=name in offered,
            readers=readers.get(name, (0, 0))[0],
            unreached=readers.get(name, (0, 0))[1],
            failing_since=stands[name].failing_since if name in stands else None,
        )
        for name in [*offered, *sorted(readers.keys() - set(offered))]
    ]


def tell_failing_way(session: Session, way: str, why: str, now: datetime) -> None:
    """Note that nothing is taken by a way, for the operator."""
    text = f"Nudges by {way} are not taken: {why}; readers get mails without content instead. See: trialalerts doctor"
    note_finding(session, NUDGES_FAILING, way, text, now=now)


def end_way_findings(session: Session, offered: Sequence[str]) -> None:
    """End what was found of ways that are not offered any more."""
    gone = {each.subject for each in open_findings(session, NUDGES_FAILING)} - set(offered)
    if gone:
        end_findings(session, NUDGES_FAILING, gone)

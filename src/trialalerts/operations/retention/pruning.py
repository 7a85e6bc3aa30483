"""Pruning: every rule in small batches, and once a night by itself.

Each batch is a short transaction with a pause behind it, so that sending is not held up: SQLite has one writer at a
time. Cut off anywhere, the rest goes the next night.

By itself it goes only by a clock that is out of doubt. A clock that is weeks ahead would take yesterday's sign-up for
an old one, and nobody can bring it back. So after a gap of more than eight days since it looked last, which is either
a standstill or a leap, a day of looking must pass first.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import orjson
from sqlmodel import Session

from trialalerts.database import Database
from trialalerts.database.audit import note_change
from trialalerts.database.service_values import get_value, put_value
from trialalerts.logs import Logger
from trialalerts.operations.retention import history_rules, mail_rules, people_rules
from trialalerts.operations.retention.rule import RetentionRule, count_due, due_keys
from trialalerts.settings import Settings
from trialalerts.subscribers.erasure import overwrite_deleted, wipe_free_pages, wipe_what_was_left

__all__ = ["prune", "prune_nightly"]

log = Logger()

_RULES: Sequence[Callable[[Session, Settings, datetime], RetentionRule]] = (
    people_rules.unconfirmed_people,
    people_rules.people_who_came_back_in_vain,
    people_rules.unconfirmed_preferences,
    people_rules.people_who_left,
    people_rules.bounced_people,
    people_rules.asked_addresses,
    people_rules.asked_nudges,
    mail_rules.old_handoff_mails,
    mail_rules.old_handoffs,
    mail_rules.old_deliveries,
    mail_rules.old_replies,
    mail_rules.old_events,
    mail_rules.old_words,
    mail_rules.old_requests,
    mail_rules.old_digests,
    mail_rules.old_announcement_recipients,
    mail_rules.old_announcements,
    mail_rules.unused_selections,
    history_rules.closed_trials,
    history_rules.old_audit,
    history_rules.old_source_days,
    history_rules.old_logins,
    history_rules.old_calls,
    history_rules.untold_events,
)
"""In this order: people's rows go with them, and digests before their selections."""
_AT_ONCE = 500
_PAUSE_SECONDS = 0.05
_NIGHT = 3
"""The hour, by ``service.timezone``, after which a night's pruning is due."""
_MARK = "retention"
_GAP = timedelta(days=8)
_PROVEN = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class _Mark:
    """When pruning looked last, since when the clock is believed, and when it pruned last."""

    looked_at: datetime
    believed_since: datetime
    pruned_at: datetime | None = None


def prune(
    db: Database,
    settings: Settings,
    now: datetime,
    *,
    dry_run: bool = False,
    stop: Callable[[], bool] = lambda: False,
    wait: Callable[[float], object] = time.sleep,
) -> dict[str, int]:
    """Let go what is older than its period; return how much of each kind, those of which nothing went too.

    Args:
        db: the database.
        settings: the periods, and the secret by which former subscribers are known.
        now: aware, by a clock that is right.
        dry_run: count only.
        stop: asked between two batches.
        wait: waits so many seconds between two batches.
    """
    went: dict[str, int] = {}
    for made in _RULES:
        with db.read() as session:
            rule = made(session, settings, now)
            went[rule.what] = count_due(session, rule) if dry_run else 0
        if not dry_run:
            went[rule.what] = _apply(db, rule, stop, wait)
    if not dry_run and any(went.values()):
        wipe_free_pages(db)
        log.info("retention.pruned", **{what.replace(" ", "_"): number for what, number in went.items() if number})
    return went


def prune_nightly(
    db: Database,
    settings: Settings,
    now: datetime,
    *,
    stop: Callable[[], bool] = lambda: False,
    wait: Callable[[float], object] = time.sleep,
) -> dict[str, int] | None:
    """Prune where the night's turn has come; None where it has not, or the clock is in doubt.

    Whoever comes first writes down that it prunes: of several processes one does. What a night could not wipe is
    tried again each time.
    """
    wipe_what_was_left(db)
    with db.write() as session:
        mark = _looked(_read_mark(session), now)
        due = now - mark.believed_since >= _PROVEN and (
            mark.pruned_at is None or mark.pruned_at < _last_night(settings, now)
        )
        pruned_at = now if due else mark.pruned_at
        written = {"looked_at": now, "believed_since": mark.believed_since, "pruned_at": pruned_at}
        put_value(session, _MARK, orjson.dumps(written).decode())
    if not due:
        return None
    went = prune(db, settings, now, stop=stop, wait=wait)
    if gone := ", ".join(f"{number} {what}" for what, number in went.items() if number):
        with db.write() as session:
            note_change(session, "daemon", "retention.run", "database", now=now, new=gone)
    return went


def _apply(db: Database, rule: RetentionRule, stop: Callable[[], bool], wait: Callable[[float], object]) -> int:
    went, after = 0, None
    while not stop():
        with db.read() as session:
            keys = due_keys(session, rule, after=after, limit=_AT_ONCE)
        if not keys:
            break
        with db.write() as session:
            overwrite_deleted(session)
            went += rule.forget(session, rule.key.in_(keys) & rule.due)
        after = keys[-1]
        if len(keys) < _AT_ONCE:
            break
        wait(_PAUSE_SECONDS)
    return went


def _read_mark(session: Session) -> _Mark | None:
    written = get_value(session, _MARK)
    if written is None:
        return None
    return _Mark(**{name: datetime.fromisoformat(value) for name, value in orjson.loads(written).items() if value})


def _looked(mark: _Mark | None, now: datetime) -> _Mark:
    """Return the mark as this look leaves it: after a gap, or back from the future, belief begins anew."""
    if mark is None:
        return _Mark(looked_at=now, believed_since=now - _PROVEN)
    if timedelta(minutes=-5) <= now - mark.looked_at <= _GAP:
        return _Mark(looked_at=now, believed_since=mark.believed_since, pruned_at=mark.pruned_at)
    pruned_at = mark.pruned_at if mark.pruned_at and mark.pruned_at <= now else None
    return _Mark(looked_at=now, believed_since=now, pruned_at=pruned_at)


def _last_night(settings: Settings, now: datetime) -> datetime:
    local = now.astimezone(ZoneInfo(settings.service.timezone))
    night = local.replace(hour=_NIGHT, minute=0, second=0, microsecond=0)
    return night if night <= local else night - timedelta(days=1)

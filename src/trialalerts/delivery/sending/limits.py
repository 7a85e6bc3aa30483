"""How fast mail may leave: limits for all mail and for each recipient domain, the warm-up, quiet hours.

Who may leave takes a turn in the table ``pace``, in one short transaction that locks the buckets: so a limit holds
across processes and restarts. A turn is taken only for what leaves at once. What has to wait for its domain gets an
appointment instead and goes back to the queue, out of the way of mail to others; the appointments of a domain stand one
behind the other, so that each waiting mail is looked at about once and not again and again. Where all mail has to
wait, nothing more is claimed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from trialalerts.database.bulk import insert_into
from trialalerts.delivery.outbox.tables import Pace
from trialalerts.delivery.sending.channels import ALONE, ProcessShare
from trialalerts.settings import LimitSettings, MailSettings
from trialalerts.subscribers.addresses import address_key

__all__ = ["ALL_MAIL", "Capacity", "Grant", "Limits", "Request", "quiet_until"]

ALL_MAIL = "all"
_EARLY = timedelta(seconds=0.2)
"""A turn may be taken so much before its time: else a fast bucket would need a transaction for each single mail."""
_CONNECTION_PACE = 2.0
"""Appointments a second for each connection where only these are limited: nobody knows how fast that domain is."""
_UNUSED = timedelta(minutes=10)
"""So much unused time of a slowed domain may be made up for: a service that runs now and then still sends."""
_A_DAY = timedelta(days=1)


class _Slowed(LimitSettings):
    """The limit of a domain that is slowed down: some mails an hour, so that rounds now and then make up for it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """A mail that is ready to leave: its domain's bucket (empty: it has none), and whether somebody waits for it."""

    bucket: str
    urgent: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Grant:
    """What was granted: it leaves ``now``, or at an appointment; with neither, when all mail may leave again."""

    now: bool = False
    until: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Capacity:
    """How many mails may leave at once (None: any number), and when the next may where that is none."""

    mails: int | None
    again_at: datetime | None = None


class Limits:
    """The limits of a configuration, in words of buckets: that of all mail, and one for each domain that has limits."""

    def __init__(self, settings: MailSettings, share: ProcessShare = ALONE) -> None:
        self._settings = settings
        self._share = share
        self._configured = {address_key(f"x@{name}")[2:]: limit for name, limit in settings.domains.items()}
        self._domains = self._configured

    def slow(self, paces: Mapping[str, float]) -> None:
        """Let mail to these domains leave no faster than so many a second, and to others as configured."""
        self._domains = dict(self._configured)
        for domain, pace in paces.items():
            limit = self._configured.get(domain, LimitSettings())
            slower = {"per_second": min(pace, limit.per_second or pace)}
            self._domains[domain] = _Slowed.model_validate(limit.model_dump() | slower)

    @property
    def by_domain(self) -> bool:
        """Whether any domain has limits of its own."""
        return bool(self._domains)

    def bucket_of(self, address: str) -> str:
        """Return the bucket of an address: its domain where that has limits, else nothing."""
        if not self._domains:
            return ""
        domain = address_key(address).rpartition("@")[2]
        return domain if domain in self._domains else ""

    def connections(self, bucket: str) -> int | None:
        """Return how many connections this process may have to a domain at once; one at least."""
        limit = self._domains.get(bucket)  # none: the domain is slowed down no more
        return max(1, self._share.of(limit.connections)) if limit and limit.connections else None

    def applies(self, now: datetime, buckets: Iterable[str] = ()) -> bool:
        """Tell whether turns have to be taken at all for mails in these buckets."""
        limits = [self._all_mail(now), *(self._domains[bucket] for bucket in buckets if bucket)]
        return any(limit.per_second is not None or limit.per_day is not None for limit in limits)

    def room(self, session: Session, now: datetime) -> Capacity:
        """Tell how many mails may leave at once, as far as all mail is concerned."""
        limit = self._all_mail(now)
        pace = session.get(Pace, ALL_MAIL) or _fresh(ALL_MAIL, now)
        mails = _turns(pace, limit, now)
        return Capacity(mails=mails, again_at=_next(pace, limit, now) if mails == 0 else None)

    def take(self, session: Session, wishes: Sequence[Request], *, now: datetime) -> list[Grant]:
        """Take a turn for each of these mails, in their order, in the caller's writing transaction."""
        buckets = {wish.bucket for wish in wishes if wish.bucket}
        paces = _locked(session, [ALL_MAIL, *buckets, *(_line(bucket) for bucket in buckets)], now)
        everything = self._all_mail(now)
        left = {bucket: _turns(paces[bucket], self._domains[bucket], now) for bucket in buckets}
        left[ALL_MAIL] = _turns(paces[ALL_MAIL], everything, now)
        turns = []
        for wish in wishes:
            if wish.bucket and left[wish.bucket] == 0:
                turns.append(Grant(until=self._appointment(paces, wish, now)))
            elif left[ALL_MAIL] == 0:
                turns.append(Grant())
            else:
                for bucket, limit in ((ALL_MAIL, everything), (wish.bucket, self._domains.get(wish.bucket))):
                    if limit is not None:
                        _take(paces[bucket], limit, now)
                        left[bucket] = _turns(paces[bucket], limit, now)
                turns.append(Grant(now=True))
        session.flush()
        return turns

    def appoint(self, session: Session, bucket: str, mails: int, *, now: datetime) -> list[datetime]:
        """Return appointments for mails that wait for a connection to their domain."""
        paces = _locked(session, [bucket, _line(bucket)], now)
        waiting = Request(bucket=bucket)
        appointments = [self._appointment(paces, waiting, now) for _ in range(mails)]
        session.flush()
        return appointments

    def _appointment(self, paces: dict[str, Pace], wish: Request, now: datetime) -> datetime:
        """Return when a mail should try again; what somebody waits for does not stand in the line."""
        limit, line = self._domains[wish.bucket], paces[_line(wish.bucket)]
        at = _next(paces[wish.bucket], limit, now)
        if wish.urgent:
            return at
        at = max(at, line.next_at)
        if isinstance(limit, _Slowed) and at > now + _A_DAY:
            return now + _A_DAY  # by then it goes faster
        if line.day < at.date():
            line.day, line.taken = at.date(), 0
        if limit.per_day is not None and line.taken >= limit.per_day:
            at = _midnight(at)
            line.day, line.taken = at.date(), 0
        line.taken += 1
        line.next_at = at + timedelta(seconds=1 / (limit.per_second or _CONNECTION_PACE * (limit.connections or 1)))
        return at

    def _all_mail(self, now: datetime) -> LimitSettings:
        """Return the limit of all mail: while a sender is new, the warm-up of the day counts too."""
        limits, begins = self._settings.limits, self._settings.warm_up_from
        if not begins:
            return limits
        day = max((now.astimezone(UTC).date() - begins).days, 0)
        if day >= len(self._settings.warm_up):
            return limits
        most = self._settings.warm_up[day]
        per_day = most if limits.per_day is None else min(most, limits.per_day)
        return limits.model_copy(update={"per_day": per_day})


def quiet_until(hours: str, timezone: str, now: datetime) -> datetime | None:
    """Return when quiet hours (``22:00-07:00``, local) that last ``now`` are over; None where it is not quiet."""
    if not hours:
        return None
    start, end = (time.fromisoformat(text.zfill(5)) for text in hours.split("-"))
    local = now.astimezone(ZoneInfo(timezone))
    at = local.time()
    over_midnight = start > end
    if not ((start <= at or at < end) if over_midnight else (start <= at < end)):
        return None
    day = local.date() + (_A_DAY if over_midnight and at >= start else timedelta())
    for fold in (0, 1):  # an hour that comes twice: the second one may be meant
        until = datetime.combine(day, end.replace(fold=fold), tzinfo=local.tzinfo).astimezone(UTC)
        if until > now:
            return until
    return now + timedelta(hours=1)


def _line(bucket: str) -> str:
    return f"{bucket}, waiting"


def _fresh(bucket: str, now: datetime) -> Pace:
    return Pace(bucket=bucket, next_at=now, day=now.date())


def _locked(session: Session, buckets: Sequence[str], now: datetime) -> dict[str, Pace]:
    """Return the rows of these buckets, made where they are not there yet, for nobody else until the commit."""
    names = sorted(buckets)  # in one order, so that two processes never wait for each other
    rows = [{"bucket": name, "next_at": now, "day": now.date(), "taken": 0} for name in names]
    session.connection().execute(insert_into(session, Pace).on_conflict_do_nothing(index_elements=["bucket"]), rows)
    locking = select(Pace).where(col(Pace.bucket).in_(names)).order_by(Pace.bucket).with_for_update()
    return {pace.bucket: pace for pace in session.exec(locking)}


def _turns(pace: Pace, limit: LimitSettings, now: datetime) -> int | None:
    """Return how many turns there are at once; None: any number."""
    turns: list[int] = []
    if limit.per_second is not None:
        early = (now + _EARLY - _not_later_than(pace, limit, now)).total_seconds()
        turns.append(max(0, int(early * limit.per_second) + 1) if early >= 0 else 0)
    if limit.per_day is not None:
        turns.append(max(0, limit.per_day - _taken(pace, now)))
    return min(turns, default=None)


def _take(pace: Pace, limit: LimitSettings, now: datetime) -> None:
    pace.day, pace.taken = now.date(), _taken(pace, now) + 1
    pace.next_at = _not_later_than(pace, limit, now)
    if limit.per_second is not None:
        pace.next_at += timedelta(seconds=1 / limit.per_second)


def _not_later_than(pace: Pace, limit: LimitSettings, now: datetime) -> datetime:
    """Return from when on turns have not been used that may be taken now."""
    return max(pace.next_at, now - _UNUSED if isinstance(limit, _Slowed) else now)


def _next(pace: Pace, limit: LimitSettings, now: datetime) -> datetime:
    """Return when there is a turn again."""
    if limit.per_day is not None and _taken(pace, now) >= limit.per_day:
        return _midnight(now)
    return max(pace.next_at, now)


def _taken(pace: Pace, now: datetime) -> int:
    return pace.taken if pace.day == now.date() else 0


def _midnight(at: datetime) -> datetime:
    """Return the start of the next day (UTC)."""
    return datetime.combine(at.date() + _A_DAY, time(), tzinfo=UTC)

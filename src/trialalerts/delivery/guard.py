"""The mass guard: what refuses too many people at once is not believed about any of them.

On 14 December 2020 Gmail told senders for hours that valid users did not exist. So the answers of each mail domain are
counted: when more of them say *gone* than people die, nobody is suppressed, what was suppressed just before is taken
back, and mail to that domain (or all mail) rests. When they say that it is about *us*, mail there rests as well. One
mail an hour tries; when it is accepted, the others follow.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import structlog
from sqlalchemy import CursorResult, bindparam, func, text
from sqlmodel import Session, col, delete, select, update

from trialalerts.database import Database
from trialalerts.database.findings import end_findings, note_finding
from trialalerts.database.types import UtcDateTime
from trialalerts.delivery import tallies, telling, undoing
from trialalerts.delivery.suppressions import Secrets
from trialalerts.delivery.tables import Delivery, DeliveryState, DomainTally, SendingHold
from trialalerts.delivery.telling import BENCHED, REFUSED
from trialalerts.plurals import counted

__all__ = [
    "EVERYWHERE",
    "HELD",
    "LONGEST_WAIT",
    "MORE",
    "REFUSED",
    "Answer",
    "Cause",
    "answers_by_domain",
    "came_back",
    "count",
    "forget",
    "held_words",
    "holds",
    "look",
    "opened",
    "probe",
    "release",
    "rest_of_all",
    "settle_probes",
    "take_back_pending",
    "take_turn",
    "tell_refused",
]

log = structlog.get_logger()

EVERYWHERE = ""
"""The scope of a hold on all mail, and the domain under which all answers are counted together."""
HELD = "mail-held"
"""The kind of the finding that mail to a domain, or all mail, rests."""
_LATE = "late"
"""Counted beside the others where an answer came only after the mail had been taken: by a bounce mail or a webhook."""
_WINDOW = timedelta(hours=24)
_KEPT = timedelta(days=8)
_WAIT = timedelta(hours=1)
LONGEST_WAIT = timedelta(hours=8)
_TWO_DOMAINS = 2

# bounces happen: of 50 mails to a list of which 2 % died, one in twenty million lists has so many
_GONE_OF_A_DOMAIN, _SHARE_OF_A_DOMAIN = 5, 0.20
_GONE_OF_ALL, _SHARE_OF_ALL, _ANSWERS_OF_ALL = 10, 0.08, 50
_OURS_OF_A_DOMAIN, _OURS_SHARE_OF_A_DOMAIN = 3, 0.50
_OURS_SHARE_OF_ALL, _OURS_ANSWERS_OF_ALL = 0.30, 20

MORE = text(
    "INSERT INTO domain_tally (domain, hour, what, count) VALUES (:domain, :hour, :what, :count) "
    "ON CONFLICT (domain, hour, what) DO UPDATE SET count = domain_tally.count + excluded.count"
).bindparams(bindparam("hour", type_=UtcDateTime))
_HOLD = text(
    "INSERT INTO sending_hold (scope, cause, since, retry_at, wait, reason, undone) "
    "VALUES (:scope, :cause, :now, :retry_at, :wait, :reason, :undone) ON CONFLICT (scope) DO NOTHING"
).bindparams(bindparam("now", type_=UtcDateTime), bindparam("retry_at", type_=UtcDateTime))


class Answer(StrEnum):
    """What an answer to a mail was. Each one is *answered*, some are counted as one of the others, too."""

    ANSWERED = "answered"
    GONE = "gone"
    OURS = "ours"


class Cause(StrEnum):
    """Why mail rests."""

    GONE = "gone"
    OURS = "ours"


def count(session: Session, answers: Mapping[tuple[str, Answer], int], *, at: datetime) -> None:
    """Count answers by domain in the hour of ``at``, and all of them together."""
    rows: Counter[tuple[str, str]] = Counter()
    for (domain, what), number in answers.items():
        rows[domain, what.value] += number
        rows[EVERYWHERE, what.value] += number
    hour = tallies.hour_of(at)
    # in one order everywhere, lest two processes wait for each other
    values = [{"domain": d, "hour": hour, "what": w, "count": n} for (d, w), n in sorted(rows.items()) if n]
    if values:
        session.connection().execute(MORE, values)


def take_turn(session: Session, *, now: datetime) -> None:
    """Wait for the others who write down what the guards look at: nobody shall meet another in a deadlock."""
    turn = {"domain": EVERYWHERE, "hour": tallies.hour_of(now), "what": Answer.ANSWERED.value, "count": 0}
    session.connection().execute(MORE, turn)


def came_back(session: Session, domain: str, what: Answer, *, sent_at: datetime, now: datetime) -> None:
    """Count the answer to a mail that was taken first: as of when it was sent, and as one that came late."""
    take_turn(session, now=now)
    count(session, {(domain, what): 1}, at=sent_at)
    hour = tallies.hour_of(now)
    late = [{"domain": each, "hour": hour, "what": _LATE, "count": 1} for each in (EVERYWHERE, domain)]
    session.connection().execute(MORE, late)


def look(
    session: Session, domains: Collection[str], *, now: datetime, sent_at: datetime | None = None, told: str = ""
) -> list[SendingHold]:
    """Hold mail to those of these domains, or all mail, where too many answers say the same; return the new holds.

    Args:
        session: a session that may write.
        domains: where answers came from just now.
        now: the moment.
        sent_at: when the mail was sent whose bounce came only now: its window is looked at.
        told: what the server said last, on one line, without addresses.
    """
    start = tallies.hour_of(min(now, sent_at or now) - _WINDOW)
    held = {each.scope: each for each in holds(session)}
    if EVERYWHERE in held:
        return []
    numbers = _numbers(session, {*domains, *held, EVERYWHERE}, start)
    new = []
    for domain in sorted(set(domains) - held.keys()):
        if cause := _cause(numbers[domain]):
            new += _hold(session, domain, cause, _reason(domain, cause, numbers[domain], told), now)
    if cause := _cause_everywhere(numbers, [*held.values(), *new]):
        everywhere = _hold(session, EVERYWHERE, cause, _reason(EVERYWHERE, cause, numbers[EVERYWHERE], told), now)
        _end(session, [each.scope for each in (*held.values(), *new)])
        for kind in (REFUSED, BENCHED):
            end_findings(session, kind)
        new = everywhere
    return new


def holds(session: Session) -> list[SendingHold]:
    """Return where mail rests, the whole first."""
    return list(session.exec(select(SendingHold).order_by(SendingHold.scope)))


def rest_of_all(session: Session) -> SendingHold | None:
    """Return the hold on all mail; None where there is none."""
    return session.get(SendingHold, EVERYWHERE)


def tell_refused(session: Session, told: Mapping[str, str], *, now: datetime) -> None:
    """Tell the operator at once who refuses us, where mail does not rest already; ``told`` is what each domain said."""
    resting = {each.scope for each in holds(session)}
    if EVERYWHERE not in resting:
        telling.tell_refused(session, {each: told[each] for each in told.keys() - resting}, now=now)


def held_words(scope: str) -> str:
    """Return what stands on a delivery that waits for a hold to end."""
    return f"mail to {scope} rests" if scope else "all mail rests"


def probe(session: Session, hold: SendingHold, delivery_id: int, *, now: datetime) -> bool:
    """Let one delivery try whether mail is taken again; False where another process has let one try already."""
    wait = min(timedelta(seconds=hold.wait * 2), LONGEST_WAIT) if hold.cause == Cause.OURS else _WAIT
    taken: CursorResult[Any] = session.connection().execute(
        update(SendingHold)
        .where(col(SendingHold.scope) == hold.scope, col(SendingHold.retry_at) == hold.retry_at)
        .values(retry_at=now + timedelta(seconds=hold.wait), wait=int(wait.total_seconds()), probe_id=delivery_id)
    )
    return bool(taken.rowcount)


def opened(session: Session, accepted: Collection[int], *, now: datetime, arrived: bool = False) -> list[str]:
    """End the holds whose probe is among these accepted deliveries; return their scopes.

    Where mail is taken first and comes back later, that it was taken says nothing: unless it ``arrived`` for sure, the
    next turn to try decides (:func:`settle_probes`).
    """
    probed = [each.scope for each in holds(session) if each.probe_id in accepted]
    if not probed:
        return []
    take_turn(session, now=now)
    late = set() if arrived else _told_late(session, now)
    ended = [scope for scope in probed if scope not in late]
    release(session, ended, now=now)
    return ended


def settle_probes(session: Session, *, now: datetime) -> None:
    """End the holds whose last probe was taken and has not come back by the next turn to try."""
    due = {each.probe_id: each.scope for each in holds(session) if each.probe_id is not None and each.retry_at <= now}
    if not due:
        return
    take_turn(session, now=now)
    well = select(Delivery.id).where(
        col(Delivery.id).in_(due), col(Delivery.state).in_([DeliveryState.SENT, DeliveryState.DELIVERED])
    )
    release(session, [due[number] for number in session.exec(well) if number is not None], now=now)


def release(session: Session, scopes: Iterable[str], *, now: datetime) -> int:
    """Let mail go there again, and count from now on; return how many deliveries waited for it."""
    waited = 0
    for scope in scopes:
        _end(session, [scope])
        counted_there = delete(DomainTally)
        if scope != EVERYWHERE:
            counted_there = counted_there.where(col(DomainTally.domain) == scope)
        session.connection().execute(counted_there)
        held = col(Delivery.last_error) == held_words(scope)
        if scope == EVERYWHERE:  # the holds of single domains were merged into this one
            held |= col(Delivery.last_error).like(held_words("%"))
        due = update(Delivery).where(col(Delivery.state) == DeliveryState.QUEUED, held)
        result: CursorResult[Any] = session.connection().execute(due.values(not_before=now, last_error=None))
        waited += result.rowcount
        log.info("sending.goes_on", domain=scope or "all", mails=waited)
    return waited


def answers_by_domain(session: Session, *, now: datetime) -> list[dict[str, Any]]:
    """Return how each domain answered in the window, and since when mail to it rests; ``all`` together first."""
    rows = (
        select(DomainTally.domain, DomainTally.what, func.sum(DomainTally.count))
        .where(col(DomainTally.hour) >= tallies.hour_of(now - _WINDOW))
        .group_by(DomainTally.domain, DomainTally.what)
    )
    numbers: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for domain, what, number in session.exec(rows):
        numbers[domain][what] = int(number)
    resting = {each.scope: each for each in holds(session)}
    return [
        {
            "domain": domain or "all",
            **{what.value: numbers[domain][what] for what in Answer},
            "held_since": resting[domain].since if domain in resting else None,
            "retry_at": resting[domain].retry_at if domain in resting else None,
            "reason": resting[domain].reason if domain in resting else None,
        }
        for domain in sorted(numbers.keys() | resting.keys())
    ]


def take_back_pending(db: Database, secret: Secrets, *, now: datetime) -> int:
    """Take back what was suppressed in the window before a guard tripped, where that is still to be done."""
    with db.read() as session:
        pending = [each for each in holds(session) if not each.undone]
        found = {
            each.scope: undoing.provisional(
                session, secret, domain=each.scope, since=tallies.hour_of(each.since - _WINDOW), now=now
            )
            for each in pending
        }
    lifted = 0
    for hold in pending:
        done = undoing.take_back(db, secret, found[hold.scope], how="guard", now=now, among=hold.scope or None)
        lifted += done.lifted
        with db.write() as session:
            session.connection().execute(
                update(SendingHold).where(col(SendingHold.scope) == hold.scope).values(undone=True)
            )
    if lifted:
        log.warning("suppressions.taken_back", suppressions=lifted)
    return lifted


def forget(session: Session, *, now: datetime) -> None:
    """Drop the counts by domain that no window reaches any more, and what was told of mails long ago."""
    telling.forget(session, now=now)
    session.connection().execute(delete(DomainTally).where(col(DomainTally.hour) < now - _KEPT))


def _numbers(session: Session, domains: Collection[str], start: datetime) -> Mapping[str, Mapping[str, int]]:
    rows = (
        select(DomainTally.domain, DomainTally.what, func.sum(DomainTally.count))
        .where(col(DomainTally.domain).in_(sorted(domains)), col(DomainTally.hour) >= start)
        .group_by(DomainTally.domain, DomainTally.what)
    )
    numbers: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for domain, what, number in session.exec(rows):
        numbers[domain][what] = int(number)
    return numbers


def _told_late(session: Session, now: datetime) -> set[str]:
    late = select(DomainTally.domain).where(
        col(DomainTally.what) == _LATE, col(DomainTally.hour) >= tallies.hour_of(now - _WINDOW)
    )
    return set(session.exec(late))


def _cause(numbers: Mapping[str, int]) -> Cause | None:
    answers, gone, ours = (numbers[what] for what in (Answer.ANSWERED, Answer.GONE, Answer.OURS))
    if ours >= _OURS_OF_A_DOMAIN and ours >= _OURS_SHARE_OF_A_DOMAIN * answers:
        return Cause.OURS
    if gone >= _GONE_OF_A_DOMAIN and gone >= _SHARE_OF_A_DOMAIN * answers:
        return Cause.GONE
    return None


def _cause_everywhere(numbers: Mapping[str, Mapping[str, int]], held: Collection[SendingHold]) -> Cause | None:
    refused_by = [each.scope for each in held if each.cause == Cause.OURS]
    others = Counter(numbers[EVERYWHERE])
    for scope in refused_by:  # one large domain that refuses us says nothing of the others
        others.subtract(numbers[scope])
    enough = others[Answer.ANSWERED] >= _OURS_ANSWERS_OF_ALL
    if len(refused_by) >= _TWO_DOMAINS or (
        enough and others[Answer.OURS] > _OURS_SHARE_OF_ALL * others[Answer.ANSWERED]
    ):
        return Cause.OURS
    answers, gone = (numbers[EVERYWHERE][what] for what in (Answer.ANSWERED, Answer.GONE))
    if gone >= _GONE_OF_ALL and answers >= _ANSWERS_OF_ALL and gone >= _SHARE_OF_ALL * answers:
        return Cause.GONE
    return None


def _reason(scope: str, cause: Cause, numbers: Mapping[str, int], told: str) -> str:
    answers = counted(numbers[Answer.ANSWERED], "mail")
    whose = f"to {scope}" if scope else "to all domains"
    if cause is Cause.OURS:
        said = f"{numbers[Answer.OURS]:,} of {answers} {whose} were refused because of us"
    else:
        said = f"{numbers[Answer.GONE]:,} of {answers} {whose} were refused as if nobody read there"
    return f"{said}, last: {told}" if told else said


def _hold(session: Session, scope: str, cause: Cause, reason: str, now: datetime) -> list[SendingHold]:
    values = {
        "scope": scope,
        "cause": cause.value,
        "now": now,
        "retry_at": now + _WAIT,
        "wait": int(_WAIT.total_seconds()),
        "reason": reason,
        "undone": cause is Cause.OURS,
    }
    noted: CursorResult[Any] = session.connection().execute(_HOLD, values)
    if not noted.rowcount:  # another sender found it at the same moment
        return []
    end_findings(session, REFUSED, [scope])
    note_finding(session, HELD, scope, _finding(scope, cause, reason), now=now)
    log.error("sending.held", domain=scope or "all", cause=cause.value, reason=reason)
    return [session.get_one(SendingHold, scope)]


def _finding(scope: str, cause: Cause, reason: str) -> str:
    what = held_words(scope)
    if cause is Cause.OURS:
        remedy = "Check SPF, DKIM, reverse DNS, block lists and the sender; no subscriber was blamed"
    else:
        remedy = "So many people do not leave at once: nobody was suppressed"
    return (
        f"{what[:1].upper()}{what[1:]}: {reason}. {remedy}. One mail tries again by itself, and all follow when it is "
        "accepted; see: trialalerts deliveries domains"
    )


def _end(session: Session, scopes: Collection[str]) -> None:
    session.connection().execute(delete(SendingHold).where(col(SendingHold.scope).in_(list(scopes))))
    end_findings(session, HELD, scopes)
    session.expire_all()

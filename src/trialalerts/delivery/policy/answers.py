"""Answers by domain: how servers answered our mails in each hour, and whom their refusals were about.

The guards look at them. A refusal that is about us is counted once more by its kind, for each kind has a brake of its
own: what lets a list rest must not stop all mail, and what is wrong with our set-up is wrong everywhere.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import bindparam, func, text
from sqlmodel import Session, col, delete, select

from trialalerts.database.types import UtcDateTime
from trialalerts.delivery.outbox import counters
from trialalerts.delivery.outbox.tables import DomainReply, DomainTally

__all__ = [
    "ALL_DOMAINS",
    "MORE",
    "Answer",
    "Numbers",
    "about_us",
    "accepted_of",
    "busiest_hour",
    "came_back",
    "count_answers",
    "domains_with",
    "forget_all",
    "forget_answers",
    "keeps_one_address_from_us",
    "last_replies",
    "note_replies",
    "numbers",
    "take_turn",
    "told_late",
]

ALL_DOMAINS = ""
"""The domain under which all answers are counted together."""
_LATE = "late"
"""Counted beside the others where an answer came only after the mail had been taken: by a bounce mail or a webhook."""
_KEPT = timedelta(days=8)
MORE = text(
    "INSERT INTO domain_tally (domain, hour, what, count) VALUES (:domain, :hour, :what, :count) "
    "ON CONFLICT (domain, hour, what) DO UPDATE SET count = domain_tally.count + excluded.count"
).bindparams(bindparam("hour", type_=UtcDateTime))


_REPLY = text(
    "INSERT INTO domain_reply (domain, at, code, words) VALUES (:domain, :at, :code, :words) "
    "ON CONFLICT (domain) DO UPDATE SET at = excluded.at, code = excluded.code, words = excluded.words"
).bindparams(bindparam("at", type_=UtcDateTime))


class Answer(StrEnum):
    """What an answer to a mail was. Each one is *answered*; what was not accepted is counted as something else, too."""

    ANSWERED = "answered"
    GONE = "gone"
    OURS = "ours"
    RATE = "ours: rate"
    SETUP = "ours: set-up"
    POLICY = "ours: policy"
    OTHER = "refused"
    """The mailbox takes nothing now, or the mail has a fault of its own."""


_BY_BRAKE = {
    "rate": Answer.RATE,
    "auth": Answer.SETUP,
    "sender": Answer.SETUP,
    "greeting": Answer.SETUP,
    "policy": Answer.POLICY,
    "restricted": Answer.POLICY,
}
Numbers = Mapping[str, int]
"""How many of each :class:`Answer`; none of what is not there."""


def about_us(brake: str | None) -> tuple[Answer, ...]:
    """Return as what a refusal counts that is about us; ``brake`` is the classifier's word for which fault it is."""
    kind = _BY_BRAKE.get(brake or "")
    return (Answer.OURS,) if kind is None else (Answer.OURS, kind)


def keeps_one_address_from_us(brake: str | None) -> bool:
    """Tell whether a refusal says that one address takes no mail of ours, and nothing of how we stand."""
    return Answer.POLICY in about_us(brake)


def accepted_of(found: Numbers) -> int:
    """Return how many mails were accepted, of these answers."""
    return found[Answer.ANSWERED] - sum(found[each] for each in (Answer.GONE, Answer.OURS, Answer.OTHER))


def count_answers(session: Session, answers: Mapping[tuple[str, Answer], int], *, at: datetime) -> None:
    """Count answers by domain in the hour of ``at``, and all of them together."""
    rows: Counter[tuple[str, str]] = Counter()
    for (domain, what), number in answers.items():
        rows[domain, what.value] += number
        rows[ALL_DOMAINS, what.value] += number
    hour = counters.hour_of(at)
    # in one order everywhere, lest two processes wait for each other
    values = [{"domain": d, "hour": hour, "what": w, "count": n} for (d, w), n in sorted(rows.items()) if n]
    if values:
        session.connection().execute(MORE, values)


def take_turn(session: Session, *, now: datetime) -> None:
    """Wait for the others who write down what the guards look at: nobody shall meet another in a deadlock."""
    turn = {"domain": ALL_DOMAINS, "hour": counters.hour_of(now), "what": Answer.ANSWERED.value, "count": 0}
    session.connection().execute(MORE, turn)


def came_back(session: Session, domain: str, what: Iterable[Answer], *, sent_at: datetime, now: datetime) -> None:
    """Count the answer to a mail that was taken first: as of when it was sent, and as one that came late."""
    take_turn(session, now=now)
    count_answers(session, {(domain, each): 1 for each in what}, at=sent_at)
    hour = counters.hour_of(now)
    late = [{"domain": each, "hour": hour, "what": _LATE, "count": 1} for each in (ALL_DOMAINS, domain)]
    session.connection().execute(MORE, late)


def note_replies(session: Session, replies: Mapping[str, tuple[str | None, str]], *, at: datetime) -> None:
    """Keep what domains said last to a mail that they did not take: code and words, without any address."""
    rows = [{"domain": d, "at": at, "code": code, "words": words} for d, (code, words) in sorted(replies.items())]
    if rows:
        session.connection().execute(_REPLY, rows)


def last_replies(session: Session) -> dict[str, DomainReply]:
    """Return what each domain said last to a mail that it did not take."""
    return {each.domain: each for each in session.exec(select(DomainReply))}


def numbers(
    session: Session, domains: Collection[str] | None, start: datetime, *, until: datetime | None = None
) -> Mapping[str, Numbers]:
    """Return the answers of these domains (None: of each) from the hour of ``start`` to before that of ``until``."""
    rows = select(DomainTally.domain, DomainTally.what, func.sum(DomainTally.count)).where(
        col(DomainTally.hour) >= counters.hour_of(start)
    )
    if domains is not None:
        rows = rows.where(col(DomainTally.domain).in_(sorted(domains)))
    if until is not None:
        rows = rows.where(col(DomainTally.hour) < counters.hour_of(until))
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for domain, what, number in session.exec(rows.group_by(DomainTally.domain, DomainTally.what)):
        found[domain][what] = int(number)
    return found


def domains_with(session: Session, what: Answer, start: datetime) -> set[str]:
    """Return the domains that gave such an answer since the hour of ``start``."""
    asked = select(DomainTally.domain).where(
        col(DomainTally.what) == what.value,
        col(DomainTally.hour) >= counters.hour_of(start),
        col(DomainTally.domain) != ALL_DOMAINS,
        col(DomainTally.count) > 0,
    )
    return set(session.exec(asked))


def busiest_hour(session: Session, domain: str, start: datetime) -> int:
    """Return how many mails a domain accepted in the hour in which it accepted most."""
    rows = select(DomainTally.hour, DomainTally.what, DomainTally.count).where(
        col(DomainTally.domain) == domain, col(DomainTally.hour) >= counters.hour_of(start)
    )
    hours: defaultdict[datetime, Counter[str]] = defaultdict(Counter)
    for hour, what, number in session.exec(rows):
        hours[hour][what] = number
    return max((accepted_of(each) for each in hours.values()), default=0)


def told_late(session: Session, start: datetime) -> set[str]:
    """Return the domains that take mail first and say later what became of it."""
    late = select(DomainTally.domain).where(
        col(DomainTally.what) == _LATE, col(DomainTally.hour) >= counters.hour_of(start)
    )
    return set(session.exec(late))


def forget_all(session: Session, domain: str) -> None:
    """Count anew from now on: the answers of a domain, or of all."""
    counted = delete(DomainTally)
    session.connection().execute(counted if domain == ALL_DOMAINS else counted.where(col(DomainTally.domain) == domain))


def forget_answers(session: Session, *, now: datetime) -> None:
    """Drop the counts that nobody looks at any more."""
    session.connection().execute(delete(DomainTally).where(col(DomainTally.hour) < now - _KEPT))
    session.connection().execute(delete(DomainReply).where(col(DomainReply.at) < now - _KEPT))

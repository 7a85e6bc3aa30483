"""The mass guard: what refuses too many people at once is not believed about any of them.

On 14 December 2020 Gmail told senders for hours that valid users did not exist. So the answers of each mail domain are
counted: when more of them say *gone* than people die, nobody is suppressed, what was suppressed just before is taken
back, and mail to that domain (or all mail) rests. When they say that it is about *us*, mail there rests as well. One
mail an hour tries; when it is accepted, the others follow.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import CursorResult, bindparam, text
from sqlmodel import Session, col, delete, select, update

from trialalerts.database import Database
from trialalerts.database.findings import end_findings, note_finding
from trialalerts.database.types import UtcDateTime
from trialalerts.delivery.outbox import counters
from trialalerts.delivery.outbox.suppressions import Secrets
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState, SendingHold
from trialalerts.delivery.policy import answers, refusal_findings, slowing, undoing
from trialalerts.delivery.policy.answers import ALL_DOMAINS, Answer, Numbers
from trialalerts.delivery.policy.operators_word import believed_gone
from trialalerts.delivery.policy.refusal_findings import BENCHED, REFUSED
from trialalerts.logs import Logger
from trialalerts.plurals import counted

__all__ = [
    "EVERYWHERE",
    "HELD",
    "LONGEST_WAIT",
    "REFUSED",
    "Cause",
    "answers_by_domain",
    "end_probed",
    "forget_holds",
    "held_words",
    "holds",
    "look",
    "note_refusals",
    "probe",
    "release_sending",
    "rest_of_all",
    "settle_probes",
    "take_back_pending",
]

log = Logger()

EVERYWHERE = ALL_DOMAINS
"""The scope of a hold on all mail."""
HELD = "mail-held"
"""The kind of the finding that mail to a domain, or all mail, rests."""
_WINDOW = timedelta(hours=24)
_RECENT = timedelta(hours=1)
"""What is said of our pace or our set-up now is not outweighed by what was accepted in the night: the hour at hand and
the one before count."""
_WAIT = timedelta(hours=1)
LONGEST_WAIT = timedelta(hours=8)
_TWO_DOMAINS = 2

# bounces happen: of 50 mails to a list of which 2 % died, one in twenty million lists has so many
_GONE_OF_A_DOMAIN, _SHARE_OF_A_DOMAIN = 5, 0.20
_GONE_OF_ALL, _SHARE_OF_ALL, _ANSWERS_OF_ALL = 10, 0.08, 50
_OURS_OF_A_DOMAIN, _OURS_SHARE_OF_A_DOMAIN = 3, 0.50
_OURS_SHARE_OF_ALL, _OURS_ANSWERS_OF_ALL = 0.30, 20

_RATE_OF_A_DOMAIN, _RATE_SHARE_OF_A_DOMAIN = 3, 0.05
# A forwarder whose own mail breaks SPF is not our set-up: two of them among many who accept stop nobody.
_SETUP_SHARE_OF_A_DOMAIN, _SETUP_SHARE_OF_ALL = 0.50, 0.10
_MOST_OF_ALL = 0.50

_HOLD = text(
    "INSERT INTO sending_hold (scope, cause, since, retry_at, wait, reason, undone) "
    "VALUES (:scope, :cause, :now, :retry_at, :wait, :reason, :undone) ON CONFLICT (scope) DO NOTHING"
).bindparams(bindparam("now", type_=UtcDateTime), bindparam("retry_at", type_=UtcDateTime))


class Cause(StrEnum):
    """Why mail rests."""

    GONE = "gone"
    OURS = "ours"
    RATE = "rate"
    """It came too fast: only mail to that domain rests, and leaves half as fast from then on."""
    POLICY = "policy"
    """Most addresses of the domain take no mail of ours: by itself that says nothing of other domains."""


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
    begin = min(now, sent_at or now)
    held = {each.scope: each for each in holds(session)}
    if EVERYWHERE in held:
        return []
    believed = believed_gone(session, now=now)
    scopes = {*domains, *held, *believed, EVERYWHERE}
    window = answers.numbers(session, scopes, begin - _WINDOW)
    recent = answers.numbers(session, scopes, begin - _RECENT)
    new = []
    for domain in sorted(set(domains) - held.keys()):
        cause = _cause(window[domain], recent[domain])
        if cause and not (cause is Cause.GONE and believed & {domain, EVERYWHERE}):
            new += _hold(session, domain, cause, _reason(domain, cause, window[domain], told), now)
    cause_everywhere = _cause_everywhere(window, [*held.values(), *new], believed)
    if cause_everywhere is None and any(recent[each][Answer.SETUP] for each in domains):
        cause_everywhere = _set_up(session, begin - _RECENT)
    if cause_everywhere:
        reason = _reason(EVERYWHERE, cause_everywhere, window[EVERYWHERE], told)
        everywhere = _hold(session, EVERYWHERE, cause_everywhere, reason, now)
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


def note_refusals(session: Session, told: Mapping[str, str], *, now: datetime) -> None:
    """Tell the operator at once who refuses us, where mail does not rest already; ``told`` is what each domain said."""
    resting = {each.scope for each in holds(session)}
    if EVERYWHERE not in resting:
        refusal_findings.note_refused(session, {each: told[each] for each in told.keys() - resting}, now=now)


def held_words(scope: str) -> str:
    """Return what stands on a delivery that waits for a hold to end."""
    return f"mail to {scope} rests" if scope else "all mail rests"


def probe(session: Session, hold: SendingHold, delivery_id: int, *, now: datetime) -> bool:
    """Let one delivery try whether mail is taken again; False where another process has let one try already."""
    doubled = hold.cause in {Cause.OURS, Cause.POLICY}
    wait = min(timedelta(seconds=hold.wait * 2), LONGEST_WAIT) if doubled else _WAIT
    taken: CursorResult[Any] = session.connection().execute(
        update(SendingHold)
        .where(col(SendingHold.scope) == hold.scope, col(SendingHold.retry_at) == hold.retry_at)
        .values(retry_at=now + timedelta(seconds=hold.wait), wait=int(wait.total_seconds()), probe_id=delivery_id)
    )
    return bool(taken.rowcount)


def end_probed(session: Session, accepted: Collection[int], *, now: datetime, arrived: bool = False) -> list[str]:
    """End the holds whose probe is among these accepted deliveries; return their scopes.

    Where mail is taken first and comes back later, that it was taken says nothing: unless it ``arrived`` for sure, the
    next turn to try decides (:func:`settle_probes`).
    """
    probed = [each.scope for each in holds(session) if each.probe_id in accepted]
    if not probed:
        return []
    answers.take_turn(session, now=now)
    late = set() if arrived else answers.told_late(session, now - _WINDOW)
    ended = [scope for scope in probed if scope not in late]
    release_sending(session, ended, now=now)
    return ended


def settle_probes(session: Session, *, now: datetime) -> None:
    """End the holds whose last probe was taken and has not come back by the next turn to try."""
    due = {each.probe_id: each.scope for each in holds(session) if each.probe_id is not None and each.retry_at <= now}
    if not due:
        return
    answers.take_turn(session, now=now)
    well = select(Delivery.id).where(
        col(Delivery.id).in_(due), col(Delivery.state).in_([DeliveryState.SENT, DeliveryState.DELIVERED])
    )
    release_sending(session, [due[number] for number in session.exec(well) if number is not None], now=now)


def release_sending(session: Session, scopes: Iterable[str], *, now: datetime) -> int:
    """Let mail go there again, and count from now on; return how many deliveries waited for it."""
    waited = 0
    for scope in scopes:
        _end(session, [scope])
        answers.forget_all(session, scope)
        held = col(Delivery.last_error) == held_words(scope)
        if scope == EVERYWHERE:  # the holds of single domains were merged into this one
            held |= col(Delivery.last_error).like(held_words("%"))
        due = update(Delivery).where(col(Delivery.state) == DeliveryState.QUEUED, held)
        result: CursorResult[Any] = session.connection().execute(due.values(not_before=now, last_error=None))
        waited += result.rowcount
        log.info("sending.goes_on", domain=scope or "all", mails=waited)
    return waited


def answers_by_domain(session: Session, *, now: datetime) -> list[dict[str, Any]]:
    """Return how each domain answered in the window, and since when mail to it rests; ``all`` together first.

    Counted anew where the operator, or a mail that tried, ended a rest.
    """
    numbers = answers.numbers(session, None, now - _WINDOW)
    slowed = slowing.paces(session, now=now)
    resting = {each.scope: each for each in holds(session)}
    replies = answers.last_replies(session)
    return [
        {
            "domain": domain or "all",
            "sent": answers.accepted_of(numbers[domain]),
            "refused": numbers[domain][Answer.ANSWERED] - answers.accepted_of(numbers[domain]),
            **{what.value: numbers[domain][what] for what in (Answer.ANSWERED, Answer.GONE, Answer.OURS)},
            "held_since": resting[domain].since if domain in resting else None,
            "retry_at": resting[domain].retry_at if domain in resting else None,
            "reason": resting[domain].reason if domain in resting else None,
            "per_hour": round(slowed[domain] * 3600) if domain in slowed else None,
            "last_reply_at": replies[domain].at if domain in replies else None,
            "last_code": replies[domain].code if domain in replies else None,
            "last_reply": replies[domain].words if domain in replies else None,
        }
        for domain in sorted(numbers.keys() | resting.keys() | slowed.keys() | replies.keys())
    ]


def take_back_pending(db: Database, secret: Secrets, *, now: datetime) -> int:
    """Take back what was suppressed in the window before a guard tripped, where that is still to be done."""
    with db.read() as session:
        pending = [each for each in holds(session) if not each.undone]
        found = {
            each.scope: undoing.provisional(
                session, secret, domain=each.scope, since=counters.hour_of(each.since - _WINDOW), now=now
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


def forget_holds(session: Session, *, now: datetime) -> None:
    """Drop the counts by domain that no window reaches any more, and what was told of mails long ago."""
    refusal_findings.end_refusal_findings(session, now=now)
    answers.forget_answers(session, now=now)
    slowing.forget_slowed(session, now=now)


def _cause(window: Numbers, recent: Numbers) -> Cause | None:
    all_answers, gone, ours = (window[what] for what in (Answer.ANSWERED, Answer.GONE, Answer.OURS))
    rate, policy = window[Answer.RATE], window[Answer.POLICY]
    if _refuses_us(ours, all_answers):
        if _refuses_us(ours - rate - policy, all_answers):
            return Cause.OURS
        return Cause.RATE if rate >= policy else Cause.POLICY
    if gone >= _GONE_OF_A_DOMAIN and gone >= _SHARE_OF_A_DOMAIN * all_answers:
        return Cause.GONE
    now_and_then = recent[Answer.RATE]
    if now_and_then >= _RATE_OF_A_DOMAIN and now_and_then >= _RATE_SHARE_OF_A_DOMAIN * recent[Answer.ANSWERED]:
        return Cause.RATE
    return None


def _refuses_us(ours: int, all_answers: int) -> bool:
    return ours >= _OURS_OF_A_DOMAIN and ours >= _OURS_SHARE_OF_A_DOMAIN * all_answers


def _cause_everywhere(
    numbers: Mapping[str, Numbers], held: Collection[SendingHold], believed: Collection[str]
) -> Cause | None:
    refused_by = [each.scope for each in held if each.cause != Cause.GONE]
    of_our_standing = [each for each in held if each.cause == Cause.OURS]
    others = Counter(numbers[EVERYWHERE])
    for scope in refused_by:  # one large domain that refuses us says nothing of the others
        others.subtract(numbers[scope])
    enough = others[Answer.ANSWERED] >= _OURS_ANSWERS_OF_ALL
    all_answers, gone, ours = (numbers[EVERYWHERE][what] for what in (Answer.ANSWERED, Answer.GONE, Answer.OURS))
    if (
        len(of_our_standing) >= _TWO_DOMAINS
        or (len(refused_by) >= _TWO_DOMAINS and ours >= _MOST_OF_ALL * all_answers)
        or (enough and others[Answer.OURS] > _OURS_SHARE_OF_ALL * others[Answer.ANSWERED])
    ):
        return Cause.OURS
    if EVERYWHERE in believed:
        return None
    for domain in believed:
        gone -= numbers[domain][Answer.GONE]
        all_answers -= numbers[domain][Answer.ANSWERED]
    if gone >= _GONE_OF_ALL and all_answers >= _ANSWERS_OF_ALL and gone >= _SHARE_OF_ALL * all_answers:
        return Cause.GONE
    return None


def _set_up(session: Session, start: datetime) -> Cause | None:
    """Tell whether a second domain refuses how we are set up: then the others will, too."""
    named = answers.domains_with(session, Answer.SETUP, start)
    numbers = answers.numbers(session, {*named, EVERYWHERE}, start)
    refusing = [each for each in named if _is_share(numbers[each], Answer.SETUP, _SETUP_SHARE_OF_A_DOMAIN)]
    many = _is_share(numbers[EVERYWHERE], Answer.SETUP, _SETUP_SHARE_OF_ALL)
    return Cause.OURS if len(refusing) >= _TWO_DOMAINS and many else None


def _is_share(numbers: Numbers, what: Answer, share: float) -> bool:
    return numbers[what] >= share * numbers[Answer.ANSWERED]


def _reason(scope: str, cause: Cause, numbers: Numbers, told: str) -> str:
    mails = counted(numbers[Answer.ANSWERED], "mail")
    whose = f"to {scope}" if scope else "to all domains"
    if cause is Cause.GONE:
        said = f"{numbers[Answer.GONE]:,} of {mails} {whose} were refused as if nobody read there"
    elif cause is Cause.RATE:
        said = f"{numbers[Answer.RATE]:,} of {mails} {whose} were refused because of us: too many at once"
    else:
        said = f"{numbers[Answer.OURS]:,} of {mails} {whose} were refused because of us"
    return f"{said}, last: {told}" if told else said


def _hold(session: Session, scope: str, cause: Cause, reason: str, now: datetime) -> list[SendingHold]:
    values = {
        "scope": scope,
        "cause": cause.value,
        "now": now,
        "retry_at": now + _WAIT,
        "wait": int(_WAIT.total_seconds()),
        "reason": reason,
        "undone": cause is not Cause.GONE,
    }
    noted: CursorResult[Any] = session.connection().execute(_HOLD, values)
    if not noted.rowcount:  # another sender found it at the same moment
        return []
    per_hour = slowing.slow_down(session, scope, now=now) if cause is Cause.RATE else None
    end_findings(session, REFUSED, [scope])
    note_finding(session, HELD, scope, _finding(scope, cause, reason, per_hour), now=now)
    log.error("sending.held", domain=scope or "all", cause=cause.value, reason=reason)
    return [session.get_one(SendingHold, scope)]


def _finding(scope: str, cause: Cause, reason: str, per_hour: int | None) -> str:
    what = held_words(scope)
    if per_hour is not None:
        remedy = (
            f"At most {counted(per_hour, 'mail')} an hour leave there from then on; no subscriber was blamed. If it "
            f'comes again, set per_second in [mail.domains."{scope}"]'
        )
    elif cause is not Cause.GONE:
        remedy = "Check SPF, DKIM, reverse DNS, block lists and the sender; no subscriber was blamed"
    else:
        remedy = (
            "So many people do not leave at once: nobody was suppressed. Where they are gone indeed, as on an old "
            "list: trialalerts deliveries resume --gone"
        )
    return (
        f"{what[:1].upper()}{what[1:]}: {reason}. {remedy}. One mail tries again by itself, and all follow when it is "
        "accepted; see: trialalerts deliveries domains"
    )


def _end(session: Session, scopes: Collection[str]) -> None:
    session.connection().execute(delete(SendingHold).where(col(SendingHold.scope).in_(list(scopes))))
    end_findings(session, HELD, scopes)
    session.expire_all()

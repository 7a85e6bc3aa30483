"""Findings about mail that is refused because of us, or for a fault of its own.

They say what was said and whose fault it is, and stand for as long as it holds: one for each domain that refuses us,
one for a transport that does not work, one for each fault that a mail of ours has.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlmodel import Session

from trialalerts.database.findings import end_findings, note_finding, open_findings
from trialalerts.delivery.outbox.tables import TransportState
from trialalerts.logs import Logger

__all__ = [
    "BENCHED",
    "FAULTY",
    "REFUSED",
    "end_refusal_findings",
    "note_faulty",
    "note_outage",
    "note_outage_reason",
    "note_refused",
]

log = Logger()

BENCHED = "transport-benched"
FAULTY = "mail-faulty"
REFUSED = "mail-refused"
"""Kinds of findings: a transport is left alone (its name); a mail has a fault of its own (the rule that found it); a
server refuses us, and has accepted no mail since (the domain)."""
_A_DAY = timedelta(days=1)


def note_refused(session: Session, told: Mapping[str, str], *, now: datetime) -> None:
    """Note that these domains refuse us; ``told`` is what was said of each, without addresses."""
    for domain, words in sorted(told.items()):
        text = (
            f"Mail to {domain} is refused because of us: {words}. It is tried again by itself; no subscriber was blamed"
        )
        note_finding(session, REFUSED, domain, text, now=now)


def note_faulty(session: Session, rule: str, words: str, *, delivery_id: int, now: datetime) -> None:
    """Note that a mail was refused for a fault of its own, which a template or a bug of ours gave it."""
    log.error("delivery.faulty", delivery=delivery_id, rule=rule, reason=words)
    text = (
        f"A mail (delivery {delivery_id}) was refused for its own size, content or form, and failed: {words}. No "
        f"subscriber was blamed; mend the template, then: trialalerts deliveries retry {delivery_id}"
    )
    note_finding(session, FAULTY, rule, text, now=now)


def note_outage(session: Session, name: str, reason: str, *, now: datetime) -> None:
    """Note that a transport is left alone for now, and why."""
    text = f"No mail leaves through the transport {name}: {reason.rstrip('.')}. It is tried again by itself"
    note_finding(session, BENCHED, name, text, now=now)


def note_outage_reason(session: Session, name: str, words: str, *, now: datetime) -> None:
    """Renew what is noted of a transport that is tried again and refused because of us again: one finding is enough."""
    end_findings(session, REFUSED)
    state = session.get(TransportState, name)
    if state is not None:
        state.reason = f"messages are refused because of us, last: {words}"
        note_outage(session, name, state.reason, now=now)


def end_refusal_findings(session: Session, *, now: datetime) -> None:
    """End what is told of faulty mails when none has come for a day."""
    old = [each.subject for each in open_findings(session, FAULTY) if each.last_seen_at < now - _A_DAY]
    end_findings(session, FAULTY, old)

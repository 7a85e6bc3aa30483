"""The consent log: what a subscriber agreed to or took back, when, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from trialalerts.database.audit import WEB, command_line, note_change
from trialalerts.subscribers.tables import Consent, ConsentAction, Subscriber, id_of

__all__ = ["ConsentText", "list_consents", "note_text", "record_consent", "shown_values"]


@dataclass(frozen=True, kw_only=True)
class ConsentText:
    """What somebody read before they agreed: in which language, and which version of it."""

    locale: str
    version: str


_ON_THE_WEB = {"web", "link", "one-click"}


def record_consent(
    session: Session,
    subscriber: Subscriber,
    action: ConsentAction,
    *,
    how: str,
    what: str = "",
    old: str | None = None,
    new: str | None = None,
    now: datetime,
) -> Consent:
    """Append a line and return it; ``how`` is ``web``, ``link``, ``one-click``, ``operator``, ``import`` or feedback.

    What a person or an operator did goes into the audit trail, too, with the ``old`` and the ``new`` value.
    """
    line = Consent(subscriber_id=id_of(subscriber), at=now, action=action, how=how, what=what)
    session.add(line)
    who = command_line() if how == "operator" else WEB if how in _ON_THE_WEB else None
    if who is not None:
        subject = f"subscriber {subscriber.id}"
        note_change(session, who, _named(action, what), subject, now=now, old=old, new=new or what or None)
    return line


def note_text(line: Consent, read: ConsentText | None) -> None:
    """Write down with a line of the log which text was agreed to, where one was read."""
    if read is not None:
        line.locale, line.version = read.locale, read.version


def _named(action: ConsentAction, what: str) -> str:
    """Return a noun and a verb: ``subscriber.paused``, ``preference.added``."""
    words = what.partition(":")[0].split()
    if action is ConsentAction.CHANGED and words[:1] == ["preference"] and words[2:]:
        return f"preference.{words[-1]}"
    return f"subscriber.{action}"


def shown_values(values: Mapping[str, object]) -> str:
    """Return values for the audit trail; of an address only that it is another one."""
    named = {name: value for name, value in values.items() if name != "address_key"}
    return ", ".join(name if name == "address" else f"{name}={value}" for name, value in named.items())


def list_consents(session: Session, subscriber: Subscriber) -> list[Consent]:
    """Return the subscriber's consent log, oldest first."""
    rows = select(Consent).where(col(Consent.subscriber_id) == subscriber.id).order_by(col(Consent.id))
    return list(session.exec(rows))

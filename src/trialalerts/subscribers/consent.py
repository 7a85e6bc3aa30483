"""The consent log: what a subscriber agreed to or took back, when, and how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from trialalerts.database import table_of
from trialalerts.database.audit import WEB, AuditedChange, audit_rows, command_line, note_changes
from trialalerts.database.bulk import Rows
from trialalerts.subscribers.tables import Consent, ConsentAction, Subscriber, id_of

__all__ = [
    "ConsentChange",
    "ConsentText",
    "consent_rows",
    "list_consents",
    "note_text",
    "record_consent",
    "shown_values",
]


@dataclass(frozen=True, kw_only=True)
class ConsentText:
    """What somebody read before they agreed: in which language, and which version of it."""

    locale: str
    version: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ConsentChange:
    """What somebody agreed to or took back.

    ``how`` is ``web``, ``link``, ``one-click``, ``operator``, ``import`` or the name of a feedback; ``old`` and ``new``
    are values for the audit trail.
    """

    subscriber_id: int
    action: ConsentAction
    how: str
    what: str = ""
    old: str | None = None
    new: str | None = None

    def line(self, now: datetime) -> dict[str, Any]:
        """Return the line of the consent log."""
        return {
            "subscriber_id": self.subscriber_id,
            "at": now,
            "action": self.action,
            "how": self.how,
            "what": self.what,
        }

    def audited(self) -> AuditedChange | None:
        """Return what the audit trail says of it: of what a person or an operator did, and of nothing else."""
        who = command_line() if self.how == "operator" else WEB if self.how in _ON_THE_WEB else None
        if who is None:
            return None
        return AuditedChange(
            who=who,
            action=_named(self.action, self.what),
            subject=f"subscriber {self.subscriber_id}",
            old=self.old,
            new=self.new or self.what or None,
        )


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
    """Append a line and return it; see :class:`ConsentChange` for the values.

    What a person or an operator did goes into the audit trail, too, with the ``old`` and the ``new`` value.
    """
    change = ConsentChange(subscriber_id=id_of(subscriber), action=action, how=how, what=what, old=old, new=new)
    line = Consent(**change.line(now))
    session.add(line)
    if (audited := change.audited()) is not None:
        note_changes(session, [audited], now=now)
    return line


def consent_rows(changes: Sequence[ConsentChange], *, now: datetime) -> tuple[Rows, Rows]:
    """Return the lines of the log for many changes, and those of the audit trail, to be written with what else is."""
    return Rows(table_of(Consent), [change.line(now) for change in changes]), _audited(changes, now)


def _audited(changes: Sequence[ConsentChange], now: datetime) -> Rows:
    return audit_rows([audited for change in changes if (audited := change.audited())], now=now)


def note_text(line: Consent, read: ConsentText | None) -> None:
    """Write down with a line of the log which text was agreed to, where one was read."""
    if read is not None:
        line.locale, line.version = read.locale, read.version


_NOUNS = {"preference", "silence"}
"""What is added, changed or removed by its number."""


def _named(action: ConsentAction, what: str) -> str:
    """Return a noun and a verb: ``subscriber.paused``, ``preference.added``, ``silence.removed``."""
    words = what.partition(":")[0].split()
    if action is ConsentAction.CHANGED and words[2:] and words[0] in _NOUNS:
        return f"{words[0]}.{words[-1]}"
    return f"subscriber.{action}"


def shown_values(values: Mapping[str, object]) -> str:
    """Return values for the audit trail; of an address only that it is another one."""
    named = {name: value for name, value in values.items() if name != "address_key"}
    return ", ".join(name if name == "address" else f"{name}={value}" for name, value in named.items())


def list_consents(session: Session, subscriber: Subscriber) -> list[Consent]:
    """Return the subscriber's consent log, oldest first."""
    rows = select(Consent).where(col(Consent.subscriber_id) == subscriber.id).order_by(col(Consent.id))
    return list(session.exec(rows))

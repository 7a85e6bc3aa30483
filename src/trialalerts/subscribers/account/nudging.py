"""Being told elsewhere that there is news: asked for in the settings, confirmed there, taken away again."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from trialalerts.subscribers.consent import record_consent
from trialalerts.subscribers.tables import ConsentAction, NudgeChoice, Subscriber, id_of

__all__ = [
    "ask_for_nudges",
    "confirm_nudges",
    "end_nudges",
    "nudge_choice_of",
    "nudges_asked_for",
    "told_elsewhere",
]

_BY_MAIL = "mail"


def nudge_choice_of(session: Session, subscriber: Subscriber) -> NudgeChoice | None:
    """Return where somebody is told, or wants to be; None where they never chose."""
    return session.get(NudgeChoice, id_of(subscriber))


def told_elsewhere(session: Session) -> frozenset[int]:
    """Return the ids of all who are told by a nudge, and want no content in mails: hardly ever many."""
    return frozenset(session.exec(select(NudgeChoice.subscriber_id).where(col(NudgeChoice.confirmed_at).is_not(None))))


def ask_for_nudges(session: Session, subscriber: Subscriber, way: str, recipient: str, *, now: datetime) -> NudgeChoice:
    """Note where somebody wants to be told; until they say yes there, all stays as it is."""
    choice = nudge_choice_of(session, subscriber) or NudgeChoice(subscriber_id=id_of(subscriber))
    choice.asked_way, choice.asked_recipient, choice.asked_at = way, recipient, now
    session.add(choice)
    session.flush()
    return choice


def nudges_asked_for(choice: NudgeChoice | None, *, now: datetime, within: timedelta) -> str | None:
    """Return the way that was asked for and has not said yes yet; None where there is none."""
    if choice is None or choice.asked_way is None or choice.asked_at is None:
        return None
    return choice.asked_way if now - choice.asked_at <= within else None


def confirm_nudges(session: Session, subscriber: Subscriber, asked_at: int, *, now: datetime) -> bool:
    """Tell somebody there from now on; ``asked_at`` is the moment of the wish, in seconds. Twice changes nothing.

    Returns:
        False where that wish is over.
    """
    choice = nudge_choice_of(session, subscriber)
    if choice is None or choice.asked_at is None or int(choice.asked_at.timestamp()) != asked_at:
        return False
    if choice.asked_way is None:
        return choice.way is not None
    before = choice.way or _BY_MAIL
    choice.way, choice.recipient = choice.asked_way, choice.asked_recipient
    choice.asked_way = choice.asked_recipient = choice.failed_at = None
    choice.confirmed_at = now
    session.add(choice)
    said = {"what": "nudges", "old": before, "new": choice.way}
    record_consent(session, subscriber, ConsentAction.CHANGED, how="link", **said, now=now)
    session.flush()
    return True


def end_nudges(session: Session, subscriber: Subscriber, *, how: str, now: datetime) -> bool:
    """Tell somebody by mail again, and forget what was asked for; return whether there was anything to end."""
    choice = nudge_choice_of(session, subscriber)
    if choice is None:
        return False
    session.delete(choice)
    if choice.confirmed_at is not None:
        said = {"what": "nudges", "old": choice.way or "", "new": _BY_MAIL}
        record_consent(session, subscriber, ConsentAction.CHANGED, how=how, **said, now=now)
    session.flush()
    return True

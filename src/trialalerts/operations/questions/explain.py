"""Why somebody got no mail: obstacles, due time, the last mails, and what is new with why it is told or not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from trialalerts.catalog.tables import Item
from trialalerts.delivery.outbox.tables import Delivery
from trialalerts.digests.overdue import waited_for
from trialalerts.digests.tables import Digest
from trialalerts.operations.questions.candidates import Consideration, consider, consider_item
from trialalerts.operations.questions.obstacles import Obstacle, WhyNoMail, obstacles_of
from trialalerts.settings import Settings
from trialalerts.subscribers.tables import Subscriber, SubscriberState

__all__ = ["Explanation", "MailTold", "explain_silence"]

_LAST_MAILS = 10
_SERVED = {SubscriberState.ACTIVE, SubscriberState.PAUSED, SubscriberState.BOUNCED}


@dataclass(frozen=True, kw_only=True)
class MailTold:
    """A mail of the outbox: what it is and where it stands; ``digest_id`` is None where it is no digest."""

    id: int
    kind: str
    state: str
    created_at: datetime
    not_before: datetime
    sent_at: datetime | None
    attempts: int
    code: str | None
    error: str | None
    digest_id: int | None

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON types."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """What keeps mail from a subscriber.

    ``obstacles`` are told in the order of :class:`~trialalerts.operations.questions.obstacles.WhyNoMail`; there may be
    several of one reason. ``next_mail`` is the earliest moment at which a mail can leave, None where nobody can foresee
    one. ``last_digest`` is when the last one was composed.
    """

    subscriber: Subscriber
    obstacles: tuple[Obstacle, ...]
    next_mail: datetime | None
    mails: tuple[MailTold, ...]
    last_digest: datetime | None
    news: Consideration

    @property
    def reasons(self) -> list[str]:
        """The words of what holds, each once."""
        return [*dict.fromkeys(each.reason.value for each in self.obstacles)]


def explain_silence(
    session: Session,
    settings: Settings,
    now: datetime,
    subscriber: Subscriber,
    *,
    item: Item | None = None,
    most: int | None = 50,
) -> Explanation:
    """Return why a subscriber gets no mail now, or when the next one comes.

    Args:
        session: reads.
        settings: of the service.
        now: aware.
        subscriber: who asks.
        item: one item that is asked about; None: all that is new since the last digest.
        most: so many items are described; None: all of them.
    """
    obstacles = obstacles_of(session, settings, now, subscriber)
    waits = bool(waited_for(session, settings, now))
    news = consider(session, settings, now, subscriber, introducing=not waits, most=0 if item else most)
    if item is not None:
        asked = consider_item(session, settings, now, subscriber, item, introducing=not waits)
        news = Consideration(
            considered=asked.considered, matching=asked.matching, is_told=news.is_told, items=asked.items
        )
    something_new = news.is_told or bool(obstacles.queued)
    found = [*obstacles.found]
    if subscriber.state in _SERVED and not something_new and not waits:
        found.append(Obstacle(reason=WhyNoMail.NOTHING_NEW, text="nothing that matches is new since the last digest"))
    due = subscriber.next_due_at
    if subscriber.state is SubscriberState.ACTIVE and due is not None and due > now and not obstacles.queued:
        text = f"the next {subscriber.frequency} digest is due {due:%Y-%m-%d %H:%M} UTC"
        found.append(Obstacle(reason=WhyNoMail.NOT_DUE, text=text, until=due))
    return Explanation(
        subscriber=subscriber,
        obstacles=tuple(found),
        next_mail=obstacles.next_mail(settings, now, something_new=something_new),
        mails=tuple(_mails(session, subscriber)),
        last_digest=_last_digest(session, subscriber),
        news=news,
    )


def _mails(session: Session, subscriber: Subscriber) -> list[MailTold]:
    asked = select(Delivery).where(col(Delivery.subscriber_id) == subscriber.id)
    return [
        MailTold(
            id=each.id or 0,
            kind=each.kind,
            state=str(getattr(each.state, "value", each.state)),
            created_at=each.created_at,
            not_before=each.not_before,
            sent_at=each.sent_at,
            attempts=each.attempts,
            code=each.last_code,
            error=each.last_error,
            digest_id=each.data.get("digest_id"),
        )
        for each in session.exec(asked.order_by(col(Delivery.id).desc()).limit(_LAST_MAILS))
    ]


def _last_digest(session: Session, subscriber: Subscriber) -> datetime | None:
    asked = select(Digest.created_at).where(col(Digest.subscriber_id) == subscriber.id)
    return session.exec(asked.order_by(col(Digest.id).desc()).limit(1)).first()

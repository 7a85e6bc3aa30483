"""What a call says of a change: what the public page of the trial or article says, and nothing else."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlmodel import Session, col, select

from trialalerts.catalog.facts import ArticleFacts
from trialalerts.catalog.tables import Change, Item, ItemKind
from trialalerts.database.bulk import in_chunks
from trialalerts.database.events.noted import SOURCE_FAILING, SOURCE_RECOVERED, TakenEvent
from trialalerts.digests.publishing import Publishing
from trialalerts.hooks.events import ArticleTold, SourceTold, SubscriberTold, ToldData, TrialTold, call_body, event_of
from trialalerts.hooks.outbox import NewCall

__all__ = ["call_of_event", "calls_of_changes"]

_OF_SOURCES = {SOURCE_FAILING, SOURCE_RECOVERED}


def calls_of_changes(session: Session, numbers: Collection[int], publishing: Publishing) -> Mapping[int, NewCall]:
    """Return the calls that tell these changes, by their numbers; what is told as no event is left out.

    The moment stands in a call's key: where a backup was put back, a number may come again for another change.
    """
    found: dict[int, NewCall] = {}
    for some in in_chunks(sorted(numbers)):
        asked = select(Change, Item).join(Item, col(Item.id) == col(Change.item_id)).where(col(Change.seq).in_(some))
        for change, item in session.exec(asked):
            event = event_of(item.kind, change.kind)
            if event is not None:
                key = f"change-{change.seq}-{int(change.at.timestamp())}"
                data = (
                    _trial(change, item, publishing)
                    if item.kind is ItemKind.TRIAL
                    else _article(change, item, publishing)
                )
                found[change.seq] = NewCall(key=key, event=event, body=call_body(event, change.at, data))
    return found


def call_of_event(event: TakenEvent) -> NewCall:
    """Return the call that tells an event that was noted."""
    data: ToldData = (
        SourceTold(source=event.subject) if event.event in _OF_SOURCES else SubscriberTold(id=event.subject)
    )
    return NewCall(key=f"noted-{event.key}", event=event.event, body=call_body(event.event, event.at, data))


def _trial(change: Change, item: Item, publishing: Publishing) -> TrialTold:
    return TrialTold(
        number=item.external_id,
        title=item.title,
        kind=change.kind.value,
        status=item.status,
        recruiting=item.is_open,
        changed_at=change.at,
        posted_at=item.published_at.date() if item.published_at else None,
        url=publishing.trial_page(item.external_id) or None,
        registry_url=item.url,
    )


def _article(change: Change, item: Item, publishing: Publishing) -> ArticleTold:
    return ArticleTold(
        id=item.id or 0,
        title=item.title,
        changed_at=change.at,
        published_at=item.published_at,
        sources=_sources(item, publishing),
        url=publishing.page(item.id) or None,
        original_url=item.url or None,
    )


def _sources(item: Item, publishing: Publishing) -> list[str]:
    try:
        facts = ArticleFacts.model_validate(item.facts)
    except ValueError:  # broken facts keep no call back
        return publishing.named((item.source,), item.url)
    return [facts.journal] if facts.journal else publishing.named(facts.sources or (item.source,), item.url)

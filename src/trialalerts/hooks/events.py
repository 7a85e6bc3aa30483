"""The events that a webhook can hear of, and what a call says of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated

import orjson
from pydantic import BaseModel, ConfigDict, Field

from trialalerts.catalog.tables import ChangeKind, ItemKind
from trialalerts.database.events.noted import (
    SOURCE_FAILING,
    SOURCE_RECOVERED,
    SUBSCRIBER_CONFIRMED,
    SUBSCRIBER_LEFT,
)
from trialalerts.errors import InvalidInput, did_you_mean, nearest

__all__ = [
    "EVENTS",
    "PUBLIC_EVENTS",
    "TEST_EVENT",
    "ArticleTold",
    "HookEvent",
    "PingTold",
    "SourceTold",
    "SubscriberTold",
    "ToldData",
    "TrialTold",
    "call_body",
    "checked_events",
    "event_of",
]

TEST_EVENT = "webhook.test"
"""What ``trialalerts webhooks test`` says; nobody asks for it."""


class ToldData(BaseModel):
    """What a call says of an event; what is not known is null."""

    model_config = ConfigDict(frozen=True)


class TrialTold(ToldData):
    """A change of a trial, as the trial's public page tells it."""

    number: Annotated[str, Field(description="The trial's registry number.")]
    title: Annotated[str, Field(description="Its title, as its registry has it.")]
    kind: Annotated[str, Field(description="What happened, in the words of the reference of changes: `opened` …")]
    status: Annotated[str | None, Field(description="Its status now, as its registry has it.")]
    recruiting: Annotated[bool, Field(description="Whether it takes people now.")]
    changed_at: Annotated[datetime, Field(description="When we learnt of the change.")]
    posted_at: Annotated[date | None, Field(description="The day when its registry posted it first.")]
    url: Annotated[str | None, Field(description="Its public page here; null without `service.base_url`.")]
    registry_url: Annotated[str, Field(description="Its page at its registry.")]


class ArticleTold(ToldData):
    """An article that was published, corrected or taken back, as its public page tells it."""

    id: Annotated[int, Field(description="The article's number here, as in `/articles/17`.")]
    title: Annotated[str, Field(description="Its title.")]
    changed_at: Annotated[datetime, Field(description="When we learnt of it.")]
    published_at: Annotated[datetime | None, Field(description="When it was published, as its source says.")]
    sources: Annotated[list[str], Field(description="Where it is from, as readers see it.")]
    url: Annotated[str | None, Field(description="Its public page here; null without `service.base_url`.")]
    original_url: Annotated[str | None, Field(description="Where it stands at its source; null: only here.")]


class SubscriberTold(ToldData):
    """That somebody confirmed or left: by an id that says nothing, without address and without what they follow."""

    id: Annotated[str, Field(description="The public id: the same for as long as the person is known here.")]


class SourceTold(ToldData):
    """That a source fails, or works again, when the operator is told of it."""

    source: Annotated[str, Field(description="Its name in the configuration.")]


class PingTold(ToldData):
    """That a webhook is tried out."""

    id: Annotated[str, Field(description="The webhook's own id.")]


@dataclass(frozen=True, kw_only=True)
class HookEvent:
    """A kind of event: when it comes, what is told of it, whether areas and regions limit it.

    One that is not ``public`` comes only to whoever names it.
    """

    when: str
    data: type[ToldData]
    limited: bool = False
    public: bool = False


EVENTS: dict[str, HookEvent] = {
    "trial.changed": HookEvent(
        when="a trial opened, closed, added a site, posted results …: what its area's feed tells",
        data=TrialTold, limited=True, public=True,
    ),
    "article.published": HookEvent(
        when="an article or a paper is told for the first time", data=ArticleTold, limited=True, public=True
    ),
    "article.corrected": HookEvent(when="it was corrected", data=ArticleTold, limited=True, public=True),
    "article.concern": HookEvent(
        when="its journal voiced concern about it", data=ArticleTold, limited=True, public=True
    ),
    "article.retracted": HookEvent(when="it was taken back", data=ArticleTold, limited=True, public=True),
    SUBSCRIBER_CONFIRMED: HookEvent(
        when="somebody confirmed their sign-up, or took leaving back; not who comes from a file", data=SubscriberTold
    ),
    SUBSCRIBER_LEFT: HookEvent(
        when="somebody who had confirmed unsubscribed, complained of a mail or was erased", data=SubscriberTold
    ),
    SOURCE_FAILING: HookEvent(
        when="a source is silent or gone for so long that the operator is told", data=SourceTold
    ),
    SOURCE_RECOVERED: HookEvent(when="that is over", data=SourceTold),
}  # fmt: skip
"""All events, by their names."""

PUBLIC_EVENTS = tuple(name for name, kind in EVENTS.items() if kind.public)
"""What a webhook hears of for which nobody named an event."""

_OF_ARTICLES = {
    ChangeKind.PUBLISHED.value: "article.published",
    ChangeKind.CORRECTED.value: "article.corrected",
    ChangeKind.CONCERN.value: "article.concern",
    ChangeKind.RETRACTED.value: "article.retracted",
}


def event_of(item_kind: ItemKind, change_kind: str) -> str | None:
    """Return as which event a change is told; None: as none."""
    return "trial.changed" if item_kind is ItemKind.TRIAL else _OF_ARTICLES.get(change_kind)


def checked_events(names: Sequence[str]) -> list[str]:
    """Return the events that are named, each once; the public ones where none is.

    Raises:
        InvalidInput: there is no such event.
    """
    for name in names:
        if name not in EVENTS:
            near = did_you_mean(nearest(name, EVENTS) or list(EVENTS))
            raise InvalidInput(f"--event: there is no event “{name}”.{near}")
    return list(dict.fromkeys(names or PUBLIC_EVENTS))


def call_body(event: str, at: datetime, data: ToldData) -> str:
    """Return the body of a call, as Standard Webhooks has it: type, timestamp, data."""
    said = {"type": event, "timestamp": at.astimezone(UTC), "data": data.model_dump()}
    return orjson.dumps(said, option=orjson.OPT_UTC_Z).decode()

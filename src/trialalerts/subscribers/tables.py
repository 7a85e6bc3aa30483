"""The tables of the subscribers: people, what they follow, what they agreed to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Index, UniqueConstraint, false, text, true
from sqlmodel import Field, SQLModel

from trialalerts.database.types import BigId, EnumText, Json, UtcDateTime, empty_list
from trialalerts.vocabulary.days import reader_locale

__all__ = [
    "NEVER_SERVED",
    "NO_PLACE",
    "ONE_TRIAL",
    "AddressChange",
    "Consent",
    "ConsentAction",
    "FormerSubscriber",
    "Frequency",
    "HandoverObjection",
    "LeavingReason",
    "NudgeChoice",
    "Preference",
    "RegionKind",
    "SilencedTrial",
    "Subscriber",
    "SubscriberState",
    "id_of",
]

NEVER_SERVED = -1
"""The cursor of a subscriber who is still to get the first digest (what is recruiting now)."""

ONE_TRIAL = "one-trial"
"""The area of a preference that follows one trial: no area has this id, so that it matches nothing by itself."""


class SubscriberState(StrEnum):
    """Where a subscriber stands; only active ones get digests."""

    PENDING = "pending"
    ACTIVE = "active"
    PAUSED = "paused"
    UNSUBSCRIBED = "unsubscribed"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    ERASED = "erased"


class Frequency(StrEnum):
    """How often a subscriber gets a digest."""

    IMMEDIATELY = "immediately"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


class RegionKind(StrEnum):
    """What a region is; a group is some countries and parts of countries, whose codes stand as its subdivision."""

    ANYWHERE = "anywhere"
    COUNTRY = "country"
    SUBDIVISION = "subdivision"
    GROUP = "group"
    PLACE = "place"


NO_PLACE: Mapping[str, Any] = {
    "region_kind": RegionKind.ANYWHERE,
    "region_label": "anywhere",
    "country": None,
    "subdivision": None,
    "latitude": None,
    "longitude": None,
    "radius_km": None,
}
"""The columns of a preference that say where, of one that does not mind."""


class ConsentAction(StrEnum):
    """What was agreed to, or taken back."""

    SIGNED_UP = "signed_up"
    CONFIRMED = "confirmed"
    CHANGED = "changed"
    PAUSED = "paused"
    RESUMED = "resumed"
    UNSUBSCRIBED = "unsubscribed"
    ERASED = "erased"


class Subscriber(SQLModel, table=True):
    """A person (or a person who follows for another) with one address.

    ``key`` is random and stands for the subscriber in links; ``address_key`` is the folded address for
    look-ups. ``hour`` is local (0–23), ``weekday`` 0 is Monday, ``day`` of the month is 1–28.
    ``cursor`` is the last change number served, :data:`NEVER_SERVED` before the first digest, whose window begins
    after ``confirmed_seq``: the last change there was when the subscriber confirmed. ``heartbeat`` is ``monthly`` or
    ``quarterly`` for who wants to hear that there is nothing new, ``heartbeat_at`` when that was told last; to the
    ``discreet`` mails say only that there is news; ``unit`` is ``km`` or ``miles``, None for the one of the language.
    Links to the settings and to digests that were made before ``links_since`` (the address was another one) are over.
    Without ``announcements`` nobody is told what editors tell to many at once.
    ``came_by`` is the word of the link by which somebody came to the sign-up (``clinic-leeds``), where it had one.
    """

    __tablename__ = "subscriber"
    # With the id behind: many are due at the same moment, and pages of them must not be sorted each time.
    __table_args__ = (Index("ix_subscriber_state_next_due_at_id", "state", "next_due_at", "id"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    key: str = Field(unique=True)
    address: str
    address_key: str = Field(unique=True)
    state: SubscriberState = Field(sa_type=EnumText(SubscriberState))
    state_reason: str | None = None
    locale: str
    timezone: str
    frequency: Frequency = Field(sa_type=EnumText(Frequency))
    hour: int = 8
    weekday: int = 0
    day: int = 1
    next_due_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    cursor: int = Field(default=NEVER_SERVED, sa_type=BigId)
    confirmed_seq: int | None = Field(default=None, sa_type=BigId)
    created_at: datetime = Field(sa_type=UtcDateTime)
    confirmed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    paused_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    heartbeat: str | None = None
    heartbeat_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    discreet: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    area_in_subject: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    unit: str | None = None
    links_since: datetime | None = Field(default=None, sa_type=UtcDateTime)
    announcements: bool = Field(default=True, sa_column_kwargs={"server_default": true()})
    came_by: str | None = None

    @property
    def reading_locale(self) -> str:
        """Whose dates and distances this reader is used to."""
        return reader_locale(self.locale, self.timezone)


def id_of(subscriber: Subscriber) -> int:
    """Return the id of a subscriber whose row is stored.

    Raises:
        ValueError: it is not stored yet, so that nothing can refer to it.
    """
    if subscriber.id is None:
        raise ValueError("the subscriber is not stored yet")
    return subscriber.id


class Preference(SQLModel, table=True):
    """What a subscriber follows: an area in a region, with optional filters. Without ``confirmed_at`` it is not served.

    ``born_on`` is the (approximate) birthday of the person followed. ``phases``, ``item_kinds`` and
    ``change_kinds`` hold what is wanted; an empty list wants all. ``excluded_areas`` are area ids, ``topics`` topic
    ids of which an item needs one; ``audience`` is ``patients``, ``professionals`` or None for any. ``area_id`` may be
    any area. A preference without ``introduced_at`` is new: the next digest tells what is open for it now. With an
    ``item_id`` one trial is followed instead, every change of it, and the area is :data:`ONE_TRIAL`; until
    ``paused_until`` a preference rests. ``paused_seq`` is the last change that was looked at for it before: what came
    later is told by the first digest after the rest.
    """

    __tablename__ = "preference"
    __table_args__ = (
        Index(
            "ix_preference_new",
            "subscriber_id",
            sqlite_where=text("introduced_at IS NULL AND confirmed_at IS NOT NULL"),
            postgresql_where=text("introduced_at IS NULL AND confirmed_at IS NOT NULL"),
        ),
        Index(
            "ix_preference_rested",
            "subscriber_id",
            sqlite_where=text("paused_seq IS NOT NULL"),
            postgresql_where=text("paused_seq IS NOT NULL"),
        ),
        Index(
            "ix_preference_item_id",
            "item_id",
            sqlite_where=text("item_id IS NOT NULL"),
            postgresql_where=text("item_id IS NOT NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    subscriber_id: int = Field(foreign_key="subscriber.id", ondelete="CASCADE", index=True, sa_type=BigId)
    area_id: str
    region_kind: RegionKind = Field(sa_type=EnumText(RegionKind))
    region_label: str
    country: str | None = None
    subdivision: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    radius_km: float | None = None
    born_on: date | None = None
    sex: str | None = None
    healthy_volunteer: bool = False
    phases: list[str] = Field(default_factory=empty_list, sa_type=Json)
    item_kinds: list[str] = Field(default_factory=empty_list, sa_type=Json)
    change_kinds: list[str] = Field(default_factory=empty_list, sa_type=Json)
    excluded_areas: list[str] = Field(default_factory=empty_list, sa_type=Json)
    topics: list[str] = Field(
        default_factory=empty_list, sa_type=Json, sa_column_kwargs={"server_default": text("'[]'")}
    )
    audience: str | None = None
    label: str | None = None
    item_id: int | None = Field(default=None, sa_type=BigId)
    paused_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    paused_seq: int | None = Field(default=None, sa_type=BigId)
    created_at: datetime = Field(sa_type=UtcDateTime)
    confirmed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    introduced_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class SilencedTrial(SQLModel, table=True):
    """A trial that somebody said is not for them: nothing of it is told to them.

    It names the item, not a number: it holds whichever number the trial goes by.
    """

    __tablename__ = "silenced_trial"
    __table_args__ = (
        UniqueConstraint("subscriber_id", "item_id", name="uq_silenced_trial"),
        Index("ix_silenced_trial_item_id", "item_id"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    subscriber_id: int = Field(foreign_key="subscriber.id", ondelete="CASCADE", sa_type=BigId)
    item_id: int = Field(sa_type=BigId)
    created_at: datetime = Field(sa_type=UtcDateTime)


class Consent(SQLModel, table=True):
    """Append-only: what was agreed to or taken back, when, and how.

    ``how`` is ``web``, ``link``, ``one-click``, ``operator``, ``import`` or the name of a feedback. ``locale`` and
    ``version`` say in which language and which version somebody read what they agreed to.
    """

    __tablename__ = "consent"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    subscriber_id: int = Field(foreign_key="subscriber.id", ondelete="CASCADE", index=True, sa_type=BigId)
    at: datetime = Field(sa_type=UtcDateTime)
    action: ConsentAction = Field(sa_type=EnumText(ConsentAction))
    how: str
    what: str = ""
    locale: str | None = None
    version: str | None = None


class AddressChange(SQLModel, table=True):
    """An address that a subscriber wants instead of the old one, until a link in a mail to it is opened.

    The row outlives that for some days: mails to either address may still be on their way.
    """

    __tablename__ = "address_change"

    subscriber_id: int = Field(primary_key=True, foreign_key="subscriber.id", ondelete="CASCADE", sa_type=BigId)
    address: str
    address_key: str
    old_address: str
    asked_at: datetime = Field(sa_type=UtcDateTime)


class NudgeChoice(SQLModel, table=True):
    """Where somebody is told that there is news, instead of by a mail: by a ``way`` that the operator offers.

    ``recipient`` is what they typed: a topic, a number, a name there. It holds since they said yes there
    (``confirmed_at``); what was asked for at ``asked_at`` stands beside it until then. Since ``failed_at`` nothing gets
    through: what is to be told is tried once, and then comes by mail.
    """

    __tablename__ = "nudge_choice"

    subscriber_id: int = Field(primary_key=True, foreign_key="subscriber.id", ondelete="CASCADE", sa_type=BigId)
    way: str | None = Field(default=None, index=True)
    recipient: str | None = None
    confirmed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    failed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    asked_way: str | None = None
    asked_recipient: str | None = None
    asked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class HandoverObjection(SQLModel, table=True):
    """Somebody who does not want to be handed over to another organisation, and since when."""

    __tablename__ = "handover_objection"

    subscriber_id: int = Field(primary_key=True, foreign_key="subscriber.id", ondelete="CASCADE", sa_type=BigId)
    at: datetime = Field(sa_type=UtcDateTime)


class LeavingReason(SQLModel, table=True):
    """How many left in a month for which reason; of whom nothing is kept. ``month`` is its first day."""

    __tablename__ = "leaving_reason"

    month: date = Field(primary_key=True)
    reason: str = Field(primary_key=True)
    count: int = 0


class FormerSubscriber(SQLModel, table=True):
    """Somebody who left and whose address was erased since: its keyed hash, so that no file brings them back."""

    __tablename__ = "former_subscriber"

    address_hash: str = Field(primary_key=True)
    since: datetime = Field(sa_type=UtcDateTime)

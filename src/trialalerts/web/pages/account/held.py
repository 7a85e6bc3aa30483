"""What is kept of somebody, shown to them: as a file, as a page; their earlier mails, and what they agreed to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import orjson
from sqlmodel import Session, SQLModel, col, select
from starlette.requests import Request
from starlette.responses import Response

from trialalerts.catalog.tables import Item
from trialalerts.delivery.outbox.notices.tables import Announcement, AnnouncementRecipient, Handoff
from trialalerts.delivery.outbox.suppressions import is_suppressed
from trialalerts.delivery.outbox.tables import Delivery, FeedbackEvent, RefusedAddress, SoftBounces
from trialalerts.digests.reading import DigestReader
from trialalerts.digests.tables import Digest
from trialalerts.subscribers.consent import list_consents
from trialalerts.subscribers.follows.silence import silenced_trials
from trialalerts.subscribers.preferences import list_preferences
from trialalerts.subscribers.tables import AddressChange, HandoverObjection, NudgeChoice, Subscriber, id_of
from trialalerts.web.languages import Language, language_name, zone_name
from trialalerts.web.pages.account.access import own_path, switch
from trialalerts.web.site import WebSite, local_day

__all__ = ["SHOWN", "HeldPages", "earlier_digests"]

SHOWN = {"data", "mails", "consents"}
"""What there is to see."""

_INTERNAL = {"id", "key", "address_key", "subscriber_id", "delivery_id", "leased_by", "leased_until", "request_key"}
_MOST_MAILS = 200


def earlier_digests(session: Session, subscriber: Subscriber, most: int | None = _MOST_MAILS) -> Sequence[Digest]:
    """Return the digests of a subscriber that are still kept, newest first, ``most`` of them; None: all."""
    rows = select(Digest).where(col(Digest.subscriber_id) == subscriber.id)
    return session.exec(rows.order_by(col(Digest.created_at).desc(), col(Digest.id).desc()).limit(most)).all()


class HeldPages:
    """Shows what is kept of a subscriber."""

    def __init__(self, site: WebSite) -> None:
        self._site = site

    def page(self, request: Request, session: Session, subscriber: Subscriber, what: str) -> Response:
        """Show the earlier mails, the consents, or all of it to read."""
        site = self._site
        language = site.pages.language(request, subscriber.reading_locale)
        return site.pages.page(
            "held.html",
            language,
            what=what,
            back=own_path(site, request),
            file=own_path(site, request, within="/data"),
            address=subscriber.address,
            mails=self._mails(session, subscriber, language),
            consents=self._consents(session, subscriber, language),
            follows=site.follows(session, subscriber, language),
            silenced=site.silenced(session, subscriber, language),
            held=self._facts(subscriber, language),
            **switch(site, request),
        )

    def file(self, session: Session, subscriber: Subscriber) -> Response:
        """Return everything that is kept, as a JSON file."""
        body = orjson.dumps(
            held_data(session, subscriber, self._site.settings.service.hash_keys), option=orjson.OPT_INDENT_2
        )
        headers = {"Content-Disposition": 'attachment; filename="my-data.json"', "Cache-Control": "no-store"}
        return Response(body, media_type="application/json", headers=headers)

    def _mails(self, session: Session, subscriber: Subscriber, language: Language) -> list[tuple[str, str]]:
        base = self._site.settings.service.base_url
        found = []
        for digest in earlier_digests(session, subscriber):
            path = self._site.links.digest(digest.id or 0, subscriber).removeprefix(base)
            day = self._site.pages.day(local_day(digest.created_at, subscriber.timezone), language)
            found.append((day, f"{self._site.pages.prefix}{path}"))
        return found

    def _consents(self, session: Session, subscriber: Subscriber, language: Language) -> list[Mapping[str, str]]:
        return [
            {
                "day": self._site.pages.day(local_day(each.at, subscriber.timezone), language),
                "what": language.text(f"consents.{each.action.value}"),
                "more": " · ".join(filter(None, (each.locale and language_name(each.locale, language), each.version))),
            }
            for each in list_consents(session, subscriber)
        ]

    def _facts(self, subscriber: Subscriber, language: Language) -> list[tuple[str, str]]:
        """Return the columns that a reader understands, as pairs of a word and a value."""
        day = self._site.pages.day
        since = subscriber.confirmed_at or subscriber.created_at
        pairs = [
            ("address", subscriber.address),
            ("since", day(local_day(since, subscriber.timezone), language)),
            ("language", language_name(subscriber.locale, language)),
            ("zone", zone_name(subscriber.timezone, language)),
            ("rhythm", language.text(f"frequency.{subscriber.frequency.value}")),
        ]
        return [(language.text(f"held.{name}"), value) for name, value in pairs]


def held_data(session: Session, subscriber: Subscriber, secrets: Sequence[str]) -> dict[str, Any]:
    """Return all that is stored of a subscriber, without the keys by which tables and links know them."""
    number = id_of(subscriber)

    def rows(table: type[SQLModel]) -> list[dict[str, Any]]:
        found = session.exec(select(table).where(table.subscriber_id == number))  # type: ignore[attr-defined]  # they all have it
        return [_plain(each) for each in found]

    suppressed = is_suppressed(session, secrets, subscriber.address)
    since = suppressed.since.isoformat() if suppressed else None
    return {
        "subscriber": _plain(subscriber),
        "follows": [_plain(each) for each in list_preferences(session, subscriber)],
        "silenced": _silenced(session, subscriber),
        "agreed": [_plain(each) for each in list_consents(session, subscriber)],
        "digests": _digests(session, subscriber),
        "announcements": _announcements(session, number),
        "mails": rows(Delivery),
        "written_to_the_nurse": rows(Handoff),
        "returned": rows(SoftBounces) + rows(RefusedAddress) + rows(FeedbackEvent),
        "address_asked_for": rows(AddressChange),
        "told_elsewhere": rows(NudgeChoice),
        "objected_to_handover": rows(HandoverObjection),
        "never_mailed_since": since,
    }


def _plain(row: SQLModel) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, datetime | date) else value
        for name, value in row.model_dump().items()
        if name not in _INTERNAL
    }


def _silenced(session: Session, subscriber: Subscriber) -> list[dict[str, Any]]:
    rows = silenced_trials(session, subscriber)
    items = {each.item_id: session.get(Item, each.item_id) for each in rows}
    return [
        {"number": item.external_id, "title": item.title, "since": each.created_at.isoformat()}
        for each in rows
        if (item := items[each.item_id]) is not None
    ]


def _announcements(session: Session, number: int) -> list[dict[str, Any]]:
    told = (
        select(Announcement.title, Announcement.started_at)
        .join(AnnouncementRecipient, col(AnnouncementRecipient.announcement_id) == Announcement.id)
        .where(AnnouncementRecipient.subscriber_id == number)
    )
    rows = session.exec(told.order_by(col(Announcement.id)))
    return [{"announced": at.isoformat(), "told": title} for title, at in rows]


def _digests(session: Session, subscriber: Subscriber) -> list[dict[str, Any]]:
    digests = earlier_digests(session, subscriber, most=None)
    told = DigestReader().entries(session, digests)
    ids = {entry.item_id for entries in told for entry in entries}
    titles = dict(session.exec(select(Item.id, Item.title).where(col(Item.id).in_(ids))).all()) if ids else {}
    return [
        {
            "written": digest.created_at.isoformat(),
            "told": [titles[entry.item_id] for entry in entries if entry.item_id in titles],
        }
        for digest, entries in zip(digests, told, strict=True)
    ]

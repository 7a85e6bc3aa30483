"""Owns the mails: a digest or a confirmation, written in the reader's language, with all its headers.

Nothing in a subject, a header or a link tells what somebody follows (unless ``digests.condition_in_subject`` is
on); nothing in a body is fetched from elsewhere.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import Session

from trialalerts.catalog.tables import Item
from trialalerts.clock import Clock
from trialalerts.delivery.message import Message, mail_domain, new_message_id
from trialalerts.delivery.tables import Delivery
from trialalerts.digests.cards import CardMaker
from trialalerts.digests.entries import Entry
from trialalerts.digests.render_headers import digest_headers, digest_subject, plain_headers
from trialalerts.digests.render_items import load_items, told_last, with_changes
from trialalerts.digests.render_letter import MOST_BRIEF, Letter
from trialalerts.digests.render_templates import Templates
from trialalerts.digests.tables import Digest, DigestKind
from trialalerts.digests.wording import Wording, Wordings
from trialalerts.errors import NotFound
from trialalerts.settings import Settings
from trialalerts.subscribers.links import Links
from trialalerts.subscribers.tables import Subscriber

__all__ = ["CONFIRMATION", "DIGEST", "MailRenderer", "render_digest"]

DIGEST = "digest"
"""The kind of delivery whose data is ``{"digest_id": int}``."""
CONFIRMATION = "confirmation"
"""The kind of delivery whose data is ``{"preference_ids": [int]}``."""

_CARDS_ON_A_PAGE = 100


class MailRenderer:
    """Writes the mails of a process: make one and keep it, since templates and strings are read once.

    It is what the sender takes as its renderer.

    Raises:
        ConfigurationError: ``service.secret`` is empty.
    """

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._links = Links(settings, clock)
        own_folder = Path(settings.templates.folder) / "email" if settings.templates.folder else None
        self.templates = Templates(own_folder)
        self._wordings = Wordings(own_folder, default=settings.service.locale)

    def __call__(
        self, session: Session, mails: Sequence[tuple[Delivery, Subscriber]]
    ) -> list[Message | Exception | None]:
        """Write the mails of a slice: None where what one was to tell is gone, an error where it cannot be written."""
        return [self._written(session, delivery, subscriber) for delivery, subscriber in mails]

    def _written(self, session: Session, delivery: Delivery, subscriber: Subscriber) -> Message | Exception | None:
        try:
            return self._message(session, delivery, subscriber)
        except Exception as error:  # noqa: BLE001 - one mail that cannot be written must not stop the others
            return error

    def _message(self, session: Session, delivery: Delivery, subscriber: Subscriber) -> Message | None:
        if delivery.kind == CONFIRMATION:
            asked = delivery.data.get("preference_ids", ())
            return self.confirmation(subscriber, asked, message_id=delivery.message_id)
        if delivery.kind != DIGEST:
            raise NotFound(f"No mail is of the kind {delivery.kind!r}.")
        digest = session.get(Digest, delivery.data.get("digest_id"))
        if digest is None:
            return None
        most = self._settings.digests.max_items
        items = load_items(session, _item_ids(digest, most + MOST_BRIEF), facts_of=most)
        since = told_last(session, digest)
        digest = with_changes(session, digest, most=most + MOST_BRIEF)
        return self.digest(digest, subscriber, items, since=since, message_id=delivery.message_id)

    def digest(
        self,
        digest: Digest,
        subscriber: Subscriber,
        items: Mapping[int, Item],
        *,
        since: datetime | None = None,
        message_id: str | None = None,
    ) -> Message | None:
        """Return a digest as a mail; None where none of its items exists any more.

        ``digest`` need not be stored: without an id there is no link to its page. ``items`` holds the items by id;
        an entry whose item is missing is passed over. ``since`` is when the subscriber was told something last.
        """
        most = self._settings.digests.max_items
        entries = _with_items(digest, items, most + MOST_BRIEF)
        if not entries:
            return None
        letter, subject = self._letter(digest, subscriber, entries, since, page=False)
        text, html = letter.text_and_html(most)
        return Message(
            sender=self._settings.mail.sender,
            to=subscriber.address,
            subject=subject,
            text=text,
            html=html,
            message_id=message_id or self._new_message_id(),
            date=self._clock.now(),
            headers=digest_headers(self._settings, self._links.one_click(subscriber)),
        )

    def digest_page(self, session: Session, digest: Digest, subscriber: Subscriber) -> str:
        """Return a whole digest as an HTML page; its styles stand in the page itself."""
        items = load_items(session, _item_ids(digest, None), facts_of=_CARDS_ON_A_PAGE)
        digest = with_changes(session, digest, most=_CARDS_ON_A_PAGE)
        entries = _with_items(digest, items, None)
        letter, _ = self._letter(digest, subscriber, entries, told_last(session, digest), page=True)
        return letter.page(_CARDS_ON_A_PAGE)

    def confirmation(
        self, subscriber: Subscriber, preference_ids: Collection[int], *, message_id: str | None = None
    ) -> Message:
        """Return the mail that asks to confirm; whoever gets it by mistake does not learn what was asked for."""
        words = self._wordings.of(subscriber.locale)
        subject = words.say("subject.confirmation")
        days = max(1, self._settings.digests.confirm_within // timedelta(days=1))
        values = self._shell(words, subject, page=False) | {
            "preview": words.say("preview.confirmation"),
            "confirm_url": self._links.confirm(subscriber, preference_ids),
            "within": words.count("confirmation.within", days),
        }
        return Message(
            sender=self._settings.mail.sender,
            to=subscriber.address,
            subject=subject,
            text=self.templates.render("confirmation.txt.j2", **values),
            html=self.templates.render("confirmation.html.j2", **values),
            message_id=message_id or self._new_message_id(),
            date=self._clock.now(),
            headers=plain_headers(self._settings),
        )

    def _letter(
        self,
        digest: Digest,
        subscriber: Subscriber,
        entries: list[tuple[Entry, Item]],
        since: datetime | None,
        *,
        page: bool,
    ) -> tuple[Letter, str]:
        words = self._wordings.of(subscriber.locale)
        name_areas = self._settings.digests.condition_in_subject
        total = len(digest.entries)
        told = [entry for entry, _ in entries]
        subject = digest_subject(words, digest.kind, total, told, name_areas=name_areas)
        shell = self._shell(words, subject, page=page) | self._around(words, digest, subscriber, since)
        today = self._clock.now().astimezone(ZoneInfo(subscriber.timezone)).date()
        maker = CardMaker(words, today, subscriber.timezone)
        return Letter(self.templates, words, maker, entries=entries, total=total, shell=shell), subject

    def _shell(self, words: Wording, subject: str, *, page: bool) -> dict[str, Any]:
        """Return what every template may use."""
        return {
            "t": words.say,
            "lang": words.tag,
            "dir": words.direction,
            "start": "right" if words.direction == "rtl" else "left",
            "service": self._settings.service,
            "subject": subject,
            "page": page,
        }

    def _around(self, words: Wording, digest: Digest, subscriber: Subscriber, since: datetime | None) -> dict[str, Any]:
        """Return what the templates of a digest may use beside its entries."""
        first = digest.kind is DigestKind.FIRST
        total = len(digest.entries)
        if first:
            intro = words.say("digest.intro_first")
        elif since:
            intro = words.say("digest.intro_since", date=words.day(since, subscriber.timezone))
        else:
            intro = words.say("digest.intro")
        return {
            "title": words.count("digest.title_first" if first else "digest.title", total),
            "preview": words.say("preview.first" if first else "preview.regular"),
            "intro": intro,
            "why": words.say("footer.why", service=self._settings.service.name),
            "how_often": words.say(f"footer.{subscriber.frequency.value}"),
            "digest_url": self._links.digest(digest.id, subscriber) if digest.id else None,
            "preferences_url": self._links.preferences(subscriber),
            "unsubscribe_url": self._links.unsubscribe(subscriber),
        }

    def _new_message_id(self) -> str:
        return new_message_id(mail_domain(self._settings.mail.sender))


def render_digest(
    settings: Settings,
    clock: Clock,
    digest: Digest,
    subscriber: Subscriber,
    items: Mapping[int, Item],
    *,
    since: datetime | None = None,
) -> Message | None:
    """Return a digest as a mail without any stored row: what a preview shows (see :meth:`MailRenderer.digest`)."""
    return MailRenderer(settings, clock).digest(digest, subscriber, items, since=since)


def _item_ids(digest: Digest, most: int | None) -> list[int]:
    return [entry["item_id"] for entry in digest.entries[:most]]


def _with_items(digest: Digest, items: Mapping[int, Item], most: int | None) -> list[tuple[Entry, Item]]:
    entries = (Entry.model_validate(entry) for entry in digest.entries[:most])
    return [(entry, items[entry.item_id]) for entry in entries if entry.item_id in items]

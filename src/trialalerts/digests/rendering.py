"""The mails: a digest or a confirmation, written in the reader's language, with all its headers.

Nothing in a subject, a header or a link tells what somebody follows (unless ``digests.condition_in_subject`` is
on); nothing in a body is fetched from elsewhere.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from trialalerts.catalog.tables import Item
from trialalerts.clock import Clock
from trialalerts.delivery.mail.message import Message, mail_domain, new_message_id
from trialalerts.delivery.mail.quoted_printable import Quoted
from trialalerts.delivery.outbox.tables import Delivery
from trialalerts.digests.cards import CardMaker
from trialalerts.digests.entries import Entry
from trialalerts.digests.page_cards import Later, PageCardMaker, read_later
from trialalerts.digests.publishing import Publishing
from trialalerts.digests.reading import DigestReader
from trialalerts.digests.render_headers import Extent, digest_headers, digest_subject, plain_headers
from trialalerts.digests.render_items import Heading, SliceItems, StoredDigest, load_items, read_digests
from trialalerts.digests.render_letter import MOST_BRIEF, FullWriter, Letter, WrittenCard
from trialalerts.digests.render_shared import SharedWriter, Shells, withheld
from trialalerts.digests.render_shelf import ItemSource, Page, Shelf
from trialalerts.digests.render_templates import Templates
from trialalerts.digests.tables import Digest, DigestKind
from trialalerts.digests.wording import Wording, Wordings
from trialalerts.errors import NotFound
from trialalerts.settings import Settings
from trialalerts.subscribers.links import Links
from trialalerts.subscribers.tables import Frequency, Subscriber

__all__ = ["CONFIRMATION", "DIGEST", "MailRenderer"]

DIGEST = "digest"
"""The kind of delivery whose data is ``{"digest_id": int}``."""
CONFIRMATION = "confirmation"
"""The kind of delivery whose data is ``{"preference_ids": [int]}``."""

_CARDS_ON_A_PAGE = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class _Frame:
    """What one mail is written with; ``shell`` is what templates need beside its entries."""

    words: Wording
    maker: CardMaker
    shell: Mapping[str, Any]


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
        self._publishing = Publishing.of(settings)
        self._reader = DigestReader()
        self._reading = Lock()  # the reader serves one thread at a time; pages are shown by several
        self._most = settings.digests.max_items
        own_folder = Path(settings.templates.folder) / "email" if settings.templates.folder else None
        self.templates = Templates(own_folder)
        self._wordings = Wordings(own_folder, default=settings.service.locale)
        self._shelf = Shelf(self.templates)
        self._shells = Shells(self.templates, self._shelf.filler)
        self._open_shells: dict[str, Mapping[str, Any]] = {}

    def __call__(
        self, session: Session, mails: Sequence[tuple[Delivery, Subscriber]]
    ) -> list[Message | Exception | None]:
        """Write the mails of a slice: None where what one was to tell is gone, an error where it cannot be written.

        All of a slice is read at once; cards that many readers get are rendered once, for this slice and the next ones.
        """
        ids = {delivery.data.get("digest_id", 0) for delivery, _ in mails if delivery.kind == DIGEST}
        with self._reading:
            digests = read_digests(session, self._reader, ids, most=self._most + MOST_BRIEF)
            told = {e.item_id for one in digests.values() for e in one.entries[: self._most + MOST_BRIEF]}
            items = SliceItems(session, self._reader.versions(told))
        self._fetch(items, digests, mails)
        return [self._written(delivery, subscriber, digests, items) for delivery, subscriber in mails]

    def _fetch(
        self, items: SliceItems, digests: Mapping[int, StoredDigest], mails: Sequence[tuple[Delivery, Subscriber]]
    ) -> None:
        """Read those items at once whose cards are not on the shelf."""
        lacking: set[int] = set()
        for delivery, subscriber in mails:
            if delivery.kind == DIGEST and (stored := digests.get(delivery.data.get("digest_id", 0))):
                words = self._wordings.of(subscriber.locale)
                shown = [entry for entry in stored.entries[: self._most] if entry.item_id in items]
                lacking |= {e.item_id for e in shown if self._shelf.lacks(words, e, items.version(e.item_id))}
        if lacking:
            items.fetch(lacking)

    def _written(
        self, delivery: Delivery, subscriber: Subscriber, digests: Mapping[int, StoredDigest], items: SliceItems
    ) -> Message | Exception | None:
        try:
            if delivery.kind == CONFIRMATION:
                asked = delivery.data.get("preference_ids", ())
                return self.confirmation(subscriber, asked, message_id=delivery.message_id)
            if delivery.kind != DIGEST:
                return NotFound(f"No mail is of the kind {delivery.kind!r}.")
            stored = digests.get(delivery.data.get("digest_id", 0))
            return None if stored is None else self.shared(stored, subscriber, items, message_id=delivery.message_id)
        except DBAPIError:
            raise
        except Exception as error:  # noqa: BLE001 - one mail that cannot be written must not stop the others
            return error

    def shared(
        self, stored: StoredDigest, subscriber: Subscriber, items: ItemSource, *, message_id: str | None = None
    ) -> Message | None:
        """Return a digest as a mail, out of what it shares with those of other readers; as :meth:`digest` writes it.

        Raises:
            Exception: the digest's own fault.
        """
        if stored.fault:
            raise stored.fault
        entries = [entry for entry in stored.entries[: self._most + MOST_BRIEF] if entry.item_id in items]
        extent = Extent.of(stored.digest, stored.entries)
        if not entries and not extent.is_welcome:
            return None
        frame = self._frame(stored.digest, entries, extent, subscriber, stored.since)
        page = Page(
            words=frame.words,
            maker=frame.maker,
            items=items,
            shell=frame.shell,
            open_shell=self._open_shell(frame),
        )
        letter = Letter(
            SharedWriter(self._shelf, self._shells, page), frame.words, entries=entries, total=len(stored.entries)
        )
        text, html = letter.text_and_html(self._most)
        return self._message(frame, subscriber, text.pieces, html.pieces, message_id)

    def digest(
        self,
        digest: Digest,
        entries: Sequence[Entry],
        subscriber: Subscriber,
        items: Mapping[int, Item],
        *,
        since: datetime | None = None,
        message_id: str | None = None,
    ) -> Message | None:
        """Return a digest as a mail, rendered for this reader alone; None where none of its items exists any more.

        ``digest`` need not be stored: without an id there is no link to its page. ``items`` holds the items by id;
        an entry whose item is missing is passed over. ``since`` is when the subscriber was told something last.
        """
        told = [entry for entry in entries[: self._most + MOST_BRIEF] if entry.item_id in items]
        extent = Extent.of(digest, entries)
        if not told and not extent.is_welcome:
            return None
        frame = self._frame(digest, told, extent, subscriber, since)
        letter = self._full_letter(frame, told, len(entries), items)
        text, html = letter.text_and_html(self._most)
        return self._message(frame, subscriber, text, html, message_id)

    def digest_page(self, session: Session, digest: Digest, subscriber: Subscriber) -> str:
        """Return a whole digest as an HTML page, with what has become of its entries since; the styles stand in it."""
        with self._reading:
            (entries,) = self._reader.entries(session, [digest], most=_CARDS_ON_A_PAGE)
        items = load_items(session, [entry.item_id for entry in entries], facts_of=_CARDS_ON_A_PAGE)
        told = [entry for entry in entries if entry.item_id in items]
        later = read_later(session, digest, [entry.item_id for entry in told])
        frame = self._page_frame(digest, told, subscriber, later)
        return self._full_letter(frame, told, len(told), items).page(_CARDS_ON_A_PAGE)

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

    def _full_letter(
        self, frame: _Frame, entries: Sequence[Entry], total: int, items: Mapping[int, Item]
    ) -> Letter[WrittenCard, str]:
        writer = FullWriter(self.templates, frame.maker, items=items, shell=frame.shell)
        return Letter(writer, frame.words, entries=entries, total=total)

    def _message(
        self,
        frame: _Frame,
        subscriber: Subscriber,
        text: str | Sequence[Quoted],
        html: str | Sequence[Quoted],
        message_id: str | None,
    ) -> Message:
        return Message(
            sender=self._settings.mail.sender,
            to=subscriber.address,
            subject=frame.shell["subject"],
            text=text,
            html=html,
            message_id=message_id or self._new_message_id(),
            date=self._clock.now(),
            headers=digest_headers(self._settings, frame.shell["unsubscribe_url"]),
        )

    def _frame(
        self,
        digest: Heading,
        entries: Sequence[Entry],
        extent: Extent,
        subscriber: Subscriber,
        since: datetime | None,
        *,
        page: bool = False,
    ) -> _Frame:
        words = self._wordings.of(subscriber.locale)
        name_areas = self._settings.digests.condition_in_subject
        subject = digest_subject(words, extent, entries, name_areas=name_areas)
        shell = self._shell(words, subject, page=page) | self._around(words, digest, extent, subscriber, since)
        today = self._clock.now().astimezone(ZoneInfo(subscriber.timezone)).date()
        return _Frame(
            words=words, maker=CardMaker(words, today, subscriber.timezone, publishing=self._publishing), shell=shell
        )

    def _page_frame(self, digest: Digest, told: Sequence[Entry], subscriber: Subscriber, later: Later) -> _Frame:
        """Return what a page is written with: it says when the mail was, and counts nothing as if it were of today."""
        extent = Extent.of(digest, told)
        frame = self._frame(digest, told, extent, subscriber, None, page=True)
        words, zone = frame.words, ZoneInfo(subscriber.timezone)
        written = digest.created_at.astimezone(zone).date()
        title, intro = words.say("page.title", date=words.day(written)), words.say("page.intro")
        if later.gone:
            intro = f"{intro} {words.say('page.gone')}"
        nothing = words.say("page.nothing") if extent.is_first_of_nothing else ""
        shell = {**frame.shell, "subject": title, "title": title, "intro": intro, "nothing": nothing}
        today = self._clock.now().astimezone(zone).date()
        maker = PageCardMaker(
            words, today, subscriber.timezone, written=written, later=later, publishing=self._publishing
        )
        return _Frame(words=words, maker=maker, shell=shell)

    def _open_shell(self, frame: _Frame) -> Mapping[str, Any]:
        """Return what cards for many readers are rendered with: the same in all mails of a language."""
        known = self._open_shells.get(frame.words.tag)
        return known or self._open_shells.setdefault(frame.words.tag, withheld(frame.shell))

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

    def _around(
        self, words: Wording, digest: Heading, extent: Extent, subscriber: Subscriber, since: datetime | None
    ) -> dict[str, Any]:
        """Return what the templates of a digest may use beside its entries."""
        since_day = since.astimezone(ZoneInfo(subscriber.timezone)).date() if since else None
        said = _said(words, extent, since_day, subscriber.frequency, self._settings.service.name)
        return {
            **said,
            "digest_url": self._links.digest(digest.id, subscriber) if digest.id else None,
            "preferences_url": self._links.preferences(subscriber),
            "unsubscribe_url": self._links.unsubscribe(subscriber),
        }

    def _new_message_id(self) -> str:
        return new_message_id(mail_domain(self._settings.mail.sender))


@lru_cache(maxsize=4_096)
def _said(words: Wording, extent: Extent, since: date | None, frequency: Frequency, service: str) -> Mapping[str, str]:
    """Return the sentences around the entries: few are different, and plural forms and dates take their time."""
    return {
        "title": _title(words, extent),
        "preview": words.say(f"preview.{_what(extent)}"),
        "intro": _intro(words, extent, since),
        "nothing": words.say("digest.nothing_open") if extent.is_first_of_nothing else "",
        "why": words.say("footer.why", service=service),
        "how_often": words.say(f"footer.{frequency.value}"),
    }


def _what(extent: Extent) -> str:
    """Return which kind of mail it is, as the strings name it."""
    if extent.kind is not DigestKind.FIRST:
        return "regular"
    if extent.added:
        return "added"
    return "first" if extent.trials else "first_nothing"


def _title(words: Wording, extent: Extent) -> str:
    if extent.kind is not DigestKind.FIRST:
        return words.count("digest.title", extent.total)
    if extent.is_welcome and extent.trials:
        return words.count("digest.title_first", extent.trials)
    return words.say(f"digest.title_{_what(extent)}")


def _intro(words: Wording, extent: Extent, since: date | None) -> str:
    if extent.kind is not DigestKind.FIRST:
        return words.say("digest.intro_since", date=words.day(since)) if since else words.say("digest.intro")
    if extent.is_welcome and extent.total > extent.trials:
        return words.say("digest.intro_first_articles" if extent.trials else "digest.intro_first_only_articles")
    return words.say(f"digest.intro_{_what(extent)}")

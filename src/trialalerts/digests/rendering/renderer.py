"""The mails: a digest or a notice, written in the reader's language, with all its headers.

Nothing in a subject, a header or a link tells what somebody follows (unless that reader wants it in the
subject); nothing in a body is fetched from elsewhere.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from trialalerts.clock import Clock
from trialalerts.delivery.mail.message import Message, mail_domain, new_message_id
from trialalerts.delivery.outbox.notices.kinds import CONFIRMATION, HEARTBEAT
from trialalerts.delivery.outbox.tables import Delivery
from trialalerts.digests.cards.maker import CardMaker
from trialalerts.digests.cards.page import Later, PageCardMaker, read_later
from trialalerts.digests.cards.wording import Wording, Wordings
from trialalerts.digests.entries import Entry
from trialalerts.digests.notices.wording import NoticeWording
from trialalerts.digests.notices.writer import NoticeWriter
from trialalerts.digests.publishing import Publishing
from trialalerts.digests.reading import DigestReader
from trialalerts.digests.rendering.card_cache import CardCache, Tongue
from trialalerts.digests.rendering.checking import refuse_broken
from trialalerts.digests.rendering.fill import PartWriter
from trialalerts.digests.rendering.headers import Extent, digest_headers, digest_subject
from trialalerts.digests.rendering.items import Heading, SliceItems, StoredDigest, load_items, read_digests
from trialalerts.digests.rendering.layout import MOST_BRIEF, DigestLayout, Items, LetterWriter
from trialalerts.digests.rendering.templates import Templates, common_words
from trialalerts.digests.tables import Digest, DigestKind
from trialalerts.settings import Settings
from trialalerts.subscribers.links import Links
from trialalerts.subscribers.tables import Frequency, Subscriber

__all__ = ["DIGEST", "MailRenderer"]

DIGEST = "digest"
"""The kind of delivery whose data is ``{"digest_id": int}``."""

_CARDS_ON_A_PAGE = 100


class MailRenderer:
    """Writes the mails of a process: make one and keep it, since templates and strings are read once.

    It is what the sender takes as its renderer.

    Args:
        parts: what writes the parts of letters; None: the templates, shared by many readers.

    Raises:
        ConfigurationError: ``service.secret`` is empty.
    """

    def __init__(self, settings: Settings, clock: Clock, *, parts: PartWriter | None = None) -> None:
        self._settings = settings
        self._clock = clock
        self._links = Links(settings, clock)
        self._publishing = Publishing.of(settings)
        self._reader = DigestReader()
        self._reading = Lock()  # the reader serves one thread at a time; pages are shown by several
        own_folder = Path(settings.templates.folder) / "email" if settings.templates.folder else None
        self._wordings = Wordings(own_folder, default=settings.service.locale)
        self.templates = Templates(own_folder, settings.look)
        if parts is None:
            refuse_broken(self.templates, self._wordings, settings.service)
        self._parts = parts or self.templates
        self._most = settings.digests.max_items
        self._letters = LetterWriter(self._parts, CardCache(self._parts), most_cards=self._most)
        self._common: dict[str, Mapping[str, Any]] = {}
        self._notices = NoticeWording(settings, self._links, clock)
        self._writer = NoticeWriter(settings, clock, self._parts, self._common_words)

    def __call__(
        self, session: Session, mails: Sequence[tuple[Delivery, Subscriber]]
    ) -> list[Message | Exception | None]:
        """Write the mails of a batch: None where its items were deleted, an error where it cannot be written.

        All of a batch is read at once; what many readers get is made once, for this batch and the next ones.
        """
        ids = {delivery.data.get("digest_id", 0) for delivery, _ in mails if delivery.kind == DIGEST}
        with self._reading:
            digests = read_digests(session, self._reader, ids, most=self._most + MOST_BRIEF)
        drafts = [self._draft(delivery, subscriber, digests) for delivery, subscriber in mails]
        items = SliceItems(session)
        self._fetch(items, [draft for draft in drafts if isinstance(draft, DigestLayout)])
        return [
            self._sent(session, delivery, subscriber, draft, items)
            for (delivery, subscriber), draft in zip(mails, drafts, strict=True)
        ]

    def digest(
        self,
        digest: Heading,
        entries: Sequence[Entry],
        subscriber: Subscriber,
        items: Items,
        *,
        since: datetime | None = None,
        message_id: str | None = None,
    ) -> Message | None:
        """Return a digest as a mail; None where none of its items exists any more.

        ``digest`` need not be stored: without an id there is no link to its page. ``items`` holds the items by id;
        an entry whose item is missing is passed over. ``since`` is when the subscriber was told something last.
        """
        trials = sum(entry.kind == "trial" for entry in entries)
        told = [
            entry._replace(version=items[entry.item_id].facts_hash)
            for entry in entries[: self._most + MOST_BRIEF]
            if entry.item_id in items
        ]
        stored = StoredDigest(digest=digest, entries=told, total=len(entries), trials=trials, since=since)
        letter = self._letter(stored, subscriber) if _tells(stored) else None
        return None if letter is None else self._message(letter, subscriber, items, message_id)

    def digest_page(self, session: Session, digest: Digest, subscriber: Subscriber) -> str:
        """Return a whole digest as an HTML page, with what has become of its entries since; the styles stand in it."""
        with self._reading:
            (entries,) = self._reader.entries(session, [digest])
        items = load_items(session, [entry.item_id for entry in entries], facts_of=_CARDS_ON_A_PAGE)
        told = [entry for entry in entries if entry.item_id in items]
        later = read_later(session, digest, [entry.item_id for entry in told])
        letter = self._page_letter(digest, told, subscriber, later)
        # What has become of an item differs from digest to digest, so that none of these cards is kept.
        cards = CardCache(self._parts)
        return LetterWriter(self._parts, cards, most_cards=_CARDS_ON_A_PAGE).page(letter, items)

    def notice(
        self, session: Session, delivery: Delivery, subscriber: Subscriber, *, template: str = "notice"
    ) -> Message | None:
        """Return a notice as a mail; None where what it told of is over."""
        words = self._wordings.of(subscriber.locale)
        told = self._notices.of(session, delivery.kind, delivery.data, subscriber, words)
        if told is None:
            return None
        if delivery.kind == HEARTBEAT:
            return self._writer.listed(told, subscriber.address, words, delivery.message_id)
        return self._writer.mail(told, subscriber.address, words, delivery.message_id, template=template)

    def confirmation(
        self, subscriber: Subscriber, preference_ids: Collection[int], *, message_id: str | None = None
    ) -> Message:
        """Return the mail that asks to confirm; whoever gets it by mistake does not learn what was asked for."""
        words = self._wordings.of(subscriber.locale)
        asked = self._notices.confirmation(subscriber, preference_ids, words)
        name = message_id or self._new_message_id()
        return self._writer.mail(asked, subscriber.address, words, name, template=CONFIRMATION)

    def _draft(
        self, delivery: Delivery, subscriber: Subscriber, digests: Mapping[int, StoredDigest]
    ) -> DigestLayout | Exception | None:
        """Return the layout of a digest's delivery, its kept cards looked up; None where it has none."""
        stored = digests.get(delivery.data.get("digest_id", 0)) if delivery.kind == DIGEST else None
        if stored is None:
            return None
        try:
            return stored.fault or (self._letter(stored, subscriber) if _tells(stored) else None)
        except Exception as error:  # noqa: BLE001 - one mail that cannot be written must not stop the others
            return error

    def _fetch(self, items: SliceItems, letters: Sequence[DigestLayout]) -> None:
        """Read those items at once whose cards or lines are not kept."""
        whole: set[int] = set()
        named: set[int] = set()
        for letter in letters:
            in_full, in_a_line = self._letters.lacking(letter)
            whole.update(in_full)
            named.update(in_a_line)
        if whole or named:
            items.fetch(whole, named)

    def _sent(
        self,
        session: Session,
        delivery: Delivery,
        subscriber: Subscriber,
        draft: DigestLayout | Exception | None,
        items: Items,
    ) -> Message | Exception | None:
        try:
            if delivery.kind != DIGEST:
                template = CONFIRMATION if delivery.kind == CONFIRMATION else "notice"
                return self.notice(session, delivery, subscriber, template=template)
            return (
                self._message(draft, subscriber, items, delivery.message_id)
                if isinstance(draft, DigestLayout)
                else draft
            )
        except DBAPIError:
            raise
        except Exception as error:  # noqa: BLE001 - one mail that cannot be written must not stop the others
            return error

    def _message(self, letter: DigestLayout, subscriber: Subscriber, items: Items, message_id: str | None) -> Message:
        if subscriber.discreet:
            words = letter.tongue.words
            told = self._notices.discreet(subscriber, letter.own["digest_url"], words)
            return self._writer.discreet(told, subscriber.address, words, message_id or self._new_message_id())
        text, html = self._letters.mail(letter, items)
        return Message(
            sender=self._settings.mail.sender,
            to=subscriber.address,
            subject=letter.own["subject"],
            text=text.pieces,
            html=html.pieces,
            message_id=message_id or self._new_message_id(),
            date=self._clock.now(),
            headers=digest_headers(self._settings, letter.own["unsubscribe_url"]),
        )

    def _letter(self, stored: StoredDigest, subscriber: Subscriber) -> DigestLayout:
        extent = Extent.of(stored)
        words = self._wordings.of(subscriber.locale, subscriber.unit)
        zone = ZoneInfo(subscriber.timezone)
        today = self._clock.now().astimezone(zone).date()
        since = stored.since.astimezone(zone).date() if stored.since else None
        return DigestLayout(
            tongue=Tongue(
                words=words,
                common=self._common_words(words),
                maker=CardMaker(words, today, subscriber.timezone, publishing=self._publishing),
                today=today,
                timezone=subscriber.timezone,
            ),
            entries=stored.entries,
            total=stored.total,
            shared={
                "page": False,
                "linked": bool(stored.digest.id),
                "nothing": words.say("digest.nothing_open") if extent.is_first_of_nothing else "",
            },
            own={
                **_said(words, extent, since, subscriber.frequency),
                "subject": digest_subject(words, extent, stored.entries, name_areas=subscriber.area_in_subject),
                "digest_url": self._links.digest(stored.digest.id, subscriber) if stored.digest.id else None,
                "preferences_url": (preferences := self._links.preferences(subscriber)),
                "earlier_url": f"{preferences}#mails",
                "unsubscribe_url": self._links.unsubscribe(subscriber),
            },
        )

    def _page_letter(self, digest: Digest, told: Sequence[Entry], subscriber: Subscriber, later: Later) -> DigestLayout:
        """Return what a page is written from: it says when the mail was, and counts nothing as if it were of today."""
        trials = sum(entry.kind == "trial" for entry in told)
        stored = StoredDigest(digest=digest, entries=told, total=len(told), trials=trials, since=None)
        letter = self._letter(stored, subscriber)
        words, written = letter.tongue.words, digest.created_at.astimezone(ZoneInfo(subscriber.timezone)).date()
        title, intro = words.say("page.title", date=words.day(written)), words.say("page.intro")
        if later.gone:
            intro = f"{intro} {words.say('page.gone')}"
        maker = PageCardMaker(
            words,
            letter.tongue.today,
            subscriber.timezone,
            written=written,
            later=later,
            publishing=self._publishing,
        )
        nothing = words.say("page.nothing") if letter.shared["nothing"] else ""
        return replace(
            letter,
            tongue=replace(letter.tongue, maker=maker),
            shared={**letter.shared, "page": True, "nothing": nothing},
            own={**letter.own, "subject": title, "title": title, "intro": intro},
        )

    def _common_words(self, words: Wording) -> Mapping[str, Any]:
        if words.tag not in self._common:
            self._common[words.tag] = common_words(words, self._settings.service, self._settings.look)
        return self._common[words.tag]

    def _new_message_id(self) -> str:
        return new_message_id(mail_domain(self._settings.mail.sender))


def _tells(stored: StoredDigest) -> bool:
    """Tell whether anything that a digest tells of still exists, or it is a first mail, which always comes."""
    return bool(stored.entries) or Extent.of(stored).is_welcome


@lru_cache(maxsize=4_096)
def _said(words: Wording, extent: Extent, since: date | None, frequency: Frequency) -> Mapping[str, str]:
    """Return the sentences around the entries: few are different, and plural forms and dates take their time."""
    return {
        "title": _title(words, extent),
        "preview": words.say(f"preview.{_what(extent)}"),
        "intro": _intro(words, extent, since),
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

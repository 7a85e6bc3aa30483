"""The mails: a digest or a notice, written in the reader's language, with all its headers.

Nothing in a subject, a header or a link tells what somebody follows (unless they chose to read it in the subject);
nothing in a body is fetched from elsewhere.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from functools import lru_cache, partial
from pathlib import Path
from threading import Lock
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from trialalerts.catalog.facts import TrialFacts
from trialalerts.catalog.tables import Item, ItemKind
from trialalerts.clock import Clock
from trialalerts.delivery.mail.message import Message, mail_domain, new_message_id
from trialalerts.delivery.outbox.notices.kinds import ANNOUNCEMENT, CONFIRMATION, HANDOFF, HANDOFF_RETURNED, HEARTBEAT
from trialalerts.delivery.outbox.tables import Delivery
from trialalerts.digests.announcements.mail import AnnouncementMails
from trialalerts.digests.asides.notes import NoteMaker
from trialalerts.digests.cards.headings import Lookout, digest_intro, digest_subject, digest_title
from trialalerts.digests.cards.maker import CardMaker
from trialalerts.digests.cards.page import Later, PageCardMaker, read_later
from trialalerts.digests.cards.reasons import condition_of
from trialalerts.digests.cards.wording import Wording, Wordings
from trialalerts.digests.entries import Entry
from trialalerts.digests.lookout import Watch
from trialalerts.digests.notices.handoff import HandoffMail
from trialalerts.digests.notices.wording import NoticeWording
from trialalerts.digests.notices.writer import NoticeWriter
from trialalerts.digests.plain import plain_line
from trialalerts.digests.publishing import Publishing
from trialalerts.digests.reading import DigestReader
from trialalerts.digests.rendering.card_cache import CardCache, Tongue
from trialalerts.digests.rendering.checking import refuse_broken
from trialalerts.digests.rendering.fill import PartWriter
from trialalerts.digests.rendering.groups import READING, areas_named, extent_of, group_layouts, grouped_entries
from trialalerts.digests.rendering.headers import digest_headers
from trialalerts.digests.rendering.items import Heading, SliceItems, StoredDigest, load_items, read_digests
from trialalerts.digests.rendering.layout import MOST_OF_A_GROUP, DigestLayout, Items, LetterWriter
from trialalerts.digests.rendering.templates import MailLogo, Templates, common_words
from trialalerts.digests.tables import Digest
from trialalerts.matching.around.surroundings import IndexedOfLate
from trialalerts.settings import Settings
from trialalerts.subscribers.links import Links
from trialalerts.subscribers.tables import Subscriber

__all__ = ["DIGEST", "MailRenderer"]

DIGEST = "digest"
"""The kind of delivery whose data is ``{"digest_id": int}``."""

_CARDS_ON_A_PAGE = 100
_UNKNOWN = Lookout()


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
        self._logo = MailLogo(settings)
        self._writer = NoticeWriter(settings, clock, self._parts, self._common_words, self._logo)
        self.announcements = AnnouncementMails(settings, self._links, self._notices, self._writer, clock)
        self.handoffs = HandoffMail(settings, self._links, self._wordings, self._writer)
        self._tongue = lru_cache(maxsize=1_000)(self._new_tongue)
        self._watch = Watch(settings, clock)
        self._indexed = IndexedOfLate()

    def __call__(
        self, session: Session, mails: Sequence[tuple[Delivery, Subscriber]]
    ) -> list[Message | Exception | None]:
        """Write the mails of a batch: None where its items were deleted, an error where it cannot be written.

        All of a batch is read at once; what many readers get is made once, for this batch and the next ones.
        """
        ids = {delivery.data.get("digest_id", 0) for delivery, _ in mails if delivery.kind == DIGEST}
        with self._reading:
            digests = read_digests(session, self._reader, ids, most=MOST_OF_A_GROUP)
        lookout = self._watch.lookout(session) if ids else Lookout()
        nothing_open = {who.id for mail, who in mails if _opens_nothing(digests.get(mail.data.get("digest_id", 0)))}
        notes = self.notes(session, readers=[number for number in nothing_open if number is not None])
        drafts = [self._draft(delivery, subscriber, digests, lookout, notes) for delivery, subscriber in mails]
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
        lookout: Lookout = _UNKNOWN,
        notes: NoteMaker | None = None,
        silent: Sequence[tuple[int, int]] = (),
    ) -> Message | None:
        """Return a digest as a mail; None where none of its items exists any more.

        ``digest`` need not be stored: without an id there is no link to its page. ``items`` holds the items by id;
        an entry whose item is missing is passed over. ``since`` is when the subscriber was told something last.
        Without ``notes`` it has none; ``silent`` are the preferences and items of silent trials that it notes.
        """
        told = [entry._replace(version=items[entry.item_id].facts_hash) for entry in entries if entry.item_id in items]
        stored = grouped_entries(digest, told, since, silent)
        letter = self._letter(stored, subscriber, lookout, notes) if _tells(stored) else None
        return None if letter is None else self._message(letter, subscriber, items, message_id)

    def lookout(self, session: Session) -> Lookout:
        """Return when the sources were looked at."""
        return self._watch.lookout(session)

    def notes(self, session: Session, *, readers: Collection[int] = ()) -> NoteMaker:
        """Return what makes the notes of mails, ``readers`` those to whom nothing is open."""
        self._indexed.forget_old()
        told, kept = self.announcements.notes, self._indexed
        return NoteMaker(session, self._links, self._clock.now(), readers=readers, told=told, kept=kept)

    def plain(self, entry: Entry, item: Item | None, subscriber: Subscriber) -> str | None:
        """Return the plain line of a trial as the subscriber reads it; None where there is none."""
        if item is None or item.kind is not ItemKind.TRIAL:
            return None
        words = self._wordings.of(subscriber.reading_locale)
        said = plain_line(words, TrialFacts.model_validate(item.facts), condition_of(words, entry.reasons))
        return said.text if said else None

    def digest_page(self, session: Session, digest: Digest, subscriber: Subscriber) -> str:
        """Return a whole digest as an HTML page, with what has become of its entries since; the styles stand in it."""
        with self._reading:
            (found,) = self._reader.read(session, [digest])
        entries = found.entries
        items = load_items(session, [entry.item_id for entry in entries])
        told = [entry for entry in entries if entry.item_id in items]
        later = read_later(session, digest, [entry.item_id for entry in told])
        letter = self._page_letter(digest, told, subscriber, later, self.notes(session), found.silent)
        # What has become of an item differs from digest to digest, so that none of these cards is kept.
        cards = CardCache(self._parts)
        return LetterWriter(self._parts, cards, most_cards=_CARDS_ON_A_PAGE).page(letter, items)

    def notice(
        self, session: Session, delivery: Delivery, subscriber: Subscriber, *, template: str = "notice"
    ) -> Message | None:
        """Return a notice as a mail; None where what it told of is over."""
        words = self._wordings.of(subscriber.reading_locale)
        if delivery.kind == ANNOUNCEMENT:
            return self.announcements.mail(session, delivery.data, subscriber, words, delivery.message_id)
        if delivery.kind == HANDOFF:
            return self.handoffs.of(session, delivery.data, subscriber.address, delivery.message_id)
        told = self._notices.of(session, delivery.kind, delivery.data, subscriber, words)
        if told is None:
            return None
        if delivery.kind in {HEARTBEAT, HANDOFF_RETURNED}:
            written = self._writer.discreet if subscriber.discreet else self._writer.listed
            return written(told, subscriber.address, words, delivery.message_id)
        return self._writer.mail(told, subscriber.address, words, delivery.message_id, template=template)

    def confirmation(
        self, subscriber: Subscriber, preference_ids: Collection[int], *, message_id: str | None = None
    ) -> Message:
        """Return the mail that asks to confirm; whoever gets it by mistake does not learn what was asked for."""
        words = self._wordings.of(subscriber.reading_locale)
        asked = self._notices.confirmation(subscriber, preference_ids, words)
        name = message_id or self._new_message_id()
        return self._writer.mail(asked, subscriber.address, words, name, template=CONFIRMATION)

    def _draft(
        self,
        delivery: Delivery,
        subscriber: Subscriber,
        digests: Mapping[int, StoredDigest],
        lookout: Lookout,
        notes: NoteMaker,
    ) -> DigestLayout | Exception | None:
        """Return the layout of a digest's delivery, its kept cards looked up; None where it has none."""
        stored = digests.get(delivery.data.get("digest_id", 0)) if delivery.kind == DIGEST else None
        if stored is None:
            return None
        try:
            return stored.fault or (self._letter(stored, subscriber, lookout, notes) if _tells(stored) else None)
        except DBAPIError:
            raise
        except Exception as error:  # noqa: BLE001 - one mail that cannot be written must not stop the others
            return error

    def _fetch(self, items: SliceItems, letters: Sequence[DigestLayout]) -> None:
        """Read those items at once whose cards or lines are not kept."""
        lacking = {number for letter in letters for number in self._letters.lacking(letter)}
        if lacking:
            items.fetch(lacking)

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
                self._message(draft, subscriber, items, delivery.message_id, instead=delivery.data.get("nudge"))
                if isinstance(draft, DigestLayout)
                else draft
            )
        except DBAPIError:
            raise
        except Exception as error:  # noqa: BLE001 - one mail that cannot be written must not stop the others
            return error

    def _message(
        self,
        letter: DigestLayout,
        subscriber: Subscriber,
        items: Items,
        message_id: str | None,
        *,
        instead: str | None = None,
    ) -> Message:
        """Return the mail; ``instead`` says why it takes the place of a nudge, where it does."""
        if subscriber.discreet or instead:
            words = letter.tongue.words
            told = self._notices.discreet(subscriber, letter.own["digest_url"], words, instead=instead)
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
            picture=self._logo.picture_in(f"digest {letter.tongue.words.tag}", html.pieces),
        )

    def _letter(
        self,
        stored: StoredDigest,
        subscriber: Subscriber,
        lookout: Lookout = _UNKNOWN,
        notes: NoteMaker | None = None,
    ) -> DigestLayout:
        words = self.words_of(subscriber)
        now, zone = self._clock.now(), ZoneInfo(subscriber.timezone)
        today = now.astimezone(zone).date()
        since = stored.since.astimezone(zone).date() if stored.since else None
        extent = extent_of(stored)
        if notes is not None and extent.is_first_of_nothing:
            alone = len(notes.followed_alone(subscriber))
            extent = extent._replace(follows=alone, near=notes.is_near(subscriber))
        groups = group_layouts(words, stored, today, subscriber.unit)
        named = subscriber.area_in_subject and self._settings.digests.condition_in_subject
        preferences = self._links.preferences(subscriber)
        return DigestLayout(
            tongue=self._tongue(words, today, subscriber.timezone, subscriber.unit),
            entries=stored.entries,
            groups=groups,
            total=stored.total,
            shared={
                "page": False,
                "linked": bool(stored.digest.id),
                "nothing": extent.is_first_of_nothing and not extent.follows,
                "welcome": extent.is_welcome and bool(extent.trials),
                "reading": bool(extent.total) and not extent.trials,
            },
            own={
                "title": digest_title(words, extent, [group.heading for group in groups if group.anchor != READING]),
                "foreign": tuple(name for group in groups for name in group.foreign),
                "preview": words.say(f"preview.{extent.kind}"),
                "intro": digest_intro(words, extent, since, lookout, now, subscriber.timezone),
                "notes": notes.of(stored, extent, subscriber, words) if notes else (),
                "how_often": words.say(f"footer.{subscriber.frequency.value}"),
                "subject": digest_subject(words, extent, areas_named(words, stored.entries) if named else ()),
                "digest_url": self._links.digest(stored.digest.id, subscriber) if stored.digest.id else None,
                "preferences_url": preferences,
                "earlier_url": f"{preferences}#mails",
                "unsubscribe_url": self._links.unsubscribe(subscriber),
            },
            trial_link=partial(self._links.follow, subscriber),
            stop_link=partial(self._links.stop, subscriber),
        )

    def _page_letter(
        self,
        digest: Digest,
        told: Sequence[Entry],
        subscriber: Subscriber,
        later: Later,
        notes: NoteMaker,
        silent: Sequence[tuple[int, int]],
    ) -> DigestLayout:
        """Return what a page is written from: it says when the mail was, and counts nothing as if it were of today."""
        letter = self._letter(grouped_entries(digest, told, None), subscriber)
        words, written = letter.tongue.words, digest.created_at.astimezone(ZoneInfo(subscriber.timezone)).date()
        title, intro = words.say("page.title", date=words.day(written)), words.say("page.intro")
        standing, along = notes.silent(silent, subscriber, words), notes.along(digest.id, subscriber, words)
        if letter.shared["nothing"]:
            standing = notes.followed(subscriber, words)
            intro = intro if standing else words.say("page.nothing")
        if later.gone:
            intro = f"{intro} {words.say('page.gone')}"
        maker = PageCardMaker(
            words,
            letter.tongue.today,
            subscriber.timezone,
            written=written,
            later=later,
            publishing=self._publishing,
            unit=subscriber.unit,
        )
        return replace(
            letter,
            tongue=replace(letter.tongue, maker=maker),
            shared={
                **letter.shared,
                "page": True,
                "welcome": False,
                "nothing": letter.shared["nothing"] and not standing,
            },
            own={
                **letter.own,
                "subject": title,
                "title": title,
                "intro": intro,
                "notes": (*along, *standing),
            },
        )

    def words_of(self, subscriber: Subscriber) -> Wording:
        """Return the words of a reader's language."""
        return self._wordings.of(subscriber.reading_locale, subscriber.unit)

    def _common_words(self, words: Wording) -> Mapping[str, Any]:
        if words.tag not in self._common:
            self._common[words.tag] = common_words(words, self._settings.service, self._settings.look, self._logo.words)
        return self._common[words.tag]

    def _new_tongue(self, words: Wording, today: date, timezone: str, unit: str | None) -> Tongue:
        maker = CardMaker(words, today, timezone, publishing=self._publishing, unit=unit)
        return Tongue(words=words, common=self._common_words(words), maker=maker, today=today, timezone=timezone)

    def _new_message_id(self) -> str:
        return new_message_id(mail_domain(self._settings.mail.sender))


def _tells(stored: StoredDigest) -> bool:
    """Tell whether anything that a digest tells of still exists, or it is a first mail, which always comes."""
    return bool(stored.entries or stored.silent) or extent_of(stored).is_welcome


def _opens_nothing(stored: StoredDigest | None) -> bool:
    """Tell whether a digest is somebody's first, and no trial is open."""
    return stored is not None and not stored.trials and extent_of(stored).is_first_of_nothing

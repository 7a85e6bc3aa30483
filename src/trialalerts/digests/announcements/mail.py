"""An announcement as a mail, and as a page: its words in the reader's language, where it is written in that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlmodel import Session, col, select

from trialalerts.catalog.articles.translations import text_in
from trialalerts.catalog.facts import ArticleFacts, ArticleText
from trialalerts.catalog.tables import Item
from trialalerts.clock import Clock
from trialalerts.delivery.mail.message import Message
from trialalerts.delivery.outbox.notices.kinds import ANNOUNCEMENT
from trialalerts.delivery.outbox.notices.tables import Announcement, AnnouncementRecipient, AnnouncementState
from trialalerts.digests.announcements.handover import handover_day, handover_of
from trialalerts.digests.announcements.handover_words import handover_note, handover_notice
from trialalerts.digests.announcements.once import told_by_digests
from trialalerts.digests.announcements.queueing import announced_item
from trialalerts.digests.asides.note import Note, NoteLink
from trialalerts.digests.cards.text import one_line, shortened, web_address
from trialalerts.digests.cards.wording import Wording
from trialalerts.digests.notices.notice import Notice, NoticeLink
from trialalerts.digests.notices.passages import Passage, of_paragraphs, passages_of
from trialalerts.digests.notices.wording import NoticeWording
from trialalerts.digests.notices.writer import NoticeWriter
from trialalerts.digests.publishing import Publishing, shown_text
from trialalerts.settings import Settings
from trialalerts.subscribers.links import Links
from trialalerts.subscribers.tables import Subscriber, id_of

__all__ = ["AnnouncementMails"]

_TITLE, _BRIEFLY = 200, 500


class AnnouncementMails:
    """Writes announcements, each with the one writer of notices."""

    def __init__(
        self, settings: Settings, links: Links, notices: NoticeWording, writer: NoticeWriter, clock: Clock
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._links = links
        self._notices = notices
        self._writer = writer
        self._publishing = Publishing.of(settings)

    def mail(
        self, session: Session, data: Mapping[str, Any], subscriber: Subscriber, words: Wording, message_id: str
    ) -> Message | None:
        """Return the mail of a delivery with this ``data``; None where there is nothing to tell any more."""
        announcement = session.get(Announcement, data.get("announcement", 0))
        return None if announcement is None else self.of(session, announcement, subscriber, words, message_id)

    def of(
        self, session: Session, announcement: Announcement, subscriber: Subscriber, words: Wording, message_id: str
    ) -> Message | None:
        """Return the mail of an announcement, stored or not."""
        told = self.notice(session, announcement, subscriber, words)
        if told is None:
            return None
        if subscriber.discreet:
            page = self._links.announcement(announcement.id or 0, subscriber)
            told = self._notices.discreet(subscriber, page, words)
            return self._writer.discreet(told, subscriber.address, words, message_id)
        return self._writer.listed(told, subscriber.address, words, message_id, template=ANNOUNCEMENT)

    def page(self, session: Session, announcement: Announcement, subscriber: Subscriber, words: Wording) -> str | None:
        """Return it as an HTML page; None where there is nothing to tell any more."""
        told = self.notice(session, announcement, subscriber, words)
        return None if told is None else self._writer.page(told, words, template=ANNOUNCEMENT)

    def text(self, session: Session, announcement: Announcement, language: str) -> ArticleText | None:
        """Return the title and the words that a reader of this language is told; None where its article is gone."""
        chosen: Sequence[ArticleText]
        if announcement.item_id is None:
            chosen = [ArticleText.model_validate(each) for each in announcement.texts]
        else:
            item = announced_item(session, announcement.item_id)
            chosen = () if item is None else self._texts(item, language)
        for wanted in (language, self._settings.service.locale[:2]):
            for text in chosen:
                if text.language[:2].lower() == wanted:
                    return text
        return next(iter(chosen), None)

    def notes(self, session: Session, digest_id: int, subscriber: Subscriber, words: Wording) -> tuple[Note, ...]:
        """Return the announcements that a digest takes along, as notes at its head."""
        along = (
            select(Announcement)
            .join(AnnouncementRecipient)
            .where(col(AnnouncementRecipient.digest_id) == digest_id, Announcement.state != AnnouncementState.CANCELLED)
        )
        found = []
        for announcement in session.exec(along.order_by(col(Announcement.id))):
            if announcement.item_id is not None and told_by_digests(session, announcement.item_id, [id_of(subscriber)]):
                continue  # the digest has it among what is new
            if (handover := handover_of(announcement)) is not None:
                found.append(handover_note(handover, subscriber, words, self._links))
                continue
            text = self.text(session, announcement, words.language)
            if text is not None:
                said = " ".join(passage.said for passage in self._passages(announcement, text))
                page = self._links.announcement(announcement.id or 0, subscriber)
                button = self._button(announcement, text, words) or NoticeLink(
                    text=words.say("announcement.read"), url=page
                )
                label = words.say("card.label", label=one_line(text.title, _TITLE))
                found.append(Note(label, shortened(said, _BRIEFLY), (NoteLink(button.text, button.url),)))
        return tuple(found)

    def notice(
        self, session: Session, announcement: Announcement, subscriber: Subscriber, words: Wording
    ) -> Notice | None:
        """Return what an announcement says to somebody. Its title may name a disease: no subject has it by itself."""
        if (handover := handover_of(announcement)) is not None:
            day = handover.day
            if not handover.arrived:
                day = handover_day(session, announcement, handover, subscriber, self._clock.now())
            return handover_notice(handover, day, subscriber, words, self._settings, self._links)
        text = self.text(session, announcement, words.language)
        if text is None:
            return None
        title = one_line(text.title, _TITLE)
        named = subscriber.area_in_subject and self._settings.digests.condition_in_subject
        settings = self._links.preferences(subscriber)
        return Notice(
            subject=title if named else words.say("announcement.subject"),
            preview=words.say("announcement.preview"),
            title=title,
            brand=self._settings.service.name,
            paragraphs=(),
            passages=self._passages(announcement, text),
            lang=one_line(text.language, 20),
            button=self._button(announcement, text, words),
            small=(words.say("announcement.why"),),
            tail=(
                NoticeLink(text=words.say("announcement.off"), url=f"{settings}#announcements"),
                NoticeLink(text=words.say("footer.preferences"), url=settings),
                NoticeLink(text=words.say("footer.unsubscribe"), url=self._links.unsubscribe(subscriber)),
            ),
        )

    def _texts(self, item: Item, language: str) -> Sequence[ArticleText]:
        """Return an article in the languages in which it may be shown; nothing of one that was taken back."""
        facts = ArticleFacts.model_validate(item.facts)
        if facts.retracted_on is not None:
            return ()
        return [text_in(language, item, facts), text_in(self._settings.service.locale[:2], item, facts)]

    def _passages(self, announcement: Announcement, text: ArticleText) -> tuple[Passage, ...]:
        if announcement.item_id is None:
            return passages_of(text.html)
        return of_paragraphs(shown_text(text))

    def _button(self, announcement: Announcement, text: ArticleText, words: Wording) -> NoticeLink | None:
        page = self._publishing.page(announcement.item_id) if announcement.item_id is not None else ""
        url = web_address(text.url) or web_address(page)
        return NoticeLink(text=words.say("announcement.read"), url=url) if url else None

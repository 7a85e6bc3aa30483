"""How a change of hands reads, as a mail, a page and a note, from both sides."""

from __future__ import annotations

from datetime import date

from trialalerts.digests.announcements.handover import Handover
from trialalerts.digests.asides.note import Note, NoteLink
from trialalerts.digests.cards.text import one_line, web_address
from trialalerts.digests.cards.wording import Wording
from trialalerts.digests.notices.notice import Notice, NoticeLink
from trialalerts.digests.notices.passages import Passage, Run
from trialalerts.settings import Settings
from trialalerts.subscribers.links import Links
from trialalerts.subscribers.tables import Subscriber

__all__ = ["handover_note", "handover_notice"]

_NAME = 200


def handover_notice(
    handover: Handover, day: date, subscriber: Subscriber, words: Wording, settings: Settings, links: Links
) -> Notice:
    """Return what somebody is told: not before which ``day`` they are handed over, or since when they are here."""
    leave = links.unsubscribe(subscriber)
    said = _said(handover, day, words)
    side = "arrived" if handover.arrived else "leaving"
    return Notice(
        subject=words.say(f"handover.{side}_subject"),
        preview=words.say(f"handover.{side}_preview"),
        title=_title(handover, words),
        brand=settings.service.name,
        paragraphs=(),
        passages=(*said, Passage((Run(words.say("handover.leave"), leave),))),
        lang=words.language,
        button=None
        if handover.arrived
        else NoticeLink(text=words.say("handover.object"), url=links.objection(subscriber)),
        small=(words.say(f"handover.{side}_why", giver=one_line(handover.giver, _NAME)),),
        tail=(
            NoticeLink(text=words.say("footer.preferences"), url=links.preferences(subscriber)),
            NoticeLink(text=words.say("footer.unsubscribe"), url=leave),
        ),
    )


def handover_note(handover: Handover, subscriber: Subscriber, words: Wording, links: Links) -> Note:
    """Return the note at the head of the first digest from the new organisation."""
    label = words.say("card.label", label=_title(handover, words))
    text = " ".join(passage.said for passage in _said(handover, handover.day, words))
    return Note(label, text, (NoteLink(words.say("handover.leave"), links.unsubscribe(subscriber)),))


def _title(handover: Handover, words: Wording) -> str:
    side = "arrived" if handover.arrived else "leaving"
    return words.say(f"handover.{side}_title", receiver=one_line(handover.receiver, _NAME))


def _said(handover: Handover, day: date, words: Wording) -> list[Passage]:
    names = {"giver": one_line(handover.giver, _NAME), "receiver": one_line(handover.receiver, _NAME)}
    if handover.arrived:
        return [Passage((Run(words.say("handover.arrived", **names, day=words.day(day))),))]
    said = [
        Passage((Run(words.say("handover.leaving", **names, day=words.day(day))),)),
        Passage((Run(words.say("handover.data", **names)),)),
        Passage((Run(words.say("handover.nothing")), Run(" "), Run(words.say("handover.object_text", **names)))),
    ]
    if site := web_address(handover.website):
        said.append(Passage((Run(words.say("handover.more", **names), site),)))
    if handover.contact:
        said.append(Passage((Run(words.say("handover.ask", contact=one_line(handover.contact, _NAME))),)))
    return said

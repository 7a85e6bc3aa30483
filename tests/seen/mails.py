"""Every kind of mail, written on made-up trials: what the tests of mails look at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from types import MappingProxyType

from sqlmodel import Session

from tests.digests.rendering_samples import EVERY_KIND, NOW, article, entry, mail, settings, subscriber, told, trial
from trialalerts.catalog.facts import ArticleFacts
from trialalerts.clock import FrozenClock
from trialalerts.delivery.mail.message import Message
from trialalerts.delivery.outbox.notices.tables import Announcement, AnnouncementState
from trialalerts.digests.announcements.handover import Handover
from trialalerts.digests.rendering.renderer import MailRenderer
from trialalerts.digests.tables import DigestKind

__all__ = ["MAILS"]


def _every_change() -> Message:
    items = [trial(number) for number in range(1, len(EVERY_KIND) + 1)]
    return mail(items, [entry(item, told(kind)) for item, kind in zip(items, EVERY_KIND, strict=True)])


def _confirmation(locale: str) -> Message:
    return MailRenderer(settings(), FrozenClock(NOW)).confirmation(subscriber(locale), [1])


def _announcement(locale: str, *, handover: Handover | None = None) -> Message:
    html = (
        "<h2>How to get there</h2><p>The centre is in <strong>Mill Lane</strong>. See "
        '<a href="https://example.org/map">the map</a>.</p><ul><li>Tram 4 stops at the door.</li></ul>'
    )
    told = Announcement(
        name="moved.md", title="The Leeds centre has moved", state=AnnouncementState.RUNNING,
        texts=[{"language": "en", "title": "The Leeds centre has moved", "html": html}],
        not_before=NOW, created_at=NOW, started_at=NOW, handover=handover.model_dump_json() if handover else None,
    )  # fmt: skip
    renderer, reader = MailRenderer(settings(), FrozenClock(NOW)), subscriber(locale)
    with Session() as nothing_stored:
        made = renderer.announcements.of(nothing_stored, told, reader, renderer.words_of(reader), "<1@example.org>")
    assert made is not None
    return made


def _handover(locale: str) -> Message:
    changes = Handover(
        giver="Example Society", receiver="Second Society", website="https://second.example.org",
        contact="help@example.org", day=date(2026, 6, 1),
    )  # fmt: skip
    return _announcement(locale, handover=changes)


def _put_right(locale: str) -> Message:
    text = ArticleFacts(html="<p>The study has 12 places.</p>")
    items = [article(number, told=text, url="") for number in (50, 51)]
    said = {"ours": True, "on": "2026-03-01", "sentence": "The study has 12 places, not 21."}
    kinds = ("corrected", "retracted")
    entries = [entry(item, told(kind, after=said)) for item, kind in zip(items, kinds, strict=True)]
    return mail(items, entries, locale=locale)


MAILS: Mapping[str, Callable[[], Message]] = MappingProxyType(
    {
        "every kind of change": _every_change,
        "first": lambda: mail([trial(1), trial(2), article(50)], kind=DigestKind.FIRST),
        "one of many trials": lambda: mail([trial(number) for number in range(1, 125)]),
        "in German": lambda: mail([trial(1), article(50)], locale="de"),
        "from right to left": lambda: mail([trial(1), article(50)], locale="ar"),
        "announcement": lambda: _announcement("en"),
        "announcement in another language": lambda: _announcement("de"),
        "change of hands": lambda: _handover("en"),
        "change of hands in German": lambda: _handover("de"),
        "corrected and withdrawn": lambda: _put_right("en"),
        "corrected and withdrawn in German": lambda: _put_right("de"),
        "confirmation": lambda: _confirmation("en"),
    }
)
"""By name, what writes it."""

"""Every kind of mail, written on made-up trials: what the tests of mails look at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from tests.digests.rendering_samples import EVERY_KIND, NOW, article, entry, mail, settings, subscriber, told, trial
from trialalerts.clock import FrozenClock
from trialalerts.delivery.mail.message import Message
from trialalerts.digests.rendering.renderer import MailRenderer
from trialalerts.digests.tables import DigestKind

__all__ = ["MAILS"]


def _every_change() -> Message:
    items = [trial(number) for number in range(1, len(EVERY_KIND) + 1)]
    return mail(items, [entry(item, told(kind)) for item, kind in zip(items, EVERY_KIND, strict=True)])


def _confirmation(locale: str) -> Message:
    return MailRenderer(settings(), FrozenClock(NOW)).confirmation(subscriber(locale), [1])


MAILS: Mapping[str, Callable[[], Message]] = MappingProxyType(
    {
        "every kind of change": _every_change,
        "first": lambda: mail([trial(1), trial(2), article(50)], kind=DigestKind.FIRST),
        "one of many trials": lambda: mail([trial(number) for number in range(1, 125)]),
        "in German": lambda: mail([trial(1), article(50)], locale="de"),
        "from right to left": lambda: mail([trial(1), article(50)], locale="ar"),
        "confirmation": lambda: _confirmation("en"),
    }
)
"""By name, what writes it."""

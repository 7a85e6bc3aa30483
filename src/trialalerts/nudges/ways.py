"""The ways by which readers are nudged: what the operator offers, what a reader may type, and Apprise.

A reader types a topic, a number or a name, and never a URL: no host is asked that a stranger chose.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote

from trialalerts.errors import ConfigurationError, InvalidInput
from trialalerts.logs import Logger
from trialalerts.settings import NudgeSettings, Settings

__all__ = ["NudgeMessage", "checked_nudge_recipient", "nudge_faults", "offered_way", "send_nudge"]

log = Logger()

_MISSING = "Apprise is not installed; run: pip install 'trialalerts[apprise]'"
_quiet: ContextVar[bool] = ContextVar("quiet", default=False)
_TALKING = ("apprise", "urllib3.connectionpool", "urllib3.connection")


@dataclass(frozen=True, kw_only=True)
class NudgeMessage:
    """What is said: a title and a line with a link, and nothing of what anybody follows."""

    title: str
    text: str


def offered_way(settings: Settings, name: str | None) -> NudgeSettings | None:
    """Return the way of this name; None where it is not offered (any more)."""
    return next((way for way in settings.nudges if way.name == name), None)


def checked_nudge_recipient(way: NudgeSettings, typed: str) -> str:
    """Return what a reader typed, without blanks.

    Raises:
        InvalidInput: it does not fit the way's pattern, or holds a sign that means something in a URL.
    """
    text = "".join(typed.split())
    if not way.takes(text):
        raise InvalidInput(f"“{text}” does not fit here; expected something such as {way.example}")
    return text


def send_nudge(way: NudgeSettings, recipient: str, message: NudgeMessage) -> bool:
    """Hand a message to a way; return whether it was taken. It waits for an answer for seconds at the most.

    Raises:
        ConfigurationError: Apprise is not installed, or does not know the URL.
    """
    with _nothing_told():
        plugin = _plugin(way, recipient)
        try:
            return bool(plugin.notify(title=message.title, body=message.text))
        except Exception as error:  # noqa: BLE001 - one of a hundred plugins; its words may hold where it went
            log.warning("nudge.plugin_failed", way=way.name, error=type(error).__name__)
            return False


def nudge_faults(settings: Settings) -> Iterator[tuple[str, str]]:
    """Return the ways that cannot work, and why."""
    for way in settings.nudges:
        try:
            with _nothing_told():
                _plugin(way, way.example)
        except ConfigurationError as error:
            yield way.name, str(error)


def _plugin(way: NudgeSettings, recipient: str) -> _Plugin:
    try:
        import apprise
    except ImportError:
        raise ConfigurationError(_MISSING) from None
    for name in _TALKING:
        logging.getLogger(name).addFilter(_is_told)  # one that is there already is not added twice
    url = way.url.get_secret_value().replace("{to}", quote(recipient, safe=""))
    plugin: _Plugin | None = apprise.Apprise.instantiate(url, suppress_exceptions=True)
    if plugin is None:
        raise ConfigurationError(f"Apprise does not know the URL of nudges.{way.name}, or not with such a recipient")
    return plugin


class _Plugin(Protocol):
    """What Apprise makes of a URL."""

    def notify(self, *, title: str, body: str) -> object:
        """Say it."""
        ...


@contextmanager
def _nothing_told() -> Iterator[None]:
    """Keep what libraries log of a nudge out of the log: it names where it goes, and with which key."""
    was = _quiet.set(True)
    try:
        yield
    finally:
        _quiet.reset(was)


def _is_told(record: logging.LogRecord) -> bool:
    del record
    return not _quiet.get()

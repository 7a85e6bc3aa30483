"""Reading the configuration anew while the daemon works: what changes at once, what waits for a restart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from trialalerts.settings import Settings

__all__ = ["Reloaded", "reloaded"]

_NEEDS_RESTART = (
    "database.url",  # open already
    "service.secret",  # compared with the database's when the daemon starts
    "vocabulary.disease_areas",  # loaded when the daemon starts
    "vocabulary.topics",
    "vocabulary.area_names",
    "web.host",  # listens already
    "web.port",
    "web.trusted_proxies",  # connections are counted by them
)


@dataclass(frozen=True, kw_only=True)
class Reloaded:
    """The settings to go on with, and the keys that changed: ``changed`` hold from now on, ``waiting`` do not yet."""

    settings: Settings
    changed: Sequence[str]
    waiting: Sequence[str]


def reloaded(old: Settings, new: Settings) -> Reloaded:
    """Return the new settings, with the old values of what only a restart can change.

    >>> from trialalerts.settings import DigestSettings, WebSettings
    >>> new = Settings(digests=DigestSettings(max_items=10), web=WebSettings(port=81))
    >>> found = reloaded(Settings(), new)
    >>> found.changed, found.waiting, found.settings.web.port
    (['digests.max_items'], ['web.port'], 8080)
    """
    changed = list(_differing(old, new))
    waiting = [key for key in changed if key in _NEEDS_RESTART]
    kept: dict[str, dict[str, Any]] = {}
    for key in waiting:
        section, _, name = key.partition(".")
        kept.setdefault(section, {})[name] = getattr(getattr(old, section), name)
    sections = {section: getattr(new, section).model_copy(update=values) for section, values in kept.items()}
    settings = new.model_copy(update=sections)
    return Reloaded(settings=settings, changed=[key for key in changed if key not in waiting], waiting=waiting)


def _differing(old: Settings, new: Settings) -> Iterator[str]:
    for section in Settings.model_fields:
        before, after = getattr(old, section), getattr(new, section)
        if not isinstance(before, BaseModel):
            if before != after:
                yield section
            continue
        for name, field in type(before).model_fields.items():
            if getattr(before, name) != getattr(after, name):
                yield f"{section}.{field.alias or name}"

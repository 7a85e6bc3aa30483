"""The kinds of sources: each a module of this folder, or of a package of somebody else's.

A module has its :class:`~trialalerts.sources.base.SourceKind` under the name ``KIND``; its own name is the word in the
configuration. Another package names such a module as an entry point of the group ``trialalerts.sources``. Nothing is
imported that the configuration does not name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pkgutil import iter_modules

from pydantic import ValidationError

from trialalerts.errors import ConfigurationError, did_you_mean, nearest
from trialalerts.settings import Settings, SourceSettings, describe_fault
from trialalerts.sources.base import Source, SourceKind

__all__ = ["all_kinds", "check_sources", "find_kind", "open_source", "settled"]

_GROUP = "trialalerts.sources"


def all_kinds() -> Mapping[str, SourceKind]:
    """Return the kinds by their names, sorted; this imports them all.

    Raises:
        ConfigurationError: another package's kind cannot be used.
    """
    return {name: find_kind(name) for name in sorted({*_shipped(), *(point.name for point in _further())})}


@lru_cache
def find_kind(name: str) -> SourceKind:
    """Return the kind of this name.

    Raises:
        ConfigurationError: there is none, or it cannot be used.
    """
    if name in _shipped():
        return _kind_in(import_module(f"{__name__}.{name}"), name)
    for point in _further():
        if point.name == name:
            return _kind_in(_loaded(point), name)
    known = [*_shipped(), *(point.name for point in _further())]
    raise ConfigurationError(f"there is no kind of source “{name}”.{did_you_mean(nearest(name, known))}")


def settled(source: SourceSettings) -> SourceSettings:
    """Return what the configuration says of a source, with its kind's own keys read.

    Raises:
        ConfigurationError: there is no such kind, or a key is unknown, missing or wrong.
    """
    try:
        kind = find_kind(source.kind)
        if isinstance(source, kind.settings):
            return source
        return kind.settings.model_validate(source.model_dump(exclude_unset=True))
    except ConfigurationError as error:
        raise ConfigurationError(f"sources, {source.name}: {error}") from None
    except ValidationError as error:
        raise ConfigurationError(f"sources, {source.name}: {describe_fault(error, kind.settings)}") from None


def check_sources(settings: Settings) -> None:
    """Read the keys of every configured source.

    Raises:
        ConfigurationError: as :func:`settled`.
    """
    for source in settings.sources:
        settled(source)


def open_source(source: SourceSettings) -> Source:
    """Return the source that the configuration describes; nothing is asked yet.

    Raises:
        ConfigurationError: as :func:`settled`.
    """
    return find_kind(source.kind).open(settled(source))


@lru_cache
def _shipped() -> frozenset[str]:
    return frozenset(module.name for module in iter_modules(__path__))


@lru_cache
def _further() -> tuple[EntryPoint, ...]:
    found: Iterable[EntryPoint] = entry_points(group=_GROUP)
    return tuple(point for point in found if point.name not in _shipped())


def _loaded(point: EntryPoint) -> object:
    try:
        return point.load()
    except Exception as error:  # noqa: BLE001 - whatever another package does at its import
        said = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise ConfigurationError(f"its kind {point.name} ({point.value}) cannot be loaded: {said}") from None


def _kind_in(found: object, name: str) -> SourceKind:
    kind = getattr(found, "KIND", found)
    if not isinstance(kind, SourceKind):
        raise ConfigurationError(f"the module of its kind {name} has no KIND; see docs/adding-a-source.md")
    return kind

"""The list of the kinds of sources: a new kind is a module of its own and one line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from trialalerts.settings import SourceSettings
from trialalerts.sources.base import Source
from trialalerts.sources.clinicaltrials_gov.source import ClinicalTrialsGov
from trialalerts.sources.feeds.source import FeedSource
from trialalerts.sources.folder import FolderSource

__all__ = ["KINDS", "open_source"]

KINDS: Mapping[str, Callable[[SourceSettings], Source]] = {
    "clinicaltrials_gov": ClinicalTrialsGov,
    "feed": FeedSource,
    "folder": FolderSource,
}


def open_source(settings: SourceSettings) -> Source:
    """Return the source that the configuration describes; nothing is asked yet."""
    return KINDS[settings.kind](settings)

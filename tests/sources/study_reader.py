"""The program's own reading of a ClinicalTrials.gov study, without a poll around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from trialalerts.clock import SystemClock
from trialalerts.sources.kinds.clinicaltrials_gov import (
    ClinicalTrialsGov,
    ClinicalTrialsGovSettings,
    read_contacts,
    read_sites,
)
from trialalerts.sources.reading.fields import Fields
from trialalerts.sources.reading.record import RecordView
from trialalerts.sources.sweeps.registry import Reading
from trialalerts.vocabulary.places.site_names import SiteLocator
from trialalerts.vocabulary.tagging.condition_names import ConditionNames
from trialalerts.vocabulary.topics import TopicTree

__all__ = ["contacts_of", "read_study", "sites_of"]


@dataclass(frozen=True, kw_only=True)
class _Context:
    locator: SiteLocator
    conditions: ConditionNames
    topics: TopicTree | None
    day: date = field(default_factory=lambda: SystemClock().now().date())


def read_study(
    raw: object,
    locator: SiteLocator,
    names: ConditionNames,
    *,
    source: str,
    position: str,
    topics: TopicTree | None = None,
) -> Reading:
    """Read one study; None of ``topics``: it gets none."""
    registry = ClinicalTrialsGov(ClinicalTrialsGovSettings(name=source, kind="clinicaltrials_gov"))
    return registry.read(raw, position, _Context(locator=locator, conditions=names, topics=topics))


def sites_of(module: Mapping[str, Any], fields: Fields, locator: SiteLocator) -> list[dict[str, Any]]:
    """Read the sites of a study's module of contacts and locations."""
    return read_sites(RecordView({"contactsLocationsModule": module}, fields), locator)


def contacts_of(node: Mapping[str, Any], key: str, fields: Fields) -> list[dict[str, Any]]:
    """Read a list of contacts."""
    return read_contacts(RecordView(node, fields), key)

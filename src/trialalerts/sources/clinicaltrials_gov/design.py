"""The reading of a study's design: what it tests, in which groups, and who knows who gets what.

It is kept as the registry has it, short: a card makes its words, so that better words need no new reading.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from trialalerts.sources.fields import Fields

__all__ = ["read_design"]

_ARMS = "armsInterventionsModule."
_INFO = "designModule.designInfo."
_TYPED = re.compile(r"[A-Z][A-Za-z ]+: ")
"""An arm names its interventions with their types before them: “Drug: omalizumab”."""
_LONGEST_NAME, _LONGEST_OTHER, _MOST_OTHERS = 160, 40, 6
_MOST_LISTED = 40


def read_design(
    protocol: Mapping[str, Any], design: Mapping[str, Any], derived: Mapping[str, Any], fields: Fields
) -> dict[str, Any]:
    """Return the values of :class:`~trialalerts.catalog.facts.Design`."""
    module = fields.section(protocol, "armsInterventionsModule")
    info = fields.section(design, "designInfo", "designModule.")
    interventions = _interventions(module, fields)
    masking = fields.section(info, "maskingInfo", _INFO)
    return {
        "interventions": interventions,
        "arms": _arms(module, fields, {name: number for number, (_, name, _) in enumerate(interventions)}),
        "mesh": _mesh(derived, fields),
        "allocation": fields.line(info, "allocation", _INFO),
        "model": fields.line(info, "interventionModel", _INFO),
        "purpose": fields.line(info, "primaryPurpose", _INFO),
        "masked": fields.lines(masking, "whoMasked", f"{_INFO}maskingInfo."),
        "observational_model": fields.line(info, "observationalModel", _INFO),
        "time_perspective": fields.line(info, "timePerspective", _INFO),
        "is_register": fields.flag(design, "patientRegistry", "designModule."),
    }


def _interventions(module: Mapping[str, Any], fields: Fields) -> list[tuple[str, str, tuple[str, ...]]]:
    found = []
    for path, raw in fields.records(module, "interventions", _ARMS)[:_MOST_LISTED]:
        name = fields.line(raw, "name", path)
        if name:
            others = fields.lines(raw, "otherNames", path) if raw.get("otherNames") else ()
            short = tuple(other for other in others if len(other) <= _LONGEST_OTHER)[:_MOST_OTHERS]
            found.append((fields.line(raw, "type", path) or "OTHER", name[:_LONGEST_NAME], short))
    return found


def _arms(
    module: Mapping[str, Any], fields: Fields, numbers: Mapping[str, int]
) -> list[tuple[str, str, tuple[int, ...]]]:
    found = []
    for path, raw in fields.records(module, "armGroups", _ARMS)[:_MOST_LISTED]:
        named = (_TYPED.sub("", name, count=1)[:_LONGEST_NAME] for name in fields.lines(raw, "interventionNames", path))
        given = tuple(dict.fromkeys(numbers[name] for name in named if name in numbers))
        label = (fields.line(raw, "label", path) or "")[:_LONGEST_NAME]
        found.append((fields.line(raw, "type", path) or "", label, given))
    return found


def _mesh(derived: Mapping[str, Any], fields: Fields) -> tuple[str, ...]:
    browse = fields.section(derived, "interventionBrowseModule")
    where = "interventionBrowseModule."
    terms = (fields.line(raw, "term", path) for path, raw in fields.records(browse, "meshes", where))
    return tuple(term for term in terms if term)[:_MOST_LISTED]

"""The reading of a study's design: what it tests, in which groups, and who knows who gets what.

It is kept as the registry has it, short: a card makes its words, so that better words need no new reading.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trialalerts.sources.fields import Fields, cleaned

__all__ = ["read_design"]

_ARMS = "armsInterventionsModule."
_INFO = "designModule.designInfo."
_LONGEST_NAME, _LONGEST_OTHER, _MOST_OTHERS = 160, 40, 6
_MOST_LISTED = 40
_LONGEST_TYPE = len("Combination Product")


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
    for raw in fields.items(module, "interventions", _ARMS)[:_MOST_LISTED]:
        name = _line(raw.get("name")) if type(raw) is dict else ""
        if name:
            others = tuple(other for other in _lines(raw.get("otherNames")) if len(other) <= _LONGEST_OTHER)
            found.append((_line(raw.get("type")) or "OTHER", name[:_LONGEST_NAME], others[:_MOST_OTHERS]))
    return found


def _arms(
    module: Mapping[str, Any], fields: Fields, numbers: Mapping[str, int]
) -> list[tuple[str, str, tuple[int, ...]]]:
    found = []
    for raw in fields.items(module, "armGroups", _ARMS)[:_MOST_LISTED]:
        if type(raw) is dict:
            named = (_untyped(name)[:_LONGEST_NAME] for name in _lines(raw.get("interventionNames")))
            given = tuple(dict.fromkeys(numbers[name] for name in named if name in numbers))
            found.append((_line(raw.get("type")), _line(raw.get("label"))[:_LONGEST_NAME], given))
    return found


def _untyped(name: str) -> str:
    """Return an intervention's name as an arm gives it, without the type before it: “Drug: omalizumab”."""
    type_, colon, bare = name.partition(": ")
    return bare if colon and type_[:1].isupper() and len(type_) <= _LONGEST_TYPE else name


def _mesh(derived: Mapping[str, Any], fields: Fields) -> tuple[str, ...]:
    browse = fields.section(derived, "interventionBrowseModule")
    meshes = fields.items(browse, "meshes", "interventionBrowseModule.")[:_MOST_LISTED]
    return tuple(filter(None, (_line(raw.get("term")) for raw in meshes if type(raw) is dict)))


def _line(value: Any) -> str:
    """Return a name on one line; empty where there is none. There are ten of them to a study: it has to be quick."""
    while type(value) is list and len(value) == 1:
        value = value[0]
    return cleaned(value) if type(value) is str else ""


def _lines(value: Any) -> list[str]:
    values = value if type(value) is list else [value]
    return [line for each in values if (line := _line(each))] if value else []

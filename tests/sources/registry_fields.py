"""The parameter ``fields`` of the registry server: names of ClinicalTrials.gov pieces, pruning by them."""

from __future__ import annotations

from typing import Any

__all__ = ["UnknownField", "pruned"]

_PROTOCOL = ("protocolSection",)
_PLACES = (*_PROTOCOL, "contactsLocationsModule")
_ARMS = (*_PROTOCOL, "armsInterventionsModule")
_PIECES: dict[str, tuple[str, ...]] = {
    "IdentificationModule": (*_PROTOCOL, "identificationModule"),
    "StatusModule": (*_PROTOCOL, "statusModule"),
    "SponsorCollaboratorsModule": (*_PROTOCOL, "sponsorCollaboratorsModule"),
    "LeadSponsorName": (*_PROTOCOL, "sponsorCollaboratorsModule", "leadSponsor", "name"),
    "DescriptionModule": (*_PROTOCOL, "descriptionModule"),
    "BriefSummary": (*_PROTOCOL, "descriptionModule", "briefSummary"),
    "ConditionsModule": (*_PROTOCOL, "conditionsModule"),
    "DesignModule": (*_PROTOCOL, "designModule"),
    "EligibilityModule": (*_PROTOCOL, "eligibilityModule"),
    "ContactsLocationsModule": _PLACES,
    "CentralContactName": (*_PLACES, "centralContacts", "name"),
    "CentralContactPhone": (*_PLACES, "centralContacts", "phone"),
    "CentralContactPhoneExt": (*_PLACES, "centralContacts", "phoneExt"),
    "CentralContactEMail": (*_PLACES, "centralContacts", "email"),
    "LocationFacility": (*_PLACES, "locations", "facility"),
    "LocationStatus": (*_PLACES, "locations", "status"),
    "LocationCity": (*_PLACES, "locations", "city"),
    "LocationState": (*_PLACES, "locations", "state"),
    "LocationZip": (*_PLACES, "locations", "zip"),
    "LocationCountry": (*_PLACES, "locations", "country"),
    "LocationGeoPoint": (*_PLACES, "locations", "geoPoint"),
    "LocationContactName": (*_PLACES, "locations", "contacts", "name"),
    "LocationContactRole": (*_PLACES, "locations", "contacts", "role"),
    "LocationContactPhone": (*_PLACES, "locations", "contacts", "phone"),
    "LocationContactPhoneExt": (*_PLACES, "locations", "contacts", "phoneExt"),
    "LocationContactEMail": (*_PLACES, "locations", "contacts", "email"),
    "ArmGroupLabel": (*_ARMS, "armGroups", "label"),
    "ArmGroupType": (*_ARMS, "armGroups", "type"),
    "ArmGroupInterventionName": (*_ARMS, "armGroups", "interventionNames"),
    "InterventionType": (*_ARMS, "interventions", "type"),
    "InterventionName": (*_ARMS, "interventions", "name"),
    "InterventionOtherName": (*_ARMS, "interventions", "otherNames"),
    "InterventionMeshTerm": ("derivedSection", "interventionBrowseModule", "meshes", "term"),
    "ConditionBrowseModule": ("derivedSection", "conditionBrowseModule"),
    "HasResults": ("hasResults",),
}


class UnknownField(Exception):
    """A name stands for no field; the API answers such a request with 400."""


def pruned(study: Any, fields: str) -> Any:
    """Return a study with only the fields of a list such as ``NCTId|BriefTitle``; all of it for an empty list."""
    if not fields or not isinstance(study, dict):
        return study
    wanted: dict[str, Any] = {}
    for name in fields.split("|"):
        if name not in _PIECES:
            raise UnknownField(f"The `fields` parameter has an invalid value: {name}")
        node = wanted
        *parents, last = _PIECES[name]
        for parent in parents:
            node = node.setdefault(parent, {})
        node[last] = None
    return _kept(study, wanted)


def _kept(value: Any, wanted: dict[str, Any] | None) -> Any:
    if wanted is None or not isinstance(value, dict | list):
        return value
    if isinstance(value, list):
        return [_kept(part, wanted) for part in value]
    return {key: _kept(part, wanted[key]) for key, part in value.items() if key in wanted}

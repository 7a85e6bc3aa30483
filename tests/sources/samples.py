"""Made-up records for the tests of the sources; nobody and nothing in them exists."""

from __future__ import annotations

import copy
from typing import Any

__all__ = ["study", "study_of_asthma", "with_value"]

_STUDY: dict[str, Any] = {
    "protocolSection": {
        "identificationModule": {
            "nctId": "NCT90000001",
            "nctIdAliases": ["NCT90000900"],
            "orgStudyIdInfo": {"id": "EX-1"},
            "secondaryIdInfos": [
                {"id": "2026-500001-11-00", "type": "CTIS"},
                {"id": "U01AA000001", "type": "NIH"},
                {"id": "ISRCTN00000001", "type": "OTHER"},
            ],
            "briefTitle": "A Study of Examplumab in Relapsing Multiple Sclerosis",
            "officialTitle": "A Made-up Study of Examplumab &amp; Placebo",
            "acronym": "MADE-UP",
        },
        "statusModule": {
            "statusVerifiedDate": "2026-01",
            "overallStatus": "RECRUITING",
            "startDateStruct": {"date": "2026-02", "type": "ESTIMATED"},
            "completionDateStruct": {"date": "2028-12-31", "type": "ESTIMATED"},
            "studyFirstPostDateStruct": {"date": "2026-01-10", "type": "ACTUAL"},
            "lastUpdatePostDateStruct": {"date": "2026-02-20", "type": "ACTUAL"},
        },
        "sponsorCollaboratorsModule": {"leadSponsor": {"name": "Example Institute", "class": "OTHER"}},
        "descriptionModule": {"briefSummary": "A study with\n\n* one arm\n* a placebo, if p \\< 0.05"},
        "conditionsModule": {"conditions": ["Multiple Sclerosis", "Fatigue"], "keywords": ["relapsing"]},
        "designModule": {
            "studyType": "INTERVENTIONAL",
            "phases": ["PHASE2", "PHASE3"],
            "enrollmentInfo": {"count": 120, "type": "ESTIMATED"},
        },
        "eligibilityModule": {
            "eligibilityCriteria": "Inclusion:\n\n* Adults",
            "healthyVolunteers": False,
            "sex": "ALL",
            "minimumAge": "18 Years",
            "maximumAge": "65 Years",
        },
        "contactsLocationsModule": {
            "centralContacts": [
                {"name": "Study Desk", "phone": "555-0100", "phoneExt": "7", "email": "desk@example.org"}
            ],
            "locations": [
                {
                    "facility": "Example Hospital",
                    "status": "RECRUITING",
                    "city": "Boston",
                    "state": "Massachusetts",
                    "zip": "00000",
                    "country": "United States",
                    "geoPoint": {"lat": 42.36, "lon": -71.06},
                },
                {"facility": "Example Infirmary", "city": "Leeds", "country": "United Kingdom"},
            ],
        },
    },
    "derivedSection": {
        "conditionBrowseModule": {
            "meshes": [{"id": "D000009103", "term": "Multiple Sclerosis"}],
            "ancestors": [{"id": "D000009422", "term": "Nervous System Diseases"}],
        }
    },
    "hasResults": False,
}


def study(number: int = 1, **values: Any) -> dict[str, Any]:
    """Return a study; values are given by the last two names of their path (``statusModule__overallStatus``)."""
    made = copy.deepcopy(_STUDY)
    made["protocolSection"]["identificationModule"]["nctId"] = f"NCT9{number:07}"
    if number != 1:
        del made["protocolSection"]["identificationModule"]["nctIdAliases"]
    for name, value in values.items():
        module, _, key = name.partition("__")
        made["protocolSection"].setdefault(module, {})[key] = value
    return made


def study_of_asthma(number: int) -> dict[str, Any]:
    """Return a study that no search for multiple sclerosis finds: not by its title, conditions or MeSH terms."""
    made = study(
        number,
        identificationModule__briefTitle="Breathing exercises",
        conditionsModule__conditions=["Asthma"],
        conditionsModule__keywords=[],
    )
    made["derivedSection"]["conditionBrowseModule"] = {"meshes": [{"id": "D001249", "term": "Asthma"}], "ancestors": []}
    return made


def with_value(record: Any, path: tuple[str | int, ...], value: Any) -> Any:
    """Return a copy of a record with one value replaced."""
    changed = copy.deepcopy(record)
    node = changed
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = value
    return changed

"""A server that behaves as EU CTIS is described: POST only, 10,000 a question, a loose order, missing pages."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import orjson

from tests.sources.registry_server import Fault, Handler, RegistryServer

__all__ = ["CtisServer", "entry", "record"]

_CAP = 10_000


def entry(
    number: str = "2026-500001-11-00", *, status: int = 4, day: str = "20/02/2026", **more: Any
) -> dict[str, Any]:
    """Return what the list says of a made-up trial."""
    return {
        "ctNumber": number, "ctStatus": status, "ctTitle": "A trial of examplumab in asthma", "shortTitle": "EX-1",
        "conditions": "Asthma", "trialCountries": [f"Spain:{status}", "France:2"], "decisionDateOverall": "15/01/2026",
        "therapeuticAreas": ["Diseases [C] - Respiratory Tract Diseases [C08]"], "sponsor": "Example Pharma",
        "product": "Examplumab, Placebo", "resultsFirstReceived": "No", "startDateEU": "24/01/2026",
        "lastUpdated": day, "lastPublicationUpdate": day, **more,
    }  # fmt: skip


def record(number: str = "2026-500001-11-00", *, status: int = 4, **more: Any) -> dict[str, Any]:
    """Return the whole record of a made-up trial."""
    site = {
        "organisationAddressInfo": {
            "organisation": {"name": "Hospital Ejemplo"},
            "address": {"city": "Madrid", "postcode": "28001", "countryName": "Spain"},
        },
        "personInfo": {"firstName": "P.", "lastName": "Rivate", "telephone": "555"},
    }
    criteria = [
        {"number": 2, "principalInclusionCriteria": "Asthma for a year"},
        {"number": 1, "principalInclusionCriteria": "Adults"},
    ]
    details = {
        "clinicalTrialIdentifiers": {
            "fullTitle": "A randomised trial of examplumab",
            "publicTitle": "Examplumab for people with asthma",
            "publicTitleTranslations": [
                {"attributeTranslation": "Examplumab para personas con asma", "languageDescription": "Spanish"}
            ],
            "secondaryIdentifyingNumbers": {
                "nctNumber": {"number": "NCT90000001"},
                "additionalRegistries": [{"number": "ISRCTN90000001"}, {"number": "75,061; IND"}],
            },
        },
        "trialInformation": {
            "trialCategory": {"trialPhase": "10"},
            "medicalCondition": {
                "partIMedicalConditions": [{"medicalCondition": "Severe asthma"}],
                "meddraConditionTerms": [{"termName": "Asthma NOS"}],
            },
            "trialObjective": {"mainObjective": "To find out whether examplumab helps."},
            "eligibilityCriteria": {
                "principalInclusionCriteria": criteria,
                "principalExclusionCriteria": [{"number": 1, "principalExclusionCriteria": "Smokers"}],
            },
            "trialDuration": {"estimatedEndDate": "2027-09-22"},
            "populationOfTrialSubjects": {
                "ageRanges": [{"ageRangeCategoryCode": "3"}, {"ageRangeCategoryCode": 4}],
                "clinicalTrialGroups": [{"code": "2", "name": "Patients"}],
                "isFemaleSubjects": True,
                "isMaleSubjects": True,
            },
        },
    }
    sponsor = {"name": "Example Pharma"}
    contact = {"functionalName": "Trial desk", "functionalEmailAddress": "desk@example.org", "telephone": "+34 600"}
    return {
        "ctNumber": number,
        "ctPublicStatusCode": status,
        "authorizedApplication": {
            "authorizedPartI": {
                "trialDetails": details,
                "sponsors": [{"primary": True, "publicContacts": [contact], "organisation": sponsor}],
                "rowCountriesInfo": [{"name": "Japan", "isoAlpha2Code": "JP"}],
            },
            "authorizedPartsII": [{"mscInfo": {"mscName": "Spain"}, "trialSites": [site]}],
            "memberStatesConcerned": [
                {"mscName": "Spain", "mscPublicStatusCode": status}, {"mscName": "France", "mscPublicStatusCode": 2},
            ],
            "eudraCt": {"eudraCtCode": "2019-003842-34"},
        },
        **more,
    }  # fmt: skip


@dataclass(kw_only=True)
class CtisServer:
    """``listed`` are entries of the list; ``records`` the whole ones by number: what is not there is a 404."""

    server: RegistryServer
    listed: list[dict[str, Any]] = field(default_factory=list)
    records: dict[str, dict[str, Any]] = field(default_factory=dict)

    def serve(self) -> None:
        """Answer everything from now on."""
        self.server.faults.append(Fault(act=self._answer, times=100_000))

    def add(self, *entries: dict[str, Any]) -> None:
        """List trials, each with its whole record."""
        for each in entries:
            self.listed.append(each)
            self.records[each["ctNumber"]] = record(each["ctNumber"], status=each["ctStatus"])

    @property
    def retrieved(self) -> list[str]:
        """The numbers of the records that were asked for."""
        return [each.path.rpartition("/")[2] for each in self.server.requests if each.path.startswith("/retrieve/")]

    def _answer(self, handler: Handler) -> None:
        request = self.server.requests[-1]
        if request.path == "/search":
            if request.method != "POST":
                handler.answer(403, b"Forbidden", {"Content-Type": "text/plain"})
                return
            handler.answer(200, orjson.dumps(self._page(orjson.loads(request.body))))
            return
        found = self.records.get(request.path.rpartition("/")[2])
        if found is None:
            handler.answer(404, b"Not found", {"Content-Type": "text/plain"})
        else:
            handler.answer(200, orjson.dumps(found))

    def _page(self, question: Any) -> dict[str, Any]:
        wanted = question["searchCriteria"].get("status")
        words = question["searchCriteria"].get("medicalCondition", "").lower()
        found = [
            each
            for each in self.listed
            if (wanted is None or each["ctStatus"] in wanted) and words in each["conditions"].lower()
        ]
        page, size = question["pagination"]["page"], question["pagination"]["size"]
        assert size <= 100
        found.sort(key=lambda each: each["lastPublicationUpdate"].split("/")[::-1], reverse=True)
        for start in range(0, len(found) - 1, 7):  # neighbours change places
            piece = found[start : start + 3]
            random.shuffle(piece)
            found[start : start + 3] = piece
        data = found[: min(_CAP, page * size)][(page - 1) * size :]
        return {"showWarning": False, "pagination": {"totalRecords": len(found), "currentPage": page}, "data": data}

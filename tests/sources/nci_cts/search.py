"""A server that behaves as NCI's search is described: POST with a key, 50 a page, 10,000 a search, fields by name."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from tests.sources.registry_server import Fault, Handler, RegistryServer

__all__ = ["KEY", "NciServer", "disease", "site", "trial"]

KEY = "s3cret-key-of-nci"
_MOST, _PAGE = 10_000, 50
_FORBIDDEN = b'{"message":"Forbidden"}'


def disease(name: str, *, lead: bool = False, included: str = "TRIAL") -> dict[str, Any]:
    """Return a disease as a trial names it."""
    return {
        "inclusion_indicator": included, "is_lead_disease": lead, "name": name, "synonyms": ["Of another name"],
        "nci_thesaurus_concept_id": "C0000", "type": ["subtype"], "parents": ["C0001"],
    }  # fmt: skip


def site(name: str = "Example Hospital", *, status: str = "ACTIVE", since: str = "2026-01-20", **more: Any) -> Any:
    """Return a made-up hospital of a trial."""
    return {
        "org_name": name, "org_city": "Boston", "org_state_or_province": "MA", "org_country": "United States",
        "org_postal_code": "02108", "org_coordinates": {"lat": 42.3601, "lon": -71.0589},
        "org_address_line_1": "1 Example Street", "org_email": "office@example.org", "org_va": False,
        "contact_name": "Site Public Contact", "contact_phone": "555-0100", "contact_email": "site@example.org",
        "recruitment_status": status, "recruitment_status_date": since, **more,
    }  # fmt: skip


def trial(number: int = 1, *, verified: str = "2026-02-20", since: str = "2026-01-15", **more: Any) -> dict[str, Any]:
    """Return a made-up record, as verified on a day, with a status since another."""
    treatment = {"description": "Long", "category": "agent", "synonyms": [], "nci_thesaurus_concept_id": "C9"}
    return {
        "nct_id": f"NCT9{number:07}", "nci_id": f"NCI-2026-{number:05}", "protocol_id": "EX-1",
        "other_ids": [{"name": "Study Protocol Other Identifier", "value": "2026-500001-11-00"},
                      {"name": "Study Protocol Other Identifier", "value": "EX-GRANT-7"}],
        "brief_title": "Examplumab for people with melanoma", "acronym": "MADE-UP", "keywords": None,
        "official_title": "A randomized phase II/III trial of examplumab in melanoma",
        "brief_summary": "This trial tests whether examplumab keeps melanoma from coming back.",
        "detail_description": "Very long", "current_trial_status": "Active", "current_trial_status_date": since,
        "record_verification_date": verified, "amendment_date": "2026-02-01", "why_study_stopped": None,
        "status_history": [{"status": "ACTIVE", "status_date": f"{since}T00:00:00.000002"},
                           {"status": "IN_REVIEW", "status_date": "2026-01-10T00:00:00"}],
        "phase": "II_III", "primary_purpose": "TREATMENT", "study_protocol_type": "Interventional",
        "start_date": "2026-01-15", "start_date_type_code": "ACTUAL",
        "completion_date": "2030-12-31", "completion_date_type_code": "ANTICIPATED",
        "lead_org": "Example Group", "minimum_target_accrual_number": 240,
        "central_contact": {"name": None, "phone": None, "email": None, "type": None},
        "diseases": [disease("Stage III Melanoma"), disease("Melanoma", lead=True),
                     disease("Nervous System Disorder", lead=True, included="TREE")],
        "eligibility": {
            "structured": {"sex": "ALL", "min_age": "18 Years", "max_age": "999 Years", "min_age_in_years": 18.0,
                           "accepts_healthy_volunteers": False},
            "unstructured": [
                {"display_order": 3, "inclusion_indicator": False, "description": "Smokers"},
                {"display_order": 1, "inclusion_indicator": True, "description": "Adults"},
                {"display_order": 2, "inclusion_indicator": True, "description": "Melanoma\r\n* of the skin"},
            ],
        },
        "arms": [
            {"name": "Arm 1", "type": "EXPERIMENTAL", "description": "Long", "interventions": [
                {"name": "Examplumab", "type": "Biological/Vaccine", "inclusion_indicator": "TRIAL", **treatment},
                {"name": "Immunotherapy", "type": "Biological/Vaccine", "inclusion_indicator": "TREE", **treatment}]},
            {"name": "Arm 2", "type": "ACTIVE_COMPARATOR", "description": "Long", "interventions": [
                {"name": "Usual Care", "type": "Other", "inclusion_indicator": "TRIAL", **treatment}]},
        ],
        "sites": [site(), site("Hospital of Leeds", status="CLOSED_TO_ACCRUAL", org_city="Leeds",
                               org_state_or_province=None, org_country="United Kingdom", org_postal_code=None,
                               org_coordinates=None, contact_name=None, contact_phone=None, contact_email=None)],
        **more,
    }  # fmt: skip


@dataclass(kw_only=True)
class NciServer:
    """``trials`` are records; ``questions`` is what was asked."""

    server: RegistryServer
    trials: list[Any] = field(default_factory=list)
    questions: list[dict[str, Any]] = field(default_factory=list)

    def serve(self) -> None:
        """Answer everything from now on."""
        self.server.faults.append(Fault(act=self._answer, times=100_000))

    def _answer(self, handler: Handler) -> None:
        request = self.server.requests[-1]
        headers = {"Content-Type": "application/json"}
        if request.headers.get("x-api-key") != KEY:
            handler.answer(403, _FORBIDDEN, headers)
            return
        assert (request.method, request.path) == ("POST", "/trials")
        asked = orjson.loads(request.body)
        self.questions.append(asked)
        start, size = asked.get("from", 0), min(asked.get("size", 10), _PAGE)
        if start + size > _MOST:
            handler.answer(400, b"Result window is too large", {"Content-Type": "text/plain"})
            return
        found = [each for each in self.trials if _fits(each, asked)]
        random.shuffle(found)
        if asked.get("sort"):
            assert asked["order"] in {"asc", "desc"}
            found.sort(key=lambda each: str(each.get(asked["sort"])), reverse=asked["order"] == "desc")
        given = [_with_fields(each, asked.get("include")) for each in found[start : start + size]]
        handler.answer(200, orjson.dumps({"total": len(found), "data": given}), headers)


def _fits(trial: Any, asked: Mapping[str, Any]) -> bool:
    for key, value in asked.items():
        path, _, side = key.rpartition("_")
        if side == "gte" and not any(day >= value for day in _values(trial, path)):
            return False
        if side == "lte" and not any(day <= value for day in _values(trial, path)):
            return False
    statuses = asked.get("current_trial_status")
    words = asked.get("diseases.name._fulltext")
    named = " ".join(_values(trial, "diseases.name")).lower()
    return (not statuses or trial["current_trial_status"].lower() in {each.lower() for each in statuses}) and (
        not words or any(set(each.lower().split()) <= set(named.split()) for each in words)
    )


def _values(node: Any, path: str) -> Iterator[str]:
    key, _, rest = path.partition(".")
    for each in node if isinstance(node, list) else [node]:
        value = each.get(key)
        if rest:
            yield from _values(value or [], rest)
        elif value is not None:
            yield value


def _with_fields(node: Any, paths: Sequence[str] | None) -> Any:
    """Return only what was asked for by name, as the search does."""
    if not paths or not isinstance(node, dict | list):
        return node
    if isinstance(node, list):
        return [_with_fields(each, paths) for each in node]
    inner = {key: [path.partition(".")[2] for path in paths if path.partition(".")[0] == key] for key in node}
    return {key: _with_fields(node[key], [] if "" in rest else rest) for key, rest in inner.items() if rest}

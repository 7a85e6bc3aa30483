"""The way from a draft to the row of an item, and the hash that tells whether anything that matters is new."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from hashlib import blake2b
from typing import Any

import orjson
from pydantic_core import PydanticSerializationError

from trialalerts.catalog.draft import AreaTag, ItemDraft
from trialalerts.catalog.facts import ArticleFacts, TrialFacts
from trialalerts.catalog.text import storable
from trialalerts.catalog.trials.numbers import numbers_in_words, registry_numbers
from trialalerts.catalog.trials.status import is_recruiting

__all__ = ["PreparedItem", "prepare_item"]

_LONGEST_ID = 400
_LONGEST_ALIAS = 100
_DECIMALS = 3  # of a degree: 110 m; sites are city centroids, and drift by metres
_NOT_HASHED: dict[str, Any] = {
    "last_update_posted": True,
    "had_results": True,
    "sites": {"__all__": {"latitude", "longitude", "point_from"}},
}
_LEARNT_LATER = (
    "reach", "plain", "lay", "schedule", "said_by", "conflicts", "results_at",
    "published_on", "sources", "corrected_on", "correction", "journal", "trials", "notices",
    "retracted_on", "retraction", "translations", "regions", "languages",
)  # fmt: skip
"""Facts that the program learnt to read later: records without them keep their hash, and are not written anew."""
_NUL = b"\\u0000"


@dataclass(frozen=True, kw_only=True)
class PreparedItem:
    """A draft made ready for the tables; ``external_id`` is the one under which it is stored."""

    draft: ItemDraft
    external_id: str
    facts_hash: str

    def row(self) -> dict[str, Any]:
        """Return the values of the columns, without the id and the moments of being seen."""
        draft, facts = self.draft, self.draft.facts
        status = facts.status if isinstance(facts, TrialFacts) else None
        return {
            "registry": draft.registry,
            "external_id": self.external_id,
            "kind": draft.kind,
            "url": draft.url,
            "title": draft.title,
            "summary": draft.summary,
            "status": status,
            "is_open": is_recruiting(status),
            "published_at": draft.published_at,
            "facts": orjson.Fragment(facts.__pydantic_serializer__.to_json(facts)),  # written into the column as it is
            "facts_hash": self.facts_hash,
            "areas": {"direct": list(draft.areas), "ancestors": list(draft.ancestors)},
            "topics": list(draft.topics),
            "source": draft.source,
        }

    @cached_property
    def own_numbers(self) -> tuple[str, ...]:
        """The number of this very record, and its former ones; none for an article, whose id is no number.

        Where their one spelling is another (``EUCTR2020-001113-21-GB``), that is one of them, too.
        """
        if not isinstance(self.draft.facts, TrialFacts):
            return ()
        written = (self.external_id, *(alias for alias in self.draft.aliases if len(alias) <= _LONGEST_ALIAS))
        return tuple(dict.fromkeys((*written, *registry_numbers(written, are_ids=True))))

    @cached_property
    def other_numbers(self) -> tuple[str, ...]:
        """The numbers that the record gives of other registries or of other records, in their one spelling."""
        facts, own = self.draft.facts, self.own_numbers
        if not isinstance(facts, TrialFacts):
            return ()
        said = registry_numbers(facts.numbers, are_ids=True)
        said += numbers_in_words((self.draft.title, facts.official_title or ""), facts.criteria)
        return tuple(dict.fromkeys(number for number in said if number not in own))

    def after(self, before: Mapping[str, Any]) -> PreparedItem:
        """Return the same for a record that said other facts before: that it had results is never forgotten."""
        facts = self.draft.facts
        if not isinstance(facts, TrialFacts) or facts.has_results:
            return self
        if not (before.get("has_results") or before.get("had_results")):
            return self
        return replace(self, draft=replace(self.draft, facts=facts.model_copy(update={"had_results": True})))


def prepare_item(draft: ItemDraft) -> PreparedItem:
    """Make a draft ready; characters that no database takes are dropped.

    Raises:
        ValueError: the draft cannot be stored, and why.
    """
    if not draft.external_id.strip() or not draft.registry.strip():
        raise ValueError("it has no number of its own")
    try:
        published = _in_utc(draft.published_at)
    except OverflowError:
        raise ValueError("its date lies outside the calendar") from None
    if published is not draft.published_at:
        draft = replace(draft, published_at=published)
    words = _words(draft)
    if words != storable(words):
        draft = _cleaned(draft)
        words = _words(draft)
    try:
        facts = _hashed_facts(draft)
    except (PydanticSerializationError, UnicodeError):
        facts = _NUL
    if _NUL in facts:
        draft = replace(draft, facts=_cleaned_facts(draft.facts))
        facts = _hashed_facts(draft)
    digest = blake2b(facts, digest_size=16)
    digest.update(words.encode())
    return PreparedItem(draft=draft, external_id=_short_id(draft.external_id), facts_hash=digest.hexdigest())


def _hashed_facts(draft: ItemDraft) -> bytes:
    """Return what cards and comparison need of the facts; not the day of the last update, nor a coordinate's metres."""
    facts = draft.facts
    exclude = _NOT_HASHED | {name: True for name in _LEARNT_LATER if not getattr(facts, name, None)}
    if isinstance(facts, TrialFacts):
        exclude |= _contacts_not_said(facts)
    hashed = facts.__pydantic_serializer__.to_json(facts, exclude=exclude, warnings="error")
    if isinstance(facts, TrialFacts) and facts.sites:
        return hashed + repr([_roughly(site.latitude, site.longitude) for site in facts.sites]).encode()
    return hashed


def _contacts_not_said(facts: TrialFacts) -> dict[str, Any]:
    """Return what to leave out where no site names a contact, and no contact a role: both were learnt later, too."""
    left_out: dict[str, Any] = {}
    if not any(site.contacts for site in facts.sites):
        left_out["sites"] = {"__all__": _NOT_HASHED["sites"]["__all__"] | {"contacts"}}
    if not any(contact.role for contact in facts.contacts):
        left_out["contacts"] = {"__all__": {"role"}}
    return left_out


def _roughly(latitude: float | None, longitude: float | None) -> tuple[float, float] | None:
    if latitude is None or longitude is None:
        return None
    return round(latitude, _DECIMALS), round(longitude, _DECIMALS)


def _words(draft: ItemDraft) -> str:
    published = draft.published_at.isoformat() if draft.published_at else ""
    areas = [f"{area['id']}{area['in_title']:d}" for area in draft.areas]
    names = (draft.registry, draft.external_id, *draft.aliases, *draft.keys)
    # Without topics it is what it was before there were any: such items are not written anew.
    topics = ("topics", *draft.topics) if draft.topics else ()
    return "\x1f".join(
        (*names, draft.title, draft.summary, draft.url, published, *areas, "", *draft.ancestors, *topics)
    )


def _short_id(external_id: str) -> str:
    """Return the id under which a record is stored: some feeds give texts as ids, and an index has its limits."""
    if len(external_id) <= _LONGEST_ID:
        return external_id
    return f"{external_id[:_LONGEST_ID]}#{blake2b(external_id.encode(), digest_size=16).hexdigest()}"


def _in_utc(moment: datetime | None) -> datetime | None:
    if moment is None or moment.tzinfo is UTC:
        return moment
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _cleaned(draft: ItemDraft) -> ItemDraft:
    return replace(
        draft,
        registry=storable(draft.registry),
        external_id=storable(draft.external_id),
        url=storable(draft.url),
        title=storable(draft.title),
        summary=storable(draft.summary),
        areas=[AreaTag(id=storable(area["id"]), in_title=area["in_title"]) for area in draft.areas],
        ancestors=[storable(ancestor) for ancestor in draft.ancestors],
        aliases=tuple(storable(alias) for alias in draft.aliases),
        keys=tuple(storable(key) for key in draft.keys),
    )


def _cleaned_facts(facts: TrialFacts | ArticleFacts) -> TrialFacts | ArticleFacts:
    return type(facts).model_validate(_cleaned_tree(facts.model_dump(warnings=False)))


def _cleaned_tree(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict):
        return {key: _cleaned_tree(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return tuple(_cleaned_tree(inner) for inner in value)
    return value

"""The comparison of two versions of an item: what happened that people want to be told.

Everything that is no :class:`Difference` is no news: titles, enrolment, dates, references, the registry's own
bookkeeping. ``docs/reference/changes.md`` tells the rules in words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from trialalerts.catalog.changes.contacts import is_another_contact, sites_with_other_contacts
from trialalerts.catalog.changes.criteria import changed_criteria
from trialalerts.catalog.changes.sites import compare_sites
from trialalerts.catalog.facts import Site, TrialFacts
from trialalerts.catalog.tables import ChangeKind
from trialalerts.catalog.trials.status import StatusGroup, status_group
from trialalerts.vocabulary.places.territories import is_disputed

__all__ = ["Difference", "compare_articles", "compare_trials", "is_retracted", "latest_of", "status_step"]

_Facts = dict[str, Any]
_NOTHING: Mapping[str, Any] = MappingProxyType({})

_OPENED, _REOPENED = ChangeKind.OPENED, ChangeKind.REOPENED
_PAUSED, _CLOSED, _WITHDRAWN = ChangeKind.PAUSED, ChangeKind.CLOSED, ChangeKind.WITHDRAWN

_STEPS: dict[tuple[StatusGroup, StatusGroup], ChangeKind] = {
    ("upcoming", "open"): _OPENED,
    ("upcoming", "invitation"): _OPENED,
    ("invitation", "open"): _OPENED,
    ("unknown", "open"): _OPENED,
    ("unknown", "invitation"): _OPENED,
    ("paused", "open"): _REOPENED,
    ("paused", "invitation"): _REOPENED,
    ("closed", "open"): _REOPENED,
    ("closed", "invitation"): _REOPENED,
    ("withdrawn", "open"): _REOPENED,
    ("withdrawn", "invitation"): _REOPENED,
    ("open", "paused"): _PAUSED,
    ("upcoming", "paused"): _PAUSED,
    ("invitation", "paused"): _PAUSED,
    ("open", "upcoming"): _PAUSED,  # whoever was told that it is open must hear that it is not
    ("open", "invitation"): _CLOSED,
    ("open", "closed"): _CLOSED,
    ("upcoming", "closed"): _CLOSED,
    ("invitation", "closed"): _CLOSED,
    ("paused", "closed"): _CLOSED,
}
_STOPPED_EARLY = ("ACTIVE_NOT_RECRUITING", "TERMINATED")
_MOST_SITES = 20
_NOBODY_CAN_JOIN = frozenset({"closed", "withdrawn"})
_SAY_WHY = frozenset({_PAUSED, _CLOSED, _WITHDRAWN})

_RETRACTED = re.compile(
    r"\W*(?:(?:retracted|withdrawn)\b(?:\s+(?:article|paper|chapter))?\s*[:\])}.–—-]"
    r"|(?:retraction|withdrawal)\b(?:\s+(?:note|notice))?\s*[:\])}–—-]"
    r"|(?:retraction|withdrawal)\s+(?:note|notice|to|of)\b[^:]{0,80}:)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Something that happened between two versions of an item; ``before`` and ``after`` hold only what changed."""

    kind: ChangeKind
    before: _Facts = field(default_factory=dict)
    after: _Facts = field(default_factory=dict)


def compare_trials(before: TrialFacts, after: TrialFacts) -> list[Difference]:
    """Return what happened to a trial: at most one each of status, sites opened, sites closed, and what follows them.

    That is eligibility, results and contacts; they come in this order.
    """
    found = (
        _status(before, after),
        *_sites(before, after),
        _eligibility(before, after),
        Difference(kind=ChangeKind.RESULTS_POSTED) if after.has_results and not _had_results(before) else None,
        _contacts(before, after),
    )
    return [difference for difference in found if difference]


def _had_results(facts: TrialFacts) -> bool:
    return facts.has_results or facts.had_results


def compare_articles(
    title_before: str, title_after: str, before: Mapping[str, Any] = _NOTHING, after: Mapping[str, Any] = _NOTHING
) -> list[Difference]:
    """Return what happened to an article: publishers mark a retracted one at the head of its title.

    ``before`` and ``after`` are its facts as they are stored: an editor's correction bears a date of its own, what a
    journal says of a paper later is a notice.
    """
    was, now = _noticed(before), _noticed(after)
    found = []
    if (is_retracted(title_after) or "retracted" in now) and not (is_retracted(title_before) or "retracted" in was):
        found.append(Difference(kind=ChangeKind.RETRACTED))
    elif after.get("retracted_on") and not before.get("retracted_on"):
        said = _said(after, "retraction", on="retracted_on")
        found.append(Difference(kind=ChangeKind.RETRACTED, after=said | {"ours": True}))
    if "concern" in now and "concern" not in was:
        found.append(Difference(kind=ChangeKind.CONCERN))
    if _is_put_right_anew(before, after):
        found.append(Difference(kind=ChangeKind.CORRECTED, after=_said(after, "correction", on="corrected_on")))
    elif _is_corrected_anew(was.get("corrected"), now.get("corrected", frozenset())):
        found.append(Difference(kind=ChangeKind.CORRECTED))
    return found


def _is_put_right_anew(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Tell whether an article was put right once more; the same sentence under a later day is the same news.

    An authority goes on touching a notice whose shortage is over.
    """
    dated_before, dated = before.get("corrected_on") or "", after.get("corrected_on") or ""
    repeated = dated_before and after.get("correction") and after["correction"] == before.get("correction")
    return dated > dated_before and not repeated  # ISO dates


def _said(facts: Mapping[str, Any], sentence: str, *, on: str) -> _Facts:
    """Return what the editors of an article say of it later, in the languages in which they say it."""
    texts = {each["language"]: each[sentence] for each in facts.get("translations") or () if each.get(sentence)}
    said = {"on": facts[on], "sentence": facts.get(sentence), "sentences": texts}
    return {name: value for name, value in said.items() if value}


def _noticed(facts: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    """Return the notices about an article by their kind: their ids, an empty one where a notice has none."""
    found: dict[str, frozenset[str]] = {}
    for notice in facts.get("notices") or ():
        found[notice["kind"]] = found.get(notice["kind"], frozenset()) | {notice["id"] or ""}
    return found


def _is_corrected_anew(was: frozenset[str] | None, now: frozenset[str]) -> bool:
    """Tell whether there is a further correction; that a known one has an id now is none."""
    return bool(now) if was is None else "" not in was and bool(now - was - {""})


def is_retracted(title: str) -> bool:
    """Tell whether a title says that its article is retracted."""
    return _RETRACTED.match(title) is not None


def _status(before: TrialFacts, after: TrialFacts) -> Difference | None:
    was, now = latest_of(before), latest_of(after)
    kind = status_step(was, now)
    if kind is None:
        return None
    told: _Facts = {"status": now}
    if kind in _SAY_WHY and after.why_stopped:
        told["why_stopped"] = after.why_stopped
    return Difference(kind=kind, before={"status": was}, after=told)


def status_step(was: str | None, now: str | None) -> ChangeKind | None:
    """Return what it is for a trial to go from one status to another; None: no news."""
    group_was, group_now = status_group(was), status_group(now)
    if group_now == "withdrawn":
        return None if group_was == "withdrawn" else _WITHDRAWN
    return _CLOSED if (was, now) == _STOPPED_EARLY else _STEPS.get((group_was, group_now))


def latest_of(facts: TrialFacts) -> str | None:
    """Return the status that counts: the last known one where the registry says no more than that it does not know."""
    if status_group(facts.status) == "unknown" and facts.last_known_status:
        return facts.last_known_status
    return facts.status


def _sites(before: TrialFacts, after: TrialFacts) -> list[Difference]:
    was, now = latest_of(before), latest_of(after)
    if status_group(was) != "open" or status_group(now) != "open":
        return []  # a trial that opens tells of all its sites, and one that closes of all of them too
    turned = compare_sites(before.sites, after.sites, status_before=was, status_after=now)
    found = []
    if turned.opened:
        found.append(Difference(kind=ChangeKind.SITE_OPENED, after=_listed(turned.opened)))
    if turned.closed:
        found.append(Difference(kind=ChangeKind.SITE_CLOSED, before=_listed(turned.closed)))
    return found


def _listed(sites: Sequence[Site]) -> _Facts:
    return {"sites": [_where(site) for site in sites]}


def _where(site: Site) -> _Facts:
    wanted = {"facility", "city", "country", "subdivision", "latitude", "longitude"}
    if site.country and is_disputed(site.country):
        wanted.add("country_name")  # how it is written decides under which names it is found
    return site.model_dump(include=wanted)


def _contacts(before: TrialFacts, after: TrialFacts) -> Difference | None:
    """Tell where somebody else is to be asked; who that is stands in the record, and not twice."""
    if before.contacts == after.contacts and before.sites == after.sites:
        return None
    sites = sites_with_other_contacts(before.sites, after.sites, latest_of(after))
    central = is_another_contact(before.contacts, after.contacts)
    if not sites and not central:
        return None
    told: _Facts = {"central": central} if central else {}
    return Difference(kind=ChangeKind.CONTACT_CHANGED, after=told | (_listed(sites[:_MOST_SITES]) if sites else {}))


def _eligibility(before: TrialFacts, after: TrialFacts) -> Difference | None:
    if status_group(latest_of(after)) in _NOBODY_CAN_JOIN:
        return None
    was: _Facts = {}
    now: _Facts = {}
    for limit in ("minimum_age", "maximum_age"):
        if _other_age(before, after, limit):
            was[limit], now[limit] = getattr(before, limit), getattr(after, limit)
    for name in ("sex", "healthy_volunteers"):
        pair = getattr(before, name), getattr(after, name)
        if None not in pair and pair[0] != pair[1]:
            was[name], now[name] = pair
    if (criteria := changed_criteria(before.criteria, after.criteria)) is not None:
        was["criteria"], now["criteria"] = criteria
    return Difference(kind=ChangeKind.ELIGIBILITY_CHANGED, before=was, after=now) if now else None


def _other_age(before: TrialFacts, after: TrialFacts, limit: str) -> bool:
    """Compare ages by days; by words where one of them could not be counted in days."""
    days = getattr(before, f"{limit}_days"), getattr(after, f"{limit}_days")
    if None not in days or days == (None, None) == (getattr(before, limit), getattr(after, limit)):
        return bool(days[0] != days[1])
    return (getattr(before, limit) or "").casefold() != (getattr(after, limit) or "").casefold()

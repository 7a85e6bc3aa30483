"""The rule by which a trial is computed from what several records say of it.

The records are put in an order: first the home registry, where the trial was registered first by the registries' own
dates; then other registries, the one updated last before; then portals that gather registries, and somebody's own
lists, likewise. Each fact is told by the first record that has it: an empty one never covers a full one. So the trial
is the same in whatever order its records came, and its face stays when another record is updated.

Beyond that order:

- a status that a registry states comes before one that follows from dates, and any before an unknown one;
- sites are told country by country, by the first record that names a town or a hospital there;
- ages are one fact (the lower limit of one registry beside the upper one of another would be nobody's word), and limits
  come before groups such as “adults”;
- areas, topics, numbers and texts for everybody are those of all records.

What registries (not portals, which are late) tell differently about status, ages or sex is kept beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import blake2b
from typing import Any, Literal

from trialalerts.catalog.draft import AreaTag, RecordOrigin
from trialalerts.catalog.facts import Conflict, LayText, Site, TrialFacts
from trialalerts.catalog.trials.status import status_group

__all__ = ["MergedTrial", "TrialVersion", "merged_trial"]

_WEIGHTS: dict[RecordOrigin, int] = {"registry": 0, "aggregator": 1, "list": 2}
_TOGETHER: tuple[tuple[str, ...], ...] = (
    ("acronym",),
    ("official_title",),
    ("phases",),
    ("study_type",),
    ("conditions", "keywords"),
    ("mesh", "mesh_ancestors"),
    ("sex",),
    ("healthy_volunteers",),
    ("criteria",),
    ("sponsor",),
    ("enrolment",),
    ("start",),
    ("completion",),
    ("first_posted",),
    ("last_verified",),
    ("reach",),
)
"""Facts that one record tells: all of a line together."""
_AGES_TOLD = ("minimum_age", "maximum_age", "minimum_age_days", "maximum_age_days")
_STATUS = ("status", "last_known_status", "why_stopped", "schedule")
_AGES: tuple[Literal["minimum_age", "maximum_age"], ...] = ("minimum_age", "maximum_age")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialVersion:
    """What one record says of a trial."""

    registry: str
    external_id: str
    source: str
    origin: RecordOrigin
    facts_hash: str
    url: str
    title: str
    summary: str
    published_at: datetime | None
    facts: TrialFacts
    areas: Mapping[str, Any]
    topics: Sequence[str]

    @property
    def key(self) -> tuple[str, str]:
        """The registry and the id in it."""
        return self.registry, self.external_id


@dataclass(frozen=True, slots=True, kw_only=True)
class MergedTrial:
    """A trial as all its records say it; ``leader`` is the record whose number, link and title it bears."""

    leader: TrialVersion
    summary: str
    published_at: datetime | None
    facts: TrialFacts
    facts_hash: str
    direct: list[AreaTag]
    ancestors: list[str]
    topics: list[str]


def merged_trial(records: Iterable[TrialVersion]) -> MergedTrial:
    """Return the trial that these records (at least one) are."""
    ordered = in_order(records)
    leader = ordered[0]
    if len(ordered) == 1:
        facts, facts_hash = leader.facts, leader.facts_hash
    else:
        facts, facts_hash = _facts(ordered), _hash(ordered)
    direct: dict[str, bool] = {}
    ancestors: dict[str, None] = {}
    for record in ordered:
        for area in record.areas.get("direct", ()):
            direct[area["id"]] = direct.get(area["id"], False) or area["in_title"]
        ancestors |= dict.fromkeys(record.areas.get("ancestors", ()))
    return MergedTrial(
        leader=leader,
        summary=_summary(ordered),
        published_at=next((record.published_at for record in ordered if record.published_at), None),
        facts=facts,
        facts_hash=facts_hash,
        direct=[AreaTag(id=id_, in_title=in_title) for id_, in_title in direct.items()],
        ancestors=list(ancestors),
        topics=list(dict.fromkeys(topic for record in ordered for topic in record.topics or ())),
    )


def in_order(records: Iterable[TrialVersion]) -> list[TrialVersion]:
    """Return records in the order in which their word counts."""
    newest = sorted(records, key=lambda record: record.key)
    newest.sort(key=lambda record: record.facts.last_update_posted or date.min, reverse=True)
    newest.sort(key=lambda record: _WEIGHTS[record.origin])
    dated = [record for record in newest if record.origin == "registry" and record.facts.first_posted]
    if dated:
        home = min(dated, key=lambda record: (record.facts.first_posted or date.max, record.key))
        newest.remove(home)
        newest.insert(0, home)
    return newest


def _facts(ordered: Sequence[TrialVersion]) -> TrialFacts:
    values: dict[str, Any] = {}
    said_by: dict[str, tuple[str, ...]] = {}

    def take(names: Sequence[str], teller: TrialVersion | None) -> None:
        if teller is not None:
            values.update({name: getattr(teller.facts, name) for name in names})
            said_by[names[0]] = (teller.registry,)

    for names in _TOGETHER:
        take(names, next((record for record in ordered if _says(record.facts, names)), None))
    take(_AGES_TOLD, _first(ordered, _says_ages) or _first(ordered, _groups_ages))
    status = _teller_of_status(ordered)
    take(_STATUS, status)
    take(("plain",), _first(ordered, lambda facts: facts.plain is not None and bool(facts.plain.interventions)))
    take(("contacts",), _first(ordered, lambda facts: any(each.phone or each.email for each in facts.contacts)))
    values["sites"], said_by["sites"] = _sites(ordered, status)
    values["lay"], said_by["lay"] = _lay(ordered)
    values["numbers"] = tuple(dict.fromkeys(number for record in ordered for number in record.facts.numbers))
    _tell_results(ordered, values, said_by)
    values["last_update_posted"] = max(
        (day for record in ordered if (day := record.facts.last_update_posted)), default=None
    )
    return TrialFacts.model_validate(
        values
        | {"said_by": {name: said for name, said in said_by.items() if said}}
        | {"conflicts": tuple(_conflicts(ordered, status)) or None}
    )


def _tell_results(ordered: Sequence[TrialVersion], values: dict[str, Any], said_by: dict[str, tuple[str, ...]]) -> None:
    """Put down whether there are results, and where, if not at the leader's."""
    holders = [record for record in ordered if record.facts.has_results]
    values["has_results"] = bool(holders)
    values["had_results"] = any(record.facts.had_results for record in ordered)
    said_by["has_results"] = tuple(record.registry for record in holders)
    if holders and holders[0] is not ordered[0]:
        values["results_at"] = holders[0].registry, holders[0].url


def _first(ordered: Sequence[TrialVersion], says: Callable[[TrialFacts], bool]) -> TrialVersion | None:
    return next((record for record in ordered if says(record.facts)), None)


def _says_ages(facts: TrialFacts) -> bool:
    return bool(facts.minimum_age or facts.maximum_age)


def _groups_ages(facts: TrialFacts) -> bool:
    """Tell whether ages are known at least by groups, such as “adults”."""
    return facts.minimum_age_days is not None or facts.maximum_age_days is not None


def _says(facts: TrialFacts, names: Sequence[str]) -> bool:
    """Tell whether a record has one of these facts."""
    return any(value is not None and value not in ((), "") for value in (getattr(facts, name) for name in names))


def _group(record: TrialVersion) -> str:
    return status_group(record.facts.status, record.facts.last_known_status)


def _is_stated(facts: TrialFacts) -> bool:
    return facts.schedule is None or facts.schedule.said is not None


def _teller_of_status(ordered: Sequence[TrialVersion]) -> TrialVersion:
    """Return whose status counts: one that is known, stated before reckoned; else the first."""
    known = [record for record in ordered if status_group(record.facts.status) != "unknown"]
    known = known or [record for record in ordered if _group(record) != "unknown"]
    known = [record for record in known if record.origin == "registry"] or known
    return next((record for record in known if _is_stated(record.facts)), (known or ordered)[0])


def _sites(ordered: Sequence[TrialVersion], status: TrialVersion) -> tuple[tuple[Site, ...], tuple[str, ...]]:
    """Return the sites country by country, and who told them."""
    tellers: dict[str, tuple[bool, TrialVersion]] = {}
    for record in ordered:
        for country, is_named in _countries(record.facts.sites).items():
            if country not in tellers or (is_named and not tellers[country][0]):
                tellers[country] = is_named, record
    found: list[Site] = []
    said: dict[str, None] = {}
    for record in ordered:
        mine = [site for site in record.facts.sites if tellers[_country(site)][1] is record]
        if mine:
            found += _with_status(mine, record, status)
            said[record.registry] = None
    return tuple(found), tuple(said)


def _countries(sites: Iterable[Site]) -> dict[str, bool]:
    """Return the countries of sites, and of each whether a town or a hospital is named there."""
    found: dict[str, bool] = {}
    for site in sites:
        country = _country(site)
        found[country] = found.get(country, False) or bool(site.city or site.facility)
    return found


def _country(site: Site) -> str:
    return site.country or (site.country_name or "").casefold()


def _with_status(sites: Sequence[Site], record: TrialVersion, status: TrialVersion) -> Iterable[Site]:
    """Return sites with the status of their own record, where the trial's is another one's and says something else."""
    if _group(record) in {_group(status), "unknown"}:
        return sites
    own = record.facts.status
    return (site if site.status else site.model_copy(update={"status": own}) for site in sites)


def _lay(ordered: Sequence[TrialVersion]) -> tuple[tuple[LayText, ...], tuple[str, ...]]:
    """Return one text for everybody a language: whose has a summary comes before whose has a title alone."""
    found: dict[str, tuple[LayText, str]] = {}
    for record in ordered:
        for text in record.facts.lay:
            if text.language not in found or (text.summary and not found[text.language][0].summary):
                found[text.language] = text, record.registry
    return tuple(text for text, _ in found.values()), tuple(dict.fromkeys(said for _, said in found.values()))


def _summary(ordered: Sequence[TrialVersion]) -> str:
    """Return the summary that is written for everybody, else the first."""
    plain = [record.summary for record in ordered if any(text.summary for text in record.facts.lay) and record.summary]
    return next(iter(plain), next((record.summary for record in ordered if record.summary), ""))


def _hash(ordered: Sequence[TrialVersion]) -> str:
    said = "\n".join("\x1f".join((*record.key, record.origin, record.facts_hash)) for record in ordered)
    return blake2b(said.encode(), digest_size=16).hexdigest()


def _conflicts(ordered: Sequence[TrialVersion], status: TrialVersion) -> Iterable[Conflict]:
    """Give what registries tell differently, the word that counts first."""
    tellers = [record for record in ordered if record.origin == "registry"]
    if status in tellers:
        told = [status, *(record for record in tellers if record is not status)]
        told = [record for record in told if _group(record) != "unknown" and record.facts.status]
        if len({_group(record) for record in told}) > 1:
            yield Conflict("status", tuple((record.registry, record.facts.status or "") for record in told))
    for age in _AGES:
        # An age without words is the edge of a group (“adults”): what another registry says is only more exact.
        aged = [record for record in tellers if getattr(record.facts, age)]
        if len({getattr(record.facts, f"{age}_days") for record in aged}) > 1:
            yield Conflict(age, tuple((record.registry, getattr(record.facts, age)) for record in aged))
    sexes = [record for record in tellers if record.facts.sex]
    if len({record.facts.sex for record in sexes}) > 1:
        yield Conflict("sex", tuple((record.registry, record.facts.sex or "") for record in sexes))

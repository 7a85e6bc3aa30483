"""The diseases that trials name in their conditions, beside those whose followers are told.

Read are the studies of ClinicalTrials.gov among the samples, each in its newest version, with the shipped vocabulary.
What a condition names is measured twice, and never by the rule itself: as a whole condition that is a name (folded, in
any order of its comma-parted parts; an acronym of four characters with one meaning), and as the tagger reads the
condition alone. The commonest additions were read by hand; their verdicts stand in
``docs/explanation/named-conditions.md``. ``python -m benchmarks.truth.conditions`` lists them.
"""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.figures import Figure
from benchmarks.tagging_corpora import DATA
from benchmarks.truth._shipped import shipped_areas, shipped_database
from tests.sources.study_reader import read_study
from trialalerts.catalog.draft import ItemDraft
from trialalerts.catalog.facts import TrialFacts
from trialalerts.vocabulary.areas.tree import AreaTree
from trialalerts.vocabulary.places.site_names import SiteLocator
from trialalerts.vocabulary.spelling import WordFolder, name_key, name_orders
from trialalerts.vocabulary.tagging.condition_names import ConditionNames
from trialalerts.vocabulary.tagging.tagger import Tagger

__all__ = ["measure"]

_JUDGED = Path(__file__).resolve().parents[2] / "docs" / "explanation" / "named-conditions.md"
_ROW = re.compile(r"\| (?P<condition>[^|]+) \| (?P<area>[^|]+) \| \d+ \| (?P<verdict>[^|]+) \|")
_COMMONEST, _MOST_WRONG, _MOST_MISSED = 100, 3, 1.0
_LONG_ACRONYM = 4
_Pair = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class _Trial:
    """A study as the program reads it: the areas told by the registry's terms alone, and those told with the rule."""

    draft: ItemDraft
    conditions: tuple[str, ...]
    before: frozenset[str]
    told: frozenset[str]
    has_terms: bool


class _Literal:
    """Looks conditions up as they stand: the measure knows nothing of the rule."""

    def __init__(self, areas: AreaTree) -> None:
        self._folder = WordFolder()
        self._names: dict[tuple[str, ...], str] = {}
        self._acronyms: dict[str, set[str]] = {}
        for node in areas.nodes:
            self._add(node.id, node.name)
            for acronym in node.acronyms:
                self._acronyms.setdefault(acronym, set()).add(node.id)
        for node in areas.nodes:
            for synonym in node.synonyms:
                self._add(node.id, synonym)

    def _add(self, area: str, name: str) -> None:
        for order in name_orders(name):
            self._names.setdefault(name_key(order, self._folder), area)

    def named(self, condition: str) -> set[str]:
        """Return the area that the whole condition is called like."""
        meant = self._acronyms.get(condition, set()) if len(condition) >= _LONG_ACRONYM else set()
        area = self._names.get(name_key(condition, self._folder))
        return {area} if area else meant if len(meant) == 1 else set()


def measure() -> list[Figure]:
    """Measure what is missed, and count what the page of verdicts says of the commonest additions."""
    if not (DATA / "README.md").exists():
        return [Figure(what="conditions", value=f"not measured: {DATA} is missing (set TRIALALERTS_TEST_DATA)")]
    areas = shipped_areas()
    tagger = Tagger(areas)
    trials = list(_trials(areas, tagger))
    literal = _Literal(areas)
    return [
        _missed(trials, "as a whole condition", literal.named),
        _missed(
            trials,
            "anywhere in a condition, as the tagger reads it",
            lambda condition: {tag.area_id for tag in tagger.named(title="", text=condition)},
        ),
        *_judged(_additions(trials, areas, tagger)),
    ]


def _missed(trials: list[_Trial], how: str, named: Callable[[str], set[str]]) -> Figure:
    def share(told: Callable[[_Trial], frozenset[str]]) -> float:
        missed = sum(any(named(text) - told(trial) for text in trial.conditions) for trial in trials)
        return 100 * missed / len(trials)

    found = share(lambda trial: trial.told)
    return Figure(
        what=f"studies ({len(trials):,}) that name, {how}, an area whose followers are not told",
        value=f"{found:.1f} %",
        target=f"≤ {_MOST_MISSED:g} %",
        reference=f"with the registry's terms alone {share(lambda trial: trial.before):.1f} %",
        met=found <= _MOST_MISSED,
    )


def _additions(trials: list[_Trial], areas: AreaTree, tagger: Tagger) -> Counter[_Pair]:
    """Count the studies in which a condition adds an area; pairs of a folded condition and the area's name."""
    names = ConditionNames(tagger)
    pairs: Counter[_Pair] = Counter()
    for trial in trials:
        record = _record(trial)
        added = {area["id"] for area in trial.draft.areas} - trial.before if trial.has_terms else set()
        pairs.update(
            {
                (" ".join(text.split()).casefold(), areas.name(area))
                for text in trial.conditions
                for area in added & names.named([text], record)
            }
        )
    return pairs


def _record(trial: _Trial) -> tuple[str, ...]:
    facts = trial.draft.facts
    assert isinstance(facts, TrialFacts)
    return (*facts.conditions, *facts.keywords, trial.draft.title, facts.official_title or "")


def _commonest(pairs: Counter[_Pair]) -> list[tuple[_Pair, int]]:
    return sorted(pairs.items(), key=lambda counted: (-counted[1], counted[0]))[:_COMMONEST]


def _judged(pairs: Counter[_Pair]) -> list[Figure]:
    verdicts = _verdicts()
    commonest = [pair for pair, _ in _commonest(pairs)]
    wrong = sum(verdicts.get(pair, "").startswith("wrong") for pair in commonest)
    unread = sum(pair not in verdicts for pair in commonest)
    return [
        Figure(
            what=f"wrong among the {len(commonest)} commonest additions ({pairs.total()} in all), read by hand",
            value=f"{wrong}" + (f", and {unread} not read yet" if unread else ""),
            target=f"≤ {_MOST_WRONG}",
            reference="docs/explanation/named-conditions.md",
            met=wrong <= _MOST_WRONG and not unread,
        )
    ]


def _verdicts() -> Mapping[_Pair, str]:
    rows = _ROW.finditer(_JUDGED.read_text("utf-8")) if _JUDGED.exists() else ()
    return {(row["condition"], row["area"]): row["verdict"] for row in rows}


def _trials(areas: AreaTree, tagger: Tagger) -> Iterator[_Trial]:
    names = ConditionNames(tagger)
    with shipped_database().read() as session:
        locator = SiteLocator(session)
        for number, raw in _studies().items():
            raw.get("protocolSection", {}).pop("contactsLocationsModule", None)  # without places nothing is looked up
            draft, _ = read_study(raw, locator, names, source="sample", position=number)
            if draft is not None and isinstance(draft.facts, TrialFacts) and draft.facts.conditions:
                yield _trial(draft, draft.facts, areas)


def _trial(draft: ItemDraft, facts: TrialFacts, areas: AreaTree) -> _Trial:
    direct = [area["id"] for area in draft.areas]
    terms = [term.id for term in facts.mesh] or direct
    return _Trial(
        draft=draft,
        conditions=facts.conditions,
        before=_told(terms, draft, areas),
        told=_told(direct, draft, areas),
        has_terms=bool(facts.mesh),
    )


def _told(direct: list[str], draft: ItemDraft, areas: AreaTree) -> frozenset[str]:
    return frozenset(direct).union(draft.ancestors, *map(areas.ancestors, direct))


def _studies() -> dict[str, Any]:
    """Return the newest version of each study, by its number."""
    found: dict[str, Any] = {}
    with gzip.open(DATA / "ctgov" / "ctgov_v2_studies.jsonl.gz") as lines:
        _keep(found, (json.loads(line)["study"] for line in lines))
    with gzip.open(DATA / "registries" / "ctrdata_ctgov2.jsonl.gz") as lines:
        _keep(found, (json.loads(line)["record"] for line in lines))
    for file in sorted((DATA / "ctgov" / "pages").glob("*.json.gz")):
        page = json.loads(gzip.decompress(file.read_bytes()))
        if "R-reserialised" not in file.name:
            _keep(found, iter(page if isinstance(page, list) else page.get("studies", [page])))
    return found


def _keep(found: dict[str, Any], studies: Iterator[Any]) -> None:
    for study in studies:
        protocol = study.get("protocolSection", {})
        number = protocol.get("identificationModule", {}).get("nctId")
        known = found.get(number)
        if number and (known is None or (_day(study) >= _day(known) and protocol.get("conditionsModule"))):
            found[number] = study


def _day(study: Any) -> str:
    status = study.get("protocolSection", {}).get("statusModule", {})
    day: str = status.get("lastUpdatePostDateStruct", {}).get("date", "")
    return day


def _list() -> None:
    """Print the commonest additions with the registry's terms and a title, for reading."""
    areas = shipped_areas()
    tagger = Tagger(areas)
    trials = list(_trials(areas, tagger))
    verdicts = _verdicts()
    pairs = _additions(trials, areas, tagger)
    for (condition, area), number in _commonest(pairs):
        example = next(
            trial
            for trial in trials
            if trial.has_terms
            and area in {areas.name(added["id"]) for added in trial.draft.areas if added["id"] not in trial.before}
            and condition in {" ".join(text.split()).casefold() for text in trial.conditions}
        )
        facts = example.draft.facts
        assert isinstance(facts, TrialFacts)
        terms = ", ".join(term.name for term in facts.mesh)
        print(f"| {condition} | {area} | {number} | {verdicts.get((condition, area), '?')} |")
        print(f"    {example.draft.external_id} [{terms}] {example.draft.title[:110]}")


if __name__ == "__main__":
    _list()

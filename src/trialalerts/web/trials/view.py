"""What a trial's page says of it, in one language: from the stored record and the stored changes alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session, col, select

from trialalerts.catalog.facts import TrialFacts
from trialalerts.catalog.tables import Change, ChangeKind, Item, ItemNumber
from trialalerts.catalog.trials.awaited import results_page
from trialalerts.catalog.trials.registries import called
from trialalerts.catalog.trials.status import status_group
from trialalerts.digests.cards.changes import change_line, change_notes
from trialalerts.digests.cards.sites.contacts import ContactLine, contacts_for
from trialalerts.digests.cards.text import one_line, shortened, web_address
from trialalerts.digests.cards.trial_wording import (
    conflict_lines,
    countries,
    dated,
    phase,
    stale_line,
    study_type,
    who_in_full,
)
from trialalerts.digests.cards.wording import Wording
from trialalerts.digests.entries import EntryChange
from trialalerts.digests.plain import Piece, PlainLine, plain_line, share_line
from trialalerts.vocabulary.areas.tree import AreaTree
from trialalerts.vocabulary.places.regions import Region
from trialalerts.web.trials.criteria import Criteria, part_criteria
from trialalerts.web.trials.papers import Paper
from trialalerts.web.trials.sites import SiteList, list_sites

__all__ = ["Happening", "TrialView", "chip_of", "view_of"]

_TITLE = 300
_SUMMARY = 3_000
_MOST_CHANGES = 15
_MOST_CRITERIA = 30
_MOST_AREAS = 3
_GROWN_UP, _ASK_THEMSELVES = 6_574, 4_748
"""Days: 18 years, and 13, from which on young people ask for themselves too."""
_CHIPS = {
    "open": ("open", "good"),
    "upcoming": ("upcoming", "news"),
    "invitation": ("invitation", "news"),
    "paused": ("paused", "over"),
    "withdrawn": ("withdrawn", "over"),
    "unknown": ("unknown", "calm"),
}
_MAY_TAKE = {"open", "upcoming", "invitation", "paused"}
_BY_CHANCE = {"RANDOMIZED": True, "NON_RANDOMIZED": False}
_CLOSED_CHIPS = {"ACTIVE_NOT_RECRUITING": "full", "COMPLETED": "finished", "TERMINATED": "stopped"}


@dataclass(frozen=True, kw_only=True)
class Happening:
    """Something that changed: its kind, the day, the line, and more lines below it."""

    kind: str
    day: date
    text: str
    points: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TrialView:
    """A trial as its page tells it; all texts are plain, and those of the register in its own language.

    ``country`` is the code of the only one where it runs, empty where there are several. ``stale`` says how long ago
    somebody checked the record, where that is long and matters; ``asked_for`` is ``adult`` or ``child`` where it takes
    only these.
    """

    number: str
    others: tuple[str, ...]
    chip: str
    tone: str
    title: str
    registry_title: str
    full_title: str
    summary: str
    url: str | None
    results_url: str | None
    results_registry: str
    registry: str
    record_day: date | None
    stale: str
    seen: datetime
    who: str
    why_stopped: str
    criteria: Criteria
    sites: SiteList
    asks: tuple[ContactLine, ...]
    country: str
    phase: tuple[str, str] | None
    kind: str
    enrolment: int | None
    countries: str
    start: str
    end: str
    sponsor: str
    changes: tuple[Happening, ...]
    first_posted: date | None
    areas: tuple[tuple[str, str, tuple[str, ...]], ...]
    plain: PlainLine | None
    heading: tuple[Piece, ...]
    has_placebo: bool
    by_chance: bool | None
    shares: tuple[Piece, ...]
    asked_for: str
    conflicts: tuple[str, ...]
    papers: tuple[Paper, ...]


def view_of(
    session: Session,
    item: Item,
    words: Wording,
    areas: AreaTree,
    near: Region | None,
    today: date,
    *,
    papers: tuple[Paper, ...] = (),
    sites: int = 6,
) -> TrialView:
    """Return what is told of a trial; ``near`` is the place that somebody typed just now, ``papers`` name the trial.

    Raises:
        ValueError: its facts are broken.
    """
    facts = TrialFacts.model_validate(item.facts)
    chip, tone = chip_of(facts)
    url = web_address(item.url)
    results_registry, results_at = facts.results_at or (item.registry_name, item.url)
    line = plain_line(words, facts, None)
    return TrialView(
        number=one_line(item.external_id, 100),
        others=_other_numbers(session, item),
        chip=chip,
        tone=tone,
        title=_title(line, item),
        registry_title=one_line(item.title, _TITLE),
        full_title=one_line(facts.official_title, _TITLE * 2),
        summary=shortened(item.summary, _SUMMARY),
        url=url,
        results_url=results_page(results_registry, web_address(results_at)) if facts.has_results else None,
        results_registry=called(results_registry),
        registry=called(item.registry_name),
        record_day=facts.last_update_posted,
        stale=stale_line(words, facts.last_verified, today) if status_group(facts.status) in _MAY_TAKE else "",
        seen=item.last_seen_at,
        who=who_in_full(words, facts),
        why_stopped=shortened(facts.why_stopped, 300),
        criteria=part_criteria(facts.criteria, most=_MOST_CRITERIA),
        sites=list_sites(words, facts, near, shown=sites),
        asks=contacts_for(words, facts),
        country=_only_country(facts),
        phase=phase(words, [each for each in facts.phases if each != "NA"]),
        kind=study_type(words, facts.study_type) or "",
        enrolment=facts.enrolment,
        countries=countries(words, facts.sites),
        start=dated(words, facts.start, today) if facts.start else "",
        end=dated(words, facts.completion, today) if facts.completion else "",
        sponsor=one_line(facts.sponsor, 200),
        changes=_changes(session, item, words, facts),
        first_posted=facts.first_posted,
        areas=_areas(item, areas, words.language),
        plain=line,
        heading=_heading(line),
        has_placebo=line is not None and "placebo" in line.text.lower(),
        by_chance=_BY_CHANCE.get(facts.plain.allocation or "") if facts.plain else None,
        shares=share_line(words, facts, item.summary),
        asked_for=_asked_for(facts),
        conflicts=conflict_lines(words, facts),
        papers=papers,
    )


def _only_country(facts: TrialFacts) -> str:
    codes = {site.country or "" for site in facts.sites}
    return codes.pop() if len(codes) == 1 else ""


def _asked_for(facts: TrialFacts) -> str:
    if (facts.minimum_age_days or 0) >= _GROWN_UP:
        return "adult"
    return "child" if facts.maximum_age_days is not None and facts.maximum_age_days < _ASK_THEMSELVES else ""


def _heading(line: PlainLine | None) -> tuple[Piece, ...]:
    """Return the first sentence as a heading: without its full stop."""
    if line is None or not line.first:
        return ()
    *first, last = line.first
    return (*first, Piece(last.text.rstrip().removesuffix("."), last.lang))


def _title(line: PlainLine | None, item: Item) -> str:
    """Return the first sentence without its full stop, for the tab; else the register's title."""
    said = "".join(piece.text for piece in line.first).rstrip(". ") if line else ""
    return said or one_line(item.title, _TITLE) or item.external_id


def chip_of(facts: TrialFacts) -> tuple[str, str]:
    """Return the key of the word that says where a trial stands, and its colour.

    A record that nobody updated for two years is said to be that, whatever it said last.
    """
    group = status_group(facts.status)
    if group == "closed":
        return _CLOSED_CHIPS.get(facts.status or "", "closed"), "over" if facts.status == "TERMINATED" else "calm"
    return ("unclear", "calm") if group == "unknown" and facts.status != "UNKNOWN" else _CHIPS[group]


def _other_numbers(session: Session, item: Item) -> tuple[str, ...]:
    asked = select(ItemNumber.number).where(
        col(ItemNumber.item_id) == item.id, col(ItemNumber.registry_name).is_not(None)
    )
    return tuple(sorted(number for number in session.exec(asked).all() if number != item.external_id)[:5])


def _changes(session: Session, item: Item, words: Wording, facts: TrialFacts) -> tuple[Happening, ...]:
    """Return what changed since we read it, the latest first; that it was new is told by the register's own date."""
    asked = select(Change).where(col(Change.item_id) == item.id, col(Change.kind) != ChangeKind.REGISTERED)
    rows: Sequence[Change] = session.exec(asked.order_by(col(Change.seq).desc()).limit(_MOST_CHANGES)).all()
    return tuple(
        Happening(
            kind=row.kind.value,
            day=row.at.date(),
            text=change_line(words, _told(row), facts),
            points=tuple(f"{label} {before} → {after}" for label, before, after in note.points),
        )
        for row in rows
        for note in change_notes(words, [_told(row)], facts)
    )


def _told(row: Change) -> EntryChange:
    return EntryChange(kind=row.kind.value, seq=row.seq, before=row.before, after=row.after)


def _areas(item: Item, areas: AreaTree, language: str) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    direct = sorted(item.areas.get("direct", ()), key=lambda area: not area.get("in_title"))
    known = [areas.names(area["id"]) for area in direct if area["id"] in areas][:_MOST_AREAS]
    english = [() if name.language(language) == language else (name.said(language),) for name in known]
    return tuple((name.id, name.said(language), foreign) for name, foreign in zip(known, english, strict=True))

"""Storing a batch: items, changes, terms, problems and the cursor behind them, in one transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, partial

from sqlmodel import Session, col, select

from trialalerts.catalog.changes.baselines import announce_baseline
from trialalerts.catalog.changes.freshness import Freshness
from trialalerts.catalog.draft import ItemDraft
from trialalerts.catalog.facts import TrialFacts
from trialalerts.catalog.store import StoreCount, store_items
from trialalerts.catalog.tables import Item, ItemKind
from trialalerts.database.engine import Database
from trialalerts.database.findings import end_findings, note_finding
from trialalerts.database.leases import Lease
from trialalerts.redaction import shown_url
from trialalerts.settings import SourceSettings
from trialalerts.sources.base import Batch
from trialalerts.sources.categories import note_categories
from trialalerts.sources.context import SourceContext
from trialalerts.sources.polling.holding import Turnover, end_hold, hold, standing_records
from trialalerts.sources.polling.problems import add_problems, note_problems
from trialalerts.sources.polling.state import SOURCE_GONE, locked_state, note_day, succeed
from trialalerts.sources.tables import SourceState
from trialalerts.vocabulary.areas.learning import learn_terms
from trialalerts.vocabulary.areas.tree import AreaTree

__all__ = ["BatchCount", "BatchWriter", "TermLearner"]

_AT_ONCE = 500
_MANY_OLD = 20
_MOVED = "source-moved"
"""The kind of the finding that a source's address leads to another one for good."""
_OLD_ITEMS = "old-items"
"""The kind of the finding that a source brought many items that are new to us only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchCount:
    """What the storing of a batch brought."""

    new: int = 0
    updated: int = 0
    unchanged: int = 0
    changes: int = 0
    skipped: int = 0
    problems: int = 0
    held: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Announcement:
    """Whether a batch is stored quietly, and of which drafts (registry and id) the changes are announced even so."""

    baseline: bool
    announced: Collection[tuple[str, str]] = ()


class BatchWriter:
    """Stores the batches of one poll, each only if the poll's lease still holds."""

    def __init__(
        self,
        db: Database,
        settings: SourceSettings,
        context: SourceContext,
        lease: Lease,
        freshness: Freshness | None = None,
    ) -> None:
        self._db = db
        self._settings = settings
        self._context = context
        self._lease = lease
        self._freshness = freshness or Freshness()
        self._old = 0
        self._batches = 0
        self._is_first = False

    def keep(self, batch: Batch) -> BatchCount:
        """Store a batch.

        Raises:
            LeaseLost: another process polls the source by now; nothing is stored.
        """
        now = self._context.clock.now()
        self._context.rest()
        with self._db.write() as session:
            state = locked_state(session, self._settings.name)
            self._lease.hold(state)
            self._learner.learn(session, batch.drafts)
            problems = note_problems(session, self._settings.name, batch, now)
            if batch.strange is not None:
                note_categories(session, self._settings.name, batch.strange, now)
            announcement = self._announcement(session, state, batch)
            state.cursor = dict(batch.cursor)
            if batch.ends_sweep:
                state.etag, state.last_modified = batch.etag, batch.last_modified
                succeed(state, self._settings, now)
                note_day(session, state.name, now)
                self._tell_of_address(session, batch, now)
                self._lease.end(state)
            session.add(state)
            session.flush()
            # Last: it takes the numbers of the changes, for which other writers then wait.
            count = self._stored(session, state, batch, announcement, now)
            if batch.ends_sweep:
                announce_baseline(session, self._settings.name, now)
            self._batches += 1
            problems += add_problems(session, self._settings.name, count.refused if count else (), now)
            self._old += count.old if count else 0
            self._tell_of_old(session, batch, now)
        if count is None:
            return BatchCount(held=len(batch.drafts), skipped=batch.skipped, problems=problems)
        return BatchCount(
            new=count.new,
            updated=count.updated,
            unchanged=count.unchanged,
            changes=count.changes,
            skipped=batch.skipped,
            problems=problems,
        )

    def _stored(
        self, session: Session, state: SourceState, batch: Batch, announcement: _Announcement, now: datetime
    ) -> StoreCount | None:
        """Store the drafts; None where the source is held instead: then nothing of the batch is stored."""
        store = partial(
            store_items, session, batch.drafts, now=now, freshness=self._freshness.since(state.last_success_at)
        )
        if announcement.baseline or not self._is_whole(batch):
            baseline_of = self._settings.name if announcement.baseline else None
            return store(baseline=announcement.baseline, announced=announcement.announced, baseline_of=baseline_of)
        stood = standing_records(session, state.name)
        attempt = session.begin_nested()
        count = store(baseline=False)
        turnover = Turnover(stood=stood, recognised=count.recognised, told_anew=count.told_anew)
        if batch.moved and (turnover.has_vanished or not stood):
            attempt.rollback()
            end_hold(session, state)
            return store(baseline=True)
        is_doubtful = turnover.is_suspicious or (state.held_since is not None and turnover.has_vanished)
        if is_doubtful and self._settings.hold:
            attempt.rollback()
            hold(session, state, batch, turnover, now)
            return None
        if state.held_since:
            end_hold(session, state)
        attempt.commit()
        return count

    def _is_whole(self, batch: Batch) -> bool:
        """Tell whether a batch is all that the source holds, and all of it articles."""
        is_all = batch.whole and batch.ends_sweep and not self._batches
        return is_all and all(draft.kind is ItemKind.ARTICLE for draft in batch.drafts)

    def _tell_of_address(self, session: Session, batch: Batch, now: datetime) -> None:
        name = self._settings.name
        end_findings(session, SOURCE_GONE, [name])
        if batch.moved_to is None:
            end_findings(session, _MOVED, [name])
        else:
            text = (
                f"Source {name} has moved for good: {shown_url(batch.moved_to)} is asked; set it as the source's url."
            )
            note_finding(session, _MOVED, name, text, now=now)

    def _tell_of_old(self, session: Session, batch: Batch, now: datetime) -> None:
        """Leave a finding where a poll brought many items that are older than news; a poll without any ends it."""
        name = self._settings.name
        if self._old > _MANY_OLD:
            text = (
                f"Source {name} brought {self._old} items at once that are older than news: its archive may have "
                "appeared, or it is read more widely. Trials that may still take people are told as newly found; old "
                f"articles and ended trials were stored and not told. Look at: trialalerts sources check {name}"
            )
            note_finding(session, _OLD_ITEMS, name, text, now=now)
        elif batch.ends_sweep and not self._old:
            end_findings(session, _OLD_ITEMS, [name])

    @cached_property
    def _learner(self) -> TermLearner:
        return TermLearner(self._context.areas)

    def _announcement(self, session: Session, state: SourceState, batch: Batch) -> _Announcement:
        """Tell whether the batch is stored quietly, and the changes of which drafts are announced all the same.

        A baseline is quiet about what it finds, but not about what was stored before it began, be it from
        another source: that this changed would otherwise never be told.
        """
        if state.baseline_done_at is not None and not batch.baseline:
            return _Announcement(baseline=False)
        if batch.announce_from is None and not self._anything_before(session, batch.sweep_began):
            return _Announcement(baseline=True)
        known = self._known_before(session, batch)
        announced: set[tuple[str, str]] = set()
        for draft in batch.drafts:
            is_known = not known.isdisjoint((draft.registry, number) for number in (draft.external_id, *draft.aliases))
            is_recent = bool(batch.announce_from and draft.published_at and draft.published_at >= batch.announce_from)
            if is_known or is_recent:
                announced.add((draft.registry, draft.external_id))
        return _Announcement(baseline=True, announced=announced)

    def _anything_before(self, session: Session, moment: datetime) -> bool:
        """Tell whether any item is older than a baseline; once none is, none will ever be."""
        if self._is_first:
            return False
        older = select(Item.id).where(col(Item.first_seen_at) < moment).limit(1)
        self._is_first = session.exec(older).first() is None
        return not self._is_first

    def _known_before(self, session: Session, batch: Batch) -> set[tuple[str, str]]:
        numbers = sorted({number for draft in batch.drafts for number in (draft.external_id, *draft.aliases)})
        found: set[tuple[str, str]] = set()
        for start in range(0, len(numbers), _AT_ONCE):
            query = select(Item.registry_name, Item.external_id).where(
                col(Item.external_id).in_(numbers[start : start + _AT_ONCE]),
                col(Item.first_seen_at) < batch.sweep_began,
            )
            found.update(session.exec(query))
        return found


class TermLearner:
    """Learns new terms during one poll; asks the database only when a record holds something new."""

    def __init__(self, areas: AreaTree) -> None:
        self._known = {node.id for node in areas.nodes}
        self._placed = {node.id for node in areas.nodes if node.parents}

    def learn(self, session: Session, drafts: Iterable[ItemDraft]) -> int:
        """Add the terms that the drafts name and the vocabulary lacks; return how many."""
        terms: dict[str, str] = {}
        parents: dict[str, list[str]] = {}
        for draft in drafts:
            facts = draft.facts
            if not isinstance(facts, TrialFacts) or not facts.mesh:
                continue
            for term in (*facts.mesh, *facts.mesh_ancestors):
                if term.id not in self._known:
                    terms[term.id] = term.name
            only = facts.mesh[0].id
            if len(facts.mesh) == 1 and facts.mesh_ancestors and only not in self._placed:
                # With several terms on a record nobody can tell whose ancestors they are.
                parents[only] = [term.id for term in facts.mesh_ancestors]
        if not terms and not parents:
            return 0
        learned = learn_terms(session, terms, parents)
        self._known.update(terms)
        self._placed.update(parents)
        return learned

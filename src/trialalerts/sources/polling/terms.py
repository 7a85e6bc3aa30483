"""What the vocabulary learns from what is read: MeSH terms on trials that it lacks."""

from __future__ import annotations

from collections.abc import Iterable

from sqlmodel import Session

from trialalerts.catalog.draft import ItemDraft
from trialalerts.catalog.facts import TrialFacts
from trialalerts.vocabulary.areas.learning import learn_terms
from trialalerts.vocabulary.areas.tree import AreaTree

__all__ = ["TermLearner"]


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

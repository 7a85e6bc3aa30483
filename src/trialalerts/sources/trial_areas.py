"""The areas of a trial, told from its title and its facts.

What is stored is enough to tell them, so that a reading which learnt something can be repeated.
"""

from __future__ import annotations

from trialalerts.catalog.draft import AreaTag
from trialalerts.catalog.facts import TrialFacts
from trialalerts.vocabulary.tagging.condition_names import ConditionNames
from trialalerts.vocabulary.tagging.term_trust import with_named

__all__ = ["trial_areas"]


def trial_areas(title: str, facts: TrialFacts, names: ConditionNames) -> list[AreaTag]:
    """Return the areas of a trial: its MeSH terms (without any, what its words name), and what its conditions name.

    :func:`~trialalerts.vocabulary.tagging.term_trust.with_named` says how the two come together.
    """
    if facts.mesh:
        terms = [term.id for term in facts.mesh]
        titled = {tag.area_id for tag in names.tagger.tag(title=title, text="")}
    else:
        tags = names.tagger.named(title=title, text=". ".join((*facts.conditions, *facts.keywords)))
        terms = [tag.area_id for tag in tags]
        titled = {tag.area_id for tag in tags if tag.in_title}
    named = names.named(facts.conditions, (*facts.keywords, title, facts.official_title or ""))
    ancestors = [term.id for term in facts.mesh_ancestors]
    return [{"id": area, "in_title": area in titled} for area in with_named(terms, named, ancestors, names.areas)]

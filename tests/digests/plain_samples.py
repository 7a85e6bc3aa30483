"""Real studies as the facts that their lines are made from; sites are left out, which no line needs."""

from __future__ import annotations

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any, cast

from tests.sources.study_reader import read_study
from trialalerts.catalog.facts import TrialFacts
from trialalerts.vocabulary.areas.tree import AreaTree
from trialalerts.vocabulary.places.site_names import SiteLocator
from trialalerts.vocabulary.tagging.condition_names import ConditionNames
from trialalerts.vocabulary.tagging.tagger import Tagger

__all__ = ["RealTrial", "facts_of", "real_trials"]

RealTrial = tuple[str, TrialFacts, dict[str, Any]]
"""A number, the facts read from the record, and the record."""


@cache
def _names() -> ConditionNames:
    return ConditionNames(Tagger(AreaTree([])))


def facts_of(study: dict[str, Any]) -> TrialFacts:
    """Return the facts of a study."""
    protocol = study["protocolSection"] | {"contactsLocationsModule": {}}
    nowhere = cast("SiteLocator", None)  # asked for sites only
    draft, problems = read_study(study | {"protocolSection": protocol}, nowhere, _names(), source="x", position="1")
    assert draft is not None, problems
    assert isinstance(draft.facts, TrialFacts)
    return draft.facts


@cache
def real_trials(file: Path) -> tuple[RealTrial, ...]:
    """Return all versions of the real studies."""
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        studies = [json.loads(line)["study"] for line in lines]
    return tuple(
        (study["protocolSection"]["identificationModule"]["nctId"], facts_of(study), study) for study in studies
    )

"""Whom an article would be told: how many people, by what they follow, where, in which language, how often."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from sqlmodel import Session

from trialalerts.catalog.draft import ItemDraft
from trialalerts.catalog.outlines import outline_of
from trialalerts.matching.around.addressees import Addressees, addressees
from trialalerts.vocabulary.areas.tree import AreaTree

__all__ = ["ArticleReach", "article_reach", "counted_reach"]

_ANYWHERE = "anywhere"
_ONE_TRIAL = "a trial that it names"


@dataclass(frozen=True, kw_only=True)
class ArticleReach:
    """How many people an article would be told, and how many of them by each of what they follow.

    Who follows two of its areas, or two countries, counts for each. Countries are ISO 3166-1, languages ISO 639-1.
    """

    people: int
    by_area: Counter[str]
    by_region: Counter[str]
    by_language: Counter[str]
    by_rhythm: Counter[str]


def article_reach(session: Session, draft: ItemDraft, areas: AreaTree, today: date) -> ArticleReach:
    """Count whom an article would be told if it were published now.

    Args:
        session: reads.
        draft: the article.
        areas: the tree of areas.
        today: the day on which ages count.
    """
    facts = draft.facts.model_dump(mode="json")
    about = {"direct": list(draft.areas), "ancestors": list(draft.ancestors)}
    outline = outline_of(kind=draft.kind, status=None, facts=facts, areas=about, topics=draft.topics)
    return counted_reach(addressees(session, [outline], areas, today))


def counted_reach(found: Iterable[Addressees], *, one_trial: str = _ONE_TRIAL) -> ArticleReach:
    """Count these people; ``one_trial`` is what those follow who follow a trial by its number."""
    people: dict[str, defaultdict[str, set[int]]] = {name: defaultdict(set) for name in ("area", "region", "in", "as")}
    for each in found:
        people["area"][each.area_id if each.item_id is None else one_trial].update(each.people)
        people["region"][each.country or _ANYWHERE].update(each.people)
        people["in"][each.language].update(each.people)
        people["as"][each.frequency].update(each.people)
    counted = {name: Counter({key: len(some) for key, some in each.items()}) for name, each in people.items()}
    return ArticleReach(
        people=counted["as"].total(),  # a person has one rhythm
        by_area=counted["area"],
        by_region=counted["region"],
        by_language=counted["in"],
        by_rhythm=counted["as"],
    )

"""What a source gives, fact by fact: how many records have it, which words no table knows, one card."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from trialalerts.catalog.draft import FieldProblem, ItemDraft
from trialalerts.catalog.facts import TrialFacts
from trialalerts.catalog.tables import ChangeKind, Item, ItemKind
from trialalerts.digests.cards.card import TrialCard
from trialalerts.digests.cards.maker import CardMaker
from trialalerts.digests.cards.wording import Wordings
from trialalerts.digests.entries import Entry, EntryChange
from trialalerts.sources.base import Batch

__all__ = ["SourceFacts", "card_text", "facts_given"]

_UNKNOWN = re.compile(r"found “(?P<word>.*?)”, expected (?P<expected>.*)")
_NUMBERED = re.compile(r"\[\d+\]")
_BESIDES = ("title", "summary", "published_at", "areas", "topics")


@dataclass(frozen=True, kw_only=True)
class SourceFacts:
    """What records have: ``facts`` by name how many, ``unknown`` words by field with how often they stand there."""

    records: int
    facts: Sequence[tuple[str, int]]
    unknown: Sequence[tuple[str, str, int]]


def facts_given(batch: Batch) -> SourceFacts:
    """Count what a batch's records have. A site counts where it has a place in the world."""
    drafts = batch.drafts
    names = dict.fromkeys(name for draft in drafts for name in type(draft.facts).model_fields)
    facts = [(name, sum(bool(getattr(draft, name)) for draft in drafts)) for name in _BESIDES]
    facts += [(name, sum(_has(draft, name) for draft in drafts)) for name in names]
    facts += [("a site with a place", sum(_is_placed(draft) for draft in drafts))]
    problems = (*batch.problems, *(problem for draft in drafts for problem in draft.problems))
    return SourceFacts(records=len(drafts), facts=facts, unknown=list(_unknown(problems)))


def _has(draft: ItemDraft, name: str) -> bool:
    value = getattr(draft.facts, name, None)
    return bool(value) if name in {"has_results", "had_results"} else value not in (None, "", ())


def _is_placed(draft: ItemDraft) -> bool:
    return isinstance(draft.facts, TrialFacts) and any(site.latitude is not None for site in draft.facts.sites)


def _unknown(problems: Sequence[FieldProblem]) -> Iterator[tuple[str, str, int]]:
    """Give what stood where a table knew no such word: the field, the word, how often."""
    counted: Counter[tuple[str, str]] = Counter()
    for problem in problems:
        found = _UNKNOWN.fullmatch(problem.message)
        if found:
            counted[_NUMBERED.sub("[]", problem.field), found["word"]] += 1
    for (field, word), times in sorted(counted.items(), key=lambda each: (-each[1], each[0])):
        yield field, word, times


def card_text(draft: ItemDraft, now: datetime, language: str = "en") -> str:
    """Return the card of an item that is told as new, as lines of text without what is a reader's own."""
    facts = draft.facts
    item = Item(
        id=1, registry_name=draft.registry, external_id=draft.external_id, kind=draft.kind, url=draft.url,
        title=draft.title, summary=draft.summary, published_at=draft.published_at, source=draft.source,
        status=facts.status if isinstance(facts, TrialFacts) else None, facts=facts.model_dump(mode="json"),
        facts_hash="", areas={}, topics=[], first_seen_at=now, last_seen_at=now,
    )  # fmt: skip
    is_trial = draft.kind is ItemKind.TRIAL
    told = EntryChange(kind=(ChangeKind.REGISTERED if is_trial else ChangeKind.PUBLISHED).value)
    card = CardMaker(Wordings().of(language), now.date()).card(
        Entry(item_id=1, kind="trial" if is_trial else "article", told=(told,)), item
    )
    if not isinstance(card, TrialCard):
        return "\n".join(filter(None, (card.title, card.byline, *card.paragraphs)))
    lay = [card.lay.title, f"{card.lay.label} {card.lay.quote}".strip()] if card.lay else []
    lines = ("".join(piece.text for piece in pieces) for pieces in (card.first, card.second))
    who = f"{card.who.label} {card.who.text}" if card.who else ""
    return "\n".join(filter(None, (card.chip.text, *lay, *lines, who, *card.facts, card.number)))

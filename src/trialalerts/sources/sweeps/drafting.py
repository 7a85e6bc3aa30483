"""A trial as a registry's reader hands it over, and its way to a draft: title, areas and topics are told here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, Protocol

from trialalerts.catalog.draft import ItemDraft, RecordOrigin
from trialalerts.catalog.facts import StatusDates, TrialFacts
from trialalerts.catalog.tables import ItemKind
from trialalerts.catalog.text import clean_text
from trialalerts.catalog.trials.status import next_turn, status_on
from trialalerts.sources.reading.record import RecordView
from trialalerts.sources.trial_areas import trial_areas
from trialalerts.vocabulary.places.site_names import SiteLocator
from trialalerts.vocabulary.tagging.condition_names import ConditionNames
from trialalerts.vocabulary.topics import TopicTree

__all__ = ["ReadingContext", "TrialRecord", "trial_draft"]

_TITLE_LIMIT = 1000


class ReadingContext(Protocol):
    """What a record is read with (see :class:`~trialalerts.sources.context.SourceContext`)."""

    @property
    def day(self) -> date:
        """The day by which statuses follow from dates."""

    @property
    def locator(self) -> SiteLocator:
        """Finds countries, subdivisions and coordinates."""

    @property
    def conditions(self) -> ConditionNames:
        """Finds the areas that conditions name."""

    @property
    def topics(self) -> TopicTree | None:
        """Finds topics; None: trials get none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRecord:
    """What was read of a trial.

    Attributes:
        number: its number in the registry.
        url: where people read of it.
        title: its title in plain words, where it has one.
        summary: what it is about, in Markdown or plain text.
        facts: the values of :class:`~trialalerts.catalog.facts.TrialFacts`; validated as a whole, for one by one they
            take four times as long.
        topics: topics that the record names itself.
        aliases: former numbers of this very record.
        schedule: the days from which its status follows, where the registry states none.
        origin: what the record weighs beside others of the same trial.
    """

    number: str
    url: str
    title: str | None
    facts: Mapping[str, Any]
    summary: str = ""
    topics: Sequence[str] = ()
    aliases: tuple[str, ...] = ()
    schedule: StatusDates | None = None
    origin: RecordOrigin = "registry"


def trial_draft(
    trial: TrialRecord, view: RecordView, context: ReadingContext, *, registry: str, source: str, title_path: str
) -> ItemDraft:
    """Return the draft of a trial.

    Args:
        trial: what was read.
        view: its record, with the problems of reading it.
        context: finds areas and topics.
        registry: whose record it is.
        source: the name of the source.
        title_path: where the title should stand: a trial without any is noted there.
    """
    today, turns_on, values = context.day, None, trial.facts
    if trial.schedule is not None:
        values = {**values, "schedule": trial.schedule, "status": status_on(trial.schedule, today)}
        turns_on = next_turn(trial.schedule, today)
    facts = TrialFacts.model_validate(values)
    title = trial.title or facts.official_title or facts.acronym
    if title is None:
        view.note(title_path, "the study has no title; its number stands in for it")
    title = (title or trial.number)[:_TITLE_LIMIT]
    posted = facts.first_posted
    return ItemDraft(
        registry=registry,
        external_id=trial.number,
        kind=ItemKind.TRIAL,
        url=trial.url,
        title=title,
        summary=clean_text(trial.summary),
        facts=facts,
        source=source,
        published_at=datetime.combine(posted, time(), UTC) if posted else None,
        areas=trial_areas(title, facts, context.conditions),
        ancestors=tuple(term.id for term in facts.mesh_ancestors),
        topics=_topics(title, facts, trial.topics, context.topics),
        aliases=trial.aliases,
        problems=view.problems,
        turns_on=turns_on,
        origin=trial.origin,
    )


def _topics(title: str, facts: TrialFacts, named: Sequence[str], topics: TopicTree | None) -> Sequence[str]:
    """Tell the topics with those above them: what title and keywords name, and what the record says itself."""
    if topics is None:
        return ()
    words = ". ".join(filter(None, (facts.official_title, *facts.keywords)))
    known = {topic for topic in named if topic in topics}  # to go through all topics would put them in order each time
    return topics.with_those_above(known.union(topics.about(title=title, text=words)))

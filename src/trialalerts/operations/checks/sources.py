"""What the doctor asks about sources, and about what they brought."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from sqlmodel import Session, col, select

from trialalerts.catalog.area_gaps import AreaGaps, find_gaps
from trialalerts.catalog.changes.baselines import awaited_sources
from trialalerts.catalog.tables import Item
from trialalerts.catalog.trials.site_survey import Lack, SiteSurvey, survey_sites
from trialalerts.operations.checks import DoctorCheck
from trialalerts.plurals import counted
from trialalerts.settings import Settings, SourceSettings
from trialalerts.sources.polling.problems import WHOLE_RECORD
from trialalerts.sources.polling.state import next_poll
from trialalerts.sources.tables import Problem, SourceState

__all__ = ["about_sources"]

_PATIENCE = 2
"""So many failed polls in a row are weather; more is a fault that somebody should look into."""
_REGISTRIES = frozenset({"clinicaltrials_gov"})
_SPELLINGS = 8
_WHY_PLACES = "more people hear of such a trial than live near it"
_TOLD_TO = "nothing is lost: such a trial is told to {}; report the spellings, so that they can be learnt"


def about_sources(settings: Settings, session: Session, now: datetime) -> Iterator[DoctorCheck]:
    """Look at each source, at what of it could not be read, and at what has no place or area."""
    for source in settings.sources:
        state = session.get(SourceState, source.name)
        yield from _source(state, source, now)
        yield from _emptiness(session, state)
    yield from _gaps(find_gaps(session))
    yield from _first_digests(settings, session, now)
    yield from _problems(session)
    yield from _sites(survey_sites(session))


def _source(state: SourceState | None, source: SourceSettings, now: datetime) -> Iterator[DoctorCheck]:
    name = f"source {source.name}"
    if state is None or state.last_attempt_at is None:
        why = "nothing of it is told, and first digests wait for it"
        remedy = "run: trialalerts sources poll"
        yield DoctorCheck(level="look", what=f"{name}: never polled yet", why=why, remedy=remedy)
    elif state.error_count:
        since = f"last read {state.last_success_at:%Y-%m-%d %H:%M} UTC" if state.last_success_at else "never read yet"
        yield DoctorCheck(
            level="broken" if state.error_count > _PATIENCE else "look",
            what=f"{name}: {counted(state.error_count, 'failed poll')} in a row, {since}: {state.last_error}",
            why="nothing of it is told meanwhile; nothing is lost either",
            remedy=f"run: trialalerts sources check {source.name}",
        )
    elif state.last_success_at and now > _expected(state, source) + 2 * source.every:
        yield DoctorCheck(
            level="broken",
            what=f"{name}: last polled {state.last_success_at:%Y-%m-%d %H:%M} UTC, due every {source.every}",
            why="nothing of it is told meanwhile",
            remedy="start the daemon: trialalerts run",
        )
    else:
        yield DoctorCheck(level="good", what=f"{name}: last read {state.last_success_at:%Y-%m-%d %H:%M} UTC")


def _expected(state: SourceState, source: SourceSettings) -> datetime:
    """Return when a source had to be polled: by its interval of before or of today, whichever is later.

    Right after a change of its interval nobody is late by the new one.
    """
    return max(filter(None, (state.next_poll_at, next_poll(state, source), state.last_success_at)))


def _emptiness(session: Session, state: SourceState | None) -> Iterator[DoctorCheck]:
    """Look at a registry that was read to its end and gave nothing; a folder or a feed may be empty."""
    if state is None or state.kind not in _REGISTRIES or state.baseline_done_at is None:
        return
    if session.exec(select(Item.id).where(col(Item.source) == state.name).limit(1)).first() is None:
        yield DoctorCheck(
            level="look",
            what=f"source {state.name}: read to its end, and it gave no record",
            why="nobody hears anything of it",
            remedy="look at its conditions, countries and statuses: do they ask for what you mean?",
        )


def _gaps(gaps: AreaGaps) -> Iterator[DoctorCheck]:
    if gaps.trials or gaps.articles:
        items = f"{counted(gaps.trials, 'open trial')} and {counted(gaps.articles, 'article')}"
        yield DoctorCheck(
            level="look",
            what=f"{items} without a disease area, of which nobody hears who follows a disease",
            why="they would reach nobody but those who follow everything",
            remedy="run: trialalerts areas gaps",
        )


def _first_digests(settings: Settings, session: Session, now: datetime) -> Iterator[DoctorCheck]:
    names = [source.name for source in settings.sources]
    for each in awaited_sources(session, names, settings.digests.wait_for_baseline):
        why = "a first digest shows what is open, which is not known yet"
        remedy = "wait for the daemon, or run: trialalerts sources poll"
        yield DoctorCheck(level="look", what=each.words(now), why=why, remedy=remedy)


def _problems(session: Session) -> Iterator[DoctorCheck]:
    fields, unread = Counter[str](), Counter[str]()
    for source, field in session.exec(select(Problem.source, Problem.field)):
        (unread if field in WHOLE_RECORD else fields)[source] += 1
    for source in sorted(fields | unread):
        remedy = f"run: trialalerts sources check {source}"
        if number := unread[source]:
            lost = counted(number, "record or file", "records or files")
            what = f"source {source}: {lost} unread; what was stored of them before stays as it was"
            yield DoctorCheck(level="look", what=what, why="what changed in them is told to nobody", remedy=remedy)
        if number := fields[source]:
            what = (
                f"source {source}: {counted(number, 'field')} of records could not be read; the rest of each was kept"
            )
            yield DoctorCheck(level="look", what=what, why="what stood there is not shown", remedy=remedy)


def _sites(survey: SiteSurvey) -> Iterator[DoctorCheck]:
    if not survey.trials:
        return
    if not any(lack.sites for lack in survey.lacks):
        yield DoctorCheck(
            level="good",
            what=f"places: of {counted(survey.trials, 'open trial')} all sites that take people are placed",
        )
    for lack, what, remedy in (
        (survey.country, "in no known country", _TOLD_TO.format("everybody, whatever region they follow")),
        (
            survey.subdivision,
            "in a state that is no known subdivision",
            _TOLD_TO.format("all who follow a part of the country"),
        ),
        (
            survey.point,
            "without coordinates",
            _TOLD_TO.format("all who follow a town in the country"),
        ),
    ):
        if lack.sites:
            of_trials = f"{lack.trials:,} of {counted(survey.trials, 'open trial')}"
            how_many = f"places: {counted(lack.sites, 'site')} ({of_trials})"
            yield DoctorCheck(level="look", what=f"{how_many} {what}{_often(lack)}", why=_WHY_PLACES, remedy=remedy)


def _often(lack: Lack) -> str:
    """Return how the sites are spelt, the most frequent first."""
    often = sorted(lack.spellings.items(), key=lambda spelling: (-spelling[1], spelling[0]))[:_SPELLINGS]
    more = len(lack.spellings) - len(often)
    listed = ", ".join(f"“{words}” {number}" if words else f"not written {number}" for words, number in often)
    return f": {listed}" + (f" and {more:,} more" if more else "")

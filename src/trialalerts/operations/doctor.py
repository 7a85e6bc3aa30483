"""The operator's check: is everything ready to send, what is wrong, and what mends it."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from urllib.parse import urlsplit

from sqlmodel import Session, col, func, select

from trialalerts.catalog.area_gaps import AreaGaps, find_gaps
from trialalerts.catalog.changes.baselines import AWAITED, awaited_sources
from trialalerts.catalog.site_survey import Lack, SiteSurvey, survey_sites
from trialalerts.catalog.tables import Item
from trialalerts.clock import Clock
from trialalerts.database import Database
from trialalerts.database.findings import open_findings
from trialalerts.database.maintenance import find_faults, is_large
from trialalerts.database.server_clock import skew_of
from trialalerts.delivery.policy import mass_guard
from trialalerts.delivery.policy.refusal_findings import BENCHED
from trialalerts.digests.rendering.checking import check_templates
from trialalerts.errors import ConfigurationError
from trialalerts.files import private_paths, wider
from trialalerts.operations.checks import DoctorCheck, Level
from trialalerts.operations.mail_checks import about_feedback, about_held_back, about_outbox, about_sending
from trialalerts.operations.stamps import future_stamps
from trialalerts.operations.timekeeping import MOST_SKEW, NOTED_SKEW, last_round
from trialalerts.plurals import counted
from trialalerts.settings import Settings, SourceSettings
from trialalerts.sources.polling.problems import WHOLE_RECORD
from trialalerts.sources.tables import Problem, SourceState
from trialalerts.vocabulary.tables import Area, Place

__all__ = ["examine", "templates_checked"]

_PATIENCE = 2
"""So many failed polls in a row are weather; more is a fault that somebody should look into."""
_STANDING_STILL = {mass_guard.HELD, mass_guard.REFUSED}
_REGISTRIES = frozenset({"clinicaltrials_gov"})
_SPELLINGS = 8
_TOLD_TO = "nothing is lost: such a trial is told to {}; report the spellings, so that they can be learnt"


def examine(settings: Settings, db: Database, clock: Clock) -> list[DoctorCheck]:
    """Look at the configuration, the database, the vocabulary, the sources and the outbox. Changes nothing."""
    found = list(_configuration(settings))
    found += templates_checked(settings)
    found += _files(settings, db)
    briefly = is_large(db)
    broken = find_faults(db, briefly=briefly)
    found += [DoctorCheck(level="broken", what=f"database: {fault}", remedy="restore a backup") for fault in broken]
    with db.read() as session:
        held_back = list(about_held_back(settings, session))
        found += _clock(settings, session, clock)
        found += _vocabulary(session)
        for source in settings.sources:
            state = session.get(SourceState, source.name)
            found += _source(state, source, clock.now())
            found += _emptiness(session, state)
        found += _gaps(find_gaps(session))
        found += _first_digests(settings, session, clock.now())
        found += _problems(session)
        found += _findings(session)
        found += _sites(survey_sites(session))
        found += about_sending(session, clock.now())
        found += about_outbox(session, clock.now())
        found += about_feedback(settings, session, clock)
    if not any(check.what.startswith("database") for check in found):
        found.append(_whole(briefly=briefly))
    found.sort(key=lambda check: ("broken", "look", "good").index(check.level))
    return [*held_back, *found]


def _whole(*, briefly: bool) -> DoctorCheck:
    if not briefly:
        return DoctorCheck(level="good", what="database: whole and of the right revision")
    what = "database: of the right revision, and whole where it holds people and their mails"
    return DoctorCheck(
        level="good", what=f"{what}; trialalerts database check looks through all of it, which takes a while"
    )


def _configuration(settings: Settings) -> Iterator[DoctorCheck]:
    service, mail = settings.service, settings.mail.url.get_secret_value()
    if not service.secret.get_secret_value():
        yield DoctorCheck(level="broken", what="service.secret is empty", remedy="run: trialalerts init")
    if urlsplit(service.base_url).hostname in {"127.0.0.1", "localhost"} or not service.base_url.startswith("https://"):
        yield DoctorCheck(
            level="look",
            what=f"service.base_url is {service.base_url}: links in mails lead there",
            remedy="set the https address at which people reach the web pages",
        )
    if not service.postal_address:
        yield DoctorCheck(
            level="look",
            what="service.postal_address is empty",
            remedy="set it: many countries demand one in bulk mail",
        )
    if mail.startswith("file:"):
        yield DoctorCheck(
            level="look", what="mail.url is a folder: nobody gets mail", remedy="set mail.url to smtp://… when ready"
        )
    if settings.mail.sender.rstrip(">").endswith("@localhost.localdomain"):
        yield DoctorCheck(level="look", what="mail.from is the default", remedy="set an address of your own domain")
    if not settings.sources:
        yield DoctorCheck(level="broken", what="no source is configured", remedy="add [[sources]] to the configuration")
    yield from _transport(mail)


def templates_checked(settings: Settings) -> Iterator[DoctorCheck]:
    """Try the operator's own templates of mails on samples."""
    for file, line, what in check_templates(settings) if settings.templates.folder else ():
        at = f"{file}, line {line}" if line else file
        yield DoctorCheck(
            level="broken",
            what=f"template {at}: {what}; the shipped one is used",
            remedy="mend the file (docs/how-to/change-the-templates.md), then run: trialalerts doctor",
        )


def _files(settings: Settings, db: Database) -> Iterator[DoctorCheck]:
    """Name what holds addresses or secrets and can be read by others on this machine."""
    paths = private_paths(db.engine.url, settings.mail.url.get_secret_value())
    wide = [path for path in paths if wider(path)]
    if wide:
        yield DoctorCheck(
            level="look",
            what=f"others on this machine may read {', '.join(map(str, wide))}",
            remedy=f"run: chmod go= {shlex.join(map(str, wide))}",
        )


def _clock(settings: Settings, session: Session, clock: Clock) -> Iterator[DoctorCheck]:
    now, last = clock.now(), last_round(session)
    waits = future_stamps(session, settings, now)
    if waits or (last is not None and last.at > now + MOST_SKEW):
        at = f" (the last round was at {last.at:%Y-%m-%d %H:%M} UTC)" if last and last.at > now else ""
        kinds = ", ".join(f"{number:,} × {name}" for name, number in waits.items())
        yield DoctorCheck(
            level="broken",
            what=f"a clock that is or was ahead{at}" + (f": too far in the future are {kinds}" if kinds else ""),
            remedy="look after the machine's time (timedatectl); the next round of trialalerts run puts the rest right",
        )
    skew = skew_of(clock)
    if abs(skew) > NOTED_SKEW:
        yield DoctorCheck(
            level="broken" if abs(skew) > MOST_SKEW else "look",
            what=f"the clock of this machine differs from the database's by {abs(skew).total_seconds():,.0f} seconds",
            remedy="set it (timedatectl); beyond five minutes nothing is sent from here",
        )


def _transport(url: str) -> Iterator[DoctorCheck]:
    from trialalerts.delivery.transports import open_transport

    try:
        transport = open_transport(url)
    except ConfigurationError as error:
        yield DoctorCheck(level="broken", what=str(error), remedy="correct mail.url")
    else:
        yield DoctorCheck(level="good", what=f"mail leaves through {transport.name}")


def _vocabulary(session: Session) -> Iterator[DoctorCheck]:
    for table, what in ((Area, "disease areas"), (Place, "places")):
        number = session.exec(select(func.count()).select_from(table)).one()
        if number:
            yield DoctorCheck(level="good", what=f"{number:,} {what}")
        else:
            yield DoctorCheck(level="broken", what=f"no {what} are loaded", remedy="run: trialalerts init")


def _source(state: SourceState | None, source: SourceSettings, now: datetime) -> Iterator[DoctorCheck]:
    name = f"source {source.name}"
    if state is None or state.last_attempt_at is None:
        yield DoctorCheck(level="look", what=f"{name}: never polled yet", remedy="run: trialalerts sources poll")
    elif state.error_count:
        since = f"last read {state.last_success_at:%Y-%m-%d %H:%M} UTC" if state.last_success_at else "never read yet"
        yield DoctorCheck(
            level="broken" if state.error_count > _PATIENCE else "look",
            what=f"{name}: {counted(state.error_count, 'failed poll')} in a row, {since}: {state.last_error}",
            remedy=f"run: trialalerts sources check {source.name}",
        )
    elif state.last_success_at and now - state.last_success_at > 3 * source.every:
        yield DoctorCheck(
            level="broken",
            what=f"{name}: last polled {state.last_success_at:%Y-%m-%d %H:%M} UTC, due every {source.every}",
            remedy="start the daemon: trialalerts run",
        )
    else:
        yield DoctorCheck(level="good", what=f"{name}: last read {state.last_success_at:%Y-%m-%d %H:%M} UTC")


def _emptiness(session: Session, state: SourceState | None) -> Iterator[DoctorCheck]:
    """Look at a registry that was read to its end and gave nothing; a folder or a feed may be empty."""
    if state is None or state.kind not in _REGISTRIES or state.baseline_done_at is None:
        return
    if session.exec(select(Item.id).where(col(Item.source) == state.name).limit(1)).first() is None:
        yield DoctorCheck(
            level="look",
            what=f"source {state.name}: read to its end, and it gave no record",
            remedy="look at its conditions, countries and statuses: do they ask for what you mean?",
        )


def _gaps(gaps: AreaGaps) -> Iterator[DoctorCheck]:
    if gaps.trials or gaps.articles:
        items = f"{counted(gaps.trials, 'open trial')} and {counted(gaps.articles, 'article')}"
        yield DoctorCheck(
            level="look",
            what=f"{items} without a disease area, of which nobody hears who follows a disease",
            remedy="run: trialalerts areas gaps",
        )


def _first_digests(settings: Settings, session: Session, now: datetime) -> Iterator[DoctorCheck]:
    names = [source.name for source in settings.sources]
    for each in awaited_sources(session, names, settings.digests.wait_for_baseline):
        yield DoctorCheck(level="look", what=each.words(now))


def _problems(session: Session) -> Iterator[DoctorCheck]:
    fields, unread = Counter[str](), Counter[str]()
    for source, field in session.exec(select(Problem.source, Problem.field)):
        (unread if field in WHOLE_RECORD else fields)[source] += 1
    for source in sorted(fields | unread):
        remedy = f"run: trialalerts sources check {source}"
        if number := unread[source]:
            lost = counted(number, "record or file", "records or files")
            what = f"source {source}: {lost} unread; what was stored of them before stays as it was"
            yield DoctorCheck(level="look", what=what, remedy=remedy)
        if number := fields[source]:
            what = (
                f"source {source}: {counted(number, 'field')} of records could not be read; the rest of each was kept"
            )
            yield DoctorCheck(level="look", what=what, remedy=remedy)


def _findings(session: Session) -> Iterator[DoctorCheck]:
    for finding in open_findings(session):
        if finding.kind in {AWAITED, BENCHED}:
            continue  # said as it stands now
        level: Level = "broken" if finding.kind in _STANDING_STILL else "look"
        yield DoctorCheck(level=level, what=f"{finding.text} (since {finding.since:%Y-%m-%d %H:%M} UTC)")


def _sites(survey: SiteSurvey) -> Iterator[DoctorCheck]:
    if not survey.sites:
        return
    looked_at = f"{counted(survey.sites, 'site')} of {counted(survey.trials, 'open trial')}"
    if not any(lack.sites for lack in survey.lacks):
        yield DoctorCheck(level="good", what=f"places: {looked_at}, all placed")
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
            how_many = f"places: {lack.sites:,} of {looked_at} ({counted(lack.trials, 'trial')})"
            yield DoctorCheck(level="look", what=f"{how_many} {what}{_often(lack)}", remedy=remedy)


def _often(lack: Lack) -> str:
    """Return how the sites are spelt, the most frequent first."""
    often = sorted(lack.spellings.items(), key=lambda spelling: (-spelling[1], spelling[0]))[:_SPELLINGS]
    more = len(lack.spellings) - len(often)
    listed = ", ".join(f"“{words}” {number}" if words else f"not written {number}" for words, number in often)
    return f": {listed}" + (f" and {more:,} more" if more else "")

"""The operator's check: is everything ready to send, what is wrong, and what mends it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlmodel import Session, func, select

from trialalerts.catalog.changes.baselines import AWAITED
from trialalerts.clock import Clock
from trialalerts.database import Database
from trialalerts.database.findings import open_findings
from trialalerts.database.maintenance import find_faults, is_large
from trialalerts.delivery.policy import mass_guard
from trialalerts.delivery.policy.refusal_findings import BENCHED
from trialalerts.errors import DatabaseBehind, TrialAlertsError
from trialalerts.operations.checks import DoctorCheck, Level
from trialalerts.operations.checks.machine import about_clock, about_disk, about_files
from trialalerts.operations.checks.mail import (
    about_desk,
    about_feedback,
    about_handoffs,
    about_held_back,
    about_outbox,
    about_sending,
)
from trialalerts.operations.checks.outside import AskedMeanwhile, Question
from trialalerts.operations.checks.people import about_nudges, about_overdue
from trialalerts.operations.checks.records import record_questions
from trialalerts.operations.checks.settings import about_settings, templates_checked
from trialalerts.operations.checks.sources import about_sources
from trialalerts.operations.checks.transport import transport_questions
from trialalerts.operations.checks.web import web_questions
from trialalerts.operations.checks.webhooks import about_webhooks
from trialalerts.operations.watch.standstills import find_standstills
from trialalerts.operations.watch.words import words_for
from trialalerts.settings import Settings
from trialalerts.vocabulary.tables import Area, Place

__all__ = ["examine", "examine_without_database"]

_OF_THE_WATCH = {"bounce-rate", "complaint-rate", "confirmations-wait", "step-failing"}
_STANDING_STILL = {mass_guard.HELD, mass_guard.REFUSED}


def examine(settings: Settings, db: Database, clock: Clock) -> list[DoctorCheck]:
    """Look at everything, the network too, and return what was found, the worst first. Changes and sends nothing.

    What is asked of others is asked meanwhile, and waited for three seconds in all.
    """
    asked = AskedMeanwhile(_questions(settings))
    found = [
        *about_settings(settings),
        *templates_checked(settings),
        *about_files(settings, db),
        *about_disk(settings, db),
    ]
    briefly = is_large(db)
    broken = find_faults(db, briefly=briefly)
    why = "what is damaged cannot be read, or not be trusted"
    found += [
        DoctorCheck(level="broken", what=f"database: {fault}", why=why, remedy="restore a backup") for fault in broken
    ]
    with db.read() as session:
        held_back = list(about_held_back(settings, session))
        found += about_clock(settings, session, clock)
        found += _vocabulary(session)
        found += about_sources(settings, session, clock.now())
        found += about_overdue(settings, session, clock.now())
        found += _findings(session)
        found += about_sending(session, clock.now())
        found += about_outbox(session, clock.now())
        found += about_feedback(settings, session, clock)
        found += about_webhooks(settings, session, clock.now())
        found += about_handoffs(settings, session)
        found += about_desk(settings, session)
        found += about_nudges(settings, session)
    found += _standstills(settings, db, clock)
    if not broken:
        found.append(_whole(briefly=briefly))
    return [*held_back, *_worst_first([*found, *asked.answers()])]


def _standstills(settings: Settings, db: Database, clock: Clock) -> Iterator[DoctorCheck]:
    """Tell what the watch finds and nothing else here looks for."""
    for each in find_standstills(settings, db, clock):
        if each.kind in _OF_THE_WATCH:
            yield DoctorCheck(
                level="broken" if each.blocks else "look",
                what=f"{each.text} (since {each.since:%Y-%m-%d %H:%M} UTC)",
                why="it does not get better by itself"
                if each.blocks
                else "it is worth a look before it stops all mail",
                remedy=f"see: {each.command}" if "doctor" not in each.command else "look at the daemon's log",
            )


def examine_without_database(settings: Settings, error: TrialAlertsError) -> list[DoctorCheck]:
    """Look at what can be looked at while the database does not work, or is of another revision; ``error`` says why."""
    asked = AskedMeanwhile(_questions(settings))
    why = "nothing is stored, composed or sent"
    remedy = "run: trialalerts database upgrade" if isinstance(error, DatabaseBehind) else "do what it says"
    broken = DoctorCheck(level="broken", what=f"database: {error}", why=why, remedy=remedy)
    return _worst_first([broken, *about_settings(settings), *templates_checked(settings), *asked.answers()])


def _questions(settings: Settings) -> Mapping[str, Question]:
    return {**transport_questions(settings), **record_questions(settings), **web_questions(settings)}


def _worst_first(found: list[DoctorCheck]) -> list[DoctorCheck]:
    return sorted(found, key=lambda check: ("broken", "look", "good").index(check.level))


def _whole(*, briefly: bool) -> DoctorCheck:
    if not briefly:
        return DoctorCheck(level="good", what="database: whole and of the right revision")
    what = "database: of the right revision, and whole where it holds people and their mails"
    return DoctorCheck(
        level="good", what=f"{what}; trialalerts database check looks through all of it, which takes a while"
    )


def _vocabulary(session: Session) -> Iterator[DoctorCheck]:
    for table, what in ((Area, "disease areas"), (Place, "places")):
        number = session.exec(select(func.count()).select_from(table)).one()
        if number:
            yield DoctorCheck(level="good", what=f"{number:,} {what}")
        else:
            why = "nobody can follow anything, and nothing is matched"
            remedy = "run: trialalerts init"
            yield DoctorCheck(level="broken", what=f"no {what} are loaded", why=why, remedy=remedy)


def _findings(session: Session) -> Iterator[DoctorCheck]:
    for finding in open_findings(session):
        if finding.kind in {AWAITED, BENCHED}:
            continue  # said as it stands now
        level: Level = "broken" if finding.kind in _STANDING_STILL else "look"
        words = words_for(finding.kind)
        yield DoctorCheck(
            level=level,
            what=f"{finding.text} (since {finding.since:%Y-%m-%d %H:%M} UTC)",
            why=words.says,
            remedy=f"see: {words.command.replace('NAME', finding.subject or 'NAME')}",
        )

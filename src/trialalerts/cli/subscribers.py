"""``trialalerts subscribers``: people, from signing up to erasure, one by one or by file."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trialalerts.cli import explaining, listing, subscriber_files
from trialalerts.cli.listing import as_shown
from trialalerts.cli.preferences import AsJson, Label, PreferenceOptions, Yes, described, takes_preference
from trialalerts.plurals import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlmodel import Session

    from trialalerts.cli.context import Context
    from trialalerts.subscribers.people import Signup
    from trialalerts.subscribers.tables import Subscriber

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

Email = Annotated[str, typer.Argument(metavar="EMAIL", help="The address, however it is spelled.")]
Frequency = Annotated[str | None, typer.Option(help="immediately, daily, weekly or monthly.")]
Language = Annotated[str | None, typer.Option(help="en, de, fr, es, or with a region: de-AT.")]
Timezone = Annotated[str | None, typer.Option(help="A time zone such as Europe/London.")]
Hour = Annotated[str | None, typer.Option(help="The local hour of a digest, 0 to 23.")]
Weekday = Annotated[str | None, typer.Option(help="The day of a weekly digest.")]
Heartbeat = Annotated[str | None, typer.Option(help="Tell also when there is nothing new: monthly, quarterly or off.")]
Day = Annotated[str | None, typer.Option(help="The day of a monthly digest, 1 to 28.")]


@app.command(
    epilog='Example: trialalerts subscribers add anna@example.org --area "multiple sclerosis" --region "Leeds, GB" '
    "--radius 80km --frequency weekly --language en --timezone Europe/London --confirmed"
)
@takes_preference
def add(
    email: Email,
    *,
    options: PreferenceOptions,
    frequency: Frequency = None,
    language: Language = None,
    timezone: Timezone = None,
    hour: Hour = None,
    weekday: Weekday = None,
    day: Day = None,
    heartbeat: Heartbeat = None,
    label: Label = None,
    confirmed: Annotated[bool, typer.Option("--confirmed", help="They agreed: ask by no mail.")] = False,
    json: AsJson = False,
) -> None:
    """Add a subscriber, or a preference to a known one; without --confirmed a mail asks them first."""
    from trialalerts.cli.context import open_context
    from trialalerts.delivery.mail.message import mail_domain
    from trialalerts.delivery.outbox.confirmations import request_confirmation
    from trialalerts.subscribers.choices import (
        checked_day,
        checked_frequency,
        checked_hour,
        checked_weekday,
    )
    from trialalerts.subscribers.people import NewSubscriber, SubscriberChanges, add_subscriber
    from trialalerts.subscribers.people import edit as edit_subscriber

    ctx = open_context()
    now = ctx.clock.now()
    with ctx.db.write() as session:
        new = NewSubscriber(
            address=email,
            preferences=options.resolve(session, now.date(), label=label),
            locale=language or ctx.settings.service.locale,
            timezone=timezone or ctx.settings.service.timezone,
            frequency=checked_frequency(frequency or "weekly"),
            hour=checked_hour(hour or 8),
            weekday=checked_weekday(weekday or 0),
            day=checked_day(day or 1),
        )
        signup = add_subscriber(session, new, confirmed=confirmed, how="operator", now=now)
        if heartbeat is not None:
            changes = SubscriberChanges(heartbeat=heartbeat)
            edit_subscriber(session, signup.subscriber, changes, how="operator", now=now)
        domain = mail_domain(ctx.settings.mail.sender)
        asked = bool(signup.to_confirm) and request_confirmation(
            session, signup.subscriber, signup.to_confirm, now=now, domain=domain
        )
    _tell_signup(ctx, signup, asked=asked, json=json)
    given = (frequency, language, timezone, hour, weekday, day)
    if signup.subscriber.confirmed_at is not None and not signup.created and any(given):
        typer.echo("Language and schedule stay as they were; change them with: trialalerts subscribers edit", err=True)


app.command("list", epilog="Example: trialalerts subscribers list --since monday --area MS --region GB --count")(
    listing.list_subscribers
)


@app.command(epilog="Example: trialalerts subscribers show anna@example.org")
def show(email: Email, *, json: AsJson = False) -> None:
    """Show a subscriber: state, schedule, what is followed, the consent log."""
    from trialalerts.cli.context import open_context
    from trialalerts.cli.output import show, show_json, show_table
    from trialalerts.subscribers.account.nudging import nudge_choice_of
    from trialalerts.subscribers.consent import list_consents
    from trialalerts.subscribers.people import find_subscriber
    from trialalerts.subscribers.preferences import list_preferences
    from trialalerts.vocabulary.areas.tree import load_areas

    ctx = open_context()
    with ctx.db.read() as session:
        subscriber = find_subscriber(session, email)
        waits = _first_digest_waits(ctx, session, subscriber)
        preferences = described(session, list_preferences(session, subscriber), load_areas(session))
        nudges = nudge_choice_of(session, subscriber)
        consents = [
            {"at": each.at, "action": each.action, "how": each.how, "what": each.what}
            for each in list_consents(session, subscriber)
        ]
    person = as_shown(subscriber)
    if nudges is not None and nudges.way is not None:  # what was typed there shall stand on no screen
        person = {**person, "nudged_by": nudges.way, "nudges_fail_since": nudges.failed_at}
    if json:
        show_json({**person, "waits_for": waits, "preferences": preferences, "consents": consents})
        return
    show_table(("", ""), list(person.items()), title="Subscriber")
    for sentence in waits:
        show(sentence)
    show_table(
        ("id", "area", "region", "radius km", "label", "confirmed"),
        [
            (each["id"], each["area"], each["region"], each["radius_km"], each["label"], each["confirmed"])
            for each in preferences
        ],
        title="Preferences",
    )
    show_table(("at", "action", "how", "what"), [tuple(each.values()) for each in consents], title="Consent")


@app.command(epilog="Example: trialalerts subscribers edit anna@example.org --frequency daily --hour 7")
def edit(
    email: Email,
    *,
    address: Annotated[str | None, typer.Option(help="The new address.", metavar="EMAIL")] = None,
    frequency: Frequency = None,
    language: Language = None,
    timezone: Timezone = None,
    hour: Hour = None,
    weekday: Weekday = None,
    day: Day = None,
    heartbeat: Heartbeat = None,
) -> None:
    """Change the address, the language or the schedule."""
    from trialalerts.cli import output
    from trialalerts.cli.context import open_context
    from trialalerts.subscribers import choices
    from trialalerts.subscribers.people import SubscriberChanges, find_subscriber
    from trialalerts.subscribers.people import edit as edit_subscriber

    changes = SubscriberChanges(
        address=address,
        locale=language,
        timezone=timezone,
        frequency=None if frequency is None else choices.checked_frequency(frequency),
        hour=None if hour is None else choices.checked_hour(hour),
        weekday=None if weekday is None else choices.checked_weekday(weekday),
        day=None if day is None else choices.checked_day(day),
        heartbeat=heartbeat,
    )
    ctx = open_context()
    with ctx.db.write() as session:
        subscriber = find_subscriber(session, email)
        changed = edit_subscriber(session, subscriber, changes, how="operator", now=ctx.clock.now())
    output.show(f"changed: {', '.join(changed)}" if changed else "nothing changed")


@app.command(epilog="Example: trialalerts subscribers pause anna@example.org --until 2026-12-01")
def pause(
    email: Email,
    *,
    until: Annotated[str | None, typer.Option(help="The day on which digests come again.", metavar="DATE")] = None,
) -> None:
    """Stop somebody's digests for a time; what happens meanwhile is told afterwards."""
    from trialalerts.subscribers import people
    from trialalerts.subscribers.choices import checked_date

    ends = checked_date(until) if until else None
    with _changing(email) as (ctx, session, subscriber):
        people.pause(session, subscriber, until=ends, how="operator", now=ctx.clock.now())
    typer.echo(f"paused until {ends}" if ends else "paused")


@app.command(epilog="Example: trialalerts subscribers resume anna@example.org")
def resume(email: Email) -> None:
    """Let somebody's digests come again after a pause."""
    from trialalerts.subscribers import people

    with _changing(email) as (ctx, session, subscriber):
        people.resume(session, subscriber, how="operator", now=ctx.clock.now())
    typer.echo("resumed")


@app.command(epilog="Example: trialalerts subscribers unsubscribe anna@example.org --yes")
def unsubscribe(email: Email, *, yes: Yes = False) -> None:
    """Let somebody go: no digest any more; the record stays."""
    from trialalerts.subscribers import people

    _ask(email, "Unsubscribe", yes=yes)
    with _changing(email) as (ctx, session, subscriber):
        left = people.unsubscribe(session, subscriber, how="operator", now=ctx.clock.now())
    typer.echo("unsubscribed" if left else "was not subscribed any more")


@app.command(epilog="Example: trialalerts subscribers erase anna@example.org --yes")
def erase(email: Email, *, yes: Yes = False) -> None:
    """Erase somebody for good: address, preferences, consents, digests. Cannot be undone."""
    from trialalerts.subscribers import erasure

    _ask(email, "Erase for good", yes=yes)
    with _changing(email) as (ctx, session, subscriber):
        erasure.erase(session, subscriber, how="operator", now=ctx.clock.now())
    erasure.wipe_free_pages(ctx.db)
    typer.echo(
        "erased; backups and mails that were sent still hold what they held, and on PostgreSQL the disk does until: "
        "trialalerts database vacuum --full"
    )


app.command(epilog="Example: trialalerts subscribers explain anna@example.org")(explaining.explain)
app.command("import", epilog="Example: trialalerts subscribers import people.csv --confirmed")(subscriber_files.read)
app.command("export", epilog="Example: trialalerts subscribers export --output people.csv")(subscriber_files.write)


def _tell_signup(ctx: Context, signup: Signup, *, asked: bool, json: bool) -> None:
    from trialalerts.cli import output
    from trialalerts.delivery.outbox.suppressions import is_suppressed
    from trialalerts.subscribers.addresses import typo_hint

    subscriber = signup.subscriber
    if json:
        ids = [each.id for each in signup.preferences]
        output.show_json({**as_shown(subscriber), "created": signup.created, "preferences": ids, "asked": asked})
    else:
        name = f"subscriber {subscriber.id} ({subscriber.address})"
        output.show(f"{name} {'added' if signup.created else 'is known'}, {counted(signup.added, 'preference')} added")
        if signup.to_confirm:
            told = (
                "a confirmation mail is queued" if asked else "no further confirmation mail for now: enough were sent"
            )
            output.show(told)
    if hint := typo_hint(subscriber.address):
        typer.echo(f"Is the address right, or is it {hint}?", err=True)
    with ctx.db.read() as session:
        secret = ctx.settings.service.hash_keys
        suppression = is_suppressed(session, secret, subscriber.address) if secret[0] else None
    if suppression is not None:
        remedy = "lift it with: trialalerts suppressions lift EMAIL"
        typer.echo(f"The address gets no mail: it is suppressed ({suppression.reason}); {remedy}", err=True)


def _first_digest_waits(ctx: Context, session: Session, subscriber: Subscriber) -> list[str]:
    """Say what the first digest of an active subscriber waits for."""
    from trialalerts.digests.overdue import waited_for
    from trialalerts.subscribers.tables import NEVER_SERVED, SubscriberState

    if subscriber.state is not SubscriberState.ACTIVE or subscriber.cursor != NEVER_SERVED:
        return []
    return [each.words(ctx.clock.now()) for each in waited_for(session, ctx.settings, ctx.clock.now())]


@contextlib.contextmanager
def _changing(email: str) -> Iterator[tuple[Context, Any, Subscriber]]:
    """Open a writing transaction on one subscriber."""
    from trialalerts.cli.context import open_context
    from trialalerts.subscribers.people import find_subscriber

    ctx = open_context()
    with ctx.db.write() as session:
        yield ctx, session, find_subscriber(session, email)


def _ask(email: str, what: str, *, yes: bool) -> None:
    """Ask before something that cannot be taken back, once it is clear who is meant."""
    from trialalerts.cli.context import open_context
    from trialalerts.subscribers.people import find_subscriber

    with open_context().db.read() as session:
        subscriber = find_subscriber(session, email)
    if not yes:
        typer.confirm(f"{what} {subscriber.address}?", abort=True)

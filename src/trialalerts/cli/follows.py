"""``trialalerts follows``: single trials that people follow, or want to hear nothing of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from trialalerts.cli.preferences import AsJson

if TYPE_CHECKING:
    from sqlmodel import Session

    from trialalerts.catalog.tables import Item
    from trialalerts.subscribers.tables import Subscriber

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

Email = Annotated[str, typer.Argument(metavar="EMAIL", help="The address, however it is spelled.")]
Number = Annotated[str, typer.Argument(metavar="NUMBER", help="NCT01234567, or any other number the trial goes by.")]


@app.callback()
def _noun() -> None:
    """Single trials that people follow (every later change comes, whatever else they follow), or hear nothing of."""


@app.command("list", epilog="Example: trialalerts follows list anna@example.org")
def list_(
    email: Email,
    *,
    silenced: Annotated[bool, typer.Option("--silenced", help="Those that they said are not for them.")] = False,
    json: AsJson = False,
) -> None:
    """List the trials that somebody follows, with what is still awaited of each: begin, end, results, or nothing."""
    from trialalerts.cli.context import open_context
    from trialalerts.cli.output import show_json, show_table
    from trialalerts.subscribers.people import find_subscriber

    with open_context().db.read() as session:
        subscriber = find_subscriber(session, email)
        rows = _silenced_rows(session, subscriber) if silenced else _rows(session, subscriber)
    if json:
        show_json(rows)
        return
    of_silenced = ("number", "status", "title", "since")
    columns = of_silenced if silenced else ("id", "number", "status", "awaited", "on", "title", "since", "confirmed")
    show_table(columns, [tuple(row[name] for name in columns) for row in rows])


@app.command(epilog="Example: trialalerts follows add anna@example.org NCT01234567")
def add(email: Email, number: Number, *, json: AsJson = False) -> None:
    """Let somebody follow one trial; who has not confirmed yet is asked by a mail first."""
    from trialalerts.cli.context import open_context
    from trialalerts.cli.output import show, show_json
    from trialalerts.delivery.mail.message import mail_domain
    from trialalerts.delivery.outbox.confirmations import request_confirmation
    from trialalerts.errors import InvalidInput
    from trialalerts.subscribers.follows.trials import follow_trial, wanted_trial
    from trialalerts.subscribers.people import find_subscriber
    from trialalerts.subscribers.tables import SubscriberState

    ctx = open_context()
    now = ctx.clock.now()
    with ctx.db.write() as session:
        subscriber = find_subscriber(session, email)
        if subscriber.state in {SubscriberState.UNSUBSCRIBED, SubscriberState.COMPLAINED}:
            raise InvalidInput(f"This subscriber is {subscriber.state}: they must sign up again before they follow it.")
        pending = subscriber.state is SubscriberState.PENDING
        item = wanted_trial(session, number)
        added = follow_trial(session, subscriber, item, confirmed=not pending, how="operator", now=now)
        ids = [added.preference.id or 0] if pending else []
        domain = mail_domain(ctx.settings.mail.sender)
        asked = bool(ids) and request_confirmation(session, subscriber, ids, now=now, domain=domain)
        told = next(row for row in _rows(session, subscriber) if row["id"] == added.preference.id)
    if json:
        show_json({**told, "new": added.new, "asked": asked})
        return
    show(f"{told['number']} {'is followed now' if added.new else 'was followed already'}")
    if pending:
        show("a confirmation mail is queued" if asked else "no further confirmation mail for now: enough were sent")


@app.command(epilog="Example: trialalerts follows remove anna@example.org NCT01234567")
def remove(email: Email, number: Number, *, json: AsJson = False) -> None:
    """Let somebody follow one trial no longer."""
    from trialalerts.cli.context import open_context
    from trialalerts.cli.output import show, show_json
    from trialalerts.subscribers.follows.trials import unfollow_trial, wanted_trial
    from trialalerts.subscribers.people import find_subscriber

    ctx = open_context()
    with ctx.db.write() as session:
        subscriber = find_subscriber(session, email)
        item = wanted_trial(session, number)
        preference = unfollow_trial(session, subscriber, item, how="operator", now=ctx.clock.now())
    if json:
        show_json({"id": preference, "removed": True})
        return
    show(f"preference {preference} removed: the trial is followed no longer")


@app.command(epilog="Example: trialalerts follows silence anna@example.org NCT01234567")
def silence(email: Email, number: Number, *, json: AsJson = False) -> None:
    """Tell somebody nothing more of one trial, as their press on “Not for me” does; they follow it no longer."""
    from trialalerts.cli.context import open_context
    from trialalerts.cli.output import show, show_json
    from trialalerts.subscribers.follows.silence import silence_trial
    from trialalerts.subscribers.follows.trials import wanted_trial
    from trialalerts.subscribers.people import find_subscriber

    ctx = open_context()
    with ctx.db.write() as session:
        subscriber, item = find_subscriber(session, email), wanted_trial(session, number)
        new = silence_trial(session, subscriber, item, how="operator", now=ctx.clock.now())
    if json:
        show_json({"silenced": True, "new": new})
        return
    show("they are told nothing more of it" if new else "they were told nothing of it already")


@app.command(epilog="Example: trialalerts follows unsilence anna@example.org NCT01234567")
def unsilence(email: Email, number: Number, *, json: AsJson = False) -> None:
    """Tell somebody of one trial again, from now on, by whatever they follow."""
    from trialalerts.cli.context import open_context
    from trialalerts.cli.output import show, show_json
    from trialalerts.errors import NotFound
    from trialalerts.subscribers.follows.silence import lift_silence
    from trialalerts.subscribers.follows.trials import wanted_trial
    from trialalerts.subscribers.people import find_subscriber

    ctx = open_context()
    with ctx.db.write() as session:
        subscriber, item = find_subscriber(session, email), wanted_trial(session, number)
        if not lift_silence(session, subscriber, item, how="operator", now=ctx.clock.now()):
            raise NotFound("They have not silenced this trial; see: trialalerts follows list EMAIL --silenced")
    if json:
        show_json({"silenced": False})
        return
    show("they are told of it again")


def _silenced_rows(session: Session, subscriber: Subscriber) -> list[dict[str, Any]]:
    from trialalerts.catalog.trials.lookup import current_item
    from trialalerts.subscribers.follows.silence import silenced_trials

    found = [(current_item(session, each.item_id), each.created_at) for each in silenced_trials(session, subscriber)]
    return [
        {"number": item.external_id, "status": item.status, "title": item.title, "since": since}
        for item, since in found
        if item is not None
    ]


def _rows(session: Session, subscriber: Subscriber) -> list[dict[str, Any]]:
    from trialalerts.catalog.tables import Item
    from trialalerts.subscribers.follows.trials import followed_trials

    rows = []
    for each in followed_trials(session, subscriber):
        item = session.get(Item, each.item_id)
        next_, on = _awaited(item)
        rows.append(
            {
                "id": each.id,
                "number": item.external_id if item else None,
                "title": item.title if item else None,
                "status": item.status if item else None,
                "awaited": next_,
                "on": on,
                "since": each.created_at,
                "confirmed": each.confirmed_at,
            }
        )
    return rows


def _awaited(item: Item | None) -> tuple[str | None, str | None]:
    """Return what comes next of a trial, and when; None where its facts are broken, or it is gone."""
    from pydantic import ValidationError

    from trialalerts.catalog.facts import TrialFacts
    from trialalerts.catalog.trials.awaited import awaited, awaited_on

    try:
        facts = TrialFacts.model_validate(item.facts) if item else None
    except ValidationError:
        facts = None
    if item is None or facts is None:
        return None, None
    return awaited(item.registry_name, facts).value, awaited_on(item.registry_name, facts)

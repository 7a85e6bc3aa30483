"""``trialalerts deliveries``: the outbox, what became of each mail, sending failed ones again, resuming."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlmodel import Session

    from trialalerts.delivery.outbox.tables import Delivery

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list", epilog="Example: trialalerts deliveries list --state failed")
def list_(
    *,
    state: Annotated[list[str] | None, typer.Option(help="Only those in this state; may be given again.")] = None,
    to: Annotated[str | None, typer.Option(help="Only those to this address.", metavar="EMAIL")] = None,
    limit: Annotated[int, typer.Option(help="The most to list; 0 lists all.", min=0)] = 100,
    json: AsJson = False,
) -> None:
    """List deliveries, newest first, with what went wrong."""
    from trialalerts.cli.context import open_context
    from trialalerts.cli.output import show_json, show_table
    from trialalerts.delivery.outbox.lifecycle import checked_delivery_state, list_deliveries
    from trialalerts.subscribers.people import find_subscriber

    states = [checked_delivery_state(each) for each in state or []]
    with open_context().db.read() as session:
        number = find_subscriber(session, to).id if to else None
        found = list_deliveries(session, states=states, subscriber_id=number, limit=limit or None)
        rows = _shown(session, found)
    if json:
        show_json(rows)
        return
    show_table(
        ("id", "kind", "to", "state", "attempts", "when", "code", "error"),
        [
            (
                row["id"],
                row["kind"],
                row["to"],
                row["state"],
                row["attempts"],
                row["sent_at"] or row["not_before"],
                row["last_code"],
                row["last_error"],
            )
            for row in rows
        ],
    )


@app.command(epilog="Example: trialalerts deliveries show 17")
def show(number: Annotated[int, typer.Argument(metavar="ID")], *, json: AsJson = False) -> None:
    """Show all that is known of one delivery, and what was heard of it since."""
    from trialalerts.cli.context import open_context
    from trialalerts.cli.output import show_json, show_table
    from trialalerts.delivery.outbox.lifecycle import find_delivery

    with open_context().db.read() as session:
        (row,) = _shown(session, [find_delivery(session, number)])
        heard = _heard(session, number)
    if json:
        show_json({**row, "heard": heard})
        return
    show_table(("", ""), list(row.items()))
    if heard:
        show_table(("at", "from", "what", "reason", "code"), [tuple(event.values()) for event in heard])


@app.command(epilog="Example: trialalerts deliveries retry 17 18 (without a number: all that failed)")
def retry(
    numbers: Annotated[list[int] | None, typer.Argument(metavar="[ID]...", show_default=False)] = None,
    *,
    held: Annotated[bool, typer.Option("--held", help="Let mail go again wherever it rests, as fast as ever.")] = False,
) -> None:
    """Queue failed deliveries again, due at once; each is checked again before it goes out."""
    from trialalerts.cli.context import open_context
    from trialalerts.delivery.outbox.lifecycle import find_delivery, requeue, requeue_failed
    from trialalerts.delivery.policy import mass_guard, slowing
    from trialalerts.plurals import counted

    ctx = open_context()
    now = ctx.clock.now()
    if held:
        with ctx.db.write() as session:
            scopes = [each.scope for each in mass_guard.holds(session)]
            waiting = mass_guard.release_sending(session, scopes, now=now)
            slowing.end_slowing(session)
        typer.echo(f"{counted(waiting, 'mail')} that waited may leave" if scopes else "mail rests nowhere")
        return
    with ctx.db.write() as session:
        for number in numbers or []:
            requeue(session, find_delivery(session, number), now=now)
        count = len(numbers) if numbers else requeue_failed(session, now=now)
    typer.echo(f"{count} queued again")


@app.command(epilog="Example: trialalerts deliveries domains")
def domains(*, json: AsJson = False) -> None:
    """Show how the mail domains answered in the last day, and where mail rests since too many said the same."""
    from trialalerts.cli.context import open_context
    from trialalerts.cli.output import show_json, show_table
    from trialalerts.delivery.policy.mass_guard import answers_by_domain

    ctx = open_context()
    with ctx.db.read() as session:
        found = answers_by_domain(session, now=ctx.clock.now())
    if json:
        show_json(found)
        return
    show_table(
        ("domain", "answered", "gone", "because of us", "rests since", "tried again", "why", "most an hour"),
        [tuple(row.values()) for row in found],
    )


@app.command(epilog="Example: trialalerts deliveries resume")
def resume() -> None:
    """Let mail leave again after too many bounces or complaints paused it; the queue leaves with the next round."""
    from trialalerts.cli.context import open_context
    from trialalerts.delivery.sending.breaker import resume_sending

    ctx = open_context()
    with ctx.db.write() as session:
        ended = resume_sending(session, now=ctx.clock.now())
    if ended is None:
        typer.echo("sending is not paused")
    else:
        typer.echo(f"sending goes on; it was paused since {ended.since:%Y-%m-%d %H:%M} UTC: {ended.reason}")


def _heard(session: Session, number: int) -> list[dict[str, Any]]:
    """Return what providers and the bounce mailbox told of a delivery, oldest first; never whom it was for."""
    from sqlmodel import col, select

    from trialalerts.delivery.outbox.tables import FeedbackEvent

    told = select(FeedbackEvent).where(col(FeedbackEvent.delivery_id) == number)
    return [
        {"at": e.at, "from": e.provider, "what": e.kind, "reason": e.reason, "code": e.code}
        for e in session.exec(told.order_by(col(FeedbackEvent.at), col(FeedbackEvent.id)))
    ]


def _shown(session: Session, deliveries: Sequence[Delivery]) -> list[dict[str, Any]]:
    from sqlmodel import col, select

    from trialalerts.delivery.outbox.tables import Delivery
    from trialalerts.subscribers.tables import Subscriber

    numbers = {each.subscriber_id for each in deliveries}
    rows = session.exec(select(Subscriber.id, Subscriber.address).where(col(Subscriber.id).in_(numbers)))
    addresses = dict(rows.all())
    return [
        {**{name: getattr(each, name) for name in Delivery.model_fields}, "to": addresses.get(each.subscriber_id)}
        for each in deliveries
    ]

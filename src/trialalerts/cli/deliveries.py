"""``trialalerts deliveries``: the outbox, what became of each mail, sending failed ones again, resuming."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlmodel import Session

    from trialalerts.clock import Clock
    from trialalerts.delivery.outbox.requeueing import MailsMeant
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
    from trialalerts.delivery.sending.resending import copies_of

    with open_context().db.read() as session:
        (row,) = _shown(session, [find_delivery(session, number)])
        heard = _heard(session, number)
        row["copies"] = [each.id for each in copies_of(session, find_delivery(session, number))]
    if json:
        show_json({**row, "heard": heard})
        return
    show_table(("", ""), list(row.items()))
    if heard:
        show_table(("at", "from", "what", "reason", "code"), [tuple(event.values()) for event in heard])


@app.command(epilog="Example: trialalerts deliveries resend 17")
def resend(number: Annotated[int, typer.Argument(metavar="ID")], *, json: AsJson = False) -> None:
    """Send a mail once more, one that was sent too: the copy has a Message-ID of its own.

    Refused, with the reason, where its recipient must not be mailed.
    """
    from dataclasses import asdict

    from trialalerts.cli.context import open_context
    from trialalerts.cli.output import show, show_json
    from trialalerts.delivery.outbox.lifecycle import find_delivery
    from trialalerts.delivery.sending.resending import resend

    ctx = open_context()
    with ctx.db.write() as session:
        delivery = find_delivery(session, number)
        _require_content(session, delivery)
        copy = resend(session, ctx.settings, delivery, now=ctx.clock.now())
        ctx.note("delivery.resent", f"delivery {number}", new=f"delivery {copy.delivery_id}", session=session)
    if json:
        show_json({**asdict(copy), "copy_of": number})
        return
    when = f"; it waits until {copy.until:%Y-%m-%d %H:%M} UTC: {copy.waits_for}" if copy.until else ""
    show(f"delivery {copy.delivery_id}, a copy of delivery {number}, is queued and leaves with the next round{when}")


@app.command(
    epilog="Examples: trialalerts deliveries retry 17 18; trialalerts deliveries retry --since 2026-03-02 --domain "
    "example.org --dry-run; trialalerts deliveries retry --held (without a number: all that failed, or are held)"
)
def retry(
    numbers: Annotated[list[int] | None, typer.Argument(metavar="[ID]...", show_default=False)] = None,
    *,
    held: Annotated[
        bool,
        typer.Option("--held", help="Those that mail.only_to held back; and mail goes again wherever it rests."),
    ] = False,
    since: Annotated[
        str | None, typer.Option(help="Only those queued or last tried since then: a day or a moment (UTC).")
    ] = None,
    domain: Annotated[str | None, typer.Option(help="Only those to addresses of this mail domain.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say how many it would be, and queue none.")] = False,
) -> None:
    """Queue failed deliveries again, or those held back, due at once; each is checked again before it goes out."""
    from trialalerts.cli.times import moment_of
    from trialalerts.delivery.outbox.requeueing import MailsMeant
    from trialalerts.delivery.outbox.tables import DeliveryState

    state = DeliveryState.HELD if held else DeliveryState.FAILED
    meant = MailsMeant(state=state, numbers=numbers or (), since=moment_of("--since", since), domain=domain)
    if numbers and not held:
        _retry_each(numbers, meant, dry_run=dry_run)
    elif held:
        _retry_held(meant, dry_run=dry_run)
    else:
        _retry_failed(meant, dry_run=dry_run)


@app.command(epilog="Example: trialalerts deliveries domains")
def domains(*, json: AsJson = False) -> None:
    """Show by recipient domain what was sent and refused in the last day, the last reply, and where mail rests."""
    from trialalerts.cli.context import open_context
    from trialalerts.cli.output import show_json, show_table
    from trialalerts.delivery.policy.mass_guard import answers_by_domain

    ctx = open_context()
    with ctx.db.read() as session:
        found = answers_by_domain(session, now=ctx.clock.now())
    if json:
        show_json(found)
        return
    columns = {
        "domain": "domain",
        "sent": "sent",
        "refused": "refused",
        "gone": "gone",
        "ours": "because of us",
        "held_since": "rests since",
        "retry_at": "tried again",
        "reason": "why",
        "per_hour": "most an hour",
        "last_reply_at": "last refusal",
        "last_code": "code",
        "last_reply": "last reply",
    }
    show_table(tuple(columns.values()), [tuple(row[key] for key in columns) for row in found])


@app.command(epilog="Examples: trialalerts deliveries resume; trialalerts deliveries resume --gone --days 30")
def resume(
    *,
    gone: Annotated[
        bool,
        typer.Option("--gone", help="Those whom servers call gone are gone, as on an old list: suppress each of them."),
    ] = False,
    days: Annotated[int, typer.Option(min=1, max=90, help="With --gone: for how long that is believed.")] = 7,
) -> None:
    """Let mail leave again after too many bounces or complaints paused it; the queue leaves with the next round."""
    from trialalerts.cli.context import open_context
    from trialalerts.delivery.sending.breaker import resume_sending

    if gone:
        _resume_believing(days)
        return
    ctx = open_context()
    with ctx.db.write() as session:
        ended = resume_sending(session, now=ctx.clock.now())
        if ended is not None:
            ctx.note("sending.resumed", "sending", old=f"paused since {ended.since:%Y-%m-%d %H:%M}", session=session)
    if ended is None:
        typer.echo("sending is not paused")
    else:
        typer.echo(f"sending goes on; it was paused since {ended.since:%Y-%m-%d %H:%M} UTC: {ended.reason}")


def _resume_believing(days: int) -> None:
    from trialalerts.cli.context import open_context
    from trialalerts.cli.output import show
    from trialalerts.delivery.sending.breaker import resume_believing
    from trialalerts.plurals import counted

    ctx = open_context()
    now = ctx.clock.now()
    until = now + timedelta(days=days)
    with ctx.db.write() as session:
        scopes, waiting = resume_believing(session, until=until, now=now)
        if scopes:
            where = ", ".join(each or "all domains" for each in scopes)
            new = f"believed gone at {where} until {until:%Y-%m-%d %H:%M}"
            ctx.note("sending.resumed", "sending", old="mail rested", new=new, session=session)
    if not scopes:
        show("no mail rests because too many are said to be gone")
        return
    believed = f"until {until:%Y-%m-%d %H:%M} UTC whoever is said to be gone at {where} is suppressed"
    show(f"{counted(waiting, 'mail')} that waited may leave; {believed}")


def _retry_each(numbers: list[int], meant: MailsMeant, *, dry_run: bool) -> None:
    from trialalerts.cli.context import open_context
    from trialalerts.cli.output import show
    from trialalerts.delivery.outbox.lifecycle import find_delivery
    from trialalerts.delivery.outbox.requeueing import requeue
    from trialalerts.errors import InvalidInput

    if meant.since or meant.domain:
        raise InvalidInput("Name either deliveries by their numbers or what they have in common, not both.")
    ctx = open_context()
    with ctx.db.write() as session:
        found = [find_delivery(session, number) for number in dict.fromkeys(numbers)]
        for each in () if dry_run else found:
            ctx.note("delivery.retried", f"delivery {each.id}", old=each.state, new="queued", session=session)
            requeue(session, each, now=ctx.clock.now())
    show(f"{len(found)} would be queued again" if dry_run else f"{len(found)} queued again")


def _retry_failed(meant: MailsMeant, *, dry_run: bool) -> None:
    from trialalerts.cli.context import open_context
    from trialalerts.cli.output import show
    from trialalerts.delivery.outbox.requeueing import count_meant, requeue_meant

    ctx = open_context()
    if dry_run:
        with ctx.db.read() as session:
            show(f"{count_meant(session, meant)} would be queued again")
        return
    with ctx.db.write() as session:
        count = requeue_meant(session, meant, now=ctx.clock.now())
        ctx.note("delivery.retried", "deliveries", old="failed", new=f"{count} queued", session=session)
    show(f"{count} queued again")


def _retry_held(meant: MailsMeant, *, dry_run: bool) -> None:
    """Let go what was held back, and mail wherever it rests; what ``mail.only_to`` still keeps back stays."""
    from dataclasses import replace

    from trialalerts.cli.context import open_context
    from trialalerts.cli.output import show
    from trialalerts.database.findings import end_findings
    from trialalerts.delivery.outbox.allowed import allowed_recipients
    from trialalerts.delivery.outbox.requeueing import count_meant, requeue_meant
    from trialalerts.operations.backups import RESTORED
    from trialalerts.plurals import counted

    ctx = open_context()
    going = replace(meant, allowed=allowed_recipients(ctx.settings.mail.only_to))
    with ctx.db.write() as session:
        all_of_them = count_meant(session, meant)
        number = count_meant(session, going) if dry_run else requeue_meant(session, going, now=ctx.clock.now())
        if not dry_run:
            end_findings(session, RESTORED)
            ctx.note("delivery.retried", "deliveries", old="held", new=f"{number} queued", session=session)
        rests = None if meant.numbers or meant.since else _end_rests(session, meant.domain, ctx.clock, dry_run=dry_run)
    would = "would be " if dry_run else ""
    if rests is not None:
        show(rests)
    if all_of_them or rests is None:
        show(f"{counted(number, 'mail')} held back by mail.only_to {would}queued again")
    if all_of_them > number:
        show(f"{counted(all_of_them - number, 'mail')} held back still: mail.only_to does not name whom they are to")


def _end_rests(session: Session, domain: str | None, clock: Clock, *, dry_run: bool) -> str:
    """Let mail go again where it rests, or only at a domain; return what came of it."""
    from trialalerts.delivery.outbox.suppressions import domain_of
    from trialalerts.delivery.policy import mass_guard, slowing
    from trialalerts.plurals import counted

    scopes = [each.scope for each in mass_guard.holds(session)]
    if domain is not None:
        scopes = [each for each in scopes if each == domain_of(f"x@{domain}")]
    if not scopes:
        return "mail rests nowhere" if domain is None else f"mail to {domain} does not rest"
    if dry_run:
        return f"mail would go again to {', '.join(each or 'all domains' for each in scopes)}"
    waiting = mass_guard.release_sending(session, scopes, now=clock.now())
    if domain is None:
        slowing.end_slowing(session)
    return f"{counted(waiting, 'mail')} that waited may leave"


def _require_content(session: Session, delivery: Delivery) -> None:
    """Refuse to queue a copy of a digest that was deleted since: nobody could write the mail."""
    from trialalerts.digests.tables import Digest
    from trialalerts.errors import InvalidInput

    number = delivery.data.get("digest_id")
    if number is not None and session.get(Digest, number) is None:
        raise InvalidInput(f"Delivery {delivery.id} cannot be sent again: its digest was deleted.")


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

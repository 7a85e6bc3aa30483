"""``trialalerts webhooks``: other programs that are told, by signed calls, of what happens here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from trialalerts.cli.preferences import AsJson, Yes

if TYPE_CHECKING:
    from sqlmodel import Session

    from trialalerts.hooks.status import HookStatus
    from trialalerts.vocabulary.places.regions import Region

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

Name = Annotated[str, typer.Argument(metavar="ID", help="As list shows it: wh_ and eight letters.")]


@app.callback()
def _noun() -> None:
    """Webhooks: programs that are told of changes, articles and more, by calls that are signed."""


@app.command(
    epilog='Example: trialalerts webhooks add https://www.example.org/hook --area "multiple sclerosis" --region GB'
)
def add(
    url: Annotated[str, typer.Argument(metavar="URL", help="Where the program waits for calls.")],
    *,
    event: Annotated[
        list[str] | None,
        typer.Option(
            "--event", help="Only of this event; may be given again. None: all that is public.", metavar="NAME"
        ),
    ] = None,
    area: Annotated[
        list[str] | None,
        typer.Option("--area", help="Only what is about this disease area; may be given again.", metavar="TEXT"),
    ] = None,
    region: Annotated[
        list[str] | None,
        typer.Option("--region", help="Only what takes place there; may be given again.", metavar="TEXT"),
    ] = None,
) -> None:
    """Tell a program of what happens from now on; its secret is shown this once."""
    from trialalerts.cli.context import open_context
    from trialalerts.hooks.events import checked_events
    from trialalerts.hooks.registering import NewWebhook, add_webhook
    from trialalerts.vocabulary.areas.tree import load_areas

    ctx = open_context()
    service, settings = ctx.settings.service, ctx.settings.webhooks
    with ctx.db.write() as session:
        tree = load_areas(session) if area else None
        new = NewWebhook(
            url=url,
            events=checked_events(event or ()),
            areas=[tree.find(text, service.locale[:2]).id for text in area or ()] if tree else (),
            regions=_regions(session, region or []),
        )
        webhook, secret = add_webhook(session, settings, service.secrets[0], new, now=ctx.clock.now())
        what = f"{', '.join(new.events)}; {len(new.areas)} areas, {len(new.regions)} regions"
        ctx.note("webhook.added", f"webhook {webhook.name}", new=what, session=session)
    typer.echo(webhook.name)
    typer.echo(secret.shown)
    typer.echo("The secret is not shown again: put it where the program keeps its secrets.", err=True)
    typer.echo(f"To try it out: trialalerts webhooks test {webhook.name}", err=True)


@app.command("list", epilog="Example: trialalerts webhooks list")
def list_(*, json: AsJson = False) -> None:
    """List the webhooks: what each hears of, whether it takes its calls, what waits."""
    from trialalerts.cli.context import open_context
    from trialalerts.cli.output import show_json, show_table
    from trialalerts.hooks.status import hook_statuses

    with open_context().db.read() as session:
        rows = [_row(session, each) for each in hook_statuses(session)]
    if json:
        show_json(rows)
        return
    columns = ("id", "url", "events", "areas", "regions", "state", "waiting", "given_up", "sent", "last_error")
    shown = [[", ".join(v) if isinstance(v := row[name], list) else v for name in columns] for row in rows]
    show_table([name.replace("_", " ") for name in columns], shown)


@app.command(epilog="Example: trialalerts webhooks test wh_1f2e3d4c")
def test(name: Name) -> None:
    """Call a program at once with the event webhook.test, and say what it answered."""
    from trialalerts.cli.context import open_context
    from trialalerts.hooks.calling import AnswerMeaning, try_webhook

    ctx = open_context()
    answer = try_webhook(ctx.db, ctx.settings, ctx.clock, name)
    typer.echo(answer.said)
    if answer.meaning is not AnswerMeaning.TAKEN:
        raise typer.Exit(1)


@app.command(epilog="Example: trialalerts webhooks replay wh_1f2e3d4c --since 7d")
def replay(
    name: Name,
    *,
    since: Annotated[str, typer.Option("--since", help="A day, a moment, monday, 12h, 7d, 2w.", metavar="TIME")],
) -> None:
    """Tell a program once more what happened since; calls keep their ids, so that it can tell what it had."""
    from trialalerts.cli.context import open_context
    from trialalerts.cli.times import since_of
    from trialalerts.digests.publishing import Publishing
    from trialalerts.hooks.queueing import replay_calls
    from trialalerts.plurals import counted

    ctx = open_context()
    now = ctx.clock.now()
    at = since_of("--since", since, now, ctx.settings.service.timezone) or now
    count = replay_calls(ctx.db, Publishing.of(ctx.settings), name, at, now)
    ctx.note("webhook.replayed", f"webhook {name}", new=f"since {at:%Y-%m-%d %H:%M}, {count.again + count.added}")
    typer.echo(
        f"{counted(count.again, 'call')} made again and {count.added:,} that {name} had not had: "
        "they leave with the daemon, or with: trialalerts run --once"
    )


@app.command(epilog="Example: trialalerts webhooks rotate wh_1f2e3d4c")
def rotate(name: Name) -> None:
    """Give a webhook another secret and show it, this once; for a day calls are signed by both."""
    from trialalerts.cli.context import open_context
    from trialalerts.hooks.registering import find_webhook, rotate_secret

    ctx = open_context()
    with ctx.db.write() as session:
        webhook = find_webhook(session, name)
        secret = rotate_secret(session, webhook, ctx.settings.service.secrets[0], now=ctx.clock.now())
        ctx.note("webhook.rotated", f"webhook {name}", session=session)
    typer.echo(secret.shown)
    typer.echo("It is not shown again. The one before signs, too, for a day: change the program until then.", err=True)


@app.command(epilog="Example: trialalerts webhooks resume wh_1f2e3d4c")
def resume(name: Name) -> None:
    """Call a program again that wanted no more calls (410 Gone), of what happens from now on."""
    from trialalerts.cli.context import open_context
    from trialalerts.hooks.registering import find_webhook, resume_webhook

    ctx = open_context()
    with ctx.db.write() as session:
        resumed = resume_webhook(session, find_webhook(session, name))
        if resumed:
            ctx.note("webhook.resumed", f"webhook {name}", session=session)
    typer.echo(
        f"resumed; for what happened meanwhile: trialalerts webhooks replay {name} --since TIME"
        if resumed
        else "it is not disabled"
    )


@app.command(epilog="Example: trialalerts webhooks remove wh_1f2e3d4c --yes")
def remove(name: Name, *, yes: Yes = False) -> None:
    """Tell a program nothing any more, and forget what it was told."""
    from trialalerts.cli.context import open_context
    from trialalerts.hooks.registering import find_webhook, remove_webhook

    ctx = open_context()
    if not yes:
        typer.confirm(f"Remove {name} and forget what it was told?", abort=True)
    with ctx.db.write() as session:
        remove_webhook(session, find_webhook(session, name))
        ctx.note("webhook.removed", f"webhook {name}", session=session)
    typer.echo("removed")


def _regions(session: Session, texts: list[str]) -> list[Region]:
    """Return the regions; none where one is anywhere, which limits nothing."""
    from trialalerts.vocabulary.places.regions import find_region

    found = [find_region(session, text) for text in texts]
    return [] if any(each.kind == "anywhere" for each in found) else found


def _row(session: Session, standing: HookStatus) -> dict[str, object]:
    from trialalerts.database.events.noted import listened_to
    from trialalerts.redaction import shown_url
    from trialalerts.vocabulary.areas.tree import load_areas

    webhook = standing.webhook
    tree = load_areas(session) if webhook.areas else None
    return {
        "id": webhook.name,
        "url": shown_url(webhook.url),
        "events": listened_to(session).get(webhook.name, []),
        "areas": [tree.name(area) if area in tree else area for area in webhook.areas] if tree else [],
        "regions": [region["label"] for region in webhook.regions],
        "state": standing.state,
        "waiting": standing.waiting,
        "given_up": standing.given_up,
        "sent": webhook.sent_calls,
        "last_error": webhook.last_error,
        "created_at": webhook.created_at,
        "last_success_at": webhook.last_success_at,
        "failing_since": webhook.failing_since,
        "next_try_at": webhook.retry_at,
        "disabled_at": webhook.disabled_at,
    }

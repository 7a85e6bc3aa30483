"""The command ``trialalerts suppressions``: addresses that are never mailed, and undoing that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from trialalerts.cli import suppression_files

if TYPE_CHECKING:
    from trialalerts.delivery.policy.undoing import Picked

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

Email = Annotated[str, typer.Argument(metavar="EMAIL")]


@app.command("list", epilog="Example: trialalerts suppressions list")
def list_(*, json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List suppressions; addresses are known by a hash only."""
    from trialalerts.cli.context import open_context
    from trialalerts.cli.output import show_json, show_table
    from trialalerts.delivery.outbox.suppressions import list_suppressions

    with open_context().db.read() as session:
        found = list_suppressions(session)
    if json:
        show_json([each.model_dump() for each in found])
        return
    show_table(
        ("hash", "reason", "detail", "rule", "since"),
        [(each.address_hash[:12], each.reason, each.detail, each.rule, each.since) for each in found],
    )


@app.command(epilog='Example: trialalerts suppressions add anna@example.org --detail "asked by phone"')
def add(
    email: Email,
    *,
    detail: Annotated[str | None, typer.Option(help="Why, without the address.", metavar="TEXT")] = None,
) -> None:
    """Never mail an address again, until it is lifted."""
    from trialalerts.cli.context import open_context
    from trialalerts.delivery.outbox import suppressions
    from trialalerts.delivery.outbox.suppressions import suppress
    from trialalerts.subscribers.addresses import checked_address

    ctx = open_context()
    address = checked_address(email)
    secret = ctx.settings.service.secret.get_secret_value()
    with ctx.db.write() as session:
        new = suppress(session, secret, address, reason="operator", detail=detail, now=ctx.clock.now())
        if new:
            subject = f"suppression {suppressions.address_hash(secret, address)[:12]}"
            ctx.note("suppression.added", subject, new="operator", session=session)
    typer.echo("suppressed" if new else "was suppressed already")


@app.command(
    epilog="Example: trialalerts suppressions lift --rule gone --domain example.org --since 2026-03-02 --dry-run"
)
def lift(
    email: Annotated[str | None, typer.Argument(metavar="[EMAIL]", show_default=False)] = None,
    *,
    reason: Annotated[
        str | None, typer.Option(help="Only those suppressed as this: bounced, listed, unwell or operator.")
    ] = None,
    rule: Annotated[str | None, typer.Option(help="Only those by this rule, or by those below it.")] = None,
    code: Annotated[str | None, typer.Option(help="Only those with this code: 550, 5.1.1 or “550 5.1.1”.")] = None,
    domain: Annotated[str | None, typer.Option(help="Only addresses of this mail domain.")] = None,
    since: Annotated[str | None, typer.Option(help="Only those since then: a day or a moment (UTC).")] = None,
    until: Annotated[str | None, typer.Option(help="Only those before then: a day or a moment (UTC).")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say how many it would be, and lift none.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Let an address be mailed again, or all that a wrong mail server brought; complaints only one by one.

    Who was moved to bounced by it is active again, and the mail that came back is sent once more. A provider keeps a
    list of its own: take the addresses off it, too.
    """
    from trialalerts.cli.times import moment_of
    from trialalerts.delivery.policy.undoing import Picked
    from trialalerts.errors import InvalidInput

    wanted = Picked(
        reason=reason,
        rule=rule,
        code=code,
        domain=domain,
        since=moment_of("--since", since),
        until=moment_of("--until", until),
    )
    if email is not None and not wanted.says_nothing:
        raise InvalidInput("Name either an address or what the suppressions have in common, not both.")
    if email is not None:
        _lift_one(email, dry_run=dry_run, yes=yes)
    elif wanted.says_nothing:
        raise InvalidInput(
            "Name an address, or what the suppressions have in common: --reason, --rule, --code, --domain, --since, "
            "--until; see: trialalerts suppressions list"
        )
    else:
        _lift_many(wanted, dry_run=dry_run, yes=yes)


@app.command(epilog="Example: trialalerts suppressions review")
def review(*, json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List who would not be suppressed by today's rules, judged anew by what the mail server said then."""
    from trialalerts.cli.context import open_context
    from trialalerts.cli.output import show_json, show_table
    from trialalerts.delivery.policy.undoing import review_suppressions as judged_anew

    ctx = open_context()
    with ctx.db.read() as session:
        found = judged_anew(session, ctx.settings.service.hash_keys)
    rows = [
        {
            "hash": each.suppression.address_hash,
            "address": each.address,
            "since": each.suppression.since,
            "code": each.suppression.code,
            "rule": each.suppression.rule,
            "class_now": each.class_now,
            "rule_now": each.rule_now,
        }
        for each in found
    ]
    if json:
        show_json(rows)
        return
    show_table(
        ("hash", "address", "since", "code", "rule then", "class now", "rule now"),
        [(str(row["hash"])[:12], *list(row.values())[1:]) for row in rows],
    )


app.command("export", epilog="Example: trialalerts suppressions export suppressions.csv")(suppression_files.write)
app.command("import", epilog="Example: trialalerts suppressions import bounces.csv --dry-run")(suppression_files.read)


def _lift_one(email: str, *, dry_run: bool, yes: bool) -> None:
    from trialalerts.cli.context import open_context
    from trialalerts.delivery.outbox import suppressions
    from trialalerts.errors import NotFound
    from trialalerts.subscribers.addresses import checked_address

    ctx = open_context()
    address = checked_address(email)
    secret = ctx.settings.service.hash_keys
    with ctx.db.read() as session:
        found = suppressions.is_suppressed(session, secret, address)
    if found is None:
        raise NotFound(f"“{address}” is not suppressed; see: trialalerts suppressions list")
    if dry_run:
        typer.echo(f"would be lifted: suppressed as {found.reason} on {found.since:%Y-%m-%d}")
        return
    if not yes:
        typer.confirm(f"It was suppressed as {found.reason} on {found.since:%Y-%m-%d}. Mail it again?", abort=True)
    with ctx.db.write() as session:
        lifted = suppressions.lift_suppressions(session, secret, address, how="operator", now=ctx.clock.now())
        ctx.note("suppression.lifted", f"suppression {found.address_hash[:12]}", old=found.reason, session=session)
    typer.echo("lifted; the subscriber gets digests again" if lifted.resumed else "lifted")
    if found.reason == "listed":
        typer.echo(f"The provider has it on a list of its own ({found.detail}): take it off there, too.")


def _lift_many(wanted: Picked, *, dry_run: bool, yes: bool) -> None:
    from trialalerts.cli.context import open_context
    from trialalerts.delivery.policy.undoing import pick, take_back
    from trialalerts.plurals import counted

    ctx = open_context()
    secret = ctx.settings.service.hash_keys
    with ctx.db.read() as session:
        found = pick(session, secret, wanted)
    number = counted(len(found), "suppression")
    if dry_run or not found:
        typer.echo(f"{number} would be lifted")
        return
    if not yes:
        typer.confirm(f"{number} will be lifted. Mail these addresses again?", abort=True)
    done = take_back(ctx.db, secret, found, how="operator", now=ctx.clock.now())
    ctx.note("suppression.lifted", "suppressions", new=f"{done.lifted} lifted, {done.resumed} people resumed")
    typer.echo(
        f"{counted(done.lifted, 'suppression')} lifted; {counted(done.resumed, 'subscriber')} get digests again"
        if done.resumed != 1
        else f"{counted(done.lifted, 'suppression')} lifted; 1 subscriber gets digests again"
    )

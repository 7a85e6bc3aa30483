"""``trialalerts items``: a trial or an article, what it is about, and whom it reached."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _noun() -> None:
    """Trials and articles."""


@app.command(epilog="Example: trialalerts items show NCT01234567")
def show(
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="NCT01234567, another registry's, or: article 17.")],
    *,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show a trial or an article: its record, areas and why, sites, changes, and how many each change reached."""
    from trialalerts.cli.context import open_context
    from trialalerts.cli.output import show, show_json, show_table
    from trialalerts.operations.questions.items import find_item, story_of

    with open_context().db.read() as session:
        told = story_of(session, find_item(session, number)).as_json()
    if json:
        show_json(told)
        return
    plain = ("kind", "registry", "number", "numbers", "title", "url", "status", "published_at", "first_seen_at")
    show_table(("", ""), [(name.replace("_", " "), told[name]) for name in (*plain, "last_seen_at", "topics")])
    shown = ("registry", "id", "source", "origin", "status", "first_seen_at")
    rows = [[each[name] for name in shown] for each in told["records"]]
    show_table([name.replace("_", " ") for name in shown], rows, title="Records")
    for each in told["conflicts"]:
        said = "; ".join(f"{registry}: {value}" for registry, value in each["said"].items())
        show(f"not agreed: {each['fact'].replace('_', ' ')} ({said})")
    show_table(
        ("area", "id", "because of its"),
        [(each["name"], each["id"], each["because"]) for each in told["areas"]],
        title="Areas",
    )
    if told["sites"]:
        placed = [(country, each["sites"], each["open"]) for country, each in told["sites"].items()]
        show_table(("country", "sites", "open"), placed, title="Sites")
    show_table(
        ("seq", "when", "what", "digests", "of these"),
        [(e["seq"], e["at"], e["kind"], e["reached"]["digests"], _words(e["reached"])) for e in told["changes"]],
        title="Changes",
    )
    if told["shown"]:
        show(f"told as it was (open, or recent) in {sum(told['shown'].values()):,} digests: {_words(told['shown'])}")

    for each in told["announced"]:
        show(f"announcement {each['id']} ({each['state']}): {_words(each['mails'])}")


@app.command(epilog="Example: trialalerts items split ISRCTN12345678")
def split(
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="The record's own number, in any registry.")],
    *,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Part a record from the trial that it was joined with by its numbers, for good; nobody is told."""
    from trialalerts.catalog.joining.splitting import split_record
    from trialalerts.cli.context import open_context
    from trialalerts.cli.output import show, show_json

    ctx = open_context()
    with ctx.db.write() as session:
        left, item_id = split_record(session, number, ctx.clock.now())
        ctx.note("item.split", f"item {left}", new=f"item {item_id}", session=session)
    if json:
        show_json({"number": number, "item": item_id, "left": left})
        return
    show(f"{number} is a trial of its own now (item {item_id}); numbers do not join it again with item {left}.")


def _words(reached: Mapping[str, Any]) -> str:
    return ", ".join(f"{number:,} {what}" for what, number in reached.items() if what != "digests")

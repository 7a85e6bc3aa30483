"""``trialalerts digests``: who is due, what somebody would get, what somebody got."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trialalerts.cli.replaying import replay_digests

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlmodel import Session

    from trialalerts.delivery.mail.message import Message
    from trialalerts.digests.entries import Entry
    from trialalerts.digests.tables import Digest
    from trialalerts.operations.questions.obstacles import Obstacles
    from trialalerts.settings import Settings

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
app.command("replay")(replay_digests)

_LAST_DIGESTS = 20
_DIGITS = 18
"""A longer number is no digest's."""

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def due(*, as_json: Json = False) -> None:
    """List who is due now, or when the next are; and what first digests wait for.

    Example: trialalerts digests due
    """
    from trialalerts.cli.context import open_context
    from trialalerts.cli.output import show, show_json, show_table
    from trialalerts.digests.due import upcoming
    from trialalerts.digests.overdue import waited_for
    from trialalerts.subscribers.tables import NEVER_SERVED

    ctx = open_context()
    with ctx.db.read() as session:
        waits = [each.words(ctx.clock.now()) for each in waited_for(session, ctx.settings, ctx.clock.now())]
        rows = [
            {
                "id": subscriber.id,
                "address": subscriber.address,
                "frequency": subscriber.frequency.value,
                "due": subscriber.next_due_at,
                "now": subscriber.next_due_at is not None
                and subscriber.next_due_at <= ctx.clock.now()
                and not (waits and subscriber.cursor == NEVER_SERVED),
                "waits": bool(waits) and subscriber.cursor == NEVER_SERVED,
            }
            for subscriber in upcoming(session, limit=100)
        ]
    if as_json:
        show_json(rows)
        return
    show_table(("id", "address", "frequency", "due", "now", "waits"), [tuple(row.values()) for row in rows])
    for sentence in waits:
        show(sentence)


@app.command()
def preview(
    email: str,
    *,
    as_of: Annotated[str | None, typer.Option(help="As if it were then: 2026-12-01T08:00 (local time).")] = None,
    html: Annotated[Path | None, typer.Option(help="Write the HTML part.", metavar="FILE")] = None,
    text: Annotated[Path | None, typer.Option(help="Write the text part.", metavar="FILE")] = None,
    open_it: Annotated[bool, typer.Option("--open", help="Show the HTML part in a browser.")] = False,
    as_json: Json = False,
) -> None:
    """Show the digest that somebody would get, or why they get none; changes nothing.

    With --json the entries of the digest; where none goes out, the reasons of it.

    Example: trialalerts digests preview anna@example.org --open
    """
    from trialalerts.cli.context import open_context
    from trialalerts.cli.output import show, show_json
    from trialalerts.clock import FrozenClock
    from trialalerts.digests.compose import why_not_served
    from trialalerts.digests.preview import preview_digest
    from trialalerts.operations.questions.obstacles import obstacles_of
    from trialalerts.subscribers.people import find_subscriber

    ctx = open_context()
    clock = FrozenClock(_moment(as_of, ctx.settings)) if as_of else ctx.clock
    with ctx.db.read() as session:
        subscriber = find_subscriber(session, email)
        obstacles = obstacles_of(session, ctx.settings, clock.now(), subscriber)
        if obstacles.stops_digests:
            _tell_why(obstacles, as_json=as_json)
            return
        held = why_not_served(session, ctx.settings, clock.now(), subscriber)
        found = preview_digest(session, ctx.settings, clock, subscriber)
    if as_json:
        show_json(found.as_json() if found.message else {"reasons": [*obstacles.reasons, "nothing_new"], "entries": []})
        return
    if held:
        show(f"No mail goes out now, so this is only what one would say. {held}\n" if found.message else held)
    if found.message is None and not held:
        show("nothing is new for this subscriber: no mail would go out")
    if found.message is not None:
        _show_message(found.message, html, text, open_it=open_it)


def _tell_why(obstacles: Obstacles, *, as_json: bool) -> None:
    from trialalerts.cli.output import show, show_json

    if as_json:
        because = [each.as_json() for each in obstacles.found]
        show_json({"reasons": obstacles.reasons, "because": because, "entries": []})
        return
    show("No digest goes out to this subscriber:")
    for each in obstacles.found:
        show(f"- {each.reason.replace('_', ' ')}: {each.text}")


def _show_message(message: Message, html: Path | None, text: Path | None, *, open_it: bool) -> None:
    import tempfile
    import webbrowser

    from trialalerts.cli.output import show, write_file

    if open_it and html is None:
        html = Path(tempfile.mkdtemp(prefix="trialalerts-"), "digest.html")
    for path, part in ((html, message.html_alone), (text, message.text)):
        if path is not None:
            write_file(path, part or "")
            show(f"{path}: written")
    if html is not None and open_it and not webbrowser.open(html.resolve().as_uri()):
        show("no browser was found here: open the file yourself")
    if html is None and text is None:
        show(f"Subject: {message.subject}\n\n{message.text}")


@app.command()
def send(email: str) -> None:
    """Compose somebody's digest now instead of at their hour; it is queued as usual.

    Example: trialalerts digests send anna@example.org
    """
    from trialalerts.cli.context import open_context
    from trialalerts.cli.output import show
    from trialalerts.digests.compose import compose_for
    from trialalerts.subscribers.people import find_subscriber

    ctx = open_context()
    with ctx.db.read() as session:
        subscriber = find_subscriber(session, email)
    composed = compose_for(ctx.db, ctx.settings, ctx.clock, subscriber.id or 0)
    if composed:
        ctx.note("digest.queued", f"subscriber {subscriber.id}")
    show("queued; the daemon sends it" if composed else "nothing is new for this subscriber: no mail was queued")


@app.command(name="show")
def show_one(
    which: Annotated[str, typer.Argument(metavar="ID|NUMBER", help="A digest's id; or a trial's number: NCT01234567.")],
    *,
    to: Annotated[
        str | None, typer.Option(help="With a trial's number: only the digests to this address.", metavar="EMAIL")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show what a digest told and why; or, of a trial or an article, the last digests that told it.

    Example: trialalerts digests show NCT01234567 --to anna@example.org
    """
    from trialalerts.cli.context import open_context
    from trialalerts.digests.reading import DigestReader
    from trialalerts.digests.tables import Digest
    from trialalerts.errors import NotFound

    with open_context().db.read() as session:
        if not (which.isascii() and which.isdigit()):
            _show_telling(session, which, to, as_json=as_json)
            return
        digest = session.get(Digest, int(which)) if len(which) <= _DIGITS else None
        if digest is None:
            raise NotFound(f"There is no digest {which}.")
        (entries,) = DigestReader().entries(session, [digest])
        _show_digest(session, digest, entries, as_json=as_json)


def _show_digest(session: Session, digest: Digest, entries: Sequence[Entry], *, as_json: bool) -> None:
    from trialalerts.catalog.tables import Item, ItemKind
    from trialalerts.cli.output import show, show_json, show_table

    items = {entry.item_id: session.get(Item, entry.item_id) for entry in entries}
    if as_json:
        show_json({**digest.model_dump(exclude={"parts"}), "entries": [entry.as_json() for entry in entries]})
        return
    window = "what recruits now" if digest.from_seq < 0 else f"changes {digest.from_seq + 1} to {digest.to_seq}"
    show(f"digest {digest.id} of subscriber {digest.subscriber_id}, {digest.created_at:%Y-%m-%d %H:%M} UTC: {window}")
    rows = []
    for entry in entries:
        item = items[entry.item_id]
        number, title = (item.external_id, item.title) if item else ("gone", "")
        if item and item.kind is ItemKind.ARTICLE:
            number = f"article {item.id}"  # as items show takes it: what a feed calls it says nothing to anybody
        rows.append((number, title, _what(entry), _because(entry)))
    show_table(("item", "title", "what", "because"), rows)


def _show_telling(session: Session, number: str, to: str | None, *, as_json: bool) -> None:
    from sqlmodel import col, select

    from trialalerts.cli.output import show_json, show_table
    from trialalerts.digests.reading import DigestReader
    from trialalerts.digests.tables import Digest
    from trialalerts.operations.questions.items import find_item
    from trialalerts.operations.questions.reach import digests_telling
    from trialalerts.subscribers.people import find_subscriber

    item = find_item(session, number)
    who = find_subscriber(session, to).id if to else None
    ids = digests_telling(session, item, subscriber_id=who, most=_LAST_DIGESTS)
    digests = session.exec(select(Digest).where(col(Digest.id).in_(ids)).order_by(col(Digest.id).desc())).all()
    found = [
        (digest, entry)
        for digest, entries in zip(digests, DigestReader().entries(session, digests), strict=True)
        for entry in entries
        if entry.item_id == item.id
    ]
    if as_json:
        show_json([{**digest.model_dump(exclude={"parts"}), "entries": [e.as_json()]} for digest, e in found])
        return
    show_table(
        ("digest", "subscriber", "when", "what", "because"),
        [(digest.id, digest.subscriber_id, digest.created_at, _what(e), _because(e)) for digest, e in found],
    )


def _what(entry: Entry) -> str:
    return ", ".join(told.kind for told in entry.told)


def _because(entry: Entry) -> str:
    return "; ".join(f"{reason.area_name} ({reason.region_label})" for reason in entry.reasons)


def _moment(text: str, settings: Settings) -> datetime:
    from zoneinfo import ZoneInfo

    from trialalerts.errors import InvalidInput

    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"--as-of: “{text}” is no moment; write it like 2026-12-01T08:00") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(settings.service.timezone))

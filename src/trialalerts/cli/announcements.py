"""``trialalerts announcements``: an article or a message to all who follow something somewhere, told once."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trialalerts.catalog.articles.addressed import READERS_OPTION
from trialalerts.cli.preferences import AsJson, Yes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlmodel import Session

    from trialalerts.cli.context import Context
    from trialalerts.delivery.outbox.notices.tables import Announcement
    from trialalerts.digests.announcements.queueing import NewAnnouncement
    from trialalerts.operations.announcing.drafting import AnnouncementOptions
    from trialalerts.operations.questions.article_reach import ArticleReach
    from trialalerts.sources.context import SourceContext

__all__ = ["app", "require_number", "start_queueing"]

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

What = Annotated[
    str, typer.Argument(metavar="FILE", help="A Markdown file: an article or a message; or a stored article: 17.")
]
Which = Annotated[str, typer.Argument(metavar="NAME", help="Its name or number, as list shows them.")]
Areas = Annotated[
    list[str] | None,
    typer.Option("--area", help="Only who follows this disease area; may be given again.", metavar="TEXT"),
]
Regions = Annotated[
    list[str] | None,
    typer.Option("--region", help="Only who follows it there, or anywhere; may be given again.", metavar="TEXT"),
]
Topics = Annotated[
    list[str] | None,
    typer.Option("--topic", help="Only who follows this topic, or all; may be given again.", metavar="TEXT"),
]
Readers = Annotated[
    str | None, typer.Option(READERS_OPTION, help="Only who reads for these: patients, professionals or any.")
]
Languages = Annotated[
    list[str] | None, typer.Option("--language", help="Only who reads it: en, de, fr, es; may be given again.")
]
_SHOWN = 8


@app.callback()
def _noun() -> None:
    """Announcements: an article, or a message, to all who follow something somewhere; once to each."""


@app.command(epilog='Example: trialalerts announcements send moved.md --area "multiple sclerosis" --region Yorkshire')
def send(
    what: What,
    *,
    area: Areas = None,
    region: Regions = None,
    topic: Topics = None,
    readers: Readers = None,
    language: Languages = None,
    at: Annotated[
        str | None, typer.Option("--at", help="Not before this moment, by the service's time zone.", metavar="TIME")
    ] = None,
    with_next_digest: Annotated[
        bool, typer.Option("--with-next-digest", help="In each reader's next digest; alone where none is due.")
    ] = False,
    test: Annotated[
        str | None, typer.Option("--test", help="Send it to this address alone, to look at.", metavar="ADDRESS")
    ] = None,
    approved_by: Annotated[
        str | None, typer.Option("--approved-by", help="Who read it first, where editors need approval.")
    ] = None,
    confirm: Annotated[
        int | None, typer.Option("--confirm", help="The number of people, instead of typing it.", metavar="N")
    ] = None,
    yes: Yes = False,
    json: AsJson = False,
) -> None:
    """Say how many people it is for; once that number is typed, queue it for them. Nobody is told it twice."""
    from trialalerts.cli.context import open_context
    from trialalerts.cli.output import show as say
    from trialalerts.cli.output import show_json
    from trialalerts.operations.announcing.drafting import AnnouncementOptions, drafted_announcement, for_whom
    from trialalerts.sources.context import SourceContext

    ctx = open_context()
    options = AnnouncementOptions(
        areas=area or (),
        regions=region or (),
        topics=topic or (),
        readers=readers,
        languages=language or (),
        at=_moment(ctx, at, with_next_digest=with_next_digest),
        with_digest=with_next_digest,
    )
    with SourceContext(ctx.db, ctx.settings, ctx.clock) as context:
        with ctx.db.read() as session:
            new = drafted_announcement(session, ctx.settings, context, what, options)
        if test is not None:
            _try(ctx, new, options, test)
            return
        reach, before = _reach(ctx, new, context)
        told = {**_facts(new), "for": for_whom(new, context), "told_before": before, "people": reach.people}
        if not json:
            _tell(told, reach, context)
    _require_approval(ctx, new, approved_by)
    if reach.people == 0:
        say("Nobody is to be told; nothing was done.") if not json else show_json(told)
        return
    require_number(reach.people, confirm=confirm, yes=yes)
    number, queued = start_queueing(ctx, new, reach.people, approved_by)
    if json:
        show_json({**told, "id": number, "queued": queued})
        return
    say(f"Announcement {number}: {queued:,} queued. It leaves with the daemon, or with: trialalerts run --once")


@app.command("list", epilog="Example: trialalerts announcements list")
def list_(*, json: AsJson = False) -> None:
    """List the announcements, newest first: how each stands, and what became of its mails."""
    from trialalerts.cli.context import open_context
    from trialalerts.cli.output import show_json, show_table
    from trialalerts.delivery.outbox.notices.announcing import list_announcements

    with open_context().db.read() as session:
        rows = [_row(session, each) for each in list_announcements(session)]
    if json:
        show_json(rows)
        return
    columns = ("id", "name", "title", "state", "started at", "not before", "people", "mails")
    shown = [[row[column.replace(" ", "_")] for column in columns[:-1]] + [_words(row["mails"])] for row in rows]
    show_table(columns, shown)


@app.command(epilog="Example: trialalerts announcements show moved.md")
def show(which: Which, *, json: AsJson = False) -> None:
    """Show an announcement: what it says, for whom it is, and what became of its mails."""
    from trialalerts.cli.context import open_context
    from trialalerts.cli.output import show_fields, show_json
    from trialalerts.delivery.outbox.notices.announcing import find_announcement
    from trialalerts.digests.announcements.queueing import as_new
    from trialalerts.operations.announcing.drafting import for_whom
    from trialalerts.sources.context import SourceContext

    ctx = open_context()
    with SourceContext(ctx.db, ctx.settings, ctx.clock) as context, ctx.db.read() as session:
        found = find_announcement(session, which)
        told = {**_row(session, found), "for": for_whom(as_new(found), context), **_facts(as_new(found))}
    if json:
        show_json(told)
        return
    said: dict[str, object] = {
        **told,
        "for": "; ".join(f"{what}: {', '.join(some)}" for what, some in told["for"].items()) or "everybody",
        "mails": _words(told["mails"]),
    }
    show_fields(said)


@app.command(epilog="Example: trialalerts announcements pause moved.md")
def pause(which: Which) -> None:
    """Let no more mails of an announcement leave until it is resumed."""
    from trialalerts.cli.context import open_context
    from trialalerts.cli.output import show as say
    from trialalerts.delivery.outbox.notices.announcing import find_announcement, pause_announcement

    ctx = open_context()
    with ctx.db.write() as session:
        found = find_announcement(session, which)
        pause_announcement(session, found)
        ctx.note("announcement.paused", f"announcement {found.id}", old="running", new="paused", session=session)
        say(f"{found.name} is paused; to go on: trialalerts announcements resume {found.id}")


@app.command(epilog="Example: trialalerts announcements resume moved.md")
def resume(which: Which) -> None:
    """Let the mails of an announcement leave again."""
    from trialalerts.cli.context import open_context
    from trialalerts.cli.output import show as say
    from trialalerts.delivery.outbox.notices.announcing import find_announcement, resume_announcement

    ctx = open_context()
    with ctx.db.write() as session:
        found = find_announcement(session, which)
        left = resume_announcement(session, found, now=ctx.clock.now())
        ctx.note("announcement.resumed", f"announcement {found.id}", old="paused", new="running", session=session)
        say(f"{found.name} goes on; mails that have still to leave: {left:,}")


@app.command(epilog="Example: trialalerts announcements cancel moved.md --yes")
def cancel(which: Which, *, yes: Yes = False) -> None:
    """Call an announcement off: what has not left does not leave. Started again, it is told to the others."""
    from trialalerts.cli.context import open_context
    from trialalerts.cli.output import show as say
    from trialalerts.delivery.outbox.notices.announcing import cancel_announcement, find_announcement

    ctx = open_context()
    with ctx.db.read() as session:
        title = find_announcement(session, which).title
    if not yes:
        typer.confirm(f"Call off “{title}”?", abort=True)
    with ctx.db.write() as session:
        found = find_announcement(session, which)
        old = found.state.value
        left = cancel_announcement(session, found)
        ctx.note("announcement.cancelled", f"announcement {found.id}", old=old, new=f"{left} not sent", session=session)
        say(f"{found.name} is called off; mails that do not leave: {left:,}")


def _moment(ctx: Context, at: str | None, *, with_next_digest: bool) -> Any:
    from zoneinfo import ZoneInfo

    from trialalerts.cli.times import moment_in
    from trialalerts.errors import InvalidInput

    if at is None:
        return None
    if with_next_digest:
        raise InvalidInput("--at and --with-next-digest both say when; give one of them")
    when = moment_in("--at", at, ZoneInfo(ctx.settings.service.timezone))
    if when <= ctx.clock.now():
        raise InvalidInput(f"--at {at} is over; leave it out to send at once")
    return when


def _try(ctx: Context, new: NewAnnouncement, options: AnnouncementOptions, address: str) -> None:
    from trialalerts.cli.output import show as say
    from trialalerts.operations.announcing.trial import send_trial

    languages = list(options.languages) or [text["language"] for text in new.texts if text["language"]]
    languages = languages or [ctx.settings.service.locale]
    through = send_trial(ctx.db, ctx.settings, ctx.clock, new, address, languages)
    say(f"test mails ({', '.join(languages)}) left through {through}: {len(languages)}")
    say("Nobody else was told. Look at it; then send it without --test.")


def _reach(ctx: Context, new: NewAnnouncement, context: SourceContext) -> tuple[ArticleReach, int]:
    """Return whom it would reach now, and how many were told before."""
    from trialalerts.delivery.outbox.notices.announcing import count_recipients, known_recipients
    from trialalerts.digests.announcements.queueing import known_announcement, people_addressed
    from trialalerts.operations.questions.article_reach import counted_reach

    with ctx.db.read() as session:
        found = list(people_addressed(session, new, ctx.clock.now().date(), areas=context.areas))
        known, before = known_announcement(session, new.name), 0
        if known is not None:  # who is told once more after it was called off was not told before
            again = known_recipients(session, known, {who: None for each in found for who in each.people})
            before = count_recipients(session, known) - len(again)
        return counted_reach(found, one_trial="a single trial"), before


def _facts(new: NewAnnouncement) -> dict[str, Any]:
    return {
        "name": new.name,
        "title": new.title,
        "written_in": [text["language"] or "not said" for text in new.texts] or None,
        "not_before": new.not_before,
        "with_digest": new.with_digest,
    }


def _tell(told: Mapping[str, Any], reach: ArticleReach, context: SourceContext) -> None:
    from trialalerts.cli.output import show as say

    say(f"“{told['title']}” ({told['name']})")
    if told["written_in"]:
        say(f"written in: {', '.join(told['written_in'])}")
    for name, some in told["for"].items():
        say(f"{name}: {', '.join(some)}")
    soon = f"from {told['not_before']:%Y-%m-%d %H:%M %Z} on"
    say(f"when: {'with the next digest of each' if told['with_digest'] else soon}")
    if told["told_before"]:
        say(f"told before: {told['told_before']:,}")
    say(f"to be told now: {reach.people:,} {'person' if reach.people == 1 else 'people'}")
    names = {area: context.areas.name(area) if area in context.areas else area for area in reach.by_area}
    by_area = {names[area]: count for area, count in reach.by_area.most_common()}
    counts: dict[str, Sequence[tuple[str, int]]] = {
        "areas": list(by_area.items()),
        "regions": reach.by_region.most_common(),
        "languages": reach.by_language.most_common(),
        "rhythms": reach.by_rhythm.most_common(),
    }
    for name, listed in counts.items():
        more = f", and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
        if listed:
            say(f"  by {name}: {', '.join(f'{what} {count:,}' for what, count in listed[:_SHOWN])}{more}")


def _require_approval(ctx: Context, new: NewAnnouncement, approved_by: str | None) -> None:
    from trialalerts.errors import InvalidInput

    if ctx.settings.editors.approval and new.item_id is None and not (approved_by or "").strip():
        raise InvalidInput("editors.approval is set: name who has read the message first, with --approved-by")


def require_number(people: int, *, confirm: int | None, yes: bool) -> None:
    """Let nothing happen unless somebody has seen how many people it is for."""
    from trialalerts.errors import InvalidInput

    if yes:
        return
    typed: int | None = confirm
    if typed is None:
        if not sys.stdin.isatty():
            raise InvalidInput(f"Nothing was sent: say that it is for so many people with --confirm {people}")
        typed = typer.prompt("Type this number to send it", type=int)
    if typed != people:
        raise InvalidInput(f"Nothing was sent: it is for {people:,} people, not for {typed:,}.")


def start_queueing(ctx: Context, new: NewAnnouncement, people: int, approved_by: str | None) -> tuple[int, int]:
    from trialalerts.digests.announcements.queueing import queue_announcement, start_announcement

    with ctx.db.write() as session:
        number = start_announcement(session, new, now=ctx.clock.now()).id or 0
        how = f"{people} people" + (f", approved by {' '.join(approved_by.split())}" if approved_by else "")
        ctx.note("announcement.started", f"announcement {number}", new=how, session=session)
    return number, queue_announcement(ctx.db, ctx.settings, ctx.clock, number)


def _row(session: Session, announcement: Announcement) -> dict[str, Any]:
    from trialalerts.delivery.outbox.notices.announcing import count_recipients, progress_of, told_counts

    counts = told_counts(session, announcement)
    return {
        "id": announcement.id,
        "name": announcement.name,
        "title": announcement.title,
        "state": progress_of(announcement, counts),
        "started_at": announcement.started_at,
        "not_before": announcement.not_before,
        "people": count_recipients(session, announcement),
        "mails": counts,
    }


def _words(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number:,} {what}" for what, number in counts.items())

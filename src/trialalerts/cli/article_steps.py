"""The steps in an article's life that ``trialalerts articles`` takes: approve, publish, correct, retract."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from datetime import datetime

    from trialalerts.cli.context import Context
    from trialalerts.sources.editors.steps import EditedArticle

__all__ = ["STEPS", "File"]

File = Annotated[Path, typer.Argument(metavar="FILE", help="The Markdown file of the article.")]


def approve(
    file: File,
    *,
    by: Annotated[str | None, typer.Option("--by", help="Who reviewed it; by default who is logged in.")] = None,
) -> None:
    """Let an article out as it is now. What is changed afterwards needs to be approved again."""
    from trialalerts.cli.context import open_context
    from trialalerts.sources.editors.approvals import approve_article
    from trialalerts.sources.editors.steps import find_article, settle_review

    ctx = open_context()
    article = find_article(ctx.settings, file)
    name = " ".join((by or _user()).split())
    settle_review(article, name, ctx.clock.now())
    source = article.source.name if article.source else ""
    with ctx.db.write() as session:
        approve_article(session, source, article.file.name, article.file.digest, by=name, now=ctx.clock.now())
        ctx.note("article.approved", f"article {source}/{article.file.name}", new=f"by {name}", session=session)
    _tell_next(ctx, file)


def publish(
    file: File,
    *,
    at: Annotated[
        str | None, typer.Option("--at", help="Not before then: 2026-12-01 08:00, the service's time.")
    ] = None,
) -> None:
    """Let an article go out: at once, or at a time to come."""
    from zoneinfo import ZoneInfo

    from trialalerts.cli.context import open_context
    from trialalerts.sources.editors.steps import find_article, moment_to_publish, publish_article

    ctx = open_context()
    when = moment_to_publish(at, ZoneInfo(ctx.settings.service.timezone), ctx.clock.now()) if at else None
    article = find_article(ctx.settings, file)
    publish_article(article, when)
    _note_step(ctx, article, "published", when.isoformat() if when else "at once")
    _tell_next(ctx, file)


def correct(
    file: File,
    *,
    sentence: Annotated[str, typer.Option("--sentence", help="What was put right, as readers are told it.")],
) -> None:
    """Tell those who were told an article what was put right in it; put it right in its text first."""
    from trialalerts.cli.context import open_context
    from trialalerts.sources.editors.steps import correct_article, find_article

    ctx = open_context()
    article = find_article(ctx.settings, file)
    correct_article(article, sentence, _now(ctx))
    _note_step(ctx, article, "corrected", sentence)
    _tell_next(ctx, file)


def retract(
    file: File,
    *,
    reason: Annotated[str, typer.Option("--reason", help="Why, as readers are told it.")],
    yes: Annotated[bool, typer.Option("--yes", help="Ask no question.")] = False,
) -> None:
    """Take an article back: those who were told it are told so, and its page says so."""
    from trialalerts.cli.context import open_context
    from trialalerts.sources.editors.steps import find_article, retract_article

    ctx = open_context()
    article = find_article(ctx.settings, file)
    if not yes:
        typer.confirm(f"Take back “{article.file.title}” for good?", abort=True)
    retract_article(article, reason, _now(ctx))
    _note_step(ctx, article, "retracted", reason)
    _tell_next(ctx, file)


def _now(ctx: Context) -> datetime:
    from zoneinfo import ZoneInfo

    return ctx.clock.now().astimezone(ZoneInfo(ctx.settings.service.timezone))


def _user() -> str:
    import getpass

    return getpass.getuser()


def _note_step(ctx: Context, article: EditedArticle, step: str, how: str) -> None:
    source = article.source.name if article.source else ""
    ctx.note(f"article.{step}", f"article {source}/{article.file.name}", old=article.file.status, new=how)


def _tell_next(ctx: Context, file: Path) -> None:
    """Say how the article stands now, when it goes out, and when that is read."""
    from trialalerts.cli.output import show as say
    from trialalerts.errors import InvalidInput
    from trialalerts.sources.context import SourceContext
    from trialalerts.sources.editors.steps import current_draft, find_article

    article, original = find_article(ctx.settings, file), None
    with SourceContext(ctx.db, ctx.settings, ctx.clock) as context:
        life = current_draft(article, context)[1]
        if article.file.translation_of and article.source is not None:
            with contextlib.suppress(InvalidInput):  # that there is none is told by the list
                whole = find_article(ctx.settings, Path(article.source.path) / article.file.translation_of)
                original = current_draft(whole, context)[1]
    waits = f", waits for {life.waits_for}" if life.waits_for else ""
    at = f" ({_hour(life.since)})" if life.stage.value == "scheduled" and life.since else ""
    hour = article.file.publish_at
    then = f"; then it goes out: {_hour(hour)}" if life.stage.value == "review" and hour and hour > _now(ctx) else ""
    say(f"{file}: {life.stage.value}{at}{waits}{then}")
    if original is not None and not original.stage.is_public:
        held = (
            f", not before: {_hour(original.since)}" if original.stage.value == "scheduled" and original.since else ""
        )
        say(f"It translates {article.file.translation_of} and goes out with it{held or f' ({original.stage.value})'}")
    elif life.stage.is_public or life.stage.value == "scheduled":
        name = article.source.name if article.source else ""
        say(f"It is read at the next poll; at once with: trialalerts sources poll {name}")


def _hour(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M %Z}"


STEPS: dict[Callable[..., None], str] = {
    approve: 'trialalerts articles approve articles/leeds-centre.md --by "Dr Reed"',
    publish: 'trialalerts articles publish articles/leeds-centre.md --at "2026-12-01 08:00"',
    correct: 'trialalerts articles correct articles/leeds-centre.md --sentence "It is 12 places, not 21."',
    retract: 'trialalerts articles retract articles/leeds-centre.md --reason "It was about another place."',
}
"""Each step with an example."""

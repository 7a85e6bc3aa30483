"""The commands on sources: list, check, poll, kinds, release."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trialalerts.cli.context import open_context
from trialalerts.cli.output import show, show_json, show_table

if TYPE_CHECKING:
    from datetime import date, datetime

    from trialalerts.catalog.draft import ItemDraft
    from trialalerts.cli.context import Context
    from trialalerts.settings import SourceSettings
    from trialalerts.sources.base import Batch
    from trialalerts.sources.tables import Problem, SourceState

__all__ = ["app"]

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="The registries, feeds and folders: list, check, poll, kinds, release.",
)

_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_SHOWN_ITEMS = 5
_GZIP = b"\x1f\x8b"
_SHOWN_PROBLEMS = 20


@app.command("list", epilog="Example: trialalerts sources list --json")
def list_sources(*, json: _Json = False) -> None:
    """List the configured sources: how each one does, and when it is asked next."""
    context = open_context()
    now = context.clock.now()
    rows = [_row(source, _state(context, source.name), now) for source in context.settings.sources]
    if json:
        show_json(rows)
        return
    columns = ("name", "kind", "state", "last success", "failures", "next poll", "polled by", "last error")
    show_table(columns, [[row[column.replace(" ", "_")] for column in columns] for row in rows])


@app.command(epilog="Examples: trialalerts sources check ctgov; trialalerts sources check ctgov --sample page.json")
def check(
    name: Annotated[str, typer.Argument(help="The name of a source in the configuration.", metavar="NAME")],
    *,
    sample: Annotated[Path | None, typer.Option("--sample", help="Read this file instead of asking.")] = None,
    json: _Json = False,
) -> None:
    """Ask a source once and say what it gives, fact by fact, with one card; nothing is stored."""
    from trialalerts.operations.questions.source_check import card_text, facts_given
    from trialalerts.sources.polling.poll import chosen_sources

    context = open_context()
    (source,) = chosen_sources(context.settings, [name])
    batch = _first_batch(context, source) if sample is None else _sampled(context, source, sample)
    found, given = _described(batch, _stored_problems(context, name)), facts_given(batch)
    card = card_text(batch.drafts[0], context.clock.now()) if batch.drafts else None
    if json:
        unknown = [{"field": field, "word": word, "times": times} for field, word, times in given.unknown]
        show_json({"source": name, **found, "facts": dict(given.facts), "unknown": unknown, "card": card})
        return
    more = "" if found["complete"] else ", and there is more"
    show(f"{name}: {found['items']} items on the first page{more}; {found['with_areas']} of them name a disease area.")
    show_table(("id", "published", "title"), [(i["id"], i["published"], i["title"]) for i in found["newest"]])
    show_table(("fact", "records"), [(fact, f"{times} of {given.records}") for fact, times in given.facts])
    if given.unknown:
        show_table(("field", "word", "times"), given.unknown, title="Words that no table knows")
    if card:
        show(f"\nOne card, as it would look to somebody who follows it:\n\n{card}\n")
    if found["problems"]:
        rows = [
            (
                problem["id"],
                problem["field"],
                problem["message"],
                "unread" if problem["unread"] else "read but for this",
            )
            for problem in found["problems"]
        ]
        show_table(("id", "field", "problem", "record"), rows[:_SHOWN_PROBLEMS], title="What could not be read")
        if len(rows) > _SHOWN_PROBLEMS:
            show(f"… and {len(rows) - _SHOWN_PROBLEMS} more; all of them with: trialalerts sources check {name} --json")


@app.command(epilog="Example: trialalerts sources kinds")
def kinds(*, json: _Json = False) -> None:
    """List the kinds of sources that a configuration may name, those of other packages too."""
    from trialalerts.sources.kinds import all_kinds

    rows = [{"kind": name, "what": kind.what} for name, kind in all_kinds().items()]
    if json:
        show_json(rows)
        return
    show_table(("kind", "what"), [(row["kind"], row["what"]) for row in rows])


@app.command(epilog="Examples: trialalerts sources poll; trialalerts sources poll ctgov")
def poll(
    name: Annotated[str | None, typer.Argument(help="Only this source.", metavar="[NAME]")] = None,
    *,
    json: _Json = False,
) -> None:
    """Poll all sources now, due or not, or only one. Exits with 1 where one failed."""
    from dataclasses import asdict

    from trialalerts.logs import configure_logs
    from trialalerts.sources.polling.poll import poll_due

    configure_logs(level="warning")
    context = open_context()
    counts = poll_due(context.db, context.settings, context.clock, names=None if name is None else [name], force=True)
    if json:
        show_json([asdict(count) for count in counts])
    else:
        columns = ("source", "new", "updated", "unchanged", "changes", "skipped", "problems", "error")
        asked = [count for count in counts if not count.polled_by]
        if asked:
            show_table(columns, [[getattr(count, column) for column in columns] for count in asked])
        for count in counts:
            if count.held:
                show(f"{count.source}: held, none of its {count.held} entries is told; see: trialalerts doctor")
            if count.polled_by:
                show(f"{count.source}: not asked, {count.polled_by} polls it just now; see: trialalerts sources list")
    if any(count.error or count.polled_by for count in counts):
        raise typer.Exit(1)


@app.command(epilog="Examples: trialalerts sources release news; trialalerts sources release news --silently")
def release(
    name: Annotated[str, typer.Argument(help="The name of a source that is held.", metavar="NAME")],
    *,
    silently: Annotated[bool, typer.Option("--silently", help="Take its entries as known; tell none of them.")] = False,
    json: _Json = False,
) -> None:
    """Let a source go on that is held because all its entries were new at once."""
    from trialalerts.sources.polling.holding import release_source
    from trialalerts.sources.polling.poll import freshness_of

    context = open_context()
    freshness = freshness_of(context.settings)
    count = release_source(context.db, name, silently=silently, now=context.clock.now(), freshness=freshness)
    context.note("source.released", f"source {name}", old="held", new=f"{count.changes} of {count.new} entries told")
    if json:
        show_json({"source": name, "new": count.new, "told": count.changes})
        return
    entries = "1 entry was" if count.new == 1 else f"{count.new} entries were"
    show(f"{name}: {entries} new; {count.changes or 'none'} of them will be told.")


def _row(source: SourceSettings, state: SourceState | None, now: datetime) -> dict[str, Any]:
    from trialalerts.sources.polling.state import next_poll, polled_by, url_key

    polled = state is not None and state.last_attempt_at is not None
    word = "never polled" if not polled else "failing" if state and state.error_count else "good"
    if state is not None and state.gone == url_key(source):
        word = "gone"
    elif state is not None and word == "good" and state.held_since is not None:
        word = "held"
    elif state is not None and word == "good" and state.baseline_done_at is None:
        word = "first sweep under way"
    return {
        "name": source.name,
        "kind": source.kind,
        "state": word,
        "last_success": state and state.last_success_at,
        "failures": state.error_count if state else 0,
        "next_poll": next_poll(state, source) or "now",
        "polled_by": polled_by(state, now),
        "last_error": state and state.last_error,
    }


def _state(context: Context, name: str) -> SourceState | None:
    from trialalerts.sources.tables import SourceState

    with context.db.read() as session:
        return session.get(SourceState, name)


def _stored_problems(context: Context, name: str) -> list[Problem]:
    from sqlmodel import col, select

    from trialalerts.sources.tables import Problem

    with context.db.read() as session:
        query = select(Problem).where(col(Problem.source) == name).order_by(col(Problem.seen_at).desc())
        return list(session.exec(query))


def _first_batch(context: Context, source: SourceSettings) -> Batch:
    from trialalerts.errors import SourceError
    from trialalerts.sources.base import Position
    from trialalerts.sources.context import SourceContext
    from trialalerts.sources.kinds import open_source

    with SourceContext(context.db, context.settings, context.clock) as desk:
        for batch in open_source(source).batches(Position(), desk):
            return batch
    raise SourceError(f"Source {source.name} gave nothing.")


def _sampled(context: Context, source: SourceSettings, file: Path) -> Batch:
    from trialalerts.errors import InvalidInput
    from trialalerts.sources.base import SampleReader
    from trialalerts.sources.context import SourceContext
    from trialalerts.sources.kinds import open_source
    from trialalerts.sources.mapping.packs import unzipped

    opened = open_source(source)
    if not isinstance(opened, SampleReader):
        raise InvalidInput(f"--sample: the kind {source.kind} reads no samples")
    try:
        body = file.read_bytes()
    except OSError as error:
        raise InvalidInput(f"--sample: {file} cannot be read ({error.strerror})") from None
    if body.startswith(_GZIP):
        _, body = next(unzipped(body, str(file)))
    with SourceContext(context.db, context.settings, context.clock) as desk:
        return opened.sample(body, str(file), desk)


def _described(batch: Batch, stored: list[Problem]) -> dict[str, Any]:
    from trialalerts.sources.polling.problems import WHOLE_RECORD

    found = {(problem.external_id, problem.field): problem.message for problem in stored}
    for problem in (*batch.problems, *(problem for draft in batch.drafts for problem in draft.problems)):
        found[problem.external_id, problem.field] = problem.message
    newest = sorted(batch.drafts, key=lambda d: d.published_at.timestamp() if d.published_at else 0.0, reverse=True)
    return {
        "complete": batch.ends_sweep,
        "items": len(batch.drafts),
        "with_areas": sum(bool(draft.areas) for draft in batch.drafts),
        "newest": [
            {"id": draft.external_id, "published": _published(draft), "title": draft.title, "url": draft.url}
            for draft in newest[:_SHOWN_ITEMS]
        ],
        "problems": [
            {"id": external_id, "field": field, "message": message, "unread": field in WHOLE_RECORD}
            for (external_id, field), message in found.items()
        ],
    }


def _published(draft: ItemDraft) -> date | None:
    """Return the day or the moment at which an item appeared, as exact as its source says it."""
    return getattr(draft.facts, "published_on", None) or draft.published_at

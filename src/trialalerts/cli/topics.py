"""``trialalerts topics``: what people can follow beside diseases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from trialalerts.cli.context import open_context
from trialalerts.cli.output import show_json, show_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trialalerts.vocabulary.topics import TopicTree

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="The topics beside diseases: search, show.")

_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command(epilog="Example: trialalerts topics search 'stem cell'")
def search(
    text: Annotated[str, typer.Argument(help="A name, an acronym, or a part of one.", metavar="TEXT")],
    *,
    limit: Annotated[int, typer.Option(help="The most topics to list.", min=1, max=1000)] = 10,
    json: _Json = False,
) -> None:
    """List the topics that TEXT may mean, the likeliest first, and how many trials are open on each now."""
    topics, open_trials = _load()
    hits = topics.search(text, limit=limit)
    rows = [(hit.node.id, hit.node.name, hit.matched, open_trials.get(hit.node.id, 0)) for hit in hits]
    if json:
        keys = ("id", "name", "matched", "open_trials", "score")
        show_json([dict(zip(keys, (*row, hit.score), strict=True)) for row, hit in zip(rows, hits, strict=True)])
    else:
        show_table(("id", "name", "matched", "open trials"), rows)


@app.command("show", epilog="Example: trialalerts topics show 'gene therapy'")
def show_topic(
    topic: Annotated[str, typer.Argument(help="An id, a name in any language, a synonym or an acronym.")],
    *,
    json: _Json = False,
) -> None:
    """Show one topic: what it is called, what is above and below it, how many trials on it are open now."""
    topics, open_trials = _load()
    found = topics.get(topics.find(topic))
    facts = {
        **found.model_dump(),
        "children": topics.children(found.id),
        "open_trials": open_trials.get(found.id, 0),
    }
    if json:
        show_json(facts)
        return
    names = ", ".join(f"{name} ({language})" for language, name in found.names.items())
    facts = {name.replace("_", " "): value for name, value in facts.items()} | {"names": names}
    show_table(("what", "value"), facts.items())


def _load() -> tuple[TopicTree, Mapping[str, int]]:
    from trialalerts.catalog.open_areas import count_open_topics
    from trialalerts.vocabulary.topics import load_topics

    with open_context().db.read() as session:
        return load_topics(session), count_open_topics(session)

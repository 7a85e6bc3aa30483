"""``trialalerts digests replay``: what a week would have brought."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["replay_digests"]


def replay_digests(
    *,
    since: Annotated[str, typer.Option(help="From when on: 2026-03-02, monday, 7d.", metavar="TIME")],
    email: Annotated[str | None, typer.Option(help="Only for this subscriber, active or not.", metavar="EMAIL")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say which digests would have gone out since then, by what people follow today; nothing is sent.

    Example: trialalerts digests replay --since 7d --email anna@example.org
    """
    from trialalerts.cli.context import open_context
    from trialalerts.cli.output import show, show_json, show_table
    from trialalerts.cli.progress import show_progress
    from trialalerts.cli.times import since_of
    from trialalerts.operations.questions.replay import replay
    from trialalerts.plurals import counted
    from trialalerts.subscribers.people import find_subscriber

    ctx = open_context()
    now = ctx.clock.now()
    moment = since_of("--since", since, now, ctx.settings.service.timezone) or now
    with ctx.db.read() as session, show_progress("digests replay", quiet=as_json) as progress:
        who = find_subscriber(session, email) if email else None
        found = list(replay(session, moment, now, subscriber=who, progress=progress))
    if as_json:
        show_json({"since": moment, "digests": [each.as_json() for each in found]})
        return
    show_table(("address", "when", "items"), [(each.address, each.at, each.numbers) for each in found])
    people = counted(len({each.address for each in found}), "person", "people")
    show(f"{counted(len(found), 'digest')} to {people}; nothing was sent")

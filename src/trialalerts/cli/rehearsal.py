"""``trialalerts run --once --dry-run``: what goes out tonight, tried on a copy that is thrown away."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trialalerts.clock import Clock
    from trialalerts.database import Database
    from trialalerts.operations.questions.outgoing import OutgoingMail
    from trialalerts.settings import Settings

__all__ = ["rehearse"]


def rehearse(settings: Settings, database: Database, clock: Clock, *, roles: Sequence[str], as_json: bool) -> None:
    """Say who would be mailed what by a round now; nothing is written, and nothing sent.

    The round's own steps run on the copy: what is polled, released after a day or composed there is seen by nobody.
    """
    from trialalerts.cli.output import show, show_json
    from trialalerts.cli.progress import show_progress
    from trialalerts.operations.questions.outgoing import outgoing_mail
    from trialalerts.operations.questions.throwaway import throwaway_copy
    from trialalerts.pipeline import Pipeline

    polled: dict[str, str | None] = {}
    failed = 0
    with show_progress("run", quiet=as_json) as progress, throwaway_copy(database, progress=progress) as copy:
        pipeline = Pipeline(settings, copy, clock)
        if "poll" in roles:
            progress.stage("sources polled")
            for count in pipeline.poll():
                polled[count.source] = count.error
                progress.advance()
        if "compose" in roles:
            progress.stage("digests composed")
            composed = pipeline.compose()
            failed = len(composed.failed)
            progress.advance(composed.digests)
        with copy.read() as session:
            found = outgoing_mail(session, settings, clock.now())
    if as_json:
        show_json(
            {
                "mails": [each.as_json() for each in found.mails],
                "withheld": dict(found.withheld),
                "paused": found.paused,
                "polled": [{"source": name, "error": error} for name, error in polled.items()],
                "failed": failed,
            }
        )
        return
    for name, error in polled.items():
        show(f"poll {name}: {error or 'read'}")
    _tell(found)


def _tell(found: OutgoingMail) -> None:
    from trialalerts.cli.output import show, show_table
    from trialalerts.plurals import counted

    show_table(
        ("address", "mail", "trials", "articles", "not before", "why"),
        [(each.address, each.kind, each.numbers, each.articles, each.after, each.why) for each in found.mails],
    )
    now = sum(each.after is None for each in found.mails)
    show(f"{counted(now, 'mail')} would leave now, {len(found.mails) - now:,} later; this was a try: nothing was sent")
    for why, number in sorted(found.withheld.items()):
        show(f"{counted(number, 'mail')} would not leave: {why}")
    if found.paused:
        show(f"Sending is paused, nothing leaves before you resume it: {found.paused}")

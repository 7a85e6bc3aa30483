"""``trialalerts subscribers list``: who confirmed since Monday, who follows what where."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trialalerts.cli.preferences import AsJson

if TYPE_CHECKING:
    from datetime import datetime

    from sqlmodel import Session

    from trialalerts.operations.questions.followers import Wanted
    from trialalerts.subscribers.tables import Subscriber
    from trialalerts.vocabulary.places.regions import Region

__all__ = ["as_shown", "list_subscribers"]

_COLUMNS = ("id", "address", "state", "frequency", "language", "time zone", "next due", "since")
_SHOWN = ("id", "address", "state", "frequency", "locale", "timezone", "next_due_at", "created_at")
"""What stands under them."""


def list_subscribers(
    *,
    state: Annotated[list[str] | None, typer.Option(help="Only those in this state; may be given again.")] = None,
    since: Annotated[
        str | None,
        typer.Option(help="Only who confirmed since then: 2026-03-02, monday, 7d. Of --state pending: signed up."),
    ] = None,
    area: Annotated[
        str | None, typer.Option(help="Only who follow this area, or one below it.", metavar="TEXT")
    ] = None,
    region: Annotated[
        str | None, typer.Option(help="Only who follow something in this country, subdivision or town.", metavar="TEXT")
    ] = None,
    trial: Annotated[
        str | None, typer.Option(help="Only who follow this one trial, by its number.", metavar="NUMBER")
    ] = None,
    radius: Annotated[str | None, typer.Option(help="How far around a town of --region, such as 80km.")] = None,
    search: Annotated[str | None, typer.Option(help="Only addresses with this in them.", metavar="TEXT")] = None,
    limit: Annotated[int, typer.Option(help="The most to list; 0 lists all.", min=0)] = 100,
    count: Annotated[bool, typer.Option("--count", help="Only say how many there are.")] = False,
    json: AsJson = False,
) -> None:
    """List subscribers, in the order in which they came; an area and a region are those of one preference."""
    from trialalerts.cli.context import open_context
    from trialalerts.cli.output import show, show_json, show_table
    from trialalerts.cli.times import since_of
    from trialalerts.operations.questions.followers import count_subscribers, find_subscribers, find_values

    ctx = open_context()
    moment = since_of("--since", since, ctx.clock.now(), ctx.settings.service.timezone)
    with ctx.db.read() as session:
        wanted = _wanted(session, state or [], moment, area, region, radius, search, trial)
        if count:
            number = count_subscribers(session, wanted)
            show_json({"count": number}) if json else show(f"{number:,}")
            return
        most = limit + 1 if limit else None
        if json:
            show_json([as_shown(each) for each in islice(find_subscribers(session, wanted, limit=most), limit or None)])
            return
        rows = find_values(session, wanted, _SHOWN, limit=most)
        if not limit:
            show_table(_COLUMNS, rows)  # read as they are shown
            return
        found = list(rows)
    show_table(_COLUMNS, found[:limit])
    if len(found) > limit:
        typer.echo(f"… and more; --limit 0 lists all (shown: {limit})", err=True)


def as_shown(subscriber: Subscriber) -> dict[str, Any]:
    """Return a subscriber as JSON types, without what stands for them in links."""
    from trialalerts.subscribers.choices import WEEKDAYS
    from trialalerts.subscribers.tables import Subscriber

    hidden = {"key", "address_key"}
    values = {name: getattr(subscriber, name) for name in Subscriber.model_fields if name not in hidden}
    return {**values, "weekday": WEEKDAYS[subscriber.weekday]}


def _wanted(
    session: Session,
    states: list[str],
    since: datetime | None,
    area: str | None,
    region: str | None,
    radius: str | None,
    search: str | None,
    trial: str | None,
) -> Wanted:
    from trialalerts.operations.questions.followers import Wanted
    from trialalerts.subscribers.choices import checked_state

    return Wanted(
        states=[checked_state(each) for each in states],
        since=since,
        areas=_areas(session, area) if area is not None else None,
        region=_region(session, region, radius) if region is not None else None,
        search=search,
        trial=_trial(session, trial) if trial is not None else None,
    )


# What reads trials, areas and places takes as long to import as all the rest: only who asks for them waits for it.


def _trial(session: Session, number: str) -> int:
    from trialalerts.subscribers.follows.trials import wanted_trial

    return wanted_trial(session, number)


def _areas(session: Session, area: str) -> set[str]:
    from trialalerts.subscribers.preferences import is_any_area
    from trialalerts.vocabulary.areas.tree import ANY_AREA, load_areas

    tree = load_areas(session)
    return {ANY_AREA} if is_any_area(area) else tree.with_below(tree.find(area).id)


def _region(session: Session, region: str, radius: str | None) -> Region:
    from trialalerts.subscribers.preferences import how_far, region_around

    return region_around(session, region, *how_far(radius or "", ""))

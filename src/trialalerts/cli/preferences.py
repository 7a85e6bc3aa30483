"""``trialalerts preferences``: what people follow; and the options that say so, for other commands too."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trialalerts.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlmodel import Session

    from trialalerts.subscribers.preferences import NewPreference
    from trialalerts.subscribers.tables import Preference
    from trialalerts.vocabulary.areas.tree import AreaTree
    from trialalerts.vocabulary.places.regions import Region

__all__ = ["Filters", "app", "described", "resolve"]

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

Areas = Annotated[
    list[str],
    typer.Option(
        "--area",
        help="A disease area; may be given again. any: whatever disease, with a --region or a --topic.",
        metavar="TEXT",
    ),
]
RegionText = Annotated[str, typer.Option(help="A town, postcode, subdivision, country, or: anywhere.", metavar="TEXT")]
Radius = Annotated[str | None, typer.Option(help="How far around a town, such as 80km or 50miles.")]
Travel = Annotated[
    str | None,
    typer.Option(help="Instead of --radius: nearby (25 km), day-trip (100 km), region (300 km) or anywhere."),
]
Born = Annotated[str | None, typer.Option(help="Birthday: 1984-05-12, or roughly 1984-05 or 1984.", metavar="DATE")]
Age = Annotated[int | None, typer.Option(help="Age in years, where no birthday is known.", min=0, max=120)]
Sex = Annotated[str | None, typer.Option(help="female or male.")]
Healthy = Annotated[bool, typer.Option("--healthy-volunteer", help="Only trials that take healthy volunteers.")]
Phases = Annotated[
    list[str] | None, typer.Option("--phase", help="Only trials of this phase (1 to 4); may be given again.")
]
Kinds = Annotated[list[str] | None, typer.Option("--kind", help="Only trial or only article.")]
Changes = Annotated[list[str] | None, typer.Option("--change", help="Only this kind of change; may be given again.")]
Excluded = Annotated[list[str] | None, typer.Option("--exclude", help="A disease area to leave out.", metavar="TEXT")]
Topics = Annotated[
    list[str] | None,
    typer.Option("--topic", help="Only what is on this topic; may be given again.", metavar="TEXT"),
]
Audience = Annotated[str | None, typer.Option(help="Only articles for patients or for professionals; else: any.")]
Label = Annotated[str | None, typer.Option(help="A private name, such as “for Anna”.", metavar="TEXT")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@dataclass(frozen=True, kw_only=True)
class Filters:
    """What was typed to narrow a preference."""

    born: str | None
    age: int | None
    sex: str | None
    healthy_volunteer: bool
    phases: list[str]
    kinds: list[str]
    changes: list[str]
    excluded: list[str]
    label: str | None
    travel: str | None = None
    topics: list[str] = field(default_factory=list)
    audience: str | None = None


def resolve(
    session: Session, areas: list[str], region: str, radius: str | None, filters: Filters, *, today: date
) -> tuple[NewPreference, ...]:
    """Return one preference for each area that was typed.

    Raises:
        InvalidInput: an area, a region or another word makes no sense.
    """
    from trialalerts.subscribers.preference_input import PreferenceInput
    from trialalerts.vocabulary.areas.tree import load_areas
    from trialalerts.vocabulary.topics import load_topics

    tree, topics = load_areas(session), load_topics(session)
    found = _region(session, region, radius, filters.travel)
    inputs = [
        PreferenceInput(
            area=area,
            region=found,
            born=filters.born or ("" if filters.age is None else str(filters.age)),
            sex=filters.sex or "",
            healthy_volunteer=filters.healthy_volunteer,
            phases=tuple(filters.phases),
            item_kinds=tuple(filters.kinds),
            change_kinds=tuple(filters.changes),
            excluded_areas=tuple(filters.excluded),
            topics=tuple(filters.topics),
            audience=filters.audience or "",
            label=filters.label,
        )
        for area in areas
    ]
    return tuple(each.checked(tree, topics, today).or_raise() for each in inputs)


def _region(session: Session, text: str, radius: str | None, travel: str | None) -> Region:
    from trialalerts.vocabulary.places.regions import find_region, find_region_to_travel, parse_radius

    if travel is None:
        return find_region(session, text, radius_km=parse_radius(radius) if radius else None)
    if radius:
        raise InvalidInput("--radius and --travel both say how far; give one of them")
    return find_region_to_travel(session, text, travel)


def described(preferences: Iterable[Preference], tree: AreaTree) -> list[dict[str, Any]]:
    """Return preferences as they are shown: names beside ids."""
    return [
        {
            "id": each.id,
            "area": tree.name(each.area_id),
            "area_id": each.area_id,
            "region": each.region_label,
            "radius_km": each.radius_km,
            "born_on": each.born_on,
            "sex": each.sex,
            "healthy_volunteer": each.healthy_volunteer,
            "phases": each.phases,
            "item_kinds": each.item_kinds,
            "change_kinds": each.change_kinds,
            "excluded_areas": [tree.name(area) for area in each.excluded_areas],
            "topics": each.topics,
            "audience": each.audience,
            "label": each.label,
            "confirmed": each.confirmed_at,
        }
        for each in preferences
    ]


@app.command("list", epilog="Example: trialalerts preferences list anna@example.org")
def list_(email: Annotated[str, typer.Argument(metavar="EMAIL")], *, json: AsJson = False) -> None:
    """List what somebody follows."""
    from trialalerts.cli.context import open_context
    from trialalerts.cli.output import show_json, show_table
    from trialalerts.subscribers.people import find_subscriber
    from trialalerts.subscribers.preferences import list_preferences
    from trialalerts.vocabulary.areas.tree import load_areas

    with open_context().db.read() as session:
        preferences = list_preferences(session, find_subscriber(session, email))
        rows = described(preferences, load_areas(session))
    if json:
        show_json(rows)
        return
    show_table(
        ("id", "area", "region", "radius km", "filters", "label", "confirmed"),
        [
            (row["id"], row["area"], row["region"], row["radius_km"], _filters(row), row["label"], row["confirmed"])
            for row in rows
        ],
    )


@app.command(
    epilog='Example: trialalerts preferences add anna@example.org --area "ALS" --region "Leeds, GB" --confirmed'
)
def add(
    email: Annotated[str, typer.Argument(metavar="EMAIL")],
    *,
    area: Areas,
    region: RegionText = "anywhere",
    radius: Radius = None,
    travel: Travel = None,
    born: Born = None,
    age: Age = None,
    sex: Sex = None,
    healthy_volunteer: Healthy = False,
    phase: Phases = None,
    kind: Kinds = None,
    change: Changes = None,
    exclude: Excluded = None,
    topic: Topics = None,
    audience: Audience = None,
    label: Label = None,
    confirmed: Annotated[bool, typer.Option("--confirmed", help="They agreed: ask by no mail.")] = False,
) -> None:
    """Let a subscriber follow one more area; without --confirmed a mail asks them first."""
    from trialalerts.cli.context import open_context
    from trialalerts.cli.output import show
    from trialalerts.delivery.mail.message import mail_domain
    from trialalerts.delivery.outbox.confirmations import request_confirmation
    from trialalerts.subscribers.people import find_subscriber
    from trialalerts.subscribers.preferences import add_preference

    ctx = open_context()
    filters = Filters(
        born=born,
        age=age,
        sex=sex,
        healthy_volunteer=healthy_volunteer,
        phases=phase or [],
        kinds=kind or [],
        changes=change or [],
        excluded=exclude or [],
        label=label,
        travel=travel,
        topics=topic or [],
        audience=audience,
    )
    now = ctx.clock.now()
    with ctx.db.write() as session:
        subscriber = find_subscriber(session, email)
        wanted = resolve(session, area, region, radius, filters, today=now.date())
        added = [
            add_preference(session, subscriber, each, confirmed=confirmed, how="operator", now=now) for each in wanted
        ]
        waiting = [each.preference.id or 0 for each in added if each.preference.confirmed_at is None]
        domain = mail_domain(ctx.settings.mail.sender)
        asked = bool(waiting) and request_confirmation(session, subscriber, waiting, now=now, domain=domain)
    for each in added:
        show(f"preference {each.preference.id} {'added' if each.new else 'was there already'}")
    if waiting:
        show("a confirmation mail is queued" if asked else "no further confirmation mail for now: enough were sent")


@app.command(epilog="Example: trialalerts preferences remove 17")
def remove(number: Annotated[int, typer.Argument(metavar="ID")], *, yes: Yes = False) -> None:
    """Remove one preference (its number is in the list)."""
    from trialalerts.cli.context import open_context
    from trialalerts.cli.output import show
    from trialalerts.subscribers.preferences import find_preference, remove_preference
    from trialalerts.subscribers.tables import Subscriber

    ctx = open_context()
    with ctx.db.read() as session:
        find_preference(session, number)
    if not yes:
        typer.confirm(f"Remove preference {number}?", abort=True)
    with ctx.db.write() as session:
        subscriber = session.get_one(Subscriber, find_preference(session, number).subscriber_id)
        remove_preference(session, subscriber, number, how="operator", now=ctx.clock.now())
    show(f"preference {number} removed")


@app.command(
    epilog='Example: trialalerts preferences estimate --area "multiple sclerosis" --region "Leeds, GB" --radius 80km'
)
def estimate(
    *,
    area: Areas,
    region: RegionText = "anywhere",
    radius: Radius = None,
    travel: Travel = None,
    born: Born = None,
    age: Age = None,
    sex: Sex = None,
    healthy_volunteer: Healthy = False,
    phase: Phases = None,
    kind: Kinds = None,
    change: Changes = None,
    exclude: Excluded = None,
    topic: Topics = None,
    audience: Audience = None,
    json: AsJson = False,
) -> None:
    """Tell how much a preference would bring, before anybody saves it."""
    from trialalerts.cli.context import open_context
    from trialalerts.cli.output import show, show_json, show_table
    from trialalerts.matching.estimate import Estimator
    from trialalerts.sources.polling.state import watched_since
    from trialalerts.subscribers.preferences import unsaved_preference
    from trialalerts.vocabulary.areas.tree import load_areas

    ctx = open_context()
    filters = Filters(
        born=born,
        age=age,
        sex=sex,
        healthy_volunteer=healthy_volunteer,
        phases=phase or [],
        kinds=kind or [],
        changes=change or [],
        excluded=exclude or [],
        label=None,
        travel=travel,
        topics=topic or [],
        audience=audience,
    )
    now = ctx.clock.now()
    with ctx.db.read() as session:
        tree = load_areas(session)
        wanted = resolve(session, area, region, radius, filters, today=now.date())
        since, complete = watched_since(session, [source.name for source in ctx.settings.sources])
        estimator = Estimator(session, tree, now, watched_since=since, complete=complete)
    preferences = [unsaved_preference(each, is_area=tree.__contains__, now=now) for each in wanted]
    rows: list[dict[str, Any]] = [
        {
            "area": tree.name(each.area_id),
            "region": each.region_label,
            "recruiting_now": found.recruiting_now,
            "changes_a_week": None if found.changes_a_week is None else round(found.changes_a_week, 1),
            "complete": found.complete,
            "too_much": found.is_broad,
            "instead": [
                {"what": other.what, "recruiting_now": other.estimate.recruiting_now}
                for other in (estimator.instead_of(each) if found.is_empty else ())
            ],
        }
        for each in preferences
        for found in (estimator.of(each),)
    ]
    if json:
        show_json(rows)
        return
    show_table(
        ("area", "region", "recruiting now", "changes a week"),
        [[row["area"], row["region"], _so_far(row), _a_week(row)] for row in rows],
    )
    if not all(row["complete"] for row in rows):
        show("The sources have not been read to their end yet: there may be more.")
    for row in rows:
        if row["too_much"]:
            show(f"{row['area']}: more than anybody reads; take a narrower area, a region, or fewer kinds of change")
        for other in row["instead"]:
            show(f"{row['area']}: nothing now; {other['what']} would bring {other['recruiting_now']} recruiting now")


def _so_far(row: dict[str, Any]) -> str:
    """Return the open trials; with a plus where not every source was read to its end."""
    return f"{row['recruiting_now']:,}{'' if row['complete'] else '+'}"


def _a_week(row: dict[str, Any]) -> str:
    known = row["changes_a_week"]
    return "not known yet" if known is None else f"{known:g}"


def _filters(row: dict[str, Any]) -> str:
    """Put all filters into a few words."""
    words = [row["sex"] or "", f"born {row['born_on']}" if row["born_on"] else ""]
    words += ["healthy volunteer"] if row["healthy_volunteer"] else []
    words += [*row["phases"], *row["item_kinds"], *row["change_kinds"]]
    words += [f"not {name}" for name in row["excluded_areas"]]
    words += [f"topic {topic}" for topic in row["topics"]]
    words += [f"for {row['audience']}"] if row["audience"] else []
    return ", ".join(word for word in words if word)

"""``trialalerts preferences``: what people follow; and the options that say so, for other commands too."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trialalerts.subscribers.filters import FILTERS, PreferenceFilter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlmodel import Session

    from trialalerts.matching.estimate import Alternative
    from trialalerts.subscribers.preferences import NewPreference
    from trialalerts.subscribers.tables import Preference
    from trialalerts.vocabulary.areas.tree import AreaTree

__all__ = ["AsJson", "Label", "PreferenceOptions", "Yes", "app", "described", "takes_preference"]

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

Areas = Annotated[
    list[str],
    typer.Option(
        "--area",
        help="A disease area; may be given again. any: whatever disease, with a --region or a --topic.",
        metavar="TEXT",
    ),
]
RegionText = Annotated[
    str,
    typer.Option(
        help="A town, postcode, subdivision, country, a region such as Yorkshire or Europe, or: anywhere.",
        metavar="TEXT",
    ),
]
Radius = Annotated[str | None, typer.Option(help="How far around a town, such as 80km or 50miles.")]
Travel = Annotated[
    str | None,
    typer.Option(help="Instead of --radius: nearby (25 km), day-trip (100 km), region (300 km) or anywhere."),
]
Age = Annotated[int | None, typer.Option(help="Age in years, where no birthday is known.", min=0, max=120)]
Label = Annotated[str | None, typer.Option(help="A private name, such as “for Anna”.", metavar="TEXT")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@dataclass(frozen=True, kw_only=True)
class PreferenceOptions:
    """What was typed to say what somebody wants to follow: the options of a command that :func:`takes_preference`."""

    area: list[str]
    region: str
    radius: str | None
    travel: str | None
    filters: Mapping[str, tuple[str, ...]]

    def resolve(self, session: Session, today: date, *, label: str | None = None) -> tuple[NewPreference, ...]:
        """Return one preference for each area that was typed.

        Raises:
            InvalidInput: an area, a region or another word makes no sense.
        """
        from trialalerts.subscribers.preferences import PreferenceInput, how_far, region_around
        from trialalerts.vocabulary.areas.tree import load_areas
        from trialalerts.vocabulary.topics import load_topics

        tree, topics = load_areas(session), load_topics(session)
        region = region_around(session, self.region, *how_far(self.radius or "", self.travel or ""))
        inputs = [PreferenceInput(area=area, region=region, filters=self.filters, label=label) for area in self.area]
        return tuple(each.checked(tree, topics, today) for each in inputs)


def takes_preference(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of a :class:`PreferenceOptions`, which it gets as its parameter ``options``."""
    own = inspect.signature(command, eval_str=True)
    parameters = [each for own in own.parameters.values() for each in (_OPTIONS if own.name == "options" else (own,))]

    @functools.wraps(command)
    def called(**given: Any) -> None:
        age = given.pop("age")
        typed = {each: given.pop(_parameter(each)) for each in FILTERS}
        filters = {each.name: _texts(value) for each, value in typed.items() if value}
        if age is not None:
            filters.setdefault("born_on", (str(age),))
        words = {name: given.pop(name) for name in ("area", "region", "radius", "travel")}
        command(options=PreferenceOptions(filters=filters, **words), **given)

    called.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]  # Typer reads it
    called.__annotations__ = {each.name: each.annotation for each in parameters}
    return called


def _option(name: str, kind: Any, default: object = inspect.Parameter.empty) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)


def _parameter(each: PreferenceFilter) -> str:
    return each.option.removeprefix("--").replace("-", "_")


def _filter_option(each: PreferenceFilter) -> inspect.Parameter:
    option = typer.Option(each.option, help=each.help, metavar=each.metavar)
    if each.empty is False:
        return _option(_parameter(each), Annotated[bool, option], default=False)
    kind = list[str] | None if each.parted else str | None
    return _option(_parameter(each), Annotated[kind, option], None)


def _texts(value: bool | str | list[str]) -> tuple[str, ...]:
    return tuple(value) if isinstance(value, list) else ("yes" if value is True else str(value),)


_OPTIONS = (
    _option("area", Areas),
    _option("region", RegionText, "anywhere"),
    _option("radius", Radius, None),
    _option("travel", Travel, None),
    _option("age", Age, None),
    *map(_filter_option, FILTERS),
)


def described(session: Session, preferences: Sequence[Preference], tree: AreaTree) -> list[dict[str, Any]]:
    """Return preferences as they are shown: names beside ids; of a trial that is followed its number."""
    from trialalerts.catalog.trials.lookup import numbers_of_trials

    trials = numbers_of_trials(session, {each.item_id for each in preferences if each.item_id is not None})
    numbers = {each.id: trials.get(each.item_id, "(gone)") for each in preferences if each.item_id is not None}
    return [
        {
            "id": each.id,
            "area": f"trial {numbers[each.id]}" if each.id in numbers else tree.name(each.area_id),
            "area_id": None if each.id in numbers else each.area_id,
            "trial": numbers.get(each.id),
            "region": each.region_label,
            "radius_km": each.radius_km,
            **{filter_.name: filter_.shown(getattr(each, filter_.name), tree.name) for filter_ in FILTERS},
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
        rows = described(session, preferences, load_areas(session))
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
@takes_preference
def add(
    email: Annotated[str, typer.Argument(metavar="EMAIL")],
    *,
    options: PreferenceOptions,
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
    now = ctx.clock.now()
    with ctx.db.write() as session:
        subscriber = find_subscriber(session, email)
        wanted = options.resolve(session, now.date(), label=label)
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
@takes_preference
def estimate(
    *,
    options: PreferenceOptions,
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
    now = ctx.clock.now()
    with ctx.db.read() as session:
        tree = load_areas(session)
        wanted = options.resolve(session, now.date())
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
                    {"what": _words_of(other), "recruiting_now": other.recruiting_now}
                    for other in (estimator.alternatives(each) if found.is_empty else ())
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


def _words_of(other: Alternative) -> str:
    return f"a radius of {other.value} km" if other.kind == "radius" else f"the area “{other.name}”"


def _so_far(row: dict[str, Any]) -> str:
    """Return the open trials; with a plus where not every source was read to its end."""
    return f"{row['recruiting_now']:,}{'' if row['complete'] else '+'}"


def _a_week(row: dict[str, Any]) -> str:
    known = row["changes_a_week"]
    return "not known yet" if known is None else f"{known:g}"


def _filters(row: dict[str, Any]) -> str:
    """Put all filters into a few words."""
    told = sorted(FILTERS, key=lambda each: each.name != "sex")  # “female, born 1984-07-01”
    return ", ".join(each.short.format(text) for each in told for text in each.write(row[each.name]))

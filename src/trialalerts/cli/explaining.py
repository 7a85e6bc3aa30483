"""``trialalerts subscribers explain``: she says she got nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from trialalerts.cli.preferences import AsJson, described

if TYPE_CHECKING:
    from trialalerts.operations.questions.explain import Explanation

__all__ = ["explain"]

_WORDS = {
    "preference_not_confirmed": "the preference is not confirmed",
    "held_back": "held back for now",
    "closed": "takes nobody any more",
    "already_told": "already told",
    "never_told": "a correction of what was never told, or concern about it",
    "before": "happened before this was followed",
    "no_change": "nothing changed since it was followed",
    "nothing_followed": "nothing is followed",
}


def explain(
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="The address, however it is spelled.")],
    *,
    item: Annotated[
        str | None, typer.Option(help="Ask about this trial or article: told, or why not.", metavar="NUMBER")
    ] = None,
    limit: Annotated[int, typer.Option(help="The most items to describe; 0 describes all.", min=0)] = 20,
    json: AsJson = False,
) -> None:
    """Say why somebody got no mail: state, due time, last mails, and what is new with why it is told or not."""
    from trialalerts.cli.context import open_context
    from trialalerts.cli.output import show_json
    from trialalerts.errors import NotFound
    from trialalerts.operations.questions.explain import explain_silence
    from trialalerts.operations.questions.items import find_item
    from trialalerts.subscribers.people import find_subscriber
    from trialalerts.subscribers.preferences import list_preferences
    from trialalerts.vocabulary.areas.tree import load_areas

    ctx = open_context()
    with ctx.db.read() as session:
        try:
            subscriber = find_subscriber(session, email)
            about = find_item(session, item) if item is not None else None
        except NotFound as error:
            typer.echo(f"trialalerts: {error}", err=True)
            raise typer.Exit(1) from None
        found = explain_silence(session, ctx.settings, ctx.clock.now(), subscriber, item=about, most=limit or None)
        tree = load_areas(session)
        follows = described(session, list_preferences(session, subscriber), tree)
    items = [{**each.as_json(), "area": tree.name(each.area_id or "")} for each in found.news.items]
    if json:
        show_json(_as_json(found, follows, items))
        return
    _tell(found, follows, items)


def _as_json(found: Explanation, follows: list[dict[str, Any]], items: list[dict[str, Any]]) -> dict[str, Any]:
    who = found.subscriber
    return {
        "id": who.id,
        "address": who.address,
        "state": who.state.value,
        "state_reason": who.state_reason,
        "reasons": found.reasons,
        "because": [each.as_json() for each in found.obstacles],
        "next_mail": found.next_mail,
        "next_due": who.next_due_at,
        "frequency": who.frequency.value,
        "timezone": who.timezone,
        "confirmed_at": who.confirmed_at,
        "paused_until": who.paused_until,
        "last_digest": found.last_digest,
        "mails": [each.as_json() for each in found.mails],
        "follows": follows,
        "news": {"considered": found.news.considered, "matching": found.news.matching, "items": items},
    }


def _tell(found: Explanation, follows: list[dict[str, Any]], items: list[dict[str, Any]]) -> None:
    from trialalerts.cli.output import show, show_table

    who = found.subscriber
    show(f"{who.address} is {who.state}, {who.frequency}, in {who.timezone}")
    for each in found.obstacles:
        show(f"- {each.reason.replace('_', ' ')}: {each.text}")
    if not found.obstacles:
        show("- nothing stands in the way: the next round of the daemon composes and sends")
    show(f"next mail: {f'{found.next_mail:%Y-%m-%d %H:%M} UTC' if found.next_mail else 'none can be foreseen'}")
    show_table(
        ("id", "area", "region", "radius km", "label", "confirmed"),
        [tuple(each[name] for name in ("id", "area", "region", "radius_km", "label", "confirmed")) for each in follows],
        title="Follows",
    )
    show_table(
        ("id", "kind", "state", "created", "sent", "not before", "code", "error"),
        [
            (each.id, each.kind, each.state, each.created_at, each.sent_at, each.not_before, each.code, each.error)
            for each in found.mails
        ],
        title="Last mails",
    )
    show_table(("item", "what", "when", "told", "why", "title"), [_row(each) for each in items], title="New")
    if found.news.considered > len(items):
        typer.echo(f"… of {found.news.considered:,} considered; --limit 0 describes all", err=True)


def _row(each: dict[str, Any]) -> tuple[object, ...]:
    from trialalerts.matching.index import Miss

    words = _WORDS | {miss.value: miss.words for miss in Miss}
    told = f"digest {each['digest_id']}" if each["digest_id"] else "next digest" if each["told"] else "no"
    why = ", ".join(words.get(reason, reason) for reason in each["why_not"])
    return each["number"], each["what"], each["at"], told, why, each["title"]

"""The line that tells what changed: before → after in words, with the registry's own words quoted beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from trialalerts.catalog.facts import TrialFacts
from trialalerts.catalog.tables import ChangeKind
from trialalerts.digests.cards.text import one_line, shortened
from trialalerts.digests.cards.trial_wording import eligibility, status
from trialalerts.digests.cards.wording import Wording
from trialalerts.digests.entries import RECRUITING_NOW, EntryChange, Reason

__all__ = ["NEAR_LINES", "ChangeNote", "Quote", "Tone", "brief_change", "change_notes"]

Tone = Literal["good", "news", "over"]
"""How a change is to be taken: ``good`` (something opened), ``news``, ``over`` (something ended or paused)."""

_GOOD = {
    RECRUITING_NOW,
    ChangeKind.OPENED.value,
    ChangeKind.REOPENED.value,
    ChangeKind.SITE_OPENED.value,
}
_OVER = {
    ChangeKind.PAUSED.value,
    ChangeKind.CLOSED.value,
    ChangeKind.SITE_CLOSED.value,
    ChangeKind.WITHDRAWN.value,
    ChangeKind.RETRACTED.value,
    ChangeKind.CORRECTED.value,
}
_SAID_BY_THE_CHANGE = {"SUSPENDED", "WITHDRAWN"}
_MOST_NOTES = 4
_MOST_SITES = 3
_MOST_CLOSED = 2
_QUOTED = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Quote:
    """Words of the registry, in its language, with the label that says what they are (``Reason given:``)."""

    label: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangeNote:
    """One change of an item: the line itself, more lines in our words, and quotations.

    ``near``: to a reader the line tells how far away it is, so that theirs stands in its place.
    """

    kind: str
    tone: Tone
    text: str
    points: tuple[str, ...] = ()
    quotes: tuple[Quote, ...] = ()
    near: bool = False


def change_notes(
    words: Wording, told: Sequence[EntryChange], facts: TrialFacts | None, reasons: Sequence[Reason]
) -> tuple[ChangeNote, ...]:
    """Return what to say of everything that happened, each thing once; the latest few where there is a crowd."""
    notes = dict.fromkeys(_note(words, one, facts or TrialFacts(), reasons) for one in told)
    return tuple(notes)[-_MOST_NOTES:]


def brief_change(notes: Sequence[ChangeNote]) -> str:
    """Return the changes of one item in one line."""
    return "; ".join(note.text for note in notes)


def _note(words: Wording, told: EntryChange, facts: TrialFacts, reasons: Sequence[Reason]) -> ChangeNote:
    return ChangeNote(
        kind=told.kind,
        tone=_tone(told),
        text=_LINES.get(told.kind, _plain)(words, told, reasons),
        points=tuple(eligibility(words, told.before, told.after, facts)) if told.kind == _ELIGIBILITY else (),
        quotes=tuple(_quotes(words, told)),
    )


def _tone(told: EntryChange) -> Tone:
    if told.kind in _OVER:
        return "over"
    return "good" if told.kind in _GOOD and not _by_invitation(told) else "news"


def _plain(words: Wording, told: EntryChange, reasons: Sequence[Reason]) -> str:
    del reasons
    key = f"change.{told.kind}"
    return words.say(key if words.knows(key) else "change.changed")


def _registered(words: Wording, told: EntryChange, reasons: Sequence[Reason]) -> str:
    now = status(words, told.after.get("status"))
    change = _newly_found(words, told) or _plain(words, told, reasons)
    return words.say("change.now", change=change, status=now) if now else change


def _newly_found(words: Wording, told: EntryChange) -> str | None:
    """Say of a trial that is new to us only since when it stands in its registry; None: it is new."""
    posted = told.after.get("newly_found")
    if not isinstance(posted, str):
        return None
    year = posted[:4]
    return words.say("change.found_since", year=year) if year.isdecimal() else words.say("change.found")


def _began(words: Wording, told: EntryChange, reasons: Sequence[Reason]) -> str:
    """Say that something opened: the change names the new status, so only the old one is added."""
    before = status(words, told.before.get("status"))
    change = words.say("change.by_invitation") if _by_invitation(told) else _plain(words, told, reasons)
    return words.say("change.was", change=change, status=before) if before else change


def _by_invitation(told: EntryChange) -> bool:
    """Tell whether what opened is open to those only whom the trial asks."""
    return told.after.get("status") == "ENROLLING_BY_INVITATION"


def _ended(words: Wording, told: EntryChange, reasons: Sequence[Reason]) -> str:
    """Say that something ended or paused: how it stands now tells more than the change alone."""
    now = status(words, told.after.get("status"))
    before = status(words, told.before.get("status"))
    change = _plain(words, told, reasons)
    if now and before and told.after.get("status") not in _SAID_BY_THE_CHANGE:
        return words.say("change.now_was", change=change, now=now, before=before)
    return words.say("change.was", change=change, status=before) if before else change


def opened_sites(words: Wording, told: EntryChange, reasons: Sequence[Reason]) -> str:
    """Return the line that tells which sites opened, the near ones first and with their distance."""
    sites = _sites(told.after)
    near = {one_line(reason.nearest): reason.distance_km for reason in reasons if reason.nearest}
    shown = list(dict.fromkeys(_site(words, site, near) for site in _nearest_first(sites, near)))
    if not shown:
        return words.count("change.site_opened", 1, sites=words.say("who.not_stated"))
    more = len(shown) - _MOST_SITES
    listed = shown if more <= 0 else [*shown[:_MOST_SITES], words.count("change.more_sites", more)]
    return words.count("change.site_opened", len(shown), sites=words.listed(listed))


def closed_sites(words: Wording, told: EntryChange, reasons: Sequence[Reason]) -> str:
    """Return the line that tells which sites closed, and for each who had the nearest there which one it is now."""
    if lines := dict.fromkeys(_closed_near(words, reason) for reason in reasons if reason.closed):
        return "; ".join(tuple(lines)[:_MOST_CLOSED])
    shown = list(dict.fromkeys(_site(words, site, {}) for site in _sites(told.before)))
    more = len(shown) - _MOST_SITES
    listed = shown if more <= 0 else [*shown[:_MOST_SITES], words.count("change.more_sites", more)]
    return words.count("change.site_closed", len(shown), sites=words.listed(listed or [words.say("who.not_stated")]))


def _other_contact(words: Wording, told: EntryChange, reasons: Sequence[Reason]) -> str:
    """Say where somebody else is to be asked; whom, the card says below."""
    shown = list(dict.fromkeys(_site(words, site, {}) for site in _sites(told.after)))
    more = len(shown) - _MOST_SITES
    listed = shown if more <= 0 else [*shown[:_MOST_SITES], words.count("change.more_sites", more)]
    return words.say("change.contact_changed_at", sites=words.listed(listed)) if shown else _plain(words, told, reasons)


def _closed_near(words: Wording, reason: Reason) -> str:
    towns = [one_line(town, 60) or words.say("who.not_stated") for town in reason.closed]
    how_many, closed, what = len(towns), words.listed(towns), "paused" if reason.paused else "closed"
    if reason.distance_km is not None and reason.nearest:
        place, distance = one_line(reason.nearest, 60), words.distance(reason.distance_km)
        nearest = words.say("place.from_you", place=place, distance=distance)
        return words.count(f"change.site_{what}_nearest", how_many, sites=closed, nearest=nearest)
    if reason.near_unknown:
        return words.count(f"change.site_{what}_unknown", how_many, sites=closed)
    return words.count(f"change.site_{what}_none", how_many, sites=closed)


def _sites(side: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [site for site in side.get("sites", ()) if isinstance(site, Mapping)]


def _nearest_first(sites: Sequence[Mapping[str, Any]], near: Mapping[str, float | None]) -> list[Mapping[str, Any]]:
    return sorted(sites, key=lambda site: one_line(site.get("city")) not in near)


def _site(words: Wording, site: Mapping[str, Any], near: Mapping[str, float | None]) -> str:
    """Return a town with its distance where that is known, else with its country."""
    city = one_line(site.get("city"), 60) or one_line(site.get("facility"), 60)
    distance = near.get(city)
    if distance is not None:
        return words.say("place.from_you", place=city, distance=words.distance(distance))
    country = words.country(site.get("country"), one_line(site.get("country_name"), 60) or None)
    return f"{city} ({country})" if city and country else city or country or words.say("who.not_stated")


_ELIGIBILITY = ChangeKind.ELIGIBILITY_CHANGED.value
_LINES: dict[str, Callable[[Wording, EntryChange, Sequence[Reason]], str]] = {
    ChangeKind.REGISTERED.value: _registered,
    ChangeKind.OPENED.value: _began,
    ChangeKind.REOPENED.value: _began,
    ChangeKind.PAUSED.value: _ended,
    ChangeKind.CLOSED.value: _ended,
    ChangeKind.WITHDRAWN.value: _ended,
    ChangeKind.SITE_OPENED.value: opened_sites,
    ChangeKind.SITE_CLOSED.value: closed_sites,
    ChangeKind.CONTACT_CHANGED.value: _other_contact,
}
NEAR_LINES: Mapping[str, Callable[[Wording, EntryChange, Sequence[Reason]], str]] = {
    kind.value: _LINES[kind.value] for kind in (ChangeKind.SITE_OPENED, ChangeKind.SITE_CLOSED)
}
"""The lines that differ from reader to reader, by how near things are to each."""


def _quotes(words: Wording, told: EntryChange) -> list[Quote]:
    found = [
        ("change.why_stopped", told.after.get("why_stopped")),
        ("change.correction", told.after.get("sentence")),
        ("change.criteria_removed", _criteria(told, told.before)),
        ("change.criteria_added", _criteria(told, told.after)),
    ]
    return [
        Quote(label=words.say("card.label", label=words.say(key)), text=text)
        for key, written in found
        if isinstance(written, str) and (text := shortened(written, _QUOTED))
    ]


def _criteria(told: EntryChange, side: Mapping[str, Any]) -> str | None:
    """Return the criteria that were removed or added, without their bullets."""
    written = side.get("criteria") if told.kind == _ELIGIBILITY else None
    if not isinstance(written, str):
        return None
    return "; ".join(line for each in written.splitlines() if (line := each.strip().lstrip("-*• ").rstrip("; ")))

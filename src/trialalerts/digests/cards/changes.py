"""What changed, in the words of a card: a chip, what was before and is now, the registry's own words quoted."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from trialalerts.catalog.facts import ArticleNotice, TrialFacts
from trialalerts.catalog.tables import ChangeKind
from trialalerts.digests.cards.reasons import is_in
from trialalerts.digests.cards.text import one_line, shortened
from trialalerts.digests.cards.trial_wording import Point, eligibility
from trialalerts.digests.cards.wording import Wording
from trialalerts.digests.entries import RECRUITING_NOW, EntryChange, Reason

__all__ = [
    "ENDS",
    "NEAR_KINDS",
    "ChangeNote",
    "Quote",
    "Tone",
    "change_line",
    "change_notes",
    "closed_sites",
    "leading",
    "notices_said",
    "opened_sites",
    "told_once",
]

Tone = Literal["good", "news", "over", "calm"]
"""How a change is to be taken: ``good`` (something opened), ``news``, ``over`` (it ended or paused), ``calm``."""

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
    ChangeKind.CONCERN.value,
}
ENDS = frozenset(
    {
        ChangeKind.PAUSED.value,
        ChangeKind.CLOSED.value,
        ChangeKind.WITHDRAWN.value,
        ChangeKind.RESULTS_POSTED.value,
        ChangeKind.RESULTS_MISSING.value,
    }
)
"""After these nobody can join: what is told of the trial is a line."""
NEAR_KINDS = frozenset({ChangeKind.SITE_OPENED.value, ChangeKind.SITE_CLOSED.value})
"""Changes whose words differ from reader to reader, by how near things are to each."""
_OF_STATUS = frozenset({ChangeKind.OPENED, ChangeKind.REOPENED, ChangeKind.PAUSED, ChangeKind.CLOSED})
_LEADING = (
    ChangeKind.WITHDRAWN.value,
    ChangeKind.CLOSED.value,
    ChangeKind.PAUSED.value,
    ChangeKind.REGISTERED.value,
    ChangeKind.SITE_CLOSED.value,
    ChangeKind.SITE_OPENED.value,
    ChangeKind.OPENED.value,
    ChangeKind.REOPENED.value,
    RECRUITING_NOW,
    ChangeKind.ELIGIBILITY_CHANGED.value,
)
"""Which of several changes is told in the chip: a change of site beats all but the beginning and the end."""
_MOST_NOTES = 3
_MOST_SITES = 2
_QUOTED = 200


class Quote(NamedTuple):
    """Words of the registry, in its language, with the label that says what they are (``Reason given:``)."""

    label: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangeNote:
    """One change of an item: the chip's words, a sentence, what was before and is now, and quotations.

    ``near``: of a reader's own distances, so that theirs stand in the place of the words.
    """

    kind: str
    tone: Tone
    text: str
    sentence: str = ""
    points: tuple[Point, ...] = ()
    quotes: tuple[Quote, ...] = ()
    near: bool = False


def told_once(told: Sequence[EntryChange]) -> tuple[EntryChange, ...]:
    """Return what happened, the leading change first: of several statuses the last, of each other kind the last."""
    if len(told) == 1:
        return tuple(told)
    last: dict[str, EntryChange] = {}
    for one in told:
        last["status" if one.kind in _OF_STATUS else one.kind] = one
    return tuple(sorted(last.values(), key=_place_of)[:_MOST_NOTES])


def leading(told: Sequence[EntryChange]) -> EntryChange | None:
    """Return the change that the chip tells."""
    return next(iter(told_once(told)), None)


def _place_of(told: EntryChange) -> int:
    return _LEADING.index(told.kind) if told.kind in _LEADING else len(_LEADING)


def change_notes(words: Wording, told: Sequence[EntryChange], facts: TrialFacts | None) -> tuple[ChangeNote, ...]:
    """Return what to say of everything that happened, each thing once, the leading one first."""
    return tuple(_note(words, one, facts or TrialFacts()) for one in told_once(told))


def notices_said(words: Wording, notices: Sequence[ArticleNotice], known: Sequence[ChangeNote]) -> list[ChangeNote]:
    """Return what a journal has said of an article, beside what is told of it anyway: the gravest first."""
    kinds = {notice.kind for notice in notices} - {note.kind for note in known}
    return [
        ChangeNote(kind=kind, tone="over", text=words.say(f"change.{kind}"))
        for kind in ("retracted", "concern", "corrected")
        if kind in kinds
    ]


def change_line(words: Wording, told: EntryChange, facts: TrialFacts | None) -> str:
    """Return a change in one line for whoever reads it, with the sites that opened or closed."""
    sites = _sites(told.after) if told.kind == ChangeKind.SITE_OPENED else _sites(told.before)
    named = list(dict.fromkeys(_site(words, site, {}, None) for site in sites)) if told.kind in NEAR_KINDS else []
    text = _note(words, told, facts or TrialFacts()).text
    return f"{text}: {_some(words, named)}" if named else text


def _note(words: Wording, told: EntryChange, facts: TrialFacts) -> ChangeNote:
    return ChangeNote(
        kind=told.kind,
        tone=_tone(told, facts),
        text=_TEXTS.get(told.kind, _plain)(words, told),
        sentence=_missing_results(words, told) if told.kind == ChangeKind.RESULTS_MISSING else "",
        points=tuple(eligibility(words, told.before, told.after, facts)) if told.kind == _ELIGIBILITY else (),
        quotes=tuple(_quotes(words, told)),
        near=told.kind in NEAR_KINDS,
    )


def _tone(told: EntryChange, facts: TrialFacts) -> Tone:
    if told.kind in _OVER:
        return "over"
    if told.kind == ChangeKind.REGISTERED:
        return "good" if facts.status in {"RECRUITING", "AVAILABLE"} else "news"
    return "good" if told.kind in _GOOD and not _by_invitation(told) else "news"


def _plain(words: Wording, told: EntryChange) -> str:
    key = f"change.{told.kind}"
    return words.say(key if words.knows(key) else "change.changed")


def _registered(words: Wording, told: EntryChange) -> str:
    """Say of a trial that is new to us only since when it stands in its registry."""
    posted = told.after.get("newly_found")
    if not isinstance(posted, str):
        return words.say("change.registered")
    year = posted[:4]
    return words.say("change.found_since", year=year) if year.isdecimal() else words.say("change.found")


def _began(words: Wording, told: EntryChange) -> str:
    return words.say("change.by_invitation") if _by_invitation(told) else _plain(words, told)


def _by_invitation(told: EntryChange) -> bool:
    """Tell whether what opened is open to those only whom the trial asks."""
    return told.after.get("status") == "ENROLLING_BY_INVITATION"


def _ended(words: Wording, told: EntryChange) -> str:
    key = _ENDINGS.get(str(told.after.get("status")))
    return words.say(key) if key else _plain(words, told)


_ENDINGS = {"TERMINATED": "change.stopped", "COMPLETED": "change.finished", "WITHDRAWN": "change.withdrawn"}


def _opened(words: Wording, told: EntryChange) -> str:
    return words.count("change.site_opened", max(1, len(_sites(told.after))))


def _closed(words: Wording, told: EntryChange) -> str:
    return words.count("change.site_closed", max(1, len(_sites(told.before))))


def _other_contact(words: Wording, told: EntryChange) -> str:
    """Return in which towns somebody else is to be asked now, or that it is for the whole trial."""
    sites = [_town(words, site) for site in _sites(told.after)]
    named = list(dict.fromkeys(filter(None, sites)))
    if told.after.get("central"):
        named.append(words.say("change.contact_central"))
    text = _plain(words, told)
    return f"{words.say('card.label', label=text)} {_some(words, named)}" if named else text


def _missing_results(words: Wording, told: EntryChange) -> str:
    months = told.after.get("months")
    return words.count("change.no_results_after", months) if isinstance(months, int) else ""


def opened_sites(words: Wording, told: EntryChange, reasons: Sequence[Reason], unit: str | None) -> str:
    """Return which sites opened, the near ones first and with their distance: ``Bradford, 13 km``.

    Of those of other countries than the reader's it is told how many there are, where one is in theirs.
    """
    around = [reason for reason in reasons if reason.nearest and not is_in(reason.wish)]
    near = {one_line(reason.nearest): reason.distance_km for reason in around}
    home = {reason.wish.country for reason in reasons if reason.wish.country}
    sites = _nearest_first(_sites(told.after), near, home)
    named = list(dict.fromkeys(_site(words, site, near, unit, home) for site in sites))
    at_home = dict.fromkeys(_site(words, site, near, unit, home) for site in sites if site.get("country") in home)
    return _some(words, named, min(len(at_home) or len(named), _MOST_SITES))


def closed_sites(words: Wording, told: EntryChange, reasons: Sequence[Reason], unit: str | None) -> tuple[str, str]:
    """Return the chip of sites that closed, and the sentence that says which is the nearest open one now.

    Nearest to whoever the first reason tells of: only to those who had it there (``Reason.closed``).
    """
    reason = next((reason for reason in reasons if reason.closed), None)
    if reason is None:
        shown = list(dict.fromkeys(_site(words, site, {}, unit) for site in _sites(told.before)))
        return _closed(words, told), _some(words, shown)
    what = "paused" if reason.paused else "closed"
    nearest = reason.wish.radius_km is not None or reason.distance_km is not None or reason.near_unknown
    chip = words.say(f"change.site_{what}_near") if nearest else words.say(f"change.site_{what}_last")
    return chip, _closed_near(words, reason, what, unit)


def _closed_near(words: Wording, reason: Reason, what: str, unit: str | None) -> str:
    country = reason.near.site.country if reason.near.site else reason.wish.country
    towns = [words.town(one_line(town, 60), country) or words.say("who.not_stated") for town in reason.closed]
    how_many, closed = len(towns), words.listed(towns)
    if reason.distance_km is not None and reason.nearest:
        nearest = words.say(
            "place.nearest",
            place=words.town(one_line(reason.nearest, 60), country),
            distance=words.distance(reason.distance_km, unit),
        )
        return words.count(f"change.site_{what}_nearest", how_many, sites=closed, nearest=nearest)
    if reason.near_unknown:
        return words.count(f"change.site_{what}_unknown", how_many, sites=closed)
    return words.count(f"change.site_{what}_none", how_many, sites=closed)


def _some(words: Wording, shown: Sequence[str], most: int = _MOST_SITES) -> str:
    more = len(shown) - most
    if more > 0:
        shown = [*shown[:most], words.count("change.more_sites", more)]
    return " · ".join(shown)


def _sites(side: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [site for site in side.get("sites", ()) if isinstance(site, Mapping)]


def _nearest_first(
    sites: Sequence[Mapping[str, Any]], near: Mapping[str, float | None], home: Collection[str]
) -> list[Mapping[str, Any]]:
    return sorted(sites, key=lambda site: (one_line(site.get("city")) not in near, site.get("country") not in home))


def _town(words: Wording, site: Mapping[str, Any]) -> str:
    city = one_line(site.get("city"), 60) or one_line(site.get("facility"), 60)
    return words.town(city, site.get("country"))


def _site(
    words: Wording,
    site: Mapping[str, Any],
    near: Mapping[str, float | None],
    unit: str | None,
    home: Collection[str] = frozenset(),
) -> str:
    """Return a town with its distance where that is known, else with its country, where that is not ``home``."""
    distance = near.get(one_line(site.get("city"), 60) or one_line(site.get("facility"), 60))
    city = _town(words, site)
    if distance is not None:
        return words.say("place.nearest", place=city, distance=words.distance(distance, unit))
    if city and site.get("country") in home:
        return city
    country = words.country(site.get("country"), one_line(site.get("country_name"), 60) or None)
    return f"{city} ({country})" if city and country else city or country or words.say("who.not_stated")


def _taken_back(words: Wording, told: EntryChange) -> str:
    return words.say("change.taken_back") if told.after.get("ours") else _plain(words, told)


_ELIGIBILITY = ChangeKind.ELIGIBILITY_CHANGED.value
_TEXTS: dict[str, Callable[[Wording, EntryChange], str]] = {
    ChangeKind.REGISTERED.value: _registered,
    ChangeKind.OPENED.value: _began,
    ChangeKind.REOPENED.value: _began,
    ChangeKind.PAUSED.value: _ended,
    ChangeKind.CLOSED.value: _ended,
    ChangeKind.WITHDRAWN.value: _ended,
    ChangeKind.SITE_OPENED.value: _opened,
    ChangeKind.SITE_CLOSED.value: _closed,
    ChangeKind.CONTACT_CHANGED.value: _other_contact,
    ChangeKind.RETRACTED.value: _taken_back,
}


def _quotes(words: Wording, told: EntryChange) -> list[Quote]:
    found = [
        ("change.why_stopped", told.after.get("why_stopped")),
        ("change.why_stopped" if told.kind == ChangeKind.RETRACTED else "change.correction", _sentence(words, told)),
        ("change.criteria_removed", _criteria(told, told.before)),
        ("change.criteria_added", _criteria(told, told.after)),
    ]
    return [
        Quote(words.say("card.label", label=words.say(key)), words.say("card.quoted", text=text))
        for key, written in found
        if isinstance(written, str) and (text := shortened(written, _QUOTED))
    ]


def _sentence(words: Wording, told: EntryChange) -> object:
    """Return what the editors of an article say of its correction or end, in the reader's language where they can."""
    return (told.after.get("sentences") or {}).get(words.language) or told.after.get("sentence")


def _criteria(told: EntryChange, side: Mapping[str, Any]) -> str | None:
    """Return the criteria that were removed or added, without their bullets."""
    written = side.get("criteria") if told.kind == _ELIGIBILITY else None
    if not isinstance(written, str):
        return None
    return "; ".join(line for each in written.splitlines() if (line := each.strip().lstrip("-*• ").rstrip("; ")))

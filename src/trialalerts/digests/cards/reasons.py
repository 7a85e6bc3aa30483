"""The lines that tell why somebody gets an entry, how near it is, and what the record leaves open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from trialalerts.catalog.facts import TrialFacts
from trialalerts.catalog.trials.status import site_is_open, status_group
from trialalerts.digests.cards.text import one_line
from trialalerts.digests.cards.trial_wording import countries
from trialalerts.digests.cards.wording import Wording
from trialalerts.digests.entries import Reason
from trialalerts.subscribers.tables import ONE_TRIAL
from trialalerts.vocabulary.areas.tree import ANY_AREA
from trialalerts.vocabulary.places.shown import region_shown
from trialalerts.vocabulary.topics import TopicName

__all__ = ["Places", "caution", "followed", "places", "reason_lines", "region_followed", "where"]

_MOST_REASONS = 3
_NAME = 100
_TOWN = 60
_ANYWHERE = {"", "anywhere"}


def reason_lines(words: Wording, reasons: Sequence[Reason], *, article: bool) -> tuple[str, ...]:
    """Return one line for each of the reasons, the same only once; many of them are summed up."""
    lines = [
        _reason(words, article, followed(words, r), region_followed(words, r), _through(words, r), r.label)
        for r in reasons
    ]
    if len(lines) > 1:
        lines = list(dict.fromkeys(lines))
    more = len(lines) - _MOST_REASONS
    return tuple(lines if more <= 0 else [*lines[:_MOST_REASONS], words.count("reason.more", more)])


def _line(words: Wording, reason: Reason, *, article: bool) -> str:
    area, region = followed(words, reason), region_followed(words, reason)
    return _reason(words, article, area, region, _through(words, reason), reason.label)


def followed(words: Wording, reason: Reason) -> str:
    """Return what is followed: the area, with the topics asked for; the topics alone where it is any area."""
    if reason.area_id == ONE_TRIAL:
        return words.say("reason.this_trial")
    if not reason.topics and reason.area_id != ANY_AREA:
        return _area(words, reason)
    return _followed(words, reason.area_id, _area(words, reason), reason.topics)


def region_followed(words: Wording, reason: Reason) -> str:
    """Return the region that is followed as the reader calls it; empty or "anywhere" where it is none."""
    if reason.region is None or reason.region_label.lower() in _ANYWHERE:
        return reason.region_label
    return _region(reason.region_label, *reason.region, words.language)


@lru_cache(maxsize=10_000)
def _region(label: str, kind: str, country: str | None, subdivision: str | None, language: str) -> str:
    return region_shown(label, kind, country, subdivision, language)


def _area(words: Wording, reason: Reason) -> str:
    return reason.names.within(words.language) if reason.names else reason.area_name


def _through(words: Wording, reason: Reason) -> str | None:
    return reason.through_names.within(words.language) if reason.through_names else reason.through_name


@lru_cache(maxsize=10_000)
def _followed(words: Wording, area_id: str, area_name: str, topics: tuple[TopicName, ...]) -> str:
    named = words.listed([topic.said(words.language) for topic in topics])
    if area_id == ANY_AREA:
        return named or words.say("reason.any_area")
    return words.say("reason.of_topics", area=area_name, topics=named)


@lru_cache(maxsize=10_000)
def _reason(
    words: Wording, article: bool, area_name: str, region_label: str, through_name: str | None, label: str | None
) -> str:
    area, region = one_line(area_name, _NAME), one_line(region_label, _NAME)
    through = one_line(through_name, _NAME)
    if article:  # a region does not choose articles, so it is no reason
        key = "reason.through_article" if through else "reason.direct"
    else:
        key = "reason.through" if through else "reason.direct"
        key += "" if region.lower() in _ANYWHERE else "_region"
    line = words.say(key, area=area, region=region, through=through)
    return words.say("reason.labelled", reason=line, label=one_line(label, _TOWN)) if label else line


@dataclass(frozen=True, kw_only=True, slots=True)
class Places:
    """Where a trial runs, the same for everybody: what is open is read from the facts as they are now.

    ``state`` is ``open``, ``planned``, or the phrase that says there is nothing; ``summary`` counts the sites and names
    their countries.
    """

    state: str
    summary: str = ""


def places(words: Wording, facts: TrialFacts) -> Places:
    """Return where a trial runs."""
    if not facts.sites:
        return Places(state="place.no_site")
    now_open = [site for site in facts.sites if site_is_open(site, facts.status)]
    planned = not now_open and status_group(facts.status, facts.last_known_status) == "upcoming"
    if not now_open and not planned:
        return Places(state="place.none_open")
    sites = list(facts.sites) if planned else now_open
    named = countries(words, sites)
    key = "planned" if planned else "sites" if named else "unnamed"
    return Places(
        state="planned" if planned else "open", summary=words.count(f"place.{key}", len(sites), countries=named)
    )


def where(words: Wording, reasons: Sequence[Reason], known: Places) -> tuple[str, str]:
    """Return the key of the label and the text of the line that tells where: the nearest open site if it is known.

    A reason may name a site that was only planned when the digest was composed.
    """
    if known.state not in {"open", "planned"}:
        return "card.where", words.say(known.state)
    if lines := _nearest(words, reasons):
        return "card.nearest_planned" if known.state == "planned" else "card.nearest", "; ".join(lines)
    unknown = [reason for reason in reasons if reason.near_unknown]
    if unknown and known.state == "open":
        return "card.where", _somewhere(words, unknown[0])
    towns = [reason.nearest for reason in reasons if reason.nearest]
    town = one_line(towns[0], _TOWN) if towns else ""
    return "card.where", f"{town}; {known.summary}" if town else known.summary


def _nearest(words: Wording, reasons: Sequence[Reason]) -> list[str]:
    """Return the nearest site of each profile that has a place; named by profile where they differ."""
    known = [reason for reason in reasons if reason.distance_km is not None]
    if not known:
        return []
    lines = {reason.preference_id: _near(words, reason) for reason in known}
    if len(set(lines.values())) <= 1:
        return list(dict.fromkeys(lines.values()))
    return [
        words.say("place.labelled", place=lines[reason.preference_id], label=one_line(reason.label, _TOWN))
        if reason.label
        else lines[reason.preference_id]
        for reason in known[:_MOST_REASONS]
    ]


def _near(words: Wording, reason: Reason) -> str:
    distance = words.distance(reason.distance_km or 0.0)
    place = one_line(reason.nearest, _TOWN)
    return words.say("place.nearest", place=place, distance=distance) if place else distance


def _somewhere(words: Wording, reason: Reason) -> str:
    region = one_line(region_followed(words, reason), _NAME)
    if region.lower() in _ANYWHERE:
        return words.say("place.unknown_anywhere")
    return words.say("place.unknown", region=region)


def caution(words: Wording, reasons: Sequence[Reason]) -> str:
    """Return what to ask the team about: a study that reaches beyond its sites, and what the record leaves open."""
    reaches = dict.fromkeys([reason.reach for reason in reasons if reason.reach])
    missing = dict.fromkeys([fact for reason in reasons for fact in reason.may_fit])
    if not reaches and not missing:
        return ""
    return " ".join([*(words.say(f"card.reach_{reach}") for reach in reaches), *_may_fit(words, list(missing))])


def _may_fit(words: Wording, missing: Sequence[str]) -> list[str]:
    if not missing:
        return []
    keys = dict.fromkeys(
        key if words.knows(key := f"card.may_fit_{fact}") else "card.may_fit_other" for fact in missing
    )
    return [words.say("card.may_fit", facts=words.listed([words.say(key) for key in keys]))]

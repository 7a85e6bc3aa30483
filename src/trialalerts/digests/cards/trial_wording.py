"""How the facts of a trial are said in plain words: status, phase, kind, ages, who can join, which countries."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from trialalerts.catalog.facts import PartialDate, Site, TrialFacts
from trialalerts.catalog.trials.registries import called
from trialalerts.digests.cards.wording import Wording

__all__ = [
    "Point",
    "age",
    "age_limits",
    "conflict_lines",
    "countries",
    "dated",
    "healthy_volunteers",
    "is_past",
    "months_since",
    "phase",
    "sex",
    "stale_line",
    "status",
    "study_type",
    "who_can_join",
    "who_in_full",
]


class Point(NamedTuple):
    """Something of who can join that changed: ``Age:``, what it was, what it is."""

    label: str
    before: str
    after: str


_AGE = re.compile(r"\s*(\d{1,5})\s*(year|month|week|day|hour|minute)s?\s*", re.IGNORECASE)
_STALE_MONTHS = 12
_NAMED_COUNTRIES = 3
_GROWN_UP = 18
_BOTH_SEXES = {"men": "women_and_men", "boys": "girls_and_boys", "male": "any_sex"}
_OLDER_THAN_ANYBODY = 100


def status(words: Wording, value: str | None) -> str | None:
    """Return a status in words; one that nobody knows as the registry wrote it."""
    return _coded(words, "status", value)


def study_type(words: Wording, value: str | None) -> str | None:
    """Return the kind of study in words."""
    return _coded(words, "study_type", value)


def phase(words: Wording, phases: Sequence[str]) -> tuple[str, str] | None:
    """Return the phase and what it means (empty where nobody knows); None where the trial names none."""
    if not phases:
        return None
    together = "_".join(sorted(phases))
    if words.knows(f"phase.{together}"):
        return words.say(f"phase.{together}"), words.say(f"phase_means.{together}")
    return words.listed([_coded(words, "phase", one) or one for one in phases]), ""


def _coded(words: Wording, table: str, value: str | None) -> str | None:
    if not value:
        return None
    key = f"{table}.{value}"
    return words.say(key) if words.knows(key) else value.replace("_", " ").lower()


def age(words: Wording, written: str) -> str:
    """Return an age such as ``18 Years`` in this language; what is no such age as it was written."""
    found = _AGE.fullmatch(written)
    return words.unit(f"duration-{found[2].lower()}", int(found[1])) if found else written.strip()


def age_limits(words: Wording, minimum: str | None, maximum: str | None) -> str:
    """Return the age limits: ``18 to 65 years``, ``from 18 years``, or that they are not stated.

    A highest age that nobody reaches is none: registries write 120 or 130 years.
    """
    if minimum and maximum and (highest := _AGE.fullmatch(maximum)) and _is_no_limit(highest):
        maximum = None
    if minimum and maximum:
        low, high = _AGE.fullmatch(minimum), _AGE.fullmatch(maximum)
        same = low and high and low[2].lower() == high[2].lower()
        first = low[1] if same and low else age(words, minimum)
        return words.say("who.age_range", minimum=first, maximum=age(words, maximum))
    if minimum:
        return words.say("who.from_age", age=age(words, minimum))
    if maximum:
        return words.say("who.up_to_age", age=age(words, maximum))
    return words.say("who.ages_not_stated")


def _is_no_limit(highest: re.Match[str]) -> bool:
    return highest[2].lower() == "year" and int(highest[1]) >= _OLDER_THAN_ANYBODY


def sex(words: Wording, value: str | None) -> str:
    """Return which sex can join, in one or two words."""
    key = f"who.sex_{(value or '').lower()}"
    return words.say(key) if words.knows(key) else words.say("who.not_stated")


def healthy_volunteers(words: Wording, value: bool | None) -> str:
    """Return whether healthy volunteers can join."""
    return words.say("who.not_stated" if value is None else "who.yes" if value else "who.no")


def who_can_join(words: Wording, facts: TrialFacts) -> tuple[str, str]:
    """Return the key of the label and the line that tells who can join; that one has to ask where it is not said."""
    missing = [
        words.say(f"card.may_fit_{what}")
        for what, said in (("age", facts.minimum_age or facts.maximum_age), ("sex", facts.sex))
        if not said
    ]
    if missing:
        neither = len(missing) > 1
        said = words.say("card.may_fit_neither") if neither else words.say("card.may_fit_text", facts=missing[0])
        return "card.may_fit", said
    parts = [age_limits(words, facts.minimum_age, facts.maximum_age)]
    if facts.sex in {"female", "male"}:
        parts.append(words.say(f"who.{_people(facts)}"))
    if facts.healthy_volunteers:
        parts.append(words.say("who.healthy_yes"))
    return "card.who", ", ".join(parts)


def who_in_full(words: Wording, facts: TrialFacts) -> str:
    """Return who can join as a page says it, which has room: with both sexes, and whether healthy people can."""
    label, said = who_can_join(words, facts)
    if label == "card.who" and facts.sex == "all":
        ages, healthy = age_limits(words, facts.minimum_age, facts.maximum_age), facts.healthy_volunteers
        whom = words.say(f"who.{_BOTH_SEXES[_people(facts)]}")
        said = ", ".join([ages, whom, *([words.say("who.healthy_yes")] if healthy else [])])
    return said if facts.healthy_volunteers is not False else f"{said.rstrip('.')}. {words.say('who.healthy_no')}"


def conflict_lines(words: Wording, facts: TrialFacts) -> tuple[str, ...]:
    """Return a line for each fact that registries tell differently: what each of them says."""
    found = []
    for conflict in facts.conflicts or ():
        tellers: dict[str, list[str]] = {}
        for registry, value in conflict.said:
            tellers.setdefault(_told(words, conflict.fact, value), []).append(called(registry))
        said = [words.say("conflict.says", what=what, registry=words.listed(names)) for what, names in tellers.items()]
        found.append(words.say(f"conflict.{conflict.fact}", said="; ".join(said)))
    return tuple(found)


def _told(words: Wording, fact: str, value: str) -> str:
    """Return a fact of a conflict in the reader's words."""
    if fact == "status":
        return status(words, value) or value
    if fact == "sex":
        return sex(words, value)
    return age_limits(words, value if fact == "minimum_age" else None, value if fact == "maximum_age" else None)


def _people(facts: TrialFacts) -> str:
    """Return the key of the word for those of one sex who can join, by their ages."""
    grown, young = _years(facts.minimum_age_days), _years(facts.maximum_age_days)
    women = facts.sex == "female"
    if grown is not None and grown >= _GROWN_UP - 1:
        return "women" if women else "men"
    if young is not None and young < _GROWN_UP:
        return "girls" if women else "boys"
    return "female" if women else "male"


def _years(days: int | None) -> int | None:
    return None if days is None else int(days / 365.2)


def dated(words: Wording, value: PartialDate, today: date) -> str:
    """Return a date as exact as it is known, with the remark that it is planned, or was and nobody confirmed it."""
    written = words.partial(value)
    if value.kind != "estimated":
        return written
    return words.say("card.estimated_past" if is_past(value, today) else "card.estimated", date=written)


def is_past(planned: PartialDate, today: date) -> bool:
    """Tell whether a planned date is over to its last day, though nobody said that it came true."""
    if planned.kind != "estimated":
        return False
    # As texts of one length: “2026-03” is over once this month has another name.
    return planned.value < today.isoformat()[: len(planned.value)]


def months_since(value: PartialDate | None, today: date) -> int | None:
    """Return how many whole months ago a date was; None where it cannot be told."""
    if value is None:
        return None
    try:
        year, month, day = (int(part) for part in f"{value.value}-01-01".split("-")[:3])
        then = date(year, month, day)
    except ValueError:
        return None
    return (today.year - then.year) * 12 + today.month - then.month - (today.day < then.day)


def stale_line(words: Wording, verified: PartialDate | None, today: date) -> str:
    """Return how long ago somebody verified a record, where that is long; else nothing."""
    months = months_since(verified, today)
    if months is None or months < _STALE_MONTHS:
        return ""
    if months < 2 * _STALE_MONTHS:
        return words.count("card.stale", months)
    return words.count("card.stale_years", months // 12)


def countries(words: Wording, sites: Sequence[Site]) -> str:
    """Return the countries of some sites, the one with the most sites first: ``Spain, Peru and 2 more countries``."""
    count = Counter(name for site in sites if (name := words.country(site.country, site.country_name)))
    names = [name for name, _ in count.most_common()]
    if not names:
        return ""
    more = len(names) - _NAMED_COUNTRIES
    shown = names if more <= 0 else [*names[:_NAMED_COUNTRIES], words.count("place.more_countries", more)]
    return words.listed(shown)


def eligibility(words: Wording, before: Mapping[str, Any], after: Mapping[str, Any], facts: TrialFacts) -> list[Point]:
    """Return what changed in who can join; criteria texts are not among it."""
    lines: list[Point] = []
    if {"minimum_age", "maximum_age"} & (before.keys() | after.keys()):
        lines.append(_from_to(words, "ages", *(_ages(words, side, before, after, facts) for side in (before, after))))
    if "sex" in before or "sex" in after:
        lines.append(_from_to(words, "sex", sex(words, before.get("sex")), sex(words, after.get("sex"))))
    if "healthy_volunteers" in before or "healthy_volunteers" in after:
        key = "healthy_volunteers"
        lines.append(
            _from_to(
                words, key, *(healthy_volunteers(words, side.get("healthy_volunteers")) for side in (before, after))
            )
        )
    return lines


def _ages(
    words: Wording, side: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any], facts: TrialFacts
) -> str:
    """Return the age limits on one side of a change; a limit that did not change is the trial's own."""
    limits = []
    for name in ("minimum_age", "maximum_age"):
        changed = name in before or name in after
        limits.append(side.get(name) if changed else getattr(facts, name))
    return age_limits(words, *limits)


def _from_to(words: Wording, what: str, before: str, after: str) -> Point:
    return Point(words.say("card.label", label=words.say(f"change.{what}")), before, after)

"""What the words of exports mean: ages, sexes, phases and the like, as all the registries write them.

Each function gives the fact and whether the words were understood; what was not is noted by whoever asks.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from itertools import zip_longest
from typing import Any, Literal

from trialalerts.sources.reading.criteria import written_criteria
from trialalerts.sources.reading.fields import is_filler
from trialalerts.sources.reading.people import NO_LIMIT, age_values, days_of_age, sex_of
from trialalerts.sources.reading.record import RecordView
from trialalerts.sources.reading.sites import contact_values

__all__ = [
    "ages_told",
    "contacts_told",
    "criteria_told",
    "enrolment_told",
    "parts_told",
    "phases_told",
    "sex_told",
    "study_type_told",
    "treatments_told",
]

_NO_AGE = NO_LIMIT | {"/", "?", "??", "nd", "no maximum age", "no minimum age", "none specified", "nil"}
_AGE = re.compile(r"(?:>=|<=|[<>≥≤=])?\s*(\d{1,3})(?:\.\d+)?\s*-?\s*([a-z]*)\b.*", re.IGNORECASE | re.DOTALL)
_UNITS = ("year", "month", "week", "day", "hour", "minute")
_ENROLMENT = re.compile(
    r"(?:planned sample size: *)?(\d{1,3}(?:,\d{3})+|\d{1,9})(?: *\([^)]*\)|;.*sample size.*)?", re.IGNORECASE
)
_BREAK = re.compile(r"<(?:br|/?p)\b[^>]*>", re.IGNORECASE)
_EXCLUDED = re.compile(r"^\s*(?:key )?exclusion criteria\s*:?", re.IGNORECASE | re.MULTILINE)
_INCLUDED = re.compile(r"^\s*(?:key )?(?:inclusion|exclusion) criteria\s*:?", re.IGNORECASE)
_BLANK_LINE = re.compile(r"\n[^\S\n]*\n")
_LINE_END = re.compile(r"\n")
_BULLET = re.compile(r"^\s*[-*•·]\s+")
_ROMAN = {"I": "1", "II": "2", "III": "3", "IV": "4"}
_NO_PHASE = frozenset({
    "0", "retrospective study", "new treatment measure clinical study", "other", "not selected", "not specified",
})  # fmt: skip
_TYPES = frozenset({
    "DRUG", "DEVICE", "BIOLOGICAL", "BEHAVIORAL", "PROCEDURE", "DIETARY SUPPLEMENT", "RADIATION", "DIAGNOSTIC TEST",
    "GENETIC", "OTHER", "COMBINATION PRODUCT",
})  # fmt: skip
_MOST_TREATMENTS = 40
_MOST_CONTACTS = 10


def ages_told(record: RecordView) -> dict[str, Any]:
    """Return the limits; a highest age of 0 says nothing, and limits that contradict each other are noted."""
    (youngest, low), (oldest, high) = _age(record, "minimum_age"), _age(record, "maximum_age")
    if not high:
        oldest = high = None
    if low is not None and high is not None and low > high:
        record.note("maximum_age", f"found {oldest} where the lowest age is {youngest}; neither is taken")
        youngest = low = oldest = high = None
    return age_values((youngest, low), (oldest, high))


def _age(record: RecordView, path: str) -> tuple[str | None, int | None]:
    words = record.line(path)
    if words is None or words.lower().rstrip(".") in _NO_AGE or words.lower().endswith("no limit"):
        return None, None
    found = _AGE.fullmatch(words)
    unit = found and next((unit for unit in _UNITS if found[2].lower().startswith(unit)), _bare_unit(found[2]))
    if not found or not unit:
        record.wrong(path, words, "an age such as 18 Years")
        return None, None
    written = f"{found[1]} {unit.title()}{'' if int(found[1]) == 1 else 's'}"
    return written, days_of_age(written)


def _bare_unit(word: str) -> str:
    """Return what a number without a unit counts: years."""
    return "year" if word.lower() in {"", "age", "y", "yr", "yrs", "j", "jahre", "ans"} else ""


def sex_told(record: RecordView, path: str = "sex") -> Literal["female", "male", "all"] | None:
    """Return who can join: ``Both``, ``Females``, ``<br>Female: yes<br>Male: yes<br>`` …"""
    words = (record.line(path) or "").lower()
    if not words or words in {"-", "n/a", "not specified"}:
        return None
    female = re.search(r"\b(?:female|women|woman)s?\b(?!:? *no\b)", words) is not None
    male = re.search(r"\b(?:male|men|man)s?\b(?!:? *no\b)", words) is not None
    if re.search(r"\b(?:both|all|any)\b", words) or (female and male):
        return "all"
    if not (female or male):
        record.wrong(path, words, "All, Female or Male")
    return sex_of(female=female, male=male)


def phases_told(record: RecordView, path: str = "phase") -> tuple[str, ...]:
    """Return the phases: ``Phase 2/Phase 3``, ``1-2``, ``Phase III``, or a sentence with yes and no for each."""
    words = record.line(path) or ""
    if re.search(r"\(Phase I+V?\): ?(?:yes|no)", words, re.IGNORECASE):
        found = re.findall(r"\(Phase (I{1,3}|IV)\): ?yes", words, re.IGNORECASE)
        return tuple(f"PHASE{_ROMAN[roman.upper()]}" for roman in found)
    if words.lower() in {"n/a", "na", "not applicable"}:
        return ("NA",)
    if "early phase 1" in words.lower():
        return ("EARLY_PHASE1",)
    found = [_ROMAN.get(digit.upper(), digit) for digit in re.findall(r"\b(IV|I{1,3}|[1-4])[ab]?\b", words)]
    if words and not found and words.lower() not in _NO_PHASE:
        record.wrong(path, words, "a phase such as Phase 2")
    return tuple(dict.fromkeys(f"PHASE{digit}" for digit in found))


def study_type_told(record: RecordView, path: str = "study_type") -> str | None:
    """Return the type of study; what is neither an intervention nor observed (“Basic Science”) is None."""
    words = (record.line(path) or "").lower().replace("non-interventional", "observational")
    for beginning in ("interventional", "observational", "expanded access"):
        if words.startswith(beginning):
            return beginning.upper().replace(" ", "_")
    return None


def enrolment_told(record: RecordView, *paths: str) -> int | None:
    """Return how many are wanted, by the first of some fields that says it.

    ``500``, the sum of groups ``treated:30;others:30;``, the first of ``Planned Sample Size: 90; UK Sample Size: 30``.
    """
    path = next(filter(record.line, paths or ("enrolment",)), "enrolment")
    words = record.line(path) or ""
    if found := _ENROLMENT.fullmatch(words):
        return int(found[1].replace(",", ""))
    counted = re.findall(r":\s*(\d{1,9})\s*(?=;|$)", words)
    if words and not counted:
        record.wrong(path, words, "a number")
    return sum(map(int, counted)) if counted else None


def criteria_told(record: RecordView) -> str:
    """Return who can join and who cannot, each point on a line; some write both into one field."""
    included, excluded = (_plain(record.text(path) or "") for path in ("inclusion", "exclusion"))
    before, *after = _EXCLUDED.split(included, maxsplit=1)
    parting = _between(included)
    further = [point for text in after for point in _points(text, parting)]
    return written_criteria(_points(before, parting), [*further, *_points(excluded, _between(excluded))])


def _plain(text: str) -> str:
    return html.unescape(_BREAK.sub("\n", text.replace("\r", "").replace("\n<br", "<br")))


def _between(text: str) -> re.Pattern[str]:
    """Return what parts the points: blank lines, or, where a text has none, every line."""
    return _BLANK_LINE if _BLANK_LINE.search(text.strip()) else _LINE_END


def _points(text: str, parting: re.Pattern[str]) -> Iterator[str]:
    for part in parting.split(_INCLUDED.sub("", text).strip()):
        yield _BULLET.sub("", " ".join(part.split()))


def parts_told(record: RecordView, path: str, between: str = ";\n") -> tuple[str, ...]:
    """Return a list that is written as one text, parted by semicolons or lines, or by other signs."""
    parts = re.split(f"[{between}]", _plain(record.text(path) or ""))
    return tuple(dict.fromkeys(" ".join(part.split()) for part in parts if part.strip()))


def treatments_told(record: RecordView) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Give what is tested: ``Drug: Examplumab``, or the name of a group and what it gets."""
    text = _plain(record.text("interventions") or "")
    if named := re.findall(r"^\s*(?:Product Name|Trade Name): *(.+)$", text, re.MULTILINE):
        yield from (("DRUG", " ".join(name.split()), ()) for name in dict.fromkeys(named))
        return
    for part in parts_told(record, "interventions")[:_MOST_TREATMENTS]:
        label, colon, name = part.partition(":")
        type_ = label.strip().upper() if colon and label.strip().upper() in _TYPES else "OTHER"
        given = name.strip() if colon else part
        if not is_filler(given):
            yield type_.replace(" ", "_"), given, ()


def contacts_told(record: RecordView) -> list[dict[str, Any]]:
    """Return whom to ask; several stand in one field, parted by semicolons."""
    paths = ("contact_name", "contact_surname", "contact_phone", "contact_email")
    columns = [[part.strip() for part in (record.line(path) or "").split(";")] for path in paths]
    found = []
    for first, last, phone, email in zip_longest(*columns, fillvalue=""):
        name = " ".join(filter(None, (first, last)))
        if contact := contact_values(name or None, phone or None, email or None):
            found.append(contact)
    return found[:_MOST_CONTACTS]

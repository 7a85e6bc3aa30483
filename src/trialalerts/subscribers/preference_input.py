"""The one place where a preference is checked, whoever reads it: form, command line or file.

A reader hands over what was typed, field by field, as text (a place as the region that it found). All that is wrong is
found at once, each under the name of its field: a command line and a file tell the first, a form tells all of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from pydantic import BaseModel, ConfigDict

from trialalerts.errors import InvalidInput
from trialalerts.subscribers.choices import birthday, born_about, checked_audience, checked_label, checked_sex
from trialalerts.subscribers.choices import checked_words as words
from trialalerts.vocabulary.areas.tree import ANY_AREA, AreaTree
from trialalerts.vocabulary.names import folded
from trialalerts.vocabulary.places.regions import Region
from trialalerts.vocabulary.topics import TopicTree

__all__ = [
    "Checked",
    "LeavesNothing",
    "NeedsPlaceOrTopic",
    "NewPreference",
    "PreferenceInput",
    "check_birthday",
    "check_reach",
    "is_any_area",
]

_LONGEST_LIFE_YEARS = 120
_ANY = frozenset(map(folded, (
    "any", "any disease", "any condition", "any disease or condition", "any area", "all diseases", "all conditions",
    "jede Krankheit", "jede Erkrankung", "alle Krankheiten", "alle Erkrankungen", "egal welche Krankheit",
    "toute maladie", "toutes les maladies", "n’importe quelle maladie", "n'importe quelle maladie",
    "cualquier enfermedad", "todas las enfermedades",
)))  # fmt: skip


class NeedsPlaceOrTopic(InvalidInput):
    """Any disease, anywhere, of any topic: that is everything."""

    def __init__(self) -> None:
        super().__init__(
            "Any disease is followed only together with a place (a country, a state, or a town with a distance) "
            "or with a topic; name one of them."
        )


class LeavesNothing(InvalidInput):
    """What is left out stands above what is followed."""

    def __init__(self, area: str, excluded: str) -> None:
        self.area = area
        super().__init__(f"--exclude {excluded} leaves out all of {area}; name something narrower")


@dataclass(frozen=True, kw_only=True)
class NewPreference:
    """What somebody wants to follow. Empty ``phases``, ``item_kinds``, ``change_kinds`` and ``topics`` want all.

    ``area_id`` is the id of an area or any area. ``born_on`` is the (approximate) birthday of the person followed;
    ``excluded_areas`` are area ids, ``topics`` topic ids; ``audience`` None is any.
    """

    area_id: str
    region: Region
    born_on: date | None = None
    sex: str | None = None
    healthy_volunteer: bool = False
    phases: tuple[str, ...] = ()
    item_kinds: tuple[str, ...] = ()
    change_kinds: tuple[str, ...] = ()
    excluded_areas: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    audience: str | None = None
    label: str | None = None


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What an input means: a ``preference``, or what is wrong with its fields, the first one first."""

    preference: NewPreference | None
    errors: Mapping[str, InvalidInput]

    def or_raise(self) -> NewPreference:
        """Return the preference.

        Raises:
            InvalidInput: the first thing that is wrong.
        """
        if self.preference is None:
            raise next(iter(self.errors.values()))
        return self.preference


class PreferenceInput(BaseModel):
    """What was typed; an empty field asks nothing.

    ``born`` is a birthday (``1984-05-12``, ``1984-05``, ``1984``) or, with up to three digits, an age in years.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    area: str
    region: Region | None = None
    born: str = ""
    sex: str = ""
    healthy_volunteer: bool = False
    phases: tuple[str, ...] = ()
    item_kinds: tuple[str, ...] = ()
    change_kinds: tuple[str, ...] = ()
    excluded_areas: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    audience: str = ""
    label: str | None = None

    def checked(self, areas: AreaTree, topics: TopicTree, today: date, *, as_stored: bool = False) -> Checked:
        """Return what it means.

        Args:
            areas: all areas.
            topics: all topics.
            today: the day on which ages count.
            as_stored: a line of an export is taken as it was: that it leaves out all that it follows is no fault of it.
        """
        errors: dict[str, InvalidInput] = {}

        def read(name: str, reader: Callable[[], Any]) -> Any:
            try:
                return reader()
            except InvalidInput as error:
                errors.setdefault(name, error)
                return None

        values = {
            "area_id": read("area", lambda: ANY_AREA if is_any_area(self.area) else areas.find(self.area).id),
            "region": self.region,
            "born_on": read("born", lambda: _born(self.born, today)),
            "sex": read("sex", lambda: checked_sex(self.sex)),
            "healthy_volunteer": self.healthy_volunteer,
            "phases": tuple(read("phases", lambda: words(self.phases, "phase")) or ()),
            "item_kinds": tuple(read("item_kinds", lambda: words(self.item_kinds, "kind of item")) or ()),
            "change_kinds": tuple(read("change_kinds", lambda: words(self.change_kinds, "kind of change")) or ()),
            "excluded_areas": tuple(
                read("excluded_areas", lambda: [areas.find(each).id for each in self.excluded_areas]) or ()
            ),
            "topics": tuple(sorted(set(read("topics", lambda: [topics.find(each) for each in self.topics]) or ()))),
            "audience": read("audience", lambda: checked_audience(self.audience)),
            "label": read("label", lambda: checked_label(self.label)),
        }
        if not errors and self.region is not None:
            new = NewPreference(**values)
            read("area", lambda: check_reach(new))
            if not as_stored:
                read("excluded_areas", lambda: _check_something_is_left(areas, new))
            if not errors:
                return Checked(preference=new, errors={})
        return Checked(preference=None, errors=errors)


def is_any_area(text: str) -> bool:
    """Tell whether a text, in one of our languages, means any disease."""
    return folded(text) in _ANY


def check_reach(new: NewPreference) -> None:
    """Refuse a wish for everything.

    Raises:
        NeedsPlaceOrTopic: any disease, with neither a place nor a topic.
    """
    if new.area_id == ANY_AREA and new.region.kind == "anywhere" and not new.topics:
        raise NeedsPlaceOrTopic


def check_birthday(born_on: date | None, today: date) -> None:
    """Refuse a birthday of nobody alive.

    Raises:
        InvalidInput: it is one.
    """
    if born_on and not 0 <= today.year - born_on.year <= _LONGEST_LIFE_YEARS:
        raise InvalidInput(f"“{born_on}” is no birthday of somebody alive; write a year such as 1984.")


def _born(text: str, today: date) -> date | None:
    if not text:
        return None
    try:
        born = born_about(int(text), today) if re.fullmatch(r"[0-9]{1,3}", text) else birthday(text)
    except OverflowError:
        raise InvalidInput(f"“{text}” is no age of somebody alive; write a year such as 1984.") from None
    check_birthday(born, today)
    return born


def _check_something_is_left(areas: AreaTree, new: NewPreference) -> None:
    if above := ({new.area_id} | areas.ancestors(new.area_id)) & set(new.excluded_areas):
        raise LeavesNothing(areas.name(new.area_id), ", ".join(areas.name(each) for each in sorted(above)))

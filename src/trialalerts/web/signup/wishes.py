"""The wishes of one sign-up: several diseases in one field, and wishes told before the one in the form.

An earlier wish travels in the field ``also`` as a query string. Such strings hold no blank, so a blank parts them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from urllib.parse import parse_qsl, urlencode

from sqlmodel import Session

from trialalerts.errors import UnknownArea
from trialalerts.subscribers.preferences import NewPreference, is_any_area
from trialalerts.vocabulary.areas.tree import AreaTree
from trialalerts.web.forms import FieldError, Form
from trialalerts.web.preference_form import FIELDS, read_preference

__all__ = ["ANOTHER", "DROP", "MOST_AREAS", "add_another", "area_names", "drop", "earlier", "read_wishes"]

ANOTHER = "another"
"""The step that lays the wish in the form aside and asks for one more."""
DROP = "drop:"
MOST_AREAS = 6
_MOST_EARLIER = 9
_WISH = ("who", *(name for name in FIELDS if name != "preference"))
_PARTED = re.compile(r"(\s*[,;]\s*(?:(?:and|und|et|y|e|&)\s+)?|\s+(?:and|und|et|y|e|&)\s+)", re.IGNORECASE)


def area_names(text: str, areas: AreaTree) -> list[str]:
    """Return the names of diseases in a text, parted by commas or “and”; a name may hold these itself.

    >>> area_names("  ", AreaTree(()))
    []
    """
    text = text.strip()
    if not text or _is_known(text, areas):
        return [text] if text else []
    pieces = _PARTED.split(text)
    if len(pieces) > 2 * MOST_AREAS:
        return [piece.strip() for piece in pieces[::2] if piece.strip()]
    names = list(_longest_names(pieces, areas))
    is_list = any(_is_known(name, areas) for name in names) or (len(names) > 1 and not _nearest(text, areas))
    return names if is_list else [text]


def _longest_names(pieces: list[str], areas: AreaTree) -> Iterator[str]:
    """Yield the names from the left, the longest that is one first; ``pieces`` are words and what parts them."""
    begin = 0
    while begin < len(pieces):
        ends = range(len(pieces), begin, -2)
        end = next((end for end in ends if _is_known("".join(pieces[begin:end]), areas)), begin + 1)
        if name := "".join(pieces[begin:end]).strip():
            yield name
        begin = end + 1


def _nearest(text: str, areas: AreaTree) -> list[str]:
    """Return the names that somebody may mean who typed this, taken as one name."""
    try:
        areas.find(text)
    except UnknownArea as error:
        return list(error.choices)
    return []


def _is_known(text: str, areas: AreaTree) -> bool:
    try:
        return is_any_area(text) or bool(areas.find(text))
    except UnknownArea:
        return False


def read_wishes(
    form: Form, areas: AreaTree, session: Session, today: date, language: str = "en"
) -> list[list[NewPreference]]:
    """Return what a form asks to follow, for each wish one preference a disease; what is wrong is noted in the form."""
    wishes = [
        found for each in earlier(form) if (found := _read(each, areas, session, today, language)) and not each.errors
    ]
    if wishes and not form.values["area"]:
        return wishes
    return [*wishes, _read(form, areas, session, today, language)]


def _read(form: Form, areas: AreaTree, session: Session, today: date, language: str) -> list[NewPreference]:
    typed = form.resolved("area")
    names = area_names(typed, areas)
    if len(names) > MOST_AREAS:
        form.errors["area"] = FieldError(key="signup.area_too_many", values={"most": str(MOST_AREAS)})
        return []
    found: dict[str, NewPreference] = {}
    for name in names or [""]:
        form.values["area"] = name
        new = read_preference(form, areas, session, today, language=language)
        if new is not None:
            found.setdefault(new.area_id, new)
        elif "area" in form.errors and len(names) > 1:
            form.errors["area"] = _of_one(form.errors["area"], name, names)
            break
    form.values["area"] = typed
    return list(found.values())


def _of_one(error: FieldError, name: str, names: list[str]) -> FieldError:
    """Return what is wrong with one of several names; the choices offered hold the other names too."""
    if error.key != "error.area_unknown":
        return error
    offered = tuple(", ".join(choice if each == name else each for each in names) for choice in error.choices)
    return FieldError(key="signup.area_unknown", choices=offered, values={"name": name})


def earlier(form: Form) -> list[Form]:
    """Return the wishes that were laid aside, as forms of their own; what is no wish is left out."""
    packed = form.values["also"].split()[:_MOST_EARLIER]
    read = (dict(parse_qsl(each, max_num_fields=len(_WISH))) for each in packed)
    return [Form.filled(typed) for typed in read if typed.get("area")]


def add_another(form: Form) -> None:
    """Lay the wish in the form aside and empty its fields for the next one; the distance's unit stays."""
    if form.values["area"] and len(form.values["also"].split()) < _MOST_EARLIER:
        packed = urlencode({name: form.values[name] for name in _WISH if form.values[name]})
        form.values["also"] = f"{form.values['also']} {packed}".strip()
    form.values |= dict.fromkeys((name for name in _WISH if name != "unit"), "")


def drop(form: Form) -> None:
    """Leave out the wish whose button was pressed: ``drop:0`` is the first of those laid aside."""
    number = form.values["step"].removeprefix(DROP)
    packed = form.values["also"].split()
    if form.values["step"].startswith(DROP) and number.isdecimal() and int(number[:3]) < len(packed):
        del packed[int(number[:3])]
        form.values["also"] = " ".join(packed)

"""A preference can be made to say something else, and stays the same one: its number, its confirmation, its day."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlmodel import Session

from tests.subscribers.stage import BRITAIN, LEEDS, NOW, follow, sign_up
from trialalerts.database import Database
from trialalerts.errors import InvalidInput, NotFound
from trialalerts.subscribers.consent import list_consents
from trialalerts.subscribers.preferences import NewPreference, edit_preference, list_preferences
from trialalerts.subscribers.tables import Subscriber

LATER = NOW + timedelta(days=3)


def edited(session: Session, subscriber: Subscriber, new: NewPreference, number: int | None = None) -> list[str]:
    number = number or list_preferences(session, subscriber)[0].id
    assert number is not None
    return edit_preference(session, subscriber, number, new, how="web", now=LATER)


def test_filters_place_and_label_can_change_and_the_rest_stays(stage: Database) -> None:
    with stage.write() as session:
        person = sign_up(session, "mona@example.org", follow(region=LEEDS, sex="female", label="for Mona")).subscriber
        new = follow(region=BRITAIN, born_on=date(1984, 7, 1), phases=("2", "3"), item_kinds=("trial",))
        changed = edited(session, person, new)
        (preference,) = list_preferences(session, person)
    assert set(changed) >= {"region_kind", "radius_km", "sex", "born_on", "phases", "item_kinds", "label"}
    assert (preference.country, preference.latitude, preference.radius_km) == ("GB", None, None)
    assert (preference.sex, preference.phases, preference.label) == (None, ["PHASE2", "PHASE3"], None)
    assert (preference.confirmed_at, preference.created_at) == (NOW, NOW)


def test_the_log_names_what_changed_and_never_what_it_says(stage: Database) -> None:
    with stage.write() as session:
        person = sign_up(session, "mona@example.org", follow(region=LEEDS)).subscriber
        edited(session, person, follow("D000690", region=LEEDS, label="my secret"))
        last = list_consents(session, person)[-1]
    assert (last.action.value, last.how) == ("changed", "web")
    assert last.what.endswith("changed: area_id, label")
    assert "D000690" not in last.what


def test_an_edit_that_changes_nothing_is_not_logged(stage: Database) -> None:
    with stage.write() as session:
        person = sign_up(session, "mona@example.org", follow(region=LEEDS)).subscriber
        before = len(list_consents(session, person))
        assert edited(session, person, follow(region=LEEDS)) == []
        assert len(list_consents(session, person)) == before


@pytest.mark.parametrize(
    ("values", "is_new"),
    [
        ({"region": LEEDS}, False),
        ({"region": LEEDS, "sex": "female", "phases": ("2",), "label": "for Mona"}, False),
        ({"region": replace(LEEDS, radius_km=20.0)}, False),
        ({"region": replace(LEEDS, label="Leeds, GB")}, False),
        ({"region": replace(LEEDS, radius_km=80.0)}, True),
        ({"region": replace(LEEDS, latitude=50.0)}, True),
        ({"region": BRITAIN}, True),
        ({"area": "D000690", "region": LEEDS}, True),
    ],
)
def test_what_is_open_now_is_told_again_only_where_something_else_is_followed_or_farther(
    stage: Database, values: dict[str, Any], is_new: bool
) -> None:
    with stage.write() as session:
        person = sign_up(session, "mona@example.org", follow(region=LEEDS)).subscriber
        list_preferences(session, person)[0].introduced_at = NOW
        edited(session, person, follow(**values))
        (preference,) = list_preferences(session, person)
        assert preference.introduced_at == (None if is_new else NOW)


@pytest.mark.parametrize("values", [{"area": "D999999"}, {"sex": "both"}, {"excluded_areas": ("D009103",)}])
def test_what_makes_no_sense_changes_nothing(stage: Database, values: dict[str, Any]) -> None:
    with stage.write() as session:
        person = sign_up(session, "mona@example.org", follow(region=LEEDS)).subscriber
        with pytest.raises(InvalidInput):
            edited(session, person, follow(**values))
        (preference,) = list_preferences(session, person)
        assert (preference.area_id, preference.radius_km) == ("D009103", 50)


def test_two_preferences_never_say_the_same(stage: Database) -> None:
    with stage.write() as session:
        person = sign_up(session, "mona@example.org", follow(region=LEEDS), follow("D000690", region=LEEDS)).subscriber
        with pytest.raises(InvalidInput, match="says the same already"):
            edited(session, person, follow("D000690", region=LEEDS, label="another name"))


def test_nobody_edits_the_preference_of_another(stage: Database) -> None:
    with stage.write() as session:
        mona = sign_up(session, "mona@example.org").subscriber
        lisa = sign_up(session, "lisa@example.org").subscriber
        foreign = list_preferences(session, lisa)[0].id
        for number in (foreign, 999):
            with pytest.raises(NotFound):
                edited(session, mona, follow("D000690"), number)

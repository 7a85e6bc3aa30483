"""Import and export: one is the other backwards, and a bad line is told by its number."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session

from tests.subscribers.stage import ANYWHERE, AREAS, BRITAIN, LEEDS, NOW, NOWHERE, TOPICS, follow, set_stage, sign_up
from trialalerts.database import Database, open_database
from trialalerts.database.counter import CHANGES, current_number
from trialalerts.database.schema import upgrade_schema
from trialalerts.errors import InvalidInput
from trialalerts.subscribers.account.resting import let_rest
from trialalerts.subscribers.erasure import erase
from trialalerts.subscribers.files.bulk_import import (
    ImportRefused,
    LineError,
    SubscriberImport,
    import_csv,
)
from trialalerts.subscribers.files.csv_rows import COLUMNS
from trialalerts.subscribers.files.export import export_csv, export_json
from trialalerts.subscribers.filters import CHANGE_KINDS, ITEM_KINDS, PHASES
from trialalerts.subscribers.people import find_subscriber, list_subscribers, unsubscribe
from trialalerts.subscribers.preferences import NewPreference, list_preferences
from trialalerts.subscribers.tables import Frequency, SubscriberState
from trialalerts.vocabulary.areas.tree import ANY_AREA
from trialalerts.vocabulary.places.regions import Region


def read(session: Session, text: str, **values: Any) -> SubscriberImport:
    return import_csv(
        session, io.StringIO(text, newline=""), **{"locale": "en", "timezone": "UTC", "now": NOW, **values}
    )


def exported(session: Session) -> str:
    out = io.StringIO(newline="")
    export_csv(session, out)
    return out.getvalue()


@contextmanager
def undone(db: Database) -> Iterator[Session]:
    """A transaction that is rolled back at its end."""
    with db.engine.connect() as connection, Session(connection) as session:
        yield session
        session.rollback()


@pytest.fixture(scope="module")
def two_databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Database, Database]]:
    """Two empty databases with the same vocabulary."""
    folder: Path = tmp_path_factory.mktemp("two")
    databases = [open_database(f"sqlite:///{folder}/{name}.db") for name in ("one", "other")]
    for database in databases:
        upgrade_schema(database)
        set_stage(database)
    yield databases[0], databases[1]
    for database in databases:
        database.dispose()


places = st.builds(
    Region,
    kind=st.just("place"),
    label=st.text(st.characters(categories=["L", "N", "Zs", "P"]), min_size=1, max_size=20).map(str.strip).filter(bool),
    country=st.sampled_from(["GB", "US", None]),
    subdivision=st.sampled_from(["GB-ENG", None]),
    latitude=st.floats(-90, 90),
    longitude=st.floats(-180, 180),
    radius_km=st.sampled_from([25.0, 100.0, 300.0]) | st.integers(1, 1000).map(float),
)
california = Region(kind="subdivision", label="California, US", **{**NOWHERE, "country": "US", "subdivision": "US-CA"})
areas = st.sampled_from(sorted(AREAS))
preferences = st.builds(
    NewPreference,
    area_id=areas | st.just(ANY_AREA),
    region=st.one_of(st.sampled_from([ANYWHERE, BRITAIN, california]), places),
    born_on=st.none() | st.dates(date(1930, 1, 1), date(2025, 1, 1)),
    sex=st.sampled_from([None, "female", "male"]),
    healthy_volunteer=st.booleans(),
    phases=st.lists(st.sampled_from(PHASES), max_size=3).map(tuple),
    item_kinds=st.lists(st.sampled_from(ITEM_KINDS), max_size=2).map(tuple),
    change_kinds=st.lists(st.sampled_from(CHANGE_KINDS), max_size=3).map(tuple),
    excluded_areas=st.lists(areas, max_size=2).map(tuple),
    topics=st.lists(st.sampled_from(sorted(TOPICS)), max_size=2).map(tuple),
    audience=st.sampled_from([None, "patients", "professionals"]),
    label=st.none() | st.text(max_size=20) | st.sampled_from(["=1+1", "'quoted", "-dash", "@at", '"', "a;b,c", "'=x"]),
).filter(
    lambda each: (
        each.area_id not in each.excluded_areas
        and (each.area_id != ANY_AREA or each.region.kind != "anywhere" or bool(each.topics))
    )
)
moments = st.integers(1, 10**8).map(lambda seconds: NOW + timedelta(seconds=seconds))
people = st.lists(
    st.fixed_dictionaries(
        {
            "preferences": st.lists(preferences, max_size=3),
            "confirmed": st.booleans(),
            "state": st.none()
            | st.sampled_from([state for state in SubscriberState if state is not SubscriberState.ERASED]),
            "tastes": st.fixed_dictionaries(
                {
                    "heartbeat": st.sampled_from([None, "monthly", "quarterly"]),
                    "discreet": st.booleans(),
                    "area_in_subject": st.booleans(),
                    "announcements": st.booleans(),
                    "unit": st.sampled_from([None, "km", "miles"]),
                }
            ),
            "rests": st.lists(st.none() | moments, min_size=3, max_size=3),
            "paused_until": st.none() | moments,
            "values": st.fixed_dictionaries(
                {
                    "locale": st.sampled_from(["en", "de-AT", "fr"]),
                    "timezone": st.sampled_from(["UTC", "Europe/London", "Asia/Kolkata"]),
                    "frequency": st.sampled_from(list(Frequency)),
                    "hour": st.integers(0, 23),
                    "weekday": st.integers(0, 6),
                    "day": st.integers(1, 28),
                }
            ),
        }
    ),
    max_size=4,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(people=people)
def test_importing_an_export_gives_the_same_export_again(
    two_databases: tuple[Database, Database], people: list[dict[str, Any]]
) -> None:
    one, other = two_databases
    with undone(one) as session, undone(other) as copy:
        for number, person in enumerate(people):
            added = sign_up(
                session,
                f"=n{number}@example.org",
                *person["preferences"],
                confirmed=person["confirmed"],
                **person["values"],
            ).subscriber
            if person["state"]:
                added.state = person["state"]
                if added.state is SubscriberState.PAUSED:
                    added.paused_until = person["paused_until"]
            for name, value in person["tastes"].items():
                setattr(added, name, value)
            for preference, until in zip(list_preferences(session, added), person["rests"], strict=False):
                if until is not None:
                    let_rest(session, added, preference, until)
        session.flush()
        before = exported(session)
        count = read(copy, before)
        assert exported(copy) == before
        assert count.errors == ()
        assert count.subscribers == len(people)


def test_an_export_reads_well_in_a_spreadsheet_and_runs_nothing_there(sqlite_stage: Database) -> None:
    with sqlite_stage.write() as session:
        sign_up(session, "mona@example.org", follow(region=LEEDS, label='=cmd|"/c calc"!A1', phases=("2",)))
        (row,) = csv.DictReader(io.StringIO(exported(session), newline=""))
    assert tuple(row) == COLUMNS
    assert row["label"] == '\'=cmd|"/c calc"!A1'
    assert (row["area"], row["area_name"], row["region"]) == ("D009103", "Multiple sclerosis", "Leeds, England, GB")
    assert (row["weekday"], row["confirmed"], row["phases"]) == ("monday", "2026-03-02T09:30:00+00:00", "PHASE2")


def test_json_holds_people_with_what_they_follow(sqlite_stage: Database) -> None:
    with sqlite_stage.write() as session:
        sign_up(session, "mona@example.org", follow(), follow("D000690"))
        erase(session, sign_up(session, "gone@example.org").subscriber, how="link", now=NOW)
        (person,) = orjson.loads(orjson.dumps(export_json(session)))
    assert person["address"] == "mona@example.org"
    assert [each["area_id"] for each in person["preferences"]] == ["D009103", "D000690"]


def test_a_list_written_by_hand_needs_two_columns(stage: Database) -> None:
    text = "\ufeffAddress;Area;Region;Radius_km;Frequency\r\nmona@example.org;multiple sclerosis;GB;;daily\r\n"
    text += ";;;;\r\nmona@example.org;Breast cancer;;;daily\r\nlisa@example.org;D000690\r\n"
    with stage.write() as session:
        count = read(session, text, timezone="Europe/London")
        mona = find_subscriber(session, "mona@example.org")
        follows = [(each.area_id, each.region_label) for each in list_preferences(session, mona)]
    assert (count.subscribers, count.preferences, len(count.to_confirm)) == (2, 3, 2)
    assert follows == [("D009103", "United Kingdom"), ("D001943", "anywhere")]
    assert (mona.state, mona.frequency, mona.timezone) == (SubscriberState.PENDING, Frequency.DAILY, "Europe/London")


def test_who_agreed_before_is_active_at_once(stage: Database) -> None:
    text = (
        "address,area,confirmed\na@example.org,D009103,\nb@example.org,D009103,2024-05-01\nc@example.org,D009103,no\n"
    )
    with stage.write() as session:
        count = read(session, text, confirmed=True)
        found = {each.address[0]: each for each in list_subscribers(session)}
        (preference,) = list_preferences(session, found["b"])
    assert {name: each.state.value for name, each in found.items()} == {"a": "active", "b": "active", "c": "pending"}
    assert found["a"].next_due_at == NOW
    assert preference.confirmed_at == datetime(2024, 5, 1, tzinfo=UTC)
    assert [subscriber.address for subscriber, _ in count.to_confirm] == ["c@example.org"]


def test_a_list_may_say_in_words_how_far_somebody_would_travel(sqlite_stage: Database) -> None:
    where = "53.79648,-1.54785"
    text = "address,area,region,radius_km,travel,latitude,longitude\n" + "".join(
        f"{name}@example.org,D009103,\"Leeds, England, GB\",{radius},{travel},{where}\n"
        for name, radius, travel in [
            ("a", "", "nearby"), ("b", "", "Day trip"), ("c", "300", "region"), ("d", "50 miles", ""),
            ("e", "", "anywhere"), ("f", "", ""),
        ]
    )  # fmt: skip
    with sqlite_stage.write() as session:
        read(session, text, confirmed=True)
        found = {each.address[0]: list_preferences(session, each)[0].radius_km for each in list_subscribers(session)}
        written = {row["address"][0]: row["travel"] for row in csv.DictReader(io.StringIO(exported(session)))}
    assert found == {"a": 25, "b": 100, "c": 300, "d": pytest.approx(80.47, abs=0.01), "e": None, "f": 50}
    assert written == {"a": "nearby", "b": "day-trip", "c": "region", "d": "", "e": "anywhere", "f": ""}


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ("GB,,far", "“far” is no way to travel; expected one of: nearby, day-trip, region, anywhere"),
        ("GB,,nearby", "A radius goes with a town, not with United Kingdom"),
        ("GB,80km,nearby", "“80km” and “nearby” say how far, and not the same"),
        ("GB,80km,anywhere", "say how far, and not the same"),
    ],
)
def test_a_way_to_travel_that_makes_no_sense_is_told(sqlite_stage: Database, cells: str, said: str) -> None:
    with sqlite_stage.write() as session, pytest.raises(ImportRefused) as caught:
        read(session, f"address,area,region,radius_km,travel\na@example.org,D009103,{cells}\n")
    assert said in str(caught.value)


BAD = """address,area,region,timezone,confirmed,latitude,longitude
good@example.org,D009103,GB,,yes,,
not an address,D009103,GB,,yes,,
a@example.org,Multipel sclerosis of the moon,GB,,yes,,
b@example.org,D009103,Atlantis,,yes,,
c@example.org,D009103,GB,Europe/Lodnon,yes,,
d@example.org,D009103,GB,,perhaps,,
e@example.org,D009103,x,,yes,91,0
good@example.org,D000690,GB,Asia/Tokyo,yes,,
"""


def test_one_bad_line_and_nothing_is_imported(stage: Database) -> None:
    with stage.write() as session, pytest.raises(ImportRefused) as caught:
        read(session, BAD)
    assert [error.line for error in caught.value.errors] == [3, 4, 5, 6, 7, 8, 9]
    assert str(caught.value).startswith("line 3: “not an address” is not an e-mail address")
    assert "nothing was imported" in str(caught.value)
    with stage.read() as session:
        assert list_subscribers(session) == []


def test_bad_lines_can_be_skipped(stage: Database) -> None:
    with stage.write() as session:
        count = read(session, BAD, skip_bad=True)
        assert [each.address for each in list_subscribers(session)] == ["good@example.org"]
    assert (count.subscribers, count.preferences) == (1, 1)
    said = {error.line: error.message for error in count.errors}
    assert "Did you mean “Europe/London”" in said[6]
    assert said[9] == "An earlier line of the same address has another language or schedule; make them the same."
    assert isinstance(count.errors[0], LineError)


def test_a_file_brings_nobody_back_who_has_left(stage: Database) -> None:
    with stage.write() as session:
        unsubscribe(session, sign_up(session).subscriber, how="one-click", now=NOW)
        with pytest.raises(ImportRefused, match="has left"):
            read(session, "address,area,confirmed\nMONA@example.org,D000690,yes\n")
        assert find_subscriber(session, "mona@example.org").state is SubscriberState.UNSUBSCRIBED


def test_a_known_subscriber_gets_what_is_new_and_keeps_the_schedule(stage: Database) -> None:
    with stage.write() as session:
        person = sign_up(session, frequency=Frequency.DAILY).subscriber
        text = "address,area,frequency,confirmed\n"
        text += "".join(f"mona@example.org,{area},monthly,yes\n" for area in ("D009103", "D000690"))
        count = read(session, text, now=NOW + timedelta(days=1))
        assert (count.subscribers, count.preferences, count.to_confirm) == (0, 1, ())
        assert person.frequency is Frequency.DAILY
        assert person.next_due_at == NOW


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no column “address”"),
        ("area\nD009103\n", "no column “address”"),
        ("address\nmona@example.org\n", "no column “area”"),
        ("address,area,languge\n", "a column “languge”, which we do not know. Did you mean “language”"),
        ('address,area\n"mona@example.org,D009103\n', "The file is no CSV"),
    ],
)
def test_a_file_that_is_no_list_of_people_is_refused(sqlite_stage: Database, text: str, said: str) -> None:
    with sqlite_stage.write() as session, pytest.raises(InvalidInput) as caught:
        read(session, text)
    assert said in str(caught.value)


def test_a_file_in_another_encoding_is_refused(sqlite_stage: Database) -> None:
    file = io.TextIOWrapper(
        io.BytesIO("address,area\nm\u00f6na@example.org,D009103\n".encode("latin-1")), encoding="utf-8"
    )
    with sqlite_stage.write() as session, pytest.raises(InvalidInput, match="not UTF-8"):
        import_csv(session, file, locale="en", timezone="UTC", now=NOW)


def test_a_list_says_how_somebody_is_written_to_and_which_wish_rests(stage: Database) -> None:
    text = (
        "address,area,heartbeat,discreet,area_in_subject,distance_unit,rests_until,confirmed\n"
        "a@example.org,D009103,quarterly,yes,no,miles,2026-12-01,yes\n"
        "a@example.org,D000690,quarterly,yes,no,miles,,yes\n"
        "b@example.org,D009103,off,,,,,yes\n"
    )
    with stage.write() as session:
        last = current_number(session, CHANGES)
        assert read(session, text).errors == ()
        someone, other = (find_subscriber(session, f"{name}@example.org") for name in "ab")
        resting, awake = list_preferences(session, someone)
    assert (someone.heartbeat, someone.heartbeat_at, someone.discreet) == ("quarterly", NOW, True)
    assert (someone.area_in_subject, someone.unit) == (False, "miles")
    assert (resting.paused_until, resting.paused_seq) == (datetime(2026, 12, 1, tzinfo=UTC), last)
    assert (awake.paused_until, awake.paused_seq) == (None, None)
    assert (other.heartbeat, other.heartbeat_at, other.discreet, other.unit) == (None, None, False, None)


def test_to_somebody_known_a_list_adds_wishes_that_may_rest_and_changes_nothing_else(stage: Database) -> None:
    text = "address,area,discreet,rests_until,confirmed\n" + "".join(
        f"a@example.org,{area},yes,2026-12-01,yes\n" for area in ("D009103", "D000690")
    )
    with stage.write() as session:
        known = sign_up(session, "a@example.org", follow()).subscriber
        known.cursor = 7
        session.flush()
        assert read(session, text).errors == ()
        old, new = list_preferences(session, known)
    assert not known.discreet
    assert (old.paused_until, old.paused_seq) == (None, None)
    assert (new.paused_until, new.paused_seq) == (datetime(2026, 12, 1, tzinfo=UTC), 7)


@pytest.mark.parametrize(
    ("column", "cell", "told"),
    [
        ("heartbeat", "hourly", "hourly"),
        ("discreet", "perhaps", "perhaps"),
        ("area_in_subject", "2", "2"),
        ("announcements", "seldom", "seldom"),
        ("distance_unit", "leagues", "leagues"),
        ("rests_until", "soon", "no date"),
    ],
)
def test_a_way_of_being_written_to_that_makes_no_sense_is_told(
    sqlite_stage: Database, column: str, cell: str, told: str
) -> None:
    with sqlite_stage.write() as session, pytest.raises(ImportRefused, match=f"line 2: .*{told}"):
        read(session, f"address,area,{column}\na@example.org,D009103,{cell}\n")


def test_lines_of_one_person_that_differ_in_how_they_are_written_to_are_refused(sqlite_stage: Database) -> None:
    text = "address,area,discreet\na@example.org,D009103,yes\na@example.org,D000690,\n"
    with sqlite_stage.write() as session, pytest.raises(ImportRefused, match=r"line 3: .*another heartbeat, discreet"):
        read(session, text)

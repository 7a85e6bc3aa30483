"""The demo's seven subscribers, who differ in what they follow, where, how often, in which language and zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session

from trialalerts.subscribers.people import NewSubscriber, add_subscriber
from trialalerts.subscribers.preferences import NewPreference
from trialalerts.subscribers.tables import Frequency, id_of
from trialalerts.vocabulary.areas.tree import AreaTree, load_areas
from trialalerts.vocabulary.places.regions import find_region

__all__ = ["PEOPLE", "SamplePerson", "sign_up"]


@dataclass(frozen=True, kw_only=True)
class SamplePerson:
    """Somebody made up. ``radius_km`` goes with a town; ``age`` is that of the person followed.

    Who follows one ``trial``, by its number, follows no area.
    """

    name: str
    place: str
    frequency: Frequency
    locale: str
    timezone: str
    area: str = ""
    region: str = ""
    trial: str = ""
    radius_km: float | None = None
    age: int | None = None

    @property
    def label(self) -> str:
        """How the demo calls them: “Anna (Leeds, daily, en)”."""
        return f"{self.name} ({self.place}, {self.frequency.value}, {self.locale})"

    @property
    def follows(self) -> str:
        """What they follow, in words."""
        if self.trial:
            return f"the trial {self.trial}"
        around = f" and {self.radius_km:g} km around" if self.radius_km else ""
        aged = f", aged {self.age}" if self.age is not None else ""
        return f"{self.area}, {self.region}{around}{aged}"

    @property
    def address(self) -> str:
        """Their address."""
        return f"{self.name.lower()}@people.example.org"


PEOPLE = (
    SamplePerson(
        name="Anna",
        place="Leeds",
        area="Multiple sclerosis",
        region="Leeds, GB",
        radius_km=80.0,
        frequency=Frequency.DAILY,
        locale="en",
        timezone="Europe/London",
    ),
    SamplePerson(
        name="Jonas",
        place="Bavaria",
        area="Type 1 diabetes",
        region="Bayern",
        age=19,
        frequency=Frequency.WEEKLY,
        locale="de",
        timezone="Europe/Berlin",
    ),
    SamplePerson(
        name="Claire",
        place="France",
        area="Breast cancer",
        region="France",
        frequency=Frequency.MONTHLY,
        locale="fr",
        timezone="Europe/Paris",
    ),
    SamplePerson(
        name="Lucia",
        place="Madrid",
        area="Asthma",
        region="Madrid, ES",
        radius_km=100.0,
        frequency=Frequency.WEEKLY,
        locale="es",
        timezone="Europe/Madrid",
    ),
    SamplePerson(
        name="Sam",
        place="anywhere",
        area="Melanoma",
        region="anywhere",
        frequency=Frequency.IMMEDIATELY,
        locale="en",
        timezone="America/New_York",
    ),
    SamplePerson(
        name="Grace",
        place="California",
        area="Parkinson's disease",
        region="US-CA",
        age=77,
        frequency=Frequency.DAILY,
        locale="en-US",
        timezone="America/Los_Angeles",
    ),
    SamplePerson(
        name="Tom",
        place="Seattle",
        trial="NCT90000003",
        frequency=Frequency.DAILY,
        locale="en-US",
        timezone="America/Los_Angeles",
    ),
)


def sign_up(session: Session, now: datetime) -> dict[int, SamplePerson]:
    """Store the seven, confirmed; return them by their ids."""
    areas = load_areas(session)
    found: dict[int, SamplePerson] = {}
    for person in PEOPLE:
        preferences = () if person.trial else (_preference(session, areas, person, now),)
        new = NewSubscriber(
            address=person.address,
            preferences=preferences,
            locale=person.locale,
            timezone=person.timezone,
            frequency=person.frequency,
        )
        signup = add_subscriber(session, new, confirmed=True, how="operator", now=now)
        found[id_of(signup.subscriber)] = person
    return found


def _preference(session: Session, areas: AreaTree, person: SamplePerson, now: datetime) -> NewPreference:
    return NewPreference(
        area_id=areas.find(person.area).id,
        region=find_region(session, person.region, radius_km=person.radius_km),
        born_on=None if person.age is None else date(now.year - person.age, 1, 1),
    )

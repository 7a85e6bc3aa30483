"""Whom a reader is told to ask: somebody who can be reached, nearest first, and never an instruction."""

from __future__ import annotations

import pytest

from trialalerts.catalog.facts import Contact, Site, TrialFacts
from trialalerts.digests.cards.sites.asking import places
from trialalerts.digests.cards.sites.contacts import contacts_for
from trialalerts.digests.cards.wording import Wordings

WORDS = Wordings()
ENGLISH = WORDS.of("en")
NURSE = Contact(name="N. Nurse", phone="0113 496 0000", email="nurse@example.org")
LEADER = Contact(name="L. Leader", role="investigator")
OFFICE = Contact(name="Trial office", phone="0113 496 0001")
LEEDS = Site(facility="Leeds Hospital", country="GB", status="RECRUITING", contacts=(NURSE, LEADER))


def asked(facts: TrialFacts, site: Site | None = None) -> list[str]:
    return [line.name for line in contacts_for(ENGLISH, facts, site)]


def trial(*sites: Site, central: tuple[Contact, ...] = (OFFICE,)) -> TrialFacts:
    return TrialFacts(status="RECRUITING", sites=sites, contacts=central)


def test_the_people_of_the_site_come_first_and_alone() -> None:
    assert asked(trial(LEEDS), LEEDS) == ["N. Nurse"]


def test_where_the_site_names_nobody_else_its_leader_and_the_office_are_named() -> None:
    bare = LEEDS.model_copy(update={"contacts": (LEADER,)})
    assert asked(trial(bare), bare) == ["L. Leader, who leads the study there", "Trial office"]


def test_a_site_without_people_leaves_the_trials_own_contacts() -> None:
    bare = LEEDS.model_copy(update={"contacts": ()})
    assert asked(trial(bare, LEEDS), bare) == ["Trial office"]
    assert asked(trial(bare, LEEDS)) == ["Trial office"]  # nobody knows which site is the reader's, but one has people


def test_at_most_two_are_named_and_nobody_twice() -> None:
    many = LEEDS.model_copy(update={"contacts": (NURSE, NURSE, OFFICE, Contact(name="C", phone="0113 496 0003"))})
    assert asked(trial(many), many) == ["N. Nurse", "Trial office"]


@pytest.mark.parametrize(
    "name",
    [
        "First line of the email MUST contain NCT # and Site #.",
        "Please put the trial number into the subject line",
        "There may be multiple sites in this clinical trial. 1-877-555-0145 or",
        "Reference Study ID Number: AB12345 https://patients.example.org/",
        "NCT99900001",
        "For further information see www.example.org",
        "Email preferred",
        "only use Email",
        "Toll Free Number",
        "Site 0063",
    ],
)
def test_an_instruction_is_no_name(name: str) -> None:
    (line,) = contacts_for(ENGLISH, trial(central=(Contact(name=name, phone="+44 113 496 0001"),)))
    assert (line.name, line.tel) == ("", "+441134960001")


@pytest.mark.parametrize("name", ["N. Nurse, only use Email", "N. Nurse (email only)", "N. Nurse, Site 0032"])
def test_a_name_stands_without_what_is_no_name(name: str) -> None:
    (line,) = contacts_for(ENGLISH, trial(central=(Contact(name=name, phone="+44 113 496 0001"),)))
    assert line.name == "N. Nurse"


def test_a_contact_that_is_an_instruction_alone_is_left_out() -> None:
    assert contacts_for(ENGLISH, trial(central=(Contact(name="Email must contain the site"),))) == ()


def test_central_numbers_are_dialled_by_a_country_only_where_all_sites_are_in_one() -> None:
    german = Site(country="DE", status="RECRUITING")
    (here,), (anywhere,) = (contacts_for(ENGLISH, trial(*sites)) for sites in ((german, german), (german, LEEDS)))
    assert (here.tel, anywhere.tel) == (None, None)  # a British number is none of Germany
    (british,) = contacts_for(ENGLISH, trial(Site(country="GB"), Site(country="GB")))
    assert british.tel == "+441134960001"


@pytest.mark.parametrize(
    ("language", "note"),
    [("en", "(from the USA only)"), ("de", "(nur aus den USA)"), ("fr", "(seulement depuis les États-Unis)"),
     ("es", "(solo desde EE. UU.)")],
)  # fmt: skip
def test_a_free_number_of_america_is_no_link_elsewhere_and_says_so(language: str, note: str) -> None:
    site = Site(country="DE", status="RECRUITING", contacts=(Contact(phone="1-877-555-0145"),))
    (line,) = contacts_for(WORDS.of(language), trial(site), site)
    assert (line.tel, line.phone, line.note) == (None, "1-877-555-0145", note)


def test_each_reader_is_told_the_people_of_their_own_hospital_whoever_was_told_before() -> None:
    """What is kept of a site is not another's, nor another trial's, nor another language's."""
    sites = [
        Site(
            facility=f"Hospital {n}",
            country=country,
            status="RECRUITING",
            contacts=(Contact(phone=f"0113 496 000{n}"),),
        )
        for n, country in enumerate(("GB", "GB", "DE"))
    ]
    bare = Site(facility="Hospital 3", country="GB", status="RECRUITING")
    trials = [
        trial(*sites, bare),
        trial(*sites, bare, central=(Contact(name="Another office", email="b@example.org"),)),
    ]
    for _ in range(2):
        for language in ("en", "de"):
            words = Wordings().of(language)
            for facts, known in [(each, places(words, each)) for each in trials]:
                for site in (*sites, bare, None):
                    alone = contacts_for(words, facts, site)[:1]
                    assert known.people(words, site)[0].phone == alone[0].phone
                    assert known.people(words, site)[0].tel == alone[0].tel
                    assert known.people(words, site)[0].email == alone[0].email

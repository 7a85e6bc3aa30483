"""In what shares chance parts people, told only where a record says it."""

from __future__ import annotations

from typing import Any

import pytest

from trialalerts.catalog.facts import Arm, Design, Intervention, TrialFacts
from trialalerts.digests.cards.wording import Wordings
from trialalerts.digests.plain import share_line
from trialalerts.digests.plain.shares import ratio_in

DRUG, PLACEBO, OTHER = (
    Intervention(type="DRUG", name="Brevalumab"),
    Intervention(type="DRUG", name="Placebo"),
    Intervention(type="DRUG", name="Ibrenolast"),
)
AGAINST_PLACEBO = (Arm("EXPERIMENTAL", "Brevalumab", (0,)), Arm("PLACEBO_COMPARATOR", "Placebo", (1,)))
THREE = (*AGAINST_PLACEBO, Arm("ACTIVE_COMPARATOR", "Ibrenolast", (2,)))
TWO_OF_A_KIND = (Arm("ACTIVE_COMPARATOR", "Brevalumab", (0,)), Arm("ACTIVE_COMPARATOR", "Ibrenolast", (2,)))


def told(summary: str, *, arms: tuple[Arm, ...] = AGAINST_PLACEBO, language: str = "en", **design: Any) -> str:
    values: dict[str, Any] = {"allocation": "RANDOMIZED", "model": "PARALLEL"} | design
    facts = TrialFacts(
        study_type="INTERVENTIONAL",
        conditions=("Asthma",),
        plain=Design(interventions=(DRUG, PLACEBO, OTHER), arms=arms, **values),
    )
    return "".join(piece.text for piece in share_line(Wordings().of(language), facts, summary))


@pytest.mark.parametrize(
    ("summary", "line"),
    [
        ("Participants will be randomized 1:1 to brevalumab or placebo.", "half get brevalumab"),
        ("People are randomised (1:1). They are followed for a year.", "half get brevalumab"),
        ("They are randomly assigned in a 2:1 ratio to receive brevalumab or placebo.", "2 of 3 get brevalumab"),
        ("They are randomly allocated 2:1 to placebo or brevalumab.", "1 of 3 gets brevalumab"),
        ("Randomization is 3 : 1 to active and control arms", "3 of 4 get brevalumab"),
        ("It is randomized 4:2 to active versus sham.", "2 of 3 get brevalumab"),
        ("Randomised 2:2 to brevalumab or placebo.", "half get brevalumab"),
    ],
)
def test_the_share_of_what_is_tested_is_told(summary: str, line: str) -> None:
    assert told(summary) == line


@pytest.mark.parametrize(
    ("language", "half", "part"),
    [
        ("de", "die Hälfte bekommt Brevalumab", "1 von 3 bekommt Brevalumab"),
        ("fr", "la moitié reçoit brevalumab", "1 personne sur 3 reçoit brevalumab"),
        ("es", "la mitad recibe brevalumab", "1 de cada 3 recibe brevalumab"),
    ],
)
def test_it_is_told_in_the_readers_language(language: str, half: str, part: str) -> None:
    assert told("Randomized 1:1 to brevalumab or placebo.", language=language) == half
    assert told("Randomized 1:2 to brevalumab or placebo.", language=language) == part


def test_of_equal_groups_without_one_that_is_tested_alone_only_their_size_is_told() -> None:
    assert told("Randomised 1:1:1.", arms=THREE) == "all groups are of the same size"
    assert told("Randomised 1:1.", arms=TWO_OF_A_KIND) == "all groups are of the same size"
    assert told("Randomised 2:1 to brevalumab or ibrenolast.", arms=TWO_OF_A_KIND) == ""


@pytest.mark.parametrize(
    "summary",
    [
        "",
        "Participants will be randomized to brevalumab or placebo.",
        "Diluted 1:1 with saline. Participants will be randomized.",
        "Participants will be randomized 1:1:1 to three doses.",
        "Participants will be randomized 2:1 by computer.",
        "Participants will be randomized 2:1 to placebo or control.",
        "In each cohort participants will be randomized 1:1.",
        "Within the arm people are randomized 1:1 to two schedules.",
        "In an earlier trial (NCT01234567; done in 2015) children were randomised 1:1.",
        "Part A is randomized 1:1 and the rest gets brevalumab.",
        "Participants are randomized 1:1. Then they are re-randomized 1:1.",
        "Participants are randomized 1:1. After week 12 they are randomised again 2:1.",
        "Visits begin at 10:30, then people are randomized at 12:00.",
        "They are randomized 0:1.",
        "They are randomized 0.5:1.",
        "A 1:1 conversation. Allocation is random.",
    ],
)
def test_where_the_record_does_not_say_it_nothing_is_told(summary: str) -> None:
    assert told(summary) == ""


@pytest.mark.parametrize("design", [{"allocation": "NON_RANDOMIZED"}, {"allocation": None}, {"model": "CROSSOVER"}])
def test_without_chance_or_where_all_get_all_in_turn_there_are_no_shares(design: dict[str, Any]) -> None:
    assert told("Participants will be randomized 1:1 to brevalumab or placebo.", **design) == ""


def test_a_ratio_said_twice_alike_is_one() -> None:
    assert ratio_in("Randomized 2:1 to A or placebo. All are randomised 2:1.") == ((2, 1), " to A or placebo.")
    assert ratio_in("Randomized 2:1 to A or placebo. All are randomised 1:1.") is None

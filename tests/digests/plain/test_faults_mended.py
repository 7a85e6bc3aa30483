"""Kinds of fault that were found by reading real records beside their cards, each as an invented record."""

from __future__ import annotations

from typing import Any

import pytest

from tests.digests.plain.test_lines import AGAINST_PLACEBO, EXAMPLUMAB, PLACEBO, design, said, trial
from trialalerts.catalog.facts import Arm
from trialalerts.digests.plain.languages.stages import parted, stage_said


def all_get(*things: tuple[str, str]) -> Any:
    """Return a design in which everybody gets all of these."""
    return design(*things, arms=(Arm("EXPERIMENTAL", "A", tuple(range(len(things)))),), allocation="NA")


@pytest.mark.parametrize(
    ("kind", "name", "said_as"),
    [
        ("DRUG", "Lysergic Acid Diethylamide", "the medicine LSD"),
        ("DRUG", "Invenotecan hydrochloride", "the medicine invenotecan"),
        ("DRUG", "Insect Venom", "insect venom"),
        ("DRUG", "Examplumab at a dose of 0.016mg/kg/IU/mL", "the medicine examplumab"),
        ("BIOLOGICAL", "Examplostomig", "the medicine examplostomig"),
        ("PROCEDURE", "Surgical Procedure", "surgery"),
        ("COMBINATION_PRODUCT", "Examplumab", "examplumab"),
    ],
)
def test_a_treatment_is_told_by_the_name_by_which_people_know_it(kind: str, name: str, said_as: str) -> None:
    assert said(trial(all_get((kind, name)))) == f"Tests {said_as} in adults with asthma. All who join get it."


def test_a_dose_that_is_to_be_widened_is_no_second_medicine() -> None:
    things = (("BIOLOGICAL", "EXA026 Dose Escalation"), ("BIOLOGICAL", "EXA026 Dose for Expansion"))
    arms = (Arm("EXPERIMENTAL", "1", (0,)), Arm("EXPERIMENTAL", "2", (1,)))
    line = said(trial(design(*things, arms=arms, allocation="NON_RANDOMIZED")))
    assert line.startswith("Tests the medicine EXA026 in adults")


def test_in_a_list_a_name_in_brackets_is_that_of_the_code_before_it_alone() -> None:
    line = said(trial(all_get(("DRUG", "EXA8205 and EXA2936 (Examplostomig)"))))
    assert line.startswith("Tests the medicines EXA8205 and examplostomig together")


def test_an_abbreviation_that_the_record_explains_is_the_same_thing() -> None:
    things = (("DRUG", "Recombinant Human Hyaluronidase (rHu)"), EXAMPLUMAB, ("DRUG", "Examplumab + rHu"))
    arms = (Arm("EXPERIMENTAL", "A", (0, 1)), Arm("EXPERIMENTAL", "B", (2,)))
    line = said(trial(design(*things, arms=arms, allocation="RANDOMIZED")))
    assert line.startswith("Tests the medicines hyaluronidase and examplumab in adults")


@pytest.mark.parametrize(
    ("language", "instead"),
    [
        ("en", "some get Curamab, Sanamab or 2 more instead"),
        ("de", "bekommen einige stattdessen Curamab, Sanamab oder eins von 2 weiteren"),
        ("fr", "certains reçoivent Curamab, Sanamab ou 2 autres à la place"),
        ("es", "algunos reciben en su lugar Curamab, Sanamab o 2 más"),
    ],
)
def test_of_many_others_people_get_one_and_not_all(language: str, instead: str) -> None:
    others = [("DRUG", name) for name in ("Curamab", "Sanamab", "Valemab", "Bonamab")]
    arms = (Arm("EXPERIMENTAL", "A", (0,)), Arm("ACTIVE_COMPARATOR", "Physician's choice", (1, 2, 3, 4)))
    line = said(trial(design(EXAMPLUMAB, *others, arms=arms, allocation="RANDOMIZED")), language)
    assert instead.lower() in line.lower()


@pytest.mark.parametrize(
    ("name", "language", "line"),
    [
        ("Advanced Lung Cancer", "de", "bei Erwachsenen mit Lungenkrebs (fortgeschritten)."),
        ("Severe allergic asthma", "de", "bei Erwachsenen mit allergischem Asthma (schwere Form)."),
        (
            "Extensive-Stage Lung Cancer",
            "fr",
            "atteints de cancer du poumon (stade étendu)",
        ),
        ("Locally Advanced Gastric Adenocarcinoma", "es", "con adenocarcinoma de estómago (fase localmente avanzada)"),
    ],
)
def test_a_stage_stands_behind_a_disease_in_its_own_language(name: str, language: str, line: str) -> None:
    assert line in said(trial(all_get(EXAMPLUMAB), conditions=(name,)), language)


def test_a_disease_without_a_stage_is_left_as_it_is() -> None:
    assert stage_said("asthma", "de") is None
    assert stage_said("advanced lung cancer", "en") is None
    assert parted("Asthma (allergisch)") == ("Asthma (allergisch)", "")


@pytest.mark.parametrize("values", [{"keywords": ("Vaccine",)}, {"official_title": "Safety of a COVID-19 Vaccine"}])
def test_who_is_vaccinated_is_not_said_to_have_the_disease(values: dict[str, Any]) -> None:
    observed = trial(
        design(observational_model="COHORT", time_perspective="RETROSPECTIVE"),
        study_type="OBSERVATIONAL",
        conditions=("COVID-19",),
        **values,
    )
    assert said(observed) == (
        "Looks back at what is on record about adults, to learn about COVID-19. It tests no treatment."
    )


def test_who_is_given_one_thing_after_another_is_not_said_to_be_left_alone() -> None:
    observed = trial(
        design(
            ("OTHER", "Oxygen therapy"),
            arms=(Arm("", "15 litres", (0,)), Arm("", "8 litres", (0,))),
            observational_model="CASE_CROSSOVER",
        ),
        study_type="OBSERVATIONAL",
    )
    assert said(observed) == "Observes adults with asthma."


def test_a_measurement_is_no_treatment() -> None:
    measured = all_get(("PROCEDURE", "Peak Nasal Inspiratory Flow"))
    assert "It tests no treatment." in said(trial(measured))


def test_self_efficacy_is_no_disease() -> None:
    assert "with self" not in said(trial(all_get(EXAMPLUMAB), conditions=("Self Efficacy",)))


@pytest.mark.parametrize(
    ("language", "line"),
    [
        ("fr", "Au fil du temps, l’étude suit des adultes atteints d’asthme."),
        ("es", "El estudio sigue a lo largo del tiempo a adultos con asma."),
    ],
)
def test_what_is_followed_is_not_parted_from_its_disease(language: str, line: str) -> None:
    observed = trial(design(time_perspective="PROSPECTIVE"), study_type="OBSERVATIONAL")
    assert said(observed, language, "asthme" if language == "fr" else "asma").startswith(line)


def test_a_placebo_in_turn_is_told_without_counting() -> None:
    in_turn = AGAINST_PLACEBO.model_copy(update={"model": "CROSSOVER", "masked": ()})
    assert "Alle bekommen auch ein Placebo; das Los bestimmt die Reihenfolge." in said(trial(in_turn), "de")
    assert PLACEBO[1] in said(trial(in_turn), "de")


def test_what_everybody_is_given_and_nobody_can_name_is_not_called_a_treatment() -> None:
    things = (("OTHER", "Phthalate"), ("OTHER", "Filtered air"), ("OTHER", "Allergen"))
    arms = (Arm("ACTIVE_COMPARATOR", "Air", (1, 2)), Arm("EXPERIMENTAL", "Phthalate", (0, 2)))
    line = said(trial(design(*things, arms=arms, allocation="RANDOMIZED")))
    assert line.startswith("Tests phthalate in adults with asthma.")


@pytest.mark.parametrize(
    ("language", "turns"),
    [
        ("en", "All get it and A1/A2 milk in turn; chance sets the order."),
        ("de", "Alle bekommen auch „A1/A2 milk“; das Los bestimmt die Reihenfolge."),
        ("fr", "Chaque personne reçoit aussi « A1/A2 milk »\u202f; l’ordre est tiré au sort."),
        ("es", "Cada persona recibe también «A1/A2 milk»; el orden se decide por sorteo."),
    ],
)
def test_what_people_get_in_turn_is_named(language: str, turns: str) -> None:
    things = (("OTHER", "A2 Milk"), ("OTHER", "A1/A2 Milk"))
    arms = (Arm("ACTIVE_COMPARATOR", "A2 Milk", (0,)), Arm("PLACEBO_COMPARATOR", "A1/A2 Milk", (1,)))
    line = said(trial(design(*things, arms=arms, allocation="RANDOMIZED", model="CROSSOVER")), language)
    assert turns.replace("\u202f", " ") in line.replace("\u202f", " ")


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("HIV Infection Primary", "primary HIV infection"),
        ("Conditions or Focus of Study: Solid Tumor", "solid tumours"),
    ],
)
def test_a_condition_stands_in_the_order_in_which_it_is_spoken(written: str, told: str) -> None:
    assert f"in adults with {told}." in said(trial(all_get(EXAMPLUMAB), conditions=(written,)))


def test_what_a_name_is_for_is_no_part_of_it() -> None:
    line = said(trial(all_get(("BIOLOGICAL", "EXA06 injection for treatment of advanced malignant solid tumors"))))
    assert line.startswith("Tests the medicine EXA06 in adults")

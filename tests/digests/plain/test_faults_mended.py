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
        ("DRUG", "The patients were treated with examplumab", "the medicine examplumab"),
        ("DRUG", "Exemplix® Peanut 50 mcg", "the medicine Exemplix peanut"),
        ("DRUG", "Viaskin Peanut 50 mcg", "the medicine Viaskin peanut"),
        ("DRUG", "Examplegepant", "the medicine examplegepant"),
        ("DRUG", "Symbicort", "the medicine Symbicort"),
        ("DIETARY_SUPPLEMENT", "Omega-3 fatty acids", "the food supplement omega-3 fatty acids"),
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


def against(other: tuple[str, str], label: str = "Placebo") -> Any:
    """Return a design of examplumab beside an arm that gets something else."""
    arms = (Arm("EXPERIMENTAL", "A", (0,)), Arm("PLACEBO_COMPARATOR", label, (1,)))
    return design(EXAMPLUMAB, other, arms=arms, allocation="RANDOMIZED")


@pytest.mark.parametrize("name", ["NaCl", "Buffer", "Diluent with human albumin"])
def test_what_stands_in_for_a_medicine_is_the_placebo_itself(name: str) -> None:
    assert said(trial(against(("DRUG", name)))).endswith("Picked by chance, some get a placebo instead.")


def test_an_arm_whose_label_names_no_placebo_may_get_another_treatment() -> None:
    assert "some get milk instead" in said(trial(against(("OTHER", "Milk"), label="B")))


def test_where_the_record_names_a_placebo_its_arms_are_not_believed_against_it() -> None:
    arms = (Arm("ACTIVE_COMPARATOR", "Examplumab", (1,)), Arm("PLACEBO_COMPARATOR", "Placebo", (0,)))
    line = said(trial(design(EXAMPLUMAB, PLACEBO, arms=arms, allocation="RANDOMIZED")))
    assert line.startswith("Tests the medicine examplumab")


@pytest.mark.parametrize(
    ("kind", "name", "said_as"),
    [
        ("DRUG", "Washed Microbiota Transplantation", "washed microbiota transplantation"),
        ("BIOLOGICAL", "Peanut Consumption Group", "peanut consumption"),
        ("DIETARY_SUPPLEMENT", "Wheat spaghetti", "wheat spaghetti"),
        ("RADIATION", "Low level laser therapy", "low level laser therapy"),
        ("DEVICE", "Occipital Nerve Stimulation", "occipital nerve stimulation"),
        ("BIOLOGICAL", "Peanut OIT", "peanut oral immunotherapy"),
        ("DIETARY_SUPPLEMENT", "Dietary supplement", "a food supplement"),
        ("DEVICE", "Stimulation", "stimulation"),
        ("DEVICE", "POCT device", "the POCT device"),
        ("DRUG", "Chemotherapy", "chemotherapy"),
        ("DRUG", "Examplix (examplumab)", "the medicine examplumab"),
        ("DRUG", "EXAMPLIX ®( Examplumab)", "the medicine examplumab"),
        ("DEVICE", "Sample™ Platform composed of the MADE (Made Up Devices) Titanium", "the device Sample Platform"),
        ("BIOLOGICAL", "EXA-AD Inj.", "the medicine EXA-AD"),
        ("DRUG", "EU-approved Examplix", "the medicine Examplix"),
        ("DRUG", "Sumatriptan succinate", "the medicine sumatriptan"),
        ("DIETARY_SUPPLEMENT", "Ferrous fumarate", "the food supplement ferrous fumarate"),
        ("OTHER", "Modified carbohydrate diet for 3 months", "modified carbohydrate diet"),
        ("DRUG", "Dose escalation: EXA902 monotherapy.", "the medicine EXA902"),
        ("RADIATION", "Proton radiotherapy", "proton radiotherapy"),
    ],
)
def test_a_thing_is_told_as_what_it_is(kind: str, name: str, said_as: str) -> None:
    assert said(trial(all_get((kind, name)))) == f"Tests {said_as} in adults with asthma. All who join get it."


@pytest.mark.parametrize(
    "name", ["Histamine provocation", "Nasal nitric oxide", "T-cell activation test using markers within cells"]
)
def test_what_only_measures_is_no_treatment(name: str) -> None:
    assert "It tests no treatment." in said(trial(all_get(("DEVICE", name))))


def test_what_people_keep_for_an_emergency_is_not_what_they_are_given() -> None:
    things = (EXAMPLUMAB, ("DRUG", "Rescue medication for allergic rhinitis"))
    assert said(trial(all_get(*things))).startswith("Tests the medicine examplumab in adults")


@pytest.mark.parametrize(
    ("conditions", "told"),
    [
        (("Rhinitis, Allergic, Seasonal",), "with seasonal allergic rhinitis."),
        (("Leukemia, Lymphocytic, Chronic",), "with chronic lymphocytic leukaemia."),
        (("Breast, Ovarian, Gastric Cancer",), "with breast."),
        (("Breast Cancer Female",), "with breast cancer."),
        (("Solid Tumor Pediatric",), "with solid tumours."),
        (("Job s Syndrome",), "with job's syndrome."),
        (("Eosinophilic Esophagitis",), "with eosinophilic oesophagitis."),
        (("Macular Edema",), "with macular oedema."),
        (("Systemic Lupus Erythematosus",), "with systemic lupus erythematosus."),
        (("Allergic Reaction",), "with allergic reactions."),
        (("Food Allergy", "Peanut Allergy"), "with peanut allergy."),
        (("Asthma", "Lung Diseases"), "with asthma."),
        (("Food Allergy", "Asthma"), "with food allergy, asthma or both."),
        (("Melanoma", "Lung Cancer"), "with melanoma or lung cancer."),
        (("Prospective", "Single-blind", "Clinical", "Trial"), "in adults."),
        (("Immunity",), "in adults."),
        (("Pathophysiology",), "in adults."),
        (("Similarity of Pharmacokinetics",), "in adults."),
        (("28 Day Mortality",), "in adults (topic: 28 day mortality)."),
        (("Bone Mineral Density in Cow's Milk Allergic Patients",), "in adults (topic: bone mineral density)."),
    ],
)
def test_a_condition_is_told_as_people_would_say_it(conditions: tuple[str, ...], told: str) -> None:
    assert said(trial(all_get(EXAMPLUMAB), conditions=conditions)).endswith(f"{told} All who join get it.")


@pytest.mark.parametrize(
    ("title", "line"),
    [
        ("Lysate in Asthmatic Children", "Tests the medicine examplumab in adults with asthma."),
        ("Examplumab for Patients With Severe Asthma", "Tests the medicine examplumab in adults with asthma."),
        ("Examplumab in Moderate Asthmatics", "Tests the medicine examplumab in adults with asthma."),
        ("Primary Prevention of Asthma in Infants", "Tests whether the medicine examplumab helps to prevent asthma"),
        ("Examplumab in Children at High Risk of Asthma", "Tests whether the medicine examplumab helps to prevent"),
        ("Examplumab in Healthy Adults", "Tests whether the medicine examplumab helps to prevent asthma"),
        (None, "Tests whether the medicine examplumab helps to prevent asthma"),
    ],
)
def test_what_people_have_nothing_can_prevent(title: str | None, line: str) -> None:
    prevents = all_get(EXAMPLUMAB).model_copy(update={"purpose": "PREVENTION"})
    assert said(trial(prevents, official_title=title)).startswith(line)


def test_several_things_help_to_prevent() -> None:
    extracts = all_get(("BIOLOGICAL", "Allergen extracts")).model_copy(update={"purpose": "PREVENTION"})
    assert said(trial(extracts)).startswith("Tests whether allergen extracts help to prevent asthma, in adults.")


def test_a_sham_treatment_in_turn_is_told() -> None:
    arms = (Arm("OTHER", "Sequence A", (0, 1)), Arm("OTHER", "Sequence B", (0, 1)))
    things = (("DEVICE", "Magnetic Stimulation"), ("DEVICE", "Sham Stimulation"))
    line = said(trial(design(*things, arms=arms, allocation="RANDOMIZED", model="CROSSOVER")))
    assert line.endswith("All get it and a sham treatment in turn; chance sets the order.")


def test_several_things_in_turn_are_no_choice() -> None:
    arms = tuple(Arm("EXPERIMENTAL", f"{number}", (0, 1, 2)) for number in range(3))
    in_turn = design(EXAMPLUMAB, ("DRUG", "Zopiclone"), PLACEBO, arms=arms, allocation="RANDOMIZED", model="CROSSOVER")
    line = said(trial(in_turn))
    assert line.startswith("Tests the medicines examplumab and zopiclone in adults")
    assert "All get each of them in turn; chance sets the order." in line


@pytest.mark.parametrize(
    ("name", "german", "french", "spanish"),
    [
        ("Dexamethasone", "Dexamethason", "dexaméthasone", "dexametasona"),
        ("Fluticasone propionate", "Fluticasonpropionat", "propionate de fluticasone", "propionato de fluticasona"),
        ("Ipratropium Bromide", "Ipratropiumbromid", "bromure d’ipratropium", "bromuro de ipratropio"),
        ("Sodium oxybate", "Natriumoxybat", "oxybate de sodium", "oxibato de sodio"),
        ("Ferrous fumarate", "Eisenfumarat", "fumarate de fer", "fumarato de hierro"),
        ("Montelukast sodium", "Montelukast-Natrium", "montélukast sodique", "montelukast sódico"),
        ("Thymosin alpha 1", "Thymosin alpha 1", "thymosine alpha 1", "timosina alfa 1"),
        ("Interferon Gamma", "Interferon gamma", "interféron gamma", "interferón gamma"),
        ("Salmeterol", "Salmeterol", "salmétérol", "salmeterol"),
        ("Etoposide", "Etoposid", "étoposide", "etopósido"),
        ("Carboplatin", "Carboplatin", "carboplatine", "carboplatino"),
        ("Cyclophosphamide", "Cyclophosphamid", "cyclophosphamide", "ciclofosfamida"),
        ("Methotrexate", "Methotrexat", "méthotrexate", "metotrexato"),
        ("Ropivacaine", "Ropivacain", "ropivacaine", "ropivacaína"),
        ("Omalizumab", "Omalizumab", "omalizumab", "omalizumab"),
    ],
)
def test_a_substance_has_its_name_in_each_language(name: str, german: str, french: str, spanish: str) -> None:
    facts = trial(all_get(("DRUG", name)))
    assert f"das Medikament {german} bei" in said(facts, "de")
    assert f"le médicament {french} chez" in said(facts, "fr")
    assert f"el medicamento {spanish} en" in said(facts, "es")


@pytest.mark.parametrize(
    ("condition", "behind_mit"),
    [
        ("Severe persistent asthma", "schwerem anhaltendem Asthma"),
        ("Locally advanced and metastatic solid tumors", "lokal fortgeschrittenen und metastasierten soliden Tumoren"),
        ("Nonalcoholic steatohepatitis", "nicht alkoholischer Fettleberentzündung"),
        ("Metastatic Renal Cell Carcinoma", "metastasiertem Nierenkrebs (Nierenzellkarzinom)"),
        ("Mosquito-borne infectious diseases", "von Mücken übertragenen Krankheiten"),
        ("Nasal stuffiness", "verstopfter Nase"),
    ],
)
def test_adjectives_before_a_german_condition_are_in_the_dative(condition: str, behind_mit: str) -> None:
    line = said(trial(all_get(("DRUG", "Examplumab")), conditions=(condition,)), "de")
    assert f"bei Erwachsenen mit {behind_mit}." in line


def test_a_record_whose_conditions_say_nothing_is_about_its_keywords() -> None:
    values = {
        "conditions": ("Pediatric",),
        "keywords": ("birth cohort", "allergic diseases"),
        "study_type": "OBSERVATIONAL",
    }
    line = said(trial(design(), **values))
    assert "allergic diseases" in line


def test_two_names_of_one_condition_are_told_once_in_another_language() -> None:
    conditions = ("Rhinitis, Allergic, Nonseasonal", "Perennial allergic rhinitis")
    line = said(trial(all_get(("DRUG", "Examplumab")), conditions=conditions), "de")
    assert line.count("ganzjährig") == 1


def test_a_word_of_french_has_its_article() -> None:
    for name, told in (("Milk", "le lait"), ("Chemotherapy", "la chimiothérapie"), ("Oxygen", "l’oxygène")):
        assert f"L’étude teste {told} chez" in said(trial(all_get(("OTHER", name))), "fr")


def test_a_test_is_called_one_only_once() -> None:
    challenge = all_get(("OTHER", "Oral food challenge"))
    assert "utilise le test de provocation orale" in said(trial(challenge), "fr")
    assert "usa prueba de provocación oral" in said(trial(challenge), "es")


def test_older_people_are_feminine_in_french() -> None:
    older = trial(all_get(EXAMPLUMAB), minimum_age_days=int(65 * 365.25))
    assert "des personnes âgées atteintes d’asthme" in said(older, "fr", "asthme")


@pytest.mark.parametrize(
    ("conditions", "keywords", "title", "told"),
    [
        (("Esophagitis",), ("Eosinophilic esophagitis",), "Of Eosinophilic Esophagitis", "eosinophilic oesophagitis"),
        (("Esophagitis",), ("Eosinophilic esophagitis",), "Of Something Else", "oesophagitis"),
        (("Asthma",), ("Examplumab IgE asthma",), "Examplumab in Asthma", "asthma"),
        (("Advanced Solid Tumor", "Melanoma", "Lung Cancer"), (), "", "advanced solid tumours"),
        (("Advanced Solid Tumor", "Melanoma", "Asthma"), (), "", "advanced solid tumours or other conditions"),
        (("Melanoma", "Lung Cancer", "Breast Cancer"), (), "", "melanoma or other conditions"),
        (("Intervertebral Disc, Degenerative",), (), "", "worn spinal discs"),
    ],
)
def test_a_condition_says_as_much_as_the_title_and_no_more_than_is_so(
    conditions: tuple[str, ...], keywords: tuple[str, ...], title: str, told: str
) -> None:
    facts = trial(all_get(EXAMPLUMAB), conditions=conditions, keywords=keywords, official_title=title)
    assert said(facts).startswith(f"Tests the medicine examplumab in adults with {told}. ")


def test_a_language_that_has_no_name_for_a_kind_of_a_disease_names_the_disease() -> None:
    facts = trial(
        all_get(EXAMPLUMAB),
        conditions=("Migraine",),
        keywords=("Exemplary migraine",),
        official_title="Examplumab in Exemplary Migraine",
    )
    assert "with exemplary migraine." in said(facts)
    assert "mit Migräne." in said(facts, "de")


def test_what_everybody_gets_is_declined_where_german_wants_it() -> None:
    arms = (Arm("EXPERIMENTAL", "A", (0, 1)), Arm("ACTIVE_COMPARATOR", "B", (1,)))
    facts = trial(design(EXAMPLUMAB, ("DRUG", "Corticosteroids"), arms=arms, allocation="RANDOMIZED"))
    line = said(facts, "de")
    assert "zusätzlich zu Kortikosteroiden bei" in line
    assert line.endswith("nur Kortikosteroide.")

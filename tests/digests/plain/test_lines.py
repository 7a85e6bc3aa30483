"""The plain line of made-up studies: what each rule says, and what it keeps silent about."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialalerts.catalog.facts import Arm, Design, Intervention, TrialFacts
from trialalerts.digests.cards.wording import Wordings
from trialalerts.digests.plain import Piece, plain_line
from trialalerts.digests.plain.languages import common_conditions
from trialalerts.digests.plain.languages.common_conditions import common_condition

WORDS = Wordings()
YEAR = 365.25


def trial(design: Design, **values: Any) -> TrialFacts:
    usual = {
        "study_type": "INTERVENTIONAL",
        "conditions": ("Asthma",),
        "minimum_age_days": int(18 * YEAR),
        "plain": design,
    }
    return TrialFacts.model_validate(usual | values)


def design(*things: tuple[str, str], arms: tuple[Arm, ...] = (), **values: Any) -> Design:
    return Design(interventions=tuple(Intervention(kind, name) for kind, name in things), arms=arms, **values)


def said(facts: TrialFacts, language: str = "en", condition: str | None = None) -> str:
    line = plain_line(WORDS.of(language), facts, condition)
    assert line is not None
    return line.text


EXAMPLUMAB = ("DRUG", "Examplumab")
PLACEBO = ("DRUG", "Placebo")
AGAINST_PLACEBO = design(
    EXAMPLUMAB,
    PLACEBO,
    arms=(Arm("EXPERIMENTAL", "A", (0,)), Arm("PLACEBO_COMPARATOR", "B", (1,))),
    allocation="RANDOMIZED",
    purpose="TREATMENT",
    masked=("PARTICIPANT", "INVESTIGATOR"),
)


@pytest.mark.parametrize(
    ("kind", "name", "line"),
    [
        ("DEVICE", "Focused ultrasound", "Tests the device Focused ultrasound in adults with asthma."),
        ("DEVICE", "High-intensity focused ultrasound", None),
        ("PROCEDURE", "Ultrasound-guided nerve block", None),
        ("PROCEDURE", "MRI-guided ablation", None),
        ("OTHER", "Therapeutic ultrasound", None),
        ("BIOLOGICAL", "Tumour-infiltrating cells", "Tests tumour-infiltrating cells in adults with asthma."),
    ],
)
def test_a_treatment_named_like_a_test_is_told_as_a_treatment(kind: str, name: str, line: str | None) -> None:
    told = said(trial(design((kind, name))))
    assert told.startswith("Tests ")
    assert "It tests no treatment" not in told
    assert line is None or told == line


@pytest.mark.parametrize("name", ["Ultrasound", "Pulsed Doppler ultrasound", "MRI", "Ultrasound-guided measurement"])
def test_a_test_is_still_told_as_a_test(name: str) -> None:
    assert "It tests no treatment" in said(trial(design(("PROCEDURE", name))))


def test_a_trial_stored_before_designs_were_read_has_no_line() -> None:
    assert plain_line(WORDS.of("en"), TrialFacts(study_type="INTERVENTIONAL"), None) is None


@pytest.mark.parametrize(
    ("language", "condition", "first", "second"),
    [
        pytest.param(
            "en",
            "Severe asthma",
            "Tests the medicine examplumab in adults with severe asthma.",
            "Picked by chance, some get a placebo instead; neither they nor the team know who.",
            id="English",
        ),
        pytest.param(
            "de",
            "Schweres Asthma",
            "Die Studie prüft das Medikament Examplumab bei Erwachsenen mit schwerem Asthma.",
            "Per Los bekommen einige stattdessen ein Placebo; weder sie noch das Team wissen, wer.",
            id="German",
        ),
        pytest.param(
            "de",
            "Multiple Sklerose",
            "Die Studie prüft das Medikament Examplumab bei Erwachsenen mit Multipler Sklerose.",
            "Per Los bekommen einige stattdessen ein Placebo; weder sie noch das Team wissen, wer.",
            id="the form behind mit",
        ),
        pytest.param(
            "fr",
            "asthme",
            "L’étude teste le médicament examplumab chez des adultes atteints d’asthme.",
            "Par tirage au sort, certains reçoivent un placebo à la place\u202f; ni eux ni l’équipe ne savent qui.",
            id="French",
        ),
        pytest.param(
            "es",
            "asma",
            "El estudio prueba el medicamento examplumab en adultos con asma.",
            "Por sorteo, algunos reciben en su lugar un placebo; ni ellos ni el equipo saben quién.",
            id="Spanish",
        ),
    ],
)
def test_the_readers_own_name_of_their_condition_stands_in_the_line(
    language: str, condition: str, first: str, second: str
) -> None:
    assert said(trial(AGAINST_PLACEBO), language, condition) == f"{first} {second}"


def test_words_of_english_within_german_are_a_piece_of_their_own() -> None:
    facts = trial(design(("BEHAVIORAL", "Breathing lessons at home")))
    line = plain_line(WORDS.of("de"), facts, "Asthma")
    assert line is not None
    assert Piece("breathing lessons at home", "en") in line.first
    assert "„breathing lessons at home“" in line.text


def test_healthy_people_have_no_disease_whatever_brought_the_reader_here() -> None:
    assert said(trial(design(EXAMPLUMAB), conditions=("Healthy Volunteers",)), condition="asthma") == (
        "Tests the medicine examplumab in healthy adults."
    )


def test_what_is_no_disease_is_a_topic_and_nobody_is_said_to_have_it() -> None:
    assert said(trial(design(EXAMPLUMAB), conditions=("Pregnancy",)), condition="asthma") == (
        "Tests the medicine examplumab in adults (topic: asthma)."
    )


@pytest.mark.parametrize(
    ("name", "called"),
    [
        ("Examplumab 200 mg SC Q2W", "the medicine examplumab"),
        ("Drug: EX-003 dose 1", "the medicine EX-003"),
        ("EX-0123 (examplumab)", "the medicine examplumab"),
        ("Examplumab-abcd", "the medicine examplumab"),
        ("EXAMPLUMAB (Exampla®) injection", "the medicine examplumab"),
        ("Anti-IgE antibody for any of the allergies that a person may have", "a medicine"),
        ("test article", "a medicine"),
        ("Examplumab is a new drug", "the medicine examplumab"),
        ("α-Examplin", "the medicine alpha-Examplin"),
    ],
)
def test_a_name_is_cleaned_of_what_says_nothing(name: str, called: str) -> None:
    assert said(trial(design(("DRUG", name)))) == f"Tests {called} in adults with asthma."


@pytest.mark.parametrize(
    ("youngest", "oldest", "sex", "people"),
    [
        (None, None, None, "people"),
        (18, None, "female", "women"),
        (0, 2, None, "babies"),
        (5, 12, "male", "boys"),
        (12, 17, None, "teenagers"),
        (6, 17, None, "children and teenagers"),
        (65, None, None, "older people"),
        (None, 70, None, "people"),
        (6, None, None, "children and adults"),
        (12, None, None, "teenagers and adults"),
    ],
)
def test_people_are_called_by_the_ages_that_the_record_says(
    youngest: int | None, oldest: int | None, sex: str | None, people: str
) -> None:
    ages = {
        "minimum_age_days": None if youngest is None else int(youngest * YEAR),
        "maximum_age_days": None if oldest is None else int(oldest * YEAR),
    }
    assert said(trial(design(EXAMPLUMAB), sex=sex, **ages)) == f"Tests the medicine examplumab in {people} with asthma."


@pytest.mark.parametrize(
    ("changed", "second"),
    [
        pytest.param({"masked": ()}, "Picked by chance, some get a placebo instead.", id="nobody masked"),
        pytest.param(
            {"masked": ("PARTICIPANT",)},
            "Picked by chance, some get a placebo instead; they are not told which.",
            id="only the people",
        ),
        pytest.param({"masked": ("OUTCOMES_ASSESSOR",)}, "Picked by chance, some get a placebo instead.", id="a judge"),
        pytest.param({"allocation": "NON_RANDOMIZED"}, "Who gets what is not left to chance.", id="not random"),
        pytest.param({"allocation": None}, "", id="nobody says"),
        pytest.param({"model": "CROSSOVER", "masked": ()}, "All get it and a placebo in turn; chance sets the order.",
                     id="in turn"),
    ],
)  # fmt: skip
def test_who_gets_what_is_told_as_far_as_the_record_says_it(changed: dict[str, Any], second: str) -> None:
    facts = trial(AGAINST_PLACEBO.model_copy(update=changed))
    assert said(facts) == f"Tests the medicine examplumab in adults with asthma. {second}".strip()


def test_an_arm_that_is_only_typed_as_placebo_is_none() -> None:
    arms = (Arm("EXPERIMENTAL", "A", (0,)), Arm("PLACEBO_COMPARATOR", "B", (0,)))
    assert "placebo" not in said(trial(design(EXAMPLUMAB, arms=arms, allocation="RANDOMIZED")))


ALONE_AND_WITH = (Arm("EXPERIMENTAL", "Part A", (0,)), Arm("EXPERIMENTAL", "Part B", (0, 1)))


@pytest.mark.parametrize(
    ("language", "first"),
    [
        ("en", "Tests the medicine examplumab, alone and with otherumab, in adults with asthma."),
        ("de", "Die Studie prüft das Medikament Examplumab mit und ohne Otherumab bei Erwachsenen mit Asthma."),
        ("fr", "L’étude teste le médicament examplumab, avec et sans otherumab, chez des adultes atteints d’asthme."),
        ("es", "El estudio prueba el medicamento examplumab, con y sin otherumab, en adultos con asma."),
    ],
)
def test_a_medicine_that_is_tested_by_itself_too_is_not_told_as_what_another_is_added_to(
    language: str, first: str
) -> None:
    facts = trial(design(EXAMPLUMAB, ("DRUG", "Otherumab"), arms=ALONE_AND_WITH, allocation="NON_RANDOMIZED"))
    assert said(facts, language).startswith(first)


def test_several_that_are_tested_together_too_are_told_with_and_without() -> None:
    arms = (Arm("EXPERIMENTAL", "A", (0, 1)), Arm("EXPERIMENTAL", "B", (0, 1, 2)))
    made = design(EXAMPLUMAB, ("DRUG", "Otherumab"), ("DRUG", "Thirdazole"), arms=arms, allocation="RANDOMIZED")
    assert said(trial(made)) == (
        "Tests the medicines examplumab and otherumab together, with and without thirdazole, in adults with asthma. "
        "Chance decides who gets what."
    )


@pytest.mark.parametrize(
    ("arms", "name"),
    [
        pytest.param((Arm("ACTIVE_COMPARATOR", "A", (0,)), ALONE_AND_WITH[1]), "Examplumab", id="a comparator"),
        pytest.param((*ALONE_AND_WITH, Arm("ACTIVE_COMPARATOR", "C", (0,))), "Examplumab", id="one of them compared"),
        pytest.param((Arm("EXPERIMENTAL", "A", (0, 2)), ALONE_AND_WITH[1]), "Examplumab", id="with a placebo"),
        pytest.param(ALONE_AND_WITH, "Examplumab and a chemotherapy of choice", id="not read whole"),
    ],
)
def test_what_others_get_alone_is_what_a_medicine_is_added_to(arms: tuple[Arm, ...], name: str) -> None:
    made = design(("DRUG", name), ("DRUG", "Otherumab"), PLACEBO, arms=arms, allocation="RANDOMIZED")
    line = said(trial(made.model_copy(update={"mesh": ("Examplumab",)})))
    assert line.startswith("Tests adding the medicine otherumab to examplumab in adults with asthma.")


HEALTHY = "Inclusion Criteria:\n\n* Healthy adults of both sexes\n\nExclusion Criteria:\n\n* asthma"


@pytest.mark.parametrize(
    ("language", "line"),
    [
        ("en", "in healthy adults (topic: asthma)."),
        ("de", "bei gesunden Erwachsenen (Thema: Asthma)."),
        ("fr", "chez des adultes en bonne santé (sujet : asthme)."),
        ("es", "en adultos sanos (tema: asma)."),
    ],
)
@pytest.mark.parametrize(
    "told",
    [
        pytest.param({"official_title": "Examplumab Against Asthma, in Healthy Adult Volunteers"}, id="title"),
        pytest.param({"criteria": HEALTHY}, id="criterion"),
    ],
)
def test_a_trial_of_healthy_people_alone_says_so(told: dict[str, Any], language: str, line: str) -> None:
    facts = trial(AGAINST_PLACEBO, healthy_volunteers=True, **told)
    assert line in said(facts, language)
    assert "Healthy people can join too" not in said(facts)


@pytest.mark.parametrize(
    "told",
    [
        pytest.param({"official_title": "Examplumab in Healthy Volunteers and Patients"}, id="patients too"),
        pytest.param({"official_title": "Examplumab in Healthy Subjects With Asthma"}, id="with it"),
        pytest.param(
            {"criteria": HEALTHY.replace("sexes", "sexes, or with mild asthma")}, id="a criterion asks for it"
        ),
        pytest.param({}, id="not said"),
    ],
)
def test_a_trial_that_takes_healthy_people_beside_others_says_so(told: dict[str, Any]) -> None:
    line = said(trial(design(EXAMPLUMAB), healthy_volunteers=True, **told))
    assert line == "Tests the medicine examplumab in adults with asthma. Healthy people can join too."


def test_a_trial_that_takes_no_healthy_people_has_none_whatever_its_words_are() -> None:
    facts = trial(design(EXAMPLUMAB), healthy_volunteers=False, criteria=HEALTHY)
    assert said(facts) == "Tests the medicine examplumab in adults with asthma."


def test_babies_that_are_taken_at_birth_are_not_told_to_have_what_shows_later() -> None:
    ages = {"minimum_age_days": 1, "maximum_age_days": 14}
    facts = trial(design(EXAMPLUMAB), healthy_volunteers=True, **ages)
    assert said(facts) == "Tests the medicine examplumab in babies (topic: asthma)."
    ill = facts.model_copy(update={"healthy_volunteers": False})
    assert said(ill) == "Tests the medicine examplumab in babies with asthma."


def test_the_readers_own_name_of_it_stands_with_healthy_people_too() -> None:
    facts = trial(design(EXAMPLUMAB), healthy_volunteers=True, criteria=HEALTHY)
    assert said(facts, condition="Severe asthma") == (
        "Tests the medicine examplumab in healthy adults (topic: severe asthma)."
    )


@pytest.mark.parametrize(
    ("condition", "german"),
    [
        ("Bee venom allergy", "Bienengiftallergie"),
        ("Wasp sting allergy", "Wespengiftallergie"),
        ("Insect venom allergy", "Insektengiftallergie"),
        ("Penicillin allergy", "Penicillinallergie"),
        ("Soft tissue sarcoma", "Weichteilsarkom"),
        ("Chronic migraine", "chronischer Migräne"),
    ],
)
def test_a_condition_is_not_told_by_a_wider_one(condition: str, german: str) -> None:
    line = said(trial(design(EXAMPLUMAB), conditions=(condition,)), "de")
    assert f"bei Erwachsenen mit {german}." in line


NAMES = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=60)


@settings(deadline=None)
@given(
    names=st.lists(st.tuples(st.sampled_from(["DRUG", "DEVICE", "OTHER", "NEW"]), NAMES), max_size=4),
    arms=st.lists(st.tuples(st.sampled_from(["EXPERIMENTAL", "NO_INTERVENTION", ""]), NAMES), max_size=4),
    conditions=st.lists(NAMES, max_size=3),
    kind=st.sampled_from(["INTERVENTIONAL", "OBSERVATIONAL", "EXPANDED_ACCESS", "NEW"]),
    language=st.sampled_from(["en", "de", "fr", "es"]),
)
def test_whatever_a_record_says_there_is_a_line(
    names: list[tuple[str, str]], arms: list[tuple[str, str]], conditions: list[str], kind: str, language: str
) -> None:
    given_to = tuple(range(len(names)))
    made = design(*names, arms=tuple(Arm(kind, label, given_to) for kind, label in arms), allocation="RANDOMIZED")
    line = plain_line(WORDS.of(language), trial(made, conditions=conditions, study_type=kind), None)
    assert line is not None
    assert line.first
    assert not any("\ue000" <= sign <= "\uf8ff" for sign in line.text)


def test_each_condition_of_the_table_has_a_name_in_each_language() -> None:
    table = Path(common_conditions.__file__).with_name("conditions.tsv")
    rows = [line.split("\t") for line in table.read_text("utf-8").splitlines()[1:]]
    assert [len(row) for row in rows] == [4] * len(rows)
    names = [row[0] for row in rows]
    assert names == sorted(set(names), key=lambda name: (name.lower(), name)), "in order, each once"
    for name, *others in rows:
        told = [common_condition(name, code) for code in ("de", "fr", "es")]
        assert told == others
        assert all(each == each.strip() and each for each in others), name

"""Tests of the comparison of eligibility texts: editing is no news, a changed condition is."""

from __future__ import annotations

import pytest

from trialalerts.catalog.changes.criteria import changed_criteria

TEXT = """Inclusion Criteria:

- Adults aged 18 to 65 years with example syndrome
- Haemoglobin ≥ 9.0 g/dL and platelets > 100,000 per mL
- Able to give written consent

Exclusion Criteria:

1. Pregnant or breast-feeding women
2. Hepatitis A or hypertension
3. Treated with examplinib within 4 weeks"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("- Adults", "* Adults"),
        ("- Adults", "1. Adults"),
        ("1. Pregnant", "(a) Pregnant"),
        ("Inclusion Criteria:", "KEY INCLUSION CRITERIA"),
        ("Adults aged", "ADULTS  aged"),
        ("18 to 65 years", "18 to 65 year"),
        ("Haemoglobin", "Hemoglobin"),
        ("Haemoglobin ≥ 9.0", "Haemoglobin >= 9.0"),
        ("Haemoglobin ≥ 9.0", "Haemoglobin > or = 9.0"),
        ("100,000", "100000"),
        ("platelets > 100", "platelets >100"),
        ("breast-feeding", "breastfeeding"),
        ("breast-feeding women", "breast feeding woman"),
        ("written consent", "a written consent."),
        ("written consent", "writen consnet"),
        ("example syndrome\n- Haemo", "example syndrome. Haemo"),
        ("\n- Able to give written consent", ""),
        ("with example", "wiht example"),
        ("65 years with", "65 years, with"),
    ],
    ids=lambda text: text.strip() or "moved",
)
def test_editing_is_no_news(old: str, new: str) -> None:
    assert old in TEXT
    after = TEXT.replace(old, new)
    if not new:  # the line stands elsewhere in its section
        after = after.replace("Inclusion Criteria:\n", "Inclusion Criteria:\n\n- Able to give written consent\n")
    assert after != TEXT
    assert changed_criteria(TEXT, after) is None
    assert changed_criteria(after, TEXT) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("18 to 65", "16 to 65"),
        ("18 to 65", "18 to 75"),
        ("≥ 9.0", "> 9.0"),
        ("≥ 9.0", "≥ 90"),
        ("≥ 9.0", "≤ 9.0"),
        ("> 100,000", "> 10,000"),
        ("g/dL", "mg/dL"),
        ("within 4 weeks", "within 4 months"),
        ("Able to", "Unable to"),
        ("Hepatitis A or", "Hepatitis or"),
        ("Hepatitis A or", "Hepatitis B or"),
        ("hypertension", "hypotension"),
        ("Pregnant or", "Pregnant and"),
        ("Treated with", "Treated without"),
        ("example syndrome", "example syndrome and asthma"),
        ("\n- Able to give written consent", ""),
        ("Adults aged 18 to 65", "Children aged 6 to 17"),
    ],
)
def test_a_changed_condition_is_news(old: str, new: str) -> None:
    assert old in TEXT
    assert changed_criteria(TEXT, TEXT.replace(old, new)) is not None
    assert changed_criteria(TEXT.replace(old, new), TEXT) is not None


def test_only_the_changed_sentences_are_told_with_their_section() -> None:
    after = TEXT.replace("within 4 weeks", "within 2 weeks").replace("written consent", "writen consent")
    assert changed_criteria(TEXT, after) == (
        "- Exclusion criteria: Treated with examplinib within 4 weeks",
        "- Exclusion criteria: Treated with examplinib within 2 weeks",
    )


def test_what_was_added_or_dropped_stands_alone() -> None:
    after = TEXT.replace("- Able to give written consent", "- Able to give written consent\n- Lives in Leeds")
    assert changed_criteria(TEXT, after) == ("", "- Inclusion criteria: Lives in Leeds")
    assert changed_criteria(after, TEXT) == ("- Inclusion criteria: Lives in Leeds", "")


def test_the_section_is_said_once() -> None:
    told = changed_criteria(TEXT, TEXT.replace("Hepatitis A", "Hepatitis B").replace("4 weeks", "2 weeks"))
    assert told is not None
    assert told[1] == ("- Exclusion criteria: Hepatitis B or hypertension\n- Treated with examplinib within 2 weeks")


def test_a_condition_that_changes_sides_is_news() -> None:
    moved = TEXT.replace("\n- Able to give written consent", "") + "\n- Able to give written consent"
    assert changed_criteria(TEXT, moved) == (
        "- Inclusion criteria: Able to give written consent",
        "- Exclusion criteria: Able to give written consent",
    )


def test_a_text_missing_on_one_side_is_no_news() -> None:
    assert changed_criteria("", TEXT) is None
    assert changed_criteria(TEXT, " ") is None


def test_what_is_told_has_its_limit() -> None:
    before = "\n".join(f"- Condition number {number} of many" for number in range(100))
    told = changed_criteria(before, before.replace("Condition", "Requirement"))
    assert told is not None
    for text in told:
        assert len(text) <= 600
        assert text.endswith("…")


def test_a_text_with_thousands_of_changed_lines_is_compared_in_time() -> None:
    before = "\n".join(f"- a{number} b" for number in range(5000))
    assert changed_criteria(before, before.replace("b", "c")) is not None

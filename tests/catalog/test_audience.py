"""Whom editors' words mean: patients (and those who care for them), professionals, or any."""

from __future__ import annotations

import pytest

from trialalerts.catalog.articles.audience import audience_in, audience_of_category

NAMED: dict[str, str | None] = {
    "patients": "patients",
    "for patients": "patients",
    "for carers and families": "patients",
    "for potential participants": "patients",
    "people with MS": None,  # where an audience stands "people" would do; a category of this name is none
    "for people with MS": "patients",
    "for parents": "patients",
    "für Betroffene und Angehörige": "patients",
    "pour les aidants": "patients",
    "para pacientes": "patients",
    "for clinicians": "professionals",
    "for healthcare professionals": "professionals",
    "For Researchers": "professionals",
    "professionals": "professionals",
    "Nurses and doctors": "professionals",
    "für Fachleute": "professionals",
    "for patients and clinicians": "any",
    "for everyone": "any",
    "for sale": None,
    "": None,
    "42": None,
}
NO_AUDIENCE = [
    "Women",
    "Women's health",
    "Patient stories",
    "Family planning",
    "Clinical research",
    "All",
    "News",
    "MS",
]


@pytest.mark.parametrize(("text", "meant"), NAMED.items(), ids=NAMED)
def test_a_category_in_words_means_an_audience(text: str, meant: str | None) -> None:
    assert audience_of_category(text) == meant


@pytest.mark.parametrize("text", NO_AUDIENCE)
def test_a_category_that_names_people_among_other_things_is_no_audience(text: str) -> None:
    assert audience_of_category(text) is None


@pytest.mark.parametrize(
    ("texts", "meant"),
    [
        (["patients", "carers"], "patients"),
        (["patients", "professionals"], "any"),
        (["any"], "any"),
        (["any", "patients"], "any"),
        (["Women"], "patients"),
        ([None, "professionals"], "professionals"),
        ([None, 7], None),
        (["the moon"], None),
        ([], None),
    ],
)
def test_several_words_together_mean_one_audience(texts: list[object], meant: str | None) -> None:
    assert audience_in(texts) == meant

"""Only what says of the whole study that one takes part from home, or from all over a country, is taken for it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sources.samples import study
from tests.sources.study_reader import read_study
from trialalerts.catalog.facts import TrialFacts
from trialalerts.sources.context import SourceContext
from trialalerts.sources.reading.reach import said_reach

REMOTE = [
    "This is a fully remote, randomized, placebo-controlled clinical trial of examplinib.",
    "A Completely Virtual Pilot Study of Breathing Exercises",
    "A 100% online observational study",
    "The study will be conducted entirely online.",
    "The trial is fully decentralized.",
    "Participation is completely remote and takes 8 weeks.",
    "A site-less randomized trial",
    "All contact is by video. No in-person visits are required.",
    "Participants are followed for a year without any clinic visits.",
    "People can take part in the study from the comfort of their own home.",
    "You may participate from home.",
]
NATIONWIDE = [
    "Participants can be enrolled anywhere in the United States that has access to a laboratory.",
    "People who live anywhere in the UK may join.",
    "We recruit adults anywhere in the country.",
]
NEITHER = [
    "",
    "Remote ischemic conditioning: a randomized study",
    "A Study of Entirely Virtual Reality Training in the Clinic",
    "The lesion is completely remote from the primary tumour in this study.",
    "Fully remote follow-up after surgery",
    "This is not a fully remote study; two visits are on site.",
    "A hybrid, partially online study",
    "A Nationwide Study of the Prevalence of Example Syndrome",
    "Tumours located anywhere in the body",
    "Participants complete online questionnaires between the visits.",
    "No in-person visits take place between week 4 and week 12.",
    "A fully online intervention compared with a study nurse's visits",
    "Participants take the tablets at home and come to the clinic each month.",
    "A decentralized trial with elements at the clinic",
    "Virtual clinical trial of a detector by simulation",
    "The study is done at the home page of medicine.",
]


@pytest.mark.parametrize(
    ("words", "reach"),
    [(words, "remote") for words in REMOTE]
    + [(words, "nationwide") for words in NATIONWIDE]
    + [(words, None) for words in NEITHER],
)
def test_words_count_that_say_it_of_the_whole_study(words: str, reach: str | None) -> None:
    assert said_reach(titles=(), text=words) == reach
    assert said_reach(titles=(words.upper(), ""), text="") == reach


def test_a_survey_on_the_internet_is_remote_by_its_title_unless_doctors_are_asked() -> None:
    assert said_reach(titles=("An Open Internet-based Survey of Example Syndrome",), text="") == "remote"
    assert said_reach(titles=("Example syndrome: an online patient survey",), text="") == "remote"
    assert said_reach(titles=("Online survey of physicians who treat example syndrome",), text="") is None
    assert said_reach(titles=("Example syndrome",), text="Sites fill in an online survey.") is None


def test_home_wins_over_country_and_line_ends_do_not_matter() -> None:
    text = "Adults living\nanywhere in Canada. The trial is\nfully\nremote."
    assert said_reach(titles=(), text=text) == "remote"


def test_a_study_keeps_what_it_says(context: SourceContext) -> None:
    def reach(**values: Any) -> str | None:
        draft, _ = read_study(study(**values), context.locator, context.conditions, source="ctgov", position="record 1")
        assert draft is not None
        assert isinstance(draft.facts, TrialFacts)
        return draft.facts.reach

    assert reach() is None
    assert reach(descriptionModule__briefSummary="This study is fully remote.") == "remote"
    assert reach(identificationModule__officialTitle="A Fully Remote Clinical Trial of Examplumab") == "remote"


def test_the_real_studies_that_say_it_are_the_ones_that_were_read(
    real_studies: list[Any], context: SourceContext
) -> None:
    found = {}
    for raw in real_studies:
        draft, _ = read_study(raw, context.locator, context.conditions, source="ctgov", position="record")
        if draft is not None and isinstance(draft.facts, TrialFacts) and draft.facts.reach:
            found[draft.external_id] = draft.facts.reach
    assert found == {"NCT04570475": "nationwide", "NCT05153876": "remote"}

"""The topics: the rules of their file, which one a text names, which ones it is about."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.installation import Run
from trialalerts.database import Database
from trialalerts.errors import ConfigurationError, UnknownTopic
from trialalerts.files import shipped
from trialalerts.vocabulary.spelling import WordFolder, name_key
from trialalerts.vocabulary.tables import Topic
from trialalerts.vocabulary.topics import TopicTree, load_topics, read_topics, store_topics


@pytest.fixture(scope="module")
def topics() -> TopicTree:
    """The shipped topics."""
    return TopicTree(Topic(**topic.model_dump(mode="json")) for topic in read_topics(shipped("config/topics.toml")))


def test_each_topic_has_a_name_in_every_language_and_none_belongs_to_two() -> None:
    folder = WordFolder()
    names: Counter[tuple[str, ...]] = Counter()
    for topic in read_topics(shipped("config/topics.toml")):
        assert set(topic.names) == {"de", "fr", "es"}, topic.id
        names.update({name_key(name, folder) for name in (topic.name, *topic.names.values(), *topic.synonyms)})
    assert [name for name, number in names.items() if number > 1] == []


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("Gene therapy", "gene-therapy"),
        ("gene-therapy", "gene-therapy"),
        ("GENE THERAPIES", "gene-therapy"),
        ("Thérapie génique", "gene-therapy"),
        ("terapia genica", "gene-therapy"),
        ("stem cell", "stem-cells"),
        ("Stammzellen", "stem-cells"),
        ("MRI", "imaging"),
        ("CBT", "talking-therapies"),
        ("Ernährung", "diet-and-nutrition"),
    ],
)
def test_a_topic_is_found_by_what_people_call_it(topics: TopicTree, text: str, topic: str) -> None:
    assert topics.find(text) == topic


@pytest.mark.parametrize(("text", "near"), [("gene terapy", "Gene therapy"), ("Steem cells", "Stem cells")])
def test_what_is_no_topic_is_told_with_the_nearest(topics: TopicTree, text: str, near: str) -> None:
    with pytest.raises(UnknownTopic, match="No topic is called") as caught:
        topics.find(text)
    assert near in caught.value.choices


ABOUT: dict[str, set[str]] = {
    "New gene therapy for haemophilia": {"gene-therapy"},
    "CRISPR in sickle cell disease": {"gene-editing"},
    "Autologous Hematopoietic Stem Cell Transplantation in Multiple Sclerosis": {"stem-cells"},
    "Effect of Exercise and Diet on Fatigue": {"exercise", "diet-and-nutrition"},
    "MRI in the early diagnosis of dementia": {"imaging", "diagnosis"},
    "Physiotherapy after stroke": {"rehabilitation"},
    "Gentherapie bei Hämophilie": {"gene-therapy"},
    "Cellules souches et sclérose en plaques": {"stem-cells"},
    "Chimeric antigen receptor T cells in lymphoma": {"car-t-cells"},
    "People living with asthma": set(),
    "New research on multiple sclerosis": set(),
    "A randomised trial of ocrelizumab": set(),
    "Home care of the elderly": set(),
}


@pytest.mark.parametrize(("title", "about"), ABOUT.items(), ids=ABOUT)
def test_a_title_is_about_topics(topics: TopicTree, title: str, about: set[str]) -> None:
    assert set(topics.about(title=title, text="")) == about


def test_a_word_in_passing_in_a_long_text_is_no_topic(topics: TopicTree) -> None:
    text = "We followed many people over many years and asked them how they fared with their work and their families. "
    assert topics.about(title="A cohort", text=text * 5 + "Some had an MRI. " + text * 5) == []


def test_names_come_in_the_language_of_the_reader(topics: TopicTree) -> None:
    assert topics.name("stem-cells", "de-AT") == "Stammzellen"
    assert topics.name("stem-cells", "it") == "Stem cells"
    assert topics.name("gone", "de") == "gone"


def test_the_table_says_what_the_file_says(db: Database, tmp_path: Path) -> None:
    file = tmp_path / "topics.toml"
    file.write_text(
        '[[topic]]\nid = "a"\nname = "Alpha"\n[[topic]]\nid = "b"\nname = "Beta"\nparents = ["a"]\n', "utf-8"
    )
    with db.write() as session:
        assert store_topics(session, file) == 2
    file.write_text('[[topic]]\nid = "b"\nname = "Better"\nnames = { de = "Besser" }\n', "utf-8")
    with db.write() as session:
        assert store_topics(session, file) == 1
    with db.read() as session:
        tree = load_topics(session)
    assert list(tree) == ["b"]
    assert (tree.name("b"), tree.find("besser"), tree.with_those_above(["b"])) == ("Better", "b", ["b"])


WRONG: dict[str, tuple[str, str]] = {
    "an unknown key": ('[[topic]]\nid = "a"\nname = "A"\nparent = ["b"]\n', "topic.1.parent"),
    "no name": ('[[topic]]\nid = "a"\n', "topic.1.name"),
    "an id in capitals": ('[[topic]]\nid = "A"\nname = "A"\n', "topic.1.id"),
    "an id twice": ('[[topic]]\nid = "a"\nname = "A"\n[[topic]]\nid = "a"\nname = "B"\n', "a: this id stands twice"),
    "no parent": ('[[topic]]\nid = "a"\nname = "A"\nparents = ["b"]\n', "there is no parent b"),
    "a circle": ('[[topic]]\nid = "a"\nname = "A"\nparents = ["a"]\n', "go round in a circle"),
    "nothing": ("", "topic"),
    "no TOML": ("[[", "this is not TOML"),
}


@pytest.mark.parametrize(("content", "told"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_in_the_file_is_told_in_one_line(content: str, told: str, tmp_path: Path) -> None:
    file = tmp_path / "topics.toml"
    file.write_text(content, "utf-8")
    with pytest.raises(ConfigurationError) as caught:
        read_topics(file)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_topics_are_searched_and_shown_on_the_command_line(run: Run) -> None:
    assert "stem-cells\tStem cells" in run("topics", "search", "stem cell").done
    shown = run("topics", "show", "Stammzellen").done
    assert "Cellules souches (fr)" in shown
    assert '"parents": [' in run("topics", "show", "stem cells", "--json").done
    wrong = run("topics", "show", "no such thing")
    assert (wrong.code, wrong.out) == (2, "")
    assert "No topic is called" in wrong.err

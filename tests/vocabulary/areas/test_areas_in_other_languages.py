"""Every curated area is called something in German, French and Spanish, and is found under it."""

from __future__ import annotations

from pathlib import Path

import pytest

from trialalerts.database import Database
from trialalerts.errors import ConfigurationError
from trialalerts.files import shipped
from trialalerts.vocabulary.areas.naming.files import SHIPPED_NAMES, name_files, read_area_names, store_area_names
from trialalerts.vocabulary.areas.naming.shown import BEHIND_MIT
from trialalerts.vocabulary.areas.tree import AreaTree, load_areas
from trialalerts.vocabulary.tables import Area, AreaOrigin

LANGUAGES = ("de", "fr", "es")

TYPED = [
    ("de", "Brustkrebs", "D001943"),
    ("de", "brustkrebs", "D001943"),
    ("de", "Schlaganfall", "D020521"),
    ("de", "Multiple Sklerose", "D009103"),
    ("de", "Krebs", "D009369"),
    ("de", "Glasknochenkrankheit", "D010013"),
    ("de", "Migraene", "D008881"),
    ("de", "Nierenschwaeche", "D051436"),
    ("de", "Zuckerkrankheit", "D003920"),
    ("de", "Schuppenflechte", "D011565"),
    ("de", "Angina pectoris", "D000787"),
    ("de", "COPD", "D029424"),
    ("fr", "sclérose en plaques", "D009103"),
    ("fr", "SEP", "D009103"),
    ("fr", "cancer du sein", "D001943"),
    ("fr", "sein cancer", "D001943"),
    ("fr", "Alzheimer", "D000544"),
    ("fr", "maladie d'Alzheimer", "D000544"),
    ("fr", "maladie de alzheimer", "D000544"),
    ("fr", "angine", "D014069"),
    ("fr", "mal de dos", "D001416"),
    ("fr", "BPCO", "D029424"),
    ("es", "esclerosis múltiple", "D009103"),
    ("es", "esclerosis multiple", "D009103"),
    ("es", "cáncer de mama", "D001943"),
    ("es", "cancer de mama", "D001943"),
    ("es", "anginas", "D014069"),
    ("es", "DMAE", "D008268"),
    ("es", "huesos de cristal", "D010013"),
    ("es", "azúcar en la sangre", "D003920"),
]


@pytest.mark.parametrize(("language", "typed", "meant"), TYPED, ids=[f"{code} {typed}" for code, typed, _ in TYPED])
def test_a_reader_finds_a_disease_by_the_word_of_their_language(
    shipped_areas: AreaTree, language: str, typed: str, meant: str
) -> None:
    assert shipped_areas.find(typed, language).id == meant
    assert shipped_areas.search(typed, language=language)[0].node.id == meant


def test_each_name_of_the_cases_is_found_on_pages_of_every_language(
    shipped_areas: AreaTree, shared_cases: Path
) -> None:
    names = (shared_cases / "area-names-of-the-other-languages" / "names.txt").read_text("utf-8").split("\n")
    meant = ["D001943", "D020521", "D009103", "D009103", "D001943", "D009103", "D001943"]
    for language in ("en", *LANGUAGES):
        assert [shipped_areas.find(name, language).id for name in names if name] == meant
        assert [shipped_areas.search(name, language=language)[0].node.id for name in names if name] == meant


def test_what_means_something_else_in_the_readers_language_means_that(shipped_areas: AreaTree) -> None:
    assert shipped_areas.find("anginas", "en").id == "D000787"
    assert shipped_areas.find("rubeola", "en").id == "D008457"
    assert shipped_areas.find("rubéola", "es").id == "D012409"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_half_typed_name_is_found_in_the_readers_language(shipped_areas: AreaTree, language: str) -> None:
    typed, meant = {"de": ("brustkr", "D001943"), "fr": ("scléro", "D009103"), "es": ("esclerosis m", "D009103")}[
        language
    ]
    assert meant in [hit.node.id for hit in shipped_areas.search(typed, language=language, limit=8)]


def test_every_curated_area_has_a_name_of_its_own_in_each_language(shipped_areas: AreaTree) -> None:
    curated = [node for node in shipped_areas.nodes if node.origin is AreaOrigin.CURATED]
    assert len(curated) > 1300
    for language in LANGUAGES:
        assert [node.id for node in curated if not node.names_in(language)] == []
        assert len({node.names_in(language)[0] for node in curated}) == len(curated)


def test_every_name_finds_its_own_area(shipped_areas: AreaTree) -> None:
    for node in shipped_areas.nodes:
        for language in LANGUAGES:
            for name in node.names_in(language):
                assert shipped_areas.find(name, language).id == node.id, (language, name)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_line_names_an_area_that_is_not_there(language: str, shipped_areas: AreaTree) -> None:
    named = read_area_names([shipped(f"{SHIPPED_NAMES}/{language}.toml")])
    assert [area_id for area_id in named if area_id not in shipped_areas] == []


@pytest.mark.parametrize("language", ["fr", "es"])
def test_french_and_spanish_names_stand_as_inside_a_sentence(language: str, shipped_areas: AreaTree) -> None:
    names = [names[0] for node in shipped_areas.nodes if (names := node.names_in(language))]
    assert [name for name in names if name[0].isupper() and name[1:2].islower()] == []
    assert [name for name in names if name.split()[0] in {"le", "la", "les", "un", "une", "el", "los", "las"}] == []
    assert [name for name in names if "'" in name] == []


def test_names_are_said_as_they_stand_in_a_list_in_a_sentence_and_behind_mit(shipped_areas: AreaTree) -> None:
    name = shipped_areas.names("D009103")
    assert [name.said(code) for code in ("en", "de-AT", "fr", "es")] == [
        "Multiple sclerosis", "Multiple Sklerose", "Sclérose en plaques", "Esclerosis múltiple",
    ]  # fmt: skip
    assert name.within("fr") == "sclérose en plaques"
    assert name.behind_mit() == "Multipler Sklerose"
    assert shipped_areas.names("D001943").behind_mit() == "Brustkrebs"
    assert shipped_areas.name("D009103", "de") == "Multiple Sklerose"


def test_a_disease_of_mesh_falls_back_to_english_and_says_so(shipped_areas: AreaTree) -> None:
    name = shipped_areas.names(shipped_areas.find("Whipple Disease").id)
    assert name.said("de") == "Whipple Disease"
    assert (name.language("de"), shipped_areas.names("D001943").language("de")) == ("en", "de")
    assert name.behind_mit() is None


def test_german_forms_behind_mit_are_those_of_several_words(shipped_areas: AreaTree) -> None:
    forms = {
        node.names_in("de")[0]: node.names_in(BEHIND_MIT)[0]
        for node in shipped_areas.nodes
        if node.names_in(BEHIND_MIT)
    }
    assert len(forms) > 250
    assert all(name != form and len(name.split()) == len(form.split()) for name, form in forms.items())


def test_an_operators_line_wins_and_the_others_stay(tmp_path: Path, db: Database) -> None:
    own = tmp_path / "names"
    own.mkdir()
    (own / "de.toml").write_text('D001943 = ["Mammakrebs"]\n', "utf-8")
    (own / "it.toml").write_text('D001943 = ["tumore al seno"]\n', "utf-8")
    with db.write() as session:
        session.add(Area(id="D001943", name="Breast cancer", origin=AreaOrigin.CURATED))
        session.add(Area(id="D020521", name="Stroke", origin=AreaOrigin.CURATED))
        session.flush()
        assert store_area_names(session, name_files(own)) == 2
        tree = load_areas(session)
    assert tree.name("D001943", "de") == "Mammakrebs"
    assert tree.name("D001943", "it") == "Tumore al seno"
    assert tree.name("D001943", "fr") == "Cancer du sein"
    assert tree.name("D020521", "de") == "Schlaganfall"


WRONG = [
    ('D001943 = "Brustkrebs"', "D001943"),
    ("D001943 = [3]", "D001943.0: found 3"),
    ('D001943 = ["Krebs"]\nD020521 = ["krebs"]', "D020521: D001943 is called “krebs” too"),
    ("D001943 = [", "this is not TOML"),
]


@pytest.mark.parametrize(("content", "told"), WRONG, ids=[told for _, told in WRONG])
def test_a_wrong_file_is_told_in_one_line(tmp_path: Path, content: str, told: str) -> None:
    file = tmp_path / "de.toml"
    file.write_text(content, "utf-8")
    with pytest.raises(ConfigurationError) as caught:
        read_area_names([file])
    assert told in str(caught.value)
    assert str(caught.value).startswith(str(file))
    assert "\n" not in str(caught.value)

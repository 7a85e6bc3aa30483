"""What is missing in a language is found: phrases, plural forms, words to fill in, names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.installation import Installation, Run
from trialalerts.operations.translations import Untranslated, check_translations
from trialalerts.settings import Settings, TemplateSettings, VocabularySettings
from trialalerts.subscribers.choices import LANGUAGES

AREAS = """
[[area]]
id = "D009103"
name = "Multiple sclerosis"
therapeutic = true

[[area]]
id = "our-disease"
name = "Our disease"
therapeutic = true
"""
TOPICS = """
[[topic]]
id = "ours"
name = "Ours"
names = { de = "Unseres", fr = "Le nôtre" }
"""


def lacks(folder: Path, files: dict[str, str], **vocabulary: str) -> list[Untranslated]:
    """Return what is missing with these own templates beside the shipped ones."""
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    own = {key: str(folder / name) for key, name in vocabulary.items()}
    settings = Settings(templates=TemplateSettings(folder=str(folder)), vocabulary=VocabularySettings(**own))
    return list(check_translations(settings).missing)


def test_what_ships_is_whole() -> None:
    checked = check_translations(Settings())
    assert checked.missing == ()
    assert set(checked.languages) == set(LANGUAGES)
    assert {where for where, count in checked.extent.items() if count} == {"mails", "pages", "areas", "topics"}


@pytest.mark.parametrize(
    ("file", "text", "where", "what", "fault"),
    [
        ("email/strings.de.toml", '[digest]\nsince = "Seit {datum}."', "mails", "digest.since",
         "fills in {datum}; English: {date}"),
        ("email/strings.de.toml", '[digest]\nsince = "Seither."', "mails", "digest.since",
         "fills in nothing; English: {date}"),
        ("web/strings.fr.toml", '[old_link]\ntext = "{address}"', "pages", "old_link.text",
         "fills in {address}; English: nothing"),
        ("web/strings.es.toml", '[link]\ntext = "{"', "pages", "link.text",
         "cannot be filled in: Single '{' encountered in format string"),
        ("email/strings.fr.toml", '[footer]\nhymn = "La la"', "mails", "footer.hymn", "no mail says this"),
        ("email/strings.en.toml", '[digest]\nsince = "Since {day}."', "mails", "digest.since",
         "fills in {day}; English: {date}"),
        ("web/strings.en.toml", '[our_page]\ntitle = "Ours"', "pages", "our_page.title", "missing"),
        ("email/strings.de-AT.toml", '[news]\nnew = { one = "{n} neu" }', "mails", "news.new.one",
         "fills in {n}; English: {count}"),
    ],
    ids=["another word", "no word", "a word more", "a lone brace", "unknown", "own English", "own page", "a region"],
)  # fmt: skip
def test_an_own_file_is_counted_in(tmp_path: Path, file: str, text: str, where: str, what: str, fault: str) -> None:
    found = lacks(tmp_path, {file: text})
    assert found
    assert {(lack.where, lack.what, lack.fault) for lack in found} == {(where, what, fault)}


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("email/strings.de.toml", '[news]\nnew = { one = "eine neue Studie" }'),
        ("email/strings.en.toml", '[subject]\nregular = "MS Alliance"'),
        ("email/strings.de-AT.toml", '[footer]\ntracking = "Ka Nachspionieren."'),
        ("web/strings.de.toml", '[our_page]\ntitle = "Unseres"'),
    ],
    ids=["a form without its number", "an English line without its word", "a region's one line", "a page of their own"],
)
def test_what_an_operator_may_write_is_no_fault(tmp_path: Path, file: str, text: str) -> None:
    assert lacks(tmp_path, {file: text}) == []


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (found,) = lacks(tmp_path, {"email/strings.de.toml": "[footer"})
    assert (found.language, found.what) == ("de", str(tmp_path / "email/strings.de.toml"))
    assert found.fault.startswith("cannot be read: ")


def test_a_new_language_lacks_all_that_it_does_not_say_and_each_of_its_plural_forms(tmp_path: Path) -> None:
    found = lacks(
        tmp_path, {"email/strings.pl.toml": '[news]\nnew = { one = "{count} nowe", other = "{count} nowego" }'}
    )
    assert {lack.language for lack in found} == {"pl"}
    missing = {(lack.where, lack.what) for lack in found}
    assert {("mails", "news.new.few"), ("mails", "news.new.many"), ("mails", "footer.tracking")} <= missing
    assert {("pages", "link.title"), ("areas", "D009103 (Multiple sclerosis)")} <= missing
    assert not {("mails", "news.new.one"), ("mails", "news.new.other")} & missing
    assert {where for where, _ in missing} == {"mails", "pages", "areas", "topics"}


def test_a_text_of_a_page_without_plural_forms_stands_for_all_of_them(tmp_path: Path) -> None:
    found = lacks(tmp_path, {"web/strings.pl.toml": '[trial]\nmore_sites = "jeszcze {count}"'})
    assert not [lack for lack in found if lack.what.startswith("trial.more_sites")]


def test_names_of_own_areas_and_topics_are_counted_in(tmp_path: Path) -> None:
    files = {"areas.toml": AREAS, "topics.toml": TOPICS, "names/de.toml": 'our-disease = ["Unsere Krankheit"]'}
    found = lacks(tmp_path, files, disease_areas="areas.toml", topics="topics.toml", area_names="names")
    assert {(lack.language, lack.where, lack.what) for lack in found} == {
        ("fr", "areas", "our-disease (Our disease)"),
        ("es", "areas", "our-disease (Our disease)"),
        ("es", "topics", "ours (Ours)"),
    }


def test_the_command_names_what_is_missing_and_ends_with_1(
    run: Run, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("locales", "check").done.startswith("Nothing is missing in de, en, es, fr (")
    assert json.loads(run("locales", "check", "--json").done) == []
    monkeypatch.setenv("TRIALALERTS_TEMPLATES__FOLDER", "own")
    file = installation.folder / "own" / "email" / "strings.it.toml"
    file.parent.mkdir(parents=True)
    file.write_text('[digest]\nsince = "Da {data}."', "utf-8")
    shown, listed = run("locales", "check"), run("locales", "check", "--json")
    assert (shown.code, listed.code) == (1, 1)
    assert "it\tmails\tfooter.tracking\tmissing\n" not in shown.out  # twenty of each, no thousand names
    assert "it\tareas\tand 1," in shown.out
    lack = {"language": "it", "where": "mails", "what": "digest.since", "fault": "fills in {data}; English: {date}"}
    assert lack in json.loads(listed.out)

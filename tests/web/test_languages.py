from __future__ import annotations

import re
from pathlib import Path

import pytest

from trialalerts.errors import ConfigurationError
from trialalerts.files import shipped
from trialalerts.subscribers.choices import LANGUAGES
from trialalerts.web.languages import read_languages

SHIPPED = shipped("templates/web")


@pytest.mark.parametrize(
    ("accepted", "code"),
    [
        ("de", "de"),
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("pt-BR,pt;q=0.9,fr;q=0.3,en;q=0.2", "fr"),
        ("en;q=0.2,es;q=0.9", "es"),
        ("ES-mx", "es"),
        ("de;q=0,fr;q=0.1", "fr"),
        ("tlh", "en"),
        ("*", "en"),
        ("", "en"),
        (";;q=,,q=nan;de;q=1;q=2", "en"),
        ("de;q=nonsense", "en"),
        (",".join(["xx"] * 5000 + ["de"]), "en"),
    ],
)
def test_the_language_is_the_one_the_browser_wants_most(accepted: str, code: str) -> None:
    assert read_languages([SHIPPED]).choose(accepted, "en").code == code


def test_the_service_has_the_last_word_where_the_browser_wants_none_of_ours() -> None:
    languages = read_languages([SHIPPED])
    assert languages.choose("ja", "fr").code == "fr"
    assert languages.choose("ja", "xx").code == "en"


def test_every_language_in_which_mails_are_written_has_pages() -> None:
    assert {language.code for language in read_languages([SHIPPED]).all} >= set(LANGUAGES)


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_language_has_every_text_with_the_same_placeholders(code: str) -> None:
    languages = read_languages([SHIPPED])
    english, other = languages.get("en"), languages.get(code)
    assert english is not None
    assert other is not None
    own = (SHIPPED / f"strings.{code}.toml").read_text()
    for key, text in english.texts.items():
        assert set(re.findall(r"\{\w+\}", other.texts[key])) == set(re.findall(r"\{\w+\}", text)), key
        assert re.search(rf"^{re.escape(key.rpartition('.')[2])} = ", own, re.MULTILINE), f"{key} is not translated"


def test_a_folder_of_the_operator_changes_single_texts_and_adds_languages(tmp_path: Path) -> None:
    (tmp_path / "strings.en.toml").write_text('[sent]\ntitle = "Off it goes"\n')
    (tmp_path / "strings.it.toml").write_text('[language]\nname = "Italiano"\n[sent]\ntitle = "Controlla la posta"\n')
    languages = read_languages([tmp_path, SHIPPED])
    english, italian = languages.get("en"), languages.get("it-CH")
    assert english is not None
    assert italian is not None
    assert english.text("sent.title") == "Off it goes"
    assert english.text("unsubscribed.title") == "Done. No more mails"
    assert (italian.name, italian.text("sent.title")) == ("Italiano", "Controlla la posta")
    assert italian.text("unsubscribed.title") == "Done. No more mails"


@pytest.mark.parametrize(
    ("text", "told"), [("[sent", "cannot be read"), ("[sent]\ntitle = 3\n", "sent.title: found 3, expected a text")]
)
def test_texts_that_make_no_sense_are_a_configuration_error_that_names_the_file(
    tmp_path: Path, text: str, told: str
) -> None:
    (tmp_path / "strings.en.toml").write_text(text)
    with pytest.raises(ConfigurationError, match=told) as caught:
        read_languages([tmp_path, SHIPPED])
    assert "strings.en.toml" in str(caught.value)

"""The words of the mails: complete in every language, right in number, and safe against a broken strings file."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from trialalerts.catalog.facts import PartialDate, Site, TrialFacts
from trialalerts.catalog.tables import ChangeKind
from trialalerts.digests.cards.trial_wording import (
    age,
    age_limits,
    countries,
    dated,
    is_past,
    months_since,
    phase,
    status,
    study_type,
    who_can_join,
)
from trialalerts.digests.cards.wording import Wording, Wordings, read_strings
from trialalerts.files import shipped
from trialalerts.subscribers.tables import Frequency

LANGUAGES = ("en", "de", "fr", "es")
PLURALS = {"zero", "one", "two", "few", "many", "other"}


def strings(language: str) -> dict[str, str]:
    return read_strings(shipped("templates/email") / f"strings.{language}.toml")


def words(locale: str = "en") -> Wording:
    return Wordings().of(locale)


def placeholders(phrase: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", phrase))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_says_everything_that_english_says_and_no_more(language: str) -> None:
    assert strings(language).keys() == strings("en").keys()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_phrase_fills_in_the_same_words_in_every_language(language: str) -> None:
    english = strings("en")
    for key, phrase in strings(language).items():
        words_used = placeholders(phrase) - {"count"} if key.endswith(".one") else placeholders(phrase)
        assert words_used <= placeholders(english[key]) | {"count"}, key
        assert placeholders(english[key]) - {"count"} <= words_used, key


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_plural_has_the_form_that_all_numbers_can_fall_back_on(language: str) -> None:
    known = strings(language)
    for key in known:
        stem, _, form = key.rpartition(".")
        if form in PLURALS:
            assert f"{stem}.other" in known


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_of_change_status_and_frequency_has_its_words(language: str) -> None:
    said = words(language)
    for kind in (*ChangeKind, "recruiting_now"):
        plural = said.knows(f"change.{kind}.other")
        assert plural or said.knows(f"change.{kind}")
    for frequency in Frequency:
        assert said.knows(f"footer.{frequency}")


def test_other_languages_do_not_speak_english() -> None:
    english = strings("en")
    same = {"place.nearest", "place.in_brackets", "card.label", "subject.about", "page.later"}
    for language in ("de", "fr", "es"):
        long = {key: phrase for key, phrase in strings(language).items() if len(phrase.split()) > 2 and key not in same}
        assert [key for key, phrase in long.items() if phrase == english[key]] == []


@pytest.mark.parametrize(
    ("locale", "language", "tag"),
    [
        ("de-AT", "de", "de-AT"),
        ("de_CH", "de", "de-CH"),
        ("fr-XX", "fr", "fr-XX"),
        ("es-419", "es", "es-419"),
        ("it", "en", "en"),
        ("nonsense", "en", "en"),
        ("", "en", "en"),
    ],
)
def test_a_locale_falls_back_on_its_language_then_on_english(locale: str, language: str, tag: str) -> None:
    chosen = words(locale)
    assert chosen.language == language
    assert chosen.tag in {tag, language}


def test_a_language_without_strings_falls_back_on_the_language_of_the_service() -> None:
    assert Wordings(default="fr").of("it").language == "fr"


def test_numbers_choose_their_plural_by_the_rules_of_the_language() -> None:
    assert words("en").count("news.changes", 1) == "1 change"
    assert words("en").count("news.changes", 0) == "0 changes"
    assert words("fr").count("news.changes", 0) == "0 changement"
    assert words("de").count("news.changes", 1234) == "1.234 Änderungen"


COUNTED = (0, 1, 2, 5, 1000)
SAID = {
    ("en", "digest.title_changed"): ["0 changes", "1 change", "2 changes", "5 changes", "1,000 changes"],
    ("de", "digest.title_new"): ["0 Neuigkeiten", "1 Neuigkeit", "2 Neuigkeiten", "5 Neuigkeiten", "1.000 Neuigkeiten"],
    ("fr", "digest.title_new"): ["0 nouveauté", "1 nouveauté", "2 nouveautés", "5 nouveautés", "1\u202f000 nouveautés"],
    ("es", "digest.title_new"): ["0 novedades", "1 novedad", "2 novedades", "5 novedades", "1.000 novedades"],
    ("en", "place.unnamed"): ["0 open sites", "1 open site", "2 open sites", "5 open sites", "1,000 open sites"],
    ("de", "place.unnamed"): [
        "0 Studienorte, die", "1 Studienort, der", "2 Studienorte, die", "5 Studienorte, die", "1.000 Studienorte, die",
    ],
    ("fr", "place.unnamed"): [
        "0 centre ouvert", "1 centre ouvert", "2 centres ouverts", "5 centres ouverts", "1\u202f000 centres ouverts",
    ],
    ("es", "place.unnamed"): [
        "0 centros abiertos", "1 centro abierto", "2 centros abiertos", "5 centros abiertos", "1.000 centros abiertos",
    ],
}  # fmt: skip


@pytest.mark.parametrize(("language", "key"), SAID)
def test_each_number_has_its_plural(language: str, key: str) -> None:
    for number, shown in zip(COUNTED, SAID[language, key], strict=True):
        assert words(language).count(key, number).startswith(shown)


REASONS_TO_LEAVE = {"unsubscribed"}
"""Where "other" is a reason beside others, and no plural."""


@pytest.mark.parametrize("room", ["email", "web"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_what_counts_has_a_form_for_one_and_one_for_several_in_every_language(room: str, language: str) -> None:
    known = read_strings(shipped(f"templates/{room}") / f"strings.{language}.toml")
    english = read_strings(shipped(f"templates/{room}") / "strings.en.toml")
    plural = {key.rpartition(".")[0] for key in english if key.endswith(".other")} - REASONS_TO_LEAVE
    assert {key.rpartition(".")[0] for key in known if key.endswith(".other")} - REASONS_TO_LEAVE == plural
    assert all(f"{stem}.one" in known for stem in plural)
    lone = {key for key, phrase in known.items() if "{count}" in phrase and key.rpartition(".")[0] not in plural}
    assert lone <= {"look.take_now"}, "a figure beside which no word changes"


def test_americans_read_miles_everybody_else_kilometres() -> None:
    assert words("en-US").distance(12) == "7 miles"
    assert words("en").distance(12.4) == "12 km"
    assert words("en-GB").distance(1234) == "1,234 km"
    assert words("de").distance(1234) == "1.234 km"


def test_a_short_distance_claims_no_more_than_is_known() -> None:
    assert words().distance(0) == words().distance(4.9) == "less than 5 km"
    assert words("en-US").distance(4) == "less than 3 miles"


def test_days_are_those_of_the_reader() -> None:
    late = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
    assert words("en").day(late, "Europe/London") == "1 March 2026"
    assert words("en-US").day(late, "Pacific/Auckland") == "March 2, 2026"
    assert words("de").day(late, "Europe/Berlin") == "2. März 2026"


@pytest.mark.parametrize(
    ("written", "precision", "shown"),
    [
        ("2026-01-15", "day", "15 January 2026"),
        ("2026-01", "month", "January 2026"),
        ("2026", "year", "2026"),
        ("soon", "day", "soon"),
        ("2026-13", "month", "2026-13"),
    ],
)
def test_a_date_is_told_as_exactly_as_it_is_known(written: str, precision: str, shown: str) -> None:
    value = PartialDate.model_validate({"value": written, "precision": precision})
    assert dated(words(), value, date(2026, 3, 2)) == shown


def test_a_planned_date_says_so() -> None:
    planned = PartialDate(value="2026-05", precision="month", kind="estimated")
    assert dated(words("de"), planned, date(2026, 3, 2)) == "Mai 2026 (geplant)"


@pytest.mark.parametrize(
    ("written", "precision", "today", "past"),
    [
        ("2026-03-02", "day", "2026-03-02", False),
        ("2026-03-01", "day", "2026-03-02", True),
        ("2026-03", "month", "2026-03-31", False),
        ("2026-03", "month", "2026-04-01", True),
        ("2025-12", "month", "2026-01-01", True),
        ("2026", "year", "2026-12-31", False),
        ("2026", "year", "2027-01-01", True),
        ("soon", "day", "2026-03-02", False),
    ],
)
def test_a_planned_date_is_past_once_its_last_day_is(written: str, precision: str, today: str, past: bool) -> None:
    planned = PartialDate.model_validate({"value": written, "precision": precision, "kind": "estimated"})
    assert is_past(planned, date.fromisoformat(today)) is past
    assert not is_past(planned.model_copy(update={"kind": "actual"}), date.fromisoformat(today))


@pytest.mark.parametrize(
    ("language", "shown"),
    [
        ("en", "was planned for March 2025; the registry has not confirmed it"),
        ("de", "war geplant (März 2025); das Register hat es nicht bestätigt"),
        ("fr", "était prévu (mars 2025)\N{NO-BREAK SPACE}; le registre ne l’a pas confirmé"),
        ("es", "estaba previsto (marzo de 2025); el registro no lo ha confirmado"),
    ],
)
def test_a_planned_date_that_is_past_says_that_nobody_confirmed_it(language: str, shown: str) -> None:
    planned = PartialDate(value="2025-03", precision="month", kind="estimated")
    assert dated(words(language), planned, date(2026, 3, 2)) == shown


@pytest.mark.parametrize(
    ("language", "shown"), [("en", "18 years"), ("de", "18 Jahre"), ("fr", "18 ans"), ("es", "18 años")]
)
def test_ages_are_said_in_the_language(language: str, shown: str) -> None:
    assert age(words(language), "18 Years") == shown


@pytest.mark.parametrize(
    ("minimum", "maximum", "shown"),
    [
        ("18 Years", "65 Years", "18 to 65 years"),
        ("6 Months", "5 Years", "6 months to 5 years"),
        ("18 Years", None, "from 18 years"),
        (None, "17 Years", "up to 17 years"),
        (None, None, "ages not stated"),
        ("1 Year", None, "from 1 year"),
        ("grown up", None, "from grown up"),
    ],
)
def test_age_limits_are_said_plainly(minimum: str | None, maximum: str | None, shown: str) -> None:
    assert age_limits(words(), minimum, maximum) == shown


def test_who_can_join_says_what_is_not_stated_and_never_that_somebody_qualifies() -> None:
    assert who_can_join(words(), TrialFacts())[0] == "card.may_fit"
    known = TrialFacts(sex="female", minimum_age="18 Years", healthy_volunteers=True)
    assert who_can_join(words(), known) == ("card.who", "from 18 years, women and girls, healthy people too")
    assert not any("qualif" in phrase for phrase in strings("en").values())


def test_phases_are_explained_and_combined() -> None:
    assert phase(words(), ("PHASE2", "PHASE1")) == (
        "Phase 1 and 2",
        "tests of safety and dose, then first signs of whether it works",
    )
    assert phase(words(), ("PHASE1", "PHASE3")) == ("Phase 1 and Phase 3", "")
    assert phase(words(), ()) is None


def test_a_code_that_nobody_knows_is_shown_as_it_was_written() -> None:
    assert status(words("de"), "SOMETHING_NEW") == "something new"
    assert study_type(words(), "REGISTRY_2") == "registry 2"
    assert status(words(), None) is None


@pytest.mark.parametrize(
    ("value", "months"),
    [("2025-01", 14), ("2025-03-02", 11), ("2025-03-01", 12), ("2020", 74), ("2026-04", -1), ("never", None)],
)
def test_months_are_counted_whole(value: str, months: int | None) -> None:
    assert months_since(PartialDate(value=value, precision="month"), date(2026, 3, 1)) == months


def test_countries_are_named_in_the_language_the_most_sites_first() -> None:
    sites = [Site(country="FR"), Site(country="GB"), Site(country="GB"), Site(country_name="Ruritania"), Site()]
    assert countries(words("de"), sites) == "Vereinigtes Königreich, Frankreich und Ruritania"
    many = [Site(country=code) for code in ("GB", "FR", "ES", "DE", "IT")]
    assert countries(words(), many) == "United Kingdom, France, Spain and 2 more countries"


def test_an_own_strings_file_may_hold_only_what_it_changes(tmp_path: Path) -> None:
    (tmp_path / "strings.en.toml").write_text('[footer]\nunsubscribe = "Leave"\n')
    own = Wordings(tmp_path).of("en")
    assert own.say("footer.unsubscribe") == "Leave"
    assert own.say("group.read") == "To read"


def test_a_phrase_that_cannot_be_filled_in_is_passed_over_and_told(tmp_path: Path) -> None:
    lines = '[footer]\nwhy = "Hello {name}"\ncontact = "Ask {contact!r} {contact:d}"\nadvice = "{"\nnew = "x"\n'
    (tmp_path / "strings.en.toml").write_text(lines)
    with capture_logs() as logs:
        own = Wordings(tmp_path).of("en")
    assert own.say("footer.why", service="Example") == words().say("footer.why", service="Example")
    assert own.say("footer.advice") == words().say("footer.advice")
    assert {entry["phrase"] for entry in logs} == {"footer.why", "footer.contact", "footer.advice", "footer.new"}


def test_a_strings_file_that_is_broken_is_passed_over_and_told(tmp_path: Path) -> None:
    (tmp_path / "strings.de.toml").write_text("this is not TOML")
    with capture_logs() as logs:
        assert Wordings(tmp_path).of("de").say("footer.unsubscribe") == "Abmelden"
    assert [entry["event"] for entry in logs] == ["template.broken"]


def test_an_own_language_is_written_in_its_own_direction(tmp_path: Path) -> None:
    (tmp_path / "strings.ar.toml").write_text('[group]\ngone = "مرحبا،"\n')
    arabic = Wordings(tmp_path).of("ar")
    assert (arabic.language, arabic.direction) == ("ar", "rtl")
    assert arabic.say("group.read") == "To read"
    assert arabic.unit("duration-month", 3)

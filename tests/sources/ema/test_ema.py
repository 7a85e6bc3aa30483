"""EMA's shortages and letters are articles: each told once, its end to those who were told, nothing lost unsaid."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlmodel import col, select

from tests.sources.poll_stage import changes_of, poll, problems_of, settings_of
from tests.sources.registry_server import Fault, Page, RegistryServer, respond
from trialalerts.catalog.draft import ItemDraft
from trialalerts.catalog.facts import ArticleFacts
from trialalerts.catalog.tables import Change, Item
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.settings import HttpSettings, Settings
from trialalerts.sources.context import SourceContext
from trialalerts.sources.kinds.ema import Ema, EmaSettings
from trialalerts.sources.polling.poll import PollCount

PAGES = "https://ema.example/en/medicines"
LETTERS, SHORTAGES = "dhpc-output-json-report_en.json", "shortages-output-json-report_en.json"
MEDICINES = "medicines-output-medicines_json-report_en.json"


def shortage(name: str = "Examplix", **more: Any) -> dict[str, Any]:
    """Return a made-up row of the file of shortages."""
    return {
        "category": "Human", "medicine_affected": name, "supply_shortage_status": "Shortage ongoing",
        "international_non_proprietary_name_inn_or_common_name": "examplumab",
        "therapeutic_area_mesh": "Multiple Sclerosis", "availability_of_alternatives": "Yes",
        "start_of_shortage_date": "20/02/2026", "expected_resolution_date": "01/05/2026",
        "first_published_date": "03/03/2026", "last_updated_date": "",
        "shortage_url": f"{PAGES}/human/shortages/{name.lower()}", **more,
    }  # fmt: skip


def letter(name: str = "Examplix", **more: Any) -> dict[str, Any]:
    """Return a made-up row of the file of letters."""
    return {
        "category": "Human", "name_of_medicine": name, "active_substances": "examplumab;sampline",
        "dhpc_type": "Quality defect", "regulatory_outcome": "", "therapeutic_area_mesh": "Asthma; Melanoma",
        "dissemination_date": "02/03/2026", "first_published_date": "03/03/2026", "last_updated_date": "",
        "dhpc_url": f"{PAGES}/dhpc/{name.lower()}", **more,
    }  # fmt: skip


def medicine(name: str, indication: str = "", **more: Any) -> dict[str, Any]:
    """Return a made-up row of the file of medicines, its values in lists as some of them are."""
    given = {"name_of_medicine": name, "category": "Human", "therapeutic_indication": indication, **more}
    return {key: [value] for key, value in given.items()}


@dataclass(kw_only=True)
class Website:
    """The three files on loopback."""

    server: RegistryServer
    letters: list[Any] = field(default_factory=list)
    shortages: list[Any] = field(default_factory=list)
    medicines: list[Any] = field(default_factory=list)

    def serve(self) -> None:
        """Serve the files as they are now."""
        rows = {LETTERS: self.letters, SHORTAGES: self.shortages, MEDICINES: self.medicines}
        for name, given in rows.items():
            body = {"meta": {"total_records": len(given), "timestamp": "2026-03-03T06:00:00Z"}, "data": given}
            self.server.state.pages[f"/{name}"] = Page(body=orjson.dumps(body), content_type="application/json")


@dataclass(kw_only=True)
class Stage:
    """The website and a service that polls it."""

    db: Database
    clock: FrozenClock
    settings: Settings
    site: Website

    def poll(self) -> PollCount:
        """Poll as it is now, then let a day pass."""
        self.site.serve()
        count = poll(self.db, self.settings, self.clock)
        self.clock.advance(timedelta(days=1))
        return count

    def told(self) -> list[tuple[str, str]]:
        """Poll well; return what was told by it: titles with what happened."""
        before = len(changes_of(self.db))
        count = self.poll()
        assert count.error is None, count.error
        with self.db.read() as session:
            asked = select(Item.title, Change.kind).join(Change, col(Change.item_id) == col(Item.id))
            return [(title, str(kind)) for title, kind in session.exec(asked.order_by(col(Change.seq)))][before:]


@pytest.fixture
def stage(sqlite_world: Database, clock: FrozenClock, server: RegistryServer, http_settings: HttpSettings) -> Stage:
    return staged(sqlite_world, clock, server, http_settings)


def staged(db: Database, clock: FrozenClock, server: RegistryServer, http: HttpSettings) -> Stage:
    settings = settings_of(http, {"name": "ema", "kind": "ema", "url": server.root})
    return Stage(db=db, clock=clock, settings=settings, site=Website(server=server))


@pytest.fixture
def reader() -> Ema:
    return Ema(EmaSettings(name="ema", kind="ema"))


def read(reader: Ema, row: Any, context: SourceContext) -> ItemDraft:
    draft, problems = reader.read(row, "here", context)
    assert draft is not None, problems
    return draft


def facts_of(draft: ItemDraft) -> ArticleFacts:
    assert isinstance(draft.facts, ArticleFacts)
    return draft.facts


def items(db: Database) -> list[Item]:
    with db.read() as session:
        return list(session.exec(select(Item).order_by(col(Item.id))))


def test_a_shortage_is_said_in_plain_words(reader: Ema, context: SourceContext) -> None:
    draft = read(reader, shortage(), context)
    assert (draft.registry, draft.source, draft.title) == ("ema.europa.eu", "ema", "Examplix: shortage")
    assert draft.external_id == draft.url == f"{PAGES}/human/shortages/examplix"
    assert draft.summary == (
        "EMA, the EU’s office for medicines, has listed this since 3 March 2026. Do not change what you take on your "
        "own: ask your doctor first. EMA says that other medicines can take its place. It may last until 1 May 2026. "
        "Active substance: examplumab."
    )
    assert [area["id"] for area in draft.areas] == ["D009103"]
    facts = facts_of(draft)
    assert (facts.language, facts.published_on, facts.corrected_on) == ("en", date(2026, 3, 3), None)
    assert (facts.categories, draft.problems) == (("Multiple Sclerosis",), ())
    assert draft.keys == ("link:ema.example/en/medicines/human/shortages/examplix",)


def test_it_is_for_people_in_the_european_economic_area(reader: Ema, context: SourceContext) -> None:
    countries = {region.country for region in facts_of(read(reader, letter(), context)).regions}
    assert len(countries) == 30
    assert {"DE", "NO", "IS"} < countries
    assert countries.isdisjoint({"GB", "CH", "US"})


def test_each_reader_has_it_in_their_language(reader: Ema, context: SourceContext) -> None:
    facts = facts_of(read(reader, shortage(supply_shortage_status="Resolved", last_updated_date="05/04/2026"), context))
    assert {text.language: text.title for text in facts.translations} == {
        "de": "Examplix: Lieferengpass beendet",
        "es": "Examplix: el desabastecimiento ha terminado",
        "fr": "Examplix\u00a0: la pénurie est terminée",
    }
    assert {text.correction for text in facts.translations} == {
        "Der Lieferengpass ist beendet.", "El desabastecimiento ha terminado.", "La pénurie est terminée.",
    }  # fmt: skip
    assert {text.corrected_on for text in facts.translations} == {date(2026, 4, 5)}
    assert "am 3. März 2026 gemeldet" in facts.translations[0].summary
    assert all(text.url for text in facts.translations)


@pytest.mark.parametrize(("type_", "title", "problems"), [
    ("Quality defect", "letter to doctors about a fault in its quality", []),
    ("Medicine shortage", "letter to doctors about a shortage", []),
    ("Medication error", "letter to doctors about mistakes in its use", []),
    ("Safety signal", "safety letter to doctors", []),
    ("Referral - Article 20 procedure", "safety letter to doctors", []),
    (["Safety signal", "Quality defect"], "letter to doctors about a fault in its quality", []),
    ("Something of 2031", "safety letter to doctors", ["dhpc_type"]),
    ("", "safety letter to doctors", ["dhpc_type"]),
])  # fmt: skip
def test_a_letter_says_what_it_is_about(
    type_: Any, title: str, problems: list[str], reader: Ema, context: SourceContext
) -> None:
    draft = read(reader, letter(dhpc_type=type_), context)
    assert draft.title == f"Examplix: {title}"
    assert [problem.field for problem in draft.problems] == problems
    assert "was made known on 3 March 2026" in draft.summary
    assert "Active substance: examplumab, sampline." in draft.summary
    assert [area["id"] for area in draft.areas] == ["D001249", "D008545"]


@pytest.mark.parametrize(("status", "title", "problems"), [
    ("Shortage ongoing", "shortage", []), ("Ongoing", "shortage", []),
    ("Shortage resolved", "the shortage is over", []), ("Medicine discontinued", "no longer sold", []),
    ("Foreseen", "news on its supply", ["supply_shortage_status"]),
    ("", "news on its supply", ["supply_shortage_status"]),
])  # fmt: skip
def test_a_shortage_says_how_it_stands(
    status: str, title: str, problems: list[str], reader: Ema, context: SourceContext
) -> None:
    draft = read(reader, shortage(supply_shortage_status=status), context)
    assert (draft.title, [each.field for each in draft.problems]) == (f"Examplix: {title}", problems)


@pytest.mark.parametrize(("row", "field"), [
    (shortage(first_published_date="03-2026-03"), "first_published_date"),
    (shortage(last_updated_date="31/02/2026"), "last_updated_date"),
    (shortage(availability_of_alternatives="Perhaps"), "availability_of_alternatives"),
    (shortage(expected_resolution_date="one day"), "expected_resolution_date"),
    (letter(therapeutic_area_mesh=7), "therapeutic_area_mesh"),
])  # fmt: skip
def test_a_wrong_field_is_noted_and_the_rest_is_read(
    row: dict[str, Any], field: str, reader: Ema, context: SourceContext
) -> None:
    draft = read(reader, row, context)
    assert field in {problem.field for problem in draft.problems}
    assert draft.title.startswith("Examplix: ")


@pytest.mark.parametrize("row", ["no object", None, {}, {"dhpc_type": "Quality defect"}, medicine("Examplix"), []])
def test_what_names_no_medicine_is_noted(row: Any, reader: Ema, context: SourceContext) -> None:
    draft, problems = reader.read(row, "page 1, record 1", context)
    assert (draft, [problem.field for problem in problems]) == (None, ["record"])


def test_a_notice_without_an_address_is_named_by_its_medicine_and_day(reader: Ema, context: SourceContext) -> None:
    draft = read(reader, shortage(shortage_url=""), context)
    assert (draft.external_id, draft.url, draft.keys) == ("shortage: Examplix, 2026-03-03", "", ())


def test_areas_are_those_of_the_row_else_those_of_the_medicine_else_those_of_its_indication(stage: Stage) -> None:
    stage.site.medicines = [
        medicine("Examplix", "Indicated in melanoma."),
        medicine("Samplix", "<p>Treatment of&nbsp;asthma in adults.</p>", medicine_url=f"{PAGES}/human/EPAR/samplix"),
        medicine("Thirdix", "Treatment of asthma.", therapeutic_area_mesh="Melanoma"),
    ]
    bare = {"therapeutic_area_mesh": "", "shortage_url": ""}
    stage.site.shortages = [
        shortage("Examplix"),
        shortage("Examplix / Samplix", **bare),
        shortage("Samplix (samplumab)", **bare),
        shortage("Thirdix", **bare),
        shortage("Fourthix", **bare),
        shortage("Examplix, Fourthix", therapeutic_area_mesh="Vaccination", shortage_url=""),
    ]
    assert stage.told() == []
    found = {item.title.removesuffix(": shortage"): item for item in items(stage.db)}
    areas = {name: sorted(area["id"] for area in item.areas["direct"]) for name, item in found.items()}
    assert areas == {
        "Examplix": ["D009103"], "Examplix / Samplix": ["D001249", "D008545"], "Samplix (samplumab)": ["D001249"],
        "Thirdix": ["D008545"], "Fourthix": [], "Examplix, Fourthix": ["D008545"],
    }  # fmt: skip
    assert found["Samplix (samplumab)"].url == f"{PAGES}/human/EPAR/samplix"
    assert found["Fourthix"].url == ""
    assert problems_of(stage.db) == [("shortage: Fourthix, 2026-03-03", "areas")]


def test_what_is_for_animals_is_left_out(stage: Stage) -> None:
    stage.site.medicines = [medicine("Examplivet", category="Veterinary")]
    stage.site.shortages = [shortage("Bovix", category="Veterinary"), shortage("Examplivet", category="")]
    stage.site.letters = [letter("Porcix", category=["Veterinary"]), letter("Herbix", category="Herbal")]
    stage.told()
    assert [item.title.partition(":")[0] for item in items(stage.db)] == ["Herbix"]
    assert problems_of(stage.db) == []


def test_the_first_sweep_tells_nothing_and_the_same_again_changes_nothing(
    world: Database, clock: FrozenClock, server: RegistryServer, http_settings: HttpSettings
) -> None:
    stage = staged(world, clock, server, http_settings)
    stage.site.letters, stage.site.shortages = [letter(f"Letrix{n}") for n in range(3)], [shortage()]
    first = stage.poll()
    assert (first.error, first.complete, first.new, first.changes) == (None, True, 4, 0)
    again = stage.poll()
    assert (again.error, again.new, again.updated, again.unchanged, again.changes) == (None, 0, 0, 4, 0)
    assert [request.path for request in server.requests] == [f"/{name}" for name in (MEDICINES, LETTERS, SHORTAGES)] * 2


def test_a_new_notice_is_told_once_and_one_of_long_ago_never(stage: Stage) -> None:
    stage.told()
    stage.site.shortages = [shortage(), shortage("Oldix", first_published_date="02/09/2024")]
    stage.site.letters = [letter()]
    assert sorted(stage.told()) == [
        ("Examplix: letter to doctors about a fault in its quality", "published"),
        ("Examplix: shortage", "published"),
    ]
    assert stage.told() == []
    assert len(items(stage.db)) == 3


def test_that_a_shortage_is_over_is_told_as_a_correction_once(stage: Stage) -> None:
    stage.told()
    stage.site.shortages = [shortage()]
    stage.told()
    stage.site.shortages = [shortage(last_updated_date="09/03/2026")]
    assert stage.told() == [("Examplix: shortage", "corrected")]
    stage.site.shortages = [shortage(supply_shortage_status="Shortage resolved", last_updated_date="10/03/2026")]
    assert stage.told() == [("Examplix: the shortage is over", "corrected")]
    assert stage.told() == []
    with stage.db.read() as session:
        last = session.exec(select(Change).order_by(col(Change.seq).desc())).first()
    assert last is not None
    assert (last.after["on"], last.after["sentence"]) == ("2026-03-10", "The shortage is over.")
    assert last.after["sentences"]["fr"] == "La pénurie est terminée."


def test_that_a_shortage_is_over_is_told_though_nobody_says_since_when(stage: Stage) -> None:
    stage.told()
    stage.site.shortages = [shortage()]
    stage.told()
    stage.site.shortages = [shortage(supply_shortage_status="Resolved")]
    assert stage.told() == [("Examplix: the shortage is over", "corrected")]


def test_four_letters_on_one_medicine_are_four(stage: Stage) -> None:
    """Their words are the same but for the day."""
    days = ("19/10/2022", "13/03/2023", "21/11/2023", "02/09/2024")
    rows = [letter(dhpc_type="Medicine shortage", first_published_date=day, dhpc_url="") for day in days]
    stage.site.letters = rows
    stage.told()
    assert len(items(stage.db)) == 4
    stage.told()
    assert len(items(stage.db)) == 4


def test_one_bad_row_harms_no_other(stage: Stage) -> None:
    stage.site.shortages = [shortage(), "nonsense", {"medicine_affected": {"a": 1}}, shortage("Samplix")]
    stage.told()
    assert [item.title for item in items(stage.db)] == ["Examplix: shortage", "Samplix: shortage"]
    assert [field for _, field in problems_of(stage.db)] == ["record", "record"]


@pytest.mark.parametrize(("body", "said"), [
    (b"<!doctype html><title>Are you a robot?</title>", "an HTML page"),
    (b'{"data": [{"medicine_affected": "Ex', "JSON that breaks off"),
    (b'{"records": []}', "holds no list of data"),
    (b'{"meta": {"total_records": 7}, "data": []}', "gave 0 of 7 rows"),
])  # fmt: skip
@pytest.mark.parametrize("name", [LETTERS, SHORTAGES, MEDICINES])
def test_a_file_that_is_none_fails_the_poll_and_keeps_what_is_known(
    name: str, body: bytes, said: str, stage: Stage
) -> None:
    stage.site.shortages = [shortage()]
    stage.told()
    stage.site.server.faults.append(Fault(act=respond(200, body), when=lambda request: request.path == f"/{name}"))
    assert said in (stage.poll().error or "")
    assert stage.told() == []
    assert len(items(stage.db)) == 1


def test_a_bare_list_is_a_file_too(stage: Stage) -> None:
    stage.site.serve()
    body = orjson.dumps([shortage()])
    stage.site.server.faults.append(Fault(act=respond(200, body), when=lambda request: request.path == f"/{SHORTAGES}"))
    assert (poll(stage.db, stage.settings, stage.clock).error, len(items(stage.db))) == (None, 1)


def test_the_sample_files_go_in_without_a_loss_that_nobody_hears_of(shared_data: Path, stage: Stage) -> None:
    folder = shared_data / "registries" / "samples" / "ema"
    names = {LETTERS: "dhpcs.json", SHORTAGES: "shortages.json", MEDICINES: "medicines.json"}
    for name, sample in names.items():
        stage.site.server.state.pages[f"/{name}"] = Page(body=(folder / sample).read_bytes())
    count = poll(stage.db, stage.settings, stage.clock)
    assert (count.error, count.new) == (None, 5), "four letters and a shortage; the other is of an animal's medicine"
    assert {field for _, field in problems_of(stage.db)} == {"areas"}, "nobody follows diabetes here"
    assert {item.title for item in items(stage.db)} == {
        "Ozempic / Victoza: letter to doctors about a shortage", "Ozempic: letter to doctors about a shortage",
        "Ozempic: the shortage is over",
    }  # fmt: skip


def test_a_file_is_read_as_a_sample(reader: Ema, context: SourceContext) -> None:
    batch = reader.sample(orjson.dumps({"data": [shortage(), letter()]}), "sample.json", context)
    assert [draft.title for draft in batch.drafts] == [
        "Examplix: shortage", "Examplix: letter to doctors about a fault in its quality",
    ]  # fmt: skip

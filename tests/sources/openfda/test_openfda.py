"""openFDA's packs become one article a medicine, all of them or none are read, and what no table knows is noted."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import orjson
import pytest
from sqlmodel import col, select

from tests.sources.poll_stage import changes_of, poll, problems_of, settings_of
from tests.sources.registry_server import Fault, Handler, RegistryServer, respond
from trialalerts.catalog.draft import ItemDraft
from trialalerts.catalog.facts import ArticleFacts
from trialalerts.catalog.tables import Item
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.files import shipped
from trialalerts.settings import HttpSettings
from trialalerts.sources.context import SourceContext
from trialalerts.sources.kinds.openfda import CATEGORIES, OpenFda, OpenFdaSettings
from trialalerts.sources.polling.poll import PollCount
from trialalerts.vocabulary.areas.curated_file import read_curated

_FARTHEST = 25_000


def pack(name: str = "Examplumab Injection", **more: Any) -> dict[str, Any]:
    """Return a made-up pack."""
    return {
        "update_type": "New", "initial_posting_date": "03/04/2026", "update_date": "03/05/2026",
        "package_ndc": "0000-0000-01", "generic_name": name, "proprietary_name": "", "company_name": "Example Inc.",
        "status": "Current", "availability": "Unavailable", "shortage_reason": "Demand increase for the drug",
        "therapeutic_category": ["Neurology"], "presentation": "Vial", "openfda": {"brand_name": ["EXAMPLIX"]},
        "contact_info": "800-000-0000", **more,
    }  # fmt: skip


@dataclass(kw_only=True)
class Api:
    """openFDA on loopback: pages by ``skip`` and ``limit``, an error where nothing is found."""

    server: RegistryServer
    packs: list[Any] = field(default_factory=list)
    total: int | None = None
    asked: list[dict[str, str]] = field(default_factory=list)

    def answer(self, handler: Handler) -> None:
        """Answer as openFDA does."""
        request = self.server.requests[-1]
        assert request.path == "/drug/shortages.json"
        self.asked.append(dict(request.params))
        skip, limit = int(request.params["skip"]), int(request.params["limit"])
        assert limit <= 1000
        given = self.packs[skip : skip + limit]
        if skip > _FARTHEST:
            said: dict[str, Any] = {"error": {"code": "BAD_REQUEST", "message": "Skip value must 25000 or less."}}
        elif not given:
            said = {"error": {"code": "NOT_FOUND", "message": "No matches found!"}}
        else:
            total = len(self.packs) if self.total is None else self.total
            said = {"meta": {"results": {"skip": skip, "limit": limit, "total": total}}, "results": given}
        status = {"BAD_REQUEST": 400, "NOT_FOUND": 404}.get(said.get("error", {}).get("code"), 200)
        handler.answer(status, orjson.dumps(said), {"Content-Type": "application/json; charset=utf-8"})


@dataclass(kw_only=True)
class Stage:
    """The API and a service that polls it."""

    db: Database
    clock: FrozenClock
    http: HttpSettings
    api: Api
    keys: dict[str, Any] = field(default_factory=dict)

    def poll(self) -> PollCount:
        """Poll, then let a day pass."""
        source = {"name": "fda", "kind": "openfda", "url": self.api.server.root, **self.keys}
        count = poll(self.db, settings_of(self.http, source), self.clock)
        self.clock.advance(timedelta(days=1))
        return count

    def told(self) -> list[tuple[str, str]]:
        """Poll well; return what was told by it: ids with what happened."""
        before = len(changes_of(self.db))
        count = self.poll()
        assert count.error is None, count.error
        return list(changes_of(self.db)[before:])

    def titles(self) -> list[str]:
        """Return the titles of all articles."""
        with self.db.read() as session:
            return list(session.exec(select(Item.title).order_by(col(Item.id))))


@pytest.fixture
def stage(sqlite_world: Database, clock: FrozenClock, server: RegistryServer, http_settings: HttpSettings) -> Stage:
    return staged(sqlite_world, clock, server, http_settings)


def staged(db: Database, clock: FrozenClock, server: RegistryServer, http: HttpSettings) -> Stage:
    api = Api(server=server)
    server.faults.append(Fault(act=api.answer, times=100_000))
    return Stage(db=db, clock=clock, http=http, api=api)


def read(*packs: Any, context: SourceContext) -> ItemDraft:
    """Return what is made of packs of one medicine."""
    draft, problems = reader().read({"packs": list(packs)}, "here", context)
    assert draft is not None, problems
    return draft


def reader() -> OpenFda:
    return OpenFda(OpenFdaSettings(name="fda", kind="openfda"))


def facts_of(draft: ItemDraft) -> ArticleFacts:
    assert isinstance(draft.facts, ArticleFacts)
    return draft.facts


def test_packs_are_said_in_plain_words(context: SourceContext) -> None:
    draft = read(
        pack(availability="Available", initial_posting_date="03/04/2026"),
        pack(company_name="Sample Ltd", proprietary_name="Samplix", initial_posting_date="01/02/2026"),
        pack(availability="Limited Availability", openfda={"brand_name": ["Examplumab"]}),
        context=context,
    )
    assert draft.title == "Examplumab Injection: shortage in the US"
    assert draft.summary == (
        "FDA, the US office for medicines, has listed this since 2 January 2026. Do not change what you take on your "
        "own: ask your doctor first. Packs that can be had now: 2 of 3. Makers: Example Inc., Sample Ltd. "
        "Also sold as: EXAMPLIX, Samplix."
    )
    assert (draft.external_id, draft.registry) == ("shortage: examplumab injection, 2026-01-02", "api.fda.gov")
    assert draft.url.endswith("/dsp_ActiveIngredientDetails.cfm?AI=Examplumab+Injection&st=c")
    assert [area["id"] for area in draft.areas] == ["D009422"]
    facts = facts_of(draft)
    assert (facts.published_on, facts.categories, draft.problems) == (date(2026, 1, 2), ("Neurology",), ())
    assert [(region.kind, region.country) for region in facts.regions] == [("country", "US")]
    assert facts.translations[0].title == "Examplumab Injection: Lieferengpass in den USA"
    assert "800-" not in draft.summary


def test_a_name_that_ends_with_a_full_stop_ends_a_sentence_with_one(context: SourceContext) -> None:
    assert "Makers: Example Inc. Also sold as: EXAMPLIX." in read(pack(), context=context).summary


@pytest.mark.parametrize(("statuses", "title", "tab", "problems"), [
    (["Current"], "shortage in the US", "c", 0), (["Current", "Resolved"], "shortage in the US", "c", 0),
    (["Resolved", "Resolved"], "the shortage in the US is over", "r", 0),
    (["To Be Discontinued"], "a maker stops selling it in the US", "d", 0),
    (["Discontinued"], "a maker stops selling it in the US", "d", 0),
    (["Foreseen"], "news on its supply in the US", "c", 1), ([""], "news on its supply in the US", "c", 1),
])  # fmt: skip
def test_the_title_says_how_it_stands(
    statuses: list[str], title: str, tab: str, problems: int, context: SourceContext
) -> None:
    draft = read(*(pack(status=status) for status in statuses), context=context)
    assert draft.title == f"Examplumab Injection: {title}"
    assert draft.url.endswith(f"&st={tab}")
    assert [problem.field for problem in draft.problems] == ["packs[0].status"] * problems


def test_days_have_their_month_first(context: SourceContext) -> None:
    assert facts_of(read(pack(initial_posting_date="02/03/2026"), context=context)).published_on == date(2026, 2, 3)
    draft = read(pack(initial_posting_date="31/12/2025"), context=context)
    assert [problem.field for problem in draft.problems] == ["packs[0].initial_posting_date"]
    assert (draft.published_at, "Told by FDA" in draft.summary) == (None, True)


def test_a_category_that_no_table_knows_is_noted_once(context: SourceContext) -> None:
    draft = read(*[pack(therapeutic_category=["Neurology", "Space Medicine"])] * 3, context=context)
    assert [(each.field, each.message) for each in draft.problems] == [
        ("therapeutic_category", "found “Space Medicine”, expected a category that we know")
    ]
    assert [area["id"] for area in draft.areas] == ["D009422"]


def test_a_medicine_without_an_area_is_noted(context: SourceContext) -> None:
    draft = read(pack(therapeutic_category=["Other", "Medical Imaging"]), context=context)
    assert ([*draft.areas], [problem.field for problem in draft.problems]) == ([], ["areas"])


def test_each_area_of_the_table_is_one_that_people_can_follow() -> None:
    areas = {area.id for area in read_curated(shipped("config/disease_areas.toml"))}
    assert {area for found in CATEGORIES.values() for area in found} <= areas


def test_packs_of_one_medicine_are_one_article_and_what_is_given_up_another(stage: Stage) -> None:
    stage.api.packs = [
        pack(), pack("EXAMPLUMAB INJECTION", company_name="Other"), pack(status="To Be Discontinued"),
        pack("Samplin Tablet"), pack(status="Resolved"),
    ]  # fmt: skip
    assert stage.told() == []
    assert sorted(stage.titles()) == [
        "Examplumab Injection: a maker stops selling it in the US", "Examplumab Injection: shortage in the US",
        "Samplin Tablet: shortage in the US",
    ]  # fmt: skip


def test_all_pages_are_read_and_the_same_again_changes_nothing(
    world: Database, clock: FrozenClock, server: RegistryServer, http_settings: HttpSettings
) -> None:
    stage = staged(world, clock, server, http_settings)
    stage.api.packs = [pack(f"Examplin {n % 40} Tablet") for n in range(2100)]
    first = stage.poll()
    assert (first.error, first.complete, first.new, first.changes) == (None, True, 40, 0)
    assert [asked["skip"] for asked in stage.api.asked] == ["0", "1000", "2000"]
    again = stage.poll()
    assert (again.error, again.new, again.updated, again.unchanged, again.changes) == (None, 0, 0, 40, 0)
    assert "api_key" not in stage.api.asked[-1]


def test_a_new_shortage_is_told_once_and_a_further_pack_of_it_is_no_news(stage: Stage) -> None:
    stage.told()
    stage.api.packs = [pack()]
    assert stage.told() == [("shortage: examplumab injection, 2026-03-04", "published")]
    stage.api.packs.append(pack(initial_posting_date="03/06/2026", availability="Available", update_type="Revised"))
    assert stage.told() == []
    stage.api.packs[0]["update_date"] = "03/07/2026"
    assert stage.told() == []
    assert len(stage.titles()) == 1


def test_that_a_shortage_is_over_is_told_to_those_who_were_told_of_it(stage: Stage) -> None:
    stage.told()
    stage.api.packs = [pack(), pack()]
    stage.told()
    stage.api.packs[0] = pack(status="Resolved", update_date="03/07/2026")
    assert stage.told() == [], "one pack is still short"
    stage.api.packs[1] = pack(status="Resolved", update_date="03/08/2026")
    assert stage.told() == [("shortage: examplumab injection, 2026-03-04", "corrected")]
    assert stage.titles() == ["Examplumab Injection: the shortage in the US is over"]
    assert stage.told() == []


def test_the_next_shortage_of_a_medicine_is_a_new_one(stage: Stage) -> None:
    stage.told()
    stage.api.packs = [pack()]
    stage.told()
    stage.api.packs = []
    stage.told()
    stage.clock.advance(timedelta(days=200))
    stage.api.packs = [pack(initial_posting_date="09/21/2026")]
    assert stage.told() == [("shortage: examplumab injection, 2026-09-21", "published")]


def test_that_one_more_maker_stops_is_told(stage: Stage) -> None:
    stage.told()
    stage.api.packs = [pack(status="To Be Discontinued")]
    assert len(stage.told()) == 1
    stage.api.packs.append(pack(status="To Be Discontinued", initial_posting_date="03/05/2026", company_name="Other"))
    assert stage.told() == [("stopped: examplumab injection, 2026-03-05", "published")]
    assert stage.told() == []


def test_where_openfda_finds_nothing_there_is_nothing(stage: Stage) -> None:
    count = stage.poll()
    assert (count.error, count.complete, count.new) == (None, True, 0)
    assert len(stage.api.asked) == 1


@pytest.mark.parametrize(("status", "body"), [
    (404, b"<html>No such page</html>"), (404, b"[]"), (404, b'{"error": "NOT_FOUND"}'), (404, b""),
    (500, b'{"error": {"code": "SERVER_ERROR"}}'),
])  # fmt: skip
def test_any_other_error_is_one(status: int, body: bytes, stage: Stage) -> None:
    stage.api.server.faults.insert(0, Fault(act=respond(status, body), times=3))
    assert f"answered {status}" in (stage.poll().error or "")


def test_more_packs_than_openfda_gives_are_told_as_an_error(stage: Stage) -> None:
    stage.api.packs, stage.api.total = [pack(f"Examplin {n}") for n in range(1000)], 26_001
    error = stage.poll().error or ""
    assert "has 26001 packs and gives 26000 at most" in error
    assert (stage.titles(), len(stage.api.asked)) == ([], 1), "not a part is taken for the whole"


def test_as_many_packs_as_openfda_gives_are_read(stage: Stage) -> None:
    stage.api.packs = [pack("Examplin Tablet") for _ in range(26_000)]
    assert (stage.poll().error, stage.api.asked[-1]["skip"]) == (None, "25000")


@pytest.mark.parametrize(("given", "total", "said"), [(1000, 1003, "gave 1000 of 1003 packs"), (7, 9, "gave 7 of 9")])
def test_a_short_read_is_no_end(given: int, total: int, said: str, stage: Stage) -> None:
    stage.api.packs, stage.api.total = [pack(f"Examplin {n}") for n in range(given)], total
    assert said in (stage.poll().error or "")
    assert stage.titles() == []


@pytest.mark.parametrize(("body", "said"), [
    (b"<!doctype html><title>Robot?</title>", "an HTML page"), (b'{"meta": {}, "packs": []}', "holds no list"),
    (b'{"results": []}', "did not say how many"),
])  # fmt: skip
def test_an_answer_that_is_none_fails_the_poll(body: bytes, said: str, stage: Stage) -> None:
    stage.api.server.faults.insert(0, Fault(act=respond(200, body)))
    assert said in (stage.poll().error or "")


def test_one_bad_pack_harms_no_other(stage: Stage) -> None:
    stage.api.packs = [pack(), "nonsense", None, {"generic_name": 5}, pack(""), pack("Samplin", company_name=7)]
    stage.told()
    assert stage.titles() == ["Examplumab Injection: shortage in the US", "Samplin: shortage in the US"]
    fields = [field for _, field in problems_of(stage.db)]
    assert sorted(fields) == ["packs[0].company_name", *["record"] * 4]


def test_a_key_is_sent_and_shown_to_nobody(stage: Stage) -> None:
    stage.keys = {"api_key": "Zq7keyKEYkey11"}
    stage.api.packs = [pack()]
    stage.told()
    assert stage.api.asked[0]["api_key"] == "Zq7keyKEYkey11"
    stage.api.server.faults.insert(0, Fault(act=respond(403, b"no Zq7keyKEYkey11", {"Content-Type": "text/plain"})))
    error = stage.poll().error or ""
    assert "answered 403" in error
    assert "Zq7keyKEYkey11" not in error
    assert "Zq7keyKEYkey11" not in repr(OpenFdaSettings(name="fda", kind="openfda", api_key="Zq7keyKEYkey11"))


def test_an_answer_is_read_as_a_sample(context: SourceContext) -> None:
    body = orjson.dumps({"meta": {"results": {"total": 900}}, "results": [pack(), pack(), pack("Samplin")]})
    batch = reader().sample(body, "sample.json", context)
    assert [draft.title for draft in batch.drafts] == [
        "Examplumab Injection: shortage in the US", "Samplin: shortage in the US",
    ]  # fmt: skip

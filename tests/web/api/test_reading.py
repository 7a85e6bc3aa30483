"""Reading by other programs: areas, places, trials, articles, as the pages tell them, and nothing of anybody."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta

import httpx
import pytest

from tests.web.api.described import BASE, ask, faults
from tests.web.conftest import World, open_world, settings_of
from tests.web.test_area_page import furnish
from tests.web.test_article import store
from tests.web.test_public_pages import write
from tests.web.test_trial_page import LEEDS, NOW, SPRINGFIELD, store_trial
from trialalerts.catalog.facts import ArticleFacts
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.settings import ApiSettings
from trialalerts.web.api.parameters import write_cursor
from trialalerts.web.areas import listing


@pytest.fixture(autouse=True)
def _now(clock: FrozenClock) -> None:
    NOW[:] = [clock.now()]


def test_areas_are_found_as_they_are_suggested_with_their_ids(each_world: World) -> None:
    for typed, lang in (("mult", "en"), ("lup", "de"), ("diabetes", "fr"), ("qwertyuiop", "en"), ("a", "en")):
        suggested = each_world.client.get("/areas/suggest", params={"q": typed, "lang": lang}).json()
        found = ask(each_world, "/areas", params={"q": typed, "lang": lang}).json()["areas"]
        assert [(each["name"], each["note"]) for each in found] == [
            (each["name"], "".join(each["note"])) for each in suggested
        ]
        for each in found:
            assert ask(each_world, "/trials", params={"area": each["id"]}).json()["area"]["id"] == each["id"]


def test_regions_are_found_as_they_are_suggested_and_each_is_understood(each_world: World) -> None:
    for typed in ("lee", "spring", "unit", "eng", "zzzzzz"):
        suggested = each_world.client.get("/regions/suggest", params={"q": typed}).json()
        found = ask(each_world, "/regions", params={"q": typed}).json()["regions"]
        assert [each["name"] for each in found] == [each["name"] for each in suggested]
        for each in found:
            asked = "near" if each["kind"] in {"city", "postcode"} else "region"
            for text in (each["label"], each["name"]):
                ask(each_world, "/trials", params={"area": "asthma", asked: text})


def numbers(answer: httpx.Response) -> list[str]:
    """Return the numbers of the trials in an answer."""
    return [each["number"] for each in answer.json()["trials"]]


@pytest.mark.parametrize(
    ("region", "expected"),
    [
        ("GB", ["NCT90000001"]),
        ("England", ["NCT90000001"]),
        ("Illinois", ["NCT90000002"]),
        ("Missouri", []),
        ("US", ["NCT90000002"]),
        ("anywhere", ["NCT90000002", "NCT90000001"]),
    ],
)
def test_a_region_leaves_out_what_is_elsewhere(each_world: World, region: str, expected: list[str]) -> None:
    with each_world.db.write() as session:
        for number, site, part in (("NCT90000001", LEEDS, "GB-ENG"), ("NCT90000002", SPRINGFIELD, "US-IL")):
            placed = site.model_copy(update={"subdivision": part, "status": "RECRUITING"})
            store_trial(session, number, sites=(placed,))
    answer = ask(each_world, "/trials", params={"area": "asthma", "region": region})
    assert numbers(answer) == expected
    assert answer.json()["total"] == len(expected)


def test_the_nearest_come_first_with_their_distance(each_world: World) -> None:
    with each_world.db.write() as session:
        for number, north in enumerate((0.5, 0.0, 4.0, 0.2), 1):
            place = LEEDS.model_copy(update={"latitude": 53.8 + north})
            store_trial(session, f"NCT9000000{number}", sites=(place,))
        store_trial(session, "NCT90000009", sites=(SPRINGFIELD.model_copy(update={"status": "RECRUITING"}),))
    asked = {"area": "asthma", "near": "Leeds, GB"}
    found = ask(each_world, "/trials", params=asked)
    assert [each["distance_km"] for each in found.json()["trials"]] == pytest.approx([0, 22.2, 55.6, 444.8], abs=0.5)
    assert found.headers["cache-control"] == "no-store", "it holds where somebody lives"
    near = ask(each_world, "/trials", params={**asked, "radius_km": 50})
    assert numbers(near) == ["NCT90000002", "NCT90000004"]
    assert numbers(paged(each_world, {**asked, "limit": 1})) == numbers(found)


def paged(world: World, asked: dict[str, object]) -> httpx.Response:
    """Return all pages as one."""
    answer = ask(world, "/trials", params=asked)
    trials, following = answer.json()["trials"], answer.json()["next"]
    for _ in range(100):
        if following is None:
            break
        page = ask(world, "/trials", params={**asked, "cursor": following}).json()
        trials, following = trials + page["trials"], page["next"]
    assert following is None
    return httpx.Response(200, json={"trials": trials})


@pytest.mark.parametrize("few", [True, False], ids=["a small area", "a large one"])
def test_page_by_page_each_trial_comes_once_the_newest_first(
    each_world: World, few: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not few:
        monkeypatch.setattr(listing, "_COUNTED", 3)
    posted = [date(2026, 1, 5), date(2026, 1, 5), date(2026, 2, 1), None, date(2025, 7, 1), None, date(2026, 1, 5)]
    for number, day in enumerate(posted, 1):
        with each_world.db.write() as session:
            item = store_trial(session, f"NCT9000000{number}", sites=(LEEDS,))
            at = each_world.clock.now()
            item.published_at = at.replace(year=day.year, month=day.month, day=day.day) if day else None
            session.add(item)
    expected = [f"NCT9000000{number}" for number in (3, 7, 2, 1, 5, 6, 4)]
    for limit in (1, 2, 3, 50):
        assert numbers(paged(each_world, {"area": "asthma", "region": "GB", "limit": limit})) == expected
    near = paged(each_world, {"area": "asthma", "near": "Leeds, GB", "limit": 2})
    assert sorted(numbers(near)) == sorted(expected)
    told = ask(each_world, "/trials", params={"area": "asthma"}).json()
    assert (told["total"], told["total_is_exact"]) == ((7, True) if few else (3, False))


def test_a_trial_is_told_as_its_page_tells_it(each_world: World) -> None:
    furnish(each_world)
    told = ask(each_world, "/trials/nct90000001").json()
    page = each_world.client.get("/trials/NCT90000001").text
    for shown in (told["title"], told["who"], told["sites"][0]["town"], told["sites"][0]["contacts"][0]["email"]):
        assert shown in page
    newest = told["changes"][0]
    assert (newest["kind"], newest["text"]) == ("results_posted", "Results are out")
    assert all(each["text"] in page for each in told["changes"])
    assert told["url"] == "https://alerts.example.org/trials/NCT90000001"
    german = ask(each_world, "/trials/NCT90000001?lang=de")
    assert german.headers["content-language"] == "de"
    assert german.json()["status"] == {"code": "open", "text": "Nimmt Teilnehmende auf"}
    near = ask(each_world, "/trials/NCT90000001", params={"near": "Leeds, GB"})
    assert near.json()["sites"][0]["distance_km"] == pytest.approx(0, abs=0.5)
    assert near.headers["cache-control"] == "no-store"


def test_articles_are_listed_and_shown_with_what_became_of_them(each_world: World) -> None:
    write(each_world, 5)
    whole = ask(each_world, "/articles").json()["articles"]
    assert [each["title"] for each in whole] == [f"Article {number}" for number in (5, 4, 3, 2, 1)]
    first = ask(each_world, "/articles?limit=3").json()
    rest = ask(each_world, f"/articles?limit=3&cursor={first['next']}").json()
    assert first["articles"] + rest["articles"] == whole
    assert rest["next"] is None
    german = ask(each_world, f"/articles/{whole[0]['id']}?lang=de").json()
    assert (german["title"], german["html"], german["language"]) == ("Die letzte", "<p>Worte.</p>", "de")
    assert german["areas"] == [{"id": "D001249", "name": "Asthma"}]
    for field, other in (("correction", "corrected"), ("retraction", "retracted")):
        facts = ArticleFacts(**{f"{other}_on": date(2026, 3, 1), field: "One in four, not one in two."})
        number = store(each_world.db, external_id=other, facts=facts.model_dump(mode="json"))
        told = ask(each_world, f"/articles/{number}").json()
        assert told[other] == {"day": "2026-03-01", "text": "One in four, not one in two."}
    assert "<script" not in ask(each_world, f"/articles/{store(each_world.db)}").text


def test_the_text_that_is_agreed_to_is_that_of_the_page(world: World) -> None:
    for lang in ("en", "de", "fr", "es"):
        told = ask(world, f"/consent?lang={lang}").json()
        assert told["text"].split("’")[0].split("&")[0] in world.client.get(f"/?lang={lang}").text
        assert told["language"] == lang


REFUSED: dict[str, tuple[str, int, str]] = {
    "an unknown area": ("/trials?area=nonsense", 404, "No disease area is called so. See /api/v1/areas?q="),
    "a slip in an area": ("/trials?area=asthmaa", 404, "No disease area is called so. Did you mean “Asthma”?"),
    "no area": ("/trials", 400, "The parameter area is missing; give it"),
    "an unknown place": ("/trials?area=asthma&near=Atlantis", 404, "near: no town or postcode is called so."),
    "two places of a name": ("/trials?area=asthma&near=Springfield", 404, "Did you mean “Springfield, Illinois"),
    "a country as a place": ("/trials?area=asthma&near=GB", 404, "near: no town or postcode is called so."),
    "a town as a region": ("/trials?area=asthma&region=Leeds", 400, "region: It is a town; give it as near"),
    "an unknown region": ("/trials?area=asthma&region=Atlantis", 404, "region: nothing, or more than one place"),
    "a radius around nothing": ("/trials?area=asthma&radius_km=5", 400, "radius_km says how far from near"),
    "a radius that is none": ("/trials?area=asthma&near=Leeds&radius_km=nan", 400, "radius_km: found “nan”"),
    "a limit of nothing": ("/trials?area=asthma&limit=0", 400, "limit: found “0”, expected"),
    "a limit beyond all": ("/trials?area=asthma&limit=51", 400, "limit: found “51”, expected"),
    "an unknown parameter": ("/areas?q=ms&langg=de", 400, "There is no parameter “langg” here. Did you mean “lang”"),
    "a parameter twice": ("/areas?q=ms&q=as", 400, "The parameter q stands twice; give it once"),
    "a hundred parameters": ("/areas?q=ms&" + "&".join(f"z{n}=1" for n in range(100)), 400, "There is no parameter"),
    "a language that is none": ("/areas?q=ms&lang=%22", 400, "lang: found “\"”, expected"),
    "a NUL in a parameter": ("/trials?area=%00", 400, "area: found “�”, expected one line without control"),
    "a NUL in a number": ("/trials/NCT%00", 404, "No trial of this number is known here"),
    "a huge number": (f"/trials/{'9' * 5000}", 404, "No trial of this number is known here"),
    "a number of an article that is none": ("/articles/²", 404, "There is no article of this number"),
    "a number beyond the database": (f"/articles/{'9' * 18}", 404, "There is no article of this number"),
    "a huge number of an article": (f"/articles/{'9' * 400}", 404, "There is no article of this number"),
    "a trial as an article": ("/articles/1", 404, "There is no article of this number"),
    "a huge text": (f"/areas?q={'a' * 9000}", 400, "q: found “aaaa"),
    "a huge cursor": (f"/articles?cursor={'a' * 9000}", 400, "cursor: found “aaaa"),
    "a cursor that is none": ("/articles?cursor=abc", 400, "The cursor belongs to another question, or is none"),
    "an address of nothing": ("/nothing", 404, "There is nothing at this address; /api/v1/openapi.json says"),
}  # fmt: skip


def test_what_makes_no_sense_is_told_in_one_clear_line(each_world: World) -> None:
    furnish(each_world)
    for asked, (path, status, line) in REFUSED.items():
        answer = ask(each_world, path, status=status)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["cache-control"] == "no-store"
        told = answer.json()
        assert line in told["detail"], asked
        assert "\n" not in told["detail"], asked
        assert len(told["detail"]) < 300, asked
        assert told["status"] == status


POSITIONS: list[list[object]] = [
    [], ["x", 1], [["a"], 1], [None, 1], [[], 1], [0, 1], ["", "x"], ["", -1], ["", 1 << 63], ["2026-01-01", 1],
    ["9999-12-31T23:59:59-23:59", 1], ["0001-01-01T00:00:00+23:59", 1], ["", True, 3], [{}, {}], [1e308, 1],
]  # fmt: skip


def test_a_cursor_made_up_by_somebody_is_refused_or_harmless(each_world: World) -> None:
    furnish(each_world)
    questions: dict[str, object] = {
        "/trials?area=asthma": ["D001249", "", None],
        "/trials?area=asthma&near=Leeds": ["D001249", "Leeds, England, GB", None],
        "/articles?limit=5": "articles",
    }
    for path, question in questions.items():
        for position in POSITIONS:
            answer = each_world.client.get(f"{BASE}{path}&cursor={write_cursor(question, *position)}")
            assert answer.status_code in {200, 400}, position
            assert faults(answer) == []


def test_a_cursor_of_one_question_is_none_of_another(world: World) -> None:
    furnish(world)
    following = ask(world, "/trials?area=asthma&limit=1").json()["next"]
    ask(world, f"/trials?area=asthma&limit=2&cursor={following}")
    ask(world, f"/trials?area=MS&limit=1&cursor={following}", status=400)


METHODS = ("/areas?q=as", "/regions?q=le", "/trials?area=asthma", "/trials/NCT90000001", "/articles", "/consent")


def test_what_other_methods_say(world: World) -> None:
    furnish(world)
    for path in METHODS:
        _other_methods(world, path)


def _other_methods(world: World, path: str) -> None:
    head, get = ask(world, path, method="HEAD"), ask(world, path)
    assert head.headers["content-length"] == get.headers["content-length"]
    options = ask(world, path, method="OPTIONS", status=204)
    assert options.headers["allow"] == "GET, HEAD, OPTIONS"
    for method in ("PUT", "DELETE", "PATCH", "POST"):
        assert "GET" in ask(world, path, method=method, status=405).headers["allow"]


def test_caches_may_keep_what_nobody_typed(world: World) -> None:
    furnish(world)
    number = store(world.db)
    for path in (
        "/trials?area=D001249&region=GB",
        "/trials/NCT90000001",
        "/articles",
        f"/articles/{number}",
        "/consent",
    ):
        first = ask(world, path)
        assert first.headers["cache-control"] == "public, max-age=600"
        assert first.headers["x-robots-tag"] == "noindex"
        ask(world, path, status=304, headers={"If-None-Match": first.headers["etag"]})
        ask(world, path, headers={"If-None-Match": '"another"'})
    for path in ("/areas?q=mult", "/regions?q=lee", "/trials/NCT90000001?near=Leeds"):
        assert ask(world, path).headers["cache-control"] == "no-store"


def test_a_list_is_new_after_a_minute(world: World) -> None:
    write(world, 1)
    assert len(ask(world, "/articles").json()["articles"]) == 1
    store(world.db)
    world.clock.advance(timedelta(seconds=61))
    assert len(ask(world, "/articles").json()["articles"]) == 2


def test_nothing_of_a_subscriber_is_in_any_answer(each_world: World) -> None:
    furnish(each_world)
    person = each_world.follower("ada.lovelace@example.org")
    said = [ask(each_world, path).text for path in ("/trials?area=asthma", "/trials/NCT90000001", "/articles")]
    said.append(json.dumps(each_world.client.get(f"{BASE}/openapi.json").json()))
    for word in ("ada.lovelace", person.key):
        assert not any(word in text for text in said)


@pytest.fixture
def limited(sqlite_db: Database, clock: FrozenClock) -> Iterator[World]:
    """The service with few requests a minute, for the pages of one site."""
    api = ApiSettings(enabled=True, requests_per_minute=3, allowed_origins=("https://www.example.org",))
    yield from open_world(sqlite_db, clock, settings_of(api=api))


def test_too_many_requests_wait(limited: World) -> None:
    for _ in range(3):
        ask(limited, "/consent")
    refused = ask(limited, "/consent", status=429)
    assert refused.headers["retry-after"] == "60"
    assert refused.json()["detail"] == "This client asked more than 3 times in a minute; ask again in 60 s"
    limited.clock.advance(timedelta(seconds=61))
    ask(limited, "/consent")


def test_pages_of_sites_that_are_named_may_read_and_no_others(limited: World) -> None:
    ours, theirs = {"Origin": "https://www.example.org"}, {"Origin": "https://elsewhere.example"}
    allowed = ask(limited, "/consent", headers=ours)
    assert allowed.headers["access-control-allow-origin"] == "https://www.example.org"
    assert allowed.headers["cross-origin-resource-policy"] == "cross-origin"
    missing = ask(limited, "/nothing", status=404, headers=ours)
    assert missing.headers["access-control-allow-origin"] == "https://www.example.org", "errors are read, too"
    other = ask(limited, "/consent", headers=theirs)
    for answer in (allowed, missing, other):
        assert "Origin" in answer.headers["vary"]
    assert "access-control-allow-origin" not in other.headers
    asked = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "if-none-match"}
    preflight = ask(limited, "/consent", method="OPTIONS", status=204, headers=ours | asked)
    assert preflight.headers["access-control-allow-methods"] == "GET, HEAD, OPTIONS"
    assert "If-None-Match" in preflight.headers["access-control-allow-headers"]
    refused = ask(limited, "/consent", method="OPTIONS", status=204, headers=theirs | asked)
    assert "access-control-allow-origin" not in refused.headers
    assert "access-control-allow-origin" not in limited.client.get("/privacy", headers=ours).headers


def test_without_being_enabled_there_is_no_api(sqlite_db: Database, clock: FrozenClock) -> None:
    assert not ApiSettings().enabled
    for world in open_world(sqlite_db, clock, settings_of(api=ApiSettings())):
        for path in ("/consent", "/openapi.json", "/areas?q=ms"):
            assert world.client.get(BASE + path).status_code == 404

"""The page of a trial: public, by any number, safe whatever a register writes, and nothing kept of who looks."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from sqlmodel import Session, select

from tests.web.conftest import World, path_of
from trialalerts.catalog.facts import Arm, Contact, Design, Intervention, PartialDate, Site, TrialFacts
from trialalerts.catalog.tables import Change, ChangeKind, Item, ItemKind, ItemNumber
from trialalerts.database import take_numbers
from trialalerts.subscribers.tables import ONE_TRIAL, Consent
from trialalerts.subscribers.tokens import Purpose
from trialalerts.web.trials.criteria import part_criteria

NUMBER = "NCT90000001"
NURSES = Contact(name="Asthma nurses", phone="0113 496 0123", email="asthma@airevalley.example")
LEEDS = Site(
    facility="Aire Valley Hospital", city="Leeds", country="GB", country_name="United Kingdom", latitude=53.8,
    longitude=-1.55, status="RECRUITING", contacts=(NURSES,),
)  # fmt: skip
SPRINGFIELD = Site(
    facility="Prairie Clinic", city="Springfield", country="US", country_name="United States", latitude=39.8,
    longitude=-89.64, status="COMPLETED",
)  # fmt: skip
CRITERIA = "Inclusion Criteria:\n- asthma for 6 months\n\nExclusion Criteria:\n- smoking"


def store_trial(session: Session, number: str = NUMBER, **facts: Any) -> Item:
    told: dict[str, Any] = {"status": "RECRUITING", "sites": (LEEDS, SPRINGFIELD), "criteria": CRITERIA, **facts}
    item = Item(
        registry_name="clinicaltrials.gov", external_id=number, kind=ItemKind.TRIAL, url=f"https://example.org/{number}",
        title=facts.get("title", "A Fictional Study of Brevalumab"), summary="What the register says.",
        status=told["status"], is_open=told["status"] == "RECRUITING",
        facts=TrialFacts(**{k: v for k, v in told.items() if k != "title"}).model_dump(mode="json"),
        facts_hash="", areas={"direct": [{"id": "D001249", "in_title": True}], "ancestors": []}, source="test",
        first_seen_at=NOW[0], last_seen_at=NOW[0],
    )  # fmt: skip
    session.add(item)
    session.flush()
    session.add(ItemNumber(number=number, item_id=item.id or 0, registry_name="clinicaltrials.gov"))
    if number == NUMBER:
        session.add(ItemNumber(number="CTRI/2020/01/123456", item_id=item.id or 0))
    return item


NOW: list[Any] = []


@pytest.fixture(autouse=True)
def _now(clock: Any) -> None:
    NOW[:] = [clock.now()]


def shown(world: World, path: str = f"/trials/{NUMBER}", **headers: str) -> str:
    answer = world.client.get(path, headers=headers)
    assert answer.status_code == 200, answer.text[:300]
    return answer.text


@pytest.mark.parametrize("number", [NUMBER, NUMBER.lower(), "CTRI/2020/01/123456", "ctri/2020/01/123456"])
def test_any_number_a_trial_goes_by_leads_to_its_page(world: World, number: str) -> None:
    with world.db.write() as session:
        store_trial(session)
    page = shown(world, f"/trials/{number}")
    assert NUMBER in page
    assert "A Fictional Study of Brevalumab" in page
    assert f'rel="canonical" href="https://alerts.example.org/trials/{NUMBER}"' in page


@pytest.mark.parametrize("number", ["NCT00000000", "nonsense", "x" * 3000, "%00", "../../etc/passwd", "<script>"])
def test_what_is_not_known_is_told_with_what_to_do(world: World, number: str) -> None:
    answer = world.client.get(f"/trials/{number}")
    assert answer.status_code == 404
    assert "noindex" in answer.headers["X-Robots-Tag"]
    assert "<script>" not in answer.text


def test_the_page_is_public_and_may_be_kept_and_found(world: World) -> None:
    with world.db.write() as session:
        store_trial(session)
    for path in (f"/trials/{NUMBER}", f"/trials/{NUMBER}?lang=de", f"/trials/{NUMBER}/sheet"):
        answer = world.client.get(path)
        assert "X-Robots-Tag" not in answer.headers
        assert answer.headers["Cache-Control"].startswith("public")
        assert "Accept-Language" in answer.headers["Vary"]
        assert "set-cookie" not in answer.headers
    odd = world.client.get(f"/trials/{NUMBER}?address=ada@example.org")
    assert (odd.headers["Cache-Control"], "ada@" in odd.text) == ("no-store", False)


@pytest.mark.parametrize(
    ("lang", "words"),
    [("en", "Who can join"), ("de", "Wer teilnehmen kann"), ("fr", "Qui peut participer"), ("es", "Quién puede")],
)
def test_the_page_speaks_four_languages_and_marks_the_registers_words(world: World, lang: str, words: str) -> None:
    with world.db.write() as session:
        store_trial(session)
    page = shown(world, f"/trials/{NUMBER}", **{"Accept-Language": lang})
    assert words in page
    assert '<ul class="crit" lang="en" dir="ltr">' in page
    assert "asthma for 6 months" in page


def test_contacts_of_open_sites_can_be_dialled_and_closed_sites_are_said(world: World) -> None:
    with world.db.write() as session:
        store_trial(session)
    page = shown(world)
    assert 'href="tel:+441134960123"' in page
    assert 'href="mailto:asthma@airevalley.example"' in page
    assert "<b>closed</b>" in page


def test_a_typed_place_puts_the_nearest_first_and_is_not_kept(world: World, caplog: pytest.LogCaptureFixture) -> None:
    with world.db.write() as session:
        store_trial(session)
    before = world.dump()
    answer = world.client.post(f"/trials/{NUMBER}", data={"near": "Leeds, GB"})
    assert answer.status_code == 200
    assert "Nearest to Leeds" in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert world.dump() == before
    assert "Leeds" not in caplog.text


def test_of_several_places_of_one_name_each_is_a_button(world: World) -> None:
    with world.db.write() as session:
        store_trial(session)
    path = f"/trials/{NUMBER}"
    assert "Es gibt mehrere Orte" in world.client.post(f"{path}?lang=de", data={"near": "Springfield"}).text
    several = world.client.post(path, data={"near": "Springfield"}).text
    assert "There are several places" in several
    buttons = re.findall(r'<button type="submit" name="near" value="([^"]+)">', several)
    assert any("Illinois" in place for place in buttons)
    chosen = [
        world.client.post(
            path,
            content=urlencode([("near", "Springfield"), ("near", place)]),
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        ).text
        for place in buttons
    ]
    assert all("near-error" not in page and "Springfield" in page for page in chosen)
    assert "We do not know this place" in world.client.post(f"/trials/{NUMBER}", data={"near": "Nowhereville"}).text


STANDS = {
    "RECRUITING": ("Open", "Find the nearest site"),
    "NOT_YET_RECRUITING": ("In preparation", "It does not take people yet"),
    "COMPLETED": ("Finished", "No site takes people now"),
    "SUSPENDED": ("Paused", "No site takes people now"),
    "UNKNOWN": ("Not updated for two years; ask", "Please ask whether it still takes people"),
    "SOMETHING_NEW": ("Not known; please ask", "Please ask whether it still takes people"),
}


@pytest.mark.parametrize(("status", "chip", "heading"), [(each, *words) for each, words in STANDS.items()], ids=STANDS)
def test_where_a_trial_stands_is_never_told_better_than_it_is(
    world: World, status: str, chip: str, heading: str
) -> None:
    with world.db.write() as session:
        store_trial(session, status=status, last_known_status="RECRUITING")
    page = shown(world)
    assert f">{chip}</span>" in page
    assert f"<h2>{heading}</h2>" in page
    assert (" · open</span>" in page or ">open</span>" in page) is (status == "RECRUITING")


def test_whatever_a_register_writes_is_text(world: World) -> None:
    evil = '"><script>alert(1)</script>'
    site = LEEDS.model_copy(update={"facility": evil, "contacts": (Contact(name=evil, phone=evil, email=evil),)})
    with world.db.write() as session:
        store_trial(session, criteria=evil, sponsor=evil, sites=(site,), official_title=evil, why_stopped=evil)
    for path in (f"/trials/{NUMBER}", f"/trials/{NUMBER}/sheet"):
        assert "<script" not in shown(world, path)


def test_a_trial_with_1_500_sites_stays_light(world: World) -> None:
    many = tuple(
        LEEDS.model_copy(update={"facility": f"Research Hospital of a Long Name, number {n}", "city": f"Town {n}"})
        for n in range(1_500)
    )
    with world.db.write() as session:
        store_trial(session, sites=many, criteria="- a criterion of a usual length, told in some words\n" * 2_000)
    page = shown(world)
    assert len(page.encode()) < 100_000
    assert "1,200 more are not shown" in page


def test_what_changed_is_told_latest_first_without_who_follows(world: World) -> None:
    with world.db.write() as session:
        item = store_trial(session, first_posted="2026-01-11")
        for number, kind in enumerate((ChangeKind.OPENED, ChangeKind.RESULTS_POSTED, ChangeKind.CONTACT_CHANGED)):
            (seq,) = take_numbers(session, "change", 1)
            at = NOW[0] - timedelta(days=9 - number)
            session.add(Change(seq=seq, item_id=item.id or 0, kind=kind, at=at))
    told = re.findall(r"<time[^>]*>[^<]*</time>([^<]*)", shown(world))
    assert told == ["New contact", "Results are out", "Now open", "Entered in the register"]


@pytest.mark.parametrize(("at", "link", "registry"), [
    (None, f"https://example.org/{NUMBER}?tab=results", "ClinicalTrials.gov"),
    (("isrctn.com", "https://www.isrctn.com/ISRCTN90000001"), "https://www.isrctn.com/ISRCTN90000001", "ISRCTN"),
])  # fmt: skip
def test_results_are_linked_where_they_stand(
    at: tuple[str, str] | None, link: str, registry: str, world: World
) -> None:
    with world.db.write() as session:
        store_trial(session, has_results=True, results_at=at)
    page = shown(world)
    assert f'<a href="{link}" rel="noopener">Results are out: read them at {registry}</a>' in page
    assert world.client.get(f"/trials/{NUMBER}").text.count("tab=results") == (at is None)


def test_the_sheet_has_boxes_notes_and_no_link_of_ours(world: World) -> None:
    with world.db.write() as session:
        store_trial(session)
    page = shown(world, f"/trials/{NUMBER}/sheet")
    assert "Brought by the patient on" in page
    assert 'class="notes"' in page
    assert "+44 113 496 0123" in page
    main = page[page.index("<main") : page.index("</main>")]
    assert "<a " not in main


@pytest.mark.parametrize(
    ("lang", "quoted"),
    [
        ("en", "“A Fictional Study of Brevalumab”"),
        ("de", "„A Fictional Study of Brevalumab“"),
        ("fr", "«\u202fA Fictional Study of Brevalumab\u202f»"),
        ("es", "«A Fictional Study of Brevalumab»"),
    ],
)
def test_the_sheet_puts_the_title_between_the_marks_of_the_language(world: World, lang: str, quoted: str) -> None:
    with world.db.write() as session:
        store_trial(session)
    assert f'<span lang="en">{quoted}</span>' in shown(world, f"/trials/{NUMBER}/sheet?lang={lang}")


def test_a_trial_is_followed_by_a_press_from_a_mails_link_and_left_again(each_world: World) -> None:
    world = each_world
    with world.db.write() as session:
        item = store_trial(session)
    ada = world.follower()
    path = path_of(world.links.follow(ada, item.id or 0))
    page = world.client.get(path)
    assert page.headers["X-Robots-Tag"].startswith("noindex")
    assert "Brevalumab" not in re.search("<title>(.*?)</title>", page.text)[1]  # type: ignore[index]  # it is there
    assert len(world.preferences(ada)) == 1, "to look changes nothing"
    assert "Follow this trial" in page.text
    assert world.client.post(path).status_code == 200
    assert world.client.post(path).status_code == 200
    rows = world.preferences(ada)
    assert [(row.area_id, row.item_id) for row in rows[1:]] == [(ONE_TRIAL, item.id)]
    assert rows[1].confirmed_at is not None
    assert "Stop following" in world.client.get(path).text
    assert world.client.post(path, data={"action": "leave"}).status_code == 200
    assert len(world.preferences(ada)) == 1
    with world.db.read() as session:
        assert {row.how for row in session.exec(select(Consent).where(Consent.what != "")) if "added" in row.what} >= {
            "link"
        }


@pytest.mark.parametrize("lang", ["en", "de", "fr", "es"])
def test_a_trial_is_silenced_by_a_press_and_told_again_from_the_settings(each_world: World, lang: str) -> None:
    world = each_world
    with world.db.write() as session:
        item = store_trial(session)
    ada = world.follower(locale=lang)
    path = path_of(world.links.follow(ada, item.id or 0))
    before = world.dump()
    asked = world.client.get(f"{path}?do=silence")
    world.client.head(f"{path}?do=silence")
    assert asked.headers["X-Robots-Tag"].startswith("noindex")
    assert world.dump() == before, "to look changes nothing"
    assert f'hreflang="{"de" if lang == "en" else "en"}"' in asked.text, "it is had in the other languages"
    assert (NUMBER in asked.text, "Brevalumab" in re.search("<title>(.*?)</title>", asked.text)[1]) == (True, False)  # type: ignore[index]  # it is there
    for _ in range(2):
        assert world.client.post(path, data={"action": "silence"}).status_code == 200
    assert NUMBER in world.client.get(path_of(world.links.preferences(ada))).text
    assert 'value="hear"' in world.client.get(path).text
    held = world.client.get(f"{path_of(world.links.fresh(ada))}/data").json()
    assert [each["number"] for each in held["silenced"]] == [NUMBER]
    assert NUMBER in world.client.get(f"{path_of(world.links.fresh(ada))}?see=data").text
    settings = path_of(world.links.preferences(ada))
    done = world.client.post(settings, data={"action": "hear", "trial": NUMBER}, follow_redirects=True)
    assert (done.status_code, NUMBER in done.text, 'role="status"' in done.text) == (200, False, True)
    assert 'value="hear"' not in world.client.get(path).text
    assert len(world.preferences(ada)) == 1


def test_whoever_follows_a_trial_is_told_that_silencing_it_ends_that(world: World) -> None:
    with world.db.write() as session:
        item = store_trial(session)
    ada = world.follower()
    path = path_of(world.links.follow(ada, item.id or 0))
    assert "You follow this trial now" not in world.client.get(f"{path}?do=silence").text
    world.client.post(path, data={"action": "follow"})
    assert "You follow this trial now" in world.client.get(f"{path}?do=silence").text
    world.client.post(path, data={"action": "silence"})
    assert len(world.preferences(ada)) == 1
    assert "not for you" in world.client.get(path).text
    world.client.post(path, data={"action": "follow"})
    assert "you said this trial is not for you" not in world.client.get(path).text.lower()
    assert len(world.preferences(ada)) == 2
    world.client.post(path, data={"action": "silence"})
    world.client.post(path, data={"action": "hear"})
    assert len(world.preferences(ada)) == 1


def test_an_old_link_or_one_of_another_purpose_follows_nothing(world: World) -> None:
    with world.db.write() as session:
        item = store_trial(session)
    ada = world.follower()
    path = path_of(world.links.follow(ada, item.id or 0))
    other = path.replace(path.rpartition("/")[2], world.links.digest(1, ada).rpartition("/")[2])
    assert world.client.post(other).status_code == 400
    world.clock.advance(timedelta(days=91))
    assert "Follow this trial" in world.client.get(path).text
    assert world.client.post(path).status_code == 410
    assert world.client.post(path, data={"action": "silence"}).status_code == 410
    assert world.client.get(f"{path}?do=silence").status_code == 410
    assert len(world.preferences(ada)) == 1
    assert Purpose.FOLLOW not in {Purpose.CONFIRM, Purpose.DIGEST}


def test_requests_are_counted_by_route_and_never_by_number(world: World) -> None:
    with world.db.write() as session:
        store_trial(session)
    shown(world)
    metrics = world.client.get("/metrics").text
    assert NUMBER not in metrics
    assert "/trials/{number:path}" in metrics


def test_places_are_looked_up_so_often_and_no_more(world: World) -> None:
    with world.db.write() as session:
        store_trial(session)
    codes = {world.client.post(f"/trials/{NUMBER}", data={"near": "Leeds"}).status_code for _ in range(130)}
    assert codes == {200, 429}


TEXTS = {
    "bullets": ("Inclusion Criteria:\n\n* a\n* b\n\nExclusion Criteria:\n\n* c", ("a", "b"), ("c",), ()),
    "numbers": ("INCLUSION CRITERIA\n1. a\n2. b\nEXCLUSION CRITERIA\n(i) c", ("a", "b"), ("c",), ()),
    "key": ("Key Inclusion Criteria:\n- a\nKey Exclusion Criteria:\n- b", ("a",), ("b",), ()),
    "one line": ("Inclusion criteria: adults\nExclusion criteria: smoking", ("adults",), ("smoking",), ()),
    "none": ("Adults with asthma.\nNo smokers.", (), (), ("Adults with asthma.", "No smokers.")),
    "wrapped": ("Inclusion Criteria:\n- a long one\nthat goes on\n- b", ("a long one that goes on", "b"), (), ()),
    "empty": ("", (), (), ()),
    "only a heading": ("Inclusion Criteria:", (), (), ()),
    "the word inside": ("Exclusion Criteria:\n- who met no inclusion criteria of another study before", (),
                        ("who met no inclusion criteria of another study before",), ()),
}  # fmt: skip


@pytest.mark.parametrize(("text", "included", "excluded", "others"), TEXTS.values(), ids=TEXTS)
def test_criteria_are_parted_into_two_lists(
    text: str, included: tuple[str, ...], excluded: tuple[str, ...], others: tuple[str, ...]
) -> None:
    found = part_criteria(text, most=9)
    assert (found.included, found.excluded, found.others) == (included, excluded, others)


@pytest.mark.parametrize(
    ("summary", "decides"),
    [
        ("People are randomized 2:1 to brevalumab or placebo.", "chance, like drawing lots; 2 of 3 get brevalumab"),
        ("People are randomized to brevalumab or placebo.", "chance, like drawing lots"),
    ],
)
def test_who_decides_tells_the_shares_where_the_record_has_them(world: World, summary: str, decides: str) -> None:
    design = Design(
        interventions=(Intervention(type="DRUG", name="Brevalumab"), Intervention(type="DRUG", name="Placebo")),
        arms=(Arm("EXPERIMENTAL", "Brevalumab", (0,)), Arm("PLACEBO_COMPARATOR", "Placebo", (1,))),
        allocation="RANDOMIZED",
        model="PARALLEL",
    )
    with world.db.write() as session:
        item = store_trial(session, study_type="INTERVENTIONAL", plain=design)
        item.summary = summary
    assert f"<dd>{decides}</dd>" in shown(world)


@pytest.mark.parametrize(
    ("ages", "asked"),
    [
        ((None, None), "right for me, or for my child"),
        ((6574, None), "right for me, with my other"),
        ((1, 7), "right for my child, with the other"),
        ((4383, 6209), "right for me, or for my child"),
    ],
)
def test_the_question_for_the_doctor_is_that_of_whom_the_trial_takes(
    world: World, ages: tuple[int | None, int | None], asked: str
) -> None:
    with world.db.write() as session:
        store_trial(session, minimum_age_days=ages[0], maximum_age_days=ages[1])
    assert asked in shown(world)


@pytest.mark.parametrize("path", [f"/trials/{NUMBER}", f"/trials/{NUMBER}/sheet"])
@pytest.mark.parametrize(
    ("status", "checked", "told"),
    [
        ("RECRUITING", "2023-06", "2 years ago: please ask whether it still holds."),
        ("RECRUITING", "2025-02", "13 months ago: please ask whether it still holds."),
        ("RECRUITING", "2025-06", ""),
        ("COMPLETED", "2020-01", ""),
    ],
)
def test_a_record_that_nobody_checked_for_long_is_said_to_be_that(
    world: World, path: str, status: str, checked: str, told: str
) -> None:
    with world.db.write() as session:
        store_trial(session, status=status, last_verified=PartialDate(value=checked, precision="month"))
    page = shown(world, path)
    assert told in page
    assert ("still holds" in page) is bool(told)

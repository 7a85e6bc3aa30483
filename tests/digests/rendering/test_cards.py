"""What a card says: what changed, why it is told, how near it is, and what the record leaves open."""

from __future__ import annotations

from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from tests.digests.rendering_samples import LEEDS, LYON, article, as_read, entry, facts, reason, told, trial
from trialalerts.catalog.facts import ArticleFacts, Contact, PartialDate, Site, TrialFacts
from trialalerts.catalog.tables import appeared_at
from trialalerts.digests.cards.maker import CardMaker
from trialalerts.digests.cards.reasons import reason_lines
from trialalerts.digests.cards.wording import Wordings
from trialalerts.digests.entries import EntryChange, Reason
from trialalerts.digests.publishing import Publishing
from trialalerts.vocabulary.areas.tree import ANY_AREA, AreaName
from trialalerts.vocabulary.topics import TopicName

TODAY = date(2026, 3, 2)


def card(
    known: TrialFacts | None = None,
    *happened: EntryChange,
    reasons: list[Reason] | None = None,
    locale: str = "en",
    **changes: Any,
) -> SimpleNamespace:
    item = trial(1, told=known, **changes)
    return as_read(CardMaker(Wordings().of(locale), TODAY), entry(item, *happened, reasons=reasons), item)


def article_card(known: ArticleFacts, reasons: list[Reason] | None = None, **changes: Any) -> SimpleNamespace:
    item = article(50, told=known, **changes)
    return as_read(CardMaker(Wordings().of("en"), TODAY), entry(item, reasons=reasons), item)


def line(of: SimpleNamespace, label: str) -> str:
    return next(str(fact.text) for fact in of.facts if fact.label == label)


@pytest.mark.parametrize(
    ("kind", "changes", "text", "tone"),
    [
        ("opened", {}, "Now recruiting — was: not yet recruiting", "good"),
        ("opened", {"before": {}}, "Now recruiting", "good"),
        (
            "opened",
            {"after": {"status": "ENROLLING_BY_INVITATION"}},
            "Now taking people, by invitation only — was: not yet recruiting",
            "news",
        ),
        ("reopened", {}, "Recruiting again — was: paused", "good"),
        ("paused", {}, "Recruitment paused — was: recruiting", "over"),
        (
            "paused",
            {"after": {"status": "NOT_YET_RECRUITING"}},
            "Recruitment paused — not yet recruiting, was: recruiting",
            "over",
        ),
        ("closed", {}, "No longer recruiting — stopped early, was: recruiting", "over"),
        ("withdrawn", {}, "Withdrawn before it began — was: not yet recruiting", "over"),
        ("registered", {}, "New trial — not yet recruiting", "news"),
        ("registered", {"after": {}}, "New trial", "news"),
        ("results_posted", {}, "Results posted", "news"),
        ("recruiting_now", {}, "Recruiting now", "good"),
        ("site_opened", {}, "New site open: Leeds, 12 km from you", "good"),
        ("site_closed", {}, "Site closed: Lyon (France)", "over"),
        ("something_new", {}, "Changed", "news"),
    ],
)
def test_a_change_is_told_with_what_was_before(kind: str, changes: dict[str, Any], text: str, tone: str) -> None:
    (note,) = card(None, told(kind, **changes)).changes
    assert (note.text, note.tone) == (text, tone)


def test_why_a_trial_stopped_is_quoted() -> None:
    (note,) = card(None, told("closed")).changes
    assert [(quote.label, quote.text) for quote in note.quotes] == [("Reason given:", "Too few people took part")]


def test_of_several_new_sites_the_near_one_comes_first_and_many_are_summed_up() -> None:
    cities = [("York", "GB"), ("Leeds", "GB"), ("Lyon", "FR"), ("Bonn", "DE"), ("Bath", "GB")]
    sites = [{"city": city, "country": country} for city, country in cities]
    (note,) = card(None, told("site_opened", after={"sites": sites})).changes
    expected = "Leeds, 12 km from you, York (United Kingdom), Lyon (France) and 2 more"
    assert note.text == f"New sites open: {expected}"


def test_who_can_join_is_told_before_and_after() -> None:
    change = told(
        "eligibility_changed",
        before={"maximum_age": "55 Years", "healthy_volunteers": False, "criteria": "- One thing\n- Another; "},
        after={"maximum_age": "65 Years", "healthy_volunteers": True, "criteria": ""},
    )
    (note,) = card(facts(minimum_age="18 Years", maximum_age="65 Years"), change).changes
    assert note.text == "Who can join has changed"
    assert note.points == ("Age limit: 18 to 55 years → 18 to 65 years", "Healthy volunteers: no → yes")
    assert [(quote.label, quote.text) for quote in note.quotes] == [("Removed:", "One thing; Another")]


def test_an_age_limit_that_fell_away_is_told() -> None:
    change = told("eligibility_changed", before={"maximum_age": "55 Years"}, after={"maximum_age": None})
    (note,) = card(facts(minimum_age=None, maximum_age=None), change).changes
    assert note.points == ("Age limit: up to 55 years → ages not stated",)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"region_label": "anywhere"}, "You follow Inventitis"),
        ({}, "You follow Inventitis in Leeds, England, GB"),
        (
            {"area_name": "Autoimmune Diseases", "through_name": "inventitis", "region_label": ""},
            "You follow Autoimmune Diseases → this trial is on inventitis",
        ),
        ({"label": "Tom"}, "You follow Inventitis in Leeds, England, GB (for Tom)"),
    ],
)
def test_the_reason_names_area_region_and_label(changes: dict[str, Any], text: str) -> None:
    assert card(reasons=[reason(**changes)]).reasons == (text,)


def test_the_same_reason_is_given_once_and_many_are_summed_up() -> None:
    same = [reason(preference_id=number) for number in (1, 2)]
    assert len(card(reasons=same).reasons) == 1
    many = [reason(preference_id=number, area_name=f"Area {number}") for number in range(5)]
    assert card(reasons=many).reasons[3:] == ("and for 2 more of your alerts",)


def test_the_region_is_no_reason_for_an_article() -> None:
    made = article_card(ArticleFacts(), [reason(through_name="Inventitis minor")])
    assert made.reasons == ("You follow Inventitis → this article is on Inventitis minor",)


PLANNED = (Site(city="Leeds", country="GB", status="NOT_YET_RECRUITING"),)
FAR = {"nearest": None, "distance_km": None}


@pytest.mark.parametrize(
    ("known", "reasons", "label", "text"),
    [
        (facts(), [reason()], "Nearest open site:", "Leeds, 12 km"),
        (facts(), [reason(nearest=None)], "Nearest open site:", "12 km"),
        (facts(sites=()), [reason(no_site=True)], "Where:", "No site listed yet"),
        (facts(), [reason(**FAR, near_unknown=True)], "Where:", "A site in Leeds, England, GB, distance unknown"),
        (
            facts(),
            [reason(**FAR, near_unknown=True, region_label="anywhere")],
            "Where:",
            "An open site, distance unknown",
        ),
        (facts(), [reason(**FAR)], "Where:", "2 open sites: United Kingdom and France"),
        (facts(), [reason(distance_km=None)], "Where:", "Leeds; 2 open sites: United Kingdom and France"),
        (facts(sites=(Site(),)), [reason(**FAR)], "Where:", "1 open site"),
        (facts(status="TERMINATED"), [reason()], "Where:", "No site is open now"),
        (facts(status="NOT_YET_RECRUITING", sites=PLANNED), [reason()], "Nearest planned site:", "Leeds, 12 km"),
        (
            facts(status="NOT_YET_RECRUITING", sites=PLANNED),
            [reason(**FAR)],
            "Where:",
            "1 site planned: United Kingdom",
        ),
        (facts(sites=(LEEDS, LYON)), [], "Where:", "2 open sites: United Kingdom and France"),
        (
            facts(),
            [reason(), reason(preference_id=2, label="Tom", nearest="York", distance_km=40)],
            "Nearest open site:",
            "Leeds, 12 km; York, 40 km (for Tom)",
        ),
        (facts(), [reason(), reason(preference_id=2, label="Tom")], "Nearest open site:", "Leeds, 12 km"),
    ],
)
def test_where_tells_the_nearest_site_that_is_open_or_why_it_cannot(
    known: TrialFacts, reasons: list[Reason], label: str, text: str
) -> None:
    assert line(card(known, reasons=reasons), label) == text


def test_missing_facts_are_a_reason_to_ask_never_a_promise() -> None:
    fits = card(reasons=[reason(may_fit=("age",)), reason(preference_id=2, may_fit=("age", "sex"))])
    assert fits.caution == (
        "May fit, ask the team: the record does not say which ages can join and whether women or men can join."
    )
    reached = card(reasons=[reason(reach="remote"), reason(preference_id=2, reach="remote", may_fit=("age",))])
    assert reached.caution.startswith("Can be done from home, says the registry's listing: ask the team. May fit,")
    assert card(reasons=[reason(reach="nationwide")]).caution.startswith("Takes people from all over the country")
    assert card(reasons=[reason(may_fit=("something_else",))]).caution.endswith("everything that matters for you.")
    assert card().caution == ""


@pytest.mark.parametrize(
    ("verified", "stale"),
    [
        ("2025-01", "Record last verified 14 months ago: ask whether it still holds."),
        ("2025-03", "Record last verified 12 months ago: ask whether it still holds."),
        ("2021-12", "Record last verified 4 years ago: ask whether it still holds."),
        ("2025-04", ""),
        ("2026-02", ""),
        (None, ""),
    ],
)
def test_a_record_that_nobody_verified_for_a_year_is_called_stale(verified: str | None, stale: str) -> None:
    when = PartialDate(value=verified, precision="month") if verified else None
    assert card(facts(last_verified=when)).stale == stale
    assert card(facts(last_verified=when, status="COMPLETED")).stale == ""


def test_a_trial_of_which_nothing_is_known_still_makes_a_card() -> None:
    made = card(TrialFacts(), title="", url="", summary="")
    assert (made.title, made.url, made.summary, made.contacts) == ("A trial without a title", None, "", ())
    assert line(made, "Who can join:") == "ages not stated, sex not stated"


def test_the_status_names_the_last_known_one_where_nobody_verified_it() -> None:
    assert line(card(facts(status="UNKNOWN", last_known_status="RECRUITING")), "Status:") == (
        "not known (last known: recruiting)"
    )


@pytest.mark.parametrize(
    ("phone", "tel", "shown"),
    [
        ("+44 113 496 0000", "+441134960000", "+44 113 496 0000"),
        ("(0113) 496-0000", "+441134960000", "+44 113 496 0000"),
        ("0113 496 0000 ext. 5", "+441134960000", "+44 113 496 0000, extension 5"),
        ("496 0000", None, "496 0000"),
        ("ask at the desk", None, "ask at the desk"),
        (None, None, ""),
    ],
)
def test_a_phone_number_is_a_link_only_where_it_can_be_dialled(phone: str | None, tel: str | None, shown: str) -> None:
    contact = Contact(name="Office", phone=phone, email="no address")
    (made,) = card(facts(contacts=(Contact(), contact), sites=(Site(country="GB"),))).contacts
    assert (made.tel, made.mailto, ", ".join(filter(None, (made.phone, made.extension)))) == (tel, None, shown)


def test_an_article_names_its_source_authors_and_day() -> None:
    many = ArticleFacts(authors=("A. One", "B. Two", "C. Three", "D. Four"), language="de")
    made = article_card(many)
    assert made.byline == "news.example.org · By A. One, B. Two, C. Three and others · 26 February 2026"
    assert made.lang == "de"
    assert article_card(ArticleFacts(), url="", published_at=None).byline == ""


@pytest.mark.parametrize(("language", "named"), [
    ("en", "From Journal A, News B and Society C"), ("de", "Aus Journal A, News B und Society C"),
    ("fr", "Sources\xa0: Journal A, News B et Society C"), ("es", "De Journal A, News B y Society C"),
])  # fmt: skip
def test_an_article_of_several_sources_names_them_all(language: str, named: str) -> None:
    item = article(50, told=ArticleFacts(sources=("a", "b", "c")), published_at=None)
    publishing = Publishing(titles={"a": "Journal A", "b": "News B", "c": "Society C"})
    made = as_read(CardMaker(Wordings().of(language), TODAY, publishing=publishing), entry(item), item)
    assert made.byline == named


@pytest.mark.parametrize("timezone", ["America/Denver", "UTC", "Pacific/Auckland"])
def test_an_article_of_a_day_is_of_that_day_everywhere(timezone: str) -> None:
    known = ArticleFacts(published_on=date(2026, 2, 20))
    item = article(50, told=known, published_at=datetime(2026, 2, 20, tzinfo=UTC))
    made = as_read(CardMaker(Wordings().of("en"), TODAY, timezone), entry(item), item)
    assert made.byline == "news.example.org · 20 February 2026"


@pytest.mark.parametrize(
    ("start", "kind", "shown"),
    [
        ("2025-03", "estimated", "was planned for March 2025; the registry has not confirmed it"),
        ("2025-03", "actual", "March 2025"),
        ("2026-03", "estimated", "March 2026 (planned)"),
    ],
)
def test_a_planned_start_that_is_past_says_so(start: str, kind: str, shown: str) -> None:
    when = PartialDate.model_validate({"value": start, "precision": "month", "kind": kind})
    assert line(card(facts(start=when)), "Start:") == shown


def test_a_planned_end_is_told_only_once_it_is_past_and_the_trial_has_not_ended() -> None:
    past = PartialDate(value="2026-02-28", precision="day", kind="estimated")
    shown = "was planned for 28 February 2026; the registry has not confirmed it"
    assert line(card(facts(completion=past)), "End:") == shown
    later = past.model_copy(update={"value": "2026-03-03"})
    actual = past.model_copy(update={"kind": "actual"})
    for known in (facts(completion=past, status="COMPLETED"), facts(completion=later), facts(completion=actual)):
        assert "End:" not in [fact.label for fact in card(known).facts]


def test_an_item_that_is_dated_ahead_appeared_when_it_was_seen() -> None:
    seen, before, ahead = (datetime(2026, 3, day, tzinfo=UTC) for day in (2, 1, 30))
    assert [appeared_at(published, seen) for published in (None, before, ahead)] == [seen, before, seen]


GENES = TopicName("gene-therapy", "Gene therapy", (("de", "Gentherapie"), ("fr", "Thérapie génique")))
CELLS = TopicName("stem-cells", "Stem cells", (("de", "Stammzellen"),))


@pytest.mark.parametrize(
    ("language", "changes", "line"),
    [
        ("en", {"topics": (CELLS,)}, "You follow Inventitis (Stem cells)"),
        ("de", {"topics": (GENES, CELLS)}, "Sie folgen: Inventitis (Gentherapie und Stammzellen)"),
        ("es", {"topics": (GENES,)}, "Usted sigue: Inventitis (Gene therapy)"),
        ("en", {"area_id": ANY_AREA, "area_name": ANY_AREA}, "You follow any disease"),
        ("fr", {"area_id": ANY_AREA, "area_name": ANY_AREA}, "Vous suivez : toute maladie"),
        ("fr", {"area_id": ANY_AREA, "area_name": ANY_AREA, "topics": (GENES,)}, "Vous suivez : Thérapie génique"),
    ],
)
def test_a_reason_names_the_topics_asked_for_in_the_readers_language(
    language: str, changes: dict[str, Any], line: str
) -> None:
    item = article(1)
    card = as_read(CardMaker(Wordings().of(language), TODAY), entry(item, reasons=[reason(**changes)]), item)
    assert [" ".join(said.split()) for said in card.reasons] == [line]


@pytest.mark.parametrize(
    ("language", "audience", "words"),
    [
        ("en", "patients", "for patients and those close to them"),
        ("en", "For clinicians", "for professionals"),
        ("de", "professionals", "für Fachleute"),
        ("fr", "any", "pour les patients et les professionnels"),
        ("es", "patients, carers", "para pacientes y allegados"),
    ],
)
def test_the_audience_of_an_article_stands_on_its_card(language: str, audience: str, words: str) -> None:
    item = article(1, told=ArticleFacts(audience=audience))
    card = as_read(CardMaker(Wordings().of(language), TODAY), entry(item), item)
    assert card.byline.endswith(f" · {words}")


def test_an_article_that_does_not_say_for_whom_it_is_says_nothing_on_its_card() -> None:
    assert " for " not in article_card(ArticleFacts()).byline


NONE_OPEN: dict[str, Any] = {"distance_km": None, "nearest": None}
TWO_CLOSED = {**NONE_OPEN, "closed": ("Leeds", "York")}
UNKNOWN = {**NONE_OPEN, "near_unknown": True}
PAUSED = {"paused": True}
NONE_PAUSED, TWO_PAUSED = {**NONE_OPEN, **PAUSED}, {**TWO_CLOSED, **PAUSED}


@pytest.mark.parametrize(
    ("locale", "changes", "shown"),
    [
        ("en", {}, "Leeds has closed; the nearest open site is now Bristol, 270 km from you"),
        ("de", {}, "Leeds hat geschlossen; das nächste offene Zentrum ist jetzt Bristol, 270 km von Ihnen"),
        ("fr", {}, "Leeds a fermé ; le centre ouvert le plus proche est désormais Bristol, à 270 km de chez vous"),
        ("es", {}, "Leeds ha cerrado; el centro abierto más cercano es ahora Bristol, a 270 km de usted"),
        ("en", NONE_OPEN, "Leeds has closed; none is open in your area now"),
        ("de", NONE_OPEN, "Leeds hat geschlossen; in Ihrer Gegend ist jetzt keines offen"),
        ("fr", NONE_OPEN, "Leeds a fermé ; aucun centre n’est ouvert dans votre région à présent"),
        ("es", NONE_OPEN, "Leeds ha cerrado; ahora no hay ninguno abierto en su zona"),
        ("en", TWO_CLOSED, "Leeds and York have closed; none is open in your area now"),
        ("en", UNKNOWN, "Leeds has closed; how far away the nearest open site is now is not known"),
        ("en", PAUSED, "Leeds has paused recruitment; the nearest open site is now Bristol, 270 km from you"),
        ("de", NONE_PAUSED, "Leeds nimmt vorerst niemanden auf; in Ihrer Gegend ist jetzt keines offen"),
        (
            "fr",
            NONE_PAUSED,
            "Leeds a suspendu le recrutement ; aucun centre n’est ouvert dans votre région à présent",
        ),
        ("es", TWO_PAUSED, "Leeds y York han pausado la inclusión; ahora no hay ninguno abierto en su zona"),
    ],
)  # fmt: skip
def test_a_site_that_closed_is_told_with_the_nearest_one_that_is_open(
    locale: str, changes: dict[str, Any], shown: str
) -> None:
    why = reason(**{"closed": ("Leeds",), "distance_km": 270.2, "nearest": "Bristol", **changes})
    (note,) = card(None, told("site_closed"), reasons=[why], locale=locale).changes
    assert (note.text.replace("\xa0", " ").replace("\u202f", " "), note.tone) == (shown, "over")


def test_two_wishes_are_each_told_what_closed_for_them() -> None:
    why = [
        reason(closed=("Leeds",), distance_km=270.0, nearest="Bristol"),
        reason(preference_id=2, closed=("Lyon",), distance_km=None, nearest=None),
        reason(preference_id=3),
    ]
    (note,) = card(None, told("site_closed"), reasons=why).changes
    assert note.text == (
        "Leeds has closed; the nearest open site is now Bristol, 270 km from you; "
        "Lyon has closed; none is open in your area now"
    )


def test_a_reason_names_area_and_region_in_the_readers_language() -> None:
    name = AreaName("D001943", "Breast cancer", (("de", "Brustkrebs"), ("fr", "cancer du sein")))
    known = reason(
        area_name="Breast cancer", names=name, region_label="Leeds, England, GB", region=("place", "GB", "GB-ENG")
    )
    told = {code: reason_lines(Wordings().of(code), [known], article=False)[0] for code in ("en", "de", "fr", "es")}
    assert told["en"] == "You follow Breast cancer in Leeds, England, United Kingdom"
    assert "Brustkrebs" in told["de"]
    assert "Vereinigtes Königreich" in told["de"]
    assert "cancer du sein, Leeds, England, Royaume-Uni" in told["fr"]
    assert "Breast cancer" in told["es"]  # an area that nobody named in Spanish
    assert "names" not in known.as_json()

"""A digest as a mail: everything is told in both parts, and nothing gives away what somebody follows."""

from __future__ import annotations

import email
import email.policy
import re
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from tests.digests.rendering_samples import (
    EVERY_KIND,
    NOW,
    SINCE,
    STATUSES,
    article,
    both_ways,
    digest,
    entry,
    facts,
    mail,
    reason,
    settings,
    store_digest,
    subscriber,
    told,
    trial,
)
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.delivery.mail.message import Message, to_bytes
from trialalerts.delivery.outbox.notices.kinds import CONFIRMATION
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState
from trialalerts.digests.cards.headings import Extent, Lookout, digest_intro
from trialalerts.digests.cards.reasons import condition_of
from trialalerts.digests.cards.wording import Wordings
from trialalerts.digests.lookout import Watch
from trialalerts.digests.rendering.renderer import DIGEST, MailRenderer
from trialalerts.digests.tables import DigestKind
from trialalerts.errors import NotFound
from trialalerts.settings import MailSettings, SourceSettings
from trialalerts.sources.tables import SourceState
from trialalerts.subscribers.links import Links
from trialalerts.subscribers.tables import SubscriberState
from trialalerts.subscribers.tokens import Purpose, Tokens
from trialalerts.vocabulary.areas.naming.shown import AreaName

LANGUAGES = ("en", "de", "fr", "es")


def delivery(kind: str, **data: object) -> Delivery:
    return Delivery(
        key="x/1",
        kind=kind,
        subscriber_id=7,
        data=data,
        message_id="<fixed@example.org>",
        state=DeliveryState.SENDING,
        not_before=NOW,
        created_at=NOW,
    )


def seen(html: str) -> str:
    """Return what a reader sees of HTML, on one line."""
    import html as entities

    body = re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL)
    return " ".join(entities.unescape(re.sub(r"<[^>]+>", " ", body)).split())


def headers(message: Message) -> dict[str, str]:
    return dict(message.headers)


def test_every_entry_says_what_it_is_what_happened_and_whom_to_ask_in_both_parts() -> None:
    items = [trial(1), trial(2), article(50)]
    message = mail(items)
    for part in (" ".join(message.text.split()), seen(message.html or "")):
        for item in items:
            assert item.title in part
        assert part.lower().count("now open") == 2
        assert part.lower().count("inventitis near leeds") == 1
        assert part.lower().count("to read") == 1
        assert part.count("Fictional Infirmary, Leeds") == 2
        assert part.count("12 km from you") == 2
        assert part.count("Who can join: 18 to 65 years · Phase 2") == 2
        assert "Ask: Trial office, +44 113 496 0000" in part
    for item in items[:2]:
        page = Links(settings(), FrozenClock(NOW)).follow(subscriber(), item.id or 0)
        assert page in message.text
        assert f'href="{page}"' in (message.html or ""), "the reader's own link names no trial"
        assert f'href="{item.url}"' in (message.html or ""), "the number leads to the registry"
    assert items[2].url in message.text


def test_entries_keep_their_order() -> None:
    items = [trial(number) for number in (3, 1, 2)]
    message = mail(items)
    for part in (message.text, message.html or ""):
        places = [part.index(item.external_id) for item in items]
        assert places == sorted(places)


@pytest.mark.parametrize("locale", LANGUAGES)
@pytest.mark.parametrize("status", STATUSES)
def test_every_kind_of_change_and_status_is_said_in_every_language(locale: str, status: str) -> None:
    item = trial(1, told=facts(status=status, last_known_status="RECRUITING" if status == "UNKNOWN" else None))
    happened = [told(kind) for kind in EVERY_KIND] + [
        told("closed", before={"status": status}, after={"status": status}),
        told("registered", after={"status": status}),
    ]
    entries = [entry(item, one) for one in happened]
    message = mail([item], entries, locale=locale)
    assert not re.search(r"[A-Z]+_[A-Z_]+", message.text)
    assert not re.search(r"\{\w+\}|\bNone\b", message.text)
    assert message.text.count(item.title) == len(entries)


def test_several_changes_of_one_item_are_one_entry_each_thing_said_once() -> None:
    item = trial(1)
    message = mail([item], [entry(item, told("opened"), told("site_opened"), told("opened", seq=5))])
    assert message.text.count(item.title) == 1
    assert message.text.count("Now open") == 1
    assert "NEW SITE OPEN: Leeds, 12 km" in message.text


def test_the_introduction_says_since_when_and_a_first_digest_says_that_it_is_the_first() -> None:
    assert "1 NEW NEAR YOU\nSince 23 February." in mail([trial(1)]).text
    first = mail([trial(1)], [entry(trial(1), told("recruiting_now"))], kind=DigestKind.FIRST)
    assert "This is your first mail" in first.text
    assert first.subject == "Your first trial update: 1 open now"
    assert "Welcome. 1 trial near you takes people now" in (first.html or "")
    assert "What to do with this" in first.text


def test_the_heading_is_the_news_in_numbers_and_the_rest_stands_below() -> None:
    items = [trial(number) for number in range(1, 5)] + [article(50)]
    kinds = ("opened", "site_opened", "eligibility_changed", "closed", "published")
    message = mail(items, [entry(item, told(kind)) for item, kind in zip(items, kinds, strict=True)])
    assert "\n2 NEW NEAR YOU\nand 2 changes since 23 February.\n" in message.text
    assert message.subject == "Your trial update: 2 new, 2 changed, 1 article"
    assert "INVENTITIS NEAR LEEDS  (within 50 km · 2 new · 2 changes)" in message.text
    only = mail(items[2:3], [entry(items[2], told("eligibility_changed"))])
    assert "\n1 CHANGE IN WHAT YOU FOLLOW\nSince 23 February.\n" in only.text
    assert "\n1 ARTICLE TO READ\n" in mail(items[4:]).text


def test_a_source_that_could_not_be_looked_at_is_told_and_when_we_looked_last() -> None:
    renderer = MailRenderer(settings(), FrozenClock(NOW))
    lookout = Lookout(NOW - timedelta(hours=3), (("ClinicalTrials.gov", NOW - timedelta(days=4)),))
    message = renderer.digest(digest(), [entry(trial(1))], subscriber(), {1: trial(1)}, lookout=lookout)
    assert message is not None
    for part in (" ".join(message.text.split()), seen(message.html or "")):
        assert "We could not look at ClinicalTrials.gov since 26 February." in part
        assert "We last looked this morning, 2 March." in part


@pytest.mark.parametrize(
    ("locale", "sentence"),
    [
        ("en", "We could not look at News and ISRCTN since 26 February and NIH since 28 February."),
        (
            "de",
            "Nicht lesen konnten wir News und ISRCTN seit dem 26. Februar und NIH seit dem 28. Februar.",
        ),
        (
            "fr",
            "Nous n’avons pas pu consulter News et ISRCTN depuis le 26 février et NIH depuis le 28 février.",
        ),
        (
            "es",
            "No hemos podido consultar News y ISRCTN desde el 26 de febrero y NIH desde el 28 de febrero.",
        ),
    ],
)
def test_sources_that_could_not_be_looked_at_are_one_sentence(locale: str, sentence: str) -> None:
    broken = {"News": 4, "NIH": 2, "ISRCTN": 4}
    unseen = tuple((name, NOW - timedelta(days=days)) for name, days in broken.items())
    extent = Extent(first=False, added=False, total=1, trials=1, new=1, near=False)
    intro = digest_intro(Wordings().of(locale), extent, None, Lookout(NOW, unseen), NOW, "UTC")
    assert sentence in intro


FABRY = AreaName("D000795", "Fabry Disease")


@pytest.mark.parametrize("locale", ["de", "fr", "es"])
def test_an_area_without_a_name_in_the_readers_language_is_marked_as_english(locale: str) -> None:
    why = reason(area_id="D000795", area_name="Fabry Disease", names=FABRY)
    items = [trial(number) for number in range(1, 30)]
    entries = [entry(item, told("opened"), reasons=[why]) for item in items]
    marked = '<span lang="en">Fabry Disease</span>'
    html = mail(items, entries, locale=locale).html or ""
    assert re.search(rf"<h2[^>]*>{marked} ", html)
    assert html.count(marked) == 2, "in the heading and in what is more"
    told_of = [entry(items[0], told("recruiting_now"), reasons=[why])]
    renderer = MailRenderer(settings(), FrozenClock(NOW))
    added = both_ways(renderer, digest(kind=DigestKind.FIRST, added=True), told_of, subscriber(locale), items[:1])
    assert marked in (added.html or "").partition("<h2")[0]
    assert "<span lang=" not in (mail(items, entries, locale="en").html or "").replace(
        '<span dir="auto" lang="en">', ""
    )


def test_an_area_that_the_reader_has_a_name_for_is_not_marked_as_english() -> None:
    named = AreaName("D000795", "Fabry Disease", (("de", "Morbus Fabry"),))
    why = reason(area_id="D000795", area_name="Fabry Disease", names=named)
    html = mail([trial(1)], [entry(trial(1), told("opened"), reasons=[why])], locale="de").html or ""
    assert "Morbus Fabry bei Leeds" in html
    assert "Fabry Disease" not in html


def test_a_plain_line_calls_nothing_by_an_english_name_that_is_not_marked() -> None:
    why = reason(area_id="D000795", area_name="Fabry Disease", names=FABRY, through_name=None, through_names=None)
    assert condition_of(Wordings().of("de"), [why]) is None
    assert condition_of(Wordings().of("en"), [why]) == "Fabry Disease"


def test_what_belongs_together_stands_on_one_line_of_html_and_text_keeps_plain_blanks() -> None:
    message = mail([trial(1)], [entry(trial(1), told("eligibility_changed"))])
    for kept in ("Phase\u00a02", "65\u00a0years", "12\u00a0km", "+44\u00a0113\u00a0496\u00a00000"):
        assert kept in (message.html or "")
    assert 'href="tel:+441134960000"' in (message.html or "")
    assert "\u00a0" not in message.text
    assert "+44 113 496 0000" in message.text


def test_when_sources_were_looked_at_is_read_from_what_is_stored(sqlite_db: Database) -> None:
    sources = [
        SourceSettings(name=name, kind="feed", url="https://example.org/feed", title=title)
        for name, title in (("good", "Good News"), ("bad", "Bad News"), ("new", "New News"))
    ]
    with sqlite_db.write() as session:
        for name, at in (("good", NOW), ("bad", NOW - timedelta(days=5)), ("new", None), ("gone", NOW)):
            session.add(SourceState(name=name, kind="feed", last_success_at=at))
    with sqlite_db.read() as session:
        found = Watch(settings(sources=tuple(sources)), FrozenClock(NOW)).lookout(session)
    assert found == Lookout(NOW, (("Bad News", NOW - timedelta(days=5)),))


def test_nothing_in_subject_headers_or_links_tells_what_somebody_follows() -> None:
    item = trial(1, url="https://registry.example.org/study/NCT99900001")
    message = mail([item], [entry(item, reasons=[reason(label="Tom", through_name="Inventitis minor")])])
    found = re.findall(r"https?://[^\s\"<>]+", message.text)
    ours = [url for url in found if "registry" not in url]
    for given_away in ("nventitis", "Tom", "Leeds", "pat@", "Pat", "NCT", "llness"):
        assert given_away not in message.subject
        assert not any(given_away in value for _, value in message.headers)
        assert not any(given_away in url for url in ours)
    assert message.subject == "Your trial update: 1 new"
    assert len(ours) == 6  # page, “not for me”, settings, earlier mails, out, and the way to stop this wish


def test_what_an_inbox_shows_beside_the_subject_gives_nothing_away() -> None:
    message = mail([trial(1)])
    body = re.sub(r"<[^>]+>|\n", "", (message.html or "").partition("<body")[2])
    assert "nventitis" not in body[:400]
    assert "nventitis" not in message.text[:120]


def test_the_area_stands_in_the_subject_by_the_subscribers_own_choice_where_the_operator_allows_it() -> None:
    item = trial(1)
    both = [entry(item, reasons=[reason()]), entry(trial(2), reasons=[reason(preference_id=2, area_name="Otheritis")])]
    curious = subscriber()
    curious.area_in_subject = True
    for allowed, subject in ((True, "Inventitis and 1 more: 2 new"), (False, "Your trial update: 2 new")):
        renderer = MailRenderer(settings(digests={"condition_in_subject": allowed}), FrozenClock(NOW))
        assert both_ways(renderer, digest(), both, curious, [item, trial(2)]).subject == subject
    renderer = MailRenderer(settings(), FrozenClock(NOW))
    assert both_ways(renderer, digest(), both, subscriber(), [item, trial(2)]).subject == "Your trial update: 2 new"


@pytest.mark.parametrize("locale", ["en", "de", "fr", "es"])
def test_a_mail_about_something_added_names_it_inside_and_never_in_the_subject(locale: str) -> None:
    renderer = MailRenderer(settings(), FrozenClock(NOW))
    added = digest(kind=DigestKind.FIRST, added=True)
    message = both_ways(renderer, added, [entry(trial(1), told("recruiting_now"))], subscriber(locale), [trial(1)])
    assert "Inventitis" not in message.subject
    assert "Inventitis" in (message.html or "").partition("</h1>")[0]


def test_a_digest_has_the_headers_of_a_list_and_of_one_click_unsubscribing() -> None:
    mailed = settings(mail=MailSettings(unsubscribe_mailto="leave@example.org", reply_to="help@example.org"))
    sent = headers(mail([trial(1)], of=mailed))
    assert re.fullmatch(
        r"<https://alerts\.example\.org/unsubscribe/([\w.-]+)>, <mailto:leave@example\.org\?subject=unsubscribe%20\1>",
        sent["List-Unsubscribe"],
    )
    assert sent["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert sent["List-Id"] == "Trial alerts <alerts.alerts.example.org>"
    assert sent["Auto-Submitted"] == "auto-generated"
    assert sent["Precedence"] == "bulk"
    assert sent["Reply-To"] == "help@example.org"


@pytest.mark.parametrize(
    ("address", "written"),
    [
        ("leave+now@example.org", "leave+now@example.org"),
        ("grüße@example.org", "gr%C3%BC%C3%9Fe@example.org"),
        ("a&b?c%d@example.org", "a%26b%3Fc%25d@example.org"),
    ],
)
def test_the_address_to_leave_by_is_a_valid_link(address: str, written: str) -> None:
    sent = headers(mail([trial(1)], of=settings(mail=MailSettings(unsubscribe_mailto=address))))
    assert f"<mailto:{written}?subject=unsubscribe%20" in sent["List-Unsubscribe"]


def test_a_mail_reads_back_whole_with_the_email_package() -> None:
    message = mail([trial(1), article(50)], locale="de")
    read = email.message_from_bytes(to_bytes(message), policy=email.policy.default)
    assert isinstance(read, email.message.EmailMessage)
    text, html = read.get_body(("plain",)), read.get_body(("html",))
    assert text is not None
    assert html is not None
    assert text.get_content().replace("\r\n", "\n") == message.text
    assert html.get_content().replace("\r\n", "\n") == message.html
    assert read["To"] == "pat@example.org"


def test_a_confirmation_says_nothing_of_what_was_asked_for_and_is_no_list_mail() -> None:
    person = subscriber()
    person.state = SubscriberState.PENDING
    message = MailRenderer(settings(), FrozenClock(NOW)).confirmation(person, [3], message_id="<1@example.org>")
    assert headers(message) == {"Auto-Submitted": "auto-generated"}
    assert "If this was not you, do nothing" in message.text
    assert "If this was not you, do nothing" in (message.html or "")
    links = set(re.findall(r"https?://[^\s\"<>]+", message.text + (message.html or "")))
    assert len(links) == 1
    assert "/confirm/" in links.pop()
    assert "The link works for 7 days." in message.text


def test_a_confirmation_to_somebody_who_is_served_also_brings_the_link_to_their_settings() -> None:
    message = MailRenderer(settings(), FrozenClock(NOW)).confirmation(subscriber(), [3])
    for part in (message.text, message.html or ""):
        assert "You already get mails from us." in part
        assert "/preferences/" in part
        assert "/confirm/" in part


def test_a_delivery_is_rendered_from_what_is_stored(sqlite_db: Database) -> None:
    person = subscriber()
    items = [trial(1), article(50)]
    with sqlite_db.write() as session:
        stored = store_digest(session, items, 99)
        session.add(digest(id=16, from_seq=1, to_seq=3, created_at=NOW - timedelta(days=7)))
    renderer = MailRenderer(settings(), FrozenClock(NOW))
    with sqlite_db.read() as session:
        (message,) = renderer(session, [(delivery(DIGEST, digest_id=17), person)])
        assert isinstance(message, Message)
        assert message.message_id == "<fixed@example.org>"
        assert message.date == NOW
        assert items[0].title in message.text
        assert items[1].title in message.text
        assert "Since 23 February." in message.text
        page = renderer.digest_page(session, stored, person)
        assert items[1].title in page


def test_a_digest_that_is_gone_or_has_lost_all_its_items_is_no_mail(sqlite_db: Database) -> None:
    renderer = MailRenderer(settings(), FrozenClock(NOW))
    with sqlite_db.read() as session:
        assert renderer(session, [(delivery(DIGEST, digest_id=404), subscriber())]) == [None]
    assert renderer.digest(digest(), [entry(trial(1))], subscriber(), {}) is None


def test_a_confirmation_is_rendered_from_its_delivery(sqlite_db: Database) -> None:
    with sqlite_db.read() as session:
        renderer = MailRenderer(settings(), FrozenClock(NOW))
        (message,) = renderer(session, [(delivery(CONFIRMATION, preference_ids=[1, 2]), subscriber("de"))])
    assert isinstance(message, Message)
    assert message.subject.startswith("Bitte bestätigen")


def test_a_kind_of_mail_that_nobody_knows_is_refused(sqlite_db: Database) -> None:
    with sqlite_db.read() as session:
        (error,) = MailRenderer(settings(), FrozenClock(NOW))(session, [(delivery("postcard"), subscriber())])
    assert isinstance(error, NotFound)
    assert "postcard" in str(error)


def test_a_preview_needs_nothing_stored() -> None:
    renderer = MailRenderer(settings(), FrozenClock(NOW))
    message = renderer.digest(digest(id=None), [entry(trial(1))], subscriber(), {1: trial(1)}, since=SINCE)
    assert message is not None
    assert "/digests/" not in message.text
    assert trial(1).title in message.text


def test_one_item_with_broken_facts_is_told_in_a_line_and_harms_no_other() -> None:
    broken = trial(1, facts={"sites": "nowhere"})
    with capture_logs() as logs:
        message = mail([broken, trial(2)])
    assert [(log["event"], log["item"]) for log in logs] == [("card.failed", 1)]
    for part in (message.text, message.html or ""):
        assert broken.title in part
        assert trial(2).external_id in part
    assert (message.html or "").count('class="brief"') == 1


def test_beyond_the_full_cards_come_lines_and_then_a_link_to_the_rest_of_the_group() -> None:
    items = [trial(number) for number in range(1, 51)]
    message = mail(items)
    for part in (message.text, seen(message.html or "")):
        assert part.count("Who can join") == 5
        assert part.lower().count("now open") == 20
        assert "and 30 more for Inventitis" in part
    assert re.search(r"/digests/[\w.-]+#g1", message.text)
    assert message.subject == "Your trial update: 50 new"


@pytest.mark.parametrize(
    ("after", "said"),
    [
        ({"sites": [{"city": "Leeds"}]}, "New contact: Leeds"),
        ({"sites": [{"city": "Leeds"}, {"city": "Leeds"}, {"city": "York"}]}, "New contact: Leeds · York"),
        ({"sites": [{"city": c} for c in ("Leeds", "York", "Hull")]}, "New contact: Leeds · York · 1 more"),
        ({"sites": [{"facility": "Fictional Infirmary"}]}, "New contact: Fictional Infirmary"),
        ({"central": True}, "New contact: for the whole study"),
        ({"central": True, "sites": [{"city": "Leeds"}]}, "New contact: Leeds · for the whole study"),
        ({}, "New contact"),
    ],
)
def test_a_new_contact_names_the_town_that_it_is_for(after: dict[str, object], said: str) -> None:
    message = mail([trial(1)], [entry(trial(1), told("contact_changed", after=after))])
    for part in (message.text, seen(message.html or "")):
        assert said.upper() in part.upper()


@pytest.mark.parametrize("locale", LANGUAGES)
def test_results_have_their_link_and_missing_ones_a_sentence_in_both_parts(locale: str) -> None:
    items = [trial(n, registry_name="clinicaltrials.gov") for n in (1, 2)]
    happened = [told("results_posted"), told("results_missing", after={"ended": "2025-03-02", "months": 12})]
    message = mail(items, [entry(*each) for each in zip(items, happened, strict=True)], locale=locale)
    words = Wordings(None).of(locale)
    for part in (message.text, seen(message.html or "")):
        assert words.say("card.results") in part
        assert words.count("change.no_results_after", 12).removesuffix(".") in " ".join(part.split())
    for part in (message.text, message.html or ""):
        assert part.count(f"{items[0].url}?tab=results") == 1
        assert f"{items[1].url}?tab=results" not in part


def test_results_that_another_registry_holds_are_linked_there() -> None:
    held = "isrctn.com", "https://www.isrctn.com/ISRCTN90000001"
    item = trial(1, registry_name="clinicaltrials.gov", told=facts(has_results=True, results_at=held))
    message = mail([item], [entry(item, told("results_posted"))])
    for part in (message.text, message.html or ""):
        assert part.count(held[1]) == 1
        assert "tab=results" not in part


@pytest.mark.parametrize("locale", LANGUAGES)
def test_a_paper_says_which_followed_trial_it_names_and_what_its_journal_said_since(locale: str) -> None:
    item = article(50)
    notices = [{"kind": kind, "id": None, "on": None} for kind in ("corrected", "concern")]
    item.facts, item.facts_hash = item.facts | {"notices": notices}, "with notices"
    reasons = [reason(area_id="one-trial", trial="NCT99900001"), reason()]
    words = Wordings(None).of(locale)
    for happened in (told("published"), told("concern")):
        message = mail([item], [entry(item, happened, reasons=reasons)], locale=locale)
        for part in (message.text, seen(message.html or "")):
            said = " ".join(part.split())
            named = words.say("card.label", label=words.say("card.names_followed"))
            assert " ".join(f"{named} NCT99900001".split()) in said
            for kind in ("concern", "corrected"):
                noticed = " ".join(words.say(f"change.{kind}").split())
                assert said.casefold().count(noticed.casefold()) == 1
    plain = mail([article(50)], locale=locale)
    assert words.say("card.names_followed") not in plain.text


@pytest.mark.parametrize("locale", LANGUAGES)
def test_the_heading_of_each_wish_offers_to_stop_it_in_both_parts_and_articles_offer_nothing(locale: str) -> None:
    entries = [entry(trial(n), reasons=[reason(preference_id=n, area_name=f"Area {n}")]) for n in (1, 2)]
    items = [trial(1), trial(2), article(50)]
    message = mail(items, [*entries, entry(items[2])], locale=locale)
    words = Wordings(None).of(locale).say("group.stop")
    tokens = Tokens("a secret of thirty-two signs or more", FrozenClock(NOW))
    for part in (message.text, message.html or ""):
        assert part.count(words) == 2
        found = re.findall(r"https://alerts\.example\.org/stop/([\w.-]+)", part)
        assert [tokens.read(Purpose.STOP, each, max_age=None).data["preference"] for each in found] == [1, 2]
    gone = mail([trial(1)], [entry(trial(1), reasons=[])])
    assert "/stop/" not in gone.text + (gone.html or "")


def test_what_ended_is_told_in_a_line_without_who_can_join_and_so_is_what_is_far_and_not_open() -> None:
    items = [trial(number) for number in range(1, 6)]
    kinds = ("closed", "paused", "withdrawn", "results_posted")
    ended = [entry(item, told(kind)) for item, kind in zip(items[:4], kinds, strict=True)]
    far = entry(items[4], told("registered"), reasons=[reason(distance_km=300.0)])._replace(tier=1)
    message = mail(items, [*ended, far])
    assert "Who can join" not in message.text
    assert "Ask:" not in message.text
    assert "Reason given: “Too few people took part”" in " ".join(message.text.split())
    near = mail(items[4:], [far._replace(reasons=(reason(),))])
    assert "Who can join" in near.text


def test_the_page_on_the_web_holds_every_entry(sqlite_db: Database) -> None:
    items = [trial(number) for number in range(1, 131)]
    with sqlite_db.write() as session:
        stored = store_digest(session, items)
    with sqlite_db.read() as session:
        page = MailRenderer(settings(), FrozenClock(NOW)).digest_page(session, stored, subscriber())
    assert page.count("Now open") == 130
    assert page.count("Who can join") == 100
    assert 'name="robots" content="noindex' in page
    assert "/stop/" not in page
    assert 'name="referrer" content="no-referrer"' in page


def test_the_text_part_keeps_to_lines_of_78_unless_a_word_is_longer() -> None:
    for line in mail([trial(1), article(50)], locale="de").text.splitlines():
        assert len(line) <= 78 or " " not in line.strip()


@pytest.mark.parametrize("locale", ["en", "de", "fr", "es"])
def test_a_discreet_mail_says_only_that_there_is_news(locale: str) -> None:
    reader = subscriber(locale)
    reader.discreet = True
    message = both_ways(MailRenderer(settings(), FrozenClock(NOW)), digest(id=7), [entry(trial(1))], reader, [trial(1)])
    said = f"{message.subject} {message.sender} {message.text} {message.html} {headers(message)}".casefold()
    for word in ("inventitis", "fictional trial", "leeds", *("trial alerts", "studie", "essai", "ensayo", "estudio")):
        assert word not in said.replace("alerts@", "").replace("https://alerts", "")
    assert "/digests/" in message.text
    assert "/unsubscribe/" in headers(message)["List-Unsubscribe"]


@pytest.mark.parametrize(("unit", "written"), [("km", "km"), ("miles", "mi"), (None, "km")])
def test_distances_are_written_in_the_readers_own_unit(unit: str | None, written: str) -> None:
    assert written in Wordings().of("en", unit).distance(100)

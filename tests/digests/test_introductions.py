"""Who is told what is open, and when: nobody before the sources have their baseline, everybody once."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from tests.digests.introductions import ASTHMA, MS, Service, news, on, study
from tests.digests.stage import store_areas
from tests.installation import Installation, Run
from tests.subscribers.stage import LEEDS
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.digests.compose import compose_for
from trialalerts.digests.overdue import waited_for
from trialalerts.errors import InvalidInput
from trialalerts.subscribers.people import find_subscriber
from trialalerts.subscribers.tables import NEVER_SERVED, Frequency
from trialalerts.vocabulary.places.regions import any_distance_from

ONLY = "so this is only what one would say"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def service(db: Database, clock: FrozenClock) -> Service:
    with db.write() as session:
        store_areas(session)
    return Service(db=db, clock=clock)


def now_open(*numbers: int) -> list[str]:
    return [f"NCT{number:08} recruiting_now" for number in numbers]


class TestFirstDigestsWait:
    def test_who_is_imported_before_the_first_poll_hears_of_all_that_is_open(self, service: Service) -> None:
        service.join("anna")
        assert service.compose() == 0
        assert "nobody has polled yet" in service.awaited()["registry"]
        service.poll("registry", [study(1)], [study(2)])
        assert service.compose() == 1
        assert service.told("anna") == [now_open(1, 2)]
        assert service.awaited() == {}

    def test_half_of_a_slow_baseline_is_shown_to_nobody(self, service: Service) -> None:
        service.join("anna")
        pages = [study(1)], [study(2)]
        service.poll("registry", *pages, stops_at=1)
        service.join("ben")
        assert service.compose(after=HOUR) == 0
        service.poll("registry", *pages)
        service.join("carl")
        assert service.compose() == 3
        assert [service.told(name) for name in ("anna", "ben", "carl")] == [[now_open(1, 2)]] * 3

    def test_every_source_is_waited_for(self, service: Service) -> None:
        service.names = ("registry", "journal")
        service.join("anna")
        service.poll("registry", [study(1)])
        assert service.compose() == 0
        assert list(service.awaited()) == ["journal"]
        service.poll("journal", [news(1, on(1))])
        assert service.compose() == 1
        assert service.told("anna") == [["NCT00000001 recruiting_now", "article 1 published"]]

    def test_a_source_that_only_fails_holds_nobody_longer_than_its_patience(self, service: Service) -> None:
        service.names = ("registry", "journal")
        service.join("anna")
        service.poll("registry", [study(1)])
        service.poll("journal", stops_at=0)
        assert service.compose(after=23 * HOUR) == 0
        assert "at the longest" in service.awaited()["journal"]
        assert service.compose(after=HOUR) == 1
        assert "no longer wait" in service.awaited()["journal"]
        assert service.told("anna") == [now_open(1)]

    def test_a_source_that_was_removed_holds_nobody(self, service: Service) -> None:
        service.names = ("registry", "gone")
        service.join("anna")
        service.poll("gone", [study(7)], [study(8)], stops_at=1)
        service.poll("registry", [study(1)])
        assert service.compose() == 0
        service.names = ("registry",)
        service.compose()
        assert service.awaited() == {}
        service.compose(after=DAY)
        assert service.times_told("anna") == {"NCT00000001": 1, "NCT00000007": 1}

    def test_without_patience_nobody_waits(self, service: Service) -> None:
        service.patience = timedelta(0)
        service.join("anna")
        assert service.compose() == 1

    def test_regular_digests_go_on_meanwhile(self, service: Service) -> None:
        service.poll("registry", [study(1)])
        service.join("anna")
        service.compose()
        service.names = ("registry", "another")
        service.join("ben")
        service.follow("anna", ASTHMA)
        service.poll("registry", [study(1), study(2), study(3, area=ASTHMA)])
        assert service.compose(after=DAY) == 1
        assert service.told("anna") == [now_open(1), ["NCT00000002 registered"]]
        service.poll("another", [study(4, area=ASTHMA)])
        service.compose(after=DAY)
        assert service.told("anna")[2:] == [now_open(3, 4)]
        assert service.told("ben") == [[*now_open(1), "NCT00000002 registered"]]

    def test_what_is_over_before_an_introduction_is_told_meanwhile(self, service: Service) -> None:
        service.poll("registry", [study(1), study(2, area=ASTHMA)])
        service.join("anna")
        service.compose()
        service.names = ("registry", "another")
        service.follow("anna", ASTHMA)
        service.poll("registry", [study(2, area=ASTHMA, status="COMPLETED")])
        service.compose(after=DAY)
        assert service.told("anna")[1:] == [["NCT00000002 closed"]]

    def test_a_digest_asked_for_by_hand_says_what_it_waits_for(self, service: Service) -> None:
        service.join("anna")
        with service.db.read() as session:
            person = find_subscriber(session, "anna@example.org")
            assert [each.name for each in waited_for(session, service.settings, service.clock.now())] == ["registry"]
        with pytest.raises(InvalidInput, match="wait for source registry"):
            compose_for(service.db, service.settings, service.clock, person.id or 0)


class TestASourceIsAddedLater:
    def test_its_followers_are_told_once_what_is_open_there(self, service: Service) -> None:
        service.poll("registry", [study(1)])
        service.join("anna")
        service.join("ben", area=ASTHMA)
        service.compose()
        service.names = ("registry", "another")
        closed = study(4, status="COMPLETED")
        service.poll("another", [study(1), study(2)], [study(3, area=ASTHMA), closed])
        assert service.compose(after=DAY) == 2
        service.compose(after=DAY)
        assert service.told("anna") == [now_open(1), now_open(2)], "what two sources hold is told once"
        assert service.told("ben")[1:] == [now_open(3)]

    def test_what_is_read_page_by_page_comes_in_one_mail_to_who_is_served_at_once(self, service: Service) -> None:
        service.poll("registry", [study(1)])
        service.join("anna", frequency=Frequency.IMMEDIATELY)
        service.compose()
        service.names = ("registry", "another")
        pages = [[study(number)] for number in (2, 3, 4)]
        for stop in (1, 2):
            service.poll("another", *pages, stops_at=stop)
            assert service.compose(after=HOUR) == 0
        service.poll("another", *pages)
        assert service.compose(after=HOUR) == 1
        assert service.told("anna")[1:] == [now_open(2, 3, 4)]

    def test_a_baseline_that_ends_after_its_patience_tells_each_trial_once(self, service: Service) -> None:
        pages = [study(1)], [study(2)], [study(3)]
        service.join("anna")
        service.poll("registry", *pages, stops_at=1)
        assert service.compose(after=25 * HOUR) == 1
        assert service.told("anna") == [now_open(1)], "what is there when the patience is over is shown"
        service.poll("registry", *pages, stops_at=2)
        service.join("ben")
        service.compose(after=HOUR)
        service.poll("registry", *pages)
        service.join("carl")
        service.compose(after=DAY)
        service.compose(after=DAY)
        for name in ("anna", "ben", "carl"):
            assert service.times_told(name) == {f"NCT{number:08}": 1 for number in (1, 2, 3)}, name

    def test_a_trial_that_closed_before_the_baseline_ended_is_not_told_as_open(self, service: Service) -> None:
        service.poll("registry", [])
        service.join("anna")
        service.compose()
        service.names = ("registry", "another")
        pages = [study(1), study(2)], [study(3)]
        service.poll("another", *pages, stops_at=1)
        service.poll("registry", [study(1, status="COMPLETED")])
        service.poll("another", *pages)
        service.compose(after=DAY)
        assert service.told("anna")[-1] == ["NCT00000001 closed", *now_open(2, 3)]

    def test_what_another_source_announced_as_open_meanwhile_is_not_told_again(self, service: Service) -> None:
        service.poll("registry", [])
        service.join("anna")
        service.compose()
        service.names = ("registry", "another")
        upcoming = [study(1, status="NOT_YET_RECRUITING")], [study(2)]
        service.poll("another", *upcoming, stops_at=1)
        service.poll("registry", [study(1)])
        service.poll("another", [study(1)], [study(2)])
        service.compose(after=DAY)
        assert service.told("anna")[1:] == [["NCT00000001 opened", "NCT00000002 recruiting_now"]]

    def test_who_follows_only_some_kinds_of_news_hears_of_what_is_open_too(self, service: Service) -> None:
        from trialalerts.subscribers.preferences import list_preferences

        service.poll("registry", [])
        service.join("anna")
        with service.db.write() as session:
            (preference,) = list_preferences(session, find_subscriber(session, "anna@example.org"))
            preference.change_kinds = ["results_posted"]
        service.compose()
        service.names = ("registry", "another")
        service.poll("another", [study(1)])
        service.compose(after=DAY)
        assert service.told("anna")[1:] == [now_open(1)]


class TestTheFirstMailAlwaysComes:
    def test_where_nothing_is_open_it_says_so(self, service: Service) -> None:
        service.poll("registry", [study(1, area=ASTHMA)])
        service.join("anna", frequency=Frequency.MONTHLY)
        assert service.compose() == 1
        (mail,) = service.mails("anna")
        assert mail.subject == "Your first trial update: nothing open yet, we are watching"
        for part in (mail.text, mail.html):
            words = " ".join(str(part).split())
            assert "welcome. nothing is open today" in words.lower()
            assert "We look every morning and write as soon as one does." in words
            assert "/preferences/" in words
        assert service.compose(after=DAY) == 0

    @pytest.mark.parametrize("locale", ["en", "de", "fr", "es"])
    def test_it_says_so_in_each_language(self, service: Service, locale: str) -> None:
        service.poll("registry", [])
        service.join("anna")
        with service.db.write() as session:
            find_subscriber(session, "anna@example.org").locale = locale
        service.compose()
        (mail,) = service.mails("anna")
        words = service.renderer_words(locale).say("digest.intro_first_nothing")
        assert " ".join(words.split()) in " ".join(str(mail.text).split())

    def test_who_would_travel_any_distance_from_a_place_is_told_what_is_open_anywhere(self, service: Service) -> None:
        service.poll("registry", [study(1)])
        service.join("anna", region=any_distance_from(LEEDS))
        assert service.compose() == 1
        service.poll("registry", [study(1), study(2, first_posted=service.clock.now().date())])
        assert service.compose(after=DAY) == 1
        assert service.told("anna") == [now_open(1), ["NCT00000002 registered"]]

    def test_it_holds_recent_articles_beside_open_trials(self, service: Service) -> None:
        articles = [news(1, on(1)), news(2, on(5, 2)), news(3, on(20, 1)), news(4, None), news(5, on(1, 1, 2027))]
        service.poll("registry", [study(1), *articles])
        service.join("anna")
        service.compose()
        assert service.told("anna") == [[*now_open(1), "article 1 published", "article 2 published"]]
        (mail,) = service.mails("anna")
        assert mail.subject == "Your first trial update: 1 open now, 2 articles"
        assert "TO READ" in str(mail.text)

    def test_what_is_published_between_confirming_and_composing_is_told_once(self, service: Service) -> None:
        service.poll("registry", [study(1)])
        service.poll("registry", [study(1), study(2, status="NOT_YET_RECRUITING")])
        service.join("anna")
        fresh = [study(3, status="NOT_YET_RECRUITING"), study(4), news(1, on(2)), news(2, None)]
        service.poll("registry", fresh)
        service.compose()
        assert service.told("anna") == [
            sorted(
                [
                    *now_open(1),
                    "NCT00000003 registered",
                    "NCT00000004 registered",
                    "article 1 published",
                    "article 2 published",
                ]
            )
        ]
        service.compose(after=DAY)
        assert len(service.told("anna")) == 1

    def test_who_confirms_while_a_round_is_under_way_loses_nothing(self, service: Service) -> None:
        from trialalerts.digests.compose import Composer

        service.poll("registry", [])
        service.join("anna")
        with service.db.read() as session:
            composer = Composer.prepare(session, service.settings, service.clock.now())
        assert composer is not None
        service.poll("registry", [study(1)])
        service.join("ben")
        with service.db.read() as session:
            ben = find_subscriber(session, "ben@example.org")
            assert composer.matches(session, ben).served == []
        service.compose()
        assert service.times_told("ben") == {"NCT00000001": 1}

    def test_who_follows_nothing_gets_no_mail(self, service: Service) -> None:
        from trialalerts.subscribers.people import NewSubscriber, add_subscriber

        service.poll("registry", [study(1)])
        with service.db.write() as session:
            new = NewSubscriber(address="anna@example.org")
            add_subscriber(session, new, confirmed=True, how="operator", now=service.clock.now())
        assert service.compose() == 0

    def test_a_wish_added_later_says_so(self, service: Service) -> None:
        service.poll("registry", [study(1), study(2, area=ASTHMA)])
        service.join("anna")
        service.compose()
        service.follow("anna", ASTHMA)
        service.compose(after=DAY)
        first, second = service.mails("anna")
        assert "This is your first mail" in str(first.text)
        assert second.subject == "Your trial update: 1 open now"
        assert "You now also follow Asthma" in str(second.html)
        assert "first mail" not in str(second.text) + str(second.html)
        assert service.told("anna")[1] == now_open(2)


@pytest.mark.parametrize(
    ("database_url", "seed"),
    [(kind, seed) for kind, seeds in (("sqlite", (0, 2, 4)), ("postgresql", (1, 3, 5))) for seed in seeds],
    indirect=["database_url"],
)
def test_whatever_is_cut_off_each_open_trial_is_told_to_each_follower_exactly_once(service: Service, seed: int) -> None:
    """Pollers that are cut off, people who confirm meanwhile, a source added later, patience that ends or does not."""
    dice = random.Random(seed)
    areas = [MS, ASTHMA]
    of_source = {
        name: [[study(first + 10 * page + n, area=areas[(page + n) % 2]) for n in range(3)] for page in range(4)]
        for name, first in (("registry", 100), ("another", 300))
    }
    of_source["another"][2].append(of_source["registry"][1][0])  # both hold it
    followers: dict[str, str] = {}
    done: set[str] = set()
    for step in range(60):
        if step == 25:
            service.names = ("registry", "another")
        roll = dice.random()
        if roll < 0.3:
            name = f"person{step}"
            followers[name] = dice.choice(areas)
            frequency = dice.choice([Frequency.IMMEDIATELY, Frequency.DAILY])
            service.join(name, area=followers[name], frequency=frequency)
        elif roll < 0.6:
            source = dice.choice(service.names)
            at = dice.choice([1, 2, 3, None]) if source not in done else None
            if service.poll(source, *of_source[source], stops_at=at).complete:
                done.add(source)
        else:
            service.compose(after=dice.choice([0, 1, 9]) * HOUR)
    for source in service.names:
        service.poll(source, *of_source[source])
    for _ in range(3):
        service.compose(after=DAY)
    for name, area in followers.items():
        wanted = {
            draft.external_id
            for pages in of_source.values()
            for page in pages
            for draft in page
            if draft.areas[0]["id"] == area
        }
        assert service.times_told(name) == dict.fromkeys(wanted, 1), name
    with service.db.read() as session:
        assert find_subscriber(session, f"{next(iter(followers))}@example.org").cursor > NEVER_SERVED


def test_the_operator_sees_in_each_place_what_is_waited_for(installation: Installation, run: Run) -> None:
    installation.configure(
        '[[sources]]\nname = "registry"\nkind = "clinicaltrials_gov"\nurl = "https://registry.example.org/api/v2"\n'
    )
    run("subscribers", "add", "anna@example.org", "--area", "multiple sclerosis", "--region", "anywhere", "--confirmed")
    waits = "First digests wait for source registry, which nobody has polled yet"
    assert waits in run("digests", "due").done
    assert waits in run("subscribers", "show", "anna@example.org").done
    assert waits in run("doctor").out
    assert run("digests", "preview", "anna@example.org").done.startswith(f"No mail goes out now, {ONLY}. {waits}")

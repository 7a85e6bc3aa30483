"""Batches that got no answer: asked for again so that everybody gets one mail, whoever asks and with whom.

The fake provider behaves as documented: the same key with the same content gives the same answer, with other content
``invalid_idempotent_request``. Each mail is written anew for each try, as the sender does.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Self

import pytest

from tests.delivery.post import NOW, deliveries, dice, queue_for, render, settings, states
from tests.delivery.provider_desks import BrevoDesk, ResendDesk
from tests.delivery.provider_servers import Fault, ProviderServer, envelope, failing, hung_up, running
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.delivery.mail.envelope import Accepted, Envelope, Outcome, Refused
from trialalerts.delivery.mail.reply_codes import BounceClass
from trialalerts.delivery.outbox.tables import DeliveryState
from trialalerts.delivery.sending.sender import send_queued
from trialalerts.delivery.transports import open_transport


class Post:
    """Readers whose mails go through one process after the other, each written anew for each try."""

    def __init__(self, server: ProviderServer, *, anew: bool = True) -> None:
        self.server = server
        self.anew = anew
        self.keys: dict[str, str | None] = {}
        self.arrived: dict[str, Outcome] = {}
        self.tries = 0
        self.channel = open_transport(server.url).open()

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let go of the connection."""
        self.channel.close()

    def restart(self) -> None:
        """Begin with another process: it knows what the rows know."""
        self.channel.close()
        self.channel = open_transport(self.server.url).open()

    def send(self, names: str) -> list[Outcome]:
        """Send to these at once; whom we know to have got theirs is left out."""
        waiting = [name for name in names if not isinstance(self.arrived.get(name), Accepted)]
        self.tries += 1
        outcomes = self.channel.send([self._written(name) for name in waiting]) if waiting else []
        for name, outcome in zip(waiting, outcomes, strict=True):
            self.arrived[name] = outcome
            if not isinstance(outcome, Accepted) and outcome.request_key:
                self.keys[name] = outcome.request_key
        return outcomes

    def got(self, names: str) -> list[int]:
        """How many mails each of them got."""
        return [sum(mail.recipient == f"{name}@example.org" for mail in self.server.desk.mails) for name in names]

    def _written(self, name: str) -> Envelope:
        text = f"Written for the {self.tries}. time\n" if self.anew else "Written once\n"
        written = envelope(ord(name), recipient=f"{name}@example.org", text=text)
        return replace(written, request_key=self.keys.get(name))


def silent(*, obeyed: bool) -> list[Fault]:
    """Two requests of which nobody hears: a channel asks once more by itself."""
    return [hung_up(obeyed=obeyed), hung_up(obeyed=False)]


@pytest.mark.parametrize("anew", [True, False], ids=["written anew", "as it was"])
@pytest.mark.parametrize("obeyed", [True, False], ids=["obeyed", "not obeyed"])
@pytest.mark.parametrize(
    "tries",
    [["AC", "B"], ["ABC"], ["CBA"], ["A", "B", "C"], ["CA", "DB"], ["DC", "A", "B"]],
    ids=" then ".join,
)
def test_whatever_goes_together_after_a_silence_everybody_gets_one_mail(
    anew: bool, obeyed: bool, tries: list[str]
) -> None:
    """resend-other-batch-after-doubt."""
    with running(ResendDesk(), *silent(obeyed=obeyed)) as server, Post(server, anew=anew) as post:
        assert all(isinstance(each, Refused) and each.doubtful for each in post.send("AB"))
        for names in tries:
            post.send(names)
        everybody = "".join(sorted({*"AB", *"".join(tries)}))
        assert post.got(everybody) == [1] * len(everybody)
        assert all(isinstance(outcome, Accepted) for outcome in post.arrived.values())


@pytest.mark.parametrize("obeyed", [True, False], ids=["obeyed", "not obeyed"])
@pytest.mark.parametrize("tries", [["AB"], ["CABD"], ["BA", "C"]], ids=" then ".join)
def test_another_process_that_has_all_of_the_batch_sends_nothing_twice(obeyed: bool, tries: list[str]) -> None:
    with running(ResendDesk(), *silent(obeyed=obeyed)) as server, Post(server) as post:
        post.send("AB")
        post.restart()
        for names in tries:
            post.send(names)
        everybody = "".join(sorted({*"AB", *"".join(tries)}))
        assert post.got(everybody) == [1] * len(everybody)


@pytest.mark.parametrize("tries", [["A", "B"], ["AC", "B"], ["B", "A"]], ids=" then ".join)
def test_another_process_that_has_a_part_of_the_batch_loses_nobody(tries: list[str]) -> None:
    with running(ResendDesk(), *silent(obeyed=False)) as server, Post(server) as post:
        post.send("AB")
        for names in tries:
            post.restart()
            post.send(names)
        assert post.got("AB") == [1, 1]


def test_after_a_second_silence_of_a_part_nobody_is_lost() -> None:
    with running(ResendDesk(), *silent(obeyed=False), *silent(obeyed=True)) as server, Post(server) as post:
        post.send("ABC")
        post.send("A")
        post.send("BC")
        post.send("A")
        assert post.got("ABC") == [1, 1, 1]


@pytest.mark.parametrize("seed", range(12))
def test_through_silences_restarts_and_any_mixture_nobody_is_lost_and_few_get_two(seed: int) -> None:
    """Nobody is lost, ever; a second copy needs a part of a silent batch in another process."""
    random = Random(seed)
    with running(ResendDesk()) as server, Post(server) as post:
        server.plan = lambda: random.choice([hung_up(obeyed=True), hung_up(obeyed=False), None, None])
        for _ in range(40):
            if random.random() < 0.1:
                post.restart()
            post.send("".join(random.sample("ABCDEFGH", random.randint(1, 8))))
        server.plan = lambda: None
        for _ in range(3):
            post.send("ABCDEFGH")
        assert min(post.got("ABCDEFGH")) == 1


def test_a_failure_that_was_answered_is_not_taken_for_a_mail_that_was_sent() -> None:
    faults = [failing(503), failing(503)]
    with running(ResendDesk(), *faults) as server, Post(server) as post:
        post.send("AB")
        post.send("AB")
        assert post.got("AB") == [1, 1]


def test_an_outage_with_failures_loses_nobody_whatever_comes_back_together() -> None:
    with running(ResendDesk(), *[failing(503)] * 4) as server, Post(server) as post:
        post.send("ABCD")
        post.send("CD")
        post.send("AB")
        post.send("DCBA")
        assert post.got("ABCD") == [1, 1, 1, 1]


def test_a_mail_in_doubt_at_one_provider_goes_through_another_under_a_key_of_its_own() -> None:
    with running(ResendDesk(), *silent(obeyed=False)) as first, Post(first) as post:
        post.send("AB")
        with running(BrevoDesk()) as second:
            post.server = second
            post.restart()
            post.send("A")
            post.send("B")
            assert post.got("AB") == [1, 1]


def test_halves_of_a_batch_in_doubt_that_is_too_large_are_two_requests() -> None:
    with running(ResendDesk(), *silent(obeyed=False), failing(413)) as server, Post(server) as post:
        post.send("ABCD")
        post.send("ABCD")
        assert post.got("ABCD") == [1, 1, 1, 1]


NO_ANSWER = {"hung up": hung_up(obeyed=False), "failed": failing(503), "busy": failing(408)}


@pytest.mark.parametrize("first", NO_ANSWER.values(), ids=NO_ANSWER)
@pytest.mark.parametrize("most", [1, 2, 3])
def test_a_batch_that_turns_out_too_large_at_its_second_try_is_halved(first: Fault, most: int) -> None:
    with running(ResendDesk(), first) as server, Post(server) as post:
        server.plan = lambda: failing(413) if len(json.loads(server.requests[-1].body)) > most else None
        outcomes = post.send("ABCDEFG")
        assert all(isinstance(each, Accepted) for each in outcomes)
        assert post.got("ABCDEFG") == [1] * 7


@pytest.mark.parametrize("first", NO_ANSWER.values(), ids=NO_ANSWER)
def test_only_the_mail_that_is_too_large_alone_fails_and_for_its_own_fault(first: Fault) -> None:
    with running(ResendDesk(), first) as server, Post(server) as post:
        server.plan = lambda: failing(413) if b"c@example.org" in server.requests[-1].body else None
        outcomes = dict(zip("abcde", post.send("abcde"), strict=True))
        failed = outcomes.pop("c")
        assert isinstance(failed, Refused)
        assert (failed.permanent, failed.doubtful) == (True, False)
        assert failed.meaning is not None
        assert failed.meaning.bounce_class is BounceClass.MESSAGE
        assert all(isinstance(each, Accepted) for each in outcomes.values())
        assert post.got("abcde") == [1, 1, 0, 1, 1]


@pytest.mark.parametrize("obeyed", [True, False], ids=["obeyed", "not obeyed"])
@pytest.mark.parametrize("tries", [["ABCD"], ["CD"], ["C", "D"], ["DE", "C"]], ids=" then ".join)
@pytest.mark.parametrize("doubted", [True, False], ids=["after a doubt", "at once"])
def test_a_half_of_which_nobody_hears_is_asked_for_as_that_half(obeyed: bool, tries: list[str], doubted: bool) -> None:
    """Under the key of the whole, which was turned away, it would be sent once more."""
    before = [hung_up(obeyed=False)] if doubted else []
    halves = silent(obeyed=obeyed)
    with running(ResendDesk(), *before, failing(413)) as server, Post(server) as post:
        server.plan = lambda: halves.pop(0) if b"c@example.org" in server.requests[-1].body and halves else None
        outcomes = post.send("abcd")
        assert [isinstance(each, Accepted) for each in outcomes] == [True, True, False, False]
        for names in tries:
            post.send(names.lower())
        everybody = "".join(sorted({*"abcd", *"".join(tries).lower()}))
        assert post.got(everybody) == [1] * len(everybody)


@pytest.mark.parametrize("seed", range(12))
def test_through_silences_and_batches_that_are_too_large_nobody_is_lost(seed: int) -> None:
    """Who asked keeps asking, so nobody gets two either."""
    random = Random(seed)
    with running(ResendDesk()) as server, Post(server) as post:

        def weather() -> Fault | None:
            if len(json.loads(server.requests[-1].body)) > 3:
                return failing(413)
            return random.choice([hung_up(obeyed=False), failing(503), None, None, None])

        server.plan = weather
        for _ in range(30):
            post.send("".join(random.sample("ABCDEFGH", random.randint(1, 8))))
        server.plan = lambda: None
        for _ in range(3):
            post.send("ABCDEFGH")
        assert post.got("ABCDEFGH") == [1] * 8


def test_a_key_that_is_no_good_leaves_the_doubt_as_it_was() -> None:
    unauthorised = failing(400, b'{"statusCode":400,"name":"validation_error","message":"API key is invalid"}')
    with running(ResendDesk(), *silent(obeyed=True), unauthorised) as server, Post(server) as post:
        post.send("AB")
        post.send("AB")
        post.send("AB")
        assert post.got("AB") == [1, 1]


def test_the_rows_of_a_silent_batch_come_due_together_and_leave_once(db: Database) -> None:
    names = [f"n{number}" for number in range(7)]
    queue_for(db, names)
    clock = FrozenClock(NOW)

    def round_() -> None:
        send_queued(db, transport, render, settings=settings(), clock=clock, random=dice())

    with running(ResendDesk(), *silent(obeyed=True)) as server:
        transport = open_transport(server.url)
        round_()
        due: Sequence[object] = [row.not_before for row in deliveries(db).values()]
        assert len(set(due)) == 1
        assert {(row.request_key or "").partition("/")[0] for row in deliveries(db).values()} == {"silent"}
        queue_for(db, ["late"])
        clock.move_to(max(row.not_before for row in deliveries(db).values()))
        transport = open_transport(server.url)  # another process
        round_()
        assert set(states(db).values()) == {DeliveryState.SENT}
        assert sorted(mail.recipient for mail in server.desk.mails) == sorted(
            f"{name}@example.org" for name in [*names, "late"]
        )

"""Transports made of several: who is asked, who rests, who gets what another left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest

from tests.delivery.provider_desks import DESKS
from tests.delivery.provider_servers import Desk, ProviderServer, envelope, envelopes, failing, hung_up, running
from trialalerts.delivery.mail.envelope import Accepted, Envelope, Outcome, Refused, Unsent
from trialalerts.delivery.transports import Transport, open_transport
from trialalerts.delivery.transports.combined import FailoverTransport, Members, RoundRobinTransport
from trialalerts.delivery.transports.memory import MemoryTransport
from trialalerts.errors import ConfigurationError

GONE = Unsent(reason="no connection")
DOUBT = Refused(reason="nobody knows", ours=True)


class Seconds:
    """A clock that only moves when it is told to."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Named(MemoryTransport):
    """A transport in memory with a name of its own, that may be told to answer all messages alike."""

    def __init__(self, name: str, *, batch: int = 10, connections: int = 3) -> None:
        super().__init__(batch=batch, connections=connections)
        self.name = name
        self.always: Outcome | None = None
        self.calls = 0

    def take(self, envelopes: Sequence[Envelope]) -> list[Outcome]:
        """Answer as told."""
        found = super().take(envelopes) if self.always is None else [self.always] * len(envelopes)
        self.calls += 1
        return found


@pytest.fixture
def clock() -> Seconds:
    return Seconds()


def took(outcomes: Sequence[Outcome]) -> list[str | None]:
    return [outcome.transport if isinstance(outcome, Accepted) else type(outcome).__name__ for outcome in outcomes]


def test_the_first_that_works_takes_everything(clock: Seconds) -> None:
    first, second = Named("smtp"), Named("postmark")
    channel = FailoverTransport([first, second], monotonic=clock).open()
    assert took(channel.send(envelopes(3))) == ["smtp"] * 3
    assert second.opened == 0, "nobody connects for nothing"


def test_what_a_dead_member_left_goes_to_the_next(clock: Seconds) -> None:
    first, second = Named("smtp"), Named("postmark")
    first.always = GONE
    channel = FailoverTransport([first, second], monotonic=clock).open()
    assert took(channel.send(envelopes(3))) == ["postmark"] * 3
    assert took(channel.send(envelopes(3))) == ["postmark"] * 3
    assert first.calls == 1, "it rests"


@pytest.mark.parametrize(("asked", "rest"), [(None, 60.0), (5.0, 5.0), (3_600.0, 3_600.0)])
def test_a_member_rests_a_minute_or_as_long_as_it_asked(clock: Seconds, asked: float | None, rest: float) -> None:
    first, second = Named("smtp"), Named("postmark")
    first.always = Unsent(reason="a pause", retry_after=asked)
    channel = FailoverTransport([first, second], monotonic=clock).open()
    channel.send(envelopes(1))
    first.always = None
    clock.now += rest - 0.1
    assert took(channel.send(envelopes(1))) == ["postmark"]
    clock.now += 0.2
    assert took(channel.send(envelopes(1))) == ["smtp"]


def test_a_member_rests_for_all_channels(clock: Seconds) -> None:
    first, second = Named("smtp"), Named("postmark")
    transport = FailoverTransport([first, second], monotonic=clock)
    first.always = GONE
    transport.open().send(envelopes(1))
    assert took(transport.open().send(envelopes(1))) == ["postmark"]
    assert first.calls == 1


def test_what_one_refused_is_not_given_to_another(clock: Seconds) -> None:
    first, second = Named("smtp"), Named("postmark")
    first.answer("reader1@example.org", Refused(reason="no such mailbox", permanent=True))
    first.answer("reader2@example.org", DOUBT)
    first.answer("reader3@example.org", GONE)
    channel = FailoverTransport([first, second], monotonic=clock).open()
    assert took(channel.send(envelopes(4))) == ["Refused", "Refused", "postmark", "smtp"]
    assert [each.recipient for each in second.sent] == ["reader3@example.org"]


def test_where_all_rest_the_reasons_and_the_wait_are_told(clock: Seconds) -> None:
    first, second = Named("smtp"), Named("postmark")
    first.always = Unsent(reason="wrong password")
    second.always = Unsent(reason="no credits left", retry_after=600.0)
    channel = FailoverTransport([first, second], monotonic=clock).open()
    (outcome,) = channel.send(envelopes(1))
    assert isinstance(outcome, Unsent)
    assert outcome.reason == "all 2 transports rest: smtp: wrong password; postmark: no credits left"
    assert outcome.retry_after == 60.0
    clock.now += 20
    (again,) = channel.send(envelopes(1))
    assert isinstance(again, Unsent)
    assert again.retry_after == 40.0
    assert first.calls == second.calls == 1


def test_a_member_that_fails_three_times_in_a_row_rests_though_it_connects(clock: Seconds) -> None:
    """An outage in which each request ends with a 5xx must not hold the mail up while another way is open."""
    first, second = Named("smtp"), Named("postmark")
    first.always = DOUBT
    channel = FailoverTransport([first, second], monotonic=clock).open()
    assert [took(channel.send(envelopes(1)))[0] for _ in range(5)] == ["Refused"] * 3 + ["postmark"] * 2
    clock.now += 61
    first.always = None
    assert took(channel.send(envelopes(1))) == ["smtp"]


@pytest.mark.parametrize(
    "outcome",
    [Accepted(), Refused(reason="full"), Refused(reason="gone", permanent=True)],
    ids=["accepted", "refused for now", "refused for good"],
)
def test_a_member_that_blames_a_recipient_works(clock: Seconds, outcome: Outcome) -> None:
    first = Named("smtp")
    channel = FailoverTransport([first, Named("postmark")], monotonic=clock).open()
    for one in (DOUBT, DOUBT, outcome, DOUBT, DOUBT, outcome):
        first.always = one
        channel.send(envelopes(1))
    assert first.calls == 6


def test_roundrobin_lets_each_take_its_turn(clock: Seconds) -> None:
    members = [Named(name) for name in ("smtp", "postmark", "ses")]
    transport = RoundRobinTransport(members, monotonic=clock)
    one, other = transport.open(), transport.open()
    found = [took(channel.send(envelopes(2)))[0] for channel in (one, other, one, other, one, one)]
    assert found == ["smtp", "postmark", "ses"] * 2
    assert [len(member.sent) for member in members] == [4, 4, 4]


def test_roundrobin_passes_over_who_rests(clock: Seconds) -> None:
    members = [Named(name) for name in ("smtp", "postmark", "ses")]
    members[1].always = GONE
    channel = RoundRobinTransport(members, monotonic=clock).open()
    found = Counter(took(channel.send(envelopes(1)))[0] for _ in range(30))
    assert set(found) == {"smtp", "ses"}
    assert members[1].calls == 1


def test_one_inside_another_tells_who_took_it_in_the_end(clock: Seconds) -> None:
    inner = RoundRobinTransport([Named("postmark"), Named("brevo")], monotonic=clock)
    outer = FailoverTransport([Named("smtp"), inner], monotonic=clock)
    smtp = outer.members.transports[0]
    assert isinstance(smtp, Named)
    smtp.always = GONE
    channel = outer.open()
    assert [took(channel.send(envelopes(1)))[0] for _ in range(3)] == ["postmark", "brevo", "postmark"]


@pytest.mark.parametrize("kind", [FailoverTransport, RoundRobinTransport])
def test_it_takes_what_its_weakest_member_takes(kind: type[FailoverTransport]) -> None:
    transport = kind([Named("a", batch=500, connections=2), Named("b", batch=20, connections=9)])
    assert (transport.batch, transport.connections) == (20, 2)


def test_closing_closes_what_was_opened(clock: Seconds) -> None:
    first, second = Named("smtp"), Named("postmark")
    channel = FailoverTransport([first, second], monotonic=clock).open()
    channel.close()
    channel.send(envelopes(1))
    channel.close()
    assert (first.closed, second.closed) == (1, 0)


def test_no_messages_wake_nobody(clock: Seconds) -> None:
    first = Named("smtp")
    assert FailoverTransport([first, Named("postmark")], monotonic=clock).open().send([]) == []
    assert first.calls == 0


@pytest.mark.parametrize(
    ("url", "names"),
    [
        ("failover(memory:// memory://)", ["memory", "memory"]),
        (" roundrobin(\n  memory://\n  file://var/outbox\n)\n", ["memory", "file"]),
        ("failover(brevo://K@default roundrobin(resend://K@default postmark://K@default))", ["brevo", "roundrobin"]),
        ("failover(smtp://u:p%28w%29@mail.example.org memory://)", ["smtp", "memory"]),
    ],
)
def test_a_url_may_hold_several(url: str, names: list[str]) -> None:
    transport = open_transport(url)
    assert isinstance(transport, FailoverTransport | RoundRobinTransport)
    assert transport.name == url.strip().partition("(")[0]
    assert [member.name for member in transport.members.transports] == names


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("failover()", "two URLs or more"),
        ("failover(memory://)", "two URLs or more"),
        ("failover(memory://, memory://)", "with blanks between them"),
        ("failover(memory:// roundrobin(memory:// memory://)", "parentheses do not match"),
        ("failover(memory:// memory://))", "parentheses do not match"),
        ("failover(memory:// postbox://s3cret@x)", "no transport 'postbox'"),
        ("failover(memory:// brevo://s3cret@default?bach=1)", "no option 'bach'"),
        ("failover memory:// memory://", "no transport"),
        ("fallback(memory:// memory://)", "no transport"),
    ],
)
def test_a_url_of_several_that_makes_no_sense_is_told(url: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says) as caught:
        open_transport(url)
    assert "s3cret" not in str(caught.value)


def counted(servers: Sequence[ProviderServer]) -> Counter[str]:
    return Counter(mail.recipient for server in servers for mail in server.desk.mails)


def test_through_real_servers_nothing_is_lost_and_nothing_comes_twice() -> None:
    """The first provider throttles, fails and breaks off; what nobody knows stays with it, the rest goes on."""
    first_desk, second_desk = DESKS["postmark"](), DESKS["sendgrid"]()
    with running(first_desk) as first, running(second_desk) as second:
        transport = open_transport(f"failover({first.url} {second.url})")
        channel = transport.open()
        first.faults.extend([hung_up(obeyed=True), failing(429, headers={"Retry-After": "3600"})])
        sent = [envelope(number) for number in range(1, 31)]
        outcomes = [channel.send([each])[0] for each in sent]
        channel.close()
    assert took(outcomes) == ["Refused", *["sendgrid"] * 29]
    assert counted([first, second]) == {each.recipient: 1 for each in sent}
    assert len(second.desk.mails) == 29


def test_the_names_of_servers_are_those_of_their_providers() -> None:
    desk: Desk = DESKS["brevo"]()
    with running(desk) as server:
        transport: Transport = open_transport(f"roundrobin({server.url} {server.url})")
        channel = transport.open()
        (outcome,) = channel.send([envelope()])
        channel.close()
        assert isinstance(outcome, Accepted)
        assert (outcome.transport, outcome.provider_id) == ("brevo", desk.mails[0].provider_id)


def test_each_member_comes_first_as_often_as_the_others() -> None:
    members = Members([Named("a"), Named("b"), Named("c")], rotating=True)
    firsts = Counter(members.order()[0] for _ in range(300))
    assert firsts == {0: 100, 1: 100, 2: 100}

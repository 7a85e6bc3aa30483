"""What goes wrong in the half year: how it begins and ends, and what the operator is to hear of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from sqlmodel import col, select

from tests.half_a_year.half_year import ROUND, HalfYear, Incident
from tests.sources.registry_server import Fault, respond
from trialalerts.delivery.sending import breaker
from trialalerts.subscribers.tables import Subscriber, SubscriberState

__all__ = ["INCIDENTS"]


def switch_on(year: HalfYear) -> None:
    """Start the machine again; its daemon watches at once, while it begins to catch up."""
    year.stopped.discard("machine")
    year.pipeline().watch()


def stop(name: str) -> Callable[[HalfYear], None]:
    """Return what lets a step (or the whole machine) stand still."""
    return lambda year: year.stopped.add(name)


def go_on(name: str) -> Callable[[HalfYear], None]:
    """Return what lets it go on."""
    return lambda year: year.stopped.discard(name)


def fail(name: str) -> Callable[[HalfYear], None]:
    """Return what lets a step fail whenever it is tried."""
    return lambda year: year.failing.add(name)


def mend(name: str) -> Callable[[HalfYear], None]:
    """Return what lets it work again."""
    return lambda year: year.failing.discard(name)


def break_registry(year: HalfYear) -> None:
    """Let the registry answer 500 to everything."""
    fault = Fault(act=respond(500), when=lambda request: request.path.startswith("/api/"), times=10**9)
    year.registry.faults.append(fault)


def mend_registry(year: HalfYear) -> None:
    """Let it answer again."""
    year.registry.faults.clear()


def change_feed(year: HalfYear) -> None:
    """Let somebody else's feed stand at the address of ours."""
    year.publishers.serves_another = True
    year.publishers.serve_news()


def change_feed_back(year: HalfYear) -> None:
    """Let ours stand there again."""
    year.publishers.serves_another = False
    year.publishers.serve_news()


def post_down(year: HalfYear) -> None:
    """Let no mail server be reached."""
    year.post.is_down = True


def post_up(year: HalfYear) -> None:
    """Let them be reached again."""
    year.post.is_down = False


def block_us(year: HalfYear) -> None:
    """Let the largest provider block us."""
    year.post.blocking.add("bigmail.example")


def forgive_us(year: HalfYear) -> None:
    """Let it take our mail again."""
    year.post.blocking.clear()


def break_template(year: HalfYear) -> None:
    """Put a template there that fails."""
    own = year.folder / "templates" / "email"
    own.mkdir(exist_ok=True)
    (own / "digest.html.j2").write_text("{{ nothing.of.the.kind }}", "utf-8")


def mend_template(year: HalfYear) -> None:
    """Take it away."""
    (year.folder / "templates" / "email" / "digest.html.j2").unlink()


def leap(year: HalfYear) -> None:
    """Do one round with the clock 400 days ahead."""
    ahead = timedelta(days=400)
    year.clock.advance(ahead)
    steps = year.pipeline()
    steps.compose()
    steps.send()
    steps.handle_feedback()
    year.clock.advance(-ahead)


def let_many_addresses_die(year: HalfYear) -> None:
    """Let one reader in twelve be unknown from now on, at each provider: a list that was not looked after."""
    with year.db.read() as session:
        active = select(Subscriber.address).where(col(Subscriber.state) == SubscriberState.ACTIVE)
        for number, address in enumerate(session.exec(active.order_by(col(Subscriber.id)))):
            if number % 12 == 0:
                year.post.gone.add(address)


def resume(year: HalfYear) -> None:
    """Do as the operator would, who looked into it: those are gone who are said to be."""
    now = year.clock.now()
    with year.db.write() as session:
        breaker.resume_believing(session, until=now + timedelta(days=60), now=now)


def nothing(year: HalfYear) -> None:
    """Need no end."""
    del year


PATIENCE = timedelta(hours=6) + 2 * ROUND
"""What the operator waits for by ``tell_after``, and the time between two rounds."""
SILENT = timedelta(hours=18) + 3 * ROUND
"""A source is silent after three of its intervals."""


BLOCKED = ("mail-refused", "mail-held", "transport-benched")
INCIDENTS = (
    Incident(
        name="composing stands still",
        days=1.5,
        kinds=("overdue",),
        begin=stop("compose"),
        end=go_on("compose"),
        patience=PATIENCE,
    ),
    Incident(
        name="sending stands still",
        days=1.5,
        kinds=("queue-stuck", "overdue"),
        begin=stop("send"),
        end=go_on("send"),
        patience=PATIENCE,
    ),
    Incident(
        name="the registry fails",
        days=2,
        kinds=("source-silent",),
        begin=break_registry,
        end=mend_registry,
        patience=SILENT,
    ),
    Incident(
        name="a feed is another one",
        days=1.5,
        kinds=("source-held",),
        begin=change_feed,
        end=change_feed_back,
        patience=PATIENCE,
    ),
    Incident(
        name="no mail server is reached",
        days=2,
        kinds=("transport-benched",),
        begin=post_down,
        end=post_up,
        patience=PATIENCE,
    ),
    Incident(
        name="the largest provider blocks us",
        days=2,
        kinds=BLOCKED,
        begin=block_us,
        end=forgive_us,
        patience=PATIENCE,
    ),
    Incident(
        name="the clock leaps",
        days=1,
        kinds=("clock-ahead",),
        begin=leap,
        end=nothing,
        patience=PATIENCE,
    ),
    Incident(
        name="a template fails",
        days=1.5,
        kinds=("template-broken",),
        begin=break_template,
        end=mend_template,
        patience=PATIENCE,
    ),
    Incident(
        name="a step fails",
        days=1.5,
        kinds=("step-failing",),
        begin=fail("feedback"),
        end=mend("feedback"),
        patience=PATIENCE,
    ),
    Incident(
        name="a list that nobody looked after",
        days=2,
        people=10_000,
        kinds=("sending-paused", "bounce-rate", "mail-held"),
        begin=let_many_addresses_die,
        end=resume,
        patience=PATIENCE,
    ),
    Incident(
        name="the registry stands still for a week",
        days=7,
        kinds=("source-silent",),
        begin=break_registry,
        end=mend_registry,
        patience=SILENT,
    ),
    Incident(
        name="the machine is off for a week",
        days=7,
        kinds=("overdue",),
        begin=stop("machine"),
        end=switch_on,
        patience=PATIENCE,
    ),
)

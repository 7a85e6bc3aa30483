"""Cards shared by many readers: each reads what would have been written for them alone, and never stale facts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as checked
from hypothesis import strategies as st
from jinja2 import Template
from sqlmodel import Session
from structlog.testing import capture_logs

from tests.delivery.mail.test_message import assert_fit_for_the_wire, body, nasty, parsed
from tests.digests.rendering.test_mail import delivery
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
    reason,
    settings,
    shared_mail,
    store_digest,
    subscriber,
    told,
    trial,
)
from trialalerts.catalog.facts import ArticleFacts, PartialDate
from trialalerts.catalog.tables import Item
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.delivery.mail.message import Message, to_bytes
from trialalerts.digests.entries import Entry, Reason
from trialalerts.digests.rendering.lru_cache import LruCache
from trialalerts.digests.rendering.renderer import DIGEST, MailRenderer
from trialalerts.digests.rendering.slots import CutText
from trialalerts.digests.tables import DigestKind
from trialalerts.errors import NotFound

LANGUAGES = ("en", "en-US", "de", "de-AT", "fr", "es", "ar")
_RENDERER = MailRenderer(settings(), FrozenClock(NOW))
"""One for all examples of a property: most of its cards were made for somebody else."""

PLANNED = PartialDate(value="2026-03-02", precision="day", kind="estimated")
"""Past in Auckland before it is in London."""

words = st.one_of(
    nasty, st.sampled_from(["Inventitis", "A very long name of an illness that nobody ever had", "\ue002"])
)
reasons = st.builds(
    reason,
    preference_id=st.integers(1, 3),
    area_name=words,
    region_label=st.one_of(words, st.sampled_from(["anywhere", "Leeds, England, GB"])),
    through_name=st.one_of(st.none(), words),
    label=st.one_of(st.none(), words),
    distance_km=st.one_of(st.none(), st.floats(0, 20_000)),
    nearest=st.one_of(st.none(), st.sampled_from(["Leeds", "Lyon"]), words),
    near_unknown=st.booleans(),
    closed=st.sampled_from([(), (), ("Lyon",), ("Lyon", "York")]),
    may_fit=st.lists(st.sampled_from(["age", "sex", "other"]), max_size=3).map(tuple),
)
trials = st.builds(
    lambda status, sites, verified, start, completion, **values: trial(
        1,
        told=facts(
            status=status,
            sites=facts().sites[:sites],
            last_verified=verified,
            start=start,
            completion=completion,
        ),
        **values,
    ),
    status=st.sampled_from(STATUSES),
    sites=st.integers(0, 2),
    verified=st.sampled_from([None, PartialDate(value="2020-01", precision="month"), facts().last_verified]),
    start=st.sampled_from([None, PLANNED, facts().start]),
    completion=st.sampled_from([None, PLANNED]),
    title=st.one_of(words, st.just("A trial")),
    url=st.one_of(st.just("https://registry.example.org/1"), words),
    summary=words,
)
articles = st.builds(
    lambda language, day, **values: article(1, told=ArticleFacts(language=language, published_on=day), **values),
    day=st.sampled_from([None, date(2026, 2, 26)]),
    language=st.one_of(st.none(), st.just("de"), words),
    title=words,
    published_at=st.one_of(st.none(), st.just(datetime(2026, 2, 26, 23, 30, tzinfo=UTC))),
)
happened = st.lists(st.sampled_from(EVERY_KIND), max_size=6).map(lambda kinds: [told(kind) for kind in kinds])
entries = st.tuples(st.one_of(trials, articles), happened, st.lists(reasons, max_size=5))

crowds = st.builds(
    lambda drawn, times: drawn * times, st.lists(entries, min_size=1, max_size=3), st.sampled_from([20, 40])
)
"""More entries than a mail has room for."""


def mixed(drawn: list[tuple[Item, list[Any], list[Reason]]]) -> tuple[list[Item], list[Entry]]:
    items = [Item(**item.model_dump() | {"id": number}) for number, (item, _, _) in enumerate(drawn, start=1)]
    told_of = [entry(item, *what, reasons=why) for item, (_, what, why) in zip(items, drawn, strict=True)]
    return items, told_of


@checked(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    drawn=st.one_of(st.lists(entries, min_size=1, max_size=4), crowds),
    locale=st.sampled_from(LANGUAGES),
    timezone=st.sampled_from(["Europe/London", "Pacific/Auckland"]),
    first=st.booleans(),
    number=st.one_of(st.none(), st.integers(1, 9)),
    since=st.one_of(st.none(), st.just(SINCE)),
)
def test_a_mail_out_of_shared_cards_says_word_for_word_what_one_written_for_the_reader_alone_says(
    drawn: list[tuple[Item, list[Any], list[Reason]]],
    locale: str,
    timezone: str,
    first: bool,
    number: int | None,
    since: datetime | None,
) -> None:
    items, told_of = mixed(drawn)
    kind = DigestKind.FIRST if first else DigestKind.REGULAR
    reader = subscriber(locale, timezone)
    with capture_logs():
        message = both_ways(_RENDERER, digest(kind=kind, id=number), told_of, reader, items, since=since)
    content = to_bytes(message)
    assert_fit_for_the_wire(content)
    read = parsed(content)
    assert not read.defects
    assert body(read, "plain") == message.text
    assert body(read, "html") == message.html


@pytest.mark.parametrize("locale", LANGUAGES)
def test_a_card_is_run_once_for_all_who_are_told_the_same(monkeypatch: pytest.MonkeyPatch, locale: str) -> None:
    renderer = MailRenderer(settings(), FrozenClock(NOW))
    runs: list[str] = []
    of = CutText.of

    def counted(template: Template, values: Mapping[str, Any], *, padding: int = 0) -> CutText:
        runs.append(str(template.name))
        return of(template, values, padding=padding)

    monkeypatch.setattr(CutText, "of", counted)
    items = [trial(1), article(50)]
    people: tuple[list[Reason], ...] = (
        [reason(label="Tom", through_name="Inventitis minor"), reason(area_name="Other")],
        [reason()],
        [reason(nearest=None, distance_km=None)],
        [],
    )
    for because in people:
        for kind in ("opened", "site_opened", "eligibility_changed", "closed"):
            written(renderer, [entry(item, told(kind), reasons=because) for item in items], locale, items)
    # By three conditions; "closed" is told in a line; an article by none. The heading of a wish has a link to stop it.
    of_trials = [*TRIALS * 9, *LINES * 3]
    assert sorted(runs) == sorted([*of_trials, *ARTICLES * 4, *FRAME, "group.html.j2", "group.txt.j2"])


TRIALS, ARTICLES = ([f"card_{kind}.html.j2", f"card_{kind}.txt.j2"] for kind in ("trial", "article"))
LINES, FRAME = (
    [f"{name}.{ending}" for name in names for ending in ("html.j2", "txt.j2")]
    for names in (("brief",), ("digest", "group"))
)


def written(of: MailRenderer, entries: list[Entry], locale: str, items: Any) -> Message:
    return shared_mail(of, digest(), entries, subscriber(locale), items)


class Watched(dict[int, Item]):
    """Items that note which of them was read."""

    def __init__(self, items: list[Item]) -> None:
        super().__init__({item.id or 0: item for item in items})
        self.read: list[int] = []

    def __getitem__(self, item_id: int) -> Item:
        self.read.append(item_id)
        return super().__getitem__(item_id)


def test_an_item_is_read_once_for_all_who_are_told_the_same_of_it() -> None:
    renderer = MailRenderer(settings(), FrozenClock(NOW))
    source = Watched([trial(1)])
    near = [reason(nearest=town, distance_km=float(n), label=town) for n, town in enumerate(["Leeds", "York", "Hull"])]
    texts = []
    for one in near:
        texts.append(written(renderer, [entry(trial(1), reasons=[one])], "en", source).text)
        del source.read[0]  # its version is looked up
    assert len(set(texts)) == 3
    assert source.read == [1]


def test_facts_that_changed_are_never_told_as_they_were() -> None:
    renderer = MailRenderer(settings(), FrozenClock(NOW))
    for age in ("40 Years", "41 Years", "40 Years"):
        message = both_ways(
            renderer, digest(), [entry(trial(1))], subscriber(), [trial(1, told=facts(maximum_age=age))]
        )
        assert f"18 to {age.lower()}" in message.text


def test_how_old_a_record_is_is_told_as_of_today() -> None:
    clock = FrozenClock(NOW)
    renderer = MailRenderer(settings(), clock)
    assert "whether it still holds" not in written(renderer, [entry(trial(1))], "en", [trial(1)]).text
    clock.advance(timedelta(days=400))
    assert "checked by its team 15 months ago" in " ".join(
        written(renderer, [entry(trial(1))], "en", [trial(1)]).text.split()
    )


def stored_slice(session: Session) -> list[Item]:
    items = [trial(1), article(50)]
    store_digest(session, items, 99)
    return items


def test_a_slice_keeps_its_order_and_one_bad_mail_harms_no_other(sqlite_db: Database) -> None:
    with sqlite_db.write() as session:
        items = stored_slice(session)
        title = items[0].title
    renderer = MailRenderer(settings(), FrozenClock(NOW))
    mails = [
        (delivery("postcard"), subscriber()),
        (delivery(DIGEST, digest_id=17), subscriber()),
        (delivery(DIGEST, digest_id=404), subscriber()),
        (delivery(DIGEST), subscriber()),
        (delivery(DIGEST, digest_id=17), subscriber(timezone="Nowhere/Never")),
        (delivery(DIGEST, digest_id=17), subscriber("de")),
    ]
    with sqlite_db.read() as session:
        strange, english, gone, empty, lost, german = renderer(session, mails)
    assert isinstance(strange, NotFound)
    assert isinstance(english, Message)
    assert gone is None
    assert empty is None
    assert isinstance(lost, Exception)
    assert isinstance(german, Message)
    assert title in english.text
    assert title in german.text
    assert german.subject.startswith("Neues")


def test_a_slice_tells_the_facts_as_they_are_when_it_is_written(sqlite_db: Database) -> None:
    with sqlite_db.write() as session:
        stored_slice(session)
    renderer = MailRenderer(settings(), FrozenClock(NOW))
    for title in ("A new name", "Another name"):
        with sqlite_db.write() as session:
            item = session.get_one(Item, 1)
            item.title, item.facts_hash = title, title
        with sqlite_db.read() as session:
            (message,) = renderer(session, [(delivery(DIGEST, digest_id=17), subscriber())])
        assert isinstance(message, Message)
        assert title in message.text


def test_a_cache_forgets_what_was_not_used_for_longest() -> None:
    cache: LruCache[int, str] = LruCache(10)
    for number in range(100):
        cache.put(number, "x", 1)
        assert cache.get(0) == "x"
        assert len(cache) <= 10
    assert cache.get(50) is None
    assert cache.get(99) == "x"


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 60)), max_size=60))
def test_a_cache_never_holds_more_bytes_than_it_may(puts: list[tuple[int, int]]) -> None:
    cache: LruCache[int, int] = LruCache(100)
    for key, size in puts:
        cache.put(key, size, size)
        assert cache.get(key) == size
        assert sum(cache.get(number) or 0 for number in range(10)) <= 100

"""Cards shared by many readers: each reads what would have been written for them alone, and never stale facts."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as checked
from hypothesis import strategies as st
from sqlmodel import Session
from structlog.testing import capture_logs

from tests.delivery.mail.test_message import assert_fit_for_the_wire, body, nasty, parsed
from tests.digests.rendering_samples import (
    EVERY_KIND,
    NOW,
    SINCE,
    STATUSES,
    GivenItems,
    article,
    both_ways,
    digest,
    entry,
    facts,
    numbered,
    reason,
    settings,
    store_digest,
    subscriber,
    told,
    trial,
)
from tests.digests.test_render_mail import delivery
from trialalerts.catalog.facts import ArticleFacts, PartialDate
from trialalerts.catalog.tables import Item
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.delivery.mail.message import Message, to_bytes
from trialalerts.digests.entries import Entry, Reason
from trialalerts.digests.render_items import StoredDigest
from trialalerts.digests.render_recent import Recent
from trialalerts.digests.rendering import DIGEST, MailRenderer
from trialalerts.digests.tables import DigestKind
from trialalerts.errors import NotFound
from trialalerts.settings import Settings
from trialalerts.subscribers.tables import Subscriber

LANGUAGES = ("en", "de", "fr", "es", "ar")
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


def mixed(drawn: list[tuple[Item, list[Any], list[Reason]]]) -> tuple[list[Item], list[Entry]]:
    items = [Item(**item.model_dump() | {"id": number}) for number, (item, _, _) in enumerate(drawn, start=1)]
    told_of = [entry(item, *what, reasons=why) for item, (_, what, why) in zip(items, drawn, strict=True)]
    return items, told_of


@checked(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    drawn=st.lists(entries, min_size=1, max_size=4),
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
    message = both_ways(_RENDERER, digest(kind=kind, id=number), told_of, reader, items, since=since)
    shared = shared_mail(_RENDERER, told_of, reader, items)
    content = to_bytes(shared)
    assert_fit_for_the_wire(content)
    read = parsed(content)
    assert not read.defects
    assert body(read, "plain") == shared.text
    assert body(read, "html") == shared.html
    assert message.headers[-2:] == shared.headers[-2:]


def shared_mail(of: MailRenderer, told_of: list[Entry], reader: Subscriber, items: Any) -> Message:
    known = items if hasattr(items, "version") else GivenItems(items)
    stored = StoredDigest(digest=digest(), entries=[numbered(each) for each in told_of], since=SINCE)
    with capture_logs():
        message = of.shared(stored, reader, known, message_id="<1@example.org>")
    assert message is not None
    return message


@pytest.mark.parametrize("locale", LANGUAGES)
def test_the_shipped_templates_are_rendered_once_for_all(locale: str) -> None:
    renderer = MailRenderer(settings(), FrozenClock(NOW))
    items = [trial(1), article(50)]
    because = [reason(label="Tom", through_name="Inventitis minor", may_fit=("age",)), reason(area_name="Other")]
    for kind in ("opened", "site_opened", "eligibility_changed", "closed"):
        told_of = [entry(item, told(kind), reasons=because) for item in items]
        both_ways(renderer, digest(), told_of, subscriber(locale), items)
    both_ways(
        renderer,
        digest(),
        [entry(trial(n)) for n in range(1, 60)],
        subscriber(locale),
        [trial(n) for n in range(1, 60)],
    )
    kept = [*renderer._shelf._items.young.values()]
    fragments = [found for one in kept for shared in one.shared.values() for found in shared.fragments.values()]
    assert len(fragments) >= 58
    assert None not in fragments
    assert None not in [cut.fragment for cut in renderer._shells._cut.young.values()]


class Watched(GivenItems):
    """Items that note which of them was read."""

    def __init__(self, items: list[Item]) -> None:
        super().__init__(items)
        self.read: list[int] = []

    def item(self, item_id: int) -> Item:
        self.read.append(item_id)
        return super().item(item_id)


def test_an_item_is_read_once_for_all_who_are_told_the_same_of_it() -> None:
    renderer = MailRenderer(settings(), FrozenClock(NOW))
    source = Watched([trial(1)])
    near = [reason(nearest=town, distance_km=float(n), label=town) for n, town in enumerate(["Leeds", "York", "Hull"])]
    texts = [
        shared_mail(renderer, [entry(trial(1), reasons=near[:count])], subscriber(), source).text for count in (1, 2, 3)
    ]
    assert len(set(texts)) == 3
    assert source.read == [1]


def test_facts_that_changed_are_never_told_as_they_were() -> None:
    renderer = MailRenderer(settings(), FrozenClock(NOW))
    for sponsor in ("University of Nowhere", "Institute of Somewhere", "University of Nowhere"):
        message = both_ways(
            renderer, digest(), [entry(trial(1))], subscriber(), [trial(1, told=facts(sponsor=sponsor))]
        )
        assert sponsor in message.text


def test_how_old_a_record_is_is_told_as_of_today() -> None:
    clock = FrozenClock(NOW)
    renderer = MailRenderer(settings(), clock)
    source = GivenItems([trial(1)])
    assert "ask whether it still holds" not in shared_mail(renderer, [entry(trial(1))], subscriber(), source).text
    clock.advance(timedelta(days=400))
    assert "verified 15 months ago" in " ".join(
        shared_mail(renderer, [entry(trial(1))], subscriber(), source).text.split()
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    own = tmp_path / "mine" / "email"
    own.mkdir(parents=True)
    return own


ODD_USES = [
    "{{ reason|upper }}",
    "{{ reason|length }}",
    "{{ reason[:5] }}",
    "{{ reason|truncate(30) }}",
    "{{ (reason ~ ', really')|upper }}",
    "{{ (reason ~ ', really')|truncate(90) }}",
    "{{ reason|safe }}",
    "{{ reason|e|e }}",
    "{{ reason|forceescape }}",
    "{{ reason|wordwrap(20) }}",
    "{{ reason|urlencode }}",
    "{{ reason|replace('You', 'We') }}",
    "{{ reason|striptags }}",
    "{{ reason|tojson }}",
    "{{ reason|urlize }}",
    "{{ reason|lower }}",
    "{{ (reason ~ '')|lower }}",
    "{{ (reason ~ '').split()|join(' ') }}",
    "{{ reason|title }}",
    "{{ reason|default('x', true) }}",
    "{{ reason|int }}",
    "{{ reason|first }}",
    "{{ '%s, really'|format(reason) }}",
    "{{ reason + '!' }}",
    "{{ '!' + reason }}",
    "{{ reason * 2 }}",
    "{{ reason in ['x'] }}",
    "{{ {'x': 1}.get(reason) }}",
    "{{ 'yes' if 'Leeds' in reason else 'no' }}",
    "{{ 'yes' if reason == 'You follow Inventitis' else 'no' }}",
    "{{ 'yes' if reason > 'X' else 'no' }}",
    "{% for sign in reason %}{{ sign }}.{% endfor %}",
    "{{ card.reasons|join(', ')|upper }}",
    "{{ card.reasons|sort|join(', ') }}",
    "{{ t('reason.direct', area=reason) }}",
    "{{ wrap(wrap(reason ~ ' and more', '  '), '    ') }}",
    "{% filter upper %}{{ reason }}{% endfilter %}",
    "{{ subject }}",
    "{{ 'yes' if digest_url else 'no' }}",
    "{{ unsubscribe_url }}",
]


@pytest.mark.parametrize("use", ODD_USES)
@pytest.mark.parametrize("name", ["card_trial.html.j2", "card_trial.txt.j2"])
def test_an_own_card_may_do_anything_with_a_text(folder: Path, name: str, use: str) -> None:
    (folder / name).write_text(f"<p>{{% for reason in card.reasons %}}{use}{{% endfor %}}</p>\n")
    write_to_three_readers(MailRenderer(settings(folder=folder.parent), FrozenClock(NOW)))


@pytest.mark.parametrize(
    "use",
    [
        "{{ subject|upper }}",
        "{{ cards|length }} {{ cards|join }}",
        "{{ cards|join|upper }}",
        "{{ cards|map('replace', 'You', 'We')|join }}",
        "{{ cards|map('wordcount')|join(' ') }}",
        "{% for card in cards %}{{ card|striptags }}{% endfor %}",
        "{{ digest_url|urlencode }}",
        "{{ cards|first|truncate(50) }}",
        "{{ intro ~ title ~ cards[0] }}",
        "{{ wrap(intro ~ ' ' ~ title, '  ') }}",
        "{{ 'yes' if 'update' in title else 'no' }}",
        "{{ how_often|e }}{{ preview|safe }}",
    ],
)
@pytest.mark.parametrize("name", ["digest.html.j2", "digest.txt.j2"])
def test_an_own_letter_may_do_anything_with_a_text(folder: Path, name: str, use: str) -> None:
    (folder / name).write_text(f"<p>{use}</p>\n")
    write_to_three_readers(MailRenderer(settings(folder=folder.parent), FrozenClock(NOW)))


def write_to_three_readers(renderer: MailRenderer) -> None:
    items = [trial(1), trial(2)]
    for label, nearest in (("Tom & Jerry", "Leeds"), ("<b>Ann</b> www.example.org", "York"), (None, "Leeds")):
        because = [reason(label=label, nearest=nearest), reason(preference_id=2, area_name="Otheritis " * 9)]
        with capture_logs():
            both_ways(renderer, digest(), [entry(item, reasons=because) for item in items], subscriber(), items)


def of_settings(of: Settings) -> MailRenderer:
    return MailRenderer(of, FrozenClock(NOW))


def test_an_own_template_that_only_puts_texts_out_is_rendered_once_for_all(folder: Path) -> None:
    (folder / "changes.html.j2").write_text(
        "{% macro changes(card) %}{% for reason in card.reasons %}"
        "<i>{{ reason }} ({{ t('digest.all') }})</i>{% endfor %}{% endmacro %}\n"
    )
    renderer = of_settings(settings(folder=folder.parent))
    write_to_three_readers(renderer)
    kept = [*renderer._shelf._items.young.values()]
    assert all(found for one in kept for shared in one.shared.values() for found in shared.fragments.values())


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
    assert german.subject.startswith("Ihre")


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


def test_a_memory_forgets_what_was_not_used_of_late() -> None:
    recent: Recent[int, str] = Recent(10)
    for number in range(100):
        recent.put(number, "x")
        assert recent.get(0) or number > 50
        recent.get(0)
        assert len(recent) <= 11
    assert recent.get(0) == "x"
    assert recent.get(50) is None


def test_a_memory_is_bounded_by_what_it_weighs() -> None:
    recent: Recent[int, str] = Recent(1_000, most_bytes=100, weigh=len)
    for number in range(50):
        recent.put(number, "x" * 20)
    assert sum(len(recent.get(number) or "") for number in range(50)) <= 120

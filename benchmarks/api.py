"""What the API costs with 50 programs at a time: searching areas and places, open trials, one trial, articles."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator
from datetime import timedelta

from sqlmodel import Session

from benchmarks.figures import Figure
from benchmarks.web import ASKED, AT_ONCE, ROUNDS, beside, microseconds, one_round, served
from trialalerts.catalog.draft import ItemDraft
from trialalerts.catalog.facts import ArticleFacts, Site, TrialFacts
from trialalerts.catalog.store import store_items
from trialalerts.catalog.tables import ItemKind
from trialalerts.clock import SystemClock
from trialalerts.database import open_database
from trialalerts.database.schema import upgrade_schema
from trialalerts.vocabulary.areas.shipped import store_shipped
from trialalerts.vocabulary.places.loading import store_places

_TRIALS, _ARTICLES = 600, 100
_MOST = 2.0
_SEARCHES = {
    "a search of areas": "/areas?lang=en&q=multiple",
    "a search of places": "/regions?lang=en&q=leed",
    "the open trials of an area": "/trials?lang=en&area=D009103",
    "articles": "/articles?lang=en",
}
_READ_ANEW = {
    "the open trials nearest to a town, which nothing keeps": "/trials?lang=en&area=D009103&near=Leeds,%20GB",
    "one trial, which nothing keeps": "/trials/NCT90000001?lang=en",
}


def run() -> Iterator[Figure]:
    """Ask a server in another process; beside each figure stands what empty answers of it take in the same round."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/api.db"
        with open_database(url) as db:
            upgrade_schema(db)
            with db.write() as session:
                store_shipped(session)
                store_places(session)
            with db.write() as session:
                _fill(session)
        with served(url) as server:
            yield from (_figure(server, what, path, ASKED, _MOST) for what, path in _SEARCHES.items())
            yield from (_figure(server, what, path, ASKED // 8, None) for what, path in _READ_ANEW.items())


def _figure(server: str, what: str, path: str, asked: int, most: float | None) -> Figure:
    path = f"/api/v1{path}"
    microseconds(server, [path])  # who comes first has it made
    rounds = [one_round(server, [path] * asked) for _ in range(ROUNDS)]
    ratio = statistics.median(each.asked / each.empty for each in rounds)
    return Figure(
        what=f"{what}, {AT_ONCE} programs at a time, by the time of an empty answer, median of {ROUNDS}",
        value=f"{ratio:.2f} × ({statistics.median(each.asked for each in rounds):.0f} µs)",
        target="" if most is None else f"≤ {most:g} ×",
        reference=beside(rounds),
        met=None if most is None else ratio <= most,
    )


def _fill(session: Session) -> None:
    """Store open trials around Leeds, farther and farther away, and articles."""
    now = SystemClock().now()
    trials = [
        ItemDraft(
            registry="clinicaltrials.gov", external_id=f"NCT9000{number:04}", kind=ItemKind.TRIAL,
            url=f"https://example.org/{number}", title=f"A fictional study, the {number}th", source="made up",
            published_at=now - timedelta(days=number),
            facts=TrialFacts(
                status="RECRUITING",
                sites=tuple(
                    Site(facility="A hospital", city="Leeds", country="GB", country_name="United Kingdom",
                         status="RECRUITING", latitude=53.8 + number / 1_000, longitude=-1.55 + each / 10)
                    for each in range(5)
                ),
            ),
            areas=[{"id": "D009103", "in_title": True}],
        )
        for number in range(_TRIALS)
    ]  # fmt: skip
    articles = [
        ItemDraft(
            registry="editors", external_id=f"{number}.md", kind=ItemKind.ARTICLE, url="", title=f"Article {number}",
            source="editors", published_at=now - timedelta(days=number), facts=ArticleFacts(html="<p>Words.</p>"),
        )
        for number in range(_ARTICLES)
    ]  # fmt: skip
    store_items(session, [*trials, *articles], baseline=True, now=now)

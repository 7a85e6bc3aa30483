"""Made-up drafts."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from trialalerts.catalog.draft import AreaTag, ItemDraft
from trialalerts.catalog.facts import ArticleFacts, Site, TrialFacts
from trialalerts.catalog.tables import ItemKind

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
US, UK, EU = "clinicaltrials.gov", "isrctn", "euctr"


def trial(number: str = "NCT00000001", *, registry: str = US, aliases: tuple[str, ...] = (), **facts: Any) -> ItemDraft:
    """Return a trial; further names are facts."""
    known: dict[str, Any] = {
        "numbers": (number,),
        "status": "RECRUITING",
        "criteria": "Adults with example syndrome",
        "sites": (
            Site(facility="Example Hospital", city="Leeds", country="GB", latitude=53.79648, longitude=-1.54785),
        ),
        "first_posted": date(2026, 2, 20),
    }
    return ItemDraft(
        registry=registry,
        external_id=number,
        kind=ItemKind.TRIAL,
        url=f"https://example.org/{number}",
        title="Examplinib for example syndrome",
        summary="We try examplinib.",
        published_at=datetime(2026, 2, 20, tzinfo=UTC),
        facts=TrialFacts.model_validate(known | facts),
        areas=[AreaTag(id="D000001", in_title=True)],
        ancestors=["D000002"],
        source="registry",
        aliases=aliases,
    )


def article(
    external_id: str = "https://example.org/a", *, title: str = "A drug for everything", **facts: Any
) -> ItemDraft:
    """Return an article; further names are facts."""
    return ItemDraft(
        registry="news",
        external_id=external_id,
        kind=ItemKind.ARTICLE,
        url="https://example.org/a",
        title=title,
        facts=ArticleFacts.model_validate({"html": "<p>Text</p>"} | facts),
        source="news",
    )

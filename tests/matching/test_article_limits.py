"""An article that is for some regions or languages is told to those who live there, or read one of them."""

from __future__ import annotations

from typing import Any

import pytest

from trialalerts.catalog.outlines import outline_of, read_outline, written_outline
from trialalerts.catalog.tables import ItemKind
from trialalerts.matching.index import WindowIndex
from trialalerts.matching.query import RegionKey
from trialalerts.matching.window import Indexed
from trialalerts.subscribers.tables import RegionKind
from trialalerts.vocabulary.areas.tree import AreaTree

pytestmark = pytest.mark.quick

GB = {"kind": "country", "label": "United Kingdom", "country": "GB"}
ENGLAND = {"kind": "subdivision", "label": "England", "country": "GB", "subdivision": "GB-ENG"}
LEEDS = {
    "kind": "place", "label": "Leeds", "country": "GB", "subdivision": "GB-ENG", "latitude": 53.8, "longitude": -1.55,
    "radius_km": 50.0,
}  # fmt: skip
ANYWHERE: RegionKey = (RegionKind.ANYWHERE, None, None, None, None, None)
IN_GB: RegionKey = (RegionKind.COUNTRY, "GB", None, None, None, None)
IN_ENGLAND: RegionKey = (RegionKind.SUBDIVISION, "GB", "GB-ENG", None, None, None)
IN_SCOTLAND: RegionKey = (RegionKind.SUBDIVISION, "GB", "GB-SCT", None, None, None)
IN_FRANCE: RegionKey = (RegionKind.COUNTRY, "FR", None, None, None, None)
IN_NORTH: RegionKey = (RegionKind.GROUP, None, "GB-SCT FR", None, None, None)
YORK: RegionKey = (RegionKind.PLACE, "GB", "GB-ENG", 53.96, -1.08, 5.0)  # 35 km from Leeds
LONDON: RegionKey = (RegionKind.PLACE, "GB", "GB-ENG", 51.5, -0.12, 50.0)
LONDON_FAR: RegionKey = (RegionKind.PLACE, "GB", "GB-ENG", 51.5, -0.12, 300.0)
GLASGOW: RegionKey = (RegionKind.PLACE, "GB", "GB-SCT", 55.86, -4.25, 50.0)


def index_of(**facts: Any) -> WindowIndex:
    outline = outline_of(kind=ItemKind.ARTICLE, status=None, facts=facts, areas={}, topics=())
    stored = read_outline(written_outline(outline))
    each = Indexed(seq=1, item_id=1, kind="published", outline=stored, places=stored.joined_places)
    return WindowIndex([each], AreaTree([]))


@pytest.mark.parametrize(
    ("regions", "told", "not_told"),
    [
        ([], [ANYWHERE, IN_GB, IN_FRANCE, GLASGOW, IN_NORTH], []),
        ([GB], [ANYWHERE, IN_GB, IN_ENGLAND, IN_SCOTLAND, YORK, GLASGOW, IN_NORTH], [IN_FRANCE]),
        ([ENGLAND], [ANYWHERE, IN_GB, IN_ENGLAND, YORK, LONDON], [IN_SCOTLAND, GLASGOW, IN_FRANCE, IN_NORTH]),
        ([LEEDS], [ANYWHERE, IN_GB, IN_ENGLAND, YORK, LONDON_FAR], [IN_SCOTLAND, LONDON, GLASGOW, IN_FRANCE]),
        ([LEEDS, {**GB, "country": "FR"}], [YORK, IN_FRANCE, IN_NORTH], [LONDON, IN_SCOTLAND]),
    ],
)
def test_regions(regions: list[dict[str, Any]], told: list[RegionKey], not_told: list[RegionKey]) -> None:
    index = index_of(regions=regions)
    assert {key for key in (*told, *not_told) if index.region(key)} == set(told)


def test_languages() -> None:
    assert [bool(index_of(languages=["en", "de"]).read_in(language)) for language in ("en", "de", "fr")] == [1, 1, 0]
    assert index_of().read_in("fr")

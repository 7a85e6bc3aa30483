"""The beginning of a postcode tells its subdivision."""

from __future__ import annotations

import pytest
from sqlmodel import Session, select

from trialalerts.vocabulary.places.postcodes import areas as module
from trialalerts.vocabulary.places.postcodes.areas import postcode_areas
from trialalerts.vocabulary.tables import Place


@pytest.mark.parametrize(
    ("country", "code", "areas"),
    [
        ("JP", "135-8550", {"JP-13"}),
        ("JP", "1358550", {"JP-13"}),
        ("JP", "〒135-8550", {"JP-13"}),
        ("JP", "2A", set()),
        ("CN", "710032", {"CN-SN"}),
        ("KR", "06973", {"KR-11"}),
        ("KR", "137-701", {"KR-11"}),
        ("US", "02139", {"US-MA"}),
        ("US", "02139-4307", {"US-MA"}),
        ("US", "00921", {"PR"}),
        ("US", "2139", set()),
        ("CA", "H3A 2B4", {"CA-QC"}),
        ("GB", "BT9 7AB", {"GB-NIR"}),
        ("GB", "LS1 3EX", {"GB-ENG"}),
        ("GB", "TD9 7AB", {"GB-ENG", "GB-SCT"}),
        ("GB", "JE2 3QS", {"JE"}),
        ("FR", "97448", {"RE"}),
        ("FR", "91179 - 06003", {"FR-IDF", "FR-PAC"}),
        ("DE", "D-61462", {"DE-HE"}),
        ("TR", "34093", {"TR-34"}),
        ("AR", "C1199ABB", {"AR-C"}),
        ("BR", "05403-000", {"BR-SP"}),
        ("BR", "76801-000", {"BR-RO"}),
        ("PL", "00-001", {"PL-14"}),
        ("XX", "12345", set()),
        ("JP", "", set()),
    ],
)
def test_a_postcode_tells_where_it_lies(country: str, code: str, areas: set[str]) -> None:
    assert postcode_areas(country, code) == areas


def test_every_area_of_the_file_is_a_place(session: Session) -> None:
    known = set(session.exec(select(Place.id)).all())
    named = {code for rules in module._rules().values() for areas in rules.values() for code in areas}
    assert named - known == set()

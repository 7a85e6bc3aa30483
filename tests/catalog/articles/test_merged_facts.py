"""What several records say of one paper becomes the same facts, whichever was read first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from trialalerts.catalog.articles.merging import ArticleVersion, merged
from trialalerts.catalog.facts import ArticleFacts, ArticleNotice, PartialDate

NOW = datetime(2026, 3, 2, tzinfo=UTC)
_DAYS = st.sampled_from([
    None, PartialDate(value="2026", precision="year"), PartialDate(value="2026-02", precision="month"),
    PartialDate(value="2026-02-11", precision="day"),
])  # fmt: skip
_NOTICES = st.builds(
    ArticleNotice,
    kind=st.sampled_from(["retracted", "corrected", "concern"]),
    id=st.sampled_from([None, "pmid:90000005", "pmid:90000006"]),
    on=_DAYS,
)
_NUMBERS = st.sampled_from(["NCT90000001", "NCT90000002", "ISRCTN90000001"])


def said(number: int = 0, **facts: Any) -> ArticleVersion:
    known = ArticleFacts(**facts).model_dump(mode="json")
    return ArticleVersion(
        registry=f"r{number}", external_id="1", source=f"s{number}", facts_hash=str(number), url="", title="A paper",
        summary="", published_at=None, facts=known, areas={}, topics=(), first_seen_at=NOW + timedelta(hours=number),
    )  # fmt: skip


@st.composite
def versions(draw: st.DrawFn) -> tuple[Sequence[ArticleVersion], Sequence[ArticleVersion]]:
    """Draw the records of one paper, and the same in another order of being seen."""
    told = draw(st.lists(st.tuples(st.lists(_NUMBERS, max_size=2), st.lists(_NOTICES, max_size=3)), min_size=1))
    order = draw(st.permutations(range(len(told))))
    one = [said(n, trials=tuple(trials), notices=tuple(notices)) for n, (trials, notices) in enumerate(told)]
    other = [said(order[n], trials=tuple(trials), notices=tuple(notices)) for n, (trials, notices) in enumerate(told)]
    return one, other


@given(ways=versions())
def test_trials_and_notices_do_not_depend_on_who_was_first(
    ways: tuple[Sequence[ArticleVersion], Sequence[ArticleVersion]],
) -> None:
    one, other = (merged(way)["facts"] for way in ways)
    assert (one["trials"], one["notices"]) == (other["trials"], other["notices"])
    assert set(one["trials"]) == {number for version in ways[0] for number in version.facts["trials"]}
    stated = {(each["kind"], each["id"]) for version in ways[0] for each in version.facts["notices"]}
    kept = [(each["kind"], each["id"]) for each in one["notices"]]
    assert len(kept) == len(set(kept))
    assert set(kept) <= stated
    assert {kind for kind, _ in kept} == {kind for kind, _ in stated}


def test_a_notice_without_an_id_says_nothing_beside_one_that_has_one() -> None:
    day = PartialDate(value="2026-02-11", precision="day")
    bare, named = ArticleNotice(kind="retracted"), ArticleNotice(kind="retracted", id="pmid:90000005")
    facts = merged([said(0, notices=(bare,)), said(1, notices=(named.model_copy(update={"on": day}), named))])["facts"]
    assert facts["notices"] == [
        {"kind": "retracted", "id": "pmid:90000005", "on": {"value": "2026-02-11", "precision": "day", "kind": None}}
    ]


def test_the_journal_is_that_of_whoever_names_one() -> None:
    assert merged([said(0), said(1, journal="Journal of Examples")])["facts"]["journal"] == "Journal of Examples"

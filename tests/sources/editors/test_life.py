"""Tests of the life of an article: what its file, its approvals and the clock together make of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from trialalerts.sources.editors.article_file import ArticleFile, read_article
from trialalerts.sources.editors.front_matter import UnreadableArticle
from trialalerts.sources.editors.life import ArticleStage, life_of

pytestmark = pytest.mark.quick

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
LONDON = ZoneInfo("Europe/London")


def article(*lines: str, body: str = "Words.") -> ArticleFile:
    return read_article("\n".join(["---", "title: News", *lines, "---", body]), "news.md", LONDON)


@pytest.mark.parametrize(
    ("lines", "stage"),
    [
        ([], "published"),
        (["status: draft"], "draft"),
        (["status: Draft"], "draft"),
        (["status: review"], "review"),
        (["status: scheduled", "publish_at: 2026-03-02 09:01"], "scheduled"),
        (["status: scheduled", "publish_at: 2026-03-02 08:59"], "published"),
        (["publish_at: 2026-03-03"], "scheduled"),
        (["publish_at: 2026-03-02"], "published"),
        (["publish_at: 2026-03-02T10:30:00+01:00"], "scheduled"),
        (['publish_at: "2026-03-02 08:30"'], "published"),
        (['publish_at: "2 March 2026 9:30"'], "scheduled"),
        (["corrected: 2026-03-01", "correction: So."], "corrected"),
        (["status: corrected"], "corrected"),
        (["status: published", "corrected: 2026-03-01", "correction: So."], "corrected"),
        (["retracted: 2026-03-01", "retraction: So."], "retracted"),
        (["status: retracted"], "retracted"),
        (["status: draft", "publish_at: 2026-03-01"], "draft"),
    ],
)
def test_the_file_and_the_clock_say_how_it_stands(lines: list[str], stage: str) -> None:
    assert life_of(article(*lines), None, NOW).stage == stage


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("status: publish", "status"),
        ("status: [draft, review]", "status"),
        ("status: 3", "status"),
        ("status: scheduled", "publish_at"),
        ("publish_at: soon", "publish_at"),
        ("publish_at: [2026-03-01]", "publish_at"),
        ("regions: {GB: yes}", "regions"),
        ("regions: [GB, 3]", "regions"),
        ("languages: [english]", "languages"),
    ],
)
def test_what_decides_who_may_see_it_is_understood_or_nobody_sees_it(line: str, field: str) -> None:
    with pytest.raises(UnreadableArticle) as refused:
        article(line)
    assert refused.value.field == field


@pytest.mark.parametrize("status", ["draft", "review"])
def test_an_approval_does_not_publish_what_its_editors_hold(status: str) -> None:
    file = article(f"status: {status}")
    assert life_of(file, [(file.digest, NOW)], NOW).stage == status


@pytest.mark.parametrize(
    "lines", [[], ["publish_at: 2026-03-03"], ["retracted: 2026-03-01"], ["corrected: 2026-03-01"]]
)
def test_where_approval_is_asked_for_nothing_leaves_without_it(lines: list[str]) -> None:
    file = article(*lines)
    assert life_of(file, [], NOW).stage is ArticleStage.REVIEW
    assert life_of(file, [("another version", NOW)], NOW).stage is ArticleStage.REVIEW
    assert life_of(file, [(file.digest, NOW)], NOW).stage is not ArticleStage.REVIEW


def test_the_next_step_of_an_approved_article_needs_no_approval_and_another_word_does() -> None:
    approved = [(article("status: review").digest, NOW)]
    for lines in (["status: published"], ["status: scheduled", "publish_at: 2026-03-09"], ["reviewer: Dr Reed"]):
        assert life_of(article(*lines), approved, NOW).stage is not ArticleStage.REVIEW
    for other in (article(body="Other words."), article("audience: patients"), article("regions: [GB]")):
        assert life_of(other, approved, NOW).stage is ArticleStage.REVIEW


def test_an_article_is_as_old_as_its_first_approval_or_its_time() -> None:
    file = article("publish_at: 2026-03-01 08:00")
    first = datetime(2026, 2, 28, tzinfo=UTC)
    assert life_of(file, [("before", first), (file.digest, NOW)], NOW).since == datetime(2026, 3, 1, 8, tzinfo=LONDON)
    later = [("before", NOW - timedelta(hours=1)), (file.digest, NOW)]
    assert life_of(file, later, NOW).since == NOW - timedelta(hours=1)
    assert life_of(article(), None, NOW).since is None

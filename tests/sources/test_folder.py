"""Tests of folders of Markdown articles: what an editor writes is kept, a broken file harms only itself."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from trialalerts.catalog.draft import ItemDraft
from trialalerts.catalog.facts import ArticleFacts
from trialalerts.errors import SourceError
from trialalerts.sources.base import Batch, Position
from trialalerts.sources.context import SourceContext
from trialalerts.sources.kinds.folder import FolderSettings, FolderSource

ARTICLE = """---
title: Living with **asthma** &amp; more
subtitle: What to ask your doctor
date: 2026-02-28
categories: [multiple sclerosis, Melanoma]
audience: [patients, carers]
author: A. Writer
language: en
url: https://example.org/articles/asthma
---

# Heading

A *first* paragraph with a [link](https://example.org/a) and a [bad one](javascript:alert(1)).

<script>alert(1)</script><img src=x onerror=alert(1)>

| a | b |
|---|---|
| 1 | 2 |
"""


def read(folder: Path, context: SourceContext) -> Batch:
    source = FolderSource(FolderSettings.model_validate({"name": "editors", "kind": "folder", "path": str(folder)}))
    (batch,) = source.batches(Position(), context)
    return batch


def one(text: str | bytes, folder: Path, context: SourceContext) -> ItemDraft:
    (folder / "one.md").write_bytes(text if isinstance(text, bytes) else text.encode())
    batch = read(folder, context)
    assert not batch.problems
    (draft,) = batch.drafts
    return draft


def test_the_trials_that_an_article_names_are_told(tmp_path: Path, context: SourceContext) -> None:
    draft = one("---\ntitle: A trial\n---\nIts number is NCT 90000001.\n", tmp_path, context)
    assert isinstance(draft.facts, ArticleFacts)
    assert draft.facts.trials == ("NCT90000001",)


def test_an_article_is_read(tmp_path: Path, context: SourceContext) -> None:
    draft = one(ARTICLE, tmp_path, context)
    assert not draft.problems
    assert (draft.registry, draft.external_id, draft.url) == (
        "editors",
        "one.md",
        "https://example.org/articles/asthma",
    )
    assert (draft.title, draft.summary) == ("Living with asthma & more", "What to ask your doctor")
    assert draft.published_at == datetime(2026, 2, 28, tzinfo=UTC)
    assert draft.areas == [{"id": "D009103", "in_title": False}, {"id": "D008545", "in_title": False}]
    facts = draft.facts
    assert isinstance(facts, ArticleFacts)
    assert (facts.authors, facts.categories) == (("A. Writer",), ("multiple sclerosis", "Melanoma"))
    assert (facts.audience, facts.language) == ("patients", "en")
    assert '<a href="https://example.org/a"' in facts.html
    assert "<td>1</td>" in facts.html
    assert "<script" not in facts.html
    assert "onerror" not in facts.html


def test_without_categories_the_words_tell_the_areas(tmp_path: Path, context: SourceContext) -> None:
    draft = one("---\ntitle: On asthma\n---\nAnd *melanoma* too.", tmp_path, context)
    assert draft.areas == [{"id": "D001249", "in_title": True}, {"id": "D008545", "in_title": False}]
    assert (draft.url, draft.published_at, draft.summary) == ("", None, "And melanoma too.")


def test_an_unknown_category_is_named_with_the_nearest_and_the_known_ones_count(
    tmp_path: Path, context: SourceContext
) -> None:
    (tmp_path / "one.md").write_text("---\ntitle: T\ncategories: [Asthmma, melanoma]\n---\n", "utf-8")
    batch = read(tmp_path, context)
    (draft,) = batch.drafts
    assert (draft.areas, draft.problems) == ([{"id": "D008545", "in_title": False}], ())
    assert batch.strange == {"Asthmma": " Did you mean “Asthma”?"}


def test_one_category_may_stand_without_a_list(tmp_path: Path, context: SourceContext) -> None:
    assert one("---\nTitle: T\ncategories: asthma\n---\n", tmp_path, context).areas == [
        {"id": "D001249", "in_title": False}
    ]


@pytest.mark.parametrize(("written", "moment"), [
    ("2026-02-28", datetime(2026, 2, 28, tzinfo=UTC)),
    ("2026-02-28 10:00:00+02:00", datetime(2026, 2, 28, 8, tzinfo=UTC)),
    ("2026-02-28T10:00:00", datetime(2026, 2, 28, 10, tzinfo=UTC)),
    ("28 February 2026", datetime(2026, 2, 28, tzinfo=UTC)),
    ('"28.2.2026"', datetime(2026, 2, 28, tzinfo=UTC)),
])  # fmt: skip
def test_dates_may_be_written_as_people_write_them(
    written: str, moment: datetime, tmp_path: Path, context: SourceContext
) -> None:
    draft = one(f"---\ntitle: T\ndate: {written}\n---\n", tmp_path, context)
    assert (draft.published_at, draft.problems) == (moment, ())
    assert isinstance(draft.facts, ArticleFacts)
    assert draft.facts.published_on == (None if moment.hour else moment.date())


@pytest.mark.parametrize(("line", "field"), [
    ("date: soon", "date"), ("date: 2026", "date"), ("url: ftp://example.org/", "url"), ("url: [1, 2]", "url"),
    ("categories: {a: b}", "categories[0]"), ("audience: 7", "audience"), ("subtitle: {a: b}", "subtitle"),
])  # fmt: skip
def test_a_wrong_field_is_noted_and_the_article_kept(
    line: str, field: str, tmp_path: Path, context: SourceContext
) -> None:
    draft = one(f"---\ntitle: T\n{line}\n---\nWords.", tmp_path, context)
    assert draft.title == "T"
    assert field in {problem.field for problem in draft.problems}


BROKEN: dict[str, tuple[bytes, str, str]] = {
    "bad YAML": (b"---\ntitle: [T\n---\nWords", "front matter", "line 3 is no YAML"),
    "YAML with a tab": (b"---\ntitle: T\n\tdate: x\n---\n", "front matter", "is no YAML"),
    "a list": (b"---\n- a\n- b\n---\n", "title", "has no title"),
    "no title": (b"---\nsubtitle: S\n---\nWords", "title", "has no title"),
    "a blank title": (b'---\ntitle: " "\n---\nWords', "title", "has no title"),
    "a title of another kind": (b"---\ntitle: 17\n---\nWords", "title", "has no title"),
    "no front matter": (b"Words", "front matter", "does not begin with a line ---"),
    "an empty file": (b"", "front matter", "does not begin with a line ---"),
    "a file half written": (b"---\ntitle: T\nsubti", "front matter", "half written"),
    "no UTF-8": ("---\ntitle: Étude\n---\n".encode("latin-1"), "file", "not UTF-8 (byte 11)"),
    "a file too large": (b"---\ntitle: T\n---\n" + b"x" * 2_000_001, "file", "more than 2,000,000 bytes"),
    "an object that makes code": (b"---\ntitle: !!python/object/apply:os.getcwd []\n---\n", "front matter", "no YAML"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_a_problem_and_the_rest_goes_on(name: str, tmp_path: Path, context: SourceContext) -> None:
    content, field, message = BROKEN[name]
    (tmp_path / "broken.md").write_bytes(content)
    (tmp_path / "good.md").write_text(ARTICLE)
    batch = read(tmp_path, context)
    assert [draft.external_id for draft in batch.drafts] == ["good.md"]
    assert [(problem.external_id, problem.field) for problem in batch.problems] == [("broken.md", field)]
    assert message in batch.problems[0].message
    assert "\n" not in batch.problems[0].message


def test_folders_in_the_folder_are_read_and_hidden_files_are_not(tmp_path: Path, context: SourceContext) -> None:
    for name in ("a.md", "b/c.md", "d/e/é.md", ".hidden.md", ".git/f.md", "g.txt", "b/.#c.md"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(ARTICLE)
    assert [draft.external_id for draft in read(tmp_path, context).drafts] == ["a.md", "b/c.md", "d/e/é.md"]


def test_an_empty_folder_is_no_error_and_a_missing_one_is(tmp_path: Path, context: SourceContext) -> None:
    assert read(tmp_path, context).drafts == []
    with pytest.raises(SourceError, match="Source editors: there is no folder"):
        read(tmp_path / "missing", context)


def test_windows_line_ends_and_a_byte_order_mark_are_fine(tmp_path: Path, context: SourceContext) -> None:
    assert (
        one(b"\xef\xbb\xbf" + ARTICLE.replace("\n", "\r\n").encode(), tmp_path, context).title
        == "Living with asthma & more"
    )


def test_a_correction_has_a_day_and_a_sentence(tmp_path: Path, context: SourceContext) -> None:
    draft = one("---\ntitle: T\ncorrected: 2026-03-03\ncorrection: It was 12, not 21.\n---\n", tmp_path, context)
    assert isinstance(draft.facts, ArticleFacts)
    assert (draft.facts.corrected_on, draft.facts.correction) == (date(2026, 3, 3), "It was 12, not 21.")
    assert not draft.problems


@pytest.mark.parametrize(("line", "field"), [("correction: Oh.", "correction"), ("corrected: 2026-03-03", "corrected")])
def test_half_a_correction_is_noted(line: str, field: str, tmp_path: Path, context: SourceContext) -> None:
    assert [problem.field for problem in one(f"---\ntitle: T\n{line}\n---\n", tmp_path, context).problems] == [field]

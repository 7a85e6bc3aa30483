"""Tests of front matter that a command changes: what it sets is read again, all else stays as it was written."""

from __future__ import annotations

from datetime import date

import frontmatter
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trialalerts.errors import InvalidInput
from trialalerts.sources.editors.front_matter import UnreadableArticle, parts_of, with_values

pytestmark = pytest.mark.quick

ARTICLE = """---
# What the society's editors agreed on
title: "A title: with a colon"
summary: >
  Two lines
  that are one.
Status: draft   # until it is read
categories: [MS, Asthma]
publish_at: 2026-01-15 08:00
---

The text.
---
A line is drawn above.
"""


def test_a_key_is_set_in_its_place_and_comments_elsewhere_stay() -> None:
    changed = with_values(
        ARTICLE, {"status": "published", "reviewer": "Dr Reed: head of research"}, without="publish_at"
    )
    assert changed.splitlines()[:8] == [
        "---", "# What the society's editors agreed on", 'title: "A title: with a colon"', "summary: >",
        "  Two lines", "  that are one.", "status: published", "categories: [MS, Asthma]",
    ]  # fmt: skip
    head, body = parts_of(changed)
    assert head["reviewer"] == "Dr Reed: head of research"
    assert "publish_at" not in head
    assert body == parts_of(ARTICLE)[1]


def test_a_value_of_several_lines_goes_as_a_whole() -> None:
    changed = with_values(ARTICLE, {"summary": "One line."})
    assert "that are one" not in changed
    assert parts_of(changed)[0]["summary"] == "One line."


def test_line_ends_of_windows_stay() -> None:
    changed = with_values(ARTICLE.replace("\n", "\r\n"), {"status": "review"})
    assert changed.count("\n") == changed.count("\r\n") == ARTICLE.count("\n")


def test_what_no_command_can_change_is_left() -> None:
    with pytest.raises(InvalidInput, match="set status"):
        with_values("---\n{title: News, status: draft}\n---\n", {"status": "review"})


@pytest.mark.parametrize("text", ["", "no front matter", "---\ntitle: half", "---\n: : :\n- x\n---\n"])
def test_what_cannot_be_read_is_not_changed(text: str) -> None:
    with pytest.raises(UnreadableArticle):
        with_values(text, {"status": "review"})


_KEYS = st.sampled_from(["title", "subtitle", "status", "correction", "categories", "date", "note"])
_WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc"), exclude_characters="\u2028\u2029\x85"))
_VALUES = st.one_of(_WORDS, st.dates(date(1990, 1, 1), date(2100, 1, 1)), st.lists(_WORDS, max_size=3), st.integers())


@settings(suppress_health_check=[HealthCheck.too_slow])  # on a busy machine
@given(head=st.dictionaries(_KEYS, _VALUES, min_size=1), key=_KEYS, value=st.one_of(_WORDS, st.dates()), body=_WORDS)
def test_whatever_is_set_is_read_again_and_the_rest_is_as_before(
    head: dict[str, object], key: str, value: str | date, body: str
) -> None:
    text = frontmatter.dumps(frontmatter.Post(body, None, **head)) + "\n"
    before, words = parts_of(text)
    after, same = parts_of(with_values(text, {key: value}))
    assert after == {**before, key: value}
    assert same == words

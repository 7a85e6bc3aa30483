"""Tests of the comparing of links."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialalerts.sources.feeds.links import link_key, usable_link


@pytest.mark.parametrize("link", [
    "https://example.org/a/b",
    "http://www.example.org/a/b/",
    "HTTPS://EXAMPLE.org:443/a/b#part",
    "https://example.org/a/b?utm_source=rss&utm_medium=feed",
    "https://example.org/a/b?fbclid=1&af=R",
])  # fmt: skip
def test_links_to_one_page_are_one(link: str) -> None:
    assert link_key(link) == "example.org/a/b"


@pytest.mark.parametrize(("one", "other"), [
    ("https://example.org/a?id=1", "https://example.org/a?id=2"),
    ("https://example.org/a", "https://example.net/a"),
    ("https://example.org/A", "https://example.org/a"),
    ("https://example.org:8443/a", "https://example.org/a"),
    ("https://example.org/#!/a", "https://example.org/#!/b"),
])  # fmt: skip
def test_links_to_two_pages_are_two(one: str, other: str) -> None:
    assert link_key(one) != link_key(other)


def test_the_order_of_parameters_makes_no_difference() -> None:
    assert link_key("https://example.org/a?b=1&a=2") == link_key("https://example.org/a?a=2&utm_id=9&b=1")


@pytest.mark.parametrize(("link", "usable"), [
    ("/news/1", "https://example.org/news/1"),
    (" https://example.net/a\n", "https://example.net/a"),
    ("//example.net/a", "https://example.net/a"),
    ("javascript:alert(1)", ""),
    ("data:text/html,x", ""),
    ("mailto:someone@example.org", ""),
    ("https://", ""),
    ("https://[broken", ""),
    ("https://example.org/" + "a" * 3000, ""),
])  # fmt: skip
def test_only_web_addresses_are_usable(link: str, usable: str) -> None:
    assert usable_link(link, "https://example.org/feed.xml") == usable


@given(st.text())
def test_no_link_makes_it_stumble(link: str) -> None:
    link_key(usable_link(link, "https://example.org/"))

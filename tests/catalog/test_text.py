"""Tests of the cleaning of text."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialalerts.catalog.draft import ItemDraft
from trialalerts.catalog.facts import TrialFacts
from trialalerts.catalog.text import clean_line, clean_text, sanitised_html, storable, summary_of

LONE = "\ud83d"  # half of a surrogate pair, as broken JSON brings it

PIECES = [
    *"ab1 \n\r\t\\<>&;#*-_[]()!/.,:\"'=p•é\0\x07\x85\xa0\u200b\u202e\u2028\ufeff",
    *(
        "\ud83d",
        "\ude00",
        "<p>",
        "</p>",
        "<br/>",
        "<li>",
        "<b>",
        "<sup>2",
        "<script>",
        "<!--",
        "&lt;",
        "&amp;",
        "&#38;",
    ),
    *("&#0;", "&#xD800;", "**", "](http://example.org)", "![x](y)", "* ", "- ", "# ", "1. ", "]]>", "<![CDATA["),
]
nasty = st.lists(st.sampled_from(PIECES), max_size=16).map("".join) | st.text(st.characters(exclude_categories=()))


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("Plain words stay.", "Plain words stay."),
        (r"Age \> 18 and \<65, \[18F\]FDG, 5\*10\^9, p\~q", "Age > 18 and <65, [18F]FDG, 5*10^9, p~q"),
        (r"platelets \\> 9", "platelets > 9"),
        ("ALT &lt; 3 x ULN &amp; AST &gt; 2", "ALT < 3 x ULN & AST > 2"),
        ("R&D at A&amp;B, &Amp; more, AT&T; &madeup;", "R&D at A&B, & more, AT&T; &madeup;"),
        ("5 &mu;g &#39;x&#39; &#x2265; 9 &#150; 10", "5 μg 'x' ≥ 9 – 10"),
        ("&amp;amp;lt;18 years", "<18 years"),
        ("x < y and y > z, <18 years, n<5", "x < y and y > z, <18 years, n<5"),
        ("* one\n* two\n  * nested\n• three\n– four", "- one\n- two\n- nested\n- three\n- four"),
        ("1. one\n2. two\n   10\\. ten", "1. one\n2. two\n10. ten"),
        ("one\r\n\r\n\r\n\r\ntwo  three \n four\t", "one\n\ntwo three\nfour"),
        ("<p>One\nline.</p><p>Two<br>lines</p>", "One line.\n\nTwo\nlines"),
        ("<ul>\n<li>one</li>\n<li><b>two</b></li>\n</ul>", "- one\n- two"),
        ("10<sup>9</sup>/L, CO<sub>2</sub>, Name<sup>®</sup>", "10^9/L, CO2, Name®"),
        ("a<script>alert(1)</script>b<style>p{}</style>c<!-- d -->e", "a b ce"),
        ("<jats:p>A <jats:italic>word</jats:italic></jats:p>", "A word"),
        ("<![CDATA[A word]]>", "A word"),
        ("&lt;b&gt;bold&lt;/b&gt; and **bold** and [a link](https://example.org/x)", "bold and bold and a link"),
        ("A ![picture](https://example.org/x.png) of it", "A of it"),
        ("# Heading\n\nText", "Heading\n\nText"),
        ("soft\xadhyphen, zero\u200bwidth, \u202eturned", "softhyphen, zerowidth, turned"),
        ("\ufeffno-break\xa0blank", "no-break blank"),
        ("line\u2028end and \x85next", "line\nend and\nnext"),
        ("שלום \u200fעולם", "שלום \u200fעולם"),
        ("می\u200cخواهم 👩\u200d👩\u200d👧", "می\u200cخواهم 👩\u200d👩\u200d👧"),
        ("\ud83d\ude00 joined, \ud83d alone, nul\0 gone", "😀 joined, \ufffd alone, nul gone"),
        ("2 * 3 * 4, CYP2D6 *4/*4, snake_case_name", "2 * 3 * 4, CYP2D6 *4/*4, snake_case_name"),
        ("A<B and C>D", "A<B and C>D"),
        (r"A\<B and C\>D", "A<B and C>D"),
        ("AST &lt;b and ALT&gt;c", "AST <b and ALT>c"),
        ("a < b > c, a<b>c, A<B>C", "a < b > c, a<b>c, A<B>C"),
        ("<18, x<y, p<0.05 and >3, n <p and q> r", "<18, x<y, p<0.05 and >3, n <p and q> r"),
        ("score <head and neck> 3, then more", "score <head and neck> 3, then more"),
        ("score <title of it> 3, <style points> 4", "score <title of it> 3, <style points> 4"),
        ("eGFR <s or i=3 u> 4, HR<i if j>2", "eGFR <s or i=3 u> 4, HR<i if j>2"),
        ("a <!b or c> d", "a <!b or c> d"),
        ("<b>A</b><B class=x>B</B>: a<b>c", "AB: ac"),
        ('<p class="a"id=b nowrap>One</p ><td nowrap>two<br clear=all />three', "One\n\ntwo\nthree"),
        ("<a href=https://example.org/?x=1&y=2 target=_blank>a link</a>", "a link"),
        ("<!DOCTYPE html><?xml version='1.0'?><html lang=en><i>word", "word"),
        ("", ""),
        (" \n\t ", ""),
    ],
    ids=lambda text: ascii(text)[1:30],
)
def test_text_becomes_plain(raw: str, clean: str) -> None:
    assert clean_text(raw) == clean


def test_a_title_is_one_line() -> None:
    assert clean_line("  A <i>Phase 2</i>\n study of\tX\\&Y ") == "A Phase 2 study of X&Y"
    assert clean_line("<p>One</p><p>Two</p>") == "One Two"


@settings(max_examples=500)
@given(nasty)
def test_no_text_is_too_nasty_and_a_clean_one_stays(text: str) -> None:
    for clean in (clean_text(text), clean_line(text), sanitised_html(text), storable(text)):
        assert "\0" not in clean
        clean.encode()
    assert clean_text(clean_text(text)) == clean_text(text)
    assert clean_line(clean_line(text)) == clean_line(text)
    assert "\n" not in clean_line(text)
    assert not re.search("[\x01-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", clean_text(text))


@given(nasty, st.integers(1, 60))
def test_a_summary_keeps_its_limit_and_is_one_line(text: str, limit: int) -> None:
    summary = summary_of(clean_text(text), limit)
    assert len(summary) <= limit
    assert "\n" not in summary


@pytest.mark.parametrize(
    ("limit", "summary"),
    [
        (200, "We try examplinib. It may help against asthma, or it may not."),
        (50, "We try examplinib. It may help against asthma, or…"),
        (30, "We try examplinib."),
        (12, "We try…"),
        (5, "We…"),
        (1, "…"),
    ],
)
def test_a_summary_ends_with_a_sentence_or_a_word(limit: int, summary: str) -> None:
    assert summary_of("We try examplinib. It may help\nagainst asthma, or it may not.", limit) == summary


@pytest.mark.parametrize(
    "hostile",
    [
        "<p" * 200_000,
        "&amp;" * 200_000,
        "&" + "amp;" * 200_000 + "lt;",
        "<script>" * 100_000,
        "</script>" + "<script" * 100_000,
        "<b x=" * 100_000,
        '<b x="' * 100_000,
        "<b " + "x=1 " * 200_000,
        "<b" + " " * 500_000,
        "a<b>c" * 100_000,
        "<!--" * 100_000,
        "[a](" * 100_000,
        "**a" * 100_000,
        "\\" * 500_000,
        "* " * 200_000,
        " " * 500_000,
        "\n" * 500_000,
        "<div>" * 100_000,
        "# " * 200_000,
        "x" * 2_000_000,
        LONE * 100_000,
    ],
    ids=lambda text: ascii(text[:8]),
)
def test_a_huge_text_is_cleaned_in_time(hostile: str) -> None:
    clean_text(hostile)
    clean_line(hostile)
    sanitised_html(hostile)
    summary_of(hostile, 300)


def test_article_html_is_harmless() -> None:
    html = sanitised_html(
        "<p onclick='x()' style='color:red' class='c'>One <a href='https://example.org/a' target='_blank'>link</a>, "
        "<a href='javascript:alert(1)'>two</a>, <a href='//example.org'>three</a>, "
        "<a href='mailto:a@example.org'>four</a>, <a href='/relative'>five</a></p><img src='https://example.org/pixel.png'><script>x()</script>"
        "<style>p{}</style><form><input name='a'></form><iframe src='https://example.org'></iframe><!-- note -->"
        "<h2>Head</h2><ul><li>item</li></ul><table><tr><td>cell</td></tr></table>"
    )
    assert html == (
        '<p>One <a href="https://example.org/a">link</a>, '
        "<a>two</a>, <a>three</a>, "
        '<a href="mailto:a@example.org">four</a>, '
        "<a>five</a></p>"
        "<h2>Head</h2><ul><li>item</li></ul><table><tbody><tr><td>cell</td></tr></tbody></table>"
    )


def test_every_text_of_the_real_studies_comes_out_plain(drafts: list[ItemDraft]) -> None:
    for draft in drafts:
        assert isinstance(draft.facts, TrialFacts)
        for text in (draft.title, draft.summary, draft.facts.criteria, draft.facts.why_stopped or ""):
            assert clean_text(text) == text
            assert not re.search(r"\\[<>\[\]*^~_]|&(?:lt|gt|amp|#39);|^ *[*•] ", text, re.MULTILINE), text[:80]


def test_a_text_escaped_for_html_comes_out_like_one_escaped_for_markdown(shared_data: Path) -> None:
    path = shared_data / "ctgov" / "versions" / "int_history_NCT05901831.history.json.gz"
    study = orjson.loads(gzip.decompress(path.read_bytes()))["study"]["protocolSection"]
    raw = study["eligibilityModule"]["eligibilityCriteria"]
    assert "&" in raw
    assert "&" not in clean_text(raw).replace(" & ", "")

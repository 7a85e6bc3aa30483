"""What a mail says of an article that was put right or taken back: that first, and nothing that does not hold."""

from __future__ import annotations

import re

import pytest

from tests.digests.rendering_samples import article, entry, mail, told, trial
from trialalerts.catalog.facts import ArticleFacts
from trialalerts.delivery.mail.message import Message
from trialalerts.digests.entries import EntryChange

TEXT = ArticleFacts(html="<p>A tablet mends nerves.</p><p>The study has 21 places.</p>")


def mail_of(*happened: str, locale: str = "en", ours: bool = False) -> Message:
    items = [article(50 + at, told=TEXT, url="", summary="In short") for at in range(len(happened))]
    entries = [entry(item, _told(kind, ours=ours)) for item, kind in zip(items, happened, strict=True)]
    return mail(items, entries, locale=locale)


def _told(kind: str, *, ours: bool) -> EntryChange:
    return told(kind, after={"ours": True, "sentence": "It was about another tablet."} if ours else {})


@pytest.mark.parametrize(
    ("kind", "locale", "news", "heading"),
    [
        ("corrected", "en", "1 correction", "ABOUT EARLIER ARTICLES"),
        ("corrected", "de", "1 Berichtigung", "ZU FRÜHEREN ARTIKELN"),
        ("corrected", "fr", "1 correction", "À PROPOS D’ARTICLES DÉJÀ PARUS"),
        ("corrected", "es", "1 corrección", "SOBRE ARTÍCULOS ANTERIORES"),
        ("retracted", "en", "1 article withdrawn", "ABOUT EARLIER ARTICLES"),
        ("retracted", "de", "1 Artikel zurückgezogen", "ZU FRÜHEREN ARTIKELN"),
        ("retracted", "fr", "1 article retiré", "À PROPOS D’ARTICLES DÉJÀ PARUS"),
        ("retracted", "es", "1 artículo retirado", "SOBRE ARTÍCULOS ANTERIORES"),
    ],
)
def test_the_subject_and_the_headings_say_what_happened(kind: str, locale: str, news: str, heading: str) -> None:
    message = mail_of(kind, locale=locale)
    assert message.subject.endswith(news)
    assert f"\n{news.upper()}" in message.text.upper()
    assert f"{heading}  ({news})" in message.text


def test_a_mail_counts_what_is_new_apart_from_what_was_put_right() -> None:
    message = mail_of("published", "corrected", "retracted", "retracted")
    assert message.subject == "Your trial update: 1 article, 1 correction, 2 articles withdrawn"
    assert "1 ARTICLE TO READ" in message.text
    assert "TO READ  (1 article · 1 correction · 2 articles withdrawn)" in message.text
    beside = mail([trial(1), article(50)], [entry(trial(1), told("opened")), entry(article(50), told("corrected"))])
    assert beside.subject == "Your trial update: 1 new, 1 correction"


@pytest.mark.parametrize("ours", [True, False])
def test_what_was_taken_back_is_not_told_again(ours: bool) -> None:
    message = mail_of("retracted", ours=ours)
    for part in (message.text, message.html or ""):
        assert ("It was about another tablet." in part) is ours
        assert "What an invented illness teaches, part 50" in part
        assert "21 places" not in part
        assert "In short" not in part


def test_what_was_put_right_is_told_with_its_text() -> None:
    assert "The study has 21 places." in mail_of("corrected").text


def test_the_lines_of_an_article_stand_below_each_other_in_the_text() -> None:
    text = mail_of("corrected").text
    assert re.search(r"\n1\. CORRECTED\n {3}What an invented illness teaches, part 50\n", text), text


def test_the_foot_speaks_of_registers_only_where_a_trial_is_told() -> None:
    beside = mail([trial(1), article(50)], [entry(trial(1), told("opened")), entry(article(50), told("published"))])
    for message, trials in ((mail_of("published", "corrected"), False), (beside, True)):
        for part in (message.text, message.html or ""):
            assert ("public registers" in part) is trials
            assert "medical advice" in " ".join(part.split())

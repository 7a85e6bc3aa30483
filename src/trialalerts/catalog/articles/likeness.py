"""Likeness of two articles: by their words and days, where their keys say nothing.

A title alone never makes two articles one ("Editorial"). What is weaker than a key counts only within one source, and
there mostly for an entry that took the place of one that is gone.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from difflib import SequenceMatcher
from functools import cached_property
from hashlib import blake2b

from trialalerts.catalog.draft import ItemDraft
from trialalerts.catalog.facts import ArticleFacts
from trialalerts.catalog.text import clean_text

__all__ = [
    "Likeness",
    "are_versions",
    "is_contradicted",
    "likeness_of",
    "likeness_of_record",
    "place_score",
    "same_title_and_day",
    "similar_titles",
]

_LONG_TEXT = 120
"""From so many letters on, title and text together are an article's own: a notice that stands under many is shorter."""
_SOME_TEXT = 20
_VERY_LONG_TEXT = 400
_SIMILAR = 75
_MOST_ADDED, _SHORT_WORD = 3, 4
_LONGEST_TITLE = 200
_COMPARED = 2_000
_FEW_WORDS, _FEW_LETTERS, _FEW_SIGNS = 4, 15, 8
_NEAR = timedelta(days=1)

_WORD = re.compile(r"[^\W_]+")
_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_GENERIC = re.compile(
    r"(?:the )?(?:editorial|table of contents|contents|toc|issue information|front ?matter|back ?matter|cover|masthead"
    r"|editorial board|correction|corrigendum|corrigenda|erratum|errata|book reviews?|news|abstracts?|announcements?"
    r"|index"
    r"|letters? to the editor|in memoriam|obituary|preface|foreword|acknowledge?ments?( to reviewers)?|call for papers"
    r"|inhalt(?:sverzeichnis)?|sommaire|sumario|índice|editoriale?)"
    r"(?: (?:and|of|the|in|for|this|issue|volume|vol|number|no|toc|board|page|pages|january|february|march|april|may"
    r"|june|july|august|september|october|november|december|\d+))*"
)


@dataclass(frozen=True, kw_only=True)
class Likeness:
    """What an article is compared by.

    ``title`` and ``text`` are its letters and digits alone, without case; ``published_at`` is aware (UTC). ``keys``
    are those of :mod:`~trialalerts.catalog.articles.keys`.
    """

    registry: str
    external_id: str
    keys: tuple[str, ...]
    title: str
    text: str
    published_at: datetime | None

    @property
    def day(self) -> date | None:
        """The day of its publication in UTC."""
        return self.published_at.date() if self.published_at else None

    @cached_property
    def distinctive(self) -> bool:
        """Whether hardly two articles of one source bear this title."""
        if _GENERIC.fullmatch(self.title):
            return False
        many_words = self.title.count(" ") + 1 >= _FEW_WORDS and len(self.title) >= _FEW_LETTERS
        return many_words or len(_WIDE.findall(self.title)) >= _FEW_SIGNS

    @cached_property
    def all_keys(self) -> tuple[str, ...]:
        """The keys, and those that its words make.

        Title and text together are one wherever they stand; with a short text, in one source at the same moment.
        """
        words = blake2b(f"{self.title}\n{self.text}".encode(), digest_size=16).hexdigest()
        day = self.day.isoformat() if self.day else ""
        if len(self.text) >= _LONG_TEXT:
            return (*self.keys, f"text:{words}" if self.distinctive else f"text:{words}:{day}")
        if len(self.text) >= _SOME_TEXT:
            moment = self.published_at.isoformat() if self.published_at else ""
            return (*self.keys, f"words:{self.registry}:{words}:{moment}")
        return self.keys

    @property
    def title_key(self) -> str:
        """What records of one title are found by; never empty."""
        return self.title or "-"

    @cached_property
    def dois(self) -> frozenset[str]:
        """Its DOIs."""
        return frozenset(key for key in self.keys if key.startswith("doi:"))

    @cached_property
    def pmids(self) -> frozenset[str]:
        """Its numbers in PubMed."""
        return frozenset(key for key in self.keys if key.startswith("pmid:"))

    def without(self, ambiguous: frozenset[str]) -> tuple[str, ...]:
        """Return all keys but those that several articles share."""
        return tuple(key for key in self.all_keys if key not in ambiguous)


def likeness_of(draft: ItemDraft, external_id: str) -> Likeness:
    """Return what a draft of an article, stored under ``external_id``, is compared by."""
    return likeness_of_record(
        registry=draft.registry,
        external_id=external_id,
        keys=draft.keys,
        title=draft.title,
        summary=draft.summary,
        html=draft.facts.html if isinstance(draft.facts, ArticleFacts) else "",
        published_at=draft.published_at,
    )


def likeness_of_record(
    *,
    registry: str,
    external_id: str,
    keys: tuple[str, ...],
    title: str,
    summary: str,
    html: str,
    published_at: datetime | None,
) -> Likeness:
    """Return what a stored record of an article is compared by."""
    return Likeness(
        registry=registry,
        external_id=external_id,
        keys=keys,
        title=_normal(title)[:_LONGEST_TITLE],
        text=_normal(clean_text(html) if html else summary),
        published_at=published_at,
    )


def _normal(text: str) -> str:
    """Return the words of a text without case, marks and spacing."""
    return " ".join(_WORD.findall(unicodedata.normalize("NFKC", text).casefold()))


def similar_titles(one: Likeness, other: Likeness) -> bool:
    """Tell whether two titles are versions of one (see :func:`are_versions`)."""
    return _is_version(one.title, other.title)


def are_versions(one: str, other: str) -> bool:
    """Tell whether two titles as they are written are versions of one: a word misspelt, or a few added.

    A word in the place of another makes another title: "Walking and memory", "Walking and music".
    """
    return _is_version(_normal(one), _normal(other))


def is_contradicted(key: str, new: Likeness, known: Likeness) -> bool:
    """Tell whether two articles that share a key are two all the same.

    Different DOIs are different articles, as are different numbers in PubMed. A page at which another title stands on
    another day holds what is new each time ("our weekly letter").
    """
    if _other_numbers(new, known):
        return True
    if not key.startswith("link:"):
        return False
    same_id = new.registry == known.registry and new.external_id == known.external_id
    other_day = new.day and known.day and abs(new.day - known.day) > _NEAR
    return bool(not same_id and other_day and not similar_titles(new, known) and not _same_text(new, known))


def same_title_and_day(new: Likeness, known: Likeness, *, stood: bool) -> bool:
    """Tell whether an entry is one of its source that stands there no more, by title and day.

    ``stood`` tells whether that one stood there until now: a title that many bear, or no day, is enough only then.
    """
    if not new.title or new.title != known.title or _other_numbers(new, known) or _other_text(new, known):
        return False
    if new.day != known.day:
        return stood and _same_text(new, known) and (new.distinctive or len(new.text) >= _LONG_TEXT)
    is_enough = new.distinctive if new.day is None or not stood else True
    return (is_enough and (stood or new.day is not None)) or _same_text(new, known)


def place_score(new: Likeness, gone: Likeness) -> float:
    """Return how likely an entry took the place of one that has just gone from the same source; 0: it did not.

    That is: a corrected title with its address, the same page at another host, the same text under another name.
    """
    if _other_numbers(new, gone) or _other_text(new, gone):
        return 0
    is_version = similar_titles(new, gone)
    same_day = new.day == gone.day and new.day is not None
    is_same = (
        (_same_text(new, gone) and (len(new.text) >= _VERY_LONG_TEXT or is_version))
        or (_paths(new) & _paths(gone) and (same_day or is_version))
        or (is_version and same_day and new.distinctive)
    )
    return 1 + _alike(new.title, gone.title) if is_same else 0


def _other_numbers(one: Likeness, other: Likeness) -> bool:
    """Tell whether their DOIs say that they are two, or, where one of them has none, their numbers in PubMed."""
    for number, others in ((one.dois, other.dois), (one.pmids, other.pmids)):
        if number and others:
            return number.isdisjoint(others)
    return False


def _same_text(one: Likeness, other: Likeness) -> bool:
    return len(one.text) >= _SOME_TEXT and one.text == other.text


def _other_text(one: Likeness, other: Likeness) -> bool:
    both_long = min(len(one.text), len(other.text)) >= _LONG_TEXT
    return both_long and _alike(one.text[:_COMPARED], other.text[:_COMPARED]) < _SIMILAR


def _is_version(one: str, other: str) -> bool:
    if one == other:
        return True
    words, others = one.split(), other.split()
    added = 0
    for what, start, end, other_start, other_end in SequenceMatcher(None, words, others, autojunk=False).get_opcodes():
        if what == "replace" and not _are_spellings(words[start:end], others[other_start:other_end]):
            return False
        if what in {"insert", "delete"}:
            changed = [*words[start:end], *others[other_start:other_end]]
            if any(map(str.isdigit, changed)):
                return False  # "Part 1" is none of "Part"
            added += len(changed)
    return added <= min(_MOST_ADDED, len(words), len(others))


def _are_spellings(words: Sequence[str], others: Sequence[str]) -> bool:
    """Tell whether each word is the other misspelt; short ones are not, for one letter makes another word of them."""
    return len(words) == len(others) and all(
        min(len(word), len(other)) >= _SHORT_WORD and word.isalpha() and _alike(word, other) >= _SIMILAR
        for word, other in zip(words, others, strict=True)
    )


def _alike(one: str, other: str) -> float:
    """Return how alike two texts are, 0 to 100."""
    from rapidfuzz import fuzz  # only what is new needs it

    return fuzz.ratio(one, other)


def _paths(article: Likeness) -> set[str]:
    """Return the addresses without their hosts."""
    links = (key.removeprefix("link:") for key in article.keys if key.startswith("link:"))
    return {tail for _, _, tail in (link.partition("/") for link in links) if tail}

"""Each English sentence of ours is understood at the age of twelve.

Syllables are counted as in :mod:`benchmarks.reading_grade`: by groups of vowels (a, e, i, o, u, y), a silent e at the
end left out, one at least. A word to fill in counts as a short one, "nine". A sentence ends at a full stop, a question
mark or the end of the text. One of fewer than eight words is easy whatever its words are: the formula says nothing
of those. Names of diseases given as examples are not ours to choose; what stands before them is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from benchmarks.reading_grade import grade
from trialalerts.digests.cards.wording import read_strings
from trialalerts.files import shipped

HIGHEST = 7
FEWEST_WORDS = 8
EXAMPLES = re.compile(r"(?<=For example:).*|(?<=such as:).*")


def sentences(text: str) -> list[str]:
    """Return the sentences of a text, its markup left out and its gaps filled."""
    plain = re.sub(r"<[^>]*>", "", re.sub(r"\{[^}]*\}", "nine", EXAMPLES.sub("", text)))
    return [each for each in re.split(r"(?<=[.?!])\s+", plain) if len(re.findall(r"\w[\w’'-]*", each)) >= FEWEST_WORDS]


def ours(folder: str) -> Iterator[tuple[str, str]]:
    """Give each long sentence of a catalog with its key."""
    for key, text in read_strings(shipped(f"templates/{folder}") / "strings.en.toml").items():
        yield from ((key, sentence) for sentence in sentences(text))


@pytest.mark.parametrize("folder", ["email", "web"])
def test_each_sentence_is_understood_at_the_age_of_twelve(folder: str) -> None:
    said = list(ours(folder))
    assert len(said) > 50
    hard = {f"{key}: {sentence}": round(grade(sentence), 1) for key, sentence in said if grade(sentence) > HIGHEST}
    assert hard == {}


@pytest.mark.parametrize(
    ("sentence", "is_hard"),
    [
        ("We look each day and write as soon as a study opens.", False),
        ("This is information from public registers, not medical advice.", True),
        ("The efficacy of investigational medication is evaluated in eligible participants.", True),
        ("You may stop these mails at any time with a link in each of them.", False),
    ],
)
def test_the_grade_tells_hard_sentences_from_easy_ones(sentence: str, is_hard: bool) -> None:
    assert (grade(sentence) > HIGHEST) is is_hard


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One two. Three four five six seven eight nine {ten}.", ["Three four five six seven eight nine nine."]),
        ("<b>one</b> two three four five six seven eight", ["one two three four five six seven eight"]),
        ("For example: one two three four five six seven eight", []),
    ],
)
def test_sentences_are_parted_and_their_gaps_filled(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected

"""The sentences written by hand that are tagged wrongly."""

from __future__ import annotations

from benchmarks.figures import Figure
from benchmarks.tagging_corpora import shipped_vocabulary
from tests.vocabulary.tagged_sentences import HALVES, is_right, sentences
from trialalerts.vocabulary.tagging.tagger import Tagger

__all__ = ["measure"]

_AT_MOST = 0.03


def measure() -> list[Figure]:
    """Return which part of the sentences is about other areas than it is tagged with, and of the half held out."""
    tagger = Tagger(shipped_vocabulary())
    wrong = {sentence: not is_right(sentence, tagger) for sentence in sentences()}
    part = sum(wrong.values()) / len(wrong)
    halves = [
        f"{half} {sum(wrong[one] for one in wrong if one.half == half)} of {sum(one.half == half for one in wrong)}"
        for half in HALVES
    ]
    return [
        Figure(
            what=f"of {len(wrong)} titles and sentences written by hand, half of them traps, tagged wrongly",
            value=f"{part:.1%}",
            target=f"≤ {_AT_MOST:.0%}",
            reference="; ".join(halves),
            met=part <= _AT_MOST,
        )
    ]

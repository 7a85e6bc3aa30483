"""How many real studies have a plain line, how long it is and how hard to read.

The grade is Flesch-Kincaid's, of English; beside it stand the registry's own summaries. A line is vague that names
only the kind of what is tested (“a medicine”). The hardest are printed: most of them hold long names and no more.
"""

from __future__ import annotations

import os
import re
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.reading_grade import grade
from tests.digests.plain_samples import RealTrial, real_trials
from trialalerts.digests.cards.wording import Wordings
from trialalerts.digests.plain import plain_line

__all__ = ["run"]

_REPOSITORY = Path(__file__).resolve().parent.parent
_DATA = Path(os.environ.get("TRIALALERTS_TEST_DATA", _REPOSITORY.parent / "shared" / "data"))
_STUDIES = _DATA / "ctgov" / "ctgov_v2_studies.jsonl.gz"
_LANGUAGES = ("en", "de", "fr", "es")
_COVERED, _GRADE, _EASY = 0.95, 9.0, 9.0
_MOST_WORDS = 35
_HARDEST = 20
_VAGUE = re.compile(r"\b(?:an? (?:medicine|device|treatment or other measure)|treatments or other measures)\b")


def run() -> list[Figure]:
    """Write the line of every record in every language."""
    if not _STUDIES.exists():
        return [Figure(what="plain lines", value=f"not measured: {_STUDIES} is missing (set TRIALALERTS_TEST_DATA)")]
    trials = real_trials(_STUDIES)
    words = Wordings()
    lines = {language: _lines(words, language, trials) for language in _LANGUAGES}
    return [*_english(trials, lines["en"]), *map(_length, _LANGUAGES, lines.values()), _speed(words, trials)]


def _lines(words: Wordings, language: str, trials: Sequence[RealTrial]) -> list[str]:
    made = (plain_line(words.of(language), facts, None) for _, facts, _ in trials)
    return [line.text if line else "" for line in made]


def _english(trials: Sequence[RealTrial], lines: Sequence[str]) -> list[Figure]:
    covered = sum(0 < _words(line) <= _MOST_WORDS for line in lines) / len(lines)
    grades = sorted(map(grade, filter(None, lines)))
    summaries = (study["protocolSection"].get("descriptionModule", {}).get("briefSummary") for _, _, study in trials)
    before = sorted(grade(text) for text in summaries if text)
    hardest = sorted(zip(map(grade, lines), (number for number, _, _ in trials), lines, strict=True), reverse=True)
    for hard, number, line in hardest[:_HARDEST]:
        print(f"{hard:5.1f}  {number}  {line}")
    median, nine = statistics.median(grades), grades[len(grades) * 9 // 10]
    easy = sum(each <= _EASY for each in grades) / len(grades)
    return [
        Figure(
            what=f"records with a line of at most {_MOST_WORDS} words, of {len(lines):,}",
            value=f"{covered:.1%}, {sum(bool(_VAGUE.search(line)) for line in lines)} name only the kind",
            target=f"≥ {_COVERED:.0%}",
            met=covered >= _COVERED,
        ),
        Figure(
            what="Flesch-Kincaid grade of the lines: median, 9 of 10 below",
            value=f"{median:.1f}, {nine:.1f}",
            target=f"median ≤ {_GRADE:.0f}",
            reference=f"the registry's summaries: {statistics.median(before):.1f}, {before[len(before) * 9 // 10]:.1f}",
            met=median <= _GRADE,
        ),
        Figure(what=f"lines at grade {_EASY:.0f} or below", value=f"{easy:.0%}"),
    ]


def _length(language: str, lines: Sequence[str]) -> Figure:
    counts = list(map(_words, lines))
    return Figure(
        what=f"words of a line in {language}: median, most", value=f"{statistics.median(counts):.0f}, {max(counts)}"
    )


def _speed(words: Wordings, trials: Sequence[RealTrial]) -> Figure:
    english = words.of("en")
    began = time.process_time()
    for _, facts, _ in trials:
        plain_line(english, facts, None)
    return Figure(
        what="writing one line",
        value=f"{(time.process_time() - began) / len(trials) * 1e6:.0f} µs",
        target="when a card is",
    )


def _words(line: str) -> int:
    return sum(any(map(str.isalnum, word)) for word in line.split())

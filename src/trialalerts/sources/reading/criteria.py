"""Who can join, written as ClinicalTrials.gov does: two headings and what stands under them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from trialalerts.catalog.text import clean_text

__all__ = ["numbered_points", "written_criteria"]

_POINT = re.compile(r"(?:(?<=[\s.;:)\]])|(?<=[a-z]{3})|^)(\d{1,2})\.(?=\s+\S)")  # “weeks2. Adults”: line ends are lost


def written_criteria(included: Iterable[str | None], excluded: Iterable[str | None]) -> str:
    """Return the criteria as one text; empty where there are none.

    >>> print(written_criteria(["18 years or older"], ["Smokers"]))
    Inclusion Criteria:
    <BLANKLINE>
    - 18 years or older
    <BLANKLINE>
    Exclusion Criteria:
    <BLANKLINE>
    - Smokers
    """
    parts = [("Inclusion Criteria:", included), ("Exclusion Criteria:", excluded)]
    written = [
        "\n\n".join((heading, "\n".join(f"- {point}" for point in points)))
        for heading, texts in parts
        if (points := [line for text in texts if (line := " ".join((text or "").split()))])
    ]
    return clean_text("\n\n".join(written))


def numbered_points(text: str | None) -> list[str]:
    """Part a text that counts its points: ``1. Adults 2. Asthma``; one that does not is one point.

    >>> numbered_points("1. Aged 10 - 50 years 2. Asthma, FEV1 above 1.5 l"), numbered_points("Adults")
    (['Aged 10 - 50 years', 'Asthma, FEV1 above 1.5 l'], ['Adults'])
    """
    words = " ".join((text or "").split())
    starts: list[re.Match[str]] = []
    for found in _POINT.finditer(words):
        if int(found[1]) == len(starts) + 1:
            starts.append(found)
    if not starts or starts[0].start():
        return [words] if words else []
    ends = [*(found.start() for found in starts[1:]), len(words)]
    points = (words[found.end() : end].strip() for found, end in zip(starts, ends, strict=True))
    return [point for point in points if point]

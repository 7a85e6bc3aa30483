"""Names of substances in other languages: an international nonproprietary name ends otherwise in each.

The rules are those by which WHO's lists write one name in several languages. Accents follow no rule, so the commonest
names that bear one stand here.
"""

from __future__ import annotations

import re

__all__ = ["substance"]

_SHAPE = re.compile(
    r"[a-z]{4,}(?:ine|one|ide|ate|ole|ene|ane|xate|platin|statin|parin|formin|mycin|micin|cillin|tecan|vedotin|in|xel)"
)
_NO_SUBSTANCE = frozenset(
    {
        "vaccine",
        "medicine",
        "saline",
        "routine",
        "baseline",
        "machine",
        "genome",
        "oxide",
        "chocolate",
        "seretide",
        "ventolin",
    }
)
_ENDS: dict[str, list[tuple[re.Pattern[str], str]]] = {
    language: [(re.compile(end), own) for end, own in ends]
    for language, ends in {
        "de": [(r"(?<=in|on|id|at|ol|en|an)e$", "")],
        "fr": [(r"(?<=[a-z]{4})in$", "ine")],
        "es": [
            (r"platin$", "platino"),
            (r"(?<=in|on|id)e$", "a"),
            (r"(?<=at|en|an)e$", "o"),
            (r"(?<=ol)e$", ""),
            (r"(?<=[a-z]{4})in$", "ina"),
            (r"ph", "f"),
            (r"th", "t"),
            (r"ch(?=[lr])", "c"),
            (r"y(?=[bcdfglmnprstvxz])", "i"),
            (r"([bcdfglmnpstz])\1", r"\1"),
            (r"(?<=[ae])ina$", "ína"),
        ],
    }.items()
}
_ACCENTS = {
    "fr": {
        "betamethasone": "bêtaméthasone",
        "budesonide": "budésonide",
        "ciclesonide": "ciclésonide",
        "dexamethasone": "dexaméthasone",
        "methotrexate": "méthotrexate",
        "methylprednisolone": "méthylprednisolone",
        "mometasone": "mométasone",
        "omeprazole": "oméprazole",
        "pemetrexed": "pémétrexed",
        "temozolomide": "témozolomide",
        "verapamil": "vérapamil",
    },
}


def substance(name: str, language: str) -> str | None:
    """Return how a substance is called in a language; None where its English name stands in it, too.

    >>> substance("dexamethasone", "es"), substance("gemcitabine", "de"), substance("examplumab", "fr")
    ('dexametasona', 'Gemcitabin', None)
    """
    rules, accents = _ENDS.get(language, []), _ACCENTS.get(language, {})
    own = name
    if _SHAPE.fullmatch(name) and name not in _NO_SUBSTANCE:
        for end, its in rules:
            own = end.sub(its, own)
    own = accents.get(own, own)
    if own == name:
        return None
    return own.capitalize() if language == "de" else own

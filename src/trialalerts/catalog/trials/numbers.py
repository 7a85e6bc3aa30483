"""Registry numbers in texts, each in its one spelling: by them alone two records are one trial.

The patterns are those of the registries' own records; they take every id of the exports of WHO's portal. Grant numbers,
protocol numbers and postcodes are none: what could be one of them counts only where a record has a field for ids.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["registry_numbers"]

_TEXT = re.compile(
    r"""(?<![A-Z0-9])(?:
      (?P<spaced>(?:NCT|ISRCTN|DRKS)[\s-]?\d{8}                     # ClinicalTrials.gov, ISRCTN, Germany
        | ACTRN[\s-]?\d{14}(?=P?(?![A-Z0-9]))                       # Australia; a P marks a provisional one
        | KCT[\s-]?\d{7} | TCTR[\s-]?\d{11} | PACTR[\s-]?\d{15,16} | RPCEC[\s-]?\d{8} | ITMCTR\d{10} | LBCTR\d{10})
    | (?:EU[ ]?CT[ ]?(?:NUMBER|NO|NR)?[.:]?[ ]?|CTIS[ :-]?)?
      (?P<ctis>20\d{2}-5\d{5}-\d{2})(?:-\d{2})?(?![-\d])              # EU CTIS; the last part counts re-submissions
    | (?:EUCTR|EUDRACT)?[ ]?(?P<eudract>20\d{2}-0\d{5}-\d{2})(?:-3RD|-[A-Z]{2}|-OUTSIDE-EU/EEA)?(?!-?\d)
    | (?:JPRN-)?(?P<japan>UMIN\d{9}|JRCTS?\d{9,10}|JAPICCTI-?\d{6}|JMA-IIA\d{5})
    | JPRN-(?P<umin>C000000\d{3})
    | CHICTR(?:-[A-Z]{2,5}-)?\d{8,10}
    | CTRI/\d{4}/\d{2,3}/\d{6}
    | NTR\d{2,5}
    | NL-OMON\d{4,5}
    | IRCT[A-Z0-9]{8,16}N\d{1,3}
    | RBR-[A-Z0-9]{5,8}                                             # Brazil
    | SLCTR/\d{4}/\d{3} | PER-\d{3}-\d{2}
    | U1111-\d{4}-\d{4}                                             # WHO's universal number
    )(?:(?<=\d)P)?(?![A-Z0-9])""",
    re.VERBOSE | re.IGNORECASE,
)
_ID = re.compile(r"(?P<dutch>NL[ ]?\d{4,5})|(?P<brazil>RBR[A-Z0-9]{5,8})|(?P<umin>C000000\d{3})", re.IGNORECASE)
"""What is a number only where a field is meant for it, and holds nothing else: “NL 1234” is a postcode elsewhere."""
_BETWEEN = re.compile(r"[\s-]")
_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212\ufe63\uff0d", "-") | {"\u00ad": None})
"""Journals set numbers with all kinds of dashes, and break them softly."""


def registry_numbers(texts: Iterable[str], *, are_ids: bool = False) -> tuple[str, ...]:
    """Return the registry numbers in texts, each once, in their order, in capitals and in one spelling.

    >>> registry_numbers(["CTIS2024-510663-34-00, NCT 01234567", "JPRN-UMIN000012345", "EUCTR2020-001113-21-GB"])
    ('2024-510663-34', 'NCT01234567', 'UMIN000012345', '2020-001113-21')

    Args:
        texts: titles, criteria, articles, or the values of fields for ids.
        are_ids: whether each text is the value of such a field: a Dutch number is one only there.
    """
    found: dict[str, None] = {}
    for text in texts:
        plain = text if text.isascii() else text.translate(_DASHES)
        if are_ids and (whole := _ID.fullmatch(plain.strip())):
            found[_id_spelling(whole)] = None
            continue
        for match in _TEXT.finditer(plain):
            found[_spelling(match)] = None
    return tuple(found)


def _spelling(match: re.Match[str]) -> str:
    if match["spaced"]:
        return _BETWEEN.sub("", match["spaced"]).upper()
    return (match["ctis"] or match["eudract"] or match["japan"] or match["umin"] or match[0]).upper()


def _id_spelling(match: re.Match[str]) -> str:
    if match["brazil"]:
        return f"RBR-{match['brazil'][3:]}".upper()
    return (match["dutch"] or match["umin"]).replace(" ", "").upper()

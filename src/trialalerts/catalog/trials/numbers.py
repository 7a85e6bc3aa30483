"""Registry numbers in texts, each in its one spelling: by them alone two records are one trial.

The patterns are those of the registries' own records; they take every id of the exports of WHO's portal. Grant numbers,
protocol numbers and postcodes are none: what could be one of them counts only where a record has a field for ids.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["issuer_of", "numbers_in_words", "registry_numbers"]

_TEXT = re.compile(
    r"""(?<![A-Z0-9])(?:
      (?P<spaced>(?:NCT|ISRCTN|DRKS)[\s-]?\d{8}                     # ClinicalTrials.gov, ISRCTN, Germany
        | ACTRN[\s-]?\d{14}(?=P?(?![A-Z0-9]))                       # Australia; a P marks a provisional one
        | CHICTR[\s-]?\d{8,10}                                      # China; older ones have a kind, see below
        | KCT[\s-]?\d{7} | TCTR[\s-]?\d{11} | PACTR[\s-]?\d{15,16} | RPCEC[\s-]?\d{8} | ITMCTR\d{10} | LBCTR\d{10})
    | (?:EU[ ]?CT[ ]?(?:NUMBER|NO|NR)?[.:]?[ ]?|CTIS[ :-]?)?
      (?P<ctis>20\d{2}-5\d{5}-\d{2})(?:-\d{2})?(?![-\d])              # EU CTIS; the last part counts re-submissions
    | (?:EUCTR|EUDRACT)?[ ]?(?P<eudract>20\d{2}-0\d{5}-\d{2})(?:-3RD|-[A-Z]{2}|-OUTSIDE-EU/EEA)?(?!-?\d)
    | (?:JPRN-)?(?P<japan>UMIN[\s-]?\d{9}|JRCTS?[\s-]?\d{9,10}|JAPICCTI[\s-]?\d{6}|JMA-IIA\d{5})
    | JPRN-(?P<umin>C000000\d{3})
    | CHICTR-[A-Z]{2,5}-\d{8,10}
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
_ID = re.compile(
    r"(?P<dutch>NL[ ]?\d{4,5}|NTR[ -]\d{2,5})|(?P<brazil>RBR[A-Z0-9]{5,8})|(?P<umin>C000000\d{3})", re.IGNORECASE
)
"""What is a number only where a field is meant for it, and holds nothing else: “NL 1234” is a postcode elsewhere."""
_BETWEEN = re.compile(r"[\s-]")
_HYPHENED = re.compile(r"JAPICCTI|JMA(?=IIA)")
_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212\ufe63\uff0d", "-") | {"\u00ad": None})
"""Journals set numbers with all kinds of dashes, and break them softly."""
_ISSUER = re.compile(r"NL-OMON|JMA-IIA|[A-Z]+")
"""Letters after a hyphen tell the kind of trial in old Chinese numbers, and nothing in Brazilian ones."""
_ONE_REGISTRY = {"JRCTS": "JRCT", "C": "UMIN"}
_SENTENCES = re.compile(r"(?<=[.;!?])\s+|\n+")
_ANOTHER_TRIAL = re.compile(
    r"\b(?:extension|roll[\s-]?over|follow(?:ing)?[\s-]?(?:on|up)|parent|pivotal|feeder|lead[\s-]?in|previous(?:ly)?|prior"
    r"|earlier|complet\w+|participat\w+|enrol\w*|sub[\s-]?stud\w+|ancillary|companion|long[\s-]?term|after|continu\w+)\b",
    re.IGNORECASE,
)
_OF_ANOTHER = re.compile(
    r"\b(?:of|from|in|within|under|to)\s+(?:(?:the|trial|study|protocol|cohort)\s+)*"
    r"(?:(?:NCT|ISRCTN|EudraCT|CTIS|EU CT)\s)?[A-Z\d][^\s(\[]*\d{4}\S*",
    re.IGNORECASE,
)
"""“Arm B of the trial NCT01234567”, “Sleep within ISRCTN12345678”."""
_THIS_TRIAL = re.compile(
    r"\bthis (?:clinical )?(?:trial|study)\b.{0,20}\b(?:registered|registration|identifi\w+)\b"
    r"|^\W*(?:also )?registered(?: (?:as|at|under)\b|:)"
    r"|^\W*(?:(?:clinical )?(?:trial|study) )?registration(?: number|:)",
    re.IGNORECASE,
)
"""That a trial “is registered” alone says nothing: those that people were in before, or are not to be in, are, too."""
_SAID_OF_REGISTERING = "regist", "identifi"
"""One of these stands in whatever the pattern above takes."""


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


def numbers_in_words(titles: Iterable[str], criteria: str) -> tuple[str, ...]:
    """Return the registry numbers by which a record's own words say that it is known too.

    Titles and criteria name other trials as well: the one that this one continues, or whose people it takes. In a
    title a number counts unless its words speak of such a trial; in criteria only where a sentence says that it is this
    trial's.

    >>> numbers_in_words(["Pain at home (ISRCTN12345678)", "Extension of NCT01234567"], "Completed NCT07654321.")
    ('ISRCTN12345678',)
    """
    own_words = [_OF_ANOTHER.sub(" ", title) for title in titles if not _ANOTHER_TRIAL.search(title)]
    small = criteria.lower()
    if any(word in small for word in _SAID_OF_REGISTERING):  # nearly all say nothing of it
        own_words += [
            sentence
            for sentence in _SENTENCES.split(criteria)
            if _THIS_TRIAL.search(sentence) and not _ANOTHER_TRIAL.search(sentence)
        ]
    return registry_numbers(own_words)


def issuer_of(number: str) -> str | None:
    """Return the registry that gave a number, by its spelling; None for WHO's universal number, which is no registry's.

    >>> [issuer_of(each) for each in ("NCT01234567", "2024-510663-34", "2020-001113-21", "U1111-1111-1111")]
    ['NCT', 'CTIS', 'EUDRACT', None]
    """
    if number[:1].isdigit():
        return "CTIS" if number[5:6] == "5" else "EUDRACT"
    found = _ISSUER.match(number)
    name = found[0] if found else number
    return None if number.startswith("U1111-") else _ONE_REGISTRY.get(name, name)


def _spelling(match: re.Match[str]) -> str:
    if parted := match["spaced"] or match["japan"]:
        return _HYPHENED.sub(r"\g<0>-", _BETWEEN.sub("", parted).upper())
    return (match["ctis"] or match["eudract"] or match["umin"] or match[0]).upper()


def _id_spelling(match: re.Match[str]) -> str:
    if match["brazil"]:
        return f"RBR-{match['brazil'][3:]}".upper()
    return _BETWEEN.sub("", match["dutch"] or match["umin"]).upper()

"""Registry numbers: finding them in what a record says, and one spelling for each."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["registry_numbers"]

_NUMBER = re.compile(
    r"""(?<![A-Z0-9])(?:
      NCT\d{8}                                   # ClinicalTrials.gov
    | (?P<ctis>\d{4}-5\d{5}-\d{2})(?:-\d{2})?(?![-\d])  # EU CTIS; the last part counts re-submissions
    | \d{4}-\d{6}-\d{2}                          # EudraCT
    | ISRCTN[ ]?\d{8}
    | DRKS[ ]?\d{8}
    | ACTRN\d{14}
    | (?:JPRN-)?(?P<japan>UMIN\d{9}|JRCTS?\d{9,10}|JAPICCTI-\d{6}|JMA-IIA\d{5})
    | CHICTR(?:-[A-Z]{2,5}-)?\d{8,10}
    | CTRI/\d{4}/\d{2,3}/\d{6}
    | NTR\d{2,5}
    | IRCT\d{8,14}N\d{1,3}
    | KCT\d{7}
    | PACTR\d{15,16}
    | RBR-[A-Z0-9]{5,8}                          # ReBec
    | TCTR\d{11}
    | RPCEC\d{8}
    | U1111-\d{4}-\d{4}                          # WHO's universal number
    )(?![A-Z0-9])""",
    re.VERBOSE | re.IGNORECASE,
)


def registry_numbers(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the registry numbers in texts, each once, in their order, in capitals and in one spelling.

    A CTIS number loses its last part (``2024-510663-34-00`` is ``2024-510663-34``), a Japanese one its ``JPRN-``.
    """
    found: dict[str, None] = {}
    for text in texts:
        for match in _NUMBER.finditer(text):
            found[(match["ctis"] or match["japan"] or match[0]).replace(" ", "").upper()] = None
    return tuple(found)

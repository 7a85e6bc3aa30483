"""Persons, organisations, journals and places that bear a disease's name, and diseases that bear a person's.

"Parkinson's" alone is the disease, "Dr Parkinson" is not; "the Alzheimer's Society" is no disease either. They are
told by capitals and by the words beside them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from trialalerts.vocabulary.spelling import BREAKS, WordFolder

__all__ = ["ALONE", "ALONE_WITH_POSSESSIVE", "bare_eponym", "is_bare_surname", "is_proper_name"]

_folder = WordFolder()


def _words(text: str) -> frozenset[str]:
    return frozenset(_folder[word] for word in text.split())


ALONE = _words(
    "Alzheimer Angelman Alport Asperger Bartter Basedow Behçet Bechterew Crohn Dravet Duchenne Dupuytren Fabry "
    "Gaucher Gitelman Hashimoto Hirschsprung Hodgkin Huntington Kallmann Kawasaki Klinefelter Krabbe Lyme Marfan "
    "Ménière Noonan Parkinson Perthes Pompe Raynaud Rett Scheuermann Sézary Sjögren Stargardt Takayasu Tourette "
    "Waldenström Zellweger"
)
"""People (and a town) whose name alone is the disease in common talk; folded."""
ALONE_WITH_POSSESSIVE = _words("Addison Batten Bell Cushing Graves Kennedy Kienböck Ollier Paget Peyronie Still Wilson")
"""People whose name is the disease where it is a possessive and names nothing behind it: "Wilson's: a new drug"."""

_EPONYM = re.compile(
    r"((?:[vV]on |[dD]e )?[A-Z][^\W\d_]+(?:[-–][A-Z][^\W\d_]+)+)(?:['’]s)? (?:[Dd]isease|[Ss]yndrome)s?"
)
"""Several persons, joined: "Guillain-Barré syndrome". Nobody but the disease is called so."""
_TITLES = _words("dr doctor prof professor mr mrs ms miss sir dame lord lady saint st president senator sister")
_GIVEN = _words(
    "alois james thomas george burrill gilles hulusi prosper henrik maurice robert georges alexandre harald hakaru "
    "tomisaku antoine john dorothy samuel jean martin michael michel cecil emily ken ed edward david peter paul mary "
    "anna anne maria charles william henry richard andrew susan sarah jane elizabeth margaret alan allan joseph frank "
    "francis louis philippe pierre jacques hans karl carl heinrich josef otto max daniel steven stephen mark simon "
    "christopher matthew kevin brian patrick linda barbara karen nancy lisa laura julia kate helen ruth rose emma "
    "alice walter arthur albert ernest frederick harvey ronald donald keith roger tony tom tim jim bob bill jack joe "
    "sam ben alexander andreas antonio carlos jose juan luis pablo miguel ana carmen isabel lucia sofia marie claude "
    "françois franz fritz johann ludwig stefan thomas ulrich wolfgang norman douglas harold stanley percy neil graham "
    "ian"
)
_DOING = _words(
    "said says wrote writes argues argued joins joined appointed named retires retired dies died won wins told tells "
    "explains explained describes described replies replied recalls"
)
_COLLEAGUES = _words("colleagues coworkers associates collaborators coauthors")
_BEARING = _words(
    "street road avenue library hospital university college school beach park hills city prize award medal lecture "
    "regis building theorem law station bridge river county airport motorcycle motorcycles huxley cycle frontale house"
)
"""What is named after a person or place of that name."""
_ORGANISED = _words(
    "society association foundation institute federation charity trust league alliance coalition uk usa ireland "
    "australia canada scotland wales zealand council europe intergroup platform journal bulletin gazette"
)
"""Behind a name in capitals, what makes an organisation of it: "Alzheimer's Society"."""
_CENTRES = _words("center institute hospital")
"""Of these the name stays in capitals around it: "Dana-Farber Cancer Center"."""
_ORGANISED_BEFORE = _words(
    "journal society association foundation institute federation agency academy college archives annals league "
    "council tropic"
)
_OF = _words("of for on against the and research study studies treatment prevention")
_NAME = 4
_INITIALS = 2
_PERIODICAL = _words("journal retracts")
_PERIODICAL_BEFORE = _words("journal lancet jama nature annals bmj npj nejm")
_REACH = 6
_NEXT_TO_POSSESSIVE = _words("and or in with after for is patients people families children from at on during among")


def bare_eponym(name: str) -> str | None:
    """Return the persons that a disease is named after, where they are several: "Guillain-Barré"."""
    found = _EPONYM.fullmatch(name)
    return found[1] if found else None


def is_bare_surname(words: Sequence[str], keys: Sequence[str], place: int) -> bool:
    """Return whether a word is a surname that is a disease only as a possessive of nothing: not "Wilson's theorem"."""
    if keys[place] not in ALONE_WITH_POSSESSIVE:
        return False
    behind = _at(keys, place + 1)
    stands_alone = behind in BREAKS or behind in {"", ","} or behind in _NEXT_TO_POSSESSIVE
    return words[place].isalpha() or not stands_alone


def is_proper_name(words: Sequence[str], keys: Sequence[str], start: int, end: int) -> bool:
    """Return whether the name at ``start`` to ``end`` is that of a person, an organisation, a journal or a place."""
    alone = end == start + 1
    if not words[start][0].isupper():
        return alone and _is_species(words, start)
    return (alone and _is_person(words, keys, start)) or _is_organisation(words, keys, start, end)


def _is_person(words: Sequence[str], keys: Sequence[str], start: int) -> bool:
    before, behind = _at(keys, start - 1), _at(keys, start + 1)
    if before == "." and _at(keys, start - 2) in _TITLES:
        return True
    if before in _TITLES or (before in _GIVEN and words[start - 1][0].isupper()):
        return True
    if behind == "et" or behind in _BEARING or (behind == "and" and _at(keys, start + 2) in _COLLEAGUES):
        return True
    if _is_surname(words, keys, start):
        return behind in _DOING or _has_initials(words, start)
    return False


def _is_species(words: Sequence[str], start: int) -> bool:
    """Return whether the genus stands before a small word: "C. lupus"."""
    return start > 1 and words[start - 1] == "." and len(words[start - 2]) == 1 and words[start - 2].isupper()


def _is_surname(words: Sequence[str], keys: Sequence[str], start: int) -> bool:
    return keys[start] in ALONE or keys[start] in ALONE_WITH_POSSESSIVE or words[start] == "Burns"


def _has_initials(words: Sequence[str], start: int) -> bool:
    """Return whether initials stand beside a surname: "Crohn B, Ginzburg L", "J. Parkinson"."""
    after = start + 2 if _at(words, start + 1) == "," else start + 1
    behind, then = _at(words, after), _at(words, after + 1)
    if (
        behind.isupper()
        and behind.isalpha()
        and len(behind) <= _INITIALS
        and (then in BREAKS or then in {"", ",", "and"})
    ):
        return True
    before = start - 2 if _at(words, start - 1) == "." else start - 1
    return before >= 0 and words[before].isupper() and words[before].isalpha() and len(words[before]) == 1


def _is_organisation(words: Sequence[str], keys: Sequence[str], start: int, end: int) -> bool:
    if not _PERIODICAL.isdisjoint(keys[end : end + _REACH]) or _at(keys, start - 1) in _PERIODICAL_BEFORE:
        return True
    for place in range(end, min(end + _NAME, len(words))):
        key = keys[place]
        if key == "and":
            continue
        if not words[place][0].isupper():
            break
        if key in _ORGANISED:
            return _at(keys, place + 1) not in {"between", "with"}
        if key in _CENTRES and start and words[start - 1][0].isupper():
            return True
    for place in range(start - 1, max(-1, start - 1 - _NAME), -1):
        if keys[place] in _ORGANISED_BEFORE and words[place][0].isupper() and place < start - 1:
            return True
        if keys[place] not in _OF and not words[place][0].isupper():
            break
    return False


def _at(listed: Sequence[str], place: int) -> str:
    return listed[place] if 0 <= place < len(listed) else ""

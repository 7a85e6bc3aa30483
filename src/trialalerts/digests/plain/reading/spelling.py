"""Spelling: one clean line of what registries write in any case and with any sign."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["lowered", "squashed"]

_MARKS = re.compile(r"[®™©℠]|\((?:R|TM)\)|[\ue000-\uf8ff\"“”]")
_EDGE = " ,;:.-–—+/&*·\"'"
_WORD = re.compile(r"[A-Z][a-z'’]+(?:-[A-Za-z]+)*|[A-Z][a-z]{3,}-[0-9]{1,3}")
_LONG, _SHOUTED = 6, 4
_NAMES = {
    word.lower(): word
    for word in [
        "Alzheimer",
        "Parkinson",
        "Crohn",
        "Hodgkin",
        "Sjögren",
        "Sjogren",
        "Turner",
        "Marfan",
        "Gaucher",
        "Fabry",
        "Pompe",
        "Batten",
        "Huntington",
        "Duchenne",
        "Becker",
        "Barrett",
        "Kawasaki",
        "Behçet",
        "Behcet",
        "Lyme",
        "Ebola",
        "Zika",
        "Epstein",
        "Barr",
        "Guillain",
        "Barré",
        "Barre",
        "Tourette",
        "Rett",
        "Angelman",
        "Wilson",
        "Addison",
        "Cushing",
        "Graves",
        "Hashimoto",
        "Lambert",
        "Eaton",
        "Merkel",
        "Wilms",
        "Ewing",
        "Kaposi",
        "Burkitt",
        "Waldenstrom",
        "Castleman",
        "Churg",
        "Strauss",
        "Stevens",
        "Johnson",
        "Raynaud",
        "Prader",
        "Willi",
        "Chagas",
        "Chinese",
        "Japanese",
        "German",
        "French",
        "Spanish",
        "American",
        "European",
        "African",
        "Asian",
        "Mediterranean",
        "Helicobacter",
        "Aspergillus",
        "Strongyloides",
        "Clostridium",
        "Staphylococcus",
        "Streptococcus",
        "Plasmodium",
        "Salmonella",
        "Candida",
        "Mycobacterium",
        "Alternaria",
        "Hymenoptera",
        "Dermatophagoides",
        "Kounis",
        "Netherton",
        "Hirschsprung",
        "Meniere",
        "Ménière",
        "Bermuda",
        "Kentucky",
        "Timothy",
        "Cupressus",
        "Parietaria",
        "Artemisia",
        "Ayurveda",
        "Mohs",
        "Xolair",
        "Viaskin",
        "Palforzia",
        "Grazax",
        "Acarizax",
        "Oralair",
        "Staloral",
        "Pollinex",
        "Purethal",
        "Depigoid",
        "Alutard",
    ]
}
_COMMON = frozenset(
    [
        "asthma",
        "allergy",
        "cancer",
        "tumor",
        "disease",
        "chronic",
        "acute",
        "severe",
        "headache",
        "cluster",
        "syndrome",
        "atopic",
        "food",
        "peanut",
        "infant",
        "adult",
        "stroke",
        "eczema",
        "urticaria",
        "diabetes",
        "sepsis",
        "breast",
    ]
)


def squashed(text: str) -> str:
    """Return a text on one line, without trade marks and without signs at its ends."""
    line = unicodedata.normalize("NFKC", _MARKS.sub(" ", text.replace("--", "-")))
    return " ".join(line.split()).strip(_EDGE)


def lowered(text: str) -> str:
    """Return words in small letters but names and acronyms."""
    return " ".join(_lowered_word(word) for word in text.split(" "))


def _lowered_word(word: str) -> str:
    core = word.strip("(),;:'’")
    small = core.lower()
    if _WORD.fullmatch(core):
        base = re.sub(r"['’]s$", "", small)
        if base in _NAMES:
            return word.replace(core, _NAMES[base] + core[len(base) :])
        return word if any(part in _NAMES for part in small.split("-")) else word.replace(core, small)
    shouted = core.isupper() and core.isalpha()
    if shouted and (len(core) > _LONG or (len(core) > _SHOUTED and small in _COMMON)):
        return word.replace(core, small)
    return word

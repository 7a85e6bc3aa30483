"""The grammar of German: names with a capital, and the dative after “mit”."""

from __future__ import annotations

import re
from collections.abc import Sequence

from trialalerts.digests.plain.languages.english import Grammar
from trialalerts.digests.plain.languages.stages import parted
from trialalerts.digests.plain.languages.vocabulary import behind_mit

__all__ = ["German"]

_HAS_CAPITAL = re.compile(r"[A-Z0-9]")
_DECLINED = re.compile(r"\w+(?:e|er|es) .*|\w+(?:ome|ekte|eme|steine|brüche|risse)")
"""What would need another ending after “mit”; after “mit der Diagnose” it needs none."""
_DATIVES = {
    "fortgeschrittener Krebs": "fortgeschrittenem Krebs",
    "fortgeschrittene solide Tumoren": "fortgeschrittenen soliden Tumoren",
    "allergisches Asthma": "allergischem Asthma",
    "allergischer Schnupfen": "allergischem Schnupfen",
    "chronischer Clusterkopfschmerz": "chronischem Clusterkopfschmerz",
    "chronische Nesselsucht": "chronischer Nesselsucht",
    "episodischer Clusterkopfschmerz": "episodischem Clusterkopfschmerz",
    "Melanom (schwarzer Hautkrebs)": "Melanom (schwarzem Hautkrebs)",
    "multiples Myelom": "multiplem Myelom",
    "Multiple Sklerose": "Multipler Sklerose",
    "nicht-kleinzelliger Lungenkrebs": "nicht-kleinzelligem Lungenkrebs",
    "starkes Übergewicht": "starkem Übergewicht",
    "schweres Asthma": "schwerem Asthma",
    "kleinzelliger Lungenkrebs": "kleinzelligem Lungenkrebs",
    "solide Tumoren": "soliden Tumoren",
    "metastasierte solide Tumoren": "metastasierten soliden Tumoren",
    "chronische Rhinosinusitis mit Nasenpolypen": "chronischer Rhinosinusitis mit Nasenpolypen",
    "chronische Rhinosinusitis": "chronischer Rhinosinusitis",
    "chronische Migräne": "chronischer Migräne",
    "wiederkehrendes Glioblastom": "wiederkehrendem Glioblastom",
    "metastasierter kastrationsresistenter Prostatakrebs": "metastasiertem kastrationsresistentem Prostatakrebs",
    "Atopisches Ekzem": "atopischem Ekzem",
    "Rheumatoide Arthritis": "rheumatoider Arthritis",
    "allergischer Schnupfen mit Bindehautentzündung": "allergischem Schnupfen mit Bindehautentzündung",
    "chronisches Nierenversagen": "chronischem Nierenversagen",
    "verschleißbedingte Spinalkanalstenose der Lendenwirbelsäule": (
        "verschleißbedingter Spinalkanalstenose der Lendenwirbelsäule"
    ),
    "IgE-vermittelte Kuhmilchallergie": "IgE-vermittelter Kuhmilchallergie",
    "IgE-vermittelte Nahrungsmittelallergie": "IgE-vermittelter Nahrungsmittelallergie",
    "primäres Sjögren-Syndrom": "primärem Sjögren-Syndrom",
    "fortgeschrittene solide Tumoren und Blutkrebs": "fortgeschrittenen soliden Tumoren und Blutkrebs",
    "triple-negativer Brustkrebs": "triple-negativem Brustkrebs",
    "chronischer Clusterkopfschmerz, dem Mittel nicht helfen": (
        "chronischem Clusterkopfschmerz, dem Mittel nicht helfen"
    ),
}
_DATIVES |= {name[:1].upper() + name[1:]: dative for name, dative in _DATIVES.items()}


class German(Grammar):
    """The grammar of German."""

    both, more = "oder beidem", "oder anderen Krankheiten"
    ands = ("und", "oder")
    together = " zusammen"
    quotes = ("„", "“")
    longest = 40
    code = "de"

    def name(self, name: str, *, is_word: bool = False) -> str:
        """Return a name with a capital; words of English in quotation marks."""
        found = self._own_name(name, is_word=is_word)
        return found[:1].upper() + found[1:] if found == name and not _HAS_CAPITAL.search(found) else found

    def with_article(self, name: str) -> str:
        """Return a name as it is: none of them wants an article here."""
        return name

    def condition(self, name: str, *, is_own: bool) -> str:
        """Return a condition as it is called, words of English in quotation marks."""
        return name if is_own else self._registrys_condition(name)

    def healthy(self, people: str, *, feminine: bool) -> str:
        """Return healthy people."""
        del feminine
        return f"gesunden {people}"

    def having(self, people: str, conditions: Sequence[str], *, more: bool, both: bool, feminine: bool) -> str:
        """Return people with conditions in the dative."""
        del feminine
        stages = [parted(condition) for condition in conditions]
        bare = [name for name, _ in stages]
        declined = [_DATIVES.get(name) or behind_mit(name) for name in bare]
        diagnosis = "der Diagnose " if any(each in bare and _DECLINED.fullmatch(each) for each in declined) else ""
        declined = [f"{name}{stage}" for name, (_, stage) in zip(declined, stages, strict=True)]
        return f"{people} mit {diagnosis}{self._either(conditions if diagnosis else declined, more=more, both=both)}"

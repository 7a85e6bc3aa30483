"""The grammar of German: names with a capital, and the dative after “mit”."""

from __future__ import annotations

import re
from collections.abc import Sequence

from trialalerts.digests.plain.languages.common_conditions import is_common_condition
from trialalerts.digests.plain.languages.english import FOREIGN_STARTS, Grammar
from trialalerts.digests.plain.languages.stages import parted
from trialalerts.digests.plain.languages.vocabulary import behind_mit

__all__ = ["German"]

_HAS_CAPITAL = re.compile(r"[A-Z0-9]")
_DECLINED = re.compile(r"\w+(?:e|er|es) .*|\w+(?:ome|ekte|eme|steine|brüche|risse)")
"""What would need another ending after “mit”; after “mit der Diagnose” it needs none."""
_ADJECTIVE = re.compile(r"(?:[\w,]+-)*[a-zäöüß]+(e|er|es)(,?)")
_FEMININE = re.compile(r".*(?:ung|heit|keit|ion|ose|itis|ie|äne|sucht|sepsis|nase|art|milch)", re.IGNORECASE)
_PLURAL = re.compile(r".*(?:en|ern)")
_WITHOUT_N = re.compile(r"^(\w+(?:oide|üsse)|Mittel)(?!\w)")
"""Names of treatments that are plurals and take an n in the dative."""
_DATIVES = {
    "Melanom (schwarzer Hautkrebs)": "Melanom (schwarzem Hautkrebs)",
    "Multiple Sklerose": "Multipler Sklerose",
    "Atopisches Ekzem": "atopischem Ekzem",
    "Rheumatoide Arthritis": "rheumatoider Arthritis",
    "hochgradige Gliome": "hochgradigen Gliomen",
    "von Mücken übertragene Krankheiten": "von Mücken übertragenen Krankheiten",
}


def _dative(name: str) -> str | None:
    """Return a name as it stands behind “mit”; None where its gender does not show.

    >>> _dative("schweres allergisches Asthma"), _dative("lokal fortgeschrittene Tumoren"), _dative("Asthma")
    ('schwerem allergischem Asthma', 'lokal fortgeschrittenen Tumoren', None)
    """
    if name in _DATIVES:
        return _DATIVES[name]
    words = name.split(" ")
    first = next((at for at, word in enumerate(words) if word[:1].isupper() and not _ADJECTIVE.fullmatch(word)), 0)
    adjectives = {at: found for at, word in enumerate(words[:first]) if (found := _ADJECTIVE.fullmatch(word))}
    ends = {found[1] for found in adjectives.values()}
    noun = words[first].strip(",()")
    if not ends or (len(ends) > 1 and "e" in ends):
        return None
    if ends <= {"er", "es"}:
        end = "em"
    elif _FEMININE.fullmatch(noun):
        end = "er"
    elif _PLURAL.fullmatch(noun):
        end = "en"
    else:
        return None
    for at, found in adjectives.items():
        words[at] = f"{words[at][: found.start(1)]}{end}{found[2]}"
    return " ".join(words)


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

    def beside(self, name: str) -> str:
        """Return a name behind “zusätzlich zu”, which wants the dative.

        >>> German().beside("Kortikosteroide zum Inhalieren"), German().beside("orale Immuntherapie")
        ('Kortikosteroiden zum Inhalieren', 'oraler Immuntherapie')
        """
        return name if FOREIGN_STARTS in name else _dative(name) or _WITHOUT_N.sub(r"\1n", name)

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
        declined = [behind_mit(name) or _dative(name) or self._as_in_a_sentence(name) or name for name in bare]
        diagnosis = "der Diagnose " if any(each in bare and _DECLINED.fullmatch(each) for each in declined) else ""
        declined = [f"{name}{stage}" for name, (_, stage) in zip(declined, stages, strict=True)]
        return f"{people} mit {diagnosis}{self._either(conditions if diagnosis else declined, more=more, both=both)}"

    def _as_in_a_sentence(self, name: str) -> str | None:
        """Return a name that begins with a capital for it stands alone, as it is declined within a sentence."""
        small = f"{name[:1].lower()}{name[1:]}"
        return _dative(small) if is_common_condition(small, self.code) else None

"""The names of an area in the readers' languages."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["BEHIND_MIT", "AreaName", "language_of"]

BEHIND_MIT = "de.mit"
"""Under this key stands the German form behind "mit" where it is another than the name: "Multipler Sklerose"."""
_ENGLISH = "en"


class AreaName(NamedTuple):
    """An area by its names: the English one and, as pairs of a language's code and a name, the others.

    German names stand as they are everywhere; French and Spanish ones as inside a sentence, without article.
    """

    id: str
    english: str
    others: tuple[tuple[str, str], ...] = ()

    def within(self, language: str) -> str:
        """Return the name in a language as it stands inside a sentence, the English one where there is none."""
        return dict(self.others).get(language_of(language), self.english)

    def said(self, language: str) -> str:
        """Return the name in a language as a list or a heading begins with it.

        >>> AreaName("D001943", "Breast cancer", (("fr", "cancer du sein"),)).said("fr-CA")
        'Cancer du sein'
        """
        name = self.within(language)
        return name if name == self.english else begun(name)

    def language(self, language: str) -> str:
        """Return the language that :meth:`said` answers in: the one asked for, or English."""
        code = language_of(language)
        return code if code == _ENGLISH or code in dict(self.others) else _ENGLISH

    def behind_mit(self) -> str | None:
        """Return the German name as it stands behind "mit"; None where there is no German name.

        >>> names = (("de", "Multiple Sklerose"), (BEHIND_MIT, "Multipler Sklerose"))
        >>> AreaName("D009103", "Multiple sclerosis", names).behind_mit()
        'Multipler Sklerose'
        """
        known = dict(self.others)
        return known.get(BEHIND_MIT) or known.get("de")


def begun(name: str) -> str:
    """Return a name with a capital first."""
    return name[:1].upper() + name[1:]


def language_of(locale: str) -> str:
    """Return the language of a locale such as ``de-AT``."""
    return locale.replace("_", "-").partition("-")[0].lower()

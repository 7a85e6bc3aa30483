"""Stages and forms of a disease in other languages: words in brackets that bend with nothing before them.

An adjective would need the name's gender and case: “Lungenkrebs (fortgeschritten)” is an advanced lung cancer.
"""

from __future__ import annotations

import re

__all__ = ["parted", "stage_said"]

_LANGUAGES = {"de": 0, "fr": 1, "es": 2}
_STAGES = {
    "advanced or metastatic": (
        "(fortgeschritten oder mit Metastasen)",
        "(stade avancé ou métastases)",
        "(fase avanzada o metástasis)",
    ),
    "recurrent or metastatic": (
        "(Rückfall oder mit Metastasen)",
        "(récidive ou métastases)",
        "(recaída o metástasis)",
    ),
    "locally advanced or metastatic": (
        "(örtlich fortgeschritten oder mit Metastasen)",
        "(stade localement avancé ou métastases)",
        "(fase localmente avanzada o metástasis)",
    ),
    "locally advanced": ("(örtlich fortgeschritten)", "(stade localement avancé)", "(fase localmente avanzada)"),
    "extensive stage": ("(ausgedehntes Stadium)", "(stade étendu)", "(estadio extendido)"),
    "limited stage": ("(begrenztes Stadium)", "(stade limité)", "(estadio limitado)"),
    "advanced": ("(fortgeschritten)", "(stade avancé)", "(fase avanzada)"),
    "metastatic": ("(mit Metastasen)", "(avec métastases)", "(con metástasis)"),
    "recurrent": ("(Rückfall)", "(récidive)", "(recaída)"),
    "relapsed": ("(Rückfall)", "(rechute)", "(recaída)"),
    "moderate to severe": ("(mittlere bis schwere Form)", "(forme modérée à sévère)", "(forma moderada a grave)"),
    "severe": ("(schwere Form)", "(forme sévère)", "(forma grave)"),
}
_ANY = "|".join(sorted(_STAGES, key=len, reverse=True)).replace(" ", "[ -]")
_BEFORE = re.compile(rf"({_ANY})[ -]+(?!or\b|and\b)(.+)")
_AFTER = re.compile(rf"(.+?)[ -]+({_ANY})")
_ENDINGS = sorted({said for forms in _STAGES.values() for said in forms}, key=len, reverse=True)


def stage_said(name: str, language: str) -> tuple[str, str] | None:
    """Return an English condition without its stage, and the stage in a language; None where it has none of these.

    >>> stage_said("advanced lung cancer", "de")
    ('lung cancer', '(fortgeschritten)')
    """
    if language not in _LANGUAGES:
        return None
    if found := _BEFORE.fullmatch(name):
        stage, condition = found.groups()
    elif found := _AFTER.fullmatch(name):
        condition, stage = found.groups()
    else:
        return None
    return condition, _STAGES[stage.replace("-", " ")][_LANGUAGES[language]]


def parted(said: str) -> tuple[str, str]:
    """Return a condition of another language without its stage, and the stage with its blank; empty where none is."""
    ending = next((each for each in _ENDINGS if said.endswith(f" {each}")), "")
    return (said.removesuffix(f" {ending}"), f" {ending}") if ending else (said, "")

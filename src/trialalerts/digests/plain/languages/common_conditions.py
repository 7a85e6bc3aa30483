"""Conditions that stand otherwise in a sentence than in the vocabulary, or that it does not name, in each language.

In German an adjective begins small there; registries tell stages, forms and causes apart that are one area, whose name
would be too wide: a bee venom allergy is no other insect's. The table is ``conditions.tsv``.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

__all__ = ["common_condition", "is_common_condition"]

_LANGUAGES = ("de", "fr", "es")


def common_condition(name: str, language: str) -> str | None:
    """Return how an English condition is called within a sentence; None where nobody wrote it down.

    >>> common_condition("kidney failure", "fr")
    'insuffisance rénale'
    """
    return _names(language).get(name) if language in _LANGUAGES else None


def is_common_condition(name: str, language: str) -> bool:
    """Tell whether a name of a language stands in the table."""
    return name in _said(language)


@cache
def _said(language: str) -> frozenset[str]:
    return frozenset(_names(language).values())


@cache
def _names(language: str) -> dict[str, str]:
    lines = Path(__file__).with_name("conditions.tsv").read_text("utf-8").splitlines()[1:]
    column = 1 + _LANGUAGES.index(language)
    return {each[0]: each[column] for each in (line.split("\t") for line in lines)}

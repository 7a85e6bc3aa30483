"""Titles and sentences written by hand, half of them traps, with the areas that they are about."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from trialalerts.vocabulary.tagging.tagger import Tagger

__all__ = ["HALVES", "Sentence", "found_in", "is_right", "sentences"]

_FILE = Path(__file__).with_name("sentences.tsv")
_ALLOWED = "?"
HALVES = ("development", "held out")
"""The rules were made looking at the first, two thirds of them; the second was looked at when they were made."""


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """A sentence and the names of the areas it is about; those with a question mark are allowed, not asked for."""

    half: str
    in_title: bool
    text: str
    areas: tuple[str, ...]

    @property
    def is_trap(self) -> bool:
        """Whether it is about nothing."""
        return all(area.endswith(_ALLOWED) for area in self.areas)


def sentences() -> list[Sentence]:
    """Read the file."""
    lines = _FILE.read_text("utf-8").splitlines()[1:]
    rows = (line.split("\t") for line in lines)
    return [
        Sentence(half=half, in_title=where == "title", text=text, areas=tuple(filter(None, areas.split("; "))))
        for half, where, text, areas in rows
    ]


def found_in(sentence: Sentence, tagger: Tagger) -> dict[str, str]:
    """Return the ids of the areas that a sentence is found to be about, each with the words that say so."""
    title, text = (sentence.text, "") if sentence.in_title else ("", sentence.text)
    return {tag.area_id: tag.found for tag in tagger.tag(title=title, text=text)}


def is_right(sentence: Sentence, tagger: Tagger) -> bool:
    """Return whether all areas asked for are found, and none but those allowed."""
    find = tagger.areas.find
    asked = {find(area).id for area in sentence.areas if not area.endswith(_ALLOWED)}
    allowed = {find(area.rstrip(_ALLOWED)).id for area in sentence.areas}
    return asked <= found_in(sentence, tagger).keys() <= allowed

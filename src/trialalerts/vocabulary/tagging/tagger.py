"""The tagging of text: which disease areas a title and a text speak of, and which they are about.

A dictionary of folded word sequences (module ``spelling``) finds names (``finding``); what stands around
each tells its part (``roles``); all mentions together tell how much the text is about it (``salience``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from trialalerts.vocabulary.areas.mesh_ids import is_mesh_id
from trialalerts.vocabulary.areas.naming.foreign import LANGUAGES, ForeignNames
from trialalerts.vocabulary.areas.search import AreaNode
from trialalerts.vocabulary.areas.tree import AreaTree
from trialalerts.vocabulary.spelling import WordFolder, fold_word, name_key, split_words
from trialalerts.vocabulary.tagging.dictionary import TagDictionary
from trialalerts.vocabulary.tagging.finding import read_text
from trialalerts.vocabulary.tagging.roles import Role
from trialalerts.vocabulary.tagging.salience import SALIENT, Weighed, weigh
from trialalerts.vocabulary.tagging.words import TREATMENTS
from trialalerts.vocabulary.text_language import ENGLISH, GermanFolder, text_language

__all__ = ["Tag", "Tagger"]


_IMPLIED = round(SALIENT - 0.01, 3)
"""The most that an area scores which is not named but stands above one that is: it is spoken of, no more."""


_NAME_ALONE = 5
_TELLING = 8
"""An English word of fewer letters may be an everyday word of another language: "pain", "falls"."""
_EVERYDAY = {
    "fr": {"goutte", "fatigue", "douleur", "inflammation"},
    "es": {"gota", "dolor"},
    "de": {"Rauchen", "Stillen"},
}
"""Names that are searched for, and in a text mostly say something else."""
_DISORDERS = {"D003863": "D003866", "D001007": "D001008"}
"""MeSH has depression and anxiety as moods; what a text calls so is annotated as the disorder."""
_LONG = 40
"""A text of more words is an abstract or an article rather than a sentence or a list."""
_PASSING = (Role.DENIED, Role.FAINT, Role.ASIDE)


class Tag(NamedTuple):
    """An area that a text speaks of.

    ``found`` are the words that say so where it is said first, ``score`` (0–1) tells how much the text is about
    it, ``reason`` why that much. ``passing`` is true where it is only denied or a word in passing.
    """

    area_id: str
    in_title: bool
    found: str
    score: float = 1.0
    reason: str = ""
    passing: bool = False

    @property
    def salient(self) -> bool:
        """Whether the text is about it, as far as the score alone tells."""
        return self.score >= SALIENT


class Tagger:
    """Finds disease areas in text. Building one reads all names once; it may be shared by threads.

    A text in German, French or Spanish is read with the names of its language; English ones count there only where
    they are no everyday words of it.
    """

    def __init__(self, areas: AreaTree, language: str = ENGLISH) -> None:
        self._areas = areas
        self._language = language
        nodes = areas.nodes if language == ENGLISH else _called_in(language, areas.nodes)
        self._folder = _folder_of(language, areas.nodes)
        self._dictionary = TagDictionary(nodes, self._folder)
        self._mesh_above: dict[str, tuple[str, ...]] = {}
        self._others: dict[str, Tagger] = {}
        self._foreign: dict[str, ForeignNames] = {}
        self._speaks = {code for node in areas.nodes for code, _ in node.names} if language == ENGLISH else set()

    @property
    def areas(self) -> AreaTree:
        """The areas that it was built from."""
        return self._areas

    @property
    def dictionary(self) -> TagDictionary:
        """The names that it knows."""
        return self._dictionary

    @property
    def folder(self) -> WordFolder:
        """Its memory of folded words."""
        return self._folder

    def tag(self, *, title: str, text: str, language: str | None = None) -> list[Tag]:
        """Return the areas that title and text are about, the most important first; ``language`` where it is known."""
        return self.about(self.mentions(title=title, text=text, language=language))

    def named(self, *, title: str, text: str) -> list[Tag]:
        """Return the areas that are named and neither denied nor in passing: for lists, as of a trial's conditions."""
        return [tag for tag in self.mentions(title=title, text=text) if not tag.passing]

    @staticmethod
    def about(mentions: Sequence[Tag]) -> list[Tag]:
        """Return of all mentions in a text those that it is about; where there is none, those in passing in its title.

        "A new diabetes medicine" is about diabetes; "a cancer medicine for multiple sclerosis" is not about cancer.
        """
        return [tag for tag in mentions if tag.salient] or [tag for tag in mentions if tag.in_title and tag.score]

    def listed(self, mentions: Sequence[Tag], *, words: int) -> list[Tag]:
        """Return of all mentions in a text of so many words those to be listed, as annotators would.

        A long text names what it denies, too, and what it says in passing: an abstract in which "no seizures were
        seen" is on seizures. A short one that denies ("adults without diabetes") says nothing of it. What is no
        disease (pregnancy), and treatments (dialysis), are listed only where the text is about them.
        """
        about = self.about(mentions)
        return [
            tag for tag in mentions if tag in about or (self._is_annotated(tag) if words > _LONG else not tag.passing)
        ]

    def _is_annotated(self, tag: Tag) -> bool:
        return self._areas.get(tag.area_id).is_disease and name_key(tag.found, self._folder) not in TREATMENTS

    def mentions(self, *, title: str, text: str, language: str | None = None) -> list[Tag]:
        """Return all areas that title and text name, the most important first; a denied one has the score 0.

        ``language`` is what the text is said to be written in; its own words go first.
        """
        spoken = text_language(title, text, language) if self._speaks else ENGLISH
        if spoken in self._speaks and spoken is not None:
            return self._reading(spoken).mentions(title=title, text=text)
        found = self._mentions(title, text)
        return found if spoken == ENGLISH else self._undeclared(title, text, found)

    def _undeclared(self, title: str, text: str, found: list[Tag]) -> list[Tag]:
        """Return what a text of no known language names: a few words may be a name in any; else English goes first."""
        words = len(split_words(title)) + len(split_words(text))
        if words <= _NAME_ALONE and not any(len(split_words(tag.found)) == words for tag in found):
            alone = f"{title} {text}".strip()
            named = (code for code in LANGUAGES if self._is_name(code, alone))
            tags = (tag for code in named for tag in self._reading(code).mentions(title=alone, text=""))
            found = next(([tag] for tag in tags if len(split_words(tag.found)) == words), found)
        spoken = None if found else text_language(title, text, clear=1)
        return self._reading(spoken).mentions(title=title, text=text) if spoken in self._speaks and spoken else found

    def _is_name(self, language: str, text: str) -> bool:
        """Return whether a text is a name in a language. Its names are known in a tenth of the time of its tagger."""
        if language not in self._foreign:
            folder = _folder_of(language, self._areas.nodes)
            self._foreign[language] = ForeignNames(language, self._areas.nodes, folder)
        return self._foreign[language].find(text) is not None

    def _reading(self, language: str) -> Tagger:
        if language not in self._others:
            self._others[language] = Tagger(self._areas, language)
        return self._others[language]

    def _mentions(self, title: str, text: str) -> list[Tag]:
        reading = read_text(title, text, self._dictionary)
        weighed = weigh(reading, self._areas, self._language)
        tags = [_tag(area, known) for area, known in weighed.items()]
        if any(tag.area_id in _DISORDERS or not is_mesh_id(tag.area_id) for tag in tags):
            tags += self._implied(tags)
        if len(tags) > 1:
            tags.sort(key=lambda tag: (not tag.in_title or not tag.salient, -tag.score))
        return tags

    def _implied(self, tags: Sequence[Tag]) -> list[Tag]:
        """Return what stands for areas that MeSH lacks, or has as a mood: "severe asthma" speaks of asthma as well."""
        known = {tag.area_id for tag in tags}
        implied: dict[str, Tag] = {}
        for tag in tags:
            for area in self._nearest(tag.area_id) if tag.score else ():
                if area not in known and area not in implied:
                    score = min(tag.score, _IMPLIED)
                    reason = f"MeSH has no disease {self._areas.name(tag.area_id)}"
                    implied[area] = tag._replace(area_id=area, score=score, reason=reason)
        return list(implied.values())

    def _nearest(self, area_id: str) -> tuple[str, ...]:
        """Return the nearest areas of MeSH above one that it lacks, or the disorder for a mood."""
        if is_mesh_id(area_id):
            disorder = _DISORDERS.get(area_id)
            return (disorder,) if disorder is not None and disorder in self._areas else ()
        return self._above(area_id)

    def _above(self, area_id: str) -> tuple[str, ...]:
        if area_id not in self._mesh_above:
            above = {area for area in self._areas.ancestors(area_id) if is_mesh_id(area)}
            further = {area for nearer in above for area in self._areas.ancestors(nearer)}
            self._mesh_above[area_id] = tuple(sorted(above - further))
        return self._mesh_above[area_id]


def _called_in(language: str, nodes: Sequence[AreaNode]) -> list[AreaNode]:
    """Return the areas under their names in a language, with the English ones that are no words of it."""
    found = []
    for node in (node for node in nodes if node.names_in(language)):
        own = [name for name in node.names_in(language) if name not in _EVERYDAY.get(language, ())]
        english = [name for name in (node.name, *node.synonyms) if " " in name or len(name) >= _TELLING]
        names = [*own, *english]
        found.append(replace(node, name=names[0], synonyms=tuple(names[1:])))
    return found


def _folder_of(language: str, nodes: Sequence[AreaNode]) -> WordFolder:
    return GermanFolder(_one_word_names(nodes, language)) if language == "de" else WordFolder()


def _one_word_names(nodes: Sequence[AreaNode], language: str) -> set[str]:
    return {fold_word(name) for node in nodes for name in node.names_in(language) if name.isalpha()}


def _tag(area: str, known: Weighed) -> Tag:
    return Tag(
        area_id=area,
        in_title=known.in_title,
        found=known.first.found,
        score=known.score,
        reason=known.reason,
        passing=known.best in _PASSING,
    )

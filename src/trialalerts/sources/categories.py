"""The categories of an article: which areas, topics and audience they name.

They are a floor: an article is about what its editors say, and besides about what its title or its text says below
that. A category that is not understood is a finding, kept for as long as an article of the source has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlmodel import Session

from trialalerts.catalog.articles.audience import Audience, audience_in, audience_of_category
from trialalerts.catalog.draft import AreaTag
from trialalerts.database.findings import end_findings, note_finding, open_findings
from trialalerts.errors import UnknownArea, UnknownTopic, did_you_mean
from trialalerts.vocabulary.areas.tree import AreaTree
from trialalerts.vocabulary.tagging.tagger import Tagger
from trialalerts.vocabulary.topics import TopicTree

__all__ = ["FINDING", "Categories", "CategoryReader", "note_categories"]

FINDING = "category-not-understood"
_MOST_NOTED = 20
"""So many categories of one source are told; who has more has a feed of other things."""
_LONGEST = 80

_BEFORE = re.compile(
    r"(?:living with|life with|about|all about|news (?:on|about|in)|research (?:on|into|in)|latest(?: on| in)?|new in|"
    r"leben mit|forschung (?:zu|über)|vivre avec|recherche sur|vivir con|investigación sobre)\s+",
    re.IGNORECASE,
)
_BEHIND = re.compile(
    r"(?:^|[\s-]+)(?:(?:clinical )?(?:trials?|stud(?:y|ies))|research|news(?:letter)?|updates?|stor(?:y|ies)|"
    r"articles?|blog|care|treatments?|science|findings|results|info(?:rmation)?|resources?|community|awareness|advocacy|"
    r"forschung|studien?|nachrichten|neuigkeiten|behandlung|recherche|actualités|investigación|noticias)$",
    re.IGNORECASE,
)
_PARTS = re.compile(r"\s*(?:[&/,;:|]|\band\b|\bund\b|\bet\b|\by\b)\s*", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+")
_NO_SUBJECT = frozenset(
    """
    uncategorized uncategorised general all featured latest new other misc miscellaneous home health healthcare
    medicine medical clinical biomedical press media release releases announcement announcements event events podcast
    podcasts video videos interview interviews opinion editorial editorials review reviews original letter letters
    report reports paper papers research article articles highlights top topic topics our the and
    allgemein aktuelles général divers varios
    """.split()  # noqa: SIM905 - a list of words reads better than quotes and commas
)


@dataclass(frozen=True, kw_only=True)
class Categories:
    """What the categories of one article say; ``strange`` are those of which nothing was understood."""

    areas: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    audience: Audience | None = None
    strange: tuple[str, ...] = ()


@dataclass
class _Meaning:
    areas: dict[str, None] = field(default_factory=dict)
    topics: dict[str, None] = field(default_factory=dict)
    audience: Audience | None = None
    is_empty: bool = False

    @property
    def is_strange(self) -> bool:
        return not (self.areas or self.topics or self.audience or self.is_empty)


class CategoryReader:
    """Reads the categories of one source's articles, and remembers what it did not understand."""

    def __init__(self, tagger: Tagger, topics: TopicTree) -> None:
        self.strange: dict[str, str] = {}
        self._areas: AreaTree = tagger.areas
        self._tagger = tagger
        self._topics = topics
        self._known: dict[str, _Meaning] = {}

    def read(self, categories: Iterable[str]) -> Categories:
        """Return what categories say together."""
        areas: dict[str, None] = {}
        topics: dict[str, None] = {}
        audiences: list[Audience] = []
        strange = []
        for category in categories:
            if category not in self._known:
                self._known[category] = self._meaning(category)
            meaning = self._known[category]
            areas |= meaning.areas
            topics |= meaning.topics
            audiences += [meaning.audience] if meaning.audience else []
            strange += [category] if meaning.is_strange else []
        return Categories(
            areas=tuple(areas), topics=tuple(topics), audience=audience_in(audiences), strange=tuple(strange)
        )

    def areas(self, floor: Sequence[str], *, title: str, text: str, language: str | None = None) -> list[AreaTag]:
        """Return the areas of an article: the ``floor`` and what its words say below it; without one, all that."""
        tags = self._tagger.tag(title=title, text=text, language=language)
        if not floor:
            return [{"id": tag.area_id, "in_title": tag.in_title} for tag in tags]
        below = [tag.area_id for tag in tags if not self._areas.ancestors(tag.area_id).isdisjoint(floor)]
        in_title = {tag.area_id for tag in tags if tag.in_title}
        return [{"id": area, "in_title": area in in_title} for area in dict.fromkeys((*floor, *below))]

    def topics(self, named: Sequence[str], *, title: str, text: str) -> list[str]:
        """Return the topics of an article with those above them: those ``named``, and what its words are about."""
        return self._topics.with_those_above({*named, *self._topics.about(title=title, text=text)})

    def _meaning(self, category: str) -> _Meaning:
        found = _Meaning(audience=audience_of_category(category))
        names = list(_names(category))
        found.is_empty = not names
        for name in names:
            if area := self._area(name):
                found.areas[area] = None
            if topic := self._topic(name):
                found.topics[topic] = None
        if not found.areas:
            found.areas |= dict.fromkeys(tag.area_id for tag in self._tagger.tag(title=category, text=""))
        if not found.topics:
            found.topics |= dict.fromkeys(self._topics.about(title=category, text=""))
        if found.is_strange:
            self.strange[category[:_LONGEST]] = self._remedy(names[0])
        return found

    def _area(self, name: str) -> str | None:
        try:
            node = self._areas.find(name)
        except UnknownArea:
            return None
        # An acronym counts as it is written: "All" is no leukaemia.
        others = {acronym for acronym in node.acronyms if acronym.casefold() == name.casefold()}
        return None if others and name not in others else node.id

    def _topic(self, name: str) -> str | None:
        try:
            return self._topics.find(name)
        except UnknownTopic:
            return None

    def _remedy(self, name: str) -> str:
        try:
            self._areas.find(name)
        except UnknownArea as error:
            return did_you_mean(error.choices)
        return ""


def note_categories(session: Session, source: str, strange: Mapping[str, str], now: datetime) -> None:
    """Note each category that is not understood once, and end what is said of those that are gone or understood now."""
    begins = f"{source}: "
    noted = dict(sorted(strange.items())[:_MOST_NOTED])
    known = {found.subject for found in open_findings(session, FINDING) if found.subject.startswith(begins)}
    if over := known - {begins + category for category in noted}:
        end_findings(session, FINDING, over)
    for category, remedy in noted.items():
        text = f"Source {source}: the category “{category}” names no disease area, topic or audience.{remedy}"
        note_finding(session, FINDING, begins + category, text, now=now)


def _names(category: str) -> Iterator[str]:
    """Give what a category may name: the whole, the whole without words such as "research", its parts; none for "News".

    What says nothing of a subject is left out.
    """
    seen: dict[str, None] = {}
    for whole in (category, *_PARTS.split(category)):
        name = whole.strip()
        while name:
            seen[name] = None
            shorter = _BEHIND.sub("", _BEFORE.sub("", name, count=1)).strip(" -–:")
            if shorter == name:
                break
            name = shorter
    for name in seen:
        if _BEHIND.sub("", name).strip() and not _NO_SUBJECT.issuperset(_WORD.findall(name.casefold())):
            yield name

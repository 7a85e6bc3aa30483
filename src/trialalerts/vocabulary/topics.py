"""The topics beside diseases: their file, their table, and which topic a text names.

They are found and told by the machinery of the areas (:class:`AreaTree`, :class:`Tagger`). An item keeps its topics
together with those above them, so that matching compares ids and needs no tree.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Annotated, NamedTuple

import orjson
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from sqlalchemy import delete
from sqlmodel import Session, col, select

from trialalerts.errors import ConfigurationError, UnknownArea, UnknownTopic
from trialalerts.vocabulary.areas.graph import circle_in
from trialalerts.vocabulary.areas.search import AreaHit, AreaNode
from trialalerts.vocabulary.areas.tree import AreaTree
from trialalerts.vocabulary.tables import Topic
from trialalerts.vocabulary.tagging.tagger import Tagger

__all__ = ["TopicName", "TopicTree", "load_topics", "read_topics", "store_topics"]

_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
_Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]


class TopicName(NamedTuple):
    """A topic by its names: the English one and, as pairs of a language's code and a name, the others."""

    id: str
    english: str
    others: tuple[tuple[str, str], ...] = ()

    def said(self, language: str) -> str:
        """Return the name in a language, the English one where there is none."""
        return dict(self.others).get(language.partition("-")[0], self.english)

    def language(self, language: str) -> str:
        """Return the language that :meth:`said` answers in: the one asked for, or English."""
        code = language.partition("-")[0]
        return code if code in dict(self.others) else "en"


class CuratedTopic(BaseModel):
    """One ``[[topic]]`` of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: _Id
    name: _Text
    names: dict[Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")], _Text] = {}
    parents: tuple[_Text, ...] = ()
    synonyms: tuple[_Text, ...] = ()
    acronyms: tuple[_Text, ...] = ()


class _TopicFile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    topic: tuple[CuratedTopic, ...] = Field(min_length=1)


class TopicTree:
    """All topics. It never changes; load it anew to see new rows."""

    def __init__(self, topics: Iterable[Topic]) -> None:
        self._topics = {topic.id: topic for topic in topics}
        self._tree = AreaTree(_node(topic) for topic in self._topics.values())

    def __contains__(self, topic_id: object) -> bool:
        """Return whether there is a topic with this id."""
        return topic_id in self._topics

    def __iter__(self) -> Iterator[str]:
        """Give the ids of all topics, by name."""
        return iter(sorted(self._topics, key=lambda id_: self.name(id_).casefold()))

    def get(self, topic_id: str) -> Topic:
        """Return the topic with this id.

        Raises:
            KeyError: there is none.
        """
        return self._topics[topic_id]

    def names(self, topic_id: str) -> TopicName:
        """Return the names shown to people; the id where it is unknown."""
        topic = self._topics.get(topic_id)
        return TopicName(topic_id, topic.name if topic else topic_id, tuple(topic.names.items()) if topic else ())

    def name(self, topic_id: str, language: str = "en") -> str:
        """Return the name shown to people; the English one where ``language`` has none, the id where it is unknown."""
        return self.names(topic_id).said(language)

    def named(self, language: str) -> list[tuple[str, str, str]]:
        """Return all topics, by name: the id, the name, and its language where that is not ``language``."""
        named = (
            (id_, name.said(language), name.language(language)) for id_ in self._topics for name in [self.names(id_)]
        )
        told = ((id_, said, "" if known == language else known) for id_, said, known in named)
        return sorted(told, key=lambda each: each[1].casefold())

    def find(self, text: str) -> str:
        """Return the id of the topic that ``text`` names: by id, name in any language, synonym or acronym.

        Raises:
            UnknownTopic: there is none, or several; it carries up to three near names.
        """
        try:
            return self._tree.find(text).id
        except UnknownArea as error:
            raise UnknownTopic(text, error.choices) from None

    def search(self, text: str, *, limit: int = 10) -> list[AreaHit]:
        """Return the topics that ``text`` may mean, the likeliest first."""
        return self._tree.search(text, limit=limit)

    def children(self, topic_id: str) -> tuple[str, ...]:
        """Return the ids of the topics right below."""
        return self._tree.children(topic_id)

    def with_those_above(self, topic_ids: Collection[str]) -> list[str]:
        """Return the ids with those of all topics above them, sorted, each once."""
        return sorted({*topic_ids}.union(*map(self._tree.ancestors, topic_ids)))

    def about(self, *, title: str, text: str) -> list[str]:
        """Return the ids of the topics that title and text are about, the most important first."""
        return [tag.area_id for tag in self._tagger.tag(title=title, text=text)]

    @cached_property
    def _tagger(self) -> Tagger:
        return Tagger(self._tree)


def read_topics(file: Path) -> tuple[CuratedTopic, ...]:
    """Read and check the file of topics.

    Raises:
        ConfigurationError: it cannot be read, or a topic in it is wrong; one line names file, topic and fault.
    """
    try:
        topics = _TopicFile.model_validate(tomllib.loads(file.read_text("utf-8"))).topic
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file}: the topics cannot be read: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{file}: this is not TOML: {error}") from None
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        where = ".".join(str(part + 1 if isinstance(part, int) else part) for part in fault["loc"])
        raise ConfigurationError(f"{file}: {where}: {fault['msg']}") from None
    _check(file, topics)
    return topics


def store_topics(session: Session, file: Path) -> int:
    """Make the table say what the file says; return the number of topics.

    A topic that left the file is not offered any more; who follows it keeps it.

    Raises:
        ConfigurationError: the file is wrong; nothing is stored.
    """
    topics = read_topics(file)
    known = {row.id: row for row in session.exec(select(Topic))}
    for topic in topics:
        values = topic.model_dump(mode="json")
        row = known.pop(topic.id, None)
        if row is None:
            session.add(Topic(**values))
        else:
            for name, value in values.items():
                setattr(row, name, value)
    if known:
        session.connection().execute(delete(Topic).where(col(Topic.id).in_(list(known))))
    session.flush()
    return len(topics)


def load_topics(session: Session) -> TopicTree:
    """Read all topics; whoever reads the same again gets the same tree."""
    rows = session.exec(select(Topic).order_by(col(Topic.id))).all()
    return _tree(orjson.dumps([row.model_dump() for row in rows]))


@lru_cache(maxsize=1)
def _tree(packed: bytes) -> TopicTree:
    return TopicTree(Topic(**row) for row in orjson.loads(packed))


def _node(topic: Topic) -> AreaNode:
    synonyms = dict.fromkeys((*topic.names.values(), *topic.synonyms))
    return AreaNode(
        id=topic.id,
        name=topic.name,
        synonyms=tuple(synonyms),
        acronyms=tuple(topic.acronyms),
        parents=tuple(topic.parents),
    )


def _check(file: Path, topics: Sequence[CuratedTopic]) -> None:
    ids: set[str] = set()
    for topic in topics:
        if topic.id in ids:
            raise ConfigurationError(f"{file}: {topic.id}: this id stands twice; each topic needs its own")
        ids.add(topic.id)
    for topic in topics:
        for parent in topic.parents:
            if parent not in ids:
                raise ConfigurationError(f"{file}: {topic.id}: there is no parent {parent}")
    circle = circle_in({topic.id: topic.parents for topic in topics})
    if circle is not None:
        raise ConfigurationError(f"{file}: {circle[0]}: the parents go round in a circle: {' → '.join(circle)}")

"""Safety notices as articles: what an authority says of a medicine, in words of ours, in each reader's language.

An authority gives fields, no texts for patients. So title and text are made of phrases (``templates/safety``), in
English, and in the other languages as translations of the one article. What becomes of a notice later (the shortage is
over) is a correction: those hear of it whom a digest told the notice.
"""

from __future__ import annotations

import tomllib
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from functools import cache
from typing import Any, ClassVar, TypeVar

from trialalerts.catalog.articles.keys import article_keys
from trialalerts.catalog.draft import FieldProblem, ItemDraft
from trialalerts.catalog.facts import ArticleFacts, ArticleRegion, ArticleText
from trialalerts.catalog.tables import ItemKind
from trialalerts.files import shipped
from trialalerts.sources.context import SourceContext
from trialalerts.sources.editors.drafting import regions_meant
from trialalerts.sources.reading.fields import UNNAMED, Fields
from trialalerts.sources.reading.record import RecordView
from trialalerts.sources.sweeps.registry import Reading, Registry, RegistrySettings
from trialalerts.sources.sweeps.steps import SweepStep, WholeFile
from trialalerts.vocabulary.days import written_day

__all__ = ["NoticeRegistry", "SafetyNotice", "Said", "names_listed", "phrases_of"]

_ENGLISH = "en"
_NAME_LIMIT, _ID_LIMIT = 160, 300
_Settings = TypeVar("_Settings", bound=RegistrySettings)
Said = tuple[str, Mapping[str, Any]]
"""A phrase of ``[text]`` and what is filled in: names, numbers, days."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyNotice:
    """What was read of a notice.

    Attributes:
        number: names it for good.
        name: of the medicine, or medicines.
        title: the phrase of ``[title]``.
        said: what its text says, phrase by phrase.
        day: when it was made known.
        changed_on: when it was changed since, and ``changed``, the phrase of ``[changed]`` that says how.
        url: where people read of it; empty: nowhere.
        is_own_page: whether that page is about this notice alone.
        categories: what it is filed under, in the authority's words.
        headings: the same as ids or names of areas.
        about: the text in which its areas are looked for, too.
    """

    number: str
    name: str
    title: str
    said: Sequence[Said]
    day: date | None
    changed_on: date | None = None
    changed: str = "anew"
    url: str = ""
    is_own_page: bool = False
    categories: Sequence[str] = ()
    headings: Sequence[str] = ()
    about: str = ""


class NoticeRegistry(Registry[_Settings, SweepStep]):
    """What sources of safety notices have in common: each sweep reads all of them.

    Attributes:
        place: whom they are for: a region.
        named_by: the fields that a notice is named by, for messages.
    """

    place: ClassVar[str]
    named_by: ClassVar[str]

    def __init__(self, settings: _Settings) -> None:
        super().__init__(settings, WholeFile())
        self._regions: tuple[ArticleRegion, ...] = ()

    @abstractmethod
    def notice(self, record: RecordView, context: SourceContext) -> SafetyNotice | None:
        """Read a record; None where it is left out on purpose. One without a number cannot be kept."""

    def read(self, record: Any, position: str, context: SourceContext) -> Reading:
        """Read a notice, whatever it may be."""
        view = RecordView(record if isinstance(record, dict) else {}, Fields(position))
        found = self.notice(view, context)
        if found is None:
            return None, ()
        if not found.number:
            message = f"found nothing that names the notice, expected {self.named_by}"
            return None, [FieldProblem(external_id=f"{UNNAMED}{position}", field="record", message=message)]
        return self._draft(found, view, context), ()

    def _draft(self, notice: SafetyNotice, view: RecordView, context: SourceContext) -> ItemDraft:
        number = notice.number[:_ID_LIMIT]
        english, *others = (_written(notice, language) for language in _languages())
        areas = [node.id for name in notice.headings if (node := context.areas.filed_under(name))]
        about = context.categories.areas(
            list(dict.fromkeys(areas)), title=english.title, text=notice.about, language=_ENGLISH
        )
        if not about:
            view.note("areas", "no disease area is known for it, so that only who follows everything is told")
        self._regions = self._regions or tuple(regions_meant(self.place, context))
        facts = ArticleFacts(
            categories=tuple(notice.categories),
            language=_ENGLISH,
            published_on=notice.day,
            corrected_on=english.corrected_on,
            correction=english.correction,
            translations=tuple(others),
            regions=self._regions,
        )
        return ItemDraft(
            registry=self.registry,
            external_id=number,
            kind=ItemKind.ARTICLE,
            url=notice.url,
            title=english.title,
            summary=english.summary,
            published_at=datetime.combine(notice.day, time(), UTC) if notice.day else None,
            facts=facts,
            source=self.settings.name,
            areas=about,
            topics=context.categories.topics((), title=english.title, text=""),
            keys=article_keys(links=[notice.url]) if notice.is_own_page else (),
            problems=tuple(replace(each, external_id=number) for each in view.problems),  # it was read without a name
        )


def names_listed(record: RecordView, path: str) -> list[str]:
    """Return names of a list, or of a text with semicolons between, each once."""
    parts = (part.strip() for text in record.lines(path) for part in text.split(";"))
    return list(dict.fromkeys(filter(None, parts)))


def phrases_of(language: str) -> Mapping[str, Mapping[str, str]]:
    """Return what is said in a language: ``title``, ``text`` and ``changed``, each by key."""
    return _phrases()[language]


def _languages() -> Iterator[str]:
    """Give the languages, English first."""
    yield _ENGLISH
    yield from sorted(_phrases().keys() - {_ENGLISH})


@cache
def _phrases() -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    files = shipped("templates/safety").glob("strings.*.toml")
    return {file.name.split(".")[1]: tomllib.loads(file.read_text(encoding="utf-8")) for file in files}


def _written(notice: SafetyNotice, language: str) -> ArticleText:
    words = phrases_of(language)
    texts = (words["text"][key].format_map(_filled(given, language)) for key, given in notice.said)
    name = notice.name if len(notice.name) <= _NAME_LIMIT else f"{notice.name[:_NAME_LIMIT].rstrip()}…"
    return ArticleText(
        language=language,
        title=words["title"][notice.title].format(name=name),
        summary=" ".join(texts),
        url=notice.url,
        corrected_on=notice.changed_on,
        correction=words["changed"][notice.changed] if notice.changed_on else None,
    )


def _filled(given: Mapping[str, Any], language: str) -> Mapping[str, Any]:
    """Return what is filled in: days in words, names without a full stop, which the phrase has."""
    days = {key: written_day(each, language) for key, each in given.items() if isinstance(each, date)}
    return {key: str(each).removesuffix(".") for key, each in given.items()} | days

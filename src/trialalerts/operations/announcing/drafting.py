"""An announcement as an editor means it: an article, or a message of a Markdown file, and for whom it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlmodel import Session, col, select

from trialalerts.catalog.articles.addressed import READERS, READERS_OPTION, AddressedTo
from trialalerts.catalog.facts import ArticleFacts, ArticleText
from trialalerts.catalog.tables import Item, ItemKind, Record
from trialalerts.digests.announcements.queueing import NewAnnouncement
from trialalerts.errors import InvalidInput
from trialalerts.operations.questions.items import find_item
from trialalerts.settings import Settings
from trialalerts.sources.context import SourceContext
from trialalerts.sources.editors.article_file import ArticleFile, article_text, read_article
from trialalerts.sources.editors.drafting import draft_of, regions_meant, text_in_file
from trialalerts.sources.editors.front_matter import UnreadableArticle, parts_of
from trialalerts.sources.editors.steps import EditedArticle, read_edited
from trialalerts.subscribers.choices import checked_locale

__all__ = ["AnnouncementOptions", "drafted_announcement", "for_whom"]

_LONGEST_NAME = 200


@dataclass(frozen=True, kw_only=True)
class AnnouncementOptions:
    """What was typed beside the file: to whom it is limited, and when it leaves (aware; None: at once)."""

    areas: Sequence[str] = ()
    regions: Sequence[str] = ()
    topics: Sequence[str] = ()
    readers: str | None = None
    languages: Sequence[str] = ()
    at: datetime | None = None
    with_digest: bool = False


def drafted_announcement(
    session: Session, settings: Settings, context: SourceContext, what: str, options: AnnouncementOptions
) -> NewAnnouncement:
    """Return what is to be announced.

    Args:
        session: reads.
        settings: say which folders hold articles.
        context: the vocabulary, and the clock.
        what: a Markdown file, or an article by its number or its source's id.
        options: as typed.

    Raises:
        InvalidInput: it makes no sense, or must not be told: nobody shall be told what an editor did not mean.
        NotFound: nothing is known under the number.
    """
    limits = _limits(options, context)
    if not Path(what).is_file():
        if what.endswith(".md"):
            raise InvalidInput(f"There is no file {what}.")
        return _of_article(find_item(session, what), limits, options, context)
    edited = read_edited(settings, Path(what))
    if edited.source is not None:
        return _of_article(_stored(session, edited), limits, options, context)
    return _message(edited, limits, options, context)


def for_whom(new: NewAnnouncement, context: SourceContext) -> dict[str, list[str]]:
    """Return for whom it is, in the words of people, as far as anything limits that."""
    said: dict[str, list[str]] = {}
    for each in new.addressed:
        words: Mapping[str, Sequence[str]] = {
            "follow": [context.areas.name(area) for area in each.areas],
            "in": list(dict.fromkeys(region.label for region in each.regions)),
            "topics": [context.topics.name(topic) for topic in each.topics],
            "readers": [each.readers] if each.readers else [],
            "languages": each.languages,
        }
        for name, some in words.items():
            said.setdefault(name, []).extend(word for word in some if word not in said.get(name, ()))
    return {name: some for name, some in said.items() if some}


def _limits(options: AnnouncementOptions, context: SourceContext) -> AddressedTo:
    if options.readers is not None and options.readers not in READERS:
        raise InvalidInput(f"{READERS_OPTION}: “{options.readers}” is none of: {', '.join(READERS)}")
    topics = [context.topics.find(text) for text in options.topics]
    return AddressedTo(
        areas=tuple(context.areas.find(text).id for text in options.areas),
        regions=tuple(region for text in options.regions for region in regions_meant(text, context)),
        topics=tuple(context.topics.with_those_above(topics)),
        readers=next((each for each in READERS if each == options.readers), None),
        languages=tuple(dict.fromkeys(checked_locale(text)[:2] for text in options.languages)),
    )


def _stored(session: Session, edited: EditedArticle) -> Item:
    """Return the article of a file that lies in a folder of articles."""
    name = edited.file.translation_of or edited.file.name
    source = edited.source.name if edited.source else ""
    asked = select(Item).join(Record, col(Record.item_id) == col(Item.id))
    found = session.exec(asked.where(col(Record.registry_name) == source, col(Record.external_id) == name)).first()
    if found is None:
        raise InvalidInput(
            f"{edited.path} is an article that readers cannot see yet: publish it first, then: "
            f"trialalerts sources poll {source}. (A message that is no article lies outside of its folder.)"
        )
    return found


def _of_article(
    item: Item, limits: AddressedTo, options: AnnouncementOptions, context: SourceContext
) -> NewAnnouncement:
    if item.kind is not ItemKind.ARTICLE:
        raise InvalidInput(f"{item.external_id} is a trial; only articles and messages are announced.")
    if ArticleFacts.model_validate(item.facts).retracted_on is not None:
        raise InvalidInput(f"The article {item.id} was taken back; nobody is told of it.")
    return NewAnnouncement(
        name=f"article {item.id}",
        title=item.title,
        item_id=item.id,
        addressed=(limits,) if limits else (),
        with_digest=options.with_digest,
        not_before=options.at or context.clock.now(),
    )


def _message(
    edited: EditedArticle, limits: AddressedTo, options: AnnouncementOptions, context: SourceContext
) -> NewAnnouncement:
    file, now = edited.file, context.clock.now()
    if file.translation_of:
        raise InvalidInput(f"{edited.path} translates {file.translation_of}; announce that one.")
    if file.status in {"draft", "review"}:
        raise InvalidInput(f"{edited.path} is a {file.status}; set status: published when it is ready")
    texts, own = _texts(edited, context), _own(edited, context)
    at = options.at or (file.publish_at if file.publish_at is not None and file.publish_at > now else None)
    return NewAnnouncement(
        name=_name(edited),
        title=file.title,
        texts=tuple(text.model_dump(mode="json") for text in texts),
        addressed=tuple(filter(None, (own, limits))),
        with_digest=options.with_digest,
        not_before=at or now,
    )


def _name(edited: EditedArticle) -> str:
    """Return by what a message is known, so that it is told once: ``id`` of its front matter, else the file's name."""
    said = parts_of(article_text(edited.path))[0].get("id")
    name = " ".join(str(said).split()) if said is not None else edited.file.name
    if not name or len(name) > _LONGEST_NAME or name.lower().startswith(("article ", "handover ")) or name.isdecimal():
        raise InvalidInput(f"{edited.path}: id: “{name[:60]}” cannot be used; take a short name such as leeds-2026-03")
    return name


def _texts(edited: EditedArticle, context: SourceContext) -> list[ArticleText]:
    """Return the message and its translations: the files beside it that say so."""
    file = edited.file
    if not file.text.strip():
        raise InvalidInput(f"{edited.path} has no text below its front matter")
    texts = [text_in_file(file, file)]
    for path, translation in _translations(edited, context):
        if not translation.language:
            raise InvalidInput(f"{path}: language: a translation says its language; add a line such as language: de")
        if any(text.language[:2] == translation.language[:2] for text in texts):
            raise InvalidInput(f"{path}: another file tells the message in “{translation.language}”, too")
        if translation.status not in {"draft", "review"}:
            texts.append(text_in_file(translation, file))
    return texts


def _translations(edited: EditedArticle, context: SourceContext) -> Iterator[tuple[Path, ArticleFile]]:
    for path in sorted(edited.path.resolve().parent.glob("*.md")):
        if path == edited.path.resolve():
            continue
        try:
            text = article_text(path)
            if "translation_of" in text.partition("\n---")[0]:
                file = read_article(text, path.name, context.zone)
                if file.translation_of == edited.path.name:
                    yield path, file
        except UnreadableArticle as error:
            raise InvalidInput(f"{path}: {error.field}: {error}") from None


def _own(edited: EditedArticle, context: SourceContext) -> AddressedTo:
    """Return for whom a message is by its own front matter; what is not understood must not reach everybody."""
    file = edited.file
    try:
        draft = draft_of("announcements", file, (), None, context)
    except UnreadableArticle as error:
        raise InvalidInput(f"{edited.path}: {error.field}: {error}") from None
    if draft.problems:
        raise InvalidInput(f"{edited.path}: {draft.problems[0].field}: {draft.problems[0].message}")
    named, facts = context.categories.read(file.categories), draft.facts
    if named.strange or not isinstance(facts, ArticleFacts):
        strange = named.strange[0] if named.strange else ""
        near = context.categories.strange.get(strange, "")
        raise InvalidInput(
            f"{edited.path}: categories: “{strange}” names no disease area, topic or readers that we know."
            + (f" {near}" if near else "")
        )
    return AddressedTo.by(facts, named.areas, context.topics.with_those_above(named.topics))

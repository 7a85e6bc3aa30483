"""The draft of an article: an original file with those that translate it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, time
from typing import Any

from trialalerts.catalog.articles.audience import AUDIENCES, Audience, audience_in
from trialalerts.catalog.articles.keys import article_keys
from trialalerts.catalog.draft import FieldProblem, ItemDraft
from trialalerts.catalog.facts import ArticleFacts, ArticleRegion, ArticleText
from trialalerts.catalog.tables import ItemKind
from trialalerts.catalog.trials.numbers import registry_numbers
from trialalerts.errors import InvalidInput
from trialalerts.sources.context import SourceContext
from trialalerts.sources.editors.article_file import ArticleFile
from trialalerts.sources.editors.front_matter import UnreadableArticle
from trialalerts.sources.reading.fields import Fields
from trialalerts.vocabulary.areas.tree import AreaTree

__all__ = ["draft_of", "problems_in", "regions_meant", "text_in_file", "understood"]


def draft_of(
    source: str, file: ArticleFile, translations: Sequence[ArticleFile], since: datetime | None, context: SourceContext
) -> ItemDraft:
    """Return the item that an article and its translations are.

    Args:
        source: its name; the article's registry.
        file: the original.
        translations: those that readers may see.
        since: the moment since when readers may see the original; None: since the day that it bears.
        context: the vocabulary.

    Raises:
        UnreadableArticle: a region that it is for is not known, so that nobody can tell who may see it.
    """
    fields = Fields(file.name)
    named, words = context.categories.read(file.categories), f"{file.subtitle}\n\n{file.text}"
    published_at = file.published.at if file.published else None
    published_on = file.published.day if file.published else None
    if since is not None and (published_at is None or since > datetime.combine(published_at, time.max, context.zone)):
        published_at, published_on = since, None
    texts = tuple(text_in_file(each, file) for each in translations)
    return ItemDraft(
        registry=source,
        external_id=file.name,
        kind=ItemKind.ARTICLE,
        url=file.url,
        title=file.title,
        summary=file.summary,
        published_at=published_at,
        facts=ArticleFacts(
            authors=file.authors,
            categories=file.categories,
            audience=_audience(file.audience, named.audience, fields),
            html=file.html,
            language=file.language,
            published_on=published_on,
            corrected_on=file.corrected_on,
            correction=file.correction or None,
            retracted_on=file.retracted_on,
            retraction=file.retraction or None,
            trials=registry_numbers((file.title, words)),
            translations=texts,
            regions=tuple(region for text in file.regions for region in _regions(text, context)),
            languages=file.languages,
        ),
        source=source,
        areas=context.categories.areas(named.areas, title=file.title, text=words),
        topics=context.categories.topics(named.topics, title=file.title, text=words),
        keys=article_keys(links=[link for link in (file.url, *(text.url for text in texts)) if link]),
        problems=(*file.problems, *fields.problems, *_of_translations(translations)),
    )


def understood(file: ArticleFile, draft: ItemDraft, areas: AreaTree, topics: Mapping[str, str]) -> dict[str, Any]:
    """Return what of an article is understood, in the words of people; ``topics`` are names by ids."""
    facts = draft.facts
    if not isinstance(facts, ArticleFacts):  # a folder gives articles alone
        raise TypeError(facts)
    regions = list(dict.fromkeys(region.label for region in facts.regions))
    return {
        "title": draft.title,
        "areas": [areas.name(area["id"]) for area in draft.areas],
        "topics": list(topics.values()),
        "audience": facts.audience,
        "regions": regions or ["anywhere"],
        "languages": list(facts.languages) or ["any"],
        "written in": [file.language or "not said", *(text.language for text in facts.translations)],
        "trials": list(facts.trials),
    }


def problems_in(draft: ItemDraft, context: SourceContext) -> list[tuple[str, str]]:
    """Return what is wrong with an article that was just read: each field and why, categories that nobody knows too."""
    found = [(each.field, each.message) for each in draft.problems]
    for word, near in context.categories.strange.items():
        meant = f"; did you mean “{near}”?" if near else ""
        found.append(("categories", f"“{word}” names no disease area, topic or readers that we know{meant}"))
    return found


def text_in_file(file: ArticleFile, original: ArticleFile) -> ArticleText:
    """Return what a file says in its language, beside the original that it translates (or is)."""
    return ArticleText(
        language=file.language or "",
        title=file.title,
        summary=file.summary,
        html=file.html,
        url=file.url,
        corrected_on=file.corrected_on,
        correction=(file.corrected_on == original.corrected_on and file.correction) or None,
        retraction=file.retraction or None,
    )


def _of_translations(translations: Sequence[ArticleFile]) -> Iterator[FieldProblem]:
    for each in translations:
        yield from each.problems


def _regions(text: str, context: SourceContext) -> Iterator[ArticleRegion]:
    try:
        yield from regions_meant(text, context)
    except InvalidInput as error:
        raise UnreadableArticle("regions", str(error)) from None


def regions_meant(text: str, context: SourceContext) -> Iterator[ArticleRegion]:
    """Give the regions that a text names; none where it means anywhere.

    Raises:
        InvalidInput: none is called so, or several are.
    """
    region = context.region(text)
    if region.kind == "anywhere":
        return
    if region.kind == "group":
        for code in (region.subdivision or "").split():
            part = code if "-" in code else None
            yield ArticleRegion(
                kind="subdivision" if part else "country", label=region.label, country=code[:2], subdivision=part
            )
        return
    yield ArticleRegion.model_validate({name: getattr(region, name) for name in ArticleRegion.model_fields})


def _audience(said: tuple[str, ...], by_category: Audience | None, fields: Fields) -> Audience | None:
    """Return for whom the front matter and the categories together say that the article is."""
    if said and audience_in(said) is None:
        fields.wrong("audience", ", ".join(said), f"one of: {', '.join(AUDIENCES)}")
    return audience_in([*said, by_category])

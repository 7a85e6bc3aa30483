"""What the desk shows of articles: a row of the list, one article with all that its editor should know.

Of the readers nothing but numbers, and of fewer than ten only that they are fewer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import blake2b
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlmodel import col, select
from starlette.exceptions import HTTPException
from starlette.requests import Request

from trialalerts.catalog.text import sanitised_html
from trialalerts.errors import InvalidInput, SourceError
from trialalerts.operations.counting.shares import FEWEST
from trialalerts.operations.questions.article_reach import ArticleReach, article_reach
from trialalerts.sources.context import SourceContext
from trialalerts.sources.editors.article_file import ArticleFile
from trialalerts.sources.editors.drafting import problems_in, understood
from trialalerts.sources.editors.folder_files import FolderFiles, article_files, article_paths
from trialalerts.sources.editors.life import ArticleStage, Life
from trialalerts.sources.editors.steps import EditedArticle, current_draft, editors_folders, find_article
from trialalerts.sources.tables import ArticleApproval
from trialalerts.vocabulary.areas.tree import AreaTree
from trialalerts.web.languages import Language, country_name, language_name
from trialalerts.web.site import WebSite

__all__ = ["DeskRow", "ShownArticle", "desk_rows", "path_in_folder", "seen_version", "shown_article"]

_GROUPS = (
    ("Waiting for an editor", (ArticleStage.REVIEW,)),
    ("Scheduled", (ArticleStage.SCHEDULED,)),
    ("Drafts", (ArticleStage.DRAFT,)),
    ("Published", (ArticleStage.PUBLISHED, ArticleStage.CORRECTED, ArticleStage.RETRACTED)),
)
_MOST = 50
_MOST_COUNTS = 12


@dataclass(frozen=True, kw_only=True)
class DeskRow:
    """One file in the list; ``stage`` is empty where nobody can read it, and ``waits`` then says why."""

    source: str
    name: str
    title: str
    stage: str
    waits: str
    since: str
    language: str
    original: str


def desk_rows(site: WebSite, context: SourceContext) -> tuple[list[tuple[str, list[DeskRow], int]], list[str]]:
    """Return the groups of the list (heading, rows, how many more there are), and which folders cannot be read."""
    errors: list[str] = []
    found: dict[str, list[tuple[float, DeskRow]]] = {heading: [] for heading, _ in _GROUPS}
    for folder in editors_folders(site.settings):
        try:
            files = article_files(folder.name, Path(folder.path), context)
        except SourceError as error:
            errors.append(str(error))
            continue
        for heading, moment, row in _rows(folder.name, files, context.zone):
            found[heading].append((moment, row))
    groups = []
    for heading, rows in found.items():
        newest = sorted(rows, key=lambda each: (-each[0], each[1].source, each[1].name))
        groups.append((heading, [row for _, row in newest[:_MOST]], max(0, len(rows) - _MOST)))
    return groups, errors


def _rows(source: str, files: FolderFiles, zone: ZoneInfo) -> Iterator[tuple[str, float, DeskRow]]:
    headings = {stage: heading for heading, stages in _GROUPS for stage in stages}
    for article in files.articles:
        for file, life in ((article.file, article.life), *article.translations):
            since = life.since or (file.published.at if file.published else None)
            row = DeskRow(
                source=source,
                name=file.name,
                title=file.title,
                stage=life.stage.value,
                waits=life.waits_for,
                since=_hour(since, zone),
                language=file.language or "",
                original=file.translation_of,
            )
            yield headings[life.stage], since.timestamp() if since else 0.0, row
    for problem in files.problems:
        why = f"{problem.field}: {problem.message}"
        row = DeskRow(
            source=source,
            name=problem.external_id,
            title=problem.external_id,
            stage="",
            waits=why,
            since="",
            language="",
            original="",
        )
        yield _GROUPS[0][0], float("inf"), row


@dataclass(frozen=True, kw_only=True)
class ShownArticle:
    """An article as the desk shows it.

    Attributes:
        file: what it says; ``body`` is its text as safe HTML.
        life: how it stands; ``since`` the hour that belongs to that.
        version: stands for what is shown: a step is taken for this version only.
        may_approve: whether a review is what it waits for; may_publish: whether it is free to go.
        may_be_timed: whether its hour can still be set: what readers saw stays.
        day, hour: of ``publish_at``, where it is to come, in the service's time.
        approvals: who approved which version when, and whether it is this one.
        told: what of it is understood, in words.
        people: how many would be told now; counts: the same by what they follow, where, in which language, how often.
        previews: the languages in which it can be looked at.
        whole: the name of the article that is told: a translation is told with its original.
    """

    file: ArticleFile
    source: str
    life: Life
    since: str
    body: str
    version: str
    may_approve: bool
    may_publish: bool
    may_be_timed: bool
    day: str
    hour: str
    approvals: Sequence[tuple[str, str, bool]]
    problems: Sequence[tuple[str, str]]
    told: Mapping[str, str]
    people: str
    counts: Sequence[tuple[str, Sequence[tuple[str, str]], int]]
    previews: Sequence[tuple[str, str]]
    whole: str


def path_in_folder(site: WebSite, request: Request) -> Path:
    """Return the file that a path names, as its folder lists it: what is not listed there is not to be had.

    Raises:
        HTTPException: there is none.
        SourceError: the folder cannot be read.
    """
    source, name = request.path_params["source"], request.path_params["name"]
    for folder in editors_folders(site.settings):
        if folder.name == source:
            for path, listed in article_paths(source, Path(folder.path)):
                if listed == name:
                    return path
    raise HTTPException(404)


def seen_version(file: ArticleFile) -> str:
    """Return what stands for an article as it is, with how it goes on."""
    said = f"{file.digest} {file.status} {file.publish_at}"
    return blake2b(said.encode(), digest_size=16).hexdigest()


def shown_article(site: WebSite, article: EditedArticle, language: Language) -> ShownArticle:
    """Return an article with all that its editor should know before deciding.

    Raises:
        InvalidInput: it can be told to nobody as it is.
    """
    file, source, now = article.file, article.source.name if article.source else "", site.clock.now()
    with SourceContext(site.db, site.settings, site.clock) as context:
        draft, life = current_draft(article, context)
        problems, areas, zone = problems_in(draft, context), context.areas, context.zone
        whole = _told_with(site, article)
        if whole is not article:
            draft = current_draft(whole, context)[0]
        topics = {each: context.topics.names(each).said("en") for each in draft.topics}
    with site.db.read() as session:
        reach = article_reach(session, draft, areas, now.date())
        rows = select(ArticleApproval).where(
            col(ArticleApproval.source) == source, col(ArticleApproval.name) == file.name
        )
        approved = session.exec(rows.order_by(col(ArticleApproval.at))).all()
    told = understood(whole.file, draft, areas, topics)
    at = file.publish_at.astimezone(zone) if file.publish_at and file.publish_at > now else None
    waits = life.stage is ArticleStage.REVIEW
    was_public = bool(approved) and at is None
    is_approved = any(each.digest == file.digest for each in approved)
    return ShownArticle(
        file=file,
        source=source,
        life=life,
        since=_hour(life.since, zone),
        body=sanitised_html(file.html),
        version=seen_version(file),
        may_approve=waits and not is_approved,
        may_publish=life.stage is ArticleStage.SCHEDULED or (waits and is_approved),
        may_be_timed=not was_public and file.status not in {"corrected", "retracted"},
        day=f"{at:%Y-%m-%d}" if at else "",
        hour=f"{at:%H:%M}" if at else "",
        approvals=[(each.approved_by, _hour(each.at, zone), each.digest == file.digest) for each in approved],
        problems=problems,
        told={
            name: (", ".join(value) if isinstance(value, list) else str(value or "")) for name, value in told.items()
        },
        people=_number(reach.people),
        counts=list(_counts(reach, areas, language)),
        previews=_previews(site, whole.file, language),
        whole=whole.file.name,
    )


def _told_with(site: WebSite, article: EditedArticle) -> EditedArticle:
    """Return the original that a translation is told with; the article itself where there is none to be read."""
    if article.file.translation_of and article.source is not None:
        for path, name in article_paths(article.source.name, Path(article.source.path)):
            if name == article.file.translation_of:
                with suppress(InvalidInput):
                    return find_article(site.settings, path)
    return article


def _counts(
    reach: ArticleReach, areas: AreaTree, language: Language
) -> Iterator[tuple[str, Sequence[tuple[str, str]], int]]:
    """Give each way of counting with its groups, the largest first, and how many groups are not shown."""
    ways: tuple[tuple[str, Counter[str], Callable[[str], str]], ...] = (
        ("What they follow", reach.by_area, lambda area: _area(areas, area)),
        ("Where", reach.by_region, lambda code: country_name(code, language)),
        ("Language", reach.by_language, lambda code: language_name(code, language)),
        ("How often they get mail", reach.by_rhythm, str),
    )
    for heading, counted, named in ways:
        shown = [(named(key), f"{number:,}") for key, number in counted.most_common(_MOST_COUNTS) if number >= FEWEST]
        yield heading, shown, len(counted) - len(shown)


def _area(areas: AreaTree, area: str) -> str:
    return areas.name(area) if area in areas else "any disease" if area == "any" else area


def _number(people: int) -> str:
    if not people:
        return "nobody"
    return f"{people:,} people" if people >= FEWEST else f"fewer than {FEWEST} people"


def _previews(site: WebSite, file: ArticleFile, language: Language) -> list[tuple[str, str]]:
    codes = [each.code for each in site.pages.mail_languages]
    return [(code, language_name(code, language)) for code in codes if not file.languages or code in file.languages]


def _hour(moment: datetime | date | None, zone: ZoneInfo) -> str:
    if isinstance(moment, datetime):
        return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}"
    return moment.isoformat() if moment else ""

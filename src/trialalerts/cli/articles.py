"""``trialalerts articles``: what editors write, and the steps of its life."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trialalerts.cli.article_steps import STEPS, File
from trialalerts.cli.preferences import AsJson

if TYPE_CHECKING:
    from collections import Counter

    from trialalerts.catalog.tables import Item
    from trialalerts.cli.context import Context
    from trialalerts.operations.questions.article_reach import ArticleReach
    from trialalerts.sources.editors.folder_files import FolderArticle
    from trialalerts.sources.editors.steps import EditedArticle
    from trialalerts.vocabulary.areas.tree import AreaTree

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

Language = Annotated[str, typer.Option("--language", help="As a reader of this language sees it: en, de, fr, es.")]
_SHOWN = 8


@app.callback()
def _noun() -> None:
    """Articles of the organisation's own editors: from a draft to its correction or end."""


@app.command("list", epilog="Example: trialalerts articles list --stage review")
def list_(
    *,
    stage: Annotated[str | None, typer.Option("--stage", help="Only those at this stage, such as review.")] = None,
    json: AsJson = False,
) -> None:
    """List the articles of all folders: at which stage each is, and what it waits for."""
    from trialalerts.cli.context import open_context
    from trialalerts.cli.output import show_json, show_table
    from trialalerts.sources.context import SourceContext
    from trialalerts.sources.editors.folder_files import article_files
    from trialalerts.sources.editors.life import ArticleStage
    from trialalerts.sources.editors.steps import editors_folders
    from trialalerts.subscribers.choices import one_of

    ctx = open_context()
    wanted = one_of(stage, [*ArticleStage], "stage of an article") if stage else None
    rows: list[dict[str, Any]] = []
    with SourceContext(ctx.db, ctx.settings, ctx.clock) as context:
        for source in editors_folders(ctx.settings):
            found = article_files(source.name, Path(source.path), context)
            rows += [_row(ctx, source.name, each) for each in found.articles]
            rows += [_broken(source.name, each.external_id, f"{each.field}: {each.message}") for each in found.problems]
    rows = [row for row in rows if wanted in (None, row["stage"])]
    if json:
        show_json(rows)
        return
    columns = ("source", "file", "stage", "waits for", "published", "title", "author", "reviewer", "languages", "item")
    named = ["dated" if column == "published" else column for column in columns]
    show_table(named, [[row[column.replace(" ", "_")] for column in columns] for row in rows])


@app.command(epilog="Example: trialalerts articles show articles/leeds-centre.md")
def show(file: File, *, json: AsJson = False) -> None:
    """Show how an article stands: its stage, who approved it, what was told of it and to how many."""
    from trialalerts.cli.context import open_context
    from trialalerts.cli.output import show_fields, show_json, show_table
    from trialalerts.sources.editors.steps import find_article

    ctx = open_context()
    article = find_article(ctx.settings, file)
    told = _story(ctx, article)
    if json:
        show_json(told)
        return
    names = ("file", "title", "stage", "waits_for", "published", "author", "reviewer", "item", "page")
    show_fields({"dated" if name == "published" else name: told[name] for name in names})  # a draft has a date, too
    show_table(("approved", "by", "this version"), [(a["at"], a["by"], a["current"]) for a in told["approvals"]])
    show_table(
        ("told", "on", "people", "mails"), [(c["kind"], c["at"], c["people"], c["mails"]) for c in told["changes"]]
    )


@app.command(epilog="Example: trialalerts articles check articles/leeds-centre.md")
def check(file: File, *, json: AsJson = False) -> None:
    """Say what of an article is understood, what is wrong, whom it would reach, how it will look; changes nothing."""
    from trialalerts.cli.context import open_context
    from trialalerts.cli.output import show as say
    from trialalerts.cli.output import show_json
    from trialalerts.operations.questions.article_reach import article_reach
    from trialalerts.operations.questions.source_check import card_text
    from trialalerts.sources.context import SourceContext
    from trialalerts.sources.editors.drafting import problems_in, understood
    from trialalerts.sources.editors.steps import current_draft, read_edited

    ctx = open_context()
    article = read_edited(ctx.settings, file)
    with SourceContext(ctx.db, ctx.settings, ctx.clock) as context:
        draft, life = current_draft(article, context)
        areas, topics = context.areas, context.topics
        found = problems_in(draft, context)
        with ctx.db.read() as session:
            reach = article_reach(session, draft, areas, ctx.clock.now().date())
    card = card_text(draft, ctx.clock.now(), article.file.language or "en")
    told = understood(article.file, draft, areas, {id_: topics.names(id_).said("en") for id_ in draft.topics})
    problems = [{"field": name, "message": message} for name, message in found]
    if json:
        stage = {"stage": life.stage.value, "waits_for": life.waits_for or None}
        show_json(
            {
                "file": str(file),
                **stage,
                **told,
                "problems": problems,
                "reach": _counts(reach, areas),
                "card": card,
            }
        )
        return
    say(f"{file}: {life.stage.value}{f', waits for {life.waits_for}' if life.waits_for else ''}")
    if article.file.translation_of:
        say(f"translation of: {article.file.translation_of}")
    for name, value in told.items():
        say(f"{name}: {(', '.join(value) if isinstance(value, list) else value) or '-'}")
    for problem in problems:
        say(f"problem: {problem['field']}: {problem['message']}")
    _tell_reach(reach, areas)
    say(f"\nThe card in a mail:\n\n{card}\n")
    say(f"All of it, with its page: trialalerts articles preview {file} --open")


@app.command(epilog="Example: trialalerts articles preview articles/leeds-centre.md --language de --open")
def preview(
    file: File,
    *,
    language: Language = "en",
    mail: Annotated[Path | None, typer.Option("--mail", help="Write the mail's HTML there.", metavar="FILE")] = None,
    page: Annotated[Path | None, typer.Option("--page", help="Write the page there.", metavar="FILE")] = None,
    open_them: Annotated[bool, typer.Option("--open", help="Show both in a browser.")] = False,
) -> None:
    """Make the mail that will tell an article, and its page, as they will look; nothing is stored or sent."""
    import tempfile
    import webbrowser

    from trialalerts.cli.context import open_context
    from trialalerts.cli.output import show as say
    from trialalerts.cli.output import write_file
    from trialalerts.errors import InvalidInput
    from trialalerts.operations.questions.article_preview import previewed_article
    from trialalerts.sources.context import SourceContext
    from trialalerts.sources.editors.steps import current_draft, read_edited
    from trialalerts.subscribers.choices import checked_locale
    from trialalerts.web.alone import page_alone
    from trialalerts.web.app import create_app

    ctx = open_context()
    article, chosen = read_edited(ctx.settings, file), checked_locale(language)
    if article.file.languages and chosen[:2] not in article.file.languages:
        raise InvalidInput(f"{file} is for readers of {', '.join(article.file.languages)} alone, not of {language}")
    if open_them:
        folder = Path(tempfile.mkdtemp(prefix="trialalerts-"))
        mail, page = mail or folder / "mail.html", page or folder / "page.html"
    with SourceContext(ctx.db, ctx.settings, ctx.clock) as context:
        draft, areas = current_draft(article, context)[0], context.areas
    with previewed_article(ctx.db, ctx.settings, ctx.clock, draft, areas, chosen) as made:
        if mail is not None:
            write_file(mail, (made.message and made.message.html_alone) or "")
        if page is not None:
            write_file(
                page, page_alone(create_app(ctx.settings, made.db, ctx.clock), f"/articles/{made.number}", chosen[:2])
            )
        if mail is None and page is None and made.message is not None:
            say(f"Subject: {made.message.subject}\n\n{made.message.text}")
    for path in filter(None, (mail, page)):
        say(f"{path}: written")
        if open_them and not webbrowser.open(path.resolve().as_uri()):
            say("no browser was found here: open the file yourself")


for _step, _example in STEPS.items():
    app.command(epilog=f"Example: {_example}")(_step)


def _row(ctx: Context, source: str, article: FolderArticle) -> dict[str, Any]:
    file, life = article.file, article.life
    item = _item(ctx, source, file.name)
    languages = [file.language or "-", *(f"{text.language} ({its.stage.value})" for text, its in article.translations)]
    return {
        "source": source,
        "file": file.name,
        "stage": life.stage.value,
        "waits_for": life.waits_for or None,
        "published": life.since or (file.published and (file.published.day or file.published.at)),
        "title": file.title,
        "author": ", ".join(file.authors) or None,
        "reviewer": file.reviewer or None,
        "languages": ", ".join(languages),
        "item": item and item.id,
    }


def _broken(source: str, name: str, message: str) -> dict[str, Any]:
    empty = dict.fromkeys(("published", "title", "author", "reviewer", "languages", "item"))
    return {"source": source, "file": name, "stage": "unread", "waits_for": message, **empty}


def _item(ctx: Context, source: str, name: str) -> Item | None:
    from sqlmodel import col, select

    from trialalerts.catalog.tables import Item, Record

    asked = select(Item).join(Record, col(Record.item_id) == col(Item.id))
    with ctx.db.read() as session:
        return session.exec(asked.where(col(Record.registry_name) == source, col(Record.external_id) == name)).first()


def _story(ctx: Context, article: EditedArticle) -> dict[str, Any]:
    from sqlmodel import col, select

    from trialalerts.catalog.tables import Change
    from trialalerts.digests.publishing import Publishing
    from trialalerts.matching.query import SelectionKind
    from trialalerts.operations.questions.reach import reached_by
    from trialalerts.sources.context import SourceContext
    from trialalerts.sources.editors.steps import current_draft
    from trialalerts.sources.tables import ArticleApproval

    source, file = article.source.name if article.source else "", article.file
    with SourceContext(ctx.db, ctx.settings, ctx.clock) as context:
        life = current_draft(article, context)[1]
    item = _item(ctx, source, file.name)
    with ctx.db.read() as session:
        asked = select(ArticleApproval).where(
            col(ArticleApproval.source) == source, col(ArticleApproval.name) == file.name
        )
        approvals = session.exec(asked.order_by(col(ArticleApproval.at))).all()
        changes = (
            session.exec(select(Change).where(Change.item_id == item.id).order_by(col(Change.seq))).all()
            if item
            else ()
        )
        reached = reached_by(session, SelectionKind.CHANGES, item) if item else {}
    return {
        "file": file.name,
        "source": source,
        "title": file.title,
        "stage": life.stage.value,
        "waits_for": life.waits_for or None,
        "published": life.since or (file.published and (file.published.day or file.published.at)),
        "author": ", ".join(file.authors) or None,
        "reviewer": file.reviewer or None,
        "item": item and item.id,
        "page": (item and Publishing.of(ctx.settings).page(item.id)) or None,
        "approvals": [{"at": a.at, "by": a.approved_by, "current": a.digest == file.digest} for a in approvals],
        "changes": [
            {
                "kind": c.kind.value,
                "at": c.at,
                "people": sum(reached.get(c.seq, {}).values()),
                "mails": _mails(reached, c.seq),
            }
            for c in changes
        ],
    }


def _mails(reached: Mapping[int, Counter[str]], seq: int) -> str:
    return ", ".join(f"{count} {state}" for state, count in sorted(reached.get(seq, {}).items()))


def _counts(reach: ArticleReach, areas: AreaTree) -> dict[str, Any]:
    return {
        "people": reach.people,
        "areas": {_area(areas, area): count for area, count in reach.by_area.most_common()},
        "regions": dict(reach.by_region.most_common()),
        "languages": dict(reach.by_language.most_common()),
        "rhythms": dict(reach.by_rhythm.most_common()),
    }


def _tell_reach(reach: ArticleReach, areas: AreaTree) -> None:
    from trialalerts.cli.output import show as say

    counts = _counts(reach, areas)
    people = counts.pop("people")
    say(f"would be told now: {people:,} {'person' if people == 1 else 'people'}")
    for name, found in counts.items():
        listed: Sequence[tuple[str, int]] = list(found.items())
        more = f", and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
        if listed:
            say(f"  by {name}: {', '.join(f'{what} {count:,}' for what, count in listed[:_SHOWN])}{more}")


def _area(areas: AreaTree, area: str) -> str:
    return areas.name(area) if area in areas else "any disease" if area == "any" else area

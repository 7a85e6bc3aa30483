"""What of the articles waits for an editor, and which of it each editor was told."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import blake2b
from pathlib import Path

import orjson
from sqlmodel import Session, col, delete

from trialalerts.database.service_values import ServiceValue, get_value, put_value
from trialalerts.operations.desk.logins import Editor
from trialalerts.settings import Settings
from trialalerts.sources.context import SourceContext
from trialalerts.sources.editors.folder_files import article_files
from trialalerts.sources.editors.life import ArticleStage
from trialalerts.sources.editors.steps import editors_folders

__all__ = ["EditorNews", "WaitingArticle", "forget_others", "waiting_articles"]

_VALUE = "desk told "


@dataclass(frozen=True, kw_only=True)
class WaitingArticle:
    """A file that an editor should look at, and why: it waits for a review, or nobody can read it."""

    source: str
    name: str
    title: str
    why: str

    @property
    def mark(self) -> str:
        """What stands for it in the notes of what was told: no words of the file."""
        said = f"{self.source}\n{self.name}\n{self.why}"
        return blake2b(said.encode(), digest_size=8).hexdigest()


def waiting_articles(settings: Settings, context: SourceContext) -> list[WaitingArticle]:
    """Return what waits now, translations too.

    Raises:
        SourceError: a folder cannot be read.
    """
    found = []
    for folder in editors_folders(settings):
        source, files = folder.name, article_files(folder.name, Path(folder.path), context)
        for article in files.articles:
            for file, life in ((article.file, article.life), *article.translations):
                if life.stage is ArticleStage.REVIEW:
                    why = f"waits for {life.waits_for}"
                    found.append(WaitingArticle(source=source, name=file.name, title=file.title, why=why))
        for problem in files.problems:
            name, why = problem.external_id, f"{problem.field}: {problem.message}"
            found.append(WaitingArticle(source=source, name=name, title=name, why=why))
    return found


@dataclass(frozen=True, kw_only=True)
class EditorNews:
    """What one editor was told: on which day last (empty: never), and the marks of what still waits of it."""

    editor: Editor
    told_on: str
    told: frozenset[str]

    @classmethod
    def of(cls, session: Session, editor: Editor) -> EditorNews:
        """Return what is noted."""
        stored = orjson.loads(get_value(session, _name(editor)) or "{}")
        return cls(editor=editor, told_on=stored.get("on", ""), told=frozenset(stored.get("told", ())))

    def untold(self, waiting: Sequence[WaitingArticle], today: date) -> list[WaitingArticle]:
        """Return what is to be told now: nothing where there was a mail today."""
        if self.told_on == today.isoformat():
            return []
        return [each for each in waiting if each.mark not in self.told]

    def note(self, session: Session, told: Collection[str], told_on: str) -> None:
        """Note what was told of what still waits: what waits no more would be told anew if it waited again."""
        if (frozenset(told), told_on) != (self.told, self.told_on):
            put_value(session, _name(self.editor), orjson.dumps({"on": told_on, "told": sorted(told)}).decode())


def forget_others(session: Session, editors: Sequence[Editor]) -> None:
    """Forget what those were told who are editors no more."""
    known = [_name(each) for each in editors]
    rows = delete(ServiceValue).where(col(ServiceValue.name).startswith(_VALUE), col(ServiceValue.name).not_in(known))
    session.exec(rows)


def _name(editor: Editor) -> str:
    return f"{_VALUE}{editor.hashes[0][:16]}"

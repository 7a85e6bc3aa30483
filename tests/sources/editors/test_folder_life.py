"""Tests of a folder whose articles have a life: what readers may see is given, with its translations and its limits."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.sources.test_folder import read
from trialalerts.catalog.facts import ArticleFacts
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.settings import EditorSettings, Settings, SourceSettings
from trialalerts.sources.context import SourceContext
from trialalerts.sources.editors.approvals import approve_article
from trialalerts.sources.editors.folder_files import article_files
from trialalerts.sources.editors.steps import find_article
from trialalerts.sources.polling.poll import PollCount, poll_due


def write(folder: Path, name: str, *lines: str, body: str = "Words.") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["---", f"title: {name}", *lines, "---", body, ""]), "utf-8")
    return path


def test_only_what_readers_may_see_is_given(tmp_path: Path, context: SourceContext, clock: FrozenClock) -> None:
    soon = (clock.now() + timedelta(hours=1)).replace(microsecond=0)
    for status in ("draft", "review", "published"):
        write(tmp_path, f"{status}.md", f"status: {status}")
    write(tmp_path, "scheduled.md", "status: scheduled", f"publish_at: {soon.isoformat()}")
    write(tmp_path, "typo.md", "status: pubished")
    batch = read(tmp_path, context)
    assert [draft.external_id for draft in batch.drafts] == ["published.md"]
    assert [(problem.external_id, problem.field) for problem in batch.problems] == [("typo.md", "status")]
    clock.advance(timedelta(hours=1))
    later = read(tmp_path, context)
    assert [draft.external_id for draft in later.drafts] == ["published.md", "scheduled.md"]
    assert later.drafts[1].published_at == soon


def test_while_the_clock_is_in_doubt_no_hour_comes(tmp_path: Path, sqlite_world: Database, clock: FrozenClock) -> None:
    write(tmp_path, "soon.md", f"publish_at: {(clock.now() + timedelta(hours=1)).isoformat()}")
    clock.advance(timedelta(hours=2))
    with SourceContext(sqlite_world, Settings(), clock, sure_at=clock.now() - timedelta(hours=2)) as doubtful:
        assert read(tmp_path, doubtful).drafts == []
    with SourceContext(sqlite_world, Settings(), clock) as sure:
        assert len(read(tmp_path, sure).drafts) == 1


def test_translations_go_with_their_original(tmp_path: Path, context: SourceContext) -> None:
    write(tmp_path, "guide.md", "language: en", "categories: [Asthma]")
    write(tmp_path, "de/guide.md", "language: de", "translation_of: guide.md", "url: https://example.org/de")
    write(tmp_path, "fr/guide.md", "language: fr", "translation_of: guide.md", "status: draft")
    write(tmp_path, "de/again.md", "language: de", "translation_of: guide.md")
    write(tmp_path, "lost.md", "language: es", "translation_of: gone.md")
    write(tmp_path, "mute.md", "translation_of: guide.md")
    batch = read(tmp_path, context)
    (draft,) = batch.drafts
    assert isinstance(draft.facts, ArticleFacts)
    assert [(text.language, text.title) for text in draft.facts.translations] == [("de", "de/again.md")]
    found = {problem.external_id: problem.message for problem in batch.problems}
    assert found.keys() == {"de/guide.md", "lost.md", "mute.md"}
    assert "another file translates guide.md" in found["de/guide.md"]


def test_a_translation_that_was_taken_back_alone_goes_and_one_put_right_alone_is_told_to_its_editor(
    tmp_path: Path, context: SourceContext
) -> None:
    write(tmp_path, "guide.md", "language: en", "corrected: 2026-02-01", "correction: It is 12.")
    write(tmp_path, "de.md", "language: de", "translation_of: guide.md", "retracted: 2026-03-01", "retraction: Oh.")
    write(tmp_path, "fr.md", "language: fr", "translation_of: guide.md", "corrected: 2026-03-01", "correction: Ah.")
    write(tmp_path, "es.md", "language: es", "translation_of: guide.md", "corrected: 2026-02-01", "correction: Doce.")
    batch = read(tmp_path, context)
    (draft,) = batch.drafts
    assert isinstance(draft.facts, ArticleFacts)
    said = {text.language: text.correction for text in draft.facts.translations}
    assert said == {"fr": None, "es": "Doce."}, "what another correction said is not told as this one"
    assert [(problem.external_id, problem.field) for problem in batch.problems] == [("fr.md", "corrected")]
    write(tmp_path, "guide.md", "language: en", "retracted: 2026-03-02", "retraction: All of it.")
    (ended,) = article_files("editors", tmp_path, context).articles
    assert [text.name for text in ended.texts] == ["de.md", "es.md", "fr.md"]


def test_a_place_that_nobody_knows_keeps_an_article_from_everybody(tmp_path: Path, context: SourceContext) -> None:
    write(tmp_path, "here.md", "regions: ['Leeds, GB', Germany]", "languages: [en, de-AT]")
    write(tmp_path, "nowhere.md", "regions: [Qwxzvt]")
    batch = read(tmp_path, context)
    (draft,) = batch.drafts
    assert isinstance(draft.facts, ArticleFacts)
    kinds = [(region.kind, region.country, region.radius_km) for region in draft.facts.regions]
    assert kinds == [("place", "GB", 50.0), ("country", "DE", None)]
    assert draft.facts.languages == ("en", "de")
    assert [(problem.external_id, problem.field) for problem in batch.problems] == [("nowhere.md", "regions")]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        editors=EditorSettings(approval=True),
        sources=[SourceSettings.model_validate({"name": "editors", "kind": "folder", "path": str(tmp_path)})],
    )


def polled(db: Database, settings: Settings, clock: FrozenClock) -> PollCount:
    (count,) = poll_due(db, settings, clock, force=True)
    assert count.error is None
    return count


def test_nothing_leaves_unapproved_and_an_old_text_stays_until_the_new_one_is_approved(
    sqlite_world: Database, settings: Settings, clock: FrozenClock, tmp_path: Path
) -> None:
    def approve(path: Path) -> None:
        digest = find_article(settings, path).file.digest
        with sqlite_world.write() as session:
            approve_article(session, "editors", path.name, digest, by="Dr Reed", now=clock.now())

    polled(sqlite_world, settings, clock)  # its baseline
    old = write(tmp_path, "news.md", "date: 2020-01-01", "categories: [Asthma]")
    assert polled(sqlite_world, settings, clock).new == 0
    clock.advance(timedelta(days=1))
    approve(old)
    told = polled(sqlite_world, settings, clock)
    assert (told.new, told.changes) == (1, 1), "approved today it is news, whatever day its author wrote down"
    write(tmp_path, "news.md", "date: 2020-01-01", "categories: [Asthma]", body="Other words.")
    assert polled(sqlite_world, settings, clock).updated == 0
    clock.advance(timedelta(days=1))
    approve(old)
    again = polled(sqlite_world, settings, clock)
    assert (again.updated, again.changes) == (1, 0)


def test_steps_in_a_wrong_order_are_told_to_the_editor(
    sqlite_world: Database, clock: FrozenClock, tmp_path: Path, settings: Settings
) -> None:
    free = settings.model_copy(update={"editors": EditorSettings()})
    write(tmp_path, "never.md", "retracted: 2026-03-01", "retraction: So.")
    write(tmp_path, "out.md")
    assert polled(sqlite_world, free, clock).problems == 1
    write(tmp_path, "out.md", "status: draft")
    count = polled(sqlite_world, free, clock)
    assert (count.problems, count.updated) == (2, 0)

"""The commands for editors' articles: what is understood, whom it reaches, how it looks, and each step of its life."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.installation import Installation, Run

ARTICLE = """---
title: A tablet for multiple sclerosis
subtitle: What is tested
author: Jo Writer
language: en
categories: [Multiple sclerosis, Gene therapie]
audience: patients
status: review
---

**21 people** take part.
"""
GERMAN = """---
title: Eine Tablette bei Multipler Sklerose
language: de
translation_of: tablet.md
status: review
---

**21 Menschen** nehmen teil.
"""
PEOPLE = """address,area,region,audience,language,frequency,confirmed
ms@example.org,multiple sclerosis,,patients,en,weekly,yes
two@example.org,multiple sclerosis,"Leeds, GB",,de,immediately,yes
two@example.org,nervous system diseases,,,de,immediately,yes
doctor@example.org,multiple sclerosis,,professionals,en,weekly,yes
asthma@example.org,asthma,,,en,weekly,yes
"""


@pytest.fixture
def folder(installation: Installation) -> Path:
    """A folder of articles that need approval, with one that waits for its review, in two languages."""
    installation.configure(
        '[service]\nbase_url = "https://alerts.example.org"\n[editors]\napproval = true\n'
        '[[sources]]\nname = "editors"\nkind = "folder"\npath = "articles"\nevery = "0s"\n'
    )
    folder = installation.folder / "articles"
    folder.mkdir()
    (folder / "tablet.md").write_text(ARTICLE, "utf-8")
    (folder / "tablet.de.md").write_text(GERMAN, "utf-8")
    return folder


def test_a_check_tells_what_is_understood_what_is_wrong_and_whom_it_would_reach(
    run: Run, installation: Installation, folder: Path
) -> None:
    (installation.folder / "people.csv").write_text(PEOPLE, "utf-8")
    assert run("subscribers", "import", "people.csv").code == 0
    told = json.loads(run("articles", "check", "articles/tablet.md", "--json").done)
    assert (told["stage"], told["waits_for"]) == ("review", "approval")
    assert (told["areas"], told["audience"], told["written in"]) == (["Multiple sclerosis"], "patients", ["en", "de"])
    assert told["reach"]["people"] == 2
    assert told["reach"]["languages"] == {"en": 1, "de": 1}
    assert told["reach"]["rhythms"] == {"weekly": 1, "immediately": 1}
    assert told["reach"]["regions"] == {"anywhere": 2, "GB": 1}
    assert told["reach"]["areas"]["Multiple sclerosis"] == 2
    assert "21 people take part" in told["card"]
    words = run("articles", "check", "articles/tablet.md").done
    assert "would be told now: 2 people" in words
    (folder / "lost.md").write_text("---\ntitle: Lost\nregions: [Qwxzvt]\n---\n", "utf-8")
    lost = run("articles", "check", "articles/lost.md")
    assert lost.code == 2
    assert "Qwxzvt" in lost.err
    assert "Traceback" not in lost.err


def test_the_steps_are_written_into_the_file_and_the_trail(run: Run, installation: Installation, folder: Path) -> None:
    del installation
    file = "articles/tablet.md"
    assert "its author sets status: review" in run("articles", "approve", draft(folder), "--by", "Dr Reed").err
    assert "waits for approval" in run("articles", "publish", file, "--at", "2100-01-01 08:00").done
    assert "status: scheduled\n" in (folder / "tablet.md").read_text("utf-8")
    assert run("articles", "publish", file, "--at", "2001-01-01").code == 2
    assert "waits for approval" in run("articles", "publish", file).done
    assert "publish_at" not in (folder / "tablet.md").read_text("utf-8")
    assert "published" in run("articles", "approve", file, "--by", "Dr Reed").done
    assert "reviewer: Dr Reed\n" in (folder / "tablet.md").read_text("utf-8")
    assert run("articles", "correct", file, "--sentence", "It is 12.").code == 0
    assert "people hear once a day at most" in run("articles", "correct", file, "--sentence", "It is 13.").err
    corrected = (folder / "tablet.md").read_text("utf-8")
    (folder / "tablet.md").write_text(re.sub(r"corrected: [0-9-]+", "corrected: 2026-01-02", corrected), "utf-8")
    again = run("articles", "correct", file, "--sentence", " It is  12. ")
    assert (again.code, "say what was put right this time" in again.err) == (2, True)
    assert run("articles", "retract", file, "--reason", "About mice.", "--yes").code == 0
    shown = json.loads(run("articles", "show", file, "--json").done)
    assert (shown["stage"], shown["waits_for"]) == ("review", "approval, for it was changed after it was approved")
    assert [each["by"] for each in shown["approvals"]] == ["Dr Reed"]
    trail = json.loads(run("audit", "list", "--json").done)
    assert [each["action"] for each in reversed(trail) if each["action"].startswith("article.")] == [
        "article.published", "article.published", "article.approved", "article.corrected", "article.retracted",
    ]  # fmt: skip
    rows = {row["file"]: row for row in json.loads(run("articles", "list", "--json").done)}
    assert (rows["tablet.md"]["stage"], rows["tablet.md"]["languages"]) == ("review", "en, de (review)")
    assert run("articles", "list", "--stage", "revue").code == 2
    outside = folder.parent / "outside.md"
    outside.write_text(ARTICLE, "utf-8")
    assert "lies in no folder of articles; the folders are: articles" in run("articles", "publish", "outside.md").err


def test_hours_are_told_as_tables_tell_them_and_what_an_approval_or_an_original_holds_back(
    run: Run, installation: Installation, folder: Path
) -> None:
    del folder
    config = installation.folder / "config" / "trialalerts.toml"
    config.write_text(config.read_text("utf-8").replace("[service]", '[service]\ntimezone = "Europe/Berlin"'), "utf-8")
    file, german = "articles/tablet.md", "articles/tablet.de.md"
    held = run("articles", "publish", file, "--at", "2100-01-01 08:00").done
    assert "review, waits for approval; then it goes out: 2100-01-01 08:00 CET" in held
    assert "scheduled (2100-01-01 08:00 CET)" in run("articles", "approve", file, "--by", "Dr Reed").done
    assert run("articles", "publish", german).code == 0
    waiting = run("articles", "approve", german, "--by", "Dr Reed").done
    assert "It translates tablet.md and goes out with it, not before: 2100-01-01 08:00 CET" in waiting
    assert "dated: 2100-01-01 07:00 UTC\n" in run("articles", "show", file).done
    assert "2100-01-01 07:00 UTC" in run("articles", "list").done
    assert "translation of: tablet.md\n" in run("articles", "check", german).done
    assert "translation of" not in run("articles", "check", file).done
    assert run("articles", "publish", german, "--at", "2100-01-01 08:00").code == 0


def draft(folder: Path) -> str:
    (folder / "draft.md").write_text("---\ntitle: Draft\nstatus: draft\n---\n", "utf-8")
    return "articles/draft.md"


def test_a_preview_has_the_mail_and_the_page_in_the_readers_language(
    run: Run, installation: Installation, folder: Path
) -> None:
    words = run("articles", "preview", "articles/tablet.md", "--language", "de", "--mail", "m.html", "--page", "p.html")
    assert words.code == 0, words.err
    mail, page = (folder.parent.joinpath(name).read_text("utf-8") for name in ("m.html", "p.html"))
    assert "Eine Tablette bei Multipler Sklerose" in mail
    assert "<strong>21 Menschen</strong>" in page
    assert "--accent:" in page
    assert "/static/style" not in page
    assert "A tablet for" in run("articles", "preview", "articles/tablet.md").done
    del installation

"""The whole way of an editor's article: from its Markdown to the mails of those whom it concerns."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from sqlmodel import select

from tests.installation import Installation
from tests.test_daemon import wait_for
from tests.test_whole_way import mails_in, part
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.digests.preview import preview_digest
from trialalerts.files import shipped
from trialalerts.settings import Settings
from trialalerts.sources.polling.poll import poll_due
from trialalerts.subscribers.files.bulk_import import import_csv
from trialalerts.subscribers.tables import Subscriber
from trialalerts.vocabulary.areas.tree import store_curated
from trialalerts.vocabulary.tables import Place, PlaceKind, PlaceName
from trialalerts.vocabulary.topics import store_topics

ARTICLE = """---
title: A new approach to relapsing-remitting multiple sclerosis
subtitle: One infusion instead of a tablet every day
categories: [For Potential Participants, Multiple Sclerosis, Anti-inflammatory, Gene therapy, MS research]
---

Researchers in Exampletown have begun to test whether **one infusion** calms the immune system for years.
"""
PEOPLE = """address,area,topic,audience,item_kinds,region,confirmed
ms@example.org,multiple sclerosis,,,,,yes
rrms@example.org,relapsing-remitting multiple sclerosis,,,,,yes
genes@example.org,any,gene therapy,,,GB,yes
calm@example.org,nervous system diseases,Anti-inflammatory; diet,,,,yes
patients@example.org,MS,,patients,,,yes
cells@example.org,MS,stem cells,,,,yes
doctors@example.org,MS,,professionals,,,yes
asthma@example.org,asthma,,,,,yes
trials@example.org,any,Gentherapie,,trial,,yes
"""
TOLD = {"ms", "rrms", "genes", "calm", "patients"}


def test_an_editors_article_reaches_those_whom_its_categories_and_words_concern(
    sqlite_db: Database, clock: FrozenClock, tmp_path: Path
) -> None:
    db, folder = sqlite_db, tmp_path / "articles"
    folder.mkdir()
    settings = Settings.model_validate(
        {
            "service": {"secret": "a secret of these tests", "base_url": "https://alerts.example.org"},
            "sources": [{"name": "news", "kind": "folder", "path": str(folder), "every": "1h"}],
        }
    )
    with db.write() as session:
        store_curated(session, shipped("config/disease_areas.toml"))
        store_topics(session, shipped("config/topics.toml"))
        session.add(Place(id="GB", kind=PlaceKind.COUNTRY, name="United Kingdom", country="GB"))
        session.flush()
        session.add(PlaceName(key="gb", place_id="GB"))
    poll_due(db, settings, clock, force=True)  # empty: its baseline
    (folder / "infusion.md").write_text(ARTICLE, "utf-8")
    with db.write() as session:
        import_csv(session, io.StringIO(PEOPLE), locale="en", timezone="Europe/London", now=clock.now())
        for person in session.exec(select(Subscriber)):
            person.cursor = 0  # they had their first digest
    (count,) = poll_due(db, settings, clock, force=True)
    assert (count.new, count.changes, count.problems) == (1, 1, 0)
    told = {}
    with db.read() as session:
        for person in session.exec(select(Subscriber)):
            message = preview_digest(session, settings, clock, person).message
            if message is not None:
                told[person.address.partition("@")[0]] = " ".join(message.text.split())
    assert set(told) == TOLD
    for text in told.values():
        assert "A new approach to relapsing-remitting multiple sclerosis" in text
        assert "One infusion instead of a tablet every day" in text
        assert "for patients and those close to them" in text
    assert all("TO READ (1 article)" in text for text in told.values())


READERS = """address,area,topic,region,frequency,confirmed
ms@example.org,multiple sclerosis,,,immediately,yes
rrms@example.org,relapsing-remitting multiple sclerosis,,,immediately,yes
genes@example.org,any,gene therapy,GB,immediately,yes
asthma@example.org,asthma,,,immediately,yes
"""


def test_the_article_is_read_from_the_mail_and_its_links_fill_the_form(installation: Installation) -> None:
    folder = installation.folder / "articles"
    folder.mkdir()
    installation.configure(
        '[service]\nbase_url = "https://alerts.example.org"\n[web]\nport = 0\n'
        '[[sources]]\nname = "editors"\nkind = "folder"\npath = "articles"\ntitle = "Example Society"\nevery = "0s"\n'
    )
    installation.done("run", "--once")  # the folder is empty: its baseline
    (installation.folder / "people.csv").write_text(READERS, "utf-8")
    installation.done("subscribers", "import", "people.csv")
    installation.done("run", "--once")
    assert set(mails_in(installation)) == {"ms", "rrms", "genes", "asthma"}  # first mails, with nothing in them yet
    (folder / "infusion.md").write_text(ARTICLE, "utf-8")
    installation.done("run", "--once")
    mails = mails_in(installation)
    assert set(mails) == {"ms", "rrms", "genes"}
    for mail in mails.values():
        for kind in ("plain", "html"):
            told = " ".join(part(mail, kind).split())
            for words in (
                "A new approach to relapsing-remitting",
                "One infusion instead",
                "one infusion",
                "Example Society",
            ):
                assert words in told
    paths = {
        path
        for mail in mails.values()
        for path in re.findall(r"alerts\.example\.org(/articles/\d+)", part(mail, "html"))
    }
    (path,) = paths
    with web_of(installation) as client:
        page = client.get(path)
        assert page.status_code == 200
        assert "<strong>one infusion</strong>" in page.text
        links = [
            html.unescape(link) for link in re.findall(r'href="([^"]*/subscribe\?lang=en&amp;area=[^"]*)"', page.text)
        ]
        forms = {link.partition("area=")[2]: client.get(link).text for link in links}
    about = {"Multiple%20sclerosis", "Relapsing-remitting%20multiple%20sclerosis"}
    assert forms.keys() >= about | {"any&topic=gene-therapy"}
    assert 'value="Relapsing-remitting multiple sclerosis"' in forms["Relapsing-remitting%20multiple%20sclerosis"]
    ticked = re.search(r'<input[^>]*value="gene-therapy"[^>]*>', forms["any&topic=gene-therapy"])
    assert ticked is not None
    assert "checked" in ticked[0]


@contextmanager
def web_of(installation: Installation) -> Iterator[httpx.Client]:
    """Let the installation's pages be asked for."""
    daemon = installation.start("run", "--roles", "web")
    try:
        wait_for(lambda: "web.started" in installation.log())
        port = re.search(r"web\.started.*?port=(\d+)", installation.log())
        assert port is not None
        with httpx.Client(base_url=f"http://127.0.0.1:{port[1]}", timeout=60) as client:
            yield client
    finally:
        daemon.terminate()
        daemon.wait(timeout=300)

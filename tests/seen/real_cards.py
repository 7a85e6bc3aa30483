"""Cards of real records, as mails show them: what the tests of a card's length and truth look at."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from playwright.sync_api import Page
from sqlalchemy import insert

from tests.digests.rendering_samples import entry, mail, reason, told, trial, wish
from tests.sources.study_reader import read_study
from trialalerts.catalog.facts import PartialDate, TrialFacts
from trialalerts.catalog.tables import Item
from trialalerts.catalog.trials.status import site_is_open
from trialalerts.database import open_database
from trialalerts.database.schema import upgrade_schema
from trialalerts.delivery.mail.message import Message
from trialalerts.digests.entries import Entry
from trialalerts.matching.reasons import Nearby
from trialalerts.vocabulary.areas.tree import ANY_AREA, AreaTree
from trialalerts.vocabulary.places.countries import read_countries
from trialalerts.vocabulary.places.site_names import SiteLocator
from trialalerts.vocabulary.tables import Place, PlaceKind, PlaceName
from trialalerts.vocabulary.tagging.condition_names import ConditionNames
from trialalerts.vocabulary.tagging.tagger import Tagger

__all__ = ["CARDS_A_MAIL", "RealRecord", "card_lines", "mail_of_real", "open_records"]

RealRecord = tuple[str, TrialFacts, dict[str, Any]]
"""A number, the facts read from the record, and the record."""

CARDS_A_MAIL = 10
_A_GROUP = 5
_TELEPHONE = """@font-face { font-family: Telephone; src: local("DejaVu Sans Condensed"), local("Liberation Sans"),
    local("Arimo"), local("Roboto"), local("Helvetica Neue"), local("Arial"); }
@font-face { font-family: Telephone; font-weight: bold; src: local("DejaVu Sans Condensed Bold"),
    local("Liberation Sans Bold"), local("Arimo Bold"), local("Roboto Bold"), local("Arial Bold"); }
* { font-family: Telephone !important }"""
"""Letters as wide as those of telephones: by nine tenths of DejaVu's, which browsers on servers mostly have alone."""
_LINES = """() => [...document.querySelectorAll('.card')].map(card => {
    const found = [];
    const walker = document.createTreeWalker(card, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        const range = document.createRange();
        range.selectNodeContents(node);
        for (const box of range.getClientRects()) {
            if (box.width < 1) continue;
            const middle = box.top + box.height / 2;
            if (!found.some(each => Math.abs(each - middle) < 8)) found.push(middle);
        }
    }
    return found.length;
})"""


def open_records(file: Path, folder: Path) -> tuple[RealRecord, ...]:
    """Return the real studies that take people, with their sites; ``folder`` takes a database that knows countries."""
    database = open_database(f"sqlite:///{folder / 'countries.db'}")
    upgrade_schema(database)
    countries = read_countries()
    with database.write() as session:
        places = [_country(each.code, each.name) for each in countries]
        session.connection().execute(insert(Place), places)
        keys = [{"key": key, "place_id": each.code} for each in countries for key in each.keys]
        session.connection().execute(insert(PlaceName), keys)
    with database.read() as session, gzip.open(file, "rt", encoding="utf-8") as lines:
        locator, names = SiteLocator(session), ConditionNames(Tagger(AreaTree([])))
        read = [_read(json.loads(line)["study"], locator, names) for line in lines]
    database.dispose()
    return tuple(each for each in read if each[1].status == "RECRUITING")


def _read(study: dict[str, Any], locator: SiteLocator, names: ConditionNames) -> RealRecord:
    draft, problems = read_study(study, locator, names, source="x", position="1")
    assert draft is not None, problems
    assert isinstance(draft.facts, TrialFacts)
    return draft.external_id, draft.facts, study


def _country(code: str, name: str) -> dict[str, Any]:
    nothing = {"subdivision": None, "population": 0, "latitude": None, "longitude": None, "timezone": None}
    return {"id": code, "kind": PlaceKind.COUNTRY, "name": name, "country": code, **nothing}


def card_lines(page: Page) -> list[int]:
    """Return how many lines of text each card of the page has, in letters as wide as those of telephones."""
    page.add_style_tag(content=_TELEPHONE)
    page.evaluate("document.fonts.ready")
    lines: list[int] = page.evaluate(_LINES)
    return lines


def mail_of_real(trials: Sequence[RealRecord], locale: str, kind: str = "registered") -> Message:
    """Return a mail on real records, each of them nearest at its first open site, told in full as far as it goes."""
    checked = PartialDate(value="2026-02", precision="month")  # as fresh as on the day the records were fetched
    items = [
        trial(
            number,
            told=facts.model_copy(update={"last_verified": checked}),
            external_id=named,
            title=study["protocolSection"]["identificationModule"]["briefTitle"],
        )
        for number, (named, facts, study) in enumerate(trials, start=1)
    ]
    entries = [_entry(number, each, items[number], kind) for number, each in enumerate(trials)]
    return mail(items, entries, locale=locale)


def _entry(number: int, real: RealRecord, item: Item, kind: str) -> Entry:
    facts = real[1]
    sites = [site for site in facts.sites if site_is_open(site, facts.status)]
    near = Nearby(
        site=sites[0] if sites else None,
        distance_km=12.3 if sites else None,
        following=tuple((site.city or "", 40.0) for site in sites[1:3]),
        more=max(0, len(sites) - 3),
        sites=len(sites),
    )
    why = reason(
        preference_id=1 + number // _A_GROUP,
        area_id=ANY_AREA,
        area_name=ANY_AREA,
        nearest=sites[0].city if sites else None,
        wish=wish(country=sites[0].country if sites else "GB"),
        distance_km=near.distance_km,
        near=near,
    )
    return entry(item, told(kind), reasons=[why])

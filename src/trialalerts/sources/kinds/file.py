"""Trials in a file, in a folder of files, or at an address that gives one.

CSV, TSV, XML or JSON, plain, zipped or gzipped. The configuration says which column tells what; ANZCTR's zips
(``mapping = "anzctr"``) and WHO's exports (``"who_ictrp"``) are known by name. WHO is an aggregator, whose "Not
recruiting" says nothing of whether a trial has ended. Read with WHO's exports of March and April 2020; its newer
columns (``Secondary_ID``) are from descriptions.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Self

import orjson
from pydantic import Field, field_validator, model_validator

from trialalerts.catalog.draft import FieldProblem, RecordOrigin
from trialalerts.catalog.trials.numbers import registry_numbers
from trialalerts.catalog.trials.status import STATUSES
from trialalerts.errors import SourceError, did_you_mean, nearest
from trialalerts.redaction import shown_url
from trialalerts.sources.base import Batch, Position, SourceKind
from trialalerts.sources.context import SourceContext
from trialalerts.sources.mapping.columns import ANZCTR, FACT_NAMES, WHO_ICTRP, ColumnMap
from trialalerts.sources.mapping.packs import unzipped
from trialalerts.sources.mapping.rows import BrokenRow, records_in
from trialalerts.sources.mapping.spool import RecordSpool, SpooledRecord
from trialalerts.sources.mapping.words import (
    ages_told,
    contacts_told,
    criteria_told,
    enrolment_told,
    parts_told,
    phases_told,
    sex_told,
    study_type_told,
    treatments_told,
)
from trialalerts.sources.reading.days import partial_date
from trialalerts.sources.reading.design import design_values
from trialalerts.sources.reading.fields import UNNAMED
from trialalerts.sources.reading.record import RecordView
from trialalerts.sources.reading.sites import site_values
from trialalerts.sources.sweeps.drafting import ReadingContext, TrialRecord
from trialalerts.sources.sweeps.registry import Reading, RegistrySettings
from trialalerts.sources.sweeps.steps import RecordPage, Span, SweepStep, WholeFile
from trialalerts.sources.sweeps.trials import TrialRegistry

__all__ = ["KIND", "FileSettings", "FileSource"]

_MAPPINGS = {"": ColumnMap(columns={}, required=frozenset()), "who_ictrp": WHO_ICTRP, "anzctr": ANZCTR}


class FileSettings(RegistrySettings):
    """Where the file is, and what its columns say."""

    url: str = Field(default="", pattern=r"^(https?://[^/\s]+.*)?$", repr=False)
    path: str = ""
    mapping: Literal["", "who_ictrp", "anzctr"] = ""
    columns: Mapping[str, str] = Field(default_factory=dict)
    record: str = ""
    words: Mapping[str, str] = Field(default_factory=dict)
    origin: RecordOrigin | None = None

    @field_validator("columns")
    @classmethod
    def _known_facts(cls, columns: Mapping[str, str]) -> Mapping[str, str]:
        for fact in columns:
            if fact not in FACT_NAMES:
                raise ValueError(f"no column can tell “{fact}”.{did_you_mean(nearest(fact, FACT_NAMES))}")
        return columns

    @field_validator("words")
    @classmethod
    def _known_statuses(cls, words: Mapping[str, str]) -> Mapping[str, str]:
        for status in words.values():
            if status not in STATUSES:
                raise ValueError(f"there is no status {status}.{did_you_mean(nearest(status, sorted(STATUSES)))}")
        return words

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if bool(self.url) == bool(self.path):
            raise ValueError("a file needs either a path (of it, or of its folder) or a url")
        if not self.mapping and not {"number", "title"} <= set(self.columns):
            raise ValueError(
                'columns must say at least which are number and title, or mapping = "who_ictrp" or "anzctr"'
            )
        return self


@dataclass(frozen=True, kw_only=True)
class _Found:
    """The files as they are now, each with its name (those of a folder where they are), and what a server said."""

    files: tuple[tuple[str, bytes | Path], ...]
    etag: str | None = None
    last_modified: str | None = None


class FileSource(TrialRegistry[FileSettings, SweepStep]):
    """A file, all of it each time; one that is as it was is not read again."""

    number_path, number_form, number_example = "number", re.compile(r"\S.{0,119}"), "the number or id of the trial"
    title_path = "title"

    def __init__(self, settings: FileSettings) -> None:
        super().__init__(settings, WholeFile())
        self.mapping = _mapping(settings)
        self.registry = "who.int" if self.mapping.is_who else self.mapping.registry or settings.name
        self._found = _Found(files=())
        self._spool = RecordSpool()

    def filters(self, context: SourceContext) -> Any:
        """Return what the columns mean."""
        del context
        return [self.settings.mapping, sorted(self.settings.columns.items()), sorted(self.settings.words.items())]

    def batches(self, position: Position, context: SourceContext) -> Iterator[Batch]:
        """Give what the files hold; nothing where they are as they were when they were read to the end."""
        asked = [self.filters(context), sorted(self.statuses), self.settings.record, self.reading]
        settled = hashlib.sha256(orjson.dumps(asked)).hexdigest()
        known = position.cursor.get("content", "")
        found = self._look(position if known.startswith(settled[:16]) else Position(), context)
        content = settled[:16] + self._digest(found) if found else known
        if found is None or content == known:
            kept = found or _Found(files=(), etag=position.etag, last_modified=position.last_modified)
            yield Batch(
                drafts=(), cursor=position.cursor, sweep_began=context.clock.now(), ends_sweep=True,
                etag=kept.etag, last_modified=kept.last_modified,
            )  # fmt: skip
            return
        self._found = found
        with RecordSpool() as self._spool:
            for batch in super().batches(position, context):
                if batch.ends_sweep:
                    cursor = {**batch.cursor, "content": content}
                    yield replace(batch, cursor=cursor, etag=found.etag, last_modified=found.last_modified)
                else:
                    yield batch

    def ask(self, step: SweepStep, span: Span, context: SourceContext) -> RecordPage:
        """Return all records; of those with one number the one updated last, else that in the youngest file."""
        del step, span, context
        records: dict[str, BrokenRow | SpooledRecord] = {}
        for name, body in self._found.files:
            try:
                with self._reading():
                    for place, record in enumerate(self._records(name, body)):
                        self._add(records, record, f"{name}, record {place + 1}")
            except SourceError as error:
                if len(self._found.files) == 1 and not self._is_folder():
                    raise
                # One bad file in a folder must not keep the others from being read.
                records[f"file {name}"] = BrokenRow(0, f"file {name}", str(error))
        return RecordPage.of(records.values())

    def page(self, body: bytes, url: str) -> RecordPage:
        """Read a file."""
        return RecordPage.of(self._records(url, body))

    def read(self, record: Any, position: str, context: ReadingContext) -> Reading:
        """Read a row; one that is broken is noted under its number."""
        if isinstance(record, SpooledRecord):
            record = self._spool.get(record)
        if isinstance(record, BrokenRow):
            named = record.number or f"{UNNAMED}row {record.row}"
            return None, [FieldProblem(external_id=named[:120], field="row", message=record.message)]
        return super().read(record, position, context)

    def external_id(self, number: str) -> str:
        """Return the number in its one spelling: of WHO's records, which name one trial by country, the trial's."""
        if not (self.mapping.is_who or self.mapping.registry):
            return number
        whole = f"{self.mapping.prefix}{number}" if number[:1].isdigit() else number
        return next(iter(registry_numbers([whole], are_ids=True)), number)

    def trial(self, record: RecordView, number: str, context: ReadingContext) -> TrialRecord:
        """Read a trial."""
        own, told = self.external_id(number), record.text("numbers") or ""
        others = registry_numbers(re.split(r"[;,\n]", told), are_ids=True)
        facts = {
            "numbers": tuple(dict.fromkeys((own, *registry_numbers([number], are_ids=True), *others))),
            "acronym": record.line("acronym"),
            "official_title": record.line("official_title"),
            "status": self._status(record),
            "phases": phases_told(record),
            "study_type": study_type_told(record),
            "conditions": parts_told(record, "conditions"),
            "sex": sex_told(record),
            **ages_told(record),
            "criteria": criteria_told(record),
            "sites": list(_sites(record, context)),
            "contacts": contacts_told(record),
            "sponsor": record.line("sponsor"),
            "enrolment": enrolment_told(record),
            "start": record.partial_day("start", order="dmy"),
            "completion": record.partial_day("completion", order="dmy"),
            "has_results": record.line("results") is not None,
            "first_posted": record.day("registered", order="dmy"),
            "last_update_posted": record.day("updated", order="dmy"),
            "plain": design_values(treatments_told(record), ()),
        }
        title, summary = record.line("title"), record.text("summary") or ""
        url, origin = (
            self._page(record, own if self.mapping.registry else number),
            self.settings.origin or self.mapping.origin,
        )
        return TrialRecord(number=own, url=url, title=title, summary=summary, facts=facts, origin=origin)

    def _status(self, record: RecordView) -> str | None:
        words = record.line("status")
        if words is None:
            return None
        if words.upper() not in self.mapping.statuses:
            record.wrong("status", words, "a status such as Recruiting")
        return self.mapping.statuses.get(words.upper())

    def _page(self, record: RecordView, number: str) -> str:
        said = record.line("url") or ""
        if re.match(r"https?://\S+$", said):
            return said
        if said:
            record.wrong("url", said, "an address that starts with https://")
        return self.mapping.page.format(number=number)

    def _add(self, records: dict[str, BrokenRow | SpooledRecord], record: Any, position: str) -> None:
        """Add a record; WHO has one for each country of a trial of the EU's former register: they become one."""
        if isinstance(record, BrokenRow) or not record.get("number"):
            records[position] = record if isinstance(record, BrokenRow) else self._spool.put(record)
            return
        own = self.external_id(" ".join(record["number"].split()).upper())
        before = records.pop(own, None)
        if isinstance(before, SpooledRecord) and before.number != record["number"]:
            was = self._spool.get(before)
            both = [each["countries"] for each in (was, record) if each.get("countries")]
            record = was | record | {"countries": ";".join(both)}
        elif isinstance(before, SpooledRecord) and _day(before.updated) > _day(record.get("updated", "")):
            records[own] = before  # an older export may well have been dropped, or copied, last
            return
        records[own] = self._spool.put(record)

    def _records(self, name: str, body: bytes | Path) -> Iterator[dict[str, str] | BrokenRow]:
        """Give the records of a file; of several in a zip a bad one harms only itself."""
        first: SourceError | None = None
        is_read = False
        for inner, content in unzipped(body, name):
            try:
                for record in records_in(content, inner, self.mapping):
                    is_read = True
                    yield record
            except SourceError as error:
                if inner == name:
                    raise
                first = first or error
                yield BrokenRow(0, f"file {inner}", str(error))
        if first is not None and not is_read:
            raise first

    def _look(self, position: Position, context: SourceContext) -> _Found | None:
        """Return the files; None where a server says that nothing has changed."""
        if not self.settings.url:
            return _Found(files=tuple(self._files()))
        answer = context.fetcher.get(self.settings.url, etag=position.etag, last_modified=position.last_modified)
        if answer.not_modified:
            return None
        file = shown_url(answer.url), answer.body
        said = answer.headers
        return _Found(files=(file,), etag=said.get("etag"), last_modified=said.get("last-modified"))

    def _is_folder(self) -> bool:
        return bool(self.settings.path) and Path(self.settings.path).is_dir()

    def _files(self) -> list[tuple[str, Path]]:
        """Return the file, or those of the folder with the youngest last; hidden ones are left out."""
        path = Path(self.settings.path)
        with self._reading():
            if not self._is_folder():
                return [(path.name, path)]
            found = [each for each in path.iterdir() if each.is_file() and not each.name.startswith(".")]
            found.sort(key=lambda each: (each.stat().st_mtime_ns, each.name))
            return [(each.name, each) for each in found]

    def _digest(self, found: _Found) -> str:
        whole = hashlib.sha256()
        with self._reading():
            for name, body in found.files:
                named = hashlib.sha256(name.encode() + b"\0")
                with io.BytesIO(body) if isinstance(body, bytes) else body.open("rb") as file:
                    whole.update(hashlib.file_digest(file, named.copy).digest())
        return whole.hexdigest()

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Turn what goes wrong with files into one line."""
        path, source = self.settings.path, f"Source {self.settings.name}"
        try:
            yield
        except FileNotFoundError:
            raise SourceError(f"{source}: there is no file or folder {path}; mend the source's path.") from None
        except OSError as error:
            raise SourceError(f"{source}: {path} cannot be read ({error.strerror}); mend its permissions.") from None


def _mapping(settings: FileSettings) -> ColumnMap:
    """Return what the columns mean: the known ones, with those of the configuration in their place."""
    own = {fact: (column,) for fact, column in settings.columns.items()}
    words = {word.upper(): status for word, status in settings.words.items()}
    base = _MAPPINGS[settings.mapping]
    return replace(
        base,
        columns={**base.columns, **own},
        required=base.required | set(own),
        record=settings.record or base.record,
        statuses={**base.statuses, **words},
    )


def _day(written: str) -> str:
    found = partial_date(written, order="dmy")
    return found.value if found else ""


def _sites(record: RecordView, context: ReadingContext) -> Iterator[Mapping[str, Any]]:
    """Give the place that a row names, or a site for each country."""
    facility, city, postcode = (record.line(path) for path in ("facility", "city", "postcode"))
    countries: tuple[str | None, ...] = parts_told(record, "countries")
    if (facility or city or postcode) and len(countries) <= 1:
        countries = countries or (None,)
    else:
        facility = city = postcode = None
    for country in countries:
        yield site_values(
            context.locator,
            record.fields,
            "countries",
            facility=facility,
            city=city,
            country=country,
            postcode=postcode,
        )


KIND = SourceKind(
    what="a file or folder of trials: CSV, XML, JSON, WHO's exports", settings=FileSettings, open=FileSource
)

"""What a source reads with: the way to the network, the vocabularies, and what is stored already.

Each part is made when it is first asked for and lives as long as the poll.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import date, datetime
from functools import cached_property, lru_cache
from types import TracebackType
from typing import Self
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from trialalerts.catalog.tables import ArticleKey, Record
from trialalerts.clock import Clock
from trialalerts.database.bulk import in_chunks
from trialalerts.database.engine import Database
from trialalerts.net.client import Fetcher
from trialalerts.settings import Settings
from trialalerts.sources.categories import CategoryReader
from trialalerts.sources.editors.approvals import Approvals, approvals_of
from trialalerts.vocabulary.areas.tree import AreaTree, load_areas
from trialalerts.vocabulary.places.regions import Region, find_region
from trialalerts.vocabulary.places.site_names import SiteLocator
from trialalerts.vocabulary.tagging.condition_names import ConditionNames
from trialalerts.vocabulary.tagging.tagger import Tagger
from trialalerts.vocabulary.topics import TopicTree, load_topics

__all__ = ["SourceContext"]


class SourceContext:
    """What a source reads with; a context manager.

    Args:
        db: the database; a source only reads it.
        settings: the configuration: how the network is asked, and what holds for articles of editors.
        clock: tells the time.
        stop: asked about while waiting for the network; True ends the poll.
        at_most: how many requests a second the source may make; None: as many as are answered.
        sure_at: while the clock is in doubt: the last moment when it was not.
    """

    def __init__(
        self,
        db: Database,
        settings: Settings,
        clock: Clock,
        *,
        stop: Callable[[], bool] = lambda: False,
        at_most: float | None = None,
        sure_at: datetime | None = None,
    ) -> None:
        self.clock = clock
        self._sure_at = sure_at
        self.stop = stop
        self._db = db
        self._settings = settings
        self._at_most = at_most
        # The locator asks for a town now and then during the whole poll: its transaction ends with each batch.
        self._lookups = Session(db.places.execution_options(trialalerts_writes=False))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if "fetcher" in self.__dict__:
            self.fetcher.close()
        self._lookups.close()

    @cached_property
    def fetcher(self) -> Fetcher:
        """The way to the network, with one pool of connections."""
        return Fetcher(self._settings.http, self.clock, stop=self.stop, at_most=self._at_most)

    @property
    def day(self) -> date:
        """The day by which statuses follow from dates: while the clock is in doubt, the last that was not."""
        return self.moment.date()

    @property
    def moment(self) -> datetime:
        """The moment by which what is scheduled is due: while the clock is in doubt, the last that was not."""
        now = self.clock.now()
        return min(now, self._sure_at) if self._sure_at else now

    @cached_property
    def areas(self) -> AreaTree:
        """The disease areas as they were when the poll began."""
        with self._db.read() as session:
            return load_areas(session)

    @cached_property
    def tagger(self) -> Tagger:
        """Finds the areas that a text names."""
        return _tagger(self.areas)

    @cached_property
    def conditions(self) -> ConditionNames:
        """Finds the areas that a trial's conditions name."""
        return _conditions(self.tagger)

    @cached_property
    def topics(self) -> TopicTree:
        """The topics as they were when the poll began; they find those that a text names too."""
        with self._db.read() as session:
            return load_topics(session)

    @cached_property
    def categories(self) -> CategoryReader:
        """Reads the categories of articles; what it did not understand is noted when the poll stores its batch."""
        return CategoryReader(self.tagger, self.topics)

    @cached_property
    def locator(self) -> SiteLocator:
        """Finds countries, subdivisions and coordinates of sites."""
        return SiteLocator(self._lookups)

    @property
    def zone(self) -> ZoneInfo:
        """Where the service is, for times that are written without a zone."""
        return ZoneInfo(self._settings.service.timezone)

    def region(self, text: str) -> Region:
        """Return the region that a text names.

        Raises:
            InvalidInput: none is called so, or several are.
        """
        return find_region(self._lookups, text)

    def approvals(self, source: str) -> Approvals | None:
        """Return what of a source's articles was approved; None: nothing needs to be."""
        if not self._settings.editors.approval:
            return None
        with self._db.read() as session:
            return approvals_of(session, source)

    @property
    def contact(self) -> str:
        """Whom a server may write to; empty where nobody is named."""
        return self._settings.http.contact

    def rest(self) -> None:
        """End the transaction of the look-ups: an open one keeps SQLite's log growing and PostgreSQL's rows alive."""
        self._lookups.rollback()

    def known(self, registry: str, external_ids: Collection[str]) -> set[str]:
        """Return those of the ids under which a record of the registry is stored."""
        found: set[str] = set()
        with self._db.read() as session:
            for some in in_chunks(sorted(external_ids)):
                statement = select(Record.external_id).where(
                    col(Record.registry_name) == registry, col(Record.external_id).in_(some)
                )
                found.update(session.exec(statement))
        return found

    def held(self, keys: Collection[str]) -> set[str]:
        """Return those of the keys that lead to a stored article, whichever source brought it."""
        found: set[str] = set()
        with self._db.read() as session:
            for some in in_chunks(sorted(keys)):
                found.update(session.exec(select(ArticleKey.key).where(col(ArticleKey.key).in_(some))))
        return found

    def versions(self, registry: str, external_ids: Collection[str]) -> dict[str, str]:
        """Return what the registry's list said of those of the ids that were read, when they were read last."""
        found: dict[str, str] = {}
        with self._db.read() as session:
            for some in in_chunks(sorted(external_ids)):
                statement = select(Record.external_id, Record.version).where(
                    col(Record.registry_name) == registry,
                    col(Record.external_id).in_(some),
                    col(Record.version).is_not(None),
                )
                found |= {external_id: version or "" for external_id, version in session.exec(statement)}
        return found


# As long as the areas stay as they are, every poll of a process reads with the same dictionary: with all diseases of
# MeSH it takes longer to make than a feed takes to read.
@lru_cache(maxsize=1)
def _tagger(areas: AreaTree) -> Tagger:
    return Tagger(areas)


@lru_cache(maxsize=1)
def _conditions(tagger: Tagger) -> ConditionNames:
    return ConditionNames(tagger)

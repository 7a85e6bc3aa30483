"""What all pages work with: settings, database, clock, texts, tokens and the areas kept in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from threading import Lock
from zoneinfo import ZoneInfo

from sqlmodel import Session
from starlette.requests import Request

from trialalerts.catalog.tables import Item
from trialalerts.catalog.trials.lookup import current_item
from trialalerts.clock import Clock
from trialalerts.database import Database
from trialalerts.digests.cards.wording import Wordings
from trialalerts.errors import TokenError
from trialalerts.settings import Settings
from trialalerts.subscribers.filters import CHANGE_KINDS, FILTERS, PHASES
from trialalerts.subscribers.follows.silence import silenced_trials
from trialalerts.subscribers.links import Links
from trialalerts.subscribers.people import find_by_key
from trialalerts.subscribers.preferences import list_preferences
from trialalerts.subscribers.tables import Preference, Subscriber
from trialalerts.subscribers.tokens import Purpose, TokenData, Tokens, TokenTooOld
from trialalerts.vocabulary.areas.tree import AreaTree, load_areas
from trialalerts.vocabulary.places.distance import KM_PER_MILE
from trialalerts.vocabulary.places.regions import DEFAULT_RADIUS_KM, TRAVEL_KM
from trialalerts.vocabulary.topics import TopicTree, load_topics
from trialalerts.web.clients.limits import ClientLimit, SharedClientLimit
from trialalerts.web.estimates import Estimates
from trialalerts.web.forms import time_zones
from trialalerts.web.languages import Language
from trialalerts.web.preference_text import PreferenceText, TrialNamed, preference_text, trial_named
from trialalerts.web.templates import PageTemplates

__all__ = ["LinkEnded", "RenewableLinkTooOld", "Vocabulary", "WebSite", "local_day"]

_REFRESH = timedelta(minutes=10)
_MILES = {"en-us", "en-gb"}
_DISTANCES = (("", DEFAULT_RADIUS_KM), *TRAVEL_KM.items())


class LinkEnded(TokenError):
    """A signed link is right, but whom it belonged to has left or was erased."""


class RenewableLinkTooOld(TokenTooOld):
    """A link to somebody's own pages is too old; a fresh one goes to their mailbox if they ask for it."""

    def __init__(self, token: str) -> None:
        self.token = token
        super().__init__("This link is too old; ask for a new one.")


class Vocabulary:
    """The disease areas, kept in memory and read anew every ten minutes."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._lock = Lock()
        self._read_at: datetime | None = None
        self._tree = AreaTree(())
        self._topics = TopicTree(())

    def tree(self) -> AreaTree:
        """Return all areas."""
        self._refresh()
        return self._tree

    def topics(self) -> TopicTree:
        """Return all topics."""
        self._refresh()
        return self._topics

    def _refresh(self) -> None:
        now = self._clock.now()
        with self._lock:
            if self._read_at is not None and self._read_at <= now < self._read_at + _REFRESH:
                return
            with self._db.read() as session:
                self._tree, self._topics = load_areas(session), load_topics(session)
            self._read_at = now


@dataclass(frozen=True, kw_only=True)
class WebSite:
    """What the pages share; ``wordings`` are the mails' words: both name a trial and a wish alike."""

    settings: Settings
    db: Database
    clock: Clock
    pages: PageTemplates
    wordings: Wordings
    tokens: Tokens
    links: Links
    vocabulary: Vocabulary
    estimates: Estimates
    sign_ups: SharedClientLimit
    looks: ClientLimit

    def holder(
        self, session: Session, purpose: Purpose, token: str, *, max_age: timedelta | None = None
    ) -> tuple[Subscriber, TokenData]:
        """Return whose token this is, and what it says.

        Raises:
            TokenTooOld: its time is over.
            LinkEnded: the subscriber was erased.
            TokenError: it is broken or of another purpose.
        """
        return self._holder_of(session, self.tokens.read(purpose, token, max_age=max_age))

    def reader(
        self, session: Session, purpose: Purpose, token: str, *, max_age: timedelta
    ) -> tuple[Subscriber, TokenData]:
        """Return the same for a page that shows what somebody follows: such links are over when the address changes.

        Raises:
            RenewableLinkTooOld: its time is over.
            TokenError: as of :meth:`holder`.
        """
        try:
            said = self.tokens.read(purpose, token, max_age=max_age)
        except TokenTooOld:
            raise RenewableLinkTooOld(token) from None
        subscriber, said = self._holder_of(session, said)
        if subscriber.links_since is not None and said.signed_at < subscriber.links_since.replace(microsecond=0):
            raise RenewableLinkTooOld(token)
        return subscriber, said

    def _holder_of(self, session: Session, said: TokenData) -> tuple[Subscriber, TokenData]:
        subscriber = find_by_key(session, said.key)
        if subscriber is None:
            raise LinkEnded("This link belongs to a subscription that has ended.")
        return subscriber, said

    def follows(self, session: Session, subscriber: Subscriber, language: Language) -> list[PreferenceText]:
        """Return what a subscriber follows, to be shown."""
        wishes = list_preferences(session, subscriber)
        return [self.follow(session, each, language, unit=subscriber.unit) for each in wishes]

    def silenced(self, session: Session, subscriber: Subscriber, language: Language) -> list[TrialNamed]:
        """Return the trials that a subscriber said are not for them, to be shown."""
        words = self.wordings.of(language.locale)
        items = [current_item(session, each.item_id) for each in silenced_trials(session, subscriber)]
        return [trial_named(item, words) for item in items if item is not None]

    def follow(
        self, session: Session, preference: Preference, language: Language, *, unit: str | None = None
    ) -> PreferenceText:
        """Return one wish, to be shown; distances in ``unit``, where somebody chose."""
        item = session.get(Item, preference.item_id) if preference.item_id is not None else None
        trial = None if item is None else trial_named(item, self.wordings.of(language.locale))
        return self.told(preference, language, trial=trial, unit=unit)

    def told(
        self, preference: Preference, language: Language, *, trial: TrialNamed | None = None, unit: str | None = None
    ) -> PreferenceText:
        """Return a wish that need not be stored, to be shown."""
        tree, topics = self.vocabulary.tree(), self.vocabulary.topics()
        words, today = self.wordings.of(language.locale), self.clock.now().date()
        return preference_text(preference, tree, topics, language, words, today, trial=trial, unit=unit)

    def choices(self) -> Mapping[str, object]:
        """Return what the forms offer: distances, filters, time zones, languages of mails."""
        return {
            "topics": self.vocabulary.topics(),
            "distances": [(word, round(km), round(km / KM_PER_MILE)) for word, km in _DISTANCES if km],
            "filters": [each.field for each in FILTERS],
            "phases": PHASES,
            "change_kinds": CHANGE_KINDS,
            "zones": time_zones(),
            "mail_languages": self.pages.mail_languages,
        }

    def unit(self, request: Request) -> str:
        """Return the unit of distance that a visitor is likely to mean: by the first language of the browser."""
        spoken = request.headers.get("accept-language", "").partition(",")[0].strip().lower()
        return "miles" if spoken in _MILES else "km"


def local_day(moment: datetime, timezone: str) -> date:
    """Return the day on which ``moment`` falls in ``timezone``."""
    return moment.astimezone(ZoneInfo(timezone)).date()

"""The step that writes to editors: the link by which they come in, and once a day what waits for them.

An editor is no subscriber, so none of it stands in the outbox: a link that comes after its quarter of an hour helps
nobody, and news that does not leave is told with the next round. Of several processes one writes at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from trialalerts.clock import Clock
from trialalerts.database import Database
from trialalerts.database.bulk import insert_into
from trialalerts.database.leases import Lease
from trialalerts.delivery.outbox.allowed import allowed_recipients
from trialalerts.delivery.outbox.suppressions import is_suppressed
from trialalerts.delivery.transports import Transport
from trialalerts.errors import ConfigurationError, SourceError
from trialalerts.logs import Logger
from trialalerts.operations.desk.logins import LINK_WORKS, Editor, editors_of
from trialalerts.operations.desk.tables import EditorLogin
from trialalerts.operations.desk.waiting import EditorNews, WaitingArticle, forget_others, waiting_articles
from trialalerts.operations.watch.tables import WATCH_LEASE, WatchTurn
from trialalerts.operations.watch.ways import OperatorMessage, mail_past_queue
from trialalerts.plurals import counted
from trialalerts.settings import Settings
from trialalerts.sources.context import SourceContext
from trialalerts.subscribers.tokens import Purpose, Tokens

__all__ = ["EditorMail"]

log = Logger()

_TURN = "desk"
_NEWS_EVERY = timedelta(minutes=10)
_AGAIN_AFTER = timedelta(seconds=30)
_MORNING = 7
"""By the service's clock: what comes to wait in the night is told then."""


class EditorMail:
    """Writes to editors, round by round; ``transport`` takes the place of the one that ``mail.url`` names."""

    def __init__(self, settings: Settings, db: Database, clock: Clock, transport: Transport | None = None) -> None:
        self._settings = settings
        self._db = db
        self._clock = clock
        self._transport = transport
        self._tokens = Tokens(settings.service.secrets[0], clock)
        self._news_at: datetime | None = None
        self._rests_until: datetime | None = None
        self._seen: frozenset[str] = frozenset()
        self._warned: set[str] = set()

    def write(self, *, news: bool) -> int:
        """Do one round, unless another process has its turn; return how many mails left.

        ``news`` says whether editors may be told what waits: by a clock in doubt they are not.
        """
        now = self._clock.now()
        news = news and (self._news_at is None or not timedelta() <= now - self._news_at < _NEWS_EVERY)
        if self._rests_until is not None and now < self._rests_until <= now + _AGAIN_AFTER:
            return 0
        if not news and not self._links_wait(now):
            return 0
        lease = Lease(self._db, WatchTurn, _TURN, self._clock, length=WATCH_LEASE)
        with self._db.write() as session:
            row = insert_into(session, WatchTurn).values({"name": _TURN})
            session.connection().execute(row.on_conflict_do_nothing(index_elements=["name"]))
            if not lease.take(session):
                return 0
        with lease.kept_up():
            return self._write_links(now) + (self._tell(now) if news else 0)

    def _links_wait(self, now: datetime) -> bool:
        with self._db.read() as session:
            return bool(_unsent(session, now))

    def _write_links(self, now: datetime) -> int:
        with self._db.read() as session:
            waiting = _unsent(session, now)
        editors, left = editors_of(self._settings), 0
        for row in waiting:
            editor = next((each for each in editors if row.address_hash in each.hashes), None)
            if editor is None or not self._may_be_mailed(editor):
                self._note_sent(row.key, now)
            elif self._send(editor, self._link_message(row), now):
                self._note_sent(row.key, now)
                left += 1
        return left

    def _note_sent(self, key: str, now: datetime) -> None:
        with self._db.write() as session:
            row = session.get(EditorLogin, key)
            if row is not None:
                row.sent_at = now
                session.add(row)

    def _link_message(self, row: EditorLogin) -> OperatorMessage:
        service = self._settings.service
        until = (row.asked_at + LINK_WORKS).astimezone(ZoneInfo(service.timezone))
        link = f"{service.base_url}/desk/open/{self._tokens.sign(Purpose.DESK_LINK, row.key)}"
        lines = [
            f"Somebody, probably you, wants to come to the editors' desk of {service.name}.",
            "Open this page and press the button on it:",
            "",
            link,
            "",
            f"It works once, until {until:%H:%M} ({service.timezone}).",
            "If it was not you, leave it: without this mail nobody comes in.",
            "",
        ]
        return OperatorMessage(subject=f"[{service.name}] Your way to the editors' desk", text="\n".join(lines))

    def _tell(self, now: datetime) -> int:
        """Tell each editor what waits, once, by one mail a day.

        What is seen for the first time waits for the next round: a file that is being saved is no news.
        """
        self._news_at = now
        try:
            with SourceContext(self._db, self._settings, self._clock) as context:
                waiting = waiting_articles(self._settings, context)
        except SourceError as error:  # the poll tells the operator; what was told stays told
            log.warning("desk.folder_unreadable", error=str(error))
            return 0
        seen, self._seen = self._seen, frozenset(each.mark for each in waiting)
        local, left = now.astimezone(ZoneInfo(self._settings.service.timezone)), 0
        settled = [each for each in waiting if each.mark in seen] if local.hour >= _MORNING else []
        editors = editors_of(self._settings)
        for editor in editors:
            with self._db.read() as session:
                known = EditorNews.of(session, editor)
            told, told_on = known.told & self._seen, known.told_on
            untold = known.untold(settled, local.date())
            if untold and self._may_be_mailed(editor) and self._send(editor, self._news_message(untold), now):
                told, told_on, left = told | {each.mark for each in untold}, local.date().isoformat(), left + 1
            with self._db.write() as session:
                known.note(session, told, told_on)
        with self._db.write() as session:
            forget_others(session, editors)
        return left

    def _news_message(self, waiting: Sequence[WaitingArticle]) -> OperatorMessage:
        service = self._settings.service
        number = f"{counted(len(waiting), 'article')} {'waits' if len(waiting) == 1 else 'wait'} for you"
        lines = [line for each in waiting for line in (f"- {each.title} ({each.why})", "")]
        text = "\n".join([*lines, f"The desk: {service.base_url}/desk", ""])
        return OperatorMessage(subject=f"[{service.name}] {number}", text=text)

    def _may_be_mailed(self, editor: Editor) -> bool:
        """Look whether the address may be mailed at all; where it may not, the log says once what to do."""
        with self._db.read() as session:
            suppressed = is_suppressed(session, self._settings.service.hash_keys, editor.address)
        if suppressed is None and allowed_recipients(self._settings.mail.only_to).admits(editor.address):
            return True
        if editor.address not in self._warned:
            self._warned.add(editor.address)
            why = "mail.only_to holds it back" if suppressed is None else "the address is suppressed"
            log.warning("desk.editor_unmailed", why=why, remedy="see trialalerts doctor")
        return False

    def _send(self, editor: Editor, message: OperatorMessage, now: datetime) -> bool:
        try:
            outcome = mail_past_queue(self._settings, self._db, editor.address, message, now, transport=self._transport)
        except ConfigurationError as error:
            log.error("desk.mail_failed", error=str(error))
            self._rests_until = now + _AGAIN_AFTER
            return False
        for transport, why in outcome.refused_by:
            log.error("desk.mail_failed", transport=transport, error=why)
        if not outcome.taken_by:
            self._rests_until = now + _AGAIN_AFTER
        return bool(outcome.taken_by)


def _unsent(session: Session, now: datetime) -> Sequence[EditorLogin]:
    asked = col(EditorLogin.asked_at)
    fresh = col(EditorLogin.sent_at).is_(None), asked > now - LINK_WORKS, asked <= now
    return session.exec(select(EditorLogin).where(*fresh)).all()

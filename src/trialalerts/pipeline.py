"""The steps in their order: poll, compose, nudge, send, call webhooks, handle feedback, retain, watch.

The daemon sets them to the clock, one round runs each.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from threading import Lock

from trialalerts.catalog.changes.flapping import release_held
from trialalerts.catalog.joining.catching_up import join_stored_trials
from trialalerts.clock import Clock
from trialalerts.database import Database
from trialalerts.delivery.feedback.handling import FeedbackCount, prune_feedback
from trialalerts.delivery.feedback.mailbox.kinds import open_mailbox
from trialalerts.delivery.feedback.mailbox.reader import read_mailbox
from trialalerts.delivery.feedback.unknown_links import end_unknown_links
from trialalerts.delivery.mail.dkim import DkimSigner
from trialalerts.delivery.outbox import counters
from trialalerts.delivery.policy import mass_guard
from trialalerts.delivery.policy.effects import end_parkings
from trialalerts.delivery.sending.channels import ALONE, ProcessShare
from trialalerts.delivery.sending.sender import SendCount, send_queued
from trialalerts.delivery.transports import Transport, open_transport
from trialalerts.digests.announcements.queueing import queue_unfinished
from trialalerts.digests.compose import ComposeCount, compose_due
from trialalerts.digests.notices.heartbeat import queue_heartbeats
from trialalerts.digests.rendering.renderer import MailRenderer
from trialalerts.hooks.calling import CallCount
from trialalerts.hooks.calls import WebhookCalls
from trialalerts.logs import Logger
from trialalerts.nudges.nudging import Nudges
from trialalerts.nudges.telling import NudgeCount
from trialalerts.operations.desk.mailing import EditorMail
from trialalerts.operations.retention.pruning import prune_nightly
from trialalerts.operations.timekeeping import Timekeeper
from trialalerts.operations.watch.watcher import Watcher
from trialalerts.settings import Settings
from trialalerts.sources.context import SourceContext
from trialalerts.sources.kinds import check_sources
from trialalerts.sources.polling.poll import PollCount, freshness_of, poll_due
from trialalerts.sources.polling.reread import reread_trials
from trialalerts.sources.polling.turning import turn_statuses
from trialalerts.subscribers.follows.results import tell_missing_results

__all__ = ["Pipeline"]

log = Logger()

_WRONG_CLOCK = (
    "Nothing is sent: the clock of this machine is minutes away from the database's; set it (timedatectl). "
    "The mail stays queued."
)


class Pipeline:
    """The steps on one database. Each is a transaction or a row of them: cut off anywhere, it can be run again."""

    def __init__(
        self,
        settings: Settings,
        db: Database,
        clock: Clock,
        transport: Transport | None = None,
        *,
        stop: Callable[[], bool] = lambda: False,
        wait: Callable[[float], object] | None = None,
        share: ProcessShare = ALONE,
    ) -> None:
        """``wait`` waits so many seconds: with it sending goes on when a limit lets the next mail leave soon.

        ``share`` says which part of the daemon's connections to the mail server is this process's.
        """
        self.settings = settings
        self.db = db
        self.clock = clock
        self._transport = transport
        self._renderer: MailRenderer | None = None
        self._making = Lock()
        self._stop = stop
        self._wait = wait
        self._share = share
        self._timekeeper = Timekeeper(db, settings, clock)
        self._watcher = Watcher(settings, db, clock, transport)
        self._webhooks = WebhookCalls(settings, db, clock, stop=stop)
        self._nudges = Nudges(settings, db, clock, self._mails, stop=stop)
        self._editors: EditorMail | None = None

    def poll(self, *, force: bool = False, names: Sequence[str] | None = None) -> list[PollCount]:
        """Ask every source that is due (with ``force``: every one) for what is new."""
        sure_at = self._timekeeper.look().sure_at
        return poll_due(self.db, self.settings, self.clock, names=names, force=force, stop=self._stop, sure_at=sure_at)

    def reread(self) -> int:
        """Join and read stored trials anew after an upgrade, and those whose day has come; return how many changed.

        While nobody knows what day it is no status turns, and no results are missed.
        """
        join_stored_trials(self.db, self.clock, stop=self._stop)
        clock = self._timekeeper.look()
        with SourceContext(self.db, self.settings, self.clock, stop=self._stop, sure_at=clock.sure_at) as context:
            changed = reread_trials(self.db, context, stop=self._stop)
        if clock.steady:
            changed += turn_statuses(self.db, self.clock, freshness=freshness_of(self.settings))
            tell_missing_results(self.db, self.clock)
        return changed

    def compose(self) -> ComposeCount:
        """Compose the digests of everybody who is due, with what has been held back for a day."""
        steady = self._timekeeper.look().steady
        if steady:
            self._release_held()
        count = compose_due(self.db, self.settings, self.clock, stop=self._stop, steady=steady)
        if steady:
            queue_heartbeats(self.db, self.settings, self.clock)
            queue_unfinished(self.db, self.settings, self.clock, stop=self._stop)
        if count.subscribers:
            log.info("digests.composed", subscribers=count.subscribers, digests=count.digests)
        return count

    def _release_held(self) -> None:
        with self.db.write() as session:
            released = release_held(session, self.clock.now())
        if released:
            log.info("changes.released", changes=released)

    def send(self, *, limit: int | None = None) -> SendCount:
        """Send what is queued, unless this machine's clock is another one than the database's."""
        if not self._timekeeper.look().may_send:
            return SendCount(broken=_WRONG_CLOCK)
        if self._transport is None:
            self._transport = open_transport(self.settings.mail.url.get_secret_value())
        return send_queued(
            self.db,
            self._transport,
            self._mails(),
            settings=self.settings,
            clock=self.clock,
            limit=limit,
            stop=self._stop,
            wait=self._wait,
            share=self._share,
        )

    def _mails(self) -> MailRenderer:
        """Return what writes mails: made once, for it reads templates and strings."""
        with self._making:
            if self._renderer is None:
                self._renderer = MailRenderer(self.settings, self.clock)
            return self._renderer

    def begin_nudges(self) -> int:
        """Tell readers elsewhere that there is news, in threads of their own; return for how many ways that began."""
        return self._nudges.begin() if self._timekeeper.look().may_send else 0

    def make_nudges(self) -> NudgeCount:
        """Tell readers elsewhere that there is news, and wait until all who are due were told."""
        return self._nudges.finish() if self._timekeeper.look().may_send else NudgeCount()

    def begin_calls(self) -> int:
        """Tell other programs what happened, in threads of their own; return to how many that began.

        By a clock that is another one than the database's nobody is called: signatures bear the moment.
        """
        return self._webhooks.begin() if self._timekeeper.look().may_send else 0

    def make_calls(self) -> CallCount:
        """Tell other programs what happened, and wait until they answered."""
        return self._webhooks.finish() if self._timekeeper.look().may_send else CallCount()

    def handle_feedback(self) -> FeedbackCount:
        """Read the bounce mailbox, where there is one, and forget what was told long ago.

        A clock in doubt would take what was told today for something of years ago: then it waits.
        """
        count = FeedbackCount()
        if not self._timekeeper.look().steady:
            return count
        if url := self.settings.feedback.mailbox.get_secret_value():
            folder = open_mailbox(url, self.clock)
            count = read_mailbox(self.db, folder, settings=self.settings, clock=self.clock, stop=self._stop)
        if count.heard:
            log.info("feedback.heard", provider="mailbox", heard=count.heard, unmatched=count.unmatched)
        mass_guard.take_back_pending(self.db, self.settings.service.secrets, now=self.clock.now())
        with self.db.write() as session:
            prune_feedback(session, now=self.clock.now())
            end_parkings(session, now=self.clock.now())
            end_unknown_links(session, now=self.clock.now())
            mass_guard.forget_holds(session, now=self.clock.now())
            counters.forget_counters(session, now=self.clock.now())
        return count

    def write_to_editors(self) -> int:
        """Mail editors the links that they asked for, and once a day what waits for them; return how many mails left.

        What waits is told by a clock out of doubt only: an article may wait for its hour.
        """
        if self._editors is None:
            self._editors = EditorMail(self.settings, self.db, self.clock, self._transport)
        return self._editors.write(news=self._timekeeper.look().steady)

    def watch(self) -> int:
        """Look for what stands still, and tell the operator; return how many things were told."""
        return self._watcher.watch()

    def retain(self) -> dict[str, int]:
        """Let go, once a night, what is older than its period; by a clock that is out of doubt only."""
        if not self._timekeeper.look().steady:
            return {}
        pauses = self._wait or time.sleep
        return prune_nightly(self.db, self.settings, self.clock.now(), stop=self._stop, wait=pauses) or {}

    def try_settings(self) -> None:
        """Look whether the steps can begin with these settings, before they take the place of others.

        Raises:
            ConfigurationError: mail cannot leave by them, a key that signs cannot be read, or a source has a wrong key.
        """
        check_sources(self.settings)
        open_transport(self.settings.mail.url.get_secret_value())
        DkimSigner.from_settings(self.settings)
        MailRenderer(self.settings, self.clock)

    def close(self) -> None:
        """Let go of the transport: what it opened for a round is closed already. Calls that wait are broken off."""
        self._webhooks.close()
        self._nudges.close()
        self._transport = None

"""What the doctor asks about mail: is it leaving, does anything stand in its way, is what comes back heard of?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from email.utils import parseaddr

from sqlmodel import Session, col, func, select

from trialalerts.clock import Clock
from trialalerts.delivery.feedback.mailbox.kinds import open_mailbox
from trialalerts.delivery.feedback.status import SILENT_FOR, feedback_status, is_silent
from trialalerts.delivery.feedback.webhooks.providers import PROVIDERS, open_webhooks
from trialalerts.delivery.outbox.allowed import allowed_recipients, count_held_back, only_to_words
from trialalerts.delivery.outbox.notices.kinds import HANDOFF
from trialalerts.delivery.outbox.suppressions import is_suppressed
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState, MailboxState
from trialalerts.delivery.policy.cooldown import outages
from trialalerts.delivery.sending.breaker import pause_of
from trialalerts.errors import ConfigurationError
from trialalerts.operations.checks import DoctorCheck
from trialalerts.operations.desk.logins import editors_of
from trialalerts.plurals import counted
from trialalerts.settings import Settings

__all__ = ["about_desk", "about_feedback", "about_handoffs", "about_held_back", "about_outbox", "about_sending"]

_STUCK = timedelta(hours=1)
_NOT_ARRIVED = (DeliveryState.FAILED, DeliveryState.SUPPRESSED, DeliveryState.BOUNCED, DeliveryState.COMPLAINED)


def about_sending(session: Session, now: datetime) -> Iterator[DoctorCheck]:
    """Look at what stops all mail: a pause, a transport that does not work."""
    if paused := pause_of(session):
        yield DoctorCheck(
            level="broken",
            what=f"sending is paused since {paused.since:%Y-%m-%d %H:%M} UTC: {paused.reason}; the queue is kept",
            why="no mail leaves, so that our reputation does not suffer more",
            remedy="see: trialalerts deliveries list --state bounced; then run: trialalerts deliveries resume",
        )
    for state in outages(session):
        again = state.retry_at if state.retry_at and state.retry_at > now else None
        tried = f", tried again at {again:%H:%M} UTC" if again else ""
        since = f"{state.since:%Y-%m-%d %H:%M} UTC{tried}"
        yield DoctorCheck(
            level="broken",
            what=f"the transport {state.name} does not work since {since}: {state.reason}",
            why="no mail leaves through it; nothing is lost",
            remedy="mend it or mail.url; what is queued leaves by itself then",
        )


def about_feedback(settings: Settings, session: Session, clock: Clock) -> Iterator[DoctorCheck]:
    """Look at webhooks and the bounce mailbox, and at what they told of late."""
    name = None
    try:
        open_webhooks(settings)
        if url := settings.feedback.mailbox.get_secret_value():
            name = open_mailbox(url, clock).name
    except ConfigurationError as error:
        yield DoctorCheck(
            level="broken",
            what=str(error),
            why="what comes back is not heard of",
            remedy="correct it; see docs/how-to/hear-of-bounces.md",
        )
    leaves = not settings.mail.url.get_secret_value().startswith("file:")
    if leaves and name is None and not settings.feedback.webhooks:
        yield DoctorCheck(
            level="look",
            what="bounces and complaints are not heard of",
            why="who is gone or complains gets mail on and on, and providers block who does that",
            remedy="set feedback.webhooks or feedback.mailbox; see docs/how-to/hear-of-bounces.md",
        )
    yield from _addresses(settings, name)
    stands = feedback_status(session, mailbox=name, now=clock.now())
    if name is not None:
        yield _mailbox(stands.mailbox, name, settings, clock.now())
    for provider in PROVIDERS:
        used = f"{provider}://" in settings.mail.url.get_secret_value()
        if used and is_silent(session, provider, now=clock.now()):
            yield DoctorCheck(
                level="look",
                what=f"feedback: mail leaves through {provider}, which has told nothing for {SILENT_FOR.days} days",
                why="bounces, complaints and unsubscribes are lost where it does not",
                remedy="does its webhook reach this service? see docs/how-to/hear-of-bounces.md",
            )
    if "brevo://" in settings.mail.url.get_secret_value() and "brevo" not in settings.feedback.webhooks:
        yield DoctorCheck(
            level="look",
            what="feedback: Brevo may put its own link to unsubscribe into mails; only its webhook tells who used it",
            why="who unsubscribes by that link goes on getting mail",
            remedy="set feedback.webhooks.brevo; see docs/how-to/hear-of-bounces.md",
        )
    if stands.unmatched:
        yield DoctorCheck(
            level="look",
            what=f"feedback: {counted(stands.unmatched, 'event')} of the last 7 days without a mail of ours",
            why="a bounce or complaint that names no mail moves nobody",
            remedy="if there are many: does metadata or the return address get lost, was service.secret changed?",
        )
    if stands.about_us:
        yield DoctorCheck(
            level="look",
            what=f"feedback: {counted(stands.about_us, 'mail')} of the last day refused because of us, "
            f"last: {stands.last_code or 'no code'}",
            why="such mail waits, and is given up after mail.give_up_after",
            remedy="check SPF, DKIM, DMARC and the sender's reputation; no subscriber was blamed",
        )


def _addresses(settings: Settings, mailbox: str | None) -> Iterator[DoctorCheck]:
    if mailbox is not None and not settings.mail.bounces:
        yield DoctorCheck(
            level="look",
            what="mail.bounces is empty: bounces go to mail.from, and none names its mail",
            why="nobody can tell who is gone",
            remedy="set the address of the bounce mailbox",
        )
    if mailbox is None and settings.mail.unsubscribe_mailto:
        yield DoctorCheck(
            level="look",
            what="mail.unsubscribe_mailto is set, and no mailbox is read: who unsubscribes by mail is not heard",
            why="they go on getting mail, and click on spam",
            remedy="let that address arrive in a mailbox and name it in feedback.mailbox, or take the address out",
        )


def _mailbox(state: MailboxState | None, name: str, settings: Settings, now: datetime) -> DoctorCheck:
    read = state.last_success_at if state else None
    last = f"last read {read:%Y-%m-%d %H:%M} UTC" if read else "never read yet"
    why = "bounces and complaints lie there unread"
    if state is not None and state.last_error:
        return DoctorCheck(
            level="broken", what=f"{state.last_error} ({last})", why=why, remedy="correct feedback.mailbox"
        )
    if read is None or now - read > 3 * max(settings.feedback.every, _STUCK):
        return DoctorCheck(
            level="look", what=f"bounce mailbox {name}: {last}", why=why, remedy="start the daemon: trialalerts run"
        )
    return DoctorCheck(level="good", what=f"bounce mailbox {name}: {last}")


def about_held_back(settings: Settings, session: Session) -> Iterator[DoctorCheck]:
    """Say first of all that mail goes to few only, and how many mails others did not get by that."""
    held = count_held_back(session)
    kept = f"; {counted(held, 'mail')} held back so far" if held else ""
    if allowed := allowed_recipients(settings.mail.only_to):
        yield DoctorCheck(
            level="look",
            what=f"{only_to_words(allowed)}{kept}",
            why="subscribers get nothing",
            remedy="take mail.only_to out when the service is to serve everybody: nothing that was held back leaves by "
            "that; see docs/how-to/try-it-on-staging.md",
        )
    elif held:
        yield DoctorCheck(
            level="look",
            what=f"outbox: {counted(held, 'mail')} held back while mail.only_to was set",
            why="they leave by themselves never",
            remedy="to let them go: trialalerts deliveries retry --held",
        )


def about_outbox(session: Session, now: datetime) -> Iterator[DoctorCheck]:
    """Look for mails that are stuck or failed."""
    waiting = col(Delivery.state).in_([DeliveryState.QUEUED, DeliveryState.SENDING])
    stuck = session.exec(
        select(func.count()).select_from(Delivery).where(waiting, col(Delivery.created_at) < now - _STUCK)
    ).one()
    failed = session.exec(
        select(func.count()).select_from(Delivery).where(col(Delivery.state) == DeliveryState.FAILED)
    ).one()
    if stuck:
        yield DoctorCheck(
            level="look",
            what=f"outbox: {counted(stuck, 'mail')} waiting for over an hour",
            why="it may be quiet hours, a limit or a server that asks for patience; or nobody sends",
            remedy="run: trialalerts deliveries list",
        )
    if failed:
        yield DoctorCheck(
            level="look",
            what=f"outbox: {counted(failed, 'mail')} could not be delivered",
            why="somebody did not get what was meant for them",
            remedy="run: trialalerts deliveries list --state failed",
        )
    if not stuck and not failed:
        yield DoctorCheck(level="good", what="outbox: nothing is stuck")


def about_desk(settings: Settings, session: Session) -> Iterator[DoctorCheck]:
    """Look whether each editor can get the link by which they come to the desk."""
    for editor in editors_of(settings):
        suppressed = is_suppressed(session, settings.service.hash_keys, editor.address) is not None
        held_back = not allowed_recipients(settings.mail.only_to).admits(editor.address)
        if suppressed or held_back:
            yield DoctorCheck(
                level="look",
                what=f"{editor.address} of desk.editors gets no mail: "
                + ("the address is suppressed" if suppressed else "mail.only_to holds it back"),
                why="an editor comes to the desk by a link that is mailed",
                remedy=f"run: trialalerts suppressions lift {editor.address}"
                if suppressed
                else "name the editors in mail.only_to, too",
            )


def about_handoffs(settings: Settings, session: Session) -> Iterator[DoctorCheck]:
    """Look whether what readers wrote to the nurse waits in vain, or did not arrive."""
    address = parseaddr(settings.handoff.address)[1]
    why = "a reader who is interested in a trial waits for an answer"
    stands = select(Delivery.state, func.count()).where(col(Delivery.kind) == HANDOFF).group_by(col(Delivery.state))
    found = dict(session.exec(stands).all())
    waits = sum(found.get(state, 0) for state in (DeliveryState.QUEUED, DeliveryState.SENDING))
    lost = sum(found.get(state, 0) for state in _NOT_ARRIVED)
    if waits and not address:
        yield DoctorCheck(
            level="broken",
            what=f"handoff.address is empty, and {counted(waits, 'message')} to it wait",
            why=why,
            remedy="set it again: they leave by themselves then",
        )
    if address and is_suppressed(session, settings.service.secrets, address) is not None:
        yield DoctorCheck(
            level="broken",
            what="handoff.address cannot be reached: it is suppressed",
            why=why,
            remedy=f"run: trialalerts suppressions lift {address}",
        )
    if address and not allowed_recipients(settings.mail.only_to).admits(address):
        yield DoctorCheck(
            level="broken",
            what="handoff.address cannot be reached: mail.only_to holds mail to it back",
            why=why,
            remedy="name it in mail.only_to, too",
        )
    if lost:
        yield DoctorCheck(
            level="broken",
            what=f"{counted(lost, 'message')} to handoff.address did not arrive",
            why=f"{why}; nobody told them",
            remedy="see: trialalerts deliveries list; what failed goes again by: trialalerts deliveries retry ID",
        )

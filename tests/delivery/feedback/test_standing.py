"""What the operator is told of the feedback, and the step that reads the mailbox."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlmodel import select

from tests.delivery.feedback.bounce_samples import sample
from tests.delivery.feedback.stage import SETTINGS, Office
from trialalerts.delivery.feedback.events import EventKind, FeedbackReason
from trialalerts.delivery.feedback.handling import KEPT_FOR, FeedbackCount
from trialalerts.delivery.feedback.status import is_silent
from trialalerts.delivery.feedback.webhooks.providers import PROVIDERS
from trialalerts.delivery.mail.verp import return_address
from trialalerts.delivery.outbox.tables import Delivery
from trialalerts.errors import ConfigurationError
from trialalerts.operations.doctor import examine
from trialalerts.pipeline import Pipeline
from trialalerts.settings import FeedbackSettings, Settings
from trialalerts.subscribers.tables import SubscriberState


def with_feedback(
    feedback: dict[str, object] | None = None,
    *,
    bounces: str = "b@bounce.example.org",
    url: str = "smtp://mail.example.org",
) -> Settings:
    """Settings with a mailbox or webhooks."""
    mail = SETTINGS.mail.model_copy(update={"bounces": bounces, "url": SecretStr(url)})
    return SETTINGS.model_copy(update={"mail": mail, "feedback": FeedbackSettings.model_validate(feedback or {})})


def found(office: Office, settings: Settings) -> Iterator[tuple[str, str]]:
    for finding in examine(settings, office.db, office.clock):
        yield finding.level, finding.what


@pytest.fixture
def maildir(tmp_path: Path) -> Path:
    """A Maildir that is there."""
    (tmp_path / "new").mkdir()
    return tmp_path


def test_a_service_that_hears_of_nothing_is_told(office: Office) -> None:
    told = ("look", "bounces and complaints are not heard of")
    assert told in found(office, with_feedback())
    assert told not in found(office, with_feedback({"webhooks": {"mailgun": {"signing_key": "k"}}}))
    assert told not in found(office, with_feedback({"mailbox": "maildir:///var/mail/b"}))
    assert told not in found(office, with_feedback(url="file://out"))


@pytest.mark.parametrize("feedback", [{"mailbox": "pop3://x"}, {"webhooks": {"postmark": {"key": "x"}}}], ids=str)
def test_feedback_that_is_configured_wrongly_is_told(office: Office, feedback: dict[str, object]) -> None:
    broken = [what for level, what in found(office, with_feedback(feedback)) if level == "broken"]
    assert any(what.startswith("feedback.") for what in broken)


def test_a_mailbox_to_which_no_bounce_goes_is_told(office: Office) -> None:
    told = [what for level, what in found(office, with_feedback({"mailbox": "maildir:///var/mail/b"}, bounces=""))]
    assert any(what.startswith("mail.bounces is empty") for what in told)


@pytest.mark.parametrize(("mailbox", "told"), [("", True), ("maildir:///var/mail/b", False)])
def test_an_address_to_unsubscribe_at_that_nobody_reads_is_told(office: Office, mailbox: str, told: bool) -> None:
    settings = with_feedback({"mailbox": mailbox})
    for address, wrong in (("leave@example.org", told), ("", False)):
        settings = settings.model_copy(
            update={"mail": settings.mail.model_copy(update={"unsubscribe_mailto": address})}
        )
        looks = [what for level, what in found(office, settings) if level == "look"]
        assert any(what.startswith("mail.unsubscribe_mailto is set, and no mailbox is read") for what in looks) is wrong


def test_the_standing_of_the_mailbox_is_told(office: Office, maildir: Path) -> None:
    settings = with_feedback({"mailbox": f"maildir://{maildir}"})
    name = f"bounce mailbox maildir://{maildir}"
    assert ("look", f"{name}: never read yet") in found(office, settings)
    Pipeline(settings, office.db, office.clock).handle_feedback()
    assert ("good", f"{name}: last read 2026-03-02 09:30 UTC") in found(office, settings)
    office.clock.advance(timedelta(hours=4))
    assert ("look", f"{name}: last read 2026-03-02 09:30 UTC") in found(office, settings)
    (maildir / "new").rename(maildir / "gone")
    Pipeline(settings, office.db, office.clock).handle_feedback()
    broken = [what for level, what in found(office, settings) if level == "broken"]
    assert any("No such file or directory (last read 2026-03-02 09:30 UTC)" in what for what in broken)


def test_events_that_name_no_mail_and_refusals_because_of_us_are_counted(office: Office) -> None:
    for _ in range(3):
        office.tell(EventKind.BOUNCED)
    office.tell(EventKind.BOUNCED, office.sent(), reason=FeedbackReason.BLOCKED, code="550 5.7.1")
    told = {what: level for level, what in found(office, with_feedback())}
    assert told["feedback: 3 events of the last 7 days without a mail of ours"] == "look"
    assert told["feedback: 1 mail of the last day refused because of us, last: 550 5.7.1"] == "look"
    office.clock.advance(timedelta(days=8))
    assert not any(what.startswith("feedback") for _, what in found(office, with_feedback()))


def test_the_step_reads_the_mailbox_and_forgets_what_is_old(office: Office, maildir: Path) -> None:
    office.tell(EventKind.UNKNOWN)
    office.clock.advance(KEPT_FOR + timedelta(hours=1))
    number = office.sent()
    (maildir / "new" / "1").write_bytes(sample("postfix", return_address(SETTINGS, number)))
    pipeline = Pipeline(with_feedback({"mailbox": f"maildir://{maildir}"}), office.db, office.clock)
    assert pipeline.handle_feedback() == FeedbackCount(heard=1)
    assert office.person().state is SubscriberState.BOUNCED
    assert [event.kind for event in office.events()] == ["bounced"]


def test_without_a_mailbox_the_step_only_forgets(office: Office) -> None:
    office.tell(EventKind.UNKNOWN)
    office.clock.advance(KEPT_FOR + timedelta(hours=1))
    assert Pipeline(with_feedback(), office.db, office.clock).handle_feedback() == FeedbackCount()
    assert office.events() == []


def test_a_mailbox_url_that_makes_no_sense_stops_the_step(office: Office) -> None:
    with pytest.raises(ConfigurationError, match=r"feedback\.mailbox"):
        Pipeline(with_feedback({"mailbox": "pop3://x"}), office.db, office.clock).handle_feedback()


def test_a_provider_that_tells_nothing_for_days_is_noticed(office: Office) -> None:
    """sns-repeats-for-a-minute: without a delivery policy an outage of ours may have ended it unseen."""
    number = office.sent(ago=timedelta(days=2))
    with office.db.write() as session:
        delivery = session.exec(select(Delivery).where(Delivery.id == number)).one()
        delivery.transport, delivery.provider_id = "ses", "0102"
        session.add(delivery)

    def silent() -> list[str]:
        with office.db.read() as session:
            return [name for name in PROVIDERS if is_silent(session, name, now=office.clock.now())]

    assert silent() == ["ses"]
    settings = with_feedback({"webhooks": {}}, url="ses://KEY:SECRET@eu-west-1")
    assert any("ses, which has told nothing for 3 days" in what for _, what in found(office, settings))
    office.tell(EventKind.DELIVERED, number, provider="ses")
    assert silent() == []


@pytest.mark.parametrize(
    ("url", "webhooks", "told"),
    [
        ("brevo://KEY@default", {}, True),
        ("failover(smtp://mail.example.org brevo://KEY@default)", {}, True),
        ("brevo://KEY@default", {"brevo": {"token": "t"}}, False),
        ("smtp://mail.example.org", {}, False),
    ],
)
def test_brevos_own_link_to_unsubscribe_needs_its_webhook(
    office: Office, url: str, webhooks: dict[str, object], told: bool
) -> None:
    settings = with_feedback({"mailbox": "maildir:///var/mail/b", "webhooks": webhooks}, url=url)
    assert any("Brevo may put its own link" in what for _, what in found(office, settings)) is told


def test_a_provider_through_which_nothing_leaves_may_be_silent(office: Office) -> None:
    office.sent(ago=timedelta(days=2))
    with office.db.read() as session:
        assert not any(is_silent(session, name, now=office.clock.now()) for name in PROVIDERS)

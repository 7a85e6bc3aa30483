"""“I am interested”: a message to the organisation's own nurse, shown as it leaves, sent once, and then gone."""

from __future__ import annotations

import email
import logging
import re
import signal
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from email import policy
from email.message import EmailMessage
from html import unescape
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from sqlmodel import select

from tests.conftest import REPOSITORY
from tests.delivery import chaos_server, mailserver
from tests.delivery.chaos_server import Act, ChaosServer, Moment
from tests.delivery.mailserver import Mailbox
from tests.delivery.post import NOW as THE_DAY
from tests.programs import Program, start
from tests.web.conftest import World, open_world, path_of, settings_of
from tests.web.handoff_process import NURSE, SETTINGS
from tests.web.test_trial_page import LEEDS, NOW, NUMBER, NURSES, store_trial
from trialalerts.catalog.facts import Site
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.delivery.feedback.events import Event, EventKind
from trialalerts.delivery.feedback.handling import handle_feedback
from trialalerts.delivery.outbox.notices.kinds import HANDOFF
from trialalerts.delivery.outbox.notices.tables import Handoff
from trialalerts.delivery.outbox.requeueing import requeue
from trialalerts.delivery.outbox.suppressions import suppress
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState
from trialalerts.delivery.sending.sender import SendCount, send_queued
from trialalerts.delivery.transports import open_transport
from trialalerts.digests.rendering.renderer import MailRenderer
from trialalerts.logs import log_to_standard_error
from trialalerts.operations.checks.mail import about_handoffs
from trialalerts.operations.counting.report import make_report
from trialalerts.operations.retention.pruning import prune
from trialalerts.settings import Settings
from trialalerts.subscribers.erasure import erase
from trialalerts.subscribers.people import pause, unsubscribe
from trialalerts.subscribers.tables import Subscriber

WORDS = "Kennen Sie “Brevalumab”? <b>Ich</b> möchte es wissen.\nZweite Zeile"


@pytest.fixture
def world(db: Database, clock: FrozenClock) -> Iterator[World]:
    NOW[:] = [clock.now()]
    with db.write() as session:
        store_trial(session)
    yield from open_world(db, clock, SETTINGS)


def ask_path(world: World, person: Subscriber) -> str:
    return path_of(world.links.follow(person, 1)).replace("/follow/", "/ask/")


def looked(world: World, person: Subscriber, **typed: str) -> dict[str, str]:
    """Show the mail, and return the fields of the form that sends it."""
    page = world.client.post(ask_path(world, person), data={"message": WORDS, "step": "look"} | typed)
    assert page.status_code == 200, page.text
    fields = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page.text)
    return {name: unescape(value) for name, value in fields} | {"page": page.text}


def asked(world: World, person: Subscriber, **typed: str) -> dict[str, str]:
    fields = looked(world, person, **typed)
    page = fields.pop("page")
    answer = world.client.post(ask_path(world, person), data=fields | {"step": "send"})
    assert answer.status_code == 200, answer.text
    return fields | {"page": page}


def sent(world: World, settings: Settings = SETTINGS, **answers: str) -> tuple[SendCount, list[EmailMessage]]:
    mailbox = Mailbox(answers={**answers})
    with mailserver.running(mailbox) as port:
        transport = open_transport(f"smtp://127.0.0.1:{port}")
        renderer = MailRenderer(settings, world.clock)
        count = send_queued(world.db, transport, renderer, settings=settings, clock=world.clock)
    return count, [_read(content) for _, _, content in mailbox.received]


def _read(content: bytes) -> EmailMessage:
    message = email.message_from_bytes(content, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def kept(world: World) -> list[Handoff]:
    with world.db.read() as session:
        return list(session.exec(select(Handoff)))


def deliveries(world: World) -> list[Delivery]:
    return [each for each in world.mails() if each.kind == HANDOFF]


def test_the_mail_that_leaves_is_the_one_that_was_shown_and_then_nothing_of_it_is_kept(world: World) -> None:
    ada = world.follower(locale="de")
    form = world.client.get(ask_path(world, ada), headers={"Accept-Language": "de"})
    assert form.status_code == 200
    assert "ada@example.org" not in form.text, "nothing of the reader stands in the form"
    fields = asked(world, ada, name="Ada Example", phone="0113 496 0100")
    assert len(kept(world)) == 1
    count, (mail,) = sent(world)
    assert count.sent == 1
    body = mail.get_body(("plain",))
    assert body is not None
    shown = re.search(r"<pre[^>]*>(.*?)</pre>", fields["page"], re.DOTALL)
    assert shown is not None
    assert unescape(shown[1]).split("\n")[:-1] == body.get_content().replace("\r\n", "\n").split("\n")[:-1]
    for said in (f"To: {NURSE}", "Reply-To: ada@example.org"):
        name, _, value = said.partition(": ")
        assert mail[name] == value
        assert value in unescape(fields["page"])
    assert mail["Subject"] == f"Interest in trial {NUMBER}"
    assert (mail["Auto-Submitted"], mail["List-Unsubscribe"]) == (None, None)
    assert "Kennen Sie “Brevalumab”?" in body.get_content()
    assert "Reads: German" in body.get_content()
    rich = mail.get_body(("html",))
    assert rich is not None
    assert "<b>Ich</b>" not in rich.get_content()
    assert kept(world) == []
    everything = repr(world.dump())
    assert not any(words in everything for words in ("Brevalumab”", "Ada Example", "0113 496 0100"))
    with world.db.read() as session:
        report = make_report(session, now=world.clock.now(), days=1)
    assert report.mails["handed_off"] == 1


def test_a_form_that_is_sent_twice_is_one_mail(world: World) -> None:
    ada = world.follower()
    fields = asked(world, ada)
    fields.pop("page")
    for _ in range(2):
        again = world.client.post(ask_path(world, ada), data=fields | {"step": "send"})
        assert again.status_code == 200
    assert len(sent(world)[1]) == 1
    world.client.post(ask_path(world, ada), data=fields | {"step": "send"})
    assert sent(world)[1] == []
    assert len(deliveries(world)) == 1


def test_to_look_or_to_change_queues_nothing(world: World) -> None:
    ada = world.follower()
    before = world.dump()
    world.client.get(ask_path(world, ada))
    fields = looked(world, ada)
    fields.pop("page")
    changed = world.client.post(ask_path(world, ada), data=fields | {"step": "change"})
    assert "Zweite Zeile" in changed.text
    world.client.post(ask_path(world, ada), data=fields | {"step": "send", "once": "not one of ours"})
    assert world.dump() == before


def test_one_reader_sends_so_many_a_day_and_what_was_typed_stays(world: World) -> None:
    ada = world.follower()
    for number in range(SETTINGS.handoff.per_person):
        asked(world, ada, message=f"Message {number}")
    fields = looked(world, ada)
    fields.pop("page")
    refused = world.client.post(ask_path(world, ada), data=fields | {"step": "send"})
    assert (refused.status_code, "Zweite Zeile" in refused.text, "<title>Error" in refused.text) == (429, True, True)
    assert len(deliveries(world)) == len(kept(world)) == 3
    world.clock.advance(timedelta(days=1, minutes=1))
    asked(world, ada)


def test_all_readers_together_wait_for_their_turn(db: Database, clock: FrozenClock) -> None:
    NOW[:] = [clock.now()]
    with db.write() as session:
        store_trial(session)
    web = SETTINGS.web.model_copy(update={"confirmations_per_hour": 1})
    for world in open_world(db, clock, SETTINGS.model_copy(update={"web": web})):
        for name in ("ada", "ben"):
            asked(world, world.follower(f"{name}@example.org"))
        first, second = (each.not_before for each in deliveries(world))
        assert second - first == timedelta(hours=1)


@pytest.mark.parametrize("state", ["pending", "left", "erased", "old"])
def test_only_a_reader_with_a_confirmed_address_and_a_link_of_these_days_may_ask(world: World, state: str) -> None:
    ada = world.follower(confirmed=state != "pending")
    path = ask_path(world, ada)
    with world.db.write() as session:
        person = session.get_one(Subscriber, ada.id)
        if state == "left":
            unsubscribe(session, person, how="web", now=world.clock.now())
        elif state == "erased":
            erase(session, person, how="web", now=world.clock.now())
    world.clock.advance(timedelta(days=91 if state == "old" else 0))
    for answer in (world.client.get(path), world.client.post(path, data={"step": "send", "once": "0" * 32})):
        assert answer.status_code == 410
    assert deliveries(world) == []


def test_where_no_address_is_set_there_is_no_form_and_no_button(sqlite_db: Database, clock: FrozenClock) -> None:
    NOW[:] = [clock.now()]
    with sqlite_db.write() as session:
        store_trial(session)
    for world in open_world(sqlite_db, clock, settings_of()):
        ada = world.follower()
        assert world.client.get(ask_path(world, ada)).status_code == 404
        assert "/ask/" not in world.client.get(path_of(world.links.follow(ada, 1))).text


def test_the_button_stands_on_the_page_of_a_reader_and_not_on_the_public_one(world: World) -> None:
    ada = world.follower()
    assert "/ask/" in world.client.get(path_of(world.links.follow(ada, 1))).text
    assert "/ask/" not in world.client.get(f"/trials/{NUMBER}").text


def test_it_leaves_whatever_its_reader_does_but_erase_it(world: World) -> None:
    people = [world.follower(f"{name}@example.org") for name in ("ada", "ben", "eve")]
    for person in people:
        asked(world, person)
    with world.db.write() as session:
        ada, ben, eve = (session.get_one(Subscriber, each.id) for each in people)
        pause(session, ada, until=None, how="web", now=world.clock.now())
        unsubscribe(session, ben, how="web", now=world.clock.now())
        erase(session, eve, how="web", now=world.clock.now())
    _, mails = sent(world)
    assert sorted(mail["Reply-To"] for mail in mails) == ["ada@example.org", "ben@example.org"]
    assert kept(world) == []


@pytest.mark.parametrize("fault", ["suppressed", "no address"])
def test_it_waits_while_the_nurse_cannot_be_reached_and_the_doctor_says_so(world: World, fault: str) -> None:
    asked(world, world.follower())
    settings = SETTINGS
    with world.db.write() as session:
        if fault == "suppressed":
            suppress(session, SETTINGS.service.secrets[0], NURSE, reason="bounced", detail="", now=world.clock.now())
        else:
            settings = settings_of()
    assert sent(world, settings)[1] == []
    assert (deliveries(world)[0].state, len(kept(world))) == (DeliveryState.QUEUED, 1)
    with world.db.write() as session:
        (told,) = about_handoffs(settings, session)
        assert told.level == "broken"
        assert "handoff.address" in told.what
        for each in session.connection().exec_driver_sql("SELECT address_hash FROM suppression").all():
            session.connection().exec_driver_sql(f"DELETE FROM suppression WHERE address_hash = '{each[0]}'")
    world.clock.advance(timedelta(hours=7))
    assert len(sent(world)[1]) == 1


def test_what_is_refused_for_good_is_kept_blames_no_reader_and_goes_again(world: World) -> None:
    ada = world.follower()
    asked(world, ada)
    assert sent(world, RCPT="550 5.1.1 User unknown")[0].sent == 0
    (delivery,) = deliveries(world)
    assert (delivery.state, len(kept(world)), world.again(ada).state) == (DeliveryState.FAILED, 1, "active")
    with world.db.write() as session:
        (told,) = about_handoffs(SETTINGS, session)
        assert "1 message to handoff.address did not arrive" in told.what
        requeue(session, session.get_one(Delivery, delivery.id), now=world.clock.now())
    (mail,) = sent(world)[1]
    assert "Zweite Zeile" in mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]  # it has one
    assert kept(world) == []


@pytest.mark.parametrize("is_discreet", [False, True])
def test_what_comes_back_from_the_nurse_blames_no_reader_and_is_told_to_both(world: World, is_discreet: bool) -> None:
    ada = world.follower()
    asked(world, ada)
    sent(world)
    (delivery,) = deliveries(world)
    event = Event(
        provider="test",
        event_id="1",
        kind=EventKind.BOUNCED,
        at=world.clock.now(),
        raw="",
        message_ids=(delivery.message_id,),
    )
    handle_feedback(world.db, SETTINGS, [event], now=world.clock.now())
    handle_feedback(world.db, SETTINGS, [replace(event, event_id="2")], now=world.clock.now())  # told by two servers
    with world.db.write() as session:
        session.get_one(Subscriber, ada.id).discreet = is_discreet
    came_back, told_reader = world.mails()
    assert came_back.state is DeliveryState.BOUNCED
    assert told_reader.kind == "handoff-returned"
    (mail,) = sent(world)[1]
    assert mail["To"] == "ada@example.org"
    text = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]  # it has one
    assert "did not reach our team" in text
    assert NUMBER not in text
    assert ("trial" in f"{mail['From']} {text}".lower()) is not is_discreet
    assert world.again(ada).state == "active"
    with world.db.read() as session:
        (told,) = about_handoffs(SETTINGS, session)
    assert "1 message to handoff.address did not arrive" in told.what


def test_who_wrote_to_the_nurse_is_forgotten_within_days_and_stands_in_no_log(
    world: World, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    log_to_standard_error(level="debug")
    caplog.set_level(logging.DEBUG)
    ada = world.follower()
    capfd.readouterr()
    asked(world, ada)
    logged = capfd.readouterr().err + caplog.text
    assert not any(said in logged for said in ("ada@", ada.key, NUMBER, "Zweite"))
    metrics = world.client.get("/metrics").text
    assert not any(said in metrics for said in ("ada@", ada.key, NUMBER))
    sent(world)
    world.clock.advance(timedelta(days=9))
    prune(world.db, SETTINGS, world.clock.now())
    assert deliveries(world) == []


MOMENTS: tuple[Moment, ...] = ("RCPT", "CONTENT", "END")


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_sender_that_is_killed_loses_no_message_and_repeats_it_only_by_its_name(world: World, moment: Moment) -> None:
    asked(world, world.follower())
    victim: list[Program] = []

    def strike(at: Moment, about: str, connection: int) -> Act | None:
        del about, connection
        if at == moment and len(victim) == 1:
            victim[0].send_signal(signal.SIGKILL)
            victim[0].wait()
        return None

    server = ChaosServer(plan=strike)
    url = world.db.engine.url.render_as_string(hide_password=False)
    with chaos_server.running(server) as port:
        for minutes in (0, 11):
            with start("tests.web.handoff_process", url, str(port), str(minutes), folder=REPOSITORY) as process:
                victim.append(process)
                code = process.wait()
            if minutes == 0:
                assert code == -signal.SIGKILL
                assert len(kept(world)) == 1, "nothing is deleted that may not have left"
    names = [email.message_from_bytes(content)["Message-ID"] for _, _, content in server.stored]
    assert names
    assert set(names) == {deliveries(world)[0].message_id}
    assert (deliveries(world)[0].state, kept(world)) == (DeliveryState.SENT, [])
    with world.db.read() as session:
        assert make_report(session, now=THE_DAY + timedelta(hours=1), days=1).mails["handed_off"] == 1


# ---- the mail that the reader's own program sends


def mails_to(page: str) -> list[tuple[str, dict[str, list[str]]]]:
    found = [urlsplit(unescape(url)) for url in re.findall(r'href="(mailto:[^"]+\?[^"]+)"', page)]
    return [(unquote(url.path), parse_qs(url.query)) for url in found]


@pytest.mark.parametrize(
    ("lang", "country", "hellos"),
    [
        ("en", "GB", ["Hello,"]),
        ("de", "GB", ["Guten Tag,", "Hello,"]),
        ("en", "AT", ["Hello,", "Guten Tag,"]),
        ("fr", "MX", ["Bonjour,", "Buenos días:"]),
        ("es", "JP", ["Buenos días:", "Hello,"]),
    ],
)
def test_a_mail_to_a_sites_contact_is_prepared_in_both_languages_and_says_nothing_of_the_reader(
    world: World, lang: str, country: str, hellos: list[str]
) -> None:
    site = Site(**LEEDS.model_dump(exclude={"country", "contacts"}), country=country, contacts=(NURSES,))
    with world.db.write() as session:
        store_trial(session, "NCT90000002", sites=(site,))
    found = mails_to(world.client.get("/trials/NCT90000002", headers={"Accept-Language": lang}).text)
    assert found
    for address, query in found:
        assert address == NURSES.email
        assert query["subject"][0].count("NCT90000002") == len(hellos)
        (body,) = query["body"]
        assert [line for line in body.splitlines() if line in hellos] == hellos
        assert "https://alerts.example.org/trials/NCT90000002" in body
        assert "sthma" not in body
        assert body.isprintable() is False
        assert set(body) & {"\r", "\n"} == {"\r", "\n"}


def test_where_no_contact_is_named_no_mail_is_prepared(world: World) -> None:
    site = Site(**LEEDS.model_dump(exclude={"contacts"}))
    with world.db.write() as session:
        store_trial(session, "NCT90000003", sites=(site,))
    assert mails_to(world.client.get("/trials/NCT90000003").text) == []

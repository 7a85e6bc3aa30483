"""What six providers tell: believed when they prove who they are, and put into one vocabulary."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from tests.delivery.feedback.senders import (
    CERTIFICATE,
    MAILGUN_KEY,
    NOW,
    TOKEN,
    TOPIC,
    Sns,
    basic,
    certificate,
    mailgun_signature,
    public_text,
    secret,
    senders,
    sendgrid_sign,
    ses_told,
    ses_webhook,
    sns_envelope,
    svix_headers,
    whsec,
)
from trialalerts.delivery.feedback.events import (
    Event,
    EventKind,
    FeedbackReason,
    InvalidSignature,
    Malformed,
    Unverifiable,
)
from trialalerts.delivery.feedback.webhooks.brevo import BrevoWebhook
from trialalerts.delivery.feedback.webhooks.call import WebhookCall
from trialalerts.delivery.feedback.webhooks.mailgun import MailgunWebhook
from trialalerts.delivery.feedback.webhooks.postmark import PostmarkWebhook
from trialalerts.delivery.feedback.webhooks.providers import PROVIDERS, open_webhooks
from trialalerts.delivery.feedback.webhooks.resend import ResendWebhook
from trialalerts.delivery.feedback.webhooks.sendgrid import SendGridWebhook
from trialalerts.errors import ConfigurationError
from trialalerts.settings import FeedbackSettings, Settings

SENDERS = senders()
EACH = pytest.mark.parametrize("name", sorted(PROVIDERS))
NO_WORD = {("postmark", "sent"), ("resend", "unsubscribed")}
"""What a provider has no word for."""


CALLS = {name: sender.call("hard") for name, sender in SENDERS.items()}


def heard(name: str, what: str, token: str | None = TOKEN) -> Event:
    (event,) = SENDERS[name].webhook.events(SENDERS[name].call(what, token))
    return event


@EACH
@pytest.mark.parametrize(
    ("what", "kinds", "reasons", "hard"),
    [
        ("sent", {EventKind.SENT, EventKind.QUEUED}, {None}, False),
        ("delivered", {EventKind.DELIVERED}, {None}, False),
        ("deferred", {EventKind.DEFERRED}, {FeedbackReason.BOUNCED, None}, False),
        ("hard", {EventKind.BOUNCED}, {FeedbackReason.INVALID}, True),
        ("soft", {EventKind.BOUNCED}, {FeedbackReason.BOUNCED}, False),
        ("blocked", {EventKind.BOUNCED}, {FeedbackReason.BLOCKED}, False),
        ("complained", {EventKind.COMPLAINED}, {None}, False),
        ("unsubscribed", {EventKind.UNSUBSCRIBED}, {None}, False),
        (
            "rejected",
            {EventKind.REJECTED},
            {FeedbackReason.BLOCKED, FeedbackReason.LISTED, FeedbackReason.INVALID},
            None,
        ),
        ("something new", {EventKind.UNKNOWN}, {None}, False),
    ],
)
def test_every_provider_speaks_the_one_vocabulary(
    name: str, what: str, kinds: set[EventKind], reasons: set[FeedbackReason | None], hard: bool | None
) -> None:
    if (name, what) in NO_WORD:
        return
    event = heard(name, what)
    assert event.provider == name
    assert event.kind in kinds
    assert event.reason in reasons
    assert hard is None or event.hard is hard
    assert event.token == TOKEN
    assert abs(event.at - NOW) < timedelta(seconds=1)


@EACH
def test_the_codes_of_a_bounce_are_kept(name: str) -> None:
    assert heard(name, "hard").code == "550 5.1.1"
    assert heard(name, "soft").code == "452 4.2.2"


@EACH
def test_what_people_open_is_never_kept(name: str) -> None:
    assert SENDERS[name].webhook.events(SENDERS[name].call("opened")) == []


@EACH
def test_what_the_mail_said_is_not_kept(name: str) -> None:
    raw = heard(name, "hard").raw
    assert "Your trial alerts" not in raw
    assert json.loads(raw)


@EACH
def test_without_metadata_an_event_names_nothing_of_ours(name: str) -> None:
    assert heard(name, "hard", None).token in {None, "alerts@example.org"}


@EACH
def test_a_call_without_proof_is_refused(name: str) -> None:
    call = SENDERS[name].call("hard")
    body = json.loads(call.body)
    if isinstance(body, dict):
        for key in ("Signature", "signature"):
            body.pop(key, None)
    with pytest.raises(InvalidSignature):
        SENDERS[name].webhook.events(WebhookCall(headers={}, body=json.dumps(body).encode(), now=NOW))


@EACH
def test_the_proof_of_another_is_refused(name: str) -> None:
    others = senders()[name]
    if name in {"ses", "postmark", "brevo", "mailgun", "resend"}:  # they have the same keys each time
        others = {
            "ses": lambda: replace(others, webhook=ses_webhook(Sns(pages={CERTIFICATE: _certificate_of_another()}))),
            "postmark": lambda: replace(others, webhook=PostmarkWebhook(user="postmark", password="another")),
            "brevo": lambda: replace(others, webhook=BrevoWebhook.of(secret(token="another"))),
            "mailgun": lambda: replace(others, webhook=MailgunWebhook.of(secret(signing_key="another"))),
            "resend": lambda: replace(others, webhook=ResendWebhook.of(secret(secret=whsec(b"another")))),
        }[name]()
    with pytest.raises(InvalidSignature):
        others.webhook.events(SENDERS[name].call("hard"))


def _certificate_of_another() -> bytes:
    import trustme

    made: bytes = trustme.CA(key_type=trustme.KeyType.RSA).cert_pem.bytes()
    return made


@pytest.mark.parametrize("name", ["ses", "sendgrid", "resend"])
@given(data=st.data())
def test_a_signed_body_with_one_byte_changed_is_refused(name: str, data: st.DataObject) -> None:
    call = CALLS[name]
    place = data.draw(st.integers(0, len(call.body) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda new: new != call.body[place]))
    changed = replace(call, body=call.body[:place] + bytes([byte]) + call.body[place + 1 :])
    try:
        events = SENDERS[name].webhook.events(changed)
    except (InvalidSignature, Malformed):
        return
    # SNS signs some fields and not the bytes: what it does not sign (blanks, UnsubscribeURL) says nothing either
    assert name == "ses"
    original = SENDERS[name].webhook.events(call)
    assert events == original


@EACH
@given(
    body=st.binary(max_size=400)
    | st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
        max_leaves=12,
    ).map(lambda value: json.dumps(value).encode())
)
def test_any_signed_body_is_read_or_refused_in_a_known_way(name: str, body: bytes) -> None:
    sender = SENDERS[name]
    with suppress(InvalidSignature, Malformed):
        sender.webhook.events(WebhookCall(headers=sender.sign(body, NOW), body=body, now=NOW))


_ANY: st.SearchStrategy[object] = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just([]) | st.just({}) | st.just([None])
)


@EACH
@given(what=st.sampled_from(["delivered", "hard", "complained"]), data=st.data())
def test_an_event_with_any_field_of_any_type_is_read_or_refused(name: str, what: str, data: st.DataObject) -> None:
    sender = SENDERS[name]
    told = sender.tell(what, TOKEN)
    inner = json.loads(told["Message"]) if name == "ses" else told
    _spoil(inner[0] if isinstance(inner, list) else inner.get("event-data", inner), data)
    told = sns_envelope(inner) if name == "ses" else told
    body = json.dumps(told).encode()
    try:
        events = sender.webhook.events(WebhookCall(headers=sender.sign(body, NOW), body=body, now=NOW))
    except Malformed:
        return
    for event in events:
        assert event.event_id
        assert "\x00" not in f"{event.event_id}{event.code}{event.token}{event.raw}"


def _spoil(told: dict[str, object], data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(sorted(told)))
    inner = told[key]
    if isinstance(inner, dict) and inner and data.draw(st.booleans()):
        _spoil(inner, data)
    else:
        told[key] = data.draw(_ANY)


# --- Amazon SES


@pytest.mark.parametrize("version", ["1", "2"])
def test_both_signature_versions_of_sns_are_known(version: str) -> None:
    body = json.dumps(sns_envelope({"eventType": "Send", "mail": {}}, version=version)).encode()
    assert len(ses_webhook(Sns()).events(WebhookCall(headers={}, body=body, now=NOW))) == 1


def test_a_certificate_is_fetched_once() -> None:
    sns = Sns()
    webhook = ses_webhook(sns)
    for _ in range(3):
        webhook.events(SENDERS["ses"].call("sent"))
    assert sns.asked == [CERTIFICATE]


@pytest.mark.parametrize(
    "values",
    [
        {"TopicArn": TOPIC.replace("alerts", "others")},
        {"SigningCertURL": CERTIFICATE.replace("https", "http")},
        {"SigningCertURL": CERTIFICATE.replace("amazonaws.com", "amazonaws.com.example.org")},
        {"SigningCertURL": CERTIFICATE.replace("sns.", "sns.example.org/sns.")},
        {"SigningCertURL": CERTIFICATE.replace("https://", "https://user@")},
        {"SigningCertURL": CERTIFICATE.replace(".com/", ".com:444/")},
        {"SigningCertURL": CERTIFICATE.replace("eu-west-1", "us-east-1")},
        {"SigningCertURL": CERTIFICATE.replace("SimpleNotificationService-", "mine/")},
        {"SigningCertURL": "https://[sns"},
        {"SigningCertURL": None},
        {"SignatureVersion": "3"},
    ],
    ids=str,
)
def test_nothing_is_fetched_for_a_topic_or_an_address_that_is_not_allowed(values: dict[str, object]) -> None:
    sns = Sns()
    body = json.dumps(sns_envelope({"eventType": "Send", "mail": {}}) | values).encode()
    with pytest.raises(InvalidSignature):
        ses_webhook(sns).events(WebhookCall(headers={}, body=body, now=NOW))
    assert sns.asked == []


def test_an_expired_certificate_proves_nothing() -> None:
    old = certificate(NOW - timedelta(days=60), NOW - timedelta(days=31))
    with pytest.raises(InvalidSignature, match="not valid now"):
        ses_webhook(Sns(pages={CERTIFICATE: old})).events(SENDERS["ses"].call("hard"))


def test_a_certificate_that_is_not_there_proves_nothing() -> None:
    with pytest.raises(InvalidSignature, match="no such certificate"):
        ses_webhook(Sns(pages={})).events(SENDERS["ses"].call("hard"))


def test_when_sns_does_not_answer_it_shall_tell_it_again() -> None:
    class Silent(Sns):
        def fetch(self, url: str) -> bytes | None:
            raise Unverifiable(f"{url} cannot be reached.")

    with pytest.raises(Unverifiable):
        ses_webhook(Silent()).events(SENDERS["ses"].call("hard"))


CONFIRM = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=x&Token=y"


def confirmation(url: str = CONFIRM) -> WebhookCall:
    told = sns_envelope("Confirm.", Type="SubscriptionConfirmation", SubscribeURL=url, Token="y", Subject=None)
    return WebhookCall(headers={}, body=json.dumps(told).encode(), now=NOW)


def test_the_subscription_of_an_allowed_topic_is_confirmed() -> None:
    sns = Sns(pages={CERTIFICATE: certificate(), CONFIRM: b"<ok/>"})
    assert ses_webhook(sns).events(confirmation()) == []
    assert sns.asked == [CERTIFICATE, CONFIRM]


@pytest.mark.parametrize("url", ["https://example.org/", CONFIRM.replace("https", "http"), "file:///etc/passwd"])
def test_a_confirmation_that_leads_elsewhere_is_not_followed(url: str) -> None:
    sns = Sns()
    with pytest.raises(InvalidSignature, match="confirms"):
        ses_webhook(sns).events(confirmation(url))
    assert sns.asked == [CERTIFICATE]


def test_a_subscription_that_ends_and_the_message_that_checks_one_are_no_events() -> None:
    for told in (
        sns_envelope("Ended.", Type="UnsubscribeConfirmation", SubscribeURL=CONFIRM, Token="y", Subject=None),
        sns_envelope("Successfully validated SNS topic for Amazon SES event publishing."),
    ):
        assert ses_webhook(Sns()).events(WebhookCall(headers={}, body=json.dumps(told).encode(), now=NOW)) == []


def test_what_is_not_spam_is_no_complaint() -> None:
    told = json.loads(ses_told("complained", TOKEN)["Message"])
    told["complaint"]["complaintFeedbackType"] = "not-spam"
    body = json.dumps(sns_envelope(told)).encode()
    (event,) = ses_webhook(Sns()).events(WebhookCall(headers={}, body=body, now=NOW))
    assert event.kind is EventKind.UNKNOWN


def test_metadata_comes_from_the_header_where_there_are_no_tags() -> None:
    told = json.loads(ses_told("hard", None)["Message"])
    told["mail"]["headers"].append({"name": "X-Metadata", "value": '{"delivery":"fromheader"}'})
    body = json.dumps(sns_envelope(told)).encode()
    (event,) = ses_webhook(Sns()).events(WebhookCall(headers={}, body=body, now=NOW))
    assert event.token == "fromheader"


# --- keys, repetitions, clocks


def test_while_keys_are_changed_the_old_and_the_new_one_hold() -> None:
    old, new = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    webhook = SendGridWebhook.of(secret(public_key=f"{public_text(old)}, {public_text(new)}"))
    body = SENDERS["sendgrid"].body("hard")
    for key in (old, new):
        assert webhook.events(WebhookCall(headers=sendgrid_sign(key)(body, NOW), body=body, now=NOW))

    mailgun = MailgunWebhook.of(secret(signing_key=f"old-key {MAILGUN_KEY}"))
    told = SENDERS["mailgun"].tell("hard", TOKEN)
    for signing in ("old-key", MAILGUN_KEY):
        body = json.dumps(told | {"signature": mailgun_signature(signing)}).encode()
        assert mailgun.events(WebhookCall(headers={}, body=body, now=NOW))

    resend = ResendWebhook.of(secret(secret=f"{whsec(b'old key')} {whsec(b'new key')}"))
    body = SENDERS["resend"].body("hard")
    for raw in (b"old key", b"new key"):
        assert resend.events(WebhookCall(headers=svix_headers(body, NOW, key=raw), body=body, now=NOW))


def test_one_right_signature_of_several_is_enough() -> None:
    body = SENDERS["resend"].body("hard")
    headers = svix_headers(body, NOW)
    wrong = svix_headers(body, NOW, key=b"another")["svix-signature"]
    several = headers | {"svix-signature": f"v2,abc {wrong} {headers['svix-signature']}"}
    assert SENDERS["resend"].webhook.events(WebhookCall(headers=several, body=body, now=NOW))
    with pytest.raises(InvalidSignature):
        SENDERS["resend"].webhook.events(WebhookCall(headers=headers | {"svix-signature": wrong}, body=body, now=NOW))


@pytest.mark.parametrize(
    ("name", "age", "believed"),
    [
        ("resend", timedelta(minutes=4), True),
        ("resend", timedelta(minutes=6), False),
        ("resend", timedelta(minutes=-6), False),
        ("sendgrid", timedelta(days=1), True),
        ("sendgrid", timedelta(days=8), False),
        ("sendgrid", timedelta(minutes=-14), True),
        ("sendgrid", timedelta(minutes=-16), False),
    ],
    ids=str,
)
def test_a_signature_grows_old(name: str, age: timedelta, believed: bool) -> None:
    call = SENDERS[name].call("hard", at=NOW - age)
    if believed:
        assert SENDERS[name].webhook.events(call)
    else:
        with pytest.raises(InvalidSignature, match="old"):
            SENDERS[name].webhook.events(call)


@pytest.mark.parametrize(
    ("age", "believed"),
    [
        (timedelta(hours=9), True),
        (timedelta(days=8), False),
        (timedelta(minutes=-14), True),  # clocks differ
        (timedelta(minutes=-16), False),
        (timedelta(days=-30), False),
    ],
    ids=str,
)
def test_signatures_that_stand_in_the_body_grow_old_too(age: timedelta, believed: bool) -> None:
    mailgun = SENDERS["mailgun"].tell("hard", TOKEN) | {"signature": mailgun_signature(at=NOW - age)}
    for name, told in (("mailgun", mailgun), ("ses", sns_envelope({"eventType": "Send"}, at=NOW - age))):
        call = WebhookCall(headers={}, body=json.dumps(told).encode(), now=NOW)
        if believed:
            assert SENDERS[name].webhook.events(call)
        else:
            with pytest.raises(InvalidSignature, match="old"):
                SENDERS[name].webhook.events(call)


@EACH
def test_what_is_told_again_has_the_same_id(name: str) -> None:
    call = SENDERS[name].call("hard")
    once, again = (SENDERS[name].webhook.events(call) for _ in range(2))
    assert [each.event_id for each in once] == [each.event_id for each in again]
    assert once[0].event_id != heard(name, "complained").event_id


def test_an_overheard_signature_of_mailgun_keeps_its_id_with_any_other_words() -> None:
    overheard = SENDERS["mailgun"].tell("delivered", TOKEN)
    forged = SENDERS["mailgun"].tell("complained", TOKEN) | {"signature": overheard["signature"]}
    one, other = (
        SENDERS["mailgun"].webhook.events(WebhookCall(headers={}, body=json.dumps(told).encode(), now=NOW))[0].event_id
        for told in (overheard, forged)
    )
    assert one == other


# --- ways of Brevo and Postmark


@pytest.mark.parametrize(
    ("keys", "headers"),
    [
        ({"token": "t"}, {"authorization": "bearer t"}),
        ({"user": "u", "password": "p"}, {"authorization": basic("u", "p")}),
        ({"header": "X-Secret", "value": "v"}, {"x-secret": "v"}),
    ],
    ids=["bearer", "basic", "header"],
)
def test_brevo_proves_itself_in_three_ways(keys: dict[str, str], headers: dict[str, str]) -> None:
    webhook = BrevoWebhook.of(secret(**keys))
    body = SENDERS["brevo"].body("hard")
    assert webhook.events(WebhookCall(headers=headers, body=body, now=NOW))
    for wrong in ({}, {name: value + "x" for name, value in headers.items()}):
        with pytest.raises(InvalidSignature):
            webhook.events(WebhookCall(headers=wrong, body=body, now=NOW))


def test_brevo_may_tell_several_at_once() -> None:
    several = [SENDERS["brevo"].tell("hard", "one"), SENDERS["brevo"].tell("delivered", "two")]
    call = WebhookCall(headers=SENDERS["brevo"].sign(b"", NOW), body=json.dumps(several).encode(), now=NOW)
    assert [event.token for event in SENDERS["brevo"].webhook.events(call)] == ["one", "two"]


@pytest.mark.parametrize(
    "header", ["", "Basic", "Basic !", "Basic cG9zdG1hcms6", "Bearer a pass:word", basic("postmark", "a pass")]
)
def test_postmark_needs_the_whole_password(header: str) -> None:
    call = replace(SENDERS["postmark"].call("hard"), headers={"authorization": header})
    with pytest.raises(InvalidSignature):
        SENDERS["postmark"].webhook.events(call)


# --- configuration


def test_only_configured_providers_are_opened() -> None:
    webhooks = {name: sender.keys for name, sender in SENDERS.items()}
    assert set(open_webhooks(Settings(feedback=FeedbackSettings(webhooks=webhooks)))) == set(PROVIDERS)
    assert open_webhooks(Settings()) == {}


@pytest.mark.parametrize(
    ("webhooks", "told"),
    [
        ({"sparkpost": {"key": "x"}}, "sparkpost"),
        ({"postmark": {"user": "u"}}, "user, password"),
        ({"postmark": {"user": "u", "password": ""}}, "user, password"),
        ({"mailgun": {"key": "x"}}, "signing_key"),
        ({"sendgrid": {"public_key": "not a key"}}, "public_key"),
        ({"resend": {"secret": "whsec_!"}}, "whsec_"),
        ({"ses": {"topics": "alerts"}}, "arn:aws:sns"),
        ({"brevo": {"token": "a", "header": "b"}}, "token or user, password or header, value"),
    ],
    ids=str,
)
def test_keys_that_make_no_sense_are_told_and_never_shown(webhooks: dict[str, dict[str, str]], told: str) -> None:
    keys = {name: {key: SecretStr(value) for key, value in each.items()} for name, each in webhooks.items()}
    with pytest.raises(ConfigurationError, match=r"feedback\.webhooks\.") as caught:
        open_webhooks(Settings(feedback=FeedbackSettings(webhooks=keys)))
    assert told in str(caught.value)
    assert "not a key" not in str(caught.value)

"""The sections of the configuration: each key, its type and its default."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, field_validator
from pydantic_settings import NoDecode

from trialalerts.clock import zone_names
from trialalerts.settings.values import (
    Clock24,
    Colour,
    Duration,
    Hours,
    Mailbox,
    Network,
    OptionalMailbox,
    Origin,
    Rate,
    Recipients,
    Size,
    WebUrl,
)

__all__ = [
    "ApiSettings",
    "BreakerSettings",
    "DatabaseSettings",
    "DeskSettings",
    "DigestSettings",
    "DkimSettings",
    "EditorSettings",
    "FeedbackSettings",
    "HandoffSettings",
    "HttpSettings",
    "LimitSettings",
    "LogSettings",
    "LookSettings",
    "MailSettings",
    "OperatorSettings",
    "RetentionSettings",
    "Section",
    "ServiceSettings",
    "SourceSettings",
    "TemplateSettings",
    "VocabularySettings",
    "WebSettings",
    "WebhookSettings",
]


class Section(BaseModel):
    """A table of the configuration: no key but those named, never changed once read."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, populate_by_name=True)


class ServiceSettings(Section):
    """Who runs the service, as people see it.

    ``received_keys`` are those by which other organisations hashed the suppressions that they handed over.
    """

    name: str = "Trial Alerts"
    discreet_name: str = ""
    base_url: WebUrl = "http://127.0.0.1:8080"
    postal_address: str = ""
    locale: str = "en"
    timezone: str = "UTC"
    contact: str = ""
    secret: SecretStr = SecretStr("")
    previous_secrets: tuple[SecretStr, ...] = ()
    received_keys: tuple[SecretStr, ...] = ()

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every secret by which something of ours may be signed or hashed; the one of today first."""
        return tuple(each.get_secret_value() for each in (self.secret, *self.previous_secrets))

    @property
    def hash_keys(self) -> tuple[str, ...]:
        """Every key by which an address may be hashed: our secrets, and keys that sign nothing."""
        return (*self.secrets, *(each.get_secret_value() for each in self.received_keys))

    @field_validator("timezone")
    @classmethod
    def _known(cls, value: str) -> str:
        if value != "UTC" and value not in zone_names():  # most keep to UTC: no command of theirs walks through all
            raise ValueError("a time zone of the IANA database such as Europe/London")
        return value


class DatabaseSettings(Section):
    """Where everything is stored."""

    url: SecretStr = SecretStr("sqlite:///var/trialalerts.db")


class LimitSettings(Section):
    """How fast mail may leave; None: without a limit. ``per_second`` may be a fraction (0.5: one every two seconds)."""

    per_second: float | None = Field(default=None, gt=0)
    per_day: int | None = Field(default=None, ge=1)
    connections: int | None = Field(default=None, ge=1)


class BreakerSettings(Section):
    """When sending stops by itself: shares of what was answered within ``window``, once that were ``at_least`` so many.

    Bounces are a share of the mails that were accepted or refused, complaints of those that were accepted.
    """

    bounce_rate: float = Field(default=0.05, gt=0, le=1)
    complaint_rate: float = Field(default=0.001, gt=0, le=1)
    window: Duration = timedelta(days=1)
    at_least: int = Field(default=20, ge=1)


class DkimSettings(Section):
    """One DKIM key: mails are signed with each of them. The key file is PEM, RSA or Ed25519."""

    domain: str = Field(min_length=1)
    selector: str = Field(min_length=1, pattern=r"^[A-Za-z0-9._-]+$")
    key_file: str = Field(min_length=1)


class MailSettings(Section):
    """How mail leaves.

    ``bounces`` is the mailbox that bounces come back to (``b@bounce.example.org``); each mail's own return address is
    made from it. ``limits`` hold for all mail, ``domains`` for that to one recipient domain. ``warm_up_from`` is the
    first day of a new sender, ``warm_up`` how many mails it may send on each of its first days. Where ``only_to`` names
    addresses or domains (``@staff.example.org``), mail to all others is held back.
    """

    url: SecretStr = SecretStr("file://var/outbox")
    sender: Mailbox = Field(default="Trial Alerts <alerts@localhost.localdomain>", alias="from")
    reply_to: str = ""
    unsubscribe_mailto: str = ""
    give_up_after: Duration = timedelta(days=3)
    batch: int = Field(default=500, ge=1, le=10_000)
    bounces: str = ""
    quiet_hours: Hours = ""
    limits: LimitSettings = LimitSettings()
    domains: dict[str, LimitSettings] = {}
    warm_up_from: date | Literal[""] = ""
    warm_up: tuple[int, ...] = (50, 100, 500, 1_000, 5_000, 10_000, 20_000, 40_000)
    breaker: BreakerSettings = BreakerSettings()
    dkim: tuple[DkimSettings, ...] = ()
    only_to: tuple[Recipients, ...] = ()


class FeedbackSettings(Section):
    """How bounces and complaints come back.

    ``mailbox`` is ``imaps://user:password@host/INBOX`` or ``maildir:///path``; ``webhooks`` holds for each provider
    the keys that its file in ``delivery/feedback`` names.
    """

    mailbox: SecretStr = SecretStr("")
    every: Duration = timedelta(minutes=5)
    webhooks: dict[str, dict[str, SecretStr]] = {}


def _patience(value: object) -> object:
    """Read one duration or a table of them; in the environment a table is JSON."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        with suppress(ValueError):
            value = json.loads(value)
    return value if isinstance(value, dict) else {"default": value}


class EditorSettings(Section):
    """What holds for the articles of editors: whether one leaves only when somebody approved it."""

    approval: bool = False


class DeskSettings(Section):
    """Who may come to the editors' desk under ``/desk`` (the role ``desk``): addresses, with names where you like.

    They come in by a link that is mailed to them. A name stands as the reviewer in articles that its editor approves.
    """

    editors: tuple[Mailbox, ...] = ()


class HandoffSettings(Section):
    """Who answers readers who are interested in a trial: the organisation's own nurse, say.

    Without an ``address`` there is no form for that. One reader may send ``per_person`` messages a day.
    """

    address: OptionalMailbox = ""
    per_person: int = Field(default=3, ge=1)


class OperatorSettings(Section):
    """Who hears of it when something stands still.

    ``address`` and ``apprise`` (URLs of further ways) are told what holds longer than ``tell_after``, one duration or a
    table of them by kind (``default`` for the others), and when it is over. ``daily_summary`` is a time of the day by
    ``service.timezone`` (``07:00``); empty: none.
    """

    address: OptionalMailbox = ""
    tell_after: Annotated[dict[str, Duration], NoDecode, BeforeValidator(_patience)] = {"default": timedelta(hours=6)}
    daily_summary: Clock24 = ""
    apprise: tuple[SecretStr, ...] = ()

    def patience(self, kind: str) -> timedelta:
        """Return how long a finding of ``kind`` holds before it is told."""
        return self.tell_after.get(kind, self.tell_after.get("default", timedelta(hours=6)))


class RetentionSettings(Section):
    """How long what is no more needed is kept: each period counts from the last thing that happened to it."""

    unconfirmed: Duration = timedelta(days=14)
    left: Duration = timedelta(days=30)
    bounced: Duration = timedelta(days=90)
    deliveries: Duration = timedelta(days=90)
    replies: Duration = timedelta(days=90)
    digests: Duration = timedelta(days=365)
    closed_trials: Duration = timedelta(days=365)
    audit: Duration = timedelta(days=730)
    webhook_calls: Duration = timedelta(days=30)


class LogSettings(Section):
    """How much is logged."""

    level: Literal["debug", "info", "warning", "error"] = "info"


class HttpSettings(Section):
    """How sources are asked."""

    allow_private_addresses: bool = False
    timeout: Duration = timedelta(seconds=30)
    max_body: Size = 50_000_000
    contact: str = ""


class WebSettings(Section):
    """Where the web pages listen.

    ``trusted_proxies`` are the addresses or networks whose ``X-Forwarded-For`` is believed. At most
    ``confirmations_per_hour`` mails an hour ask those for a confirmation who signed up there; others wait.
    ``/metrics`` answers to loopback, and to others who bring ``metrics_token`` as a bearer. The sites
    ``embed_origins`` may show ``/embed`` in a frame and send the sign-up form from pages of their own.
    """

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65_535)
    trusted_proxies: tuple[Network, ...] = ()
    confirmations_per_hour: int = Field(default=500, ge=1)
    metrics_token: SecretStr = SecretStr("")
    embed_origins: tuple[Origin, ...] = ()


class ApiSettings(Section):
    """What other programs may ask under ``/api/v1``.

    Off unless it is ``enabled``: what nobody uses is a door to look after, and whoever writes programs for it can say
    so. It reads nothing that the public pages do not show. One client may ask ``requests_per_minute`` times; pages of
    the sites ``allowed_origins`` may read it in their readers' browsers.
    """

    enabled: bool = False
    allowed_origins: tuple[Origin, ...] = ()
    requests_per_minute: int = Field(default=120, ge=1)


class WebhookSettings(Section):
    """How other programs are called (``trialalerts webhooks``).

    Where ``enabled`` is false nobody is called, and what is to be told waits. A call that is not taken is made again,
    after growing pauses, until these come to ``give_up_after``. Only public addresses are called, by https, unless
    ``allow_private_addresses`` and ``allow_http`` say otherwise; http to this machine itself needs the first only.
    """

    enabled: bool = True
    timeout: Duration = timedelta(seconds=15)
    give_up_after: Duration = timedelta(days=3)
    allow_private_addresses: bool = False
    allow_http: bool = False


class DigestSettings(Section):
    """What a digest holds, and how it looks.

    First digests wait ``wait_for_baseline`` at the longest for a source to be read to its end; beside what is open they
    show the articles of the last ``recent_articles``.
    A trial is told as new for ``new_trial_within`` after its registry posted it, an article for ``new_article_within``
    after its own date; what comes to us later is older than that. Only where ``condition_in_subject`` allows it do the
    areas stand in the subject for subscribers who chose that.
    """

    max_items: int = Field(default=12, ge=1, le=35)
    condition_in_subject: bool = True
    confirm_within: Duration = timedelta(days=7)
    wait_for_baseline: Duration = timedelta(hours=24)
    recent_articles: Duration = timedelta(days=30)
    new_trial_within: Duration = timedelta(days=60)
    new_article_within: Duration = timedelta(days=30)


class LookSettings(Section):
    """How mails and pages look beside their words.

    ``accent`` colours links, buttons and lines, ``accent_dark`` does so where a device is set to dark. ``logo`` is a
    file (PNG, JPEG or GIF) that stands in the place of the service's name. ``footer`` is one more line under mails.
    """

    accent: Colour = "#0b6470"
    accent_dark: Colour = "#7fd0d3"
    logo: str = ""
    footer: str = ""


class TemplateSettings(Section):
    """A folder whose templates win over the shipped ones; empty: none."""

    folder: str = ""


class VocabularySettings(Section):
    """Files of disease areas and of topics that take the place of the shipped ones; empty: the shipped ones.

    ``area_names`` is a folder of the areas' names in other languages (``de.toml``); its lines win over the shipped.
    """

    disease_areas: str = ""
    topics: str = ""
    area_names: str = ""


class SourceSettings(Section):
    """One source. Which further keys it may have depends on its kind, which reads them when the source is used.

    ``title`` is its name as readers see it; ``at_most`` is how often a second it is asked, None: as fast as it answers.
    """

    model_config = ConfigDict(extra="allow")

    name: str = Field(min_length=1, pattern=r"^[A-Za-z0-9_.-]+$")
    kind: str
    title: str = ""
    url: str = Field(default="", repr=False)
    every: Duration = timedelta(hours=6)
    at_most: Rate | None = None
    hold: bool = True

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """Leave out the further keys: which of them are secrets only the kind knows."""
        return ((name, value) for name, value in super().__repr_args__() if name in type(self).model_fields)

"""The configuration: read once, into one frozen :class:`Settings`.

``config/trialalerts.toml`` < ``.env`` < the environment (``TRIALALERTS_MAIL__URL=…``).
What is wrong is told in one line that names the key, what was found and what is expected.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from email.utils import parseaddr
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import available_timezones

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from trialalerts.errors import ConfigurationError, did_you_mean, nearest
from trialalerts.redaction import without_secrets

__all__ = [
    "BreakerSettings",
    "DatabaseSettings",
    "DigestSettings",
    "DkimSettings",
    "FeedbackSettings",
    "HttpSettings",
    "LimitSettings",
    "MailSettings",
    "ServiceSettings",
    "Settings",
    "SourceSettings",
    "TemplateSettings",
    "VocabularySettings",
    "WebSettings",
    "read_settings",
]

CONFIG_FILE = "config/trialalerts.toml"
_PREFIX = "TRIALALERTS_"
_NO_SETTING = re.compile("TRIALALERTS_(CONFIG|TEST_.*)")
_SECRET_KEYS = {"service.secret", "database.url", "mail.url", "feedback.mailbox"}
_SECRET_SECTIONS = ("feedback.webhooks.", "service.previous_secrets")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_SIZES = {"B": 1, "kB": 1_000, "MB": 1_000_000, "GB": 1_000_000_000}


def _duration(value: object) -> object:
    if isinstance(value, str) and (found := re.fullmatch(r"\s*(\d+)\s*([smhd])\s*", value)):
        return timedelta(**{_UNITS[found[2]]: int(found[1])})
    if isinstance(value, timedelta):
        return value
    raise ValueError("a duration such as 30s, 15m, 6h or 2d")


def _size(value: object) -> object:
    if isinstance(value, str) and (found := re.fullmatch(r"\s*(\d+)\s*(B|kB|MB|GB)\s*", value)):
        return int(found[1]) * _SIZES[found[2]]
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise ValueError("a size such as 500kB or 50MB")


def _web_url(value: object) -> object:
    if isinstance(value, str) and re.match(r"https?://[^/\s]+", value):
        return value.rstrip("/")
    raise ValueError("a web address that starts with https:// or http://")


def _hours(value: object) -> object:
    if value == "" or (
        isinstance(value, str) and re.fullmatch(r"([01]?\d|2[0-3]):[0-5]\d-([01]?\d|2[0-3]):[0-5]\d", value)
    ):
        return value
    raise ValueError("a span of hours such as 22:00-07:00, or nothing")


def _mailbox(value: object) -> object:
    if (
        isinstance(value, str)
        and re.fullmatch(r"[^@\s]+@[^@\s]+", parseaddr(value)[1])
        and not re.search(r"[\r\n]", value)
    ):
        return value
    raise ValueError("an address such as Trial Alerts <alerts@example.org>")


Duration = Annotated[timedelta, BeforeValidator(_duration)]
"""A span of time, written ``30s``, ``15m``, ``6h`` or ``2d``."""
Size = Annotated[int, BeforeValidator(_size)]
"""A number of bytes, written ``500kB`` or ``50MB``."""
WebUrl = Annotated[str, BeforeValidator(_web_url)]
Hours = Annotated[str, BeforeValidator(_hours)]
"""A span of local time, written ``22:00-07:00``; it may go over midnight."""
Mailbox = Annotated[str, BeforeValidator(_mailbox)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, populate_by_name=True)


class ServiceSettings(_Section):
    """Who runs the service, as people see it."""

    name: str = "Trial Alerts"
    base_url: WebUrl = "http://127.0.0.1:8080"
    postal_address: str = ""
    locale: str = "en"
    timezone: str = "UTC"
    contact: str = ""
    secret: SecretStr = SecretStr("")
    previous_secrets: tuple[SecretStr, ...] = ()

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every secret by which something of ours may be signed or hashed; the one of today first."""
        return tuple(each.get_secret_value() for each in (self.secret, *self.previous_secrets))

    @field_validator("timezone")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError("a time zone of the IANA database such as Europe/London")
        return value


class DatabaseSettings(_Section):
    """Where everything is stored."""

    url: SecretStr = SecretStr("sqlite:///var/trialalerts.db")


class LimitSettings(_Section):
    """How fast mail may leave; None: without a limit. ``per_second`` may be a fraction (0.5: one every two seconds)."""

    per_second: float | None = Field(default=None, gt=0)
    per_day: int | None = Field(default=None, ge=1)
    connections: int | None = Field(default=None, ge=1)


class BreakerSettings(_Section):
    """When sending stops by itself: shares of what was answered within ``window``, once that were ``at_least`` so many.

    Bounces are a share of the mails that were accepted or refused, complaints of those that were accepted.
    """

    bounce_rate: float = Field(default=0.05, gt=0, le=1)
    complaint_rate: float = Field(default=0.001, gt=0, le=1)
    window: Duration = timedelta(days=1)
    at_least: int = Field(default=20, ge=1)


class DkimSettings(_Section):
    """One DKIM key: mails are signed with each of them. The key file is PEM, RSA or Ed25519."""

    domain: str = Field(min_length=1)
    selector: str = Field(min_length=1, pattern=r"^[A-Za-z0-9._-]+$")
    key_file: str = Field(min_length=1)


class MailSettings(_Section):
    """How mail leaves.

    ``bounces`` is the mailbox that bounces come back to (``b@bounce.example.org``); each mail's own return address is
    made from it. ``limits`` hold for all mail, ``domains`` for that to one recipient domain. ``warm_up_from`` is the
    first day of a new sender, ``warm_up`` how many mails it may send on each of its first days.
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


class FeedbackSettings(_Section):
    """How bounces and complaints come back.

    ``mailbox`` is ``imaps://user:password@host/INBOX`` or ``maildir:///path``; ``webhooks`` holds for each provider
    the keys that its file in ``delivery/feedback`` names.
    """

    mailbox: SecretStr = SecretStr("")
    every: Duration = timedelta(minutes=5)
    webhooks: dict[str, dict[str, SecretStr]] = {}


class HttpSettings(_Section):
    """How sources are asked."""

    allow_private_addresses: bool = False
    timeout: Duration = timedelta(seconds=30)
    max_body: Size = 50_000_000
    contact: str = ""


class WebSettings(_Section):
    """Where the web pages listen."""

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65_535)


class DigestSettings(_Section):
    """What a digest holds, and how it looks.

    First digests wait ``wait_for_baseline`` at the longest for a source to be read to its end; beside what is open they
    show the articles of the last ``recent_articles``.
    A trial is told as new for ``new_trial_within`` after its registry posted it, an article for ``new_article_within``
    after its own date; what comes to us later is older than that.
    """

    max_items: int = Field(default=25, ge=1, le=35)
    condition_in_subject: bool = False
    confirm_within: Duration = timedelta(days=7)
    wait_for_baseline: Duration = timedelta(hours=24)
    recent_articles: Duration = timedelta(days=30)
    new_trial_within: Duration = timedelta(days=60)
    new_article_within: Duration = timedelta(days=30)


class TemplateSettings(_Section):
    """A folder whose templates win over the shipped ones; empty: none."""

    folder: str = ""


class VocabularySettings(_Section):
    """Files of disease areas and of topics that take the place of the shipped ones; empty: the shipped ones."""

    disease_areas: str = ""
    topics: str = ""


class SourceSettings(_Section):
    """One source; which keys it may have depends on its kind. ``title`` is its name as readers see it."""

    name: str = Field(min_length=1, pattern=r"^[A-Za-z0-9_.-]+$")
    kind: Literal["clinicaltrials_gov", "feed", "folder"]
    title: str = ""
    url: str = Field(default="", repr=False)
    path: str = ""
    every: Duration = timedelta(hours=6)
    overlap: Duration = timedelta(days=2)
    page_size: int = Field(default=500, ge=1, le=1_000)
    conditions: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    areas: tuple[str, ...] = ()
    hold: bool = True


class Settings(BaseSettings):
    """Everything that can be configured, read once and never changed."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX,
        env_nested_delimiter="__",
        env_ignore_empty=True,
        dotenv_filtering="match_prefix",
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    service: ServiceSettings = ServiceSettings()
    database: DatabaseSettings = DatabaseSettings()
    mail: MailSettings = MailSettings()
    feedback: FeedbackSettings = FeedbackSettings()
    http: HttpSettings = HttpSettings()
    web: WebSettings = WebSettings()
    digests: DigestSettings = DigestSettings()
    templates: TemplateSettings = TemplateSettings()
    vocabulary: VocabularySettings = VocabularySettings()
    sources: tuple[SourceSettings, ...] = ()

    @field_validator("sources")
    @classmethod
    def _each_name_once(cls, value: tuple[SourceSettings, ...]) -> tuple[SourceSettings, ...]:
        names = [source.name for source in value]
        for source in value:
            if names.count(source.name) > 1:
                raise ValueError(f"each name once, but {source.name} stands twice")
            if source.kind == "folder" and not source.path:
                raise ValueError(f"a path for the folder {source.name}")
            if source.kind != "folder" and not re.match(r"https?://[^/\s]+", source.url):
                raise ValueError(f"a url that starts with https:// for the source {source.name}")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources: the environment wins over ``.env``, which wins over the TOML file."""
        del file_secret_settings
        return init_settings, env_settings, dotenv_settings, TomlConfigSettingsSource(settings_cls)


def read_settings(config: Path | None = None, *, dotenv: Path = Path(".env")) -> Settings:
    """Read the configuration.

    Args:
        config: the TOML file, which must exist; by default ``$TRIALALERTS_CONFIG``, which must exist too,
            else ``config/trialalerts.toml``, which may be absent.
        dotenv: the ``.env`` file, which may be absent.

    Raises:
        ConfigurationError: a file cannot be read, or a key, type or value is wrong.
    """
    named = config or (Path(os.environ["TRIALALERTS_CONFIG"]) if os.environ.get("TRIALALERTS_CONFIG") else None)
    if named is not None and not named.is_file():
        raise ConfigurationError(f"{named}: there is no such file; write one with: trialalerts init")
    _refuse_unknown_variables(os.environ)

    class Configured(Settings):
        model_config = SettingsConfigDict(toml_file=named or Path(CONFIG_FILE), env_file=dotenv)

    try:
        return Configured()
    except ValidationError as error:
        raise ConfigurationError(_line(error)) from None
    except SettingsError as error:
        raise ConfigurationError(f"{error}: expected JSON where a list or a table is wanted") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{named or CONFIG_FILE}: this is not TOML: {error}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{named or CONFIG_FILE}: the configuration cannot be read: {error}") from None


def _refuse_unknown_variables(environment: Mapping[str, str]) -> None:
    """Find a misspelt section: pydantic-settings looks up the names it knows and never sees the others."""
    for name in environment:
        section = name.removeprefix(_PREFIX).partition("__")[0].lower()
        if name.startswith(_PREFIX) and not _NO_SETTING.fullmatch(name) and section not in Settings.model_fields:
            raise ConfigurationError(
                f"{name}: there is no section {section}.{did_you_mean(nearest(section, list(Settings.model_fields)))}"
            )


def _line(error: ValidationError) -> str:
    """Say the first fault in one line: the key, what was found, what is expected."""
    fault = error.errors(include_url=False)[0]
    *parents, last = fault["loc"]
    key = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        if not parents and "__" in key:  # that is how a variable of .env comes whose section is unknown
            key = f"{_PREFIX}{key.upper()} in .env"
        return f"{key}: there is no such key.{did_you_mean(nearest(str(last), _known_keys(parents)))}"
    if fault["type"] == "missing":
        return f"{key}: found nothing, expected a value"
    secret = key in _SECRET_KEYS or key.startswith(_SECRET_SECTIONS)
    shown = "a secret that is not shown" if secret else _shown(fault["input"])
    expected = fault["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    return f"{key}: found {shown}, expected {expected}"


def _shown(value: object) -> str:
    """Return a value as a line may show it: no user, password or query of an address, no inside of a table."""
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list | tuple):
        return "a list"
    return without_secrets(repr(value), *([value] if isinstance(value, str) else []))


def _known_keys(parents: Sequence[int | str]) -> list[str]:
    model: type[BaseModel] = Settings
    for part in parents:
        field = model.model_fields.get(str(part))
        inner = SourceSettings if isinstance(part, int) else field.annotation if field else None
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            model = inner
    return [field.alias or name for name, field in model.model_fields.items()]

"""Reading the configuration: the file, ``.env``, the environment.

``config/trialalerts.toml`` < ``.env`` < the environment (``TRIALALERTS_MAIL__URL=…``). Of sources it has all, or, for a
secret, keys of one that stands in the file: ``TRIALALERTS_SOURCES=[{"name": "nci", "api_key": "…"}]``.
What is wrong is told in one line that names the key, what was found and what is expected.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from trialalerts.errors import ConfigurationError, did_you_mean, nearest
from trialalerts.redaction import without_secrets
from trialalerts.settings.nudges import NudgeSettings
from trialalerts.settings.sections import (
    ApiSettings,
    DatabaseSettings,
    DeskSettings,
    DigestSettings,
    EditorSettings,
    FeedbackSettings,
    HandoffSettings,
    HttpSettings,
    LogSettings,
    LookSettings,
    MailSettings,
    OperatorSettings,
    RetentionSettings,
    ServiceSettings,
    SourceSettings,
    TemplateSettings,
    VocabularySettings,
    WebhookSettings,
    WebSettings,
)

__all__ = ["CONFIG_FILE", "Settings", "describe_fault", "read_settings"]

CONFIG_FILE = "config/trialalerts.toml"
_PREFIX = "TRIALALERTS_"
_NO_SETTING = re.compile("TRIALALERTS_(CONFIG|TEST_.*)")
_SECRET_KEYS = {"url", "api_key", "service.secret", "database.url", "mail.url", "feedback.mailbox", "web.metrics_token"}
"""The first two are a source's own."""
_SECRET_SECTIONS = ("feedback.webhooks.", "service.previous_secrets", "operator.apprise")


_Named = TypeVar("_Named", SourceSettings, NudgeSettings)


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
    api: ApiSettings = ApiSettings()
    webhooks: WebhookSettings = WebhookSettings()
    digests: DigestSettings = DigestSettings()
    look: LookSettings = LookSettings()
    templates: TemplateSettings = TemplateSettings()
    vocabulary: VocabularySettings = VocabularySettings()
    editors: EditorSettings = EditorSettings()
    desk: DeskSettings = DeskSettings()
    handoff: HandoffSettings = HandoffSettings()
    operator: OperatorSettings = OperatorSettings()
    retention: RetentionSettings = RetentionSettings()
    logs: LogSettings = LogSettings()
    nudges: tuple[NudgeSettings, ...] = ()
    sources: tuple[SourceSettings, ...] = ()

    @field_validator("sources", "nudges")
    @classmethod
    def _each_name_once(cls, value: tuple[_Named, ...]) -> tuple[_Named, ...]:
        names = [each.name for each in value]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"each name once, but {name} stands twice")
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
        return init_settings, env_settings, dotenv_settings, _SettingsFile(settings_cls)


class _SettingsFile(TomlConfigSettingsSource):
    """The TOML file; a source that the environment names without a kind is the file's one, with further keys."""

    def __call__(self) -> dict[str, Any]:
        """Return what the file says, and put its sources into what wins over it."""
        said = super().__call__()
        given, listed = self.current_state.get("sources"), said.get("sources")
        if isinstance(given, list) and any(isinstance(each, dict) and "kind" not in each for each in given):
            given[:] = _with_keys(listed if isinstance(listed, list) else [], given)
        return said


def _with_keys(listed: Sequence[Any], given: Sequence[Any]) -> list[Any]:
    """Return the sources of the file with the keys that are given to them by name, then those that are given whole."""
    keys = {each.get("name"): each for each in given if isinstance(each, dict) and "kind" not in each}
    found = [{**each, **keys.pop(each.get("name"), {})} if isinstance(each, dict) else each for each in listed]
    return [*found, *keys.values(), *(each for each in given if not (isinstance(each, dict) and "kind" not in each))]


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
        raise ConfigurationError(describe_fault(error, Settings)) from None
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


def describe_fault(error: ValidationError, model: type[BaseModel]) -> str:
    """Say the first fault in one line: the key, what was found, what is expected; ``model`` is what was to be read."""
    fault = error.errors(include_url=False)[0]
    *parents, last = fault["loc"]
    key = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        if not parents and "__" in key:  # that is how a variable of .env comes whose section is unknown
            key = f"{_PREFIX}{key.upper()} in .env"
        return f"{key}: there is no such key.{did_you_mean(nearest(str(last), _known_keys(model, parents)))}"
    if fault["type"] == "missing":
        return f"{key}: found nothing, expected a value"
    secret = key in _SECRET_KEYS or key.startswith(_SECRET_SECTIONS) or (parents[:1] == ["nudges"] and last == "url")
    shown = ("a secret that is not shown" if fault["input"] else "nothing") if secret else _shown(fault["input"])
    expected = fault["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    return f"{key}: found {shown}, expected {expected}"


def _shown(value: object) -> str:
    """Return a value as a line may show it: no user, password or query of an address, no inside of a table."""
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list | tuple):
        return "a list"
    return without_secrets(repr(value), *([value] if isinstance(value, str) else []))


def _known_keys(model: type[BaseModel], parents: Sequence[int | str]) -> list[str]:
    for part in parents:
        field = model.model_fields.get(str(part))
        listed = {"nudges": NudgeSettings}.get(str(parents[0]), SourceSettings)
        inner = listed if isinstance(part, int) else field.annotation if field else None
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            model = inner
    return [field.alias or name for name, field in model.model_fields.items()]

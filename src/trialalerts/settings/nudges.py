"""The section of the ways by which readers may be told that there is news, instead of by a mail."""

from __future__ import annotations

import re
from datetime import timedelta

from pydantic import Field, SecretStr, field_validator, model_validator

from trialalerts.settings.sections import Section
from trialalerts.settings.values import Duration

__all__ = ["NudgeSettings"]

_RECIPIENT = re.compile(r"(?=.*[A-Za-z0-9])[A-Za-z0-9._+@:!#~-]{1,100}")


class NudgeSettings(Section):
    """A way by which readers may be told that there is news, instead of by a mail.

    ``label`` is its name as readers see it. ``url`` is what Apprise takes, with ``{to}`` where what a reader types
    belongs: in its path or query, never where the host stands. ``to`` is the pattern that this has to fit, ``example``
    a text that does. A nudge that is not taken is tried again, after growing pauses, until these come to
    ``give_up_after``; then a mail tells it.
    """

    name: str = Field(min_length=1, max_length=40, pattern=r"^[a-z0-9-]+$")
    label: str = Field(min_length=1, max_length=60)
    url: SecretStr
    to: str = Field(min_length=1)
    example: str
    give_up_after: Duration = timedelta(hours=4)

    @field_validator("url")
    @classmethod
    def _to_nobodys_host(cls, value: SecretStr) -> SecretStr:
        scheme, mark, rest = value.get_secret_value().partition("://")
        host = re.split("[/?#]", rest, maxsplit=1)[0]
        if not mark or "{to}" in scheme + host or rest.count("{to}") != 1:
            raise ValueError("a URL of Apprise with {to} once in its path or query, such as ntfys://ntfy.sh/{to}")
        return value

    @field_validator("to")
    @classmethod
    def _a_pattern(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error:
            raise ValueError("a regular expression such as [A-Za-z0-9_-]{12,64}") from None
        return value

    @model_validator(mode="after")
    def _fits(self) -> NudgeSettings:
        if not self.takes(self.example):
            raise ValueError(f"an example that fits to = {self.to!r}, of letters, digits and . _ + @ : ! # ~ - only")
        return self

    def takes(self, recipient: str) -> bool:
        """Tell whether a text may be typed here; no sign that means something in a URL ever may."""
        return bool(_RECIPIENT.fullmatch(recipient) and re.fullmatch(self.to, recipient))

"""The error tree: one base, one class for each thing that a caller can act on.

A message is one line that names the thing, the value and the remedy, so that the
command line can print it as it is. :class:`ConfigurationError` stands outside the
base on purpose: code that records and survives a :class:`TrialAlertsError` (one broken
source, one bad record) must never swallow a wrong configuration.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

__all__ = [
    "AmbiguousRegion",
    "ConfigurationError",
    "DatabaseBehind",
    "DatabaseTooNew",
    "DatabaseUnavailable",
    "DatabaseUnusable",
    "InvalidInput",
    "NotFound",
    "SourceError",
    "TokenError",
    "TrialAlertsError",
    "UnknownArea",
    "UnknownRegion",
    "UnknownTopic",
    "did_you_mean",
    "nearest",
]


def nearest(word: str, known: Iterable[str], *, most: int = 2, likeness: int = 60) -> list[str]:
    """Return what somebody may have meant who wrote ``word``, in whatever case, the likeliest first.

    >>> nearest("recruting", ["recruiting", "completed"])
    ['recruiting']

    Args:
        word: what was written.
        known: what could have been meant.
        most: how many are returned at most.
        likeness: from 0 to 100; what is less like it is not returned.
    """
    from rapidfuzz.process import extract  # only a fault needs it

    found = extract(word, list(known), processor=str.casefold, limit=most, score_cutoff=likeness)
    return [match for match, _, _ in found]


def did_you_mean(choices: Sequence[str]) -> str:
    """Return `` Did you mean “a”, “b” or “c”?`` with a leading blank, or an empty string without choices.

    >>> did_you_mean(["asthma", "eczema"])
    ' Did you mean “asthma” or “eczema”?'
    """
    if not choices:
        return ""
    quoted = [f"“{choice}”" for choice in choices]
    listed = quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} or {quoted[-1]}"
    return f" Did you mean {listed}?"


class ConfigurationError(Exception):
    """The configuration is wrong: names the key, what was found and what is expected. The command line exits with 2."""


class TrialAlertsError(Exception):
    """The base of every error that TrialAlerts raises on purpose while it works. The command line exits with 1."""


class InvalidInput(TrialAlertsError):
    """Something typed makes no sense: names it and the nearest valid choices. The command line exits with 2."""


class NotFound(InvalidInput):
    """The thing that a person named (a subscriber, a digest, a source) does not exist."""


class UnknownArea(InvalidInput):
    """A text names no disease area of the vocabulary."""

    def __init__(self, text: str, choices: Sequence[str] = ()) -> None:
        self.text = text
        self.choices = tuple(choices)
        remedy = did_you_mean(choices) or " Look for one with: trialalerts areas search TEXT"
        super().__init__(f"No disease area is called “{text}”.{remedy}")


class UnknownTopic(InvalidInput):
    """A text names no topic."""

    def __init__(self, text: str, choices: Sequence[str] = ()) -> None:
        self.text = text
        self.choices = tuple(choices)
        remedy = did_you_mean(choices) or " Look for one with: trialalerts topics search TEXT"
        super().__init__(f"No topic is called “{text}”.{remedy}")


class UnknownRegion(InvalidInput):
    """A text names no region."""

    def __init__(self, text: str, choices: Sequence[str] = ()) -> None:
        self.text = text
        self.choices = tuple(choices)
        remedy = did_you_mean(choices) or " Look for one with: trialalerts regions search TEXT"
        super().__init__(f"No region is called “{text}”.{remedy}")


class AmbiguousRegion(InvalidInput):
    """A text names several regions of like weight; the choices are written so that each names one."""

    def __init__(self, text: str, choices: Sequence[str]) -> None:
        self.text = text
        self.choices = tuple(choices)
        super().__init__(f"“{text}” names several places.{did_you_mean(choices)}")


class TokenError(TrialAlertsError):
    """A signed link is broken, of another purpose, or too old."""


class DatabaseUnavailable(TrialAlertsError):
    """The database cannot be reached just now; the work in hand was rolled back and can be tried again."""


class DatabaseUnusable(TrialAlertsError):
    """The database does not work until somebody mends it (disk full, read-only, damaged); nothing is half written."""


class DatabaseBehind(TrialAlertsError):
    """The database is older than the program (or not set up): ``trialalerts database upgrade`` mends it."""


class DatabaseTooNew(TrialAlertsError):
    """The database was written by a newer program; this one must not touch it."""


class SourceError(TrialAlertsError):
    """A source could not be read; what was stored before stays, its cursor does not move.

    ``retry_after`` is the number of seconds the source asked to wait, where it did.
    """

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after

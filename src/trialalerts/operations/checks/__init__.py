"""The things that the doctor looks at, one file for each kind, and how each stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["DoctorCheck", "Level"]

Level = Literal["good", "look", "broken"]


@dataclass(frozen=True, kw_only=True)
class DoctorCheck:
    """One thing that was looked at: ``good``, worth a ``look``, or ``broken``; why it matters, and what mends it.

    ``what`` and ``why`` are clauses without a full stop, ``remedy`` says what to do, a command where there is one.
    """

    level: Level
    what: str
    remedy: str = ""
    why: str = ""

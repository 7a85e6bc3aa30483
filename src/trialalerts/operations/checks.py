"""A thing that the doctor looked at, and how it stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["DoctorCheck", "Level"]

Level = Literal["good", "look", "broken"]


@dataclass(frozen=True, kw_only=True)
class DoctorCheck:
    """One thing that was looked at: ``good``, worth a ``look``, or ``broken``; and what mends it."""

    level: Level
    what: str
    remedy: str = ""

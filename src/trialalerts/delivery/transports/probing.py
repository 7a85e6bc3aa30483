"""Trying a transport without sending: the seam, and what an answer can be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

__all__ = ["Probing", "TrialResult"]


@dataclass(frozen=True, kw_only=True)
class TrialResult:
    """What came of trying: it ``works``, does not, or nobody can tell (None); ``told`` says how, without secrets."""

    works: bool | None
    told: str


@runtime_checkable
class Probing(Protocol):
    """A transport that can be tried without sending anything."""

    def probe(self, *, seconds: float) -> TrialResult:
        """Connect, encrypt and log in, each step within so many ``seconds``, and hang up."""
        ...

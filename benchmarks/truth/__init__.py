"""How often what records, places and feeds say is understood and told as it is meant.

One module a theme: each has ``measure()``, which returns its figures with their targets. What stands in this folder is
found by itself; a module whose name begins with an underscore is none (shared helpers).
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable
from typing import Protocol, cast

from benchmarks.figures import Figure

__all__ = ["run", "themes"]


class _Theme(Protocol):
    """A module of this folder."""

    def measure(self) -> Iterable[Figure]:
        """Return the figures of the theme; one that says why there are none where the data is absent."""
        ...


def themes() -> list[str]:
    """Return the names of the themes, in the order of the alphabet."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))


def run() -> list[Figure]:
    """Measure all themes."""
    return [figure for theme in themes() for figure in _theme(theme).measure()]


def _theme(name: str) -> _Theme:
    return cast("_Theme", importlib.import_module(f"{__name__}.{name}"))

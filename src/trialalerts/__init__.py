"""TrialAlerts tells people by e-mail about clinical trials and research in their disease area, near them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["__version__", "modules_hidden"]

__version__ = "0.2.0"


@contextmanager
def modules_hidden(*names: str) -> Iterator[None]:
    """Let imports inside find that these modules are not installed; what is imported already is left alone.

    So a library does without what it takes in wherever it happens to be there.

    >>> with modules_hidden("antigravity"):
    ...     import antigravity
    Traceback (most recent call last):
    ModuleNotFoundError: import of antigravity halted; None in sys.modules
    """
    hidden = [name for name in names if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]  # Python's own mark for a module that is not there
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]

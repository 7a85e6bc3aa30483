"""The whereabouts of the files that ship with the program: templates and the curated vocabulary.

An installed wheel carries them inside the package (``_shipped/``); a checkout has them at its top.
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["shipped"]

_PACKAGE = Path(__file__).resolve().parent
_CHECKOUT = _PACKAGE.parent.parent


def shipped(relative: str) -> Path:
    """Return the path of a shipped file or folder such as ``templates/email``.

    Raises:
        FileNotFoundError: the installation is damaged: the file is in neither place.
    """
    for root in (_PACKAGE / "_shipped", _CHECKOUT):
        path = root / relative
        if path.exists():
            return path
    raise FileNotFoundError(f"{relative} is missing from this installation of TrialAlerts; install it again")

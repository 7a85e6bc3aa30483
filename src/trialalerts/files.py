"""Files: those that ship with the program, and those that nobody else on the machine may read.

An installed wheel carries templates and the curated vocabulary inside the package (``_shipped/``); a checkout has them
at its top.
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sqlalchemy import URL

__all__ = ["create_private", "make_folder", "private_paths", "shipped", "tighten", "wider"]

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


_FILE, _FOLDER, _OTHERS = 0o600, 0o700, 0o077


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it that are missing, for ourselves alone; what is there is left."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(mode=_FOLDER, exist_ok=True)
        each.chmod(_FOLDER)
    if not folder.is_dir():
        folder.mkdir()


def create_private(file: Path) -> None:
    """Make an empty file where there is none, and leave a file of ours readable to ourselves alone."""
    handle = os.open(file, os.O_WRONLY | os.O_CREAT, _FILE)
    try:
        if os.fstat(handle).st_uid == os.geteuid():
            os.fchmod(handle, _FILE)
    finally:
        os.close(handle)


def wider(path: Path) -> bool:
    """Tell whether others may read or write it."""
    return path.exists() and bool(path.stat().st_mode & _OTHERS)


def tighten(path: Path) -> bool:
    """Take away what others may do with a file or folder of our own; return whether there was anything."""
    if not wider(path) or path.stat().st_uid != os.geteuid():
        return False
    path.chmod(path.stat().st_mode & ~_OTHERS)
    return True


def private_paths(database: URL, mail: str) -> list[Path]:
    """Return the files and folders of this installation that hold addresses or secrets and are there.

    Args:
        database: where the database is; only SQLite's is a file.
        mail: ``mail.url``; only that of a folder is looked at.
    """
    paths = [Path(".env")]
    if database.get_backend_name() == "sqlite" and database.database:
        paths += [Path(f"{database.database}{end}") for end in ("", "-wal", "-shm")]
    url = urlsplit(mail)
    if url.scheme == "file" and url.netloc + url.path:
        paths.append(Path(unquote(url.netloc + url.path)))
    return [path for path in paths if path.exists()]

"""Links from the documentation into the source: on the site they are words, in the repository they lead there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parent.parent.parent
_DOCS = _ROOT / "docs"
_LINK = re.compile(r"\[([^\]]+)\]\((\.\./[^)#\s]+)(?:#[^)]*)?\)")


def on_page_markdown(markdown: str, *, page: Any, **_: object) -> str:
    """Take away links that leave the documentation for a file that is there; mkdocs warns of all others."""
    folder = (_DOCS / page.file.src_uri).parent

    def without(found: re.Match[str]) -> str:
        target = (folder / found[2]).resolve()
        outside = target.is_relative_to(_ROOT) and not target.is_relative_to(_DOCS) and target.exists()
        return found[1] if outside else found[0]

    return _LINK.sub(without, markdown)

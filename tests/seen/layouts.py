"""The layout of the main mails as boxes and colours: what is kept of them to compare with.

A picture differs from machine to machine by its fonts; so do heights. Where each block begins, how wide it is and which
colours it has do not: they come from the style sheet alone. ``python -m tests.seen.layouts`` writes them anew.
"""

from __future__ import annotations

import json
from pathlib import Path

from playwright.sync_api import Browser

from tests.seen.looking import LOOKS, chromium, window
from tests.seen.mails import MAILS

__all__ = ["KEPT", "layouts_of"]

KEPT = Path(__file__).parent / "layouts.json"
_CHOSEN = [
    "head", "body", "foot", "h1", "lead", "note", "group", "count", "card", "plain", "site", "who", "brief",
    "good", "news", "over", "calm",
]  # fmt: skip
_BOXES = """(chosen) => {
    const found = [];
    for (const each of document.querySelectorAll('td, h1, h2, p, div, span, table')) {
        const name = [...each.classList].find(one => chosen.includes(one));
        const box = each.getBoundingClientRect();
        if (!name || !box.width) continue;
        const style = getComputedStyle(each);
        const wide = each.tagName === 'SPAN' ? 0 : Math.round(box.width);  // a word is as wide as its font
        const line = [name, Math.round(box.left), wide, style.color, style.backgroundColor, style.fontSize].join(' ');
        if (!found.includes(line)) found.push(line);
    }
    return found;
}"""


def layouts_of(browser: Browser, name: str) -> dict[str, list[str]]:
    """Return the different blocks of a mail by width and look: class, left edge, width, colours, size of letters."""
    html = MAILS[name]().html or ""
    found = {}
    for width, scheme in LOOKS:
        with window(browser, width=width, scheme=scheme) as page:
            page.set_content(html)
            found[f"{width} {scheme}"] = page.evaluate(_BOXES, _CHOSEN)
    return found


def _write() -> None:
    for browser in chromium():
        kept = {name: layouts_of(browser, name) for name in MAILS}
        KEPT.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    _write()

"""How pages and mails are looked at: a real Chromium, axe-core's rules, the HTML standard's own parser."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import html5lib
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from tests.conftest import missing

__all__ = ["LOOKS", "arriving", "chromium", "html_faults", "serious_faults", "window"]

LOOKS = tuple((width, scheme) for width in (375, 1024) for scheme in ("light", "dark"))
"""A telephone and a desk, in light and in dark."""
_AXE = Axe()
_GRAVE = {"serious", "critical"}


def chromium() -> Iterator[Browser]:
    """The system's Chromium, to be yielded by a fixture of a module."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        missing("Chromium is not installed: apt-get install chromium")
        return
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def window(
    browser: Browser,
    *,
    base_url: str | None = None,
    width: int = 375,
    scheme: str = "light",
    locale: str = "en-GB",
    scripts: bool = True,
    strict: bool = False,
    timezone: str | None = None,
) -> Iterator[Page]:
    """A fresh window of a device in ``timezone``; ``strict`` keeps the page's own policy, which axe-core cannot."""
    context = browser.new_context(
        base_url=base_url,
        locale=locale,
        java_script_enabled=scripts,
        color_scheme="dark" if scheme == "dark" else "light",
        viewport={"width": width, "height": 812},
        reduced_motion="reduce",
        timezone_id=timezone,
        bypass_csp=not strict,  # axe-core is put into the page
    )
    yield context.new_page()
    context.close()


@contextmanager
def arriving(page: Page) -> Iterator[None]:
    """Wait for the next page, which what is done within leads to: neither a click nor a key waits for it by itself."""
    with page.expect_navigation():
        yield


def serious_faults(page: Page) -> list[str]:
    """Return what axe-core calls serious or critical on the page as it stands, one line for each rule."""
    found: Mapping[str, Any] = _AXE.run(page).response
    return [
        f"{each['id']}: {each['help']}: " + "; ".join(str(node["html"])[:160] for node in each["nodes"][:3])
        for each in found["violations"]
        if each["impact"] in _GRAVE
    ]


def html_faults(html: str) -> list[str]:
    """Return where a page leaves the HTML standard, as its own parsing algorithm sees it."""
    parser = html5lib.HTMLParser()
    parser.parse(html)
    lines = html.splitlines()
    found = parser.errors
    return [f"line {line}: {code} {values}: {lines[line - 1].strip()[:100]}" for (line, _), code, values in found]

"""What mails use of HTML and CSS: only what mail programs know, or what may be lost there without harm."""

from __future__ import annotations

import re
import tomllib
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.seen.mails import MAILS

TABLE = tomllib.loads((Path(__file__).parent / "mail_features.toml").read_text(encoding="utf-8"))
KNOWN = set(TABLE["everywhere"]) | {name for name in TABLE if name != "everywhere"}


class Features(HTMLParser):
    """Collects what a mail uses, in the names of the table."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.feed(re.sub(r"<!--\[if.*?<!\[endif\]-->", "", html, flags=re.DOTALL))  # for Outlook alone

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.add(f"<{tag}>")
        for name, value in attrs:
            self.found.add(f"[{name}]")
            if name == "style":
                self._declarations(value or "")

    def handle_data(self, data: str) -> None:
        if self.lasttag == "style" and "{" in data:
            self.found.update({"@media"} & set(re.findall(r"@[\w-]+", data)))
            self.found.update(set(re.findall(r"@[\w-]+", data)))
            for body in re.findall(r"\{([^{}]*)\}", data):
                self._declarations(body)

    def _declarations(self, text: str) -> None:
        self.found.update(name for name in re.findall(r"(?:^|;)\s*([\w-]+)\s*:", text))


@pytest.mark.parametrize("name", MAILS)
def test_a_mail_uses_only_what_does_no_harm_where_it_is_not_known(name: str) -> None:
    used = Features(MAILS[name]().html or "").found
    assert used <= KNOWN, f"{name}: say in mail_features.toml where these are lost: {sorted(used - KNOWN)}"


def test_each_loss_has_its_programs_and_its_reason() -> None:
    tables = {name: value for name, value in TABLE.items() if name != "everywhere"}
    assert all(each["lost"] and each["so"].endswith(".") for each in tables.values())
    assert not set(TABLE["everywhere"]) & set(tables)

"""The main mails beside how they were laid out before: blocks, edges, widths, colours, sizes of letters."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.seen.layouts import KEPT, layouts_of
from tests.seen.looking import chromium
from tests.seen.mails import MAILS

NEAR_ENOUGH = 2
"""Pixels: browsers round differently."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    yield from chromium()


@pytest.mark.parametrize("name", MAILS)
def test_a_mail_is_laid_out_as_it_was(browser: Browser, name: str) -> None:
    kept = json.loads(KEPT.read_text(encoding="utf-8"))[name]
    for look, blocks in layouts_of(browser, name).items():
        assert len(blocks) == len(kept[look]), look
        for now, was in zip(blocks, kept[look], strict=True):
            (block, left, width, *looks), (block_was, left_was, width_was, *looks_were) = now.split(), was.split()
            assert (block, looks) == (block_was, looks_were), look
            assert abs(int(left) - int(left_was)) <= NEAR_ENOUGH, (look, now, was)
            assert abs(int(width) - int(width_was)) <= NEAR_ENOUGH, (look, now, was)

"""The page for webmasters: its receiver is run as it stands there, and believes our calls and no others."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.hooks.stage import SETTINGS, add, call_all, open_trials, set_areas, states, wait_for
from trialalerts.clock import SystemClock
from trialalerts.database import Database
from trialalerts.hooks.events import EVENTS
from trialalerts.hooks.tables import CallState

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "how-to" / "webhooks.md").read_text("utf-8")


def answers(port: int) -> bool:
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


def test_the_receiver_of_the_page_believes_our_calls_and_no_others(sqlite_db: Database, tmp_path: Path) -> None:
    (code,) = re.findall(r"```python\n(.+?)```", PAGE, re.DOTALL)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    clock = SystemClock()
    set_areas(sqlite_db)
    name, secret = add(sqlite_db, f"http://127.0.0.1:{port}/hook", clock)
    heard = tmp_path / "heard"
    with heard.open("w") as out:
        receiver = subprocess.Popen(
            [sys.executable, "-c", code.replace("9000", str(port))], stdout=out, stderr=subprocess.DEVNULL,
            env={"WEBHOOK_SECRET": secret},
        )  # fmt: skip
    try:
        wait_for(lambda: answers(port))
        open_trials(sqlite_db, 2, clock.now())
        call_all(sqlite_db, clock, SETTINGS)
        assert states(sqlite_db) == [CallState.SENT, CallState.SENT]
        forged = urllib.request.Request(
            f"http://127.0.0.1:{port}/hook",
            data=b'{"type": "trial.changed", "data": {}}',
            headers={"webhook-id": "forged", "webhook-timestamp": str(int(clock.now().timestamp())),
                     "webhook-signature": "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4="},
        )  # fmt: skip
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(forged, timeout=120)
    finally:
        receiver.kill()
        receiver.wait()
    told = heard.read_text("utf-8")
    assert told.count(f"{name}-change-") == told.count("trial.changed") == 2
    assert "forged" not in told


def test_the_reference_has_each_event_and_each_field() -> None:
    page = (DOCS / "reference" / "webhooks.md").read_text("utf-8")
    for event, kind in EVENTS.items():
        assert f"`{event}`" in page
        assert [field for field in kind.data.model_fields if f"| `{field}` |" not in page] == []

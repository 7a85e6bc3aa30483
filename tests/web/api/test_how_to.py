"""The examples of docs/how-to/use-the-api.md: each question asked as it stands there, each program run."""

from __future__ import annotations

import re
import shlex
from typing import Any

import httpx
import pytest

from tests.conftest import REPOSITORY
from tests.web.api.described import BASE, ask, faults
from tests.web.conftest import SECRET, World
from tests.web.test_area_page import furnish
from tests.web.test_public_pages import write
from tests.web.test_trial_page import LEEDS, NOW, store_trial
from trialalerts.clock import FrozenClock
from trialalerts.operations.api_keys import SCOPES, add_key

PAGE = (REPOSITORY / "docs" / "how-to" / "use-the-api.md").read_text("utf-8")
SERVICE = "https://alerts.example.org"


@pytest.fixture(autouse=True)
def _now(clock: FrozenClock) -> None:
    NOW[:] = [clock.now()]


def blocks(language: str) -> list[str]:
    """Return the examples in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_each_question_of_curl_is_answered(world: World) -> None:
    furnish(world)
    write(world, 1)
    with world.db.write() as session:
        ms = store_trial(session, "NCT90000010", sites=(LEEDS,))
        ms.areas = {"direct": [{"id": "D009103", "in_title": True}], "ancestors": []}
        session.add(ms)
    asked = [shlex.split(line)[1] for block in blocks("sh") for line in block.splitlines() if line.startswith("curl ")]
    assert len(asked) == 6
    for url in asked:
        assert url.startswith(f"{SERVICE}{BASE}/")
        answer = world.client.get(url.removeprefix(SERVICE))
        assert answer.status_code == 200, url
        assert faults(answer) == [], url
        assert next(iter(answer.json().values())), f"{url} finds something"


def run(code: str, world: World) -> dict[str, Any]:
    """Run an example against the service of the test; return what it defines."""
    names: dict[str, Any] = {}
    exec(code.replace(SERVICE, world.server.url), names)  # noqa: S102 - it is our own page
    return names


def test_the_program_that_reads_gives_every_page(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    with world.db.write() as session:
        for number in range(25):
            each = store_trial(session, f"NCT900000{number:02}", sites=(LEEDS,), title=f"The {number}th")
            each.areas = {"direct": [{"id": "D009103", "in_title": True}], "ancestors": []}
            session.add(each)
    reading, _ = blocks("python")
    run(reading, world)
    printed = [line.split()[0] for line in capsys.readouterr().out.splitlines() if line.startswith("NCT")]
    assert sorted(printed) == [f"NCT900000{number:02}" for number in range(25)]


def test_the_program_that_signs_up_says_what_comes_or_what_is_wrong(world: World) -> None:
    with world.db.write() as session:
        key = add_key(session, SECRET, "website", SCOPES, rate=60, now=world.clock.now())
    _, signing_up = blocks("python")
    sign_up = run(signing_up, world)["sign_up"]
    agreed = ask(world, "/consent?lang=es").json()
    shown = sign_up(world.server.url, key, "ada@example.org", agreed)
    assert shown == sign_up(world.server.url, key, "ada@example.org", agreed)
    assert len(world.mails()) == 1
    (wrong,) = sign_up(world.server.url, key, "ada", agreed)
    assert "@" in wrong
    with pytest.raises(httpx.HTTPStatusError, match="401"):
        sign_up(world.server.url, "ta_wrong", "ada@example.org", agreed)


def test_the_commands_are_those_of_the_program() -> None:
    from typer.testing import CliRunner

    from trialalerts.cli.api_keys import app

    told = [line.split("#")[0].split() for block in blocks("sh") for line in block.splitlines() if "api-keys" in line]
    assert [words[2] for words in told] == ["add", "list", "revoke"]
    for words in told:
        answer = CliRunner().invoke(app, [words[2], "--help"])
        assert answer.exit_code == 0
        assert all(option in answer.output for option in words if option.startswith("--"))

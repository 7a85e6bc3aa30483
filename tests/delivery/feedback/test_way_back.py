"""The way back as an operator sees it: a mail leaves, its bounce arrives, nobody is mailed until it is lifted."""

from __future__ import annotations

import json

from tests.delivery.feedback.bounce_samples import sample
from tests.installation import Installation, Run
from trialalerts.clock import SystemClock
from trialalerts.delivery.mail.verp import return_address
from trialalerts.settings import read_settings


def test_a_bounce_comes_back_is_handled_and_lifted(installation: Installation, run: Run) -> None:
    maildir = installation.folder / "bounces"
    (maildir / "new").mkdir(parents=True)
    installation.configure(
        '[mail]\nbounces = "b@bounce.example.org"\n'
        f'[feedback]\nmailbox = "maildir://{maildir}"\n'
        '[[sources]]\nname = "editors"\nkind = "folder"\npath = "articles"\n'
    )
    (installation.folder / "articles").mkdir()
    who = "anna@example.org"
    assert run("subscribers", "add", who, "--area", "asthma", "--region", "anywhere",
                      "--frequency", "immediately", "--confirmed").done  # fmt: skip
    for name in ("first", "second"):
        _write_article(installation, name)
        assert run("sources", "poll").done
        printed = run("run", "--once").done
    assert "send: 1 sent" in printed
    assert "feedback: nothing to do" in printed

    settings = read_settings(installation.folder / "config" / "trialalerts.toml", dotenv=installation.folder / ".env")
    sent, *_ = json.loads(run("deliveries", "list", "--json").done)
    (maildir / "new" / "1").write_bytes(sample("postfix", return_address(settings, sent["id"])))
    assert "feedback: 1 heard" in run("run", "--once", "--roles", "send").done

    assert _shown(run, who)["state"] == "bounced"
    (suppression,) = json.loads(run("suppressions", "list", "--json").done)
    assert (suppression["reason"], suppression["detail"]) == ("bounced", "mailbox: 550 5.1.1")
    assert "gets digests again" in run("suppressions", "lift", who, "--yes").done
    assert _shown(run, who)["state"] == "active"
    assert json.loads(run("suppressions", "list", "--json").done) == []


def _write_article(installation: Installation, name: str) -> None:
    today = SystemClock().now().date()  # the commands go by the real clock, and an old article is no news
    text = f"---\ntitle: {name}\ndate: {today}\ncategories: [Asthma]\nurl: https://example.org/{name}\n---\nText."
    (installation.folder / "articles" / f"{name}.md").write_text(text, encoding="utf-8")


def _shown(run: Run, who: str) -> dict[str, str]:
    shown: dict[str, str] = json.loads(run("subscribers", "show", who, "--json").done)
    return shown

"""``trialalerts feedback classify``: what a mail is taken for, and why."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.delivery.feedback.mail_forms_prose import FORMS
from trialalerts.cli.main import main


def run(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main(["feedback", "classify", *words])
    assert ended.value.code == 0
    return capsys.readouterr().out


def written(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.write_text(text.replace("{to}", "b+x@bounce.example.org"))
    return str(path)


def test_a_mail_is_told_with_class_rule_and_evidence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = run(capsys, written(tmp_path, "a.eml", FORMS["postfix"].mail))
    assert out.splitlines()[1].split("\t")[1:5] == ["bounced", "invalid", "gone", "gone.unknown"]
    assert "user unknown" in out


def test_json_gives_one_entry_a_mail(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = [written(tmp_path, f"{name}.eml", FORMS[name].mail) for name in ("two_recipients", "gmail_spam", "human")]
    told = json.loads(run(capsys, *names, "--json"))
    assert [entry["file"] for entry in told] == names
    assert [(event["kind"], event["reason"], event["hard"], event["class"]) for event in told[0]["events"]] == [
        ("bounced", "invalid", True, "gone"),
        ("bounced", "bounced", False, "unwell"),
    ]
    assert [event["reason"] for event in told[1]["events"]] == ["blocked"]
    assert [(event["kind"], event["class"], event["rule"]) for event in told[2]["events"]] == [
        ("unknown", "none", "no.bounce")
    ]


def test_a_mail_without_any_recipient_is_read_as_if_sent_to_us(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mail = "\n".join(line for line in FORMS["opensmtpd"].mail.splitlines() if not line.startswith(("To:", "Delivered")))
    (entry,) = json.loads(run(capsys, written(tmp_path, "x", mail), "--json"))
    assert entry["events"][0]["class"] == "gone"


def test_an_mbox_and_a_list_of_replies_give_one_entry_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    box = "".join(f"From x Mon Mar  2 09:00:00 2026\n{FORMS[name].mail}\n\n" for name in ("postfix", "delayed"))
    replies = "550 5.1.1 no such user\n451 try later\n550 your IP is on a block list\n"
    names = [written(tmp_path, "box", box), written(tmp_path, "replies.txt", replies)]
    told = json.loads(run(capsys, *names, "--json"))
    assert [entry["file"].rpartition(":")[2] for entry in told] == ["1", "2", "1", "2", "3"]
    assert [entry["events"][0]["class"] for entry in told] == ["gone", "later", "gone", "later", "ours"]


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["feedback", "classify", str(tmp_path / "none.eml")])
    assert ended.value.code == 2
    assert "cannot be read: No such file" in capsys.readouterr().err

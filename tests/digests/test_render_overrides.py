"""The operator's own templates: they win file by file, and a broken one never costs a mail."""

from __future__ import annotations

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.digests.rendering_samples import NOW, both_ways, digest, entry, settings, subscriber, trial
from trialalerts.clock import FrozenClock
from trialalerts.delivery.mail.message import Message
from trialalerts.digests.rendering import MailRenderer


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    own = tmp_path / "mine" / "email"
    own.mkdir(parents=True)
    return own


def renderer(folder: Path) -> MailRenderer:
    return MailRenderer(settings(folder=folder.parent), FrozenClock(NOW))


def mail(of: MailRenderer) -> Message:
    return both_ways(of, digest(), [entry(trial(1))], subscriber(), [trial(1)])


def test_an_own_template_wins_and_the_others_stay(folder: Path) -> None:
    (folder / "footer.html.j2").write_text("<p>Our own footer for {{ service.name }}</p>\n")
    message = mail(renderer(folder))
    assert "Our own footer for Example Trial Alerts" in (message.html or "")
    assert "Our own footer" not in message.text
    assert trial(1).title in (message.html or "")


def test_an_own_style_is_written_into_the_shipped_templates(folder: Path) -> None:
    (folder / "style.css").write_text(".card { border-top: 3px solid #123456; }")
    assert "border-top:3px solid #123456" in (mail(renderer(folder)).html or "")


def test_an_own_template_may_build_on_the_shipped_letter(folder: Path) -> None:
    (folder / "digest.html.j2").write_text(
        '{% extends "letter.html.j2" %}\n{% block content %}<h1>Mine</h1>{{ cards|join }}{% endblock %}\n'
    )
    html = mail(renderer(folder)).html or ""
    assert ">Mine</h1>" in html
    assert trial(1).title in html


@pytest.mark.parametrize(
    ("name", "text", "line", "error"),
    [
        ("digest.html.j2", "<p>\n{% if %}\n</p>", 2, "Expected an expression"),
        ("digest.html.j2", "<p>\n\n{{ nothing_here }}</p>", 3, "'nothing_here' is undefined"),
        ("card_trial.html.j2", '<p\n  class="card">\n{{ card.colour }}</p>', 3, "has no attribute 'colour'"),
        ("footer.html.j2", "<p>\n{{ 1 / 0 }}</p>", 2, "ZeroDivisionError"),
        ("footer.html.j2", "<p>{% include 'missing.j2' %}</p>", 1, "missing.j2"),
        ("digest.txt.j2", "Hello {{ t('no.such.phrase') }}", 1, "KeyError"),
        ("card_trial.txt.j2", "{{ card.title", 1, "unexpected end of template"),
        ("card_trial.html.j2", '<p>\n<a {% if 1 %}href="x"{% endif %}>y</a></p>', 2, 'between "quotes"'),
    ],
)
def test_a_broken_template_is_named_with_its_line_and_the_shipped_one_used(
    folder: Path, name: str, text: str, line: int, error: str
) -> None:
    (folder / name).write_text(text)
    of = renderer(folder)
    with capture_logs() as logs:
        message = mail(of)
        assert mail(of).html == message.html
    (told,) = logs
    assert told["event"] == "template.broken"
    assert told["line"] == line
    assert error in told["error"]
    assert Path(told["template"]) == folder / name
    assert trial(1).title in (message.html or "")
    assert trial(1).title in message.text
    assert of.templates.faults == [(str(folder / name), line, told["error"])]


def test_a_fault_in_some_mails_only_leaves_the_own_template_to_the_others(folder: Path) -> None:
    (folder / "card_trial.txt.j2").write_text(
        "Mine: {{ {'Inventitis': 1}[card.title] if position == 1 else position }}\n"
    )
    items = [trial(1), trial(2)]
    message = both_ways(renderer(folder), digest(), [entry(item) for item in items], subscriber(), items)
    assert trial(1).title in message.text
    assert "Mine: 2" in message.text


def test_a_check_finds_what_does_not_compile_before_any_mail(folder: Path) -> None:
    (folder / "confirmation.txt.j2").write_text("fine\n{% endfor %}")
    with capture_logs():
        ((file, line, what),) = renderer(folder).templates.check()
    assert (Path(file).name, line) == ("confirmation.txt.j2", 2)
    assert "endfor" in what


def test_a_folder_that_is_not_there_changes_nothing(tmp_path: Path) -> None:
    message = mail(renderer(tmp_path / "nowhere" / "email"))
    assert trial(1).title in message.text

"""The operator's own templates: they win file by file, and a broken one never costs a mail."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest
from structlog.testing import capture_logs

from tests.digests.rendering_samples import (
    NOW,
    both_ways,
    digest,
    entry,
    reason,
    settings,
    shared_mail,
    subscriber,
    told,
    trial,
)
from trialalerts.catalog.tables import Item
from trialalerts.clock import FrozenClock
from trialalerts.delivery.mail.message import Message
from trialalerts.digests.entries import Entry, Reason
from trialalerts.digests.rendering.renderer import MailRenderer
from trialalerts.digests.rendering.templates import Templates
from trialalerts.operations.checks.settings import templates_checked


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


OWN_LETTER = (
    '{% extends "letter.html.j2" %}\n{% block content %}<h1>Mine</h1>{% cards %}{% endblock %}\n'
    '{% block footer %}<a href="{% personal preferences_url %}{{ preferences_url }}{% endpersonal %}">change</a>\n'
    '<a href="{% personal unsubscribe_url %}{{ unsubscribe_url }}{% endpersonal %}">leave</a>{% endblock %}\n'
)


def test_an_own_template_may_build_on_the_shipped_letter(folder: Path) -> None:
    (folder / "digest.html.j2").write_text(OWN_LETTER)
    of = renderer(folder)
    html = mail(of).html or ""
    assert of.templates.faults == []
    assert ">Mine</h1>" in html
    assert trial(1).title in html


def test_own_templates_may_need_one_another(folder: Path) -> None:
    (folder / "digest.html.j2").write_text(OWN_LETTER.replace("letter.html.j2", "frame.html.j2"))
    (folder / "frame.html.j2").write_text(
        "<html>{% block content %}{% endblock %}{% block footer %}{% endblock %}</html>"
    )
    of = renderer(folder)
    assert (mail(of).html or "").startswith("<html>")
    assert of.templates.faults == []


@pytest.mark.parametrize(
    ("name", "text", "line", "error"),
    [
        ("digest.html.j2", "<p>\n{% if %}\n</p>", 2, "Expected an expression"),
        ("digest.html.j2", "<p>\n\n{{ nothing_here }}</p>", 3, "'nothing_here' is undefined"),
        ("card_trial.html.j2", '<p\n  class="card">\n{{ card.colour }}</p>', 3, "has no attribute 'colour'"),
        ("footer.html.j2", "<p>\n{{ 1 / 0 }}</p>", 2, "ZeroDivisionError"),
        ("footer.html.j2", "<p>{% include 'missing.j2' %}</p>", 1, "missing.j2"),
        ("digest.txt.j2", "Hello {{ t('no.such.phrase') }}", 1, "KeyError"),
        ("card_trial.txt.j2", "{{ card.number", 1, "unexpected end of template"),
        ("card_trial.html.j2", '<p>\n<a {% if 1 %}href="x"{% endif %}>y</a></p>', 2, 'between "quotes"'),
    ],
)
def test_a_broken_template_is_named_with_its_line_and_the_shipped_one_used(
    folder: Path, name: str, text: str, line: int, error: str
) -> None:
    (folder / name).write_text(text)
    with capture_logs() as logs:
        of = renderer(folder)
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
        "Mine: {{ {'x': 1}[card.number] if 'part 1' in card.first[0].text else card.number }}\n"
    )
    items = [trial(1), trial(2)]
    with capture_logs():
        message = shared_mail(renderer(folder), digest(), [entry(item) for item in items], subscriber(), items)
    assert trial(1).title in message.text
    assert f"Mine: {trial(2).external_id}" in message.text


def test_a_block_that_fails_on_one_readers_words_leaves_the_own_template_to_the_others(folder: Path) -> None:
    (folder / "card_trial.html.j2").write_text(
        "<p>Mine {% personal spot %}\n{{ 1 // 0 if 'Badville' in spot else 'fine' }}{% endpersonal %}</p>\n"
    )
    of = renderer(folder)
    with capture_logs():
        good, bad, again = (
            shared_mail(of, digest(), [changed(trial(1), reason(nearest=where))], subscriber(), [trial(1)])
            for where in ("Leeds", "Badville", "York")
        )
    assert "Mine" in (good.html or "")
    assert "Mine" in (again.html or "")
    assert "Mine" not in (bad.html or "")
    assert "Badville" in (bad.html or "")
    assert of.templates.faults == [(str(folder / "card_trial.html.j2"), 2, "ZeroDivisionError")]


INSIDE = [
    "{{ spot|map('upper')|join }}",
    "{{ spot|length }}",
    "{{ spot[0][:5] }}",
    "{{ spot[0]|truncate(30) }}",
    "{{ (spot|join ~ ', really')|truncate(90) }}",
    "{{ spot|join|safe }}",
    "{{ spot|join|e|e }}",
    "{{ spot|join|forceescape }}",
    "{{ spot|join|wordwrap(20) }}",
    "{{ spot|join|urlencode }}",
    "{{ spot|join|replace('You', 'We') }}",
    "{{ spot|join|striptags }}",
    "{{ spot|tojson }}",
    "{{ spot|join|urlize }}",
    "{{ spot|join|title }}",
    "{{ spot|sort|join(', ') }}",
    "{{ '%s, really'|format(spot|join) }}",
    "{{ 'yes' if 'km' in spot|join else 'no' }}",
    "{{ spot == '12 km from you' }}",
    "{% for sign in spot|join %}{{ sign }}.{% endfor %}",
    "{{ t('group.near', area=spot|join, place='York') }}",
    "{{ wrap(wrap(spot|join ~ ' and more', '  '), '    ') }}",
    "{% filter upper %}{{ spot|join }}{% endfilter %}",
    "{% set mine = spot|join %}{{ mine }}",
    "{% include 'footer.txt.j2' %}",
]


@pytest.mark.parametrize("use", INSIDE)
@pytest.mark.parametrize("name", ["card_trial.html.j2", "card_trial.txt.j2"])
def test_an_own_block_may_do_anything_with_the_words_that_it_names(folder: Path, name: str, use: str) -> None:
    use = use.replace("txt", name.split(".")[1])
    block = f"{{% personal spot %}}{{% if spot %}}{use}{{% endif %}}{{% endpersonal %}}"
    (folder / name).write_text(f"<p>Mine {block} {{{{ card.number }}}}</p>\n")
    of = write_to_three_readers(folder)
    assert of.templates.faults == []


@pytest.mark.parametrize("name", ["card_trial.html.j2", "card_trial.txt.j2"])
@pytest.mark.parametrize(
    "body",
    ["{{ spot }}", "a & {{ spot }} <i>{{ trial_url }}?x=1</i> {{ spot }}", "Nothing of theirs.", "\n\n {{ spot }}\n"],
)
def test_a_block_of_words_and_text_is_cut_at_the_words(folder: Path, name: str, body: str) -> None:
    (folder / name).write_text(
        f"Mine {{% personal spot, trial_url %}}{body}{{% endpersonal %}} {{{{ card.number }}}}\n"
    )
    of = write_to_three_readers(folder)
    assert of.templates.faults == []
    cut = of.templates.run(name, {"card": TrialCardLike("NCT90000001")})
    assert [slot.names[0] for slot in cut.slots] == re.findall(r"\{\{ (\w+)", body)
    assert all(slot.template is None for slot in cut.slots)


OLD_GROUPS = {
    "group.html.j2": (
        '<div id="{% personal anchor %}{{ anchor }}{% endpersonal %}">{% personal heading, foreign %}'
        "{{ heading|marked(foreign) }}{% endpersonal %}{% personal stop_url %}{% if stop_url %} · "
        '<a href="{{ stop_url }}">{{ t("group.stop") }}</a>{% endif %}{% endpersonal %}</div>\n'
    ),
    "group.txt.j2": (
        "{% personal heading, detail %}{{ heading|upper }} ({{ detail }}){% endpersonal %}\n"
        "{% personal stop_url %}{% if stop_url %}{{ stop_url }}{% endif %}{% endpersonal %}\n"
    ),
}


def test_own_headings_that_ask_whether_there_is_a_link_to_stop_work_as_before(folder: Path) -> None:
    for name, text in OLD_GROUPS.items():
        (folder / name).write_text(text)
    of = renderer(folder)
    message = mail(of)
    (link,) = re.findall(r'href="([^"]+/stop/[^"]+)"', message.html or "")
    assert link in message.text
    assert of.templates.faults == []


def test_a_filter_is_no_word_of_the_same_name(folder: Path) -> None:
    (folder / "own.txt.j2").write_text("{% personal subject, title %}{{ subject|title }}{% endpersonal %}")
    templates = Templates(folder)
    part = templates.cut("own.txt.j2", {"lang": "en"}, {})
    assert templates.fill(part, {"subject": "one line", "title": "another"}).text == "One Line"


def test_what_is_html_is_escaped_however_its_ending_is_spelled(folder: Path) -> None:
    (folder / "Box.HTML.J2").write_text("{% personal spot %}<b>{{ spot }}</b>{% endpersonal %}")
    templates = Templates(folder)
    part = templates.cut("Box.HTML.J2", {"lang": "en"}, {})
    assert templates.fill(part, {"spot": "<i>&"}).text == "<b>&lt;i&gt;&amp;</b>"


class TrialCardLike(NamedTuple):
    """All that an own template above reads of a card."""

    number: str


def changed(item: Item, *because: Reason) -> Entry:
    """Return an entry whose town stands beside the chip."""
    return entry(item, told("eligibility_changed"), reasons=because)


def write_to_three_readers(folder: Path) -> MailRenderer:
    of = renderer(folder)
    items = [trial(1), trial(2)]
    for nearest in ("Tom & Jerry", "<b>Ann</b> www.example.org", "Leeds"):
        because = [reason(nearest=nearest), reason(preference_id=2, area_name="Otheritis " * 9)]
        both_ways(
            of,
            digest(),
            [entry(item, told("eligibility_changed"), reasons=because) for item in items],
            subscriber(),
            items,
        )
    return of


SPOT = "{% personal spot %}{{ spot|join }}{% endpersonal %}"


@pytest.mark.parametrize(
    ("use", "error"),
    [
        ("{{ spot|join }}", "'spot' is undefined"),
        ("{{ sentence }}", "'sentence' is undefined"),
        ("{{ unsubscribe_url }}", "'unsubscribe_url' is undefined"),
        ("{% personal spot %}{{ card.number }}{% endpersonal %}", "'card' is undefined"),
        ("{% personal spot %}{{ spot }}{{ sentence }}{% endpersonal %}", "'sentence' is undefined"),
        ("{% personal spot %}{{ page }}{% endpersonal %}", "'page' is undefined"),
        ("{% personal nobody %}{{ nobody }}{% endpersonal %}", "'nobody' is undefined"),
        ("{% for note in card.notes %}{% personal spot %}{{ note.text }}{% endpersonal %}{% endfor %}", "'note'"),
        (f"{{% filter upper %}}{SPOT}{{% endfilter %}}", "may stand in"),
        (f"{{% set x %}}{SPOT}{{% endset %}}{{{{ x|length }}}}", "may stand in"),
        (f"{{% macro m() %}}{SPOT}{{% endmacro %}}{{{{ m() }}}}", "may stand in"),
        (
            f"{{% macro m() %}}{{{{ caller() }}}}{{% endmacro %}}{{% call m() %}}{SPOT}{{% endcall %}}",
            "may stand in",
        ),
        ("{% filter upper %}{% include 'changes.html.j2' %}{% endfilter %}", "may stand in"),
        ("{% with %}{% personal spot %}{{ spot }}{% endpersonal %}{% endwith %}", "may stand in"),
        ("{% personal spot %}{% personal sentence %}{% endpersonal %}{% endpersonal %}", "no such tag"),
        ("{% personal spot %}{% cards %}{% endpersonal %}", "no such tag"),
        ("{% personal spot %}{% block x %}{% endblock %}{% endpersonal %}", "no such tag"),
        ("{% personal %}{% endpersonal %}", "expected token 'name'"),
        ("{% personal spot %}", "Unexpected end"),
    ],
)
@pytest.mark.parametrize("name", ["card_trial.html.j2", "card_trial.txt.j2"])
def test_personal_words_elsewhere_are_refused_with_file_and_line(folder: Path, name: str, use: str, error: str) -> None:
    (folder / name).write_text(f"<p>Mine</p>\n{use}\n")
    with capture_logs():
        of = write_to_three_readers(folder)
    ((file, line, what),) = of.templates.faults
    assert (Path(file), line) == (folder / name, 2)
    assert error in what


@pytest.mark.parametrize(
    "caught",
    [
        "{{ self.spot()|upper }}",
        "{{ self.spot()|length }}",
        "{{ self.spot()|truncate(60) }}",
        "{{ self.spot()|wordwrap(60) }}",
    ],
)
def test_whatever_changes_what_a_tag_wrote_is_refused(folder: Path, caught: str) -> None:
    text = f"{{% if not card %}}{{% block spot %}}{SPOT}{{% endblock %}}{{% endif %}}<p>Mine {caught}</p>\n"
    (folder / "card_trial.html.j2").write_text(text)
    with capture_logs():
        of = write_to_three_readers(folder)
        html = mail(of).html or ""
    assert [Path(file) for file, _, _ in of.templates.faults] == [folder / "card_trial.html.j2"]
    assert "Mine" not in html


@pytest.mark.parametrize("ending", ["html.j2", "txt.j2"])
@pytest.mark.parametrize("missing", ["unsubscribe_url", "preferences_url", "cards"])
def test_a_letter_without_its_links_or_cards_is_refused(folder: Path, ending: str, missing: str) -> None:
    links = [f"{{% personal {n} %}}{{{{ {n} }}}}{{% endpersonal %}}" for n in ("unsubscribe_url", "preferences_url")]
    parts = [part for part in ("{% cards %}", *links) if missing not in part]
    (folder / f"digest.{ending}").write_text("\n".join(["<p>Mine</p>", *parts]))
    with capture_logs():
        of = renderer(folder)
    ((file, _, what),) = of.templates.faults
    assert Path(file) == folder / f"digest.{ending}"
    assert missing in what
    message = mail(of)
    assert "Mine" not in (message.html or "") + message.text
    assert "/unsubscribe/" in message.text


@pytest.mark.parametrize("ending", ["html.j2", "txt.j2"])
@pytest.mark.parametrize("use", ["{% cards %}{% cards %}", "{% for x in 1, 2 %}{% cards %}{% endfor %}", "{{ cards }}"])
def test_cards_stand_in_a_letter_once(folder: Path, ending: str, use: str) -> None:
    links = [f"{{% personal {n} %}}{{{{ {n} }}}}{{% endpersonal %}}" for n in ("unsubscribe_url", "preferences_url")]
    (folder / f"digest.{ending}").write_text("\n".join([use, *links]))
    with capture_logs():
        assert [Path(fault[0]).name for fault in renderer(folder).templates.faults] == [f"digest.{ending}"]


def test_a_confirmation_without_its_link_is_refused(folder: Path) -> None:
    (folder / "confirmation.txt.j2").write_text("Please confirm.\n")
    with capture_logs():
        of = renderer(folder)
    assert "/confirm/" in of.confirmation(subscriber(), [1]).text
    assert [(Path(file).name, what[:11]) for file, _, what in of.templates.faults] == [
        ("confirmation.txt.j2", "confirm_url")
    ]


def test_of_several_own_files_only_the_one_at_fault_is_refused(folder: Path) -> None:
    (folder / "footer.html.j2").write_text("<p>Our own footer</p>\n")
    (folder / "changes.html.j2").write_text("<p>{{ card.color }}</p>\n")
    (folder / "digest.html.j2").write_text("<p>no links</p>{% cards %}\n")
    with capture_logs():
        of = renderer(folder)
    assert [Path(file).name for file, _, _ in of.templates.faults] == ["changes.html.j2", "digest.html.j2"]
    assert "Our own footer" in (mail(of).html or "")


def test_doctor_tells_the_file_and_the_line_before_any_mail(folder: Path) -> None:
    (folder / "confirmation.txt.j2").write_text("fine\n{% endfor %}")
    (folder / "brief.html.j2").write_text("<p>\n{{ card.titel }}</p>\n")
    with capture_logs():
        found = list(templates_checked(settings(folder=folder.parent)))
    assert [check.level for check in found] == ["broken", "broken"]
    assert f"{folder / 'confirmation.txt.j2'}, line 2: " in found[0].what
    assert "endfor" in found[0].what
    assert f"{folder / 'brief.html.j2'}, line 2: " in found[1].what
    assert all("the shipped one is used" in check.what for check in found)


def test_a_folder_that_is_not_there_changes_nothing(tmp_path: Path) -> None:
    message = mail(renderer(tmp_path / "nowhere" / "email"))
    assert trial(1).title in message.text

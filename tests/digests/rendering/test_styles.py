"""Styles written into templates: tags stay where they stood, and what would be lost is refused."""

from __future__ import annotations

import pytest
from jinja2 import Environment, TemplateSyntaxError

from trialalerts.digests.rendering.styles import with_styles


def rendered(source: str, css: str = "", **values: object) -> str:
    return Environment(autoescape=True).from_string(with_styles(source, css)).render(values)


def test_a_loop_between_the_rows_of_a_table_stays_there() -> None:
    source = "<table>{% for x in xs %}<tr><td class='a'>{{ x }}</td></tr>{% endfor %}</table>"
    html = rendered(source, ".a { color: red; }", xs=[1, 2])
    assert html.count('<tr><td style="color:red">') == 2
    assert html.index("<table>") < html.index("1") < html.index("2") < html.index("</table>")


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ('<p>{{ x["a b"] }}</p>', "<p>&lt;3</p>"),
        ("<p>{% if 1 < 2 and 3 > 2 %}yes{% endif %}</p>", "<p>yes</p>"),
        ("<a href=\"{{ x['a b'] }}\">y</a>", '<a href="&lt;3">y</a>'),
        ('<p class="{% if x %}b{% endif %}">y</p>', '<p class="b">y</p>'),
        ("<p>{# a remark with <tags> #}y</p>", "<p>y</p>"),
        ("<p>a > b {{ 1 }}</p>", "<p>a &gt; b 1</p>"),
        ("<html><head><title>{{ 1 }}{% if x %}!{% endif %}</title></head><body>y</body></html>", "<title>1!</title>"),
    ],
)
def test_tags_come_back_as_they_were_written(source: str, shown: str) -> None:
    assert shown in rendered(source, x={"a b": "<3"})


def test_a_condition_around_an_attribute_is_refused_with_its_line() -> None:
    with pytest.raises(TemplateSyntaxError, match="between") as refused:
        with_styles('<p>\n<a {% if x %}href="y"{% endif %}>y</a></p>', "")
    assert refused.value.lineno == 2


def test_rules_for_screens_stay_in_the_head_and_their_classes_in_the_elements() -> None:
    css = "/* a > b */ .a { color: red; } .b { margin: 0; } @media (max-width: 9px) { .a { color: blue; } }"
    page = '<html><head><link rel="stylesheet" href="style.css"></head><body><p class="a b">y</p></body></html>'
    html = with_styles(page, css)
    assert '<p class="a" style="color:red;margin:0">' in html
    assert "@media (max-width: 9px)" in html
    assert "<link" not in html
    assert "a > b" not in html

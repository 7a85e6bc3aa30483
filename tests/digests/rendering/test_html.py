"""The HTML part: whole, safe, small, accessible, and nothing in it comes from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.digests.rendering_samples import (
    EVERY_KIND,
    NOW,
    article,
    entry,
    facts,
    mail,
    reason,
    settings,
    subscriber,
    told,
    trial,
)
from trialalerts.catalog.facts import Contact, PartialDate
from trialalerts.catalog.tables import Item
from trialalerts.clock import FrozenClock
from trialalerts.delivery.mail.message import Message
from trialalerts.digests.cards.text import one_line, shortened
from trialalerts.digests.entries import Entry
from trialalerts.digests.rendering.renderer import MailRenderer
from trialalerts.digests.rendering.styles import coloured
from trialalerts.files import shipped
from trialalerts.settings import LookSettings
from trialalerts.settings.contrast import ENOUGH, contrast, too_faint

VOID = {"meta", "br", "link", "img", "hr", "input"}
LIMIT = 60_000
CHIPS = (".good", ".news", ".over", ".calm")
ON_PAPER = (".head", ".foot", ".lead", ".count", ".chiprow", ".was", ".plain", ".who", ".quiet", ".source")
GHOST_TABLE = (
    '<!--[if mso]><table role="presentation" width="600" cellpadding="0" cellspacing="0" border="0">'
    "<tr><td><![endif]-->"
)
GHOST_TABLE_END = "<!--[if mso]></td></tr></table><![endif]-->"
"""What gives the letter its width in Outlook, which knows no max-width."""
SCRIPT = '<script>alert("x")</script> & 🧪 <img src=x onerror=y> שלום עולם {{ 7 * 7 }} {% x %}'


class Tree(HTMLParser):
    """Reads HTML strictly: every element is closed, in order; keeps elements, attributes and text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.links: dict[str, str] = {}
        self._link: str | None = None
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        assert len(dict(attrs)) == len(attrs), f"an attribute of {tag} stands twice"
        if tag not in VOID:
            self.open.append(tag)
        if tag == "a":
            self._link = dict(attrs).get("href")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        self._link = None if tag == "a" else self._link

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data
        if self._link:
            self.links[self._link] = self.links.get(self._link, "") + data

    def attributes(self, name: str) -> list[str]:
        return [attributes[name] or "" for _, attributes in self.elements if name in attributes]


def everything(locale: str = "en") -> Message:
    items = [trial(1, title=SCRIPT), trial(2), article(50), article(51, title=SCRIPT)]
    happened = [told(kind) for kind in EVERY_KIND]
    entries = [entry(items[0], one) for one in happened] + [entry(item) for item in items[1:]]
    return mail(items, entries, locale=locale)


def confirmation(locale: str = "en") -> Message:
    return MailRenderer(settings(), FrozenClock(NOW)).confirmation(subscriber(locale), [1])


@pytest.mark.parametrize("locale", ["en", "de", "fr", "es"])
@pytest.mark.parametrize("write", [everything, confirmation], ids=["digest", "confirmation"])
def test_the_html_is_well_formed_says_its_language_and_lays_out_with_silent_tables(
    write: Callable[[str], Message], locale: str
) -> None:
    tree = Tree(write(locale).html or "")
    by_tag = dict(tree.elements)
    assert by_tag["html"]["lang"] == locale
    assert by_tag["html"]["dir"] == "ltr"
    tables = [attributes for tag, attributes in tree.elements if tag == "table"]
    assert tables
    assert all(attributes["role"] == "presentation" for attributes in tables)
    assert [tag for tag, _ in tree.elements if tag == "h1"] == ["h1"]
    assert {"name": "color-scheme", "content": "light dark"} in [dict(attributes) for _, attributes in tree.elements]


@pytest.mark.parametrize("write", [everything, confirmation], ids=["digest", "confirmation"])
def test_nothing_is_fetched_from_elsewhere_and_nothing_runs(write: Callable[[str], Message]) -> None:
    html = write("en").html or ""
    tree = Tree(html)
    tags = {tag for tag, _ in tree.elements}
    assert not tags & {"img", "script", "iframe", "object", "embed", "link", "form", "video", "audio", "svg", "base"}
    assert not re.search(r"url\(|@import|@font-face", html)
    assert set(re.findall(r"<!--.*?-->", html)) == {GHOST_TABLE, GHOST_TABLE_END}
    assert not set(tree.attributes("src") + tree.attributes("background") + tree.attributes("srcset"))
    for link in tree.attributes("href"):
        assert link.startswith(("https://", "mailto:", "tel:"))
    assert not [name for _, attributes in tree.elements for name in attributes if name.startswith("on")]


def test_markup_in_a_title_is_shown_and_never_obeyed() -> None:
    message = everything()
    tree = Tree(message.html or "")
    shown = " ".join(SCRIPT.split())
    assert tree.text.count(shown) == len(EVERY_KIND) + 1
    assert shown in " ".join(message.text.split())
    assert "<script" not in (message.html or "")


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "data:text/html,x", 'https://x" onclick="y', "", "ftp://x/y"]
)
def test_an_address_that_is_no_web_page_is_no_link(address: str) -> None:
    item = trial(1, url=address)
    message = mail([item])
    tree = Tree(message.html or "")
    assert address not in tree.links
    assert item.external_id not in tree.links.values()
    assert "javascript" not in message.text


@hypothesis.settings(deadline=None, max_examples=60)
@given(st.text(st.characters(codec="utf-8"), max_size=400))
def test_any_title_arrives_in_both_parts(title: str) -> None:
    item = trial(1, title=title)
    message = mail([item])
    shown = one_line(title, 300) or "A trial without a title"
    assert shown in Tree(message.html or "").text
    assert shown in " ".join(message.text.split())


@given(st.text(), st.integers(2, 50))
def test_a_title_on_one_line_is_clean_and_no_longer_than_allowed(title: str, limit: int) -> None:
    line = one_line(title)
    assert one_line(line) == line
    assert not re.search("[\x00-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff]|  ", line)
    assert len(one_line(title, limit)) <= limit
    assert len(shortened(title, limit)) <= limit


def test_a_summary_ends_with_a_sentence_where_it_can_and_with_a_word_where_not() -> None:
    assert shortened("One two three. Four five six seven.", 20) == "One two three."
    assert shortened("One. Two three four five six seven.", 20) == "One. Two three four…"
    assert shortened("Short.", 20) == "Short."


def test_a_hebrew_title_keeps_its_direction_to_itself() -> None:
    item = trial(1, title="\u202eמחקר בדיוני\u202c")
    tree = Tree(mail([item]).html or "")
    (title,) = [attributes for tag, attributes in tree.elements if tag == "span" and "dir" in attributes]
    assert title["dir"] == "auto"
    assert "מחקר בדיוני" in tree.text


def test_words_of_the_registry_are_marked_as_english_in_a_german_mail() -> None:
    item = trial(1)
    change = told("eligibility_changed", before={"criteria": "- One"}, after={"criteria": "- Two"})
    tree = Tree(mail([item], [entry(item, change)], locale="de").html or "")
    marked = [tag for tag, attributes in tree.elements if attributes.get("lang") == "en"]
    assert marked == ["span", "span", "span"], "both criteria and the title"


def _worst_case(sign: str) -> tuple[list[Item], list[Entry]]:
    contact = Contact(name=f"{sign} " * 60, phone="+49 30 1234567890", email="e" * 60 + "@example.org")
    known = facts(
        contacts=(contact,) * 3,
        sponsor=f"{sign} " * 100,
        phases=("PHASE2", "PHASE3"),
        last_verified=PartialDate(value="2020-01", precision="month"),
    )
    items = [
        trial(n, title=f"{sign}{sign} " * 150, summary=f"{sign}{sign} lang " * 90, told=known, url=_long_link(n))
        for n in range(1, 60)
    ]
    because = [
        reason(
            preference_id=n,
            label=f"{n}{sign * 50}",
            area_name=sign * 90,
            through_name=sign * 90,
        )
        for n in range(6)
    ]
    happened = [
        told("eligibility_changed", before={"criteria": f"{sign} " * 300}, after={"criteria": f"- {sign} x" * 300}),
        told("site_opened"),
        told("results_posted"),
    ]
    return items, [entry(item, *happened, reasons=because) for item in items]


def _long_link(number: int) -> str:
    return f"https://registry.example.org/{number}/" + "u" * 500


@pytest.mark.parametrize("sign", ["x", "Ω", "🧪"])
@pytest.mark.parametrize("locale", ["en", "de"])
def test_the_worst_digest_stays_below_what_gmail_clips_and_still_shows_cards(sign: str, locale: str) -> None:
    items, entries = _worst_case(sign)
    message = mail(items, entries, locale=locale, of=settings(digests={"max_items": 35}))
    size = len((message.html or "").encode())
    assert size <= LIMIT
    shown = [number for number, item in enumerate(items) if (item.external_id or "") in (message.html or "")]
    assert shown == list(range(len(shown))), "the best ones"
    assert (message.html or "").count('class="card"') >= 1
    left = len(items) - len(shown)
    assert left > 0
    assert re.search(rf"\b{left} (more|weitere)\b", message.text), "none is left out in silence"


def test_a_mail_of_many_trials_shows_the_nearest_and_counts_the_others() -> None:
    items = [trial(number, summary="This made-up study asks something. " * 8) for number in range(1, 125)]
    message = mail(items)
    html = message.html or ""
    assert html.count('class="card"') == 1
    assert html.count('class="brief"') == 4
    for part in (message.text, Tree(html).text):
        assert "and 119 more for Inventitis" in part
    assert len(html.encode()) <= LIMIT


def test_a_group_has_five_cards_and_fifteen_lines_and_a_mail_twelve_cards() -> None:
    items = [trial(number) for number in range(1, 61)]
    because = [reason(preference_id=1 + number // 15, area_name=f"Area {number // 15}") for number in range(60)]
    message = mail(items, [entry(item, reasons=[why]) for item, why in zip(items, because, strict=True)])
    html = message.html or ""
    assert html.count('class="card"') == 12
    assert [html.split('class="group"')[n].count('class="card"') for n in range(1, 5)] == [5, 5, 2, 0]
    assert len(html.encode()) <= LIMIT


def test_the_style_of_each_element_is_in_the_element_and_the_rest_in_the_head() -> None:
    html = everything().html or ""
    head = html[: html.index("</head>")]
    assert re.findall(r"@media \((.*?)\)", head) == ["max-width: 480px", "prefers-color-scheme: dark"]
    assert head.index("charset") < 100
    assert html.count("<style") == 1
    for tag, attributes in Tree(html).elements:
        if tag in {"p", "h1", "h2", "h3", "td", "a", "li"} and attributes.get("role") != "presentation":
            assert attributes.get("style"), (tag, attributes)


def _style() -> str:
    """Return the shipped styles in the colours that nobody changed."""
    return coloured((Path(shipped("templates/email")) / "style.css").read_text(encoding="utf-8"), LookSettings())


def _parts(css: str) -> tuple[str, str]:
    """Return what holds in the light, and what in the dark."""
    light, _, rest = css.partition("@media (max-width: 480px)")
    return light, rest.partition("@media (prefers-color-scheme: dark)")[2][2:]


def _rules(css: str) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for selectors, body in re.findall(r"([^{}]+)\{([^{}]*)\}", re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)):
        declared = dict(part.split(":", 1) for part in body.split(";") if ":" in part)
        clean = {name.strip(): value.replace("!important", "").strip() for name, value in declared.items()}
        for selector in selectors.split(","):
            found.setdefault(selector.strip(), {}).update(clean)
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_enough_contrast_with_what_is_behind_it(scheme: str) -> None:
    light, dark = _parts(_style())
    rules = _rules(light if scheme == "light" else dark)
    paper, block = rules[".letter"]["background-color"], rules[".site"]["background-color"]
    link = rules["a" if scheme == "light" else ".link"]["color"]
    heading = rules["h1" if scheme == "light" else ".h1"]["color"]
    pairs = [(rules[".ground"]["color"], ground) for ground in (paper, rules[".ground"]["background-color"])]
    pairs += [(text, ground) for text in (link, rules[".sitein"]["color"]) for ground in (paper, block)]
    pairs += [(rules[name]["color"], rules[name]["background-color"]) for name in CHIPS]
    pairs += [(rules[name]["color"], paper) for name in ON_PAPER]
    pairs += [(heading, paper), (rules[".notein"]["color"], rules[".note"]["background-color"])]
    pairs += [(rules[".button-link"]["color"], rules[".button"]["background-color"])]
    for text, behind in pairs:
        assert contrast(text, behind) >= ENOUGH, (text, behind)


def test_every_class_with_a_colour_has_one_for_the_dark() -> None:
    light, dark = map(_rules, _parts(_style()))
    coloured = {name for name, declared in light.items() if name.startswith(".") and "color" in str(declared)}
    assert coloured <= set(dark)


@pytest.mark.parametrize(
    ("look", "keys"),
    [
        ({}, []),
        ({"accent": "#7a1fa2"}, []),
        ({"accent": "#ff9900"}, ["look.accent"]),
        ({"accent_dark": "#0b6470"}, ["look.accent_dark"]),
        ({"accent": "#FFFFFF", "accent_dark": "#000000"}, ["look.accent", "look.accent_dark"]),
    ],
)
def test_colours_that_cannot_be_read_are_named(look: dict[str, str], keys: list[str]) -> None:
    assert [key for key, _ in too_faint(LookSettings(**look))] == keys


def test_the_operators_colours_and_line_stand_in_the_mail() -> None:
    look = LookSettings(accent="#7a1fa2", accent_dark="#d9b3ff", footer="Charity number 000000")
    message = mail([trial(1)], of=settings(look=look))
    html = message.html or ""
    assert "#7a1fa2" in html
    assert "#d9b3ff" in html
    assert "#0b6470" not in html
    assert "#7fd0d3" not in html
    assert "Charity number 000000" in html
    assert "Charity number 000000" in message.text

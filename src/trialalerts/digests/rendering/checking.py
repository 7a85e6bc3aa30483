"""The trial of own templates: each is run on samples, shared by many readers and for one at once.

An own template must never make a wrong mail. It is refused, and the shipped one used, where it fails, where it says
something else to one reader than to many, or where a letter lacks its cards or its links.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import TemplateError, TemplateRuntimeError
from markupsafe import Markup

from trialalerts.digests.asides.note import Note, NoteLink
from trialalerts.digests.cards.card import ArticleCard, Brief, Fact, Lay, TrialCard
from trialalerts.digests.cards.changes import ChangeNote, Quote
from trialalerts.digests.cards.sites.asking import Ask, Places
from trialalerts.digests.cards.sites.contacts import ContactLine
from trialalerts.digests.cards.trial_wording import Point
from trialalerts.digests.cards.wording import Wordings
from trialalerts.digests.entries import EntryChange
from trialalerts.digests.notices.notice import Notice, NoticeGroup, NoticeLink
from trialalerts.digests.notices.passages import Passage, Run
from trialalerts.digests.plain import Piece
from trialalerts.digests.rendering.slots import CARDS
from trialalerts.digests.rendering.templates import TemplateFault, Templates, common_words
from trialalerts.settings import ServiceSettings, Settings

__all__ = ["check_templates", "refuse_broken"]

_LANGUAGES = ("en", "de", "fr", "es")
_PADDINGS = (0, 100)
_FINISHED = {CARDS: Markup("<p>cards</p>")}


def check_templates(settings: Settings) -> list[TemplateFault]:
    """Return what is wrong with the operator's templates: file, line where it is known, and what it is."""
    folder = Path(settings.templates.folder) / "email" if settings.templates.folder else None
    templates = Templates(folder, settings.look)
    refuse_broken(templates, Wordings(folder, default=settings.service.locale), settings.service)
    return templates.faults


def refuse_broken(templates: Templates, wordings: Wordings, service: ServiceSettings) -> None:
    """Try the operator's templates, and refuse those that are at fault."""
    for name in templates.own_files:
        try:
            templates.compile(name)
        except (TemplateError, OSError, UnicodeDecodeError) as error:
            templates.record(templates.located(error, name, {}))
            templates.refuse(name)
    for sample in _samples(wordings, service) if templates.own_files else ():
        while templates.uses_own(sample.name) and (wrong := sample.fault(templates)) is not None:
            fault = sample.located(templates, wrong)
            guilty = _guilty(templates, sample, fault)
            if guilty is None:
                break
            templates.record(fault if Path(fault[0]).name == guilty else (_own(templates, guilty), None, fault[2]))
            templates.refuse(guilty)


def _guilty(templates: Templates, sample: _Sample, fault: TemplateFault) -> str | None:
    """Return the own file without which the sample is written: the one where the fault is, else the first that is."""
    names = templates.own_files
    named = [name for name in names if fault[0] == _own(templates, name)]
    for name in (*named, *names):
        templates.refuse(name)
        mended = sample.fault(templates) is None
        templates.allow(name)
        if mended:
            return name
    return next(iter([*named, *names]), None)


def _own(templates: Templates, name: str) -> str:
    return str(templates.own_folder / name) if templates.own_folder else name


@dataclass(frozen=True, kw_only=True)
class _Sample:
    """What a template is tried with; the values of ``needed`` must be read in what it writes."""

    name: str
    common: Mapping[str, Any]
    shared: Mapping[str, Any]
    own: Mapping[str, Any]
    needed: tuple[str, ...]

    def fault(self, templates: Templates) -> Exception | None:
        """Return what is wrong; None: nothing."""
        try:
            self._try(templates)
        except Exception as error:  # noqa: BLE001 - a template may do anything
            return error
        return None

    def located(self, templates: Templates, error: Exception) -> TemplateFault:
        """Return where a fault is."""
        shared = templates.located(error, self.name, {**self.common, **self.shared})
        return shared if shared[1] is not None else templates.located(error, self.name, self._all(), eager=True)

    def _all(self) -> dict[str, Any]:
        return {**self.common, **self.shared, **self.own, **_FINISHED}

    def _try(self, templates: Templates) -> None:
        written = templates.at_once(self.name, self._all())
        for padding in _PADDINGS:
            cut = templates.run(self.name, {**self.common, **self.shared}, padding=padding)
            filled = [_FINISHED[slot.part] if slot.part else slot.write(self.common, self.own) for slot in cut.slots]
            if "".join([text for pair in zip(cut.texts, [*filled, ""], strict=True) for text in pair]) != written:
                raise TemplateRuntimeError("it writes something else for many readers than for one alone")
            if self.name.startswith("digest") and [slot.part for slot in cut.slots].count(CARDS) != 1:
                raise TemplateRuntimeError("{% cards %} must stand in it once")
        for name in self.needed:
            if str(self._all()[name]) not in written:
                raise TemplateRuntimeError(f"{name} is not in it: nobody may be without that link")


def _samples(wordings: Wordings, service: ServiceSettings) -> Iterator[_Sample]:
    for words in map(wordings.of, _LANGUAGES):
        common = common_words(words, service)
        for stem, shared, own, needed in _TRIED:
            for ending in ("html.j2", "txt.j2"):
                yield _Sample(name=f"{stem}.{ending}", common=common, shared=shared, own=own, needed=needed)


_ODD = "A <b>bold</b> “claim” & more"
_NOTE = ChangeNote(
    kind="closed",
    tone="over",
    text=_ODD,
    points=(Point("Age:", "1", "2"),),
    quotes=(Quote(label="Reason given:", text=_ODD),),
)
_NEAR = ChangeNote(kind="site_opened", tone="good", text="New site open: Leeds", near=True)
_CALM = ChangeNote(kind="standing", tone="calm", text="In preparation")
_NEWS = ChangeNote(kind="registered", tone="news", text="New trial")
_TRIAL = TrialCard(
    number="NCT99900001",
    url="https://alerts.example.org/trials/NCT99900001",
    registry_url="https://registry.example.org/1",
    chip=_NEAR,
    notes=(_NEAR, _NOTE, _NEWS),
    first=(Piece(_ODD * 5), Piece(_ODD, "en")),
    second=(Piece(_ODD),),
    who=Fact(label="Who can join:", text="18 to 65 years"),
    facts=("Planned start: March 2026", _ODD),
    places=Places(state="open"),
    near=EntryChange(kind="site_opened"),
    then=_ODD,
    lay=Lay("de", _ODD, "The register’s own words:", _ODD),
)
_BARE_TRIALS = tuple(
    TrialCard(
        number="",
        url=None,
        registry_url=None,
        chip=chip,
        notes=(),
        first=(Piece("A trial without a title"),),
        places=Places(state=state),
    )
    for chip, state in ((_CALM, "none"), (_NOTE, "unlisted"), (_NEWS, "open"))
)
_ARTICLE = ArticleCard(
    title=_ODD,
    url="https://news.example.org/1",
    lang="de",
    byline="Example News · 2 March 2026",
    chip=_NOTE,
    notes=(_NOTE,),
    paragraphs=(_ODD, _ODD),
    then=_ODD,
)
_BARE_ARTICLE = ArticleCard(title="An article", url=None, lang="", byline="")
_CONTACTS = (
    ContactLine(name="Office", phone="1", email="a@example.org", tel="1", mailto="a@example.org"),
    ContactLine(name="", phone="1", email="not an address", tel=None, mailto=None, extension="5", note="(here)"),
)
_PERSONAL: tuple[Mapping[str, Any], ...] = (
    {
        "spot": "Leeds, 12 km",
        "chip": _ODD,
        "sentence": _ODD * 3,
        "place": Ask(_ODD, "12 km away", "Ask:", _CONTACTS, _ODD),
        "others": "also York (40 km)",
        "why": "Names a trial that you follow: NCT90000001",
        "trial_url": "https://alerts.example.org/follow/1",
    },
    {
        "spot": "",
        "chip": "",
        "sentence": "",
        "place": None,
        "others": "",
        "why": "",
        "trial_url": "https://alerts.example.org/f/2",
    },
    {
        "spot": "",
        "chip": "",
        "sentence": "",
        "place": Ask("", "", "", (), _ODD),
        "others": "",
        "why": "",
        "trial_url": "",
    },
)
_LINES = (
    Brief(
        chip=_NOTE,
        url="https://registry.example.org/1",
        registry_url="https://registry.example.org/1",
        number="NCT99900001",
        first=(Piece(_ODD * 4, "en"),),
        lang="en",
        details=(_ODD, "ended"),
    ),
    Brief(
        chip=_NEAR,
        url=None,
        registry_url=None,
        number="",
        first=(Piece("A trial"),),
        lang="",
        near=EntryChange(kind="site_opened"),
    ),
    Brief(chip=None, url=None, registry_url=None, number="", first=(Piece(_ODD, ""),), lang=""),
)
_LINKS = {
    "digest_url": "https://alerts.example.org/digests/d",
    "earlier_url": "https://alerts.example.org/preferences/p#mails",
    "preferences_url": "https://alerts.example.org/preferences/p",
    "unsubscribe_url": "https://alerts.example.org/unsubscribe/u",
}
_SAID = {
    "subject": "Your trial update: 2 new",
    "title": "2 new near you",
    "foreign": ("new",),
    "preview": "What is new",
    "intro": "and 17 changes since 21 November.",
    "notes": (
        Note("Too much?", _ODD, (NoteLink(_ODD, "https://alerts.example.org/preferences/p?edit=1&step=any", ": 9"),)),
        Note("", "Another note"),
    ),
    "how_often": "It comes once a week at most.",
}
_EMPTY: Mapping[str, Any] = {**dict.fromkeys(_SAID, ""), "notes": ()}
_LETTERS: tuple[tuple[Mapping[str, Any], Mapping[str, Any]], ...] = (
    ({"page": False, "linked": True, "nothing": False, "welcome": True, "reading": False}, _SAID),
    ({"page": False, "linked": False, "nothing": True, "welcome": False, "reading": False}, _SAID),
    ({"page": True, "linked": True, "nothing": False, "welcome": False, "reading": True}, _EMPTY),
)
_CONFIRMATION = Notice(
    subject="Please confirm",
    preview="One more step",
    title="One press",
    brand="Trial Alerts",
    paragraphs=("Somebody signed up.",),
    button=NoticeLink(text="Yes", url="https://alerts.example.org/c/1"),
    small=("7 days",),
)
_NOTICE = Notice(
    subject=_ODD,
    preview="As you asked.",
    title=_ODD,
    brand=_ODD,
    paragraphs=(_ODD, _ODD * 4),
    groups=(NoticeGroup(title=_ODD, lines=(("Open now", "2"),)),),
    more=(NoticeLink(before=_ODD, text="Erase it now", url="https://alerts.example.org/p/1"),),
    closing="We wish you well.",
    tail=(NoticeLink(text="Stop", url="https://alerts.example.org/u/1"),),
)
_ANNOUNCED = Notice(
    subject=_ODD,
    preview="It stands here.",
    title=_ODD,
    brand="Trial Alerts",
    paragraphs=(),
    passages=(
        Passage((Run(_ODD),), "heading"),
        Passage((Run(_ODD), Run("the map", "https://maps.example.org/1"), Run(_ODD * 3, strong=True))),
        Passage((Run(_ODD),), "point"),
    ),
    lang="de",
    button=NoticeLink(text="Read all of it", url="https://alerts.example.org/articles/1"),
    small=("You signed up.",),
    tail=(NoticeLink(text="Stop", url="https://alerts.example.org/u/1"),),
)
_STOP = "https://alerts.example.org/stop/s"
_GROUP: Mapping[str, Any] = {
    "heading": _ODD,
    "detail": "2 new",
    "anchor": "g1",
    "foreign": (),
}
_REST: Mapping[str, Any] = {
    "rest": "and 3 more",
    "rest_url": "https://alerts.example.org/digests/d#g1",
    "foreign": ("more",),
}
_CARDS: tuple[TrialCard | ArticleCard, ...] = (_TRIAL, *_BARE_TRIALS, _ARTICLE, _BARE_ARTICLE)
_TRIED: list[tuple[str, Mapping[str, Any], Mapping[str, Any], tuple[str, ...]]] = [
    *((f"card_{card.kind}", {"card": card, "page": False}, own, ()) for card in _CARDS for own in _PERSONAL),
    *(("brief", {"card": line, "page": False}, own, ()) for line in _LINES for own in _PERSONAL),
    *(("rest", layout, _REST, ()) for layout, _ in _LETTERS),
    *(
        ("group", {**layout, "stoppable": stoppable}, {**_GROUP, "stop_url": _STOP if stoppable else ""}, ())
        for layout, _ in _LETTERS
        for stoppable in (True, False)
    ),
    *(("digest", layout, {**own, **_LINKS}, ("preferences_url", "unsubscribe_url")) for layout, own in _LETTERS),
    ("announcement", {"page": False, "notice": _ANNOUNCED}, {"subject": _ODD, "preview": "It stands here."}, ()),
    ("notice", {"page": False, "notice": _NOTICE}, {"subject": _ODD, "preview": "As you asked."}, ()),
    (
        "confirmation",
        {"page": False, "within": "7 days", "confirm_url": "https://alerts.example.org/c/1", "notice": _CONFIRMATION},
        {"subject": "Please confirm", "preview": "One more step"},
        ("confirm_url",),
    ),
]

"""The table of filters: how each is named, read, written and told in words.

Form, command line, file, row and query go through it. A further filter is a column (``subscribers/tables.py``), a
field and a line here, and what matches (``matching/index.py``; what that asks of an item, ``matching/window.py``).
Little is imported: the command line reads the table for its help.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from trialalerts.catalog.articles.audience import AUDIENCES
from trialalerts.errors import InvalidInput
from trialalerts.subscribers.choices import checked_date, checked_yes, match, one_of

__all__ = [
    "CHANGE_KINDS",
    "FILTERS",
    "FILTERS_TOLD",
    "ITEM_KINDS",
    "PHASES",
    "FilterWords",
    "Filters",
    "Lookup",
    "PreferenceFilter",
]

PHASES = ("EARLY_PHASE1", "PHASE1", "PHASE2", "PHASE3", "PHASE4", "NA")
# The catalog's own words: to ask it for them would load all tables; a test holds the lists to it. What those only are
# told who follow a trial (contact_changed) is no choice.
ITEM_KINDS = ("trial", "article")
CHANGE_KINDS = (
    "registered", "opened", "paused", "closed", "reopened", "site_opened", "site_closed", "eligibility_changed",
    "results_posted", "withdrawn", "published", "retracted", "corrected",
)  # fmt: skip
_LONGEST_LIFE_YEARS = 121
"""By the numbers of the years: who is 120 may have been born 121 years before."""


@dataclass(frozen=True, kw_only=True)
class Filters:
    """What a preference asks of an item beside area and region; what is empty or None asks nothing.

    ``born_on`` is the (approximate) birthday of the person followed. ``phases``, ``item_kinds`` and ``change_kinds``
    hold what is wanted, ``topics`` topic ids of which an item needs one, ``excluded_areas`` area ids; ``audience`` is
    whom an article is to be written for.
    """

    born_on: date | None = None
    sex: str | None = None
    healthy_volunteer: bool = False
    phases: tuple[str, ...] = ()
    item_kinds: tuple[str, ...] = ()
    change_kinds: tuple[str, ...] = ()
    excluded_areas: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    audience: str | None = None


@dataclass(frozen=True, kw_only=True)
class Lookup:
    """What filters are read with: the ids behind the names of areas and topics, and the day on which ages count."""

    area: Callable[[str], str]
    topic: Callable[[str], str]
    today: date


@dataclass(frozen=True, kw_only=True)
class FilterWords:
    """What filters are told with: the texts of a language by their keys, and the names of areas and topics in it."""

    text: Callable[..., str]
    area: Callable[[str], str]
    topic: Callable[[str], str]


Reader = Callable[[Sequence[str], Lookup], Any]
"""What typed texts mean, as :class:`Filters` holds it; reading what was written changes nothing."""


@dataclass(frozen=True, kw_only=True)
class PreferenceFilter:
    """One filter: its names, how it is read, and how it is written.

    Args:
        name: its column and its field in :class:`Filters`, in JSON and in a :class:`PreferenceInput`.
        field: its field in a form.
        column: its column in a file.
        option: its option on the command line, with ``help`` and ``metavar``.
        read: reads texts; raises InvalidInput where they make no sense.
        loaded: reads a database's text of its column, unless that is a list.
        empty: what asks nothing.
        parted: what parts the words of a list, in a form and in a file; empty where there is one word at most.
        each: the key of the text of one word on a page, or what gives the words of a value.
        text: the key of the text in which the words stand as the value ``holds``; empty: one word stands for itself.
        short: how a list of the command line tells (a word of) it.
        error: the key of what a form says of what it cannot read.
        words: all that can be chosen, where these are few.
    """

    name: str
    field: str
    column: str
    option: str
    help: str
    metavar: str | None = None
    read: Reader
    loaded: Callable[[str], Any] = str
    empty: Any = None
    parted: str = ""
    each: str | Callable[[Any, FilterWords], Iterable[str]] = ""
    text: str = ""
    holds: str = ""
    short: str = "{}"
    error: str = "error.choice_wrong"
    words: Sequence[str] = ()

    def write(self, value: Any) -> tuple[str, ...]:
        """Return a value as texts."""
        if self.parted:
            return tuple(value)
        return ("yes",) if value is True else (str(value),) if value else ()

    def cell(self, value: Any) -> str:
        """Return a value as the cell of a file."""
        return self.parted.join(self.write(value))

    def typed(self, value: Any, area_name: Callable[[str], str]) -> str:
        """Return a value as somebody would type it into a form; the middle of a year stands for the year."""
        if isinstance(value, date) and _birthday(str(value.year)) == value:
            return str(value.year)
        return self.cell(self.shown(value, area_name))

    def shown(self, value: Any, area_name: Callable[[str], str]) -> Any:
        """Return a value as JSON shows it: areas by their names."""
        return [area_name(area) for area in value] if self.each is _area_names else value

    def told(self, value: Any, wording: FilterWords) -> str:
        """Return the words for a value that asks something; empty where there is nothing to say."""
        if isinstance(self.each, str):
            words = [wording.text(self.each.format(word)) for word in self.write(value) if self.each]
        else:
            words = list(self.each(value, wording))
        if not self.text:
            return words[0] if len(words) == 1 else ""
        joined = ("; " if self.each is _area_names else ", ").join(words)  # names of areas have commas in them
        return wording.text(self.text, **({self.holds: joined} if self.holds else {}))


def _area_names(value: Iterable[str], wording: FilterWords) -> Iterable[str]:
    return map(wording.area, value)


def _topic_names(value: Iterable[str], wording: FilterWords) -> Iterable[str]:
    return map(wording.topic, value)


def _year(value: date, wording: FilterWords) -> Iterable[str]:
    del wording
    return (str(value.year),)


def _word(known: tuple[str, ...], what: str) -> Reader:
    """Read one of the known words, each of which is a ``what``; or any."""

    def read(texts: Sequence[str], lookup: Lookup) -> str | None:
        del lookup
        text = " ".join(texts)
        return None if text.strip().lower() in {"", "all", "any"} else one_of(text, known, what)

    return read


def _words(known: tuple[str, ...], what: str, spelled: Callable[[str], str] = str) -> Reader:
    """Read some of the known words, in the order in which we list them; they may be ``spelled`` in other ways."""

    def read(texts: Sequence[str], lookup: Lookup) -> tuple[str, ...]:
        del lookup
        parts = _parts(texts, lambda text: match(spelled(text), known) is not None, any)
        chosen = {one_of(spelled(part), known, what) for part in parts}
        return tuple(word for word in known if word in chosen)

    return read


def _topics(texts: Sequence[str], lookup: Lookup) -> tuple[str, ...]:
    return tuple(sorted({lookup.topic(name) for name in _parts(texts, _finds(lookup.topic), any)}))


def _areas(texts: Sequence[str], lookup: Lookup) -> tuple[str, ...]:
    # All of them: names of areas have commas and blanks in them, and a slip in one must not take it apart.
    return tuple(sorted({lookup.area(name) for name in _parts(texts, _finds(lookup.area), all)}))


def _yes(texts: Sequence[str], lookup: Lookup) -> bool:
    del lookup
    return checked_yes(" ".join(texts))


def _born(texts: Sequence[str], lookup: Lookup) -> date | None:
    """Read a birthday (``1984-05-12``, ``1984-05``, ``1984``) or, with up to three digits, an age in years."""
    text = " ".join(texts).strip()
    if not text:
        return None
    try:
        born = _born_about(int(text), lookup.today) if re.fullmatch(r"[0-9]{1,3}", text) else _birthday(text)
    except OverflowError:
        raise InvalidInput(f"“{text}” is no age of somebody alive; write a year such as 1984.") from None
    if not 0 <= lookup.today.year - born.year <= _LONGEST_LIFE_YEARS:
        raise InvalidInput(f"“{born}” is no birthday of somebody alive; write a year such as 1984.")
    return born


def _birthday(text: str) -> date:
    """Return a birthday, exact (``1984-05-12``) or as near as it is told: the middle of ``1984-05`` or of ``1984``."""
    typed = text.strip()
    if found := re.fullmatch(r"(\d{4})(?:-(\d{2}))?", typed):
        typed = f"{found[1]}-{found[2]}-15" if found[2] else f"{found[1]}-07-01"
    return checked_date(typed)


def _born_about(age: int, today: date) -> date:
    """Return the likeliest birthday of somebody who is ``age`` years old: half a year has passed since the last."""
    return today - timedelta(days=round((age + 0.5) * 365.2425))


def _phase(text: str) -> str:
    typed = re.sub(r"[\s_-]+", "", text.lower()).removeprefix("phase")
    names = {"early1": "EARLY_PHASE1", "0": "EARLY_PHASE1", "earlyphase1": "EARLY_PHASE1", "n/a": "NA"}
    return names.get(typed, f"PHASE{typed}" if re.fullmatch("[1-4]", typed) else text)


def _finds(find: Callable[[str], str]) -> Callable[[str], bool]:
    def finds(text: str) -> bool:
        try:
            find(text)
        except InvalidInput:
            return False
        return True

    return finds


def _parts(
    texts: Iterable[str], is_known: Callable[[str], bool], enough: Callable[[Iterable[object]], bool]
) -> Iterator[str]:
    """Part lists at semicolons; at commas or blanks only where that gives (``enough``) words that are known."""
    for part in (part.strip(" ,") for text in texts for part in " ".join(text.split()).split(";")):
        pieces = [[piece.strip() for piece in part.split(by) if piece.strip()] for by in (",", None)]
        apart = next((each for each in pieces if len(each) > 1 and enough(map(is_known, each))), None)
        if apart is not None and not is_known(part):
            yield from _parts(apart, is_known, enough)
        elif part:
            yield part


# fmt: off
FILTERS = (
    PreferenceFilter(
        name="born_on", field="born", column="born_on", read=_born, loaded=date.fromisoformat,
        option="--born", metavar="DATE", help="Birthday: 1984-05-12, or roughly 1984-05 or 1984.",
        text="filters.words_born", holds="year", each=_year, short="born {}", error="error.born_wrong",
    ),
    PreferenceFilter(
        name="sex", field="sex", column="sex", read=_word(("female", "male"), "sex that trials ask for"),
        option="--sex", help="female or male.", words=("female", "male"),
        each="filters.sex_{}",
    ),
    PreferenceFilter(
        name="healthy_volunteer", field="healthy", column="healthy_volunteer", read=_yes, loaded=bool, empty=False,
        option="--healthy-volunteer", help="Only trials that take healthy volunteers.",
        text="filters.words_healthy", short="healthy volunteer",
    ),
    PreferenceFilter(
        name="phases", field="phases", column="phases", read=_words(PHASES, "phase", _phase), empty=(), parted=" ",
        option="--phase", help="Only trials of this phase (1 to 4); may be given again.",
        words=PHASES, text="filters.words_phases", holds="phases", each="filters.short_{}",
    ),
    PreferenceFilter(
        name="item_kinds", field="kinds", column="item_kinds", read=_words(ITEM_KINDS, "kind of item"),
        empty=(), parted=" ", option="--kind", help="Only trial or only article.",
        words=ITEM_KINDS, each="filters.kinds_{}",
    ),
    PreferenceFilter(
        name="change_kinds", field="changes", column="change_kinds", read=_words(CHANGE_KINDS, "kind of change"),
        empty=(), parted=" ", option="--change", help="Only this kind of change; may be given again.",
        words=CHANGE_KINDS, text="filters.words_changes", holds="news", each="filters.change_{}",
    ),
    PreferenceFilter(
        name="excluded_areas", field="excluded", column="excluded_areas", read=_areas, empty=(), parted="; ",
        option="--exclude", metavar="TEXT", help="A disease area to leave out.",
        text="filters.words_excluded", holds="areas", each=_area_names, short="not {}",
    ),
    PreferenceFilter(
        name="topics", field="topic", column="topic", read=_topics, empty=(), parted="; ",
        option="--topic", metavar="TEXT", help="Only what is on this topic; may be given again.",
        text="filters.words_topics", holds="topics", each=_topic_names, short="topic {}",
    ),
    PreferenceFilter(
        name="audience", field="audience", column="audience", read=_word(AUDIENCES, "audience"),
        option="--audience", help="Only articles for patients or for professionals; else: any.",
        words=AUDIENCES, each="filters.audience_{}", short="for {}",
    ),
)
# fmt: on
_ASKED_MOST = ("topics", "audience", "item_kinds")
FILTERS_TOLD = tuple(sorted(FILTERS, key=lambda each: (*_ASKED_MOST, each.name).index(each.name)))
"""The filters in the order in which a page tells them: those first that say what, then those that say whom."""

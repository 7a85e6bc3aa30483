"""The made-up world of the demo: trials, a feed and editors' articles, in a first and a second state.

The files in ``sample/`` date everything by days from a day of the demo's own: ``@-40`` is a day,
``@-40m`` a month, ``@-40:mail`` a moment as feeds write it, ``@-40:eu`` a day as EU CTIS does. So the samples never
look stale.
"""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import orjson

__all__ = ["SampleData", "read_sample_data"]

_SAMPLE = Path(__file__).parent / "sample"
_DATE = re.compile(r"@([+-]\d+)(m|:mail|:eu)?")
_SECOND = "<!-- second state -->"


@dataclass(frozen=True, kw_only=True)
class SampleData:
    """What there is to read: studies as API v2 gives them, an RSS feed, articles by file name.

    One of the studies stands in two more registries: ``isrctn`` is its record in ISRCTN's XML, ``ctis`` that of EU
    CTIS, with what the list says and what the record says in one.
    """

    studies: tuple[dict[str, Any], ...]
    feed: bytes
    articles: dict[str, str]
    isrctn: str
    ctis: dict[str, Any]


def read_sample_data(today: date, *, second: bool = False) -> SampleData:
    """Return the world as it is around ``today``; in its second state some of it has happened since."""
    studies: list[dict[str, Any]] = orjson.loads((_SAMPLE / "trials.json").read_bytes())
    feed = (_SAMPLE / "feed.xml").read_text(encoding="utf-8")
    articles = sorted((_SAMPLE / "articles").glob("*.md"))
    if second:
        studies = _changed(studies)
        articles += sorted((_SAMPLE / "articles" / "second").glob("*.md"))
    else:
        before, _, rest = feed.partition(_SECOND)
        feed = before + rest[rest.rindex("</item>") + len("</item>") :]
    return SampleData(
        studies=tuple(_dated(study, today) for study in studies),
        feed=_dated(feed, today).encode(),
        articles={path.name: _dated(path.read_text(encoding="utf-8"), today) for path in articles},
        isrctn=_dated((_SAMPLE / "isrctn.xml").read_text(encoding="utf-8"), today),
        ctis=_dated(orjson.loads((_SAMPLE / "ctis.json").read_bytes()), today),
    )


def _changed(studies: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the studies with ``changes.json`` applied: new ones, and values set by their path."""
    changes = orjson.loads((_SAMPLE / "changes.json").read_bytes())
    changed = copy.deepcopy(studies)
    by_number = {study["protocolSection"]["identificationModule"]["nctId"]: study for study in changed}
    for number, values in changes["set"].items():
        for path, value in values.items():
            _set(by_number[number], path.split("."), value)
    return [*changed, *changes["new"]]


def _set(node: Any, path: list[str], value: Any) -> None:
    *parents, last = path
    for step in parents:
        node = node[int(step)] if isinstance(node, list) else node[step]
    node[last] = value


def _dated(value: Any, today: date) -> Any:
    """Return a value of JSON, or a text, with its dates filled in."""
    if isinstance(value, str):
        return _DATE.sub(lambda found: _date(today + timedelta(days=int(found[1])), found[2]), value)
    if isinstance(value, list):
        return [_dated(entry, today) for entry in value]
    if isinstance(value, dict):
        return {key: _dated(entry, today) for key, entry in value.items()}
    return value


def _date(day: date, form: str | None) -> str:
    if form == "m":
        return f"{day:%Y-%m}"
    if form == ":mail":
        return format_datetime(datetime.combine(day, time(7, 30), UTC), usegmt=True)
    return f"{day:%d/%m/%Y}" if form == ":eu" else day.isoformat()

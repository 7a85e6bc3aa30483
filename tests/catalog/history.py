"""The way back in time: a stored snapshot and the differences that led to it give the version before.

The differences were taken by a program that ignored the order of lists. They name positions in the
list *before*, and do not say which members came or went; so a changed member is looked for in the list
*after* by its new values, nearest to the named position first. Values of fields that were added are in
the snapshot; values of fields that were removed are lost: such a field stays away.
"""

from __future__ import annotations

import ast
import copy
import gzip
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

__all__ = ["Step", "read_lines", "steps_of"]

_START = re.compile(r"^(?=Field `|New field added: `|Field removed: `)", re.MULTILINE)
_CHANGED = re.compile(r"Field `(?P<path>[^`]*)` changed from `(?P<old>.*)` to `(?P<new>.*)`", re.DOTALL)
_ADDED = re.compile(r"New field added: `root(?P<path>.*)`")
_KEY = re.compile(r"\[(\d+)\]|\['([^']*)'\]|([^.\[\]]+)")
_SITES = ("contactsLocationsModule", "locations")

_Path = tuple[str | int, ...]


@dataclass(frozen=True, kw_only=True)
class Step:
    """One recorded change of one study."""

    number: str
    at: str
    before: dict[str, Any]
    after: dict[str, Any]


def read_lines(path: Path) -> Iterator[Any]:
    """Read the JSON lines of a gzip file."""
    with gzip.open(path) as file:
        yield from map(orjson.loads, file)


def steps_of(number: str, events: list[dict[str, str]], snapshot: dict[str, Any]) -> list[Step]:
    """Return the changes of a study in their order, rebuilt backwards from its latest state."""
    found: list[Step] = []
    after = snapshot
    for event in reversed(events):
        before = _before(after, event["diff"])
        found.append(Step(number=number, at=event["timestamp"], before=before, after=after))
        after = before
    return found[::-1]


def _before(after: dict[str, Any], diff: str) -> dict[str, Any]:
    study = copy.deepcopy(after)
    protocol = study["protocolSection"]
    members: dict[int, dict[_Path, tuple[str, str] | None]] = defaultdict(dict)
    for part in filter(str.strip, _START.split(diff)):
        path, values = _parsed(part.rstrip("\n"))
        if path[:2] == _SITES and len(path) > 2 and isinstance(path[2], int):
            members[path[2]][path[3:]] = values
        elif path:
            _restore(protocol, path, values)
    if members:
        _restore_sites(protocol[_SITES[0]][_SITES[1]], members)
    return study


def _parsed(part: str) -> tuple[_Path, tuple[str, str] | None]:
    if changed := _CHANGED.fullmatch(part):
        return _keys(changed["path"]), (changed["old"], changed["new"])
    if added := _ADDED.fullmatch(part):
        return _keys(added["path"]), None
    return (), None


def _keys(path: str) -> _Path:
    return tuple(int(index) if index else quoted or plain for index, quoted, plain in _KEY.findall(path))


def _restore(node: Any, path: _Path, values: tuple[str, str] | None) -> None:
    *parents, last = path
    for key in parents:
        node = node[key]
    if values is None:
        node.pop(last)
    else:
        node[last] = _typed(values[0], node[last])


def _typed(text: str, like: object) -> Any:
    if isinstance(like, dict | list):
        return ast.literal_eval(text)
    return type(like)(text) if isinstance(like, int | float) else text


def _restore_sites(sites: list[Any], members: dict[int, dict[_Path, tuple[str, str] | None]]) -> None:
    free = set(range(len(sites)))
    for index, fields in sorted(members.items()):
        place = min((at for at in free if _fits(sites[at], fields)), key=lambda at: (at < index, abs(at - index)))
        free.discard(place)
        for path, values in fields.items():
            if not path and values:
                sites[place] = ast.literal_eval(values[0])
            else:
                _restore(sites[place], path, values)


def _fits(site: dict[str, Any], fields: dict[_Path, tuple[str, str] | None]) -> bool:
    for path, values in fields.items():
        node: Any = site
        for key in path:
            if key not in (node if isinstance(node, dict) else range(len(node))):
                return False
            node = node[key]
        if values is not None and str(node) != values[1]:
            return False
    return True

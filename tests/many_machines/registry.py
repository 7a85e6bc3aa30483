"""A registry that is polled by many: it keeps changing, and notes which machine asked when."""

from __future__ import annotations

import copy
import re
import threading
import time
from collections import defaultdict
from dataclasses import dataclass
from random import Random
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.sources.registry_server import Fault, Handler, RegistryServer, Request
from tests.sources.samples import study

__all__ = ["Asked", "BusyRegistry", "Sweep"]

AREAS = {"D009103": "Multiple Sclerosis", "D001249": "Asthma", "D008545": "Melanoma"}
_TURNS = {"RECRUITING": "ACTIVE_NOT_RECRUITING", "ACTIVE_NOT_RECRUITING": "RECRUITING"}
_SECONDS_A_PAGE = 0.03


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request: by whom (machine, life and port), and from when to when it was under way."""

    by: str
    port: int
    began: float
    ended: float


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """What one machine asked on one connection, which it opens for one poll."""

    by: str
    requests: tuple[Asked, ...]

    @property
    def began(self) -> float:
        """When the first request came."""
        return self.requests[0].began

    @property
    def ended(self) -> float:
        """When the last answer went."""
        return self.requests[-1].ended


class BusyRegistry(RegistryServer):
    """A registry of so many studies, served in pages that take ``seconds_a_page`` each; ``asked`` is by whom."""

    def __init__(self, studies: int) -> None:
        super().__init__([_study(number) for number in range(2, studies + 2)])
        self.asked: list[Asked] = []
        self.seconds_a_page = _SECONDS_A_PAGE
        self._noting = threading.Lock()
        self._kept = [self.state.studies]  # the server knows a study by its place in memory: none may go
        self.faults.append(Fault(act=self._answer, times=10**9))

    def turn(self, dice: Random, how_many: int) -> None:
        """Let some studies begin or end to recruit."""
        turned = set(dice.sample(range(len(self.state.studies)), how_many))
        self.state.studies = [
            _turned(one) if number in turned else one for number, one in enumerate(self.state.studies)
        ]
        self._kept.append(self.state.studies)

    def statuses(self) -> dict[str, str]:
        """Return the status of each study."""
        found = {}
        for one in self.state.studies:
            protocol = one["protocolSection"]
            found[protocol["identificationModule"]["nctId"]] = protocol["statusModule"]["overallStatus"]
        return found

    def sweeps(self) -> list[Sweep]:
        """Return what was asked, by machine and connection, in the order of the first requests."""
        found: defaultdict[tuple[str, int], list[Asked]] = defaultdict(list)
        for asked in sorted(self.asked, key=lambda each: each.began):
            found[asked.by, asked.port].append(asked)
        return sorted((Sweep(by=by, requests=tuple(some)) for (by, _), some in found.items()), key=lambda s: s.began)

    def _answer(self, handler: Handler) -> None:
        began = time.monotonic()
        parts = urlsplit(handler.path)
        threading.Event().wait(self.seconds_a_page)
        handler.answer_studies(self, Request(path=parts.path, params=dict(parse_qsl(parts.query)), headers={}))
        # The machine gives its name as its contact, which stands in the User-Agent.
        machine = re.search(r"([\w.]+)@example\.org", handler.headers["User-Agent"])
        asked = Asked(
            by=machine[1] if machine else "?", port=handler.client_address[1], began=began, ended=time.monotonic()
        )
        with self._noting:
            self.asked.append(asked)


def _study(number: int) -> dict[str, Any]:
    area_id = list(AREAS)[number % len(AREAS)]
    made = study(number, statusModule__lastUpdatePostDateStruct={"date": "2099-01-01", "type": "ACTUAL"})
    protocol = made["protocolSection"]
    del protocol["identificationModule"]["secondaryIdInfos"]  # they would make all of them one trial
    protocol["identificationModule"]["briefTitle"] = f"A Made-up Study {number}"
    protocol["conditionsModule"] = {"conditions": [AREAS[area_id]]}
    made["derivedSection"]["conditionBrowseModule"] = {"meshes": [{"id": area_id, "term": AREAS[area_id]}]}
    if number % 2:  # every other one is in Boston only
        protocol["contactsLocationsModule"]["locations"].pop()
    return made


def _turned(one: dict[str, Any]) -> dict[str, Any]:
    turned = copy.deepcopy(one)
    status = turned["protocolSection"]["statusModule"]
    status["overallStatus"] = _TURNS[status["overallStatus"]]
    return turned

"""Kept answers: what is public and the same for many is made once a minute, however many ask for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import datetime, timedelta

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from trialalerts.clock import Clock
from trialalerts.digests.rendering.lru_cache import LruCache
from trialalerts.web.wire.compression import Packed
from trialalerts.web.wire.freshness import Version

__all__ = ["KeptAnswers", "PublicAnswer"]

_KEPT_FOR = timedelta(minutes=1)
"""A tenth of what caches elsewhere are told: so long an answer may be behind what is stored."""
_MOST_BYTES = 16_000_000
_OVERHEAD = 2_000


@dataclass(frozen=True, kw_only=True, slots=True)
class PublicAnswer:
    """A whole answer, and when what it tells changed last (aware); None: nobody knows."""

    response: Response
    updated: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Kept:
    """An answer in both forms, its version, and when it was made."""

    packed: Packed
    version: Version
    made_at: datetime


class KeptAnswers:
    """Keeps answers that are the same for all who ask for the same; of several who wait for one, one makes it."""

    def __init__(self, clock: Clock, *, most_bytes: int = _MOST_BYTES) -> None:
        self._clock = clock
        self._kept: LruCache[Hashable, _Kept] = LruCache(most_bytes)
        self._in_the_making: dict[Hashable, asyncio.Event] = {}

    async def answer(self, request: Request, key: Hashable, make: Callable[[Request], PublicAnswer]) -> Response:
        """Return what is kept under a key, or make it; or that it is as it was when whoever asks had it last.

        Args:
            request: what was asked.
            key: all that the answer follows from.
            make: makes it, on a thread; what it raises is not kept.
        """
        while (kept := self._fresh(key)) is None:
            if (made := self._in_the_making.get(key)) is not None:
                await made.wait()
                continue
            made = self._in_the_making[key] = asyncio.Event()
            try:
                await run_in_threadpool(self._make, key, request, make)
            finally:
                del self._in_the_making[key]
                made.set()
        return kept.version.unchanged() if kept.version.is_known_to(request) else kept.packed.answer(request)

    def _fresh(self, key: Hashable) -> _Kept | None:
        kept = self._kept.get(key)
        is_fresh = kept is not None and kept.made_at <= self._clock.now() < kept.made_at + _KEPT_FOR
        return kept if is_fresh else None

    def _make(self, key: Hashable, request: Request, make: Callable[[Request], PublicAnswer]) -> None:
        made_at, answer = self._clock.now(), make(request)
        body = bytes(answer.response.body)
        version = Version(body, updated=answer.updated)
        headers = {name: value for name, value in answer.response.headers.items() if name != "content-length"}
        kept = _Kept(packed=Packed(body, {**headers, **version.headers}), version=version, made_at=made_at)
        self._kept.put(key, kept, 2 * len(body) + _OVERHEAD)

"""Group commit: what is asked for at the same time is written in one transaction.

A commit waits for the disk, whatever is in it. So what comes while one transaction is being written waits for the next
one, which takes it all. An answer leaves only once its transaction is committed: who has it can rely on it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from sqlmodel import Session
from starlette.concurrency import run_in_threadpool

from trialalerts.database import Database
from trialalerts.errors import DatabaseUnavailable

__all__ = ["GroupCommit"]

_MOST = 200
"""So many are written together at most; more would hold their locks for long."""
_Asked = TypeVar("_Asked")
_Result = TypeVar("_Result")


class GroupCommit(Generic[_Asked, _Result]):
    """Writes what requests ask for by ``write``, which returns a result for each, in their order.

    Where it fails for many, each is written alone, so that one bad thing harms only itself.
    """

    def __init__(self, db: Database, write: Callable[[Session, Sequence[_Asked]], Sequence[_Result]]) -> None:
        self._db = db
        self._write = write
        self._waiting: list[tuple[_Asked, asyncio.Future[_Result]]] = []
        self._task: asyncio.Task[None] | None = None

    async def submit(self, asked: _Asked) -> _Result:
        """Return the result once it is committed.

        Raises:
            Exception: what writing it raised; then nothing of it is stored.
        """
        result: asyncio.Future[_Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, result))
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        return await result

    async def _run(self) -> None:
        try:
            while self._waiting:
                group, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
                results = await run_in_threadpool(self._committed, [asked for asked, _ in group])
                for (_, waiting), result in zip(group, results, strict=True):
                    _settle(waiting, result)
        finally:
            self._task = None

    def _committed(self, group: Sequence[_Asked]) -> Sequence[_Result | Exception]:
        try:
            return self._transaction(group)
        except Exception as error:  # noqa: BLE001 - it is raised again where it was asked for
            return [error] if len(group) == 1 else self._one_by_one(group)

    def _one_by_one(self, group: Sequence[_Asked]) -> Sequence[_Result | Exception]:
        results: list[_Result | Exception] = []
        for asked in group:
            (result,) = self._committed([asked])
            results.append(result)
            if isinstance(result, DatabaseUnavailable):  # nobody else would fare better, and each would wait as long
                return results + [result] * (len(group) - len(results))
        return results

    def _transaction(self, group: Sequence[_Asked]) -> Sequence[_Result]:
        with self._db.write() as session:
            return self._write(session, group)


def _settle(waiting: asyncio.Future[_Result], result: _Result | Exception) -> None:
    if waiting.done():  # whoever asked has gone
        return
    if isinstance(result, Exception):
        waiting.set_exception(result)
    else:
        waiting.set_result(result)

"""A mail server on loopback that counts the copies of each mail, and can be cut off or fall silent.

It speaks just enough SMTP, with pipelining, so that many messages are under way when a sender dies.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter, defaultdict
from collections.abc import Coroutine
from email.parser import BytesHeaderParser
from typing import Any, Self, TypeVar

__all__ = ["PostOffice"]

_Result = TypeVar("_Result")
_GREETING = b"250-post.example.org\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 10000000\r\n"
_LARGEST = 10_000_000
_SECONDS_A_MESSAGE = 0.02
"""So that a sender has messages under way whenever something happens to it."""


class PostOffice:
    """The server; a context manager. It keeps its port when it is cut off and opened again.

    Attributes:
        port: where it listens.
        copies: how often each message was accepted, by Message-ID.
        recipients: the addresses for which it was accepted, by Message-ID.
    """

    def __init__(self) -> None:
        self.port = 0
        self.copies: Counter[str] = Counter()
        self.recipients: defaultdict[str, set[str]] = defaultdict(set)
        self._accepted = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._speaking = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._conversations: dict[asyncio.Task[Any], asyncio.StreamWriter] = {}

    def __enter__(self) -> Self:
        self._thread.start()
        self.speak()
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.cut_off()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def open(self) -> None:
        """Listen."""
        self._server = self._done(asyncio.start_server(self._converse, "127.0.0.1", self.port, limit=_LARGEST))
        self.port = self._server.sockets[0].getsockname()[1]

    def cut_off(self) -> None:
        """Stop listening and break off every conversation, wherever it stands."""
        self._done(self._cut_off())

    def fall_silent(self) -> None:
        """Accept messages from now on, but never say so."""
        self._loop.call_soon_threadsafe(self._speaking.clear)

    def speak(self) -> None:
        """Answer (again)."""
        self._loop.call_soon_threadsafe(self._speaking.set)

    def wait_for(self, more: int, *, seconds: float) -> bool:
        """Wait until so many more messages were accepted; return whether they came in time."""
        with self._accepted:
            wanted = self.copies.total() + more
            return self._accepted.wait_for(lambda: self.copies.total() >= wanted, timeout=seconds)

    def _done(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=60)

    async def _cut_off(self) -> None:
        if self._server is not None:
            self._server.close()
        conversations = dict(self._conversations)
        for task, writer in conversations.items():
            writer.transport.abort()
            task.cancel()
        await asyncio.gather(*conversations, return_exceptions=True)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._conversations[task] = writer
        try:
            await self._answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # whoever spoke is dead or was cut off
        finally:
            del self._conversations[task]
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 post.example.org\r\n")
        recipient = ""
        while line := (await reader.readuntil(b"\r\n")).decode():
            verb = line[:4].upper()
            if verb == "RCPT":
                recipient = line.partition("<")[2].partition(">")[0]
            if verb == "DATA":
                writer.write(b"354 go on\r\n")
                await writer.drain()
                self._keep(recipient, await reader.readuntil(b"\r\n.\r\n"))
                await asyncio.sleep(_SECONDS_A_MESSAGE)
                await self._speaking.wait()
            writer.write({"EHLO": _GREETING, "QUIT": b"221 bye\r\n"}.get(verb, b"250 OK\r\n"))
            await writer.drain()
            if verb == "QUIT":
                return

    def _keep(self, recipient: str, content: bytes) -> None:
        message_id = str(BytesHeaderParser().parsebytes(content)["Message-ID"])
        with self._accepted:
            self.copies[message_id] += 1
            self.recipients[message_id].add(recipient)
            self._accepted.notify_all()

"""A TCP proxy in a process of its own that delays each direction and limits nothing: ``PORT MILLISECONDS``.

Prints its own port, then serves until its input ends.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque

_AT_ONCE = 1 << 20


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float) -> None:
    """Write what is read, each piece ``delay`` seconds later, in order."""
    loop = asyncio.get_running_loop()
    waiting: deque[bytes] = deque()

    def pass_on() -> None:
        piece = waiting.popleft()
        if piece:
            writer.write(piece)
        else:
            writer.close()

    while True:
        try:
            piece = await reader.read(_AT_ONCE)
        except ConnectionError:
            piece = b""
        waiting.append(piece)
        loop.call_later(delay, pass_on)
        if not piece:
            return


async def _serve(port: int, delay: float) -> None:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port, limit=_AT_ONCE)
        await asyncio.gather(_carry(reader, far_writer, delay), _carry(far_reader, writer, delay))

    server = await asyncio.start_server(connected, "127.0.0.1", 0, limit=_AT_ONCE)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), float(sys.argv[2]) / 1_000))

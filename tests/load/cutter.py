"""A bare bound: a uvloop protocol that only cuts binary frames by their length and counts them."""

import asyncio
import sys

import uvloop


class _Cutter(asyncio.Protocol):
    counted = 0

    def __init__(self) -> None:
        self._rest = b""

    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        at, end = 0, len(data)
        while end - at >= 4:
            size = data[at + 2] << 8 | data[at + 3]
            if end - at < size:
                break
            frame = data[at : at + size]
            at += size
            _Cutter.counted += bool(frame)
        self._rest = data[at:]


async def _run(frames: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Cutter, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    while _Cutter.counted < frames:
        await asyncio.sleep(0.005)
    print("done", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    uvloop.run(_run(int(sys.argv[1])))

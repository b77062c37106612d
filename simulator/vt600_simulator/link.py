"""The tracker's network: a TCP stream or UDP datagrams, read through the same codec in the device role."""

import asyncio
from collections.abc import Callable
from typing import cast

from vt600_protocol import Connection, Message, ProtocolError, decode_datagram

Receive = Callable[[Message], None]


class TcpLink(asyncio.Protocol):
    """A stream to the gateway. `closed` is set when it ended, whoever ended it."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._connection = Connection("device")
        self._transport: asyncio.Transport | None = None
        self._may_write = asyncio.Event()
        self._may_write.set()
        self.closed = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio's callback."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """asyncio's callback."""
        self._connection.receive_data(data)
        while True:
            try:
                message = self._connection.next_message()
            except ProtocolError:
                continue
            if message is None:
                return
            self._receive(message)

    def pause_writing(self) -> None:
        """asyncio's callback: the gateway does not read."""
        self._may_write.clear()

    def resume_writing(self) -> None:
        """asyncio's callback."""
        self._may_write.set()

    def connection_lost(self, _error: Exception | None) -> None:
        """asyncio's callback."""
        self.closed.set()
        self._may_write.set()

    async def send(self, data: bytes) -> None:
        """Write, and wait while the gateway does not read."""
        await self._may_write.wait()
        self.write(data)

    def write(self, data: bytes) -> None:
        """Write without waiting, unless the link is gone."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def close(self) -> None:
        """End the link after what was written."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Lose the link as a dead zone would."""
        if self._transport is not None:
            self._transport.abort()


class UdpLink(asyncio.DatagramProtocol):
    """Datagrams to the gateway; it never learns of a loss."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._transport: asyncio.DatagramTransport | None = None
        self.closed = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio's callback."""
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, _address: tuple[str, int]) -> None:
        """asyncio's callback."""
        for message in decode_datagram(data, "device").messages:
            self._receive(message)

    def error_received(self, _error: Exception) -> None:
        """asyncio's callback: nobody listens at the moment."""

    def connection_lost(self, _error: Exception | None) -> None:
        """asyncio's callback."""
        self.closed.set()

    async def send(self, data: bytes) -> None:
        """Send one datagram."""
        self.write(data)

    def write(self, data: bytes) -> None:
        """Send one datagram."""
        if self._transport is not None:
            self._transport.sendto(data)

    def close(self) -> None:
        """Stop listening for answers."""
        if self._transport is not None:
            self._transport.close()

    abort = close


Link = TcpLink | UdpLink


async def open_link(transport: str, host: str, port: int, receive: Receive) -> Link:
    """A link to the gateway; OSError when there is none to be had."""
    loop = asyncio.get_running_loop()
    if transport == "tcp":
        return (await loop.create_connection(lambda: TcpLink(receive), host, port))[1]
    return (await loop.create_datagram_endpoint(lambda: UdpLink(receive), remote_addr=(host, port)))[1]

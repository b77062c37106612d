"""The tracker's network: a TCP stream or UDP datagrams, read through the same codec in the device role."""

import asyncio
import socket
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

from vt600_protocol import Connection, Message, ProtocolError, decode_datagram
from vt600_simulator.behaviour import Nat
from vt600_simulator.tracker import Tracker

_RESET = struct.pack("ii", 1, 0)  # lingering for no time: what a close sends is a reset

Receive = Callable[[Message], None]


class TcpLink(asyncio.Protocol):
    """A stream to the gateway. `closed` is set when it ended, whoever ended it."""

    def __init__(self, receive: Receive, nat: Nat) -> None:
        self._receive = receive
        self._nat = nat
        self._connection = Connection("device")
        self._transport: asyncio.Transport | None = None
        self._may_write = asyncio.Event()
        self._may_write.set()
        self.closed = asyncio.Event()
        self.name = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio's callback."""
        self._transport = cast("asyncio.Transport", transport)
        self.name = f"tcp:{transport.get_extra_info('sockname')[1]}"

    def data_received(self, data: bytes) -> None:
        """asyncio's callback."""
        if self._nat.has_forgotten():
            return
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

    async def send(self, data: bytes) -> bool:
        """Wait while the gateway does not read, then write; whether the link was there for it."""
        await self._may_write.wait()
        return self.write(data)

    def write(self, data: bytes) -> bool:
        """Write without waiting; whether the link was there for it."""
        if self._transport is None or self._transport.is_closing():
            return False
        if self._nat.has_forgotten() and self._nat.resets:
            self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self._transport.abort()
            return False
        self._nat.sends()
        self._transport.write(data)
        return True

    def close(self) -> None:
        """End the link after what was written."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Lose the link as a dead zone would."""
        if self._transport is not None:
            self._transport.abort()


class UdpLink:
    """Datagrams to the gateway; it never learns of a loss. The way back is forgotten together with the port."""

    def __init__(self, receive: Receive, nat: Nat, family: int, address: tuple[Any, ...]) -> None:
        self._receive = receive
        self._nat = nat
        self._family, self._address = family, address
        self.closed = asyncio.Event()
        self._open()

    def _open(self) -> None:
        self._socket = socket.socket(self._family, socket.SOCK_DGRAM)
        self._socket.settimeout(0)
        self._socket.connect(self._address)
        self.name = f"udp:{self._socket.getsockname()[1]}"
        asyncio.get_running_loop().add_reader(self._socket, self._read)

    def _read(self) -> None:
        with suppress(OSError):  # nothing more to read, or nobody listens at the moment
            while True:
                data = self._socket.recv(65_536)
                if not self._nat.has_forgotten():
                    for message in decode_datagram(data, "device").messages:
                        self._receive(message)

    async def send(self, data: bytes) -> bool:
        """Send one datagram; whether there was a socket for it."""
        return self.write(data)

    def write(self, data: bytes) -> bool:
        """Send one datagram; whether there was a socket for it."""
        if self.closed.is_set():
            return False
        if self._nat.has_forgotten():
            self._shut()
            self._open()
        self._nat.sends()
        with suppress(OSError):  # nobody listens at the moment
            self._socket.send(data)
        return True

    def close(self) -> None:
        """Stop listening for answers."""
        if not self.closed.is_set():
            self._shut()
            self.closed.set()

    def _shut(self) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()

    abort = close


Link = TcpLink | UdpLink


async def open_link(tracker: Tracker, host: str, port: int, receive: Receive) -> Link:
    """A link to the gateway; OSError when there is none to be had."""
    loop = asyncio.get_running_loop()
    nat = Nat(tracker.behaviour, time.monotonic)
    if tracker.transport == "tcp":
        return (await loop.create_connection(lambda: TcpLink(receive, nat), host, port))[1]
    family, _type, _protocol, _name, address = (await loop.getaddrinfo(host, port, type=socket.SOCK_DGRAM))[0]
    return UdpLink(receive, nat, family, address)

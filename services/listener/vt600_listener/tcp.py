"""One TCP connection: when it is read, what is written to it, and how it ends.

Reading stops while its stream cannot take more; the unit's own TCP stack and flash memory hold the rest. There is no timer and no
task per link: SessionRegistry.sweep asks each one whether it is overdue.
"""

import asyncio
from typing import cast

import structlog

from vt600_bus.records import Transport
from vt600_listener.context import LinkContext
from vt600_listener.peers import Address, host_of, peer_text
from vt600_listener.session import ids_of
from vt600_listener.stream import FrameStream, Obstacle

_log = structlog.get_logger()

# Ends of a link that say something about the peer, worth a line each; the others are counted only.
_BAD_CAUSES = frozenset({"rubbish", "half_frame", "no_frame", "not_reading", "bus_full", "bus_failed"})

# Why a link is not read, as bits: there may be several reasons at once.
_WINDOW, _BUS, _FINISH = 1, 2, 4


class TcpLink(asyncio.BufferedProtocol):
    """A unit's connection. Its cause is why we ended it; until then it lives."""

    __slots__ = (
        "_address",
        "_cause",
        "_context",
        "_eof_sent",
        "_finishing",
        "_paused",
        "_paused_since",
        "_reading",
        "_source",
        "_stream",
        "_transport",
        "peer",
    )

    def __init__(self, context: LinkContext, source: Address | None = None) -> None:
        """`source` is where it comes from when the other end of the transport is a balancer."""
        self._context = context
        self._source = source
        self._transport: asyncio.Transport | None = None
        self._stream: FrameStream | None = None
        self._address = ""
        self._cause: str | None = None
        self._finishing: str | None = None
        self._eof_sent = False
        self._paused = 0
        self._paused_since: tuple[float, str] | None = None
        self._reading = True
        self.peer = ""

    @property
    def transport_name(self) -> Transport:
        """How it reached us."""
        return "tcp"

    @property
    def closed(self) -> bool:
        """Whether it has ended for us."""
        return self._cause is not None

    @property
    def leaving(self) -> bool:
        """Whether it has ended or been told to."""
        return self._cause is not None or self._finishing is not None

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Lets the peer in, or closes at once."""
        self._transport = cast("asyncio.Transport", transport)
        context = self._context
        address = self._source or transport.get_extra_info("peername")
        reason = "gone" if address is None else context.admission.enter(host_of(address))
        if reason is not None:
            context.metrics.links_refused.labels(reason).inc()
            self._transport.abort()
            return
        self._address = host_of(address)
        self.peer = peer_text(address)
        self._stream = FrameStream(context, self)
        context.registry.links.add(self)
        context.metrics.links_opened.inc()

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002  the event loop's name
        """Where the next read goes."""
        return self._context.read_buffer

    def buffer_updated(self, nbytes: int) -> None:
        """The socket had so many bytes."""
        self.receive(bytes(self._context.read_buffer[:nbytes]))

    def receive(self, data: bytes) -> None:
        """Takes what came from the network."""
        stream = self._stream
        if stream is None:
            return
        self._wait_for(stream.receive(data))
        if stream.session is not None:
            self._context.registry.heard(stream.session)

    def pause_writing(self) -> None:
        """The peer has left a full write buffer of answers unread."""
        self.close("not_reading")

    def connection_lost(self, exc: Exception | None) -> None:
        """The link is gone; what it had sent whole is still taken."""
        stream = self._stream
        if stream is None:
            return
        if self._cause is None:
            self._cause = self._finishing or ("reset" if exc is not None else "closed_by_peer")
        self._count_pause()
        stream.take_rest()
        context = self._context
        context.registry.links.discard(self)
        context.admission.leave(self._address)
        if stream.session is not None:
            context.registry.close(stream.session, self._cause)
        context.metrics.links_closed.labels(self._cause).inc()
        context.metrics.heartbeats.inc(stream.heartbeats)
        if self._cause in _BAD_CAUSES:
            ids = ids_of(stream.session)
            _log.warning("link.closed", **ids, peer=self.peer, cause=self._cause, rejects=stream.rejects)
        self._transport = None
        self._stream = None

    # What the rest of the listener calls.

    def is_writable(self) -> bool:
        """Whether bytes written now leave at once: the peer reads, and the link is not on its way out."""
        transport = self._transport
        return (
            transport is not None
            and not self.leaving
            and not transport.is_closing()
            and transport.get_write_buffer_size() == 0
        )

    def write(self, data: bytes) -> None:
        """Sends bytes, unless the link has ended for that direction."""
        transport = self._transport
        if transport is not None and self._cause is None and not self._eof_sent and not transport.is_closing():
            transport.write(data)

    def durable(self, frames: int, confirmations: list[bytes]) -> None:
        """The broker holds so many frames: they are confirmed, and the window opens."""
        stream = self._stream
        if stream is None:
            return
        stream.in_flight -= frames
        if confirmations and not self.closed and not self._eof_sent:
            self.write(b"".join(confirmations))
            self._context.metrics.confirmations.inc(len(confirmations))
        if self._finishing is not None and not self._eof_sent:
            if stream.in_flight == 0:
                self._send_eof()
        elif self._paused & _WINDOW and stream.in_flight <= self._context.settings.window_frames // 2:
            self._go_on(_WINDOW)

    def lost(self, frames: int) -> None:  # noqa: ARG002  how many does not matter: the unit has to come back
        """Frames never reached the broker: nothing is confirmed."""
        self.close("bus_failed")

    def unpark(self) -> None:
        """The bus has room again."""
        self._go_on(_BUS)

    def overdue(self, now: float) -> str | None:
        """Why the link should be closed by now. One that we do not read cannot be late."""
        if self._paused or self._stream is None or self.closed:
            return None
        return self._stream.overdue(now)

    def close(self, cause: str) -> None:
        """Ends the link now. Answers that the peer has not read are dropped."""
        if self._transport is None or self._cause is not None:
            return
        self._cause = cause
        self._close_session(cause)
        self._transport.abort()

    def finish(self, cause: str) -> None:
        """Ends the link without losing what is on its way: confirmations, then FIN, then whatever the unit still sends."""
        if self._transport is None or self._stream is None or self.leaving:
            return
        self._finishing = cause
        self._close_session(cause)
        if self._stream.in_flight == 0:
            self._send_eof()
        else:
            self._pause(_FINISH, "finish")

    def _close_session(self, cause: str) -> None:
        if self._stream is not None and self._stream.session is not None:
            self._context.registry.close(self._stream.session, cause)

    def _send_eof(self) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        self._eof_sent = True
        transport.write_eof()
        if self._paused:
            self._go_on(_FINISH | _WINDOW)

    # How reading is paused.

    def _wait_for(self, obstacle: Obstacle | None) -> None:
        if obstacle == "window":
            self._pause(_WINDOW, obstacle)
        elif obstacle == "bus":
            self._pause(_BUS, obstacle)
            self._context.flow.park(self)

    def _pause(self, why: int, reason: str) -> None:
        self._paused |= why
        if self._reading and self._transport is not None:
            self._reading = False
            self._paused_since = self._context.clock.monotonic(), reason
            self._transport.pause_reading()
        self._context.metrics.pauses.labels(reason).inc()

    def _go_on(self, why: int) -> None:
        """Takes what is in the buffer first; only a link that is not paused again by that is read again."""
        self._paused &= ~why
        if self._paused or self._transport is None or self._stream is None or self.closed:
            return
        self._wait_for(self._stream.take())
        if not self._paused and not self._transport.is_closing():
            self._reading = True
            self._count_pause()
            self._transport.resume_reading()

    def _count_pause(self) -> None:
        if self._paused_since is not None:
            since, reason = self._paused_since
            self._paused_since = None
            self._context.metrics.paused_seconds.labels(reason).inc(self._context.clock.monotonic() - since)
